// The desk over real books: what it shows is what the chain has, nothing that anybody wrote into an address becomes markup, and every page
// is one that a browser lets be.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { payTo } from "../support/accounts.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DATA, DOOR, PAWN, newReader, until } from "../e2e/reader.mjs";

const PASSWORD = "a password for a test";
const hash = createHash("sha256").update(PASSWORD).digest("hex");
const basic = (password) => ({ authorization: `Basic ${Buffer.from(`anybody:${password}`).toString("base64")}` });

let paper;
before(async () => {
  paper = await startNewspaper({ books: true, change: (config) => ({ ...config, desk: { passwordHash: hash } }) });
});
after(() => paper?.stop());

const ask = (path = "", headers = basic(PASSWORD), more = {}) => fetch(`${paper.site}/.farthing/desk${path}`, { headers, redirect: "manual", ...more });
async function page(path) {
  const response = await ask(path);
  assert.equal(response.status, 200, path);
  return await response.text();
}
/** What stands under a heading of the totals. */
const total = (html, name) => new RegExp(`<dt>${name}</dt><dd>(?:<a[^>]*>)?([^<]*)`).exec(html)?.[1];
const units = (text) => BigInt(text.replace(/[^0-9]/g, ""));

test("with empty books each page says so", async () => {
  for (const path of ["", "/articles", "/readers", "/payments", "/refunds", "/trouble", "/reconciliation", "/health", "?over=4q"]) assert.match(await page(path), /<main/);
  assert.equal(total(await page(""), "Payments"), "0");
});

test("three payments by different clients are there within seconds, and their sum is the chain's", async () => {
  const before = await paper.chain.balanceOf(payTo.address);
  for (const [path, v1] of [[DOOR, false], [DATA, false], [PAWN, true]]) {
    const reader = await newReader(paper);
    const response = await reader.send(path, await reader.sign(path, { v1 }));
    assert.equal(response.status, 200);
  }
  await until("the desk knows three payments", async () => total(await page(""), "Payments") === "3", 30);
  const came = (await paper.chain.balanceOf(payTo.address)) - before;
  const html = await page("");
  // six decimals, of which trailing zeros beyond the second are not shown
  const shown = total(html, "Test money");
  assert.match(shown, /^\d+\.\d{2,6} USDC$/);
  const [whole, part] = shown.replace(" USDC", "").split(".");
  assert.equal(units(whole) * 1_000_000n + BigInt(part.padEnd(6, "0")), came);
  assert.equal(total(await page("?over=4q"), "Test money"), shown, "by quarter it is the same");
  for (const path of [DOOR, DATA, PAWN]) assert.ok((await page("/articles")).includes(path));

  const rows = (await (await ask("/payments.csv")).text()).trim().split("\r\n");
  assert.equal(rows.length, 4);
  const charged = rows[0].split(",").indexOf("charged");
  assert.equal(rows.slice(1).reduce((sum, row) => sum + BigInt(row.split(",")[charged]), 0n), came);
  const paid = await (await ask("/payments.json")).json();
  assert.equal(paid.reduce((sum, row) => sum + BigInt(row.charged), 0n), came);
  assert.deepEqual(paid.map(({ symbol, decimals, charged, charged_decimal: said }) => [symbol, decimals, BigInt(charged)]
    .concat([BigInt(said.replace(".", "").padEnd(said.indexOf(".") < 0 ? 0 : said.indexOf(".") + 6, "0"))])), paid.map(({ charged }) => ["USDC", 6, BigInt(charged), BigInt(charged)]));
  const sums = await (await ask("/articles.json")).json();
  assert.deepEqual(sums.map(({ article }) => article).sort(), [DOOR, DATA, PAWN].map((path) => paper.site + path).sort());
  assert.equal(sums.reduce((sum, { atomic_units: units }) => sum + BigInt(units), 0n), came);
  assert.deepEqual(await (await ask("/refunds.json")).json(), []);
  const articles = (await (await ask("/articles.csv")).text()).trim().split("\r\n").slice(1);
  assert.equal(articles.reduce((sum, row) => sum + BigInt(row.split(",").at(-1)), 0n), came);
});

test("a payment is found by its account, transaction, receipt and article", async () => {
  const [row] = await paper.edge.books.rows("SELECT * FROM payment WHERE state = 'settled' LIMIT 1");
  for (const q of [row.payer, row.payer.toLowerCase(), row.transaction_hash, row.receipt, `${paper.site}/.farthing/receipts/${row.receipt}`, row.resource]) {
    const html = await page(`/payments?q=${encodeURIComponent(q)}`);
    assert.ok(html.includes(new URLSearchParams({ key: row.key }).toString()), q);
  }
  assert.match(await page(`/payments?q=${"0x" + "ab".repeat(20)}`), /No payment is like that/);
  const html = await page(`/payment?${new URLSearchParams({ key: row.key })}`);
  for (const value of [row.payer, row.pay_to, row.transaction_hash, row.receipt]) assert.ok(html.includes(value));
  assert.equal((await ask("/payment?key=none")).status, 404);
  assert.equal((await ask("/none")).status, 404);
});

test("sums follow what becomes of a payment, and are what counting it all anew gives", async () => {
  const { run } = paper.edge.books;
  const now = Math.floor(Date.now() / 1000);
  const huge = "123456789012345678901234567890";
  const add = (key, state, amount, at = now) => run(
    `INSERT INTO payment (key, version, state, receipt, resource, network, asset, payer, pay_to, amount, charged, first_seen, settled_at)
    VALUES (?1, 1, ?2, 'big', ?3, 'eip155:1', '0x00000000000000000000000000000000000000aa', '0x1', '0x2', ?4, ?5, ?6, ?7)`,
    key, state, `${paper.site}/big/x`, amount, state === "settled" ? amount : null, at, state === "settled" ? at : null,
  );
  try {
    await add("big-1", "settled", huge);
    await add("big-2", "settled", huge);
    await add("big-3", "unknown", huge);
    await add("old", "settled", "999999999", now - 40 * 86_400);
    const shown = async (query = "") => /([\d,]+) units of 0x000000/.exec(total(await page(query), "Came in") ?? "")?.[1].replaceAll(",", "");
    assert.equal(await shown(), String(BigInt(huge) * 2n), "beyond 2^63, to the last unit");
    assert.equal(await shown("?over=2q"), String(BigInt(huge) * 2n + 999999999n));
    await run("UPDATE payment SET state = 'unknown', reason = 'undone', charged = NULL WHERE key = 'big-1'");
    assert.equal(await shown(), huge);
    assert.match(await page("/trouble"), /\/big\/x/);
    await run("UPDATE payment SET state = 'settled', charged = amount, settled_at = first_seen, reason = NULL WHERE key IN ('big-1', 'big-3')");
    assert.equal(await shown(), String(BigInt(huge) * 3n));
    await run("DELETE FROM payment WHERE key = 'big-2'");
    assert.equal(await shown(), String(BigInt(huge) * 2n));
    const each = (what) => paper.edge.books.rows(`SELECT asset, ${what} GROUP BY asset ORDER BY asset`);
    const kept = await each("CAST(sum(high) AS TEXT) AS high, CAST(sum(middle) AS TEXT) AS middle, CAST(sum(low) AS TEXT) AS low, sum(payments) AS payments FROM desk_day");
    const anew = new Map();
    for (const { asset, charged } of await paper.edge.books.rows("SELECT asset, charged FROM payment WHERE state = 'settled'")) anew.set(asset, (anew.get(asset) ?? 0n) + BigInt(charged));
    assert.deepEqual(new Map(kept.map(({ asset, high, middle, low }) => [asset, (BigInt(high) * 10n ** 12n + BigInt(middle)) * 10n ** 12n + BigInt(low)])), anew);
  } finally {
    await run("DELETE FROM payment WHERE receipt = 'big'");
  }
});

test("F1 what strangers wrote into addresses and reasons is text, in a page and in a spreadsheet", async () => {
  const { run } = paper.edge.books;
  const nasty = `=cmd|'/c calc'!A1"><script>alert(1)</script>`;
  try {
    await run(`INSERT INTO payment (key, version, state, receipt, resource, network, asset, payer, pay_to, amount, reason, first_seen)
      VALUES (?1, 1, 'unknown', ?1, ?1, 'eip155:1', ?1, ?1, ?1, '1', ?1, ?2)`, nasty, Math.floor(Date.now() / 1000));
    for (const path of ["/payments", "/trouble", `/payment?${new URLSearchParams({ key: nasty })}`, `/payments?${new URLSearchParams({ q: nasty, resource: nasty })}`]) {
      const html = await page(path);
      assert.ok(html.includes("&lt;script&gt;"), path);
      assert.ok(!html.includes("<script"), path);
    }
    const csv = await (await ask("/payments.csv?state=unknown")).text();
    assert.ok(csv.includes(`"'=cmd|`) && !/(^|,)"?=cmd/m.test(csv));
  } finally {
    await run("DELETE FROM payment WHERE key = ?1", nasty);
  }
});

test("every page forbids scripts, frames and other hosts, and nobody keeps it", async () => {
  for (const path of ["", "/articles", "/readers", "/payments", "/refunds", "/trouble", "/reconciliation", "/health", "/none"]) {
    const { headers } = await ask(path);
    assert.match(headers.get("content-security-policy"), /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/);
    assert.match(headers.get("cache-control"), /no-store/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
  }
});
