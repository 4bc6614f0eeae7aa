// The Durable Object class of one payer's ledger, of the backstop, and of alerts.

import { edgeFor } from "./config.js";
import { say } from "./log.js";
import { CallsInWasm, LEDGER } from "./object.js";

const USED = '{"refuse":{"problem":"account-proof-used","resource":""}}';

export class Ledger extends CallsInWasm {
  kind = LEDGER;

  async fetch(request) {
    if (request.url === "https://ledger/export") return await this.#records(await request.text());
    if (!request.url.startsWith("https://alerts/")) return await super.fetch(request);
    // in a file of its own, which no payment waits for
    const { alerts } = await import("./alerts.js");
    return await alerts(request, { storage: this.ctx.storage, env: this.env, edge: edgeFor(this.env), say });
  }

  // What is held about the account, which is read without the WebAssembly; likewise.
  async #records(text) {
    const { records } = await import("./desk.js");
    const call = async (name, body) => await (await super.fetch(new Request(`https://ledger/${name}`, { method: "POST", body }))).text();
    return new Response(await records(text, { storage: this.ctx.storage, env: this.env, call }) ?? USED);
  }
}
