// A plain script tag: everything in one file, as `farthing`.

import key from "#key";
import wasm from "#wasm";
import { from } from "../core.js";

const bytes = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

from(() => bytes(wasm), () => bytes(key));

export * from "../index.js";
