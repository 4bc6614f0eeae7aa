// The card pays the official servers, Hono and Express, from a page of another origin, as far as their CORS lets it.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { serve } from "@hono/node-server";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware as expressMiddleware } from "@x402/express";
import { paymentMiddleware as honoMiddleware, x402ResourceServer } from "@x402/hono";
import cors from "cors";
import express from "express";
import { Hono } from "hono";
import { cors as honoCors } from "hono/cors";
import { createServer } from "node:http";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { listen } from "../../tools/lib/processes.mjs";
import { payTo } from "../support/accounts.mjs";
import { startChain } from "../support/chain.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { startParts } from "../support/parts.mjs";
import { installWallet } from "../support/wallet.mjs";
import { button, card, says, startReader, visit } from "./reader.mjs";
import { startSite } from "./site.mjs";

const HTML = "<main><h1>From another server</h1><p>The tide table was wrong by an hour.</p></main>";
const EXPOSED = ["PAYMENT-REQUIRED", "PAYMENT-RESPONSE"];
const ALLOWED = ["PAYMENT-SIGNATURE", "SIGN-IN-WITH-X", "Accept"];

const parts = startParts();
let chain;
let site;
let reader;
const shops = {};
before(async () => {
  chain = await parts.add(startChain());
  const facilitator = await parts.add(startFacilitator({ rpc: chain.url }));
  [site, reader] = await Promise.all([parts.add(startSite()), startReader()]);
  const server = () => new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator.url })).register(chain.network, new ExactEvmScheme());
  const routes = { "GET /tides": { accepts: { scheme: "exact", network: chain.network, payTo: payTo.address, price: "$0.05", maxTimeoutSeconds: 300 }, description: "Tides", mimeType: "text/html" } };

  const app = new Hono();
  app.use(honoCors({ origin: "*", allowHeaders: ALLOWED, exposeHeaders: EXPOSED }));
  app.use(honoMiddleware(routes, server()));
  app.get("/tides", (context) => context.html(HTML));
  const hono = await new Promise((resolve) => { const started = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () => resolve(started)); });
  shops.Hono = `http://127.0.0.1:${hono.address().port}`;

  const other = express();
  other.use(cors({ allowedHeaders: ALLOWED, exposedHeaders: EXPOSED }));
  other.use(expressMiddleware(routes, server()));
  other.get("/tides", (request, response) => { response.send(HTML); });
  const second = createServer(other);
  shops.Express = `http://127.0.0.1:${await listen(second)}`;
  // without CORS nothing of it can be read
  const closed = express();
  closed.use(expressMiddleware(routes, server()));
  const third = createServer(closed);
  shops.closed = `http://127.0.0.1:${await listen(third)}`;
  for (const each of [hono, second, third]) await parts.add(Promise.resolve({ stop: () => new Promise((resolve) => { each.closeAllConnections?.(); each.close(resolve); }) }));
});
after(async () => { await reader?.stop(); await parts.stop(); });
afterEach(() => assert.deepEqual(reader.faults.splice(0), [], "no script error"));

async function somebody(funds = 1_000_000n) {
  const key = generatePrivateKey();
  await chain.setBalance(privateKeyToAddress(key), funds);
  let wallet;
  const profile = await reader.profile({}, async (into) => { wallet = await installWallet(into, { key, rpc: chain.url, chainId: chain.chainId }); });
  const transfers = async () => (await chain.transfersTo()).filter(({ from }) => from === privateKeyToAddress(key)).length;
  return Object.assign(profile, { wallet, transfers });
}

for (const name of ["Hono", "Express"]) {
  test(`${name}: one signature, one transfer, and what was sold stands where the card was`, async () => {
    const me = await somebody();
    const page = await visit(me, site.embed("/front", { src: `${shops[name]}/tides`, price: "$0.05" }));
    await button(page).click();
    await page.getByText("The tide table was wrong").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "From another server");
    assert.deepEqual([me.wallet.requestsOf("eth_signTypedData_v4").length, await me.transfers()], [1, 1]);
    await me.close();
  });

  test(`${name}: its own word about an empty account, where the wallet would not say`, async () => {
    const me = await somebody(10n);
    me.wallet.always("eth_call", "no-method");
    const page = await visit(me, site.embed("/front", { src: `${shops[name]}/tides`, price: "$0.05" }));
    await button(page).click();
    await says(page, "Your account has less than $0.05 USDC on Base Sepolia. Nothing was charged.");
    assert.equal(await me.transfers(), 0);
    await me.close();
  });
}

test("a server that lets no other page read: the price cannot be loaded, and nothing is signed", async () => {
  const me = await somebody();
  const page = await visit(me, site.embed("/front", { src: `${shops.closed}/tides`, price: "$0.05" }));
  await button(page).click();
  await says(page, "The price could not be loaded. Nothing was charged.");
  await card(page).getByRole("button", { name: "Try again" }).waitFor();
  assert.deepEqual(me.wallet.requests, []);
  await me.close();
});
