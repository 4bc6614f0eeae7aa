// The gate's part of the WebAssembly: a request's texts in, a code and a text out. A request that began in an instance which was lost
// since goes on in the next: between two calls the gate remembers nothing.

import { edgeFor } from "./config.js";

export const FREE = 1;
export const ANSWER = 2;
export const LOOK = 3;
export const ASSET = 4;
export const FORWARD = 5;
export const LEDGER = 6;
export const FETCH = 7;
export const DELIVER = 8;
export const FREE_AS = 9;
export const TEASER = 11;
export const VERIFY = 12;
export const TOKEN = 13;
export const PEEK = 14;
export const ASK = 15;
export const LIST = 16;
export const DESK = 17;

const RANDOM = 16;
// The names of headers in Signature-Input, and a few words more; so many are looked up.
const COVERED = /"([a-z][a-z0-9-]*)"/g;
const MOST_COVERED = 64;
const NO_BODY = new Set([101, 204, 205, 304]);
const now = () => Math.floor(Date.now() / 1000);
const present = (value) => (value === null ? "" : `=${value}`);

// Of a claim: quotes in its texts are escaped.
const PAYS = /^[^\n]*\nclaim\n.*?[,{]"network":"(eip155:\d{1,20})"/;
// How a problem begins that we tell: as JSON, and as a page.
const TELLS = /^(?:\{"type":"https:\/\/farthing\.dev\/problems\/|<!doctype html><html lang="en"><meta name="problem" content=")([a-z0-9-]+)"/;

export class Gate {
  #env;
  // What became of the request, for the log.
  code;
  asked = 0; // codes of what was asked before, a bit each
  call; // of the ledger
  network; // of the payment
  problem = "";
  sender; // for what is counted: by whom, and of which route
  agent; // the name of a program that was verified
  #lines;
  missing; // what the origin answered in place of the page, and whether it was paid for

  constructor(env) {
    this.#env = env;
  }

  get #edge() {
    return edgeFor(this.#env);
  }

  get origin() {
    return this.#edge.origin;
  }

  route({ method, url }) {
    const edge = this.#edge;
    return edge.enter("route", [edge.write(`${method} ${url}`)]);
  }

  // what `route` wrote
  path() {
    return this.#edge.read();
  }

  lines({ method, url, headers }) {
    const lines = [
      method,
      url,
      headers.get("accept") ?? "",
      headers.get("cookie") ?? "",
      present(headers.get("payment-signature")),
      present(headers.get("x-payment")),
      present(headers.get("cf-connecting-ip")),
      present(headers.get("sign-in-with-x")),
    ];
    for (const name of this.#edge.wanted) {
      const value = headers.get(name);
      if (value === null) continue;
      lines.push(`${name}: ${value}`);
      if (name !== "signature-input") continue;
      for (const [, covered] of [...value.matchAll(COVERED)].slice(0, MOST_COVERED)) {
        const sent = headers.get(covered);
        if (sent !== null) lines.push(`~${covered}: ${sent}`);
      }
    }
    return lines.join("\n");
  }

  decide(lines) {
    this.#lines = lines;
    return this.#ask("decide", lines);
  }

  next(lines, reply) {
    return this.#ask("next", `${lines}\0${reply}`);
  }

  // `fault` says why there is no page
  trimmed(lines, fault, nonce, policy, page) {
    return this.#ask("trimmed", [lines, fault, nonce, policy, page].join("\0"));
  }

  // where answers to this request are kept, and for how long
  shelf(lines) {
    const edge = this.#edge;
    if (edge.shelf === "") return undefined;
    const seconds = edge.enter("kept", [edge.write(lines)]);
    return seconds > 0 ? { host: edge.shelf, seconds } : undefined;
  }

  undelivered(lines, status, paid) {
    this.missing = { status, paid };
    const edge = this.#edge;
    edge.enter("undelivered", [edge.write(lines), status, paid ? 1 : 0]);
    return this.answer(edge.read());
  }

  // "402\nName: value\n\nbody"
  answer(text) {
    const end = text.indexOf("\n\n");
    const [first, ...lines] = text.slice(0, end).split("\n");
    const status = Number(first);
    const body = text.slice(end + 2);
    this.problem = status < 400 ? "" : TELLS.exec(body)?.[1] ?? (status === 402 ? "payment-required" : "");
    return new Response(NO_BODY.has(status) ? null : body, { status, headers: headersOf(lines) });
  }

  // the first lines one by one, and the header lines after them as pairs
  split(text, count) {
    const lines = text.split("\n");
    return [...lines.slice(0, count), pairs(lines.slice(count))];
  }

  #ask(way, text) {
    const edge = this.#edge;
    const length = edge.write(text, RANDOM);
    crypto.getRandomValues(edge.bytes(RANDOM));
    const code = edge.enter(way, [length, now()]);
    const said = edge.read();
    if (code === LEDGER) {
      this.call = said.split("\n", 2)[1];
      this.network ??= PAYS.exec(said)?.[1];
    }
    this.asked |= 1 << code;
    this.code = code;
    return { code, text: said };
  }

  // For how many days what is counted is kept; 0 where nothing is.
  get days() {
    return this.#edge.days;
  }

  // The route's pattern, by whom the request is, how what it got was opened; undefined for what is not counted.
  counted() {
    const edge = this.#edge;
    return edge.enter("counted", [edge.write(this.#lines), now()]) === ANSWER ? edge.read() : undefined;
  }

  // The pattern of the request's route.
  pattern({ method, url }) {
    return this.#edge.pattern(method, url);
  }
}

// The platform takes an object in half the time that it needs for pairs; only a name that stands twice, as of cookies, needs these.
function headersOf(lines) {
  const all = pairs(lines);
  const headers = Object.fromEntries(all);
  return Object.keys(headers).length === all.length ? headers : all;
}

function pairs(lines) {
  const headers = [];
  for (const line of lines) {
    const colon = line.indexOf(": ");
    if (colon > 0) headers.push([line.slice(0, colon), line.slice(colon + 2)]);
  }
  return headers;
}
