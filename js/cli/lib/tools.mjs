// The core's answers for who has the ledger key: texts in, a text out. src/bindings/tools.rs has the other side.
import { readFileSync } from "node:fs";
import { Mistake } from "../mistake.mjs";

/** `path`: tools.wasm. Gives a function that calls one of its exports with these texts. */
export function openTools(path) {
  const { memory, buffer, output, output_length: length, ...exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path))).exports;
  return (name, ...texts) => {
    const bytes = Buffer.from(texts.join("\0"));
    // asked first: it may give the memory another buffer
    const address = buffer(bytes.length);
    new Uint8Array(memory.buffer, address, bytes.length).set(bytes);
    const good = exports[name](bytes.length);
    const text = Buffer.from(memory.buffer, output(), length()).toString("utf8");
    if (good !== 1) throw new Mistake(text);
    return text;
  };
}
