// Cloudflare Workers: the WebAssembly is a module of the Worker.

import wasm from "./client.wasm";
import { from } from "../core.js";

from(() => wasm);

export * from "../index.js";
