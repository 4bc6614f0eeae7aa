// The cache behind the gate: what the origin lets be shared is fetched once for many readers, and nobody comes to it but by the gate.
import assert from "node:assert/strict";
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { rawRequest } from "../support/http.mjs";
import { startShop } from "../support/shop.mjs";
import { sleep, until } from "./reader.mjs";

const SECRET = randomBytes(32);
const HTML = { accept: "text/html" };
const PREMIUM = `<p>${"Seven lanterns stood on the quay that night and nobody had lit a single one of them, said the harbour master. ".repeat(8)}</p>`;
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title><article><h1>x</h1><p>Free.</p><!--farthing-->${PREMIUM}<!--/farthing--></article>`;
const page = (headers, body = PAGE) => ({ body, headers: { "content-type": "text/html; charset=utf-8", "cache-control": "", ...headers } });
const plain = (headers, body = PAGE) => (request, response) => {
  response.writeHead(200, { "content-type": "text/html", ...headers });
  response.end(body);
};
const KEPT = {
  public: { "cache-control": "public" }, "max-age": { "cache-control": "max-age=60" }, shared: { "cache-control": "max-age=0, s-maxage=60" },
  encoded: { "cache-control": "public, max-age=60", vary: "Accept-Encoding" }, young: { "cache-control": "public, max-age=60", age: "10" },
};
const NOT_KEPT = {
  nothing: {}, private: { "cache-control": "private, max-age=60" }, "no-store": { "cache-control": "no-store" }, "no-cache": { "cache-control": "public, no-cache, max-age=60" },
  cookie: { "cache-control": "public, max-age=60", "set-cookie": "a=b" }, vary: { "cache-control": "public, max-age=60", vary: "Cookie" }, some: { "cache-control": "public, max-age=60", vary: "Accept-Encoding, RSC" },
  all: { "cache-control": "public, max-age=60", vary: "*" }, zero: { "cache-control": "public, max-age=0" }, old: { "cache-control": "public, max-age=60", age: "60" },
  unshared: { "cache-control": "public, max-age=60, s-maxage=0" }, cdn: { "cache-control": "public, max-age=60", "cdn-cache-control": "no-store" },
  packed: { "cache-control": "public, max-age=60", "content-encoding": "x-other" }, metered: { "cache-control": "public, max-age=60", "settlement-overrides": '{"amount":"1"}' },
};

let shop;
let edge;
before(async () => {
  const origin = Object.fromEntries([
    ...Object.entries({ ...KEPT, ...NOT_KEPT }).map(([name, headers]) => [`/kept/${name}`, plain(headers)]),
    ["/kept/page", page({ "cache-control": "public, max-age=600" })], ["/kept/other", page({ "cache-control": "public, max-age=600" })], ["/plain/page", page({ "cache-control": "public, max-age=600" })],
    ["/kept/short", plain({ "cache-control": "public, max-age=2" })], ["/brief/page", plain({ "cache-control": "public, max-age=600" })],
    ["/kept/large", plain({ "cache-control": "public, max-age=600" }, Buffer.alloc(9 * 1024 * 1024, "x"))],
    ["/kept/missing", { status: 404, body: "no", headers: { "cache-control": "public, max-age=600" } }],
    ["/kept/echo", (request, response) => plain({ "cache-control": "public, max-age=600" }, `${PAGE}<pre>${JSON.stringify(request.headers)}</pre>`)(request, response)],
    ["/free/page", page({ "cache-control": "public, max-age=600" })],
  ]);
  const teaser = { marker: "farthing" };
  shop = await startShop({
    keys: `k1:${SECRET.toString("base64url")}`, cache: { for: "5m" }, edges: { edge: (network) => [network] }, origin,
    routes: [
      { match: "/kept/*", price: "$0.01", teaser }, { match: "/plain/*", price: "$0.01", teaser, cache: false }, { match: "/brief/*", price: "$0.01", cache: { for: "2s" } },
    ],
  });
  edge = shop.edge;
});
after(() => shop?.stop());

const askedFor = (path) => shop.origin.requestsTo(path).length;
/** What is kept is written when the answer is out. */
const settle = () => sleep(150);

async function buy(path, headers = {}) {
  const payer = await shop.newPayer({ edge, approve: false });
  const paid = await payer.send(path, await payer.signTransfer(path), headers);
  const body = Buffer.from(await paid.arrayBuffer());
  await settle();
  return { paid, body, cookie: paid.headers.getSetCookie().map((line) => line.split(";")[0]).join("; "), payer };
}
const ask = (path, cookie, headers = {}, method = "GET") => fetch(edge.url + path, { method, headers: { cookie, ...headers } });

test("a hit costs the origin nothing: payments, passes, HEAD, ranges, conditions, teasers", async () => {
  const path = "/kept/page";
  const [first, second] = [await buy(path), await buy(path)];
  assert.equal(askedFor(path), 1);
  const etag = first.paid.headers.get("etag");
  assert.ok(etag);
  for (const { paid, body } of [first, second]) {
    assert.equal(paid.status, 200);
    assert.equal(body.toString(), PAGE);
    assert.equal(paid.headers.get("cache-control"), "private, no-store");
    assert.equal(paid.headers.get("cdn-cache-control"), "no-store");
    assert.equal(paid.headers.get("etag"), etag);
    for (const name of ["age", "cf-cache-status", "expires"]) assert.equal(paid.headers.get(name), null, name);
  }
  const { cookie } = second;
  assert.equal(await (await ask(path, cookie)).text(), PAGE);
  const head = await ask(path, cookie, {}, "HEAD");
  assert.deepEqual([head.status, await head.text(), head.headers.get("etag")], [200, "", etag]);
  const part = await ask(path, cookie, { range: "bytes=5-14" });
  assert.deepEqual([part.status, part.headers.get("content-range"), await part.text()], [206, `bytes 5-14/${PAGE.length}`, PAGE.slice(5, 15)]);
  assert.equal((await ask(path, cookie, { "if-none-match": etag })).status, 304);
  const teaser = await fetch(edge.url + path, { headers: HTML });
  assert.equal(teaser.status, 200);
  const text = await teaser.text();
  assert.ok(text.includes("<farthing-paywall ") && !text.includes("Seven lanterns"));
  assert.equal(teaser.headers.get("etag"), null);
  assert.equal(teaser.headers.get("cache-control"), "private, no-store");
  assert.equal(askedFor(path), 1, "all of that from one request");
});

test("a teaser fills it too, and what is paid for after it is the whole page", async () => {
  const path = "/kept/other";
  const teaser = await (await fetch(edge.url + path, { headers: HTML })).text();
  assert.ok(!teaser.includes("Seven lanterns"));
  await settle();
  const { body } = await buy(path, HTML);
  assert.equal(body.toString(), PAGE);
  assert.ok(!(await (await fetch(edge.url + path, { headers: HTML })).text()).includes("Seven lanterns"));
  assert.equal((await fetch(edge.url + path)).status, 402);
  assert.equal(askedFor(path), 1);
});

test("E1 what the origin does not let be shared is not kept", async () => {
  for (const [names, times] of [[Object.keys(KEPT), 1], [Object.keys(NOT_KEPT), 2]]) {
    for (const name of names) {
      const path = `/kept/${name}`;
      for (const _ of [1, 2]) assert.equal((await buy(path)).paid.status, 200, name);
      assert.equal(askedFor(path), times, name);
    }
  }
  const payer = await shop.newPayer({ edge, approve: false });
  for (const _ of [1, 2]) assert.equal((await payer.send("/kept/missing", await payer.signTransfer("/kept/missing"))).status, 404);
  assert.equal(askedFor("/kept/missing"), 2);
});

test("it is kept for as long as the origin says and no longer than the config does, and where the config says so", async () => {
  for (const path of ["/kept/short", "/brief/page"]) {
    await buy(path);
    const { cookie } = await buy(path);
    assert.equal(askedFor(path), 1, path);
    await sleep(2500);
    assert.equal((await ask(path, cookie)).status, 200);
    assert.equal(askedFor(path), 2, path);
  }
  for (const _ of [1, 2]) await buy("/plain/page", { cookie: "mine=1" });
  assert.equal(askedFor("/plain/page"), 2);
  assert.equal(shop.origin.requestsTo("/plain/page")[0].headers.cookie, "mine=1");
  for (const _ of [1, 2]) await (await fetch(`${edge.url}/free/page`)).text();
  assert.equal(askedFor("/free/page"), 2, "what is free is none of ours");
});

test("E1 what one payer says of themselves is not in what the next one gets", async () => {
  const path = "/kept/echo";
  const forged = { "x-forwarded-proto": "evil", "accept-language": "evil", "user-agent": "evil", origin: "https://evil.example", "x-evil": "evil", authorization: "Basic evil", referer: "https://evil.example/", accept: "text/evil" };
  const { body } = await buy(path, { ...forged, cookie: "session=evil" });
  const seen = (await buy(path)).body;
  assert.equal(askedFor(path), 1);
  assert.ok(seen.equals(body));
  assert.ok(!seen.toString().includes("evil"), seen.toString().slice(-600));
});

test("what breaks off, and what is too large, is not kept", async () => {
  const path = "/kept/broken";
  shop.origin.script(path, (request, response) => {
    response.writeHead(200, { "content-type": "text/html", "cache-control": "public, max-age=600", "content-length": 10_000 });
    response.write("x".repeat(5000));
    setTimeout(() => request.socket.destroy(), 50);
  }, (request, response) => plain({ "cache-control": "public, max-age=600" }, "whole")(request, response));
  await buy(path).catch(() => {});
  await settle();
  assert.equal((await buy(path)).body.toString().slice(0, 99), "whole");
  assert.equal(askedFor(path), 2);
  for (const _ of [1, 2]) assert.equal((await buy("/kept/large")).body.length, 9 * 1024 * 1024);
  assert.equal(askedFor("/kept/large"), 2);
});

test("E1 D9 no address, header or Host comes to what is kept but by the gate", async () => {
  const path = "/kept/page";
  const key = Buffer.from(hkdfSync("sha256", SECRET, Buffer.alloc(0), "farthing v1 address", 32));
  const host = `${createHmac("sha256", key).update(`cache of ${edge.url}`).digest("hex").slice(0, 32)}.farthing.invalid`;
  await buy(path);
  const before = askedFor(path);
  const before402 = await fetch(edge.url + path);
  assert.equal(before402.status, 402);
  // even to somebody who knows the host, which takes the key
  const own = new URL(edge.url).host;
  const requests = [
    { target: path, headers: [["Host", host]] }, { target: `http://${host}${path}`, headers: [["Host", host]] }, { target: `https://${host}${path}`, headers: [["Host", own]] },
    { target: path, headers: [["Host", own], ["X-Forwarded-Host", host]] }, { target: path, headers: [["Host", own], ["Forwarded", `host=${host}`]] },
    { target: path, headers: [["Host", own], ["X-Original-URL", `https://${host}${path}`]] }, { target: `/https://${host}${path}`, headers: [["Host", own]] }, { target: `//${host}${path}`, headers: [["Host", own]] },
    { target: path, headers: [["Host", `${host}, ${own}`]] }, { target: path, headers: [["Host", own], ["Cache-Control", "only-if-cached"]] }, { target: `/free/../${host}${path}`, headers: [["Host", host]] },
    { target: path, headers: [["Host", own], ["Range", "bytes=0-9"]] }, { target: path, headers: [["Host", own], ["If-None-Match", "*"]] },
  ];
  for (const request of requests) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await rawRequest({ url: edge.url, method, ...request });
      assert.ok(!answer.raw.includes("Seven lanterns"), JSON.stringify(request));
      assert.ok(![200, 206, 304].includes(answer.status) || !answer.headers.some(([name]) => /^etag$/i.test(name)), JSON.stringify([request, answer.status]));
    }
  }
  assert.equal(askedFor(path), before);
  assert.ok(!JSON.stringify(edge.log).includes(host));
});

test("another key keeps under other addresses", async () => {
  const path = "/kept/page";
  const before = askedFor(path);
  await edge.restart({ keys: `k2:${randomBytes(32).toString("base64url")}` });
  await until("it is up", async () => (await edge.health()).ok);
  await buy(path);
  assert.equal(askedFor(path), before + 1);
});
