// What strangers can make a site spend, and what it does when that is enough (threats B7, B8).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { slow } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { encode, nonceFor, randomNonce, signPayment } from "../support/pay.mjs";
import {
  ARTICLES, DOOR, DOT, FREE, LOG, PAWN, assertArticle, assertPending, impatient, naiveRoutes, newReader, problemOf, resend, settlesOf, until,
} from "../e2e/reader.mjs";
import { paidTextIn } from "./paid-text.mjs";

let paper;
let naive;
before(async () => {
  paper = await startNewspaper({ hostile: true, change: impatient(3) });
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes });
});
after(async () => {
  await naive?.stop();
  await paper?.stop();
});

/** What the site spent since `reset`: requests to the origin, to the facilitator, to the chain. */
const spent = () => [paper.origin.log.length, paper.badFacilitator.calls.length, paper.badRpc.calls.length];
function reset() {
  paper.badFacilitator.reset();
  paper.badRpc.reset();
  paper.origin.reset();
}
/** Does `work` for each of `list`, so many at a time. */
async function each(list, width, work) {
  const queue = [...list];
  await Promise.all(Array.from({ length: width }, async () => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) await work(one);
  }));
}
/** Runs the Worker with another config for a while. */
async function withConfig(change, work) {
  const { edge, config } = paper;
  await edge.restart({ config: change(config) });
  edge.log.length = 0;
  try {
    await work();
  } finally {
    reset();
    await edge.restart({ config });
  }
}

test("B8 ten thousand requests with junk cost no request to anybody else, and leave nothing behind", async () => {
  const reader = await newReader(paper);
  const { value, payload } = await reader.sign(DOOR);
  const junk = [
    (n) => "x".repeat(n % 4000), (n) => encode({ x402Version: 2, n }), (n) => value.slice(0, n % value.length), (n) => `${value}${"=".repeat(n % 5)}A`,
    (n) => encode({ ...payload, accepted: { ...payload.accepted, amount: String(n) } }),
    (n) => encode({ ...payload, payload: { ...payload.payload, signature: `0x${n.toString(16).padStart(130, "0")}` } }),
    // somebody else's authorization, signed by nobody (threat A14)
    (n) => encode({ ...payload, payload: { ...payload.payload, authorization: { ...payload.payload.authorization, nonce: `0x${n.toString(16).padStart(64, "0")}` } } }),
    (n) => "A".repeat(16_000 + (n % 1000)),
  ];
  reset();
  const statuses = new Map();
  await each(Array.from({ length: 10_000 }, (_, n) => n), 32, async (n) => {
    const headers = n % 3 === 0 ? { "x-payment": junk[n % junk.length](n) } : { "payment-signature": junk[n % junk.length](n) };
    const response = await reader.ask(ARTICLES[n % ARTICLES.length], headers, n % 7 === 0 ? { method: "HEAD" } : {});
    const text = await response.text();
    assert.equal(paidTextIn(text), undefined);
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
  });
  assert.deepEqual(spent(), [0, 0, 0]);
  assert.deepEqual(await paper.edge.query("SELECT name FROM sqlite_master WHERE name = 'payment'"), [], "no ledger was so much as opened");
  for (const status of statuses.keys()) assert.ok([400, 402, 431].includes(status), `${status}`);
  await assertArticle(await reader.send(DOOR, { headers: { "PAYMENT-SIGNATURE": value } }), DOOR);
});

test("B8 valid signatures over no money cost few origin requests and settle calls for each payer", async (t) => {
  const TRIES = 40;
  /** Forty authorizations of one empty account, each sent three times. */
  async function flood(site) {
    const poor = await newReader(paper, { funds: 0n, site });
    const offer = await poor.offer(DOOR);
    const payments = await Promise.all(Array.from({ length: TRIES }, () => signPayment({ offer, key: poor.key, nonce: randomNonce() })));
    reset();
    const statuses = [];
    for (const payment of payments) {
      for (let again = 0; again < 3; again++) {
        const response = await poor.send(DOOR, payment);
        statuses.push(response.status);
        assert.equal(paidTextIn(await response.text()), undefined);
      }
    }
    return { statuses, origin: paper.origin.requestsTo(DOOR).length, settles: paper.badFacilitator.callsTo("/settle").length, verifies: paper.badFacilitator.callsTo("/verify").length };
  }
  await t.test("the usual paywall asks its facilitator each time", async () => {
    const { verifies } = await flood(naive.site);
    assert.equal(verifies, TRIES * 3);
  });
  await t.test("ours holds the payer", async (context) => {
    const { statuses, origin, settles } = await flood();
    context.diagnostic(`${TRIES * 3} requests: ${origin} origin requests, ${settles} settle calls`);
    // eight refused authorizations in ten minutes, each tried twice before it is held
    assert.ok(settles <= 16 && origin <= 16, `${settles} settles, ${origin} origin requests`);
    assert.ok(statuses.every((status) => [402, 429].includes(status)));
    assert.ok(statuses.slice(60).every((status) => status === 429 || status === 402));
  });
  await t.test("and nobody else", async () => {
    const reader = await newReader(paper);
    await assertArticle(await reader.send(DOOR, await reader.sign(DOOR)), DOOR);
  });
});

test("B7 a flood of slow payments gives nothing away, and the honest reader gets through", async () => {
  paper.badFacilitator.always("/settle", slow(2000));
  const crowd = await Promise.all(Array.from({ length: 60 }, () => newReader(paper)));
  const payments = await Promise.all(crowd.map((reader) => reader.sign(PAWN)));
  const answers = Promise.all(crowd.map((reader, n) => reader.send(PAWN, payments[n])));
  await until("they are settling", () => paper.badFacilitator.callsTo("/settle").length > 10);
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  assert.equal((await fetch(paper.site + FREE)).status, 200);
  await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
  for (const [n, response] of (await answers).entries()) {
    if (response.status === 200) continue;
    assert.ok([429, 503].includes(response.status), `${response.status}`);
    assert.ok(response.headers.get("retry-after"));
    assert.equal(paidTextIn(await response.clone().text()), undefined);
    await assertArticle(await resend(() => crowd[n].send(PAWN, payments[n])), PAWN);
  }
  for (const one of crowd) assert.equal((await one.transfers()).length, 1);
  reset();
});

test("B7 an isolate works on 1024 payments at once; others are told to come back before anything is claimed", async () => {
  paper.badFacilitator.always("/settle", slow(2500));
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  reset();
  paper.badFacilitator.always("/settle", slow(2500));
  const answers = await Promise.all(Array.from({ length: 1200 }, async () => {
    const response = await reader.send(DOOR, payment);
    return { status: response.status, after: response.headers.get("retry-after"), problem: response.status === 200 ? undefined : await problemOf(response) };
  }));
  const busy = answers.filter(({ status }) => status === 429);
  assert.ok(busy.length >= 100, `${busy.length} were told to come back`);
  for (const { problem, after } of busy) assert.deepEqual([problem, after], ["too-many-requests", "2"]);
  for (const { status, problem } of answers) assert.ok(status === 200 || ["settlement-pending", "too-many-requests"].includes(problem), `${status} ${problem}`);
  assert.equal(settlesOf(paper.badFacilitator, reader).length, 1);
  assert.equal(paper.origin.requestsTo(DOOR).length <= 2, true);
  await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
  assert.equal((await reader.transfers()).length, 1);
  reset();
});

test("B8 a day has so many settlements: then new payments wait, nothing of them is taken, and everything else goes on", async (t) => {
  // a site whose day begins
  const paper = await startNewspaper({
    hostile: true, change: (config) => ({ ...config, settlement: { ...config.settlement, timeoutSeconds: 2, settlementsPerDay: 10 } }),
  });
  try {
    const said = () => paper.edge.log.map(({ message }) => message).filter((line) => line.includes("settlementsPerDay")).map((line) => JSON.parse(line).percent);
    const readers = await Promise.all(Array.from({ length: 11 }, () => newReader(paper)));
    const owner = readers[0];
    const cookies = [];
    // the ninth does not get an answer, and the origin does not have what somebody wants
    for (const [n, reader] of readers.slice(0, 9).entries()) {
      if (n === 8) paper.badFacilitator.script("/settle", "500");
      const payment = await reader.sign(DOOR);
      const response = await reader.send(DOOR, payment);
      if (n < 8) {
        await assertArticle(response, DOOR);
        cookies.push(response.headers.getSetCookie().map((line) => line.split(";")[0]).join("; "));
      } else {
        await assertPending(response);
        reader.payment = payment;
      }
    }
    assert.deepEqual(said(), [80]);
    paper.origin.script(DOT, 404);
    const lost = await readers[9].sign(DOT);
    assert.equal((await readers[9].send(DOT, lost)).status, 404);
    // what was not begun is not counted: the same place is for the next one
    await assertArticle(await readers[9].send(PAWN, await readers[9].sign(PAWN)), PAWN);
    assert.deepEqual(said(), [80, 100]);

    await t.test("a new payment", async () => {
      const last = readers[10];
      const payment = await last.sign(DOOR);
      paper.origin.log.length = 0;
      const calls = settlesOf(paper.badFacilitator, last).length;
      const response = await last.send(DOOR, payment);
      assert.equal(response.status, 503);
      const wait = Number(response.headers.get("retry-after"));
      const midnight = 86_400 - Math.floor(Date.now() / 1000) % 86_400;
      assert.ok(Math.abs(wait - midnight) <= 5, `${wait}`);
      assert.equal(response.headers.get("payment-required"), null);
      assert.equal(await problemOf(response), "daily-limit-reached");
      assert.deepEqual([paper.origin.log.length, settlesOf(paper.badFacilitator, last).length], [0, calls]);
      assert.deepEqual(await paper.edge.query("SELECT key FROM payment WHERE key LIKE ?", `%${payment.authorization.nonce.slice(2)}`).then((all) => all.flatMap(({ rows }) => rows)), []);
      assert.equal((await last.transfers()).length, 0);
    });
    await t.test("what was bought, and what is open", async () => {
      await assertArticle(await owner.ask(DOOR, { cookie: cookies[0] }), DOOR);
      await assertArticle(await resend(() => readers[8].send(DOOR, readers[8].payment)), DOOR);
      assert.equal((await owner.ask(LOG)).status, 402);
      assert.equal((await fetch(paper.site + FREE)).status, 200);
    });
    await t.test("after a restart", async () => {
      await paper.edge.kill();
      await paper.edge.restart();
      const another = await newReader(paper);
      assert.equal(await problemOf(await another.send(DOOR, await another.sign(DOOR))), "daily-limit-reached");
    });
  } finally {
    await paper.stop();
  }
});

test("B8 paused payments: nothing new is offered or taken, what is open ends, and what is owned opens", async () => {
  const [owner, waiting, stranger] = await Promise.all([newReader(paper), newReader(paper), newReader(paper)]);
  const paid = await owner.send(DOOR, await owner.sign(DOOR));
  const cookie = paid.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  await assertArticle(paid, DOOR);
  const open = await waiting.sign(DOOR);
  paper.badFacilitator.script("/settle", "500");
  await assertPending(await waiting.send(DOOR, open));
  const unsent = await stranger.sign(DOOR);

  await withConfig((config) => ({ ...config, payments: "paused" }), async () => {
    reset();
    const unpaid = await stranger.ask(DOOR);
    assert.equal(unpaid.status, 503);
    assert.equal(unpaid.headers.get("retry-after"), "600");
    assert.deepEqual(JSON.parse(Buffer.from(unpaid.headers.get("payment-required"), "base64")).accepts, []);
    assert.equal(await problemOf(unpaid), "payments-paused");
    const page = await stranger.ask(DOOR, { accept: "text/html" });
    assert.equal(page.status, 503);
    assert.match(await page.text(), /This site takes no payments now/);
    assert.equal(await problemOf(await stranger.send(DOOR, unsent)), "payments-paused");
    // what is open goes on meanwhile
    assert.deepEqual([paper.origin.requestsTo(DOOR).length, settlesOf(paper.badFacilitator, stranger).length], [0, 0]);

    await assertArticle(await owner.ask(DOOR, { cookie }), DOOR);
    await assertArticle(await owner.ask(DOOR, { cookie: cookie.split("; ").find((one) => one.startsWith("__Host-")) }), DOOR);
    await assertArticle(await resend(() => waiting.send(DOOR, open)), DOOR);
    assert.equal((await waiting.transfers()).length, 1);
    assert.equal((await fetch(paper.site + FREE)).status, 200);
  });
  // the same authorization is good once payments are on again
  await assertArticle(await stranger.send(DOOR, unsent), DOOR);
});

test("what a request costs the site: one settle call where money moves, and none for what is forged, underpaid, replayed or expired", async (t) => {
  // a site without a past: nothing is looked at but what comes now
  const paper = await startNewspaper({ hostile: true, change: impatient(3) });
  t.after(() => paper.stop());
  const calls = () => [paper.origin.log.length, paper.badFacilitator.callsTo("/settle").length + paper.badFacilitator.callsTo("/verify").length, paper.badRpc.calls.length];
  /** Requests to the origin, calls of the facilitator and of the chain, besides the looks that follow a settlement later. */
  const costs = async (name, expected, status, work) => t.test(name, async () => {
    const [path, headers] = await work();
    const before = calls();
    const response = await (await newReader(paper)).ask(path, headers);
    await response.text();
    assert.equal(response.status, status);
    assert.deepEqual(calls().map((count, index) => count - before[index]), expected);
  });
  const reader = await newReader(paper);
  const now = Math.floor(Date.now() / 1000);
  const signed = async (path, overrides) => [path, (await (await newReader(paper)).sign(path, overrides)).headers];
  await costs("the page with its price", [0, 0, 0], 402, () => [DOOR, {}]);
  await costs("forged", [0, 0, 0], 402, () => signed(DOOR, { overrides: { signature: `0x${"11".repeat(64)}1b` } }));
  await costs("underpaid", [0, 0, 0], 402, () => signed(DOOR, { overrides: { authorization: { value: "49999" } } }));
  await costs("expired", [0, 0, 0], 402, () => signed(DOOR, { validBefore: now - 1 }));
  await costs("for another payee", [0, 0, 0], 402, () => signed(DOOR, { overrides: { authorization: { to: reader.address } } }));
  // the chain is asked for its latest block, for a client whose nonce has no past that could be told
  await costs("paid", [1, 1, 1], 200, () => signed(DOOR));
  const offer = await reader.offer(DOOR);
  await costs("paid by our own client", [1, 1, 0], 200, () => signed(DOOR, { nonce: nonceFor(offer), offer }));
  const paid = await reader.sign(DOOR, { nonce: nonceFor(offer), offer });
  await assertArticle(await reader.send(DOOR, paid), DOOR);
  await costs("replayed for another page", [0, 0, 0], 409, () => [DOT, paid.headers]);
  const rebuilt = { ...paid.payload, extensions: { another: {} } };
  await costs("replayed by who has it from the chain", [0, 0, 0], 409, () => [DOOR, { "PAYMENT-SIGNATURE": encode(rebuilt) }]);
  await costs("sent again by its payer", [1, 0, 0], 200, () => [DOOR, paid.headers]);
  const poor = await newReader(paper, { funds: 0n });
  const nothing = await poor.sign(DOOR, { nonce: nonceFor(offer), offer });
  await costs("signed over no money", [1, 1, 0], 402, () => [DOOR, nothing.headers]);
});
