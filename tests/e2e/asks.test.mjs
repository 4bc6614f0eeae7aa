// What the origin says of a page: its price, who is paid, from when on it is free. Real workerd, chain and facilitator.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { getAddress } from "viem";
import { payTo } from "../support/accounts.mjs";
import { startEdge } from "../support/edge.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { nonceFor, offersIn, signPayment } from "../support/pay.mjs";
import { startParts } from "../support/parts.mjs";
import { startShop } from "../support/shop.mjs";
import { problemOf } from "./reader.mjs";

const JANE = getAddress(`0x${"1a".repeat(20)}`);
const SOLD = "The premium sentence that nobody reads for nothing. ".repeat(20);
const { add, stop } = startParts();
let shop;
let edge;
let site;
/** What the origin says: by path, headers and what stands in the head of the page. */
const said = {};

const asking = { price: { min: "$0.01", max: "$1" }, payTo: { jane: { eip155: JANE } }, freeFrom: true, remember: "10s" };
const edgeWith = (ask, more = {}, options = {}) => add(startEdge({
  keys: randomKeys(), env: { ORIGIN_KEY: "of-the-test" }, ...options,
  config: (url) => ({
    site: url, origin: { url: shop.origin.url, headers: { "x-origin-key": "ORIGIN_KEY" } }, payTo: { eip155: payTo.address }, networks: [shop.chain.network],
    settlement: { facilitators: [{ url: shop.facilitator.url }], rpc: { [shop.chain.network]: [shop.chain.url] } },
    routes: [{ match: "/articles/*", price: "$0.05", parts: ["/media/{1}/*"], ask }],
    ...more,
  }),
}));

before(async () => {
  const answer = (request, response, url) => {
    const { headers = {}, head = "", status = 200 } = said[url.pathname] ?? {};
    response.writeHead(status, { "content-type": "text/html", ...headers });
    response.end(request.method === "HEAD" ? undefined : `<!doctype html><html><head><title>x</title>${head}</head><body>${SOLD}<meta name="farthing:price" content="0.01"></body></html>`);
  };
  shop = await add(startShop({ routes: [], edges: {}, origin: { "/articles/*": answer, "/media/*": answer } }));
  edge = await edgeWith(asking);
  site = await edgeWith({ ...asking, meta: true });
});
beforeEach(() => {
  for (const path of Object.keys(said)) delete said[path];
  shop.origin.reset();
});
after(stop);

let pages = 0;
/** A page that nobody was asked about yet. */
const page = (says) => {
  const path = `/articles/page-${pages += 1}`;
  said[path] = says;
  return path;
};
const ask = (at, path, headers = {}) => fetch(at.url + path, { redirect: "manual", headers });
const first = async (response) => {
  assert.equal(response.status, 402, await response.clone().text());
  assert.ok(!(await response.clone().text()).includes("premium sentence"));
  for (const name of ["farthing-price", "farthing-pay-to", "farthing-free-from", "etag"]) assert.equal(response.headers.get(name), null);
  return (await offersIn(response)).v2.accepts[0];
};
const priceOf = async (at, path, headers) => (await first(await ask(at, path, headers))).amount;

test("a price, an author and an embargo from headers: asked for by HEAD, and nothing of it leaves", async () => {
  assert.deepEqual((await edge.health()).errors, []);
  const path = page({ headers: { "Farthing-Price": "0.07", "Farthing-Pay-To": "jane", "Farthing-Free-From": "2099-01-01T00:00:00Z" } });
  const offer = await first(await ask(edge, path, { cookie: "session=jane", authorization: "Bearer x", "user-agent": "me" }));
  assert.deepEqual([offer.amount, offer.payTo], ["70000", JANE]);
  const [asked] = shop.origin.log;
  assert.deepEqual([asked.method, asked.headers["x-origin-key"], asked.headers.cookie, asked.headers.authorization], ["HEAD", "of-the-test", undefined, undefined]);
  assert.notEqual(asked.headers["user-agent"], "me");
  // parts are sold at the price of their article, other spellings too, and it is remembered
  assert.equal(await priceOf(edge, path.replace("/articles/", "/media/").concat("/x.mp3")), "70000");
  assert.equal(await priceOf(edge, `${path}?utm_source=x`), "70000");
  const html = await (await ask(edge, path, { accept: "text/html" })).text();
  assert.match(html, /\$0\.07/);
  assert.equal(shop.origin.log.length, 1, "asked once");
  const free = page({ headers: { "Farthing-Price": "0.07", "Farthing-Free-From": "2020-01-01T00:00:00Z" } });
  const open = await ask(edge, free);
  assert.deepEqual([open.status, open.headers.get("farthing-free-from"), open.headers.get("farthing-price")], [200, null, null]);
});

test("from meta tags in the head of the page, within its first 64 KiB", async () => {
  const meta = (name, content) => `<meta name="farthing:${name}" content="${content}">`;
  for (const [head, amount, headers] of [
    [meta("price", "$0.08"), "80000"], [meta("price", " 0.08 ") + meta("pay-to", "jane"), "80000"],
    [`<!-- ${meta("price", "0.08")} -->`, "50000"], [`<script>'${meta("price", "0.08")}'</script>`, "50000"],
    [meta("price", "0.08") + meta("price", "0.09"), "50000"], ["", "50000"],
    [" ".repeat(70_000) + meta("price", "0.08"), "50000"],
    [meta("price", "0.08"), "90000", { "farthing-price": "0.09" }],
    [meta("price", "0.08"), "50000", { "content-type": "text/plain" }],
  ]) {
    const path = page({ head, headers });
    assert.equal(await priceOf(site, path), amount, head.slice(-120));
    assert.deepEqual(shop.origin.log.map(({ method }) => method), ["GET"]);
    shop.origin.reset();
  }
  // a config without "meta" reads none
  assert.equal(await priceOf(edge, page({ head: meta("price", "0.08") })), "50000");
});

test("A3 nothing but what the config allows: no price out of its bounds, no address, never nothing", async () => {
  for (const says of [
    { "farthing-price": "0.009" }, { "farthing-price": "1.01" }, { "farthing-price": "0" }, { "farthing-price": "free" }, { "farthing-price": "-1" },
    { "farthing-price": "0.07 USDC" }, { "farthing-price": "7e-2" }, { "farthing-price": "0.0700001" }, { "farthing-price": "0.07, 0.01" }, { "farthing-price": "" },
    { "farthing-pay-to": "0x90F79bf6EB2c4f870365E785982E1f101E93b906" }, { "farthing-pay-to": "joe" }, { "farthing-pay-to": "Jane" },
    { "farthing-free-from": "yesterday" }, { "farthing-free-from": "2020" }, { "farthing-price": "0.07;free-from=2020-01-01T00:00:00Z" },
  ]) {
    const offer = await first(await ask(edge, page({ headers: says })));
    assert.deepEqual([offer.amount, offer.payTo], ["50000", payTo.address], JSON.stringify(says));
  }
  // what a client sends is not what the origin says
  const path = page({});
  assert.equal(await priceOf(edge, path, { "farthing-price": "0.01", "farthing-free-from": "2020-01-01T00:00:00Z" }), "50000");
});

test("an origin that fails, moves or is slow leaves the route's own price, and is asked again half a minute later", async () => {
  for (const mode of [500, 404, "die", { redirect: "/articles/elsewhere" }, "hang"]) {
    const path = page({ headers: { "farthing-price": "0.07", "farthing-free-from": "2020-01-01T00:00:00Z" } });
    shop.origin.script(path, mode);
    assert.equal(await priceOf(edge, path), "50000", JSON.stringify(mode));
    assert.equal(await priceOf(edge, path), "50000");
    assert.equal(shop.origin.requestsTo(path).length, 1);
  }
});

test("C1 one question at a time for a page, and so many a minute for all", async () => {
  const at = await edgeWith(asking);
  const path = page({ headers: { "farthing-price": "0.07" } });
  shop.origin.script(path, { delay: 300 });
  const prices = await Promise.all(Array.from({ length: 40 }, () => priceOf(at, path)));
  assert.deepEqual([...new Set(prices)], ["70000"]);
  assert.equal(shop.origin.log.length, 1);
  shop.origin.reset();
  for (let n = 0; n < 6; n++) await Promise.all(Array.from({ length: 50 }, (_, m) => ask(at, `/articles/junk-${n}-${m}`)));
  assert.ok(shop.origin.log.length <= 240, `${shop.origin.log.length} questions`);
  assert.equal(await priceOf(at, path), "70000", "what is known stays known");
});

test("A4 a price that was shown is taken while its quote lives, after the origin has changed it; nobody pays another's", async () => {
  const path = page({ headers: { "farthing-price": "0.07", "farthing-pay-to": "jane" } });
  const payer = await shop.newPayer({ edge, approve: false });
  const offer = await payer.offer(path);
  said[path] = { headers: { "farthing-price": "0.09" } };
  await new Promise((done) => { setTimeout(done, 11_000); });
  assert.equal(await priceOf(edge, path), "90000");
  const paid = await payer.send(path, await signPayment({ offer, key: payer.key }));
  assert.equal(paid.status, 200, await paid.clone().text());
  assert.ok((await paid.text()).includes("premium sentence"));
  assert.equal(paid.headers.get("farthing-price"), null);
  const log = await shop.chain.transfersTo(JANE);
  assert.deepEqual(log.filter(({ from }) => from === payer.address).map(({ value }) => BigInt(value)), [70_000n]);
  // a quote of this page is none of another
  const other = page({ headers: { "farthing-price": "0.5" } });
  const reader = await shop.newPayer({ edge, approve: false });
  const cheap = await reader.offer(path);
  assert.equal(await problemOf(await reader.send(other, await signPayment({ offer: cheap, key: reader.key }))), "amount-mismatch");
});

test("the reader who has paid is not asked about again, and nothing of the answer can be had at an address of ours", async () => {
  const path = page({ headers: { "farthing-price": "0.02" } });
  const payer = await shop.newPayer({ edge, approve: false });
  const paid = await payer.send(path, await payer.signTransfer(path));
  assert.equal(paid.status, 200, await paid.clone().text());
  const cookie = paid.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  shop.origin.reset();
  assert.equal((await ask(edge, path, { cookie })).status, 200);
  assert.deepEqual(shop.origin.log.map(({ method }) => method), ["GET"]);
  for (const hidden of [`/.farthing/says/${encodeURIComponent(path)}`, "/.farthing/says/"]) assert.equal((await ask(edge, hidden)).status, 404);
});

test("a bundle is not spent on what its publisher has set free", async () => {
  const at = await edgeWith(asking, { offers: { two: { count: 2, for: "30d", price: "$2" } } });
  const [bought, freed] = [page({}), page({ headers: { "farthing-free-from": "2020-01-01T00:00:00Z" } })];
  const payer = await shop.newPayer({ edge: at, approve: false });
  const offer = await payer.offer(bought);
  const index = offer.accepts.findIndex(({ extra }) => extra.offer?.name === "two");
  const paid = await payer.send(bought, await signPayment({ offer, index, key: payer.key, nonce: nonceFor(offer, index) }));
  assert.deepEqual([paid.status, paid.headers.get("farthing-left")], [200, "1"], await paid.clone().text());
  const cookie = paid.headers.getSetCookie().map((line) => line.split(";")[0]).find((one) => one.startsWith("__Host-farthing="));
  const spend = (path) => fetch(`${at.url}/.farthing/spend?path=${encodeURIComponent(path)}`, {
    method: "POST", redirect: "manual", headers: { cookie, "sec-fetch-site": "same-origin" },
  });
  assert.equal(await problemOf(await spend(freed)), "nothing-left");
  assert.equal((await ask(at, freed)).status, 200, "it is free");
  const other = page({ headers: { "farthing-price": "0.07" } });
  const spent = await spend(other);
  assert.deepEqual([spent.status, (await spent.json()).left], [200, 0]);
});

test("programs pay what is theirs, and never less than people", async () => {
  const at = await edgeWith(undefined, {
    routes: [
      { match: "/articles/dear/*", price: "$0.05", crawlers: { programs: "$0.20" } }, { match: "/articles/closed/*", price: "$0.05", crawlers: { programs: "refuse" } },
      { match: "/articles/*", price: "$0.05", ask: asking, crawlers: { programs: "$0.06" } },
    ],
  });
  assert.equal(await priceOf(at, "/articles/dear/x"), "200000");
  const browser = { accept: "text/html" };
  const page402 = await (await ask(at, "/articles/dear/x", browser)).text();
  assert.match(page402, /\$0\.05/);
  assert.equal(await problemOf(await ask(at, "/articles/closed/x")), "agent-refused");
  assert.equal((await ask(at, "/articles/closed/x", browser)).status, 402);
  // the origin's price is above theirs: they pay it too
  assert.equal(await priceOf(at, page({ headers: { "farthing-price": "0.5" } })), "500000");
  assert.equal(await priceOf(at, page({ headers: { "farthing-price": "0.02" } })), "60000");
  // the card of a person asks as a program does in a browser that does not say where from: what it showed is what is paid
  const payer = await shop.newPayer({ edge: at, approve: false });
  const asPerson = await offersIn(await ask(at, "/articles/dear/x", { accept: "application/json", "sec-fetch-site": "same-origin" }));
  assert.equal(asPerson.v2.accepts[0].amount, "50000");
  const paid = await payer.send("/articles/dear/x", await signPayment({ offer: asPerson.v2, key: payer.key }));
  assert.equal(paid.status, 200, await paid.clone().text());
});
