// Carries out what the core decides: asks the wallet, asks the server, waits, keeps. Decides nothing.

import { begin, initSync, send } from "#wasm";
import { forget, keep, lock, recall } from "./device.js";
import type { Request } from "./wallets.js";
import { BROKEN, type Effect, type Happening, type Outcome, type View } from "./wire.js";

/** A request that takes longer is sent again. */
const PATIENCE = 60_000;

let loading: Promise<unknown> | undefined;

/** Fetches the core, once. */
export const load = () => {
  loading ??= fetch(new URL("farthing.wasm", import.meta.url))
    .then((response) => response.arrayBuffer())
    .then((bytes) => WebAssembly.compile(bytes))
    .then((module) => initSync({ module }))
    .catch((error) => {
      loading = undefined;
      throw error;
    });
  return loading;
};

const code = (error: any): number => {
  const code = error?.data?.originalError?.code ?? error?.code;
  return Number.isInteger(code) ? code : 0;
};

const seconds = (ms: number) => Math.floor(ms / 1000) || 0;

export interface Host {
  /** The resource, absolute. */
  url: string;
  /** The attributes that the core reads. */
  page: Record<string, string | undefined>;
  show(view: View): void;
  open(): void;
}

export class Flow {
  #number: number;
  #host: Host;
  #request: Request | undefined;
  #release: (() => void) | undefined;

  /** Nothing if a pin cannot be read. */
  static start(host: Host): Flow | undefined {
    const number = begin(JSON.stringify(host.page));
    return number === undefined ? undefined : new Flow(number, host);
  }

  private constructor(number: number, host: Host) {
    this.#number = number;
    this.#host = host;
  }

  /** Takes the turn among all tabs; false if another tab has it. */
  async lock(): Promise<boolean> {
    this.#release ??= await lock(this.#host.url);
    return !!this.#release;
  }

  pay(wallets: number, seen: string, request?: Request) {
    this.#request = request;
    const random = crypto.getRandomValues(new Uint8Array(32)).reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "0x");
    this.send({ type: "pay", wallets, random, seen, kept: recall(this.#host.url) });
  }

  send(event: Happening) {
    let outcome: Outcome;
    try {
      outcome = JSON.parse(send(this.#number, JSON.stringify({ now: seconds(Date.now()), ...event })));
    } catch {
      outcome = { view: BROKEN, effects: [] };
    }
    const { view, effects } = outcome;
    if (view.action !== "wait") {
      this.#release?.();
      this.#release = undefined;
    }
    for (const effect of effects) this.#do(effect);
    this.#host.show(view);
  }

  #do(effect: Effect) {
    const { url } = this.#host;
    switch (effect.do) {
      case "wallet":
        return void this.#ask(effect.turn, effect.method, effect.params);
      case "fetch":
        return void this.#fetch(effect.turn, effect.payment);
      case "wait":
        return void setTimeout(() => this.send({ type: "woke", turn: effect.turn }), effect.ms);
      case "keep":
        return void keep(url, effect.text);
      case "forget":
        return forget(url, effect.text);
      case "open":
        return this.#host.open();
    }
  }

  async #ask(turn: number, method: string, params: unknown[]) {
    let answer: Happening;
    try {
      const result = await this.#request!({ method, params });
      answer = { type: "wallet", turn, text: String((Array.isArray(result) ? result[0] : result) ?? "") };
    } catch (error) {
      answer = { type: "wallet", turn, code: code(error) };
    }
    this.send(answer);
  }

  async #fetch(turn: number, payment: string) {
    const answer: Happening = { type: "answer", turn, status: 0 };
    try {
      const response = await fetch(this.#host.url, {
        // the article in the form of a page, or the offer in a form that is never one
        headers: payment ? { Accept: "text/html,*/*;q=0.8", "PAYMENT-SIGNATURE": payment } : { Accept: "application/json" },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
      const header = (name: string) => response.headers.get(name) ?? "";
      answer.required = header("PAYMENT-REQUIRED");
      answer.date = seconds(Date.parse(header("Date")));
      answer.retryAfter = parseInt(header("Retry-After"), 10) || 0;
      if (response.ok) {
        // the page is loaded anew, with the pass that came along
        void response.body?.cancel();
      } else {
        const problem = await response.json().catch(() => ({}));
        answer.problem = String(problem?.type ?? problem?.error ?? "");
      }
      answer.status = response.status;
    } catch {
      // no answer
    }
    this.send(answer);
  }
}
