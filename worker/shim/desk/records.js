// What is held about one account, for its owner: the gate has found the proof good, and the ledger counts it once. Read where it lies, in the
// ledger's object and in the books; nothing is in it that was meant for a facilitator, or that tells one request of the payer's from another.

import { assets } from "./assets.js";
import { rows } from "./schema.js";

const MOST = 500;
const time = (seconds) => (Number.isInteger(seconds) ? new Date(seconds * 1000).toISOString().replace(".000Z", "Z") : undefined);
// of phases, which are a word, or an object with one member
const STATES = { claimed: "pending", settling: "pending", unknown: "pending", rejected: "refused", foreign: "elsewhere" };

function payment({ body }) {
  const { intent, phase, created, charge } = JSON.parse(body);
  const [name, more] = typeof phase === "string" ? [phase, {}] : Object.entries(phase)[0];
  return {
    receipt: intent.receipt, state: STATES[name] ?? name, resource: intent.resource, offer: intent.offer?.name, network: intent.network, asset: intent.asset, payTo: intent.payTo,
    amount: charge ?? intent.amount, authorized: intent.amount, authorizedUntil: time(intent.validBefore), nonce: intent.nonce, identifier: intent.identifier, audience: intent.audience ?? undefined,
    transaction: more.transaction, reason: name === "rejected" ? more.reason : undefined, firstSeen: time(created), settledAt: name === "settled" ? time(more.at) : undefined,
    ...(STATES[name] === "pending" && { open: true }),
  };
}

function receipt({ id, body }) {
  const { payer: _, seen, settledAt, retryAfter: __, ...more } = JSON.parse(body);
  return { receipt: id, ...more, firstSeen: time(seen), settledAt: time(settledAt) };
}

const bought = (body) => {
  const { network, transaction, resource } = JSON.parse(body);
  return { network, transaction, resource };
};

// In their order: the tables of the object, with what is shown of a row.
const OBJECT = {
  payments: ["payment", "body", payment],
  owned: ["owned", "receipt, body", ({ receipt, body }) => ({ receipt, ...bought(body), until: time(JSON.parse(body).until) })],
  passes: ["wider", "receipt, name, count, until, body, (SELECT json_group_array(resource) FROM opened WHERE opened.receipt = wider.receipt) AS opened",
    ({ receipt, name, count, until, body, opened }) => ({ offer: name, receipt, ...bought(body), until: time(until), ...(count > 0 && { articles: count, left: Math.max(0, count - JSON.parse(opened).length), opened: JSON.parse(opened) }) })],
  receipts: ["receipt", "id, body", receipt],
};

// And of the books. The index is the desk's: who asks does not have every entry read (threat B8).
const INDEX = "CREATE INDEX IF NOT EXISTS desk_payer ON payment (payer COLLATE NOCASE, first_seen DESC)";
const BOOKS = {
  books: ["SELECT rowid, key, state, receipt, resource, offer, network, asset, pay_to, amount, charged, transaction_hash, reason, first_seen, settled_at FROM payment WHERE payer = ?1 COLLATE NOCASE",
    ([, key, state, receipt, resource, offer, network, asset, payTo, amount, charged, transaction, reason, seen, at]) => ({ key, state, receipt, resource, offer, network, asset, payTo, amount, charged, transaction, reason, firstSeen: time(seen), settledAt: time(at) })],
  refunds: ["SELECT rowid, receipt, network, asset, amount, transaction_hash, reason, at FROM refund WHERE receipt IN (SELECT receipt FROM payment WHERE payer = ?1 COLLATE NOCASE AND receipt <> '')",
    ([, receipt, network, asset, amount, transaction, reason, at]) => ({ receipt, network, asset, amount, transaction, reason, at: time(at) })],
};

async function booked(env, sql, ...values) {
  try {
    return await rows(env, sql, ...values);
  } catch (error) {
    // nothing was ever written there
    if (/no such table/.test(error?.message)) return [];
    throw error;
  }
}

/** `call(name, body)` is the object's own; the answer as the gate hands it on, or `undefined` where the proof was used before. */
export async function records(text, { storage, env, call }) {
  const { payer, after = "0.0" } = JSON.parse(text);
  const { sql } = storage;
  const has = new Set(sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'").toArray().map(({ name }) => name));
  // what is still to be told to the books would be in neither
  if (env.BOOKS && has.has("outbox")) await call("tell", "");
  if (env.BOOKS) await booked(env, INDEX);
  const [first, from] = after.split(".").map(Number);
  const parts = {};
  let [left, next] = [MOST, undefined];
  const names = [...Object.keys(OBJECT), ...Object.keys(BOOKS)];
  for (const [number, name] of names.entries()) {
    const ofBooks = Object.hasOwn(BOOKS, name);
    parts[name] = ofBooks && !env.BOOKS ? null : [];
    if (number < first || next || parts[name] === null) continue;
    const last = number === first ? from : 0;
    let found;
    if (ofBooks) found = (await booked(env, `${BOOKS[name][0]} AND rowid > ?2 ORDER BY rowid LIMIT ?3`, payer, last, left + 1)).map((row) => [row[0], BOOKS[name][1](row)]);
    else {
      const [table, columns, shown] = OBJECT[name];
      found = has.has(table) ? sql.exec(`SELECT rowid, ${columns} FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ?`, last, left + 1).toArray().map((row) => [row.rowid, shown(row)]) : [];
    }
    const shown = found.slice(0, left);
    if (found.length > shown.length) next = `/.farthing/export?after=${number}.${shown.at(-1)?.[0] ?? last}`;
    parts[name] = shown.map(([, row]) => row);
    left -= shown.length;
  }
  const all = Object.values(parts).flatMap((rows) => rows ?? []);
  const used = new Set(all.map(({ network, asset }) => `${network} ${asset?.toLowerCase()}`));
  const tokens = assets.filter(({ network, asset }) => used.has(`${network} ${asset.toLowerCase()}`)).map(({ network, asset, symbol, decimals }) => ({ network, asset, symbol, decimals }));
  // strangers leave nothing behind (threat B8); and now at once, so that a proof shows the records once
  if (left < MOST && await call("prove", text) !== "new") return undefined;
  return JSON.stringify({ account: payer, at: time(Math.floor(Date.now() / 1000)), ...parts, tokens, next });
}
