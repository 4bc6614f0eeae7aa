// The script of a page that brought its card along, styles and all. It stands in our own 402 page, and is a file for other pages.

import { define } from "./define.js";

define();
