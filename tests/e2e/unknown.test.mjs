// Facilitators, chains and origins that fail: the answer is "pending" or "nothing was charged", the same payment opens the article
// later, and money moves once.
import assert from "node:assert/strict";
import { after, before, test as plainTest } from "node:test";
import { rawRequest } from "../support/http.mjs";
import { slow } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DATA, DOOR, FREE, LOG, PAWN, assertArticle, assertPending, impatient, naiveRoutes, newReader, problemOf, resend, until } from "./reader.mjs";

let paper;
let naive;
let hanging;
before(async () => {
  paper = await startNewspaper({ hostile: true, change: impatient() });
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes });
  // the Worker's patience with an origin is long, so this one hangs while everything else happens
  const reader = await newReader(paper);
  const payment = await reader.sign(LOG);
  paper.origin.script(LOG, "hang");
  hanging = { reader, payment, response: reader.send(LOG, payment) };
  hanging.response.catch(() => {});
  await until("the origin is asked", () => paper.origin.requestsTo(LOG).length > 0);
});
after(async () => {
  await naive?.stop();
  await paper?.stop();
});
function recover() {
  paper.badFacilitator.reset();
  paper.badRpc.reset();
  paper.origin.reset();
}
const test = (name, work) => plainTest(name, { concurrency: 20 }, async (t) => {
  try {
    await work(t);
  } finally {
    recover();
  }
});

// A way to send settle calls on a journey (threat D8).
const redirect = ({ response }) => {
  response.writeHead(307, { location: `${paper.facilitator.url}/settle` });
  response.end();
};

// What a facilitator may do to a settle call, and whether the money moved nevertheless.
const LOST = ["hang", "die", "garbage", "empty", "500", "429", "no-transaction", redirect];
const LANDED = [
  "hang-after-settle", "die-after-settle", "cut-after-settle", "garbage-after-settle", "empty-after-settle", "500-after-settle", "huge", "wrong-network",
  "wrong-payer", "pending-after-settle",
];

/** The first answer of a payment that meets `mode`. */
async function meet(mode, { v1 = false, rpc = true, site, path = DOOR, ...more } = {}) {
  const reader = await newReader(paper, site ? { site } : {});
  const payment = await reader.sign(path, { v1, ...more });
  paper.badFacilitator.scriptFor(reader, "/settle", mode);
  if (!rpc) paper.badRpc.always("*", "die");
  const first = await reader.send(path, payment);
  return { reader, payment, first, path };
}
async function assertOnce({ reader, path }, response) {
  const settlement = await assertArticle(response, path);
  const [transfer, ...others] = await reader.transfers();
  assert.deepEqual(others, [], "one transfer");
  assert.equal(settlement.transaction, transfer.transaction);
}

test("B1 S4 S5 the usual paywall, asked again after its facilitator settled and failed, has no article for the money", async () => {
  for (const mode of ["die-after-settle", "500-after-settle"]) {
    const { reader, payment, first } = await meet(mode, { site: naive.site });
    assert.notEqual(first.status, 200);
    assert.equal((await reader.transfers()).length, 1);
    recover();
    const again = await reader.send(DOOR, payment);
    assert.equal(again.status, 402);
    assert.ok(again.headers.get("payment-required"), "and wants it a second time");
  }
});

// each waits some seconds until it is asked again: side by side
const sideBySide = (t, list, nameOf, work) => Promise.all(list.map((one) => t.test(nameOf(one), () => work(one))));
const nameOf = (mode) => mode.name ?? mode;

for (const v1 of [false, true]) {
  const version = v1 ? "v1" : "v2";
  // what takes its time is shown once
  const some = (list) => (v1 ? list.slice(1) : list);
  test(`B1 S5 ${version}, a facilitator that fails before the money moved: pending, then the same payment settles and opens the article`,
    (t) => sideBySide(t, some(LOST), nameOf, async (mode) => {
      const met = await meet(mode, { v1 });
      await assertPending(met.first);
      assert.equal((await met.reader.transfers()).length, 0);
      await assertOnce(met, await resend(() => met.reader.send(DOOR, met.payment)));
    }));
  test(`B1 B2 S4 ${version}, a facilitator that fails after it: charged once, and the chain says so`,
    (t) => sideBySide(t, some(LANDED), nameOf, async (mode) => {
      const met = await meet(mode, { v1 });
      // with a chain to ask, even the first answer may be the article
      if (met.first.status === 200) return assertOnce(met, met.first);
      await assertPending(met.first);
      await assertOnce(met, await resend(() => met.reader.send(DOOR, met.payment)));
    }));
}

test("B1 B2 S5 the facilitator fails, and the chain cannot be asked either: pending until one of them speaks", async (t) => {
  const modes = ["hang", "garbage", "no-transaction", "hang-after-settle", "die-after-settle", "500-after-settle", "wrong-network"];
  const all = new Map(await Promise.all(modes.map(async (mode) => [mode, await meet(mode, { v1: mode === "500-after-settle", rpc: false })])));
  for (const met of all.values()) await assertPending(met.first);
  // nothing new is learnt, nothing is given
  paper.badFacilitator.always("/settle", "500");
  for (const { reader, payment } of all.values()) await assertPending(await reader.send(DOOR, payment));
  recover();
  await sideBySide(t, modes, nameOf, async (mode) => {
    const met = all.get(mode);
    await assertOnce(met, await resend(() => met.reader.send(DOOR, met.payment)));
  });
});

test("B2 a chain that lies low (errors, garbage, nothing, floods) is no evidence", async () => {
  for (const mode of ["500", "garbage", "empty", "429", "huge", "no-transaction"]) {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    paper.badFacilitator.script("/settle", "die-after-settle");
    paper.badRpc.always("*", mode);
    await assertPending(await reader.send(DOOR, payment));
    recover();
    await assertOnce({ reader, path: DOOR }, await resend(() => reader.send(DOOR, payment)));
  }
});

test("S5 an unknown payment stands in the way of nothing but itself: other readers and other articles are served", async () => {
  const met = await meet("die", { rpc: false });
  await assertPending(met.first);
  recover();
  const other = await newReader(paper);
  await assertArticle(await other.send(DOOR, await other.sign(DOOR)), DOOR);
  await assertArticle(await met.reader.send(PAWN, await met.reader.sign(PAWN)), PAWN);
  await assertArticle(await resend(() => met.reader.send(DOOR, met.payment)), DOOR);
  assert.equal((await met.reader.transfers()).length, 2);
});

test("B7 one reader has a few open payments at most; the rest is asked to come back, and nothing is charged twice", async () => {
  paper.badFacilitator.always("/settle", slow(700));
  const reader = await newReader(paper);
  const payments = await Promise.all(Array.from({ length: 12 }, () => reader.sign(DATA)));
  const answers = await Promise.all(payments.map((payment) => reader.send(DATA, payment)));
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0);
  for (const response of refused) {
    assert.match(response.headers.get("retry-after"), /^[1-9]\d?$/);
    assert.equal(await problemOf(response), "too-many-requests");
  }
  for (const [index, response] of answers.entries()) {
    if (response.status !== 429) await assertArticle(response, DATA);
    else await assertArticle(await resend(() => reader.send(DATA, payments[index])), DATA);
  }
  assert.equal((await reader.transfers()).length, 12);
});

// B4: what the origin does to the claim's winner
for (const [name, mode, status, problem] of [
  ...[404, 410].map((code) => [code, code, 404, "origin-not-found"]), ...[204, 403, 500, 503].map((code) => [code, code, 502, "origin-unavailable"]),
  ["a redirect", { redirect: FREE }, 502, "origin-unavailable"], ["a part", "partial", 502, "origin-unavailable"],
  ["a broken connection", "die", 502, "origin-unavailable"],
]) {
  test(`B4 the origin answers with ${name}: nothing is settled, the answer says so, the same payment works later`, async () => {
    for (const v1 of [false, true]) {
      const reader = await newReader(paper);
      const payment = await reader.sign(DOOR, { v1 });
      // every time: workerd repeats a request when a connection that was kept open breaks
      paper.origin.always(DOOR, mode);
      const response = await reader.send(DOOR, payment);
      paper.origin.reset();
      assert.equal(response.status, status);
      assert.match(await response.clone().text(), /nothing was charged/i);
      assert.equal(await problemOf(response), problem);
      assert.deepEqual(paper.badFacilitator.calls, []);
      assert.deepEqual(await reader.transfers(), []);
      await assertOnce({ reader, path: DOOR }, await reader.send(DOOR, payment));
      recover();
    }
  });
}

test("B4 the usual paywall settles a payment for a redirect", async () => {
  const reader = await newReader(paper, { site: naive.site });
  paper.origin.script(DOOR, { redirect: FREE });
  await reader.send(DOOR, await reader.sign(DOOR));
  assert.equal((await reader.transfers()).length, 1);
});


test("B4 an origin that breaks off its answer after the money moved: the same payment gets the whole of it", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  paper.origin.script(DOOR, "cut");
  await assert.rejects(async () => (await reader.send(DOOR, payment)).text());
  assert.equal((await reader.transfers()).length, 1);
  await assertOnce({ reader, path: DOOR }, await reader.send(DOOR, payment));
});

// B3: a connection that is reset while the origin answers, and while the facilitator settles
for (const [name, v1, cutAfter, delay] of [
  ["the origin is asked", false, 200, 600], ["the facilitator settles", false, 500, 0], ["the facilitator settles, v1", true, 500, 0],
]) {
  test(`B3 a client that leaves while ${name}: settled once, and the same payment opens the article`, async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR, { v1 });
    if (delay) paper.origin.script(DOOR, { delay });
    paper.badFacilitator.always("/settle", slow(1000));
    const headers = [...Object.entries(payment.headers), ["CF-Connecting-IP", "198.51.100.7"]];
    assert.equal((await rawRequest({ url: paper.site, target: DOOR, headers, cutAfter })).cut, true);
    await assertOnce({ reader, path: DOOR }, await resend(() => reader.send(DOOR, payment)));
    assert.equal(paper.badFacilitator.callsTo("/settle").length, 1);
  });
}

test("B3 a client that leaves and comes back only when all is over", async () => {
  for (const v1 of [false, true]) {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR, { v1 });
    paper.badFacilitator.script("/settle", slow(500));
    const headers = [...Object.entries(payment.headers), ["CF-Connecting-IP", "198.51.100.7"]];
    await rawRequest({ url: paper.site, target: DOOR, headers, cutAfter: 200 });
    await until("the money moves", async () => (await reader.transfers()).length === 1);
    await assertOnce({ reader, path: DOOR }, await resend(() => reader.send(DOOR, payment)));
  }
});

test("S4 S5 an outage that outlasts the authorization's window", async (t) => {
  const soon = () => Math.floor(Date.now() / 1000) + 9;
  const down = async (mode, v1) => {
    paper.badFacilitator.always("/settle", mode);
    paper.badRpc.always("*", "die");
    const met = await meet(mode, { v1, rpc: false, validBefore: soon() });
    await assertPending(met.first);
    return met;
  };
  const landed = [await down("die-after-settle", false), await down("500-after-settle", true), await down("garbage-after-settle", false)];
  const lost = [await down("die", false), await down("500", true)];
  const last = Math.max(...[...landed, ...lost].map(({ payment }) => Number(payment.authorization.validBefore)));
  await until("the windows are over", () => Date.now() / 1000 > last + 1);
  for (const { reader, payment } of [...landed, ...lost]) await assertPending(await reader.send(DOOR, payment));
  recover();

  await t.test("the money had moved: the same payment opens the article, charged once", async () => {
    for (const met of landed) await assertOnce(met, await resend(() => met.reader.send(DOOR, met.payment)));
  });
  await t.test("the money had not moved: pending until the chain's clock is past the window, then expired, and nothing is charged", async () => {
    for (const { reader, payment } of lost) await assertPending(await reader.send(DOOR, payment));
    await paper.chain.warp(60);
    for (const { reader, payment } of lost) {
      const response = await resend(() => reader.send(DOOR, payment));
      assert.equal(response.status, 402);
      assert.ok(response.headers.get("payment-required"), "a new offer, now that the old payment can never be charged");
      assert.equal(await problemOf(response), "authorization-expired");
      assert.deepEqual(await reader.transfers(), []);
    }
  });
  await t.test("and then a new payment works", async () => {
    const { reader } = lost[0];
    await assertOnce({ reader, path: DOOR }, await reader.send(DOOR, await reader.sign(DOOR)));
  });
});

test("B4 an origin that never answers: nothing is settled, and the same payment works later", async () => {
  const { reader, payment } = hanging;
  const response = await hanging.response;
  assert.equal(response.status, 502);
  assert.equal(await problemOf(response), "origin-unavailable");
  assert.deepEqual(await reader.transfers(), []);
  assert.equal(await paper.chain.authorizationState(reader.address, payment.authorization.nonce), false);
  await assertOnce({ reader, path: LOG }, await reader.send(LOG, payment));
});

test("B2 S4 an endpoint that stands still has not seen the payment, and the next one is asked", async () => {
  const { edge, config, chain, network } = paper;
  await edge.restart({ config: { ...config, settlement: { ...config.settlement, rpc: { [network]: [paper.badRpc.url, chain.url] } } } });
  try {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    const frozen = await chain.rpc("eth_getBlockByNumber", ["latest", false]);
    const old = { ...frozen, timestamp: `0x${(Number(frozen.timestamp) - 600).toString(16)}` };
    paper.badRpc.always("*", async ({ body, response, through }) => {
      const { id, method, params } = JSON.parse(body);
      const latest = method === "eth_getBlockByNumber" && params[0] === "latest";
      const text = latest ? JSON.stringify({ jsonrpc: "2.0", id, result: old }) : (await through()).text;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(text);
    });
    paper.badFacilitator.always("/settle", "500-after-settle");
    await assertOnce({ reader, path: DOOR }, await resend(() => reader.send(DOOR, payment), { tries: 3 }));
    assert.ok(paper.badRpc.calls.some(({ body }) => body.params[0] === "latest"), "it was asked first");
  } finally {
    recover();
    await edge.restart({ config });
  }
});
