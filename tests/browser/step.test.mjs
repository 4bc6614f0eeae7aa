// From the card that comes with a page to the one that is alive: nothing moves, for both are the same tree.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { card, startReader, visit } from "./reader.mjs";
import { LANGUAGES } from "./situations.mjs";
import { startSite } from "./site.mjs";

let site;
let reader;
before(async () => { [site, reader] = await Promise.all([startSite(), startReader()]); });
after(async () => { await reader?.stop(); await site?.stop(); });
afterEach(() => { site.reset(); });

/** Runs in the page: elements come alive only when they are told to, and what moves is written down. */
const hold = () => {
  const define = customElements.define.bind(customElements);
  const later = [];
  customElements.define = (...all) => { later.push(all); };
  globalThis.live = () => { for (const all of later.splice(0)) define(...all); };
  globalThis.held = () => later.length > 0;
  globalThis.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries()) shifts.push([value, sources.map(({ node }) => node?.id || node?.nodeName)].join());
  }).observe({ type: "layout-shift", buffered: true });
};

/** Runs in the page: where everything is. The button stands where the link was. */
const boxes = () => {
  const root = document.querySelector("farthing-paywall").shadowRoot;
  const all = {};
  for (const node of [...root.querySelectorAll("section, section *"), ...document.querySelectorAll("body > *, main > *")]) {
    const { x, y, width, height } = node.getBoundingClientRect();
    const name = node.part?.contains("button") ? "button" : node.id || node.getAttribute("part") || `${node.localName}.${node.className}`;
    if (width && height) all[name] = [x, y, width, height].map((length) => Math.round(length * 100) / 100).join(" ");
  }
  return all;
};

for (const lang of LANGUAGES) {
  test(`${lang}: no box moves when the card comes alive`, async () => {
    site.lang = lang;
    for (const at of [site.article, site.teaser("/front")]) {
      for (const viewport of [{ width: 1280, height: 900 }, { width: 320, height: 640 }]) {
        const profile = await reader.profile({ viewport, locale: lang });
        await profile.addInitScript(hold);
        const page = await profile.newPage();
        await page.goto(at);
        await page.waitForFunction(() => held());
        const before = await page.evaluate(boxes);
        await page.evaluate(() => live());
        await card(page).locator("#pay:not([hidden])").waitFor();
        await page.waitForTimeout(200);
        assert.deepEqual(await page.evaluate(boxes), before, `${at} at ${viewport.width}`);
        assert.deepEqual(await page.evaluate(() => shifts), []);
        await profile.close();
      }
    }
  });
}

test("the card of the template and the one that the script draws are the same tree", async () => {
  const profile = await reader.profile();
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  const markup = readFileSync(join(import.meta.dirname, "../../www/card.html"), "utf8");
  const [template, drawn] = await page.evaluate((text) => {
    const fixed = ["id", "class", "part", "role", "type", "name", "aria-labelledby"];
    // words and what is hidden are of the moment; `#needs` is for who has no script, and goes with it
    const tree = (node) => ({
      tag: node.localName,
      ...Object.fromEntries(fixed.filter((name) => node.hasAttribute(name)).map((name) => [name, node.getAttribute(name)])),
      children: [...node.children].filter(({ id }) => id !== "needs").map(tree),
    });
    const there = new DOMParser().parseFromString(text, "text/html").querySelector("template").content.querySelector("section");
    return [tree(there), tree(document.querySelector("farthing-paywall").shadowRoot.querySelector("section"))];
  }, markup);
  assert.deepEqual(drawn, template);
  await profile.close();
});
