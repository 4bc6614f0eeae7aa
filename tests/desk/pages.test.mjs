// The desk as people see it: each page in Chromium, light, dark and on a phone, with books that have something of everything. SCREENS=folder keeps
// pictures of them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BEGUN } from "../../worker/shim/desk/tables.js";
import { fill } from "../bench/desk/books.mjs";
import { launch } from "../support/browser.mjs";
import { startEdge } from "../support/edge.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PASSWORD = "pictures";
const PAGES = { revenue: "", quarters: "?over=4q", articles: "/articles", readers: "/readers", "readers-route": "/readers?over=4q&route=/articles/*", payments: "/payments", search: "/payments?q=0x0000000000000000000000000000000000000001", payment: "/payment?key=n7", refunds: "/refunds?over=4q", trouble: "/trouble", sendback: "/payment?key=n8", "no-endpoint": "/payment?key=n10", begun: "/payment?key=n9", reconciliation: "/reconciliation", health: "/health", none: "/none" };
const LOOKS = [["light", 1280], ["dark", 1280], ["light", 390], ["dark", 320]];

let edge;
let empty;
let browser;
const started = () => startEdge({
  keys: `k1:${"A".repeat(43)}`, books: true,
  config: (url) => ({
    site: url, origin: { url: "http://127.0.0.1:9" }, payTo: { eip155: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC" }, networks: ["eip155:84532"], settlement: { facilitators: [{ url: "http://127.0.0.1:9" }], rpc: { "eip155:84532": ["http://127.0.0.1:9"] } },
    routes: [{ match: "/articles/*", price: "$0.05" }], desk: { passwordHash: createHash("sha256").update(PASSWORD).digest("hex") },
  }),
});
before(async () => {
  [edge, empty, browser] = await Promise.all([started(), started(), launch()]);
  for (const one of [edge, empty]) await fetch(`${one.url}/.farthing/desk`, { headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}` } });
  await fill({ run: edge.books.run, site: edge.url, rows: 30_000, apart: 997 });
  await edge.books.run("UPDATE payment SET audience = CASE WHEN rowid % 7 = 0 THEN 'program' WHEN rowid % 11 = 0 THEN 'crawler' WHEN rowid % 13 = 0 THEN NULL ELSE 'reader' END");
  await edge.books.run(`UPDATE desk_article SET due = NULL, read_at = 1, author = CASE length(resource) % 4 WHEN 0 THEN 'Maria Sanchez-Okonkwo' WHEN 1 THEN 'Jan van der Berg and Aoife Ní Dhomhnaill' WHEN 2 THEN '佐藤 花子' END,
    section = 'Money', title = CASE WHEN length(resource) % 3 > 0 THEN 'A story with a usual title, which goes on for longer than one line of a telephone' END`);
  const COUNTS = [
    ["shown", "reader", "", "", 41_207], ["wallet", "reader", "", "", 3120], ["signed", "reader", "", "", 1904], ["settled", "reader", "", "", 1861], ["opened", "reader", "", "", 1859], ["returned", "reader", "", "", 2410],
    ["shown", "program", "", "", 612], ["signed", "program", "", "", 240], ["settled", "program", "", "", 239], ["opened", "program", "", "", 239],
    ["shown", "crawler", "GPTBot", "", 9120], ["opened", "crawler", "GPTBot", "", 12], ["refused", "crawler", "Bytespider", "agent-refused", 810], ["allowed", "crawler", "search.example", "", 4020],
    ["shown", "crawler", "other", "", 77], ["refused", "reader", "", "insufficient-funds", 61], ["refused", "program", "", "payment-malformed", 4], ["refused", "reader", "", "settlement-refused", 3],
  ];
  for (const [step, who, name, problem, n] of COUNTS) {
    for (const [ago, route] of [[0, "/articles/*"], [3, "/articles/*"], [40, "/culture/*"]]) {
      await edge.books.run("INSERT INTO desk_count VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", Math.floor(Date.now() / 86_400_000) - ago, step, who, name, route, problem, n);
    }
  }
  // one a day, of every kind of text
  await edge.books.run(`INSERT INTO refund SELECT network, transaction_hash, 7, receipt, asset, charged, CASE WHEN rowid % 3 = 0 THEN 'Bought twice, by two people of one household who share a wallet' END, settled_at + 60
    FROM payment WHERE state = 'settled' AND (rowid % 90 = 0 OR key = 'n7')`);
  // what can be sent back is of a network with an endpoint
  await edge.books.run("UPDATE payment SET network = 'eip155:84532', asset = '0x036CbD53842c5426634e7929541eC2318f3dCF7e' WHERE key IN ('n8', 'n9')");
  await edge.books.run(BEGUN);
  await edge.books.run("INSERT INTO desk_refund_begun SELECT receipt, '20000', NULL, settled_at, NULL FROM payment WHERE key = 'n9'");
});
after(async () => { await browser?.close(); await Promise.all([edge?.stop(), empty?.stop()]); });

async function look(at, colorScheme, width, path, name) {
  const context = await browser.browser.newContext({ colorScheme, viewport: { width, height: 900 }, httpCredentials: { username: "x", password: PASSWORD }, bypassCSP: true });
  try {
    const page = await context.newPage();
    const wrong = [];
    page.on("console", (message) => message.type() === "error" && !/404/.test(message.text()) && wrong.push(message.text()));
    page.on("request", (request) => new URL(request.url()).origin !== at.url && wrong.push(`asks ${request.url()}`));
    await page.goto(`${at.url}/.farthing/desk${path}`);
    if (process.env.SCREENS) {
      mkdirSync(process.env.SCREENS, { recursive: true });
      await page.screenshot({ path: join(process.env.SCREENS, `${name}-${colorScheme}-${width}.png`), fullPage: true });
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} ${width}: ${wide} pixels run out of the page`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3)}`), [], `${name} ${colorScheme} ${width}`);
    assert.deepEqual(wrong, [], name);
    return await page.evaluate(() => getComputedStyle(document.body).maxWidth);
  } finally {
    await context.close();
  }
}

for (const [scheme, width] of LOOKS) {
  test(`${scheme}, ${width} pixels: axe finds nothing, nothing runs out of the page, no other host is asked`, async () => {
    for (const [name, path] of Object.entries(PAGES)) assert.equal(await look(edge, scheme, width, path, name), "960px", "the style sheet counts");
    for (const path of ["", "/refunds", "/readers", "/reconciliation", "/health"]) await look(empty, scheme, width, path, `empty${path.slice(1)}`);
  });
}

test("the page's own policy lets its style sheet through, and nothing else of it is needed", async () => {
  const context = await browser.browser.newContext({ httpCredentials: { username: "x", password: PASSWORD } });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => wrong.push(message.text()));
  await page.goto(`${edge.url}/.farthing/desk`);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).maxWidth), "960px");
  // by the keyboard alone: to the content, and to the last days' figures
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "To the content");
  await page.getByText("As a table").first().click();
  assert.ok(await page.getByRole("cell", { name: /USDC/ }).first().isVisible());
  await page.getByRole("link", { name: "4 quarters" }).click();
  await page.getByRole("link", { name: "Payments" }).click();
  await page.getByLabel("State").selectOption("unknown");
  await page.getByRole("button", { name: "Show" }).click();
  assert.match(page.url(), /state=unknown/);
  assert.deepEqual(wrong, []);
  await context.close();
});
