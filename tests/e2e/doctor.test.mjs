// `doctor` against the real Worker, where it finds nothing, and against the same Worker spoiled in one way at a time, where it finds that.
import assert from "node:assert/strict";
import { createServer, request as ask } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PaymentRequiredV1Schema, PaymentRequiredV2Schema } from "@x402/core/schemas";
import { offersIn } from "../../js/cli/lib/offer.mjs";
import { FIXES, PLATFORMS } from "../../js/cli/doctor/fixes.mjs";
import { listen } from "../../tools/lib/processes.mjs";
import { run } from "../../tools/lib/run.mjs";
import { payTo } from "../support/accounts.mjs";
import { startEdge } from "../support/edge.mjs";
import { startOrigin } from "../support/origin.mjs";

const command = join(import.meta.dirname, "../../js/dist/cli/farthing.js");
const PATH = "/articles/ferry";
const SENTENCES = Array.from({ length: 30 }, (_, n) => `On day ${n} the ferryman took penny number ${n * 7} and said that the tide of week ${n} would be ${n % 3 ? "late" : "early"}.`);
const ARTICLE = `<!doctype html><title>The ferry</title><h1>The ferry</h1><p>${SENTENCES.join("</p><p>")}</p>`;
const KEYS = `k20261101:${"A".repeat(43)}`;

let origin;
let edge;
let config;
let site;
/** What stands before the Worker: hands everything on, unless `spoil` answers or changes it. */
let spoil;
const proxy = createServer(async (request, response) => {
  if (spoil?.answer?.(request, response)) return;
  const { method, headers, url } = request;
  const call = ask({ host: "127.0.0.1", port: edge.port, method, headers, path: url }, (answer) => {
    const chunks = [];
    answer.on("data", (chunk) => chunks.push(chunk)).once("end", () => {
      const all = { status: answer.statusCode, headers: { date: new Date().toUTCString(), ...answer.headers }, body: Buffer.concat(chunks).toString("utf8") };
      spoil?.change?.(all, request);
      delete all.headers["content-length"];
      delete all.headers["transfer-encoding"];
      response.writeHead(all.status, all.headers);
      response.end(method === "HEAD" ? undefined : all.body);
    });
  });
  call.once("error", () => response.destroy());
  request.pipe(call);
});

before(async () => {
  origin = await startOrigin({ routes: {
    "/": "<title>A newspaper</title><h1>News</h1>", [PATH]: ARTICLE,
    "/feed": { type: "application/rss+xml", body: `<rss><channel><item><link>https://news.example${PATH}</link><description>A short excerpt</description></item></channel></rss>` },
  } });
  site = `http://127.0.0.1:${await listen(proxy)}`;
  config = {
    site, origin: { url: origin.url }, payTo: { eip155: payTo.address }, networks: ["eip155:84532"],
    settlement: { facilitators: [{ url: "https://x402.org/facilitator" }], rpc: { "eip155:84532": ["https://sepolia.base.org"] } },
    routes: [{ match: "/articles/*", price: "$0.05", description: "The ferry" }],
  };
  edge = await startEdge({ keys: KEYS, config });
});
after(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await edge?.stop();
  await origin?.stop();
});

async function doctor(args = [], url = site + PATH) {
  const { code, out, err } = await run(process.execPath, [command, "doctor", url, "--json", ...args], { check: false });
  assert.equal(err, "");
  const report = JSON.parse(out);
  assert.equal(code, report.ok ? 0 : 1);
  return { ...report, wrong: report.findings.filter(({ level }) => level === "wrong") };
}

test("our own Worker has nothing wrong", async () => {
  spoil = undefined;
  const { wrong, ok, findings } = await doctor();
  assert.deepEqual(wrong, []);
  assert.equal(ok, true);
  const said = (id) => findings.filter((one) => one.id === id).map(({ level, text }) => `${level}: ${text}`).join("\n");
  assert.match(said("leak"), /^ok: \d+ other addresses and disguises give nothing away$/);
  assert.match(said("keys"), /^ok: the key "k20261101" signs, which is \d+ days? old$/);
  assert.match(said("money"), /^note: takes 0\.05 USDC on Base Sepolia: test money/);
  assert.match(said("health"), /^ok: Farthing 0\.1\.0 stands before this site$/);
  const people = await run(process.execPath, [command, "doctor", site + PATH], { check: false });
  assert.equal(people.code, 0);
  assert.match(people.out, /Nothing is wrong\.$/m);
});

const headers = (change) => (answer, request) => request.url === PATH && change(answer.headers, request);
const open = (response, body = ARTICLE, type = "text/html") => {
  response.writeHead(200, { "content-type": type });
  response.end(body);
  return true;
};
const at = (url, body, type) => (request, response) => request.url === url && open(response, body, type);
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64");
const decoded = (header) => JSON.parse(Buffer.from(header, "base64").toString("utf8"));
const trimmed = (markup) => (answer, request) => {
  if (request.url !== PATH || !/^text\/html/.test(answer.headers["content-type"] ?? "") || request.headers.referer || answer.status !== 402) return;
  answer.status = 200;
  answer.body = answer.body.replace("<head>", `<head>${markup}`);
};
const marked = (value) => `<script type="application/ld+json">${JSON.stringify(value)}</script>`;

for (const [what, id, says, broken] of [
  ["no PAYMENT-REQUIRED header", "offer", /has no PAYMENT-REQUIRED header/, { change: headers((all) => delete all["payment-required"]) }],
  ["a header that is no base64", "offer", /is not base64/, { change: headers((all) => { if (all["payment-required"]) all["payment-required"] = "{}"; }) }],
  ["an offer without an amount", "offer", /accepts\[0\]\.amount is not a text/, { change: headers((all) => {
    if (!all["payment-required"]) return;
    const value = decoded(all["payment-required"]);
    delete value.accepts[0].amount;
    all["payment-required"] = encoded(value);
  }) }],
  ["an offer longer than servers let through", "offer", /bytes long/, { change: headers((all) => {
    if (all["payment-required"]) all["payment-required"] = encoded({ ...decoded(all["payment-required"]), extensions: { x: "y".repeat(8000) } });
  }) }],
  ["a body that v1 cannot read", "offer", /the body: accepts\[0\]\.description/, { change(answer, request) {
    if (request.url !== PATH || request.method === "HEAD" || answer.status !== 402 || !/json/.test(answer.headers["content-type"])) return;
    const value = JSON.parse(answer.body);
    value.accepts[0].description = null;
    answer.body = JSON.stringify(value);
  } }],
  ["another address in the offer", "resource", /is sold as https:\/\/other\.example/, { change: headers((all) => {
    if (all["payment-required"]) all["payment-required"] = encoded({ ...decoded(all["payment-required"]), resource: { url: "https://other.example/" } });
  }) }],
  ["HEAD that is not asked to pay", "open", /HEAD answers 200/, { change: (answer, request) => { if (request.method === "HEAD") answer.status = 200; } }],
  ["any payment header opens", "open", /payment header with nothing in it gets 200/, { answer: (request, response) => request.headers["payment-signature"] && open(response) }],
  ["a payment header breaks the server", "open", /gets 500, not 400 or 402/, { change: (answer, request) => { if (request.headers["x-payment"]) answer.status = 500; } }],
  ["d5 the AMP address", "leak", /unpaid, at \/articles\/ferry\/amp: 200/, { answer: at(`${PATH}/amp`) }],
  ["d5 Markdown beside the page", "leak", /at \/articles\/ferry\.md/, { answer: at(`${PATH}.md`, SENTENCES.join("\n"), "text/markdown") }],
  ["d5 the print view", "leak", /at \/articles\/ferry\?print=1/, { answer: at(`${PATH}?print=1`) }],
  ["d1 a slash at the end", "leak", /at \/articles\/ferry\/:/, { answer: at(`${PATH}/`) }],
  ["d5 a full-text feed", "leak", /at \/rss\.xml/, { answer: at("/rss.xml", `<rss><item><link>${PATH}</link><description>${SENTENCES.join(" ").replaceAll("<", "&lt;")}</description></item></rss>`, "application/rss+xml") }],
  ["d5 the REST interface of WordPress", "leak", /at \/wp-json\/wp\/v2\/posts\?slug=ferry/, { answer: at("/wp-json/wp/v2/posts?slug=ferry", JSON.stringify([{ link: PATH, content: { rendered: ARTICLE } }]), "application/json") }],
  ["d5 a data route of Next", "leak", /at \/_next\/data\/b1-x\/articles\/ferry\.json/, {
    answer: (request, response) => at(`/_next/data/b1-x${PATH}.json`, JSON.stringify({ pageProps: { html: ARTICLE } }), "application/json")(request, response)
      || at("/", "<h1>News</h1><script id=__NEXT_DATA__>{\"buildId\":\"b1-x\"}</script>")(request, response),
  }],
  ["a redirect to an open copy", "leak", /at \/print\/articles\/ferry/, { answer: (request, response) => at("/open-copy")(request, response)
    || (request.url === `/print${PATH}` && (response.writeHead(302, { location: "/open-copy" }), response.end(), true)) }],
  ["a User-Agent that frees", "open", /as a crawler by its User-Agent/, { answer: (request, response) => /Googlebot/.test(request.headers["user-agent"]) && open(response) }],
  ["a Referer that frees", "open", /as a visitor from a search engine/, { answer: (request, response) => request.headers.referer && open(response) }],
  ["d3 a header that names another page", "open", /as \/ with X-Original-URL/, { answer: (request, response) => request.headers["x-original-url"] && open(response) }],
  ["e1 an answer that may be kept", "cache", /Cache-Control is "public, max-age=60"/, { change: headers((all) => { all["cache-control"] = "public, max-age=60"; }) }],
  ["e1 an answer from a cache", "cache", /came from a cache \(cf-cache-status: HIT\)/, { change: headers((all) => { all["cf-cache-status"] = "HIT"; }) }],
  ["e5 every origin with cookies", "cors", /with the reader's cookies/, { change: headers((all, { headers: { origin: from } }) => { if (from) Object.assign(all, { "access-control-allow-origin": from, "access-control-allow-credentials": "true" }); }) }],
  ["every origin, and nothing exposed", "cors", /lacks payment-required, payment-response/, { change(answer, request) {
    if (request.headers.origin) Object.assign(answer.headers, { "access-control-allow-origin": "*", "access-control-allow-headers": "*" });
    delete answer.headers["access-control-expose-headers"];
  } }],
  ["a clock that is an hour slow", "clock", /differ by about 60 minutes/, { change: headers((all) => { all.date = new Date(Date.now() - 3_600_000).toUTCString(); }) }],
  ["no health page", "health", /does not stand before this site/, { answer: (request, response) => request.url === "/.farthing/health" && (response.writeHead(404), response.end("gone"), true) }],
  ["a config that is wrong", "health", /routes\[0\]/, { answer: at("/.farthing/health", JSON.stringify({ ok: true, version: "0.1.0", errors: ["routes[0].price: is wrong"], warnings: [] }), "application/json") }],
  ["a trimmed page without markup", "json-ld", /no JSON-LD says isAccessibleForFree/, { change: trimmed("") }],
  ["a trimmed page that says it is free", "json-ld", /is not false/, { change: trimmed(marked({ "@type": "NewsArticle", isAccessibleForFree: true })) }],
  ["a trimmed page that names no part", "json-ld", /no hasPart/, { change: trimmed(marked({ "@type": "NewsArticle", isAccessibleForFree: false })) }],
]) {
  test(`it finds ${what}`, async () => {
    spoil = broken;
    const { wrong, findings } = await doctor();
    assert.deepEqual([...new Set(wrong.map((one) => one.id))], [id], JSON.stringify(findings.filter(({ level }) => level !== "ok"), null, 1));
    assert.ok(wrong.some(({ text }) => says.test(text)), JSON.stringify(wrong));
    assert.deepEqual(Object.keys(wrong[0].fix), PLATFORMS);
    spoil = undefined;
  });
}

test("a trimmed page with its markup is right", async () => {
  spoil = { change: trimmed(marked({ "@graph": [{ "@type": "NewsArticle", isAccessibleForFree: "False", hasPart: { "@type": "WebPageElement", isAccessibleForFree: "False", cssSelector: ".premium" } }] })) };
  assert.deepEqual((await doctor()).wrong, []);
  spoil = undefined;
});

test("d7 an origin that answers everybody is found, and one that answers the Worker alone is not", async () => {
  const { wrong } = await doctor(["--origin", origin.url]);
  assert.deepEqual(wrong.map(({ id }) => id), ["origin"]);
  assert.match(wrong[0].text, /answers 200 to everybody/);
  origin.always(PATH, 403);
  assert.deepEqual((await doctor(["--origin", origin.url])).wrong, []);
  origin.reset();
});

test("with the article's own text, even a short quotation of it is a leak", async () => {
  spoil = { answer: at(`${PATH}.json`, JSON.stringify({ excerpt: SENTENCES[4] }), "application/json") };
  assert.deepEqual((await doctor()).wrong, [], "as long as nobody knows what is paid for, it may be a teaser");
  const { wrong } = await doctor(["--origin", origin.url]);
  assert.deepEqual(wrong.map(({ id }) => id).sort(), ["leak", "origin"]);
  spoil = undefined;
});

const FEED = `<rss><channel><title>News</title><item><title>The ferry</title><description>${SENTENCES.join(" ")}</description></item></channel></rss>`;
const HEAD = (links) => `<!doctype html><head><title>A newspaper</title>${links}</head><h1>News</h1>`;
const leaksOf = ({ findings }) => findings.filter(({ id }) => id === "leak");

for (const [what, feed] of [["whose item does not name the page", FEED], ["of which another item names the page", FEED.replace("<item>", `<item><link>/articles/tide</link>See ${PATH}</item><item>`)]]) test(`d5 a feed ${what} is looked into where the text is known, and is not called closed where it is not`, async () => {
  spoil = { answer: at("/feed.xml", FEED, "application/rss+xml") };
  try {
    const blind = leaksOf(await doctor());
    assert.deepEqual([...new Set(blind.map(({ level }) => level))], ["note"], JSON.stringify(blind));
    assert.ok(blind.some(({ text }) => /^\/feed\.xml: not looked into where it does not name this page/.test(text)), JSON.stringify(blind));
    const { wrong } = await doctor(["--origin", origin.url]);
    assert.deepEqual(wrong.map(({ id }) => id).sort(), ["leak", "origin"]);
    assert.match(wrong.find(({ id }) => id === "leak").text, /at \/feed\.xml: 200 with \d+ runs of six words that are in the article/);
  } finally {
    spoil = undefined;
  }
});

for (const [what, more] of [
  ["the front page", (request, response) => at("/", HEAD("<link href='/news.rss' type=\"application/rss+xml\" rel=alternate>"))(request, response)],
  ["a header of the front page", (request, response) => request.url === "/"
    && (response.writeHead(200, { "content-type": "text/html", link: `<${site}/news.rss>; rel="alternate"; type="application/rss+xml"` }), response.end(HEAD("")), true)],
]) {
  test(`d5 a feed that ${what} announces is asked for`, async () => {
    spoil = { answer: (request, response) => more(request, response) || at("/news.rss", FEED.replace("<title>The ferry", `<link>${PATH}</link><title>The ferry`), "application/rss+xml")(request, response) };
    try {
      const { wrong } = await doctor();
      assert.deepEqual(wrong.map(({ id }) => id), ["leak"]);
      assert.match(wrong[0].text, /at \/news\.rss: 200/);
    } finally {
      spoil = undefined;
    }
  });
}

test("what pages announce elsewhere, in another language, or without end is not asked for", async () => {
  const asked = [];
  const links = [
    "<link rel=alternate hreflang=de href=/de/fahre>", "<link rel=alternate type=application/rss+xml href=https://other.example/feed2>", "<link rel=stylesheet type=application/css href=/style.css>",
    ...Array.from({ length: 50 }, (_, n) => `<link rel=alternate type=application/rss+xml href=/many/${n}.rss>`),
  ].join("");
  spoil = { answer: (request, response) => {
    asked.push(request.url);
    return at("/", HEAD(links))(request, response);
  } };
  try {
    const found = leaksOf(await doctor());
    assert.equal(asked.filter((url) => url.startsWith("/many/")).length, 20);
    for (const url of ["/de/fahre", "/feed2", "/style.css"]) assert.ok(!asked.includes(url), url);
    assert.ok(found.some(({ level, text }) => level === "note" && /^30 more addresses/.test(text)), JSON.stringify(found));
  } finally {
    spoil = undefined;
  }
});

test("offers beside the article are told by their names and what they open, by quote and by doctor", async () => {
  await edge.restart({ config: { ...config, offers: {
    day: { title: "A day of everything", covers: "site", for: "24h", price: "$0.50" }, ten: { title: "Ten articles", count: 10, for: "30d", price: "$0.40" },
  } } });
  try {
    const quote = await run(process.execPath, [command, "quote", site + PATH], { check: false });
    assert.equal(quote.code, 0, quote.err);
    assert.match(quote.out, /0\.5 USDC on Base Sepolia[^\n]*\n {4}for "day" \(A day of everything\): all that it covers for 1 day\n/);
    assert.match(quote.out, /0\.4 USDC on Base Sepolia[^\n]*\n {4}for "ten" \(Ten articles\): 10 articles, to be chosen within 30 days\n/);
    const { offers } = JSON.parse((await run(process.execPath, [command, "quote", site + PATH, "--json"], { check: false })).out);
    assert.deepEqual(offers.map(({ wider }) => wider?.name), [undefined, "day", "ten"]);
    const { findings, wrong } = await doctor();
    assert.deepEqual(wrong, []);
    assert.ok(findings.some(({ text }) => text === "beside the article it sells for 0.4 USDC on Base Sepolia \"ten\" (Ten articles): 10 articles, to be chosen within 30 days"), JSON.stringify(findings));
  } finally {
    await edge.restart({ config });
  }
});

test("a free page, a page that moved and a site that is gone are said in one finding", async () => {
  spoil = undefined;
  for (const [url, id] of [[`${site}/`, "offer"], [`${site}/${PATH}`, "resource"], ["http://127.0.0.1:9/x", "reach"]]) {
    const { wrong } = await doctor([], url);
    assert.deepEqual(wrong.map((one) => one.id), [id]);
  }
});

test("people read how to mend it, for what the site runs on or what they name", async () => {
  spoil = { answer: at(`${PATH}/amp`), change: headers((all) => { all["cf-ray"] = "8f-LHR"; }) };
  const print = async (...args) => (await run(process.execPath, [command, "doctor", site + PATH, ...args], { check: false })).out;
  const detected = await print();
  assert.match(detected, /How to mend "leak"\n {2}cloudflare /);
  assert.doesNotMatch(detected, /wordpress/);
  const chosen = await print("--for", "wordpress");
  assert.match(chosen, /\n {2}wordpress {2}Settings, Reading/);
  spoil = { answer: at(`${PATH}/amp`) };
  const unknown = await print();
  assert.doesNotMatch(unknown, /How to mend/);
  assert.match(unknown, /--for NAME says how to mend it, with one of cloudflare, nginx/);
  assert.match((await print("--for", "all")).match(/How to mend "leak"[^]*/)[0], /cloudflare[^]*nginx[^]*wordpress[^]*ghost[^]*next/);
  const gone = (await run(process.execPath, [command, "doctor", "http://127.0.0.1:9/x"], { check: false })).out;
  assert.match(gone, /Is npx farthing dev running/);
  assert.doesNotMatch(gone, /Ghost/);
  assert.match(FIXES.origin.nginx, /\$http_x_origin_key != /, "the header of the documents");
  spoil = undefined;
});

test("every finding has a remedy for every platform, in a sentence", () => {
  for (const [id, fixes] of Object.entries(FIXES)) {
    assert.deepEqual(Object.keys(fixes), PLATFORMS, id);
    for (const text of Object.values(fixes)) assert.match(text, /^\S.{20,}\.$/);
  }
});

test("what is demanded of an offer is what the official schemas demand", async () => {
  const good = await fetch(site + PATH);
  const body = await good.json();
  const v2 = decoded(good.headers.get("payment-required"));
  const odd = [undefined, null, "", 0, -1, 1, true, [], {}, "x", "eip155:1"];
  const spoiled = (value, path, other) => {
    const copy = structuredClone(value);
    const holder = path.slice(0, -1).reduce((where, key) => where[key], copy);
    if (other === undefined) delete holder[path.at(-1)];
    else holder[path.at(-1)] = other;
    return copy;
  };
  const places = (offers) => [["x402Version"], ["accepts"], ["accepts", 0], ...Object.keys(offers.accepts[0]).filter((key) => key !== "mimeType").map((key) => ["accepts", 0, key])];
  let compared = 0;
  for (const path of [...places(v2), ["resource", "url"]]) {
    for (const other of odd) {
      const value = spoiled(v2, path, other);
      const { faults } = offersIn(new Headers({ "payment-required": encoded(value) }), "").v2;
      assert.equal(faults.length === 0, PaymentRequiredV2Schema.safeParse(value).success, `${path.join(".")} ${JSON.stringify(other)}: ${faults}`);
      compared += 1;
    }
  }
  for (const path of places(body)) {
    for (const other of odd) {
      const value = spoiled(body, path, other);
      const faults = offersIn(new Headers(), JSON.stringify(value)).v1?.faults ?? ["none"];
      assert.equal(faults.length === 0, PaymentRequiredV1Schema.safeParse(value).success, `${path.join(".")} ${JSON.stringify(other)}: ${faults}`);
      compared += 1;
    }
  }
  assert.ok(compared > 200, String(compared));
});
