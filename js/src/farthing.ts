// The script tag on a page of one's own: defines the elements, with the card's styles.

import themes from "../../www/themes.css";
import css from "../../www/widget.css";
import { define } from "./define.js";
import { FarthingPaywall } from "./element.js";

export { FarthingButton, FarthingPaywall, FarthingReceipt, type Provider, type Result } from "./element.js";
export type { FarthingBeforePayEvent, FarthingStateEvent } from "./define.js";
export type { Notice, Stage } from "./state.js";

FarthingPaywall.css = themes + css;
define();
