// A request that can be sent more than once, and as much of an answer as has to be read.

import { PaymentError } from "./errors.js";
import type { Input } from "./types.js";

/** Bodies are sent again with the payment, so they are held in memory. */
const MOST_BODY_BYTES = 32 * 1024 * 1024;
/** The core looks at no more of an answer (`MAX_BODY_BYTES`); one byte more tells it that there is more. */
const MOST_ANSWER_BYTES = 64 * 1024 + 1;
/** What is for one origin alone. */
const OWN = ["authorization", "cookie", "proxy-authorization"];

/** Seconds from milliseconds; 0 for what is no time. */
export const secondsOf = (ms: number): number => Math.floor(ms / 1000) || 0;

export class Message {
  readonly method: string;
  readonly url: string;
  /** Where it is answered: after redirects, another address. */
  at: string;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly signal: AbortSignal;
  /** Passes, beside what cookies the program sends itself. */
  cookies = "";
  /** What sends it in place of the client's. */
  fetch: typeof globalThis.fetch | undefined;
  /** As long as these are held, their signals are heard: a platform may let a Request go with its signal's strings cut. */
  readonly held: unknown;
  #headers: Headers;
  #init: RequestInit;
  #redirect: RequestRedirect;

  private constructor(request: Request, input: RequestInfo | URL, url: string, init: RequestInit, body: Uint8Array<ArrayBuffer> | undefined) {
    this.held = [request, input];
    this.method = request.method;
    this.url = this.at = url;
    this.body = body;
    this.signal = request.signal ?? new AbortController().signal;
    this.#headers = request.headers;
    this.#redirect = request.redirect ?? "follow";
    this.#init = init;
  }

  /** The body as it is meant: forms are written with a mark between their parts that is another one each time. */
  get meant(): Uint8Array<ArrayBuffer> | undefined {
    const mark = /^multipart\/.*boundary="?([^";]{1,70})/i.exec(this.#headers.get("content-type") ?? "")?.[1];
    if (!this.body || !mark) return this.body;
    // each byte is a character of its own there
    return new TextEncoder().encode(new TextDecoder("latin1").decode(this.body).replaceAll(mark, "boundary"));
  }

  /** Takes a request as `fetch` takes it; a body that can be read once is read. */
  static async of(input: Input, init: RequestInit = {}): Promise<Message> {
    const request = new Request(input, init);
    const url = new URL(request.url);
    url.hash = "";
    const body = request.body ? await whole(request) : undefined;
    const { body: _1, headers: _2, method: _3, signal: _4, redirect: _5, ...own } = init;
    const given: RequestInit = {};
    // what a Request that was handed over says of itself; runtimes outside of browsers do not know all of it
    if (input instanceof Request) {
      if (input.credentials && input.credentials !== "same-origin") given.credentials = input.credentials;
      if (input.cache && input.cache !== "default") given.cache = input.cache;
      if (input.integrity) given.integrity = input.integrity;
    }
    return new Message(request, input, url.href, { ...given, ...own }, body);
  }

  /** Sends it. A payment goes to the server that asked for it and nowhere else: its answer is not followed elsewhere. */
  async send(fetch: typeof globalThis.fetch, extra: Record<string, string>, paid: boolean, late: AbortSignal): Promise<Response> {
    // a proof of the account is for who asked for it, as a payment is
    const direct = paid || "SIGN-IN-WITH-X" in extra;
    const to = direct ? this.at : this.url;
    const headers = new Headers(this.#headers);
    for (const [name, value] of Object.entries(extra)) headers.set(name, value);
    if (this.cookies && !paid) headers.set("Cookie", [headers.get("Cookie"), this.cookies].filter(Boolean).join("; "));
    if (new URL(to).origin !== new URL(this.url).origin) for (const name of OWN) headers.delete(name);
    const proof = Object.keys(extra).length > 0;
    const init: RequestInit = {
      ...this.#init, method: this.method, headers, redirect: paid || proof ? "manual" : this.#redirect, signal: AbortSignal.any([this.signal, late]),
    };
    if (this.body) init.body = this.body;
    const response = await fetch(to, init);
    if (direct) return response;
    // each answer says anew who asks to be paid
    this.at = this.url;
    if (response.redirected && response.url) {
      if (response.status === 402 && this.method !== "GET" && this.method !== "HEAD") {
        throw new PaymentError("redirected", `the request was sent on to ${response.url}, which wants to be paid: ask there directly`, { url: response.url, response });
      }
      this.at = response.url;
    }
    return response;
  }
}

async function whole(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const body = await read(request.body, MOST_BODY_BYTES + 1);
  if (body.length > MOST_BODY_BYTES) throw new PaymentError("body-too-large", `the body is held in memory, and has more than ${MOST_BODY_BYTES} bytes; nothing was sent`, { url: request.url });
  return body;
}

/** As much of a body as is looked at: a server can send without end. */
export const beginning = async (response: Response): Promise<string> =>
  new TextDecoder().decode((await read(response.clone().body, MOST_ANSWER_BYTES)).subarray(0, MOST_ANSWER_BYTES));

/** No more than the part in which `most` bytes are full. */
async function read(body: ReadableStream | null, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body?.getReader() as ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  while (reader && length < most) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  // not waited for: of a clone it ends with the other half
  reader?.cancel().catch(() => {});
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
