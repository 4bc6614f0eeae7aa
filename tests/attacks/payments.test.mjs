// Bad payments over HTTP: each is a problem of its own, none reaches the facilitator that can be refused here, none moves money, and
// the next honest payment works.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { numberToHex } from "viem";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { observer } from "../support/accounts.mjs";
import { rawRequest } from "../support/http.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { encode, randomNonce, signPayment } from "../support/pay.mjs";
import { DATA, DOOR, DOT, LOG, PAWN, PRICES, assertArticle, naiveRoutes, needles, newReader, problemOf, resend } from "../e2e/reader.mjs";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

let paper;
let naive;
before(async () => {
  paper = await startNewspaper({ hostile: true });
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes });
});
after(async () => {
  await naive?.stop();
  await paper?.stop();
});
afterEach(() => {
  paper.badFacilitator.reset();
  paper.origin.reset();
});

const now = () => Math.floor(Date.now() / 1000);
const twin = (signature) => {
  const s = ORDER - BigInt(`0x${signature.slice(66, 130)}`);
  return `${signature.slice(0, 66)}${numberToHex(s, { size: 32 }).slice(2)}${signature.slice(130) === "1b" ? "1c" : "1b"}`;
};
const signedBy = (reader) => (offer, more) => signPayment({ offer, key: reader.key, ...more });

// Each makes headers for DOOR of `reader` out of an offer of the site under attack. `status` and `problem` are ours; `usual` is what
// the usual paywall does: "asks" the facilitator about it, or makes nothing of it and "offers" once more, so that a client signs again.
const v2 = (value) => [["PAYMENT-SIGNATURE", value]];
const v1 = (value) => [["X-PAYMENT", value]];
const changed = (change) => async ({ offer, sign }) => {
  const { payload } = await sign(offer);
  return v2(encode(change(payload) ?? payload));
};
const text = (change) => async ({ offer, sign }) => v2(encode(change(JSON.stringify((await sign(offer)).payload))));
const signed = (overrides, more) => async ({ offer, sign }) => v2((await sign(offer, { overrides, ...more })).value);
const honest = signed({});
const accepted = (part) => signed({ accepted: part });

const forged = async ({ offer, reader }) =>
  v2((await signPayment({ offer, key: generatePrivateKey(), overrides: { authorization: { from: reader.address } } })).value);
const fromV1 = (overrides) => async ({ offerV1, sign }) => v1((await sign(offerV1, { overrides })).value);
const window = (times) => async ({ offer, sign }) => v2((await sign(offer, times())).value);

const BAD = [
  // C3 C4 C5: what cannot be read
  ["C3 not base64", 400, "payment-not-base64", "offers", () => v2("%%%not base64%%%")],
  ["C3 an empty header", 400, "payment-not-base64", "offers", () => v2("")],
  ["C3 white space inside the base64", 400, "payment-not-base64", "asks", async ({ offer, sign }) => v2((await sign(offer)).value.replace(/^.{40}/, "$& "))],
  ["C3 two alphabets in one header", 400, "payment-not-base64", "offers", () => v2("-_+/")],
  ["C4 not JSON", 400, "payment-not-json", "offers", () => v2(encode("pay me later"))],
  ["C4 JSON, but no object", 400, "payment-not-json", undefined, () => v2(encode("[1,2]"))],
  ["C4 not UTF-8", 400, "payment-not-json", "offers", () => v2(Buffer.from([0x7b, 0x22, 0xff, 0x22]).toString("base64"))],
  ["C4 a repeated key", 400, "payment-not-json", "asks", text((json) => json.replace('"value":', '"value":"1","value":'))],
  ["C4 nine levels of nesting", 400, "payment-not-json", "asks", text((json) => json.replace(/}$/, `,"x":${"[".repeat(9)}${"]".repeat(9)}}`))],
  ["C4 a byte order mark", 400, "payment-not-json", "offers", text((json) => `\ufeff${json}`)],
  ["C5 no payload", 400, "payment-malformed", undefined, changed((payload) => ({ ...payload, payload: undefined }))],
  ["C5 no signature", 400, "payment-malformed", undefined, changed((payload) => { delete payload.payload.signature; })],
  ["C5 no accepted offer", 400, "payment-malformed", "offers", changed((payload) => ({ ...payload, accepted: undefined }))],
  ["C5 an amount that is a number", 400, "payment-malformed", "asks", changed((payload) => { payload.payload.authorization.value = 50000; })],
  ["A6 an amount with a leading zero", 400, "payment-malformed", "asks", changed((payload) => { payload.payload.authorization.value = "050000"; })],
  ["A6 an amount in decimals", 400, "payment-malformed", undefined, changed((payload) => { payload.payload.authorization.value = "0.05"; })],
  ["A6 an amount with an exponent", 400, "payment-malformed", undefined, changed((payload) => { payload.payload.authorization.value = "5e4"; })],
  ["C6 an address of odd length", 400, "payment-malformed", "asks", changed((payload) => { payload.payload.authorization.from += "0"; })],
  ["C5 version 3", 400, "unsupported-x402-version", undefined, changed((payload) => ({ ...payload, x402Version: 3 }))],
  ["C5 version 2 as text", 400, "unsupported-x402-version", undefined, changed((payload) => ({ ...payload, x402Version: "2" }))],
  ["C5 a v1 payment in the v2 header", 400, "unsupported-x402-version", "asks", async ({ offerV1, sign }) => v2((await sign(offerV1)).value)],
  ["C5 a v2 payment in the v1 header", 400, "unsupported-x402-version", "asks", async ({ offer, sign }) => v1((await sign(offer)).value)],
  // C1 C2: how many and how long
  ["C2 both generations at once", 400, "payment-header-repeated", "asks", async (given) => [...await honest(given), ...await fromV1({})(given)]],
  ["C2 two payments", 400, "payment-header-repeated", "asks", async (given) => [...await honest(given), ...await honest(given)]],
  ["C2 a comma list in one header", 400, "payment-header-repeated", "asks", async (given) => v2(`${(await honest(given))[0][1]},${(await honest(given))[0][1]}`)],
  ["C1 a byte over 16 KiB", 431, "payment-header-too-large", undefined, () => v2("A".repeat(16 * 1024 + 1))],
  ["C1 64 KiB", 431, "payment-header-too-large", undefined, () => v2("A".repeat(64 * 1024))],
  // A3: somebody else's terms
  ["A3 another scheme", 402, "scheme-not-offered", "offers", accepted({ scheme: "upto" })],
  ["A3 another network", 402, "network-not-offered", "offers", accepted({ network: "eip155:8453" })],
  ["A3 an unknown network", 402, "network-not-offered", "offers", accepted({ network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" })],
  ["A3 another asset", 402, "asset-not-offered", "asks", accepted({ asset: "0x000000000000000000000000000000000000dEaD" })],
  ["A3 another payee, echoed and signed", 402, "recipient-mismatch", "asks", signed({ accepted: { payTo: observer.address }, authorization: { to: observer.address } })],
  ["A3 another payee, signed only", 402, "recipient-mismatch", "asks", signed({ authorization: { to: observer.address } })],
  ["A3 another payee, echoed only", 402, "recipient-mismatch", "asks", accepted({ payTo: observer.address })],
  ["A3 less money, echoed and signed", 402, "amount-mismatch", "asks", signed({ accepted: { amount: "1" }, authorization: { value: "1" } })],
  ["A3 less money, signed only", 402, "amount-mismatch", "asks", signed({ authorization: { value: "49999" } })],
  ["A3 no money at all", 402, "amount-mismatch", "asks", signed({ accepted: { amount: "0" }, authorization: { value: "0" } })],
  ["A3 more money, signed only", 402, "amount-mismatch", "asks", signed({ authorization: { value: "50001" } })],
  ["A3 more money, echoed and signed", 402, "amount-mismatch", "asks", signed({ accepted: { amount: "60000" }, authorization: { value: "60000" } })],
  ["A3 more time, echoed", 402, "offer-unknown", "asks", accepted({ maxTimeoutSeconds: 1_000_000 })],
  ["A5 another token name, echoed and signed", 402, "offer-unknown", "asks", signed({ accepted: { extra: { name: "USD Coin", version: "2" } }, domain: { name: "USD Coin" } })],
  ["A5 another token version, signed only", 402, "signature-invalid", "asks", signed({ domain: { version: "1" } })],
  ["A5 signed for another chain", 402, "signature-invalid", "asks", signed({ domain: { chainId: 1 } })],
  ["A3 the same in v1: less money", 402, "amount-mismatch", "asks", fromV1({ authorization: { value: "1" } })],
  ["A3 the same in v1: another network", 402, "network-not-offered", "asks", fromV1({ payload: { network: "base" } })],
  // A7: the window
  ["A7 expired", 402, "authorization-expired", "asks", signed({}, { validBefore: 1_000 })],
  ["A7 about to expire", 402, "authorization-expired", "asks", window(() => ({ validBefore: now() + 4 }))],
  ["A7 not yet valid", 402, "authorization-not-yet-valid", "asks", window(() => ({ validAfter: now() + 3600, validBefore: now() + 3700 }))],
  ["A7 valid for years", 402, "authorization-too-long", "asks", window(() => ({ validBefore: now() + 10 ** 8 }))],
  ["A7 valid until the end of numbers", [400, 402], ["payment-malformed", "authorization-too-long"], "asks", signed({}, { validBefore: 2n ** 256n - 1n })],
  // A8 A9 A14: the signature
  ["A14 forged: signed by another key", 402, "signature-invalid", "asks", forged],
  ["A14 a signature over something else", 402, "signature-invalid", "asks", changed((payload) => { payload.payload.authorization.nonce = randomNonce(); })],
  ["A8 the high-s twin", 402, "signature-invalid", "asks", changed((payload) => { payload.payload.signature = twin(payload.payload.signature); })],
  ["A8 a v that is none", 402, "signature-invalid", "asks", changed((payload) => { payload.payload.signature = `${payload.payload.signature.slice(0, 130)}1d`; })],
  ["A8 64 bytes, compact", 402, "signature-invalid", "asks", changed((payload) => { payload.payload.signature = payload.payload.signature.slice(0, 130); })],
  ["A8 zeros", 402, "signature-invalid", "asks", signed({ signature: `0x${"00".repeat(65)}` })],
  ["A8 no hex", 402, "signature-invalid", "asks", signed({ signature: `0x${"zz".repeat(65)}` })],
  ["A9 a contract wallet's signature", 402, "signature-unsupported", "asks", signed({ signature: `0x${"12".repeat(130)}` })],
  ["A9 a wallet that would be deployed first", 402, "signature-unsupported", "asks", signed({ signature: `0x${"12".repeat(160)}${"6492".repeat(16)}` })],
  // D3: methods
  ["D3 with HEAD", 400, "method-cannot-pay", undefined, honest, "HEAD"],
  ["D3 with OPTIONS", 400, "method-cannot-pay", undefined, honest, "OPTIONS"],
  ["D3 with POST", 405, "method-not-payable", undefined, honest, "POST"],
  ["D3 with DELETE", 405, "method-not-payable", undefined, async ({ offer, sign }) => v1((await sign(offer)).value), "DELETE"],
];

async function attack(site, reader, make, method = "GET") {
  const there = reader.as({ site });
  const [offer, offerV1] = [await there.offer(DOOR), await there.offer(DOOR, { v1: true })];
  const headers = await make({ offer, offerV1, reader, sign: signedBy(reader) });
  const { status, headers: received, body } = await rawRequest({ url: site, target: DOOR, method, headers });
  const get = (name) => received.filter(([header]) => header.toLowerCase() === name).map(([, value]) => value).join();
  return {
    status, type: get("content-type"), body: body.toString(), offered: get("payment-required"), cookies: get("set-cookie"), cache: get("cache-control"),
    asked: paper.badFacilitator.calls.length > 0,
  };
}

for (const [name, status, problem, usual, make, method] of BAD) {
  test(`${name}: ${problem}`, async (t) => {
    if (usual) {
      const does = usual === "asks" ? "troubles the facilitator with it" : "takes it for no payment and asks for another";
      await t.test(`the usual paywall ${does}`, async () => {
        const { status: answered, asked } = await attack(naive.site, await newReader(paper), make, method);
        assert.equal(asked, usual === "asks");
        if (usual === "offers") assert.equal(answered, 402);
        paper.badFacilitator.reset();
        paper.origin.reset();
      });
    }
    const reader = await newReader(paper);
    const answer = await attack(paper.site, reader, make, method);
    assert.ok([status].flat().includes(answer.status), `${answer.status} ${answer.body}`);
    assert.match(answer.type, /^application\/problem\+json/);
    assert.match(answer.cache, /no-store/);
    assert.equal(answer.cookies, "");
    if (method !== "HEAD") {
      const document = JSON.parse(answer.body);
      assert.ok([problem].flat().map((slug) => `https://farthing.dev/problems/${slug}`).includes(document.type), document.type);
      assert.equal(document.status, answer.status);
      assert.ok(document.title && document.detail);
    }
    assert.equal(answer.offered !== "", answer.status === 402, "an offer with every 402 and with nothing else");
    assert.equal(answer.asked, false, "the facilitator hears nothing");
    assert.deepEqual(paper.origin.log, [], "nor does the origin");
    assert.deepEqual(await reader.transfers(), []);
    const tables = await paper.edge.query("SELECT name FROM sqlite_master WHERE name = 'payment'");
    assert.deepEqual(tables.flatMap(({ rows }) => rows), [], "and no ledger keeps anything of it");
  });
}

test("C1 a payment header of just 16 KiB is read", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(PAWN);
  const padding = 12 * 1024 - JSON.stringify(payment.payload).length - ',"x":""'.length;
  const value = encode({ ...payment.payload, x: "x".repeat(padding) });
  assert.equal(value.length, 16 * 1024);
  await assertArticle(await reader.send(PAWN, { headers: { "PAYMENT-SIGNATURE": value } }), PAWN);
});

test("A3 the usual paywall lets a reader write the offer: the article for a millionth of a dollar, paid to themself", async () => {
  const reader = await newReader(paper, { site: naive.site });
  const self = privateKeyToAddress(generatePrivateKey());
  const overrides = { accepted: { amount: "1", payTo: self }, authorization: { value: "1", to: self } };
  const payment = await reader.sign(DOOR, { overrides });
  const response = await reader.send(DOOR, payment);
  assert.equal(response.status, 200);
  assert.ok((await response.text()).includes(needles[DOOR][0]));
  assert.deepEqual(await reader.transfers(), []);
  const same = reader.as({ site: paper.site });
  const ours = await same.send(DOOR, await same.sign(DOOR, { overrides }));
  assert.equal(ours.status, 402);
  assert.equal(await problemOf(ours), "recipient-mismatch");
});

test("A3 an offer is good for its own article: the cheap one's pays for no dear one", async () => {
  const reader = await newReader(paper);
  const cheap = await reader.sign(PAWN);
  const response = await reader.send(LOG, cheap);
  assert.equal(response.status, 402);
  assert.equal(await problemOf(response), "amount-mismatch");
  assert.deepEqual(paper.badFacilitator.calls, []);
  await assertArticle(await reader.send(PAWN, cheap), PAWN);
});

test("A2 a payment sent for another article is refused as bound elsewhere, without a question to anybody", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  await assertArticle(await reader.send(DOOR, payment), DOOR);
  const asked = paper.badFacilitator.calls.length;
  const response = await reader.send(DOT, payment);
  assert.equal(response.status, 409);
  assert.equal(await problemOf(response), "authorization-bound-elsewhere");
  assert.equal(paper.badFacilitator.calls.length, asked);
});

test("A14 a forged payment with a reader's own nonce does not stand in that reader's way", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  const { nonce } = payment.authorization;
  const overrides = { authorization: { from: reader.address } };
  const forged = await signPayment({ offer: await reader.offer(DOT), key: generatePrivateKey(), nonce, overrides });
  assert.equal((await reader.send(DOT, forged)).status, 402);
  await assertArticle(await reader.send(DOOR, payment), DOOR);
});

test("after all of that an honest reader pays, in both versions and for single calls", async () => {
  const reader = await newReader(paper);
  await assertArticle(await reader.send(DOOR, await reader.sign(DOOR)), DOOR);
  await assertArticle(await reader.send(DOT, await reader.sign(DOT, { v1: true })), DOT);
  await assertArticle(await reader.send(DATA, await reader.sign(DATA)), DATA);
  assert.deepEqual((await reader.transfers()).map(({ value }) => value), [PRICES[DOOR], PRICES[DOT], PRICES[DATA]]);
});

test("A12 an empty purse: the facilitator is asked, the answer is 402 insufficient-funds; with money the same payment settles", async (t) => {
  for (const version of ["v2", "v1"]) {
    await t.test(version, async () => {
      const reader = await newReader(paper, { funds: 0n });
      const payment = await reader.sign(DOOR, { v1: version === "v1" });
      for (let times = 1; times <= 2; times++) {
        const refused = await reader.send(DOOR, payment);
        assert.equal(refused.status, 402);
        assert.ok(refused.headers.get("payment-required"));
        assert.equal(await problemOf(refused), "insufficient-funds");
        assert.ok(paper.badFacilitator.callsTo("/settle").length >= times);
      }
      await paper.chain.setBalance(reader.address, PRICES[DOOR]);
      // B8: twice refused, it waits a little, and costs nobody anything meanwhile
      const calls = paper.badFacilitator.callsTo("/settle").length;
      const held = await reader.send(DOOR, payment);
      assert.equal(held.status, 402);
      assert.equal(await problemOf(held), "insufficient-funds");
      assert.equal(paper.badFacilitator.callsTo("/settle").length, calls);
      const seconds = Number(held.headers.get("retry-after"));
      assert.ok(seconds >= 1 && seconds <= 2, `Retry-After: ${seconds}`);
      await sleep(seconds * 1000);
      await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
      assert.equal((await reader.transfers()).length, 1);
      assert.equal(await paper.chain.balanceOf(reader.address), 0n);
    });
  }
});

test("A12 a payment cancelled by its payer before it settles opens nothing", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  await paper.chain.cancel({ key: reader.key, nonce: payment.authorization.nonce });
  const response = await resend(() => reader.send(DOOR, payment));
  assert.equal(response.status, 402);
  assert.equal(await problemOf(response), "authorization-cancelled");
  assert.deepEqual(await reader.transfers(), []);
  await assertArticle(await reader.send(DOOR, await reader.sign(DOOR)), DOOR);
});

test("A4 the price changes between offer and payment: an offer holds its price, and without one only today's counts", async () => {
  const reader = await newReader(paper);
  const [held, bare, old] = [await reader.sign(DOOR), await reader.sign(DOT), await reader.sign(DOT, { v1: true })];
  delete bare.payload.accepted.extra.quote;
  const dearer = { ...paper.config, routes: paper.config.routes.map((route) => (route.price === "$0.05" ? { ...route, price: "$0.07" } : route)) };
  await paper.edge.restart({ config: dearer });
  try {
    for (const payment of [{ headers: { "PAYMENT-SIGNATURE": encode(bare.payload) } }, old]) {
      const response = await reader.send(DOT, payment);
      assert.equal(response.status, 402);
      assert.equal(JSON.parse(Buffer.from(response.headers.get("payment-required"), "base64")).accepts[0].amount, "70000", "the new price is in the answer");
      assert.equal(await problemOf(response), "amount-mismatch");
    }
    assert.deepEqual(paper.badFacilitator.calls, []);
    await assertArticle(await reader.send(DOOR, held), DOOR);
    await assertArticle(await reader.send(DOT, await reader.sign(DOT)), DOT);
    assert.deepEqual((await reader.transfers()).map(({ value }) => value), [50_000n, 70_000n]);
  } finally {
    await paper.edge.restart({ config: paper.config });
  }
});
