// The card as the reader sees it: a function of the view. Text only ever enters as text (threat F1).

import style from "../../www/widget.css";
import { type Key, lang, text } from "./text.en.js";
import type { Wallet } from "./wallets.js";
import type { View } from "./wire.js";

/** What the page's author wrote on the element. */
export interface Labels {
  price: string;
  description: string;
  network: string;
  test: boolean;
}

const sheet = new CSSStyleSheet();
sheet.replaceSync(style);

type Child = Node | string;

const element = <Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Record<string, string>, ...children: Child[]) => {
  const made = document.createElement(tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]!);
  made.append(...children);
  return made;
};

/** A live region speaks whenever its text is set. */
const tell = (region: Element, message: string) => {
  if (region.textContent !== message) region.textContent = message;
};

const dollars = (decimal: string) =>
  new Intl.NumberFormat(lang, { style: "currency", currency: "USD", maximumFractionDigits: 6 }).format(decimal as unknown as number);

export class Card {
  readonly button = element("button", { part: "button", type: "button" });
  readonly link = element("a", { part: "button" }, text["do-link"]);
  readonly cancel = element("button", { part: "cancel", type: "button" });
  #ribbon = element("p", { part: "ribbon" }, text.test);
  #heading = element("h2", { id: "heading" });
  #amount = element("strong", {});
  #unit = element("span", {});
  #status = element("p", { part: "message", role: "status" });
  #alert = element("p", { part: "message", role: "alert" });
  #wallets = element("fieldset", {});
  #learn = element("slot", { name: "no-wallet" }, element("a", { href: "https://ethereum.org/wallets/", target: "_blank", rel: "noreferrer" }, text.learn));
  #terms = element("dl", {});
  #details = element("details", {}, element("summary", {}, text.details), this.#terms, element("p", {}, text.explain));
  #shown: View["notice"] | undefined;
  #listed: Wallet[] = [];

  constructor(root: ShadowRoot) {
    root.adoptedStyleSheets = [sheet];
    root.append(
      element(
        "section",
        { part: "card", "aria-labelledby": "heading", lang },
        this.#ribbon,
        this.#heading,
        element("p", { part: "price" }, this.#amount, " ", this.#unit),
        this.#status,
        this.#alert,
        this.#learn,
        this.#wallets,
        element("div", { class: "row" }, this.button, this.link, this.cancel),
        this.#details,
        element("slot", { name: "alternative" }),
      ),
    );
  }

  paint({ notice, action, stage, cancel, offer, before }: View, labels: Labels, wallets: Wallet[]) {
    const price = offer ? dollars(offer.price) : labels.price.replace(/^\$([\d.]+)$/, (_, number: string) => dollars(number));
    const words: Record<string, string> = {
      price,
      before: before ? dollars(before) : "",
      symbol: offer?.symbol ?? "USDC",
      network: offer?.network || labels.network,
    };
    const say = (key: Key) => text[key].replace(/\{(\w+)\}/g, (_, name: string) => words[name] ?? "");
    const label = action === "choose" && wallets.length < 2 ? "retry" : action === "pay" && !price ? "see" : action;
    this.#ribbon.hidden = !(offer ? offer.test : labels.test);
    this.#heading.textContent = labels.description || text.heading;
    this.#amount.textContent = price;
    this.#unit.textContent = words.network ? say("unit") : words.symbol!;
    const failed = stage === "error";
    const message = say(notice);
    tell(this.#status, failed ? "" : message);
    tell(this.#alert, failed ? message : "");
    this.#learn.hidden = notice !== "no-wallet";
    this.button.textContent = say(`do-${label}`);
    this.button.ariaDisabled = String(action === "wait");
    this.button.hidden = action === "link";
    this.#details.hidden = this.button.hidden;
    this.link.hidden = !this.button.hidden;
    const focused = this.cancel.matches(":focus");
    this.cancel.hidden = !cancel;
    // what was sent cannot be taken back
    this.cancel.textContent = say(stage === "settling" || stage === "pending" ? "stop" : "cancel");
    if (focused && !cancel) this.button.focus();
    const choosing = action === "choose" && wallets.length > 1;
    this.#wallets.hidden = !choosing;
    if (choosing && (this.#shown !== notice || this.#listed.length !== wallets.length)) this.#list(wallets);
    this.#terms.replaceChildren(
      ...this.#row("amount", offer ? `${price} (${offer.price} ${offer.symbol})` : price),
      ...this.#row("to", offer?.payTo),
      ...this.#row("network", words.network),
    );
    this.#shown = notice;
  }

  /** The wallet of the checked radio button, while there is a choice. */
  get chosen(): Wallet | undefined {
    const checked = this.#wallets.querySelector<HTMLInputElement>(":checked");
    return this.#wallets.hidden || !checked ? undefined : this.#listed[Number(checked.value)];
  }

  #list(wallets: Wallet[]) {
    this.#listed = wallets;
    this.#wallets.replaceChildren(
      element("legend", {}, text.wallets),
      ...wallets.map(({ name, rdns, icon }, index) =>
        element(
          "label",
          {},
          element("input", { type: "radio", name: "wallet", value: String(index), ...(index ? {} : { checked: "" }) }),
          icon ? element("img", { src: icon, alt: "", width: "28", height: "28" }) : "",
          element("span", {}, name, element("small", {}, rdns)),
        ),
      ),
    );
    this.#wallets.querySelector("input")!.focus();
  }

  #row(name: Key, value: string | undefined): Node[] {
    return value ? [element("dt", {}, text[name]), element("dd", {}, value)] : [];
  }
}
