// <farthing-paywall>: draws its card from attributes at once, and fetches the core when the reader comes near.

import { Card } from "./card.js";
import { keep, recall, unlocked } from "./device.js";
import { Flow, load } from "./flow.js";
import { text } from "./text.en.js";
import { discover, type Wallet, wallets } from "./wallets.js";
import { type Action, BROKEN, type Notice, type Stage, type View } from "./wire.js";

/** Wallets that have not announced themselves after this long are not there. */
const ANNOUNCE_MS = 300;
/** A press this soon after the button came to mean something else was meant for what it said before. */
const REREAD_MS = 600;

const view = (stage: Stage, notice: Notice, action: Action, cancel = false): View => ({ stage, notice, action, cancel });

/** Framed by a stranger, who could lay something over the button (threat F4). */
const framed = () => {
  try {
    return top!.location.origin !== location.origin;
  } catch {
    return true;
  }
};

export class FarthingPaywall extends HTMLElement {
  static observedAttributes = ["price", "description", "network", "test-network"];

  #card: Card | undefined;
  #view = view("idle", "offer", "pay");
  #flow: Promise<Flow | undefined> | undefined;
  #stage: Stage | undefined;
  #pressing: Promise<void> | undefined;
  #turned = -REREAD_MS;
  #seen: IntersectionObserver | undefined;

  /** What the card is doing. */
  get state(): Stage {
    return this.#view.stage;
  }

  connectedCallback() {
    if (!this.#card) {
      this.#card = new Card(this.attachShadow({ mode: "open" }));
      this.#card.button.addEventListener("click", (event) => {
        if (event.isTrusted) this.#pressing ??= this.#press().finally(() => (this.#pressing = undefined));
      });
      this.#card.cancel.addEventListener("click", () => void this.#flow?.then((flow) => flow?.send({ type: "cancel" })));
      this.addEventListener("pointerenter", () => this.#near());
      this.addEventListener("focusin", () => this.#near());
    }
    const { link } = this.#card;
    link.href = this.#url;
    link.target = framed() ? "_blank" : "";
    if (framed()) this.#view = view("error", "framed", "link");
    else if (new URL(this.#url).origin !== location.origin) this.#view = view("idle", "elsewhere", "link");
    else if (recall(this.#url)) {
      this.#view = view("pending", "pending", "wait");
      this.#start();
    } else {
      // what is only looked at costs the server nothing: the core may come, the offer not yet
      this.#seen = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        this.#seen!.disconnect();
        (globalThis.requestIdleCallback ?? setTimeout)(() => load().catch(() => {}));
      });
      this.#seen.observe(this);
    }
    addEventListener("pageshow", this.#back);
    this.#show(this.#view);
  }

  disconnectedCallback() {
    this.#seen?.disconnect();
    removeEventListener("pageshow", this.#back);
  }

  attributeChangedCallback() {
    if (this.#card) this.#show(this.#view);
  }

  get #url() {
    const url = new URL(this.getAttribute("src") ?? location.href, document.baseURI);
    url.hash = "";
    return url.href;
  }

  get #isPage() {
    return this.hasAttribute("mode");
  }

  // A page from the back-forward cache may have been paid for since (threat E4).
  #back = ({ persisted }: PageTransitionEvent) => {
    if (persisted && this.#isPage) location.reload();
  };

  #show(next: View) {
    const { button } = this.#card!;
    const [was, label] = [this.#view, button.textContent];
    this.#view = next;
    const attribute = (name: string) => this.getAttribute(name) ?? "";
    const network = attribute("network");
    this.#card!.paint(
      next,
      {
        price: attribute("price"),
        description: attribute("description"),
        network: network.includes(":") ? "" : network,
        test: this.hasAttribute("test-network"),
      },
      wallets(text.wallet),
    );
    const awaited = was.action === "wait" && next.notice !== "price-changed";
    if (label && label !== button.textContent && !awaited && next.action !== "wait") this.#turned = performance.now();
    if (this.#stage !== next.stage) {
      this.#stage = next.stage;
      this.dispatchEvent(new CustomEvent("farthing:state", { bubbles: true, composed: true, detail: { state: next.stage } }));
    }
  }

  #open() {
    if (this.#isPage) location.replace(this.#url);
    else location.assign(this.#url);
  }

  /** The core, with the page's offer taken in and an unresolved payment taken up. */
  #start() {
    this.#flow ??= this.#begin().catch(() => {
      this.#flow = undefined;
      this.#show(BROKEN);
      return undefined;
    });
    return this.#flow;
  }

  async #begin() {
    const attribute = (name: string) => this.getAttribute(name) ?? undefined;
    const network = attribute("network");
    await load();
    const url = this.#url;
    const flow = Flow.start({
      url,
      page: {
        price: attribute("price"),
        maxPrice: attribute("max-price"),
        payTo: attribute("pay-to"),
        // a CAIP-2 identifier is a pin, any other text is a label
        network: network?.includes(":") ? network : undefined,
      },
      show: (next) => this.#show(next),
      open: () => this.#open(),
    });
    if (!flow) {
      this.#show(view("error", "pinned", "reload"));
      return undefined;
    }
    const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    const at = Math.floor((performance.timeOrigin + (navigation?.responseStart ?? 0)) / 1000);
    const turn = recall(url) ? await flow.lock() : true;
    flow.send({ type: "start", offer: attribute("offer"), at, kept: turn ? recall(url) : "" });
    if (!turn) this.#elsewhere();
    return flow;
  }

  /** Another tab is paying; when it is done, this one begins anew. */
  #elsewhere() {
    const url = this.#url;
    this.#show(view("pending", "other-tab", "wait"));
    void unlocked(url).then(() => {
      if (this.#isPage) return location.reload();
      this.#flow = undefined;
      this.#show(view("idle", "offer", "pay"));
      if (recall(url)) void this.#start();
    });
  }

  #near() {
    if (this.#view.action === "link" || this.#view.action === "reload") return;
    discover();
    void this.#start()?.then((flow) => flow?.send({ type: "intent" }));
  }

  async #press() {
    const { action, offer } = this.#view;
    if (action === "wait" || performance.now() - this.#turned < REREAD_MS) return;
    if (action === "reload") return location.reload();
    // taken before anything else can happen (threat F2, invariant S9)
    const seen = offer ? `$${offer.price}` : this.getAttribute("price") ?? "";
    let wallet: Wallet | undefined = this.#card!.chosen;
    let all = wallets(text.wallet);
    if (all.length === 1) [wallet] = all;
    const meanwhile = action === "check" ? view("pending", "pending", "wait") : view("quoting", "connecting", "wait");
    this.#show({ ...this.#view, ...meanwhile });
    if (!all.length) {
      discover();
      await new Promise((resolve) => setTimeout(resolve, ANNOUNCE_MS));
      all = wallets(text.wallet);
      if (all.length === 1) [wallet] = all;
    }
    const flow = await this.#start();
    if (!flow) return;
    if (!(await flow.lock())) return this.#elsewhere();
    if (wallet) keep("wallet", wallet.rdns);
    flow.pay(wallet ? 1 : all.length, seen, wallet?.request);
  }
}
