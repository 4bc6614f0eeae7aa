// Settlement without a facilitator: the Worker signs and sends the transaction, and nothing else has to be there but a chain.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { payTo } from "../support/accounts.mjs";
import { officialFetch, officialFetchV1, settlementIn } from "../support/pay.mjs";
import { PRICE, assertOnce, assertPage, page, problemOf, resend, sleep, startSite } from "./site.mjs";

let site;
before(async () => { site = await startSite({ permits: true }); });
after(() => site?.stop());

test("the official clients of both versions pay, and nobody is between the Worker and the chain", async () => {
  const [reader, other] = [await site.newReader(), await site.newReader()];
  const before = await site.chain.balanceOf(payTo.address);
  for (const [who, paying] of [[reader, officialFetch({ key: reader.key })], [other, officialFetchV1({ key: other.key })]]) {
    const response = await paying(`${site.edge.url}/a/1`);
    assert.equal(response.status, 200);
    assert.ok((await response.text()).includes(page("/a/1")));
    const { transaction } = settlementIn(response);
    const { from, to, value, type, input } = await site.chain.client.getTransaction({ hash: transaction });
    assert.deepEqual([from, to, value, type], [site.gasKey.address.toLowerCase(), site.chain.token.address.toLowerCase(), 0n, "eip1559"]);
    assert.ok(input.startsWith("0xe3ee160e"), "the overload with v, r and s");
    assert.equal((await who.transfers()).length, 1);
  }
  assert.equal(await site.chain.balanceOf(payTo.address) - before, 2n * PRICE);
  assert.equal(await site.gasNonce(), 2);
});

test("a payment sent again opens the page again, and is not sent to the chain again", async () => {
  const reader = await site.newReader();
  const payment = await reader.sign("/a/2");
  const nonce = await site.gasNonce();
  const transaction = await assertOnce(reader, "/a/2", await reader.send("/a/2", payment));
  const answers = await Promise.all([1, 2, 3].map(() => reader.send("/a/2", payment)));
  for (const response of answers) assert.equal(await assertPage(response, "/a/2"), transaction);
  assert.equal(await site.gasNonce(), nonce + 1);
});

test("A1 a hundred times the same payment at once: one transaction", async () => {
  const reader = await site.newReader();
  const payment = await reader.sign("/a/3");
  const nonce = await site.gasNonce();
  const answers = await Promise.all(Array.from({ length: 100 }, () => reader.send("/a/3", payment)));
  assert.ok(answers.some(({ status }) => status === 200));
  for (const response of answers) {
    assert.ok([200, 503].includes(response.status), String(response.status));
    await response.text();
  }
  await assertOnce(reader, "/a/3", await resend(reader, "/a/3", payment));
  assert.equal(await site.gasNonce(), nonce + 1);
});

test("A12 B8 a payer without money is refused by a dry run: nothing is sent, no gas is spent", async () => {
  const reader = await site.newReader({ funds: PRICE - 1n });
  const [nonce, balance] = [await site.gasNonce(), await site.chain.client.getBalance({ address: site.gasKey.address })];
  const response = await reader.send("/a/4", await reader.sign("/a/4"));
  assert.equal(response.status, 402);
  assert.equal(await problemOf(response), "insufficient-funds");
  await sleep(3000);
  assert.deepEqual([await site.gasNonce(), await site.chain.client.getBalance({ address: site.gasKey.address })], [nonce, balance]);
});

test("A12 an authorization that its payer cancelled is refused by the chain, and nothing is sent", async () => {
  const reader = await site.newReader();
  const payment = await reader.sign("/a/5");
  await site.chain.cancel({ key: reader.key, nonce: payment.authorization.nonce });
  const nonce = await site.gasNonce();
  const response = await resend(reader, "/a/5", payment);
  assert.equal(response.status, 402);
  assert.equal(await problemOf(response), "authorization-cancelled");
  assert.equal(await site.gasNonce(), nonce);
});

test("A11 what somebody else submitted first is found, and served", async () => {
  const reader = await site.newReader();
  const payment = await reader.sign("/a/6");
  const sent = await site.chain.client.getBlock();
  // in the same block, ahead of ours
  site.sends(() => "swallow");
  const first = reader.send("/a/6", payment);
  await sleep(1500);
  const receipt = await site.chain.sendTransferWithAuthorization(payment);
  assert.equal(receipt.status, "success");
  assert.ok(receipt.blockNumber > sent.number);
  site.node.reset();
  await (await first).text();
  const response = await resend(reader, "/a/6", payment);
  assert.equal(await assertOnce(reader, "/a/6", response), receipt.transactionHash);
});

test("A9 what only a contract could have signed is not sent", async () => {
  const reader = await site.newReader();
  const owner = privateKeyToAccount(generatePrivateKey());
  await site.chain.placeWallet({ address: reader.address, owner: owner.address });
  const nonce = await site.gasNonce();
  const payment = await reader.sign("/a/7", { overrides: { signature: `0x${"11".repeat(100)}` } });
  const response = await reader.send("/a/7", payment);
  assert.ok([400, 402].includes(response.status), String(response.status));
  assert.match(await problemOf(response), /^signature-/);
  assert.equal(await site.gasNonce(), nonce);
});

test("G1 the gas key is in no row, no log and no answer", async () => {
  site.assertKeyHidden();
  const health = await (await fetch(`${site.edge.url}/.farthing/health`)).text();
  assert.ok(!health.includes(site.gasKey.key.slice(2)) && !health.includes("GAS_KEY"), health);
});

test("by Permit2: who has approved it pays by a call of the proxy; who has not is told before anything is sent", async () => {
  const reader = await site.newReader();
  const nonce = await site.gasNonce();
  const early = await reader.send("/a/permit", await reader.signPermit("/a/permit"));
  assert.equal(early.status, 412);
  assert.equal(await problemOf(early), "permit2-allowance-required");
  assert.equal(await site.gasNonce(), nonce);
  await site.chain.approvePermit2(reader.key);
  const payment = await reader.signPermit("/a/permit");
  const transaction = await assertOnce(reader, "/a/permit", await resend(reader, "/a/permit", payment));
  const { from, to } = await site.chain.client.getTransaction({ hash: transaction });
  assert.equal(from, site.gasKey.address.toLowerCase());
  assert.notEqual(to, site.chain.token.address.toLowerCase());
  const sent = await site.transactions();
  assert.equal(sent.filter((one) => one.nonce >= nonce && one.input !== "0x").length, 1);
  assert.ok(sent.every(({ receipt }) => receipt.status === "success"), "no gas was spent on what would be reverted");
});
