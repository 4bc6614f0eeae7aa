// The publisher's own page for a reader who has not paid: without the premium part, without a trace of it, and our own page wherever
// that is not certain (threats S1, D4, D5, F9). Real workerd, chain and facilitator; the pages are as ten systems make them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { searchFor, words } from "../support/disguises.mjs";
import { rawRequest } from "../support/http.mjs";
import { decode } from "../support/pay.mjs";
import { OPEN, PAGES, SENTENCES, SOLD, naivelyTrimmed } from "../support/cms-pages.mjs";
import { startShop } from "../support/shop.mjs";

const HTML = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const LONG = `<p>${SOLD.replaceAll("<", "&lt;").replaceAll("\n", "</p>\n<p>")}</p>`;
const document = (body, head = "") => `<!doctype html><html lang="en"><meta charset="utf-8">${head}<title>x</title><body>${body}`;
const marked = (premium, head) => document(`<article><h1>x</h1><p>Free.</p><!--farthing-->${premium}<!--/farthing--></article>`, head);

const { soldIn, size } = searchFor({ open: [[OPEN.title, OPEN.dek, ...OPEN.paragraphs].join("\n")], sold: [SOLD], sentences: SENTENCES });

let shop;
let policy;
const asked = () => shop.origin.log.at(-1).headers;
const page = (html, headers = {}) => ({ body: html, headers: { "content-type": "text/html; charset=utf-8", ...headers } });

before(async () => {
  const odd = {
    "/odd/none": page(document("<p>There is nothing to pay for here.</p>")),
    "/odd/open": page(document(`<p>Free.</p><!--farthing-->${LONG}`)),
    "/odd/short": page(marked("<p>One short sentence.</p>")),
    "/odd/empty": page(""),
    "/odd/large": page(marked(LONG) + " ".repeat(2 * 1024 * 1024)),
    "/odd/bomb": (request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" });
      response.end(gzipSync(marked(LONG) + " ".repeat(2 * 1024 * 1024)));
    },
    "/odd/brotli": (request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "br" });
      response.end(marked(LONG));
    },
    "/odd/json": { body: JSON.stringify({ text: SOLD }), type: "application/json" },
    "/odd/xml": page(marked(LONG), { "content-type": "application/xhtml+xml" }),
    "/odd/bytes": page(Buffer.concat([Buffer.from(marked(LONG)), Buffer.from([0xff])])),
    "/odd/encoding": page(marked(LONG), { "content-type": "text/html; charset=x-made-up" }),
    // half in an attribute, half in the text
    "/odd/left": page(`${marked(LONG)}<p title="${words(SOLD).slice(0, 4).join(" ")}">${words(SOLD).slice(4, 8).join(" ")}</p>`),
    "/odd/cut": (request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-length": 100_000 });
      response.write(marked(LONG));
      setTimeout(() => response.destroy(), 50);
    },
    "/fine/latin": page(Buffer.from(marked(LONG.replace(/[^\x00-\xff]/g, "?")).replace("utf-8", "windows-1252").replace("Free.", "Caf\xe9 libre."), "latin1"), { "content-type": "text/html" }),
    "/fine/wide": page(Buffer.from(`\ufeff${marked(LONG)}`, "utf16le"), { "content-type": "text/html" }),
    "/fine/zip": (request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" });
      response.end(gzipSync(marked(LONG)));
    },
    "/fine/told": page(marked(LONG), {
      "set-cookie": "session=of-somebody", "x-excerpt": SOLD.slice(0, 200).replace(/[^\x20-\x7e]/g, ""), link: "</amp>; rel=amphtml", "x-robots-tag": "max-snippet:50",
      "content-language": "en-GB", "referrer-policy": "no-referrer",
    }),
    "/fine/policy": (request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-security-policy": policy });
      response.end(marked(LONG));
    },
    "/fine/402": page(marked(LONG)), "/fine/tags": page(document(`<p>Free.</p><main><img class="rest" src="/x"><div class="rest">${LONG}</div><p>Between.</p><section class="rest"><div class="rest">x</div></section></main><p>After.</p>`)),
    "/nests/paragraphs": page(document(`<article><p>Free.${LONG.replaceAll("<p>", "<p class=rest>").replaceAll("</p>", "")}</article><footer>Foot</footer>`)),
    "/nests/never": page(document(`<article><p>Free.</p><div class=rest>${LONG}`)),
    "/nests/crossed": page(document(`<article><b><div class=rest><i>${LONG}</b></div></i></article><footer>Foot</footer>`)),
    "/nests/select": page(document(`<article><select><div class=rest>${LONG}</div></select></article><footer>Foot</footer>`)),
    "/nests/foreign": page(document(`<article><svg><title/><desc class=rest>${SOLD.slice(0, 2000)}</desc></svg><div class=rest>${LONG}</div></article><footer>Foot</footer>`)),
    "/own/x": page(marked(LONG)),
    "/gone/x": { status: 404, body: marked(LONG) },
  };
  const routes = [
    ...Object.entries(PAGES).map(([name, { teaser }]) => ({ match: `/${name}/*`, price: "$0.05", description: "The whole story", teaser })),
    { match: "/fine/402", price: "$0.05", teaser: { marker: "farthing", status: 402 } },
    { match: "/fine/tags", price: "$0.05", teaser: { selector: "main .rest" } },
    { match: "/nests/*", price: "$0.05", teaser: { selector: ".rest" } },
    { match: "/odd/*", price: "$0.05", teaser: { marker: "farthing" } }, { match: "/fine/*", price: "$0.05", teaser: { marker: "farthing" } },
    { match: "/gone/*", price: "$0.05", teaser: { marker: "farthing" } }, { match: "/own/*", price: "$0.05", teaser: { status: 200 } },
    { match: "/plain/*", price: "$0.05" },
  ];
  const more = Object.fromEntries(Object.entries(PAGES).map(([name, { html }]) => [`/${name}/light`, page(html, { "set-cookie": "seen=1" })]));
  shop = await startShop({ routes, edges: { edge: (network) => [network] }, origin: { ...more, ...odd } });
});
after(() => shop?.stop());

const ask = (path, headers = HTML, init = {}) => fetch(shop.edge.url + path, { redirect: "manual", ...init, headers });

test("the search finds what is there: six words, over tags and under escapes, and whole sentences", () => {
  assert.ok(size.sentences > 100 && size.runs > 1500, JSON.stringify(size));
  for (const { html } of Object.values(PAGES)) assert.ok(soldIn(html));
  assert.equal(soldIn(`${OPEN.dek} ${OPEN.paragraphs.join(" ")}`), undefined);
});

for (const [name, { html }] of Object.entries(PAGES)) {
  test(`F9 S1 ${name}: the teaser has no trace of the premium text`, async (t) => {
    await t.test("taking out what is seen leaves it in other places", () => {
      assert.notEqual(naivelyTrimmed({ html }), html);
      assert.ok(soldIn(naivelyTrimmed({ html })));
    });
    const response = await ask(`/${name}/light`);
    const text = await response.text();
    await t.test("ours leaves none", () => {
      assert.equal(response.status, 200, response.headers.get("farthing-teaser"));
      assert.equal(soldIn(text), undefined);
      assert.equal(soldIn([...response.headers].flat().join("\n")), undefined);
    });
    await t.test("what is free stays, and the page around it", () => {
      const plain = words(text).join(" ");
      for (const open of [OPEN.title, OPEN.dek, ...OPEN.paragraphs]) assert.ok(plain.includes(words(open).join(" ")), open);
      for (const part of ["Most read", "Imprint", '<header class="top">', "light-dark(#fff,#14161a)", `og:title" content="${OPEN.title}"`]) assert.ok(text.includes(part), part);
      assert.equal(text.match(/<farthing-paywall /g).length, 1);
      assert.ok(text.indexOf("<farthing-paywall ") < text.indexOf("Most read"), "where the premium part was");
      assert.equal(text.match(/<(div|section|article|main|aside)\b/g)?.length, text.match(/<\/(div|section|article|main|aside)\b/g)?.length, "as many ends as beginnings");
    });
    await t.test("it says that it is not free, and which part of it", () => {
      const blocks = [...text.matchAll(/<script type="application\/ld\+json"[^>]*>([\s\S]*?)<\/script>/g)].map(([, block]) => JSON.parse(block));
      const articles = blocks.flatMap((block) => block["@graph"] ?? [block]).filter((node) => /Article|BlogPosting/.test(node["@type"]));
      assert.equal(articles.length, 1);
      assert.equal(articles[0].isAccessibleForFree, false);
      assert.deepEqual(articles[0].hasPart, { "@type": "WebPageElement", isAccessibleForFree: false, cssSelector: ".farthing-paywall" });
      assert.match(text, /<farthing-paywall class="farthing-paywall" /);
    });
    await t.test("the offer comes with it, for programs and for the card", () => {
      const [header, embedded] = [decode(response.headers.get("payment-required")), decode(/ offer="([^"]+)"/.exec(text)[1])];
      assert.equal(header.accepts[0].amount, "50000");
      assert.deepEqual(embedded.accepts, header.accepts);
    });
    await t.test("D4 nothing of the origin's answer that tells of the whole, and no cache keeps it", () => {
      for (const name of ["etag", "last-modified", "accept-ranges", "set-cookie", "age", "link"]) assert.equal(response.headers.get(name), null, name);
      assert.equal(response.headers.get("content-length") ?? String(Buffer.byteLength(text)), String(Buffer.byteLength(text)), "its own length, if any");
      assert.match(response.headers.get("cache-control"), /private, no-store/);
      assert.equal(response.headers.get("cdn-cache-control"), "no-store");
    });
  });
}

test("what is paid for is the origin's page, byte for byte, at once and with the pass", async () => {
  const payer = await shop.newPayer({ edge: shop.edge, approve: false });
  for (const [name, { html }] of Object.entries(PAGES)) {
    const path = `/${name}/light`;
    const paid = await payer.send(path, await payer.signTransfer(path), HTML);
    assert.equal(paid.status, 200);
    const cookie = paid.headers.getSetCookie().find((line) => line.startsWith("__Secure-farthing=")).split(";")[0];
    for (const response of [paid, await ask(path, { ...HTML, cookie })]) {
      const origin = await fetch(shop.origin.url + path);
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(html)), name);
      assert.equal(response.headers.get("etag"), origin.headers.get("etag"));
      assert.equal(response.headers.get("farthing-teaser"), null);
    }
  }
});

test("a reader who is known, and has not paid for this one, gets the teaser too", async () => {
  const payer = await shop.newPayer({ edge: shop.edge, approve: false });
  const paid = await payer.send("/hugo/light", await payer.signTransfer("/hugo/light"));
  const handle = paid.headers.getSetCookie().find((line) => line.startsWith("__Host-farthing=")).split(";")[0];
  await paid.arrayBuffer();
  const text = await (await ask("/static/light", { ...HTML, cookie: handle })).text();
  assert.ok(text.includes("<farthing-paywall ") && soldIn(text) === undefined);
  assert.equal(await (await ask("/hugo/light", { ...HTML, cookie: handle })).text(), PAGES.hugo.html);
});

test("D4 whoever asks, the origin is asked for the same", async () => {
  const path = "/ghost/light";
  const etag = (await fetch(shop.origin.url + path)).headers.get("etag");
  const shapes = new Set();
  for (const headers of [{}, { cookie: "session=subscriber; a=b" }, { authorization: "Basic eDp5" }, { "if-none-match": etag }, { range: "bytes=0-99" }, { "x-original-url": "/other" }]) {
    const response = await ask(path, { ...HTML, ...headers });
    assert.equal(response.status, 200);
    shapes.add((await response.text()).replace(/ offer="[^"]+"/, ""));
    for (const name of ["cookie", "authorization", "if-none-match", "range", "x-original-url"]) assert.equal(asked()[name], undefined, name);
    assert.equal(asked()["accept-encoding"], "gzip");
  }
  assert.equal(shapes.size, 1);
});

for (const [path, fault] of [
  ["none", /nothing in the page/], ["empty", /nothing in the page/], ["open", /does not end/], ["short", /less than fifty words/], ["large", /larger than 2 MiB/],
  ["bomb", /larger than 2 MiB/], ["brotli", /compressed/], ["json", /not HTML/], ["xml", /not HTML/], ["bytes", /encoding/], ["encoding", /encoding/],
  ["left", /cannot be taken out/], ["cut", /could not be read/],
]) {
  test(`F9 a page that cannot be trimmed for certain is not shown at all: ${path}`, async () => {
    const response = await ask(`/odd/${path}`);
    const text = await response.text();
    assert.equal(response.status, 402);
    assert.match(response.headers.get("farthing-teaser"), fault);
    assert.match(text, /<farthing-paywall mode="page"/);
    assert.equal(soldIn(text), undefined);
    assert.ok(response.headers.get("payment-required"));
    assert.match(response.headers.get("content-security-policy"), /default-src 'none'/, "the policy of our own page");
  });
}

test("an origin that has nothing, or does not answer, is told as ever", async () => {
  const missing = await ask("/gone/x");
  assert.equal(missing.status, 404);
  assert.equal(soldIn(await missing.text()), undefined);
  const usual = await ask("/gone/x", { accept: "*/*" });
  assert.equal(usual.status, 402, "programs are not let through to see");
  for (const mode of [500, "die", { redirect: "/elsewhere" }]) {
    shop.origin.script("/hugo/light", mode);
    const response = await ask("/hugo/light");
    assert.equal(response.status, 502);
    assert.equal(response.headers.get("location"), null);
  }
});

test("pages in other encodings are read in them, and sent in UTF-8", async () => {
  for (const [path, shown] of [["/fine/latin", "Café libre."], ["/fine/wide", "Free."], ["/fine/zip", "Free."]]) {
    const response = await ask(path);
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${response.headers.get("farthing-teaser")}`);
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.ok(text.includes(`<p>${shown}</p>`), path);
    assert.equal(soldIn(text), undefined);
  }
});

test("S1 of the origin's headers only those go with the teaser that tell nothing", async () => {
  const response = await ask("/fine/told");
  assert.equal(response.status, 200);
  assert.deepEqual([...response.headers.keys()].filter((name) => name !== "transfer-encoding" && name !== "content-length"), [
    "cache-control", "cdn-cache-control", "content-language", "content-type", "payment-required", "referrer-policy", "vary", "x-robots-tag",
  ]);
});

test("the page's own policy lets the card in", async () => {
  for (const [given, wanted, nonce] of [
    ["default-src 'self'", "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self' 'sha256-*'", ""],
    ["script-src 'nonce-r4nd0m' 'strict-dynamic'; img-src *", "script-src 'nonce-r4nd0m' 'strict-dynamic' OURS 'wasm-unsafe-eval'; img-src *", ' nonce="r4nd0m"'],
    ["default-src 'none'; script-src 'nonce-a\"b'", "default-src 'none'; script-src 'nonce-a\"b' OURS 'wasm-unsafe-eval'; connect-src 'self'; style-src 'sha256-*'", ""],
    // a hash would take back what the page allows itself
    ["style-src 'unsafe-inline'", "style-src 'unsafe-inline'", ""],
  ]) {
    policy = given;
    const response = await ask("/fine/policy");
    assert.equal(response.headers.get("content-security-policy").replace(/'sha256-[^']+'/, "'sha256-*'"), wanted.replace("OURS", `${shop.edge.url}/.farthing/`));
    assert.match(await response.text(), new RegExp(`<script type="module" src="${shop.edge.url}/.farthing/page.js"${nonce} integrity="sha256-[^"]+" crossorigin></script>`));
  }
});

test("programs get the 402 that they understand, and those who show pages to people the teaser", async () => {
  for (const headers of [{}, { accept: "application/json" }, { accept: "*/*", "user-agent": "node" }]) {
    const response = await ask("/ghost/light", headers);
    assert.equal(response.status, 402);
    assert.equal((await response.json()).accepts[0].scheme, "exact");
  }
  for (const agent of ["facebookexternalhit/1.1", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"]) {
    const response = await ask("/wordpress/light", { accept: "*/*", "user-agent": agent });
    const text = await response.text();
    assert.equal(response.status, 200);
    assert.ok(text.includes(`<meta property="og:title" content="${OPEN.title}">`));
    assert.equal(soldIn(text), undefined);
    const payer = await shop.newPayer({ edge: shop.edge, approve: false });
    const paid = await payer.send("/wordpress/light", await payer.signTransfer("/wordpress/light"), { "user-agent": agent });
    assert.equal(await paid.text(), PAGES.wordpress.html, "who pays reads, whatever they call themselves");
  }
  const head = await rawRequest({ url: shop.edge.url, method: "HEAD", target: "/ghost/light", headers: Object.entries(HTML) });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  assert.equal((await ask("/ghost/light", HTML, { method: "POST" })).status, 402, "nothing but reading");
});

test("a teaser has the status that the route says, and so has our own page", async () => {
  const trimmed = await ask("/fine/402");
  assert.equal(trimmed.status, 402);
  assert.match(await trimmed.text(), /<farthing-paywall class="farthing-paywall"/);
  const own = await ask("/own/x");
  assert.equal(own.status, 200);
  assert.match(await own.text(), /<farthing-paywall mode="page"/);
  assert.ok(own.headers.get("payment-required"));
  assert.equal((await ask("/own/x", {})).status, 402, "to programs");
  const plain = await ask("/plain/x");
  assert.equal(plain.status, 402);
  assert.equal(shop.origin.requestsTo("/plain/x").length + shop.origin.requestsTo("/own/x").length, 0, "without a part to take out nobody is asked");
});

test("several parts, parts in parts and elements without an end all go", async () => {
  const text = await (await ask("/fine/tags")).text();
  assert.equal(soldIn(text), undefined);
  const order = ["<p>Free.</p>", "<main>", "<farthing-paywall ", "<p>Between.</p>", "</main>", "<p>After.</p>"].map((part) => text.indexOf(part));
  assert.deepEqual(order, order.toSorted((a, b) => a - b));
  assert.ok(order[0] > 0 && !text.includes('class="rest"'));
});

test("F9 elements that do not nest leave nothing either: trimmed, or not shown", async () => {
  const seen = {};
  for (const name of ["paragraphs", "never", "crossed", "select", "foreign"]) {
    const response = await ask(`/nests/${name}`);
    const text = await response.text();
    assert.equal(soldIn(text), undefined, name);
    seen[name] = response.status;
    if (response.status === 200) assert.ok(text.includes("<farthing-paywall class=") && text.includes("Foot"), name);
    else assert.ok(response.headers.get("farthing-teaser"), name);
  }
  assert.deepEqual(seen, { paragraphs: 200, never: 402, crossed: 200, select: 200, foreign: 200 });
});
