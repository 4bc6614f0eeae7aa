// Programs that prove who they are, and those that only say so: Web Bot Auth and the headers of pay-per-crawl, in workerd.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { baseOf, DIRECTORY_TYPE, naivelyKnown, newKey, signed, startDirectory } from "../support/agents.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { offersIn, signPayment } from "../support/pay.mjs";
import { startParts } from "../support/parts.mjs";
import { DOOR, DOT, LOG, assertArticle, naiveRoutes, newReader, problemOf } from "./reader.mjs";

const NAMES = ["search", "cheap", "bad", "other", "moved", "huge", "slow", "wrongType", "down", "busy", "flaky"];
const now = () => Math.floor(Date.now() / 1000);

const { add, stop } = startParts();
const agents = {};
let paper;
let naive;
let canary;
before(async () => {
  for (const name of NAMES) agents[name] = await add(startDirectory());
  canary = await add(startDirectory([agents.moved.key]));
  const policies = Object.fromEntries(NAMES.map((name) => [agents[name].host, "free"]));
  const crawlers = { ...policies, [agents.cheap.host]: "$0.01", [agents.bad.host]: "refuse", "*": "$0.02" };
  paper = await add(startNewspaper({ change: (config) => ({ ...config, crawlers }) }));
  naive = await add(startNaive({ origin: paper.origin.url, facilitator: paper.facilitator.url, routes: naiveRoutes, frees: naivelyKnown }));
});
after(stop);

/** A request signed by one of the agents, at the newspaper or elsewhere. */
const headersOf = (name, { path = DOOR, site = paper.site, ...more } = {}) =>
  signed({ url: site + path, agent: agents[name].url, key: agents[name].key, ...more });
const send = (headers, { path = DOOR, site = paper.site, method } = {}) => fetch(site + path, { redirect: "manual", method, headers });
const ask = (name, { path, site, method, ...more } = {}) => send(headersOf(name, { path, site, method, ...more }), { path, site, method });

async function refused(response, slug, status = 400) {
  assert.equal(response.status, status, await response.clone().text());
  assert.equal(await problemOf(response), slug);
  return response;
}

test("the published signatures hold, so what they are over is what has to be signed", () => {
  const { x, vectors } = JSON.parse(readFileSync(join(import.meta.dirname, "..", "vectors", "web-bot-auth.json"), "utf8"));
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  for (const { name, base, headers, url, method } of vectors) {
    const signature = Buffer.from(/:([^:]+):/.exec(headers.signature)[1], "base64");
    assert.ok(verify(null, Buffer.from(base), key, signature), name);
    const [, list, parameters] = /^[^=]+=\(([^)]*)\)(.*)$/.exec(headers["signature-input"]);
    assert.equal(baseOf(list.split(" "), parameters, { url, method, headers }), base, `${name}, by our own signer`);
  }
});

test("D10 a User-Agent frees nothing", async () => {
  const googlebot = { "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)" };
  assert.equal((await send(googlebot, { site: naive.site })).status, 200, "the usual paywall lets it read");
  const response = await send(googlebot);
  assert.equal(response.status, 402);
  assert.equal(response.headers.get("crawler-price"), "USD 0.05");
  assert.equal((await offersIn(response)).v2.accepts[0].amount, "50000");
});

test("an agent that proves who it is reads as the publisher says", async (t) => {
  await t.test("for nothing", async () => {
    await assertArticle(await ask("search"), DOOR);
    await assertArticle(await ask("search", { path: LOG }), LOG);
    const head = await ask("search", { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("cdn-cache-control")], [200, "no-store"]);
    assert.equal(agents.search.asked, 1, "one look at the directory");
  });
  await t.test("not at all", async () => {
    const response = await refused(await ask("bad"), "agent-refused", 403);
    assert.equal(response.headers.get("crawler-error"), "CrawlerForbidden");
  });
  await t.test("at a price of its own, by x402, and told so in the words of pay-per-crawl", async () => {
    const reader = await newReader(paper);
    const first = await ask("cheap", { headers: { "crawler-max-price": "USD 0.01" } });
    assert.deepEqual([first.status, first.headers.get("crawler-price"), first.headers.get("crawler-error")], [402, "USD 0.01", null]);
    const { v2 } = await offersIn(first);
    assert.equal(v2.accepts[0].amount, "10000");
    const payment = await signPayment({ offer: v2, key: reader.key });
    const headers = { "payment-signature": payment.value, "crawler-exact-price": "USD 0.01" };
    const paid = await ask("cheap", { headers });
    await assertArticle(paid, DOOR);
    assert.equal(paid.headers.get("crawler-charged"), "USD 0.01");
    assert.deepEqual((await reader.transfers()).map(({ value }) => BigInt(value)), [10_000n]);
    const low = await ask("cheap", { headers: { "crawler-max-price": "USD 0.009" } });
    assert.deepEqual([low.status, low.headers.get("crawler-error"), low.headers.get("crawler-price")], [402, "InvalidCrawlerMaxPrice", "USD 0.01"]);
  });
  await t.test("and everybody else is asked what everybody is asked, and nobody's directory", async () => {
    const before = NAMES.map((name) => agents[name].asked);
    const reader = await newReader(paper);
    const paid = await reader.send(DOT, await reader.sign(DOT));
    await assertArticle(paid, DOT);
    assert.equal(paid.headers.get("crawler-charged"), "USD 0.05");
    assert.equal((await send({ "signature-agent": `sig="${agents.other.url}"` })).status, 402);
    assert.deepEqual(NAMES.map((name) => agents[name].asked), before);
  });
});

test("D10 the price of an agent is nobody else's, whoever shows its offer", async () => {
  const { v2 } = await offersIn(await ask("cheap"));
  const reader = await newReader(paper);
  const payment = await signPayment({ offer: v2, key: reader.key });
  await refused(await reader.send(DOOR, payment), "amount-mismatch", 402);
  assert.deepEqual(await reader.transfers(), []);
});

test("D11 a signature counts for five minutes at most", async (t) => {
  const times = {
    expired: { created: now() - 120, expires: now() - 60 }, "not yet valid": { created: now() + 60, expires: now() + 120 },
    "too long": { created: now() - 1, expires: now() + 3600 }, "of no end": { parameters: `;created=${now()};keyid="${agents.search.key.id}";nonce="aaaaaaaaaaaa";tag="web-bot-auth"` },
  };
  for (const [name, more] of Object.entries(times)) {
    await t.test(name, async () => {
      assert.equal((await ask("search", { site: naive.site, ...more })).status, 200, "the usual verifier does not look");
      const response = await refused(await ask("search", more), "agent-signature-invalid");
      assert.equal(response.headers.get("crawler-error"), "InvalidSignature");
    });
  }
});

test("D11 a signature is used once", async (t) => {
  await t.test("one after the other", async () => {
    const there = headersOf("search", { site: naive.site });
    for (const time of ["first", "second"]) assert.equal((await send(there, { site: naive.site })).status, 200, `the usual verifier, the ${time} time`);
    const here = headersOf("search");
    await assertArticle(await send(here), DOOR);
    await refused(await send(here), "agent-signature-used");
    await refused(await send(here, { path: LOG }), "agent-signature-used");
  });
  await t.test("twenty at a time", async () => {
    const headers = headersOf("search");
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await send(headers)).status));
    assert.deepEqual(statuses.sort(), [200, ...Array(19).fill(400)]);
  });
  await t.test("and has a nonce", async () => {
    const parameters = `;created=${now()};expires=${now() + 60};keyid="${agents.search.key.id}";tag="web-bot-auth"`;
    await refused(await ask("search", { parameters }), "agent-signature-invalid");
  });
});

test("D11 what is about money is signed, and stays in the request", async (t) => {
  const reader = await newReader(paper);
  const { v2 } = await offersIn(await ask("cheap"));
  const [mine, another] = await Promise.all([0, 1].map(() => signPayment({ offer: v2, key: reader.key })));
  await t.test("a payment beside a signature that leaves it out", async () => {
    await refused(await ask("cheap", { headers: { "payment-signature": mine.value }, covered: [] }), "agent-header-not-covered");
    await refused(await send({ ...headersOf("cheap"), "X-PAYMENT": mine.value }), "agent-header-not-covered");
  });
  await t.test("a payment that was exchanged", async () => {
    const headers = headersOf("cheap", { headers: { "payment-signature": mine.value } });
    await refused(await send({ ...headers, "payment-signature": another.value }), "agent-signature-invalid");
  });
  await t.test("a price that was raised, taken away, or put in", async () => {
    const headers = headersOf("cheap", { headers: { "crawler-max-price": "USD 0.001" } });
    await refused(await send({ ...headers, "crawler-max-price": "USD 1" }), "agent-signature-invalid");
    const { "crawler-max-price": _, ...without } = headersOf("cheap", { headers: { "crawler-max-price": "USD 0.001" } });
    await refused(await send(without), "agent-signature-invalid");
    await refused(await send({ ...headersOf("cheap"), "crawler-max-price": "USD 1" }), "agent-header-not-covered");
  });
  await t.test("any part of the signature taken away", async () => {
    for (const name of ["signature", "signature-input", "signature-agent"]) {
      const { [name]: _, ...rest } = headersOf("search");
      await refused(await send(rest), "agent-signature-invalid");
    }
  });
  assert.deepEqual(await reader.transfers(), []);
});

test("D11 a signature for another host, by another key, or over something else", async (t) => {
  await t.test("another host", async () => {
    await refused(await ask("search", { authority: "https://other.example/" }), "agent-signature-invalid");
  });
  await t.test("no host at all, which the usual verifier takes", async () => {
    const components = ['"signature-agent";key="sig"'];
    assert.equal((await ask("search", { site: naive.site, components })).status, 200);
    await refused(await ask("search", { components }), "agent-signature-invalid");
  });
  await t.test("another page, where the page is signed", async () => {
    const components = ['"@authority"', '"@path"', '"signature-agent";key="sig"'];
    await refused(await send(headersOf("search", { components, path: LOG })), "agent-signature-invalid");
    await assertArticle(await ask("search", { components }), DOOR);
  });
  await t.test("a key that is in no directory, or in another's", async () => {
    const stranger = newKey();
    for (const key of [stranger, agents.other.key]) await refused(await ask("search", { key }), "agent-signature-invalid");
    await refused(await ask("search", { key: stranger, keyid: agents.search.key.id }), "agent-signature-invalid");
  });
  await t.test("any of the keys of a directory", async () => {
    const key = newKey();
    agents.other.keys.push(key);
    await assertArticle(await ask("other", { key }), DOOR);
  });
});

test("D8 a directory leads nowhere else, and holds nobody up", async (t) => {
  /** Anybody: asked for what everybody pays, and told why. */
  const unverified = async (response) => {
    await refused(response, "agent-unverified", 402);
    assert.deepEqual(["crawler-error", "crawler-price"].map((name) => response.headers.get(name)), ["StrongAuthRequired", "USD 0.05"]);
  };
  await t.test("one that redirects to a private address", async () => {
    agents.moved.answer = (request, response) => response.writeHead(302, { location: `${canary.url}/keys` }).end();
    assert.equal((await ask("moved", { site: naive.site })).status, 200, "the usual verifier goes along");
    assert.equal(canary.asked, 1);
    await unverified(await ask("moved"));
    assert.equal(canary.asked, 1, "ours does not");
  });
  await t.test("one without end", async () => {
    let written = 0;
    agents.huge.answer = (request, response) => {
      response.writeHead(200, { "content-type": DIRECTORY_TYPE });
      const more = () => {
        while (!response.destroyed && written < 64 * 1024 * 1024) {
          written += 16_384;
          if (!response.write(" ".repeat(16_384))) return response.once("drain", more);
        }
        response.end();
      };
      more();
    };
    await unverified(await ask("huge"));
    assert.ok(written < 32 * 1024 * 1024, `${written} bytes were taken`);
  });
  await t.test("one that is slow, for everybody who asks at once", async () => {
    agents.slow.answer = (request, response) => {
      response.writeHead(200, { "content-type": DIRECTORY_TYPE });
      response.write('{"keys":');
    };
    const begun = Date.now();
    const answers = await Promise.all([1, 2, 3].map(() => ask("slow")));
    assert.ok(Date.now() - begun < 8_000, `${Date.now() - begun} ms`);
    for (const answer of answers) await unverified(answer);
    assert.equal(agents.slow.asked, 1);
    const again = Date.now();
    await unverified(await ask("slow"));
    assert.ok(Date.now() - again < 1_000 && agents.slow.asked === 1, "and not asked again at once");
  });
  await t.test("one of another kind, one that is broken", async () => {
    agents.wrongType.answer = (request, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end(JSON.stringify({ keys: [agents.wrongType.key.jwk] }));
    };
    await unverified(await ask("wrongType"));
    await agents.down.stop();
    await unverified(await ask("down"));
    agents.flaky.answer = (request, response) => {
      response.writeHead(200, { "content-type": DIRECTORY_TYPE });
      response.end("<!doctype html>");
    };
    await unverified(await ask("flaky"));
  });
  await t.test("thirty requests, one look", async () => {
    const answer = agents.busy.answer;
    agents.busy.answer = (...both) => setTimeout(() => answer(...both), 200);
    const statuses = await Promise.all(Array.from({ length: 30 }, async () => (await ask("busy")).status));
    assert.deepEqual(statuses, Array(30).fill(200));
    assert.equal(agents.busy.asked, 1);
  });
  await t.test("an agent of this machine that no policy names", async () => {
    const stranger = await add(startDirectory());
    const response = await send(signed({ url: paper.site + DOOR, agent: stranger.url, key: stranger.key }));
    assert.deepEqual([response.status, stranger.asked, response.headers.get("crawler-price")], [402, 0, "USD 0.05"]);
  });
  await t.test("who cannot be verified pays like everybody", async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    await assertArticle(await ask("moved", { headers: { "payment-signature": payment.value } }), DOOR);
  });
});

test("programs are told where the prices are", async () => {
  const response = await fetch(`${paper.site}/.farthing/llms.txt`);
  const text = await response.text();
  assert.equal(response.status, 200);
  assert.match(text, /^- `\/articles\/paid-at-the-door`: \$0\.05/m);
  assert.ok(!text.includes(agents.cheap.host), "what is agreed with whom is nobody's business");
});
