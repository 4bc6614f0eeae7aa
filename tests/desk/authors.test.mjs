// Who wrote what was bought, and who bought it: read from the articles' own pages, and from the payments.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { startEdge } from "../support/edge.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { startOrigin } from "../support/origin.mjs";
import { startParts } from "../support/parts.mjs";
import { buildWorker } from "../support/worker-build.mjs";
import { DOOR, DOT, LOG, PAWN, newReader, until } from "../e2e/reader.mjs";

const PASSWORD = "authors";
const authorization = `Basic ${Buffer.from(`:${PASSWORD}`).toString("base64")}`;
const desk = { passwordHash: createHash("sha256").update(PASSWORD).digest("hex") };
const html = (head, body = "<p>text</p>") => `<!doctype html><html lang="en"><head>${head}</head><body>${body}</body></html>`;

const { add, stop } = startParts();
const asked = [];
let down = false;
let paper;
before(async () => {
  const page = (text, headers = {}) => (request, response) => {
    asked.push({ url: request.url, headers: request.headers, method: request.method });
    if (down) return void response.writeHead(503).end();
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers }).end(text);
  };
  const origin = await add(startOrigin({ routes: {
    [DOOR]: page(html('<title>Not this</title><meta name="author" content="Jane &amp; <b>Joe</b>"><meta property="og:title" content="Paid &quot;at&quot; the Door"><meta property="article:section" content="Money">')),
    [DOT]: page(html('<title>One\n  Dot &#8212; Too\u202e Many</title><meta property="article:author" content="https://social.example/jane">', '<meta name="author" content="in the text"><title>in the text</title>')),
    [LOG]: page(html('<meta name="author" content="of the page">'), { "farthing-author": "Ada <script>alert(1)</script>", "farthing-section": "x".repeat(5000) }),
    [PAWN]: page("{}", { "content-type": "application/json" }),
  } }));
  paper = await add(startNewspaper({ books: true, change: (config) => ({ ...config, origin: { url: origin.url }, desk }) }));
});
after(stop);

const page = async (path = "", more = {}) => {
  const response = await fetch(`${paper.site}/.farthing/desk${path}`, { headers: { authorization, ...more } });
  assert.equal(response.status, 200, path);
  return await response.text();
};
const known = (path) => paper.edge.books.run("SELECT author, section, title, read_at, due, tries FROM desk_article WHERE resource = ?1", paper.site + path).then(([row]) => row);
const buy = async (path, headers = {}) => {
  const reader = await newReader(paper);
  assert.equal((await reader.send(path, await reader.sign(path), headers)).status, 200);
};

test("an article's page is asked once, for nobody, and what it says stands on the desk as text", async () => {
  for (const path of [DOOR, DOT, LOG, PAWN]) await buy(path);
  await until("the books have all four", async () => (await paper.edge.books.rows()).length === 4);
  await page();
  asked.length = 0;
  await until("the pages were read", async () => { await page(); return (await Promise.all([DOOR, DOT, LOG, PAWN].map(known))).every((row) => row?.read_at); });
  assert.ok(asked.length <= 4, "once each");
  for (const { headers, method } of asked) {
    assert.equal(method, "GET");
    for (const name of ["cookie", "authorization", "cf-connecting-ip", "user-agent-of-a-reader", "referer"]) assert.equal(headers[name], undefined, name);
  }
  const facts = async (path) => { const { author, section, title } = await known(path); return [author, section, title]; };
  assert.deepEqual(await facts(DOOR), ["Jane & <b>Joe</b>", "Money", 'Paid "at" the Door']);
  assert.deepEqual(await facts(DOT), [null, null, "One Dot — Too Many"], "an address is no name, and what stands in the text is none of the head");
  assert.deepEqual(await facts(LOG), ["Ada <script>alert(1)</script>", "x".repeat(200), null]);
  assert.deepEqual(await facts(PAWN), [null, null, null]);
  for (const path of ["", "?over=4q", "/articles"]) {
    const text = await page(path);
    assert.ok(!text.includes("<script") && !text.includes("<b>Joe"), path);
    assert.ok(text.includes("Jane &amp; &lt;b&gt;Joe&lt;/b&gt;") && text.includes("Paid &quot;at&quot; the Door"), path);
  }
  for (const query of ["", "?over=4q"]) {
    const authors = /<h2>Authors<\/h2>.*?<\/table>/s.exec(await page(query))[0];
    assert.match(authors, /Jane &amp; .*?<td class="number">1<\/td><td class="number">0\.05 USDC \(test\)/s);
    assert.match(authors, /not known<\/td><td class="number">2<\/td><td class="number">0\.06 USDC/);
  }
  const [row] = JSON.parse(await page("/articles.json")).filter(({ article }) => article === paper.site + DOOR);
  assert.deepEqual([row.title, row.author, row.section, row.amount, row.atomic_units, row.decimals, row.symbol], ['Paid "at" the Door', "Jane & <b>Joe</b>", "Money", "0.05", "50000", 6, "USDC"]);
});

test("a page that does not answer is tried again, later, and by the cron trigger as well", async () => {
  await paper.edge.books.run("UPDATE desk_article SET due = 0, author = NULL, title = NULL, read_at = NULL WHERE resource = ?1", paper.site + DOOR);
  down = true;
  await page();
  await until("it was tried", async () => (await known(DOOR)).tries === 1);
  const { due, read_at: read } = await known(DOOR);
  const now = Math.floor(Date.now() / 1000);
  assert.ok(due > now + 3000 && due < now + 4000 && read === null);
  down = false;
  asked.length = 0;
  for (let times = 0; times < 3; times += 1) await page();
  assert.equal(asked.length, 0, "not at once");
  await paper.edge.books.run("UPDATE desk_article SET due = ?2 WHERE resource = ?1", paper.site + DOOR, now - 1);
  assert.equal(await paper.edge.scheduled(), "ok");
  const row = await known(DOOR);
  assert.deepEqual([row.author, row.due, asked.length], ["Jane & <b>Joe</b>", null, 1]);
});

test("who bought is known of each payment, and added up by day", async () => {
  const browser = { "sec-fetch-site": "same-origin", accept: "text/html,*/*;q=0.8" };
  await buy(DOOR, browser);
  await buy(DOOR, browser);
  await buy(DOT, { "user-agent": "Mozilla/5.0 (compatible; ClaudeBot/1.0)" });
  await until("the books have them", async () => (await paper.edge.books.rows()).length === 7);
  // as from before there was a desk
  await paper.edge.books.run("UPDATE payment SET audience = NULL WHERE resource = ?1", paper.site + PAWN);
  const table = /<table><caption>By who bought<\/caption>.*?<\/table>/s.exec(await page())[0];
  for (const [name, payments, sum] of [["people", 2, "0.10"], ["crawlers", 1, "0.05"], ["programs", 3, "0.20"], ["not known", 1, "0.01"]]) {
    assert.match(table, new RegExp(`<td>${name}</td><td class="number">${payments}</td><td class="number">${sum.replace(".", "\\.")} USDC`));
  }
  const kept = await paper.edge.books.run("SELECT audience, sum(payments) AS payments, sum(low) AS low FROM desk_audience_day GROUP BY 1 HAVING sum(payments) > 0 ORDER BY 1");
  const anew = await paper.edge.books.run("SELECT coalesce(audience, '') AS audience, count(*) AS payments, sum(CAST(charged AS INTEGER)) AS low FROM payment WHERE state = 'settled' GROUP BY 1 ORDER BY 1");
  assert.deepEqual(kept, anew);
});

test("a handler in the same Worker is asked as a server is", async () => {
  const built = await buildWorker({ text: `
    import { paywall } from "farthing/worker";
    export { Ledger, Sender, Tally } from "farthing/worker";
    const page = '<title>The ferryman</title><meta name="author" content="A handler"><p>He took the penny and said nothing.</p>';
    export default paywall({ site: "https://news.example" }, () => new Response(page, { headers: { "content-type": "text/html" } }));
  ` });
  const { chain, facilitator } = paper;
  let edge;
  try {
    edge = await startEdge({
      build: built.folder, books: true, keys: randomKeys(),
      config: (site) => ({
        site, origin: "handler", payTo: { eip155: paper.payTo }, networks: [chain.network], routes: [{ match: "/story", price: "$0.05" }], desk,
        settlement: { facilitators: [{ url: facilitator.url }], rpc: { [chain.network]: [chain.url] } },
      }),
    });
    const reader = await newReader(paper, { site: edge.url });
    assert.equal((await reader.send("/story", await reader.sign("/story"))).status, 200);
    await until("the books have it", async () => (await edge.books.rows()).length === 1);
    const revenue = () => fetch(`${edge.url}/.farthing/desk`, { headers: { authorization } }).then((response) => response.text());
    await until("the handler's page was read", async () => /<a href="[^"]*story">The ferryman/i.test(await revenue()));
  } finally {
    await edge?.stop();
    built.remove();
  }
});
