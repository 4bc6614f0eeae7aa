// Defines the elements, once on a page.

import { FarthingButton, FarthingPaywall, FarthingReceipt } from "./element.js";
import type { Stage } from "./state.js";

/** `farthing:state`: bubbles, and leaves shadow trees. */
export type FarthingStateEvent = CustomEvent<{ state: Stage }>;
/**
 * `farthing:beforepay`: what the button is about to pay; `preventDefault()` keeps the wallet closed. `price` is a decimal number of dollars;
 * what is not known yet, because the offer was not read, is empty.
 */
export type FarthingBeforePayEvent = CustomEvent<{ price: string; symbol: string; network: string; payTo: string; offer: string }>;

declare global {
  interface HTMLElementTagNameMap {
    "farthing-paywall": FarthingPaywall;
    "farthing-button": FarthingButton;
    "farthing-receipt": FarthingReceipt;
  }
  interface GlobalEventHandlersEventMap {
    "farthing:state": FarthingStateEvent;
    "farthing:beforepay": FarthingBeforePayEvent;
  }
}

/** @internal */
export const define = (): void => {
  const elements = { "farthing-paywall": FarthingPaywall, "farthing-button": FarthingButton, "farthing-receipt": FarthingReceipt };
  for (const [name, element] of Object.entries(elements)) if (!customElements.get(name)) customElements.define(name, element);
};
