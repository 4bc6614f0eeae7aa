// What the chain has to say before an unknown payment counts as paid: our transfer, right behind the use of its own nonce.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DOOR, DOT, PAWN, PRICES, assertArticle, assertPending, impatient, naiveRoutes, newReader, problemOf, resend } from "../e2e/reader.mjs";
import { paidTextIn } from "./paid-text.mjs";

let paper;
let naive;
before(async () => {
  paper = await startNewspaper({ hostile: true, change: impatient() });
  const lookUp = ({ from, nonce }) => paper.chain.authorizationState(from, nonce);
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes, lookUp });
});
after(async () => {
  await naive?.stop();
  await paper?.stop();
});
afterEach(() => {
  paper.badFacilitator.reset();
  paper.badRpc.reset();
});

/** A payment that was sent in an outage, so that its fate has to be asked for. */
async function unknown(reader, path) {
  const payment = await reader.sign(path);
  paper.badFacilitator.script("/settle", "500");
  await assertPending(await reader.send(path, payment));
  return payment;
}

/** One transaction: the nonce of `spoilt` goes to the reader's own contract, and directly behind it `honest` is settled. */
async function batch(reader, spoilt, honest, refundFirst) {
  const { nonce, value } = spoilt.authorization;
  const x = await paper.chain.signReceive({ key: reader.key, nonce, value });
  const receipt = await paper.chain.batch({ x, y: honest, refundFirst });
  assert.equal(receipt.status, "success");
  assert.equal(await paper.chain.authorizationState(reader.address, nonce), true);
}

for (const refundFirst of [false, true]) {
  const order = refundFirst ? "with another transfer between" : "directly behind each other";
  test(`A10 one transfer in a batch is no evidence for two payments (${order})`, async (t) => {
    await t.test("the usual paywall sees two used nonces and gives two articles", async () => {
      const reader = await newReader(paper, { site: naive.site });
      const [spoilt, honest] = [await reader.sign(DOOR), await reader.sign(DOT)];
      await batch(reader, spoilt, honest, refundFirst);
      for (const [path, payment] of [[DOOR, spoilt], [DOT, honest]]) assert.ok(paidTextIn(await (await reader.send(path, payment)).text()));
      assert.equal((await reader.transfers()).length, 1);
    });
    await t.test("ours gives the one that was paid for", async () => {
      const reader = await newReader(paper);
      const [spoilt, honest] = [await unknown(reader, DOOR), await unknown(reader, DOT)];
      await batch(reader, spoilt, honest, refundFirst);
      const refused = await resend(() => reader.send(DOOR, spoilt));
      assert.equal(refused.status, 402);
      assert.equal(await problemOf(refused), "authorization-cancelled");
      await assertArticle(await resend(() => reader.send(DOT, honest)), DOT);
      assert.deepEqual((await reader.transfers()).map(({ value }) => value), [PRICES[DOT]]);
    });
  });
}

test("A11 somebody else submits the reader's authorization: the reader is served and charged once", async (t) => {
  for (const bytes of [false, true]) {
    await t.test(bytes ? "by the overload with one byte string" : "by the overload with v, r and s", async () => {
      const reader = await newReader(paper);
      const payment = await unknown(reader, DOOR);
      const receipt = await paper.chain.sendTransferWithAuthorization({ ...payment, bytes });
      assert.equal(receipt.status, "success");
      const settlement = await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
      assert.equal(settlement.transaction, receipt.transactionHash);
      assert.equal((await reader.transfers()).length, 1);
    });
  }
  await t.test("while the facilitator is about to", async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    paper.badFacilitator.script("/settle", async ({ response, through }) => {
      await paper.chain.sendTransferWithAuthorization(payment);
      const { status, type, text } = await through();
      response.writeHead(status, { "content-type": type });
      response.end(text);
    });
    await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
    assert.equal((await reader.transfers()).length, 1);
  });
});

test("A12 a payment cancelled or spent while its outcome is unknown opens nothing", async () => {
  const reader = await newReader(paper);
  const cancelled = await unknown(reader, DOOR);
  await paper.chain.cancel({ key: reader.key, nonce: cancelled.authorization.nonce });
  const refused = await resend(() => reader.send(DOOR, cancelled));
  assert.equal(refused.status, 402);
  assert.equal(await problemOf(refused), "authorization-cancelled");

  const poor = await newReader(paper, { funds: PRICES[DOOR] });
  const drained = await unknown(poor, DOOR);
  await paper.chain.setBalance(poor.address, 0n);
  const response = await poor.send(DOOR, drained);
  assert.ok([402, 503].includes(response.status), `${response.status}`);
  assert.equal(paidTextIn(await response.text()), undefined);
  await paper.chain.setBalance(poor.address, PRICES[DOOR]);
  await assertArticle(await resend(() => poor.send(DOOR, drained)), DOOR);
  assert.equal((await poor.transfers()).length, 1);
});

test("A12 who cancelled one payment pays with another, and is charged once", async () => {
  const reader = await newReader(paper);
  const payment = await unknown(reader, PAWN);
  await paper.chain.cancel({ key: reader.key, nonce: payment.authorization.nonce });
  assert.equal((await resend(() => reader.send(PAWN, payment))).status, 402);
  await assertArticle(await reader.send(PAWN, await reader.sign(PAWN)), PAWN);
  assert.equal((await reader.transfers()).length, 1);
});
