// A plain script tag: everything in one file, as `farthing`.

import wasm from "#wasm";
import { from } from "../core.js";

from(() => Uint8Array.from(atob(wasm), (char) => char.charCodeAt(0)));

export * from "../index.js";
