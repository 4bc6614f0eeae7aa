// The cron trigger as backstop (threat B6): payments whose alarm was lost are found from the chain, strays are told, strangers leave
// nothing.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { startNewspaper } from "../support/newspaper.mjs";
import { DOOR, DOT, PAWN, assertArticle, impatient, newReader, until } from "./reader.mjs";
import { inFile, withoutAlarms } from "../support/alarms.mjs";

// Each on a chain of its own: its clock is moved, and authorizations hold for five minutes.
let paper;
let books;
beforeEach(async () => {
  paper = await startNewspaper({ hostile: true, change: impatient(), books: true });
  ({ books } = paper.edge);
});
afterEach(() => paper?.stop());
function recover() {
  paper.badFacilitator.reset();
  paper.badRpc.reset();
}
/** Two minutes later, as the chain counts, the trigger fires. */
async function scan() {
  await paper.chain.warp(130);
  assert.equal(await paper.edge.scheduled(), "ok");
}
/** A run looks at what is old enough, in strides; so what is new may be left to the next. */
const scanUntil = (what, check) => until(what, async () => {
  await scan();
  return check();
});
const entryOf = async ({ authorization }) => (await books.rows("SELECT * FROM payment WHERE key LIKE ?", `%/${authorization.nonce}`))[0];
const phases = async ({ authorization }) => {
  const found = await paper.edge.query("SELECT body FROM payment WHERE key LIKE ?", `%/${authorization.nonce}`);
  return found.flatMap(({ rows }) => rows).map(({ body }) => Object.keys(JSON.parse(body).phase)[0] ?? JSON.parse(body).phase);
};

/** A payment that landed, and whose ledger knows neither that nor when to look. */
async function lose(path) {
  const reader = await newReader(paper);
  const payment = await reader.sign(path);
  paper.badFacilitator.script("/settle", "die-after-settle");
  paper.badRpc.always("*", "die");
  assert.equal((await reader.send(path, payment)).status, 503);
  return { reader, payment };
}

test("B6 a payment whose alarm is gone is found from the chain, and its reader has the article without another word", async () => {
  const { reader, payment } = await lose(DOOR);
  await paper.edge.kill();
  await withoutAlarms(paper.edge.state);
  recover();
  await paper.edge.restart();
  assert.deepEqual(await phases(payment), ["unknown"]);
  await scanUntil("the ledger knows", async () => (await phases(payment))[0] === "settled");
  await until("the books know", async () => (await entryOf(payment))?.state === "settled");
  assert.equal((await reader.transfers()).length, 1);
  // owned: another payment is not charged
  await assertArticle(await reader.send(DOOR, await reader.sign(DOOR)), DOOR);
  assert.equal((await reader.transfers()).length, 1);
});

test("B6 what the books have as settled costs no question; nothing is asked twice", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOT);
  await assertArticle(await reader.send(DOT, payment), DOT);
  await until("the books know", async () => (await entryOf(payment))?.state === "settled");
  const before = await entryOf(payment);
  const { block } = (await reader.transfers())[0];
  const since = paper.badRpc.calls.length;
  const calls = () => paper.badRpc.calls.slice(since).map(({ body }) => body);
  const covers = ({ method, params: [filter] }) => method === "eth_getLogs" && Number(filter.fromBlock) <= block && Number(filter.toBlock) >= block;
  await scanUntil("its block was read", () => calls().some(covers));
  await scan();
  await scan();
  assert.deepEqual(await entryOf(payment), before);
  // its transfer and its use, once; and nobody looked at the payment itself
  assert.equal(calls().filter(covers).length, 2);
  assert.deepEqual([...new Set(calls().map(({ method }) => method))].sort(), ["eth_getBlockByNumber", "eth_getLogs"]);
});

test("B6 B8 a payment that no ledger knows goes to the books as a stray, and leaves its payer's object empty", async () => {
  const stranger = await newReader(paper);
  const payment = await stranger.sign(PAWN);
  await paper.chain.sendTransferWithAuthorization(payment);
  await scanUntil("the books have it", () => entryOf(payment));
  const entry = await entryOf(payment);
  assert.deepEqual(
    [entry.state, entry.version, entry.payer, entry.charged, entry.resource],
    ["stray", 0, stranger.address, payment.authorization.value, ""],
  );
  assert.ok(paper.edge.log.some(({ message }) => message.includes(entry.transaction_hash)), "and the log says so");
  const keepers = await paper.edge.query("SELECT name FROM note ORDER BY name");
  assert.deepEqual(keepers.map(({ rows }) => rows.map(({ name }) => name)), [[`at ${paper.network}`, "pruned"]], "only the object that scans keeps anything");
  assert.deepEqual((await paper.edge.query("SELECT key FROM payment")).flatMap(({ rows }) => rows), []);
  await scan();
  assert.deepEqual(await entryOf(payment), entry);
  // sent here after all, it is a payment like any other that somebody else settled, or too late by the chain that was moved
  const answer = await stranger.send(PAWN, payment);
  assert.ok([200, 402, 409, 503].includes(answer.status), `${answer.status}`);
});

test("B8 dust is no stray and asks nobody; refusals leave the books after thirty days", async () => {
  const stranger = await newReader(paper);
  for (let n = 0; n < 5; n++) {
    await paper.chain.sendTransferWithAuthorization(await stranger.sign(PAWN, { overrides: { authorization: { value: "1" } } }));
  }
  const poor = await newReader(paper, { funds: 0n });
  const [old, refused] = [await poor.sign(DOT), await poor.sign(DOT)];
  for (const each of [old, refused]) {
    assert.equal((await poor.send(DOT, each)).status, 402);
    await until("the books have the refusal", async () => (await entryOf(each))?.state === "refused");
    if (each === old) inFile(await books.file(), (database) => database.exec("UPDATE payment SET first_seen = first_seen - 31 * 86400"));
  }
  const payment = await stranger.sign(PAWN);
  await paper.chain.sendTransferWithAuthorization(payment);
  await scanUntil("what comes behind the dust was read", () => entryOf(payment));
  assert.equal((await books.rows("SELECT * FROM payment WHERE state = 'stray'")).length, 1);
  assert.ok(!paper.edge.log.some(({ message }) => message.includes('"call":"stray"')));
  assert.ok(await entryOf(refused));
  assert.equal(await entryOf(old), undefined);
});

test("B6 a chain that cannot be read is read by the next run; a transfer of nothing is none", async () => {
  const { payment } = await lose(DOT);
  await paper.edge.kill();
  await withoutAlarms(paper.edge.state);
  await paper.edge.restart();
  paper.badRpc.always("*", "500");
  await scan();
  assert.deepEqual(await phases(payment), ["unknown"]);
  recover();
  await paper.chain.transfersOfNothing({ from: payment.authorization.from, times: 30 });
  await scanUntil("the ledger knows", async () => (await phases(payment))[0] === "settled");
});
