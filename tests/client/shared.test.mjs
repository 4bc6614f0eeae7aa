// Programs that share a folder share a budget: together they spend what one of them may, and never a cent more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { generatePrivateKey } from "viem/accounts";
import { demand, folder, paymentOf, program, shop, stage } from "./stage.mjs";

const { createClient, fileStore } = await import("../../js/dist/client/node.js");

/** Starts them all, and lets them begin at once. */
async function together(t, jobs) {
  const programs = jobs.map((job) => program(t, { ...job, wait: true }));
  await Promise.all(programs.map(({ ready }) => ready));
  for (const { begin } of programs) begin();
  assert.deepEqual(await Promise.all(programs.map(({ ended }) => ended)), jobs.map(() => ({ code: 0, signal: null })));
  return programs.map(({ lines }) => lines.filter(({ index }) => index !== undefined));
}
const tally = (lines, name) => Object.fromEntries(Object.entries(Object.groupBy(lines, name)).map(([key, all]) => [key, all.length]));

test("F3 two programs, a thousand pages, and a budget for a hundred: a hundred payments", async (t) => {
  const { site, count, taken } = await shop(t);
  const shared = { folder: folder(t), key: generatePrivateKey(), policy: { max: "$0.01", total: "$1.00" }, atOnce: 8 };
  const half = (from) => Array.from({ length: 500 }, (_, at) => `${site}/page/${from + at}`);
  const said = await together(t, [0, 500].map((from) => ({ ...shared, urls: half(from) })));
  const all = said.flat();
  assert.deepEqual(tally(all, ({ reason, paid }) => reason ?? `paid: ${paid}`), { "paid: true": 100, "over-budget-total": 900 });
  assert.deepEqual([count(), taken.size], [100, 100]);
  const client = createClient({ signer: shared.key, policy: shared.policy, store: fileStore(shared.folder) });
  assert.deepEqual((await client.budget()).total, { spent: "1.00", left: "0.00" });
  assert.deepEqual([(await client.budget()).open, (await client.receipts()).length], [0, 100]);
});

test("F7 programs that want the same pages at once pay once in all for each", async (t) => {
  const { site, taken, count } = await shop(t);
  const shared = { folder: folder(t), key: generatePrivateKey(), policy: { max: "$0.01" }, atOnce: 3 };
  const urls = Array.from({ length: 15 }, (_, at) => `${site}/${at}`);
  const said = await together(t, [shared, shared, shared].map((job) => ({ ...job, urls })));
  assert.deepEqual(tally(said.flat(), ({ reason, status, paid }) => reason ?? `${status} ${paid}`), { "200 true": 15, "200 false": 30 });
  assert.deepEqual([taken.size, count()], [15, 15]);
  const client = createClient({ signer: shared.key, policy: shared.policy, store: fileStore(shared.folder) });
  assert.equal((await client.budget()).total.spent, "0.15");
});

test("programs that want the same single call at once pay once each", async (t) => {
  const { site, count } = await shop(t, { each: true });
  const shared = { folder: folder(t), key: generatePrivateKey(), policy: { max: "$0.01" }, atOnce: 2 };
  const said = await together(t, [shared, shared].map((job) => ({ ...job, urls: Array(6).fill(`${site}/call`) })));
  assert.deepEqual(tally(said.flat(), ({ reason, status, paid }) => reason ?? `${status} ${paid}`), { "200 true": 12 });
  assert.equal(count(), 12);
});

test("F7 who waits for another does not wait for one that has given up and left its payment", async (t) => {
  const key = generatePrivateKey();
  const path = folder(t);
  let silent = true;
  let arrived;
  const sent = new Promise((resolve) => { arrived = resolve; });
  const payments = new Set();
  const { site } = await stage(t, (request, response) => {
    if (!paymentOf(request)) return demand(response);
    payments.add(paymentOf(request));
    if (!silent) return response.end("here");
    arrived();
  });
  const client = () => createClient({ signer: key, policy: { max: "$0.01" }, store: fileStore(path), patience: 600, timeout: 60_000 });
  const abort = new AbortController();
  const first = client().fetch(`${site}/a`, { signal: abort.signal });
  await sent;
  // another owner: it finds the turn taken, and looks
  const second = client().fetch(`${site}/a`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  silent = false;
  abort.abort(new Error("given up"));
  await assert.rejects(first, /given up/);
  assert.equal(await (await second).text(), "here");
  assert.equal(payments.size, 1);
});
