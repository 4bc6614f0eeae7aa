// The report of `reconcile` for people.
import { decimal, networkName } from "../../js/cli/lib/entries.mjs";

const time = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

/** Lines of columns; the last ones to the right. */
function table(rows, left) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `  ${row.map((cell, column) => (column < left ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join("  ")}`.trimEnd());
}

export function print({ ok, compared, ranges, articles, missing, extra, different, nameless, open, others }, tokens) {
  const token = ({ network, asset }) => tokens.find((one) => one.network === network && one.asset === asset);
  const money = (amount, place) => {
    const { decimals, symbol } = token(place) ?? { decimals: 0, symbol: `units of ${place.asset}` };
    return `${amount < 0n ? "-" : ""}${decimal(amount < 0n ? -amount : amount, decimals)} ${symbol}`;
  };
  const lines = ranges.map(({ network, from, to, since, until }) => (from > to
    ? `${networkName(network)} (${network}): no block of that time`
    : `${networkName(network)} (${network}): blocks ${from} to ${to}, ${time(since)} to ${time(until)}`));

  const count = (one) => (compared ? [String(one.booked), money(one.books, one), money(one.chain - one.books, one)] : []);
  const row = (name, one) => [name, networkName(one.network), String(one.payments), money(one.chain, one), ...count(one)];
  const totals = new Map();
  for (const one of articles) {
    const name = `${one.network} ${one.asset}`;
    const sum = totals.get(name) ?? { ...one, payments: 0, chain: 0n, booked: 0, books: 0n };
    for (const key of ["payments", "chain", "booked", "books"]) sum[key] += one[key];
    totals.set(name, sum);
  }
  const head = ["article", "network", "payments", "on the chain", ...(compared ? ["entries", "in the books", "difference"] : [])];
  const body = articles.map((one) => row(one.resource ?? "(no known article)", one));
  lines.push("", ...table([head, ...body, ...[...totals.values()].map((one) => row("all", one))], 2));

  const list = (title, items, line) => {
    if (items.length > 0) lines.push("", `${title}:`, ...items.map((item) => `  ${line(item)}`));
  };
  const paid = (one) => `${money(one.value, one)} from ${one.from} in ${one.transaction}, block ${one.block}${one.resource ? `, for ${one.resource}` : ""}`;
  const entry = (one) => `${money(one.value, one)} from ${one.payer}, for ${one.resource || "no known article"}: ${one.key}`;
  list("The chain has, and the books do not have as settled", missing, (one) => `${paid(one)}${one.state ? `; the books say: ${one.state}` : ""}`);
  list("The books have, and the chain does not", extra, (one) => `${entry(one)}, ${one.transaction_hash || "without a transaction"}`);
  list("Both have, and the books say something else", different, (one) => `${paid(one)}: ${one.told.join("; ")}`);
  list("Paid for no known article (--urls may name it)", nameless, paid);
  list("Unknown in the books, and not paid in these blocks", open, entry);
  if (others.length === 1) lines.push("", "1 more transfer to these addresses is no payment by its logs or its amount, and was not counted.");
  if (others.length > 1) lines.push("", `${others.length} more transfers to these addresses are no payments by their logs or amounts, and were not counted.`);
  if (!compared) lines.push("", "With --books this is compared with the books.");
  lines.push("", ok ? "Nothing differs." : "Something differs: see above.");
  return lines.join("\n");
}
