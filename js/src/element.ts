// <farthing-paywall> and <farthing-button>: a card from attributes at once, and everything else when the reader comes near.

import { Card, type Face } from "./card.js";
import { script, wordsIn } from "./files.js";
import { languageOf } from "./language.js";
import { dollars, fill, priced } from "./money.js";
import type { Pay } from "./pay/pay.js";
import type { Notice, Stage } from "./state.js";
import { english, type Words, wordsOf } from "./words.js";

/** Written by the build: the hashes of the files of these names. */
declare const PAY: string;
declare const RECEIPT: string;

/** An EIP-1193 provider. */
export interface Provider {
  request(question: { method: string; params?: unknown }): Promise<unknown>;
}

/** What became of `pay()` and `restore()`; nothing is thrown for a reader who changed their mind. */
export interface Result {
  state: Stage;
  /** What the card says, such as `rejected` or `low-balance`. */
  notice: Notice;
}

/** Framed by a stranger, at any depth, who could lay something over the button (threat F4). */
const framed = () => {
  try {
    for (let at: Window = self; at !== at.parent; at = at.parent) if (at.parent.location.origin !== location.origin) return true;
    return false;
  } catch {
    return true;
  }
};

/** When the page has nothing better to do, and within a second. */
const soon = (work: () => void) => void (globalThis.requestIdleCallback?.(work, { timeout: 1000 }) ?? setTimeout(work));

/** Whether something of this name is kept; where storage is forbidden, nothing is. */
const recalls = (name: string) => {
  try {
    return localStorage.getItem(`farthing:${name}`) !== null;
  } catch {
    return false;
  }
};

/** The address in `src`, or the page's own; nothing where it is not one of the web. */
const addressOf = (host: HTMLElement) => {
  const src = host.getAttribute("src");
  // the page's own needs no parsing
  if (src === null) return location.protocol.startsWith("http") ? location.href.split("#")[0]! : "";
  if (!URL.canParse(src, document.baseURI)) return "";
  const url = new URL(src, document.baseURI);
  url.hash = "";
  return /^https?:/.test(url.protocol) ? url.href : "";
};

/** What is here already, and the next file need not bring. @internal */
export const tools = { script, wordsIn, dollars, fill };

const load = () => script<typeof import("./pay/pay.js")>("pay.js", PAY);

/**
 * A card that offers one page, takes its payment and opens it.
 *
 * @tag farthing-paywall
 * @attr {string} src - Address of the priced page; the page itself if absent.
 * @attr {string} price - What the card shows before the offer is read, like `$0.05`.
 * @attr {string} description - The card's heading.
 * @attr {string} network - A name to show, such as `Base`; or a CAIP-2 identifier, such as `eip155:8453`, and nothing is paid elsewhere.
 * @attr {string} symbol - The token to show before the offer is read; `USDC` if absent.
 * @attr {boolean} test-network - Shows the ribbon which says that this money is worth nothing, before the offer is read.
 * @attr {string} max-price - The most that is signed for, like `$0.10`.
 * @attr {string} pay-to - The only address that is paid.
 * @attr {string} lang - The card's language; that of the page around it if absent.
 * @attr {"card" | "plain" | "bold"} theme - How the card looks.
 * @attr {string} select - A selector: the part of the article's page that is put in the card's place.
 * @attr {"page"} open - The article opens on its own page instead.
 * @slot alternative - Another way to read, such as a subscription; below the card.
 * @slot no-wallet - In place of the link for readers without a wallet.
 * @slot get - In place of the link for readers without enough of the token.
 * @csspart card - All of it.
 * @csspart ribbon - What a test network's money is worth.
 * @csspart price - Amount and unit.
 * @csspart message - What the card says.
 * @csspart button - The main button, and the link in its place.
 * @csspart cancel - "Cancel" and "Stop waiting".
 * @csspart already - "Already paid?".
 * @csspart ways - "Other ways to pay".
 * @cssprop --farthing-accent - Button, focus and links.
 * @cssprop --farthing-accent-text - Text on the button.
 * @cssprop --farthing-surface - Behind the text.
 * @cssprop --farthing-text - Text.
 * @cssprop --farthing-muted - Text of less weight.
 * @cssprop --farthing-border - Lines.
 * @cssprop --farthing-radius - Round corners.
 * @cssprop --farthing-font - The font family.
 * @fires {FarthingStateEvent} farthing:state - Once for each change of `state`; bubbles and leaves shadow trees.
 * @fires {FarthingBeforePayEvent} farthing:beforepay - Before the wallet is asked to pay; `preventDefault()` keeps it closed.
 */
export class FarthingPaywall extends HTMLElement {
  /** @internal */
  static observedAttributes = ["src", "price", "description", "network", "symbol", "test-network", "lang"];

  /** The styles of a card that did not come with its page. @internal */
  static css: string | undefined;

  /** A wallet of the page's own; without it, the wallets of the browser are found. */
  provider: Provider | undefined;

  #card: Card | undefined;
  #words: Words = english;
  #starting: Promise<Pay | undefined> | undefined;
  #pay: Pay | undefined;
  #stage: Stage | undefined;
  #seen: IntersectionObserver | undefined;
  #acting = false;
  #broken = false;

  /** What the card is doing. */
  get state(): Stage {
    return this.#stage ?? "idle";
  }

  /** Pays as a press of the button does, from a handler of the reader's own click alone. */
  pay(): Promise<Result> {
    return this.#ask("press");
  }

  /** Opens what was paid for before, by one signature that costs nothing; from a click as well. */
  restore(): Promise<Result> {
    return this.#ask("restore");
  }

  /** Gives up what was only asked for; what was sent cannot be taken back. */
  cancel(): void {
    if (this.#pay) return this.#pay.cancel();
    this.#acting = false;
    if (this.#card) this.#show();
  }

  /** @internal */
  connectedCallback(): void {
    if (!this.#card) {
      const card = (this.#card = new Card(this, FarthingPaywall.css));
      card.button.addEventListener("click", (event) => event.isTrusted && this.#act("press"));
      card.already.addEventListener("click", (event) => event.isTrusted && this.#act("restore"));
      card.cancel.addEventListener("click", () => this.cancel());
      this.addEventListener("keydown", ({ key }) => key === "Escape" && this.cancel());
      for (const event of ["pointerenter", "focusin"]) this.addEventListener(event, () => this.#near());
    }
    void this.#speak();
    if (this.#pay) return this.#pay.connected();
    // moved in the page while the rest was on its way: it goes on
    if (this.#starting) return;
    const usable = !framed() && this.url;
    this.emit(usable ? "idle" : "error");
    // what follows waits for other processes, and the card can be used before
    if (usable) soon(this.#look);
  }

  /** @internal */
  disconnectedCallback(): void {
    this.#seen?.disconnect();
    this.#pay?.disconnected();
  }

  /** @internal */
  attributeChangedCallback(name: string): void {
    if (!this.#card) return;
    if (name === "lang") void this.#speak();
    else this.#show();
  }

  /** The address that is paid for. @internal */
  get url(): string {
    return addressOf(this);
  }

  /** All that the card says of what is sold, but for the price, and what may be paid. @internal */
  get says(): string {
    const said = ["symbol", "network", "test-network", "max-price", "pay-to"].map((name) => this.getAttribute(name));
    return [this.url, ...said].join("\n");
  }

  /** @internal */
  get words(): Words {
    return this.#words;
  }

  /** `farthing:state`, once for each. @internal */
  emit(state: Stage): void {
    if (this.#stage === state) return;
    this.#stage = state;
    this.dispatchEvent(new CustomEvent("farthing:state", { bubbles: true, composed: true, detail: { state } }));
  }

  /** The card before any offer was read, from attributes. @internal */
  face(): Face {
    const { lang, text, money } = this.#words;
    const attribute = (name: string) => this.getAttribute(name) ?? "";
    const price = priced(attribute("price"), money);
    // a CAIP-2 identifier is a pin, any other text is a label
    const network = attribute("network").includes(":") ? "" : attribute("network");
    const symbol = attribute("symbol") || "USDC";
    return {
      heading: attribute("description") || text.heading,
      price,
      unit: network ? fill(text.unit, { symbol, network }, lang) : symbol,
      message: text.offer,
      label: price ? fill(text["do-pay"], { price }, lang) : text["do-see"],
      test: this.hasAttribute("test-network"),
    };
  }

  /** The words, then the card; until they are there, it takes its room unseen. */
  async #speak() {
    const lang = languageOf(this);
    const card = this.#card!;
    if (this.#words.lang !== lang) {
      card.section.toggleAttribute("data-wait", !this.#stage);
      if (!this.#stage) this.#show();
      this.#words = await wordsOf(lang);
    }
    card.speak(this.#words);
    card.section.removeAttribute("data-wait");
    if (this.#pay) await this.#pay.speak();
    this.#show();
  }

  #show() {
    if (this.#pay) return this.#pay.paint();
    const { text } = this.#words;
    const card = this.#card!;
    const face = this.face();
    if (framed()) {
      // here the card only leads to the page itself
      card.link.target = "_blank";
      card.link.href = this.url;
      card.show({ ...face, message: text.framed, failed: true, link: true });
    } else if (this.#broken || !this.url) {
      card.link.href = this.url;
      card.show({ ...face, message: text.broken, failed: true, label: text["do-reload"], link: !this.hasAttribute("mode") });
    } else if (this.#acting) card.show({ ...face, label: text["do-wait"], busy: true });
    else card.show(face);
  }

  /** After the first look. A press before it does the same, for the core asks first for what was kept. */
  #look = () => {
    const { url } = this;
    if (!this.isConnected || this.#starting || !url) return;
    // signed and not resolved: taken up before a wallet can be asked (threat F7); and what was opened here opens again
    if (recalls(url) || (!this.hasAttribute("mode") && recalls(`open:${url}`))) return void this.#start();
    // what is only looked at costs the server nothing: the code may come, the offer not yet
    this.#seen?.disconnect();
    const seen = (this.#seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      soon(() => void load().then((file) => file.prepare()).catch(() => {}));
    }));
    seen.observe(this);
  };

  #near() {
    if (!framed() && !this.#broken && this.url) void this.#start().then((pay) => pay?.near());
  }

  #start() {
    this.#starting ??= load()
      .then((file) => file.Pay.start(this, this.#card!, tools))
      .then((pay) => {
        if (!this.isConnected) pay.disconnected();
        return (this.#pay = pay);
      })
      .catch(() => {
        this.#starting = undefined;
        this.#broken = true;
        this.emit("error");
        this.#show();
        return undefined;
      });
    return this.#starting;
  }

  #act(what: "press" | "restore"): void {
    if (this.#pay) return this.#pay[what]();
    if (this.#broken) return location.reload();
    if (this.#acting) return;
    // taken before anything else can happen (threat F2, invariant S9)
    const seen = this.getAttribute("price") ?? "";
    const { says } = this;
    this.#acting = true;
    this.#show();
    void this.#start().then((pay) => {
      // given up, or another card by now
      const meant = this.#acting && says === this.says;
      this.#acting = false;
      if (meant) pay?.[what](seen);
      else pay?.paint();
    });
  }

  async #ask(what: "press" | "restore"): Promise<Result> {
    // a wallet is asked only where a person asked for it (threats F4 and F10)
    if (navigator.userActivation?.isActive && !framed() && !this.#broken && this.#card) {
      // as with a press: what was on the card when it was asked for
      const seen = this.#pay ? undefined : (this.getAttribute("price") ?? "");
      const { says } = this;
      const pay = await this.#start();
      if (pay && says === this.says) {
        pay[what](seen);
        return pay.rest();
      }
    }
    return { state: this.state, notice: "offer" };
  }
}

/**
 * The same without the card around it: a button and what it says.
 *
 * @tag farthing-button
 */
export class FarthingButton extends FarthingPaywall {
  /** @internal */
  override connectedCallback(): void {
    this.toggleAttribute("bare", true);
    super.connectedCallback();
  }
}

/**
 * What was paid for a page, as this device remembers it.
 *
 * @tag farthing-receipt
 * @attr {string} src - Address of the page that was paid for; the page itself if absent.
 * @csspart receipt - All of it.
 * @csspart download - The link to the receipt as a file.
 * @csspart print - The button that prints.
 * @cssprop --farthing-accent - Focus and links.
 * @cssprop --farthing-surface - Behind the text.
 * @cssprop --farthing-text - Text.
 * @cssprop --farthing-muted - Names of the rows.
 * @cssprop --farthing-border - Lines.
 * @cssprop --farthing-radius - Round corners.
 * @cssprop --farthing-font - The font family.
 */
export class FarthingReceipt extends HTMLElement {
  /** @internal */
  connectedCallback(): void {
    addEventListener("farthing:receipt", this.#show);
    this.#show();
  }

  /** @internal */
  disconnectedCallback(): void {
    removeEventListener("farthing:receipt", this.#show);
  }

  /** Again when something is paid for on this page. */
  #show = () => {
    void script<typeof import("./pay/receipt.js")>("receipt.js", RECEIPT).then((file) => file.show(this, addressOf(this))).catch(() => {});
  };
}
