// What is wrong now, each with a key that is the same as long as it is. Of a type that cannot be looked at in a run nothing is said to be over.

import { ask, askSupported, keysOf, lowFor } from "./probe.js";

const PATIENCE = 10;
const SHOWN = 10;
/** Runs that a facilitator fails in before it is told, and is well in before that is over. */
const BAD_RUNS = 2;
const GOOD_RUNS = 3;
const KEY_DAYS = 90;
const DAY = 86_400;

export async function look(given) {
  const unsure = new Set();
  const looked = [
    ["payments-unknown", unknownPayments], ["facilitator-failing", facilitators], ["gas-low", gas], ["key-old", oldKey],
  ].map(async ([type, find]) => {
    try {
      return (await find(given)).map((one) => ({ ...one, type }));
    } catch {
      unsure.add(type);
      return [];
    }
  });
  return { wrong: (await Promise.all(looked)).flat(), unsure };
}

async function unknownPayments({ setup, state, env, now }) {
  if (env.BOOKS === undefined) return [];
  const before = now - setup.unknown * 60;
  const from = "FROM payment WHERE state = 'unknown' AND network NOT LIKE 'sample:%' AND first_seen < ?1";
  try {
    // a small one: it has the unknown alone
    if (!state.indexed) await rows(env, "CREATE INDEX IF NOT EXISTS alerts_unknown ON payment (first_seen) WHERE state = 'unknown'");
    state.indexed = true;
    const [[count]] = await rows(env, `SELECT count(*) ${from}`, before);
    if (count === 0) return [];
    const found = await rows(env, `SELECT resource, network, asset, amount, first_seen ${from} ORDER BY first_seen LIMIT ${SHOWN}`, before);
    const payments = found.map(([resource, network, asset, amount, seen]) => ({ resource, network, asset, amount, firstSeen: new Date(seen * 1000).toISOString() }));
    return [{
      key: "unknown", subject: `${count} ${count === 1 ? "payment has" : "payments have"} no known outcome`,
      text: `For more than ${setup.unknown} minutes it has not been known whether the money moved. The ledger asks again by itself, and nobody is charged twice; what stays for an hour is a chain or a facilitator that does not answer.`,
      details: { count, payments },
    }];
  } catch (error) {
    // the first payment makes the table
    if (/no such table/.test(error?.message)) return [];
    throw error;
  }
}

async function rows(env, sql, ...values) {
  const statement = env.BOOKS.prepare(sql);
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the books did not answer in time")), PATIENCE * 1000);
  });
  try {
    return await Promise.race([(values.length > 0 ? statement.bind(...values) : statement).raw(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Those that did not settle since the last run, by the ledgers' log, and those that do not answer at /supported now. */
async function facilitators({ state, env, edge, heard }) {
  const asked = askSupported(edge, env, PATIENCE);
  const bad = [...(await Promise.all(asked)).filter(({ why }) => why), ...heard.filter(({ event }) => event === "settler")];
  const now = new Map(bad.map(({ name, why, status }) => [name, { why, status }]));
  for (const [name, known] of Object.entries(state.bad)) {
    if (now.has(name)) continue;
    known.quiet += 1;
    if (!known.told || known.quiet >= GOOD_RUNS) delete state.bad[name];
  }
  for (const [name, why] of now) {
    const runs = (state.bad[name]?.runs ?? 0) + 1;
    // a secret that is not taken is not taken the next time either
    const told = state.bad[name]?.told || runs >= BAD_RUNS || why.why === "lets-nobody-in";
    state.bad[name] = { ...why, runs, quiet: 0, told };
  }
  const words = { "no-answer": "It does not answer.", unclear: "Its answers say nothing.", "lets-nobody-in": "It does not take the secret that it is asked with.", "names-another-payment": "It answers about other payments." };
  return Object.entries(state.bad).filter(([, { told }]) => told).map(([name, { why, status }]) => ({
    key: `facilitator ${name}`, subject: name === "direct" ? "Direct settlement fails" : `The facilitator ${name} fails`,
    text: `${words[why] ?? `It says: ${why}.`} Payments go to the next in the list; where there is none they wait, and readers are told to come back.`,
    details: { facilitator: name, why, ...(status && { status: Number(status) }) },
  }));
}

/** Gas keys that their senders called low, until the chain says that they were filled. */
async function gas({ setup, state, heard }) {
  for (const { event, name, what, account } of heard) if (event === "gas" && account) state.gas[name] = { what, account };
  await Promise.all(Object.entries(state.gas).map(async ([network, known]) => {
    for (const url of setup.rpc[network] ?? []) {
      try {
        const [balance, price] = await Promise.all([ask(url, "eth_getBalance", [known.account, "latest"], PATIENCE), ask(url, "eth_gasPrice", [], PATIENCE)]);
        known.balance = String(BigInt(balance));
        if (BigInt(balance) >= lowFor(BigInt(price))) delete state.gas[network];
        return;
      } catch {
        // the next
      }
    }
    if (!(network in setup.rpc)) delete state.gas[network];
  }));
  return Object.entries(state.gas).map(([network, { what, account, balance }]) => ({
    key: `gas ${network} ${account}`, subject: what === "empty" ? `The gas key on ${network} is empty` : `Gas runs low on ${network}`,
    text: `Send ${account} more of the network's own token: less than 100 settlements are left at the price of the moment. Without it payments wait, and no page opens.`,
    details: { network, account, ...(balance && { balance }) },
  }));
}

/** The key that signs, which is the first. */
async function oldKey({ state, env, now }) {
  const keys = keysOf(env, now);
  const kids = keys.map(({ kid }) => kid);
  for (const kid of kids) state.kids[kid] ??= now;
  for (const kid of Object.keys(state.kids)) if (!kids.includes(kid)) delete state.kids[kid];
  const [key] = keys;
  if (key === undefined) return [];
  const { kid } = key;
  const since = key.since ?? state.kids[kid];
  const days = Math.floor((now - since) / DAY);
  if (days <= KEY_DAYS) return [];
  return [{
    key: `key ${kid}`, subject: `The key ${kid} is ${days} days old`,
    text: "Put a new key before it in FARTHING_KEYS, and keep the old one behind: what it signed stays good.",
    details: { kid, since: new Date(since * 1000).toISOString(), days },
  }];
}
