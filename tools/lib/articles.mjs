// Which articles nonces were made for: the core's answer, for who has the ledger key. src/bindings/tools.rs has the other side.
import { readFileSync } from "node:fs";
import { Mistake } from "./cli.mjs";

/** `path`: tools.wasm; `keys`: FARTHING_KEYS. Gives a function from URLs and nonces to the URL of each nonce, or undefined. */
export function openArticles(path, keys) {
  const { memory, buffer, output, output_length: length, articles } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path))).exports;
  return (urls, nonces) => {
    const bytes = Buffer.from([keys.trim(), urls.join("\n"), nonces.join("\n")].join("\0"));
    // asked first: it may give the memory another buffer
    const address = buffer(bytes.length);
    new Uint8Array(memory.buffer, address, bytes.length).set(bytes);
    const good = articles(bytes.length);
    const text = Buffer.from(memory.buffer, output(), length()).toString("utf8");
    if (good !== 1) throw new Mistake(text);
    const lines = text.split("\n");
    return nonces.map((_, index) => (lines[index] ? urls[Number(lines[index])] : undefined));
  };
}
