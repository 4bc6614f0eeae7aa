// Alerts: what the cron trigger finds wrong, told to the publisher's webhooks once when it begins and once when it is over. One object that
// is no payer's keeps what is open and what is not delivered yet; it runs beside the backstop, and no request waits for it.

import { look } from "./conditions.js";
import { deliver, put } from "./outbox.js";
import { watched } from "./probe.js";

const FRESH = { runs: 0, open: {}, bad: {}, gas: {}, kids: {}, messages: {}, queues: {} };
// A run is over by then, or lost with the object that it ran in.
const LONGEST_MS = 3 * 60_000;
let running = 0; // since when

/** `run`: the cron trigger fired; `heard`: what another object's log said. */
export async function alerts(request, given) {
  const { storage } = given;
  if (request.url.endsWith("/heard")) {
    const { event, name, ...more } = await request.json();
    // apart from what a run is at work on
    await storage.put(`heard ${event} ${name}`, { event, name, ...more });
  } else if (Date.now() - running > LONGEST_MS) {
    running = Date.now();
    try {
      await run(given);
    } finally {
      running = 0;
    }
  }
  return new Response("");
}

async function run({ storage, env, edge, say }) {
  const setup = watched(edge);
  const sales = salesOf(setup.sales);
  if (setup.hooks.length === 0) return;
  const now = Math.floor(Date.now() / 1000);
  const state = { ...structuredClone(FRESH), ...await storage.get("state") };
  const heard = await storage.list({ prefix: "heard " });
  const before = await storage.get("sales");
  state.runs += 1;
  const { wrong, unsure } = await look({ setup, state, env, edge, now, heard: [...heard.values()] });

  const tell = (alert) => put(state, setup.hooks, { ...alert, at: new Date(now * 1000).toISOString(), site: setup.site });
  for (const { key, ...alert } of wrong) {
    if (key in state.open) continue;
    const id = `${alert.type}_${crypto.randomUUID()}`;
    state.open[key] = { id, type: alert.type, subject: alert.subject, since: now };
    tell({ id, state: "raised", ...alert });
  }
  const still = new Set(wrong.map(({ key }) => key));
  for (const [key, { id, type, subject, since }] of Object.entries(state.open)) {
    if (still.has(key) || unsure.has(type)) continue;
    delete state.open[key];
    const details = { since: new Date(since * 1000).toISOString() };
    tell({ id: `${id}_ended`, state: "ended", type, subject: `Over: ${subject}`, text: `What was told at ${details.since} is over: ${subject}.`, details });
  }
  const changed = before && changes(before, sales);
  if (changed) tell({ id: `prices-changed_${crypto.randomUUID()}`, state: "raised", type: "prices-changed", ...changed });

  // in one step: what was told is never told again, and never forgotten
  const saved = storage.put({ state, sales });
  const gone = storage.delete([...heard.keys()].slice(0, 128));
  await Promise.all([saved, gone]);
  await deliver({ state, hooks: setup.hooks, env, say, save: () => storage.put("state", state) });
}

/** What is sold, by route. */
function salesOf(list) {
  const sales = {};
  for (const { route, price, network, asset, amount, payTo } of list) {
    const sale = (sales[route] ??= { price, ways: [] });
    const way = [network, asset, amount, payTo].join(" ");
    if (!sale.ways.includes(way)) sale.ways.push(way);
  }
  for (const sale of Object.values(sales)) sale.ways.sort();
  return sales;
}

const MOST_CHANGES = 10;
const MOST_WAYS = 4;

/** What is sold otherwise than in the run before; nothing if nothing is. */
function changes(before, after) {
  const routes = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const differ = routes.filter((route) => JSON.stringify(before[route]) !== JSON.stringify(after[route]));
  if (differ.length === 0) return undefined;
  const shown = (sale) => sale && { price: sale.price, ways: sale.ways.slice(0, MOST_WAYS).map((way) => {
    const [network, asset, amount, payTo] = way.split(" ");
    return { network, asset, amount, payTo };
  }) };
  const list = differ.slice(0, MOST_CHANGES).map((route) => ({ route, from: shown(before[route]) ?? null, to: shown(after[route]) ?? null }));
  const words = (sale) => (sale ? `${sale.price} to ${[...new Set(sale.ways.map(({ payTo }) => payTo))].join(", ")}` : "not sold");
  const more = differ.length > list.length ? `\nand ${differ.length - list.length} more` : "";
  return {
    subject: differ.length === 1 ? `Price or payee changed on ${differ[0]}` : `Prices or payees changed on ${differ.length} routes`,
    text: `${list.map(({ route, from, to }) => `${route}: from ${words(from)}, now ${words(to)}`).join("\n")}${more}\nIf nobody of yours did this, look who can deploy this Worker.`,
    details: { count: differ.length, changes: list },
  };
}
