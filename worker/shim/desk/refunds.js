// What was sent back: of a period, one by one and added up by token.

import { file, files, parts } from "./file.js";
import { html, table } from "./html.js";
import { amount, count, monies, plain, said, tokenOf } from "./money.js";
import { article } from "./overview.js";
import { chooser, date, periodOf, time } from "./period.js";
import { partsOf, rows } from "./schema.js";

const MOST = 50;
const DAY = 86_400;
const COLUMNS = ["at", "network", "asset", "amount", "transaction_hash", "log_index", "reason", "receipt", "key", "resource"];
// the payment that has the receipt, if the books know it
const FROM = "refund LEFT JOIN payment ON payment.key = (SELECT key FROM payment WHERE receipt = refund.receipt LIMIT 1)";
const SELECT = `SELECT refund.at, refund.network, refund.asset, refund.amount, refund.transaction_hash, refund.log_index, refund.reason, refund.receipt, payment.key, payment.resource FROM ${FROM}`;
const within = ({ first, last }) => [first * DAY, (last + 1) * DAY - 1];

async function select(env, where, ...values) {
  const found = await rows(env, `${SELECT} WHERE ${where}`, ...values);
  return found.map((row) => Object.fromEntries(COLUMNS.map((name, at) => [name, row[at]])));
}

const page = (env, period, most, number) =>
  select(env, `refund.at BETWEEN ?1 AND ?2 ORDER BY refund.at DESC, refund.transaction_hash, refund.log_index LIMIT ${most} OFFSET ${most * number}`, ...within(period));

/** `{network, asset, payments, high, middle, low}` by token: what was sent back in a period. */
export async function refundedIn(env, period) {
  const sums = Object.values(partsOf("amount")).map((part) => `CAST(sum(${part}) AS TEXT)`);
  const found = await rows(env, `SELECT network, asset, count(*), ${sums.join(", ")} FROM refund WHERE at BETWEEN ?1 AND ?2 GROUP BY 1, 2`, ...within(period));
  return found.map(([network, asset, payments, high, middle, low]) => ({ network, asset, payments, high, middle, low }));
}

/** In words, with the way to the list. */
export const refundedLine = (sums, { over }) => html`<a href="/.farthing/desk/refunds?over=${over}">${said(sums)}</a>`;

/** What of a payment was sent back, as facts of its page. */
export async function refundsOf(env, receipt) {
  const found = await select(env, "refund.receipt = ?1 ORDER BY refund.at, refund.transaction_hash, refund.log_index", receipt);
  return found.map((row) => ["Refunded", html`${amount(BigInt(row.amount), row.network, row.asset)} on ${time(row.at)} in ${row.transaction_hash}${row.reason && html`: ${row.reason}`}`]);
}

export async function refunds(env, asked) {
  const period = periodOf(asked);
  const number = Number(/^\d{1,4}$/.exec(asked.query.get("page") ?? "")?.[0] ?? 1) || 1;
  const [sums, found, [next]] = await Promise.all([refundedIn(env, period), page(env, period, MOST, number - 1), page(env, period, 1, number * MOST)]);
  const to = (number) => `/.farthing/desk/refunds?over=${period.over}&page=${number}`;
  const shown = found.map((row) => [
    row.key === null ? time(row.at) : html`<a href="/.farthing/desk/payment?${new URLSearchParams({ key: row.key })}">${time(row.at)}</a>`,
    row.resource === null ? "not in the books" : article(row, asked), html`<code title="${row.transaction_hash}">${row.transaction_hash.slice(0, 10)}…</code>`, row.reason, amount(BigInt(row.amount), row.network, row.asset),
  ]);
  const content = html`${chooser(asked, period)}
${table("By token", ["Token", "#Refunds", "#Sent back"], monies(sums).map((money) => [tokenOf(money.network, money.asset)?.symbol ?? money.asset, count(money.payments), amount(money.units, money.network, money.asset) + (money.test ? " (test)" : "")]), { empty: "Nothing was sent back." })}
${table(`Refunds, the newest first, page ${number}`, ["When", "Article", "Transaction", "Why", "#Amount"], shown)}
<p class="pages">${number > 1 && html`<a href="${to(number - 1)}">Before</a>`} ${next && html`<a href="${to(number + 1)}">More</a>`}
${files(asked, `over=${period.over}`)}</p>`;
  return { title: "Refunds", content };
}

export function refundsFile(env, asked) {
  const period = periodOf(asked);
  const head = ["at", "article", "network", "token", "symbol", "decimals", "atomic_units", "transaction_hash", "log_index", "reason", "receipt"];
  return file(asked, `refunds-${date(period.first)}-${date(period.last)}`, head, parts(async (number) => {
    const found = await page(env, period, 1000, number);
    return found.map(({ at, resource, network, asset, amount, transaction_hash, log_index, reason, receipt }) => {
      const { symbol, decimals } = tokenOf(network, asset) ?? {};
      return {
        at: new Date(at * 1000).toISOString(), article: resource, network, token: asset, symbol, decimals, atomic_units: BigInt(amount), amount: plain(amount, decimals),
        transaction_hash, log_index, reason, receipt,
      };
    });
  }));
}
