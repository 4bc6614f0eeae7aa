// Anywhere else: whoever starts it brings the WebAssembly, `farthing/client.wasm`, in whatever way the platform or bundler has.

import { from } from "../core.js";
import type { Wasm } from "../types.js";

/** Takes the bytes, the module, or the answer that brings it; once, before the first use of a client. */
export function initialize(wasm: Wasm | Promise<Wasm>): void {
  from(() => wasm);
}

export type { Wasm } from "../types.js";
export * from "../index.js";
