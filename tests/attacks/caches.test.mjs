// Shared caches between readers and the Worker: real nginx and real Varnish, set to keep whatever they may and to look at the address
// alone. What one reader paid for, an offer made to one, a teaser, a cookie: none of it comes to another (threat E1).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { startParts } from "../support/parts.mjs";
import { decode } from "../support/pay.mjs";
import { startNginxCache, startVarnish } from "../support/shared-caches.mjs";
import { DOOR, DOT, FREE, PAWN, naiveRoutes, needles, newReader } from "../e2e/reader.mjs";
import { paidTextIn } from "./paid-text.mjs";

const PAGE = { accept: "text/html" };
const cookiesOf = (response) => response.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
const kept = (response) => response.headers.get("x-kept") === "HIT";

let paper;
let naive;
const caches = {};
const { add, stop } = startParts();
before(async () => {
  // one of the articles with a teaser: its second half goes
  const change = (config) => ({
    ...config, routes: config.routes.map((route) => (route.match === PAWN ? { ...route, teaser: { paragraphs: 2, within: "article .prose" } } : route)),
  });
  paper = await startNewspaper({ change });
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.facilitator.url, routes: naiveRoutes });
  for (const [name, startCache] of [["nginx", startNginxCache], ["Varnish", startVarnish]]) {
    caches[name] = { naive: await add(startCache(naive.site)), ours: await add(startCache(paper.site)) };
  }
});
after(async () => {
  await stop();
  await naive?.stop();
  await paper?.stop();
});

for (const name of ["nginx", "Varnish"]) {
  const through = (title, work) => test(title, (t) => work(t, caches[name]));

  through(`E1 ${name} never gives a stranger what a reader paid for, nor the reader's cookie`, async (t, cache) => {
    await t.test("from the usual paywall it does", async () => {
      const reader = await newReader(paper, { site: cache.naive.site });
      // an article for each way in
      const first = await reader.send(DOT, await reader.sign(DOT, { offer: await newOffer(naive.site, DOT) }));
      assert.equal(first.status, 200);
      const seen = await fetch(cache.naive.site + DOT);
      assert.ok(kept(seen) && seen.status === 200);
      assert.ok(paidTextIn(await seen.text()));
      assert.match(seen.headers.get("set-cookie") ?? "", /session=/, "and the cookie opens the rest");
    });
    await t.test("from ours it does not", async () => {
      const reader = await newReader(paper, { site: cache.ours.site });
      const strangers = async (what) => {
        for (const [method, headers] of [["GET", {}], ["GET", PAGE], ["HEAD", {}], ["GET", { range: "bytes=0-99" }], ["GET", { cookie: "__Secure-farthing=x" }]]) {
          for (const path of [DOOR, `${DOOR}?utm_source=x`]) {
            const response = await fetch(cache.ours.site + path, { method, headers });
            assert.equal(response.status, 402, `${what}: ${method} ${path}`);
            assert.ok(!kept(response), what);
            assert.equal(paidTextIn(await response.text()), undefined, what);
            for (const own of ["set-cookie", "payment-response", "farthing-receipt", "etag", "last-modified"]) assert.equal(response.headers.get(own), null, `${what}: ${own}`);
          }
        }
      };
      await strangers("before");
      const paid = await reader.send(DOOR, await reader.sign(DOOR));
      assert.equal(paid.status, 200);
      assert.ok(paidTextIn(await paid.text()));
      const cookie = cookiesOf(paid);
      await strangers("after a payment");
      for (const [headers, method, status] of [[{}, "GET", 200], [{}, "HEAD", 200], [{ "if-none-match": paid.headers.get("etag") }, "GET", [200, 304]], [{ range: "bytes=0-99" }, "GET", [200, 206]]]) {
        const again = await reader.ask(DOOR, { cookie, ...headers }, { method });
        assert.ok([status].flat().includes(again.status), `${method} ${JSON.stringify(headers)} → ${again.status}`);
        assert.ok(!kept(again));
        await again.arrayBuffer();
        await strangers(`after ${method} ${JSON.stringify(headers)} with the pass`);
      }
      // by the handle alone, which mints a new pass
      const handle = cookie.split("; ").find((pair) => pair.startsWith("__Host-"));
      const minted = await reader.ask(DOOR, { cookie: handle });
      assert.equal(minted.status, 200);
      assert.ok(minted.headers.getSetCookie().length > 0);
      await minted.arrayBuffer();
      await strangers("after a pass was minted");
      assert.ok((await (await reader.ask(DOOR, { cookie })).text()).includes(needles[DOOR][0]), "and the reader reads on");
    });
  });

  through(`E1 ${name} keeps no offer and no refusal`, async (t, cache) => {
    await t.test("of the usual paywall it keeps them", async () => {
      await fetch(cache.naive.site + DOOR);
      assert.ok(kept(await fetch(cache.naive.site + DOOR)), "a reader who has paid meanwhile is asked again");
    });
    await t.test("of ours it does not", async () => {
      const quotes = new Set();
      for (const headers of [{}, {}, PAGE, PAGE, { accept: "application/json" }]) {
        const response = await fetch(cache.ours.site + DOOR, { headers });
        assert.ok(response.status === 402 && !kept(response));
        assert.match(response.headers.get("content-type"), headers === PAGE ? /html/ : /json/);
        quotes.add(decode(response.headers.get("payment-required")).accepts[0].extra.quote);
        await response.arrayBuffer();
      }
      assert.equal(quotes.size, 5, "each its own offer");
      for (const [path, headers, status] of [
        [DOOR, { "payment-signature": "junk" }, 400], ["/articles/%2e%2e%2fx", {}, 400], ["/.farthing/receipts/none", {}, 404], ["/.farthing/nothing", {}, 404],
      ]) {
        for (const _ of [1, 2]) {
          const response = await fetch(cache.ours.site + path, { headers });
          assert.ok(response.status === status && !kept(response), `${path} → ${response.status} ${response.headers.get("x-kept")}`);
          await response.arrayBuffer();
        }
      }
    });
  });

  through(`E1 ${name} mixes no teaser with what is paid, nor a reader's cookie with a teaser`, async (_, cache) => {
    const reader = await newReader(paper, { site: cache.ours.site });
    const teaser = async (headers = PAGE) => {
      const response = await reader.ask(PAWN, headers);
      assert.ok(response.status === 200 && !kept(response), `${response.status} ${response.headers.get("farthing-teaser")}`);
      const text = await response.text();
      assert.ok(text.includes("<farthing-paywall "));
      assert.equal(response.headers.get("set-cookie"), null);
      return text;
    };
    await teaser();
    assert.equal((await reader.ask(PAWN)).status, 402, "a program gets the offer");
    const paid = await reader.send(PAWN, await reader.sign(PAWN), PAGE);
    assert.equal(paid.status, 200);
    const text = await paid.text();
    assert.ok(text.includes(needles[PAWN].at(-1)) && !text.includes("<farthing-paywall "));
    await teaser();
    const cookie = cookiesOf(paid);
    assert.equal(await (await reader.ask(PAWN, { ...PAGE, cookie })).text(), text);
    await teaser({ ...PAGE, cookie: "__Secure-farthing=v1.k1.AAAA.BBBB" });
    assert.equal(await (await reader.ask(PAWN, { ...PAGE, cookie })).text(), text);
  });

  through(`${name} keeps what is free`, async (_, cache) => {
    for (const path of [FREE, "/"]) {
      const [first, second] = [await fetch(cache.ours.site + path), await fetch(cache.ours.site + path)];
      assert.deepEqual([first.status, second.status, kept(second)], [200, 200, true], path);
      assert.equal(await second.text(), await first.text());
    }
  });
}

/** An offer of a paywall itself: a cache before it has none yet. */
async function newOffer(site, path) {
  const response = await fetch(site + path);
  return decode(response.headers.get("payment-required"));
}
