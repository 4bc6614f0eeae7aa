// Where the content comes from: a server that knows us by a secret, another Worker, a bucket; what passes through unpaid pages' neighbours
// untouched; ranges, conditions and HEAD before and after a payment.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { freePort, listen } from "../../tools/lib/processes.mjs";
import { BUILD, startEdge } from "../support/edge.mjs";
import { rawRequest } from "../support/http.mjs";
import { startParts } from "../support/parts.mjs";
import { startShop } from "../support/shop.mjs";
import { payTo } from "../support/accounts.mjs";
import { problemOf } from "./reader.mjs";

const KEYS = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const ARTICLE = "/articles/parkin";
const TEXT = "Parkin wants a week, and nobody gives it one. ".repeat(40);
const SECRET = "of-the-test-7";
const { add, stop } = startParts();
let shop;
let server;
const seen = [];

/** A server that refuses whoever does not know the secret, and can be asked for anything. */
function startServer() {
  const etag = '"one"';
  const http = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    seen.push({ method: request.method, url: request.url, headers: request.headers });
    if (request.headers["x-origin-key"] !== SECRET) return response.writeHead(403).end("who are you?");
    if (request.url === "/upload") return response.end(JSON.stringify({ length: body.length, hash: createHash("sha256").update(body).digest("hex") }));
    if (request.url === "/moved") return response.writeHead(302, { location: `${server.url}/free/there?a=b` }).end();
    if (request.url === "/away") return response.writeHead(302, { location: "https://elsewhere.example/x" }).end();
    const headers = { "content-type": "text/html", etag, "accept-ranges": "bytes", "last-modified": "Sun, 01 Nov 2026 00:00:00 GMT", "cache-control": "public, max-age=600" };
    if (request.headers["if-none-match"] === etag) return response.writeHead(304, headers).end();
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const part = range ? TEXT.slice(Number(range[1]), Number(range[2]) + 1) : TEXT;
    if (range) headers["content-range"] = `bytes ${range[1]}-${range[2]}/${TEXT.length}`;
    response.writeHead(range ? 206 : 200, { ...headers, "content-length": part.length }).end(request.method === "HEAD" ? undefined : part);
  });
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (socket, { headers }) => socket.on("message", (data) => socket.send(`${headers["x-origin-key"] === SECRET} ${data}`)));
  return listen(http).then((port) => ({
    url: `http://127.0.0.1:${port}`,
    stop: () => new Promise((done) => { sockets.close(); http.closeAllConnections(); http.close(done); }),
  }));
}

const WORKER = `export default {
  fetch(request) {
    const { pathname, host } = new URL(request.url);
    return new Response(request.method + " " + pathname + " at " + host, { headers: { "content-type": "text/plain" } });
  },
};`;

const edgeWith = (origin, more = {}) => add(startEdge({
  keys: KEYS, ...more,
  config: (site) => ({
    site, origin, payTo: { eip155: payTo.address }, networks: [shop.chain.network],
    settlement: { facilitators: [{ url: shop.facilitator.url }], rpc: { [shop.chain.network]: [shop.chain.url] } },
    routes: [{ match: "/articles/*", price: "$0.05", access: "30d" }],
  }),
}));

let edge;
before(async () => {
  shop = await add(startShop({ routes: [], edges: {} }));
  server = await add(startServer());
  edge = await edgeWith({ url: server.url, headers: { "X-Origin-Key": "ORIGIN_KEY" } }, { env: { ORIGIN_KEY: SECRET } });
});
after(stop);

/** Buys the article there; the cookies that open it. */
async function buy(at) {
  const payer = await shop.newPayer({ edge: at, approve: false });
  const paid = await payer.send(ARTICLE, await payer.signTransfer(ARTICLE));
  assert.equal(paid.status, 200, await paid.clone().text());
  const cookie = paid.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  return { text: await paid.text(), cookie };
}

test("D7 the server knows the Worker by a secret, which nobody can send in its place, and refuses the rest", async () => {
  assert.equal((await fetch(server.url + ARTICLE)).status, 403);
  assert.equal((await fetch(`${edge.url}/free/page`)).status, 200);
  assert.equal((await fetch(`${edge.url}/free/page`, { headers: { "x-origin-key": "guess" } })).status, 200);
  assert.equal((await buy(edge)).text, TEXT);
  assert.ok(!JSON.stringify(edge.log).includes(SECRET));
  const bare = await edgeWith({ url: server.url, headers: { "x-origin-key": "ORIGIN_KEY" } });
  assert.equal(await problemOf(await fetch(bare.url + ARTICLE)), "not-configured", "a secret that is missing closes the gate");
});

test("D4 ranges, conditions and HEAD say nothing before the payment, and what they should after it", async () => {
  for (const [headers, method] of [
    [{ "if-none-match": '"one"' }, "GET"], [{ range: "bytes=0-9" }, "GET"], [{ "if-modified-since": "Sun, 22 Nov 2026 00:00:00 GMT" }, "GET"], [{}, "HEAD"],
    [{ "if-match": '"other"' }, "GET"], [{ range: "bytes=99999999-" }, "GET"],
  ]) {
    const unpaid = await fetch(edge.url + ARTICLE, { headers, method });
    assert.equal(unpaid.status, 402, JSON.stringify(headers));
    for (const name of ["etag", "last-modified", "accept-ranges", "content-range"]) assert.equal(unpaid.headers.get(name), null, name);
  }
  const { cookie } = await buy(edge);
  const ask = (headers, method = "GET") => fetch(edge.url + ARTICLE, { method, headers: { cookie, ...headers } });
  const part = await ask({ range: "bytes=3-12" });
  assert.deepEqual([part.status, part.headers.get("content-range"), await part.text()], [206, `bytes 3-12/${TEXT.length}`, TEXT.slice(3, 13)]);
  assert.equal((await ask({ "if-none-match": '"one"' })).status, 304);
  const head = await ask({}, "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, String(TEXT.length), ""]);
  for (const answer of [part, head]) {
    assert.equal(answer.headers.get("cache-control"), "private, no-store");
    assert.equal(answer.headers.get("cdn-cache-control"), "no-store");
  }
});

test("a server that is down: a page for people, a problem for programs, on free addresses as on priced ones", async () => {
  const nobody = await edgeWith({ url: `http://127.0.0.1:${await freePort()}` });
  for (const path of ["/", "/free/page?a=b"]) {
    const page = await fetch(nobody.url + path, { headers: { accept: "text/html" } });
    assert.deepEqual([page.status, page.headers.get("content-type"), page.headers.get("cache-control")], [502, "text/html; charset=utf-8", "private, no-store"]);
    assert.match(await page.text(), /<style>[^<]+<\/style><main><h1>The site cannot deliver this page now<\/h1>/);
    assert.equal(await problemOf(await fetch(nobody.url + path)), "origin-unavailable");
  }
});

test("free paths: a socket, a large upload and redirects go through as they are", async () => {
  const socket = new WebSocket(`${edge.url.replace("http", "ws")}/live`);
  const reply = await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (data) => resolve(String(data)));
    socket.on("open", () => socket.send("hello"));
  });
  socket.close();
  assert.equal(reply, "true hello");
  const body = randomBytes(24 * 1024 * 1024);
  const upload = await (await fetch(`${edge.url}/upload`, { method: "POST", body })).json();
  assert.deepEqual(upload, { length: body.length, hash: createHash("sha256").update(body).digest("hex") });
  for (const [path, to] of [["/moved", "/free/there?a=b"], ["/away", "https://elsewhere.example/x"]]) {
    const moved = await rawRequest({ url: edge.url, target: path });
    assert.deepEqual([moved.status, moved.headers.find(([name]) => /^location$/i.test(name))[1]], [302, to]);
  }
});

test("another Worker is the origin", async () => {
  const at = await edgeWith({ service: "SITE" }, { services: { SITE: { module: WORKER } } });
  const { host } = new URL(at.url);
  assert.equal(await (await fetch(`${at.url}/free`)).text(), `GET /free at ${host}`);
  assert.equal((await fetch(at.url + ARTICLE)).status, 402);
  assert.equal((await buy(at)).text, `GET ${ARTICLE} at ${host}`);
});

test("the Worker's own static files are the origin", async () => {
  const build = mkdtempSync(join(tmpdir(), "farthing-assets-"));
  add({ stop: () => rm(build, { recursive: true, force: true }) });
  cpSync(BUILD, build, { recursive: true });
  mkdirSync(join(build, "assets/articles"));
  writeFileSync(join(build, "assets/style.css"), "p { color: teal }");
  writeFileSync(join(build, "assets/articles/tides.html"), TEXT);
  const at = await edgeWith({ assets: "ASSETS" }, { build });
  const free = await fetch(`${at.url}/style.css`);
  assert.equal(free.status, 200);
  assert.match(free.headers.get("content-type"), /css/);
  assert.match((await fetch(`${at.url}/.farthing/farthing.js`)).headers.get("content-type"), /javascript/, "ours is beside it");
  assert.equal((await fetch(`${at.url}/nothing`)).status, 404);
  // a file that is not there is not charged for
  const payer = await shop.newPayer({ edge: at, approve: false });
  assert.equal(await problemOf(await payer.send(ARTICLE, await payer.signTransfer(ARTICLE))), "origin-not-found");
  assert.deepEqual(await payer.transfers(), []);
});

test("a bucket is the origin: pages, ranges, conditions", async () => {
  const at = await edgeWith({ bucket: "MEDIA" }, { services: { MEDIA: { bucket: true } } });
  for (const [key, text] of [["articles/parkin", TEXT], ["index.html", "front"], ["free/a b.txt", "spaces"], ["free/index.html", "folder"]]) await at.put("MEDIA", key, text, "text/plain");
  for (const [path, text] of [["/", "front"], ["/free/a%20b.txt?x=1", "spaces"], ["/free/", "folder"]]) {
    const answer = await fetch(at.url + path);
    assert.deepEqual([answer.status, await answer.text(), answer.headers.get("content-type")], [200, text, "text/plain"], path);
  }
  for (const [path, method, status] of [["/nothing", "GET", 404], ["/free/%ff", "GET", 404], ["/", "POST", 405]]) {
    assert.equal((await fetch(at.url + path, { method })).status, status, path);
  }
  assert.equal((await fetch(at.url + ARTICLE, { headers: { range: "bytes=0-9" } })).status, 402);
  const { text, cookie } = await buy(at);
  assert.equal(text, TEXT);
  const ask = (headers = {}, method = "GET") => fetch(at.url + ARTICLE, { method, headers: { cookie, ...headers } });
  for (const [range, from, to] of [["bytes=3-12", 3, 12], ["bytes=-5", TEXT.length - 5, TEXT.length - 1], [`bytes=${TEXT.length - 4}-`, TEXT.length - 4, TEXT.length - 1]]) {
    const part = await ask({ range });
    assert.deepEqual([part.status, part.headers.get("content-range"), await part.text()], [206, `bytes ${from}-${to}/${TEXT.length}`, TEXT.slice(from, to + 1)], range);
  }
  assert.equal((await ask({ range: "bytes=99999-" })).status, 416);
  const etag = (await ask()).headers.get("etag");
  assert.ok(etag);
  assert.equal((await ask({ "if-none-match": etag })).status, 304);
  assert.equal((await ask({ "if-match": '"other"' })).status, 412);
  const head = await ask({}, "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, String(TEXT.length), ""]);
});
