// `pay`, `quote` and `receipts` at a terminal, against servers that play a part: what reaches the screen, and the exit codes.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { generatePrivateKey } from "viem/accounts";
import { run } from "../../tools/lib/run.mjs";
import { encode } from "../support/pay.mjs";
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
    assert.match(err, /^Paying .*\nNot paid: .*\(refused\)\nWhat was signed counts as spent: the server got it, and could still take it\.\n$/);
  }
  const { code, out } = await farthing("pay", `${site}/bare`, "--store", store, "--json");
  assert.deepEqual([code, JSON.parse(out).signed], [1, true]);
  const dear = await farthing("pay", `${site}/dear`, "--store", store, "--max", "$0.001", "--json");
  assert.deepEqual([dear.code, JSON.parse(dear.out).signed], [3, false]);
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
  assert.deepEqual([JSON.parse(json.out).problem, JSON.parse(json.out).paid.decimal], ["incomplete", "0.01"]);
});
