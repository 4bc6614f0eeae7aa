// One payment buys one thing once: racing it, repeating it and taking it elsewhere get nothing more.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { slow, slowAfterSettle } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { encode, nonceFor } from "../support/pay.mjs";
import {
  DOOR, DOT, LOG, PAWN, PRICES, assertArticle, assertPending, impatient, naiveRoutes, needles, newReader, problemOf, resend, settlesOf, until,
} from "../e2e/reader.mjs";

let paper;
let naive;
let hasty;
before(async () => {
  paper = await startNewspaper({ hostile: true, change: impatient(2) });
  const options = { origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes };
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
  paper.origin.reset();
});

const settles = (reader) => settlesOf(paper.badFacilitator, reader);
const isSettling = (reader) => until("a settle call", () => settles(reader).length > 0);

/** Fifty times the same payment at once: what came back, and what it cost the others. */
async function race(reader, path, options) {
  paper.origin.log.length = 0;
  const payment = await reader.sign(path, options);
  const answers = await Promise.all(Array.from({ length: 50 }, async () => {
    const response = await reader.send(path, payment);
    return { response: response.clone(), text: await response.text() };
  }));
  await until("the money moves", async () => (await reader.transfers()).length > 0);
  return {
    payment, answers,
    opened: answers.filter(({ response, text }) => response.status === 200 && needles[path].every((needle) => text.includes(needle))),
    fetches: paper.origin.requestsTo(path).length,
  };
}

test("A1 S3 fifty identical payments in parallel: one origin fetch, one settle call, one transfer", async (t) => {
  await t.test("the usual paywall fetches and settles many times, or gives the article to many", async () => {
    const one = await newReader(paper, { site: naive.site });
    const { fetches } = await race(one, DOOR);
    assert.ok(fetches > 1, `${fetches} origin fetches`);
    assert.ok(settles(one).length > 1);
    const two = await newReader(paper, { site: hasty.site });
    const { opened } = await race(two, DOOR);
    assert.ok(opened.length > 1, `${opened.length} articles`);
    assert.equal((await two.transfers()).length, 1);
  });
  for (const v1 of [false, true]) {
    await t.test(`ours does each once (${v1 ? "v1" : "v2"})`, async () => {
      const reader = await newReader(paper);
      const { payment, answers, opened, fetches } = await race(reader, DOOR, { v1 });
      assert.equal(fetches, 1);
      assert.equal(settles(reader).length, 1);
      assert.equal((await reader.transfers()).length, 1);
      assert.ok(opened.length >= 1);
      for (const answer of answers) {
        if (opened.includes(answer)) continue;
        await assertPending(answer.response);
        assert.ok(needles[DOOR].every((needle) => !answer.text.includes(needle)));
      }
      if (!v1) await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
      assert.equal((await reader.transfers()).length, 1);
    });
  }
});

/** Pays, loses the cookies, and pays again with another authorization. */
async function payTwice(reader, path) {
  await (await reader.send(path, await reader.sign(path))).text();
  const again = await reader.send(path, await reader.sign(path));
  await again.text();
  return (await reader.transfers()).length;
}

test("S3 cookies cleared after paying: a fresh authorization opens the article and costs nothing", async (t) => {
  await t.test("the usual paywall charges again", async () => {
    assert.equal(await payTwice(await newReader(paper, { site: naive.site }), DOOR), 2);
  });
  for (const v1 of [false, true]) {
    await t.test(`ours gives the article and names the first transaction (${v1 ? "v1" : "v2"})`, async () => {
      const reader = await newReader(paper);
      const first = await assertArticle(await reader.send(DOOR, await reader.sign(DOOR, { v1 })), DOOR);
      for (let more = 0; more < 2; more++) assert.deepEqual(await assertArticle(await reader.send(DOOR, await reader.sign(DOOR, { v1 })), DOOR), first);
      assert.deepEqual((await reader.transfers()).map(({ transaction }) => transaction), [first.transaction]);
      assert.equal(settles(reader).length, 1);
    });
  }
  await t.test("a nonce that was made for the offer, as our own clients make it, brings the cookies back", async () => {
    const reader = await newReader(paper);
    const first = await assertArticle(await reader.send(DOOR, await reader.sign(DOOR)), DOOR);
    const offer = await reader.offer(DOOR);
    const response = await reader.send(DOOR, await reader.sign(DOOR, { offer, nonce: nonceFor(offer) }));
    const cookie = response.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
    assert.deepEqual(await assertArticle(response, DOOR), first);
    await assertArticle(await reader.ask(DOOR, { cookie }), DOOR);
    assert.equal((await reader.transfers()).length, 1);
  });
});

test("S3 cookies cleared while the first payment is pending: the second waits for it and costs nothing", async (t) => {
  await t.test("the usual paywall charges both", async () => {
    paper.badFacilitator.script("/settle", slow(500));
    const reader = await newReader(paper, { site: naive.site });
    const payments = [await reader.sign(DOOR), await reader.sign(DOOR)];
    await Promise.all(payments.map(async (payment) => (await reader.send(DOOR, payment)).text()));
    assert.equal((await reader.transfers()).length, 2);
  });
  for (const [name, mode] of [["before", slow(1000)], ["after", slowAfterSettle(1000)]]) {
    await t.test(`a slow facilitator, ${name} the money moves`, async () => {
      paper.badFacilitator.script("/settle", mode);
      const reader = await newReader(paper);
      const [one, two] = [await reader.sign(DOOR), await reader.sign(DOOR)];
      const first = reader.send(DOOR, one);
      await isSettling(reader);
      const second = resend(() => reader.send(DOOR, two));
      const settlement = await assertArticle(await first, DOOR);
      assert.deepEqual(await assertArticle(await second, DOOR), settlement);
      assert.equal((await reader.transfers()).length, 1);
      assert.equal(settles(reader).length, 1);
    });
  }
  await t.test("a facilitator that hangs", async () => {
    paper.badFacilitator.script("/settle", "hang");
    const reader = await newReader(paper);
    const [one, two] = [await reader.sign(DOOR), await reader.sign(DOOR)];
    const first = reader.send(DOOR, one);
    await isSettling(reader);
    const second = reader.send(DOOR, two);
    await assertPending(await first);
    // no alarm has to come: the first payment, sent again, settles; the second meets it
    const settlement = await assertArticle(await resend(() => reader.send(DOOR, one)), DOOR);
    const met = await second;
    const last = met.status === 503 ? await resend(() => reader.send(DOOR, two)) : met;
    assert.deepEqual(await assertArticle(last, DOOR), settlement);
    assert.equal((await reader.transfers()).length, 1);
  });
  await t.test("a facilitator that hangs, and a reader who only has the second payment left", async () => {
    paper.badFacilitator.script("/settle", "hang");
    const reader = await newReader(paper);
    const [one, two] = [await reader.sign(DOOR), await reader.sign(DOOR)];
    await assertPending(await reader.send(DOOR, one));
    await assertArticle(await resend(() => reader.send(DOOR, two)), DOOR);
    const [transfer, ...others] = await reader.transfers();
    assert.deepEqual(others, []);
    assert.equal(transfer.value, PRICES[DOOR]);
  });
});

test("S3 twenty authorizations of one reader in parallel: one of them is charged, all of them open the article", async () => {
  const reader = await newReader(paper);
  const payments = await Promise.all(Array.from({ length: 20 }, () => reader.sign(DOOR)));
  const settlements = await Promise.all(payments.map(async (payment) => assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR)));
  assert.equal(new Set(settlements.map(({ transaction }) => transaction)).size, 1);
  assert.equal((await reader.transfers()).length, 1);
  assert.equal(settles(reader).length, 1);
});

test("S3 another article is another charge", async () => {
  const reader = await newReader(paper);
  await assertArticle(await reader.send(PAWN, await reader.sign(PAWN)), PAWN);
  await assertArticle(await reader.send(LOG, await reader.sign(LOG)), LOG);
  assert.deepEqual((await reader.transfers()).map(({ value }) => value), [PRICES[PAWN], PRICES[LOG]]);
});

test("A2 one authorization belongs to the article it was first sent for", async (t) => {
  // rewritten as a v1 payment, with the other article's offer around it, and as it is
  const moved = async (reader, payment, path) => {
    const { resource, accepts: [accepted] } = await reader.offer(path);
    const v1 = { x402Version: 1, scheme: "exact", network: "base-sepolia", payload: payment.payload.payload };
    return {
      "as v1": { headers: { "X-PAYMENT": encode(v1) } },
      "with the other offer": { headers: { "PAYMENT-SIGNATURE": encode({ ...payment.payload, resource, accepted }) } },
      "as it is": payment,
    };
  };
  /**
   * Every way to send the payment for `path`; all have to be refused. Only who has the very header is told why: anybody could
   * wrap a payment anew that is on the chain, and learn by trying what its payer reads.
   */
  const assertBound = async (reader, payment, path) => {
    for (const [name, other] of Object.entries(await moved(reader, payment, path))) {
      const response = await reader.send(path, other);
      assert.equal(response.status, 409, name);
      assert.equal(await problemOf(response), name === "as it is" ? "authorization-bound-elsewhere" : "authorization-already-used", name);
    }
  };
  await t.test("the usual paywall, in a hurry, opens both", async () => {
    const reader = await newReader(paper, { site: hasty.site });
    const payment = await reader.sign(DOOR);
    paper.badFacilitator.script("/settle", slow(500));
    await assertText(await reader.send(DOOR, payment), DOOR);
    await assertText(await reader.send(DOT, payment), DOT);
    await until("the money moves", async () => (await reader.transfers()).length > 0);
    assert.equal((await reader.transfers()).length, 1);
  });
  await t.test("before settlement", async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    paper.badFacilitator.script("/settle", "500");
    await assertPending(await reader.send(DOOR, payment));
    await assertBound(reader, payment, DOT);
    await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
    assert.equal((await reader.transfers()).length, 1);
  });
  await t.test("during settlement", async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    paper.badFacilitator.script("/settle", slow(1000));
    const first = reader.send(DOOR, payment);
    await isSettling(reader);
    await assertBound(reader, payment, DOT);
    await assertArticle(await first, DOOR);
    assert.equal((await reader.transfers()).length, 1);
  });
  await t.test("after settlement", async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    await assertArticle(await reader.send(DOOR, payment), DOOR);
    await assertBound(reader, payment, DOT);
    assert.equal(settles(reader).length, 1);
  });
  await t.test("after the origin could not deliver", async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    paper.origin.script(DOOR, 500);
    assert.equal((await reader.send(DOOR, payment)).status, 502);
    await assertBound(reader, payment, DOT);
    assert.equal((await reader.transfers()).length, 0);
  });
});

async function assertText(response, path) {
  const text = await response.text();
  assert.equal(response.status, 200);
  assert.ok(needles[path].every((needle) => text.includes(needle)));
}
