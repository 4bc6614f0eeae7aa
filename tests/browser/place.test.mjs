// An embed's article where its card was: what lives in it, what the page's policy forbids, and what is there the next day.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { button, card, startReader, visit } from "./reader.mjs";
import { ARTICLE, problem, startSite } from "./site.mjs";

const RED = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
/** An article with what articles have; `main` is the part of its page that is wanted. */
const RICH = `<!doctype html><title>Rich</title><nav>Navigation</nav><main id="story">
  <h2>Keepers</h2><p>${ARTICLE}</p><img src="picture.png" srcset="small.png 1x, /large.png 2x" alt=""><a href="more?x=1#part">More</a><a href="#notes">Notes</a>
  <link rel="stylesheet" href="/story.css"><style>#story p { font-style: italic }</style>
  <script>globalThis.alive = (globalThis.alive ?? 0) + 1</script><script src="story.js"></script>
  <img src="${RED}" alt="" id="dot"></main>`;

let site;
let reader;
before(async () => { [site, reader] = await Promise.all([startSite(), startReader()]); });
after(async () => { await reader?.stop(); await site?.stop(); });
afterEach(() => {
  site.reset();
  site.article402 = undefined;
  assert.deepEqual(reader.faults.splice(0), [], "no script error");
});

const withWallet = (...options) => reader.withWallet(...options);

async function paid(profile, url) {
  const page = await visit(profile, url);
  await button(page).click();
  await page.getByText(ARTICLE).waitFor();
  return page;
}

test("scripts run once, addresses lead where they did, styles hold, and the heading has the focus", async () => {
  site.body = RICH;
  site.pages["/story.js"] = "";
  const profile = await withWallet();
  const page = await paid(profile, site.embed("/deep/front", { price: "$0.05" }));
  assert.equal(await page.evaluate(() => globalThis.alive), 1);
  const look = await page.evaluate(() => ({
    image: document.querySelector("#story img").src, srcset: document.querySelector("#story img").srcset,
    links: [...document.querySelectorAll("#story a")].map((link) => link.getAttribute("href")), script: document.querySelector("#story script[src]").src,
    italic: getComputedStyle(document.querySelector("#story p")).fontStyle, focus: document.activeElement.textContent, nav: document.body.textContent.includes("Navigation"),
    dot: document.querySelector("#dot").src.startsWith("data:"),
  }));
  assert.deepEqual(look, {
    image: `${site.url}/picture.png`, srcset: `${site.url}/small.png 1x, ${site.url}/large.png 2x`, links: [`${site.url}/more?x=1#part`, "#notes"],
    script: `${site.url}/story.js`, italic: "italic", focus: "Keepers", nav: false, dot: true,
  });
  await profile.close();
});

test("`select` says which part of the page is wanted", async () => {
  site.body = `<main><p>Other</p></main><div class="text"><h3>Part</h3><p>${ARTICLE}</p></div>`;
  const profile = await withWallet();
  const page = await paid(profile, site.embed("/front", { price: "$0.05", select: ".text" }));
  assert.equal(await page.getByText("Other").count(), 0);
  await profile.close();
});

test("without it, the part that the article itself marks, wherever it is; else the first article or main", async () => {
  for (const [body, left] of [
    [`<main><p>Other</p><div data-farthing-content><h2>Part</h2><p>${ARTICLE}</p></div></main>`, "Other"],
    [`<p>Other</p><main><h2>Part</h2><article><p>${ARTICLE}</p></article></main>`, "Other"],
    [`<nav>Other</nav><article><h2>Part</h2><p>${ARTICLE}</p></article>`, "Other"],
  ]) {
    site.body = body;
    const profile = await withWallet();
    const page = await paid(profile, site.embed("/front", { price: "$0.05" }));
    assert.equal(await page.getByText(left, { exact: true }).count(), 0, body);
    await page.getByRole("heading", { name: "Part" }).waitFor();
    await profile.close();
  }
});

test("what was opened is open on the next visit, without a wallet, and no longer once the site says no", async () => {
  const profile = await withWallet();
  const url = site.embed("/front", { price: "$0.05" });
  await (await paid(profile, url)).close();
  const asked = profile.wallet.requests.length;
  const again = await profile.newPage();
  await again.goto(url);
  await again.getByText(ARTICLE).waitFor();
  assert.equal(profile.wallet.requests.length, asked);
  assert.deepEqual(await again.evaluate(() => [document.activeElement.tagName, scrollY]), ["BODY", 0], "nobody pressed anything");
  await profile.clearCookies();
  await again.goto(url);
  await card(again).getByRole("button", { name: "Pay $0.05" }).waitFor();
  assert.equal(site.payments.length, 1);
  await profile.close();
});

test("under a strict policy with trusted types nothing is reported, and the article is there without its inline script", async () => {
  site.body = RICH;
  const profile = await withWallet();
  site.policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; require-trusted-types-for 'script'; trusted-types farthing";
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await button(page).click();
  await page.getByText(ARTICLE).waitFor();
  assert.equal(await page.evaluate(() => globalThis.alive), undefined);
  const seen = await page.evaluate(() => globalThis.seen.violations);
  assert.ok(seen.every((line) => / inline$/.test(line)), `only what the article brought along: ${seen}`);
  await profile.close();
});

test("where the policy forbids the element's own, the article is one click away on its page, on the next visit too, and is not for sale again", async () => {
  const profile = await withWallet();
  site.policy = "require-trusted-types-for 'script'; trusted-types 'none'";
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await button(page).click();
  const link = card(page).getByRole("link", { name: "Open the page" });
  await link.waitFor();
  await page.reload();
  await link.waitFor();
  assert.equal(await card(page).getByRole("button", { name: /^Pay/ }).count(), 0);
  await link.click();
  await page.waitForURL(site.article);
  await page.getByText(ARTICLE).waitFor();
  assert.equal(site.payments.length, 1);
  await profile.close();
});

test("the way to an article that cannot be put here stays, whatever the clock says later", async () => {
  const profile = await withWallet();
  site.policy = "require-trusted-types-for 'script'; trusted-types 'none'";
  const page = await profile.newPage();
  await page.clock.install();
  await page.goto(site.embed("/front", { price: "$0.05" }));
  await button(page).click();
  const link = card(page).getByRole("link", { name: "Open the page" });
  await link.waitFor();
  await page.clock.runFor(20_000);
  assert.equal(await link.isVisible(), true);
  await profile.close();
});

test("what is no page is shown as what it is", async () => {
  for (const [type, body, shown] of [
    ["text/plain; charset=utf-8", "<b>plain</b>", (page) => page.locator("pre", { hasText: "<b>plain</b>" })],
    ["application/json", '{"a":1}', (page) => page.locator("pre", { hasText: '{"a":1}' })],
    ["image/png", Buffer.from(RED.split(",")[1], "base64"), (page) => page.locator('img[src^="blob:"]')],
    ["application/zip", "PK", (page) => page.locator("a[download=article]")],
  ]) {
    site.body = body;
    site.type = type;
    const profile = await withWallet();
    const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
    await button(page).click();
    await shown(page).waitFor();
    await profile.close();
  }
});

test("a page author may forbid, follow, and start a payment from their own button", async () => {
  const profile = await withWallet();
  site.embed("/front", { price: "$0.05" });
  site.pages["/own"] = `${site.pages["/front"]}<script type="module">globalThis.early = document.querySelector("farthing-paywall").pay()</script>`;
  const page = await visit(profile, `${site.url}/own`);
  await page.evaluate(() => {
    const element = document.querySelector("farthing-paywall");
    globalThis.told = [];
    addEventListener("farthing:beforepay", (event) => {
      told.push(event.detail);
      if (told.length === 1) event.preventDefault();
    });
    const mine = document.body.appendChild(Object.assign(document.createElement("button"), { textContent: "My button" }));
    mine.onclick = async () => { globalThis.result = await element.pay(); };
  });
  assert.deepEqual(await page.evaluate(() => early), { state: "idle", notice: "offer" }, "not without a click");
  await page.getByText("My button").click();
  assert.deepEqual(await page.waitForFunction(() => globalThis.result).then((handle) => handle.jsonValue()), { state: "idle", notice: "offer" });
  assert.deepEqual(profile.wallet.requests, []);
  profile.wallet.next("eth_signTypedData_v4", "reject");
  await page.evaluate(() => { globalThis.result = undefined; });
  await page.getByText("My button").click();
  assert.deepEqual(await page.waitForFunction(() => globalThis.result).then((handle) => handle.jsonValue()), { state: "idle", notice: "rejected" });
  await page.evaluate(() => { globalThis.result = undefined; });
  await page.waitForTimeout(700);
  await page.getByText("My button").click();
  await page.getByText(ARTICLE).waitFor();
  assert.deepEqual(await page.waitForFunction(() => globalThis.result).then((handle) => handle.jsonValue()), { state: "unlocked", notice: "unlocked" });
  const all = await page.evaluate(() => told);
  assert.deepEqual([all[0].price, all[0].symbol], ["0.05", ""], "as far as it was known");
  assert.deepEqual([all.at(-1).price, all.at(-1).symbol, all.at(-1).network], ["0.05", "USDC", "Base Sepolia"]);
  await profile.close();
});

test("a wallet of the page's own is asked in place of all others", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await page.evaluate(() => {
    globalThis.mine = [];
    document.querySelector("farthing-paywall").provider = { request: async ({ method }) => { mine.push(method); throw { code: 4001 }; } };
  });
  await button(page).click();
  await card(page).getByText("You cancelled.").waitFor();
  assert.deepEqual(await page.evaluate(() => mine), ["eth_requestAccounts"]);
  assert.deepEqual(profile.wallet.requests, []);
  await profile.close();
});

test("a button without a card around it pays as well", async () => {
  const profile = await withWallet();
  site.embed("/front", { price: "$0.05" });
  site.pages["/bare"] = site.pages["/front"].replaceAll("farthing-paywall", "farthing-button");
  const page = await profile.newPage();
  await page.goto(`${site.url}/bare`);
  const pay = page.locator("farthing-button").getByRole("button");
  await pay.waitFor();
  assert.equal(await pay.count(), 1);
  await pay.click();
  await page.getByText(ARTICLE).waitFor();
  await profile.close();
});

test("an article that takes longer than the patience for its beginning comes whole", async () => {
  const profile = await withWallet();
  const page = await profile.newPage();
  await page.clock.install();
  await page.goto(site.embed("/front", { price: "$0.05" }));
  let finish;
  site.rest = new Promise((resolve) => { finish = resolve; });
  await button(page).click();
  await page.waitForFunction(() => seen.states.includes("unlocked"));
  await page.clock.fastForward(120_000);
  finish();
  await page.getByText(ARTICLE).waitFor();
  await profile.close();
});

for (const [what, harm] of [
  ["is deleted by the page", () => addEventListener("click", () => indexedDB.deleteDatabase("farthing"), true)],
  ["never answers", () => { indexedDB.open = () => ({}); }],
  ["is not there", () => Object.defineProperty(globalThis, "indexedDB", { value: undefined })],
]) {
  test(`f7: a database that ${what} stops nobody from paying, and what is signed is kept all the same`, async () => {
    const profile = await withWallet();
    await profile.addInitScript(harm);
    const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
    site.next = ["hang"];
    await button(page).click();
    await page.waitForFunction(() => seen.states.includes("settling"));
    assert.ok(await page.evaluate((url) => localStorage.getItem(`farthing:${url}`), site.article));
    while (!site.payments.length) await page.waitForTimeout(100);
    await page.reload();
    await page.getByText(ARTICLE).waitFor();
    assert.deepEqual([site.payments.length, site.distinct().size], [2, 1], "the same payment");
    await profile.close();
  });
}

test("f8: a script or a core that is not the one that was built does not run", async () => {
  for (const name of ["pay.js", "farthing.wasm"]) {
    site.changed[name] = (bytes) => Buffer.concat([bytes, Buffer.from(name.endsWith("js") ? "\nglobalThis.harm = 1" : [0, 5, 4, 104, 97, 114, 109])]);
    const profile = await withWallet();
    const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
    // near is enough, and what comes then is a link where the button was
    await button(page).hover();
    await card(page).getByText("The payment box could not be loaded.").waitFor();
    await card(page).getByRole("link", { name: "Open the page" }).waitFor();
    assert.equal(await page.evaluate(() => globalThis.harm), undefined);
    assert.deepEqual(profile.wallet.requests, []);
    site.changed = {};
    await profile.close();
  }
});

test("a receipt stays on the device, in the reader's language", async () => {
  site.receipt = { "payment-response": Buffer.from(JSON.stringify({ success: true, transaction: `0x${"ab".repeat(32)}`, network: "eip155:84532" })).toString("base64"), "farthing-receipt": "rcpt_123" };
  const profile = await withWallet();
  const page = await paid(profile, site.embed("/front", { price: "$0.05", description: "Keepers" }));
  await page.evaluate(() => {
    document.documentElement.lang = "de";
    document.body.append(Object.assign(document.createElement("farthing-receipt"), {}));
    document.querySelector("farthing-receipt").setAttribute("src", "/article");
    document.body.append(document.querySelector("farthing-receipt"));
  });
  const receipt = page.locator("farthing-receipt");
  await receipt.getByRole("heading", { name: "Beleg" }).or(receipt.getByRole("heading")).waitFor();
  for (const part of ["Keepers", "0,05", "Base Sepolia", `0x${"ab".repeat(32)}`, "rcpt_123"]) await receipt.getByText(part).first().waitFor();
  const download = page.waitForEvent("download");
  await receipt.getByRole("link").click();
  assert.equal((await download).suggestedFilename(), "receipt.json");
  await profile.close();
});

test("f5: a second tab that was pressed meanwhile opens the article too, with one payment", async () => {
  const profile = await withWallet({ delay: 400 });
  const url = site.embed("/front", { price: "$0.05" });
  const tabs = [await visit(profile, url), await visit(profile, url)];
  await Promise.all(tabs.map((page) => button(page).click()));
  await Promise.all(tabs.map((page) => page.getByText(ARTICLE).waitFor()));
  assert.equal(profile.wallet.requestsOf("eth_signTypedData_v4").length, 1);
  assert.equal(site.distinct().size, 1);
  await profile.close();
});

test("a press while an article that was paid for is on its way opens no wallet", async () => {
  const profile = await withWallet();
  const url = site.embed("/front", { price: "$0.05" });
  await (await paid(profile, url)).close();
  const asked = profile.wallet.requests.length;
  const again = await profile.newPage();
  await again.route(site.article, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await route.continue();
  });
  await again.goto(url);
  await button(again).click();
  await again.getByText(ARTICLE).waitFor();
  await again.waitForTimeout(1500);
  assert.equal(profile.wallet.requests.length, asked);
  assert.equal(site.payments.length, 1);
  await profile.close();
});

test("f5: a handler that pays again from within a payment makes one, and leaves nothing locked", async () => {
  const profile = await withWallet();
  const url = site.embed("/front", { price: "$0.05" });
  const page = await visit(profile, url);
  profile.wallet.next("eth_signTypedData_v4", "reject");
  await page.evaluate(() => {
    const element = document.querySelector("farthing-paywall");
    addEventListener("farthing:beforepay", () => void element.pay());
    addEventListener("farthing:state", ({ detail }) => void (detail.state === "signing" && element.pay()));
  });
  await button(page).click();
  await card(page).getByText("You cancelled.").waitFor();
  assert.equal(profile.wallet.requestsOf("eth_signTypedData_v4").length, 1);
  const other = await visit(profile, url);
  await button(other).click();
  await other.getByText(ARTICLE).waitFor();
  assert.equal(site.payments.length, 1);
  await profile.close();
});

test("what promises to cost nothing is not there while a payment waits", async () => {
  const profile = await withWallet();
  site.next = [problem(502, "origin-unavailable")];
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await card(page).getByRole("button", { name: "Already paid?" }).waitFor();
  await button(page).click();
  await card(page).getByText("The site cannot show this page now. Nothing was charged.").waitFor();
  assert.equal(await card(page).getByRole("button", { name: "Already paid?" }).count(), 0);
  await profile.close();
});

test("b1: another server's refusal after a lost answer leads to no second signature", async () => {
  const profile = await withWallet();
  site.next = [{ status: 402, slug: "", headers: {}, raw: { error: "insufficient_funds" } }];
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  let lost = 0;
  await page.route(site.article, (route) => {
    if (!route.request().headers()["payment-signature"] || lost > 0) return route.continue();
    lost += 1;
    return route.abort("connectionreset");
  });
  await button(page).click();
  await card(page).getByRole("button", { name: "Check again" }).waitFor();
  await card(page).getByText("you will not be charged twice").first().waitFor();
  await page.waitForTimeout(700);
  await button(page).click();
  await page.getByText(ARTICLE).waitFor();
  assert.equal(site.distinct().size, 1);
  assert.equal(profile.wallet.requestsOf("eth_signTypedData_v4").length, 1);
  await profile.close();
});

test("addresses of a srcset lead where they did, however it is written", async () => {
  site.body = `<main><h2>Keepers</h2><p>${ARTICLE}</p><img alt="" srcset="\n a.png 1x,b.png 2x"><img alt="" srcset="a.png, b.png 1.5x"><img alt="" srcset="http://[bad 1x, c.png 2x"></main>`;
  const profile = await withWallet();
  const page = await paid(profile, site.embed("/front", { price: "$0.05" }));
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll(".farthing-article img")].map(({ srcset }) => srcset)), [
    `${site.url}/a.png 1x, ${site.url}/b.png 2x`, `${site.url}/a.png, ${site.url}/b.png 1.5x`, `http://[bad 1x, ${site.url}/c.png 2x`,
  ]);
  await profile.close();
});
