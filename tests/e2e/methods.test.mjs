// Other ways to pay than the usual one: permits, metered pages, money first, contract wallets.
import assert from "node:assert/strict";
import { after, before, test as plainTest } from "node:test";
import { concat, encodeAbiParameters, getAddress } from "viem";
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from "viem/accounts";
import { accounts } from "../support/accounts.mjs";
import { officialFetch, offersIn, settlementIn } from "../support/pay.mjs";
import { page, startShop } from "../support/shop.mjs";
import { assertPending, problemOf, resend, until } from "./reader.mjs";

const PRICE = 20_000n;
let shop;
let chain;
let bad;
let badRpc;
let origin;
let permits;
let mixed;

before(async () => {
  shop = await startShop({
    edges: {
      permits: (network) => [{ network, transfer: "permit2" }],
      mixed: (network) => [network, { network, transfer: "permit2" }],
    },
    origin: {
      "/metered/*": (request, response, url) => {
        const used = url.pathname.split("/").at(-1);
        const said = { half: '{"amount":"50%"}', tenth: '{"amount":"$0.01"}', above: '{"amount":"101%"}', broken: "12%", silent: undefined };
        const header = used in said ? said[used] : JSON.stringify({ amount: used });
        const overrides = header === undefined ? {} : { "settlement-overrides": header };
        response.writeHead(200, { "content-type": "text/html", ...overrides });
        response.end(page(url.pathname));
      },
    },
    extensions: { receipts: true },
    routes: [
      { match: "/metered/*", price: "$0.05", scheme: "upto", description: "By what was used" },
      { match: "/first/*", price: "$0.02", flow: "upfront", description: "Money first" },
      { match: "/call/*", price: "$0.02", flow: "upfront", access: "once", description: "Money first, for every call" },
      { match: "/page/*", price: "$0.02", description: "A page" },
    ],
  });
  ({ chain, bad, badRpc, origin, permits, mixed } = shop);
});
after(() => shop?.stop());
const test = (name, work) => plainTest(name, { concurrency: 10 }, async (t) => {
  try {
    await work(t);
  } finally {
    shop.reset();
  }
});

const newPayer = (options) => shop.newPayer({ edge: permits, ...options });
const contractPayer = () => shop.newContractPayer({ edge: mixed });

async function assertPage(response, path, payer, value = PRICE) {
  const text = await response.text();
  assert.equal(response.status, 200, text.slice(0, 400));
  assert.equal(text, page(path));
  assert.equal(response.headers.get("settlement-overrides"), null, "stays between origin and edge");
  const [transfer, ...others] = await payer.transfers();
  assert.deepEqual(others, [], "one transfer");
  assert.equal(transfer.value, value);
  const settlement = settlementIn(response);
  assert.equal(settlement.transaction, transfer.transaction);
  assert.equal(settlement.payer, payer.address);
  return settlement;
}

test("the official client pays by Permit2", async () => {
  const payer = await newPayer();
  const response = await officialFetch({ key: payer.key })(`${permits.url}/page/a`);
  await assertPage(response, "/page/a", payer);
  // bought, not rented by the call
  const again = await payer.send("/page/a", await payer.sign("/page/a"));
  await assertPage(again, "/page/a", payer);
});

test("the offers of one page: EIP-3009 first, Permit2 beside it, v1 only the first", async () => {
  const { v2, v1 } = await offersIn(await fetch(`${mixed.url}/page/a`));
  assert.deepEqual(v2.accepts.map(({ scheme, extra }) => [scheme, extra.assetTransferMethod]), [["exact", undefined], ["exact", "permit2"]]);
  assert.equal(v1.accepts.length, 1);
  const payer = await newPayer({ edge: mixed });
  await assertPage(await payer.send("/page/b", await payer.sign("/page/b", { index: 1 })), "/page/b", payer);
});

test("who has not approved Permit2 is told with 412, and the same payment goes through afterwards", async () => {
  const payer = await newPayer({ approve: false });
  const payment = await payer.sign("/page/a");
  const refused = await payer.send("/page/a", payment);
  assert.equal(refused.status, 412);
  const { v2 } = await offersIn(refused);
  assert.equal(v2.error, "permit2_allowance_required");
  assert.equal(v2.accepts.length, 1);
  assert.equal(settlementIn(refused).errorReason, "permit2_allowance_required");
  assert.equal(await problemOf(refused), "permit2-allowance-required");
  await chain.approvePermit2(payer.key);
  await assertPage(await payer.send("/page/a", payment), "/page/a", payer);
});

test("B1 B2 by Permit2, whatever the facilitator does: one transfer, and the page", (t) => {
  const modes = ["die", "500", "garbage", "die-after-settle", "500-after-settle", "pending-after-settle", "cut-after-settle"];
  return Promise.all(modes.map((mode) => t.test(mode, async () => {
    const payer = await newPayer();
    const path = "/page/a";
    const payment = await payer.sign(path);
    bad.scriptFor(payer, "/settle", mode);
    const first = await payer.send(path, payment);
    if (first.status === 200) return assertPage(first, path, payer);
    await assertPending(first);
    assert.equal((await payer.transfers()).length, mode.endsWith("after-settle") ? 1 : 0);
    await assertPage(await resend(() => payer.send(path, payment)), path, payer);
  })));
});

test("A10 a permit whose nonce was spent on something else is cancelled, never paid", async () => {
  const payer = await newPayer();
  const payment = await payer.sign("/page/a");
  bad.script("/settle", "500");
  badRpc.always("*", "die");
  await assertPending(await payer.send("/page/a", payment));
  await chain.cancelPermit2({ key: payer.key, nonce: payment.permit2Authorization.nonce });
  badRpc.reset();
  await until("the chain is read", async () => (await payer.send("/page/a", payment)).status === 402);
  assert.equal(await problemOf(await payer.send("/page/a", payment)), "authorization-cancelled");
  assert.equal((await payer.transfers()).length, 0);
});

test("A2 a permit opens one page", async () => {
  const payer = await newPayer();
  const payment = await payer.sign("/page/a");
  await assertPage(await payer.send("/page/a", payment), "/page/a", payer);
  const other = await payer.send("/page/b", payment);
  assert.equal(await problemOf(other), "authorization-bound-elsewhere");
  assert.equal((await payer.transfers()).length, 1);
});

for (const [used, value] of [["12345", 12_345n], ["half", 25_000n], ["tenth", 10_000n], ["silent", 50_000n]]) {
  test(`a metered page charges what was used: ${used}`, async () => {
    const payer = await newPayer();
    const path = `/metered/${used}`;
    const payment = await payer.sign(path);
    const settlement = await assertPage(await payer.send(path, payment), path, payer, value);
    assert.equal(settlement.amount, String(value));
    assert.equal(settlement.extensions["offer-receipt"].info.receipt.payload.transaction, settlement.transaction);
  });
}

test("a metered page that used nothing moves nothing, and its permit is not taken again", async () => {
  const payer = await newPayer();
  const payment = await payer.sign("/metered/0");
  const response = await payer.send("/metered/0", payment);
  assert.equal(await response.text(), page("/metered/0"));
  const { success, transaction, amount, extensions } = settlementIn(response);
  assert.equal(extensions, undefined, "no receipt for nothing");
  assert.deepEqual({ success, transaction, amount }, { success: true, transaction: "", amount: "0" });
  assert.deepEqual(response.headers.getSetCookie(), []);
  assert.deepEqual(bad.callsTo("/settle"), []);
  assert.equal(await problemOf(await payer.send("/metered/0", payment)), "authorization-already-used");
  assert.equal((await payer.transfers()).length, 0);
});

for (const used of ["50001", "above", "broken"]) {
  test(`a charge that was not promised or cannot be read charges nothing: ${used}`, async () => {
    const payer = await newPayer();
    const path = `/metered/${used}`;
    const response = await payer.send(path, await payer.sign(path));
    assert.equal(await problemOf(response), "charge-invalid");
    assert.deepEqual(bad.callsTo("/settle"), []);
    assert.equal((await payer.transfers()).length, 0);
  });
}

test("a metered settlement that is lost on the way is repeated with the same charge", async () => {
  const payer = await newPayer();
  const path = "/metered/777";
  const payment = await payer.sign(path);
  bad.script("/settle", "500");
  await assertPending(await payer.send(path, payment));
  await assertPage(await resend(() => payer.send(path, payment)), path, payer, 777n);
});

test("the official client pays a metered page", async () => {
  const payer = await newPayer();
  await assertPage(await officialFetch({ key: payer.key })(`${permits.url}/metered/4242`), "/metered/4242", payer, 4242n);
});

test("money first: settled before the origin is asked, and owned though the origin fails", async () => {
  const payer = await newPayer({ edge: mixed });
  const offer = await payer.offer("/first/a");
  assert.equal(offer.accepts[0].extra.paymentFlow, "upfront");
  const payment = await payer.signTransfer("/first/a", { offer });
  origin.script("/first/a", 500);
  const failed = await payer.send("/first/a", payment);
  assert.equal((await payer.transfers()).length, 1);
  const cookie = failed.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  assert.equal(await problemOf(failed), "paid-not-delivered");
  await assertPage(await payer.send("/first/a", payment), "/first/a", payer);
  assert.equal((await payer.ask("/first/a", { cookie })).status, 200);
  // nothing is fetched for who cannot pay
  const poor = await newPayer({ edge: mixed });
  await chain.setBalance(poor.address, 0n);
  const before = origin.requestsTo("/first/b").length;
  const refused = await poor.send("/first/b", await poor.signTransfer("/first/b"));
  assert.equal(await problemOf(refused), "insufficient-funds");
  assert.equal(origin.requestsTo("/first/b").length, before);
});

test("S4 B4 a single call that was paid first and not delivered is owed to who knows its quote, wherever it comes from", async () => {
  const payer = await newPayer({ edge: mixed, approve: false });
  const path = "/call/owed";
  const from = (address) => ({ "cf-connecting-ip": address });
  const offer = await payer.offer(path);
  const payment = await payer.signTransfer(path, { offer });
  origin.script(path, 500, 503);
  for (const address of ["198.51.100.1", "203.0.113.9"]) {
    const failed = await payer.send(path, payment, from(address));
    assert.equal(await problemOf(failed), "paid-not-delivered");
    assert.equal((await payer.transfers()).length, 1);
  }
  // everything but the quote can be rebuilt from the chain: that opens nothing
  const { quote, ...extra } = offer.accepts[0].extra;
  assert.ok(quote);
  const rebuilt = await payer.signTransfer(path, {
    offer: { ...offer, accepts: [{ ...offer.accepts[0], extra }] }, nonce: payment.authorization.nonce,
    overrides: { authorization: payment.authorization, signature: payment.signature },
  });
  assert.equal(await problemOf(await payer.send(path, rebuilt, from("192.0.2.50"))), "authorization-already-used");
  await assertPage(await payer.send(path, payment, from("192.0.2.44")), path, payer);
  // a call is one answer: what went out whole is over
  await until("the answer is known to have gone out", async () => (await payer.send(path, payment)).status === 409);
  assert.equal(await problemOf(await payer.send(path, payment)), "authorization-already-used");
  assert.equal((await payer.transfers()).length, 1);
});

test("what is delivered is not for sale, whatever the origin's own headers say; what the origin sells itself is", async () => {
  const offer = Buffer.from(JSON.stringify({ x402Version: 2, accepts: [] })).toString("base64");
  const says = (status) => (request, response) => {
    response.writeHead(status, { "content-type": "text/html", "payment-required": offer });
    response.end(page(request.url));
  };
  for (const [path, status] of [["/page/sold", 200], ["/free/own", 402]]) origin.always(path, says(status));
  const payer = await newPayer();
  const paid = await payer.send("/page/sold", await payer.sign("/page/sold"));
  assert.equal(paid.headers.get("payment-required"), null);
  await assertPage(paid, "/page/sold", payer);
  const own = await payer.ask("/free/own");
  assert.deepEqual([own.status, own.headers.get("payment-required")], [402, offer]);
});

test("S9 Settlement-Overrides stays between origin and edge, in both directions and on free pages", async () => {
  const header = '{"amount":"7"}';
  const says = (request, response) => {
    response.writeHead(200, { "content-type": "text/html", "settlement-overrides": header });
    response.end(page(request.url));
  };
  for (const path of ["/free", "/page/said"]) origin.always(path, says);
  assert.equal((await fetch(`${origin.url}/free`)).headers.get("settlement-overrides"), header, "the origin does say it");
  origin.log.length = 0;
  const theirs = { "settlement-overrides": '{"amount":"0"}' };
  const payer = await newPayer();

  const free = await payer.ask("/free", theirs);
  assert.deepEqual([free.status, await free.text()], [200, page("/free")]);
  assert.equal(free.headers.get("settlement-overrides"), null);

  await assertPage(await payer.send("/page/said", await payer.sign("/page/said"), theirs), "/page/said", payer);

  const buyer = await newPayer();
  await assertPage(await buyer.send("/metered/4321", await buyer.sign("/metered/4321"), theirs), "/metered/4321", buyer, 4_321n);

  assert.deepEqual(origin.log.map(({ url }) => url), ["/free", "/page/said", "/metered/4321"]);
  for (const { url, headers } of origin.log) assert.equal(headers["settlement-overrides"], undefined, url);
});

test("S4 C4 a facilitator's answers with extensions as deep as schemas are read: paid is served", async () => {
  const deep = JSON.parse("{\"schema\":".repeat(20) + "1" + "}".repeat(20));
  const deepened = async ({ response, through }) => {
    const { status, type, text } = await through();
    response.writeHead(status, { "content-type": type });
    response.end(JSON.stringify({ ...JSON.parse(text), extensions: { "offer-receipt": deep } }));
  };
  for (const sign of ["signTransfer", "sign"]) {
    bad.always("/verify", deepened);
    bad.always("/settle", deepened);
    // nobody else can say what became of it
    badRpc.always("/", "die");
    const payer = await newPayer({ edge: sign === "sign" ? permits : mixed });
    await assertPage(await payer.send("/page/deep", await payer[sign]("/page/deep")), "/page/deep", payer);
  }
});

test("A9 a contract wallet (ERC-1271) pays: the facilitator verifies, then it is claimed and settled", async () => {
  const payer = await contractPayer();
  const payment = await payer.signTransfer("/page/a");
  const response = await payer.send("/page/a", payment);
  await assertPage(response, "/page/a", payer);
  assert.equal(bad.callsTo("/verify").length, 1);
  // the same again joins what is known, without another look
  await assertPage(await payer.send("/page/a", payment), "/page/a", payer);
  assert.equal(bad.callsTo("/verify").length, 1);
});

test("A14 a forged signature for somebody's contract wallet leaves no row, no fetch, no settlement", async () => {
  const payer = await contractPayer();
  const before = origin.log.length;
  for (const signature of [await privateKeyToAccount(generatePrivateKey()).signMessage({ message: "x" }), `0x${"ab".repeat(200)}`]) {
    const forged = await payer.signTransfer("/page/a", { signature });
    assert.equal(await problemOf(await payer.send("/page/a", forged)), "signature-invalid");
    // the true owner is not kept out by it
    const again = await payer.signTransfer("/page/a", { authorization: { nonce: forged.authorization.nonce } });
    bad.script("/verify", "500");
    assert.equal(await problemOf(await payer.send("/page/a", again)), "facilitator-unavailable");
  }
  assert.equal(origin.log.length, before);
  assert.deepEqual(bad.callsTo("/settle"), []);
  assert.deepEqual(await mixed.query("SELECT 1", payer.address).catch(() => []), []);
});

test("A9 a wallet that does not exist yet (ERC-6492) is the facilitator's to refuse", async () => {
  const payer = await newPayer({ edge: mixed, approve: false });
  const magic = "0x6492649264926492649264926492649264926492649264926492649264926492";
  const wrapped = concat([
    encodeAbiParameters([{ type: "address" }, { type: "bytes" }, { type: "bytes" }], [accounts[0].address, "0x00", `0x${"11".repeat(65)}`]), magic,
  ]);
  const overrides = { authorization: { from: getAddress(`0x${"77".repeat(20)}`) }, signature: wrapped };
  const payment = await payer.signTransfer("/page/a", { overrides });
  const response = await payer.send("/page/a", payment);
  assert.equal(response.status, 402);
  assert.match(await problemOf(response), /^signature-/);
  assert.deepEqual(bad.callsTo("/settle"), []);
});
