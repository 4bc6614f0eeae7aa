// Whether chain, books and facilitator say the same: the transfers of a period as the chain has them, held against the books. One look asks
// so much and takes so long; where it stopped, a link goes on.

import { watched } from "../alerts/probe.js";
import { ERASED, compare } from "../reconcile/compare.js";
import { isDust, openTransfers } from "../reconcile/transfers.js";
import { Spent, openChain } from "./chain.js";
import { html, table } from "./html.js";
import { openMarks } from "./marks.js";
import { amount, count, networkName } from "./money.js";
import { article } from "./overview.js";
import { date, time } from "./period.js";
import { rows } from "./schema.js";

const DAY = 86_400;
const SECONDS = 5;
const LOOK_MS = 12_000;
// Of one look over all networks: a Worker without a paid plan may ask fifty times.
const CALLS = 44;
// Where a period begins and ends takes up to twenty of them, so that more networks would leave nothing to compare with.
const MOST_NETWORKS = 2;
// Kept back for what is asked once the transfers are known, and of that for what is asked last.
const RESERVE = 6;
const LAST = 4;
// Transfers without an authorization that the chain is asked about before more blocks are.
const MOST_PROVED = 10;
const SLOW = "took too long, or refused what it was asked";
// Blocks asked for at once: many endpoints allow so many, and where one does not an eighth is asked for.
const WINDOW = 10_000;
const TRANSFERS = 1000;
const MOST_ROWS = 5000;
const MOST_SHOWN = 100;
// A payment is in the books two seconds after it settled, as a rule.
const YOUNG = 30;
const MOST_YOUNG = 3;
const MOST_STEPS = 6;
const PLACE = /^(eip155:[1-9]\d{0,19})\.(\d{1,15})-(\d{1,15})(?:\.(\d{1,5}))?$/;
// Of the blocks that were asked for at once, when those were too many.
const fewer = (span) => Math.max(1, Math.floor(span / 8));
const lower = (text) => text.toLowerCase();

export async function reconciliation(env, asked) {
  const { query, now, edge } = asked;
  const setup = watched(edge);
  const period = periodOf(query, now);
  const places = new Map(query.getAll("at").map((text) => PLACE.exec(text)).filter(Boolean).map(([, network, from, to, span]) => [network, { from: Number(from), to: Number(to), ...(Number(span) > 0 && { span: Number(span) }) }]));
  const sold = Map.groupBy(setup.sales, ({ network }) => network);
  const all = [...sold.keys()];
  const chosen = all.find((network) => network === query.get("network"));
  const some = places.size > 0 ? all.filter((network) => places.has(network)) : chosen ? [chosen] : all;
  const networks = places.size === 0 && some.length > MOST_NETWORKS ? some.slice(0, 1) : some.slice(0, MOST_NETWORKS);
  const calls = Math.floor(CALLS / Math.max(networks.length, 1));
  const until = Date.now() + LOOK_MS;
  const looked = await Promise.all(networks.map(async (network) => {
    try {
      const chain = await openChain(network, setup.rpc[network], { until, calls, seconds: SECONDS });
      try {
        return await look(env, { edge, chain, network, sales: sold.get(network), period, place: places.get(network), now });
      } catch (error) {
        return { network, trouble: error instanceof Spent ? `${chain.at} ${SLOW}` : `${chain.at} did not answer` };
      }
    } catch (error) {
      return { network, trouble: error.message };
    }
  }));
  return { title: "Reconciliation", content: html`${form(period, chosen)}${verdict(looked, period, { query, all })}${looked.map((one) => shown(one, asked))}
<p class="none">A transfer counts as a payment by the chain's own logs: one that used an authorization, or went through x402's proxy. <code>npm run reconcile</code>
compares any period at once, and names the articles of payments that the books do not have.</p>` };
}

/** Whole days by UTC, the last one included: yesterday and today where none are asked for. */
function periodOf(query, now) {
  const day = (name) => {
    const given = /^\d{4}-\d\d-\d\d$/.test(query.get(name) ?? "") ? Date.parse(query.get(name)) / 1000 / DAY : NaN;
    return Number.isInteger(given) && given >= 0 && given <= now / DAY ? given : undefined;
  };
  const last = day("to") ?? Math.floor(now / DAY);
  const first = Math.min(day("from") ?? last - 1, last);
  return { first, last, from: first * DAY, to: (last + 1) * DAY };
}

const form = ({ first, last }, network) => html`<form class="search days" method="get" action="/.farthing/desk/reconciliation"><label>From <input type="date" name="from" value="${date(first)}"></label>
<label>To <input type="date" name="to" value="${date(last)}"></label>${network && html`<input type="hidden" name="network" value="${network}">`}<button>Compare</button></form>`;

/** A block that is no later than a time, and less than a minute before it if a few questions find one. */
async function blockAt(chain, latest, wanted) {
  const top = { number: latest, ...await chain.block(latest) };
  if (top.time <= wanted) return latest;
  let [low, high] = [undefined, top];
  for (let distance = 1_000; low === undefined;) {
    const number = Math.max(0, latest - distance);
    const block = { number, ...await chain.block(number) };
    if (block.time <= wanted) low = block;
    else if (number === 0) return 0;
    else {
      // as fast as the last ones came, and a little more
      distance = Math.max(distance * 2, Math.ceil((1.05 * distance * (top.time - wanted)) / Math.max(top.time - block.time, 1)));
      high = block;
    }
  }
  for (let steps = 0; steps < MOST_STEPS && high.number - low.number > 1 && wanted - low.time > 60; steps += 1) {
    const share = (wanted - low.time) / Math.max(high.time - low.time, 1);
    const number = Math.min(high.number - 1, Math.max(low.number + 1, Math.floor(low.number + (high.number - low.number) * share)));
    const block = { number, ...await chain.block(number) };
    if (block.time <= wanted) low = block;
    else high = block;
  }
  return low.number;
}

async function look(env, { edge, chain, network, sales, period, place, now }) {
  const latest = await chain.latest();
  const from = place?.from ?? await blockAt(chain, latest, period.from);
  const to = Math.min(latest, place?.to ?? (period.to > now ? latest : await blockAt(chain, latest, period.to)));
  if (from > to) return { network, at: chain.at, range: { from, to: from - 1 } };
  const tokens = await tokensOf(env, network, sales, period);
  // what is kept back is not for what strangers can make more of
  const counted = { ...chain, ask: (...question) => (chain.left() > RESERVE ? chain.ask(...question) : Promise.reject(new Spent("no more is asked"))) };
  const windows = openTransfers(counted, { network, tokens });
  const [transfers, sent] = [[], []];
  const toProve = () => Math.min(MOST_PROVED, transfers.filter((one) => !one.key && !isDust(tokens, one)).length);
  let reached = from - 1;
  let span = Math.min(WINDOW, place?.span ?? WINDOW);
  while (reached < to && chain.left() > RESERVE + toProve() && transfers.length < TRANSFERS) {
    const end = Math.min(reached + span, to);
    try {
      const [came, went] = [await windows.inWindow(reached + 1, end), await windows.sent(reached + 1, end)];
      transfers.push(...came);
      sent.push(...went);
      reached = end;
    } catch (error) {
      if (error instanceof Spent) break;
      if (span === 1 || !(error.refused || /too large/.test(error.message))) throw error;
      span = fewer(Math.min(span, end - reached));
    }
  }
  const restFrom = (block, blocks = span) => `${network}.${block}-${to}.${blocks}`;
  // the next look knows the blocks, and asks for fewer at once
  if (reached < from) return { network, trouble: `${chain.at} ${SLOW}`, rest: span > 1 ? restFrom(from, fewer(Math.min(span, to - from + 1))) : undefined };
  const [since, until] = [await chain.block(from), await chain.block(reached)];
  const range = { from, to: reached, since: since.time, until: until.time };
  // after the chain: whatever it has, the books had time to be told
  const marksOf = openMarks(edge);
  const books = await rowsOf(env, network, range, transfers, marksOf);
  const find = (urls, nonces) => nonces.map(() => undefined);
  const report = await compare({
    chains: [{ network, rpc: chain, range, tokens, transfers }], books: books.slice(0, MOST_ROWS), urls: [], find, marksOf,
    spent: (error) => error instanceof Spent, may: () => chain.left() > LAST,
  });
  const young = await youngOf(chain, report, now);
  return {
    network, at: chain.at, range, report, young, whole: reached >= to && books.length <= MOST_ROWS, ...(reached < to && { rest: restFrom(reached + 1) }),
    byKey: new Map(books.map((row) => [row.key, row])), refunds: await refundsOf(env, { network, range, reader: openTransfers(chain, { network, tokens }), sent, marksOf }),
  };
}

/** What is sold on a network, and what the books say was sold there to whom: payees of before. */
async function tokensOf(env, network, sales, { from, to }) {
  const known = await rows(env, "SELECT DISTINCT asset, pay_to FROM payment WHERE network = ?1 AND first_seen BETWEEN ?2 AND ?3 LIMIT 50", network, from - DAY, to);
  const tokens = new Map();
  for (const { asset, payTo, amount } of [...sales, ...known.map(([asset, payTo]) => ({ asset, payTo, amount: "0" }))]) {
    const token = { network, asset: lower(asset), payTo: lower(payTo), least: BigInt(amount) };
    const before = tokens.get(`${token.asset} ${token.payTo}`);
    if (!before || (token.least > 0n && token.least < before.least)) tokens.set(`${token.asset} ${token.payTo}`, token);
  }
  return [...tokens.values()];
}

const COLUMNS = ["key", "state", "resource", "network", "asset", "payer", "pay_to", "amount", "charged", "transaction_hash", "reason", "first_seen", "settled_at", "offer", "receipt"];

/** The books' rows of a time, and those of these transfers, whenever they are from. */
async function rowsOf(env, network, { since, until }, transfers, marksOf) {
  const select = `SELECT ${COLUMNS.join(", ")} FROM payment WHERE network = ?1 AND`;
  const orMarked = (names) => JSON.stringify([...names, ...[...marksOf(names).values()].flat()]);
  const keys = orMarked(transfers.map(({ key }) => key).filter(Boolean));
  const hashes = orMarked(transfers.filter(({ key }) => !key).map(({ transaction }) => transaction));
  const found = (await Promise.all([
    rows(env, `${select} first_seen BETWEEN ?2 AND ?3 AND coalesce(settled_at, first_seen) >= ?4 ORDER BY first_seen LIMIT ${MOST_ROWS + 1}`, network, since - 7 * DAY, until, since),
    rows(env, `${select} key IN (SELECT value FROM json_each(?2))`, network, keys),
    rows(env, `${select} transaction_hash IN (SELECT value FROM json_each(?2))`, network, hashes),
  ])).flat();
  return [...new Map(found.map((row) => [row[0], Object.fromEntries(COLUMNS.map((name, at) => [name, row[at]]))])).values()];
}

/** Takes out of the report what is too new for the books to have it. */
async function youngOf(chain, report, now) {
  const young = [];
  for (const one of report.missing.toSorted((a, b) => b.block - a.block).slice(0, MOST_YOUNG)) {
    const { time: at } = await chain.block(one.block).catch(() => ({ time: 0 }));
    if (now - at >= YOUNG) break;
    young.push(...report.missing.filter(({ block }) => block === one.block));
  }
  report.missing = report.missing.filter((one) => !young.includes(one));
  return [...new Set(young)];
}

/** Refunds that the books have and the chain does not, or otherwise; and what went to accounts that paid, of which the books say nothing. */
async function refundsOf(env, { network, range, reader, sent, marksOf }) {
  // of what was erased the chain alone has the transaction
  const named = new Map([...marksOf(sent.map(({ transaction }) => transaction))].flatMap(([name, marks]) => marks.map((mark) => [mark, name])));
  const found = (await rows(env, "SELECT refund.transaction_hash, refund.log_index, refund.receipt, refund.asset, refund.amount, refund.at, payment.payer, payment.key FROM refund \
LEFT JOIN payment ON payment.key = (SELECT key FROM payment WHERE receipt = refund.receipt LIMIT 1) WHERE refund.network = ?1 AND refund.at BETWEEN ?2 AND ?3 ORDER BY refund.at LIMIT 500", network, range.since, range.until))
    .map(([transaction, log, receipt, asset, units, at, payer, key]) => ({ transaction: named.get(transaction) ?? transaction, log, receipt, asset: lower(asset), value: BigInt(units), at, payer: payer && lower(payer), key, network }))
    .filter(({ transaction }) => !transaction.startsWith(ERASED));
  const place = ({ transaction, log, logIndex = log }) => `${transaction} ${logIndex}`;
  const known = new Map(found.map((one) => [place(one), one]));
  const onChain = new Map(sent.map((one) => [place(one), one]));
  const [wrong, unasked] = [[], []];
  for (const one of found) {
    try {
      const moved = onChain.get(place(one)) ?? (await reader.inReceipt(one.transaction)).get(one.log);
      const same = moved && moved.asset === one.asset && moved.value === one.value && (!one.payer || moved.to === one.payer);
      if (!same) wrong.push({ ...one, moved });
    } catch (error) {
      if (!(error instanceof Spent)) throw error;
      unasked.push(one);
    }
  }
  const strange = sent.filter((one) => !known.has(place(one)));
  const payers = new Set((await rows(env, "SELECT DISTINCT payer FROM payment WHERE payer COLLATE NOCASE IN (SELECT value FROM json_each(?1))", JSON.stringify(strange.map(({ to }) => to)))).map(([payer]) => lower(payer)));
  return { found, wrong, unasked, unbooked: strange.filter(({ to }) => payers.has(to)) };
}

const LISTS = {
  none: ["Paid, and not in the books", "The chain has these payments, and the books have nothing of them."],
  unknown: ["Paid, and not known in the books", "The ledger asks the chain by itself, and will find them."],
  refused: ["Paid, though the facilitator refused", "The facilitator said no, and the chain has the transfer all the same."],
  stray: ["Paid, and no ledger knows it", "Made to another server that is paid there too, or their ledger was lost."],
};
const wrongIn = ({ report, refunds }) => report.missing.length + report.extra.length + report.different.length + refunds.wrong.length;

function verdict(looked, { first, last }, { query, all }) {
  const compared = looked.filter(({ report }) => report);
  const wrong = compared.reduce((sum, one) => sum + wrongIn(one), 0);
  const troubles = looked.filter(({ trouble }) => trouble);
  const rest = looked.flatMap(({ rest }) => rest ?? []);
  const unsure = compared.some(({ report, refunds, whole }) => report.unasked.length + report.unproven.length + refunds.unasked.length > 0 || !whole) || troubles.length > 0;
  const days = [["from", date(first)], ["to", date(last)]];
  const asked = looked.map(({ network }) => network);
  const next = new URLSearchParams([...days, ...(query.has("network") ? [["network", query.get("network")]] : []), ...rest.map((place) => ["at", place])]);
  const others = all.filter((network) => (asked.length > 1 ? unsure : !asked.includes(network))).map((network) => html` <a href="/.farthing/desk/reconciliation?${new URLSearchParams([...days, ["network", network]])}">${networkName(network)}</a>`);
  const where = asked.length < all.length ? ` on ${asked.map(networkName).join(" and ")}` : "";
  const said = wrong > 0 ? `${count(wrong)} ${wrong === 1 ? "entry differs" : "entries differ"}: see below.`
    : looked.length === 0 ? "The config sells nothing: there is nothing to compare."
      : compared.length === 0 ? "Nothing could be compared."
        : unsure ? "Nothing differs in what was compared, which is not all of it." : `Chain, books and facilitator agree${where}${query.has("at") ? " from there on" : ""}.`;
  return html`<div class="${wrong > 0 || troubles.length > 0 ? "alert" : "fine"}"><p><strong>${said}</strong></p>${troubles.map(({ network, trouble }) => html`<p>${networkName(network)} was not compared: ${trouble}.</p>`)}</div>
${rest.length > 0 && html`<p>One look asks so much and no more. <a href="/.farthing/desk/reconciliation?${next}">Go on where it stopped</a></p>`}
${others.length > 0 && html`<p>${asked.length > 1 ? "Each network by itself, which goes further:" : "One network is looked at at a time. The others:"}${others}</p>`}`;
}

function shown({ network, at, range, report, young, refunds, byKey, whole, rest, trouble }, asked) {
  const name = networkName(network);
  if (trouble) return html`<h2>${name}</h2><p class="none">Not compared: ${trouble}.${rest && " The link above goes on, with fewer blocks at once."}</p>`;
  if (!report) return html`<h2>${name}</h2><p class="none">The chain has no block of that time yet.</p>`;
  const money = (units, asset) => amount(units, network, asset);
  const tokens = new Map();
  for (const one of report.articles) {
    const sum = tokens.get(one.asset) ?? { payments: 0, chain: 0n, booked: 0, books: 0n };
    for (const key of Object.keys(sum)) sum[key] += one[key];
    tokens.set(one.asset, sum);
  }
  const link = (key, text) => (key && byKey.has(key) ? html`<a href="/.farthing/desk/payment?${new URLSearchParams({ key })}">${text}</a>` : text);
  const short = (hash) => (hash ? html`<code title="${hash}">${hash.slice(0, 10)}…</code>` : "none");
  const rowOf = (one) => (one.key && byKey.get(one.key)) || [...byKey.values()].find(({ transaction_hash: hash }) => hash === one.transaction);
  const onChain = (one) => [link(rowOf(one)?.key, `block ${count(one.block)}`), short(one.transaction), short(one.from), rowOf(one)?.resource ? article(rowOf(one), asked) : "", money(one.value, one.asset)];
  const inBooks = (row) => [link(row.key, time(row.settled_at ?? row.first_seen)), short(row.transaction_hash), short(row.payer), row.resource ? article(byKey.get(row.key), asked) : "", money(row.value, row.asset)];
  const head = ["Where", "Transaction", "Account", "Article", "#Amount"];
  const list = (title, why, items, line, columns = head) => items.length > 0 && html`<h3>${title}</h3><p>${why}</p><div class="list">${table(title, columns, items.slice(0, MOST_SHOWN).map(line))}</div>
${items.length > MOST_SHOWN && html`<p>These are ${MOST_SHOWN} of ${count(items.length)}.</p>`}`;
  const states = Map.groupBy(report.missing, ({ state }) => state ?? "none");
  return html`<h2>${name}</h2>
<p>Blocks ${count(range.from)} to ${count(range.to)} by ${at}: ${time(range.since)} to ${time(range.until)}.${rest && html` Later blocks were not reached.`}${!whole && !rest && html` The books have more than ${count(MOST_ROWS)} entries of that time: take a shorter one.`}</p>
${table(`What came in on ${name}`, ["Token", "#Transfers", "#On the chain", "#Entries", "#In the books", "#Difference"], [...tokens].map(([asset, sum]) => [
    money(0n, asset).replace(/^[0-9.,]+ /, ""), count(sum.payments), money(sum.chain, asset), count(sum.booked), money(sum.books, asset), money(sum.chain - sum.books, asset),
  ]), { empty: "Nothing came in, and the books have nothing." })}
${[...states].map(([state, items]) => list(...(LISTS[state] ?? [`Paid, and ${state} in the books`, "The chain has the transfer, and the books say that no money moved for this."]), items, onChain))}
${list("In the books, and not on the chain", "The books have these as settled, and the chain has no such transfer.", report.extra, inBooks)}
${list("Different in the books", "Chain and books have these, and say something else of them.", report.different, (one) => [...onChain(one).slice(0, 4), money(one.value, one.asset), told(one, money)], [...head, "And the books"])}
${list("Refunds that the chain does not have", "The books say that this was sent back: the chain has no such transfer, or another amount.", refunds.wrong, (one) => [
    link(one.key, time(one.at)), short(one.transaction), short(one.payer), one.moved ? `the chain has ${money(one.moved.value, one.moved.asset)}` : "nothing on the chain", money(one.value, one.asset),
  ], ["When", "Transaction", "Account", "On the chain", "#In the books"])}
${list("Sent to accounts that paid, and not in the books", "If these were refunds, npx farthing refund writes them down; what you move to wallets of your own needs nothing.", refunds.unbooked, (one) => [`block ${count(one.block)}`, short(one.transaction), short(one.to), "", money(one.value, one.asset)])}
${list("Just paid", "The books are told within seconds: compare again.", young, onChain)}
${list("Not asked about", "The look ended before: a shorter time has fewer.", [...report.unasked, ...refunds.unasked.map((one) => ({ ...one, transaction_hash: one.transaction, settled_at: one.at }))], inBooks)}
${list("Transfers that were not asked about", "No authorization was used, and the books do not have them: whether they are payments, the chain was not asked any more. A shorter time has fewer.", report.unproven, onChain)}
${list("Not known, and not paid in these blocks", "No transfer belongs to these yet.", report.open, inBooks)}
${list("Transfers that are no payments", "By their logs, or because they moved less than a tenth of any price: sent by hand, or somebody's dust. They are in no sum.", report.others, onChain)}
<p class="none">Refunds in these blocks: ${count(refunds.found.length)}${refunds.found.length > 0 && refunds.wrong.length + refunds.unasked.length === 0 && ", each as the chain has it"}.</p>`;
}

/** What the books say of a payment that the chain has otherwise; amounts in the token's own. */
const told = ({ told, asset }, money) => told.map((text) => text.replace(/^the books say (\d+)$/, (_, units) => money(BigInt(units), asset)).replace(/^the books (?:say )?/, "")).join("; ");
