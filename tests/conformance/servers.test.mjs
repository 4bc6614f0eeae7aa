// Official servers are paid on our chain, by every scheme. The rows of official clients are the control: what fails there is not ours.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startChain } from "../support/chain.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { startHostile } from "../support/hostile-facilitator.mjs";
import { startExpressShop, startFlaskShop, startHonoShop, wares } from "../support/official-servers.mjs";
import { built, startRustFacilitator, startRustShop } from "../support/rust-peers.mjs";
import { digestOf, stopClients } from "./clients.mjs";
import { recorder } from "./page.mjs";
import { payRow } from "./payment.mjs";
import { TABLES, canRun, titleOf } from "./rows.mjs";

const rows = TABLES.flatMap((table) => table.rows).filter(({ payee }) => payee !== "worker").filter(canRun);
const record = recorder("servers");
const started = [];
const add = async (promise) => {
  const part = await promise;
  started.push(part);
  return part;
};
let chain;
const shops = {};
const calls = {};

before(async () => {
  chain = await add(startChain());
  const facilitator = await add(startFacilitator({ rpc: chain.url }));
  calls.typescript = () => facilitator.log;
  shops["hono typescript"] = await add(startHonoShop({ facilitator: facilitator.url }));
  shops["express typescript"] = await add(startExpressShop({ facilitator: facilitator.url }));
  shops["flask typescript"] = await add(startFlaskShop({ facilitator: facilitator.url }));
  if (!built) return;
  const local = await add(startRustFacilitator({ rpc: chain.url }));
  // A proxy that keeps what passes through.
  const witness = await add(startHostile({ target: local.url }));
  calls.local = () => witness.calls;
  shops["hono local"] = await add(startHonoShop({ facilitator: witness.url }));
  shops["axum local"] = await add(startRustShop({ facilitator: witness.url }));
});
after(async () => {
  await stopClients();
  for (const part of started.reverse()) await part.stop();
});

for (const row of rows) {
  test(titleOf(row), async () => {
    const { payee, through, offer } = row;
    const url = shops[`${payee} ${through}`].url + offer;
    record.add(row, await payRow(row, { chain, url, digest: digestOf(wares(offer)), calls: calls[through] }));
  });
}

test("the page says what happened here", () => {
  assert.deepEqual(record.finish(), [], "run: npm run conformance:page");
});
