// Before payment nothing of what is sold leaves: no text, in no disguise, no validator, no length; and no cache keeps what is paid.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { listen } from "../../tools/lib/processes.mjs";
import { rawRequest } from "../support/http.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { encode } from "../support/pay.mjs";
import { ARTICLES, DATA, DOOR, FREE, assertArticle, naiveRoutes, needles, newReader } from "../e2e/reader.mjs";
import { paidTextIn, size } from "./paid-text.mjs";

const PAID = [...ARTICLES, DATA];
const SPELLED = [...PAID, ...ARTICLES.map((path) => `${path}.html`), ...PAID.map((path) => `${path}?x402=free&preview=1`)];

let paper;
let naive;
const secrets = new Map();
before(async () => {
  paper = await startNewspaper();
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.facilitator.url, routes: naiveRoutes });
  for (const path of PAID) {
    const { headers } = await fetch(paper.origin.url + path);
    secrets.set(path, { etag: headers.get("etag"), modified: headers.get("last-modified"), length: headers.get("content-length") });
  }
  paper.origin.log.length = 0;
});
after(async () => {
  await naive?.stop();
  await paper?.stop();
});

test("the detector knows every disguise it is asked to see through", async () => {
  assert.ok(size > 5000);
  const text = await (await fetch(paper.origin.url + DOOR)).text();
  const sentence = needles[DOOR][0];
  const bytes = Buffer.from(sentence);
  const letters = (change) => [...bytes].map(change).join("");
  for (const disguised of [
    text, sentence, letters((code) => `&#${code};`),
    letters((code) => `&#x${code.toString(16)};`), letters((code) => `\\u${code.toString(16).padStart(4, "0")}`),
    encodeURIComponent(sentence), letters((code) => `%${code.toString(16)}`), new URLSearchParams({ sentence }).toString(),
    bytes.toString("base64"), bytes.toString("base64url"), `x${bytes.toString("base64")}`, encode({ body: sentence }),
    encodeURIComponent(bytes.toString("base64")), sentence.replaceAll(" ", " <b>"), sentence.toUpperCase(),
  ]) assert.ok(paidTextIn(disguised), disguised.slice(0, 100));
  assert.equal(paidTextIn(await (await fetch(paper.origin.url + "/")).text()), undefined);
  assert.equal(paidTextIn(await (await fetch(paper.origin.url + FREE)).text()), undefined);
  paper.origin.log.length = 0;
});

const junk = "v1.k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "PURGE", "TRACE", "SEARCH", "FARTHING", "get"];
const HEADERS = ({ etag, modified }) => [
  [], [["Range", "bytes=0-"]], [["Range", "bytes=0-99"]], [["Range", "bytes=-50"], ["If-Range", etag]],
  [["If-None-Match", etag]], [["If-None-Match", `W/${etag}`]], [["If-None-Match", "*"]], [["If-Match", etag]],
  [["If-Modified-Since", modified]], [["If-Modified-Since", new Date().toUTCString()]], [["If-Unmodified-Since", modified]],
  [["Accept", "text/html,application/xhtml+xml,*/*;q=0.8"]], [["Accept", "application/json"]], [["Accept", "text/markdown"]], [["Accept-Encoding", "gzip, br"]],
  [["Cookie", `session=${"0".repeat(32)}; __Secure-farthing=${junk}; __Host-farthing=${junk}; x="`]], [["Cookie", "__Secure-farthing=; __Host-farthing; ;;="]],
  [["X-HTTP-Method-Override", "GET"]], [["X-Original-URL", FREE], ["X-Rewrite-URL", FREE], ["X-Forwarded-Prefix", "/free"], ["Forwarded", "for=127.0.0.1"]],
  [["User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"]],
  [["Origin", "https://elsewhere.example"], ["Access-Control-Request-Method", "GET"]],
  [["Authorization", "Bearer x402"], ["CF-Connecting-IP", "66.249.66.1"], ["X-Forwarded-For", "127.0.0.1"]],
  [["Purpose", "prefetch"], ["Sec-Purpose", "prefetch;prerender"]],
];

/** Everything an unpaid client learns: [{what, leak}], one entry for each thing that should not have left. */
async function probe(site, paths) {
  const leaks = [];
  let answers = 0;
  for (const path of paths) {
    const secret = secrets.get(PAID.find((known) => path.startsWith(known)));
    const requests = [
      ...METHODS.map((method) => ({ method, headers: [] })), ...HEADERS(secret).map((headers) => ({ method: "GET", headers })),
      ...HEADERS(secret).slice(1).map((headers) => ({ method: "HEAD", headers })),
    ];
    await Promise.all(requests.map(async ({ method, headers }) => {
      const response = await rawRequest({ url: site, target: path, method, headers });
      answers += 1;
      const what = `${method} ${path} ${JSON.stringify(headers)} → ${response.status}`;
      const found = (leak) => leaks.push({ what, leak });
      const get = (name) => response.headers.find(([header]) => header.toLowerCase() === name)?.[1];
      const right = response.status >= 400 || (method === "OPTIONS" && response.status === 204 && response.body.length === 0);
      if (!right) found("status");
      if (response.status === 402 && !/no-store/.test(get("cache-control"))) found("a 402 that may be kept");
      const text = paidTextIn(response.raw.toString("utf8"));
      if (text) found(`text: ${text}`);
      const head = response.headers.map((header) => header.join(": ")).join("\n");
      for (const [name, value] of Object.entries(secret)) {
        if (name !== "length" ? head.includes(value) : get("content-length") === value) found(name);
      }
      for (const name of ["etag", "last-modified", "accept-ranges", "content-range"]) if (get(name)) found(name);
    }));
  }
  return { leaks, answers };
}

test("S1 D3 D4 an unpaid client learns nothing, whatever the method, the conditions and the cookies", async (t) => {
  await t.test("the usual paywall answers HEAD, and with it conditions and lengths", async () => {
    const { leaks } = await probe(naive.site, [DOOR]);
    for (const name of ["etag", "modified", "length", "status"]) {
      assert.ok(leaks.some(({ what, leak }) => what.startsWith("HEAD") && leak === name), name);
    }
    assert.ok(leaks.some(({ what }) => what.endsWith("304")), "and says whether a copy is still the newest");
    assert.ok(paper.origin.log.length > 0);
    paper.origin.log.length = 0;
  });
  await t.test("ours does not, and the origin hears of none of it", async () => {
    const { leaks, answers } = await probe(paper.site, SPELLED);
    assert.deepEqual(leaks, []);
    assert.ok(answers > 800);
    assert.deepEqual(paper.origin.log.map(({ method, url }) => `${method} ${url}`), []);
    assert.deepEqual(paper.facilitator.log, []);
    assert.deepEqual(await paper.edge.query("SELECT 1"), []);
  });
});

test("S1 D4 what a condition asks for makes no difference to the answer", async () => {
  const { etag, modified } = secrets.get(DOOR);
  const shape = async (headers) => {
    const response = await rawRequest({ url: paper.site, target: DOOR, headers });
    // offers differ in their random part only
    const stable = response.headers.filter(([name]) => !/^(payment-required|date)$/i.test(name)).map((header) => header.join(": "));
    return [response.status, stable.sort(), response.body.toString()];
  };
  const plain = await shape([]);
  for (const headers of [[["If-None-Match", etag]], [["If-None-Match", '"other"']], [["If-Modified-Since", modified]], [["Range", "bytes=0-10"]]]) {
    assert.deepEqual(await shape(headers), plain);
  }
});

/** A cache as it stands before many sites: keeps by URL what it may, and gives it to everybody. */
async function startCache(site) {
  const kept = new Map();
  const server = createServer(async (request, response) => {
    const hit = request.method === "GET" && kept.get(request.url);
    const sent = Object.entries(request.headers).filter(([name]) => name !== "connection" && name !== "host");
    const { status, headers, body } = hit || await rawRequest({ url: site, method: request.method, target: request.url, headers: sent });
    const control = headers.find(([name]) => /^cache-control$/i.test(name))?.[1] ?? "";
    if (status === 200 && /public|max-age/.test(control) && !/no-store|private/.test(control)) kept.set(request.url, { status, headers, body });
    response.writeHead(status, headers.filter(([name]) => !/^(transfer-encoding|connection|content-length)$/i.test(name)).flat());
    response.end(body);
  });
  const address = `http://127.0.0.1:${await listen(server)}`;
  return { site: address, stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

test("E1 a shared cache before the site never serves what one reader paid for", async (t) => {
  const throughCache = async (site) => {
    const cache = await startCache(site);
    try {
      const reader = await newReader(paper, { site: cache.site });
      const paid = await reader.send(DOOR, await reader.sign(DOOR));
      assert.equal(paid.status, 200);
      assert.ok(paidTextIn(await paid.text()));
      const stranger = await fetch(cache.site + DOOR);
      return { status: stranger.status, leak: paidTextIn(await stranger.text()) };
    } finally {
      await cache.stop();
    }
  };
  await t.test("the usual paywall passes the origin's max-age on", async () => {
    const { status, leak } = await throughCache(naive.site);
    assert.equal(status, 200);
    assert.ok(leak);
  });
  await t.test("ours forbids keeping", async () => assert.deepEqual(await throughCache(paper.site), { status: 402, leak: undefined }));
});

test("E1 every paid answer forbids caches to keep it: full, partial, conditional, HEAD", async () => {
  const reader = await newReader(paper);
  const first = await reader.send(DOOR, await reader.sign(DOOR));
  const cookie = first.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  const answers = [first];
  for (const [status, headers, method] of [
    [200, {}], [206, { range: "bytes=0-99" }], [304, { "if-none-match": first.headers.get("etag") }], [200, {}, "HEAD"],
  ]) {
    const response = await reader.ask(DOOR, { cookie, ...headers }, { method });
    assert.equal(response.status, status);
    answers.push(response);
  }
  for (const { headers, status } of answers) {
    assert.match(headers.get("cache-control"), /no-store/, `${status}`);
    assert.doesNotMatch(headers.get("cache-control"), /public|max-age/);
    assert.match(headers.get("cdn-cache-control"), /no-store/);
  }
  await assertArticle(first, DOOR);
});

test("D9 another site's name in Host gets no offer", async (t) => {
  const ask = async (site, target = DOOR) => {
    const response = await rawRequest({ url: site, target, headers: [["Host", "evil.example"]] });
    const offered = response.headers.filter(([name]) => /^payment-required$/i.test(name)).map(([, value]) => Buffer.from(value, "base64").toString());
    return { status: response.status, text: `${response.raw}${offered}` };
  };
  await t.test("the usual paywall offers under any name", async () => assert.match((await ask(naive.site)).text, /evil\.example/));
  await t.test("ours refuses", async () => {
    const { status, text } = await ask(paper.site);
    assert.equal(status, 421);
    assert.doesNotMatch(text, /evil\.example/);
    assert.match(text, /problems\/wrong-host/);
  });
});
