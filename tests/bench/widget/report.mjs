// What was measured of the pages, as tables: for a terminal or as Markdown, with the bar beside each figure that has one.
import { asMarkdown, asText, median } from "../figures.mjs";
import { PAGES } from "./pages.mjs";

export const BARS = { usable: 1.2, script: 20, bytes: 0.1 };
const FLOOR = "inline";
const OFFICIAL = "paywall";

const written = {
  x: (value) => `${value.toFixed(2)}x`, share: (value) => `${value.toFixed(3)}x`, ms: (value) => `${value.toFixed(value < 100 ? 1 : 0)} ms`, bytes: (value) => Math.round(value).toLocaleString("en"),
};

/** [{page, what, figure, bar, unit}]: ours beside the bars. */
export function judged({ pages }) {
  const of = (page, kind, what) => median(pages[page][kind].map((one) => (what ? one[what] : one)));
  const beside = (page, other, ...what) => of(page, ...what) / of(other, ...what);
  return Object.keys(PAGES).filter((page) => PAGES[page].ours).flatMap((page) => [
    { page, what: "usable on a phone, beside an inline button", figure: beside(page, FLOOR, "slow", "usable"), bar: BARS.usable, unit: "x" },
    { page, what: "usable on a desk, beside an inline button", figure: beside(page, FLOOR, "fast", "usable"), bar: BARS.usable, unit: "x" },
    { page, what: "script before that, on a phone", figure: of(page, "script"), bar: BARS.script, unit: "ms" },
    { page, what: "bytes until usable, beside @x402/paywall", figure: beside(page, OFFICIAL, "slow", "br"), bar: BARS.bytes, unit: "share" },
    { page, what: "bytes until paid, beside @x402/paywall", figure: beside(page, OFFICIAL, "fast", "br"), bar: BARS.bytes, unit: "share" },
  ]);
}

/** [{head, rows}], all of text. */
function tables(found) {
  const { pages } = found;
  const figures = (page, kind, what) => pages[page][kind].map((one) => (what ? one[what] : one));
  const middle = (unit, ...which) => written[unit](median(figures(...which)));
  const range = (...which) => [Math.min, Math.max].map((of) => of(...figures(...which)).toFixed(0)).join(" to ");
  const ratio = (page, ...what) => written.x(median(figures(page, ...what)) / median(figures(FLOOR, ...what)));
  const each = (cells) => Object.entries(PAGES).map(([page, { title }]) => [title, ...cells(page)]);
  const weights = ["br", "wire", "raw", "requests"];
  return [
    {
      head: ["bytes", "until usable: brotli", "with headers", "raw", "requests", "until paid: brotli", "with headers", "raw", "requests"],
      rows: each((page) => ["slow", "fast"].flatMap((kind) => weights.map((what) => middle("bytes", page, kind, what)))),
    },
    {
      head: ["on a phone", "usable", "lowest to highest", "x inline", "script before", "lowest to highest", "layout shift"],
      rows: each((page) => [
        middle("ms", page, "slow", "usable"), range(page, "slow", "usable"), ratio(page, "slow", "usable"),
        middle("ms", page, "script"), range(page, "script"), median(figures(page, "slow", "shift")).toFixed(3),
      ]),
    },
    {
      head: ["on a desk", "usable", "lowest to highest", "x inline"],
      rows: each((page) => [middle("ms", page, "fast", "usable"), range(page, "fast", "usable"), ratio(page, "fast", "usable")]),
    },
    {
      head: ["goal", "of", "is", "may be", ""],
      rows: judged(found).map(({ page, what, figure, bar, unit }) => [what, PAGES[page].title, written[unit](figure), `≤ ${written[unit](bar)}`, figure > bar ? "over" : ""]),
    },
  ];
}

export function report(found, { markdown = false } = {}) {
  const { machine, rounds, phone } = found;
  const { network } = phone;
  const lines = [
    `${found.date}, Chromium ${found.chromium}, node ${found.node}, ${machine.system}`,
    `${machine.cpus} x ${machine.cpu}, ${(machine.memory / 1e9).toFixed(0)} GB; load average ${found.load.toFixed(1)} before, ${found.loadAfter.toFixed(1)} after`,
    `medians of ${rounds} rounds; a phone is a processor slowed ${phone.cpu} times${network ? `, ${network.latency} ms for each request, ${(network.downloadThroughput * 8) / 1000} kbit/s` : ""}`,
  ];
  const over = judged(found).filter(({ figure, bar }) => figure > bar).length;
  const end = over === 0 ? "Nothing is over its bar." : `${over} of ${judged(found).length} are over their bars.`;
  return [lines.join(markdown ? "  \n" : "\n"), ...tables(found).map(markdown ? asMarkdown : asText), end].join("\n\n");
}
