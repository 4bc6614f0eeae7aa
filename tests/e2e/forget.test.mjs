// What ledgers keep, and for how long (threat B9): final rows lose what was meant for the facilitator, go when their absence says the
// same, leave a receipt for as long as it is wanted, and at last an object that is as empty as before. The clock is moved by moving
// what is on disk.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { wrapFetchWithSIWx } from "@x402/extensions";
import { privateKeyToAccount } from "viem/accounts";
import { alarmsNow, inFile, inLedgers } from "../support/alarms.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DATA, DOOR, DOT, assertArticle, impatient, newReader, problemOf, until } from "./reader.mjs";

const DAY = 24 * 60 * 60;
let paper;
before(async () => { paper = await startNewspaper({ hostile: true, change: impatient() }); });
after(() => paper?.stop());

/** Every ledger that has anything has these; the others come with their first row. */
const FIRST = ["payment", "owned", "note"];
const TABLES = [...FIRST, "identifier", "nonce", "receipt", "outbox"];
/** How many rows each table has, in all ledgers that have tables; {} where none has. */
async function counts() {
  const found = {};
  for (const { ledger, rows } of await paper.edge.query("SELECT count(*) AS n FROM sqlite_master WHERE name IN (SELECT value FROM json_each(?))", JSON.stringify(FIRST))) {
    assert.ok([0, FIRST.length].includes(rows[0].n), `all or nothing: ${ledger}`);
    if (rows[0].n === 0) continue;
    for (const table of TABLES) {
      const one = (await paper.edge.query(`SELECT count(*) AS n FROM ${table}`)).find((other) => other.ledger === ledger);
      found[table] = (found[table] ?? 0) + (one?.rows[0].n ?? 0);
    }
  }
  return found;
}

/** Everything on disk becomes so many seconds older, and every alarm is due. */
async function age(seconds) {
  await paper.edge.kill();
  const older = (value) => {
    if (Array.isArray(value)) return value.map(older);
    if (typeof value === "number") return value > 1_500_000_000 ? value - seconds : value;
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, older(inner)]));
    return value;
  };
  inLedgers(paper.edge.state, (database) => {
    for (const table of ["payment", "owned", "receipt"]) {
      const all = database.prepare("SELECT name FROM sqlite_master WHERE name = ?").all(table);
      if (all.length === 0) continue;
      for (const { rowid, body } of database.prepare(`SELECT rowid, body FROM ${table}`).all()) {
        database.prepare(`UPDATE ${table} SET body = ? WHERE rowid = ?`).run(JSON.stringify(older(JSON.parse(body))), rowid);
      }
    }
    for (const sql of [
      "UPDATE payment SET alarm = max(1, alarm - ?) WHERE alarm > 0", "UPDATE receipt SET until = until - ?", "UPDATE nonce SET until = until - ?",
      "UPDATE note SET value = CAST(CAST(value AS INTEGER) - ? AS TEXT) WHERE name = 'tidy'",
    ]) {
      const [, table] = /UPDATE (\w+)/.exec(sql);
      if (database.prepare("SELECT name FROM sqlite_master WHERE name = ?").all(table).length > 0) database.prepare(sql).run(BigInt(seconds));
    }
  });
  alarmsNow(paper.edge.state);
  await paper.edge.restart();
}

const bodies = async () => (await paper.edge.query("SELECT body FROM payment")).flatMap(({ rows }) => rows).map(({ body }) => JSON.parse(body));

test("B9 from a few payments back to nothing", async (t) => {
  const owner = await newReader(paper);
  const bought = await owner.send(DOOR, await owner.sign(DOOR));
  await assertArticle(bought, DOOR);
  const url = `${paper.site}/.farthing/receipts/${bought.headers.get("farthing-receipt")}`;
  const caller = await newReader(paper);
  await assertArticle(await caller.send(DATA, await caller.sign(DATA)), DATA);
  const poor = await newReader(paper, { funds: 0n });
  assert.equal((await poor.send(DOT, await poor.sign(DOT))).status, 402);
  const unlucky = await newReader(paper);
  paper.origin.always(DOT, 500);
  assert.equal((await unlucky.send(DOT, await unlucky.sign(DOT))).status, 502);
  paper.origin.reset();
  const handle = bought.headers.getSetCookie().find((cookie) => cookie.startsWith("__Host-farthing=")).split(";")[0];

  await t.test("what may still be sent to a facilitator keeps its body, and nothing else", async () => {
    assert.deepEqual(await counts(), { payment: 4, owned: 1, identifier: 0, nonce: 0, receipt: 0, outbox: 0, note: 1 });
    for (const { intent, phase } of await bodies()) {
      const [name] = typeof phase === "string" ? [phase] : Object.keys(phase);
      assert.equal(intent.request === "", name === "released", name);
    }
    // final once so many blocks follow, at the next look
    await paper.chain.mine(15);
    await age(60);
    await until("the rows are final", async () => (await bodies()).filter(({ phase }) => phase.settled).every(({ intent }) => intent.request === ""));
  });

  await t.test("two days later the rows are gone; what is owned opens, and the receipt is told", async () => {
    await age(2 * DAY);
    await until("the rows are gone", async () => (await counts()).payment === 0, 90);
    const { owned, receipt } = await counts();
    assert.deepEqual([owned, receipt], [1, 2]);
    await assertArticle(await owner.ask(DOOR, { cookie: handle }), DOOR);
    const { state, transaction } = await (await fetch(url)).json();
    assert.deepEqual([state, transaction], ["settled", (await owner.transfers())[0].transaction]);
  });

  await t.test("when all of it is over, every object is as empty as one that nobody ever paid", async () => {
    await age(120 * DAY);
    await until("nothing is left", async () => Object.keys(await counts()).length === 0, 90);
    assert.equal(await problemOf(await fetch(url)), "no-such-endpoint");
    const metadata = `${paper.edge.state}/do/farthing-Ledger/metadata.sqlite`;
    await until("no alarm wakes it", () => inFile(metadata, (database) => database.prepare("SELECT * FROM _cf_ALARM").all().length === 0));
    assert.deepEqual(await counts(), {});
  });

  await t.test("and pays as on the first day", async () => {
    const response = await owner.send(DOOR, await owner.sign(DOOR));
    await assertArticle(response, DOOR);
    assert.equal((await owner.transfers()).length, 2);
    const { state } = await (await fetch(`${paper.site}/.farthing/receipts/${response.headers.get("farthing-receipt")}`)).json();
    assert.equal(state, "settled");
  });
});

test("B8 who never paid leaves nothing: refused before the claim, asked about, signed in", async () => {
  const files = async () => (await paper.edge.query("SELECT count(*) AS n FROM sqlite_master WHERE name NOT LIKE '_cf%'")).map(({ rows }) => rows[0].n);
  const before = await files();
  const stranger = await newReader(paper);
  const { payload } = await stranger.sign(DOOR);
  const forged = { ...payload, payload: { ...payload.payload, signature: `0x${"11".repeat(65)}` } };
  const value = Buffer.from(JSON.stringify(forged)).toString("base64");
  assert.equal((await stranger.ask(DOOR, { "PAYMENT-SIGNATURE": value })).status, 402);
  assert.equal((await stranger.ask(DOOR, { cookie: "__Host-farthing=v1.k1.AAAA.AAAA" })).status, 402);
  assert.deepEqual(await files(), before, "no object was asked");
  // who proves an account is looked for in its ledger
  const open = wrapFetchWithSIWx(fetch, privateKeyToAccount(stranger.key));
  const answer = await open(paper.site + DOOR);
  assert.equal(await problemOf(answer), "not-owned");
  const sum = (list) => list.reduce((total, n) => total + n, 0);
  // workerd makes an empty file as soon as SQL is asked anything, and makes it anew when all is deleted
  assert.equal(sum(await files()), sum(before), "no table");
});
