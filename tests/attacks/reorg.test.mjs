// Blocks of two seconds that do not stay: where a price asks for confirmations, a replaced block gives nothing away. And one batch,
// mined in such a block, that could be taken for evidence of two payments.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { DOOR, DOT, LOG, PRICES, assertArticle, assertPending, impatient, naiveRoutes, newReader, problemOf, resend, sleep, until } from "../e2e/reader.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { paidTextIn } from "./paid-text.mjs";

/** Blocks that have to follow a payment for `LOG`; what costs less counts at once. */
const DEEP = 3;
let paper;
let naive;
before(async () => {
  const change = (config) => {
    const { settlement, networks: [network], ...more } = impatient(8)(config);
    const confirmations = { [network]: [{ from: "$0", blocks: 0 }, { from: `$${Number(PRICES[LOG]) / 1e6}`, blocks: DEEP }] };
    return { ...more, networks: [network], settlement: { ...settlement, confirmations } };
  };
  paper = await startNewspaper({ hostile: true, waits: true, change });
  const lookUp = ({ from, nonce }) => paper.chain.authorizationState(from, nonce);
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes, patience: 20_000, lookUp });
});
after(async () => {
  await naive?.stop();
  await paper?.stop();
});
afterEach(() => paper.badFacilitator.reset());

test("A13 S5 the block that held the payment is replaced: nothing opens before it has its confirmations", async (t) => {
  const [victim, reader] = [await newReader(paper, { site: naive.site }), await newReader(paper)];
  const payments = [await victim.sign(LOG), await reader.sign(LOG)];
  const [given, first] = [victim.send(LOG, payments[0]), reader.send(LOG, payments[1])];
  await until("both are on the chain", async () => (await victim.transfers()).length + (await reader.transfers()).length === 2);
  // no block more until the reorganisation
  await paper.chain.client.setIntervalMining({ interval: 0 });
  await given;
  const [oldest] = [...await victim.transfers(), ...await reader.transfers()].map(({ block }) => block).sort();
  await paper.chain.reorg(Number(await paper.chain.client.getBlockNumber() - oldest + 1n));
  await paper.chain.client.setIntervalMining({ interval: 2 });
  assert.deepEqual([...await victim.transfers(), ...await reader.transfers()], []);
  await t.test("the usual paywall has given the article away, and gives it again", async () => {
    assert.ok(paidTextIn(await (await given).text()));
    assert.ok(paidTextIn(await (await victim.send(LOG, payments[0])).text()));
    assert.deepEqual(await victim.transfers(), []);
  });
  await t.test("ours says pending, and goes on saying so", async () => {
    await assertPending(await first);
    for (let times = 0; times < 2; times++) {
      await sleep(2500);
      await assertPending(await reader.send(LOG, payments[1]));
    }
  });
  await t.test("a later block takes the same transaction: it opens when enough blocks follow, and not before", async () => {
    await paper.chain.setBalance(reader.address, PRICES[LOG]);
    const { blockNumber, transactionHash, status } = await paper.chain.sendTransferWithAuthorization(payments[1]);
    assert.equal(status, "success");
    const settlement = await assertArticle(await resend(() => reader.send(LOG, payments[1]), { tries: 30 }), LOG);
    assert.equal(settlement.transaction, transactionHash);
    assert.ok(await paper.chain.client.getBlockNumber() >= blockNumber + BigInt(DEEP));
    assert.equal((await reader.transfers()).length, 1);
  });
});

test("A10 one transfer in a batch, both payments unknown until its block: one article for one transfer", async (t) => {
  // the nonce of one goes to the reader's own contract, directly followed by the honest payment
  const forge = async (reader, spoilt, honest) => {
    const { nonce, value } = spoilt.authorization;
    const { status } = await paper.chain.batch({ x: await paper.chain.signReceive({ key: reader.key, nonce, value }), y: honest });
    assert.equal(status, "success");
  };
  await t.test("the usual paywall sees two used nonces and gives two articles", async () => {
    const reader = await newReader(paper, { site: naive.site });
    const payments = [await reader.sign(DOOR), await reader.sign(DOT)];
    await forge(reader, ...payments);
    for (const [index, path] of [DOOR, DOT].entries()) assert.ok(paidTextIn(await (await reader.send(path, payments[index])).text()));
    assert.equal((await reader.transfers()).length, 1);
  });
  await t.test("ours gives the one that was paid for", async () => {
    const reader = await newReader(paper);
    const payments = [await reader.sign(DOOR), await reader.sign(DOT)];
    paper.badFacilitator.always("/settle", "500");
    for (const [index, path] of [DOOR, DOT].entries()) await assertPending(await reader.send(path, payments[index]));
    await forge(reader, ...payments);
    const refused = await resend(() => reader.send(DOOR, payments[0]));
    assert.equal(refused.status, 402);
    assert.equal(await problemOf(refused), "authorization-cancelled");
    await assertArticle(await resend(() => reader.send(DOT, payments[1])), DOT);
    assert.deepEqual((await reader.transfers()).map(({ value }) => value), [PRICES[DOT]]);
  });
});
