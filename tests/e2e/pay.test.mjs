// The main job: somebody's program pays for an article with an official client, and money and article change hands.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { decodePaymentRequiredHeader, decodePaymentResponseHeader } from "@x402/core/http";
import { PaymentRequiredV1Schema, PaymentRequiredV2Schema, isPaymentRequiredV2, parsePaymentRequired } from "@x402/core/schemas";
import { decodeXPaymentResponse } from "x402-fetch";
import { startNewspaper } from "../support/newspaper.mjs";
import { officialFetch, officialFetchV1 } from "../support/pay.mjs";
import { ARTICLES, DATA, DOOR, FREE, LOG, PAWN, PRICES, assertArticle, newReader } from "./reader.mjs";

// What x402-fetch itself reads offers with.
const { PaymentRequirementsSchema } = createRequire(createRequire(import.meta.url).resolve("x402-fetch"))("x402/types");

let paper;
before(async () => { paper = await startNewspaper(); });
after(() => paper?.stop());

test("a free page and an unpaid one never touch the ledger", async () => {
  for (const path of ["/", FREE, "/images/lighthouse.svg", "/nothing-here"]) {
    const response = await fetch(paper.site + path);
    assert.equal(response.status, path === "/nothing-here" ? 404 : 200);
    await response.text();
  }
  for (const path of [...ARTICLES, DATA]) assert.equal((await fetch(paper.site + path)).status, 402);
  assert.deepEqual(await paper.edge.query("SELECT 1"), []);
  assert.deepEqual(paper.facilitator.log, []);
});

for (const [name, client, path, decode] of [
  ["@x402/fetch 2.27", officialFetch, LOG, (headers) => decodePaymentResponseHeader(headers.get("payment-response"))],
  ["x402-fetch 1.2", officialFetchV1, DOOR, (headers) => decodeXPaymentResponse(headers.get("x-payment-response"))],
]) {
  test(`${name} pays, the article opens, and exactly the price moves`, async () => {
    const reader = await newReader(paper);
    const [readerHad, publisherHad] = await Promise.all([reader.address, paper.payTo].map(paper.chain.balanceOf));
    const response = await client({ key: reader.key })(paper.site + path);
    const { headers } = response;
    await assertArticle(response, path);
    assert.equal(await paper.chain.balanceOf(paper.payTo), publisherHad + PRICES[path]);
    assert.equal(await paper.chain.balanceOf(reader.address), readerHad - PRICES[path]);
    const [transfer, ...others] = await reader.transfers();
    assert.deepEqual(others, []);
    const settlement = decode(headers);
    assert.equal(settlement.success, true);
    assert.equal(settlement.transaction, transfer.transaction);
    assert.equal(settlement.payer, reader.address);
    assert.equal(paper.facilitator.log.filter((call) => call.answer.payer === reader.address).length, 1, "one call, to settle");
    assert.ok((await paper.edge.query("SELECT 1")).length > 0, "a payment does touch the ledger");
  });
}

test("a priced data file charges every call", async () => {
  const reader = await newReader(paper);
  const pay = officialFetch({ key: reader.key });
  const transactions = new Set();
  for (let calls = 1; calls <= 3; calls++) {
    const response = await pay(paper.site + DATA);
    assert.deepEqual(response.headers.getSetCookie(), [], "single calls give no pass");
    transactions.add((await assertArticle(response, DATA)).transaction);
    assert.equal(transactions.size, calls);
    assert.equal((await reader.transfers()).length, calls);
  }
});

test("who has read an article once reads it again with the cookie, at no cost", async () => {
  const reader = await newReader(paper);
  const first = await officialFetch({ key: reader.key })(paper.site + PAWN);
  const cookie = first.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  await assertArticle(first, PAWN);
  await assertArticle(await reader.ask(PAWN, { cookie }), PAWN);
  assert.equal((await reader.transfers()).length, 1);
});

test("the official packages accept both offers of every 402", async () => {
  for (const path of [...ARTICLES, DATA]) {
    const response = await fetch(paper.site + path);
    const v2 = decodePaymentRequiredHeader(response.headers.get("payment-required"));
    PaymentRequiredV2Schema.parse(v2);
    assert.ok(isPaymentRequiredV2(v2));
    assert.equal(parsePaymentRequired(v2).success, true);
    assert.equal(v2.resource.url, paper.site + path);
    assert.equal(v2.accepts[0].amount, String(PRICES[path]));
    const v1 = await response.json();
    PaymentRequiredV1Schema.parse(v1);
    const [offer] = v1.accepts.map((item) => PaymentRequirementsSchema.parse(item));
    assert.equal(offer.maxAmountRequired, String(PRICES[path]));
    assert.equal(offer.resource, paper.site + path);
  }
});

test("a browser gets a page with the same offer in its header", async () => {
  const response = await fetch(paper.site + DOOR, { headers: { accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" } });
  assert.equal(response.status, 402);
  assert.match(response.headers.get("content-type"), /^text\/html/);
  PaymentRequiredV2Schema.parse(decodePaymentRequiredHeader(response.headers.get("payment-required")));
  assert.match(await response.text(), /<farthing-paywall/);
});
