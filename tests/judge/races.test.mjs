// Many at once, in real workerd, judged by what came out: one payment a thousand times, two hundred payments of one payer, two
// hundred payers, and one payment on two articles.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { MODES, slow } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { inWords, judge } from "./judge.mjs";
import { sleep, startStand } from "./stand.mjs";

let stand;
let naive;
let hasty;
before(async () => {
  // patience enough for a busy machine: what is tried here is not what happens without
  stand = await startStand({ timeoutSeconds: 30, sockets: 1000 });
  const options = {
    origin: stand.origin.url, facilitator: stand.desk.url,
    routes: [{ prefix: "/page/", amount: "50000" }, { prefix: "/first/", amount: "30000" }, { prefix: "/call/", amount: "2000" }],
  };
  naive = await startNaive(options);
  hasty = await startNaive({ ...options, optimistic: true });
});
after(async () => {
  await naive?.stop();
  await hasty?.stop();
  await stand?.stop();
});
afterEach(() => {
  stand.mood.settle = () => "pass";
  stand.watch = () => {};
});

/** Counts what the Worker asks of the others while `work` runs. */
async function counting(work) {
  const counts = { asked: 0 };
  stand.watch = (moment) => { if (moment in counts) counts[moment] += 1; };
  const answers = await work();
  return { ...counts, answers };
}
const settleCalls = ({ payer }) => stand.settles.filter((each) => each.payer === payer);
async function transfersOf(...payers) {
  const all = new Set(payers.map(({ payer }) => payer));
  const { chain } = await stand.evidence({ rows: [] });
  return chain.transfers.filter(({ from }) => all.has(from));
}
/** The same request until it is no longer pending. */
async function pursue(ask) {
  for (let left = 40; ; left--) {
    const answer = await ask();
    if (![429, 503].includes(answer.status) || left === 0) return answer;
    assert.match(answer.problem, /^(settlement-pending|too-many-requests)$/);
    assert.ok(answer.retryAfter >= 1 && !answer.offer);
    await sleep(Math.min(answer.retryAfter, 2) * 1000);
  }
}
async function assertWithoutFault(options) {
  const { violations, examined } = judge(await stand.evidence(options));
  assert.equal(inWords(violations), "");
  for (const rule of ["S1", "S2", "S4", "S8", "S9"]) assert.ok(examined[rule] > 0, rule);
}
/** What the judge finds in a naive paywall's log after `work`. */
async function faultsOf(site, work, transfers = 1) {
  const visitors = stand.visitorsOf(site);
  await work(await visitors.newPayer({}));
  for (let left = 100; ; left--) {
    const evidence = await visitors.evidence();
    if (evidence.chain.transfers.length >= transfers || left === 0) return judge(evidence).violations.map(({ rule }) => rule);
    await sleep(100);
  }
}
/** Everybody got the whole text; if not, how many got what instead. */
function assertAllRead(answers) {
  const others = {};
  for (const { text, status, problem } of answers) if (text !== "whole") others[`${status} ${problem} ${text}`] = (others[`${status} ${problem} ${text}`] ?? 0) + 1;
  assert.deepEqual(others, {});
}
const times = (count, work) => Promise.all(Array.from({ length: count }, (_, index) => work(index)));

test("the judge finds what the usual paywalls do in such races", async () => {
  const twice = await faultsOf(naive.site, async (payer) => {
    const payments = await times(5, () => payer.sign("/page/0"));
    await Promise.all(payments.map((payment) => payer.ask("/page/0", { payment })));
  }, 5);
  assert.ok(twice.includes("S3"), "charged for every payment");
  const everywhere = await faultsOf(hasty.site, async (payer) => {
    const payment = await payer.sign("/page/0");
    await Promise.all(["/page/0", "/page/1"].map((path) => payer.ask(path, { payment })));
  });
  assert.ok(everywhere.includes("S2"), "opened two articles for one payment");
  stand.mood.settle = () => slow(300);
  const early = await faultsOf(hasty.site, async (payer) => payer.ask("/page/0", { payment: await payer.sign("/page/0") }));
  assert.ok(early.includes("S1"), "opened before the money moved");
  stand.mood.settle = () => "die";
  const free = await faultsOf(hasty.site, async (payer) => payer.ask("/page/0", { payment: await payer.sign("/page/0") }), 0);
  assert.ok(free.includes("S5"), "opened, and the money never moved");
  stand.mood.settle = () => "die-after-settle";
  const lost = await faultsOf(naive.site, async (payer) => {
    const payment = await payer.sign("/page/0");
    await payer.ask("/page/0", { payment });
    await payer.ask("/page/0", { payment });
  });
  assert.ok(lost.includes("S4"), "took the money and gave nothing");
  assert.ok(lost.includes("S3"), "and asked for it again");
});

for (const [path, v1] of [["/page/1", false], ["/page/2", true], ["/call/1", false], ["/first/1", false]]) {
  test(`A1 S1 S3 a thousand times the same payment at once (${path}${v1 ? ", v1" : ""}): one fetch, one settle call, one transfer`, async () => {
    const payer = await stand.newPayer({ v1 });
    const payment = await payer.sign(path);
    const { asked, answers } = await counting(() => times(1000, () => payer.ask(path, { payment })));
    assert.equal(answers.length, 1000);
    assert.equal(settleCalls(payer).length, 1);
    assert.equal((await transfersOf(payer)).length, 1);
    const opened = answers.filter(({ text }) => text === "whole");
    assert.ok(opened.length >= 1, "somebody reads");
    // who comes after the settlement, with our quote, is answered again and needs the page again
    assert.equal(asked, opened.length);
    for (const answer of answers.filter(({ text }) => text !== "whole")) {
      assert.equal(answer.text, "none");
      assert.ok([409, 503].includes(answer.status), `${answer.status} ${answer.problem}`);
      if (answer.status === 503) assert.equal(answer.problem, "settlement-pending");
      // over: v1 proves nothing, and a call that went out whole is not given twice
      else assert.ok((v1 || path.startsWith("/call")) && answer.problem === "authorization-already-used", answer.problem);
    }
    if (!v1 && !path.startsWith("/call")) assert.equal((await pursue(() => payer.ask(path, { payment }))).text, "whole");
    await assertWithoutFault();
  });
}

test("S3 two hundred payments of one payer for one article at once: one transfer, and each of them opens it", async () => {
  const path = "/page/3";
  const payer = await stand.newPayer();
  const payments = await times(200, () => payer.sign(path, { ours: true }));
  const answers = await Promise.all(payments.map((payment) => pursue(() => payer.ask(path, { payment }))));
  assertAllRead(answers);
  assert.equal(new Set(answers.map(({ settlement }) => settlement.transaction)).size, 1);
  assert.equal((await transfersOf(payer)).length, 1);
  assert.equal(settleCalls(payer).length, 1);
  await assertWithoutFault();
});

test("S3 sixty payments of another client for one article: each opens it or has to wait a little, because a chain is asked for each", async () => {
  const path = "/page/3";
  const payer = await stand.newPayer();
  const payments = await times(60, () => payer.sign(path));
  const answers = await Promise.all(payments.map((payment) => payer.ask(path, { payment })));
  for (const { status, problem, text, retryAfter } of answers) {
    assert.ok(text === "whole" || (status === 429 && problem === "too-many-requests" && retryAfter >= 1), `${status} ${problem}`);
  }
  assert.ok(answers.some(({ status }) => status === 200) && answers.some(({ status }) => status === 429));
  assert.equal((await transfersOf(payer)).length, 1);
  assert.equal(settleCalls(payer).length, 1);
  await assertWithoutFault();
});

test("S3 two hundred payments at once, the first of which is lost on its way: still one transfer", async () => {
  const path = "/page/4";
  const payer = await stand.newPayer();
  const payments = await times(200, () => payer.sign(path, { ours: true }));
  let lost = 0;
  stand.mood.settle = () => (lost++ === 0 ? "die-after-settle" : "pass");
  const answers = await Promise.all(payments.map((payment) => pursue(() => payer.ask(path, { payment }))));
  assertAllRead(answers);
  assert.equal((await transfersOf(payer)).length, 1);
  await assertWithoutFault();
});

test("A2 S2 one payment raced on two articles of one price, either first: one of them opens, the other is refused for good", async () => {
  stand.mood.settle = () => slow(100);
  const [a, b] = ["/page/5", "/page/6"];
  await times(20, async (index) => {
    const payer = await stand.newPayer();
    const payment = await payer.sign(a);
    // the offer of the other article is another one: as v1 it is the same payment for both
    const { signature, authorization } = payment;
    const bare = { x402Version: 1, scheme: "exact", network: "base-sepolia", payload: { signature, authorization } };
    const plain = { noted: payment.noted, headers: { "X-PAYMENT": Buffer.from(JSON.stringify(bare)).toString("base64") } };
    const order = index % 2 ? [a, b] : [b, a];
    const answers = await Promise.all(order.map(async (path) => {
      if (path !== order[0]) await sleep((index >> 1) * 4);
      return pursue(() => payer.ask(path, { payment: plain }));
    }));
    const opened = answers.filter(({ text }) => text === "whole");
    assert.equal(opened.length, 1);
    const refused = answers.find((answer) => !opened.includes(answer));
    assert.deepEqual([refused.status, refused.problem], [409, "authorization-bound-elsewhere"]);
    assert.equal((await transfersOf(payer)).length, 1);
    const again = await payer.ask(refused.path, { payment: plain });
    assert.deepEqual([again.status, again.problem], [409, "authorization-bound-elsewhere"]);
  });
  await assertWithoutFault();
});

test("S8 two hundred payers at once for one article: two hundred transfers, and each reads", async () => {
  const path = "/page/7";
  const payers = await times(200, () => stand.newPayer());
  const payments = await Promise.all(payers.map((payer) => payer.sign(path)));
  const answers = await Promise.all(payers.map((payer, index) => pursue(() => payer.ask(path, { payment: payments[index] }))));
  assertAllRead(answers);
  const transfers = await transfersOf(...payers);
  assert.equal(transfers.length, 200);
  assert.equal(new Set(transfers.map(({ from }) => from)).size, 200);
  await assertWithoutFault();
});

test("S2 S3 sixty calls of one payer at once: each is charged, each is answered, none twice", async () => {
  const path = "/call/3";
  const payer = await stand.newPayer();
  const payments = await times(60, () => payer.sign(path));
  stand.mood.settle = () => (Math.random() < 0.1 ? MODES["500-after-settle"] : "pass");
  await Promise.all(payments.map((payment) => pursue(() => payer.ask(path, { payment }))));
  assert.equal((await transfersOf(payer)).length, 60);
  await assertWithoutFault();
});
