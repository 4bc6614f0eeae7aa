// What a site holds about an account: shown to who proves it, and erased at their word (threats E12, G7). The built Worker, D1 and anvil;
// proofs are made by @x402/extensions 2.27.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SIGN_IN_WITH_X, createSIWxPayload, encodeSIWxHeader, parseSIWxHeader, verifySIWxSignature } from "@x402/extensions";
import { privateKeyToAccount } from "viem/accounts";
import { run } from "../../tools/lib/run.mjs";
import { STEPS } from "../../worker/shim/desk/schema.js";
import { inFile } from "../support/alarms.mjs";
import { payTo } from "../support/accounts.mjs";
import { startEdge } from "../support/edge.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { DATA, DOOR, DOT, LOG, PAWN, PRICES, assertArticle, impatient, newReader, problemOf, resend, until } from "./reader.mjs";

const COMMAND = join(import.meta.dirname, "../../js/dist/cli/farthing.js");
const RECONCILE = join(import.meta.dirname, "../../tools/reconcile.mjs");
const KEYS = randomKeys();
const PASSWORD = "a password for a test";
const SUMS = ["desk_day", "desk_section_day", "desk_article_day", "desk_article_quarter"];

let paper;
let books;
let folder;
before(async () => {
  const desk = { passwordHash: createHash("sha256").update(PASSWORD).digest("hex") };
  paper = await startNewspaper({ keys: KEYS, hostile: true, books: true, change: (config) => impatient()({ ...config, desk, revocation: { list: true } }) });
  ({ books } = paper.edge);
  folder = await mkdtemp(join(tmpdir(), "farthing-mine-"));
  await writeFile(join(folder, "farthing.jsonc"), JSON.stringify(paper.config));
});
after(async () => {
  await paper?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const METHODS = { export: "GET", erase: "POST" };
const call = (deed, { proof, site = paper.site, query = "", headers = {} } = {}) =>
  fetch(`${site}/.farthing/${deed}${query}`, { method: METHODS[deed], headers: { ...headers, ...(proof && { [SIGN_IN_WITH_X]: encodeSIWxHeader(proof) }) } });

/** The challenge for a deed, as a client completes it. */
async function challenge(deed, site = paper.site) {
  const response = await call(deed, { site });
  assert.equal(response.status, 401);
  const { extensions: { [SIGN_IN_WITH_X]: { info, supportedChains: [chain] } } } = await response.clone().json();
  assert.equal(await problemOf(response), "account-proof-required");
  return { ...info, ...chain };
}
const sign = (reader, asked) => createSIWxPayload(asked, privateKeyToAccount(reader.key), asked.uri);
const prove = async (reader, deed) => sign(reader, await challenge(deed));
async function mine(reader, deed, query) {
  const response = await call(deed, { proof: await prove(reader, deed), query });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.match(response.headers.get("cache-control"), /no-store/);
  return JSON.parse(text);
}

/** A payment that the books know: {reader, payment, path, receipt, transaction}. */
async function bought(path, reader) {
  reader ??= await newReader(paper);
  const payment = await reader.sign(path);
  const response = await reader.send(path, payment);
  const { transaction } = await assertArticle(response, path);
  const receipt = response.headers.get("farthing-receipt");
  await until("the books know it", async () => (await books.rows("SELECT 1 FROM payment WHERE receipt = ? AND state = 'settled'", receipt)).length === 1, 30);
  return { reader, payment, path, receipt, transaction, cookie: response.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ") };
}

/** So deep that no block is undone: the rows are final, at their next look. */
async function final() {
  await paper.chain.mine(15);
  const open = async () => (await paper.edge.query("SELECT body FROM payment")).flatMap(({ rows }) => rows).filter(({ body }) => JSON.parse(body).phase.settled?.watch);
  await until("the rows are final", async () => (await open()).length === 0, 120);
}

/** Every value in every table of every object and of the books, as they are on disk, by its file. */
async function stored() {
  await paper.edge.kill();
  const found = [];
  for (const name of readdirSync(paper.edge.state, { recursive: true }).filter((one) => one.endsWith(".sqlite"))) {
    inFile(join(paper.edge.state, name), (database) => {
      for (const { name: table } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()) {
        for (const row of database.prepare(`SELECT * FROM "${table}"`).all()) {
          for (const [column, value] of Object.entries(row)) {
            found.push({ at: `${name} ${table}.${column}`, text: (value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value)).toLowerCase() });
          }
        }
      }
    });
  }
  await paper.edge.restart();
  return found;
}
/** Everything by which a payment or its payer can be found. */
const namesOf = ({ reader, payment, receipt, transaction }) => [reader.address.slice(2), payment.authorization.nonce.slice(2), transaction.slice(2), receipt].map((name) => name.toLowerCase());
// The platform knows an object by its name, the site and the account, for as long as it has an alarm: until what has to be remembered ends.
const PLATFORMS = "metadata.sqlite _cf_ALARM.actor_name";
function assertGone(all, payments) {
  for (const name of payments.flatMap(namesOf)) assert.deepEqual(all.filter(({ at, text }) => text.includes(name) && !at.endsWith(PLATFORMS)).map(({ at }) => at), [], name);
}
async function sums() {
  const found = [];
  // what was counted up and taken off again leaves a row of nothing
  for (const table of SUMS) found.push((await books.rows(`SELECT * FROM ${table} WHERE payments <> 0 ORDER BY 1, 2, 3, 4`)).map((row) => ({ ...row })));
  return found;
}

test("E12 each account is shown its own, as the chain has it, and nothing of another's", async () => {
  const [one, other] = [await newReader(paper), await newReader(paper)];
  const ours = [];
  for (const path of [DOOR, PAWN, DATA]) ours.push(await bought(path, one));
  const theirs = await bought(DOOR, other);
  const [mineNow, theirsNow] = [await mine(one, "export"), await mine(other, "export")];
  const transfers = await one.transfers();
  assert.deepEqual([mineNow.account, mineNow.site], [one.address, paper.site]);
  const short = ({ transaction, amount, charged, resource, state }) => [resource, state, charged ?? amount, transaction].join(" ");
  const expected = ours.map(({ path, transaction }) => [paper.site + path, "settled", transfers.find((one) => one.transaction === transaction).value, transaction].join(" ")).sort();
  assert.deepEqual(mineNow.payments.map(short).sort(), expected);
  assert.deepEqual(mineNow.books.map(short).sort(), expected);
  assert.deepEqual(mineNow.owned.map(({ resource }) => resource).sort(), [DOOR, PAWN].map((path) => paper.site + path).sort(), "a call is not owned");
  for (const { until: end } of mineNow.owned) assert.ok(Date.parse(end) > Date.now() + 20 * 86_400_000);
  assert.deepEqual(mineNow.tokens, [{ network: paper.network, asset: paper.asset, symbol: "USDC", decimals: 6 }]);
  assert.equal(mineNow.next, undefined);
  for (const name of namesOf(theirs)) assert.ok(!JSON.stringify(mineNow).toLowerCase().includes(name));
  for (const name of ours.flatMap(namesOf)) assert.ok(!JSON.stringify(theirsNow).toLowerCase().includes(name));
  assert.deepEqual([theirsNow.payments.length, theirsNow.owned.length, theirsNow.books.length], [1, 1, 1]);
  // it goes on after any row, each time with a signature of its own
  const rest = await mine(one, "export", "?after=0.1");
  assert.deepEqual([rest.payments.length, rest.owned.length, rest.books.length], [2, 2, 3]);
  const stranger = await mine(await newReader(paper), "export");
  assert.deepEqual([stranger.payments, stranger.owned, stranger.passes, stranger.receipts, stranger.books, stranger.refunds], [[], [], [], [], [], []]);
});

test("G7 one account is erased: nothing leads to it, the other is as it was, the sums are the same, and nothing brings it back", async (t) => {
  // as the desk makes its tables: a column may be there already
  for (const step of STEPS) await books.run(step).catch((error) => assert.match(error.message, /duplicate column/));
  const [one, other] = [await newReader(paper), await newReader(paper)];
  const ours = [];
  for (const path of [DOOR, LOG, DATA]) ours.push(await bought(path, one));
  const theirs = await bought(DOOR, other);
  const before = await sums();
  assert.ok(before.every((rows) => rows.length > 0));
  const shown = await mine(other, "export");
  await final();
  const late = await books.rows("SELECT * FROM payment WHERE payer = ?", one.address);
  assert.equal(late.length, 3);
  const answer = await mine(one, "erase");
  assert.deepEqual([answer.account, answer.books, answer.kept], [one.address, "anonymised", []]);
  assert.deepEqual(answer.erased, { payments: 3, owned: 2, passes: 0, receipts: 0 });

  const all = await stored();
  assertGone(all, ours);
  for (const name of namesOf(theirs)) assert.ok(all.some(({ text }) => text.includes(name)), name);
  assert.deepEqual(await sums(), before);
  const marked = await books.rows("SELECT * FROM payment WHERE key LIKE 'erased:%'");
  assert.equal(marked.length, 3);
  for (const { payer, state, charged, first_seen: seen, settled_at: at, transaction_hash: hash, receipt } of marked) {
    assert.deepEqual([payer, state, seen % 86_400, at % 86_400], ["", "settled", 0, 0]);
    assert.ok(BigInt(charged) > 0n);
    for (const name of [hash, receipt]) assert.match(name, /^erased:[\w-]{32}$/);
  }
  assert.deepEqual((await mine(other, "export")).books, shown.books);

  await t.test("what was sent before is not charged again, and opens nothing", async () => {
    const balance = await paper.chain.balanceOf(one.address);
    for (const { path, payment } of ours) assert.equal(await problemOf(await one.send(path, payment)), "authorization-already-used");
    assert.equal(await paper.chain.balanceOf(one.address), balance);
    // the article's own cookie goes on to its end, and the account is known by nothing any more
    assert.equal((await one.ask(DOOR, { cookie: ours[0].cookie })).status, 200);
    const handle = ours[0].cookie.split("; ").find((pair) => pair.startsWith("__Host-farthing="));
    assert.equal((await one.ask(DOOR, { cookie: handle })).status, 402);
  });

  await t.test("a receipt is gone, and a refund for it is refused in a sentence", async () => {
    const [{ receipt }] = ours;
    assert.equal(await problemOf(await fetch(`${paper.site}/.farthing/receipts/${receipt}`)), "no-such-endpoint");
    const { code, err } = await run(process.execPath, [COMMAND, "refund", receipt], { check: false, cwd: folder, env: { ...process.env, FARTHING_KEYS: KEYS } });
    assert.equal(code, 1);
    assert.match(err, /had it erased/);
    assert.deepEqual(await books.rows("SELECT * FROM refund"), []);
  });

  await t.test("a naive statement, told late, would write the account down again (worker/tests/erasure.rs has ours held back)", async () => {
    const [row] = late;
    const insert = "INSERT INTO payment (key, version, state, receipt, resource, network, asset, payer, pay_to, amount, charged, transaction_hash, reason, first_seen, settled_at, offer) SELECT ?, 99, 'settled', receipt, resource, network, asset, ?, pay_to, amount, charged, ?, reason, first_seen, settled_at, offer FROM payment WHERE key LIKE 'erased:%' LIMIT 1";
    await books.run(insert, row.key, row.payer, row.transaction_hash);
    assert.equal((await books.rows("SELECT * FROM payment WHERE payer = ?", one.address)).length, 1, "the naive one lands");
    await books.run("DELETE FROM payment WHERE key = ?", row.key);
    assert.deepEqual(await sums(), before);
  });

  await t.test("the backstop reads the transfers, and takes none of them for a stray", async () => {
    const block = Math.max(...(await one.transfers()).map((transfer) => Number(transfer.block)));
    await until("their blocks were read", async () => {
      await paper.chain.warp(130);
      assert.equal(await paper.edge.scheduled(), "ok");
      const notes = (await paper.edge.query("SELECT value FROM note WHERE name = ?", `at ${paper.network}`)).flatMap(({ rows }) => rows);
      return notes.some(({ value }) => Number(value.split(".")[0]) > block);
    }, 60);
    assert.deepEqual(await books.rows("SELECT * FROM payment WHERE state = 'stray'"), []);
    assert.ok(!paper.edge.log.some(({ message }) => message.includes('"event":"stray"')));
    assertGone(await stored(), ours);
    assert.deepEqual(await sums(), before);
  });

  await t.test("the desk shows what was sold, and that nobody is named", async () => {
    const page = async (path) => (await fetch(`${paper.site}/.farthing/desk${path}`, { headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}` } })).text();
    const list = await page("/payments");
    assert.ok(list.includes("erased"), list.slice(0, 300));
    const one = await page(`/payment?${new URLSearchParams({ key: marked[0].key })}`);
    assert.match(one, /<dt>From<\/dt><dd>erased<\/dd>/);
    assert.ok(!one.includes("/.farthing/receipts/"));
  });

  await t.test("S8 the books and the chain still say the same", async () => {
    const place = join(folder, "books.json");
    await writeFile(place, JSON.stringify(await books.rows()));
    const { code, out, err } = await run(process.execPath, [RECONCILE, "--config", join(folder, "farthing.jsonc"), "--books", place, "--json"], { check: false, env: { ...process.env, FARTHING_KEYS: KEYS } });
    assert.ok(out.startsWith("{"), err);
    const { ok, missing, extra, different, articles } = JSON.parse(out);
    assert.deepEqual([code, ok, missing, extra, different], [0, true, [], [], []]);
    const paid = (await paper.chain.transfersTo()).reduce((sum, { value }) => sum + value, 0n);
    assert.equal(articles.reduce((sum, { books: value }) => sum + BigInt(value), 0n), paid);
    // an entry that is missing is still found, erased or not
    await writeFile(place, JSON.stringify((await books.rows()).filter(({ key }) => key !== marked[0].key)));
    const without = await run(process.execPath, [RECONCILE, "--config", join(folder, "farthing.jsonc"), "--books", place, "--json"], { check: false, env: { ...process.env, FARTHING_KEYS: KEYS } });
    assert.deepEqual([without.code, JSON.parse(without.out).missing.length], [1, 1]);
  });

  await t.test("who comes back is a new customer", async () => {
    const again = await bought(DOOR, one);
    assert.equal((await mine(one, "export")).books.length, 1);
    assert.notEqual(again.transaction, ours[0].transaction);
  });
});

test("G7 who has it erased while the desk asks the chain about a refund is not written down again by it", async () => {
  await paper.chain.client.setBalance({ address: payTo.address, value: 10n ** 18n });
  const desk = async (body) => {
    const response = await fetch(`${paper.site}/.farthing/desk/refund`, {
      method: "POST", headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}`, origin: paper.site, "sec-fetch-site": "same-origin", "farthing-desk": "refund", "content-type": "application/json" }, body: JSON.stringify(body),
    });
    return await response.json();
  };
  const payments = [await bought(DOT), await bought(DOT)];
  await final();
  const [begins, ends] = payments;
  const keyOf = async ({ receipt }) => (await books.rows("SELECT key FROM payment WHERE receipt = ?", receipt))[0].key;
  const keys = [await keyOf(begins), await keyOf(ends)];
  assert.equal((await desk({ do: "begin", key: keys[1], amount: "0.01" })).value, "0x0");
  const { transactionHash } = await paper.chain.send({ by: payTo, functionName: "transfer", args: [ends.reader.address, 10_000n] });
  // the answer about this transaction comes once it is erased
  const during = async (reader, hash, body) => {
    let [erased, held] = [undefined, 0];
    paper.badRpc.always("*", async ({ body: text, response, through }) => {
      const answer = await through();
      const { method, params } = JSON.parse(text);
      if (method === "eth_getTransactionReceipt" && params[0].toLowerCase() === hash.toLowerCase() && held++ === 0) erased = await mine(reader, "erase");
      response.writeHead(answer.status, { "content-type": answer.type });
      response.end(answer.text);
    });
    try {
      const said = await desk(body);
      assert.equal(erased.erased.payments, 1);
      return said;
    } finally {
      paper.badRpc.reset();
    }
  };
  assert.equal((await during(ends.reader, transactionHash, { do: "sent", key: keys[1], transaction: transactionHash })).why, "erased");
  assert.equal((await during(begins.reader, begins.transaction, { do: "begin", key: keys[0], amount: "0.01" })).problem, "begun");
  for (const table of ["refund", "desk_refund_begun"]) assert.deepEqual(await books.rows(`SELECT * FROM ${table}`), [], table);
  assertGone(await stored(), payments);
});

test("E12 a proof of another deed, account, site or time does nothing, and a good one counts once", async (t) => {
  const [one, thief] = [await newReader(paper), await newReader(paper)];
  await bought(DOT, one);
  await bought(DOT, thief);
  const held = async () => (await mine(one, "export")).books.length;
  const refused = async (proof, problem = "account-proof-invalid", more = {}) => {
    const response = await call("erase", { proof, ...more });
    assert.equal(response.status, 401);
    assert.equal(await problemOf(response), problem);
  };
  // what a naive server asks of each of these is whether the account signed it: it did
  const naive = async (proof) => (await verifySIWxSignature(parseSIWxHeader(encodeSIWxHeader(proof)))).isValid;
  const article = (await one.offer(DOT)).extensions[SIGN_IN_WITH_X];
  const proofs = {
    "to see the records": await prove(one, "export"),
    "to read an article": await sign(one, { ...article.info, ...article.supportedChains[0] }),
    "of another sentence": await sign(one, { ...await challenge("erase"), statement: "Read on what you have paid for." }),
    "with another page in it": await sign(one, { ...await challenge("erase"), resources: [`${paper.site}${DOT}`] }),
    "for longer": await sign(one, { ...await challenge("erase"), expirationTime: "2099-01-01T00:00:00Z" }),
  };
  for (const [name, proof] of Object.entries(proofs)) {
    assert.equal(await naive(proof), true, name);
    await refused(proof);
  }
  const neighbour = await startEdge({ keys: KEYS, config: (site) => ({ ...paper.config, site }) });
  t.after(() => neighbour.stop());
  const there = await sign(one, await challenge("erase", neighbour.url));
  assert.equal(await naive(there), true);
  await refused(there);
  // the thief's own signature with another's name
  await refused({ ...await prove(thief, "erase"), address: one.address });
  await refused({ ...await prove(one, "erase"), signature: `0x${"ab".repeat(200)}` });
  assert.equal(await held(), 1);
  // another site's page neither gets the challenge nor may send a proof
  const origin = { origin: "https://evil.example" };
  assert.equal((await call("erase", { headers: origin })).headers.get("access-control-allow-origin"), null);
  const preflight = await fetch(`${paper.site}/.farthing/erase`, { method: "OPTIONS", headers: { ...origin, "access-control-request-method": "POST", "access-control-request-headers": "sign-in-with-x" } });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-headers")], [405, null]);
  // eight at once are one, and what was captured shows nothing
  const proof = await prove(one, "export");
  const answers = await Promise.all(Array.from({ length: 8 }, () => call("export", { proof })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(7).fill(401)]);
  const good = await prove(one, "erase");
  assert.equal((await call("erase", { proof: good })).status, 200);
  await refused(good, "account-proof-used");
  assert.equal((await mine(thief, "export")).payments.length, 1);
});

test("S3 S5 a payment whose outcome is not known stays, is charged once, and goes by itself afterwards", async () => {
  const reader = await newReader(paper);
  paper.badFacilitator.script("/settle", "die-after-settle");
  paper.badRpc.always("*", "die");
  const payment = await reader.sign(LOG);
  assert.equal((await reader.send(LOG, payment)).status, 503);
  await until("the books say unknown", async () => (await books.rows("SELECT 1 FROM payment WHERE payer = ? AND state = 'unknown'", reader.address)).length === 1);
  const { kept, erased } = await mine(reader, "erase");
  assert.deepEqual([kept.length, kept[0].why, kept[0].resource, erased.payments], [1, "under-way", paper.site + LOG, 0]);
  assert.ok(Date.parse(kept[0].until) > Date.now());
  paper.badFacilitator.reset();
  paper.badRpc.reset();
  // a naive site has forgotten it, and would take it for a new one; here it joins what is under way
  const response = await resend(() => reader.send(LOG, payment), { tries: 40 });
  const { transaction } = await assertArticle(response, LOG);
  const transfers = await reader.transfers();
  assert.deepEqual([transfers.length, transfers[0].value, transfers[0].transaction], [1, PRICES[LOG], transaction]);
  const receipt = response.headers.get("farthing-receipt");
  await paper.chain.mine(15);
  const named = () => books.rows("SELECT * FROM payment WHERE payer = ?", reader.address);
  const noted = async () => (await paper.edge.query("SELECT value FROM note WHERE name = 'erase'")).flatMap(({ rows }) => rows);
  await until("it went by itself", async () => (await named()).length === 0 && (await noted()).length === 0, 120);
  assertGone(await stored(), [{ reader, payment, receipt, transaction }]);
  assert.equal(await problemOf(await reader.send(LOG, payment)), "authorization-already-used");
  assert.equal((await reader.transfers()).length, 1);
});

test("the command gets the records and has them erased, and signs for nothing else", async (t) => {
  const { reader } = await bought(PAWN);
  const command = async (...args) => run(process.execPath, [COMMAND, ...args], { check: false, cwd: folder, env: { ...process.env, FARTHING_PRIVATE_KEY: reader.key } });
  const out = join(folder, "mine.json");
  const got = await command("export", paper.site, "--out", out);
  assert.equal(got.code, 0, got.err);
  const records = JSON.parse(await readFile(out, "utf8"));
  assert.deepEqual([records.account, records.payments.length, records.books.length], [reader.address, 1, 1]);
  assert.equal((await stat(out)).mode & 0o077, 0);
  const unsure = await command("erase", paper.site);
  assert.deepEqual([unsure.code, unsure.out], [2, ""]);
  assert.match(unsure.err, /--yes/);
  const { code, out: said, err } = await command("erase", paper.site, "--yes");
  assert.equal(code, 0, err);
  assert.match(said, /signs: Erase what this site keeps.*\nErased: /);
  const again = JSON.parse((await command("export", paper.site)).out);
  assert.deepEqual([again.owned, again.receipts], [[], []]);
  assert.ok(existsSync(out));
  // a site that shows another's challenge gets no signature
  const { createServer } = await import("node:http");
  const server = createServer(async (request, response) => {
    const asked = await call("erase");
    response.writeHead(401, { "content-type": "application/problem+json" }).end(await asked.text());
  });
  await new Promise((done) => { server.listen(0, "127.0.0.1", done); });
  t.after(() => server.close());
  const lured = await command("export", `http://127.0.0.1:${server.address().port}`);
  assert.equal(lured.code, 1);
  assert.match(lured.err, /nothing was signed/);
});
