// The core, once it is there: each entry says where its WebAssembly comes from.

import * as bindings from "./bindings.js";
import type { Wasm } from "./types.js";

export type Core = typeof bindings;
type Source = () => Wasm | Promise<Wasm>;

let sources: { core: Source; keys: Source } | undefined;

/** Where the WebAssembly comes from when it is first wanted: the core's, and that which signs with private keys. */
export function from(core: Source, keys: Source): void {
  sources = { core, keys };
}

/** The same for all who ask; started again if it did not come. */
function once(start: () => Promise<void>): () => Promise<Core> {
  let loading: Promise<Core> | undefined;
  return () => {
    loading ??= start().then(
      () => bindings,
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  };
}

function given() {
  if (!sources) throw new Error("farthing/slim has no WebAssembly yet: call initialize(wasm) first, with farthing/client.wasm");
  return sources;
}

export const core = once(async () => bindings.start(await given().core()));

/** The core with keys; who has no private key does not load what signs with one. */
export const withKeys = once(async () => bindings.startKeys(await given().keys()));
