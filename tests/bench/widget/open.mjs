// One page opened cold, in a profile of its own with one wallet, until its button can be used and what is looked at after that.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { installWallet } from "../../support/wallet.mjs";
import { PAGES, pay } from "./pages.mjs";
import { CATEGORIES, scriptTime } from "./trace.mjs";

/** A processor slowed so many times, and what DevTools calls "Slow 4G": milliseconds for each request, bytes in a second. */
export const PHONE = { cpu: 4, network: { offline: false, latency: 562.5, downloadThroughput: 180_000, uploadThroughput: 84_375 } };
/** How long the page is watched for shifts after its button can be used. */
const WATCHED = 2000;
const PATIENCE = 120_000;
const PLACE = "farthing-bench";
const REPORT = "farthingBenchUsable";
/** What the script time leaves out. */
const OWN = "farthing-bench.js";

const look = readFileSync(join(import.meta.dirname, "usable.js"), "utf8").replace(/^(\/\/.*\n)+/, "").trim().replace(/;$/, "");

const sum = (requests, what) => requests.reduce((total, one) => total + one[what], 0);
const weights = (requests) => ({ br: sum(requests, "br"), raw: sum(requests, "raw"), wire: sum(requests, "wire"), requests: requests.length });

/** Opens the page `name` of `site` in `browser`, as `launch` gives it, and hands a profile's page to `work` when its button can be used. */
async function opened(browser, site, name, { phone = false, cpu = 1, network, watch = async (act) => act() }, work) {
  const context = await browser.context({ phone });
  try {
    const wallet = await installWallet(context, { injected: true });
    let settle;
    const usable = new Promise((resolve) => { settle = resolve; });
    await context.exposeBinding(REPORT, (_, at) => settle(at));
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    const { control, name: called } = PAGES[name];
    const settings = JSON.stringify({ control, name: called, place: PLACE, report: REPORT });
    await session.send("Page.enable");
    await session.send("Page.addScriptToEvaluateOnNewDocument", { source: `(${look})(${settings});\n//# sourceURL=${OWN}` });
    if (cpu > 1) await session.send("Emulation.setCPUThrottlingRate", { rate: cpu });
    if (network) {
      await session.send("Network.enable");
      await session.send("Network.emulateNetworkConditions", network);
    }
    site.forget();
    const at = await watch(async () => {
      const late = sleep(PATIENCE, undefined, { ref: false }).then(() => { throw new Error(`${name}: no button that can be used after ${PATIENCE / 1000} s`); });
      late.catch(() => {});
      await page.goto(site.pages[name], { waitUntil: "commit" });
      return Promise.race([usable, late]);
    }, page);
    return await work({ page, at, wallet });
  } finally {
    await context.close();
  }
}

/** On a phone: {usable, shift, br, raw, wire, requests}, the bytes of what was asked for before the button could be used. */
export const slowly = (browser, site, name, { cpu, network }) => opened(browser, site, name, { phone: true, cpu, network }, async ({ page, at }) => {
  await sleep(WATCHED);
  const { shift, before } = await page.evaluate(([place, until]) => ({
    shift: window[place].shift,
    before: ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind)).filter(({ startTime }) => startTime <= until).map((entry) => entry.name),
  }), [PLACE, at]);
  await Promise.all(site.sent.map(({ done }) => done));
  const paths = new Set(before.map((url) => new URL(url)).filter(({ origin }) => origin === site.url).map(({ pathname }) => pathname));
  return { usable: at, shift, ...weights(site.sent.filter(({ path }) => paths.has(path))) };
});

/** On a desk, paid to the end: {usable, br, raw, wire, requests}, the bytes of everything but what was paid for. */
export const paying = (browser, site, name) => opened(browser, site, name, {}, async ({ page, at, wallet }) => {
  await pay(name, page);
  await Promise.all(site.sent.map(({ done }) => done));
  const [payment, ...more] = site.payments;
  if (!payment || more.length > 0) throw new Error(`${name}: ${site.payments.length} payments`);
  // browsers ask for an icon now and then
  const sent = site.sent.filter(({ article, path }) => !article && path !== "/favicon.ico");
  return { usable: at, payment, payer: wallet.address, ...weights(sent) };
});

/** Milliseconds of script before the button can be used, on a phone's processor and a fast network. */
export const scripted = (browser, site, name, { cpu }) => {
  let events;
  const watch = async (act, page) => {
    await browser.browser.startTracing(page, { categories: CATEGORIES });
    const at = await act();
    // what is in the trace by then is in it whole
    await sleep(100);
    ({ traceEvents: events } = JSON.parse(await browser.browser.stopTracing()));
    return at;
  };
  return opened(browser, site, name, { phone: true, cpu, watch }, async () => scriptTime(events, { mark: PLACE, own: OWN }));
};
