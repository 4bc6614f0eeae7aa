// The card's frame: what a reader sees at the first look. Text only ever enters as text (threat F1).

import type { Words } from "./words.js";

type Child = Node | string;

export const element = <Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Record<string, string>, ...children: Child[]) => {
  const made = document.createElement(tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]!);
  made.append(...children);
  return made;
};

/** A live region speaks whenever its text is set, and the page is laid out anew: only what is new is set. */
const tell = (part: Element, text: string) => {
  if (part.textContent !== text) part.textContent = text;
};

/** What stands on the card. */
export interface Face {
  heading: string;
  price: string;
  unit: string;
  message: string;
  label: string;
  /** Something has to be mended: said at once. */
  failed?: boolean;
  /** Nothing to do but wait. */
  busy?: boolean;
  /** The button leads to the page instead. */
  link?: boolean;
  test?: boolean;
}

export class Card {
  readonly root: ShadowRoot;
  readonly section: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly link: HTMLAnchorElement;
  readonly cancel: HTMLButtonElement;
  readonly already: HTMLButtonElement;
  /** Two expanders, filled when their words are there. */
  readonly about: HTMLDetailsElement;
  readonly details: HTMLDetailsElement;
  /** Between the message and the button: whatever has to be chosen or read first. */
  readonly body: HTMLElement;
  #part: (name: string) => HTMLElement;

  /** Takes over the card that came with the page, or draws one. */
  constructor(host: HTMLElement, css?: string) {
    const there = host.shadowRoot;
    this.root = there ?? host.attachShadow({ mode: "open" });
    // styles that came with the card hold unless the page's policy forbids them there
    if (css || !there?.styleSheets.length) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css ?? there?.querySelector("style")?.textContent ?? "");
      this.root.adoptedStyleSheets = [sheet];
    }
    if (!there) this.root.append(frame());
    this.#part = (name) => this.root.getElementById(name)!;
    const part = <Kind extends HTMLElement>(name: string) => this.#part(name) as Kind;
    this.section = this.root.querySelector("section")!;
    this.button = part("pay");
    this.link = part("link");
    this.cancel = part("cancel");
    this.already = part("already");
    this.about = part("about");
    this.details = part("details");
    this.body = part("body");
  }

  /** Static words, in the language of the page; a card that came with its page has them. */
  speak({ lang, text }: Words) {
    this.link.textContent = text["do-link"];
    if (this.section.lang === lang) return;
    this.section.lang = lang;
    this.section.dir = lang === "ar" ? "rtl" : "ltr";
    this.#part("test").textContent = text.test;
    this.already.textContent = text.already;
    this.about.firstElementChild!.textContent = text.about;
    this.details.firstElementChild!.textContent = text.details;
  }

  show({ heading, price, unit, message, label, failed = false, busy = false, link = false, test = false }: Face) {
    const part = this.#part;
    const ribbon = part("test");
    // one that comes late comes last: nothing moves from under a pointer
    if (test && ribbon.hidden && this.button.textContent) this.section.append(ribbon);
    ribbon.hidden = !test;
    tell(part("heading"), heading);
    tell(part("amount"), price);
    tell(part("unit"), unit);
    tell(part("status"), failed ? "" : message);
    tell(part("alert"), failed ? message : "");
    tell(this.button, label);
    this.button.ariaDisabled = String(busy);
    this.button.hidden = link;
    this.link.hidden = !link;
    this.already.hidden = link || busy;
  }
}

/** The same as `www/card.html`, which the Worker sends along with a page. */
const frame = () =>
  element(
    "section",
    { part: "card", "aria-labelledby": "heading" },
    element("p", { id: "test", part: "ribbon", hidden: "" }),
    element("h2", { id: "heading" }),
    element("p", { part: "price" }, element("strong", { id: "amount" }), " ", element("span", { id: "unit" })),
    element("p", { id: "status", part: "message", role: "status" }),
    element("p", { id: "alert", part: "message", role: "alert" }),
    element("div", { id: "body" }),
    element(
      "div",
      { class: "row" },
      element("button", { id: "pay", part: "button", type: "button" }),
      element("a", { id: "link", part: "button", hidden: "" }),
      element("button", { id: "cancel", part: "cancel", type: "button", hidden: "" }),
    ),
    element(
      "div",
      { class: "foot" },
      element("button", { id: "already", part: "already", type: "button" }),
      element("details", { id: "about" }, element("summary", {})),
      element("details", { id: "details" }, element("summary", {})),
    ),
    element("slot", { name: "alternative" }),
  );
