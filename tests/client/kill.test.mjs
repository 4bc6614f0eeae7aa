// A program that pays is killed in the middle of what it does, a hundred times, and run again: nothing is paid twice, and the budget never
// says less than what was paid.
import assert from "node:assert/strict";
import { test } from "node:test";
import { generatePrivateKey } from "viem/accounts";
import { SEED, chance } from "../support/chance.mjs";
import { GOOD, demand, folder, nonceOf, paymentOf, program, stage } from "./stage.mjs";

const { createClient, fileStore } = await import("../../js/dist/client/node.js");

const KILLS = 100;
const AT_ONCE = 2;

test("F7 killed at any moment, and run again until everything is paid for", async (t) => {
  const random = chance();
  // who comes without a payment gets nothing: a payment that was forgotten would be paid again
  const taken = new Map();
  const { site } = await stage(t, (request, response) => {
    const payment = paymentOf(request);
    if (!payment) return demand(response);
    taken.set(request.url, (taken.get(request.url) ?? new Set()).add(nonceOf(payment)));
    setTimeout(() => response.writeHead(200, { "payment-response": encode(nonceOf(payment)) }).end("here"), random.below(4));
  });
  const encode = (transaction) => Buffer.from(JSON.stringify({ success: true, transaction, network: GOOD.network })).toString("base64");
  const job = { folder: folder(t), key: generatePrivateKey(), policy: { max: "$0.01" }, atOnce: AT_ONCE, wait: true };
  const store = fileStore(job.folder);
  const client = createClient({ signer: job.key, policy: job.policy, store });
  const last = [];

  let pages = 0;
  let kills = 0;
  let between = 0;
  const wanted = new Set();
  while (kills < KILLS || wanted.size > 0) {
    // always more than it can buy, until it was killed often enough
    while (kills < KILLS && wanted.size < 12) wanted.add(`${site}/${pages++}`);
    const { child, ended, ready, begin } = program(t, { ...job, urls: [...wanted] });
    await ready;
    begin();
    if (kills < KILLS) {
      const timer = setTimeout(() => child.kill("SIGKILL"), random.below(90));
      last.push(await ended);
      clearTimeout(timer);
      kills += 1;
    } else {
      assert.deepEqual(await ended, { code: 0, signal: null });
    }
    // what has its receipt was bought, whatever the program could still say
    for (const { url } of await client.receipts()) wanted.delete(url);
    const { total: { spent }, open } = await client.budget();
    if (open > 0) between += 1;
    const paid = [...taken.values()].reduce((sum, one) => sum + one.size, 0);
    assert.ok(Number(spent) * 100 >= paid - 1e-6, `FARTHING_SEED=${SEED}: $${spent} of ${paid} payments, after ${kills} kills`);
  }

  assert.equal(last.filter(({ signal }) => signal === "SIGKILL").length, KILLS, "each time before it was done");
  assert.equal(taken.size, pages);
  assert.deepEqual([...taken].filter(([, payments]) => payments.size !== 1), [], `FARTHING_SEED=${SEED}: paid more than once`);
  const receipts = await client.receipts();
  assert.deepEqual([receipts.length, new Set(receipts.map(({ url }) => url)).size], [pages, pages]);
  const { total, open } = await client.budget();
  // what was marked as signed and never written down counts as spent: rather too much than too little
  assert.equal(Math.round(Number(total.spent) * 100), pages + open);
  assert.ok(open <= KILLS * AT_ONCE);
  t.diagnostic(`${pages} pages, ${kills} kills, ${between} with a payment under way, ${open} cents set aside for good`);
});
