// Cloudflare Workers: the WebAssembly is a module of the Worker.

import wasm from "./client.wasm";
import key from "./key.wasm";
import { from } from "../core.js";

from(() => wasm, () => key);

export * from "../index.js";
