// The browser's store, in Chromium: tabs of one origin share a budget, and what a tab leaves behind is the other's to end.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { generatePrivateKey } from "viem/accounts";
import { launch } from "../support/browser.mjs";
import { encode } from "../support/pay.mjs";
import { GOOD, demand, nonceOf, paymentOf, stage } from "./stage.mjs";

const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };
const PAGE = `<!doctype html><meta charset="utf-8"><title>Tab</title><script type="module">
  import * as farthing from "/client/web.js";
  window.farthing = farthing;
  window.client = (key, policy, naive) => farthing.createClient({ signer: key, policy, store: naive ? farthing.memoryStore() : farthing.indexedDbStore("shared"), patience: 20 });
  // what becomes of each page: "paid", "there" where it was open, or the reason why not
  window.want = (client, paths) => Promise.all(paths.map(async (path) => {
    try {
      const response = await client.fetch(path);
      await response.text();
      return response.ok ? (client.receiptOf(response) ? "paid" : "there") : response.status;
    } catch (error) {
      return error.reason ?? String(error);
    }
  }));
</script>`;
const tally = (all) => Object.fromEntries(Object.entries(Object.groupBy(all, (one) => one)).map(([key, same]) => [key, same.length]));
const pages = (from, to) => Array.from({ length: to - from }, (_, at) => `/page/${from + at}`);

let chromium;
before(async () => { chromium = await launch(); });
after(() => chromium?.close());

/** A profile of its own, and an origin whose pages cost a cent each until they are paid for; `silent`: it takes payments and does not say so. */
async function origin(t) {
  const taken = new Map();
  const told = { silent: false, arrived: () => {} };
  const { site } = await stage(t, (request, response) => {
    const path = request.url;
    if (path === "/") return response.setHeader("content-type", "text/html").end(PAGE);
    if (path.startsWith("/client/")) {
      return response.setHeader("content-type", TYPES[extname(path)]).end(readFileSync(fileURLToPath(new URL(`../../js/dist${path}`, import.meta.url))));
    }
    if (!path.startsWith("/page/")) return response.writeHead(404).end();
    const payment = paymentOf(request);
    // who comes without a payment gets nothing, whatever was paid: a payment that was forgotten would be paid again
    if (!payment) return demand(response);
    taken.set(path, (taken.get(path) ?? new Set()).add(nonceOf(payment)));
    if (told.silent) return told.arrived();
    return response.writeHead(200, { "payment-response": encode({ success: true, transaction: nonceOf(payment), network: GOOD.network }) }).end("here");
  });
  const context = await chromium.context();
  t.after(() => context.close());
  const tab = async () => {
    const page = await context.newPage();
    page.on("pageerror", (error) => t.diagnostic(`in the page: ${error.stack}`));
    const ready = () => page.waitForFunction(() => window.want);
    await page.goto(site);
    await ready();
    return {
      page,
      reload: async () => { await page.reload(); await ready(); },
      want: (job) => page.evaluate(({ key, policy, paths, naive }) => want(client(key, policy, naive), paths), job),
      budget: ({ key, policy }) => page.evaluate(({ key, policy }) => client(key, policy).budget(), { key, policy }),
      receipts: ({ key, policy }) => page.evaluate(({ key, policy }) => client(key, policy).receipts(), { key, policy }),
    };
  };
  return { tab, context, site, taken, told, count: () => [...taken.values()].reduce((sum, one) => sum + one.size, 0) };
}

test("F3 two tabs, sixty pages, and a budget for ten: ten payments, also after a reload", async (t) => {
  const job = { key: generatePrivateKey(), policy: { max: "$0.01", total: "$0.10" } };
  const wanted = (tabs, more) => Promise.all(tabs.map((one, at) => one.want({ ...job, ...more, paths: pages(at * 30, at * 30 + 30) })));
  const naive = await origin(t);
  await wanted([await naive.tab(), await naive.tab()], { naive: true });
  assert.equal(naive.count(), 20, "where each tab keeps its own, twice as much is spent");

  const { tab, taken, count } = await origin(t);
  const tabs = [await tab(), await tab()];
  const said = await wanted(tabs);
  assert.deepEqual(tally(said.flat()), { paid: 10, "over-budget-total": 50 });
  assert.deepEqual([count(), taken.size], [10, 10]);
  for (const one of tabs) assert.deepEqual((await one.budget(job)).total, { spent: "0.10", left: "0.00" });

  await tabs[0].reload();
  const { total, open } = await tabs[0].budget(job);
  assert.deepEqual([total, open, (await tabs[0].receipts(job)).length], [{ spent: "0.10", left: "0.00" }, 0, 10]);
  assert.deepEqual(await tabs[0].want({ ...job, paths: ["/page/99"] }), ["over-budget-total"]);
  for (const one of tabs) await one.page.close();
  assert.deepEqual((await (await tab()).budget(job)).total, { spent: "0.10", left: "0.00" }, "and when all were closed");
  assert.equal(count(), 10);
});

test("F7 a tab that is closed while its payment is out leaves it to the other: nothing is paid twice", async (t) => {
  const { tab, taken, told } = await origin(t);
  const job = { key: generatePrivateKey(), policy: { max: "$0.01", total: "$0.01" }, paths: ["/page/a"] };
  const [first, second] = [await tab(), await tab()];
  told.silent = true;
  const arrived = new Promise((resolve) => { told.arrived = resolve; });
  void first.want(job).catch(() => {});
  await arrived;
  await first.page.close();
  told.silent = false;
  assert.deepEqual([await second.budget(job).then(({ total, open }) => ({ ...total, open }))], [{ spent: "0.01", left: "0.00", open: 1 }]);
  assert.deepEqual(await second.want({ ...job, paths: ["/page/b"] }), ["over-budget-total"], "what is out is spent");
  assert.deepEqual(await second.want(job), ["paid"]);
  assert.deepEqual([...taken].map(([path, payments]) => [path, payments.size]), [["/page/a", 1]]);
  const { total, open } = await second.budget(job);
  assert.deepEqual([total, open, (await second.receipts(job)).map(({ state }) => state)], [{ spent: "0.01", left: "0.00" }, 0, ["paid"]]);
});

test("what every store does", async (t) => {
  const { tab } = await origin(t);
  const [one, two] = [(await tab()).page, (await tab()).page];
  for (const page of [one, two]) {
    await page.evaluate(() => {
      window.store = farthing.indexedDbStore("contract");
      window.put = (name, text) => store.update(name, () => ({ text, result: undefined }));
      window.count = (times) => Promise.all(Array.from({ length: times }, () => store.update("n", (text) => ({ text: String(Number(text ?? 0) + 1), result: Number(text ?? 0) + 1 }))));
    });
  }
  await t.test("a text is there for all tabs, and gone for all", async () => {
    await one.evaluate(() => put("a", "1"));
    assert.equal(await two.evaluate(() => store.get("a")), "1");
    await two.evaluate(() => put("a", undefined));
    assert.deepEqual(await one.evaluate(async () => [await store.get("a") === undefined, await store.names("a")]), [true, []]);
  });
  await t.test("names are texts of any kind, and found by how they begin", async () => {
    const names = ["x __proto__", "x \u0000", "x é\u{1f600}", "x \uffff\uffff", "x ".padEnd(70, "n"), "y constructor"];
    await one.evaluate(async (names) => { for (const name of names) await put(name, `of ${name}`); }, names);
    assert.deepEqual(await one.evaluate((names) => Promise.all(names.map((name) => store.get(name))), names), names.map((name) => `of ${name}`));
    assert.deepEqual(await two.evaluate(() => store.names("x ")), names.slice(0, -1).sort());
    assert.deepEqual(await two.evaluate(() => store.names("z")), []);
  });
  await t.test("tabs that change the same come one after the other", async () => {
    const reached = await Promise.all([one, two].map((page) => page.evaluate(() => count(150))));
    assert.deepEqual(reached.flat().sort((a, b) => a - b), Array.from({ length: 300 }, (_, at) => at + 1));
  });
  await t.test("a change that fails changes nothing, and holds nobody up", async () => {
    await one.evaluate(() => put("f", "before"));
    assert.equal(await one.evaluate(() => store.update("f", () => { throw new Error("no"); }).catch(String)), "Error: no");
    assert.equal(await two.evaluate(() => store.get("f")), "before");
    await two.evaluate(() => put("f", "after"));
    assert.equal(await one.evaluate(() => store.get("f")), "after");
  });
  await t.test("a tab that lives on when all that was kept is deleted begins anew", async () => {
    await one.evaluate(() => put("f", "1"));
    const deleted = await two.evaluate(() => new Promise((resolve) => {
      const asked = indexedDB.deleteDatabase("contract");
      asked.onsuccess = () => resolve("deleted");
      asked.onerror = () => resolve(String(asked.error));
    }));
    assert.equal(deleted, "deleted");
    for (const page of [one, two]) {
      const said = await page.evaluate(async () => { try { await put("g", "2"); return [await store.get("g"), await store.names("")]; } catch (error) { return String(error); } });
      assert.deepEqual(said, ["2", ["g"]]);
    }
  });
});

test("where there is no room, an error says so, and what was there stays", async (t) => {
  const { tab, context, site } = await origin(t);
  const { page } = await tab();
  // before anything is kept: the browser remembers for a while how much room there was
  await (await context.newCDPSession(page)).send("Storage.overrideQuotaForOrigin", { origin: site, quotaSize: 1_000_000 });
  const said = await page.evaluate(async () => {
    const store = farthing.indexedDbStore();
    const put = (text) => store.update("a", () => ({ text, result: "kept" })).catch((error) => error?.name ?? String(error));
    const first = await put("before");
    // more than there is, and nothing that packs well
    const second = await put(Array.from({ length: 200_000 }, Math.random).join(" "));
    return [first, second, await store.get("a"), await put("after"), await store.get("a")];
  });
  assert.deepEqual(said, ["kept", "QuotaExceededError", "before", "kept", "after"]);
});
