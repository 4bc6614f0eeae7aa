// The parts of the card that are there to choose from or to read up on.

import { type Card, element } from "../card.js";
import { dollars, fill, type Money } from "../money.js";
import type { Terms } from "../wire.js";
import { panels } from "#words";
import css from "../../../www/pay.css";
import type { Wallet } from "./wallets.js";

type Words = typeof panels;

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

/** What the panels are painted from. */
export interface State {
  words: Partial<Words> & { price: string; to: string; network: string };
  lang: string;
  money: Money;
  offers: Terms[];
  chosen: number;
  enabled: boolean;
  /** Of the chosen offer, for people and exactly. */
  price: string;
}

export class Panels {
  #card: Card;
  #ways: Ways;

  constructor(card: Card, choose: (index: number) => void) {
    this.#card = card;
    this.#ways = new Ways(card, choose);
    card.root.adoptedStyleSheets = [...card.root.adoptedStyleSheets, sheet];
  }

  paint({ words, lang, money, offers, chosen, enabled, price }: State) {
    const all = { ...panels, ...words };
    steps(this.#card, all);
    terms(this.#card, all, offers[chosen], price, lang);
    this.#ways.paint(offers, chosen, enabled, all, lang, money);
  }

  /** The wallets to choose from. */
  list(wallets: Wallet[], words: object) {
    list(this.#card.body, wallets, { ...panels, ...words });
  }
}

/** A labelled radio group; the first is checked, and has the focus. */
function list(body: HTMLElement, wallets: Wallet[], more: Words) {
  body.replaceChildren(
    element(
      "fieldset",
      {},
      element("legend", {}, more.wallets),
      ...wallets.map(({ id, name, rdns, icon }, index) =>
        element(
          "label",
          {},
          element("input", { type: "radio", name: "wallet", value: id, ...(index ? {} : { checked: "" }) }),
          icon ? element("img", { src: icon, alt: "", width: "28", height: "28" }) : "",
          element("span", {}, element("bdi", {}, name), element("small", { dir: "ltr" }, rdns)),
        ),
      ),
    ),
  );
  body.querySelector("input")!.focus();
}

/** "What is this?", in three steps; once for each language. */
function steps({ about }: Card, more: Words) {
  const texts = [more["about-1"], more["about-2"], more["about-3"]];
  if (about.lastElementChild?.textContent === texts.join("")) return;
  about.replaceChildren(about.firstElementChild!, element("ol", {}, ...texts.map((text) => element("li", {}, text))));
}

/** What nobody promises in earnest: no publisher of ours can say more. */
const TEN_YEARS = 315_360_000;

/** "What you will sign": how much, to whom, where; and for how long that opens the page. A bundle's time is another, and stands beside it. */
function terms({ details }: Card, more: Words & State["words"], offer: Terms | undefined, price: string, lang: string) {
  const lasts = offer && !offer.wider?.count && offer.lasts! <= TEN_YEARS ? offer.lasts : 0;
  const rows: [string, string | undefined][] = [
    [more.price, price], [more.to, offer?.payTo], [more.network, offer?.network], [more.access, lasts ? lasting(lasts, lang) : undefined],
  ];
  const said = rows.map(([, value]) => value).join() + more.price;
  if (details.dataset.said === said) return;
  details.dataset.said = said;
  const dl = element("dl", {});
  for (const [name, value] of rows) if (value) dl.append(element("dt", {}, name), element("dd", {}, element("bdi", {}, value)));
  details.replaceChildren(details.firstElementChild!, dl, element("p", {}, more.explain));
}

/** A time as the language counts it: days from the second on, else hours, else minutes. */
const lasting = (seconds: number, lang: string) => {
  const [unit, length] = ([["day", 86_400], ["hour", 3_600], ["minute", 60]] as const).find(([unit, length]) => seconds >= length * (unit === "day" ? 2 : 1)) ?? ["second", 1];
  return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(seconds / length));
};

/** "Other ways to pay": bundles, passes, networks and tokens beside the one on the button. */
class Ways {
  #details = element("details", { part: "ways", hidden: "" }, element("summary", {}));
  #listed = "";
  #choose: (index: number) => void;

  constructor(card: Card, choose: (index: number) => void) {
    this.#choose = choose;
    card.details.after(this.#details);
  }

  paint(offers: Terms[], chosen: number, enabled: boolean, more: Words, lang: string, money: Money) {
    const details = this.#details;
    details.hidden = offers.length < 2;
    if (details.hidden) return;
    const listed = JSON.stringify(offers) + more.ways;
    if (this.#listed !== listed) {
      this.#listed = listed;
      details.firstElementChild!.textContent = more.ways;
      details.replaceChildren(
        details.firstElementChild!,
        element("fieldset", { "aria-label": more.ways }, ...offers.map((offer, index) => this.#way(offer, index, more, lang, money))),
      );
    }
    details.querySelectorAll("input").forEach((input, index) => {
      input.checked = index === chosen;
      input.disabled = !enabled;
    });
  }

  #way(offer: Terms, index: number, more: Words, lang: string, money: Money) {
    const input = element("input", { type: "radio", name: "way", value: String(index) });
    input.addEventListener("change", () => this.#choose(index));
    const { wider, price } = offer;
    return element(
      "label",
      {},
      input,
      element("span", {}, wider ? wider.title || name(wider.count, more) : more["this-page"], element("small", {}, about(offer, more, lang))),
      element("b", {}, dollars(price, money)),
    );
  }
}

const name = (count: number | undefined, more: Words) => (count ? fill(more.articles, { count: String(count) }) : more.ways);

/** `10 pages, for 30 days, USDC on Base` as far as it is so. */
const about = ({ wider, network, symbol, lasts }: Terms, more: Words, lang: string) => {
  const parts = [];
  if (wider?.title && wider.count) parts.push(name(wider.count, more));
  if (lasts && lasts <= TEN_YEARS) parts.push(fill(more.lasts, { time: lasting(lasts, lang) }));
  parts.push(`${symbol}, ${network}`);
  return parts.join(" · ");
};
