// `pay`, `quote` and `receipts` at a terminal, against servers that play a part: what reaches the screen, and the exit codes.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { generatePrivateKey } from "viem/accounts";
import { run } from "../../tools/lib/run.mjs";
import { encode } from "../support/pay.mjs";
import { fileStore } from "../../js/dist/client/node.js";
import { demand, folder, GOOD, paymentOf, shop, stage } from "./stage.mjs";

const command = join(import.meta.dirname, "../../js/dist/cli/farthing.js");
const env = { FARTHING_PRIVATE_KEY: generatePrivateKey() };
const farthing = (...args) => run(process.execPath, [command, ...args], { env, check: false });

// clears the screen in two ways, turns a line around, hides a text, fakes a line
const FOUL = "\u001b[2J\u009b2J\u007f\u202egnp\u2066\u200f\u{e0041}\u2028\r\nNothing has to be paid";
// eslint-disable-next-line no-control-regex
const UNFIT = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u;

test("no text of a server's moves the cursor, turns a line or fills the screen", async (t) => {
  const wide = { ...GOOD, extra: { ...GOOD.extra, offer: { name: `day${FOUL}`, title: FOUL, seconds: 86_400 } } };
  const odd = { ...GOOD, network: `eip155:1${FOUL}`, asset: `0x${FOUL}`, payTo: FOUL };
  const { site } = await stage(t, (request, response) => {
    const resource = { url: `https://elsewhere.example/${FOUL}`, description: `${FOUL}${"long ".repeat(500)}` };
    if (request.url === "/refused" && paymentOf(request)) return response.writeHead(402, { "payment-response": encode({ success: false, errorReason: `invalid_signature ${FOUL}`, transaction: "", network: GOOD.network }) }).end("{}");
    if (request.url === "/refused") return demand(response, GOOD);
    if (request.url === "/v1") return response.writeHead(402).end(JSON.stringify({ x402Version: FOUL, accepts: [] }));
    // a reason phrase may have C1 in it
    if (request.url === "/status") return response.writeHead(404, "\u009b2J gone").end();
    return request.url === "/body" ? response.writeHead(402).end(JSON.stringify({ x402Version: 1, error: "", accepts: [{ ...odd, resource: FOUL, description: resource.description, maxAmountRequired: "1" }] })) : demand(response, [GOOD, wide], { resource });
  });
  const store = folder(t);
  const pay = (path, ...more) => farthing("pay", site + path, "--store", store, ...more);
  const told = [];
  for (const path of ["/", "/v1", "/body"]) told.push(await farthing("quote", site + path), await farthing("quote", site + path, "--json"));
  told.push(await pay("/"), await pay("/", "--json"), await pay("/refused"), await pay("/refused", "--json"), await pay("/status"));
  told.push(await farthing("doctor", site));
  for (const { out, err } of told) {
    assert.ok(!UNFIT.test(out + err), JSON.stringify(out + err));
    assert.doesNotMatch(out + err, /^Nothing has to be paid/m);
  }
  const [lines, exact] = told;
  assert.match(lines.out, /gnp/);
  assert.ok(lines.out.split("\n").every((line) => line.length <= 1001));
  // a program gets what the server said
  assert.ok(JSON.parse(exact.out).description.startsWith(FOUL));
});

test("receipts are told in one line each", async (t) => {
  const { site } = await shop(t);
  const store = folder(t);
  assert.equal((await farthing("pay", `${site}/a${"b".repeat(5000)}`, "--store", store)).code, 0);
  const { out } = await farthing("receipts", "--store", store);
  assert.ok(out.split("\n").every((line) => line.length <= 1001), out);
  assert.match(out, /0\.01 USDC {2}eip155:84532 {2}http/);
});

test("pay: 1 where a payment was signed and refused, whatever the refusal says; 3 only where nothing was signed", async (t) => {
  const settled = { "payment-response": encode({ success: false, errorReason: "invalid_exact_evm_payload_signature", transaction: "", network: GOOD.network }) };
  const { site, payments } = await stage(t, (request, response) => {
    if (!paymentOf(request)) return demand(response, GOOD);
    return response.writeHead(402, request.url === "/told" ? settled : {}).end(request.url === "/bare" ? "" : "{}");
  });
  const store = folder(t);
  for (const [index, path] of ["/bare", "/json", "/told"].entries()) {
    const { code, err } = await farthing("pay", site + path, "--store", store);
    assert.equal(payments().length, index + 1);
    assert.equal(code, 1, err);
    assert.match(err, /^Paying .*\nPayment sent, .*\nNot paid: .*\(refused\)\nWhat was signed counts as spent: the server got it, and could still take it\.\n$/);
  }
  const { code, out } = await farthing("pay", `${site}/bare`, "--store", store, "--json");
  assert.deepEqual([code, JSON.parse(out).error.signed], [1, true]);
  const dear = await farthing("pay", `${site}/dear`, "--store", store, "--max", "$0.001", "--json");
  assert.deepEqual([dear.code, JSON.parse(dear.out).error.signed], [3, false]);
  const { out: help } = await farthing("pay", "--help");
  assert.match(help, /\n {2}1 {2}it could not be got, or a payment was sent and refused/);
});

test("pay: a page that breaks off after it was paid is told as that", async (t) => {
  const { site } = await stage(t, (request, response) => {
    if (!paymentOf(request)) return demand(response, GOOD);
    response.writeHead(200, { "content-length": 1000, "payment-response": encode({ success: true, transaction: `0x${"1".repeat(64)}`, network: GOOD.network }) });
    return response.write("half", () => response.destroy());
  });
  const store = folder(t);
  const { code, err } = await farthing("pay", `${site}/a`, "--store", store);
  assert.equal(code, 1);
  assert.match(err, /\nPaid 0\.01 .*\nThe page did not get here whole \(.*\)\. It is paid; run the same again/);
  const json = await farthing("pay", `${site}/b`, "--store", store, "--json", "--output", join(store, "page"));
  assert.deepEqual([JSON.parse(json.out).error.reason, JSON.parse(json.out).paid.decimal], ["incomplete", "0.01"]);
});

test("what is typed wrong ends with 2 and asks nobody; with --json every error is JSON on standard output", async (t) => {
  const { site, asked } = await stage(t, (request, response) => demand(response));
  const store = folder(t);
  for (const args of [
    ["pay"], ["pay", "news.example"], ["pay", site, "--max", "0.10"], ["pay", site, "--nope"], ["pay", site, "--total", "1"], ["pay", site, "--header", "x"],
    ["pay", site, "--patience", "soon"], ["pay", site, "--timeout", "0"], ["pay", site, "--store", ""], ["receipts", "--total", "1"], ["abandon"], ["abandon", site, "--all"], ["mcp"],
  ]) {
    const plain = await farthing(...args);
    assert.deepEqual([plain.code, plain.out], [2, ""], `${args}: ${plain.err}`);
    if (args[0] === "mcp") {
      assert.match(plain.err, /^Without a budget [^]*npx farthing mcp --per-day PRICE[^]*"mcpServers"/);
      continue;
    }
    const told = await farthing(...args, "--json");
    assert.deepEqual([told.code, told.err, JSON.parse(told.out).error.reason], [2, "", "usage"], `${args}`);
    assert.doesNotMatch(JSON.parse(told.out).error.message, /Exit code/);
  }
  assert.equal((await farthing("quote", site, "--max", "much")).code, 1, "2 is a free page there");
  assert.deepEqual(asked, []);
  const gone = await farthing("pay", "http://127.0.0.1:1/", "--store", store, "--json");
  assert.deepEqual([gone.code, gone.err, JSON.parse(gone.out).error.reason], [1, "", "failed"]);
  const dear = await farthing("pay", site, "--max", "$0.001", "--store", store, "--json");
  const { reason, message, offer, limit, open, signed } = JSON.parse(dear.out).error;
  assert.deepEqual([dear.code, reason, message, offer.decimal, limit, open, signed], [3, "too-dear", "0.01 USDC is over the limit of $0.001", "0.01", "$0.001", false, false]);
});

test("without a key: what is free is had, what costs something is told, and nothing is signed", async (t) => {
  const { site, payments } = await stage(t, (request, response) => (request.url === "/free" ? response.end("free") : demand(response)));
  const store = folder(t);
  const keyless = (...args) => run(process.execPath, [command, ...args, "--store", store], { env: { FARTHING_PRIVATE_KEY: "" }, check: false });
  const free = await keyless("pay", `${site}/free`);
  assert.deepEqual([free.code, free.out, free.err], [0, "free", "Nothing had to be paid.\n"]);
  const dry = await keyless("pay", `${site}/a`, "--dry-run");
  assert.deepEqual([dry.code, dry.out], [0, ""]);
  assert.match(dry.err, /^Would pay: 0\.01 USDC on Base Sepolia \(eip155:84532\) to 0x\S+ \(test money, worth nothing\)\n$/);
  assert.equal((await keyless("quote", `${site}/a`)).code, 0);
  const paid = await keyless("pay", `${site}/a`);
  assert.deepEqual([paid.code, paid.out], [3, ""]);
  assert.match(paid.err, /^Not paid: Nobody pays: put a private key into the environment's FARTHING_PRIVATE_KEY.*\(no-key\)\n$/);
  assert.deepEqual(payments(), []);
});

test("quote says what pay would do, in pay's words", async (t) => {
  const solana = { ...GOOD, network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", asset: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v" };
  const unknown = { ...GOOD, asset: "0x00000000000000000000000000000000000000aa" };
  const { site } = await stage(t, (request, response) => {
    if (request.url === "/moved") return response.writeHead(302, { location: "/a" }).end();
    const offers = { "/solana": [solana], "/unknown": [unknown], "/all": [solana, unknown, GOOD] }[request.url] ?? GOOD;
    demand(response, offers, { resource: { url: site + request.url, description: "", mimeType: "" } });
  });
  const store = folder(t);
  const both = async (path, ...options) => {
    const [quote, dry] = [await farthing("quote", site + path, "--store", store, "--json", ...options), await farthing("pay", site + path, "--store", store, "--json", "--dry-run", ...options)];
    return { quote: JSON.parse(quote.out), code: quote.code, error: JSON.parse(dry.out).error };
  };
  const good = await both("/a");
  assert.deepEqual([good.code, good.error.reason], [0, "dry-run"]);
  for (const [name, value] of Object.entries(good.error.offer)) assert.deepEqual([good.quote.choice[name] ?? value, good.quote.offers[0][name] ?? value], [value, value], name);
  assert.equal(good.quote.offers[0].test, true);
  const dear = await both("/a", "--max", "$0.001");
  assert.deepEqual([dear.quote.problem.reason, dear.quote.problem.message, dear.quote.problem.limit], [dear.error.reason, dear.error.message, dear.error.limit]);
  for (const [path, reason] of [["/solana", "unknown-network"], ["/unknown", "token-not-allowed"]]) {
    const { quote, error } = await both(path);
    assert.deepEqual([quote.offers[0].problem.reason, quote.problem.reason, quote.problem.message], [reason, error.reason, error.message], path);
  }
  const moved = await both("/moved");
  assert.deepEqual([moved.quote.url, moved.quote.at, moved.quote.choice.decimal, moved.error.reason], [`${site}/moved`, `${site}/a`, "0.01", "dry-run"]);
  const { out } = await farthing("quote", `${site}/all`, "--store", store);
  assert.match(out, /on solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp\n[^]*not paid: not a known EVM network \(unknown-network\)\n[^]*not paid: the policy does not vouch for this token \(token-not-allowed\)\n[^]*on Base Sepolia \(eip155:84532\): test money, worth nothing\n[^]*pay takes number 3\./);
});

test("what pay waits for is said, and how long it waits is said to it", async (t) => {
  let times = 0;
  const { site } = await stage(t, (request, response) => {
    if (!paymentOf(request)) return demand(response);
    if (request.url === "/silent") return;
    if ((times += 1) === 1) return response.writeHead(503, { "retry-after": "1" }).end();
    response.end("here");
  });
  const store = folder(t);
  const slow = await farthing("pay", `${site}/slow`, "--store", store);
  assert.match(slow.err, /^Paying .*\nPayment sent, waiting for the page …\nIt answers 503; asking again in 1 s …\nPaid 0\.01 /);
  times = 0;
  assert.equal((await farthing("pay", `${site}/quiet`, "--store", store, "--quiet")).err, "");
  for (const option of ["--patience", "--timeout"]) {
    const { code, err } = await farthing("pay", `${site}/silent`, "--store", store, option, "1");
    assert.equal(code, 4, err);
    assert.match(err, /A payment (?:was sent|is out), and its outcome is not known: .*Run the same again; it sends the same payment\.\n$/);
  }
});

test("what is open is listed with its address, and given up with a warning once it can be taken no more", async (t) => {
  const { site } = await stage(t, (request, response) => (paymentOf(request) ? response.writeHead(503, { "retry-after": "99" }).end() : demand(response)));
  const place = folder(t);
  const at = (...args) => farthing(...args, "--store", place);
  assert.equal((await at("receipts", "--open")).out, "Nothing is open.\n");
  assert.equal((await at("pay", `${site}/a`, "--patience", "1")).code, 4);
  assert.match((await at("receipts")).out, new RegExp(`Open: sent, [^\n]*\n  ${site}/a  0\\.01 USDC on Base Sepolia .*can be given up from 20`));
  assert.deepEqual(JSON.parse((await at("receipts", "--open", "--json")).out).open.map(({ url }) => url), [`${site}/a`]);
  const early = await at("abandon", `${site}/a`);
  assert.deepEqual([early.code, early.err], [4, ""]);
  assert.match(early.out, /^Still open: .*it could still be taken for \d+ seconds\n$/);
  const store = fileStore(place);
  const [name] = await store.names("turn ");
  await store.update(name, (text) => {
    const turn = JSON.parse(text);
    return { text: JSON.stringify({ ...turn, at: 1, kept: JSON.stringify({ ...JSON.parse(turn.kept), until: 1 }) }) };
  });
  assert.equal((await at("abandon", `${site}/b`)).code, 1);
  const given = await at("abandon", "--all");
  assert.equal(given.code, 0, given.err);
  assert.match(given.out, /^Given up, and counted as spent: .*\nIf the money moved after all, buying the same again pays for it a second time/);
  assert.deepEqual([(await at("abandon", "--all")).code, (await at("receipts", "--open")).out], [1, "Nothing is open.\n"]);
});
