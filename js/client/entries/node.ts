// Node, Deno and Bun: the WebAssembly is a module beside this one. Who bundles a server has it within, where a file that is read would stay
// behind.

import { Buffer } from "node:buffer";
import { from } from "../core.js";

from(async () => Buffer.from((await import("./wasm.cjs")).default, "base64"));

export * from "../index.js";
export { fileStore } from "../stores/file.js";
