// What a client throws, with a stable word for programs.

import type { Offer, Reason } from "./types.js";

/** Nothing was paid, or it is not known whether it was: `open` says which. */
export class PaymentError extends Error {
  override name = "PaymentError";
  /** A stable word. */
  readonly reason: Reason;
  readonly url: string;
  /** A payment is out that may yet be taken: the next request for the same thing sends that one again, and signs nothing. */
  readonly open: boolean;
  /** A payment was signed and may have been sent, whatever became of it: asking again may be another one. */
  readonly signed: boolean;
  /** The server's word for it, where it has one. */
  readonly code: string | undefined;
  /** What would have been paid. */
  readonly offer: Offer | undefined;
  /** The limit that it is over, as the policy has it. */
  readonly limit: string | undefined;
  /** The server's last answer; its body may be read. */
  readonly response: Response | undefined;

  constructor(reason: Reason, message: string, more: { url: string; open?: boolean; signed?: boolean; code?: string; offer?: Offer; limit?: string; response?: Response; cause?: unknown }) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.reason = reason;
    this.url = more.url;
    this.open = more.open ?? false;
    this.signed = more.signed ?? this.open;
    this.code = more.code;
    this.offer = more.offer;
    this.limit = more.limit;
    this.response = more.response;
  }
}
