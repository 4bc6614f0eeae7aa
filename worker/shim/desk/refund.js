// What was refunded, in the books: entries that the gate has found signed by the site's keys. The command looked at the chain before.

import { rows, STEPS } from "./schema.js";
import { REFUND } from "./tables.js";

const COLUMNS = ["network", "transaction_hash", "log_index", "asset", "amount", "reason", "at"];
const TRIES = 5;
const FORMS = { network: /^eip155:[1-9]\d{0,19}$/, transaction: /^0x[0-9a-f]{64}$/, asset: /^0x[0-9a-fA-F]{40}$/, amount: /^[1-9]\d{0,77}$/ };
const MOST_NUMBER = 1e12;
const MOST_REASON = 200;
const MARKED = "EXISTS (SELECT 1 FROM payment WHERE receipt IN (SELECT value FROM json_each(?1)))";
const refuse = (problem) => JSON.stringify({ refuse: { problem, resource: "" } });

/** The first refund makes the table. */
export function noTable(error) {
  if (/no such table/.test(error?.message)) return [];
  throw error;
}

/** What was begun on the desk for a receipt and is not in the books: `{amount, reason, at, transaction}`. */
export async function begunOf(env, receipt) {
  const [found] = await rows(env, "SELECT amount, reason, at, transaction_hash FROM desk_refund_begun WHERE receipt = ?1", receipt).catch(noTable);
  return found && { amount: found[0], reason: found[1], at: found[2], transaction: found[3] ?? undefined };
}

/** Takes an entry, or with none of a transaction answers what there is about the receipt, and what was begun on the desk: `{refunds, added, begun}`. */
export async function refund(env, text) {
  if (env.BOOKS === undefined) return refuse("no-books");
  const entry = JSON.parse(text);
  for (const statement of [STEPS[0], ...REFUND]) await rows(env, statement);
  const known = async () => (await rows(env, `SELECT ${COLUMNS.join(", ")} FROM refund WHERE receipt = ?1 ORDER BY at, transaction_hash, log_index`, entry.receipt))
    .map((row) => Object.fromEntries(COLUMNS.map((name, at) => [name, row[at]])));
  // the payer had it erased: what stands there by a mark names nobody, and nothing is to
  const marks = JSON.stringify(entry.marks);
  const isErased = async () => (await rows(env, `SELECT 1 WHERE ${MARKED}`, marks)).length > 0;
  if (await isErased()) return refuse("payer-erased");
  if (entry.transaction === undefined) return JSON.stringify({ refunds: await known(), added: false, begun: await begunOf(env, entry.receipt) });
  const { receipt, network, transaction, log, asset, amount, at, reason = null } = entry;
  const areTexts = Object.entries(FORMS).every(([name, form]) => typeof entry[name] === "string" && form.test(entry[name]));
  const areNumbers = [log, at].every((number) => Number.isInteger(number) && number >= 0 && number < MOST_NUMBER);
  if (!areTexts || !areNumbers || !(reason === null || (typeof reason === "string" && reason.length <= MOST_REASON))) return refuse("order-invalid");
  for (let tries = 0; tries < TRIES; tries += 1) {
    const [there] = await rows(env, "SELECT receipt, asset, amount FROM refund WHERE network = ?1 AND transaction_hash = ?2 AND log_index = ?3", network, transaction, log);
    if (there) {
      const same = there[0] === receipt && there[1].toLowerCase() === asset.toLowerCase() && there[2] === amount;
      return same ? JSON.stringify({ refunds: await known(), added: tries > 0 }) : refuse("refund-conflict");
    }
    const before = await known();
    const [paid] = await rows(env, "SELECT network, asset, charged FROM payment WHERE receipt = ?1 AND charged IS NOT NULL", receipt);
    // a payment from before the books is known to the command alone
    if (paid && (paid[0] !== network || paid[1].toLowerCase() !== asset.toLowerCase())) return refuse("refund-conflict");
    const sum = before.reduce((sum, { amount }) => sum + BigInt(amount), BigInt(amount));
    if (paid && sum > BigInt(paid[2])) return refuse("refund-conflict");
    if (tries > 0 && await isErased()) return refuse("payer-erased");
    // unless another was written meanwhile, and then it is added up anew, or the payer had it erased
    await rows(env, `INSERT INTO refund (network, transaction_hash, log_index, receipt, asset, amount, reason, at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
      WHERE (SELECT count(*) FROM refund WHERE receipt = ?4) = ?9 AND NOT ${MARKED.replace("?1", "?10")} ON CONFLICT DO NOTHING`, network, transaction, log, receipt, asset, amount, reason, at, before.length, marks);
  }
  throw new Error("the refund could not be written");
}
