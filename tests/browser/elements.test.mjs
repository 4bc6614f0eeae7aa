// What page authors are told of the elements is so: the manifest, the guide's tables and each of its examples, against Chromium.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { payTo } from "../support/accounts.mjs";
import { button, card, says, startReader, violations, visit } from "./reader.mjs";
import { ARTICLE, problem, startSite } from "./site.mjs";
import { names, snippet, snippets, table } from "./snippets.mjs";

const root = join(import.meta.dirname, "../..");
const read = (path) => readFileSync(join(root, path), "utf8");
const manifest = JSON.parse(read("js/dist/custom-elements.json"));
const { declarations } = manifest.modules[0];
const [paywall, bare, receipt] = declarations;
const all = (declaration, key) => declaration[key].map(({ name }) => name);

let site;
let reader;
before(async () => { [site, reader] = await Promise.all([startSite(), startReader()]); });
after(async () => { await reader?.stop(); await site?.stop(); });
afterEach(() => {
  site.reset();
  assert.deepEqual(reader.faults.splice(0), [], "no script error");
});

const withWallet = (...options) => reader.withWallet(...options);
const opened = (page) => page.getByText(ARTICLE).waitFor();

/** An example on a page of the site, whose article has another address than the guide's. */
function place(text) {
  site.pages["/example"] = `<h1>Example</h1>${text.replaceAll("/articles/my-story", "/article")}`;
  return `${site.url}/example`;
}

test("the manifest tells of the classes that are there, of all that is public, and of nothing else", async () => {
  const profile = await reader.profile();
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  const real = await page.evaluate((tags) => tags.map((tag) => {
    const made = document.createElement(tag);
    const members = new Set(Object.keys(made));
    for (let at = made.constructor.prototype; at !== HTMLElement.prototype; at = Object.getPrototypeOf(at)) {
      for (const name of Object.getOwnPropertyNames(at)) members.add(name);
    }
    return { observed: made.constructor.observedAttributes ?? [], members: [...members], parent: Object.getPrototypeOf(made.constructor) === HTMLElement };
  }), declarations.map(({ tagName }) => tagName));
  // what the parts of the element use among themselves, and what the browser calls
  const hidden = ["constructor", "connectedCallback", "disconnectedCallback", "attributeChangedCallback", "url", "words", "says", "emit", "face"];
  for (const [index, declaration] of declarations.entries()) {
    const { observed, members, parent } = real[index];
    assert.deepEqual(all(declaration, "members").sort(), members.filter((name) => !hidden.includes(name)).sort(), declaration.name);
    assert.deepEqual(observed.filter((name) => !all(declaration, "attributes").includes(name)), [], declaration.name);
    assert.equal(parent, declaration.superclass.name === "HTMLElement");
  }
  assert.deepEqual(declarations.map(({ tagName }) => tagName), ["farthing-paywall", "farthing-button", "farthing-receipt"]);
  await profile.close();
});

test("every attribute that is read, event that is fired and part that is drawn is in the manifest, and the other way round", async () => {
  const profile = await withWallet();
  await profile.addInitScript(() => {
    globalThis.used = { attributes: [], events: [] };
    for (const name of ["getAttribute", "hasAttribute"]) {
      const own = Element.prototype[name];
      Element.prototype[name] = function (attribute) {
        if (this.localName?.startsWith("farthing-")) used.attributes.push(attribute);
        return own.call(this, attribute);
      };
    }
    const { dispatchEvent } = EventTarget.prototype;
    EventTarget.prototype.dispatchEvent = function (event) {
      if (this.localName?.startsWith("farthing-")) used.events.push(event.type);
      return dispatchEvent.call(this, event);
    };
  });
  // a second way to pay, so that all parts are there
  site.more = [{
    scheme: "exact", network: "eip155:43113", amount: "50000", asset: "0x5425890298aed601595a70AB815c96711a31Bc65", payTo: payTo.address,
    maxTimeoutSeconds: 300, extra: { name: "USD Coin", version: "2" },
  }];
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await button(page).hover();
  await card(page).locator("[part=ways]:visible").waitFor();
  const parts = await card(page).evaluate((node) => [...node.shadowRoot.querySelectorAll("[part]")].flatMap((one) => one.part.value.split(" ")));
  await button(page).click();
  await opened(page);
  const { attributes, events } = await page.evaluate(() => used);
  const own = ["offer", "mode"]; // the Worker's
  const elsewhere = ["theme", "lang"]; // read by the styles, and by closest()
  assert.deepEqual([...new Set([...attributes, ...elsewhere])].filter((name) => !own.includes(name)).sort(), all(paywall, "attributes").sort());
  assert.deepEqual([...new Set(events)].sort(), all(paywall, "events").sort());
  assert.deepEqual([...new Set(parts)].sort(), all(paywall, "cssParts").sort());
  const styles = ["widget", "pay"].map((name) => read(`www/${name}.css`)).join("");
  assert.deepEqual([...new Set(styles.match(/--farthing-[a-z-]+/g))].sort(), all(paywall, "cssProperties").sort());
  const sources = ["js/src/card.ts", "js/src/pay/help.ts"].map(read).join("");
  assert.deepEqual([...sources.matchAll(/"slot", \{ name: "([a-z-]+)"/g)].map(([, name]) => name).sort(), all(paywall, "slots").sort());
  await profile.close();
});

test("the guide's tables say what the manifest, the states and the words say", () => {
  assert.deepEqual(names("element"), [...declarations.map(({ tagName }) => `<${tagName}>`)]);
  assert.deepEqual(names("attribute"), all(paywall, "attributes"));
  assert.deepEqual(names("slot").sort(), all(paywall, "slots").sort());
  assert.deepEqual(names("custom property"), all(paywall, "cssProperties"));
  assert.deepEqual(all(receipt, "cssProperties").filter((name) => !names("custom property").includes(name)), []);
  assert.deepEqual(names("part"), [...all(paywall, "cssParts"), ...all(receipt, "cssParts")]);
  assert.deepEqual(names("event"), all(paywall, "events"));
  assert.deepEqual(all(bare, "attributes"), all(paywall, "attributes"));
  assert.deepEqual(names("member").map((name) => name.replace("()", "")).sort(), all(paywall, "members").sort());

  const union = (name) => [...new RegExp(`type ${name} =([^;]+);`).exec(read("js/src/state.ts"))[1].matchAll(/"([a-z-]+)"/g)].map(([, word]) => word);
  assert.deepEqual(names("state"), union("Stage"));
  const { card: first, more } = JSON.parse(read("www/locales/en.json"));
  assert.deepEqual(names("notice").sort(), union("Notice").sort());
  for (const [notice, state, says] of table("notice")) {
    const name = notice.slice(1, -1);
    assert.equal(says, (first[name] ?? more[name]), name);
    for (const [, word] of state.matchAll(/`([^`]+)`/g)) assert.ok(union("Stage").includes(word), name);
  }
  const languages = ["en", .../LANGUAGES = \[([^\]]+)\]/.exec(read("js/src/language.ts"))[1].match(/[a-z]+/g)];
  const said = /^English,[^:]+: ([^\n]+), with/m.exec(read("www/docs/element.md"))[1].match(/[a-z]+/g);
  assert.deepEqual(said.sort(), languages.sort());
});

test("the first example pays, opens in place, and is open the next day", async () => {
  const profile = await withWallet();
  const url = place(snippet("html", 'description="The whole story"></farthing-paywall>'));
  const page = await visit(profile, url);
  await card(page).getByRole("heading", { name: "The whole story" }).waitFor();
  await button(page).click();
  await opened(page);
  await page.reload();
  await opened(page);
  assert.equal(site.payments.length, 1);
  await profile.close();
});

test("the button stands in a line of text", async () => {
  const profile = await withWallet();
  const page = await profile.newPage();
  await page.goto(place(snippet("html", "<farthing-button")));
  await page.locator("farthing-button").getByRole("button", { name: "Pay $0.05" }).click();
  await opened(page);
  await profile.close();
});

test("a receipt is there after the payment", async () => {
  site.receipt = { "farthing-receipt": "rcpt_123" };
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await button(page).click();
  await opened(page);
  const paper = await profile.newPage();
  await paper.goto(place(snippet("html", "<farthing-receipt")));
  await paper.locator("farthing-receipt").getByText("rcpt_123").waitFor();
  const parts = await paper.locator("farthing-receipt").evaluate((node) => [...node.shadowRoot.querySelectorAll("[part]")].map((one) => one.part.value));
  assert.deepEqual(parts, all(receipt, "cssParts"));
  await profile.close();
});

test("pins that the offer keeps let it pass", async () => {
  const profile = await withWallet();
  const page = await visit(profile, place(snippet("html", "max-price=")));
  await button(page).click();
  await opened(page);
  await profile.close();
});

test("a button of the page's own pays, and is told how it went", async () => {
  const profile = await withWallet();
  const page = await visit(profile, place(snippet("html", ".pay()")));
  const lines = [];
  page.on("console", (line) => line.type() === "log" && lines.push(line.text()));
  profile.wallet.next("eth_signTypedData_v4", "reject");
  await page.getByRole("button", { name: "Read on" }).click();
  await says(page, "You cancelled.");
  await page.waitForTimeout(700);
  await page.getByRole("button", { name: "Read on" }).click();
  await opened(page);
  await page.getByRole("button", { name: "Read on" }).waitFor({ state: "hidden" });
  assert.deepEqual(lines, ["idle rejected", "unlocked unlocked"]);
  await profile.close();
});

test("the wallet stays closed until the terms are read", async () => {
  const profile = await withWallet();
  const page = await visit(profile, place(snippet("html", "farthing:beforepay")));
  const lines = [];
  page.on("console", (line) => line.type() === "log" && lines.push(line.text()));
  await button(page).click();
  assert.deepEqual(profile.wallet.requests, []);
  await page.getByRole("checkbox").check();
  await button(page).click();
  await opened(page);
  assert.equal(lines.at(-1), "unlocked");
  assert.ok(lines.includes("signing"));
  await profile.close();
});

test("the page's own words stand in the slots", async () => {
  const text = snippet("html", 'slot="alternative"');
  const without = await reader.profile();
  const page = await visit(without, place(text));
  await page.getByRole("link", { name: "Subscribe" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "What a wallet is" }).isVisible(), false);
  await button(page).click();
  await page.getByRole("link", { name: "What a wallet is" }).waitFor();
  await without.close();
  const profile = await withWallet();
  site.next = [problem(402, "insufficient-funds")];
  const poor = await visit(profile, place(text));
  await button(poor).click();
  await poor.getByRole("link", { name: "Where to get digital dollars" }).waitFor();
  await profile.close();
});

test("custom properties and parts reach the card", async () => {
  const profile = await reader.profile({ dark: true });
  const page = await visit(profile, place(`<style>:root { color-scheme: light dark }</style>${snippet("html", "::part(button)")}`));
  const look = await button(page).evaluate((node) => {
    const { backgroundColor, letterSpacing, fontFamily } = getComputedStyle(node);
    return { backgroundColor, spaced: letterSpacing !== "normal", fontFamily, round: getComputedStyle(node.getRootNode().querySelector("section")).borderRadius };
  });
  assert.deepEqual(look, { backgroundColor: "rgb(159, 197, 232)", spaced: true, fontFamily: "Georgia, serif", round: "0px" });
  await profile.close();
});

test("pictures of an article that opens in place keep to the column", async () => {
  const profile = await withWallet();
  site.body = `<main><h2>Keepers</h2><p>${ARTICLE}</p><svg width="3000" height="300"></svg></main>`;
  const page = await visit(profile, place(`${snippet("html", ".farthing-article")}<div style="width: 300px">${snippet("html", 'description="The whole story"></farthing-paywall>')}</div>`));
  await button(page).click();
  await opened(page);
  assert.equal(await page.locator(".farthing-article svg").evaluate((node) => node.getBoundingClientRect().width), 300);
  await profile.close();
});

test("the article opens on its own page where that is wanted", async () => {
  const profile = await withWallet();
  const page = await visit(profile, place(snippet("html", 'open="page"')));
  await button(page).click();
  await page.waitForURL(site.article);
  await opened(page);
  await profile.close();
});

test("the policy of the guide lets a reader pay and reports nothing", async () => {
  for (const lang of ["en", "de"]) {
    const profile = await withWallet();
    site.policy = snippet("http", "trusted-types farthing").trim().replace(/^Content-Security-Policy: /, "");
    const page = await visit(profile, place(snippet("html", 'description="The whole story"></farthing-paywall>').replace("<farthing-paywall", `<farthing-paywall lang="${lang}"`)));
    await button(page).click();
    await opened(page);
    assert.deepEqual(await violations(page), []);
    await profile.close();
  }
});

test("a nonce is enough together with 'strict-dynamic', and without it the card is a link", async () => {
  for (const [sources, pays] of [["'nonce-abc' 'strict-dynamic'", true], ["'nonce-abc'", false]]) {
    const profile = await withWallet();
    site.policy = `script-src ${sources} 'wasm-unsafe-eval'`;
    const page = await visit(profile, place(snippet("html", 'description="The whole story"></farthing-paywall>').replace("<script", '<script nonce="abc"')));
    await button(page).focus();
    if (pays) {
      await button(page).click();
      await opened(page);
    } else await card(page).getByRole("link", { name: "Open the page" }).waitFor();
    await profile.close();
  }
});

test("f8: with its hash the script runs, and changed it does not", async () => {
  const hash = JSON.parse(read("js/dist/integrity.json"))["farthing.js"];
  const text = snippet("html", "integrity=");
  assert.ok(text.includes('integrity="sha256-…"'));
  const profile = await withWallet();
  const url = place(text.replace("sha256-…", hash));
  await visit(profile, url);
  site.changed["farthing.js"] = (bytes) => Buffer.concat([bytes, Buffer.from("\nglobalThis.harm = 1")]);
  const page = await profile.newPage();
  await page.goto(url);
  await page.waitForLoadState("networkidle");
  assert.deepEqual(await page.evaluate(() => [globalThis.harm, !!customElements.get("farthing-paywall")]), [undefined, false]);
  // without the attribute it would have run
  await page.goto(place(text.replace(/integrity="[^"]*"/, "")));
  await button(page).waitFor();
  assert.equal(await page.evaluate(() => globalThis.harm), 1);
  await profile.close();
});

test("each example of the guide is run, here, in cors.test.mjs or in playground.test.mjs", () => {
  const tests = ["elements", "cors", "playground"].map((name) => read(`tests/browser/${name}.test.mjs`)).join("");
  const run = new Set([...tests.matchAll(/snippet\("(\w+)", (["'])(.*?)\2\)/g)].map(([, kind, , part]) => snippet(kind, part)));
  assert.deepEqual(snippets().filter(({ text }) => !run.has(text)).map(({ text }) => text), []);
});
