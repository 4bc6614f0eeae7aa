// What crosses the border to the core, as client/view.rs and bindings/widget.rs spell it.

/** What `farthing:state` reports; a closed union. */
export type Stage = "idle" | "quoting" | "connecting" | "switching" | "signing" | "settling" | "pending" | "unlocked" | "error";

/** What the card says. */
export type Notice =
  | "offer" | "choose-wallet" | "confirm" | "price-changed" | "rejected" | "no-wallet" | "locked" | "wallet-busy" | "disconnected"
  | "wrong-network" | "unsupported-wallet" | "wallet-trouble" | "low-balance" | "expired" | "clock" | "refused" | "already-used"
  | "bound-elsewhere" | "pinned" | "no-offer" | "unavailable" | "undeliverable" | "approval" | "quoting" | "connecting" | "wallet-waiting"
  | "switching" | "signing" | "settling" | "settling-slow" | "pending" | "offline" | "delivering" | "unlocked"
  // the shell's own
  | "other-tab" | "framed" | "broken" | "elsewhere";

/** What the primary button does; `link` leads to the page itself. */
export type Action = "pay" | "retry" | "choose" | "check" | "reload" | "wait" | "link";

/** What will be signed. */
export interface Terms {
  price: string;
  symbol: string;
  network: string;
  payTo: string;
  test: boolean;
}

export interface View {
  stage: Stage;
  notice: Notice;
  action: Action;
  cancel?: boolean;
  offer?: Terms;
  before?: string;
}

export type Effect =
  | { do: "wallet"; turn: number; method: string; params: unknown[] }
  | { do: "fetch"; turn: number; payment: string }
  | { do: "wait"; turn: number; ms: number }
  | { do: "keep" | "forget"; text: string }
  | { do: "open" };

export interface Outcome {
  view: View;
  effects: Effect[];
}

/** An event; the core adds nothing to what is missing. */
export interface Happening {
  type: "start" | "intent" | "pay" | "cancel" | "wallet" | "answer" | "woke";
  turn?: number;
  kept?: string;
  offer?: string;
  at?: number;
  wallets?: number;
  random?: string;
  seen?: string;
  text?: string;
  code?: number;
  status?: number;
  required?: string;
  date?: number;
  retryAfter?: number;
  problem?: string;
}

/** The core did not come, or broke; a payment that was sent is kept. */
export const BROKEN: View = { stage: "error", notice: "broken", action: "reload" };
