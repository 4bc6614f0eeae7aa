// The gate's WebAssembly instance: texts in through its buffer, a code and a text out.

import module from "./gate.wasm";
import { html, csp } from "./page.js";

export const FREE = 1;
export const ANSWER = 2;
export const LOOK = 3;
export const ASSET = 4;
export const FORWARD = 5;
export const LEDGER = 6;
export const FETCH = 7;
export const DELIVER = 8;

const RANDOM = 16;
const NO_BODY = new Set([101, 204, 205, 304]);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const now = () => Math.floor(Date.now() / 1000);
const present = (value) => (value === null ? "" : `=${value}`);

export class Gate {
  #wasm = new WebAssembly.Instance(module).exports;

  // `faultOf(form, name)`: what is wrong with the secret of this name, if anything is.
  constructor(config, keys, local, faultOf) {
    const length = this.#write(0, [config, keys, html, csp].join("\0"));
    if (this.#wasm.configure(length, local ? 1 : 0) !== ANSWER) throw new Error("the gate did not start");
    const [kind, value, settlement, ...secrets] = this.#read().split("\n");
    this.origin = { kind, value };
    this.settlement = settlement;
    const faults = secrets.map((line) => line.split(" ")).flatMap(([form, at, name]) => (faultOf(form, name) ? [`${faultOf(form, name)} ${at}`] : []));
    if (faults.length > 0 && this.#wasm.lacks(this.#write(0, faults.join("\n"))) !== ANSWER) throw new Error("the gate did not start");
  }

  route(url) {
    return this.#wasm.route(this.#write(0, url));
  }

  lines({ method, url, headers }) {
    return [
      method,
      url,
      headers.get("accept") ?? "",
      headers.get("cookie") ?? "",
      present(headers.get("payment-signature")),
      present(headers.get("x-payment")),
      present(headers.get("cf-connecting-ip")),
      present(headers.get("sign-in-with-x")),
    ].join("\n");
  }

  decide(lines) {
    const length = this.#writeWithRandom(lines);
    return { code: this.#wasm.decide(length, now()), text: this.#read() };
  }

  next(lines, reply) {
    const length = this.#writeWithRandom(`${lines}\0${reply}`);
    return { code: this.#wasm.next(length, now()), text: this.#read() };
  }

  undelivered(lines, status, paid) {
    this.#wasm.undelivered(this.#write(0, lines), status, paid ? 1 : 0);
    return this.answer(this.#read());
  }

  // "402\nName: value\n\nbody"
  answer(text) {
    const end = text.indexOf("\n\n");
    const [status, ...lines] = text.slice(0, end).split("\n");
    const code = Number(status);
    return new Response(NO_BODY.has(code) ? null : text.slice(end + 2), { status: code, headers: pairs(lines) });
  }

  // the first lines one by one, and the header lines after them as pairs
  split(text, count) {
    const lines = text.split("\n");
    return [...lines.slice(0, count), pairs(lines.slice(count))];
  }

  #writeWithRandom(text) {
    const length = this.#write(RANDOM, text);
    crypto.getRandomValues(new Uint8Array(this.#wasm.memory.buffer, this.#wasm.buffer(length), RANDOM));
    return length;
  }

  // Three bytes hold any UTF-16 unit, so nothing can be cut off silently.
  #write(offset, text) {
    const room = offset + text.length * 3;
    const address = this.#wasm.buffer(room);
    const { read, written } = encoder.encodeInto(text, new Uint8Array(this.#wasm.memory.buffer, address + offset, room - offset));
    if (read !== text.length) throw new Error("the request did not fit");
    return offset + written;
  }

  #read() {
    return decoder.decode(new Uint8Array(this.#wasm.memory.buffer, this.#wasm.output(), this.#wasm.output_length()));
  }
}

function pairs(lines) {
  const headers = [];
  for (const line of lines) {
    const colon = line.indexOf(": ");
    if (colon > 0) headers.push([line.slice(0, colon), line.slice(colon + 2)]);
  }
  return headers;
}
