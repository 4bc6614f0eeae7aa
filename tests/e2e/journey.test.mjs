// A reader in Chromium buys articles of the demo newspaper: real workerd, chain and facilitator; the wallet is the demo's own, or a
// stand-in with the checks of a real one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { demoReader } from "../support/accounts.mjs";
import { launch } from "../support/browser.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { installWallet } from "../support/wallet.mjs";
import { DOOR, LOG, PAWN, impatient, needles } from "./reader.mjs";

let paper;
let browser;

before(async () => {
  paper = await startNewspaper({ hostile: true, change: impatient(3) });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await paper?.stop();
});

const payButton = (page) => page.locator("farthing-paywall").getByRole("button", { name: /^Pay/ });
const text = (page) => page.evaluate(() => document.body.textContent);

async function locked(page, path) {
  const answer = await page.goto(paper.site + path);
  assert.equal(answer.status(), 402);
  for (const needle of needles[path]) assert.ok(!(await page.content()).includes(needle));
}

async function opened(page, path) {
  await page.waitForFunction((needle) => document.body?.textContent.includes(needle), needles[path][0], { timeout: 20_000 });
}

for (const kind of [{}, { phone: true }, { dark: true }]) {
  const name = Object.keys(kind)[0] ?? "desktop";
  test(`a newcomer pays with the demo wallet (${name}): one click, one signature, the article, and it stays`, async () => {
    const path = { desktop: LOG, phone: DOOR, dark: PAWN }[name];
    const context = await browser.context(kind);
    try {
      const page = await context.newPage();
      const [had, price] = [await paper.chain.balanceOf(paper.payTo), paper.articles.find((article) => article.path === path).price];
      await locked(page, path);
      // at once, as a tap is: drawing near must not swallow the click
      await payButton(page).waitFor();
      await (kind.phone ? payButton(page).tap() : payButton(page).click());
      await page.getByRole("button", { name: "Sign" }).click();
      await opened(page, path);
      const paid = (await paper.chain.balanceOf(paper.payTo)) - had;
      assert.equal(paid, BigInt(Math.round(Number(price.slice(1)) * 1e6)));
      await page.reload();
      await opened(page, path);
      const other = paper.articles.map((article) => article.path).find((candidate) => ![LOG, DOOR, PAWN].includes(candidate));
      await locked(page, other);
      assert.equal((await paper.chain.balanceOf(paper.payTo)) - had, paid);
    } finally {
      await context.close();
    }
  });
}

test("F7 a reader whose payment stays unknown closes the tab, comes back, and reads without another signature", async () => {
  const path = "/articles/parkin-wants-a-week";
  const context = await browser.context();
  try {
    const wallet = await installWallet(context, { key: paper.payer.key, rpc: paper.chain.url, chainId: paper.chain.chainId });
    paper.badFacilitator.script("/settle", "hang-after-settle");
    paper.badRpc.always("*", "hang");
    const had = await paper.chain.balanceOf(paper.payTo);
    const page = await context.newPage();
    await locked(page, path);
    await payButton(page).click();
    // the newspaper's own wallet announced itself too: the card asks which
    const card = page.locator("farthing-paywall");
    await card.locator("label", { hasNotText: /play money/i }).first().click();
    await card.getByRole("button", { name: "Continue" }).click({ delay: 700 });
    await page.waitForFunction(() => document.querySelector("farthing-paywall").state === "pending", null, { timeout: 20_000 });
    await page.close();
    paper.badRpc.reset();
    const again = await context.newPage();
    await again.goto(paper.site + path);
    await opened(again, path);
    assert.equal(wallet.requests.filter(({ method }) => method === "eth_signTypedData_v4").length, 1);
    assert.equal((await paper.chain.balanceOf(paper.payTo)) - had, 20_000n);
  } finally {
    paper.badRpc.reset();
    await context.close();
  }
});

test("the demo's key is the chain's play money and no publisher's build holds it", async () => {
  const { readFileSync } = await import("node:fs");
  for (const file of ["index.js", "assets/.farthing/farthing.js", "farthing.jsonc"]) {
    const built = readFileSync(new URL(`../../worker/build/${file}`, import.meta.url), "utf8");
    assert.ok(!built.includes(demoReader.key.slice(2)), file);
    assert.ok(!built.includes("demo-wallet"), file);
  }
});
