// Sample figures for the demo's desk: some weeks of payments that nobody made, the same at every start. Their network says so
// (worker/shim/desk/sample.js), so that they are in no sum with real ones.

const DAYS = 35;
const DAY = 86_400;
// Sunday first.
const WEEK = [0.6, 1, 1.05, 1.15, 1, 0.9, 0.7];
const HOURS = [1, 1, 1, 1, 1, 2, 4, 8, 9, 7, 6, 6, 8, 7, 6, 5, 5, 6, 8, 9, 9, 8, 5, 2];
const READERS = 180;
const TOKEN = { network: "sample:eip155:8453", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" };
const WEEK_PASS = 500_000n;
const REASONS = ["Bought twice", "Could not read it on an old phone", "Asked for it within the hour"];
const COLUMNS = ["key", "version", "state", "receipt", "resource", "network", "asset", "payer", "pay_to", "amount", "charged", "transaction_hash", "reason", "first_seen", "settled_at", "offer"];

/** The same numbers from 0 to 1 at every start (mulberry32). */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `articles`: [{url, price}]; the rows of both tables up to `now`. */
export function samples({ articles, payTo, now, seed = 20_261_123 }) {
  const next = chance(seed);
  const pick = (weights) => {
    let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
    return Math.max(0, weights.findIndex((weight) => (left -= weight) < 0));
  };
  const address = () => `0x${Array.from({ length: 40 }, () => "0123456789abcdef"[Math.floor(next() * 16)]).join("")}`;
  const readers = Array.from({ length: READERS }, address);
  const units = (price) => BigInt(Math.round(Number(price.slice(1)) * 1e6));
  // each came out on a day, sold best on it, and half as well three days later
  const stories = articles.map((article, at) => ({ ...article, since: Math.floor((at * DAYS) / articles.length) - 4, weight: 0.5 + next() }));
  const [payments, refunds] = [[], []];
  const today = Math.floor(now / DAY);
  for (let day = 0; day <= DAYS; day += 1) {
    const date = today - DAYS + day;
    const many = Math.round(22 * WEEK[(date + 4) % 7] * (0.8 + (0.5 * day) / DAYS) * (0.85 + next() * 0.3));
    for (let number = 0; number < many; number += 1) {
      const seen = date * DAY + pick(HOURS) * 3600 + Math.floor(next() * 3600);
      const story = stories[pick(stories.map(({ since, weight }) => (since > day ? 0 : weight * (0.15 + 2 ** ((since - day) / 3)))))];
      const offer = next() < 0.02 ? "week" : "";
      const refused = next() < 0.03;
      const amount = String(offer ? WEEK_PASS : units(story.price));
      const id = `sample:${payments.length + 1}`;
      // fewer accounts read more than others
      const payer = readers[Math.floor(next() ** 2 * READERS)];
      const row = {
        key: id, version: 1, state: refused ? "refused" : "settled", receipt: id, resource: story.url, ...TOKEN, payer, pay_to: payTo, amount,
        charged: refused ? null : amount, transaction_hash: null, reason: refused ? "insufficient_funds" : null, first_seen: seen, settled_at: refused ? null : seen + 2, offer,
      };
      const back = next();
      if (seen > now - 600) continue;
      payments.push(row);
      if (!refused && back < 0.006 && seen < now - 7200) refunds.push({ network: row.network, transaction_hash: id, log_index: 0, receipt: id, asset: row.asset, amount, reason: REASONS[refunds.length % REASONS.length], at: seen + 3600 });
    }
  }
  const last = payments.at(-1);
  payments.push({ ...last, key: "sample:unknown", receipt: "sample:unknown", state: "unknown", charged: null, settled_at: null, reason: null, first_seen: now - 240 });
  return { payments, refunds };
}

const insert = (table, names) => `INSERT INTO ${table} (${names.join(", ")}) SELECT ${names.map((name) => `value ->> '${name}'`).join(", ")} FROM json_each(?1)`;

/** Puts them into books whose tables are there; gives how many payments. `run(sql, value)`: one statement in D1. */
export async function fillSamples(run, given) {
  const { payments, refunds } = samples(given);
  for (let at = 0; at < payments.length; at += 250) await run(insert("payment", COLUMNS), JSON.stringify(payments.slice(at, at + 250)));
  await run(insert("refund", ["network", "transaction_hash", "log_index", "receipt", "asset", "amount", "reason", "at"]), JSON.stringify(refunds));
  return payments.length;
}
