// The desk's figures as a text.
import { asMarkdown, asText, median } from "../figures.mjs";

const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const row = ([name, all]) => [name, ms(median(all)), ms(Math.min(...all)), ms(Math.max(...all))];

export function report(found, { markdown = false } = {}) {
  const { machine, rows, rounds } = found;
  const head = (name) => [name, "median", "lowest", "highest"];
  const tables = [
    { head: head("page"), rows: Object.entries(found.pages).map(row) },
    { head: head("an entry of the books is written"), rows: Object.entries(found.written).map(row) },
  ];
  const lines = [
    `${found.date}, node ${found.node}, ${machine.system}`,
    `${machine.cpus} x ${machine.cpu}, ${(machine.memory / 1e9).toFixed(0)} GB; load average ${found.load.toFixed(1)} before, ${found.loadAfter.toFixed(1)} after`,
    `${rows.toLocaleString("en")} payments in the books, ${rounds} rounds; opened for the first time: ${(found.first / 1000).toFixed(1)} s`,
  ];
  return [lines.join(markdown ? "  \n" : "\n"), ...tables.map(markdown ? asMarkdown : asText)].join("\n\n");
}
