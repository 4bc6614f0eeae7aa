// The script-tag file: defines <farthing-paywall>.

import { FarthingPaywall } from "./paywall.js";
import type { Stage } from "./wire.js";

export { FarthingPaywall };
export type { Stage } from "./wire.js";

/** `farthing:state`: bubbles, and leaves shadow trees. */
export type FarthingStateEvent = CustomEvent<{ state: Stage }>;

declare global {
  interface HTMLElementTagNameMap {
    "farthing-paywall": FarthingPaywall;
  }
  interface HTMLElementEventMap {
    "farthing:state": FarthingStateEvent;
  }
}

if (!customElements.get("farthing-paywall")) customElements.define("farthing-paywall", FarthingPaywall);
