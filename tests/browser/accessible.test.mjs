// What assistive technology is told in each situation, the keyboard alone, sizes of what is pressed, and motion.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { installWallet } from "../support/wallet.mjs";
import { button, card, says, startReader, visit } from "./reader.mjs";
import { everywhere, turn } from "./situations.mjs";
import { ARTICLE, problem, startSite } from "./site.mjs";

const SNAPSHOTS = join(import.meta.dirname, "snapshots");
/** `SNAPSHOTS=write` makes what is seen what is expected. */
const WRITE = process.env.SNAPSHOTS === "write";

let site;
let reader;
before(async () => { [site, reader] = await Promise.all([startSite(), startReader()]); });
after(async () => { await reader?.stop(); await site?.stop(); });
afterEach(() => { site.reset(); });

async function withWallets(count = 1, options = {}) {
  const wallets = [];
  const install = (name) => async (into) => { wallets.push(await installWallet(into, { name, rdns: `test.${name.toLowerCase()}` })); };
  const profile = await reader.profile(options, ...["Fox", "Rabbit", "Badger"].slice(0, count).map(install));
  return Object.assign(profile, { wallets });
}

/** Dates and ports are of the moment. */
const steady = (text) => `${text.replace(/blob:\S+/g, "blob").replace(/127\.0\.0\.1(:|%3A)\d+/g, "host").replace(/\w+ \d+, \d{4} at [\d:]+ [AP]M/g, "date")}\n`;

/** Runs in the page: what is pressed and is too small to be hit. */
const small = (host) => [...host.shadowRoot.querySelectorAll("button, a[href], summary, label")].filter((node) => node.checkVisibility({ visibilityProperty: true })).flatMap((node) => {
  const { width, height } = node.getBoundingClientRect();
  const least = node.part.contains("button") ? 44 : 24;
  return width >= least && height >= least ? [] : [`${node.textContent} is ${width} × ${height}`];
});

/** Runs in the page: what is cut off, or runs out of the page. */
const cut = (host) => [document.documentElement, ...host.shadowRoot.querySelectorAll("*")]
  .filter((node) => node.clientWidth > 1 && node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== "inline")
  .map((node) => `${node.id || node.className || node.localName} is ${node.scrollWidth} in ${node.clientWidth}`);

test("each situation: what assistive technology has of it, the size of what is pressed, and nothing cut off at 320 pixels and at twice the size", async () => {
  mkdirSync(SNAPSHOTS, { recursive: true });
  const wrong = await everywhere(reader, async ({ page, view, element }, { name }) => {
    // at once: some situations pass
    const text = steady(await element.ariaSnapshot());
    for (const viewport of [{ width: 320, height: 640 }, { width: 640, height: 450 }]) {
      await page.setViewportSize(viewport);
      assert.deepEqual(await element.evaluate(small), [], `${viewport.width}`);
      for (const lang of ["de", "ar", "en"]) {
        await turn(view, { lang });
        assert.deepEqual(await element.evaluate(cut), [], `${lang}, ${viewport.width}`);
      }
    }
    const path = join(SNAPSHOTS, `${name}.yml`);
    if (WRITE) writeFileSync(path, text);
    else assert.equal(text, readFileSync(path, "utf8"), "SNAPSHOTS=write takes it over, if it is as it should be");
  }, { options: { deviceScaleFactor: 2 } });
  assert.deepEqual(wrong, []);
});

/** The element that has the focus, through shadow trees. */
const focused = (page) => page.evaluate(() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.textContent || at?.value;
});
/** Whether what has the focus shows it. */
const ringed = (page) => page.evaluate(() => {
  const at = document.activeElement.shadowRoot?.activeElement;
  return at && parseFloat(getComputedStyle(at).outlineWidth) >= 2 && getComputedStyle(at).outlineStyle !== "none";
});
const tabTo = async (page, text) => {
  for (let left = 12; left > 0; left -= 1) {
    await page.keyboard.press("Tab");
    if ((await focused(page))?.includes(text)) return assert.ok(await ringed(page), `${text}: its focus shows`);
  }
  return assert.fail(`no way to "${text}" by Tab`);
};

test("with the keyboard alone, from the first view through both expanders and the wallets to the article", async () => {
  const profile = await withWallets(3);
  const page = await visit(profile, site.article);
  await tabTo(page, "Pay $0.05");
  await tabTo(page, "Already paid?");
  for (const [summary, shown] of [["What is this?", "There is no account"], ["What you will sign", "Recipient"]]) {
    await tabTo(page, summary);
    await page.keyboard.press("Enter");
    await card(page).getByText(shown).first().waitFor();
  }
  await button(page).focus();
  await page.keyboard.press("Enter");
  await card(page).getByRole("radio").first().waitFor();
  assert.ok(await ringed(page), "the first wallet has the focus, and shows it");
  await page.keyboard.press("ArrowDown");
  await tabTo(page, "Continue");
  await page.waitForTimeout(700);
  await page.keyboard.press("Space");
  await page.getByText(ARTICLE).waitFor();
  assert.deepEqual(profile.wallets.map(({ requests }) => requests.length > 0), [false, true, false]);
  await profile.close();
});

test("with the keyboard alone, another of the offers is chosen, given up in the wallet, and paid", async () => {
  site.more = [{
    scheme: "exact", network: "eip155:84532", amount: "400000", asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e", payTo: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    maxTimeoutSeconds: 300, extra: { name: "USDC", version: "2", offer: { name: "ten", title: "Ten articles", count: 10, seconds: 2_592_000 } },
  }];
  const profile = await withWallets();
  profile.wallets[0].next("eth_signTypedData_v4", "reject");
  const page = await visit(profile, site.article);
  await tabTo(page, "Pay $0.05");
  await card(page).locator("[part=ways] summary").waitFor();
  await tabTo(page, "Other ways to pay");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await card(page).getByRole("button", { name: "Pay $0.40" }).waitFor();
  await button(page).focus();
  await page.waitForTimeout(700);
  await page.keyboard.press("Enter");
  await says(page, "You cancelled.");
  assert.equal(await focused(page), "Try again", "the focus stays");
  await page.keyboard.press("Enter");
  await page.getByText(ARTICLE).waitFor();
  assert.equal(site.payments.at(-1).payload.authorization.value, "400000");
  await profile.close();
});

test("each step of a payment is announced once, and none twice", async () => {
  const profile = await withWallets();
  site.next = [problem(503, "settlement-pending", { "retry-after": "1" }), problem(502, "paid-not-delivered", { "retry-after": "30" })];
  const page = await visit(profile, site.article);
  await page.evaluate(() => {
    globalThis.announced = [];
    for (const region of document.querySelector("farthing-paywall").shadowRoot.querySelectorAll("[role=status], [role=alert]")) {
      new MutationObserver(() => region.textContent && announced.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
    }
  });
  await button(page).click();
  await says(page, "Paid. Loading your page");
  assert.deepEqual(await page.evaluate(() => announced), [
    "Connecting to your wallet…", "Confirm the payment of $0.05 in your wallet.", "Paying… usually under 5 seconds.",
    "Your payment is being confirmed. You can leave; you will not be charged twice.", "Paid. Loading your page…",
  ]);
  await profile.close();
});

test("the ring turns, and stands still for readers who want less motion", async () => {
  for (const [reducedMotion, turning] of [["no-preference", 1], ["reduce", 0]]) {
    const profile = await withWallets(1, { reducedMotion });
    profile.wallets[0].next("eth_signTypedData_v4", "never");
    const page = await visit(profile, site.article);
    await button(page).click();
    await says(page, "Confirm the payment");
    assert.equal(await card(page).evaluate((host) => host.shadowRoot.querySelector("#pay").getAnimations({ subtree: true }).length), turning);
    await profile.close();
  }
});
