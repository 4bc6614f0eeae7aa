// What a card does once somebody comes near: finds wallets, runs the flow, and shows where it stands.

import { more } from "#words";
import type { Card } from "../card.js";
import type { FarthingPaywall, Result, tools } from "../element.js";
import { type Action, BROKEN, type Notice, type Stage, type Terms, type View } from "../wire.js";
import { keep, keptPayment, put, recall, remembers, unlocked } from "./device.js";
import { Flow, load, owned } from "./flow.js";
import { receiptOf } from "./record.js";
import { discover, type Wallet, wallets } from "./wallets.js";

/** Written by the build: the hashes of the files of these names. */
declare const HELP: string;
declare const PANELS: string;
declare const PLACE: string;

export type More = Record<keyof typeof more, string>;
type Wish = "pay" | "restore";

/** Wallets that have not announced themselves after this long are not there. */
const ANNOUNCE_MS = 300;
/** A press this soon after the button came to mean something else was meant for what it said before. */
const REREAD_MS = 600;
/** Most pages have come by then. */
const LEAVE_MS = 5_000;

const view = (stage: Stage, notice: Notice, action: Action, cancel = false): View => ({ stage, notice, action, cancel });

/** Fetches the core while nobody waits for it. */
export const prepare = () => load();

export class Pay {
  view: View = view("idle", "offer", "pay");
  #use: typeof tools;
  #host: FarthingPaywall;
  #card: Card;
  #more: More = more;
  #flow: Flow | undefined;
  #wish: Wish = "pay";
  #pressing = false;
  /** Given up by the reader before the core heard of the press. */
  #quit = false;
  /** Another tab has the turn: what is still answered here changes the offers and not what is said. */
  #other = false;
  #turned = -REREAD_MS;
  #told: Notice | undefined;
  #mark: string | undefined;
  #listed = "";
  #panels: import("./panels.js").Panels | undefined;
  /** What the card said when its flow began. */
  #said = "";
  #resting: ((result: Result) => void)[] = [];

  /** The core, with the page's offer taken in and an unresolved payment taken up. */
  static async start(host: FarthingPaywall, card: Card, use: typeof tools): Promise<Pay> {
    const pay = new Pay(host, card, use);
    const [loaded] = await Promise.all([load().then(() => true, () => false), pay.#words()]);
    if (loaded) await pay.#begin();
    else pay.#show(BROKEN);
    pay.paint();
    return pay;
  }

  private constructor(host: FarthingPaywall, card: Card, use: typeof tools) {
    this.#use = use;
    this.#host = host;
    this.#card = card;
    for (const details of [card.about, card.details]) details.addEventListener("toggle", () => this.paint());
    addEventListener("pageshow", this.#back);
  }

  /** In the page again, with what it was doing. */
  connected() {
    addEventListener("pageshow", this.#back);
  }

  disconnected() {
    removeEventListener("pageshow", this.#back);
  }

  near() {
    if (this.view.action === "link" || this.view.action === "reload") return;
    discover();
    void this.#flow?.send({ type: "intent" });
  }

  cancel() {
    this.#quit = true;
    void this.#flow?.send({ type: "cancel" });
  }

  /** The primary button; `seen` is the price on the card when it was pressed. */
  press(seen?: string) {
    const { action } = this.view;
    if (this.#pressing || action === "wait" || this.view.stage === "unlocked" || performance.now() - this.#turned < REREAD_MS) return;
    // a press from before this was here meant another button
    if (action === "reload") return seen === undefined ? location.reload() : this.paint();
    if (this.#changed()) return;
    const chosen = this.#chosen;
    const price = seen ?? (chosen ? `$${chosen.price}` : this.#host.getAttribute("price") ?? "");
    if (action === "pay") this.#wish = "pay";
    // who was told that it opens has seen no price, if it should cost something again by now
    const opens = action === "open";
    void this.#ask(opens ? "" : price, seen === undefined && !opens ? chosen?.mark : undefined);
  }

  /** "Already paid?" */
  restore() {
    if (this.#pressing || !this.view.restore || this.#changed()) return;
    this.#wish = "restore";
    void this.#ask("");
  }

  /** Another article's by now, or of another kind: it begins anew, and is pressed again. */
  #changed() {
    const changed = this.#flow && this.#host.says !== this.#said;
    if (changed) void this.#begin();
    return changed;
  }

  /** When there is something to do again, or nothing more. */
  rest(): Promise<Result> {
    return new Promise((resolve) => {
      this.#resting.push(resolve);
      this.#rested();
    });
  }

  /** The language has changed. */
  async speak() {
    await this.#words();
  }

  paint() {
    const { notice, action, stage, cancel = false, before, have, offers = [], chosen = 0 } = this.view;
    const { lang, text, money } = this.#host.words;
    const { dollars, fill } = this.#use;
    const more = this.#more;
    const card = this.#card;
    const bare = this.#host.face();
    const offer = offers[chosen];
    const all = this.#wallets;
    const price = offer ? dollars(offer.price, money) : bare.price;
    const symbol = offer?.symbol ?? (this.#host.getAttribute("symbol") || "USDC");
    const amount = (decimal: string) => `${dollars(decimal, money)} ${symbol}`;
    const values: Record<string, string> = {
      price, symbol, network: offer?.network ?? "", amount: offer ? amount(offer.price) : price,
      before: before ? dollars(before, money) : "", have: have ? amount(have) : "",
    };
    const phone = notice === "no-wallet" && isPhone;
    const key = phone ? "no-wallet-phone" : notice === "low-balance" && have ? "low-balance-have" : notice;
    const words: Record<string, string> = { ...more, ...text };
    const say = (name: string) => fill(words[name] ?? "", values, lang);
    const label = action === "choose" && all.length < 2 ? "retry" : action === "pay" && !price ? "see" : action === "open" ? "link" : action;
    const sending = stage === "settling" || stage === "pending";
    const was = card.button.textContent;
    const telling = notice === "price-changed" || notice === "confirm";
    const told = telling && this.#told !== notice;
    // another payee or another time at the same price is seen nowhere else
    if (told && this.#mark && offer && this.#mark !== offer.mark) card.details.open = true;
    this.#mark = offer?.mark;
    this.#told = notice;
    const awaited = card.button.ariaDisabled === "true" && !telling;
    card.link.href = this.#host.url;
    card.show({
      heading: bare.heading,
      price,
      unit: offer ? [offer.wider?.title, say("unit")].filter(Boolean).join(" · ") : bare.unit,
      message: say(key),
      label: say(`do-${label}`),
      failed: stage === "error",
      busy: action === "wait",
      link: action === "link",
      test: offer ? offer.test : bare.test,
    });
    if (was && action !== "wait" && (told || (was !== card.button.textContent && !awaited))) this.#turned = performance.now();
    const focused = card.cancel.matches(":focus");
    card.cancel.hidden = !cancel;
    // what was sent cannot be taken back
    card.cancel.textContent = sending ? more.stop : more.cancel;
    if (focused && !cancel) card.button.focus();
    // it promises what is free, and is not there where a payment waits
    card.already.hidden ||= action !== "wait" && !this.view.restore;
    const choosing = action === "choose" && all.length > 1;
    const helping = notice === "no-wallet" || notice === "low-balance";
    // what is chosen from and read up on comes when it is wanted
    if (offers.length > 1 || choosing || helping || card.about.open || card.details.open) void this.#load().catch(() => {});
    const shown = offer ? `${price} (${offer.price} ${offer.symbol})` : price;
    this.#panels?.paint({ words: more, lang, money, offers, chosen, enabled: action !== "wait", price: shown });
    this.#body(choosing ? all : undefined, helping ? notice : undefined, phone, offer);
    this.#host.emit(stage);
  }

  get #wallets(): Wallet[] {
    return wallets(this.#more.wallet, this.#host.provider);
  }

  get #chosen(): Terms | undefined {
    return this.view.offers?.[this.view.chosen ?? 0];
  }

  get #isPage() {
    return this.#host.hasAttribute("mode");
  }

  // A page from the back-forward cache may have been paid for since (threat E4).
  #back = ({ persisted }: PageTransitionEvent) => {
    if (persisted && this.#isPage) location.reload();
  };

  async #words() {
    const { lang } = this.#host.words;
    this.#more = lang === "en" ? more : { ...more, ...(await this.#use.wordsIn(`${lang}.more`)) };
    this.#listed = "";
  }

  async #load() {
    if (this.#panels) return;
    const { Panels } = await this.#use.script<typeof import("./panels.js")>("panels.js", PANELS);
    if (this.#panels) return;
    this.#panels = new Panels(this.#card, (index) => void this.#flow?.send({ type: "choose", index }));
    this.paint();
  }

  /** What stands between the message and the button. */
  #body(choice: Wallet[] | undefined, help: Notice | undefined, phone: boolean, offer: Terms | undefined) {
    const { body } = this.#card;
    const what = choice ? choice.map(({ id }) => id).join() : (help ?? "");
    if (what === this.#listed || (what && !this.#panels)) return;
    this.#listed = what;
    if (choice) return this.#panels!.list(choice, this.#more);
    body.replaceChildren();
    if (!help) return;
    void this.#use.script<typeof import("./help.js")>("help.js", HELP)
      .then(({ noWallet, getting }) => {
        if (this.#listed !== what) return;
        if (help === "no-wallet") noWallet(body, this.#more, this.#host.url, phone);
        else getting(body, this.#more, offer);
      })
      .catch(() => {});
  }

  #show(next: View) {
    // the core's views have the offers; the shell's own do not take them away
    const { offers, chosen } = this.view;
    this.view = next.offers ? next : { ...next, offers, chosen };
    if (next.notice === "broken") this.view = { ...this.view, action: this.#isPage ? "reload" : "link" };
    this.paint();
    this.#rested();
  }

  #rested() {
    const { action, stage, notice } = this.view;
    if (this.#pressing || (action === "wait" && stage !== "unlocked")) return;
    for (const resolve of this.#resting.splice(0)) resolve({ state: stage, notice });
  }

  async #begin() {
    const host = this.#host;
    const attribute = (name: string) => host.getAttribute(name) ?? undefined;
    const network = attribute("network");
    const { url } = host;
    this.#said = host.says;
    const flow = Flow.start({
      url,
      page: {
        price: attribute("price"),
        symbol: attribute("symbol") ?? "USDC",
        test: host.hasAttribute("test-network"),
        maxPrice: attribute("max-price"),
        payTo: attribute("pay-to"),
        // a CAIP-2 identifier is a pin, any other text is a label
        [network?.includes(":") ? "network" : "name"]: network,
      },
      show: (next, early) => {
        if (flow !== this.#flow) return;
        const { stage, notice, action } = this.view;
        this.#show((early && next.stage !== "unlocked") || this.#other ? { ...next, ...view(stage, notice, action) } : next);
      },
      open: (answer, url) => this.#open(answer, url, flow === this.#flow),
    });
    if (!flow) return this.#show(view("error", "pinned", "reload"));
    this.#flow = flow;
    if (!this.#isPage && recall(`open:${url}`) && (await this.#reopen(url))) return;
    const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    const at = Math.floor((performance.timeOrigin + (navigation?.responseStart ?? 0)) / 1000);
    const kept = await keptPayment(url);
    const turn = kept ? await flow.lock() : true;
    await flow.send({ type: "start", offer: attribute("offer"), at, prefer: recall("offer"), kept: turn ? kept : "" });
    if (!turn) this.#elsewhere();
  }

  /** Another tab is paying; when it is done, this one begins anew. */
  #elsewhere() {
    const { url } = this.#host;
    this.#other = true;
    this.#show(view("pending", "other-tab", "wait"));
    void unlocked(url).then(async () => {
      if (this.#isPage) return location.reload();
      this.#other = false;
      this.#show(view("idle", "offer", "pay"));
      await this.#begin();
    });
  }

  /** The press of a button: takes the turn, finds the wallet, and hands over to the core; `seen` and `shown` are the price and the offer that were on the card. */
  async #ask(seen: string, shown?: string) {
    const offer = this.#chosen;
    this.#pressing = true;
    this.#quit = false;
    try {
      if (this.#wish === "pay" && this.view.action !== "check" && this.view.action !== "open" && !this.#allowed(offer, seen)) return;
      let wallet: Wallet | undefined = this.#picked;
      let all = this.#wallets;
      if (all.length === 1) [wallet] = all;
      this.#show({ ...this.view, ...(this.view.action === "check" ? view("pending", "pending", "wait") : view("quoting", offer && all.length ? "connecting" : "quoting", "wait")) });
      if (!all.length) {
        discover();
        await new Promise((resolve) => setTimeout(resolve, ANNOUNCE_MS));
        all = this.#wallets;
        if (all.length === 1) [wallet] = all;
      }
      const flow = this.#flow;
      if (!flow) return this.#show(BROKEN);
      const meant = () => !this.#quit && this.#host.isConnected;
      if (wallet?.rdns) keep("wallet", wallet.rdns);
      if (offer && !offer.wider) keep("offer", offer.id);
      if (!(await flow.ask(this.#wish, wallet ? 1 : all.length, seen, shown, wallet?.request, meant))) this.#elsewhere();
    } finally {
      this.#pressing = false;
      this.#rested();
    }
  }

  /** The page's author may have a word before the wallet opens. */
  #allowed(offer: Terms | undefined, seen: string) {
    const { price = seen.replace(/^\$/, ""), symbol = "", network = "", payTo = "", id = "" } = offer ?? {};
    const detail = { price, symbol, network, payTo, offer: id };
    return this.#host.dispatchEvent(new CustomEvent("farthing:beforepay", { bubbles: true, composed: true, cancelable: true, detail }));
  }

  /** The wallet of the checked radio button, while there is a choice. */
  get #picked(): Wallet | undefined {
    const checked = this.#card.body.querySelector<HTMLInputElement>("[name=wallet]:checked");
    return checked ? this.#wallets.find(({ id }) => id === checked.value) : undefined;
  }

  /** `here`: the card is still that article's. */
  async #open(answer: Response | undefined, url: string, here: boolean) {
    const offer = this.#chosen;
    if (answer) {
      const pass = answer.headers.get("Farthing-Pass");
      if (pass) await put("passes", url, pass);
      const receipt = here && receiptOf(answer, url, this.#host.face().heading, this.#wish === "pay" ? offer : undefined);
      if (receipt) {
        await put("receipts", url, receipt);
        dispatchEvent(new Event("farthing:receipt"));
      }
    }
    if (!here) return void keep(`open:${url}`, "1");
    // a page that may keep no cookie would only come with its card again: there the article is read here
    if (this.#isPage && remembers()) return this.#leave("replace", url);
    keep(`open:${url}`, "1");
    if (this.#onItsOwn(url)) return this.#leave("assign", url);
    const article = answer ?? (await owned(url).catch(() => undefined));
    await this.#place(article === "no" ? undefined : article, url, true);
  }

  /** On its own page an article of another origin would be locked: what opens it is this page's. */
  #onItsOwn(url: string) {
    return this.#host.getAttribute("open") === "page" && new URL(url).origin === location.origin;
  }

  /** A page that does not come, because it is a file or the reader came back, is a link. */
  #leave(by: "assign" | "replace", url: string) {
    location[by](url);
    setTimeout(() => this.#show(view("unlocked", "unlocked", "link")), LEAVE_MS);
  }

  /** What was opened here before is opened again, without a question to anybody but the site; whether there is nothing left to pay. */
  async #reopen(url: string) {
    const answer = await owned(url).catch(() => undefined);
    if (answer === "no") keep(`open:${url}`, "");
    if (!answer || answer === "no") return false;
    // a press that waited for this finds nothing to pay
    this.#show(view("unlocked", "unlocked", "wait"));
    if (this.#onItsOwn(url)) this.#show(view("unlocked", "owned", "link"));
    else await this.#place(answer, url, false);
    return true;
  }

  async #place(answer: Response | undefined, url: string, lead: boolean) {
    if (await this.#placed(answer, url, lead).catch(() => false)) return;
    // where the page's policy does not let text become a part of it, the article has a page of its own
    this.#show(view("unlocked", "unlocked", "link"));
  }

  async #placed(answer: Response | undefined, url: string, lead: boolean) {
    if (answer) {
      const { place } = await this.#use.script<typeof import("./place.js")>("place.js", PLACE);
      return place(this.#host, answer, url, lead);
    }
    return false;
  }
}

const agent = navigator as Navigator & { userAgentData?: { mobile: boolean } };
const isPhone = agent.userAgentData?.mobile
  ?? (/Android|iPhone|iPad|iPod/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1));
