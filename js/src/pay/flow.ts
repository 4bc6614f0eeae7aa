// Carries out what the core decides: asks the wallet, asks the server, waits, keeps. Decides nothing.

import { BROKEN, type Effect, type Happening, type Outcome, type View } from "../wire.js";
import { forgetPayment, keepPayment, keptPayment, lock, take } from "./device.js";
import type { Request } from "./wallets.js";

/** Written by the build: the hash of farthing.wasm. */
declare const CORE: string;

/** A request that takes longer is sent again. */
const PATIENCE = 60_000;

/** src/bindings/widget.rs: texts go in by a buffer, and come out by an output. */
interface Core {
  memory: WebAssembly.Memory;
  buffer(length: number): number;
  output(): number;
  output_length(): number;
  start(length: number): number;
  event(number: number, length: number): void;
}

let core: Core;
let loading: Promise<unknown> | undefined;

/** Fetches the core, once, and only the one this file was built with (threat F8). */
export const load = () => {
  loading ??= fetch(new URL("farthing.wasm", import.meta.url), { integrity: CORE })
    .then((response) => response.arrayBuffer())
    .then((bytes) => WebAssembly.instantiate(bytes))
    .then(({ instance }) => (core = instance.exports as unknown as Core))
    .catch((error) => {
      loading = undefined;
      throw error;
    });
  return loading;
};

const write = (value: unknown) => {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  // asked first: it may give the memory another buffer
  const at = core.buffer(bytes.length);
  new Uint8Array(core.memory.buffer, at, bytes.length).set(bytes);
  return bytes.length;
};

const code = (error: any): number => {
  const code = error?.data?.originalError?.code ?? error?.code;
  return Number.isInteger(code) ? code : 0;
};

/** Texts of strangers: what is looked for in them is ASCII, and half a character would make all of it unreadable. */
const plain = (text: unknown) => String(text).replace(/[^\x20-\x7e]/g, "").slice(0, 4096);

const seconds = (ms: number) => Math.floor(ms / 1000) || 0;

export interface Host {
  /** The resource, absolute. */
  url: string;
  /** What the core is told of the page. */
  page: Record<string, string | boolean | undefined>;
  /** `early`: a press is on its way to the core, which has not heard of it. */
  show(view: View, early: boolean): void;
  /** The article: the answer to the payment or the proof, where there was one. */
  open(answer: Response | undefined, url: string): Promise<void>;
}

export class Flow {
  #number: number;
  #host: Host;
  #request: Request | undefined;
  #release: (() => void) | undefined;
  #answer: Response | undefined;
  #opened = false;
  #counted = 0;
  #view: View | undefined;
  /** A press holds the turn until the core has heard of it, whatever else is answered meanwhile. */
  #asking = false;
  #locking: Promise<boolean> | undefined;

  /** Nothing if a pin cannot be read. */
  static start(host: Host): Flow | undefined {
    const number = core.start(write({ ...host.page, host: new URL(host.url).host }));
    return number < 0 ? undefined : new Flow(number, host);
  }

  private constructor(number: number, host: Host) {
    this.#number = number;
    this.#host = host;
  }

  /** Takes the turn among all tabs; false if another tab has it. */
  lock(): Promise<boolean> {
    this.#locking ??= this.#lock().finally(() => (this.#locking = undefined));
    return this.#locking;
  }

  async #lock() {
    this.#release ??= await lock(this.#host.url);
    return !!this.#release;
  }

  /** What the reader asked for, with the wallet that they chose, if it is still `meant`; false if another tab has the turn. */
  async ask(type: "pay" | "restore", wallets: number, seen: string, offer: string | undefined, request: Request | undefined, meant: () => boolean): Promise<boolean> {
    this.#asking = true;
    try {
      if (!(await this.lock())) return false;
      this.#request = request;
      const random = crypto.getRandomValues(new Uint8Array(32)).reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "0x");
      const kept = await keptPayment(this.#host.url);
      this.#asking = false;
      await this.send(meant() ? { type, wallets, random, seen, offer, kept } : { type: "cancel" });
      return true;
    } finally {
      this.#asking = false;
      this.#settle();
    }
  }

  async send(event: Happening) {
    // a timer that was set on the way has nothing more to say
    if (this.#opened) return;
    let outcome: Outcome;
    try {
      core.event(this.#number, write({ now: seconds(Date.now()), ...event }));
      outcome = JSON.parse(new TextDecoder().decode(new Uint8Array(core.memory.buffer, core.output(), core.output_length())));
    } catch {
      outcome = { view: BROKEN, effects: [] };
    }
    const { view, effects } = outcome;
    this.#view = view;
    try {
      this.#host.show(view, this.#asking);
    } catch (error) {
      // what was signed is kept and sent, whatever the page does to its card
      reportError(error);
    }
    for (const effect of effects) {
      // given up by a handler of the page's, while it was told
      if (effect.do === "wallet" && this.#view !== view) continue;
      await this.#do(effect);
    }
    this.#settle();
  }

  /** Lets the turn go once there is nothing under way, and what had to be written is written. */
  #settle() {
    if (this.#asking || (this.#view?.action === "wait" && !this.#opened)) return;
    this.#release?.();
    this.#release = undefined;
  }

  /** What is kept is on the disk before anything else is done. */
  async #do(effect: Effect) {
    const { url } = this.#host;
    switch (effect.do) {
      case "wallet":
        // one word to the site that sells this, if it served this file, once; and nothing for who asks not to be followed
        if (import.meta.url.includes("/.farthing/") && !((navigator as any).globalPrivacyControl || this.#counted++)) {
          fetch(new URL("counted", import.meta.url), { method: "POST", body: effect.do, credentials: "omit" }).catch(() => {});
        }
        return void this.#wallet(effect.turn, effect.method, effect.params);
      case "fetch":
        return void this.#fetch(effect.turn, effect.payment, effect.proof);
      case "wait":
        return void setTimeout(() => this.send({ type: "woke", turn: effect.turn }), effect.ms);
      case "keep":
        return keepPayment(url, effect.text);
      case "forget":
        return forgetPayment(url, effect.text);
      case "open":
        this.#opened = true;
        return this.#host.open(this.#answer, url);
    }
  }

  async #wallet(turn: number, method: string, params: unknown[]) {
    let answer: Happening;
    try {
      const result = await this.#request!({ method, params });
      answer = { type: "wallet", turn, text: plain((Array.isArray(result) ? result[0] : result) ?? "") };
    } catch (error) {
      answer = { type: "wallet", turn, code: code(error) };
    }
    await this.send(answer);
  }

  async #fetch(turn: number, payment: string, proof = "") {
    const answer: Happening = { type: "answer", turn, status: 0 };
    try {
      const { url } = this.#host;
      // without anything that opens it, for the offer in a form that is never an article
      const response = await (payment ? article(url, { "PAYMENT-SIGNATURE": payment }) : proof ? article(url, { "SIGN-IN-WITH-X": proof }) : ask(url, { Accept: "application/json" }));
      const header = (name: string) => response.headers.get(name) ?? "";
      answer.required = header("PAYMENT-REQUIRED");
      answer.settled = header("PAYMENT-RESPONSE");
      answer.date = seconds(Date.parse(header("Date")));
      answer.retryAfter = Number(header("Retry-After")) || 0;
      // a teaser comes with a good status, and is not what was asked for
      const good = response.ok && !answer.required;
      if (good) {
        if (payment || proof) this.#answer = response;
        else void response.body?.cancel();
      } else {
        const problem = await response.json().catch(() => ({}));
        answer.problem = plain(problem?.type ?? problem?.error ?? "");
      }
      answer.status = response.ok && !good ? 402 : response.status;
    } catch {
      // no answer
    }
    await this.send(answer);
  }
}

const PAGE = { Accept: "text/html,*/*;q=0.8" };

const isOffer = ({ headers }: Response) => headers.has("PAYMENT-REQUIRED");

/** Asks for the article with what opens it, which never leaves the site: where a redirect leads is looked at without it first. */
const article = async (url: string, key: Record<string, string>) => {
  const response = await ask(url, { ...PAGE, ...key }, "manual");
  if (response.type !== "opaqueredirect") return response;
  const led = await ask(url, PAGE);
  return led.ok && !isOffer(led) ? led : ask(led.url, { ...PAGE, ...key }, "manual");
};

/** Waits for the head of the answer for so long; a film may take its time. Another site's answer is none. */
const ask = async (url: string, headers: HeadersInit, redirect?: RequestRedirect) => {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), PATIENCE);
  try {
    const response = await fetch(url, { headers, redirect, cache: "no-store", signal: control.signal });
    if (new URL(response.url || url).origin !== new URL(url).origin) throw response;
    return response;
  } finally {
    clearTimeout(timer);
  }
};

/** The article for who may read it already, by cookies or by the pass of a page of another origin; "no" if they may not. */
export const owned = async (url: string): Promise<Response | "no" | undefined> => {
  const pass = await take<string>("passes", url);
  const response = await (pass ? article(url, { "Farthing-Pass": pass }) : ask(url, PAGE));
  const { ok, status } = response;
  if (ok && !isOffer(response)) return response;
  // anything else may be better the next time
  return ok || status === 402 || status === 403 ? "no" : undefined;
};

