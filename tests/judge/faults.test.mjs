// A fault at every single thing that an object asks of its storage, and alarms that come never, twice, or all at once: nobody is
// charged twice, and who paid reads. At the end the judge looks at all of it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { refuseAfterSettle } from "../support/hostile-facilitator.mjs";
import { rowsOn } from "./disk.mjs";
import { inWords, judge } from "./judge.mjs";
import { buy, close, pursue, sign } from "./load.mjs";
import { probed } from "./probe.mjs";
import { sleep, startStand } from "./stand.mjs";
import { story } from "./story.mjs";

let probe;
let stand;
/** Every fault at every call, and every state with both kinds of pages: `npm run judge -- --faults`. */
const EVERY = process.env.FARTHING_EVERY_FAULT === "1";
const ABORTS = ["abort", "abort-after"];
/** What goes wrong for whom: a payer, or a nonce. */
const ill = new Map();
/** How many payments there were. */
let transfers = 0;
before(async () => {
  probe = probed();
  stand = await startStand({ build: probe.build, timeoutSeconds: 2, books: true });
  stand.mood.settle = ({ payer }) => ill.get(payer)?.settle ?? "pass";
  stand.mood.origin = ({ nonce }) => ill.get(nonce)?.origin ?? "pass";
});
after(async () => {
  await stand?.stop();
  probe?.remove();
});

const order = (payer, what) => probe.order(stand.edge.url, payer.payer, what);
/** Rows by payer; `since`: only those that changed since. */
const rowsByPayer = (since) => new Map(rowsOn(stand.edge.state, { since }).map((row) => [row.payer, row]));
/** Waits a while for something. */
async function until(what, check, seconds = 60) {
  for (let left = seconds * 10; !(await check()); left--) {
    if (left === 0) assert.fail(`never happened: ${what}`);
    await sleep(100);
  }
}

/** What an object asks of its storage for one payment that goes well, or better than that. */
async function journalOf(path, options) {
  const payer = await stand.newPayer(options);
  await order(payer, { do: "watch" });
  const { answer } = await buy(stand, payer, path);
  assert.equal(answer.text, "whole");
  return (await order(payer, { do: "read" })).journal;
}

const hang = () => {};
/** How a payment is left, and what the ledger says of it then. */
const STATES = {
  "claimed, its request lost": { origin: hang, moment: "asked", lost: true, phase: "claimed" },
  "settling, nothing moved": { settle: "hang", moment: "settling", lost: true, phase: "settling" },
  "settling, the money moved": { settle: "hang-after-settle", moment: "broadcast", lost: true, phase: "settling" },
  "unknown, nothing moved": { settle: "die", dark: true, phase: "unknown" },
  "unknown, the money moved": { settle: "die-after-settle", dark: true, phase: "unknown" },
  "refused, the money moved": { settle: refuseAfterSettle("insufficient_funds"), phase: "rejected" },
};
const ALARMS = [{ times: 0 }, { times: 1 }, { times: 2 }, { times: 7 }, { times: 4, together: true }];

/** Payments that were left in some state, with the platform's own alarms switched off; and requests that wait for an origin. */
const left = [];
const requests = [];
const ring = async ({ payer, alarms }) => {
  if (alarms.times === 0) return;
  const { errors } = await order(payer, { do: "alarm", ...alarms });
  assert.deepEqual(errors, []);
};

test("S6 B6 payments are left in every state, and alarms come too early, once, or several at once", async () => {
  for (const [name, state] of Object.entries(STATES)) {
    for (const alarms of ALARMS) {
      for (const path of EVERY ? ["/page/1", "/call/1"] : [left.length % 2 ? "/page/1" : "/call/1"]) {
        const payer = await stand.newPayer();
        const payment = await sign(stand, payer, path);
        await order(payer, { do: "mute" });
        ill.set(payer.payer, state);
        ill.set(payment.noted.nonce, state);
        if (state.dark) stand.mood.rpc = () => "die";
        if (state.lost) {
          const moment = new Promise((resolve) => {
            stand.watch = (which) => which === state.moment && resolve();
          });
          const request = payer.ask(path, { payment });
          await moment;
          if (state.moment === "broadcast") await until("the money moves", async () => stand.chain.authorizationState(payer.address, payment.noted.nonce));
          await order(payer, { do: "abort" });
          // the Worker itself lives on and waits for its origin
          if (state.origin) requests.push(request);
          else await request;
        } else {
          await payer.ask(path, { payment });
        }
        stand.mood.rpc = () => "pass";
        ill.delete(payer.payer);
        ill.delete(payment.noted.nonce);
        assert.equal(rowsByPayer(Date.now() - 10_000).get(payer.payer)?.phase, state.phase, `${name}, ${path}`);
        left.push({ name, payer, payment, path, alarms });
      }
    }
  }
  stand.watch = () => {};
  // too early for most
  await Promise.all(left.map(ring));
});

describe("S6 S7 meanwhile", { concurrency: true }, () => {
  test("the object is aborted before or after, or its storage fails at, every single call to its storage", async (t) => {
    const cases = [];
    for (const path of ["/page/0", "/first/0", "/call/0"]) {
      for (const [nth, what] of (await journalOf(path)).entries()) {
        // what fails takes nothing along, so those come first
        if (EVERY || !what.startsWith("SELECT")) cases.unshift({ path, act: "fail", nth });
        for (const [n, act] of ABORTS.entries()) if (EVERY || nth % 4 === 2 * n) cases.push({ path, act, nth });
      }
    }
    let hit = 0;
    let start = 0;
    await Promise.all(cases.map(async ({ path, act, nth }, index) => {
      // what is aborted amid its work takes the others' calls along, in this isolate
      start += act === "fail" ? 30 : 100;
      await sleep(start);
      // a call that proves nothing is answered again for a minute only
      const payer = await stand.newPayer({ v1: !path.startsWith("/call") && index % 4 === 0 });
      const payment = await sign(stand, payer, path);
      await order(payer, { do: "plan", act, nth });
      const { answer } = await buy(stand, payer, path, { payment });
      assert.equal(answer.text, "whole", `${act} at ${nth} of ${path}: ${answer.status} ${answer.problem}`);
      if ((await order(payer, { do: "read" })).spent) hit += 1;
    }));
    t.diagnostic(`${cases.length} payments, ${hit} with a fault`);
    assert.ok(hit > cases.length * 0.9, `${hit} of ${cases.length}`);
    transfers += cases.length + 3;
  });

  test("all objects are aborted, again and again, while a payment is on its way", async () => {
    const payers = await Promise.all(Array.from({ length: 6 }, () => stand.newPayer()));
    let going = true;
    const aborting = (async () => {
      for (let n = 0; going && n < (EVERY ? 25 : 5); n++) {
        for (const payer of payers) await order(payer, { do: "abort" }).catch(() => {});
        await sleep(150 + n * 40);
      }
    })();
    const answers = await Promise.all(payers.map(async (payer, index) => (await buy(stand, payer, index % 2 ? "/page/2" : "/call/2")).answer));
    going = false;
    await aborting;
    for (const answer of answers) assert.equal(answer.text, "whole", `${answer.status} ${answer.problem}`);
    transfers += payers.length;
  });
});

test("S6 B6 alarms that never come, come once, twice, again and again, or all at once: the same end", async (t) => {
  const soon = Date.now() / 1000 + 60;
  const early = rowsByPayer();
  const due = Math.max(...left.map(({ payer }) => early.get(payer.payer)).filter(({ open, alarm }) => open && alarm < soon).map(({ alarm }) => alarm));
  await sleep(Math.max(0, due * 1000 - Date.now()) + 1500);
  await Promise.all(left.map(ring));
  const rung = rowsByPayer();
  t.diagnostic(`${left.length} payments, ${left.filter(({ payer }) => rung.get(payer.payer).phase === "settled").length} settled by alarms alone`);
  for (const { name, payer, alarms } of left) {
    if (name.startsWith("settling") && alarms.times > 0) assert.equal(rung.get(payer.payer).phase, "settled", `${name}, ${alarms.times}`);
  }
  await Promise.all(left.map(async ({ name, payer, payment, path, alarms }) => {
    const answer = await pursue(stand, () => payer.ask(path, { payment }));
    if (answer.text !== "whole") {
      const evidence = await stand.evidence();
      assert.fail(`${name}, ${alarms.times} alarms, ${path}: ${answer.status} ${answer.problem}\n${story(evidence, payer.payer)}`);
    }
  }));
  const ended = rowsByPayer();
  for (const { name, payer } of left) assert.equal(ended.get(payer.payer).phase, "settled", name);
  // what is left to do, telling the books, is done as it always is
  await Promise.all(left.map(async ({ payer }) => {
    await order(payer, { do: "unmute" });
    await order(payer, { do: "alarm", times: 1 });
  }));
  await Promise.all(requests);
  transfers += left.length;
});

test("S6 S8 nobody was charged twice, and who paid reads", async () => {
  await close(stand);
  const evidence = await stand.evidence({ closed: true });
  const { violations, examined } = judge(evidence);
  assert.equal(inWords(violations), "", violations.slice(0, 3).map(({ payer }) => payer && story(evidence, payer)).join("\n\n"));
  for (const [rule, count] of Object.entries(examined)) assert.ok(count > 0, rule);
  assert.equal(evidence.chain.transfers.length, transfers);
});
