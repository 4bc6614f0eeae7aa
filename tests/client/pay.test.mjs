// The paying client as programs import it, against our own Worker on a real chain: what it pays, what it asks before, and what it remembers.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { privateKeyToAccount } from "viem/accounts";
import { startNewspaper } from "../support/newspaper.mjs";
import { DATA, LOG, PAWN, PRICES, assertArticle, impatient, newReader } from "../e2e/reader.mjs";

const { createClient, fileStore, memoryStore, PaymentError } = await import("../../js/dist/client/node.js");

let paper;
before(async () => { paper = await startNewspaper({ hostile: true, change: impatient() }); });
after(() => paper?.stop());

const refused = (reason) => (error) => {
  assert.ok(error instanceof PaymentError, error);
  assert.equal(error.reason, reason, error.message);
  return true;
};

test("an article opens, exactly the price moves, and the receipt names the transfer", async () => {
  const reader = await newReader(paper);
  const client = createClient({ signer: reader.key, policy: { max: "$1" } });
  const quote = await client.quote(paper.site + LOG);
  assert.deepEqual([quote.free, quote.status, quote.choice.symbol, quote.choice.opensFor, quote.problem], [false, 402, "USDC", 30 * 86_400, undefined]);
  const response = await client.fetch(paper.site + LOG);
  await assertArticle(response, LOG);
  const [transfer, ...others] = await reader.transfers();
  assert.deepEqual(others, []);
  assert.equal(transfer.value, PRICES[LOG]);
  const receipt = client.receiptOf(response);
  assert.equal(receipt.transaction, transfer.transaction);
  assert.deepEqual(await client.receipts(), [receipt]);
  assert.equal((await client.budget()).total.spent, receipt.decimal.padEnd(4, "0"));
});

test("what was bought opens again by its pass, and where that is lost by a signature: nothing is paid twice", async () => {
  const reader = await newReader(paper);
  const store = memoryStore();
  const client = createClient({ signer: reader.key, policy: { max: "$1" }, store });
  await assertArticle(await client.fetch(paper.site + LOG), LOG);
  await assertArticle(await client.fetch(paper.site + LOG), LOG);
  for (const name of await store.names("cookies ")) await store.update(name, () => ({ text: undefined }));
  await assertArticle(await client.fetch(paper.site + LOG), LOG);
  assert.equal((await store.names("cookies ")).length, 1);
  assert.equal((await reader.transfers()).length, 1);
});

test("an account signs as a key does", async () => {
  const reader = await newReader(paper);
  const client = createClient({ signer: privateKeyToAccount(reader.key), policy: { max: "$1" } });
  await assertArticle(await client.fetch(paper.site + PAWN), PAWN);
  await assertArticle(await client.fetch(paper.site + PAWN), PAWN);
  assert.equal((await reader.transfers()).length, 1);
});

test("single calls are charged one by one, also when they are made at once", async () => {
  const reader = await newReader(paper);
  const client = createClient({ signer: reader.key, policy: { max: "$1" } });
  const answers = await Promise.all([1, 2, 3].map(() => client.fetch(paper.site + DATA)));
  assert.equal(new Set(answers.map((answer) => client.receiptOf(answer).transaction)).size, 3);
  assert.equal((await reader.transfers()).length, 3);
});

test("what the policy, the budget or its owner forbids is not signed", async () => {
  const reader = await newReader(paper);
  const signer = { address: reader.address ?? privateKeyToAccount(reader.key).address, signTypedData: () => assert.fail("signed") };
  const host = new URL(paper.site).host;
  for (const [options, reason] of [
    [{ policy: { max: "$0.001" } }, "too-dear"],
    [{ policy: { max: "$1", hosts: ["other.example"] } }, "host-not-allowed"],
    [{ policy: { max: "$1", deny: { hosts: [host] } } }, "host-not-allowed"],
    [{ policy: { max: "$1", deny: { networks: ["eip155:84532"] } } }, "nothing-payable"],
    [{ policy: { max: "$1", total: "$0.01" } }, "over-budget-total"],
    [{ policy: { max: "$1", perDay: "$0.01" } }, "over-budget-day"],
    [{ policy: { max: "$1", perHost: { [host]: "$0.01", "*": "$5" } } }, "over-budget-host"],
    [{ policy: { max: "$1" }, confirm: () => false }, "declined"],
    [{ policy: { max: "$1" }, dryRun: true }, "dry-run"],
  ]) {
    const client = createClient({ signer, ...options });
    await assert.rejects(client.fetch(paper.site + LOG), refused(reason));
    assert.equal((await client.budget()).total.spent, "0.00", reason);
  }
  assert.deepEqual(await reader.transfers(), []);
});

test("what was spent survives a restart", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "farthing-store-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const reader = await newReader(paper);
  const options = { signer: reader.key, policy: { max: "$1", total: "$0.10" } };
  const first = createClient({ ...options, store: fileStore(folder) });
  await assertArticle(await first.fetch(paper.site + LOG), LOG);
  const second = createClient({ ...options, store: fileStore(folder) });
  await assertArticle(await second.fetch(paper.site + LOG), LOG);
  await assert.rejects(second.fetch(paper.site + PAWN), refused("over-budget-total"));
  assert.equal((await second.receipts()).length, 1);
  assert.equal((await reader.transfers()).length, 1);
});
