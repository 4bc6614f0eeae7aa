// Pages of other origins, in Chromium: the official client and our card pay from a page that is listed, and a page that is not reads
// nothing (threats E5, E8).
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { cors } from "hono/cors";
import { listen } from "../../tools/lib/processes.mjs";
import { launch } from "../support/browser.mjs";
import { startHonoShop, wares } from "../support/official-servers.mjs";
import { startParts } from "../support/parts.mjs";
import { page as sold, startShop } from "../support/shop.mjs";
import { startEdge } from "../support/edge.mjs";
import { installWallet } from "../support/wallet.mjs";
import { button, card, message } from "./reader.mjs";
import { snippet } from "./snippets.mjs";

const ARTICLE = "/articles/parkin";
// @x402/fetch as a page links it
const CLIENT = `
  import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
  import { ExactEvmScheme } from "@x402/evm/exact/client";
  import { privateKeyToAccount } from "viem/accounts";
  export const payingFetch = (key) => wrapFetchWithPayment(fetch, new x402Client().register("eip155:84532", new ExactEvmScheme(privateKeyToAccount(key))));
`;

const { add, stop } = startParts();
let shop;
let edge;
let blog; // an origin that is listed; the same page at "localhost" is not
let browser;
let context;
const embeds = {}; // pages of the blog
before(async () => {
  const bundled = await build({
    stdin: { contents: CLIENT, resolveDir: import.meta.dirname }, bundle: true, format: "iife", globalName: "official", write: false, logLevel: "silent",
  });
  const server = createServer((request, response) => {
    const script = request.url === "/client.js";
    if (embeds[request.url]) return response.writeHead(200, { "content-type": "text/html" }).end(embeds[request.url]);
    response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
    return response.end(script ? bundled.outputFiles[0].text : '<!doctype html><title>A blog</title><script src="/client.js"></script>');
  });
  const port = await listen(server);
  await add({ stop: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) });
  blog = { url: `http://127.0.0.1:${port}`, stranger: `http://localhost:${port}` };
  shop = await add(startShop({ routes: [], edges: {} }));
  const config = (site) => ({
    site, origin: { url: shop.origin.url }, payTo: { eip155: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC" }, networks: [shop.chain.network],
    settlement: { facilitators: [{ url: shop.facilitator.url }], rpc: { [shop.chain.network]: [shop.chain.url] } },
    routes: [{ match: "/articles/*", price: "$0.05", access: "30d" }],
    cors: JSON.parse(`{${snippet("jsonc", "cors").replace("https://blog.example", blog.url)}}`).cors,
  });
  edge = await add(startEdge({ config, keys: "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE" }));
  browser = await launch();
  await add({ stop: () => browser.close() });
  context = await browser.context();
});
after(stop);

async function open(origin) {
  const tab = await context.newPage();
  await tab.goto(`${origin}/`);
  return tab;
}
/** What a script on the page sees of an answer. */
const ask = (tab, url, init = {}) => tab.evaluate(async ({ url, init }) => {
  try {
    const response = await fetch(url, init);
    const header = (name) => response.headers.get(name);
    return {
      status: response.status, text: await response.text(), offer: header("payment-required"), settled: header("payment-response"), pass: header("farthing-pass"),
    };
  } catch (error) {
    return { failed: error.name };
  }
}, { url, init });

test("the official client pays from a page that is listed, and the page's pass opens the article again", async () => {
  const payer = await shop.newPayer({ edge, approve: false });
  const tab = await open(blog.url);
  const unpaid = await ask(tab, edge.url + ARTICLE, { headers: { accept: "application/json" } });
  assert.equal(unpaid.status, 402);
  assert.ok(unpaid.offer, "the offer can be read");
  const paid = await tab.evaluate(async ({ url, key }) => {
    const response = await official.payingFetch(key)(url);
    return { status: response.status, text: await response.text(), settled: response.headers.get("payment-response"), pass: response.headers.get("farthing-pass") };
  }, { url: edge.url + ARTICLE, key: payer.key });
  assert.deepEqual([paid.status, paid.text], [200, sold(ARTICLE)]);
  assert.ok(paid.settled && paid.pass);
  assert.deepEqual(await context.cookies(edge.url), [], "no cookie");

  const again = await ask(tab, edge.url + ARTICLE, { headers: { "farthing-pass": paid.pass } });
  assert.deepEqual([again.status, again.text], [200, sold(ARTICLE)]);
  assert.equal((await ask(tab, `${edge.url}/articles/other`, { headers: { "farthing-pass": paid.pass } })).status, 402);
  assert.equal((await payer.transfers()).length, 1);

  // what a thief gets who has read it there: nothing from elsewhere, and nothing as a cookie
  const elsewhere = await fetch(edge.url + ARTICLE, { headers: { origin: blog.stranger, "farthing-pass": paid.pass } });
  assert.equal(elsewhere.status, 402);
  const cookie = await fetch(edge.url + ARTICLE, { headers: { cookie: `__Secure-farthing=${paid.pass}` } });
  assert.equal(cookie.status, 402);
  await tab.close();
});

test("errors can be read too", async () => {
  const tab = await open(blog.url);
  const refused = await ask(tab, edge.url + ARTICLE, { headers: { "payment-signature": "not base64!" } });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /payment-not-base64/);
  await tab.close();
});

test("E5 a page that is not listed reads nothing and can send nothing, and no cookie opens anything to it", async () => {
  const reader = await shop.newPayer({ edge, approve: false });
  const bought = await reader.send(ARTICLE, await reader.signTransfer(ARTICLE));
  const cookies = bought.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  const tab = await open(blog.stranger);
  for (const init of [{}, { headers: { "payment-signature": "x" } }, { credentials: "include" }, { method: "POST", body: "x", headers: { "content-type": "application/json" } }]) {
    assert.deepEqual(await ask(tab, edge.url + ARTICLE, init), { failed: "TypeError" }, JSON.stringify(init));
  }
  await tab.close();
  // and one that is listed cannot use cookies that the reader has
  const listed = await open(blog.url);
  assert.deepEqual(await ask(listed, edge.url + ARTICLE, { credentials: "include" }), { failed: "TypeError" });
  await listed.close();
  for (const origin of ["null", `${blog.url}.evil.example`, blog.url.toUpperCase()]) {
    const answer = await fetch(edge.url + ARTICLE, { headers: { origin, cookie: cookies } });
    assert.equal(answer.headers.get("access-control-allow-origin"), null, origin);
  }
});

test("our script is for every page", async () => {
  const tab = await open(blog.stranger);
  for (const name of ["farthing.js", "page.js", "pay.js", "panels.js", "help.js", "place.js", "receipt.js", "de.json", "de.more.json", "farthing.wasm"]) {
    assert.equal((await ask(tab, `${edge.url}/.farthing/${name}`)).status, 200, name);
  }
  await tab.close();
});

/** A reader with a wallet and money on the chain, on a page of the blog that holds this. */
async function embed(path, text) {
  const payer = await shop.newPayer({ edge, approve: false });
  const profile = await browser.context();
  const wallet = await installWallet(profile, { key: payer.key, rpc: shop.chain.url });
  embeds[path] = `<!doctype html><title>A blog</title>${text}`;
  const page = await profile.newPage();
  await page.goto(blog.url + path);
  await button(page).waitFor();
  return { payer, profile, wallet, page };
}
const example = () => snippet("html", "https://news.example").replaceAll("https://news.example", edge.url).replaceAll("/articles/my-story", ARTICLE);

test("our card on a page that is listed opens the article in its place, and again the next day by the pass, without a cookie or the wallet", async () => {
  const { payer, profile, wallet, page } = await embed("/embed", example());
  await button(page).click();
  await page.getByText(`What is sold at ${ARTICLE}`).waitFor();
  assert.deepEqual(await profile.cookies(edge.url), []);
  const asked = wallet.requests.length;
  await page.reload();
  await page.getByText(`What is sold at ${ARTICLE}`).waitFor();
  assert.equal(wallet.requests.length, asked);
  assert.equal((await payer.transfers()).length, 1);
  // without the pass, a signature that costs nothing
  await page.evaluate(() => new Promise((done) => {
    indexedDB.open("farthing").onsuccess = ({ target: { result } }) => {
      const transaction = result.transaction("passes", "readwrite");
      transaction.objectStore("passes").clear();
      transaction.oncomplete = () => { result.close(); done(); };
    };
  }));
  await page.reload();
  await card(page).getByRole("button", { name: "Already paid?" }).click();
  await page.getByText(`What is sold at ${ARTICLE}`).waitFor();
  assert.equal(wallet.requestsOf("personal_sign").length, 1);
  assert.equal((await payer.transfers()).length, 1);
  await profile.close();
});

test("E5 our card on a page that is not listed has no price, and asks no wallet", async () => {
  const { profile, wallet, page } = await embed("/stranger", example());
  await page.goto(`${blog.stranger}/stranger`);
  await button(page).click();
  await message(page).getByText("The price could not be loaded. Nothing was charged.").waitFor();
  assert.deepEqual(wallet.requests, []);
  await profile.close();
});

test("an official server that lets the page read is paid by our card; it gives no pass, so the next visit asks again", async () => {
  const allow = new Function("app", "cors", snippet("js", "exposeHeaders").replace("https://blog.example", blog.url));
  const official = await add(startHonoShop({ facilitator: shop.facilitator.url, first: (app) => allow(app, cors) }));
  const { payer, profile, page } = await embed("/official", example().replace(edge.url + ARTICLE, `${official.url}/exact`));
  await button(page).click();
  await message(page).getByText("The price has changed from $0.05 to $0.01.").waitFor();
  await page.waitForTimeout(700);
  await button(page).click();
  await page.locator("pre", { hasText: wares("/exact") }).waitFor();
  assert.equal((await payer.transfers()).length, 1);
  await page.reload();
  await button(page).waitFor();
  assert.equal(await page.locator("pre").count(), 0);
  await profile.close();
});
