// The Durable Object class of one payer's ledger, of the backstop, and of alerts.

import { edgeFor } from "./config.js";
import { say } from "./log.js";
import { CallsInWasm, LEDGER } from "./object.js";

export class Ledger extends CallsInWasm {
  kind = LEDGER;

  async fetch(request) {
    if (!request.url.startsWith("https://alerts/")) return await super.fetch(request);
    // in a file of its own, which no payment waits for
    const { alerts } = await import("./alerts.js");
    return await alerts(request, { storage: this.ctx.storage, env: this.env, edge: edgeFor(this.env), say });
  }
}
