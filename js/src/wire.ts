// What crosses the border to the core, as client/view.rs and bindings/widget.rs spell it.

import type { Notice, Stage } from "./state.js";

export type { Notice, Stage };

/** What the primary button does; `link` leads to the page itself. */
export type Action = "pay" | "open" | "retry" | "choose" | "check" | "reload" | "wait" | "link";

/** One way to pay: what will be signed. */
export interface Terms {
  /** Network and token, and the name of a wider offer: the same on every page load. */
  id: string;
  /** The same, with the payee and all that is bought: what a press says it saw. */
  mark: string;
  /** Whole units as a decimal number. */
  price: string;
  symbol: string;
  network: string;
  payTo: string;
  test: boolean;
  /** A time pass or a bundle; absent for the page alone. */
  wider?: { name: string; title?: string; count?: number };
  /** For how many seconds what is bought stays open, where the site says it. */
  lasts?: number;
}

export interface View {
  stage: Stage;
  notice: Notice;
  action: Action;
  cancel?: boolean;
  /** "Already paid?" can be pressed. */
  restore?: boolean;
  offers?: Terms[];
  /** Which of them the button pays. */
  chosen?: number;
  before?: string;
  have?: string;
}

export type Effect =
  | { do: "wallet"; turn: number; method: string; params: unknown[] }
  | { do: "fetch"; turn: number; payment: string; proof?: string }
  | { do: "wait"; turn: number; ms: number }
  | { do: "keep" | "forget"; text: string }
  | { do: "open" };

export interface Outcome {
  view: View;
  effects: Effect[];
}

/** An event; the core adds nothing to what is missing. */
export interface Happening {
  type: "start" | "intent" | "choose" | "pay" | "restore" | "cancel" | "wallet" | "answer" | "woke";
  turn?: number;
  kept?: string;
  offer?: string;
  prefer?: string;
  at?: number;
  index?: number;
  wallets?: number;
  random?: string;
  seen?: string;
  text?: string;
  code?: number;
  status?: number;
  required?: string;
  settled?: string;
  date?: number;
  retryAfter?: number;
  problem?: string;
}

/** The core did not come, or broke; a payment that was sent is kept. */
export const BROKEN: View = { stage: "error", notice: "broken", action: "reload" };
