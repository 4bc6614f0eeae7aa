// The Durable Object class of one payer's ledger, of the backstop, and of alerts; the desk looks into it.

import { edgeFor } from "./config.js";
import { say } from "./log.js";
import { CallsInWasm, LEDGER } from "./object.js";

const USED = '{"refuse":{"problem":"account-proof-used","resource":""}}';

export class Ledger extends CallsInWasm {
  kind = LEDGER;

  async fetch(request) {
    const { url } = request;
    if (url === "https://ledger/export") return await this.#records(await request.text());
    if (url.startsWith("https://desk/")) return await (await import("./desk.js")).kept(request, this.ctx.storage);
    if (!url.startsWith("https://alerts/")) {
      const response = await super.fetch(request);
      // for the desk: a run that failed is none
      if (url.endsWith("/scan")) await this.ctx.storage.put("scanned", Date.now());
      return response;
    }
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
