// Where a transaction waits two seconds for its block, others see it there: they submit it first, cancel it, take the money away, read
// from it what was signed, or let its time run out. The reader is served or not charged; the thief gets nothing.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { encodeFunctionData, parseAbi, parseGwei } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { DOOR, DOT, PAWN, PRICES, assertArticle, impatient, naiveRoutes, newReader, problemOf, resend, sleep, until } from "../e2e/reader.mjs";
import { observer } from "../support/accounts.mjs";
import { TOKEN } from "../support/chain.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { rebuildFromCallData } from "../support/pay.mjs";
import { paidTextIn } from "./paid-text.mjs";

const ABI = parseAbi([
  "function transfer(address to, uint256 value) returns (bool)", "function cancelAuthorization(address authorizer, bytes32 nonce, bytes signature)",
  "function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)",
]);
const AWAY = "203.0.113.9";

let paper;
let naive;
let hasty;
before(async () => {
  paper = await startNewspaper({ hostile: true, waits: true, change: impatient(8) });
  const options = { origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes, patience: 20_000 };
  naive = await startNaive(options);
  hasty = await startNaive({ ...options, optimistic: true });
});
after(async () => {
  await naive?.stop();
  await hasty?.stop();
  await paper?.stop();
});
afterEach(() => {
  paper.badFacilitator.reset();
  paper.badRpc.reset();
});

/** Transactions that wait for their block. */
async function waiting() {
  const { pending } = await paper.chain.rpc("txpool_content");
  return Object.values(pending).flatMap((byNonce) => Object.values(byNonce));
}
/** The settlement of a payment that waits for its block. */
const settling = ({ authorization }) => until("the settlement is broadcast", async () =>
  (await waiting()).some(({ input }) => input.includes(authorization.nonce.slice(2))));

/** A transaction that comes before all others in its block; its hash. */
async function overtake({ key, functionName, args }) {
  const account = privateKeyToAccount(key);
  await paper.chain.client.setBalance({ address: account.address, value: 10n ** 18n });
  return paper.chain.client.sendTransaction({
    account, to: TOKEN, data: encodeFunctionData({ abi: ABI, functionName, args }), gas: 300_000n, maxFeePerGas: parseGwei("2000"), maxPriorityFeePerGas: parseGwei("1000"),
  });
}
const signed = ({ from, to, value, validAfter, validBefore, nonce }) => [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce];

/** Sends a payment, does something while its transaction waits for the block that holds both, and gives the first answer. */
async function amid(reader, path, payment, act) {
  const { client } = paper.chain;
  await client.setIntervalMining({ interval: 0 });
  const both = async () => {
    await settling(payment);
    const done = act();
    // what waits for the block itself is not waited for
    await Promise.race([done, sleep(3000)]);
    await client.mine({ blocks: 1 });
    await client.setIntervalMining({ interval: 2 });
    return done;
  };
  const [answer, done] = await Promise.all([
    (async () => {
      const response = await reader.send(path, payment);
      return { status: response.status, text: await response.clone().text(), response };
    })(),
    both(),
  ]);
  return { ...answer, done };
}

test("A11 somebody else submits the authorization first, in the very same block: the reader is served and charged once", async (t) => {
  const first = (payment) => () => overtake({ key: observer.key, functionName: "transferWithAuthorization", args: [...signed(payment.authorization), payment.signature] });
  await t.test("the usual paywall hears that it failed, and keeps the money", async () => {
    const reader = await newReader(paper, { site: naive.site });
    const payment = await reader.sign(DOOR);
    const { status, text } = await amid(reader, DOOR, payment, first(payment));
    assert.equal(status, 402);
    assert.equal(paidTextIn(text), undefined);
    assert.equal((await reader.transfers()).length, 1);
  });
  await t.test("ours finds the money", async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    const { response, done } = await amid(reader, DOOR, payment, first(payment));
    const answer = response.status === 503 ? await resend(() => reader.send(DOOR, payment)) : response;
    const settlement = await assertArticle(answer, DOOR);
    assert.equal(settlement.transaction, done, "the transaction that moved it");
    assert.equal((await reader.transfers()).length, 1);
  });
});

test("A12 the payer cancels while the settlement waits for its block: nothing opens", async (t) => {
  const cancel = (reader, payment) => async () => {
    const { nonce } = payment.authorization;
    const account = privateKeyToAccount(reader.key);
    const signature = await account.signTypedData({
      domain: { name: "USDC", version: "2", chainId: paper.chain.chainId, verifyingContract: TOKEN }, primaryType: "CancelAuthorization",
      types: { CancelAuthorization: [{ name: "authorizer", type: "address" }, { name: "nonce", type: "bytes32" }] }, message: { authorizer: reader.address, nonce },
    });
    return overtake({ key: reader.key, functionName: "cancelAuthorization", args: [reader.address, nonce, signature] });
  };
  await t.test("the usual paywall, in a hurry, has given the article away", async () => {
    const reader = await newReader(paper, { site: hasty.site });
    const payment = await reader.sign(DOOR);
    const { status, text } = await amid(reader, DOOR, payment, cancel(reader, payment));
    assert.equal(status, 200);
    assert.ok(paidTextIn(text));
    await until("the block", async () => paper.chain.authorizationState(reader.address, payment.authorization.nonce));
    assert.deepEqual(await reader.transfers(), []);
  });
  await t.test("ours refuses, and says that it was cancelled", async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    const { response, text } = await amid(reader, DOOR, payment, cancel(reader, payment));
    assert.equal(paidTextIn(text), undefined);
    const last = response.status === 503 ? await resend(() => reader.send(DOOR, payment)) : response;
    assert.equal(last.status, 402);
    assert.equal(await problemOf(last), "authorization-cancelled");
    assert.deepEqual(await reader.transfers(), []);
  });
});

test("A12 the payer takes the money away while the settlement waits for its block: nothing opens until it is paid", async (t) => {
  const drain = (reader) => () => overtake({ key: reader.key, functionName: "transfer", args: [observer.address, PRICES[DOT]] });
  await t.test("the usual paywall, in a hurry, has given the article away", async () => {
    const reader = await newReader(paper, { site: hasty.site, funds: PRICES[DOT] });
    const payment = await reader.sign(DOT);
    const { status, text } = await amid(reader, DOT, payment, drain(reader));
    assert.equal(status, 200);
    assert.ok(paidTextIn(text));
    await until("the block", async () => (await paper.chain.balanceOf(reader.address)) === 0n);
    assert.deepEqual(await reader.transfers(), []);
  });
  await t.test("ours gives nothing, and settles the same payment when there is money again", async () => {
    const reader = await newReader(paper, { funds: PRICES[DOT] });
    const payment = await reader.sign(DOT);
    const { status, text } = await amid(reader, DOT, payment, drain(reader));
    assert.ok([402, 503].includes(status), `${status}`);
    assert.equal(paidTextIn(text), undefined);
    assert.deepEqual(await reader.transfers(), []);
    await paper.chain.setBalance(reader.address, PRICES[DOT]);
    await assertArticle(await resend(() => reader.send(DOT, payment), { tries: 30 }), DOT);
    assert.deepEqual((await reader.transfers()).map(({ value }) => value), [PRICES[DOT]]);
  });
});

test("A16 the header is rebuilt from a transaction that waits for its block: the thief gets nothing, the reader reads", async (t) => {
  const steal = (payment, thief, path) => async () => {
    const tx = (await waiting()).find(({ input }) => input.includes(payment.authorization.nonce.slice(2)));
    const fresh = await thief.offer(path);
    const freshV1 = await thief.offer(path, { v1: true });
    const headers = [rebuildFromCallData(tx, { offer: fresh }), rebuildFromCallData(tx, { offer: freshV1 })];
    return Promise.all(headers.map(async (header) => {
      const response = await thief.send(path, header);
      return { status: response.status, text: await response.text(), cookies: response.headers.getSetCookie() };
    }));
  };
  await t.test("the usual paywall, in a hurry, opens it for the thief too", async () => {
    const reader = await newReader(paper, { site: hasty.site });
    const thief = await newReader(paper, { site: hasty.site, from: AWAY, funds: 0n });
    const payment = await reader.sign(DOOR);
    const { done } = await amid(reader, DOOR, payment, steal(payment, thief, DOOR));
    assert.ok(done.some(({ text }) => paidTextIn(text)));
  });
  for (const v1 of [false, true]) {
    await t.test(`ours does not (${v1 ? "v1" : "v2"})`, async () => {
      const reader = await newReader(paper);
      const thief = await newReader(paper, { from: AWAY, funds: 0n });
      const payment = await reader.sign(DOOR, { v1 });
      const { response, done } = await amid(reader, DOOR, payment, steal(payment, thief, DOOR));
      for (const { status, text, cookies } of done) {
        assert.ok([402, 409, 503].includes(status), `${status}`);
        assert.equal(paidTextIn(text), undefined);
        assert.deepEqual(cookies, []);
      }
      await assertArticle(response, DOOR);
      assert.equal((await reader.transfers()).length, 1);
    });
  }
});

test("S5 an authorization whose time runs out while its transaction waits: nothing opens, nothing is charged", async (t) => {
  const soon = () => Math.floor(Date.now() / 1000) + 9;
  const stuck = {};
  stuck.hasty = await newReader(paper, { site: hasty.site });
  stuck.ours = await newReader(paper);
  const payments = { hasty: await stuck.hasty.sign(PAWN, { validBefore: soon() }), ours: await stuck.ours.sign(PAWN, { validBefore: soon() }) };
  await paper.chain.hold(true);
  const [early, first] = await Promise.all([stuck.hasty.send(PAWN, payments.hasty), stuck.ours.send(PAWN, payments.ours)]);
  await settling(payments.hasty);
  const ends = Math.max(...Object.values(payments).map(({ authorization }) => Number(authorization.validBefore)));
  await until("the window is over", () => Date.now() / 1000 > ends + 1);
  await paper.chain.hold(false);
  await t.test("the usual paywall, in a hurry, has given the article away", async () => {
    assert.equal(early.status, 200);
    assert.ok(paidTextIn(await early.text()));
    assert.deepEqual(await stuck.hasty.transfers(), []);
  });
  await t.test("ours answers pending, and then expired", async () => {
    assert.equal(first.status, 503);
    assert.equal(await problemOf(first), "settlement-pending");
    await paper.chain.warp(60);
    const last = await resend(() => stuck.ours.send(PAWN, payments.ours), { tries: 30 });
    assert.equal(last.status, 402);
    assert.equal(await problemOf(last), "authorization-expired");
    assert.deepEqual(await stuck.ours.transfers(), []);
  });
});
