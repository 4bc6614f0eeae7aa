// Sample figures on the demo's desk: said to be made up on every page, in no sum with what was really paid, and nothing of it outside a
// development run.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { fillSamples, samples } from "../../tools/lib/samples.mjs";
import { payTo } from "../support/accounts.mjs";
import { startEdge } from "../support/edge.mjs";
import { newKey, startLogin, token } from "../support/login.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DATA, DOOR, newReader, until } from "../e2e/reader.mjs";

const PASSWORD = "a password for a test";
const hash = createHash("sha256").update(PASSWORD).digest("hex");
const PAGES = ["", "/articles", "/payments", "/refunds", "/trouble", "/reconciliation", "/health", "/payment?key=sample%3A3"];
const now = () => Math.floor(Date.now() / 1000);

let paper;
before(async () => {
  paper = await startNewspaper({ books: true, change: (config) => ({ ...config, desk: { passwordHash: hash } }) });
  for (const path of [DOOR, DATA]) {
    const reader = await newReader(paper);
    assert.equal((await reader.send(path, await reader.sign(path))).status, 200);
  }
  await until("the desk has two", async () => /<dt>Payments<\/dt><dd>2</.test(await page("")), 30);
  assert.ok(!(await page("")).includes("Sample figures"), "without samples nothing is said of them");
  await fillSamples(paper.edge.books.run, { articles: paper.articles, payTo: paper.payTo, now: now() });
});
after(() => paper?.stop());

async function page(path) {
  const response = await fetch(`${paper.site}/.farthing/desk${path}`, { headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}` } });
  assert.equal(response.status, 200, path);
  return await response.text();
}
const totals = (html) => Array.from(html.matchAll(/<dt>Test money<\/dt><dd>([^<]*)/g), ([, text]) => text);
const units = (text) => {
  const [whole, part] = text.split(" ")[0].replaceAll(",", "").split(".");
  return BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, "0"));
};

test("they are the same at every start, with weekdays, refunds, refusals and one unknown", () => {
  const given = { articles: paper.articles, payTo: paper.payTo, now: 1_795_000_000 };
  const { payments, refunds } = samples(given);
  assert.deepEqual(samples(given), { payments, refunds });
  assert.ok(payments.length > 500 && payments.length < 1500, String(payments.length));
  assert.equal(payments.filter(({ state }) => state === "unknown").length, 1);
  assert.ok(refunds.length > 0 && payments.some(({ state }) => state === "refused") && payments.some(({ offer }) => offer));
  assert.ok(payments.every(({ first_seen: seen, network, key }) => seen <= given.now && network.startsWith("sample:") && key.startsWith("sample:")));
  const on = (weekday) => payments.filter(({ first_seen: seen }) => new Date(seen * 1000).getUTCDay() === weekday).length;
  assert.ok(on(3) > on(0));
});

test("every page says so, and real money is never in a sum with them: it is the chain's to the last unit", async () => {
  const came = await paper.chain.balanceOf(payTo.address);
  for (const path of PAGES) assert.match(await page(path), /<strong>Sample figures:<\/strong> payments in “sample USDC” are made up/, path);
  const [both, real, sample] = await Promise.all(["?over=30d", "?over=30d&figures=real", "?over=30d&figures=sample"].map(page));
  const [mine, theirs] = [totals(both).find((text) => !text.includes("sample")), totals(both).find((text) => text.includes("sample USDC"))];
  assert.equal(units(mine), came);
  assert.deepEqual(totals(real), [mine]);
  assert.deepEqual(totals(sample), [theirs]);
  const kept = await paper.edge.books.rows("SELECT sum(CAST(charged AS INTEGER)) AS sum FROM payment WHERE network LIKE 'sample:%' AND state = 'settled' AND settled_at / 86400 > ?", Math.floor(now() / 86_400) - 30);
  assert.equal(units(theirs), BigInt(kept[0].sum));
  assert.match(real, /<dt>Payments<\/dt><dd>2</);
  // the choice goes along in every link and form, and into files
  for (const [, to] of (await page("/payments?figures=real")).matchAll(/href="(\/\.farthing\/desk[^"]*)"/g)) assert.match(to, /figures=/);
  assert.match(await page("/payments?figures=real"), /<form [^>]*><input type="hidden" name="figures" value="real">/);
  const rows = (text) => text.trim().split("\r\n").slice(1);
  assert.equal(rows(await page("/payments.csv?figures=real")).length, 2);
  assert.ok(rows(await page("/payments.csv?figures=sample")).every((row) => row.includes("sample:eip155:")));
  assert.equal(rows(await page("/articles.csv?figures=real")).reduce((sum, row) => sum + BigInt(row.split(",").at(-1)), 0n), came);
  for (const path of PAGES.slice(1, -1)) assert.ok(!(await page(`${path}?figures=real`)).replace(/<(aside|style)[\s\S]*?<\/\1>/g, "").includes("sample"), path);
});

test("neither the comparison with the chain nor the alerts' count trips over them", async () => {
  assert.match(await page("/reconciliation"), /Chain, books and facilitator agree\./);
  await paper.edge.books.run("UPDATE payment SET first_seen = first_seen - 3600 WHERE key = 'sample:unknown'");
  assert.ok(!/been without a known outcome/.test(await page("/health")));
});

test("outside a development run there is no such choice, whatever the books have", async () => {
  const key = newKey("RS256", "team-1");
  const login = await startLogin([key]);
  const team = new URL(login.url).origin;
  const edge = await startEdge({
    keys: paper.keys, books: true, env: { FARTHING_LOCAL: "0" },
    config: (url) => ({ ...paper.config, site: url, demo: undefined, desk: { access: { team, audience: "desk" } } }),
  });
  try {
    const headers = { "cf-access-jwt-assertion": token(key, { claims: { iss: team, aud: ["desk"], email: "editor@news.example", plan: undefined } }) };
    const ask = async (path) => (await fetch(`${edge.url}/.farthing/desk${path}`, { headers })).text();
    assert.match(await ask(""), /<h1>Revenue/);
    await fillSamples(edge.books.run, { articles: paper.articles, payTo: paper.payTo, now: now() });
    const all = await ask("");
    assert.ok(!all.includes("Sample figures"));
    assert.equal((await ask("?figures=real")).match(/<dt>Payments<\/dt><dd>([^<]*)/)[1], all.match(/<dt>Payments<\/dt><dd>([^<]*)/)[1]);
  } finally {
    await edge.stop();
    await login.stop();
  }
});
