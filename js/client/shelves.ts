// What a client remembers besides its budget: payments that are not resolved, passes, and receipts.

import { type Cookie, header, joined, read } from "./cookies.js";
import { siteOf } from "./hosts.js";
import type { Offer, Receipt, Store } from "./types.js";

/** A payment, or the right to make one, of whoever is at it. One for each thing that is wanted. */
export interface Turn {
  /** The purchase's name. */
  id: string;
  owner: string;
  /** When the owner was last heard of, in milliseconds. */
  seen: number;
  url: string;
  /** What was chosen; from when it is signed. */
  offer?: Offer;
  /** What the core wants kept; from when it is signed. */
  kept?: string;
  payer?: string;
  /** When it was signed, in milliseconds of this device. */
  at?: number;
  /** The name of the last purchase that was paid for; what was answered before it may be open by now. */
  past?: string;
}

interface Pass {
  url: string;
  pass: string;
}

/** An owner that is not known to run is dead when it has not been heard of for so long; one that runs, when it must have forgotten. */
const SILENT_MS = { unknown: 10_000, alive: 120_000 };

export const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const hashed = async (text: string | Uint8Array<ArrayBuffer>) => {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
};

/** What is wanted, as one short name: a method, an address and a body. */
export const intentOf = async (method: string, url: string, body: Uint8Array<ArrayBuffer> | undefined) =>
  hashed(`${method} ${url} ${body ? await hashed(body) : ""}`);

const json = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));

export class Shelves {
  #store: Store;
  readonly owner: string;

  constructor(store: Store, owner: string) {
    this.#store = store;
    this.owner = owner;
  }

  async turn(intent: string): Promise<Turn | undefined> {
    return json(await this.#store.get(`turn ${intent}`)) as Turn | undefined;
  }

  /** Whether somebody else has the turn, and lives. */
  async taken(intent: string): Promise<boolean> {
    const there = await this.turn(intent);
    return there !== undefined && there.owner !== this.owner && this.#lives(there);
  }

  /**
   * Takes the turn: the one that the dead left behind with its payment, or a new one. Nothing while somebody else has it, and nothing where
   * something was paid for since `past` was the last: then the server has to be asked again.
   */
  take(intent: string, id: string, url: string, past: string | undefined): Promise<Turn | undefined> {
    return this.#store.update<Turn | undefined>(`turn ${intent}`, (text) => {
      const there = json(text) as Turn | undefined;
      if (there && there.owner !== this.owner && this.#lives(there)) return { text, result: undefined };
      if (!there?.kept && there?.past !== past) return { text, result: undefined };
      const own = { owner: this.owner, seen: Date.now(), ...(past === undefined ? {} : { past }) };
      const mine: Turn = there?.kept ? { ...there, ...own } : { id, url, ...own };
      return { text: JSON.stringify(mine), result: mine };
    });
  }

  /** Changes one's own turn; false if it is somebody else's by now. */
  keep(intent: string, id: string, change: Partial<Turn>): Promise<boolean> {
    return this.#store.update(`turn ${intent}`, (text) => {
      const there = json(text) as Turn | undefined;
      if (there?.id !== id || there.owner !== this.owner) return { text, result: false };
      return { text: JSON.stringify({ ...there, seen: Date.now(), ...change }), result: true };
    });
  }

  /** Ends one's own turn: nothing was paid, or it was, or what is kept is left for the next who wants the same. */
  async leave(intent: string, id: string, end: "unpaid" | "paid" | "open"): Promise<void> {
    await this.#store.update(`turn ${intent}`, (text) => {
      const there = json(text) as Turn | undefined;
      if (there?.id !== id || there.owner !== this.owner) return { text, result: undefined };
      const left = { id, url: there.url, owner: "", seen: 0 };
      if (end === "open") return { text: JSON.stringify({ ...there, ...left }), result: undefined };
      const past = end === "paid" ? id : there.past;
      return { text: past === undefined ? undefined : JSON.stringify({ ...left, past } satisfies Turn), result: undefined };
    });
  }

  #lives({ owner, seen }: Turn) {
    if (!owner) return false;
    const alive = this.#store.alive?.(owner);
    return alive !== false && Date.now() - seen < (alive ? SILENT_MS.alive : SILENT_MS.unknown);
  }

  async pass(url: string): Promise<string | undefined> {
    return (json(await this.#store.get(`pass ${url}`)) as Pass | undefined)?.pass;
  }

  async keepPass(url: string, pass: string | undefined): Promise<void> {
    await this.#store.update(`pass ${url}`, () => ({ text: pass && JSON.stringify({ url, pass } satisfies Pass), result: undefined }));
  }

  /** What passes came as cookies for an address, as a header. */
  async cookies(url: string): Promise<string> {
    return header((json(await this.#store.get(`cookies ${siteOf(url)}`)) ?? []) as Cookie[], url, Date.now());
  }

  async keepCookies(url: string, headers: Headers): Promise<void> {
    const fresh = read(headers, Date.now());
    if (fresh.length === 0) return;
    await this.#store.update(`cookies ${siteOf(url)}`, (text) => {
      const all = joined((json(text) ?? []) as Cookie[], fresh, Date.now());
      return { text: all.length > 0 ? JSON.stringify(all) : undefined, result: undefined };
    });
  }

  /** That something was bought which a signature may open again: for this page, or for its whole site. */
  async bought(url: string): Promise<boolean> {
    const now = Date.now();
    const until = (text: string | undefined) => Number(text ?? 0) > now;
    return until(await this.#store.get(`bought ${url}`)) || until(await this.#store.get(`bought ${siteOf(url)}`));
  }

  async keepBought(url: string, offer: Offer): Promise<void> {
    const { opensFor, wider } = offer;
    // what was chosen last of a bundle stays open when there is no time left to choose
    const seconds = wider?.count ? (wider.seconds ?? 0) + (opensFor ?? wider.seconds ?? 0) : opensFor;
    if (seconds === undefined) return;
    const until = Date.now() + seconds * 1000;
    const name = `bought ${wider ? siteOf(url) : url}`;
    await this.#store.update(name, (text) => ({ text: String(Math.max(until, Number(text ?? 0))), result: undefined }));
  }

  /** `resumed`: a program that ended after it had written the receipt down is not given a second one. */
  async keepReceipt(id: string, receipt: Receipt, resumed: boolean): Promise<void> {
    if (resumed && (await this.#store.names("receipt ")).some((name) => name.endsWith(` ${id}`))) return;
    await this.#store.update(`receipt ${String(receipt.at).padStart(12, "0")} ${id}`, () => ({ text: JSON.stringify(receipt), result: undefined }));
  }

  /** Newest first. */
  async receipts(): Promise<Receipt[]> {
    return (await this.#all<Receipt>("receipt ")).map(([, receipt]) => receipt).reverse();
  }

  /** Payments whose outcome nobody has told yet, with their names. */
  async open(): Promise<[string, Turn][]> {
    return (await this.#all<Turn>("turn ")).filter(([, turn]) => turn.kept);
  }

  async #all<T>(prefix: string): Promise<[string, T][]> {
    const all: [string, T][] = [];
    // one after the other: a store may hold files, and a process no more than so many of them open
    for (const name of await this.#store.names(prefix)) {
      const text = await this.#store.get(name);
      if (text !== undefined) all.push([name.slice(prefix.length), JSON.parse(text) as T]);
    }
    return all;
  }
}
