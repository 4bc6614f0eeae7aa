// The Durable Object class: starts the ledger's WebAssembly on first use, so that requests without
// a payment never pay for it.

import { DurableObject } from "cloudflare:workers";
import module from "./ledger.wasm";
import { initSync, configure, Ledger as RustLedger, __wbg_reset_state } from "./ledger.glue.js";
import { gateFor } from "./config.js";
import { onLoss } from "./guard.js";
import { Platform } from "./platform.js";

let generation = 0; // 0: never started
let broken = false;
let pending = new Set(); // rejections of the calls inside Rust

// What was thrown inside Rust ends all calls there: nobody else would end them.
onLoss((error) => {
  if (!broken) console.error("the ledger restarts after an error:", error?.message);
  broken = true;
  const calls = pending;
  pending = new Set();
  for (const reject of calls) reject(new Error("the ledger restarts"));
});

function ready(env) {
  if (generation > 0 && !broken) return;
  if (generation === 0) initSync({ module });
  else __wbg_reset_state();
  generation += 1;
  broken = false;
  configure(gateFor(env).settlement);
}

export class Ledger extends DurableObject {
  #platform = new Platform(this.ctx.storage, this.env);
  #rust;
  #generation = 0;

  #enter(work) {
    return new Promise((resolve, reject) => {
      pending.add(reject);
      ready(this.env);
      if (this.#generation !== generation) {
        this.#rust = new RustLedger(this.#platform);
        this.#generation = generation;
      }
      work(this.#rust).then(resolve, reject).finally(() => pending.delete(reject));
    });
  }

  async fetch(request) {
    const call = request.url.slice(request.url.lastIndexOf("/") + 1);
    const body = await request.text();
    return new Response(await this.#enter((rust) => rust.call(call, body)));
  }

  alarm() {
    return this.#enter((rust) => rust.alarm());
  }
}
