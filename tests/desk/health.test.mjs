// The desk's health page: what a sale needs, each asked in a short time; what does not answer is told, and nothing of it is secret.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { listen } from "../../tools/lib/processes.mjs";
import { startSite } from "../direct/site.mjs";
import { readBody, sendJson } from "../support/http.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { DOOR, impatient, newReader, until } from "../e2e/reader.mjs";

const PASSWORD = "a password for a test";
const desk = { passwordHash: createHash("sha256").update(PASSWORD).digest("hex") };
const keys = `${randomKeys("k20260101")},${randomKeys("old")}`;

let paper;
before(async () => {
  paper = await startNewspaper({ hostile: true, books: true, keys, change: (config) => impatient()({ ...config, desk }) });
});
after(() => paper?.stop());

async function page(site = paper.site) {
  const response = await fetch(`${site}/.farthing/desk/health`, { headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}` } });
  assert.equal(response.status, 200);
  return await response.text();
}
const troubles = (html) => [.../<div class="alert"><ul>([\s\S]*?)<\/ul>/.exec(html)?.[1].matchAll(/<li>([^<]*)/g) ?? []].map(([, one]) => one);
function rowsOf(html, caption) {
  const [, body] = new RegExp(`<caption>${caption}</caption>[\\s\\S]*?<tbody>([\\s\\S]*?)</tbody>`).exec(html) ?? [];
  return body?.split("<tr>").slice(1).map((row) => row.split(/<td[^>]*>/).slice(1).map((cell) => cell.replace(/<[^>]+>/g, "").trim()));
}

test("the cron trigger's last run, old keys, the chain and the facilitator", async () => {
  assert.ok(troubles(await page()).some((one) => one.startsWith("The cron trigger has not run yet")));
  assert.equal(await paper.edge.scheduled(), "ok");
  const html = await page();
  assert.match(html, /last ran \d+ seconds? ago/);
  const [old, ...more] = troubles(html);
  assert.match(old, /^The key k20260101, which signs, is \d+ days old/);
  assert.deepEqual(more, []);
  assert.deepEqual(rowsOf(html, "FARTHING_KEYS, by name").map(([kid, since, , use]) => [kid, since, use]), [["k20260101", "2026-01-01", "signing"], ["old", "its name does not say", "reading what it signed"]]);
  assert.match(rowsOf(html, "The endpoint of each network")[0][2], /^\d+, \d+ seconds? ago$/);
  assert.equal(rowsOf(html, "By their own word")[0][1], "answers");
  for (const secret of [...keys.split(",").map((entry) => entry.split(":")[1]), desk.passwordHash]) assert.ok(!html.includes(secret));
});

test("D8 facilitators and endpoints that hang, break or answer nonsense are told, and the page is there", async () => {
  for (const mode of ["hang", "die", "garbage"]) {
    paper.badFacilitator.always("/supported", mode === "garbage" ? "500" : mode);
    paper.badRpc.always("*", mode);
    try {
      const html = await page();
      const told = troubles(html).join(" ");
      assert.match(told, /Base Sepolia: 127\.0\.0\.1:\d+ did not answer/, mode);
      assert.match(told, mode === "garbage" ? /answers with an error \(500\)/ : /The facilitator 127\.0\.0\.1:\d+ does not answer/, mode);
    } finally {
      paper.badFacilitator.reset();
      paper.badRpc.reset();
    }
  }
});

test("a payment of unknown outcome has when the chain is asked again and when its window ends, as its ledger has it", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  paper.badFacilitator.always("*", "hang");
  paper.badRpc.always("*", "die");
  try {
    assert.equal((await reader.send(DOOR, payment)).status, 503);
    await until("the books know", async () => (await paper.edge.books.rows("SELECT 1 FROM payment WHERE state = 'unknown'")).length === 1, 30);
    const [[, article, amount, again, ends, then]] = rowsOf(await page(), "What happens next");
    assert.deepEqual([article, amount], [DOOR, "0.05 USDC"]);
    const validBefore = Number(payment.authorization.validBefore);
    assert.equal(ends, `${new Date(validBefore * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`);
    assert.match(again, /^(now|20\d\d-\d\d-\d\d \d\d:\d\d UTC)$/);
    assert.match(then, /looked up on the chain|facilitator is being asked/);
  } finally {
    paper.badFacilitator.reset();
    paper.badRpc.reset();
  }
});

test("a screening service is no facilitator: it is asked as one is about a payer, and said to be what it is", async () => {
  const asked = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    asked.push([request.method, request.headers.authorization, JSON.parse(await readBody(request) || "{}")]);
    sendJson(response, status, { allow: true });
  });
  const screening = { url: `http://127.0.0.1:${await listen(server)}/check`, headers: { Authorization: "SCREENING" }, whenUnreachable: "refuse" };
  try {
    await paper.edge.restart({ config: { ...paper.config, screening }, env: { SCREENING: "Bearer one" } });
    assert.equal(await paper.edge.scheduled(), "ok");
    const html = await page();
    assert.deepEqual(troubles(html).filter((one) => !/^The key|without a known outcome/.test(one)), []);
    assert.deepEqual(rowsOf(html, "By their own word").map(([name, word]) => [name, word]), [[new URL(paper.badFacilitator.url).host, "answers"]]);
    const name = new URL(screening.url).host;
    assert.deepEqual(rowsOf(html, "The service that is asked who may pay"), [[name, "answers"]]);
    assert.ok(asked.length > 0);
    for (const [method, secret, { address }] of asked) assert.deepEqual([method, secret, address?.length], ["POST", "Bearer one", 42]);
    status = 401;
    assert.ok(troubles(await page()).includes(`The screening service ${name} does not take the secret that it is asked with (401).`));
  } finally {
    await paper.edge.restart({ config: paper.config });
    server.closeAllConnections();
    server.close();
  }
});

test("G1 the gas key's account, and how long its gas lasts; the key itself is nowhere", async () => {
  const site = await startSite({ change: (config) => ({ ...config, desk }) });
  try {
    const html = await page(site.edge.url);
    assert.ok(html.includes(site.gasKey.address));
    const [[, account, balance, left]] = rowsOf(html, "Accounts that pay for gas");
    assert.deepEqual([account, balance], [site.gasKey.address, "1.00"]);
    assert.match(left, /^about [\d,]+$/);
    assert.ok(!html.toLowerCase().includes(site.gasKey.key.slice(2).toLowerCase()));
    assert.ok(!troubles(html).some((one) => one.includes("gas")), "and it is no trouble that there are no books");
    await site.chain.client.setBalance({ address: site.gasKey.address, value: 1_000n });
    assert.ok(troubles(await page(site.edge.url)).some((one) => one.includes("less than 100 settlements of gas are left")));
    const none = await fetch(`${site.edge.url}/.farthing/desk/health`);
    assert.equal(none.status, 401);
    assert.ok(!(await none.text()).includes(site.gasKey.address));
  } finally {
    await site.stop();
  }
});
