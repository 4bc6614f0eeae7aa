// A site made by Next, as www/docs/next.md says it: articles by the App Router, whose payloads lie at the pages' own addresses, and reports
// by the Pages Router, whose data lie at addresses of their own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installWallet } from "../support/wallet.mjs";
import { LIGHT, TIDE } from "./support/content.mjs";
import { checkSite } from "./support/checks.mjs";
import { next } from "./support/next.mjs";
import { soldIn } from "./support/sold.mjs";

const above = ["header.top", "h1", "article p"];
const here = checkSite({
  name: "next", program: next,
  routes: [
    {
      match: "/articles/*", parts: ["/media/{1}/*"], passQuery: ["_rsc"], price: "$0.05", description: "The whole story",
      teaser: { selector: "article .premium" },
    },
    { match: "/reports/*", parts: ["/_next/data/*/reports/{1}.json"], price: "$0.05", description: "The whole report", teaser: { selector: "article .premium" } },
  ],
  pages: [
    { path: "/articles/light", article: LIGHT, above }, { path: "/articles/tide", article: TIDE, above, parts: ["/media/tide/listen.mp3"] },
    { path: "/reports/light", article: LIGHT, above },
  ],
  free: ["/", "/notice"],
  more: ["/articles/light?_rsc=1a2b3", "/articles/light.rsc", "/articles/light.txt", "/articles/light.segments/_tree.segment.rsc", "/_next/data/x/reports/light.json", "/articles/light/opengraph-image"],
});

test("next: who has paid goes from page to page without loading one anew; what is not paid for is loaded, and is a teaser", async () => {
  const { site, browser } = here;
  const context = await browser.context();
  try {
    const key = await site.newPayer();
    await installWallet(context, { key, rpc: site.chain.url, chainId: site.chain.chainId });
    const page = await context.newPage();
    const payloads = [];
    page.on("response", async (response) => {
      const { pathname, searchParams } = new URL(response.url());
      if (searchParams.has("_rsc") || pathname.startsWith("/_next/data/")) payloads.push({ path: pathname, status: response.status(), text: await response.text().catch(() => "") });
    });
    const paidFor = (path) => payloads.filter((payload) => payload.path.includes(path));
    const has = (article) => page.waitForFunction((text) => document.body?.innerText.includes(text), article.sold[1].slice(0, 60), { timeout: 20_000 });
    // what was refused is never read to its end, so that the network is never idle
    const quiet = () => page.waitForTimeout(1500);
    const mark = () => page.evaluate(() => { globalThis.mark = true; });
    const marked = () => page.evaluate(() => globalThis.mark === true);
    const pay = async () => {
      const button = page.locator("farthing-paywall").getByRole("button", { name: /^Pay/ });
      await button.waitFor();
      assert.equal(soldIn(await page.content()), undefined);
      await button.click();
    };

    await page.goto(`${site.url}/`);
    await quiet();
    await mark();
    await page.getByRole("link", { name: LIGHT.title, exact: true }).click();
    await pay();
    assert.ok(!(await marked()), "what may not be fetched is gone to");
    await has(LIGHT);
    assert.ok(paidFor("/articles/").length > 0, "the links were looked at beforehand");
    assert.deepEqual([...new Set(payloads.filter(({ path }) => /articles|reports/.test(path)).map(({ status }) => status))], [402]);
    for (const { path, text } of payloads) assert.equal(soldIn(text), undefined, path);

    // from here on it is one document
    await quiet();
    await mark();
    payloads.length = 0;
    await page.getByRole("link", { name: "The Weekly Farthing" }).click();
    await page.getByRole("heading", { name: "This week" }).waitFor();
    await page.getByRole("link", { name: LIGHT.title, exact: true }).click();
    await has(LIGHT);
    assert.ok(await marked(), "no page was loaded");
    assert.ok(await page.getByRole("button", { name: "Share" }).isVisible());
    assert.ok(!paidFor("/articles/tide").some(({ text }) => soldIn(text)), "the other article is locked still");
    await page.getByRole("link", { name: "The Weekly Farthing" }).click();
    await page.getByRole("link", { name: TIDE.title, exact: true }).click();
    await pay();
    await has(TIDE);
    const sound = await page.evaluate(async () => (await fetch(document.querySelector("audio").src)).status);
    assert.equal(sound, 200, "the recording has come with the article");

    await page.goto(`${site.url}/reports/light`);
    await pay();
    await has(LIGHT);
    await quiet();
    await mark();
    payloads.length = 0;
    await page.getByRole("link", { name: "The other report" }).click();
    await pay();
    assert.ok(paidFor("/reports/tide.json").length > 0 && paidFor("/reports/tide.json").every(({ status, text }) => status === 402 && soldIn(text) === undefined));
    await has(TIDE);
    await quiet();
    await mark();
    await page.getByRole("link", { name: "The other report" }).click();
    await has(LIGHT);
    assert.ok(await marked(), "by its data, without loading a page");
  } finally {
    await context.close();
  }
});

test("next: the payload of a page is locked and opened with it", async () => {
  const { site } = here;
  const headers = { rsc: "1", accept: "*/*", "next-url": "/" };
  // where the program wants its payload to be asked for
  const moved = await site.made("/articles/light", headers);
  const path = moved.headers.get("location") ?? "/articles/light";
  const made = await (await site.made(path, headers)).text();
  assert.ok(soldIn(made), "the program gives the whole text");
  for (const accept of ["*/*", "text/x-component", "text/html"]) {
    const response = await site.ask(path, { ...headers, accept });
    assert.equal(response.status, 402, accept);
    assert.equal(soldIn(await response.text()), undefined);
  }
  const { cookie } = await site.buy("/articles/light");
  const ours = await site.ask(path, { ...headers, cookie });
  assert.match(ours.headers.get("content-type"), /text\/x-component/);
  assert.equal(await ours.text(), made);
  assert.equal(ours.headers.get("cache-control"), "private, no-store");
});
