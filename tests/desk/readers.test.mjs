// What is counted of readers, programs and crawlers: each step once, as sums by day, and nothing of anybody.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";
import { newKey, signed, startDirectory } from "../support/agents.mjs";
import { demoReader } from "../support/accounts.mjs";
import { launch } from "../support/browser.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { startParts } from "../support/parts.mjs";
import { DOOR, DOT, PAWN, needles, newReader, until } from "../e2e/reader.mjs";

const PASSWORD = "numbers";
const hash = createHash("sha256").update(PASSWORD).digest("hex");
const authorization = `Basic ${Buffer.from(`:${PASSWORD}`).toString("base64")}`;
const GPTBOT = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)";

const { add, stop } = startParts();
let paper;
let browser;
let agent;
let refusedAgent;
before(async () => {
  [agent, refusedAgent] = [await add(startDirectory([newKey()])), await add(startDirectory([newKey()]))];
  paper = await add(startNewspaper({
    books: true,
    change: (config) => ({ ...config, desk: { passwordHash: hash, retention: 90 }, crawlers: { [agent.host]: "free", [refusedAgent.host]: "refuse" } }),
  }));
  browser = await launch();
});
after(async () => { await browser?.close(); await stop(); });

const desk = async (path = "/readers") => {
  const response = await fetch(`${paper.site}/.farthing/desk${path}`, { headers: { authorization } });
  assert.equal(response.status, 200, path);
  return response;
};
/** All that is counted, once it is written: the desk has its isolate write first. */
async function counted() {
  await (await desk()).text();
  return paper.edge.books.run("SELECT day, step, who, name, route, problem, n FROM desk_count ORDER BY step, who, name, route, problem");
}
const brief = (rows) => Object.fromEntries(rows.map(({ step, who, name, route, problem, n }) => [[step, who, name, route.replace("/articles/", ""), problem].filter(Boolean).join(" "), n]));
beforeEach(async () => {
  await counted();
  await paper.edge.books.run("DELETE FROM desk_count");
});

const payButton = (page) => page.locator("farthing-paywall").getByRole("button", { name: /^Pay/ });
const opened = (page, path) => page.waitForFunction((needle) => document.body?.textContent.includes(needle), needles[path][0], { timeout: 20_000 });
const words = (context) => {
  const sent = [];
  context.on("request", (request) => request.url().endsWith("/.farthing/counted") && sent.push(request));
  return sent;
};

test("a reader's way in Chromium: each step is counted once, and a return when it is one", async () => {
  const context = await browser.context();
  try {
    const sent = words(context);
    const page = await context.newPage();
    await page.goto(paper.site + DOOR);
    await payButton(page).click();
    await page.getByRole("button", { name: "Sign" }).click();
    await opened(page, DOOR);
    // what came in the card's place, and once more within the minute, is still the opening
    await page.reload();
    await opened(page, DOOR);
    const route = "paid-at-the-door";
    const once = { [`opened reader ${route}`]: 1, [`settled reader ${route}`]: 1, [`shown reader ${route}`]: 1, [`signed reader ${route}`]: 1, [`wallet reader ${route}`]: 1 };
    assert.deepEqual(brief(await counted()), once);
    assert.equal(sent.length, 1);
    const headers = await sent[0].allHeaders();
    assert.deepEqual([sent[0].postData(), headers.cookie, headers.authorization], ["wallet", undefined, undefined]);
    // back on another day: the pass is gone, the handle opens it
    await context.clearCookies({ name: "__Secure-farthing" });
    await page.goto(paper.site + DOOR);
    await opened(page, DOOR);
    assert.deepEqual(brief(await counted()), { ...once, [`returned reader ${route}`]: 1 });
    const html = await (await desk()).text();
    assert.match(html, /The article opened<svg.*?<td class="number">1<\/td><td class="number">100\.0 %/s);
  } finally {
    await context.close();
  }
});

test("with Global Privacy Control the card says nothing", async () => {
  const context = await browser.context();
  try {
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { value: true }));
    const sent = words(context);
    const page = await context.newPage();
    await page.goto(paper.site + PAWN);
    await payButton(page).click();
    await page.getByRole("button", { name: "Sign" }).click();
    await opened(page, PAWN);
    assert.equal(sent.length, 0);
    assert.deepEqual((await counted()).map(({ step }) => step), ["opened", "settled", "shown", "signed"]);
  } finally {
    await context.close();
  }
});

test("a program that pays, sends its payment again, and is refused: nothing is counted twice", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  for (let times = 0; times < 3; times += 1) assert.equal((await reader.send(DOOR, payment)).status, 200);
  // a new signature over what is owned opens it, and moves nothing
  assert.equal((await reader.send(DOOR, await reader.sign(DOOR))).status, 200);
  const poor = await newReader(paper, { funds: 0n });
  assert.equal((await poor.send(DOOR, await poor.sign(DOOR))).status, 402);
  assert.equal((await reader.ask(DOOR, { "payment-signature": "!" })).status, 400);
  assert.equal((await reader.ask(DOOR, {}, { method: "HEAD" })).status, 402);
  const route = "paid-at-the-door";
  assert.deepEqual(brief(await counted()), {
    [`shown program ${route}`]: 3, [`signed program ${route}`]: 2, [`settled program ${route}`]: 1, [`opened program ${route}`]: 1, [`returned program ${route}`]: 1,
    [`refused program ${route} insufficient-funds`]: 1, [`refused program ${route} payment-not-base64`]: 1,
  });
});

test("crawlers are counted by the names that are known, and by what became of them", async () => {
  const ask = (headers, path = DOT) => fetch(paper.site + path, { headers, redirect: "manual" });
  const by = (one) => signed({ url: paper.site + DOT, agent: one.url, key: one.key });
  assert.equal((await ask({ "user-agent": GPTBOT })).status, 402);
  assert.equal((await ask({ "user-agent": GPTBOT })).status, 402);
  assert.equal((await ask({ "user-agent": "nobody-knows-this-crawler/1.0 (https://x.example?id=7)" })).status, 402);
  assert.equal((await ask(by(agent))).status, 200);
  assert.equal((await ask(by(refusedAgent))).status, 403);
  const route = "one-dot-too-many";
  assert.deepEqual(brief(await counted()), {
    [`shown crawler GPTBot ${route}`]: 2, [`shown crawler other ${route}`]: 1, [`allowed crawler ${agent.host} ${route}`]: 1, [`refused crawler ${refusedAgent.host} ${route} agent-refused`]: 1,
  });
  const html = await (await desk()).text();
  assert.match(html, /GPTBot<\/td><td class="number">2<\/td>/);
  assert.match(html, /href="https:\/\/farthing\.dev\/problems\/agent-refused"/);
});

const word = (body, headers = {}, more = {}) => fetch(`${paper.site}/.farthing/counted`, { method: "POST", body, headers: { "sec-fetch-site": "same-origin", ...headers }, ...more });

test("E10 B8 words that nobody knows, of other sites, and floods of them: the table does not grow, though a naive one does", async () => {
  const naive = new Map();
  const count = (body, headers = {}) => naive.set(`${body} ${headers.referer ?? ""} ${headers["user-agent"] ?? ""}`, 1);
  const attempts = [];
  const send = (body, headers, more) => {
    count(body, headers);
    attempts.push(word(body, headers, more));
  };
  for (const body of ["", "wallet ", "Wallet", "opened", "settled", "shown", '{"wallet":1}', "wallet\nwallet", "x".repeat(100_000), "wallet".padEnd(17, "\0")]) send(body);
  for (const headers of [{ "sec-fetch-site": "cross-site", origin: "https://evil.example" }, { "sec-fetch-site": "same-site" }, { "sec-fetch-site": "none" }, { "sec-gpc": "1" }, { dnt: "1" }]) send("wallet", headers);
  for (const response of await Promise.all(attempts.splice(0))) assert.ok([204, 403].includes(response.status), response.status);
  assert.deepEqual(await counted(), []);
  // nobody can be kept from sending the word itself: it is a number, in one row
  for (let at = 0; at < 500; at += 1) send("wallet", { referer: `${paper.site}/none/${at}?reader=jane-${at}`, "user-agent": `Mozilla/5.0 ${at}` });
  for (const response of await Promise.all(attempts.splice(0))) assert.equal(response.status, 204);
  assert.ok(naive.size > 500);
  assert.deepEqual(brief(await counted()), { "wallet reader": 500 });
  assert.equal((await fetch(`${paper.site}/.farthing/counted`)).status, 405);
});

test("G1 a flood of requests is a few rows and a few writes, and nothing in them is anybody's", async () => {
  await paper.edge.books.mode("");
  const asked = [];
  for (let at = 0; at < 400; at += 1) {
    asked.push(fetch(`${paper.site}${DOOR}?utm_source=secret-${at}`, {
      redirect: "manual", headers: { "cf-connecting-ip": `203.0.113.${at % 250}`, "user-agent": `secret-agent-${at}`, referer: `https://secret.example/${at}`, cookie: `secret=${at}`, accept: "text/html" },
    }));
  }
  for (const response of await Promise.all(asked)) await response.text();
  assert.ok(await paper.edge.books.seen() <= 2, "not a write for each");
  const reader = await newReader(paper);
  const payment = await reader.sign(DOT);
  assert.equal((await reader.send(DOT, payment, { "user-agent": "secret-agent-x" })).status, 200);
  const rows = await counted();
  assert.ok(rows.length <= 8, JSON.stringify(rows));
  const patterns = JSON.parse(readFileSync(new URL("../../www/demo/newspaper.json", import.meta.url))).routes.map(({ match }) => match);
  const problems = /^[a-z-]*$/;
  for (const { day, step, who, name, route, problem, n } of rows) {
    assert.ok(Number.isInteger(day) && Number.isInteger(n));
    assert.match(step, /^(shown|wallet|signed|settled|opened|returned|refused|allowed)$/);
    assert.match(who, /^(reader|program|crawler)$/);
    assert.match(name, /^([A-Za-z-]*|127\.0\.0\.1:\d+)$/);
    assert.match(problem, problems);
    assert.ok(route === "" || patterns.includes(route), route);
  }
  // the table's own bytes in the database, as they lie on the disk
  const text = JSON.stringify(rows).toLowerCase();
  for (const needle of ["secret", "203.0.113", reader.address.toLowerCase(), reader.address.slice(2).toLowerCase(), demoReader.address.toLowerCase(), "http", "?", "utm_", payment.headers["PAYMENT-SIGNATURE"]?.toLowerCase() ?? "0x"]) {
    assert.ok(!text.includes(needle), needle);
  }
});

test("a write that fails is tried again, and a payment does not wait for it", async () => {
  await paper.edge.books.mode("refuse");
  const reader = await newReader(paper);
  assert.equal((await reader.send(DOT, await reader.sign(DOT))).status, 200);
  // the isolate has tried by now
  await until("a write was refused", async () => await paper.edge.books.seen() > 0 && paper.edge.log.some(({ message }) => message.includes('"at":"counts"')), 30);
  await paper.edge.books.mode("");
  assert.deepEqual(brief(await counted()), Object.fromEntries(["opened", "settled", "shown", "signed"].map((step) => [`${step} program one-dot-too-many`, 1])));
});

test("without anybody who opens the desk the sums are written all the same, and what is too old is forgotten", async () => {
  await paper.edge.books.run("DROP TABLE desk_count");
  assert.equal((await fetch(paper.site + DOOR)).status, 402);
  const rows = () => paper.edge.books.run("SELECT * FROM desk_count").catch(() => []);
  await until("the sums were written", async () => (await rows()).length === 1, 30);
  const today = Math.floor(Date.now() / 86_400_000);
  for (const ago of [89, 90, 100, 4000]) await paper.edge.books.run("INSERT INTO desk_count VALUES (?1, 'shown', 'reader', '', '/x', '', 1)", today - ago);
  await desk();
  await until("the oldest are gone", async () => { await desk(); return (await rows()).length === 2; });
  assert.deepEqual((await rows()).map(({ day }) => today - day).sort((a, b) => a - b), [0, 89]);
});

test("the page can be narrowed to a route, and had as a file of both kinds", async () => {
  for (const path of [DOOR, DOOR, DOT]) await fetch(paper.site + path);
  await counted();
  const html = await (await desk(`/readers?over=7d&route=${encodeURIComponent(DOT)}`)).text();
  assert.match(html, /The price was shown<svg.*?<td class="number">1<\/td>/s);
  assert.match(await (await desk("/readers?route=/nothing")).text(), /The price was shown<svg.*?<td class="number">3<\/td>/s);
  const json = await (await desk("/readers.json")).json();
  const day = new Date().toISOString().slice(0, 10);
  assert.deepEqual(json.find(({ route }) => route === DOOR), { day, step: "shown", who: "program", name: "", route: DOOR, problem: "", n: 2 });
  const csv = (await (await desk("/readers.csv")).text()).trim().split("\r\n");
  assert.equal(csv[0], "day,step,who,name,route,problem,n");
  assert.equal(csv.length, json.length + 1);
});

test("where there is no desk nothing is counted", async () => {
  const other = await startNewspaper({ books: true });
  try {
    const response = await fetch(`${other.site}/.farthing/counted`, { method: "POST", body: "wallet", headers: { "sec-fetch-site": "same-origin" } });
    assert.equal(response.status, 404);
    const reader = await newReader(other);
    assert.equal((await reader.send(DOT, await reader.sign(DOT))).status, 200);
    await until("the payment is in the books", async () => (await other.edge.books.rows()).length === 1);
    await assert.rejects(other.edge.books.run("SELECT * FROM desk_count"), /no such table/);
    assert.equal((await other.edge.books.rows())[0].audience, null);
  } finally {
    await other.stop();
  }
});
