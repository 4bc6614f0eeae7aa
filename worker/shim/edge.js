// The WebAssembly of an isolate, gate and ledger in one instance, and every way into it: numbers and texts in, a code and a text out.
//
// Whatever is thrown in there leaves the instance in an unknown state, and the calls that wait in it without an answer: a panic or no
// memory (both traps), the end of the stack, an exception of JavaScript that passed through Rust. It is not entered again then, and its
// calls are told. Failures that Rust reports are none of these.

import module from "./edge.wasm";
import { say } from "./log.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Edge {
  lost = false;
  origin; // what it was configured with
  wanted; // names of further headers that the gate looks at
  shelf; // the host of what is kept, or empty
  days = 0; // for how many what is counted for the desk is kept; 0 where nothing is
  list; // the name of the object with what was revoked, or empty
  alerts; // whether anybody is told what is wrong
  gas; // the names of the secrets with gas keys
  asked = false; // whether the facilitators were asked what they settle
  #wasm;
  #calls = new Set(); // rejections of the ledger's calls under way
  #platform; // of the object whose call runs in there right now

  constructor() {
    const platform = {
      sql: (texts, count) => this.#sql(texts, count),
      now: () => this.#platform.now(),
      wake: () => this.#platform.wake(),
      say: (address, length) => this.#say(this.#text(address, length)),
      books: () => (this.#platform.hasBooks ? 1 : 0),
      clear: () => this.#platform.clear(),
      secret: (address, length) => this.#secret(this.#text(address, length)),
    };
    this.#wasm = new WebAssembly.Instance(module, { platform }).exports;
  }

  // Calls an export, on behalf of an object's platform if it is the ledger's.
  enter(name, numbers, platform) {
    if (this.lost) throw new Error("the WebAssembly restarts");
    try {
      this.#platform = platform;
      return this.#wasm[name](...numbers);
    } catch (error) {
      this.#lose(error);
      throw error;
    }
  }

  #lose(error) {
    if (this.lost) return;
    this.lost = true;
    this.#wasm = undefined;
    say("broken", { at: "instance", error });
    for (const reject of this.#calls) reject(new Error("the WebAssembly restarts"));
    this.#calls.clear();
  }

  // The pattern of the route that a request is for; empty where none sells it.
  pattern(method, url) {
    return this.enter("pattern", [this.write(`${method} ${url}`)], this.#platform) === 0 ? "" : this.read();
  }

  // The account of a gas key; nothing where it is none. The key is gone from the buffer afterwards.
  gasAccount(key) {
    const length = this.write(key);
    const code = this.enter("gas_account", [length]);
    this.bytes(length).fill(0);
    return code === 0 ? undefined : this.read();
  }

  // Three bytes hold any UTF-16 unit, so nothing can be cut off silently. Before the text is room for so many bytes.
  write(text, before = 0) {
    const room = before + text.length * 3;
    const bytes = this.bytes(room);
    const { read, written } = encoder.encodeInto(text, bytes.subarray(before));
    if (read !== text.length) throw new Error("the text did not fit");
    return before + written;
  }

  // The buffer's first bytes; good until the next call.
  bytes(length) {
    const address = this.enter("buffer", [length], this.#platform);
    return new Uint8Array(this.#wasm.memory.buffer, address, length);
  }

  read() {
    return this.#text(this.enter("output", []), this.enter("output_length", []));
  }

  #text(address, length) {
    return decoder.decode(new Uint8Array(this.#wasm.memory.buffer, address, length));
  }

  // What the platform throws is a failure that Rust is told of; only what is thrown around it passes through Rust.
  #sql(texts, count) {
    const parts = new Uint32Array(this.#wasm.memory.buffer, texts, count);
    const values = [];
    for (let at = 0; at < count; at += 2) values.push(this.#text(parts[at], parts[at + 1]));
    let rows;
    let failed = 0;
    try {
      rows = this.#platform.query(...values);
    } catch (error) {
      rows = [String(error?.message)];
      failed = 1;
    }
    for (const row of rows) this.enter("row", [this.write(row)], this.#platform);
    return failed;
  }

  // What is told may ask the gate something, on behalf of nobody; then the call goes on.
  #say(text) {
    const platform = this.#platform;
    platform.say(text);
    this.#platform = platform;
  }

  // It is gone from the buffer before anything else can be read there.
  #secret(name) {
    const value = this.#platform.secret(name);
    if (typeof value !== "string") return 0;
    const length = this.write(value);
    this.enter("row", [length], this.#platform);
    this.bytes(length).fill(0);
    return 1;
  }

  // Ends as `work` ends, and at the latest when the instance is lost.
  ends(work) {
    return new Promise((resolve, reject) => {
      this.#calls.add(reject);
      work().then(resolve, reject).finally(() => this.#calls.delete(reject));
    });
  }
}
