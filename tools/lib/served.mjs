// The 402 page as a reader gets it, asked from the built gate: its weight is what counts, not its template's.
import { readFileSync } from "node:fs";

/** The body for an article of the sample config; `page` is what the Worker serves, `gate` the path of its WebAssembly. */
export function served(gate, config, { html, csp }) {
  const { memory, buffer, output, output_length: length, configure, decide } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(gate))).exports;
  const write = (bytes) => {
    const address = buffer(bytes.length);
    new Uint8Array(memory.buffer, address, bytes.length).set(bytes);
    return bytes.length;
  };
  const text = () => Buffer.from(memory.buffer, output(), length()).toString("utf8");
  const keys = `k1:${Buffer.alloc(32, 7).toString("base64url")}`;

  // the sample has a place for the address, so that nobody's money goes to ours
  const sample = readFileSync(config, "utf8").replace(/"0x…[^"]*"/, '"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"');
  configure(write(Buffer.from([sample, keys, html, csp].join("\0"))), 0);
  const lines = ["GET", "https://news.example/articles/a-story-with-a-name", "text/html", "", "", "", ""].join("\n");
  // random bytes as they come: zeroes would compress better than any quote
  const random = Buffer.from("8f3a51c7e0924db6a1780f6ce3d95b24", "hex");
  decide(write(Buffer.concat([random, Buffer.from(lines)])), 1_795_000_000);
  const answer = text();
  if (!answer.startsWith("402\n")) throw new Error(`the sample config's article answered ${answer.slice(0, 3)}`);
  return answer.slice(answer.indexOf("\n\n") + 2);
}
