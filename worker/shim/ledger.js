// The Durable Object class: starts the ledger's WebAssembly on first use, so that requests without
// a payment never pay for it.

import { DurableObject } from "cloudflare:workers";
import module from "./ledger.wasm";
import { initSync, configure, Ledger as RustLedger, __wbg_reset_state, __worker_init_state } from "./ledger.glue.js";
import { gateFor } from "./config.js";
import { post } from "./post.js";

let generation = 0; // 0: never started
let broken = false;
let pending = new Set(); // rejections of the calls inside Rust

// A panic drops the future it happened in; without this its promise would stay open for ever.
function lost(reason) {
  broken = true;
  const calls = pending;
  pending = new Set();
  for (const reject of calls) reject(reason);
}

function ready(env) {
  if (generation === 0) {
    initSync({ module });
    // the crate's panic hook sets this flag: the only notice of a panic inside a future
    Object.defineProperty(__worker_init_state(), "criticalError", {
      get: () => broken,
      set: (value) => {
        if (value) lost(new Error("the ledger restarted"));
      },
    });
  } else if (broken) {
    __wbg_reset_state();
  } else {
    return;
  }
  generation += 1;
  broken = false;
  configure(gateFor(env).settlement, post);
}

export class Ledger extends DurableObject {
  #rust;
  #generation = 0;

  #call(name, argument) {
    return new Promise((resolve, reject) => {
      try {
        ready(this.env);
        if (this.#generation !== generation) {
          this.#rust = new RustLedger(this.ctx, this.env);
          this.#generation = generation;
        }
        pending.add(reject);
        this.#rust[name](argument).then(resolve, reject).finally(() => pending.delete(reject));
      } catch (error) {
        if (error instanceof WebAssembly.RuntimeError) lost(error);
        reject(error);
      }
    });
  }

  fetch(request) {
    return this.#call("fetch", request);
  }

  alarm() {
    return this.#call("alarm");
  }
}
