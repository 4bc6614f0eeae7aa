// Official clients pay our Worker in workerd, and it settles through the official facilitator and the one in Rust.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { payTo } from "../support/accounts.mjs";
import { startChain } from "../support/chain.mjs";
import { startEdge } from "../support/edge.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { startHostile } from "../support/hostile-facilitator.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { startOrigin } from "../support/origin.mjs";
import { built, startRustFacilitator } from "../support/rust-peers.mjs";
import { digestOf, stopClients } from "./clients.mjs";
import { recorder } from "./page.mjs";
import { payRow } from "./payment.mjs";
import { OFFERS, SITES, TABLES, canRun, money, titleOf } from "./rows.mjs";

const rows = TABLES.flatMap((table) => table.rows).filter(({ payee }) => payee === "worker").filter(canRun);
const record = recorder("worker");
const ARTICLE = "<!doctype html>\n<title>The ferry</title>\n<p>It left at six, with one passenger and a goat.\n";
const started = [];
const add = async (promise) => {
  const part = await promise;
  started.push(part);
  return part;
};
let chain;
let origin;
const facilitators = {};
const sites = {};

/** A site of SITES with all it sells, settling through one facilitator. */
function startSite(name, through) {
  const { url, address } = facilitators[through];
  const offers = Object.entries(OFFERS).filter(([, { site }]) => site === name);
  const simplest = (site) => ({
    site,
    origin: { url: origin.url },
    payTo: { eip155: payTo.address },
    networks: [chain.network],
    settlement: { facilitators: [{ url }], rpc: { [chain.network]: [chain.url] } },
    routes: offers.map(([offer, { scheme, asset, amount }]) => ({
      match: `/articles/${offer}`, price: money(amount, asset), description: "One article", ...(scheme === "upto" && { scheme }),
    })),
  });
  return startEdge({ keys: randomKeys(), config: (site) => SITES[name](simplest(site), address) });
}

before(async () => {
  chain = await add(startChain());
  // The origin says what was used.
  const used = ({ scheme, charged }) => (scheme === "upto" ? { "settlement-overrides": JSON.stringify({ amount: String(charged) }) } : {});
  const pages = Object.entries(OFFERS).map(([offer, price]) => [`/articles/${offer}`, { body: ARTICLE, headers: used(price) }]);
  origin = await add(startOrigin({ routes: Object.fromEntries(pages) }));
  const official = await add(startFacilitator({ rpc: chain.url }));
  facilitators.typescript = { url: official.url, address: official.address, calls: () => official.log };
  if (built) {
    const local = await add(startRustFacilitator({ rpc: chain.url }));
    const witness = await add(startHostile({ target: local.url }));
    facilitators.local = { url: witness.url, address: local.address, calls: () => witness.calls };
  }
  const wanted = new Set(rows.map(({ offer, through }) => `${OFFERS[offer].site} ${through}`));
  await Promise.all([...wanted].map(async (name) => { sites[name] = await add(startSite(...name.split(" "))); }));
});
after(async () => {
  await stopClients();
  for (const part of started.reverse()) await part.stop();
});

for (const row of rows) {
  test(titleOf(row), async () => {
    const { offer, through } = row;
    const url = `${sites[`${OFFERS[offer].site} ${through}`].url}/articles/${offer}`;
    record.add(row, await payRow(row, { chain, url, digest: digestOf(ARTICLE), calls: facilitators[through].calls }));
  });
}

test("the page says what happened here", () => {
  assert.deepEqual(record.finish(), [], "run: npm run conformance:page");
});
