// `fetch` that pays: the core decides, this sends, waits, asks its owner, and keeps.

import { Budgets, limitsOf } from "./budget.js";
import { check, shown, wrong } from "./checks.js";
import { core as loaded, type Core } from "./core.js";
import { PaymentError } from "./errors.js";
import { hostOf, matches, type Rule, ruleOf, siteOf } from "./hosts.js";
import { parse } from "./money.js";
import { beginning, Message, secondsOf } from "./message.js";
import { hex, intentOf, Shelves, type Turn } from "./shelves.js";
import { isAccount, isProvider, type Signs, signs } from "./signer.js";
import { memoryStore } from "./stores/memory.js";
import { callOf } from "./tools.js";
import type { Answered, Budget, Client, Init, Input, Offer, OpenPayment, Options, Problem, Quote, Receipt, Store, ToolCall, ToolCaller, ToolResult } from "./types.js";

/** For how long an unknown outcome is asked for, and one answer is waited for. */
const PATIENCE_SECONDS = 120;
const TIMEOUT_MS = 30_000;
/** How often who has the turn is heard of, and how often the others look. */
const HEARTBEAT_MS = 3_000;
const LOOK_MS = 100;
/** A chain's clock may be behind. */
const LATE_SECONDS = 600;

/** All that a client takes. */
const OPTIONS: string[] = ["signer", "policy", "store", "confirm", "dryRun", "approve", "patience", "timeout", "progress", "fetch"] satisfies (keyof Options)[];

/** The longest time that a timer counts. */
const LONGEST_MS = 2 ** 31 - 1;
/** Numbers cross to the core in 32 bits. */
const MOST_SECONDS = 2 ** 32 - 1;

type Purchase = Core["Purchase"]["prototype"];

/** The core's next step, as bindings/client.rs writes it. */
type Step =
  | { do: "deliver"; receipt?: { success: boolean; transaction: string; network: string; payer?: string; amount?: string } }
  | { do: "sign" }
  | { do: "send"; header: string; value: string; until: number; after: number }
  | { do: "stop"; reason: string; message: string; code?: string; open: boolean };

/** An answer, and what of it the core looks at. */
interface Answer {
  response: Response | undefined;
  answered: Answered;
}

/** What a quote was made of. */
interface Quoted {
  message: Message;
  answer: Answered;
  /** What had been paid for then. */
  past: string | undefined;
}

/** A purchase that was begun. */
interface Begun {
  intent: string;
  turn: Turn;
  /** For the core. */
  policy: object;
  message: Message;
  /** The 402, unless a payment was kept. */
  asked: Answered | undefined;
  answer: Response | undefined;
  /** The offer of a quote, where no other is wanted. */
  wanted: Offer | undefined;
  /** It was delivered, and the store did not take that in. */
  unwritten?: boolean;
}

const sameAddress = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
const same = (a: Offer, b: Offer) =>
  (["scheme", "transfer", "flow", "network", "asset", "amount", "payTo", "seconds", "opensFor"] as const).every((name) => a[name] === b[name]) &&
  (["name", "count", "seconds"] as const).every((name) => a.wider?.[name] === b.wider?.[name]);
/** Without slashes at the end; not by a regular expression, which takes the square of a hostile path's length. */
const trimmed = (path: string) => {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
};
/** A stranger's text, as much of it as belongs into a sentence. */
const shortened = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
/** In dollars, where the token is worth one: those of the table are, and those to whom the policy gives a limit in dollars. */
const worth = (offer: Offer) => (offer.symbol && offer.decimal !== undefined ? parse(offer.decimal) : undefined);
/** So many atomic units as a decimal number, by what the whole offer is in both. */
function scaled(units: string, { amount, decimal = amount }: Offer): string {
  if (units === amount) return decimal;
  const digits = decimals(amount, decimal);
  const text = units.padStart(digits + 1, "0");
  return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}`.replace(/\.?0+$/, "") : text;
}
function receiptOf(offer: Offer, { taken = offer.amount, transaction = "", ...more }: Pick<Receipt, "url" | "payer" | "state"> & { taken?: string; transaction?: string }): Receipt {
  const { network, asset, payTo, symbol } = offer;
  return {
    ...more, at: secondsOf(Date.now()), amount: taken, decimal: scaled(taken, offer), network, asset, payTo,
    ...(symbol ? { symbol } : {}), ...(/^0x[0-9a-f]{64}$/i.test(transaction) ? { transaction } : {}),
  };
}
const decimals = (amount: string, decimal: string) => {
  const [whole = "", part = ""] = decimal.split(".");
  // the core leaves zeros at the end out
  return amount.length - (whole + part).replace(/^0+/, "").length + part.length;
};

/** From when a payment that was kept can be taken no more, by the clock that this device had when it signed: the server's may be hours apart. */
const untilOf = ({ kept, offer, at = 0 }: Turn) => Math.max((JSON.parse(kept!) as { until: number }).until, secondsOf(at) + (offer?.seconds ?? 0)) + LATE_SECONDS;

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const name = () => hex(random(8));

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, Math.min(ms, LONGEST_MS));
    signal.addEventListener("abort", stop, { once: true });
  });

/** What a promise brings, unless the signal comes first. */
const unless = <T>(signal: AbortSignal, promise: Promise<T>) =>
  new Promise<T>((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });

/** What is under way over each store, in this program: clients that share one are one owner to the others. */
const under = new WeakMap<Store, Map<string, Promise<unknown>>>();

/** Makes a client. Nothing is asked of anybody, and no wallet is opened, before the first use. */
export function createClient(options: Options): Client {
  return new Paying(options);
}

class Paying implements Client {
  #options: Options;
  #shelves: Shelves;
  #budgets: Budgets;
  #limited: boolean;
  #policy: object;
  #hosts: Rule[] | undefined;
  #denied: Rule[];
  #signs: Promise<Signs> | undefined;
  #busy: Map<string, Promise<unknown>>;
  #closed = false;
  #receipts = new WeakMap<Response | ToolResult, Receipt>();
  #quoted = new WeakMap<Quote, Quoted>();

  constructor(options: Options) {
    const { signer, store = memoryStore() } = options;
    // whoever writes `dryrun` wants a brake
    const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
    if (unknown !== undefined) throw wrong("createClient", `its options are ${OPTIONS.join(", ")}`, unknown);
    if ((["get", "update", "names"] as const).some((name) => typeof store[name] !== "function")) throw wrong("store", "get, update and names, as fileStore(folder) has", store);
    check(options.policy ?? {});
    // what was looked at is what holds, whatever becomes of the object
    const policy = structuredClone(options.policy ?? {}) as Options["policy"];
    check(policy.max ?? null, "policy.max");
    const signs = typeof signer === "string" ? /^0x[\da-f]{64}$/i.test(signer) : Object(signer) === signer && (isAccount(signer) || isProvider(signer));
    if (!signs) throw new TypeError("signer: a private key (0x and 64 hex digits), an EIP-1193 provider, or an account with address and signTypedData");
    const { perHost: _1, perDay: _2, total: _3, hosts, deny: { hosts: denied = [], ...deny } = {}, ...own } = policy;
    const limits = limitsOf(policy);
    const owner = store.owner ?? name();
    const { patience = PATIENCE_SECONDS } = options;
    if (typeof patience !== "number" || !(patience >= 1 && patience <= MOST_SECONDS)) throw wrong("patience", "seconds, at least one", patience);
    this.#options = { ...options };
    this.#hosts = hosts?.map((host, at) => ruleOf(host, `policy.hosts[${at}]`));
    this.#denied = denied.map((host, at) => ruleOf(host, `policy.deny.hosts[${at}]`));
    this.#policy = Object.keys(deny).length > 0 ? { ...own, deny } : own;
    this.#limited = limits.any;
    this.#shelves = new Shelves(store, owner);
    this.#busy = under.get(store) ?? new Map<string, Promise<unknown>>();
    under.set(store, this.#busy);
    this.#budgets = new Budgets(store, limits, owner);
    // bound: it is handed to others in place of the platform's
    this.fetch = this.fetch.bind(this);
  }

  async fetch(input: Input, init?: Init): Promise<Response> {
    return this.#want(await Message.of(input, init));
  }

  async quote(input: Input, init?: Init): Promise<Quote> {
    const message = await Message.of(input, init);
    const { core } = await this.#ready();
    const past = (await this.#shelves.turn(await intentOf(message.method, message.url, message.meant)))?.past;
    const { response, answered } = await this.#ask(message, {});
    const { required, body, status } = answered;
    if (status !== 402) {
      await response?.body?.cancel();
      const open: Quote = { url: message.at, free: response?.ok ?? false, status, offers: [], refused: [] };
      this.#quoted.set(open, { message, answer: answered, past });
      return open;
    }
    const read = JSON.parse(core.offers(required, body)) as { problem?: string; message: string; url: string; description: string; offers: (Offer & { reason?: string })[] };
    const quote: Quote = { url: message.at, free: false, status, offers: [], refused: [] };
    this.#quoted.set(quote, { message, answer: answered, past });
    if (read.problem !== undefined) {
      quote.problem = { reason: read.problem, message: read.message };
      return quote;
    }
    if (read.url) quote.resource = read.url;
    if (read.description) quote.description = read.description;
    quote.offers = read.offers.flatMap((offer, index) => (offer.reason ? [] : [{ ...offer, index }]));
    // each by itself: what is wanted of several is another question
    quote.refused = read.offers.flatMap((_, index) => {
      const why = this.#choose(core, { ...this.#policy, pick: index }, answered).reasons?.[index];
      return why ? [{ index, ...why }] : [];
    });
    const { choice, problem } = this.#choose(core, this.#policy, answered);
    const against = problem ?? this.#against(choice!, message.at, read.url) ?? (await this.#budgets.over(worth(choice!) ?? 0n, message.at));
    if (against) quote.problem = { offer: choice, ...against };
    else quote.choice = quote.offers.find((offer) => same(offer, choice!))!;
    return quote;
  }

  async pay(quote: Quote, offer = quote.choice): Promise<Response> {
    const quoted = this.#quoted.get(quote);
    if (!quoted) throw new TypeError("pay: a quote of this client's");
    if (!offer && quote.free) return this.#want(quoted.message);
    if (!offer) {
      const why = quote.problem ?? { reason: "nothing-payable", message: "there is nothing to pay" };
      throw new PaymentError(why.reason, why.message, { url: quote.url, ...why });
    }
    return this.#want(quoted.message, { ...quoted, offer });
  }

  async open(): Promise<OpenPayment[]> {
    return (await this.#shelves.open()).map(([id, turn]) => ({ id, url: turn.url, offer: turn.offer, payer: turn.payer, until: untilOf(turn) }));
  }

  async abandon(input: Input | OpenPayment, init?: Init): Promise<boolean> {
    const known = typeof input === "object" && "id" in input ? input : undefined;
    const message = await Message.of(known?.url ?? (input as Input), init);
    const intent = known?.id ?? (await intentOf(message.method, message.url, message.meant));
    for (;;) {
      const abandoned = await this.#inTurn(intent, message.signal, () => this.#abandon(intent, message));
      // where somebody was at it, what they left is looked at
      if (abandoned !== undefined) return abandoned;
    }
  }

  async #abandon(intent: string, message: Message): Promise<boolean> {
    const left = await this.#shelves.turn(intent);
    if (!left?.kept) return false;
    const seconds = untilOf(left) - secondsOf(Date.now());
    if (seconds > 0) throw new PaymentError("still-open", `it could still be taken for ${seconds} seconds`, { url: left.url, open: true });
    const turn = await this.#shelves.take(intent, name(), message.url, left.past);
    if (turn?.kept !== left.kept) throw new PaymentError("taken-over", "another program is at this payment", { url: message.url, open: true });
    let end: "open" | "paid" = "open";
    try {
      await this.#budgets.spend(turn.id);
      if (turn.offer && turn.payer) await this.#shelves.keepReceipt(turn.id, receiptOf(turn.offer, { url: turn.url, payer: turn.payer, state: "unknown" }), true);
      end = "paid";
      return true;
    } finally {
      await this.#shelves.leave(intent, turn.id, end);
    }
  }

  async callTool(tools: ToolCaller, call: ToolCall, server: string): Promise<ToolResult> {
    const { url, body, fetch, results } = callOf(tools, call, server);
    const message = await Message.of(url, { method: "POST", body });
    message.fetch = fetch;
    const response = await this.#want(message);
    const receipt = this.#receipts.get(response);
    const [result] = results as [ToolResult];
    if (receipt) this.#receipts.set(result, receipt);
    return result;
  }

  receipts(): Promise<Receipt[]> {
    return this.#shelves.receipts();
  }

  receiptOf(response: Response | ToolResult): Receipt | undefined {
    return this.#receipts.get(response);
  }

  budget(): Promise<Budget> {
    return this.#budgets.look();
  }

  async address(): Promise<string> {
    return (await this.#ready()).signer.address();
  }

  close(): void {
    this.#closed = true;
    this.#options.signer = "";
    void this.#signs?.then((signer) => signer.close(), () => {});
  }

  async #ready() {
    const core = await loaded();
    if (this.#closed) throw new Error("this client was closed: it signs and pays nothing any more");
    this.#signs ??= (async () => {
      const bad = core.check(JSON.stringify(this.#policy));
      // what was let pass before
      if (bad) throw new TypeError(`${bad}: ${shown(this.#policy)}`);
      const made = await signs(this.#options.signer);
      // a key is the other memory's from here on
      this.#options.signer = "";
      return made;
    })().catch((error: unknown) => {
      // what could not be loaded may be there the next time
      this.#signs = undefined;
      throw error;
    });
    return { core, signer: await this.#signs };
  }

  /** Gets what is wanted: what was begun before is ended first, what is open is opened, and only then something is paid. */
  async #want(message: Message, quoted?: Quoted & { offer: Offer }): Promise<Response> {
    await this.#ready();
    const intent = await intentOf(message.method, message.url, message.meant);
    for (let first = quoted; ; first = undefined) {
      const left = await this.#shelves.turn(intent);
      let answer: Answer | undefined;
      if (!left?.kept && !first) {
        answer = await this.#opened(message);
        if (answer.answered.status !== 402) return answer.response!;
      }
      const asked = answer?.answered ?? first?.answer;
      const past = first ? first.past : left?.past;
      const paid = await this.#inTurn(intent, message.signal, () => this.#buy({ intent, message, asked, answer: answer?.response, wanted: quoted?.offer }, past));
      if (paid) return paid;
      // somebody else was at it: what they bought may be open by now
      await answer?.response?.body?.cancel();
    }
  }

  /** One after the other in this client; nothing for who had to wait. */
  async #inTurn<T>(intent: string, signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    const before = this.#busy.get(intent);
    if (before) {
      await unless(signal, before.catch(() => {}));
      return undefined;
    }
    const turn = work();
    this.#busy.set(intent, turn);
    try {
      return await turn;
    } finally {
      this.#busy.delete(intent);
    }
  }

  /** Asks without a payment: with the pass that was kept, and where that opens nothing, with a signature for what was bought. */
  async #opened(message: Message): Promise<Answer> {
    const pass = await this.#shelves.pass(message.url);
    message.cookies = await this.#shelves.cookies(message.url);
    let answer = await this.#ask(message, pass ? { "Farthing-Pass": pass } : {});
    if (pass && answer.answered.status >= 300 && answer.answered.status < 400) {
      // it has moved, and a pass is shown nowhere else
      await answer.response?.body?.cancel();
      answer = await this.#ask(message, {});
    }
    if (answer.answered.status !== 402) return answer;
    if (pass) await this.#shelves.keepPass(message.url, undefined);
    if (!(await this.#shelves.bought(message.url))) return answer;
    // who paid is told to whom was paid, and to nobody that they or the policy sends elsewhere
    if (this.#options.dryRun || siteOf(message.at) !== siteOf(message.url) || this.#leavesOut(message.at)) return answer;
    const { core, signer } = await this.#ready();
    const challenge = core.SignIn.read(answer.answered.required, new URL(message.at).host, await signer.address());
    if (!challenge) return answer;
    try {
      const proof = await signer.signIn(challenge);
      if (!proof) return answer;
      const shown = await this.#ask(message, { "SIGN-IN-WITH-X": proof });
      if (!shown.response?.ok) return answer;
      await this.#passOf(message, shown.response);
      return shown;
    } finally {
      challenge.free();
    }
  }

  async #passOf(message: Message, response: Response) {
    await this.#shelves.keepCookies(message.at, response.headers);
    const pass = response.headers.get("Farthing-Pass");
    if (pass && new URL(message.at).origin === new URL(message.url).origin) await this.#shelves.keepPass(message.url, pass);
  }

  /** Sends it once. An answer that does not come to a payment is an answer too; `most`: for how many milliseconds it is waited for at most. */
  async #ask(message: Message, extra: Record<string, string>, payment?: { header: string; value: string }, most = Infinity): Promise<Answer> {
    const { fetch = globalThis.fetch } = this.#options;
    const timeout = Math.max(Math.min(this.#options.timeout ?? TIMEOUT_MS, most), 1);
    const late = new AbortController();
    const begin = () => setTimeout(() => late.abort(new DOMException("no answer in time", "TimeoutError")), timeout);
    // what costs nothing may take as long as the platform lets it, unless the program says otherwise
    let timer = payment || this.#options.timeout !== undefined ? begin() : undefined;
    let response: Response | undefined;
    let body = "";
    try {
      // a program's own `fetch` may know nothing of signals
      response = await unless(late.signal, message.send(message.fetch ?? fetch, payment ? { [payment.header]: payment.value } : extra, Boolean(payment), late.signal));
      // the core looks at the beginning of what is no success
      if (payment ? !response.ok : response.status === 402) {
        timer ??= begin();
        body = await beginning(response);
      }
    } catch (error) {
      if (!payment || message.signal.aborted) throw error;
      response = undefined;
    } finally {
      clearTimeout(timer);
    }
    const header = (...names: string[]) => names.map((one) => response?.headers.get(one)).find(Boolean) ?? "";
    const status = response?.type === "opaqueredirect" ? 302 : (response?.status ?? 0);
    return {
      response,
      answered: {
        status, body, required: header("payment-required"), settled: header("payment-response", "x-payment-response"),
        date: Math.min(Math.max(secondsOf(Date.parse(header("date"))), 0), MOST_SECONDS), at: Date.now(), retryAfter: Math.min(Number(/^\d+$/.exec(header("retry-after"))?.[0] ?? 0), MOST_SECONDS),
      },
    };
  }

  /** Why the owner of this client would not pay this, beside what the core looks at. */
  #against(offer: Offer, url: string, resource: string): Problem | undefined {
    if (this.#leavesOut(url)) return { reason: "host-not-allowed", message: `the policy leaves ${hostOf(url)} out` };
    // what is no address may be any name
    const named = URL.canParse(resource) ? new URL(resource) : /^\s*[/\\]/.test(resource) && URL.canParse(resource, url) ? new URL(resource, url) : undefined;
    if (named && /^https?:$/.test(named.protocol)) {
      const asked = new URL(url);
      // schemes and ports are those behind a proxy now and then, and some name what the page belongs to
      if (named.hostname !== asked.hostname || !`${trimmed(asked.pathname)}/`.startsWith(`${trimmed(named.pathname)}/`)) {
        return { reason: "other-resource", message: `the server asks to be paid for ${shortened(named.href)}, and what was asked for is ${url}` };
      }
    }
    if (this.#limited && worth(offer) === undefined) return { reason: "no-limit", message: "the budget is in dollars, and nobody says what this token is worth" };
    return undefined;
  }

  /** What the core would take of a 402, or why not: most of all that an offer is over its limit, and has nothing else against it. */
  #choose(core: Core, policy: object, { required, body }: Answered): { choice?: Offer; reasons?: Problem[] | undefined; problem?: Problem } {
    const { choice, reasons, problem: reason, message } = JSON.parse(core.choose(JSON.stringify(policy), required, body)) as { choice?: Offer; reasons?: Problem[]; problem: string; message: string };
    if (choice) return { choice };
    const index = reasons?.findIndex((one) => one.reason === "too-dear") ?? -1;
    if (index < 0) return { reasons, problem: { reason, message } };
    const offer = { ...(JSON.parse(core.offers(required, body)) as { offers: Offer[] }).offers[index]!, index };
    const { max, tokens } = this.#options.policy;
    const token = tokens?.find(({ network, asset }) => network === offer.network && sameAddress(asset, offer.asset));
    const limit = token?.max ?? max;
    return { reasons, problem: { reason: "too-dear", message: `${offer.decimal ?? offer.amount} ${offer.symbol ?? `of ${offer.asset}`} is over the limit of ${limit}`, offer, limit } };
  }

  #leavesOut(url: string): boolean {
    const named = (rules: Rule[]) => rules.some((rule) => matches(rule, url));
    return (this.#hosts !== undefined && !named(this.#hosts)) || named(this.#denied);
  }

  /** Pays for it; nothing if somebody else had the turn, and has left it by now. */
  async #buy(begun: Omit<Begun, "turn" | "policy">, past: string | undefined): Promise<Response | undefined> {
    const { intent, message, asked, wanted } = begun;
    const { core, signer } = await this.#ready();
    const turn = await this.#shelves.take(intent, name(), message.at, past);
    if (!turn) {
      await this.#left(intent, message.signal);
      return undefined;
    }
    const { id } = turn;
    const beat = setInterval(() => void this.#shelves.keep(intent, id, {}).catch(() => {}), HEARTBEAT_MS);
    const { patience = PATIENCE_SECONDS } = this.#options;
    let purchase: Purchase | undefined;
    try {
      const policy = wanted ? { ...this.#policy, pick: wanted.index } : this.#policy;
      if (turn.kept) {
        message.at = turn.url;
        purchase = core.Purchase.resume(turn.kept, patience);
      } else if (asked) {
        purchase = core.Purchase.begin(JSON.stringify(policy), await signer.address(), random(32), patience);
      } else return undefined;
      if (!purchase) throw new Error("the kept payment or the signer's address cannot be read");
      return await this.#run(purchase, Object.assign(begun, { turn, policy }));
    } catch (error) {
      // a wallet's word for no (EIP-1193)
      if ((error as { code?: unknown } | undefined)?.code !== 4001) throw error;
      const signed = turn.kept !== undefined;
      throw new PaymentError("declined", signed ? "the wallet said no after the payment was signed" : "the payment was not confirmed", {
        url: message.at, open: purchase?.keep() !== undefined, signed, cause: error,
      });
    } finally {
      clearInterval(beat);
      // what may have been sent and is not resolved is left for the next who wants the same
      const end = turn.kept === undefined ? "unpaid" : purchase && purchase.keep() === undefined && !begun.unwritten ? "paid" : "open";
      purchase?.free();
      // a store that fails here takes nothing from what was delivered: whoever wants the same finds the payment
      await this.#shelves.leave(intent, id, end).catch(() => {});
    }
  }

  /** From the first 402, or a payment that was kept, to what was wanted. */
  async #run(purchase: Purchase, begun: Begun): Promise<Response> {
    const { core, signer } = await this.#ready();
    const { turn, message, asked } = begun;
    const { id } = turn;
    let { offer } = turn;
    let response = begun.answer;
    let approved = false;
    const resumed = turn.kept !== undefined;
    const { patience = PATIENCE_SECONDS, progress } = this.#options;
    const tell: typeof progress = (event) => {
      try {
        progress?.(event);
      } catch {
        // who looks on changes nothing
      }
    };
    let last: Answered = asked!;
    /** Until when an answer is waited for: from the first time that the payment goes out, or does so after an approval. */
    let until = 0;
    const told = ({ status, required, settled, body, date, at, retryAfter }: Answered, later = 0): Step =>
      JSON.parse(purchase.answer(Math.min(secondsOf(Date.now()) + later, MOST_SECONDS), status, required, settled, body, date && date + secondsOf(Date.now()) - secondsOf(at), retryAfter)) as Step;
    const send = async () => {
      const payment = JSON.parse(purchase.payment()!) as { header: string; value: string };
      // the one before is not handed on
      void response?.body?.cancel().catch(() => {});
      until ||= Date.now() + patience * 1000;
      tell({ doing: "sent", url: message.at, offer });
      const sent = await this.#ask(message, {}, payment, until - Date.now());
      response = sent.response;
      return told((last = sent.answered));
    };
    if (turn.kept && offer) {
      // it may have been allowed when it was signed
      const against = this.#options.dryRun ? { reason: "dry-run", message: `a payment of ${offer.decimal} ${offer.symbol ?? offer.asset} to ${offer.payTo} is not resolved and would be sent again` } : this.#against(offer, message.at, "");
      if (against) throw new PaymentError(against.reason, against.message, { url: message.at, open: true, offer });
    }
    let step: Step = turn.kept ? await send() : told(asked!);
    for (;;) {
      switch (step.do) {
        case "sign": {
          offer = JSON.parse(purchase.choice()!) as Offer;
          step = await this.#sign(purchase, offer, begun);
          break;
        }
        case "send": {
          // even a timer of nothing takes a millisecond
          if (step.after > 0) {
            const ms = step.after * 1000;
            if (Date.now() + ms > until) {
              // as if the pause were over: the core says what is to be said then
              step = told(last, patience);
              break;
            }
            tell({ doing: "again", url: message.at, offer, seconds: step.after, status: last.status });
            await pause(ms, message.signal);
          }
          message.signal.throwIfAborted();
          step = await send();
          break;
        }
        case "deliver":
          // a full disk keeps nobody from what they paid for; the payment is left, and told of when it is wanted again
          await this.#delivered(response!, step, offer!, { id, message, payer: turn.payer ?? (await signer.address()), resumed }).catch(() => {
            begun.unwritten = true;
          });
          return response!;
        case "stop": {
          const { approve } = this.#options;
          if (step.reason === "approve-permit2" && approve && offer && !approved) {
            approved = true;
            const transaction = JSON.parse(core.approval(offer.asset, offer.amount)!) as { to: string; data: string };
            await approve({ network: offer.network, ...transaction });
            until = 0;
            step = await send();
            break;
          }
          // what the server refuses for good it could still take: it counts as spent until the chain says otherwise
          if (turn.kept !== undefined && !step.open) {
            // where that cannot be written the payment stays in its place, so that nothing is signed anew
            await this.#budgets.spend(id).catch(() => (begun.unwritten = true));
          }
          const { reason, code } = step;
          const { status } = last;
          // in its brackets the core has the server's word alone
          const text = reason === "unresolved" ? step.message.replace(/no reason given|(?<=\()/, status ? `answer ${status} ` : "no answer").replace(" )", ")") : step.message;
          const why = reason === "nothing-payable" ? this.#choose(core, begun.policy, last).problem! : { reason, message: text, offer };
          throw new PaymentError(why.reason, why.message, { ...why, url: message.at, open: step.open, signed: turn.kept !== undefined, code, response });
        }
      }
    }
  }

  /** Has one payment signed, if its owner and the budget allow it; it is written down before it can be sent. */
  async #sign(purchase: Purchase, offer: Offer, { intent, turn, message, asked, wanted }: Begun): Promise<Step> {
    const { core, signer } = await this.#ready();
    const { confirm, dryRun } = this.#options;
    const { id } = turn;
    const url = message.at;
    const not = (reason: string, text: string, limit?: string) => new PaymentError(reason, text, { url, offer, limit });
    const read = JSON.parse(core.offers(asked!.required, asked!.body)) as { url?: string };
    if (wanted && !same(offer, wanted)) throw not("offer-changed", "the server asks for something else than the quote said; nothing was signed");
    const against = this.#against(offer, url, read.url ?? "");
    if (against) throw not(against.reason, against.message);
    const amount = worth(offer) ?? 0n;
    const over = await (dryRun ? this.#budgets.over(amount, url) : this.#budgets.reserve(id, amount, url));
    if (over) throw not(over.reason, over.message, over.limit);
    if (dryRun) throw not("dry-run", `${offer.decimal} ${offer.symbol ?? offer.asset} would be paid to ${offer.payTo}`);
    let sent = false;
    try {
      if (confirm && (await confirm(offer, url)) !== true) throw not("declined", "the payment was not confirmed");
      message.signal.throwIfAborted();
      const step = JSON.parse(await signer.sign(purchase)) as Step;
      const kept = purchase.keep();
      if (step.do !== "send" || kept === undefined) return step;
      // nobody has seen the signature, and whoever asks again wants a fresh one
      message.signal.throwIfAborted();
      if (!((await this.#budgets.signed(id)) && (await this.#shelves.keep(intent, id, { kept, offer, url, payer: await signer.address(), at: Date.now() })))) {
        throw not("taken-over", "another program is at this payment; nothing was sent");
      }
      turn.kept = kept;
      sent = true;
      return step;
    } finally {
      if (!sent) await this.#budgets.release(id);
    }
  }

  /** Writes down what was bought. */
  async #delivered(response: Response, { receipt }: Extract<Step, { do: "deliver" }>, offer: Offer, { id, message, payer, resumed }: { id: string; message: Message; payer: string; resumed: boolean }) {
    // a receipt is the server's word: one that speaks of another payment says nothing of this
    const mine = receipt?.success && (!receipt.payer || sameAddress(receipt.payer, payer)) && (!receipt.network.includes(":") || receipt.network === offer.network) ? receipt : undefined;
    const taken = offer.scheme === "upto" && mine?.amount && /^\d{1,78}$/.test(mine.amount) && BigInt(mine.amount) <= BigInt(offer.amount) ? mine.amount : offer.amount;
    const paid = receiptOf(offer, { url: message.at, payer, taken, state: "paid", ...(mine ? { transaction: mine.transaction } : {}) });
    this.#receipts.set(response, paid);
    // all that was signed for: that less of it was taken is the server's word, which frees no budget
    await this.#budgets.spend(id);
    await this.#shelves.keepReceipt(id, paid, resumed);
    await this.#shelves.keepBought(message.url, offer);
    await this.#passOf(message, response);
  }

  /** Waits until who has the turn has left it, or died. */
  async #left(intent: string, signal: AbortSignal) {
    while (await this.#shelves.taken(intent)) await pause(LOOK_MS * (0.5 + Math.random()), signal);
  }
}
