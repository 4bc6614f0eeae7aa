// <farthing-receipt>: shows what this device remembers of a payment.

import { more, receipt } from "#words";
import { element } from "../card.js";
import { wordsIn } from "../files.js";
import { dollars } from "../money.js";
import { languageOf } from "../language.js";
import { wordsOf } from "../words.js";
import { take } from "./device.js";
import type { Receipt } from "./record.js";
import css from "../../../www/receipt.css";

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

/** What each shows: what is the same stays as it is, and keeps the focus. */
const shown = new WeakMap<HTMLElement, string>();

/** Shows what this device knows of the payment for an address. */
export async function show(host: HTMLElement, url: string) {
  const lang = languageOf(host);
  const [kept, words, { money }] = await Promise.all([take<Receipt>("receipts", url), lang === "en" ? {} : wordsIn(`${lang}.more`), wordsOf(lang)]);
  const texts: typeof receipt & Pick<typeof more, "price" | "to" | "network"> = { ...more, ...receipt, ...words };
  const said = JSON.stringify([lang, kept]);
  if (shown.get(host) === said) return;
  shown.set(host, said);
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet];
  const section = element("section", { part: "receipt", lang, dir: lang === "ar" ? "rtl" : "ltr", "aria-labelledby": "heading" },
    element("h2", { id: "heading" }, texts.receipt));
  root.replaceChildren(section);
  if (!kept) return section.append(element("p", {}, texts["receipt-none"]));
  const rows: [string, string | undefined][] = [
    [texts.page, kept.title], [texts.bought, kept.offer],
    [texts.price, kept.price && `${dollars(kept.price, money)} (${kept.price} ${kept.symbol})`],
    [texts.date, new Intl.DateTimeFormat(lang, { dateStyle: "long", timeStyle: "short" }).format(new Date(kept.date))],
    [texts.network, kept.network], [texts.to, kept.payTo], [texts.transaction, kept.transaction], [texts.number, kept.receipt],
  ];
  const dl = element("dl", {});
  for (const [name, value] of rows) if (value) dl.append(element("dt", {}, name), element("dd", {}, element("bdi", {}, value)));
  const file = URL.createObjectURL(new Blob([JSON.stringify(kept, null, 2)], { type: "application/json" }));
  const print = element("button", { type: "button", part: "print" }, texts.print);
  print.addEventListener("click", () => globalThis.print());
  section.append(dl, element("div", { class: "row" }, element("a", { part: "download", href: file, download: "receipt.json" }, texts.download), print));
}
