// Node, Deno and Bun: the WebAssembly is a file beside this one.

import { readFileSync } from "node:fs";
import { from } from "../core.js";

from(() => readFileSync(new URL("./client.wasm", import.meta.url)));

export * from "../index.js";
export { fileStore } from "../stores/file.js";
