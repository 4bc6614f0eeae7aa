// A reader with a browser: pages whose faults, policy violations, requests and states are written down.
import assert from "node:assert/strict";
import { launch, launchForgetful } from "../support/browser.mjs";
import { installWallet } from "../support/wallet.mjs";

/** Runs in the page before anything else. */
const witness = () => {
  globalThis.seen = { states: [], violations: [] };
  document.addEventListener("securitypolicyviolation", (event) => seen.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  document.addEventListener("farthing:state", (event) => seen.states.push(event.detail.state));
};

/** @param {{forgetful?: boolean}} [options] `forgetful`: the browser keeps nothing for any site */
export async function startReader({ forgetful = false } = {}) {
  const { context, close } = await (forgetful ? launchForgetful() : launch());
  const faults = [];
  return {
    faults,
    stop: close,
    /** A fresh profile; `wallets` are put into it before any page is opened. */
    async profile(options = {}, ...wallets) {
      const profile = await context(options);
      profile.hosts = new Set();
      profile.on("request", (request) => profile.hosts.add(new URL(request.url()).host));
      await profile.addInitScript(witness);
      for (const install of wallets) await install(profile);
      profile.on("page", (page) => page.on("pageerror", (error) => faults.push(error.message)));
      return profile;
    },
    /** A fresh profile with one wallet, as its `wallet`. */
    async withWallet(options = {}, context = {}) {
      let wallet;
      const profile = await this.profile(context, async (into) => { wallet = await installWallet(into, options); });
      return Object.assign(profile, { wallet });
    },
  };
}

export const card = (page) => page.locator("farthing-paywall");
export const button = (page) => card(page).locator("[part=button]:visible");
export const cancel = (page) => card(page).locator("[part=cancel]");
/** What the card says: its live regions. */
export const message = (page) => card(page).locator("[part=message]:not(:empty)");

/** Opens a page and waits for its card. */
export async function visit(profile, url) {
  const page = await profile.newPage();
  await page.goto(url);
  await button(page).waitFor();
  return page;
}

/** Waits until the card says this. */
export async function says(page, expected) {
  const deadline = performance.now() + 10_000;
  let text = "";
  while (performance.now() < deadline) {
    text = await message(page).innerText({ timeout: 1000 }).catch(() => "");
    if (text.includes(expected)) return;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  assert.fail(`the card says "${text}", not "${expected}"`);
}

export const states = (page) => page.evaluate(() => seen.states);
export const violations = (page) => page.evaluate(() => seen.violations);
