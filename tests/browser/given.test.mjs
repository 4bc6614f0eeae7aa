// What is given away, in a real browser and without one: so many articles for nothing for each reader, and links that open an article for
// others. Programs get none of it, nothing that looks ahead uses any of it up, and a thrown-away cookie ends at the network's share.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "../../tools/lib/run.mjs";
import { payTo } from "../support/accounts.mjs";
import { launch } from "../support/browser.mjs";
import { startEdge } from "../support/edge.mjs";
import { rawRequest } from "../support/http.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { startParts } from "../support/parts.mjs";
import { page, startShop } from "../support/shop.mjs";
import { problemOf } from "../e2e/reader.mjs";

const COMMAND = join(import.meta.dirname, "../../js/dist/cli/farthing.js");
const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const { add, stop } = startParts();
let shop;
let browser;
before(async () => {
  shop = await add(startShop({
    config: { meter: { articles: 3, per: "30d", perAddress: 5 }, gifts: { perReader: 2, for: "14d" } },
    routes: [
      { match: "/articles/dear-*", price: "$1.00", meter: false },
      { match: "/articles/*", price: "$0.05", access: "30d", description: "A week with parkin", parts: ["/media/{1}/*"] },
      { match: "/data/*", price: "$0.01", access: "once" },
    ],
    edges: { edge: (network) => [network] },
    origin: {
      "/": (request, response) => response.writeHead(200, { "content-type": "text/html" }).end('<!doctype html><title>Front</title><a href="/articles/linked">An article</a>'),
      "/media/parkin/one.png": (request, response) => response.writeHead(200, { "content-type": "image/png" }).end(PICTURE),
    },
  }));
  browser = await launch();
  await add({ stop: () => browser.close() });
});
after(stop);

let address = 0;
/** A browser at a network address of its own. */
const newReader = async (network = `192.0.2.${(address += 1)}`) => {
  const context = await browser.context({ extraHTTPHeaders: { "cf-connecting-ip": network } });
  const tab = await context.newPage();
  const visit = async (path) => {
    const response = await tab.goto(shop.edge.url + path);
    return { status: response.status(), text: await response.text(), left: response.headers()["farthing-free-left"], at: new URL(tab.url()) };
  };
  return { context, tab, visit, cookies: () => context.cookies(shop.edge.url) };
};
/** What browsers say of somebody who goes to a page. */
const VISIT = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none" };
/** A request with these headers as they are: `fetch` has its own opinion of some. */
async function ask(path, headers = VISIT) {
  const present = Object.entries(headers).filter(([, value]) => value !== undefined);
  const { status, headers: all } = await rawRequest({ url: shop.edge.url, target: path, headers: present });
  return { status, headers: new Headers(all) };
}
const cookieOf = (response, name) => response.headers.getSetCookie().map((line) => line.split(";")[0]).find((pair) => pair.startsWith(`${name}=`));
const METER = "__Host-farthing-meter";

test("three articles are free for a reader, each as often as they like; the fourth costs", async () => {
  const reader = await newReader();
  for (const [index, left] of [[1, "2"], [2, "1"], [3, "0"]]) {
    const path = `/articles/one-${index}`;
    const first = await reader.visit(`${path}?utm_source=x`);
    assert.deepEqual([first.status, first.text, first.left], [200, page(path), left], path);
    assert.equal(first.at.pathname + first.at.search, `${path}?utm_source=x`, "where they wanted to go");
    const again = await reader.visit(path);
    assert.deepEqual([again.status, again.left], [200, undefined], "by its pass, which counts nothing");
  }
  shop.origin.reset();
  assert.equal((await reader.visit("/articles/one-4")).status, 402);
  assert.deepEqual(shop.origin.log.filter(({ url }) => url.startsWith("/articles/")), [], "the origin is not asked for it");
  assert.equal((await reader.visit("/articles/one-2")).status, 200, "what was free stays open");
  assert.ok((await reader.cookies()).some(({ name }) => name === METER));
  assert.ok(!shop.origin.log.some(({ headers }) => /farthing/.test(headers.cookie ?? "")), "the origin never sees our cookies");
});

test("the parts of a free article open with it; what is not metered costs from the first", async () => {
  const reader = await newReader();
  assert.equal((await reader.visit("/media/parkin/one.png")).status, 402, "a part by itself");
  assert.equal((await reader.visit("/articles/parkin")).status, 200);
  const loaded = await reader.tab.evaluate(async () => (await fetch("/media/parkin/one.png")).status);
  assert.equal(loaded, 200);
  assert.equal((await reader.visit("/articles/dear-1")).status, 402);
  assert.equal((await reader.visit("/data/one")).status, 402);
});

test("without cookies there is nothing for nothing, and no endless way round", async () => {
  const visit = (path, headers = {}) => ask(path, { ...VISIT, "cf-connecting-ip": "198.51.100.7", ...headers });
  const first = await visit("/articles/two");
  assert.equal(first.status, 303);
  assert.equal(first.headers.get("location"), "/.farthing/meter/articles/two");
  assert.match(first.headers.get("cache-control"), /no-store/);
  const round = await visit(first.headers.get("location"));
  assert.equal(round.status, 303);
  assert.equal(round.headers.get("location"), "/articles/two?farthing-meter=lost");
  const lost = await visit(round.headers.get("location"));
  assert.equal(lost.status, 402);
  // with it, the cookie that came back opens the article also there
  const meter = cookieOf(first, METER);
  assert.equal((await visit("/articles/two?farthing-meter=lost", { cookie: meter })).status, 200);
});

test("the way round leads to priced pages of this site, and nowhere else", async () => {
  for (const to of ["//evil.example/", "/https://evil.example", "/\\evil.example", "/%2Fevil.example/", "/", "", "/.farthing/meter/articles/x", "/articles//two", "/ARTICLES/two"]) {
    const answer = await ask(`/.farthing/meter${to}`);
    assert.equal(answer.status, 404, to);
    assert.equal(answer.headers.get("location"), null, to);
  }
});

test("programs, pages in frames, scripts and what looks ahead get nothing and use nothing up", async () => {
  const first = await ask("/articles/three", { ...VISIT, "cf-connecting-ip": "198.51.100.8" });
  const meter = cookieOf(first, METER);
  const visit = (headers) => ask("/articles/three", { ...VISIT, cookie: meter, "cf-connecting-ip": "198.51.100.8", ...headers });
  const without = (name) => Object.fromEntries(Object.entries(VISIT).filter(([key]) => key !== name));
  for (const headers of [
    { "sec-purpose": "prefetch" }, { "sec-purpose": "prefetch;prerender" }, { purpose: "prefetch" }, { "x-moz": "prefetch" },
    { "sec-fetch-dest": "iframe" }, { "sec-fetch-dest": "empty", "sec-fetch-mode": "cors" }, { accept: "*/*" }, { accept: "application/json" },
  ]) {
    const answer = await visit(headers);
    assert.deepEqual([answer.status, cookieOf(answer, METER)], [402, undefined], JSON.stringify(headers));
  }
  for (const name of ["sec-fetch-mode", "sec-fetch-dest"]) {
    const answer = await ask("/articles/three", { ...without(name), cookie: meter });
    assert.equal(answer.status, 402, `without ${name}`);
  }
  const person = await visit({});
  assert.deepEqual([person.status, person.headers.get("farthing-free-left")], [200, "2"], "all three were left");
});

test("a link that the browser only looks at ahead uses nothing up", async () => {
  const reader = await newReader();
  const front = await reader.tab.goto(shop.edge.url);
  assert.equal(front.status(), 200);
  const seen = [];
  reader.context.on("response", (response) => seen.push(new URL(response.url()).pathname));
  await reader.tab.evaluate(async () => {
    const rules = document.createElement("script");
    rules.type = "speculationrules";
    rules.textContent = JSON.stringify({ prefetch: [{ urls: ["/articles/linked"], eagerness: "immediate" }] });
    document.head.append(rules);
    const link = document.createElement("link");
    link.rel = "prefetch";
    link.href = "/articles/linked?link";
    document.head.append(link);
    await new Promise((done) => { link.onload = link.onerror = done; });
  });
  assert.ok(seen.includes("/articles/linked"), "it did look");
  assert.equal((await reader.cookies()).find(({ name }) => name === METER), undefined);
  assert.equal((await reader.visit("/articles/linked")).left, "2");
});

test("a cookie that is thrown away, sent again or made up ends at the network's share", async () => {
  const network = "203.0.113.9";
  const visit = (path, cookie, from = network) => ask(path, { ...VISIT, "cf-connecting-ip": from, cookie });
  const fresh = cookieOf(await visit("/articles/four-0"), METER);
  // the naive meter believes the cookie alone: the same one, sent again and again, is always the first article
  let opened = 0;
  for (let index = 1; index <= 9; index += 1) if ((await visit(`/articles/four-${index}`, fresh)).status === 200) opened += 1;
  assert.equal(opened, 5, "the share of one address");
  const another = cookieOf(await visit("/articles/four-8"), METER);
  assert.equal((await visit("/articles/four-8", another)).status, 402, "a new cookie");
  assert.equal((await visit("/articles/four-1", another)).status, 200, "an article that this address had already");
  const [name, token] = fresh.split("=");
  const forged = `${name}=${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
  assert.equal((await visit("/articles/four-8", forged)).status, 303, "a forged one is none");
  assert.equal((await visit("/articles/four-8", another, "203.0.113.10")).status, 200, "another address has its own");
});

test("IPv6 addresses of one network share", async () => {
  const visit = (path, network, cookie) => ask(path, { ...VISIT, "cf-connecting-ip": network, cookie });
  const meter = cookieOf(await visit("/articles/six-0", "2001:db8:1:2:3:4:5:6"), METER);
  let opened = 0;
  for (let index = 1; index <= 8; index += 1) if ((await visit(`/articles/six-${index}`, `2001:db8:1:2:${index}::${index}`, meter)).status === 200) opened += 1;
  assert.equal(opened, 5);
  assert.equal((await visit("/articles/six-9", "2001:db8:1:3::1", meter)).status, 200, "the network beside it");
});

/** The link that the owner of an article may pass on. */
async function linkOf(path) {
  const payer = await shop.newPayer({ edge: shop.edge, approve: false });
  const paid = await payer.send(path, await payer.signTransfer(path));
  assert.equal(paid.status, 200);
  const cookie = cookieOf(paid, "__Secure-farthing");
  const asked = await fetch(shop.edge.url + path, { method: "HEAD", headers: { cookie, "farthing-gift": "1" } });
  return { link: asked.headers.get("farthing-gift"), cookie };
}

test("a reader's link opens for so many others, from a page with one button", async () => {
  const { link } = await linkOf("/articles/parkin");
  assert.ok(link.startsWith(`${shop.edge.url}/.farthing/gift/v1.`), link);
  const open = async (reader) => {
    const response = await reader.tab.goto(link);
    assert.equal(response.status(), 200);
    assert.equal(await reader.tab.locator("h1").innerText(), "A week with parkin");
    const [answer] = await Promise.all([reader.tab.waitForNavigation(), reader.tab.getByRole("button").click()]);
    return { status: answer.status(), text: await answer.text(), at: new URL(reader.tab.url()).pathname };
  };
  for (const reader of [await newReader(), await newReader()]) {
    assert.deepEqual(await open(reader), { status: 200, text: page("/articles/parkin"), at: "/articles/parkin" });
    assert.equal((await reader.visit("/articles/parkin")).status, 200, "and stays open");
    assert.equal(await reader.tab.evaluate(async () => (await fetch("/media/parkin/one.png")).status), 200, "with its parts");
    assert.equal((await reader.cookies()).filter(({ name }) => name === METER).length, 0, "nothing of the meter was used");
  }
  assert.equal((await open(await newReader())).status, 410);
});

test("E10 a gift is opened by its button alone: no preview, no other site, no look ahead uses it up", async () => {
  const { link } = await linkOf("/articles/five");
  const post = (headers) => fetch(link, { method: "POST", redirect: "manual", headers });
  for (const headers of [VISIT, { ...VISIT, "sec-purpose": "prefetch" }, { "user-agent": "Slackbot-LinkExpanding 1.0" }, { accept: "*/*" }]) {
    const answer = await fetch(link, { headers });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.headers.getSetCookie(), []);
    assert.match(await answer.text(), /<button>/);
  }
  for (const headers of [
    { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }, { "sec-fetch-site": "none" }, { origin: "https://evil.example" }, { origin: "null" },
    { origin: `${shop.edge.url}.evil.example` }, {}, { "sec-fetch-site": "cross-site", origin: shop.edge.url },
  ]) {
    const answer = await post(headers);
    assert.deepEqual([answer.status, await problemOf(answer)], [403, "cross-site"], JSON.stringify(headers));
  }
  const from = (network) => post({ "sec-fetch-site": "same-origin", "cf-connecting-ip": network });
  const opened = await from("198.51.100.1");
  assert.deepEqual([opened.status, opened.headers.get("location")], [303, "/articles/five"]);
  assert.equal((await from("198.51.100.1")).status, 303, "a second click is the same opening");
  assert.equal((await from("198.51.100.2")).status, 303);
  assert.equal((await from("198.51.100.3")).status, 410);
  // what a gift opens cannot be passed on
  const cookie = cookieOf(opened, "__Secure-farthing");
  const again = await fetch(`${shop.edge.url}/articles/five`, { method: "HEAD", headers: { cookie, "farthing-gift": "1" } });
  assert.deepEqual([again.status, again.headers.get("farthing-gift")], [200, null]);
  assert.equal((await fetch(`${shop.edge.url}/articles/six`, { headers: { cookie } })).status, 402, "nor opens anything else");
});

test("the last opening of a link, raced for by twenty, is one", async () => {
  const { link } = await linkOf("/articles/seven");
  const all = await Promise.all(Array.from({ length: 20 }, (_, index) => fetch(link, {
    method: "POST", redirect: "manual", headers: { "sec-fetch-site": "same-origin", "cf-connecting-ip": `198.51.100.${100 + index}` },
  })));
  const statuses = all.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [303, 303, ...Array(18).fill(410)]);
});

test("no other link is one", async () => {
  const { link, cookie } = await linkOf("/articles/eight");
  const token = link.slice(link.lastIndexOf("/") + 1);
  for (const bad of [token.slice(0, -2), `${token}x`, token.replace("v1.", "v2."), cookie.split("=")[1], "", "x"]) {
    const answer = await fetch(`${shop.edge.url}/.farthing/gift/${bad}`, { headers: { accept: "application/json" } });
    assert.deepEqual([answer.status, await problemOf(answer)], [410, "gift-over"], bad);
  }
  const unpaid = await fetch(`${shop.edge.url}/articles/eight`, { method: "HEAD", headers: { "farthing-gift": "1" } });
  assert.deepEqual([unpaid.status, unpaid.headers.get("farthing-gift")], [402, null]);
});

test("a publisher's link is made at the terminal, with the site's secret and nothing else", async () => {
  const keys = randomKeys();
  const config = (site) => ({
    site, origin: { url: shop.origin.url }, payTo: { eip155: payTo.address }, networks: ["eip155:84532"], gifts: { perReader: 0 },
    settlement: { facilitators: [{ url: "https://f.example" }] }, routes: [{ match: "/articles/*", price: "$0.05" }, { match: "/calls/*", price: "$0.05", access: "once" }],
  });
  const edge = await add(startEdge({ keys, config }));
  const folder = await mkdtemp(join(tmpdir(), "farthing-gift-"));
  add({ stop: () => rm(folder, { recursive: true, force: true }) });
  const file = join(folder, "farthing.jsonc");
  await writeFile(file, JSON.stringify(config(edge.url)));
  const gift = (args, env = { FARTHING_KEYS: keys }) => run(process.execPath, [COMMAND, "gift", ...args, "--config", file], { check: false, env: { ...process.env, ...env } });
  const article = `${edge.url}/articles/parkin`;
  const { code, out } = await gift([article, "--count", "1", "--for", "2h", "--json"]);
  assert.equal(code, 0);
  const { link, url, opens } = JSON.parse(out);
  assert.deepEqual([url, opens], [article, 1]);
  const post = (network) => fetch(link, { method: "POST", redirect: "manual", headers: { "sec-fetch-site": "same-origin", "cf-connecting-ip": network } });
  const opened = await post("192.0.2.1");
  assert.equal(opened.status, 303);
  assert.match(opened.headers.getSetCookie()[0], /Max-Age=7200;/);
  assert.equal((await fetch(article, { headers: { cookie: cookieOf(opened, "__Secure-farthing") } })).status, 200);
  assert.equal((await post("192.0.2.2")).status, 410);
  for (const [args, says, env] of [
    [[`${edge.url}/free`], /Nothing is sold at/], [[`${edge.url}/calls/one`], /is paid for call by call/], [["https://other.example/articles/x"], /is not the site of/],
    [[article, "--count", "0"], /--count wants a number/], [[article, "--for", "2 weeks"], /--for wants a time/], [[article], /FARTHING_KEYS is not in \.dev\.vars/, { FARTHING_KEYS: "" }],
    [[article], /has mistakes|FARTHING_KEYS/, { FARTHING_KEYS: "k1:short" }], [[`${edge.url}/articles/${"x".repeat(300)}`], /too long for a link/],
  ]) {
    const { code, err } = await gift(args, env);
    assert.equal(code, 1, args.join(" "));
    assert.match(err, says);
    assert.ok(err.trim().split("\n").length === 1, err);
  }
});
