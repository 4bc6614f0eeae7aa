// Sending a payment back from its page: the wallet that was paid signs the transfer in the publisher's browser, and the books are told once the
// chain has it. Only this changes anything under the desk, and only for the desk's own script (threat G8): no other site's page can send
// its header, its form of body or its origin.

import { watched } from "../alerts/probe.js";
import { ERASED } from "../reconcile/compare.js";
import { paidIn, sentIn, transferOf } from "../reconcile/sent.js";
import { openChain } from "./chain.js";
import { SECURE } from "./frame.js";
import { html } from "./html.js";
import { openMarks } from "./marks.js";
import { amount as said, decimal, networkName, tokenOf } from "./money.js";
import { time } from "./period.js";
import { begunOf, noTable, refund } from "./refund.js";
import { isSample } from "./sample.js";
import { rows } from "./schema.js";
import { BEGUN } from "./tables.js";
import script from "./wallet.js";

const MOST_BODY = 4096;
const MOST_REASON = 200;
// As the command waits; a development chain may stand still.
const CONFIRMATIONS = 12;
const LOOK_MS = 10_000;
const SECONDS = 5;
const CALLS = 12;
// So long a transaction that the endpoint does not know may still be on its way.
const ON_ITS_WAY = 10 * 60;
const HASH = /^0x[0-9a-fA-F]{64}$/;

class Refused extends Error {
  constructor(problem, says, status = 422) {
    super(says);
    Object.assign(this, { problem, status });
  }
}

export const walletScript = () => new Response(script, { headers: { ...SECURE, "content-type": "text/javascript; charset=utf-8" } });

/** What the page may besides its style sheet: this one script, and to tell the desk. */
export const policyFor = (site) => `; script-src ${site}/.farthing/desk/wallet.js; connect-src ${site}/.farthing/desk/refund`;

/** How a payment stands: `{paid, back, left}` in atomic units; nothing where there is nothing to send back. */
async function leftOf(env, row) {
  if (row.state !== "settled" || row.charged === null || !row.receipt || !row.transaction_hash || isSample(row.network) || row.key.startsWith(ERASED) || !/^eip155:\d+$/.test(row.network)) return undefined;
  const known = await rows(env, "SELECT amount, transaction_hash FROM refund WHERE receipt = ?1", row.receipt);
  const [paid, back] = [BigInt(row.charged), known.reduce((sum, [amount]) => sum + BigInt(amount), 0n)];
  return { paid, back, left: paid - back, known };
}

/** Refunds that were begun and are not in the books, the oldest first: `[key, resource, network, asset, amount, at, transaction]`. */
export const allBegun = (env, most) => rows(env, `SELECT payment.key, payment.resource, payment.network, payment.asset, begun.amount, begun.at, coalesce(begun.transaction_hash, 'no transaction is known') FROM desk_refund_begun AS begun
  JOIN payment ON payment.key = (SELECT key FROM payment WHERE receipt = begun.receipt LIMIT 1) ORDER BY begun.at LIMIT ${most}`).catch(noTable);

const digits = ({ network, asset }) => tokenOf(network, asset)?.decimals ?? 0;
const plainly = (units, row) => decimal(units, digits(row)).replaceAll(",", "");
const says = (units, row) => said(units, row.network, row.asset);

function transactionOf(row, units) {
  const chainId = Number(row.network.slice("eip155:".length));
  return { chainId, from: row.pay_to, to: row.asset, value: "0x0", data: transferOf(row.payer, units), link: `ethereum:${row.asset}@${chainId}/transfer?address=${row.payer}&uint256=${units}` };
}

/** The part of a payment's page; nothing where nothing can be sent back. */
export async function sendBack(env, row, { edge }) {
  const standing = await leftOf(env, row);
  if (!standing) return undefined;
  const begun = await begunOf(env, row.receipt);
  if (!begun && standing.left <= 0n) return undefined;
  const { chainId, to, data, link } = transactionOf(row, BigInt(begun?.amount ?? standing.left));
  const facts = [["Network", `${networkName(row.network)} (${chainId})`], ["To", to, "to"], ["Data", data, "data"], ["Value", "0"], ["As a link", link, "link"]];
  const unread = watched(edge).rpc[row.network] ? undefined
    : html`<div class="alert"><p><strong>First name an endpoint for ${networkName(row.network)}</strong> in <code>settlement.rpc</code>: without one nobody can look whether a refund was sent, and it is not begun or written down here. <code>npx farthing refund --rpc</code> works without.</p></div>`;
  const hash = html`<form id="sent" class="search"><label>Transaction <input name="transaction" required pattern="0x[0-9a-fA-F]{64}" placeholder="0x…" autocomplete="off" spellcheck="false"></label><button disabled>It was sent in this one</button></form>`;
  return html`<section id="refund" aria-labelledby="back" data-key="${row.key}" data-payee="${row.pay_to}" data-chain="${chainId}" data-network="${networkName(row.network)}"${begun && html` data-begun="${begun.transaction ?? "not told"}"`}>
<h2 id="back">Send it back</h2>
${unread}${begun ? html`<div class="alert"><p><strong>A refund of ${says(BigInt(begun.amount), row)} was begun</strong>${begun.transaction
    ? html`, and at ${time(begun.at)} this was said to be it: <code>${begun.transaction}</code>. It is written down as soon as the chain has it.` : html` at ${time(begun.at)}, and how it ended was not told. Look into the wallet before anything else: it may have been sent.`}</p></div>
${hash}<p><button id="other" hidden disabled></button> <button id="drop" disabled>Nothing was sent: give it up</button></p>`
    : !unread && html`<p>To the account that paid, by the wallet that was paid: ${says(standing.left, row)}${standing.back > 0n ? " is left" : ""}. What was bought stays open; <code>npx farthing revoke</code> ends it.</p>
<form id="send" class="search refund"><label>Amount${tokenOf(row.network, row.asset) ? ` in ${tokenOf(row.network, row.asset).symbol}` : " in atomic units"} <input name="amount" required inputmode="decimal" value="${plainly(standing.left, row)}" autocomplete="off"></label>
<label>Reason, for the books <input name="reason" maxlength="${MOST_REASON}"></label><label hidden>Wallet <select name="wallet"></select></label><button disabled>Refund with a wallet</button></form>`}
<p role="status"></p><noscript><p>The wallet is asked by a script. Without it, the command <code>npx farthing refund</code> does the same.</p></noscript>
${!begun && !unread && html`<details><summary>With a Safe, another device or a command</summary><p>This transaction, not signed, is the refund. Send it from ${row.pay_to}, and say which one it was.</p>
<dl class="facts">${facts.map(([name, value, id]) => html`<div><dt>${name}</dt><dd>${id ? html`<code id="${id}">${value}</code>` : value}</dd></div>`)}</dl>${hash}</details>`}
</section>`;
}

/** Whether a request is of the desk's own script. */
function isOwn({ headers }, site) {
  const from = headers.get("sec-fetch-site");
  return headers.get("origin") === site && (from === null || from === "same-origin") && headers.get("farthing-desk") === "refund"
    && /^application\/json(?:;|$)/.test(headers.get("content-type") ?? "");
}

/** Takes what the page's script says. */
export async function refundPost(request, env, asked) {
  try {
    if (!isOwn(request, asked.site)) throw new Refused("not-own", "A refund is begun on the desk's own page alone.", 403);
    if (env.BOOKS === undefined) throw new Refused("no-books", "This site keeps no books, and refunds are kept there.");
    const text = await bodyOf(request);
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      throw new Refused("not-read", "This cannot be read.", 400);
    }
    const way = typeof body?.do === "string" && Object.hasOwn(WAYS, body.do) && typeof body.key === "string" ? WAYS[body.do] : undefined;
    if (!way) throw new Refused("not-read", "This cannot be read.", 400);
    await rows(env, BEGUN);
    return answer(200, await way(env, await rowOf(env, body.key), body, asked));
  } catch (error) {
    if (error instanceof Refused) return answer(error.status, { problem: error.problem, says: error.message });
    throw error;
  }
}

const answer = (status, body) => new Response(JSON.stringify(body), { status, headers: { ...SECURE, "content-type": "application/json" } });

async function bodyOf({ body }) {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > MOST_BODY) throw new Refused("too-large", "This is more than a refund takes.", 413);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

const COLUMNS = ["key", "state", "network", "asset", "payer", "pay_to", "charged", "transaction_hash", "receipt"];
async function rowOf(env, key) {
  const [found] = await rows(env, `SELECT ${COLUMNS.join(", ")} FROM payment WHERE key = ?1`, key);
  if (!found) throw new Refused("no-payment", "The books have no such payment.", 404);
  const row = Object.fromEntries(COLUMNS.map((name, at) => [name, found[at]]));
  const standing = await leftOf(env, row);
  if (!standing) throw new Refused("not-settled", "Only what has settled can be sent back.");
  return { ...row, ...standing };
}

/** Atomic units of what was typed, of no more digits than the token has. */
function unitsOf(typed, row) {
  const [, whole, part = ""] = /^\s*(\d{1,60})(?:\.(\d{1,77}))?\s*$/.exec(typeof typed === "string" ? typed : "") ?? [];
  if (whole === undefined) throw new Refused("not-an-amount", "An amount is digits, and a point where there is a fraction: 0.05.");
  if (part.length > digits(row)) throw new Refused("not-an-amount", `This token has ${digits(row)} digits after the point.`);
  const units = BigInt(whole + part.padEnd(digits(row), "0"));
  if (units === 0n) throw new Refused("not-an-amount", "Nothing is no refund.");
  if (units > row.left) throw new Refused("too-much", `${says(units, row)} is more than is left: ${says(row.left, row)}.`);
  return units;
}

async function chainOf({ edge }, { network }) {
  try {
    return await openChain(network, watched(edge).rpc[network], { until: Date.now() + LOOK_MS, calls: CALLS, seconds: SECONDS });
  } catch (error) {
    throw new Refused("no-chain", `The chain cannot be asked, so nothing could be written down: ${error.message}.`, 503);
  }
}
async function looked(chain, look) {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused("no-chain", `${chain.at} did not answer.`, 503);
  }
}
const paymentOf = ({ transaction_hash: transaction, asset, pay_to: payTo, paid }) => ({ transaction: transaction.toLowerCase(), asset, payTo, paid });
/** The block of the payment, if the chain says what the books say. */
async function blockOf(chain, row) {
  const { block, why } = await looked(chain, () => paidIn(chain, paymentOf(row), row.payer));
  if (why) throw new Refused("not-on-chain", "The chain does not have this payment as the books have it: nothing is to be sent back for it.");
  return block;
}

const isOf = (env) => (env.FARTHING_LOCAL === "1" ? 1 : CONFIRMATIONS);
const WORDS = {
  payment: "This is the payment itself.", failed: "This transaction failed: it moved nothing.", older: "This transaction is older than the payment.", "other-token": "This transaction moves another token.",
  "other-payee": "This transaction pays another account than the one that paid.", "other-sender": "This transaction is sent from another account than the one that was paid.", "other-amount": "This transaction moves another amount.",
};

async function lookAt(env, row, begun, asked) {
  const hash = begun.transaction;
  if (row.known.some(([, known]) => known === hash)) return await written(env, row);
  const chain = await chainOf(asked, row);
  const block = await blockOf(chain, row);
  const of = isOf(env);
  const wanted = { ...paymentOf(row), payer: row.payer, from: row.pay_to, amount: BigInt(begun.amount), block, confirmations: of };
  const found = await looked(chain, () => sentIn(chain, hash, wanted));
  if (["waits", "not-there", "replaced", "young"].includes(found.why)) return { state: "waits", why: found.why, has: found.has ?? 0, of };
  if (found.why === "other-amount" && found.values.length === 1) {
    const [moved] = found.values;
    return {
      state: "wrong", why: found.why, moved: String(moved), button: `Write it down as ${says(moved, row)}`,
      says: `${WORDS[found.why]} ${says(moved, row)} went back to the account that paid, not ${says(BigInt(begun.amount), row)}. Write it down as what it was: given up, the books know nothing of it, and all of it would be offered again.`,
    };
  }
  if (found.why) return { state: "wrong", why: found.why, says: WORDS[found.why] };
  // its payer may have had it erased while the chain was asked (threat G7)
  const marks = openMarks(asked.edge)([row.receipt]).get(row.receipt) ?? [];
  // one transaction may have several transfers: each is one refund
  for (const log of found.logs) {
    const entry = { marks, receipt: row.receipt, network: row.network, transaction: hash, log, asset: row.asset, amount: String(begun.amount), at: found.time, ...(begun.reason && { reason: begun.reason }) };
    const { refuse } = JSON.parse(await refund(env, JSON.stringify(entry)));
    if (!refuse) return await written(env, row);
    if (refuse.problem === "payer-erased") return { state: "wrong", why: "erased", says: "Whoever paid this had it erased: nothing is written down of it any more." };
  }
  return { state: "wrong", why: "conflict", says: "The books say otherwise: this transfer is the refund of another payment there, or more would be refunded than was paid." };
}
async function written(env, { receipt }) {
  await rows(env, "DELETE FROM desk_refund_begun WHERE receipt = ?1", receipt);
  return { state: "written" };
}
async function begunFor(env, { receipt }) {
  const begun = await begunOf(env, receipt);
  if (!begun) throw new Refused("none-begun", "No refund of this payment is under way.", 409);
  return begun;
}

const WAYS = {
  /** What is to be sent, and nothing else. */
  async prepare(env, row, { amount }) {
    const units = unitsOf(amount, row);
    return { ...transactionOf(row, units), says: says(units, row) };
  },
  /** The wallet is about to be asked: from now on there is no second one. */
  async begin(env, row, { amount, reason = "" }, asked) {
    const units = unitsOf(amount, row);
    if (typeof reason !== "string" || reason.length > MOST_REASON) throw new Refused("not-read", `A reason has at most ${MOST_REASON} characters.`);
    await blockOf(await chainOf(asked, row), row);
    const made = await rows(env, `INSERT INTO desk_refund_begun (receipt, amount, reason, at) SELECT ?1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM refund WHERE receipt = ?1) = ?5
      AND EXISTS (SELECT 1 FROM payment WHERE receipt = ?1) ON CONFLICT DO NOTHING RETURNING receipt`, row.receipt, String(units), reason.trim() || null, asked.now, row.known.length);
    if (made.length === 0) throw new Refused("begun", "A refund of this payment is under way already, or its payer had it erased: load the page again.", 409);
    return { ...transactionOf(row, units), says: says(units, row) };
  },
  /** This is the transaction; another one where the wallet has replaced it. */
  async sent(env, row, { transaction }, asked) {
    if (typeof transaction !== "string" || !HASH.test(transaction)) throw new Refused("not-a-transaction", "A transaction is 0x and 64 hex digits.");
    const begun = await begunFor(env, row);
    const hash = transaction.toLowerCase();
    if (hash === row.transaction_hash.toLowerCase()) throw new Refused("not-a-transaction", WORDS.payment);
    await rows(env, "UPDATE desk_refund_begun SET transaction_hash = ?2, at = ?3 WHERE receipt = ?1 AND transaction_hash IS NOT ?2", row.receipt, hash, asked.now);
    return await lookAt(env, row, { ...begun, transaction: hash }, asked);
  },
  /** Whether the chain has it by now. */
  async look(env, row, body, asked) {
    const begun = await begunOf(env, row.receipt);
    if (!begun) return { state: "written" };
    return begun.transaction ? await lookAt(env, row, begun, asked) : { state: "open" };
  },
  /** It is the refund, of the amount that the chain says. */
  async other(env, row, { moved: said }, asked) {
    const begun = await begunFor(env, row);
    const { moved } = begun.transaction ? await lookAt(env, row, begun, asked) : {};
    if (moved === undefined || moved !== said) throw new Refused("not-an-amount", "The chain does not say so: load the page again.", 409);
    if (BigInt(moved) > row.left) throw new Refused("too-much", `${says(BigInt(moved), row)} is more than is left of the payment: ${says(row.left, row)}. It cannot be written down as its refund.`);
    await rows(env, "UPDATE desk_refund_begun SET amount = ?2 WHERE receipt = ?1 AND transaction_hash = ?3", row.receipt, moved, begun.transaction);
    return await lookAt(env, row, { ...begun, amount: moved }, asked);
  },
  /** Nothing was sent: not where the chain knows better. */
  async drop(env, row, body, asked) {
    const begun = await begunFor(env, row);
    if (begun.transaction) {
      const { state, why } = await lookAt(env, row, begun, asked);
      if (state === "written") return { state };
      if (state === "waits" && !(why === "not-there" && asked.now - begun.at > ON_ITS_WAY)) throw new Refused("under-way", "This transaction is under way, or may be: it cannot be given up yet.", 409);
    }
    await rows(env, "DELETE FROM desk_refund_begun WHERE receipt = ?1", row.receipt);
    return { state: "dropped" };
  },
};
