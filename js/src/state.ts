// Where a card stands, for page authors; client/view.rs spells the same.

/** What `farthing:state` reports; a closed union. */
export type Stage = "idle" | "quoting" | "connecting" | "switching" | "signing" | "settling" | "pending" | "unlocked" | "error";

/** What the card says. */
export type Notice =
  | "offer" | "choose-wallet" | "confirm" | "price-changed" | "rejected" | "no-wallet" | "locked" | "wallet-busy" | "wallet-silent"
  | "disconnected" | "wrong-network" | "unsupported-wallet" | "wallet-trouble" | "low-balance" | "expired" | "clock" | "refused"
  | "owned" | "unknown" | "already-used" | "bound-elsewhere" | "pinned" | "no-offer" | "unavailable" | "undeliverable" | "approval" | "not-owned" | "no-restore"
  | "quoting" | "connecting" | "wallet-waiting" | "switching" | "signing" | "restore-sign" | "restoring" | "settling" | "settling-slow"
  | "pending" | "offline" | "delivering" | "unlocked"
  // the shell's own
  | "other-tab" | "framed" | "broken";
