// The parts of the card that are there to choose from or to read up on.

import { type Card, element } from "../card.js";
import { dollars, fill, type Money } from "../money.js";
import type { Terms } from "../wire.js";
import type { More } from "./pay.js";
import type { Wallet } from "./wallets.js";

/** A labelled radio group; the first is checked, and has the focus. */
export function list(body: HTMLElement, wallets: Wallet[], more: More) {
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
export function steps({ about }: Card, more: More) {
  const texts = [more["about-1"], more["about-2"], more["about-3"]];
  if (about.lastElementChild?.textContent === texts.join("")) return;
  about.replaceChildren(about.firstElementChild!, element("ol", {}, ...texts.map((text) => element("li", {}, text))));
}

/** "What you will sign": how much, to whom, where. */
export function terms({ details }: Card, more: More, offer: Terms | undefined, price: string) {
  const rows: [string, string | undefined][] = [[more.price, price], [more.to, offer?.payTo], [more.network, offer?.network]];
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
export class Ways {
  #details = element("details", { part: "ways", hidden: "" }, element("summary", {}));
  #listed = "";
  #choose: (index: number) => void;

  constructor(card: Card, choose: (index: number) => void) {
    this.#choose = choose;
    card.details.after(this.#details);
  }

  paint(offers: Terms[], chosen: number, enabled: boolean, more: More, lang: string, money: Money) {
    const details = this.#details;
    details.hidden = offers.length < 2;
    if (details.hidden) return;
    const listed = offers.map(({ id, price }) => `${id} ${price}`).join() + more.ways;
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

  #way(offer: Terms, index: number, more: More, lang: string, money: Money) {
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

const name = (count: number | undefined, more: More) => (count ? fill(more.articles, { count: String(count) }) : more.ways);

/** `10 pages, for 30 days, USDC on Base` as far as it is so. */
const about = ({ wider, network, symbol }: Terms, more: More, lang: string) => {
  const parts = [];
  if (wider?.title && wider.count) parts.push(name(wider.count, more));
  if (wider) parts.push(fill(more.lasts, { time: lasting(wider.seconds, lang) }));
  parts.push(`${symbol}, ${network}`);
  return parts.join(" · ");
};
