// What a client throws, with a stable word for programs.

import type { Offer, Reason } from "./types.js";

/** Nothing was paid, or it is not known whether it was: `open` says which. */
export class PaymentError extends Error {
  override name = "PaymentError";
  /** A stable word. */
  declare readonly reason: Reason;
  declare readonly url: string;
  /** A payment is out that may yet be taken: the next request for the same thing sends that one again, and signs nothing. */
  declare readonly open: boolean;
  /** A payment was signed and may have been sent, whatever became of it: asking again may be another one. */
  declare readonly signed: boolean;
  /** The server's word for it, where it has one. */
  declare readonly code: string | undefined;
  /** What would have been paid. */
  declare readonly offer: Offer | undefined;
  /** The limit that it is over, as the policy has it. */
  declare readonly limit: string | undefined;
  /** The server's last answer; its body may be read. */
  declare readonly response: Response | undefined;

  constructor(reason: Reason, message: string, more: More) {
    super(message, more);
    Object.assign(this, { open: false, signed: more.open ?? false, ...more, reason, message });
  }
}

interface More {
  url: string;
  open?: boolean;
  signed?: boolean;
  code?: string | undefined;
  offer?: Offer | undefined;
  limit?: string | undefined;
  response?: Response | undefined;
  cause?: unknown;
}
