// Payments as the chains have them, held against the books. Amounts are integers of atomic units.
import { isDust, isProxys, openTransfers } from "./transfers.js";

/** In seconds. */
const DAY = 86_400;
const lower = (text) => (text ?? "").toLowerCase();

/**
 * `chains`: [{network, rpc, range, tokens, transfers}]; `books`: rows, or undefined; `urls`: addresses that may have been sold;
 * `offers`: the names of wider offers; `find(urls, nonces)`: the URL of each nonce that was made for one; `spent(error)`: whether this only
 * means that no more is asked; `may()`: whether the chain may still be asked what a transfer without an authorization was.
 *
 * `marksOf(names)`: what may stand in the books for keys and transactions, where the payer had them erased (www/docs/erasure.md).
 *
 * The report: `articles` [{resource, network, asset, payments, chain, books, booked}], and lists of single payments: `missing` (the chain has
 * it, the books do not have it as settled), `extra` (the reverse), `different` (both have it, and say something else), `nameless` (paid,
 * and for no article that is known), `open` (unknown in the books), `others` (transfers that are no payment by their logs, or
 * by what they moved), `unasked` (as `extra`, but the chain was not asked about it any more), `unproven` (transfers without an authorization that the books do not have,
 * of which the chain was not asked whether they are payments).
 */
export async function compare({ chains, books, urls, offers = [], find, marksOf, spent = () => false, may = () => true }) {
  const named = unmarked(books ?? [], chains.flatMap(({ transfers }) => transfers), marksOf);
  const rows = named.map((row) => ({
    ...row, asset: lower(row.asset), payer: lower(row.payer), pay_to: lower(row.pay_to), transaction_hash: lower(row.transaction_hash),
    value: BigInt(row.charged ?? row.amount),
    // as the nonces of our own clients have it: the article, and the wider offer that was bought at it
    resource: row.resource && row.offer ? `${row.resource} ${row.offer}` : row.resource,
  }));
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const articles = [...new Set([...(books ?? []).map(({ resource }) => resource).filter(Boolean), ...urls])];
  const known = articles.flatMap((url) => [url, ...offers.map((name) => `${url} ${name}`)]);
  const report = { ok: true, compared: books !== undefined, ranges: [], articles: [], missing: [], extra: [], different: [], nameless: [], open: [], others: [], unasked: [], unproven: [] };
  const sums = new Map();
  const seen = new Set();
  const article = (resource, { network, asset }) => {
    const name = `${network} ${asset} ${resource ?? ""}`;
    if (!sums.has(name)) sums.set(name, { resource, network, asset, payments: 0, chain: 0n, booked: 0, books: 0n });
    return sums.get(name);
  };

  for (const { network, rpc, range, transfers, tokens } of chains) {
    report.ranges.push({ network, ...range });
    const nonces = transfers.filter(({ nonce }) => nonce);
    const found = find(known, nonces.map(({ nonce }) => nonce));
    const nameOf = new Map(nonces.map((transfer, index) => [transfer, found[index]]));
    for (const transfer of transfers) {
      const row = transfer.key ? byKey.get(transfer.key) : byTransaction(rows, transfer, seen);
      const tagged = nameOf.get(transfer);
      const dust = !row && !tagged && isDust(tokens, transfer);
      // each costs a question, and anybody can send something: only where the answer matters
      const used = row || dust || transfer.nonce ? true : await proved(rpc, transfer, { spent, may });
      if (used === undefined) {
        report.unproven.push(transfer);
        continue;
      }
      if (dust || !used) {
        report.others.push(transfer);
        continue;
      }
      const resource = tagged ?? (row?.resource || undefined);
      const sum = article(resource, transfer);
      sum.payments += 1;
      sum.chain += transfer.value;
      const payment = { ...transfer, resource };
      if (!resource) report.nameless.push(payment);
      if (row) seen.add(row);
      if (!books) continue;
      if (row?.state !== "settled") report.missing.push({ ...payment, state: row?.state });
      else {
        sum.booked += 1;
        sum.books += row.value;
        const told = differences(transfer, row, tagged);
        if (told.length > 0) report.different.push({ ...payment, key: row.key, told });
      }
    }
  }
  await lookForRest({ chains, rows, seen, report, article, spent });
  report.articles = [...sums.values()].sort((a, b) => (a.resource ?? "~").localeCompare(b.resource ?? "~") || a.network.localeCompare(b.network));
  report.ok = ["missing", "extra", "different"].every((name) => report[name].length === 0);
  return report;
}

/** Whether a transfer without an authorization is a payment; nothing where that is not asked any more. */
async function proved(rpc, { transaction }, { spent, may }) {
  if (!may()) return undefined;
  try {
    return await isProxys(rpc, transaction);
  } catch (error) {
    if (!spent(error)) throw error;
    return undefined;
  }
}

/** What the name of an entry begins with whose payer had it erased. */
export const ERASED = "erased:";

/**
 * The books, with what the chain has in the place of marks: whose keys made them finds the payment again that has one. Who paid is not
 * written down any more, so that much is the chain's word; a mark that no transfer has stays what it is.
 */
function unmarked(books, transfers, marksOf) {
  if (!books.some(({ key }) => key.startsWith(ERASED))) return books;
  const names = [...new Set(transfers.flatMap(({ key, transaction }) => [key, transaction].filter(Boolean)))];
  const nameOf = new Map([...marksOf(names)].flatMap(([name, marks]) => marks.map((mark) => [mark, name])));
  return books.map((row) => {
    if (!row.key.startsWith(ERASED)) return row;
    const [key, hash] = [nameOf.get(row.key), nameOf.get(row.transaction_hash)];
    const own = transfers.find((transfer) => (key ? transfer.key === key : hash && transfer.transaction === hash && String(transfer.value) === (row.charged ?? row.amount)));
    return { ...row, key: key ?? row.key, transaction_hash: hash ?? row.transaction_hash, payer: own?.from ?? row.payer };
  });
}

/** By Permit2, and where a contract settled, no log names what was used: the transaction does. */
function byTransaction(rows, { network, asset, from, to, transaction, value }, seen) {
  const all = rows.filter((row) => !seen.has(row) && row.transaction_hash === transaction && row.network === network && row.asset === asset
    && row.payer === from && row.pay_to === to);
  return all.find((row) => row.value === value) ?? all[0];
}

function differences({ value, transaction, from, to }, row, tagged) {
  const said = [];
  if (row.value !== value) said.push(`the books say ${row.value}`);
  if (row.transaction_hash !== transaction) said.push(`the books name the transaction ${row.transaction_hash || "of nobody"}`);
  if (row.payer !== from || row.pay_to !== to) said.push(`the books say from ${row.payer} to ${row.pay_to}`);
  if (tagged && row.resource !== tagged) said.push(`the books say it was for ${row.resource || "nothing"}`);
  return said;
}

/** Entries that no transfer of the range belongs to. */
async function lookForRest({ chains, rows, seen, report, article, spent }) {
  for (const row of rows) {
    const chain = chains.find(({ network }) => network === row.network);
    if (seen.has(row) || !chain) continue;
    const { range, rpc, tokens } = chain;
    const time = row.settled_at ?? row.first_seen;
    const inRange = time + (row.key.startsWith(ERASED) ? DAY : 0) >= range.since && row.first_seen <= range.until;
    if (row.state === "unknown" && inRange) report.open.push(row);
    if (row.state !== "settled" || !inRange) continue;
    // of what was erased the day alone is written down, and the transaction is the chain's to know: outside this range it is nobody's
    if (row.key.startsWith(ERASED) && (time < range.since || time + DAY > range.until)) continue;
    // known later than it happened, or before the next block: the chain is asked about this one
    const found = { transaction: row.transaction_hash, asset: row.asset, from: row.payer, to: row.pay_to, value: row.value };
    let block;
    try {
      block = row.transaction_hash && await openTransfers(rpc, { network: row.network, tokens }).find(found);
    } catch (error) {
      if (!spent(error)) throw error;
      report.unasked.push(row);
      continue;
    }
    if (block !== undefined && block !== "" && (block < range.from || block > range.to)) continue;
    const sum = article(row.resource || undefined, row);
    sum.booked += 1;
    sum.books += row.value;
    report.extra.push(row);
  }
}
