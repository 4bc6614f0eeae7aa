// Payments one by one: the newest first, of one state, article, payer or transaction.

import { ERASED } from "../reconcile/compare.js";
import { file, files, parts } from "./file.js";
import { html, table } from "./html.js";
import { amount, networkName, plain, tokenOf } from "./money.js";
import { article } from "./overview.js";
import { time } from "./period.js";
import { refundsOf } from "./refunds.js";
import { isSample } from "./sample.js";
import { rows } from "./schema.js";
import { policyFor, sendBack } from "./sendback.js";

const MOST = 50;
const STATES = {
  settled: "Settled", unknown: "Not known yet", refused: "Refused", expired: "Expired", cancelled: "Cancelled", waived: "Waived", elsewhere: "Elsewhere", stray: "Stray",
};
const COLUMNS = ["first_seen", "key", "state", "resource", "network", "asset", "payer", "pay_to", "amount", "charged", "transaction_hash", "reason", "settled_at", "offer", "receipt", "audience"];
// What a search is for, by its form.
const FORMS = { payer: /^0x[0-9a-fA-F]{40}$/, transaction_hash: /^0x[0-9a-fA-F]{64}$/, receipt: /^[A-Za-z0-9_-]{56}$/ };

/** What the query asks for, as conditions with their values. */
function wanted({ query }) {
  const conditions = [];
  const values = [];
  const add = (text, ...given) => {
    conditions.push(text.replace(/\?/g, () => `?${values.push(given.shift())}`));
  };
  if (Object.hasOwn(STATES, query.get("state") ?? "")) add("state = ?", query.get("state"));
  if (query.get("resource")) add("resource = ?", query.get("resource"));
  const text = (query.get("q") ?? "").trim();
  // a receipt's whole address is as good as its id
  const word = text.slice(text.lastIndexOf("/") + 1);
  const column = Object.keys(FORMS).find((name) => FORMS[name].test(word));
  if (column === "payer") add("payer = ? COLLATE NOCASE", word);
  else if (column) add(`${column} = ?`, column === "transaction_hash" ? word.toLowerCase() : word);
  else if (text) add("resource = ?", text);
  return { conditions, values, add, text, found: column };
}

async function select(env, { conditions, values }, most) {
  const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  const found = await rows(env, `SELECT ${COLUMNS.join(", ")} FROM payment ${where} ORDER BY first_seen DESC, key DESC LIMIT ${most}`, ...values);
  return found.map((row) => Object.fromEntries(COLUMNS.map((name, at) => [name, row[at]])));
}

// Where the page before ended: a second, and within it a key.
function after({ add }, text) {
  const [seen, ...key] = (text ?? "").split(" ");
  if (/^\d{1,12}$/.test(seen)) add("(first_seen, key) < (?, ?)", Number(seen), key.join(" "));
}

export async function payments(env, asked) {
  const { query } = asked;
  const what = wanted(asked);
  after(what, query.get("after"));
  const found = await select(env, what, MOST + 1);
  const shown = found.slice(0, MOST);
  const keep = new URLSearchParams([...query].filter(([name, value]) => ["state", "resource", "q"].includes(name) && value));
  const next = new URLSearchParams(keep);
  if (shown.length > 0) next.set("after", `${shown.at(-1).first_seen} ${shown.at(-1).key}`);
  const content = html`<form class="search" method="get" action="/.farthing/desk/payments">
<label>Article, account, transaction or receipt <input name="q" value="${query.get("q")}" autocomplete="off" spellcheck="false"></label>
<label>State <select name="state"><option value="">All</option>${Object.entries(STATES).map(([state, name]) => html`<option value="${state}"${state === query.get("state") && html` selected`}>${name}</option>`)}</select></label>
${query.get("resource") && html`<input type="hidden" name="resource" value="${query.get("resource")}">`}<button>Show</button></form>
${query.get("resource") && html`<p>Of ${query.get("resource")}. <a href="/.farthing/desk/payments">All articles</a></p>`}
${table("Payments, the newest first", ["When", "State", "Article", "Account", "#Amount"], shown.map((row) => [
    html`<a href="/.farthing/desk/payment?${new URLSearchParams({ key: row.key })}">${time(row.first_seen)}</a>`, STATES[row.state] ?? row.state, article(row, asked), short(row.payer), moved(row),
  ]), { empty: "No payment is like that." })}
<p class="pages">${found.length > MOST && html`<a href="/.farthing/desk/payments?${next}">More</a>`}
${files(asked, keep)}</p>`;
  return { title: "Payments", content };
}

// of what its payer had erased there is none
const short = (address) => address === "" ? "erased" : html`<code title="${address}">${address.slice(0, 8)}…${address.slice(-4)}</code>`;
/** What moved, or what would have. */
const moved = ({ charged, amount: asked, network, asset }) => (charged === null ? html`<s>${amount(BigInt(asked), network, asset)}</s>` : amount(BigInt(charged), network, asset));

export async function payment(env, asked) {
  const key = asked.query.get("key") ?? "";
  const [row] = await select(env, { conditions: ["key = ?1"], values: [key] }, 1);
  if (!row) return { status: 404, title: "No such payment", content: html`<p>The books have no payment by this key.</p>` };
  const test = tokenOf(row.network, row.asset)?.test;
  const erased = row.key.startsWith(ERASED);
  // of what was erased the day alone is written down
  const when = (seconds) => (erased ? time(seconds).slice(0, 10) : time(seconds));
  const facts = [
    ["State", STATES[row.state] ?? row.state], ["Why", row.reason], ["Article", article(row, asked)], ["Bought", row.offer || "single article"], ["Bought by", row.audience],
    ["Asked for", amount(BigInt(row.amount), row.network, row.asset)], ["Moved", row.charged === null ? "nothing" : amount(BigInt(row.charged), row.network, row.asset)],
    ...await refundsOf(env, row.receipt),
    ["Network", `${networkName(row.network)} (${row.network})${test ? ", test money" : ""}`], ["Token", row.asset], ["From", row.payer === "" ? "erased" : html`<a href="/.farthing/desk/payments?q=${row.payer}">${row.payer}</a>`],
    ["To", row.pay_to], ["Transaction", erased ? "erased" : row.transaction_hash], ["First seen", when(row.first_seen)], ["Settled", when(row.settled_at)],
    ["Receipt", FORMS.receipt.test(row.receipt) && !isSample(row.network) && html`<a href="/.farthing/receipts/${row.receipt}">${row.receipt}</a>`],
  ];
  const back = await sendBack(env, row, asked);
  return { title: "A payment", script: back && policyFor(asked.site), content: html`<dl class="facts">${facts.filter(([, value]) => value).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>${erased && html`<p>Who paid this had it <a href="https://farthing.dev/erasure">erased</a>: the books keep the amount, the article and the day. It cannot be sent back any more, for nobody here knows to whom.</p>`}${back}` };
}

export function paymentsFile(env, asked) {
  let end;
  return file(asked, "payments", COLUMNS, parts(async () => {
    const what = wanted(asked);
    if (end) after(what, `${end.first_seen} ${end.key}`);
    const found = await select(env, what, 1000);
    end = found.at(-1);
    return found.map((row) => {
      const { symbol, decimals } = tokenOf(row.network, row.asset) ?? {};
      const [first_seen, settled_at] = [row.first_seen, row.settled_at].map((at) => at && new Date(at * 1000).toISOString());
      return { ...row, first_seen, settled_at, symbol, decimals, amount_decimal: plain(row.amount, decimals), charged_decimal: plain(row.charged, decimals) };
    });
  }));
}
