// The playground of `npm start`: attributes, themes and languages are shown as they are set, situations happen, and paying works.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { DEMO, startNewspaper } from "../support/newspaper.mjs";
import { button, card, message, startReader, states, violations } from "./reader.mjs";
import { snippet } from "./snippets.mjs";

const root = join(import.meta.dirname, "../..");
const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const { articles, needles } = json(join(DEMO, "newspaper.json"));
const [paywall] = json(join(root, "js/dist/custom-elements.json")).modules[0].declarations;

let paper;
let reader;
before(async () => { [paper, reader] = await Promise.all([startNewspaper(), startReader()]); });
after(async () => { await reader?.stop(); await paper?.stop(); });
afterEach(() => assert.deepEqual(reader.faults.splice(0), [], "no script error"));

async function open(query = {}) {
  const profile = await reader.profile({ permissions: ["clipboard-read", "clipboard-write"] });
  const page = await profile.newPage();
  await page.goto(`${paper.playground}?${new URLSearchParams(query)}`);
  await page.locator("#stage > *").waitFor();
  return { profile, page, form: (name) => page.locator(`#settings [name="${name}"]`) };
}
const shown = (page) => page.locator("#snippet").innerText();

test("a page of one's own in the newspaper's folder sells an article of it, as the guide has it", async () => {
  const file = join(DEMO, "site/free/mine.html");
  writeFileSync(file, snippet("html", "demo-wallet.js"));
  try {
    const profile = await reader.profile();
    const page = await profile.newPage();
    await page.goto(`${paper.site}/free/mine`);
    await button(page).click();
    await page.getByRole("button", { name: "Sign" }).click();
    await page.locator(".farthing-article").waitFor();
    assert.ok((await page.innerText(".farthing-article")).includes(needles["/articles/paid-at-the-door"][0]));
    await profile.close();
  } finally { rmSync(file); }
});

test("the form has each attribute of the manifest and each article of the newspaper", async () => {
  const { profile, page } = await open();
  const there = await page.evaluate(() => ({
    attributes: [...document.querySelectorAll("#attributes [name]")].map(({ name }) => name),
    articles: [...document.querySelectorAll("[name=src] option")].slice(0, -1).map((one) => ({ path: one.value, title: one.textContent.trim(), price: one.dataset.price })),
    languages: [...document.querySelectorAll("[name=lang] option")].map(({ value }) => value).filter(Boolean),
  }));
  assert.deepEqual(there.attributes.sort(), paywall.attributes.map(({ name }) => name).sort());
  assert.deepEqual(there.articles, articles);
  assert.deepEqual(there.languages, ["ar", "de", "en", "es", "fr", "ja", "pt", "zh"]);
  await profile.close();
});

test("what is set is shown at once, and stands in the snippet and in the address", async () => {
  const { profile, page, form } = await open();
  await button(page).waitFor();
  await form("price").fill("$0.07");
  assert.equal(await button(page).innerText(), "Pay $0.07");
  await form("description").fill('A "quoted" <story>');
  await card(page).getByRole("heading", { name: 'A "quoted" <story>' }).waitFor();
  assert.ok((await shown(page)).includes('description="A &quot;quoted&quot; &lt;story&gt;"'));
  await form("lang").selectOption("de");
  await button(page).getByText("0,07").waitFor();
  await card(page).locator("[part=ribbon]").waitFor();
  await form("test-network").uncheck();
  await card(page).locator("[part=ribbon]").waitFor({ state: "hidden" });
  const colour = () => card(page).locator("section").evaluate((node) => getComputedStyle(node).backgroundColor);
  const light = await colour();
  await form("theme").selectOption("bold");
  assert.notEqual(await colour(), light);
  await form("scheme").selectOption("dark");
  await form("--farthing-accent").fill("rgb(1, 2, 3)");
  assert.equal(await button(page).evaluate((node) => getComputedStyle(node).backgroundColor), "rgb(1, 2, 3)");
  const text = await shown(page);
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByText("Copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  await page.reload();
  await button(page).waitFor();
  assert.equal(await shown(page), text);
  // what is copied is what was shown
  const copied = await page.evaluate((html) => {
    const [first] = new DOMParser().parseFromString(html, "text/html").querySelectorAll("farthing-paywall");
    return Object.fromEntries([...first.attributes].map(({ name, value }) => [name, value]));
  }, text).catch((error) => error.message);
  assert.match(String(copied), /TrustedHTML/, "the page's own policy makes no markup from text");
  assert.deepEqual((await violations(page)).filter((line) => !line.startsWith("require-trusted-types-for")), []);
  await profile.close();
});

test("paying works there, each step is told, and the page's policy is kept", async () => {
  const { profile, page, form } = await open();
  await form("src").selectOption("/articles/parkin-wants-a-week");
  assert.equal(await form("price").inputValue(), "$0.02");
  await button(page).click();
  await page.getByRole("button", { name: "Sign" }).click();
  await page.locator("#stage").getByText(needles["/articles/parkin-wants-a-week"][0]).waitFor();
  assert.deepEqual(await states(page).then((all) => [all[0], all.at(-1)]), ["idle", "unlocked"]);
  const lines = await page.locator("#log li").allInnerTexts();
  assert.ok(lines.some((line) => line.startsWith("farthing:beforepay") && line.includes('"price":"0.02"')), lines.join("\n"));
  assert.ok(lines.includes('farthing:state {"state":"signing"}'));
  assert.deepEqual(await violations(page), []);
  await form("element").selectOption("farthing-receipt");
  await page.locator("farthing-receipt").getByText("Parkin Wants a Week").waitFor();
  await form("element").selectOption("farthing-button");
  assert.ok((await shown(page)).includes("<farthing-button"));
  await profile.close();
});

test("methods are called by the page's buttons, and the wallet can be kept closed", async () => {
  const { profile, page, form } = await open({ situation: "The reader refuses" });
  await form("closed").check();
  await page.getByRole("button", { name: "pay()" }).click();
  await page.getByText('pay() {"state":"idle","notice":"offer"}').waitFor();
  await form("closed").uncheck();
  await page.waitForTimeout(700);
  await page.getByRole("button", { name: "pay()" }).click();
  await page.getByText('pay() {"state":"idle","notice":"rejected"}').waitFor();
  await profile.close();
});

for (const [situation, said] of Object.entries({
  "Demo wallet and another one": null,
  "No wallet": "You need a wallet to pay here.",
  "The reader refuses": "You cancelled. Nothing was charged.",
  "The wallet is locked": "Choose an account in your wallet",
  "The wallet has a question open": "Your wallet has a question open already.",
  "The wallet keeps silent": "Connecting to your wallet…",
  "The wallet waits for the signature": "Confirm the payment of $0.10 in your wallet.",
  "The wallet has no network": "Your wallet is not connected to a network.",
  "The wallet stays on another network": "Switch your wallet to Base Sepolia",
  "The wallet cannot sign this": "This wallet cannot pay here yet.",
  "The wallet fails": "Your wallet reported a problem.",
  "Too little money": "You need $0.10 USDC on Base Sepolia, you have $0.00 USDC.",
  "The price has changed": "The price has changed from $0.001 to $0.10.",
  "The price is above the pin": "The price or the recipient is not what this page expects.",
  "The price cannot be loaded": "The price could not be loaded.",
  "Another tab is paying": "You are paying for this page in another tab.",
  "The payment takes long": "Paying…",
  "The outcome is not known": "Your payment is being confirmed.",
  "The line is cut after signing": "No connection. Your payment is kept",
  "The payment is refused": "The payment was not accepted.",
  "The payment was used before": "This payment was used before.",
  "A file is missing": "The payment box could not be loaded.",
})) {
  test(`the situation: ${situation}`, async () => {
    const { profile, page, form } = await open();
    await Promise.all([page.waitForEvent("framenavigated"), form("situation").selectOption(situation)]);
    await button(page).waitFor();
    // what does not come turns the button into a link as soon as somebody comes near
    if (situation === "A file is missing") await button(page).focus();
    else await button(page).click();
    if (/^The (payment|outcome|line)/.test(situation)) await page.getByRole("button", { name: "Sign" }).click();
    if (said) await message(page).getByText(said).waitFor();
    else await card(page).getByRole("radio", { name: "Another wallet (says no)" }).waitFor();
    await profile.close();
  });
}

test("every situation of the form is tried above", async () => {
  const { profile, page } = await open();
  const there = await page.locator("[name=situation] option").allInnerTexts();
  const source = readFileSync(import.meta.filename, "utf8");
  assert.deepEqual(there.slice(1).filter((name) => !source.includes(`"${name}"`)), []);
  await profile.close();
});
