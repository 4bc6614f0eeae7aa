// The core, once it is there: each entry says where its WebAssembly comes from.

import * as bindings from "./bindings.js";
import type { Wasm } from "./types.js";

export type Core = typeof bindings;

let source: (() => Wasm | Promise<Wasm>) | undefined;
let loading: Promise<Core> | undefined;

/** Where the WebAssembly comes from when it is first wanted. */
export function from(wasm: () => Wasm | Promise<Wasm>): void {
  source = wasm;
}

/** The core; asked for again if it did not come. */
export function core(): Promise<Core> {
  loading ??= start().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function start(): Promise<Core> {
  if (!source) throw new Error("farthing/slim has no WebAssembly yet: call initialize(wasm) first, with farthing/client.wasm");
  await bindings.start(await source());
  return bindings;
}
