// What is spent, and what may be. An amount is set aside before anything is signed, in the one text that all who share the store change in
// turn: together they never spend more than one of them may (invariant: spent and set aside stay within every limit).

import { shown, wrong } from "./checks.js";
import { hostOf, matches, type Rule, ruleOf } from "./hosts.js";
import { parse, print } from "./money.js";
import type { Budget, Policy, Store } from "./types.js";

const NAME = "budget";
/** What was set aside and never signed is free again after this, unless it is known that who did it lives. */
const FORGOTTEN_MS = 600_000;

/** Amounts are whole numbers of 10^-18 dollars, as decimal texts. */
interface Books {
  total: string;
  day: string;
  today: string;
  hosts: Record<string, string>;
  /** Set aside, by the purchase's name. */
  open: Record<string, { amount: string; host: string; day: string; at: number; owner: string; signed: boolean }>;
}

const read = (text: string | undefined): Books => {
  const books: Books = text === undefined ? { total: "0", day: "", today: "0", hosts: {}, open: {} } : JSON.parse(text);
  // a host may be called __proto__
  return { ...books, hosts: Object.assign(Object.create(null), books.hosts) as Books["hosts"] };
};

/** Why an amount cannot be spent. */
export interface Over {
  reason: string;
  message: string;
  limit: string;
}

export interface Limits {
  total: bigint | undefined;
  day: bigint | undefined;
  /** Of a page's host; `shared` with which others, for a name without a port is for all its ports. */
  host(url: string): { limit: bigint; shared(host: string): boolean } | undefined;
  /** Any at all: then what is not worth a known number of dollars cannot be paid. */
  any: boolean;
}

/** Reads the limits of a policy that was checked, or says what is wrong with its hosts. */
export function limitsOf({ perHost, perDay, total }: Policy): Limits {
  // a limit that cannot be read is no limit to whoever asks later
  const read = (text: unknown) => (typeof text === "string" ? parse(text) : undefined) ?? fail(text);
  const fail = (text: unknown) => {
    throw wrong("policy", 'a limit is like "$0.10"', text);
  };
  const priced = (text: string | undefined) => (text === undefined ? undefined : read(text));
  const all = typeof perHost === "string" ? { "*": perHost } : (perHost ?? {});
  const hosts = Object.entries(all).map(([host, text]) => ({ rule: ruleOf(host, `policy.perHost[${shown(host)}]`), limit: read(text) }));
  // what says most goes first: a port before none, a name before what is below one, the longer name before the shorter
  hosts.sort(({ rule: a }, { rule: b }) => Number(a.below) - Number(b.below) || Number(b.port !== undefined) - Number(a.port !== undefined) || b.name.length - a.name.length);
  return {
    total: priced(total), day: priced(perDay), any: total !== undefined || perDay !== undefined || hosts.length > 0,
    host(url) {
      const found = hosts.find(({ rule }) => matches(rule, url));
      return found && { limit: found.limit, shared: sharedBy(found.rule, hostOf(url)) };
    },
  };
}

const bare = (host: string) => host.replace(/:\d+$/, "");
const sharedBy = ({ below, port }: Rule, host: string) => (other: string) => (below || port !== undefined ? other === host : bare(other) === bare(host));

const today = (now: number) => new Date(now).toISOString().slice(0, 10);
const sum = (texts: string[]) => texts.reduce((all, text) => all + BigInt(text), 0n);

export class Budgets {
  #store: Store;
  #limits: Limits;
  #owner: string;

  constructor(store: Store, limits: Limits, owner: string) {
    this.#store = store;
    this.#limits = limits;
    this.#owner = owner;
  }

  #update<T>(change: (books: Books) => T): Promise<T> {
    return this.#store.update(NAME, (text) => {
      const books = read(text);
      const result = change(books);
      return { text: JSON.stringify(books), result };
    });
  }

  /** Which limit is in the way of an amount, of those who have nothing else under way. */
  async over(amount: bigint, url: string): Promise<Over | undefined> {
    return this.#over(read(await this.#store.get(NAME)), amount, url, Date.now());
  }

  /** Forgets the dead, and begins the day. */
  #over(books: Books, amount: bigint, url: string, now: number): Over | undefined {
    const host = hostOf(url);
    const { limit: most, shared = () => false } = this.#limits.host(url) ?? {};
    this.#forget(books, now);
    turn(books, now);
    const open = Object.values(books.open);
    const set = (filter: (one: Books["open"][string]) => boolean) => sum(open.filter(filter).map((one) => one.amount));
    const checks = [
      ["total", this.#limits.total, BigInt(books.total) + set(() => true), "in all"],
      ["day", this.#limits.day, BigInt(books.today) + set((one) => one.day === books.day), "a day"],
      ["host", most, sum(Object.keys(books.hosts).filter(shared).map((one) => books.hosts[one]!)) + set((one) => shared(one.host)), `for ${host}`],
    ] as const;
    for (const [name, limit, spent, words] of checks) {
      if (limit !== undefined && spent + amount > limit) return { reason: `over-budget-${name}`, limit: `$${print(limit)}`, message: `$${print(amount)} more is over the budget of $${print(limit)} ${words}: $${print(spent)} of it is spent` };
    }
    return undefined;
  }

  /** Sets an amount aside; or says which limit is in its way. */
  reserve(id: string, amount: bigint, url: string): Promise<Over | undefined> {
    const [now, host] = [Date.now(), hostOf(url)];
    return this.#update((books) => {
      const over = this.#over(books, amount, url, now);
      if (over) return over;
      books.open[id] = { amount: String(amount), host, day: books.day, at: now, owner: this.#owner, signed: false };
      return undefined;
    });
  }

  /** From here on it may be taken, whatever becomes of this program. False if it is not set aside any more: then nothing may be sent. */
  signed(id: string): Promise<boolean> {
    return this.#update((books) => {
      const one = books.open[id];
      if (one) one.signed = true;
      return one !== undefined;
    });
  }

  /** It was taken, or may have been. */
  spend(id: string): Promise<void> {
    return this.#update((books) => {
      const one = books.open[id];
      if (!one) return;
      delete books.open[id];
      turn(books, Date.now());
      const taken = BigInt(one.amount);
      books.total = String(BigInt(books.total) + taken);
      books.hosts[one.host] = String(BigInt(books.hosts[one.host] ?? "0") + taken);
      if (one.day === books.day) books.today = String(BigInt(books.today) + taken);
    });
  }

  /** It was never sent. */
  release(id: string): Promise<void> {
    return this.#update((books) => {
      delete books.open[id];
    });
  }

  /** What is spent and left. */
  async look(): Promise<Budget> {
    const books = read(await this.#store.get(NAME));
    turn(books, Date.now());
    const open = Object.values(books.open);
    const line = (spent: bigint, limit: bigint | undefined, of = spent) => ({ spent: print(spent), ...(limit === undefined ? {} : { left: print(limit > of ? limit - of : 0n) }) });
    const with_ = (text: string | undefined, filter: (one: Books["open"][string]) => boolean) => BigInt(text ?? "0") + sum(open.filter(filter).map((one) => one.amount));
    const hosts = new Set([...Object.keys(books.hosts), ...open.map((one) => one.host)]);
    const at = (host: string) => with_(books.hosts[host], (one) => one.host === host);
    const of = (host: string) => {
      const { limit, shared = () => false } = this.#limits.host(`https://${host}`) ?? this.#limits.host(`http://${host}`) ?? {};
      return line(at(host), limit, [...hosts].filter(shared).reduce((all, one) => all + at(one), 0n));
    };
    return {
      total: line(with_(books.total, () => true), this.#limits.total),
      today: line(with_(books.today, (one) => one.day === books.day), this.#limits.day),
      hosts: Object.fromEntries([...hosts].sort().map((host) => [host, of(host)])),
      open: open.length,
    };
  }

  /** What the dead had set aside and never signed. */
  #forget(books: Books, now: number) {
    for (const [id, one] of Object.entries(books.open)) {
      if (one.signed || one.owner === this.#owner) continue;
      const alive = this.#store.alive?.(one.owner);
      if (alive === false || (alive === undefined && now - one.at > FORGOTTEN_MS)) delete books.open[id];
    }
  }
}

/** A new day begins with nothing spent. A clock that was set back does not begin an old one again. */
function turn(books: Books, now: number) {
  const day = today(now);
  if (day <= books.day) return;
  books.day = day;
  books.today = "0";
}
