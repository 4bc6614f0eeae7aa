// The Durable Object class: starts the ledger's WebAssembly on first use, so that requests without
// a payment never pay for it.

import { DurableObject } from "cloudflare:workers";
import module from "./ledger.wasm";
import { initSync, configure, Ledger as RustLedger, __wbg_reset_state } from "./ledger.glue.js";
import { gateFor } from "./config.js";
import { onLoss } from "./guard.js";
import { post } from "./post.js";

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
  configure(gateFor(env).settlement, post);
}

export class Ledger extends DurableObject {
  #rust;
  #generation = 0;

  #call(name, argument) {
    return new Promise((resolve, reject) => {
      pending.add(reject);
      ready(this.env);
      if (this.#generation !== generation) {
        this.#rust = new RustLedger(this.ctx, this.env);
        this.#generation = generation;
      }
      this.#rust[name](argument).then(resolve, reject).finally(() => pending.delete(reject));
    });
  }

  fetch(request) {
    return this.#call("fetch", request);
  }

  alarm() {
    return this.#call("alarm");
  }
}
