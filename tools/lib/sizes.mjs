// What the artefacts weigh on the wire, and the budgets they must keep. 1 kB = 1000 bytes.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

export function weigh(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes, { params }).length };
}

const number = (value) => value.toLocaleString("en");

/** `artefacts`: [name, path or text]; `budgets`: [what, unit, limit, names]. Returns the table and what is above its budget. */
export function sizes(artefacts, budgets) {
  const weights = new Map(artefacts.map(([name, { path, text }]) => [name, weigh(path ? readFileSync(path) : Buffer.from(text))]));
  const line = (name, cells) => `${name.padEnd(34)}${cells.map((cell) => cell.padStart(12)).join("")}`;
  const table = [line("bytes", ["raw", "gzip -9", "brotli -11"])];
  for (const [name, { raw, gzip, brotli }] of weights) table.push(line(name, [raw, gzip, brotli].map(number)));
  table.push("", line("budget", ["is", "may be", "as"]));
  const above = [];
  for (const [what, unit, limit, names] of budgets) {
    const sum = names.reduce((total, name) => total + weights.get(name)[unit], 0);
    table.push(line(what, [number(sum), number(limit), unit]));
    if (sum > limit) above.push(`${what}: ${number(sum)} bytes (${unit}) is above the budget of ${number(limit)}: ${names.join(" + ")}`);
  }
  return { table: table.join("\n"), above };
}
