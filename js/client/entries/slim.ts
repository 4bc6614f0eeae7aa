// Anywhere else: whoever starts it brings the WebAssembly, `farthing/client.wasm`, in whatever way the platform or bundler has.

import { from } from "../core.js";
import type { Wasm } from "../types.js";

/**
 * Takes the bytes, the module, or the answer that brings it; once, before the first use of a client. `keys` is `farthing/key.wasm`, or a function
 * that gets it, for who signs with a private key.
 */
export function initialize(wasm: Wasm | Promise<Wasm>, keys?: Wasm | Promise<Wasm> | (() => Wasm | Promise<Wasm>)): void {
  from(
    () => wasm,
    () => {
      if (keys === undefined) throw new Error("a private key needs farthing/key.wasm as well: initialize(wasm, keys)");
      return typeof keys === "function" ? (keys as () => Wasm | Promise<Wasm>)() : keys;
    },
  );
}

export type { Wasm } from "../types.js";
export * from "../index.js";
