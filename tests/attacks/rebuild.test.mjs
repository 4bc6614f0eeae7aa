// After settlement every signed field is public call data. Whoever rebuilds the payment header from it gets no article and no pass.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startEdge } from "../support/edge.mjs";
import { startNaive } from "../support/naive.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { encode, rebuildFromCallData } from "../support/pay.mjs";
import { DATA, DOOR, DOT, PAWN, assertArticle, impatient, naiveRoutes, newReader, sleep } from "../e2e/reader.mjs";
import { paidTextIn } from "./paid-text.mjs";

const HOME = "198.51.100.7";
const AWAY = "203.0.113.9";

let paper;
let second;
const naives = [];
before(async () => {
  paper = await startNewspaper({ change: impatient() });
  second = await startEdge({ keys: randomKeys("other"), config: (url) => ({ ...paper.config, site: url }) });
  const options = { origin: paper.origin.url, facilitator: paper.facilitator.url, routes: naiveRoutes };
  naives.push(await startNaive(options), await startNaive({ ...options, lookUp: ({ from, nonce }) => paper.chain.authorizationState(from, nonce) }));
});
after(async () => {
  for (const naive of naives) await naive.stop();
  await second?.stop();
  await paper?.stop();
});

/** Pays honestly and reads the whole answer, or leaves it at that when `leave` is set; what the chain then tells everybody. */
async function paid(path, { site = paper.site, v1 = false } = {}) {
  const reader = await newReader(paper, { site, from: HOME });
  const payment = await reader.sign(path, { v1 });
  const response = await reader.send(path, payment);
  assert.equal(response.status, 200);
  await response.text();
  const [{ transaction }] = await reader.transfers();
  const { accepted, resource } = payment.payload;
  const offer = v1 ? await reader.offer(path, { v1 }) : { x402Version: 2, accepts: [accepted], resource };
  return { reader, payment, offer, tx: await paper.chain.client.getTransaction({ hash: transaction }) };
}

const backwards = (value) => (value && typeof value === "object" && !Array.isArray(value)
  ? Object.fromEntries(Object.entries(value).reverse().map(([key, item]) => [key, backwards(item)])) : value);

/** Every header an observer can make for `path` at `site`, by name. */
async function rebuilt({ tx, offer, path, stranger }) {
  const fresh = await stranger.offer(path);
  const freshV1 = await stranger.offer(path, { v1: true });
  const without = structuredClone(fresh);
  delete without.accepts[0].extra.quote;
  const make = (like, more) => rebuildFromCallData(tx, { offer: like, ...more });
  const known = make(freshV1);
  const { signature, authorization } = known;
  const asClientsWrite = { x402Version: 1, scheme: "exact", network: "base-sepolia", payload: { signature, authorization } };
  return {
    "with the offer of a fresh 402": make(fresh),
    "with an offer without a quote": make(without),
    "with the reader's own offer, its keys in another order": make(offer.x402Version === 2 ? offer : fresh, { tamper: backwards }),
    "with lower-case addresses": make(fresh, { overrides: { authorization: { from: authorization.from.toLowerCase() } } }),
    "without padding": { headers: { "PAYMENT-SIGNATURE": make(fresh).value.replace(/=+$/, "") } },
    "with a stranger's identifier": make(fresh, { overrides: { extensions: { "payment-identifier": { info: { required: false, id: "f".repeat(64) } } } } }),
    "as a v1 payment": known,
    "as a v1 payment, byte for byte as clients write it": { headers: { "X-PAYMENT": encode(asClientsWrite) } },
  };
}

async function opens(stranger, path, headers) {
  const response = await stranger.send(path, headers);
  const text = await response.text();
  return { status: response.status, leak: paidTextIn(text), cookies: response.headers.getSetCookie() };
}

async function assertNothing(stranger, path, sale) {
  const reader = sale.reader;
  for (const [name, header] of Object.entries(await rebuilt({ ...sale, path, stranger }))) {
    const { status, leak, cookies } = await opens(stranger, path, header);
    assert.ok(status === 409 || status === 402 || status === 503, `${name}: ${status}`);
    assert.equal(leak, undefined, `${name}: article`);
    assert.deepEqual(cookies, [], `${name}: pass`);
  }
  assert.equal((await reader.transfers()).length, 1);
}

test("A16 the usual paywall that knows its payments again gives the article to whoever rebuilds the header", async () => {
  const [naive, other] = naives;
  const sale = await paid(DOOR, { site: naive.site });
  const stranger = await newReader(paper, { site: naive.site, from: AWAY, funds: 0n });
  const headers = await rebuilt({ ...sale, path: DOOR, stranger });
  for (const name of ["with the offer of a fresh 402", "as a v1 payment"]) {
    const { status, leak, cookies } = await opens(stranger, DOOR, headers[name]);
    assert.equal(status, 200, name);
    assert.ok(leak && cookies.length > 0);
  }
  const elsewhere = stranger.as({ site: other.site });
  const { status, leak } = await opens(elsewhere, DOT, (await rebuilt({ ...sale, path: DOT, stranger: elsewhere }))["with the offer of a fresh 402"]);
  assert.equal(status, 200, "and a second one that looks the money up on the chain gives another article");
  assert.ok(leak);
});

for (const v1 of [false, true]) {
  const version = v1 ? "v1" : "v2";
  test(`A16 S2 a ${version} payment rebuilt from call data opens nothing, at once and from anywhere`, async () => {
    const sale = await paid(DOOR, { v1 });
    for (const from of [AWAY, HOME, "", "::1"]) await assertNothing(await newReader(paper, { from, funds: 0n }), DOOR, sale);
  });

  test(`A16 A2 a ${version} payment rebuilt from call data opens no other article of the same price`, async () => {
    const sale = await paid(DOOR, { v1 });
    for (const from of [AWAY, HOME]) await assertNothing(await newReader(paper, { from, funds: 0n }), DOT, sale);
  });

  test(`A16 a ${version} payment for a single call, rebuilt from call data, gets no second answer`, async () => {
    const sale = await paid(DATA, { v1 });
    for (const from of [AWAY, HOME]) await assertNothing(await newReader(paper, { from, funds: 0n }), DATA, sale);
  });
}

test("A16 a v1 payment whose answer got lost is answered again for its own network address only, and without a pass", async () => {
  const reader = await newReader(paper, { from: HOME });
  const payment = await reader.sign(PAWN, { v1: true });
  // the reader's connection breaks while the article is on its way
  paper.origin.script(PAWN, { slow: 100 });
  const cut = new AbortController();
  const broken = await reader.ask(PAWN, payment.headers, { signal: cut.signal });
  cut.abort();
  await broken.text().catch(() => {});
  paper.origin.reset();
  const stranger = reader.as({ from: AWAY });
  const { status, leak } = await opens(stranger, PAWN, payment);
  assert.equal(status, 409);
  assert.equal(leak, undefined);
  const again = await reader.send(PAWN, payment);
  assert.deepEqual(again.headers.getSetCookie(), []);
  await assertArticle(again, PAWN);
  assert.equal((await reader.transfers()).length, 1);
});

test("A16 S2 a payment settled at one site opens nothing at another site of the same publisher", async (t) => {
  for (const v1 of [false, true]) {
    await t.test(`at once (${v1 ? "v1" : "v2"})`, async () => {
      for (const path of [DOOR, DOT]) {
        const sale = await paid(DOOR, { v1 });
        await assertNothing(await newReader(paper, { site: second.url, from: AWAY, funds: 0n }), path, sale);
      }
    });
  }
  await t.test("later", async () => {
    const sale = await paid(DOOR);
    await sleep(7000);
    for (const path of [DOOR, DOT]) await assertNothing(await newReader(paper, { site: second.url, from: AWAY, funds: 0n }), path, sale);
  });
  await t.test("nor the same header, as the reader sent it", async () => {
    const { reader, payment } = await paid(DOOR);
    const { status, leak, cookies } = await opens(reader.as({ site: second.url }), DOOR, payment);
    assert.ok(status >= 400, `${status}`);
    assert.equal(leak, undefined);
    assert.deepEqual(cookies, []);
  });
});

test("A16 S2 a payment settled elsewhere opens nothing here that its payer owns", async () => {
  const owner = await newReader(paper, { from: HOME });
  await assertArticle(await owner.send(DOOR, await owner.sign(DOOR)), DOOR);
  const there = owner.as({ site: second.url });
  const payment = await there.sign(DOT);
  await assertArticle(await there.send(DOT, payment), DOT);
  const [, { transaction }] = await owner.transfers();
  const tx = await paper.chain.client.getTransaction({ hash: transaction });
  const stranger = await newReader(paper, { from: AWAY, funds: 0n });
  const { accepted, resource } = payment.payload;
  const headers = await rebuilt({ tx, offer: { x402Version: 2, accepts: [accepted], resource }, path: DOOR, stranger });
  for (const [name, header] of Object.entries(headers)) {
    const { status, leak, cookies } = await opens(stranger, DOOR, header);
    assert.ok(status >= 400, `${name}: ${status}`);
    assert.equal(leak, undefined, name);
    assert.deepEqual(cookies, [], name);
  }
  assert.equal((await owner.transfers()).length, 2);
});
