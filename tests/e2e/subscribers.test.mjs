// Readers who pay elsewhere: by a token of the publisher's login, by a secret that both know, by the origin's word. Real workerd, keys
// and key set.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { payTo } from "../support/accounts.mjs";
import { startEdge } from "../support/edge.mjs";
import { AUDIENCE, ISSUER, naivelyTaken, newKey, startLogin, token } from "../support/login.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { startOrigin } from "../support/origin.mjs";
import { startParts } from "../support/parts.mjs";

const ARTICLE = "/articles/parkin";
const PART = "/media/parkin/recipe.mp3";
const TEXT = "Parkin wants a week, and nobody gives it one. ".repeat(40);
const SECRET = "a secret of thirty-two bytes, or of more";
const HTML = { accept: "text/html" };

const { add, stop } = startParts();
const keys = ["RS256", "RS512", "ES256", "EdDSA"].map((name) => newKey(name, `key-${name}`));
const [rsa, , ec, ed] = keys;
let login;
let origin;
/** What the origin thinks of a request: the value of Farthing-Access, or nothing. */
let says;

const edgeWith = (subscribers, more = {}, env = {}) => add(startEdge({
  keys: randomKeys(), env: { ORIGIN_KEY: "of-the-test", ...env },
  config: (site) => ({
    site, origin: { url: origin.url, headers: { "x-origin-key": "ORIGIN_KEY" } }, payTo: { eip155: payTo.address }, networks: ["eip155:84532"],
    settlement: { facilitators: [{ url: "http://127.0.0.1:9" }] }, subscribers,
    routes: [
      { match: "/articles/for-all", price: "$0.05", subscribers: false },
      { match: "/articles/*", price: "$0.05", parts: ["/media/{1}/*"] },
    ],
    ...more,
  }),
}));
const jwtRules = (changes = {}) => ({
  jwt: {
    jwks: login.url, issuer: ISSUER, audience: AUDIENCE, cookie: "session", header: "Authorization", algorithms: ["RS256", "ES256", "EdDSA"],
    claims: { plan: ["digital", "staff"] }, ...changes,
  },
});
const WORD = { originHeader: "Farthing-Access", whenCookie: ["wordpress_logged_in_*", "ghost-members-ssr"] };

let tokens;
let words;
before(async () => {
  login = await add(startLogin(keys));
  const article = (request, response, url) => {
    const body = url.pathname === PART ? "sound ".repeat(100) : TEXT;
    const etag = `"${createHash("sha256").update(body).digest("hex").slice(0, 8)}"`;
    const word = says(request, url);
    const headers = { "content-type": "text/html", etag, "cache-control": "public, max-age=600", "set-cookie": "theirs=1; Path=/" };
    const told = typeof word === "object" ? word : { "farthing-access": word };
    if (word) Object.assign(headers, told);
    if (request.headers["if-none-match"] === etag) return response.writeHead(304, headers.bare ? { etag } : headers).end();
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const part = range ? body.slice(Number(range[1]), Number(range[2]) + 1) : body;
    if (range) headers["content-range"] = `bytes ${range[1]}-${range[2]}/${body.length}`;
    response.writeHead(range ? 206 : 200, { ...headers, "content-length": part.length }).end(request.method === "HEAD" ? undefined : part);
  };
  origin = await add(startOrigin({ routes: { "/*": article } }));
  says = () => undefined;
  tokens = await edgeWith(jwtRules());
  words = await edgeWith(WORD);
});
beforeEach(() => {
  says = () => undefined;
  origin.reset();
});
after(stop);

const ask = (edge, path, headers = {}, method = "GET") => fetch(edge.url + path, { redirect: "manual", method, headers });
const bearing = (text, more = {}) => ({ cookie: `a=b; session=${text}`, ...more });

async function assertRead(response, text = TEXT) {
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(await response.text(), text);
  assertPrivate(response);
}
function assertPrivate({ headers }) {
  assert.equal(headers.get("cache-control"), "private, no-store");
  assert.equal(headers.get("cdn-cache-control"), "no-store");
  assert.equal(headers.get("farthing-access"), null);
}
async function assertAsked(response) {
  assert.equal(response.status, 402);
  assert.ok(response.headers.get("payment-required"));
  assert.equal(response.headers.get("set-cookie"), null);
  assert.ok(!(await response.text()).includes("Parkin wants"));
}

test("a token of the publisher's login opens every page, its parts too, and no cache keeps it", async () => {
  assert.deepEqual((await tokens.health()).errors, []);
  for (const key of [rsa, ec, ed]) await assertRead(await ask(tokens, ARTICLE, bearing(token(key))));
  await assertRead(await ask(tokens, ARTICLE, { authorization: `Bearer ${token(ec)}` }));
  await assertRead(await ask(tokens, ARTICLE, { authorization: token(ec) }));
  await assertRead(await ask(tokens, PART, bearing(token(ed, { claims: { plan: ["x", "staff"] } }))), "sound ".repeat(100));
  assert.equal(login.asked, 1, "one look at the key set");
  await assertAsked(await ask(tokens, ARTICLE));
  await assertAsked(await ask(tokens, PART));
  await assertAsked(await ask(tokens, "/articles/for-all", bearing(token(ec))));
  // of several cookies of one name the one that counts
  await assertRead(await ask(tokens, ARTICLE, { cookie: `session=old; session=${token(ec)}` }));
});

test("D4 a subscriber's HEAD, ranges and conditions are answered as the origin does", async () => {
  const reader = bearing(token(ec));
  const head = await ask(tokens, ARTICLE, reader, "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, String(TEXT.length), ""]);
  const part = await ask(tokens, ARTICLE, { ...reader, range: "bytes=3-12" });
  assert.deepEqual([part.status, await part.text()], [206, TEXT.slice(3, 13)]);
  const same = await ask(tokens, ARTICLE, { ...reader, "if-none-match": head.headers.get("etag") });
  assert.equal(same.status, 304);
  for (const response of [head, part, same]) assertPrivate(response);
});

test("E6 no token but a right one: whoever brings another meets the paywall, as a person and as a program", async (t) => {
  const stranger = newKey("ES256", "key-ES256");
  const spki = rsa.publicKey.export({ type: "spki", format: "pem" });
  const attacks = {
    "alg none": token(ec, { head: { alg: "none" }, by: "none" }),
    "alg None": token(ec, { head: { alg: "None" }, by: "none", signature: "AA" }),
    "HS256 with the public key": token(rsa, { head: { alg: "HS256" }, by: "HS256", secret: spki }),
    "a key of its own": token(stranger, { head: { kid: undefined, jwk: stranger.jwk } }),
    expired: token(ec, { claims: { exp: Math.floor(Date.now() / 1000) - 1 } }),
    "without an end": token(ec, { claims: { exp: undefined } }),
    "not begun": token(ec, { claims: { nbf: Math.floor(Date.now() / 1000) + 300 } }),
    "another audience": token(ec, { claims: { aud: "https://other.example" } }),
    "no audience": token(ec, { claims: { aud: undefined } }),
    "another issuer": token(ec, { claims: { iss: "https://evil.example" } }),
    "another plan": token(ec, { claims: { plan: "free" } }),
    "a plan twice": token(ec, { claims: JSON.stringify({ iss: ISSUER, aud: AUDIENCE, exp: 4e9, plan: "free" }).replace(/}$/, ",\"plan\":\"digital\"}") }),
    oversized: token(ec, { claims: { more: "x".repeat(4096) } }),
    "of an algorithm that is not listed": token(keys[1]),
    critical: token(ec, { head: { crit: ["b64"] } }),
  };
  for (const [name, text] of Object.entries(attacks)) {
    await t.test(name, async () => {
      assert.ok(naivelyTaken(text, keys), "the usual verifier takes it");
      for (const headers of [bearing(text), bearing(text, HTML), { authorization: `Bearer ${text}` }]) await assertAsked(await ask(tokens, ARTICLE, headers));
    });
  }
  const wrong = {
    "another's signature": token(stranger), "of another kind of key": token(ed, { head: { alg: "ES256", kid: "key-ES256" } }), "an unknown key": token(ec, { head: { kid: "key-9" } }),
    "the key of another algorithm": token(ec, { head: { kid: "key-RS256" } }), "no signature": token(ec, { signature: "" }), "no key named, and there are several": token(ec, { head: { kid: undefined } }),
    changed: token(ec).replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ iss: ISSUER, aud: AUDIENCE, exp: 4e9, plan: "staff" })).toString("base64url")}.`),
    "not JSON": token(ec, { claims: "hello" }), nothing: "x", points: "..",
  };
  for (const [name, text] of Object.entries(wrong)) await t.test(name, async () => assertAsked(await ask(tokens, ARTICLE, bearing(text))));
  assert.deepEqual(origin.log, [], "nothing of it reached the origin");
  const asked = login.asked;
  for (let n = 0; n < 20; n++) await assertAsked(await ask(tokens, ARTICLE, bearing(token(ec, { head: { kid: `guess-${n}` } }))));
  assert.ok(login.asked <= asked + 1, "guessed keys do not make us ask again");
});

test("D8 the key set is one answer of this address, small and of its kind; without it there are no subscribers", async () => {
  const canary = await add(startLogin(keys));
  const answers = {
    moved: (request, response) => response.writeHead(302, { location: canary.url }).end(),
    huge: (request, response) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk), x: "x".repeat(70_000) })),
    page: (request, response) => response.writeHead(200, { "content-type": "text/html" }).end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })),
    down: (request, response) => response.writeHead(503).end(),
    odd: (request, response) => response.writeHead(200, { "content-type": "application/json" }).end("{\"keys\":7}"),
    short: (request, response) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: [{ ...ec.jwk, use: "enc" }] })),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const own = await add(startLogin(keys));
    own.answer = answer;
    const edge = await edgeWith(jwtRules({ jwks: own.url }));
    for (let n = 0; n < 3; n++) await assertAsked(await ask(edge, ARTICLE, bearing(token(ec))));
    assert.equal(own.asked, 1, `${name}: asked once a minute`);
  }
  assert.equal(canary.asked, 0);
});

test("a secret that the login and the Worker share: HS256 and nothing else", async () => {
  const edge = await edgeWith({ jwt: { secret: "LOGIN", issuer: ISSUER, cookie: "session" } }, {}, { LOGIN: SECRET });
  const shared = { algorithm: "HS256" };
  const by = (secret, more = {}) => token(shared, { secret, ...more });
  await assertRead(await ask(edge, ARTICLE, bearing(by(SECRET))));
  await assertRead(await ask(edge, ARTICLE, bearing(by(SECRET, { claims: { aud: undefined, plan: undefined } }))));
  for (const text of [by("another secret of thirty-two bytes or more"), by("ORIGIN_KEY"), token(ec), by(SECRET, { head: { alg: "none" }, by: "none" }), by(SECRET, { claims: { exp: 1 } })]) {
    await assertAsked(await ask(edge, ARTICLE, bearing(text)));
  }
  const short = await edgeWith({ jwt: { secret: "LOGIN", issuer: ISSUER, cookie: "session" } }, {}, { LOGIN: "short" });
  assert.match((await short.health()).errors.join(), /subscribers\.jwt\.secret: names a secret of less than 32 bytes/);
  assert.equal((await ask(short, ARTICLE)).status, 503);
});

const member = (value = "of-jane", more = {}) => ({ cookie: `a=b; wordpress_logged_in_5f=${value}`, ...more });
const knows = (name = "of-jane") => (request) => (request.headers.cookie?.includes(name) && request.headers["x-origin-key"] === "of-the-test" ? "free" : "paid");

test("the origin's word: a reader whom it knows reads, and nobody is asked about who has no such cookie", async () => {
  says = knows();
  await assertRead(await ask(words, ARTICLE, member()));
  await assertRead(await ask(words, PART, member("of-jane", HTML)), "sound ".repeat(100));
  assert.equal(origin.log.length, 2, "one request each");
  assert.match(origin.log[0].headers.cookie, /wordpress_logged_in_5f=of-jane/);
  assert.equal(origin.log[0].headers["cache-control"], "no-cache", "no cache between may answer");
  for (const headers of [{}, { cookie: "session=of-jane" }, { cookie: "wordpress_logged_in_5f=" }, { cookie: "wordpress_logged_out=of-jane" }, { "farthing-access": "free" }]) {
    await assertAsked(await ask(words, ARTICLE, headers));
  }
  assert.equal(origin.log.length, 2);
  const moved = await ask(words, "/articles/for-all", member());
  await assertAsked(moved);
  assert.equal(origin.log.length, 2, "a route that is not for subscribers asks nobody");
});

test("S1 what the origin answers about anybody else is thrown away, whatever else it says", async () => {
  for (const word of [undefined, "paid", "", "free, paid", "freebie", "0", { "x-farthing-access": "free" }, { "farthing-access": ["free", "free"] }]) {
    says = () => word;
    const response = await ask(words, ARTICLE, member(`junk-${JSON.stringify(word)?.replace(/\W/g, "")}`));
    await assertAsked(response);
    assert.equal(response.headers.get("etag"), null);
  }
  // a header of this name never leaves, on free pages either
  says = () => "free";
  const open = await ask(words, "/about", { "farthing-access": "free" });
  assert.deepEqual([open.status, open.headers.get("farthing-access")], [200, null]);
  assert.equal((await ask(words, ARTICLE, member("of-jane"), "POST")).status, 402, "nothing is changed at the origin by asking");
  assert.ok(!origin.log.some(({ method }) => method === "POST"));
});

test("D4 HEAD, ranges and conditions for a reader whom the origin knows, also where it is silent in a 304", async () => {
  says = knows();
  const from = { "cf-connecting-ip": "203.0.113.40" };
  const head = await ask(words, ARTICLE, member("of-jane", from), "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, String(TEXT.length), ""]);
  const part = await ask(words, ARTICLE, member("of-jane", { ...from, range: "bytes=3-12" }));
  assert.deepEqual([part.status, await part.text()], [206, TEXT.slice(3, 13)]);
  const etag = head.headers.get("etag");
  const same = await ask(words, ARTICLE, member("of-jane", { ...from, "if-none-match": etag }));
  assert.equal(same.status, 304);
  says = (request) => (request.headers["if-none-match"] ? undefined : knows()(request));
  await assertRead(await ask(words, ARTICLE, member("of-jane", { ...from, "if-none-match": etag })));
  for (const response of [head, part, same]) assertPrivate(response);
  for (const [headers, method] of [[{ "if-none-match": etag }, "GET"], [{ range: "bytes=0-9" }, "GET"], [{}, "HEAD"]]) {
    const response = await ask(words, ARTICLE, member("of-joe", { ...from, ...headers }), method);
    assert.deepEqual([response.status, response.headers.get("etag"), response.headers.get("content-range")], [402, null, null]);
  }
});

test("C1 junk cookies do not make the origin work: each is asked about once, and one network about few", async () => {
  const edge = await edgeWith(WORD);
  // what is counted by the minute begins anew with the next
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 15_000) await new Promise((resolve) => setTimeout(resolve, left));
  const from = (address) => ({ "cf-connecting-ip": address });
  const junk = (n, address) => ask(edge, ARTICLE, member(`junk-${n}`, from(address)));
  says = knows();
  for (let n = 0; n < 5; n++) await assertAsked(await junk("one", "198.51.100.1"));
  assert.equal(origin.log.length, 1, "the same cookie at the same page: once in half a minute");
  origin.reset();
  const many = await Promise.all(Array.from({ length: 200 }, (_, n) => junk(n, "198.51.100.2")));
  for (const response of many) assert.equal(response.status, 402);
  assert.equal(origin.log.length, 30, "of one network thirty a minute");
  origin.reset();
  for (let n = 0; n < 60; n++) await junk(`six-${n}`, `2001:db8:0:7::${n.toString(16)}`);
  assert.ok(origin.log.length <= 30, `a network of IPv6 is 64 bits: ${origin.log.length}`);
  // who is known goes on reading, from the same network too, once they are
  await assertRead(await ask(edge, ARTICLE, member("of-jane", from("198.51.100.3"))));
  await assertRead(await ask(edge, "/articles/other", member("of-jane", from("198.51.100.2"))));
  // a thousand networks at once
  origin.reset();
  for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 100 }, (_, m) => junk(`${n}-${m}`, `10.${n}.${m}.1`)));
  assert.ok(origin.log.length <= 600, `of all six hundred a minute: ${origin.log.length}`);
  await assertRead(await ask(edge, "/articles/third", member("of-jane", from("198.51.100.2"))));
});

test("an origin that does not answer, or is broken, leaves the paywall", async () => {
  const edge = await edgeWith(WORD);
  origin.script(ARTICLE, "die", 500);
  await assertAsked(await ask(edge, ARTICLE, member("of-jane")));
  await assertAsked(await ask(edge, ARTICLE, member("of-joe")));
});

test("Ghost, as the documents have it: a Worker between asks who the member is", async () => {
  const docs = readFileSync(join(import.meta.dirname, "..", "..", "www", "docs", "subscribers.md"), "utf8");
  const snippet = docs.split("```js\n").map((block) => block.split("```")[0]).find((block) => block.includes("const GHOST"));
  const members = { paying: { paid: true }, free: { paid: false } };
  const ghost = await add(startOrigin({
    routes: {
      "/members/api/member/": (request, response) => {
        const member = members[/ghost-members-ssr=(\w+)/.exec(request.headers.cookie)?.[1]];
        if (!member) return response.writeHead(204).end();
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(member));
      },
      "/*": (request, response) => response.writeHead(200, { "content-type": "text/html" }).end(TEXT),
    },
  }));
  const module = snippet.replace("https://ghost.news.example", ghost.url);
  const edge = await add(startEdge({
    keys: randomKeys(), services: { SITE: { module } },
    config: (site) => ({
      site, origin: { service: "SITE" }, payTo: { eip155: payTo.address }, networks: ["eip155:84532"], settlement: { facilitators: [{ url: "http://127.0.0.1:9" }] },
      subscribers: { originHeader: "Farthing-Access", whenCookie: ["ghost-members-ssr"] }, routes: [{ match: "/articles/*", price: "$0.05" }],
    }),
  }));
  const as = (cookie) => ask(edge, ARTICLE, { cookie });
  await assertRead(await as("ghost-members-ssr=paying; ghost-members-ssr.sig=x"));
  for (const cookie of ["ghost-members-ssr=free", "ghost-members-ssr=made_up", "x=y"]) await assertAsked(await as(cookie));
  assert.equal((await ask(edge, "/about", { cookie: "ghost-members-ssr=paying" })).headers.get("farthing-access"), null);
});
