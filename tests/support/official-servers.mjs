// Shops made of the official server packages, for clients to pay: @x402/hono (v2), x402-express (v1), x402 with Flask (v2). All sell text.
import { serve } from "@hono/node-server";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { UptoEvmScheme } from "@x402/evm/upto/server";
import { declareEip2612GasSponsoringExtension } from "@x402/extensions";
import { paymentMiddleware, setSettlementOverrides, x402ResourceServer } from "@x402/hono";
import express from "express";
import { Hono } from "hono";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { paymentMiddleware as paymentMiddlewareV1 } from "x402-express";
import { listen, start, stop } from "../../tools/lib/processes.mjs";
import { python } from "../../tools/lib/setup-python.mjs";
import { payTo as defaultPayee } from "./accounts.mjs";
import { DOLLAR, TOKEN } from "./places.mjs";

/** What a paid path answers; the Rust server sells the same words. */
export const wares = (path) => `what is sold at ${path}`;

/**
 * What is for sale: {path: {scheme, method, asset, amount, charged}} in atomic units; `charged` is what moves, which is less than
 * what is signed for with upto only.
 */
export const MENU = {
  "/exact": { scheme: "exact", method: "eip3009", asset: TOKEN, amount: 10_000n, charged: 10_000n },
  "/permit2": { scheme: "exact", method: "permit2", asset: TOKEN, amount: 20_000n, charged: 20_000n },
  /** 18 decimals; takes an approval by signature along (eip2612GasSponsoring). */
  "/dollar": { scheme: "exact", method: "permit2", asset: DOLLAR, amount: 30_000_000_000_000_001n, charged: 30_000_000_000_000_001n },
  "/upto": { scheme: "upto", method: "permit2", asset: TOKEN, amount: 50_000n, charged: 12_345n },
  /** Signed for, used, and found to cost nothing. */
  "/upto-nothing": { scheme: "upto", method: "permit2", asset: TOKEN, amount: 60_000n, charged: 0n },
};

const EXTRA = {
  [TOKEN]: { name: "USDC", version: "2" },
  [DOLLAR]: { name: "MegaUSD", version: "1" },
};

/** @param {{facilitator: string, network?: string, payTo?: string, first?: (app: Hono) => void}} options `facilitator`: its URL; `first`: what comes before */
export async function startHonoShop({ facilitator, network = "eip155:84532", payTo = defaultPayee.address, first = () => {} }) {
  const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator }))
    .register(network, new ExactEvmScheme())
    .register(network, new UptoEvmScheme());
  const routes = Object.fromEntries(Object.entries(MENU).map(([path, { scheme, method, asset, amount }]) => [`GET ${path}`, {
    accepts: {
      scheme, network, payTo, maxTimeoutSeconds: 300,
      price: { asset, amount: String(amount), extra: { ...EXTRA[asset], ...(method === "permit2" && { assetTransferMethod: "permit2" }) } },
    },
    description: "text", mimeType: "text/plain",
    ...(asset === DOLLAR && { extensions: declareEip2612GasSponsoringExtension() }),
  }]));
  const app = new Hono();
  first(app);
  app.use(paymentMiddleware(routes, server));
  for (const [path, { scheme, charged }] of Object.entries(MENU)) {
    app.get(path, (context) => {
      if (scheme === "upto") setSettlementOverrides(context, { amount: String(charged) });
      return context.text(wares(path));
    });
  }
  const listener = await new Promise((resolve, reject) => {
    const started = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () => resolve(started));
    started.once("error", reject);
  });
  return shop(listener);
}

/** The official Python package with Flask (v2): everything of the menu that is in a token it can name. */
export async function startFlaskShop({ facilitator, payTo = defaultPayee.address }) {
  const menu = Object.fromEntries(Object.entries(MENU).filter(([, { asset }]) => asset === TOKEN)
    .map(([path, { amount, charged, ...item }]) => [path, { ...item, amount: String(amount), charged: String(charged), extra: EXTRA[item.asset] }]));
  const script = join(import.meta.dirname, "../conformance/python/shop.py");
  const child = start(python, [script, facilitator, payTo, JSON.stringify(menu)], { stdio: ["ignore", "pipe", "inherit"] });
  const line = await Promise.race([createInterface({ input: child.stdout })[Symbol.asyncIterator]().next(), child.ended]);
  if (!line?.value) throw new Error("the Python shop ended at once");
  return { url: `http://127.0.0.1:${JSON.parse(line.value).port}`, stop: () => stop(child) };
}

/** v1: only `/exact`. */
export async function startExpressShop({ facilitator, network = "base-sepolia", payTo = defaultPayee.address }) {
  const app = express();
  const { amount, asset } = MENU["/exact"];
  const price = { amount: String(amount), asset: { address: asset, decimals: 6, eip712: EXTRA[asset] } };
  app.use(paymentMiddlewareV1(payTo, { "GET /exact": { price, network, config: { description: "text", mimeType: "text/plain" } } }, { url: facilitator }));
  app.get("/exact", (request, response) => { response.type("text/plain").send(wares("/exact")); });
  const server = createServer(app);
  await listen(server);
  return shop(server);
}

const shop = (server) => ({
  url: `http://127.0.0.1:${server.address().port}`,
  stop: () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  }),
});
