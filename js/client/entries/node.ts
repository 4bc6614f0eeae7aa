// Node, Deno and Bun: the WebAssembly is a module beside this one. Who bundles a server has it within, where a file that is read would stay
// behind.

import { Buffer } from "node:buffer";
import { from } from "../core.js";

let compiled: Promise<WebAssembly.Module> | undefined;
// one module, and a memory for each of the two
const once = () => (compiled ??= import("./wasm.cjs").then(({ default: wasm }) => WebAssembly.compile(Buffer.from(wasm, "base64"))));

from(once, once);

export * from "../index.js";
export { fileStore } from "../stores/file.js";
