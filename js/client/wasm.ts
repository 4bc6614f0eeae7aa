// Types alone: what importing `farthing/client.wasm` or `farthing/key.wasm` gives is the bundler's to say, an address, bytes or a module.

import type { Wasm } from "./types.js";

declare const wasm: string | Wasm;
export default wasm;
