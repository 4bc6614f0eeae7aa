// Keys that other servers publish: fetched when somebody needs one, and remembered in the memory of one isolate, bounded in number, size
// and time. One that fails or lacks a key is asked again a minute later at the earliest.

import { Fault, say } from "./log.js";

const PATIENCE = 5_000;
const MOST = 64 * 1024;
// Seconds that a set counts: what it says itself, between these; afterwards it serves until a newer one arrives, for at most so long.
const [LEAST_AGE, USUAL_AGE, MOST_AGE, STALE] = [60, 600, 3600, 3600];
// A key that a set does not have may be new, and one that does not answer may be back: so long it is not asked again.
const PAUSE = 60;
const MOST_SETS = 256;

export const now = () => Math.floor(Date.now() / 1000);
export const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

export class KeySets {
  #sets = new Map(); // by address: { keys, until, asked, pending }
  #accept;
  #read;

  // `accept`: the media types that a set may have. `read(text, env)`: what is in it, a Map; throws if it is no set.
  constructor(accept, read) {
    this.#accept = accept;
    this.#read = read;
  }

  // The key with this name: undefined if the set does not have it, null if there is no set. `admitted()`: whether another server may be asked.
  async find(url, name, env, ctx, admitted = () => true) {
    let set = this.#sets.get(url);
    const time = now();
    const fresh = set?.keys && time < set.until && (set.keys.has(name) || time < set.asked + PAUSE);
    const failed = set && !set.pending && time >= set.until && time < set.asked + PAUSE;
    if (!fresh && !failed) {
      if (!set?.pending || time > set.asked + PATIENCE / 1000) {
        if (!admitted()) return null;
        set = this.#refresh(url, set, env, ctx);
      }
      // The fetch is another request's perhaps, and ends with it.
      let timer;
      await Promise.race([set.pending, new Promise((done) => {
        timer = setTimeout(done, PATIENCE + 500);
      })]);
      clearTimeout(timer);
    }
    return set.keys && now() < set.until + STALE ? set.keys.get(name) : null;
  }

  // One fetch under way for each address; what was known before stays until something newer is.
  #refresh(url, before, env, ctx) {
    const set = { keys: before?.keys, until: before?.until ?? 0, asked: now(), pending: undefined };
    set.pending = this.#fetched(url, env).then(
      ({ keys, age }) => Object.assign(set, { keys, until: now() + age }),
      (error) => say("unreachable", { at: "keys", error }),
    ).finally(() => {
      set.pending = undefined;
    });
    ctx.waitUntil(set.pending);
    this.#sets.delete(url);
    if (this.#sets.size >= MOST_SETS) this.#sets.delete(this.#sets.keys().next().value);
    this.#sets.set(url, set);
    return set;
  }

  // A deadline over the whole exchange, no redirect, a bounded answer of the right kind (threat D8).
  async #fetched(url, env) {
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(url, { headers: { accept: this.#accept.join(", ") }, redirect: "manual", signal });
    const type = response.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
    if (response.status !== 200 || !this.#accept.includes(type)) {
      await response.body?.cancel();
      throw new Fault(response.status === 200 ? "the answer is of another type" : `the answer is ${response.status}`);
    }
    const chunks = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MOST) throw new Fault("the set is too large");
      chunks.push(chunk);
    }
    const keys = this.#read(await new Blob(chunks).text(), env);
    const said = /(?:^|[,\s])max-age=(\d{1,9})/.exec(response.headers.get("cache-control") ?? "");
    return { keys, age: said ? Math.min(Math.max(Number(said[1]), LEAST_AGE), MOST_AGE) : USUAL_AGE };
  }
}
