// What holds of every site with the Worker before it: nothing of what is sold leaves before the payment, by no address that a page names;
// the trimmed page is as valid as the program's own and looks like it; what was paid for is the program's, byte for byte.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../../support/browser.mjs";
import { words } from "../../support/disguises.mjs";
import { decode } from "../../support/pay.mjs";
import { installWallet } from "../../support/wallet.mjs";
import { programs } from "../../../tools/lib/setup-sites.mjs";
import { HTML, startSite } from "./site.mjs";
import { size, soldIn } from "./sold.mjs";

const SHOTS = join(import.meta.dirname, "..", "..", "out", "sites");
const MOST_FOUND = 40;

const bytes = async (response) => Buffer.from(await response.arrayBuffer());

/** Byte for byte; where not, what stands there. */
function assertSame(ours, made, what) {
  let at = 0;
  while (at < made.length && ours[at] === made[at]) at += 1;
  const around = (bytes) => bytes.subarray(Math.max(0, at - 80), at + 80).toString("utf8");
  assert.ok(ours.equals(made), `${what}, at byte ${at}:\n${around(ours)}\n---\n${around(made)}`);
}

/** What is wrong with a page's markup: how often, by rule and element. */
async function faultsOf(html) {
  const { HtmlValidate } = await programs.html.load();
  const report = await new HtmlValidate({ extends: ["html-validate:standard"] }).validateString(html);
  const count = new Map();
  for (const { ruleId, message } of report.results.flatMap(({ messages }) => messages)) count.set(`${ruleId}: ${message}`, (count.get(`${ruleId}: ${message}`) ?? 0) + 1);
  return count;
}

/** Every address on this site that a page, a feed or a script names. */
function addressesIn(text, base) {
  const found = new Set();
  const plain = text.replaceAll("\\/", "/").replaceAll("&amp;", "&").replaceAll("&#038;", "&");
  for (const [, quoted, bare, element] of plain.matchAll(/(?:href|src|action|content|data-[\w-]+)=(?:["']([^"'\s]+)["']|([^"'\s>]+))|<(?:link|guid|loc)>([^<]+)</g)) {
    try {
      const url = new URL(quoted ?? bare ?? element, base);
      url.hash = "";
      if (url.origin === new URL(base).origin) found.add(url.pathname + url.search);
    } catch { /* no address */ }
  }
  for (const [url] of plain.matchAll(/https?:\/\/127\.0\.0\.1:\d+[^\s"'<>\\)]*/g)) {
    if (url.startsWith(new URL(base).origin)) found.add(new URL(url).pathname + new URL(url).search);
  }
  return found;
}

/** Where the parts of a page stand; what is under the card on the page stands elsewhere once there is a text. */
const layout = (page, selectors) => page.evaluate((names) => Object.fromEntries(names.map((name) => {
  const { x, y, width } = document.querySelector(name).getBoundingClientRect();
  return [name, [x, y, width].map(Math.round)];
})), selectors);

/**
 * @param {object} options
 * `name` of the program; `program`, `routes` and `origin` as for `startSite`; `pages`: [{path, article, parts, above}], `above` selects what stands
 * before the text and is not moved, `parts` are addresses that open with the page; `free`: addresses that cost nothing;
 * `locked`: other addresses with whole articles in them; `more`: others that must not have any; `paidFor`: what else goes from a page whose text is
 * compared; returns where the site is: `site` is there while tests run.
 */
export function checkSite({ name, program, routes, origin, pages, free, locked = [], more = [], same = (body) => body }) {
  const here = {};
  before(async () => {
    here.site = await startSite({ program, routes, origin });
    here.browser = await launch();
  });
  after(async () => {
    await here.browser?.close();
    await here.site?.stop();
  });

  test(`D5 ${name}: what is sold stands in its pages, and at other addresses`, async () => {
    assert.ok(size.sentences > 50 && size.runs > 1000);
    for (const path of [...pages.map((page) => page.path), ...locked]) {
      const response = await here.site.made(path);
      assert.equal(response.status, 200, path);
      assert.ok(soldIn(await response.text()), path);
    }
    assert.equal((await fetch(here.site.origin + pages[0].path)).status, 403, "D7 and who comes past the Worker gets nothing");
  });

  for (const { path, article } of pages) {
    test(`F9 S1 ${name}: ${path} is the program's own page, without a trace of what is sold`, async () => {
      const response = await here.site.ask(path);
      const text = await response.text();
      assert.equal(response.status, 200, `${response.status} ${response.headers.get("farthing-teaser")}`);
      assert.equal(soldIn(text), undefined);
      assert.equal(soldIn([...response.headers].flat().join("\n")), undefined);
      const plain = words(text).join(" ");
      for (const open of [article.title, ...article.free.map((inner) => inner.replace(/<[^>]*>/g, " "))]) assert.ok(plain.includes(words(open).join(" ")), open);
      assert.equal(text.match(/<farthing-paywall /g)?.length, 1);
      assert.equal(decode(response.headers.get("payment-required")).accepts[0].amount, "50000");
      assert.equal(response.headers.get("cache-control"), "private, no-store");
      assert.equal(response.headers.get("set-cookie"), null);
    });

    test(`${name}: ${path} has no fault in its markup that the program's page has not`, async () => {
      const made = await faultsOf(await (await here.site.made(path)).text());
      const ours = await faultsOf(await (await here.site.ask(path)).text());
      assert.deepEqual([...ours].filter(([fault, count]) => count > (made.get(fault) ?? 0)), []);
    });
  }

  test(`S1 D5 ${name}: no address that any page names has what is sold`, async () => {
    const known = new Set(["/", ...pages.map((page) => page.path), ...pages.flatMap((page) => page.parts ?? []), ...free, ...locked, ...more]);
    const queue = [...known];
    // what the program's own pages name too, which a teaser may have lost
    for (const { path } of pages) for (const found of addressesIn(await (await here.site.made(path)).text(), here.site.url + path)) if (!known.has(found)) known.add(found) && queue.push(found);
    const leaks = [];
    const given = queue.length;
    const look = async (path, headers) => {
      const response = await here.site.ask(path, headers);
      const text = await response.text();
      const leak = soldIn(text) ?? soldIn([...response.headers].flat().join("\n"));
      if (leak) leaks.push(`${path}: ${leak}`);
      const names = /html|xml|json/.test(response.headers.get("content-type") ?? "") ? addressesIn(text, here.site.url + path) : [];
      const moved = response.headers.get("location");
      for (const found of [...names, ...(moved ? addressesIn(`href="${moved}"`, here.site.url + path) : [])]) {
        if (!known.has(found) && !/\.(?:css|js|png|svg|woff2?)(?:\?|$)|\/\.farthing\//.test(found)) known.add(found) && queue.push(found);
      }
    };
    let at = 0;
    const walk = async () => {
      for (; at < queue.length && at < given + MOST_FOUND;) {
        const number = at;
        at += 1;
        await look(queue[number], HTML);
        // what a page names is asked for by programs too
        if (number < given) for (const headers of [{ accept: "*/*" }, { accept: "application/json", "user-agent": "Googlebot/2.1" }]) await look(queue[number], headers);
      }
    };
    await Promise.all([walk(), walk(), walk(), walk()]);
    assert.deepEqual(leaks, []);
    here.crawled = queue;
    assert.ok(queue.length > pages.length + free.length, `${queue.length} addresses`);
  });

  test(`${name}: what is free is as the program makes it`, async () => {
    for (const path of free) {
      const [made, ours] = await Promise.all([here.site.made(path), here.site.ask(path)]);
      assert.deepEqual([ours.status, ours.headers.get("content-type")], [200, made.headers.get("content-type")], path);
      assertSame(same(await bytes(ours)), same(await bytes(made)), path);
      assert.equal(ours.headers.get("payment-required"), null);
      assert.equal(ours.headers.get("cache-control"), made.headers.get("cache-control"), path);
    }
  });

  for (const { path, parts = [] } of pages) {
    test(`S4 ${name}: ${path} is byte for byte the program's once it is paid for, and so are its parts`, async () => {
      for (const part of parts) {
        const response = await here.site.ask(part);
        assert.equal(response.status, 402, part);
        assert.equal(soldIn(await response.text()), undefined);
      }
      const made = same(await bytes(await here.site.made(path)));
      const { paid, cookie } = await here.site.buy(path);
      assert.equal(paid.status, 200);
      assertSame(same(await bytes(paid)), made, "paid");
      const again = await here.site.ask(path, { ...HTML, cookie });
      assert.equal(again.status, 200);
      assertSame(same(await bytes(again)), made, "with the pass");
      for (const part of parts) {
        const [own, ours] = await Promise.all([here.site.made(part), here.site.ask(part, { accept: "*/*", cookie })]);
        assert.deepEqual([ours.status, ours.headers.get("content-type")], [200, own.headers.get("content-type")], part);
        assertSame(await bytes(ours), await bytes(own), part);
        for (const other of pages.filter((page) => page.path !== path).flatMap((page) => page.parts ?? [])) {
          if (!parts.includes(other)) assert.equal((await here.site.ask(other, { accept: "*/*", cookie })).status, 402, other);
        }
      }
    });
  }

  for (const device of ["desktop", "phone"]) {
    test(`${name}: in a browser (${device}) the page keeps its layout, the card pays, and the text is there`, async () => {
      const { path, article, above } = pages[0];
      const context = await here.browser.context({ phone: device === "phone" });
      try {
        const key = await here.site.newPayer();
        await installWallet(context, { key, rpc: here.site.chain.url, chainId: here.site.chain.chainId });
        const page = await context.newPage();
        const faults = [];
        page.on("pageerror", (error) => faults.push(error.message));
        await page.goto(here.site.url + path);
        const button = page.locator("farthing-paywall").getByRole("button", { name: /^Pay/ });
        await button.waitFor();
        await page.waitForLoadState("networkidle");
        const seen = await page.evaluate(() => document.body.innerText);
        assert.equal(soldIn(seen), undefined);
        assert.ok(await button.evaluate((element) => parseFloat(getComputedStyle(element).fontSize)) >= 16, "letters that can be read, whatever the page calls 1rem");
        const card = await page.locator("farthing-paywall").boundingBox();
        const last = await page.getByText(article.free[1].slice(0, 40)).first().boundingBox();
        assert.ok(card.y >= last.y + last.height - 1, "the card stands under the free text");
        assert.ok(card.x > last.x - 2 && card.x + card.width < last.x + last.width + 2, `in its column: ${JSON.stringify([card, last])}`);
        const unpaid = await layout(page, above);
        mkdirSync(SHOTS, { recursive: true });
        await page.screenshot({ path: join(SHOTS, `${name}-${device}.png`), fullPage: true });
        assert.deepEqual(faults, [], "no script of the page breaks");
        await (device === "phone" ? button.tap() : button.click());
        await page.waitForFunction((text) => document.body?.innerText.includes(text), article.sold[1].slice(0, 60), { timeout: 30_000 });
        await page.waitForLoadState("networkidle");
        assert.deepEqual(await layout(page, above), unpaid, "nothing above the text has moved");
        assert.equal(await page.locator("farthing-paywall").count(), 0);
        await page.screenshot({ path: join(SHOTS, `${name}-${device}-paid.png`), fullPage: true });
        await page.goto(`${here.site.url}/`);
        await page.screenshot({ path: join(SHOTS, `${name}-${device}-front.png`) });
      } finally {
        await context.close();
      }
    });
  }
  return here;
}

