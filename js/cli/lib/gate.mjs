// The built gate, asked without a Worker around it: a config in, what it says of it and of requests out.
import { readFileSync } from "node:fs";

const FREE = 1;
const FREE_AS = 9;
/** A key of no site: quotes made with it are good for nothing. */
const KEYS = `k1:${Buffer.alloc(32, 7).toString("base64url")}`;
// Random bytes as they come: zeroes would compress better than any quote.
const RANDOM = Buffer.from("8f3a51c7e0924db6a1780f6ce3d95b24", "hex");

// What a program is asked for may be more; and no origin is there to say anything.
const LIKE_A_PERSON = ["sec-fetch-site: none", "=says: "];

/** What the ledger's part would call: nothing here does. */
const nobody = () => { throw new Error("there is no platform"); };
// whatever is imported
const imports = (module) => Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, nobody]));

/** Starts the WebAssembly file at `path`. */
export function openGate(path) {
  const module = new WebAssembly.Module(readFileSync(path));
  const { memory, buffer, output, output_length: length, configure, route, decide } = new WebAssembly.Instance(module, { platform: imports(module) }).exports;
  const write = (...parts) => {
    const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
    // asked first: it may give the memory another buffer
    const address = buffer(bytes.length);
    new Uint8Array(memory.buffer, address, bytes.length).set(bytes);
    return bytes.length;
  };
  const text = () => Buffer.from(memory.buffer, output(), length()).toString("utf8");

  /** The whole answer to a GET, as the shim reads it: status, headers, an empty line, the body; "" where it is free by now. */
  function ask(url, accept, now) {
    return decide(write(RANDOM, ["GET", url, accept, "", "", "", "", "", ...LIKE_A_PERSON].join("\n")), now) === FREE ? "" : text();
  }
  return {
    /** Takes another config, with the 402 page if its weight matters, and the site's secret if tokens do. Returns {ok, errors, warnings}. */
    configure(config, { keys = KEYS, html = "", csp = "", integrity = "", card = "", words = "{}" } = {}) {
      configure(write([config, keys, html, csp, integrity, card, words].join("\0")), 0);
      const answer = ask("https://localhost/.farthing/health", "application/json", 1);
      return JSON.parse(answer.slice(answer.indexOf("\n\n") + 2));
    },
    ask,
    /** The canonical address of what is sold at this URL; undefined where nothing is, or it is spelled otherwise. */
    resource(url) {
      const header = /^PAYMENT-REQUIRED: (.*)$/m.exec(ask(url, "application/json", Math.floor(Date.now() / 1000)));
      return header ? JSON.parse(Buffer.from(header[1], "base64").toString("utf8")).resource.url : undefined;
    },
    /** What a program is asked for at this URL: the entries of `accepts`, [] where it is free, undefined where it is refused. */
    offers(url) {
      if ([FREE, FREE_AS].includes(route(write(`GET ${url}`)))) return [];
      const answer = ask(url, "application/json", Math.floor(Date.now() / 1000));
      if (answer === "") return [];
      const header = /^PAYMENT-REQUIRED: (.*)$/m.exec(answer);
      return header ? JSON.parse(Buffer.from(header[1], "base64").toString("utf8")).accepts : undefined;
    },
  };
}
