// What was measured of paying clients, as tables: for a terminal or as Markdown.
import { asMarkdown, asText, median } from "../figures.mjs";
import { BUNDLES, CLIENTS } from "./clients.mjs";

const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const bytes = (value) => Math.round(value).toLocaleString("en");

function tables({ clients, sizes }) {
  const figures = (name, what) => clients[name].map((one) => (Array.isArray(one[what]) ? one[what].length && median(one[what]) : one[what]));
  const cells = (name, what) => {
    const all = figures(name, what);
    if (all.every((one) => one === 0)) return ["", ""];
    return [ms(median(all)), `${ms(Math.min(...all))} to ${ms(Math.max(...all))}`];
  };
  return [
    {
      head: ["in Node", "signature alone", "lowest to highest", "402 to payment", "lowest to highest", "the first one", "lowest to highest", "loaded and ready", "lowest to highest"],
      rows: Object.keys(clients).map((name) => [CLIENTS[name].title, ...["alone", "more", "first", "ready"].flatMap((what) => cells(name, what))]),
    },
    {
      head: ["bundled for a browser", "brotli", "gzip", "raw"],
      rows: Object.entries(sizes).map(([name, { brotli, gzip, raw }]) => [BUNDLES[name].title, bytes(brotli), bytes(gzip), bytes(raw)]),
    },
  ];
}

export function report(found, { markdown = false } = {}) {
  const { machine, rounds, signatures } = found;
  const lines = [
    `${found.date}, node ${found.node}, ${machine.system}`,
    `${machine.cpus} x ${machine.cpu}, ${(machine.memory / 1e9).toFixed(0)} GB; load average ${found.load.toFixed(1)} before, ${found.loadAfter.toFixed(1)} after`,
    `medians of ${rounds} rounds, each a fresh process that pays ${signatures} pages one after the other`,
  ];
  return [lines.join(markdown ? "  \n" : "\n"), ...tables(found).map(markdown ? asMarkdown : asText)].join("\n\n");
}
