// Browsers, and bundlers for them: the WebAssembly is fetched from beside this file when it is first wanted.

import { from } from "../core.js";

from(
  () => fetch(new URL("./client.wasm", import.meta.url)),
  () => fetch(new URL("./key.wasm", import.meta.url)),
);

export * from "../index.js";
