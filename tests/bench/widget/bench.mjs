// The measurement of what a reader downloads and waits for: every page opened cold in turn, round after round. Prints and judges nothing.
import { loadavg } from "node:os";
import { launch } from "../../support/browser.mjs";
import { machine } from "../figures.mjs";
import { paying, PHONE, scripted, slowly } from "./open.mjs";
import { PAGES } from "./pages.mjs";
import { startBenchSite } from "./site.mjs";

/**
 * @param {object} options
 * `rounds`; `phone`: what a phone has, `PHONE` if left out; `parts`: what is started is added there, to be stopped with it; `say(text)` is
 * told how far it is.
 */
export async function bench({ rounds, phone = PHONE, parts, say }) {
  const begin = { date: new Date().toISOString(), load: loadavg()[0] };
  const site = await parts.add(startBenchSite());
  const browser = await parts.add(launch().then((launched) => ({ ...launched, stop: launched.close })));
  const names = Object.keys(PAGES);
  const kinds = {
    slow: (name) => slowly(browser, site, name, phone),
    script: (name) => scripted(browser, site, name, phone),
    fast: (name) => paying(browser, site, name),
  };
  // uncounted: afterwards the browser is awake and every body is compressed
  for (const name of names) await paying(browser, site, name);
  const pages = Object.fromEntries(names.map((name) => [name, Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]))]));
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}: pages`);
    site.renew();
    for (const [kind, open] of Object.entries(kinds)) {
      // no page is always the first
      for (const name of names.map((_, index) => names[(index + round) % names.length])) pages[name][kind].push(await open(name));
    }
  }
  return { ...begin, loadAfter: loadavg()[0], chromium: browser.browser.version(), node: process.version, machine: machine(), rounds, phone, pages };
}
