// The script of a page that brought its card along, styles and all.

import { define } from "./define.js";

define();
