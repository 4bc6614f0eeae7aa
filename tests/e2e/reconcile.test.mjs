// `npm run reconcile` as a publisher runs it: real payments of every kind through the Worker, the books as D1 has them on disk, and the
// chain's logs; then books in which something is wrong.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "../../tools/lib/run.mjs";
import { observer, payTo, secondPayer } from "../support/accounts.mjs";
import { farthingFetch } from "../support/farthing-client.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { signPermit2Payment } from "../support/pay-permit2.mjs";
import { DOLLAR } from "../support/places.mjs";
import { DATA, DOOR, DOT, LOG, PAWN, PRICES, assertArticle, newReader, until } from "./reader.mjs";

const command = join(import.meta.dirname, "..", "..", "tools", "reconcile.mjs");
const place = mkdtempSync(join(tmpdir(), "farthing-reconcile-"));
const keys = randomKeys();
/** Of a token with 18 decimals, a price of so many of the other's millionths. */
const wei = (millionths) => millionths * 10n ** 12n;
let paper;
let config;
let books;
/** What was paid by EIP-3009 and by Permit2: [path, atomic units, asset]. */
const paid = [];

before(async () => {
  const change = (value) => {
    const { networks: [network] } = value;
    const dollar = { network, asset: DOLLAR, own: true, symbol: "MegaUSD", decimals: 18, transfer: "permit2" };
    // one of its authors is paid at an address of her own
    const routes = value.routes.map((route) => (route.match === PAWN ? { ...route, payTo: { eip155: secondPayer.address } } : route));
    config = { ...value, networks: [network, { network, transfer: "permit2" }, dollar], routes };
    return config;
  };
  paper = await startNewspaper({ keys, change, books: true });
  const usdc = paper.chain.token.address;
  // the element and our client: their nonces begin with the tag
  for (const path of [DOOR, DOOR, PAWN]) {
    const reader = await newReader(paper);
    const pay = farthingFetch({ key: reader.key, policy: { max: "$1" } });
    const response = await pay(paper.site + path);
    assert.equal(response.status, 200);
    paid.push([path, PRICES[path], usdc]);
  }
  // other clients
  for (const [path, v1] of [[DOT, false], [LOG, true], [DATA, false], [DATA, false]]) {
    const reader = await newReader(paper);
    await assertArticle(await reader.send(path, await reader.sign(path, { v1 })), path);
    paid.push([path, PRICES[path], usdc]);
  }
  // by Permit2, in both tokens
  for (const [index, asset, amount] of [[1, usdc, PRICES[DOT]], [2, DOLLAR, wei(PRICES[DOT])]]) {
    const reader = await newReader(paper);
    await paper.chain.setBalance(reader.address, 10n ** 20n, { token: asset });
    await paper.chain.approvePermit2(reader.key, { token: asset });
    const payment = await signPermit2Payment({ offer: await reader.offer(DOT), index, key: reader.key });
    await assertArticle(await reader.send(DOT, payment), DOT);
    paid.push([DOT, amount, asset]);
  }
  await until("the books have all", async () => (await paper.edge.books.rows("SELECT key FROM payment WHERE state = 'settled'")).length === paid.length);
  books = (await paper.edge.books.rows()).map((row) => ({ ...row }));
  // somebody gives the publisher money without any authorization, and nothing at all
  await paper.chain.send({ by: observer, functionName: "transfer", args: [payTo.address, 123n] });
  await paper.chain.transfersOfNothing({ from: observer.address, times: 20 });
  // and a unit with an authorization, which anybody can do
  const stranger = await newReader(paper);
  await paper.chain.sendTransferWithAuthorization(await stranger.sign(DOOR, { overrides: { authorization: { value: "1" } } }));
});
after(async () => {
  await paper?.stop();
  rmSync(place, { recursive: true, force: true });
});

const file = (name, value) => {
  const path = join(place, name);
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
};
/** As wrangler prints it. */
const printed = (rows) => file("books.json", [{ results: rows, success: true, meta: {} }]);
async function reconcile(args, { secret = keys } = {}) {
  const { code, out, err } = await run(process.execPath, [command, "--config", file("farthing.jsonc", config), ...args], {
    check: false, env: { FARTHING_KEYS: secret },
  });
  return { code, out, err };
}
async function report(args, options) {
  const { code, out, err } = await reconcile([...args, "--json"], options);
  assert.ok(out.startsWith("{"), err);
  return { code, ...JSON.parse(out) };
}
const sumOf = (path, asset) => paid.filter((one) => one[0] === path && one[2] === asset).reduce((sum, [, amount]) => sum + amount, 0n);

test("S8 the chain and the books say the same: by article, to the last unit", async () => {
  for (const source of [await paper.edge.books.file(), printed(books), file("plain.json", books)]) {
    const { code, ok, articles, missing, extra, different, nameless, others } = await report(["--books", source]);
    assert.deepEqual([code, ok, missing, extra, different, nameless], [0, true, [], [], [], []]);
    assert.deepEqual(others.map(({ value }) => value), ["123", "1"], "the gift and the dust");
    for (const { resource, asset, payments, chain, booked, books: sum } of articles) {
      const path = resource.slice(paper.site.length);
      const expected = sumOf(path, [paper.chain.token.address, DOLLAR].find((one) => one.toLowerCase() === asset));
      assert.deepEqual([chain, sum, payments], [String(expected), String(expected), booked], resource);
    }
    assert.equal(articles.reduce((sum, { payments }) => sum + payments, 0), paid.length);
  }
  const { code, out } = await reconcile(["--books", printed(books)]);
  assert.equal(code, 0, out);
  const total = Number(paid.filter(([, , asset]) => asset !== DOLLAR).reduce((sum, [, amount]) => sum + amount, 0n)) / 1e6;
  assert.match(out, new RegExp(`^  all .* ${String(total).replace(".", "\\.")} USDC`, "m"));
  assert.match(out, /MegaUSD/);
  assert.match(out, /^2 more transfers .* are no payments/m);
  assert.match(out, /Nothing differs\./);
});

test("S8 the key alone tells what our own clients bought; without the books the rest has no name", async () => {
  // PAWN has a rule of its own, without a star: the config names it
  const { code, articles, nameless } = await report(["--from", "0", "--urls", file("urls.txt", `${paper.site}${LOG}\n${DOOR}\n`)]);
  assert.equal(code, 0);
  const named = articles.filter(({ resource }) => resource).map(({ resource, payments, chain }) => [resource, payments, chain]);
  assert.deepEqual(named, [[paper.site + PAWN, 1, String(PRICES[PAWN])], [paper.site + DOOR, 2, String(2n * PRICES[DOOR])]].sort());
  assert.equal(nameless.length, paid.length - 3);
  const sitemap = `<?xml version="1.0"?><urlset><url><loc>${paper.site}${DOOR}</loc></url></urlset>`;
  const more = await report(["--from", "0", "--urls", file("sitemap.xml", sitemap)]);
  assert.equal(more.nameless.length, paid.length - 3);
  // with another key nothing has a name; with an old one among others it has
  const other = await report(["--from", "0", "--urls", file("sitemap.xml", sitemap)], { secret: randomKeys() });
  assert.equal(other.nameless.length, paid.length);
  const rotated = await report(["--from", "0", "--urls", file("sitemap.xml", sitemap)], { secret: `${randomKeys("k2")},${keys}` });
  assert.equal(rotated.nameless.length, paid.length - 3);
});

test("S8 what is wrong with the books is found, each in its place", async () => {
  const tagged = books.find(({ resource }) => resource.endsWith(DOOR));
  const plain = books.find(({ resource }) => resource.endsWith(LOG));
  const change = (row, changes) => books.map((one) => (one === row ? { ...one, ...changes } : one));
  const { key, resource } = tagged;

  const without = await report(["--books", printed(books.filter((row) => row !== tagged))]);
  assert.deepEqual([without.code, without.missing.map((one) => [one.key, one.resource])], [1, [[key, resource]]], "its article is known from the tag");
  const article = without.articles.find((one) => one.resource === resource);
  assert.deepEqual([article.payments, article.booked, BigInt(article.chain) - BigInt(article.books)], [2, 1, PRICES[DOOR]]);

  for (const state of ["unknown", "refused", "stray"]) {
    const { code, missing } = await report(["--books", printed(change(tagged, { state, charged: null }))]);
    assert.deepEqual([code, missing.map((one) => one.state)], [1, [state]]);
  }
  const nobodys = `${paper.network}/${paper.chain.token.address.slice(2).toLowerCase()}/0x${"77".repeat(32)}`;
  const invented = { ...plain, key: nobodys, transaction_hash: `0x${"88".repeat(32)}` };
  const forged = await report(["--books", printed([...books, invented])]);
  assert.deepEqual([forged.code, forged.extra.map((one) => one.key)], [1, [nobodys]], "a facilitator's lie");
  // another payment's transaction is none of its own
  const stolen = await report(["--books", printed([...books, { ...invented, transaction_hash: plain.transaction_hash }])]);
  assert.deepEqual([stolen.code, stolen.extra.map((one) => one.key)], [1, [nobodys]]);
  const pending = await report(["--books", printed([...books, { ...invented, state: "unknown", charged: null, transaction_hash: null }])]);
  assert.deepEqual([pending.code, pending.open.map((one) => one.key)], [0, [nobodys]]);

  for (const [changes, text] of [
    [{ charged: "1" }, /books say 1$/], [{ transaction_hash: `0x${"88".repeat(32)}` }, /transaction 0x88/], [{ resource: paper.site + DOT }, /it was for/],
    [{ payer: observer.address }, /from 0x/],
  ]) {
    const { code, different } = await report(["--books", printed(change(tagged, changes))]);
    assert.equal(code, 1);
    assert.match(different[0].told.join("; "), text);
  }
  const { out, code } = await reconcile(["--books", printed(books.filter((row) => row !== tagged))]);
  assert.equal(code, 1);
  assert.match(out, /The chain has, and the books do not have as settled:\n.*0x/);
  assert.match(out, /Something differs/);
});

test("a range of blocks or of time", async () => {
  const last = Number(await paper.chain.client.getBlockNumber());
  const transfers = (await paper.chain.transfersTo()).filter(({ value }) => value > 0n);
  const first = Number(transfers[0].block);
  const one = await report(["--books", printed(books), "--from", String(first), "--to", String(first)]);
  assert.deepEqual([one.code, one.articles.reduce((sum, { payments }) => sum + payments, 0)], [0, 1]);
  assert.deepEqual(one.ranges.map(({ from, to }) => [from, to]), [[first, first]]);
  const none = await report(["--books", printed(books), "--from", String(last)]);
  assert.equal(none.articles.length, 0);
  const before = await report(["--books", printed(books), "--to", "2020-01-01"]);
  assert.deepEqual([before.code, before.articles], [0, []]);
  const all = await report(["--books", printed(books), "--from", new Date(Date.now() - 3_600_000).toISOString().replace(/\.\d+Z/, "Z")]);
  assert.equal(all.articles.reduce((sum, { payments }) => sum + payments, 0), paid.length);
});

test("what cannot be found out ends with 2 and a sentence", async () => {
  for (const [args, text, options] of [
    [["--nonsense"], /not an option/], [["--books", "/nowhere.json"], /no such file/], [["--books", file("bad.json", "{")], /neither JSON nor/],
    [["--books", file("part.json", [{ key: "x" }])], /has no version/], [["--from", "yesterday"], /--from wants/], [[], /--from is missing/],
    [["--from", "0", "--rpc", "http://127.0.0.1:1"], /no endpoint to ask/], [["--from", "0"], /FARTHING_KEYS is missing/, { secret: "" }],
    [["--from", "0"], /not kid:base64url/, { secret: "x" }],
  ]) {
    const { code, out, err } = await reconcile(args, options);
    assert.deepEqual([code, out], [2, ""], `${args} ${err}`);
    assert.match(err, text);
    assert.doesNotMatch(err, /\bat .*:\d+:\d+/, "no stack");
  }
});
