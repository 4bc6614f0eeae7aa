// One article, many spellings of its path: where any of several origins would serve it, nothing is delivered unpaid.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createAdaptorServer } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import express from "express";
import { Hono } from "hono";
import { listen } from "../../tools/lib/processes.mjs";
import { startEdge } from "../support/edge.mjs";
import { startNginx } from "../support/nginx.mjs";
import { rawRequest } from "../support/http.mjs";
import { startNaive } from "../support/naive.mjs";
import { DEMO, randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { ARTICLES, DATA, DOOR, FREE, assertArticle, naiveRoutes, newReader } from "../e2e/reader.mjs";
import { paidTextIn } from "./paid-text.mjs";
import { hex, letters, spellings } from "./spellings.mjs";

// A server that reads paths in its own way, and has the same articles.
function startToy(normalise, articles) {
  const log = [];
  const server = createServer((request, response) => {
    log.push(request.url);
    let path;
    try {
      path = normalise(request.url.replace(/^https?:\/\/[^/]*/i, "").split("?")[0]);
    } catch {
      path = undefined;
    }
    const body = articles.get(path);
    response.writeHead(body ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
    response.end(body ?? "<h1>Not here</h1>");
  });
  return listen(server).then((port) => ({
    url: `http://127.0.0.1:${port}`, log, stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  }));
}
const decoded = (path) => decodeURIComponent(path);
const resolved = (path) => new URL(path, "http://x").pathname;
const bytes = (path) => path.replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(parseInt(code, 16)));
const TOYS = {
  "folds case": (path) => decoded(path).toLowerCase(),
  "decodes twice": (path) => decoded(decoded(path)),
  "drops ;params": (path) => resolved(decoded(path).replace(/;[^/]*/g, "")).replace(/\/+/g, "/"),
  "finds pages as WordPress does"(path) {
    const plain = resolved(decoded(path)).replace(/^\/index\.php(?=\/)/i, "").replace(/\/(feed|amp|embed|page\/\d+)?\/?$/, "").replace(/\/+/g, "/");
    return plain.toLowerCase();
  },
  "is kind to everybody"(path) {
    const [text] = bytes(bytes(path)).split("\0");
    const plain = resolved(text.replaceAll("\\", "/").replace(/;[^/]*/g, "").replace(/^\/+/, "/")).replace(/\/+/g, "/").replace(/^\/(index|app)\.php(?=\/)/i, "");
    return plain.toLowerCase().replace(/[./ ]+$|(%20)+$|(\/index)?\.html?$/g, "");
  },
};

// Real ones, over the same folder.
const listening = async (server) => {
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, stop: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
};
const SITE = join(DEMO, "site");
const SERVERS = {
  nginx: () => startNginx({ root: SITE }),
  express: () => listening(createServer(express().use(express.static(SITE, { extensions: ["html"] })))),
  hono() {
    const app = new Hono().use("*", serveStatic({ root: SITE, rewriteRequestPath: (path) => (/\.\w+$|\/$/.test(path) ? path : `${path}.html`) }));
    return listening(createAdaptorServer({ fetch: app.fetch }));
  },
};

let paper;
const places = [];
before(async () => {
  paper = await startNewspaper();
  const articles = new Map();
  for (const path of ARTICLES) articles.set(path, await (await fetch(paper.origin.url + path)).text());
  const sites = [{ name: "static files", origin: paper.origin, site: paper.site, edge: { stop() {} } }];
  await Promise.all(Object.entries(TOYS).map(async ([name, normalise]) => {
    const origin = await startToy(normalise, articles);
    const edge = await startEdge({ keys: randomKeys(), config: (url) => ({ ...paper.config, site: url, origin: { url: origin.url } }) });
    sites.push({ name, origin, edge, site: edge.url });
  }));
  await Promise.all(Object.entries(SERVERS).map(async ([name, open]) => {
    const origin = await open();
    const edge = await startEdge({ keys: randomKeys(), config: (url) => ({ ...paper.config, site: url, origin: { url: origin.url } }) });
    sites.push({ name, origin, edge, site: edge.url });
  }));
  for (const place of sites) {
    const naive = await startNaive({ origin: place.origin.url, facilitator: paper.facilitator.url, routes: naiveRoutes });
    places.push({ ...place, naive });
  }
});
after(async () => {
  await Promise.all(places.map(async ({ naive, edge, origin }) => {
    await naive.stop();
    await edge.stop();
    if (origin !== paper.origin) await origin.stop();
  }));
  await paper?.stop();
});

/** What a client gets for these targets: {status, location, leak}; a request that no answer came to got nothing. */
async function ask(url, targets, method = "GET") {
  const answers = [];
  for (let start = 0; start < targets.length; start += 16) {
    answers.push(...await Promise.all(targets.slice(start, start + 16).map(async (target) => {
      const response = await rawRequest({ url, target, method }).catch(() => ({ status: 0, headers: [], body: "" }));
      const location = response.headers.find(([name]) => /^location$/i.test(name))?.[1];
      return { target, status: response.status, location, leak: paidTextIn(response.body.toString("utf8")) };
    })));
  }
  return answers;
}

const leaking = (answers) => answers.filter(({ leak }) => leak).map(({ target }) => target);
/** Fails with a few of them, because thousands say no more. */
function none(list) {
  const some = list.filter((_, index) => index % Math.ceil(list.length / 12) === 0);
  assert.equal(list.length, 0, `${list.length}, among them ${JSON.stringify(some, null, 1)}`);
}

test("D1 no spelling of an article's path is delivered unpaid, whatever the origin makes of it", async (t) => {
  for (const name of ["static files", ...Object.keys(SERVERS), ...Object.keys(TOYS)]) {
    await t.test(`an origin that ${name in TOYS ? "" : "is "}${name}`, async () => {
      const place = places.find((each) => each.name === name);
      const targets = spellings(DOOR, new URL(place.site).host);
      assert.ok(targets.length >= 2000, `${targets.length} spellings`);
      const served = leaking(await ask(place.origin.url, targets));
      assert.ok(served.length > 20, `the origin itself serves ${served.length} spellings`);
      const landed = leaking(await ask(place.naive.site, targets));
      assert.ok(landed.length > 5, `the usual paywall lets ${landed.length} pass`);
      const answers = await ask(place.site, targets);
      none(leaking(answers));
      none(answers.filter(({ status }) => status >= 500).map(({ target, status }) => `${status} ${target}`));
    });
  }
});

test("D1 D3 nor for another method", async () => {
  const targets = spellings(DOOR, new URL(paper.site).host).filter((_, index) => index % 5 === 0);
  for (const method of ["HEAD", "POST", "PURGE"]) none(leaking(await ask(paper.site, targets, method)));
});

test("D1 the data file has no other spelling either", async () => {
  const { site, origin } = places[0];
  const targets = spellings(DATA, new URL(site).host);
  assert.ok(leaking(await ask(origin.url, targets)).length > 20);
  none(leaking(await ask(site, targets)));
});

test("D1 spellings that mean the same everywhere are redirected to the canonical one, for good, with the query", async () => {
  const name = DOOR.slice("/articles/".length);
  for (const [target, location] of [
    [`/%61rticles/${name}`, DOOR], [`//articles/${name}`, DOOR], [`/articles//${name}`, DOOR],
    [`/articles///${name}`, DOOR], [`/articles/${name.replaceAll("-", "%2D")}`, DOOR],
    [letters(DOOR, (c) => hex(c, true)), DOOR], [`${DOOR}/`, DOOR], [`/articles//${name}?a=%2f&b`, `${DOOR}?a=%2f&b`], ["/data//tides.json?x", `${DATA}?x`],
  ]) {
    for (const method of ["GET", "HEAD", "POST"]) {
      const [answer] = await ask(paper.site, [target], method);
      assert.deepEqual([target, answer.status, answer.location], [target, 308, location]);
    }
    const [followed] = await ask(paper.site, [location]);
    assert.equal(followed.status, 402, "and there is the offer");
  }
});

test("D1 D2 D9 a Host that is no host changes nothing about which path is meant", async () => {
  const { host } = new URL(paper.site);
  const ask = async (name, target) => {
    const response = await rawRequest({ url: paper.site, target, headers: [["Host", name]] }).catch(() => undefined);
    return response && paidTextIn(response.body.toString());
  };
  for (const target of [DOOR, DATA, `${DOOR}.html`]) {
    for (const end of ["?", "#", "/", "\\", "@", "?x=", "#x", "/?", "/#", "/x?", "\\?", "@x", ":x", ";", "%2f", "%3f", " ", ",", "/free/..", "/.farthing/.."]) {
      for (const start of [host, "evil.example", "x", ""]) {
        assert.equal(await ask(start + end, target), undefined, `Host: ${start}${end} ${target}`);
      }
    }
  }
});

test("D1 a payment or a pass opens no other spelling than its own", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  const before = await reader.transfers();
  for (const target of [`${DOOR};a`, `${DOOR}%00`, DOOR.toUpperCase(), DOOR.replace("/p", "%2fp"), `/%61rticles/${DOOR.slice(10)}`]) {
    const response = await rawRequest({ url: paper.site, target, headers: Object.entries(payment.headers) });
    assert.ok(response.status === 308 || response.status === 400, `${response.status} ${target}`);
    assert.equal(paidTextIn(response.body.toString()), undefined);
  }
  assert.deepEqual(await reader.transfers(), before);
  const paid = await reader.send(DOOR, payment);
  const cookie = paid.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  await assertArticle(paid, DOOR);
  for (const target of [`${DOOR}.html`, `${DOOR};a`, DOOR.toUpperCase(), `${DOOR}%20`]) {
    const response = await rawRequest({ url: paper.site, target, headers: [["Cookie", cookie]] });
    assert.ok(response.status >= 400, `${response.status} ${target}`);
  }
});

test("D1 honest addresses work: free pages in their own spelling, priced ones with an offer", async () => {
  const { site } = paper;
  const free = ["/", FREE, `${FREE}.html`, "/images/lighthouse.svg", "/paper.css?v=2", "/?utm_source=x", `${FREE}?q=a%20b%2fc`, site + FREE];
  for (const target of free) {
    const [answer] = await ask(site, [target]);
    assert.deepEqual([target, answer.status], [target, 200]);
  }
  for (const target of ["/no/such/page", "/Free/x", "/caf%C3%A9", "/a%2fb", "/a;b", "/%zz"]) {
    const [answer] = await ask(site, [target]);
    const [direct] = await ask(paper.origin.url, [target]);
    assert.deepEqual([target, answer.status], [target, direct.status], "free ones are the origin's business");
  }
  for (const target of [...ARTICLES, DATA, `${DOOR}?utm_source=newsletter&x402=1`, site + DOOR]) {
    const [answer] = await ask(site, [target]);
    assert.deepEqual([target, answer.status], [target, 402]);
  }
});
