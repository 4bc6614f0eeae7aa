// A reader in Chromium on the publisher's own page: it keeps its layout, the card stands where the text was, and pays.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../support/browser.mjs";
import { OPEN, PAGES, SENTENCES } from "../support/cms-pages.mjs";
import { startShop } from "../support/shop.mjs";
import { installWallet } from "../support/wallet.mjs";

const SHOWN = ["wordpress", "next-app", "hugo"];
const STRICT = "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-t4ast'; img-src 'self'";

let shop;
let browser;
before(async () => {
  const page = (html, headers = {}) => ({ body: html, headers: { "content-type": "text/html; charset=utf-8", ...headers } });
  const origin = Object.fromEntries(SHOWN.map((name) => [`/${name}/light`, page(PAGES[name].html)]));
  origin["/strict/light"] = page(PAGES.static.html.replace("<head>", '<head><base href="https://cdn.example/site/">'), { "content-security-policy": STRICT });
  const routes = SHOWN.map((name) => ({ match: `/${name}/*`, price: "$0.05", description: "The rest of the story", teaser: PAGES[name].teaser }));
  routes.push({ match: "/strict/*", price: "$0.05", teaser: PAGES.static.teaser });
  shop = await startShop({ routes, edges: { edge: (network) => [network] }, origin });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await shop?.stop();
});

/** Where the parts of the page stand that are there before and after; what is under the article on a phone stands lower after. */
const layout = (page) => page.evaluate(() => Object.fromEntries(["header.top", "h1", "article", "aside", "article p:nth-of-type(2)"].map((name) => {
  const { x, y, width } = document.querySelector(name).getBoundingClientRect();
  const below = name === "aside" && innerWidth < 500;
  return [name, [x, below ? 0 : y, width].map(Math.round)];
})));
const sees = (page, text) => page.evaluate((wanted) => document.body.innerText.includes(wanted), text);

for (const kind of [{}, { phone: true }, { dark: true }]) {
  const device = Object.keys(kind)[0] ?? "desktop";
  const name = { desktop: "wordpress", phone: "next-app", dark: "hugo" }[device];
  test(`on the page of ${name} (${device}) the card stands in the text's place, pays, and the page is as it was`, async () => {
    const context = await browser.context(kind);
    try {
      const payer = await shop.newPayer({ edge: shop.edge, approve: false });
      const wallet = await installWallet(context, { key: payer.key, rpc: shop.chain.url, chainId: shop.chain.chainId });
      const page = await context.newPage();
      const faults = [];
      page.on("pageerror", (error) => faults.push(error.message));
      const answer = await page.goto(`${shop.edge.url}/${name}/light`);
      assert.equal(answer.status(), 200);
      const button = page.locator("farthing-paywall").getByRole("button", { name: /^Pay/ });
      await button.waitFor();
      const card = await page.locator("farthing-paywall").boundingBox();
      const last = await page.getByText(OPEN.paragraphs[1].slice(0, 40)).boundingBox();
      const bottom = await page.locator("footer.bottom").boundingBox();
      assert.ok(card.y >= last.y + last.height && card.y + card.height < bottom.y, "after the free text, before the foot of the page");
      assert.ok(Math.abs(card.x + card.width / 2 - last.x - last.width / 2) < 2 && card.width <= last.width + 1, "in the middle of the text's column");
      assert.equal(await page.locator("farthing-paywall").getByRole("heading").innerText(), "The rest of the story");
      assert.ok(!await sees(page, "your browser needs JavaScript"));
      for (const sentence of SENTENCES) assert.ok(!await sees(page, sentence), sentence);
      const before = await layout(page);
      if (process.env.FARTHING_SHOTS) await page.screenshot({ path: `${process.env.FARTHING_SHOTS}/${name}-${device}.png`, fullPage: true });
      await (kind.phone ? button.tap() : button.click());
      await page.waitForFunction((text) => document.body?.innerText.includes(text), SENTENCES[20], { timeout: 20_000 });
      assert.deepEqual(await layout(page), before, "nothing else has moved");
      assert.equal(await page.locator("farthing-paywall").count(), 0);
      assert.equal(wallet.requests.filter(({ method }) => method === "eth_signTypedData_v4").length, 1);
      assert.equal((await payer.transfers()).length, 1);
      // the pages' own scripts are not there
      assert.deepEqual(faults.filter((fault) => !/Unexpected token|import|module/i.test(fault)), []);
    } finally {
      await context.close();
    }
  });
}

test("under a strict policy with nonces, and a base elsewhere, the card comes up and pays", async () => {
  const context = await browser.context();
  try {
    const payer = await shop.newPayer({ edge: shop.edge, approve: false });
    await installWallet(context, { key: payer.key, rpc: shop.chain.url, chainId: shop.chain.chainId });
    const page = await context.newPage();
    await page.addInitScript(() => {
      globalThis.violations = [];
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => violations.push(`${violatedDirective} ${blockedURI}`));
    });
    await page.goto(`${shop.edge.url}/strict/light`);
    const button = page.locator("farthing-paywall").getByRole("button", { name: /^Pay/ });
    await button.waitFor();
    await page.waitForTimeout(500);
    assert.deepEqual((await page.evaluate(() => violations)).filter((line) => /farthing|wasm/.test(line)), []);
    await button.click();
    await page.waitForFunction((text) => document.body?.innerText.includes(text), SENTENCES[20], { timeout: 20_000 });
    assert.equal(page.url(), `${shop.edge.url}/strict/light`);
  } finally {
    await context.close();
  }
});

test("without scripts the page says what it costs", async () => {
  const context = await browser.context({ javaScriptEnabled: false });
  try {
    const page = await context.newPage();
    await page.goto(`${shop.edge.url}/hugo/light`);
    const card = page.locator("farthing-paywall");
    for (const text of ["$0.05", /^in USDC on [^.]+$/, "To pay here, your browser needs JavaScript and a wallet."]) await card.getByText(text).first().waitFor();
  } finally {
    await context.close();
  }
});
