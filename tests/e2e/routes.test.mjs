// What a route is about, through real workerd: parts that open with their article, queries that count, methods, and times.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { page, startShop } from "../support/shop.mjs";
import { problemOf } from "./reader.mjs";

const ROUTES = [
  { match: "/articles/*", methods: ["POST"], price: "free" },
  {
    match: "/articles/*", except: ["/articles/free-*"], methods: ["GET"], price: "$0.05", access: "30d",
    parts: ["/media/{1}/*", "/data/{1}.json"], query: ["page"], passQuery: ["_rsc"],
  },
  { match: "/yesterday", price: "$0.05", freeFrom: "2026-01-01T00:00:00Z" },
  { match: "/search", price: "free", query: ["s"] },
];
const ARTICLE = "/articles/parkin";
let shop;
before(async () => {
  shop = await startShop({ routes: ROUTES, edges: { edge: (network) => [network] } });
});
after(() => shop?.stop());

/** The cookies of an answer that a browser would send to `path`, as name=value. */
const cookiesFor = (response, path) => response.headers.getSetCookie().map((line) => line.split("; ")).filter((parts) => {
  const limit = parts.find((part) => part.startsWith("Path=")).slice(5);
  return path === limit || path.startsWith(limit.endsWith("/") ? limit : `${limit}/`);
}).map(([pair]) => pair).join("; ");
const asked = () => shop.origin.log.map(({ url }) => url);

test("a part is locked with its article, and opens with it without another payment", async () => {
  const reader = await shop.newPayer({ edge: shop.edge, approve: false });
  for (const part of ["/media/parkin/recipe.mp3", "/data/parkin.json", "/media/parkin/a/b.jpg"]) {
    shop.origin.reset();
    assert.equal((await reader.ask(part)).status, 402, part);
    assert.equal((await reader.offer(part)).resource.url, shop.edge.url + ARTICLE, part);
    assert.deepEqual(asked(), [], "the origin is not asked");
  }
  const paid = await reader.send(ARTICLE, await reader.signTransfer(ARTICLE));
  assert.equal(await paid.text(), page(ARTICLE));
  const handle = cookiesFor(paid, "/");
  assert.match(handle, /^__Host-farthing=/);
  // the pass is the article's; the handle brings one for the folder of its parts
  const media = "/media/parkin/recipe.mp3";
  const first = await reader.ask(media, { cookie: handle });
  assert.equal(await first.text(), page(media));
  const pass = cookiesFor(first, "/media/parkin/other.jpg").split("; ").find((pair) => pair.startsWith("__Secure-"));
  assert.ok(pass, "a pass for the folder");
  for (const [path, cookie, status] of [
    ["/media/parkin/other.jpg", pass, 200], ["/media/parkin/a/b.jpg", pass, 200], ["/data/parkin.json", handle, 200],
    // not what somebody else's article has
    ["/media/tides/other.jpg", pass, 402], ["/media/tides/other.jpg", handle, 402], ["/articles/tides", pass, 402], ["/data/tides.json", handle, 402],
  ]) {
    assert.equal((await reader.ask(path, { cookie })).status, status, path);
  }
  assert.equal((await reader.transfers()).length, 1);
});

test("a payment that is sent to a part pays for the article", async () => {
  const reader = await shop.newPayer({ edge: shop.edge, approve: false });
  const part = "/media/parkin/recipe.mp3";
  const paid = await reader.send(part, await reader.signTransfer(part));
  assert.equal(await paid.text(), page(part));
  assert.equal((await reader.ask(ARTICLE, { cookie: cookiesFor(paid, ARTICLE) })).status, 200);
  assert.equal((await reader.transfers()).length, 1);
});

test("D1 no other spelling of a part is delivered unpaid", async () => {
  const reader = await shop.newPayer({ edge: shop.edge, approve: false });
  shop.origin.reset();
  for (const path of [
    "/Media/parkin/recipe.mp3", "/media//parkin/recipe.mp3", "/media/parkin/recipe.mp3;v=1", "/media/parkin%2frecipe.mp3", "/%6dedia/parkin/recipe.mp3",
    "/media/free-one/..%2fparkin/recipe.mp3", "/DATA/parkin.json", "/data/parkin.json/", "/data/parkin%2ejson",
  ]) {
    const { status } = await reader.ask(path);
    assert.ok([308, 400, 402].includes(status), `${path}: ${status}`);
  }
  assert.deepEqual(asked(), []);
  for (const path of ["/articles/free-one", "/media/free-one/recipe.mp3", "/data/free-one.json"]) {
    assert.equal(await (await reader.ask(path)).text(), page(path), path);
  }
});

test("D6 only the keys that a route names are heard", async () => {
  const reader = await shop.newPayer({ edge: shop.edge, approve: false });
  const second = `${ARTICLE}?page=2`;
  assert.equal((await reader.offer(`${ARTICLE}?utm=mail&page=2&x402=paid`)).resource.url, shop.edge.url + second);
  shop.origin.reset();
  const paid = await reader.send(`${ARTICLE}?utm=mail&_rsc=a1&page=2`, await reader.signTransfer(second));
  assert.equal(paid.status, 200);
  assert.deepEqual(asked(), [`${second}&_rsc=a1`]);
  const cookie = cookiesFor(paid, ARTICLE).split("; ").find((pair) => pair.startsWith("__Secure-"));
  for (const [path, status] of [[second, 200], [`${second}&_rsc=b&utm=1`, 200], [ARTICLE, 402], [`${ARTICLE}?page=3`, 402]]) {
    assert.equal((await reader.ask(path, { cookie })).status, status, path);
  }
  assert.equal(await problemOf(await reader.ask(`${second}&page=3`, { cookie })), "ambiguous-query");
  // a free page that says which keys it knows
  shop.origin.reset();
  for (const path of ["/search?s=tides&feed=rss2", "/search?p=17", "/about?p=17"]) assert.equal((await reader.ask(path)).status, 200);
  assert.deepEqual(asked(), ["/search?s=tides", "/search", "/about?p=17"]);
});

test("D3 a method that a free route names is free, and no other", async () => {
  const reader = await shop.newPayer({ edge: shop.edge, approve: false });
  shop.origin.reset();
  const send = (path, method, headers = {}) => fetch(shop.edge.url + path, { method, headers, redirect: "manual" });
  assert.equal((await send(ARTICLE, "POST")).status, 200);
  assert.deepEqual(asked(), [ARTICLE]);
  shop.origin.reset();
  for (const method of ["PUT", "DELETE", "PURGE"]) {
    const refused = await send(ARTICLE, method);
    assert.equal(refused.headers.get("allow"), "GET, HEAD, OPTIONS", method);
    assert.equal(await problemOf(refused), "method-not-taken", method);
  }
  assert.equal((await send(ARTICLE, "HEAD")).status, 402);
  assert.equal((await send("/Articles/parkin", "POST")).status, 405);
  assert.deepEqual(asked(), []);
  // posing as another method or page is left outside
  const posing = { "x-http-method-override": "GET", "x-original-url": ARTICLE, "x-rewrite-url": ARTICLE, "x-forwarded-host": "evil.example" };
  await send(ARTICLE, "POST", posing);
  const [{ headers }] = shop.origin.log;
  for (const name of Object.keys(posing)) assert.equal(headers[name], undefined, name);
  assert.ok((await reader.transfers()).length === 0);
});

test("what was embargoed is free from its time on", async () => {
  const response = await fetch(`${shop.edge.url}/yesterday`);
  assert.equal(await response.text(), page("/yesterday"));
});
