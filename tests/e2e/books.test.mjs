// The books in D1: everything that becomes of payments gets there, once, whatever D1 and the machine do; and what nobody needs any more
// is forgotten. Real D1 and real Durable Objects in workerd.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { payTo } from "../support/accounts.mjs";
import { slowAfterSettle } from "../support/hostile-facilitator.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DATA, DOOR, DOT, LOG, PAWN, PRICES, assertArticle, impatient, newReader, resend, sleep, until } from "./reader.mjs";

let paper;
let books;
before(async () => {
  paper = await startNewspaper({ hostile: true, change: impatient(), books: true });
  ({ books } = paper.edge);
});
after(() => paper?.stop());
afterEach(async () => {
  recover();
  await books.mode("");
});
function recover() {
  paper.badFacilitator.reset();
  paper.badRpc.reset();
}

const entryOf = async ({ authorization }) => (await books.rows("SELECT * FROM payment WHERE key LIKE ?", `%/${authorization.nonce}`))[0];
const stateOf = async (payment) => (await entryOf(payment))?.state;
const booked = (payment, state, seconds) => until(`the books say ${state}`, async () => (await stateOf(payment)) === state, seconds);
/** Every row of every ledger's table. */
const kept = async (table) => (await paper.edge.query(`SELECT * FROM ${table}`)).flatMap(({ rows }) => rows);
const outboxIsEmpty = () => until("everything is delivered", async () => (await kept("outbox")).length === 0, 40);
async function pay(path, reader, options) {
  const who = reader ?? await newReader(paper);
  const payment = await who.sign(path, options);
  return { reader: who, payment, response: await who.send(path, payment) };
}

test("S8 a payment's entry says what the chain says, in atomic units", async () => {
  for (const [path, v1] of [[DOOR, false], [DATA, false], [PAWN, true]]) {
    const { reader, payment, response } = await pay(path, undefined, { v1 });
    const { transaction } = await assertArticle(response, path);
    await booked(payment, "settled");
    const { version, first_seen: seen, settled_at: at, ...entry } = await entryOf(payment);
    const [transfer] = await reader.transfers();
    assert.deepEqual(entry, {
      key: `${paper.network}/${paper.chain.token.address.slice(2).toLowerCase()}/${payment.authorization.nonce}`,
      state: "settled", receipt: response.headers.get("farthing-receipt"), resource: paper.site + path, network: paper.network,
      asset: paper.chain.token.address, payer: reader.address, pay_to: payTo.address, amount: String(PRICES[path]), charged: String(transfer.value),
      transaction_hash: transaction, reason: null, offer: null, audience: null,
    });
    assert.ok(version > 1e12 && at >= seen && seen > Date.now() / 1000 - 60);
    assert.equal(transfer.transaction, transaction);
  }
  await outboxIsEmpty();
});

test("what is unknown, refused, expired or cancelled is in the books too", async () => {
  const poor = await newReader(paper, { funds: 0n });
  const refused = await pay(DOOR, poor);
  assert.equal(refused.response.status, 402);
  await booked(refused.payment, "refused");
  assert.match((await entryOf(refused.payment)).reason, /^[a-z0-9_]+$/);

  paper.badFacilitator.always("/settle", "die");
  paper.badRpc.always("*", "die");
  const gone = await pay(DOOR);
  const late = await pay(DOOR, undefined, { validBefore: Math.floor(Date.now() / 1000) + 9 });
  for (const { payment, response } of [gone, late]) {
    assert.equal(response.status, 503);
    await booked(payment, "unknown");
    const { charged, transaction_hash: hash, settled_at: at } = await entryOf(payment);
    assert.deepEqual([charged, hash, at], [null, null, null]);
  }
  await paper.chain.cancel({ key: gone.reader.key, nonce: gone.payment.authorization.nonce });
  recover();
  await resend(() => gone.reader.send(DOOR, gone.payment));
  await booked(gone.payment, "cancelled");
  await until("the window is over", () => Date.now() / 1000 > Number(late.payment.authorization.validBefore) + 1);
  await paper.chain.warp(60);
  await resend(() => late.reader.send(DOOR, late.payment));
  await booked(late.payment, "expired");
});

test("an unknown payment that settles is one entry, with a higher version", async () => {
  paper.badFacilitator.script("/settle", "die-after-settle");
  paper.badRpc.always("*", "die");
  const { reader, payment } = await pay(DOT);
  await booked(payment, "unknown");
  const { version } = await entryOf(payment);
  recover();
  await assertArticle(await resend(() => reader.send(DOT, payment)), DOT);
  await booked(payment, "settled");
  assert.ok((await entryOf(payment)).version > version);
});

test("A13 a settlement that the chain undoes is undone in the books, and settled again when it is", async () => {
  const snapshot = await paper.chain.snapshot();
  const { reader, payment, response } = await pay(LOG, undefined, { validBefore: Math.floor(Date.now() / 1000) + 300 });
  await assertArticle(response, LOG);
  await booked(payment, "settled");
  await paper.chain.revert(snapshot);
  await paper.chain.mine(3);
  await paper.chain.setBalance(reader.address, 0n);
  // the ledger looks again half a minute later
  await until("the books know", async () => (await entryOf(payment)).reason === "undone", 90);
  const { state, charged } = await entryOf(payment);
  assert.notEqual(state, "settled");
  assert.equal(charged, null);
  await paper.chain.setBalance(reader.address, 10_000_000n);
  await assertArticle(await resend(() => reader.send(LOG, payment), { tries: 40 }), LOG);
  await booked(payment, "settled");
  assert.equal((await entryOf(payment)).reason, null);
  assert.equal((await reader.transfers()).length, 1);
});

test("G5 D1 that refuses delays the books and no reader; nothing is lost", async () => {
  await books.mode("refuse");
  const { payment, response } = await pay(DOOR);
  await assertArticle(response, DOOR);
  await until("it was tried", async () => (await books.seen()) >= 2);
  assert.equal(await entryOf(payment), undefined);
  const [event] = (await kept("outbox")).filter(({ key }) => key.endsWith(payment.authorization.nonce));
  assert.ok(event.attempts >= 1 && event.due > Date.now() / 1000);
  await books.mode("");
  await booked(payment, "settled", 40);
  await outboxIsEmpty();
});

test("G5 an event that is taken and not acknowledged, or taken twice, is one entry", async () => {
  for (const mode of ["lost", "twice"]) {
    await books.mode(mode);
    const { payment, response } = await pay(DOOR);
    await assertArticle(response, DOOR);
    await booked(payment, "settled");
    const first = await entryOf(payment);
    await books.mode("");
    await outboxIsEmpty();
    assert.deepEqual(await books.rows("SELECT * FROM payment WHERE key = ?", first.key), [first], mode);
  }
});

test("G5 what is told late does not overwrite what is newer", async () => {
  paper.badFacilitator.script("/settle", "die-after-settle");
  paper.badRpc.always("*", "die");
  await books.mode("refuse");
  const { reader, payment } = await pay(DOOR);
  const waiting = async () => (await kept("outbox")).filter(({ key }) => key.endsWith(payment.authorization.nonce));
  await until("the first event failed", async () => (await waiting())[0]?.attempts >= 1);
  recover();
  await books.mode("");
  // the second event is new, the first one waits for its turn
  await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
  await booked(payment, "settled");
  const settled = await entryOf(payment);
  await outboxIsEmpty();
  assert.deepEqual(await entryOf(payment), settled);
});

test("G5 S6 the process is killed while D1 has the entry and the ledger does not know it", async () => {
  await books.mode("hang");
  const { payment, response } = await pay(DOOR);
  await assertArticle(response, DOOR);
  await until("D1 has it", async () => (await stateOf(payment)) === "settled");
  await paper.edge.kill();
  const first = await entryOf(payment);
  assert.equal((await kept("outbox")).length, 1);
  await paper.edge.restart();
  await outboxIsEmpty();
  assert.deepEqual(await entryOf(payment), first);
});

test("S6 S8 killed again and again at any moment: at last the books say what the chain says", async () => {
  const payments = [];
  for (let round = 0; round < 8; round++) {
    if (round % 2) paper.badFacilitator.script("/settle", slowAfterSettle(300));
    const reader = await newReader(paper);
    const payment = await reader.sign(PAWN);
    payments.push({ reader, payment });
    const lost = reader.send(PAWN, payment).then((response) => response.text()).catch(() => {});
    // between the claim and a while after the first delivery
    await sleep(100 + round * 450);
    await paper.edge.kill();
    await lost;
    await paper.edge.restart();
  }
  recover();
  for (const { reader, payment } of payments) {
    // what was settled before may be answered or refused by now, but is settled once
    await resend(() => reader.send(PAWN, payment), { tries: 30 });
    await booked(payment, "settled", 60);
    const transfers = await reader.transfers();
    assert.equal(transfers.length, 1);
    assert.equal((await entryOf(payment)).transaction_hash, transfers[0].transaction);
  }
  await outboxIsEmpty();
  const settled = await books.rows("SELECT charged FROM payment WHERE state = 'settled'");
  const moved = await paper.chain.transfersTo();
  const sum = (values) => values.reduce((total, value) => total + BigInt(value), 0n);
  assert.equal(sum(settled.map(({ charged }) => charged)), sum(moved.map(({ value }) => value)));
});

test("without a binding nothing is kept for the books", async (t) => {
  const plain = await startNewspaper();
  t.after(() => plain.stop());
  const reader = await newReader(plain);
  await assertArticle(await reader.send(DOOR, await reader.sign(DOOR)), DOOR);
  const rows = (await plain.edge.query("SELECT count(*) AS rows FROM sqlite_master WHERE name = 'outbox'")).flatMap(({ rows }) => rows);
  assert.deepEqual(rows.map((row) => ({ ...row })), [{ rows: 0 }]);
});
