// The other extensions of x402 against the built Worker, with @x402/extensions 2.27 on the other side: names of payments, receipts,
// listings, announcements. Signing in has a file of its own.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import {
  BAZAAR, OFFER_RECEIPT, PAYMENT_IDENTIFIER, SIGN_IN_WITH_X, appendPaymentIdentifierToExtensions, createSIWxPayload, encodeSIWxHeader, extractDiscoveryInfo,
  extractReceiptFromResponse, generatePaymentId, validateDiscoveryExtension, validateDiscoveryExtensionSpec, validatePaymentIdentifier,
  verifyReceiptMatchesOffer, verifyReceiptSignatureEIP712,
} from "@x402/extensions";
import { privateKeyToAccount } from "viem/accounts";
import { launch } from "../support/browser.mjs";
import { startEdge } from "../support/edge.mjs";
import { farthingFetch } from "../support/farthing-client.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { decode, encode, officialFetch, officialFetchV1, offersIn, settlementIn } from "../support/pay.mjs";
import { installWallet } from "../support/wallet.mjs";
import { DATA, DOOR, DOT, FREE, LOG, PAWN, PRICES, assertArticle, needles, newReader, problemOf, sleep, until } from "./reader.mjs";

const Ajv = createRequire(createRequire(import.meta.url).resolve("@x402/extensions"))("ajv/dist/2020.js");
const SIGNATURES = "http-message-signatures";
const OLD = randomKeys("old");
const NEW = randomKeys("new");

const signatures = { registrationUrl: "https://agents.example/register/", signatureSchemes: ["ed25519"], tags: ["web-bot-auth"] };
const output = { type: "text", example: "An article." };
const listed = (routes) => routes.map((route) => {
  if (route.match === PAWN) return { ...route, listing: { template: "/articles/:slug", output } };
  if (route.match === DOOR || route.match === "/articles/*") return { ...route, listing: true };
  return route;
});

let paper;
let strict;
let plain;
before(async () => {
  const extensions = { receipts: true, httpMessageSignatures: signatures };
  paper = await startNewspaper({ keys: OLD, change: (config) => ({ ...config, extensions, routes: listed(config.routes) }) });
  strict = await startEdge({ keys: OLD, config: (site) => ({ ...paper.config, site, demo: undefined, extensions: { paymentIdentifier: "required" } }) });
  plain = await startEdge({ keys: OLD, config: (site) => ({ ...paper.config, site, extensions: { paymentIdentifier: "off", signIn: false } }) });
});
after(async () => {
  await Promise.allSettled([strict?.stop(), plain?.stop()]);
  await paper?.stop();
});

/** A payment with an identifier, as npm's client appends it. */
async function named(reader, path, id, more = {}) {
  const offer = await reader.offer(path);
  offer.extensions = appendPaymentIdentifierToExtensions(offer.extensions, id);
  return reader.sign(path, { offer, ...more });
}
const pays = (names) => (client) => client.onBeforePaymentCreation(async ({ paymentRequired }) => {
  appendPaymentIdentifierToExtensions(paymentRequired.extensions, names);
});

test("a 402 announces what the site has, and nothing it has not", async () => {
  const reader = await newReader(paper);
  const keys = async (edge, path) => Object.keys((await reader.as({ site: edge }).offer(path)).extensions ?? {}).sort();
  assert.deepEqual(await keys(paper.site, PAWN), [BAZAAR.key, SIGNATURES, PAYMENT_IDENTIFIER, SIGN_IN_WITH_X].sort());
  assert.deepEqual(await keys(paper.site, LOG), [SIGNATURES, PAYMENT_IDENTIFIER, SIGN_IN_WITH_X].sort());
  assert.deepEqual(await keys(paper.site, DATA), [SIGNATURES, PAYMENT_IDENTIFIER].sort());
  assert.deepEqual(await keys(strict.url, LOG), [PAYMENT_IDENTIFIER, SIGN_IN_WITH_X].sort());
  assert.deepEqual(await keys(plain.url, LOG), []);
});

test("every announcement has the form that the official package and its own schema ask for", async () => {
  const reader = await newReader(paper);
  const { extensions } = await reader.offer(PAWN);
  assert.deepEqual(validatePaymentIdentifier(extensions[PAYMENT_IDENTIFIER]), { valid: true });
  assert.deepEqual(extensions[PAYMENT_IDENTIFIER].info, { required: false });
  assert.deepEqual(extensions[SIGNATURES].info, signatures);
  for (const key of [PAYMENT_IDENTIFIER, SIGNATURES, BAZAAR.key]) {
    const { info, schema } = extensions[key];
    assert.ok(new Ajv({ strict: false }).compile(schema)(info), key);
  }
  const needed = (await reader.as({ site: strict.url }).offer(PAWN)).extensions[PAYMENT_IDENTIFIER];
  assert.deepEqual(needed.info, { required: true });
});

test("a catalogue reads the listing of a page, and one address stands for a route's", async () => {
  const reader = await newReader(paper);
  for (const [path, template, params, shown] of [
    [PAWN, "/articles/:slug", { slug: PAWN.split("/").at(-1) }, output],
    [DOOR, undefined, undefined, undefined],
    ["/articles/something-else", "/articles/:var1", { var1: "something-else" }, undefined],
  ]) {
    const { resource, extensions } = await reader.offer(path);
    const listing = extensions[BAZAAR.key];
    assert.deepEqual(validateDiscoveryExtensionSpec(listing), { valid: true });
    assert.deepEqual(validateDiscoveryExtension(listing), { valid: true });
    assert.deepEqual([listing.info.input.pathParams, listing.info.output], [params, shown]);
    const { resourceUrl, method } = extractDiscoveryInfo({ x402Version: 2, resource, extensions }, {});
    assert.deepEqual([resourceUrl, method], [paper.site + (template ?? path), "GET"]);
  }
});

test("a facilitator that keeps a catalogue is told, in the settlement it makes", async () => {
  const reader = await newReader(paper);
  const payment = await reader.sign(PAWN);
  await assertArticle(await reader.send(PAWN, payment), PAWN);
  const { body } = paper.facilitator.log.find(({ answer }) => answer.payer === reader.address);
  const { resourceUrl } = extractDiscoveryInfo(body.paymentPayload, body.paymentRequirements);
  assert.equal(resourceUrl, `${paper.site}/articles/:slug`);
  // only what the publisher lists, whatever the payer says about it
  const other = await newReader(paper);
  await assertArticle(await other.send(LOG, await other.sign(LOG, { overrides: { extensions: { [BAZAAR.key]: { info: { input: {} } } } } })), LOG);
  const settled = paper.facilitator.log.find(({ answer }) => answer.payer === other.address);
  assert.equal(settled.body.paymentPayload.extensions?.[BAZAAR.key], undefined);
});

test("the official client names its payment, where that is optional and where it has to be", async () => {
  for (const site of [paper.site, strict.url]) {
    const reader = await newReader(paper);
    await assertArticle(await officialFetch({ key: reader.key, extend: pays() })(site + DOOR), DOOR);
    assert.equal((await reader.transfers()).length, 1);
  }
});

test("our own client, and the card on the 402 page, name their payment where it has to be", async () => {
  const reader = await newReader(paper);
  await assertArticle(await farthingFetch({ key: reader.key })(strict.url + DOOR), DOOR);
  const chromium = await launch();
  try {
    const context = await chromium.context();
    const other = await newReader(paper);
    const wallet = await installWallet(context, { key: other.key, rpc: paper.chain.url, chainId: paper.chain.chainId });
    const page = await context.newPage();
    const sent = [];
    // what is still on its way when the page closes has no headers to tell
    page.on("request", async (request) => sent.push((await request.allHeaders().catch(() => ({})))["payment-signature"]));
    assert.equal((await page.goto(strict.url + DOOR)).status(), 402);
    await page.locator("farthing-paywall").getByRole("button", { name: /^Pay/ }).click();
    await page.waitForFunction((needle) => document.body?.textContent.includes(needle), needles[DOOR][0], { timeout: 20_000 });
    assert.equal(wallet.requests.filter(({ method }) => method === "eth_signTypedData_v4").length, 1);
    // what the browser sent is told a little later
    await until("the payment was seen on its way", () => sent.some(Boolean));
    // sent again while it settles, it is the same
    const [payment, ...others] = new Set(sent.filter(Boolean));
    assert.deepEqual(others, []);
    assert.match(decode(payment).extensions[PAYMENT_IDENTIFIER].info.id, /^pay_[0-9a-f]{32}$/);
    assert.equal((await other.transfers()).length, 1);
  } finally {
    await chromium.close();
  }
});

test("where identifiers are required, a payment without one answers 400 and moves nothing", async () => {
  const reader = await newReader(paper, { site: strict.url });
  const response = await officialFetch({ key: reader.key })(strict.url + DOOR);
  assert.equal(response.status, 400);
  assert.equal(await problemOf(response), "payment-identifier-required");
  // clients of v1 know no extensions: they are offered nothing, and refused
  const first = await reader.ask(DOOR);
  assert.equal((await offersIn(first)).v1, undefined);
  await assert.rejects(officialFetchV1({ key: reader.key })(strict.url + DOOR));
  const v1 = await reader.as({ site: paper.site }).sign(DOOR, { v1: true });
  assert.equal(await problemOf(await reader.ask(DOOR, v1.headers)), "payment-identifier-required");
  assert.deepEqual(await reader.transfers(), []);
});

test("the same identifier with the same payment is the same payment: one transfer, and the page each time", async () => {
  const reader = await newReader(paper);
  const payment = await named(reader, LOG);
  const answers = [];
  for (let times = 0; times < 3; times++) answers.push(await assertArticle(await reader.send(LOG, payment), LOG));
  const [transfer, ...others] = await reader.transfers();
  assert.deepEqual(others, []);
  assert.deepEqual(new Set(answers.map(({ transaction }) => transaction)), new Set([transfer.transaction]));
});

test("the same identifier with another payment answers 409, and the other payment moves nothing", async () => {
  const reader = await newReader(paper);
  const id = generatePaymentId();
  await assertArticle(await reader.send(DATA, await named(reader, DATA, id)), DATA);
  for (const path of [DATA, LOG]) {
    const response = await reader.send(path, await named(reader, path, id));
    assert.equal(response.status, 409);
    assert.equal(await problemOf(response), "payment-identifier-conflict");
  }
  assert.equal((await reader.transfers()).length, 1);
  // a name is its payer's own
  const other = await newReader(paper);
  await assertArticle(await other.send(DATA, await named(other, DATA, id)), DATA);
});

test("of several payments at once with one identifier one moves money", async () => {
  const reader = await newReader(paper);
  const payments = await Promise.all(Array.from({ length: 5 }, () => named(reader, DATA, "one-name-for-five-payments-at-once")));
  const statuses = await Promise.all(payments.map(async (payment) => (await reader.send(DATA, payment)).status));
  assert.deepEqual(statuses.sort(), [200, 409, 409, 409, 409]);
  assert.equal((await reader.transfers()).length, 1);
});

test("the identifier of a payment that came to nothing is free again", async () => {
  const reader = await newReader(paper);
  const id = generatePaymentId();
  paper.origin.script(DOT, 500);
  const failed = await reader.send(DOT, await named(reader, DOT, id));
  assert.equal(await problemOf(failed), "origin-unavailable");
  await assertArticle(await reader.send(DOT, await named(reader, DOT, id)), DOT);
  assert.equal((await reader.transfers()).length, 1);
});

test("a malformed identifier answers 400, and moves nothing", async () => {
  const reader = await newReader(paper);
  const offer = await reader.offer(LOG);
  const { schema } = offer.extensions[PAYMENT_IDENTIFIER];
  const send = async (sent) => {
    const payment = await reader.sign(LOG, { offer, overrides: { extensions: { [PAYMENT_IDENTIFIER]: sent } } });
    return reader.send(LOG, payment);
  };
  const infos = [
    ...["", "fifteen-letters", "a".repeat(129), "sixteen letters!", "é".repeat(16), "a/b/c/d/e/f/g/h/i", 7, null, {}, ["a".repeat(16)]].map((id) => ({ required: false, id })),
    { id: "a".repeat(16) }, { required: "false", id: "a".repeat(16) }, null, [],
  ];
  for (const info of infos) {
    const response = await send({ info, schema });
    assert.equal(response.status, 400, JSON.stringify(info));
    assert.equal(await problemOf(response), "payment-identifier-malformed");
  }
  assert.deepEqual(await reader.transfers(), []);
  // where identifiers are off, nothing is looked at
  const other = await newReader(paper, { site: plain.url });
  const payment = await other.sign(LOG, { overrides: { extensions: { [PAYMENT_IDENTIFIER]: { info: { id: "short" } } } } });
  await assertArticle(await other.send(LOG, payment), LOG);
});

test("an announcement that comes back changed answers 402, and moves nothing", async () => {
  const reader = await newReader(paper);
  const { extensions } = await reader.offer(PAWN);
  const changed = [
    { [PAYMENT_IDENTIFIER]: { info: { required: true, id: "a".repeat(16) } } }, { [SIGNATURES]: { info: { ...signatures, registrationUrl: "https://evil.example" } } },
    { [BAZAAR.key]: { info: { ...extensions[BAZAAR.key].info, output: { type: "json" } } } }, { [BAZAAR.key]: {} },
  ];
  for (const overrides of changed) {
    const response = await reader.send(PAWN, await reader.sign(PAWN, { overrides: { extensions: overrides } }));
    assert.equal(response.status, 402);
    assert.ok(response.headers.get("payment-required"), "with a new offer");
    assert.equal(await problemOf(response), "extension-echo-mismatch");
  }
  assert.deepEqual(await reader.transfers(), []);
  // who echoes nothing at all pays as ever
  const silent = await reader.sign(PAWN, { tamper: ({ extensions, ...payload }) => payload });
  await assertArticle(await reader.send(PAWN, silent), PAWN);
});

test("A16 a long identifier proves who sent a payment first, a short one does not", async () => {
  const tamper = (payload) => {
    delete payload.accepted.extra.quote;
    return payload;
  };
  for (const [id, proves] of [["a".repeat(32), true], ["a".repeat(31), false], [undefined, false]]) {
    const reader = await newReader(paper);
    const payment = id === undefined ? await reader.sign(LOG, { tamper }) : await named(reader, LOG, id, { tamper });
    await assertArticle(await reader.send(LOG, payment), LOG);
    const again = await reader.as({ from: "203.0.113.9" }).send(LOG, payment);
    if (proves) await assertArticle(again, LOG);
    else assert.equal(await problemOf(again), "authorization-already-used");
    assert.equal((await reader.transfers()).length, 1);
    if (!proves) continue;
    // the header rebuilt without the name, or with somebody's guess, is not that payment
    const { payload } = payment;
    for (const name of [undefined, "b".repeat(32)]) {
      const { [PAYMENT_IDENTIFIER]: own, ...others } = payload.extensions;
      const guess = name && { [PAYMENT_IDENTIFIER]: { ...own, info: { ...own.info, id: name } } };
      const value = encode({ ...payload, extensions: { ...others, ...guess } });
      const response = await reader.as({ from: "203.0.113.9" }).ask(LOG, { "PAYMENT-SIGNATURE": value });
      assert.equal(await problemOf(response), "authorization-already-used");
    }
  }
});

const signers = async (site = paper.site) => {
  const response = await fetch(`${site}/.farthing/receipts-key`, { headers: { origin: "https://elsewhere.example" } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  const { format, signers } = await response.json();
  assert.equal(format, "eip712");
  return signers;
};

/** The receipt of an answer, by the official reader and verifier: {receipt, signer, payload}. */
async function receiptOf(response) {
  const receipt = extractReceiptFromResponse(response);
  return { receipt, ...await verifyReceiptSignatureEIP712(receipt) };
}

test("G6 a receipt says what the chain says, and is signed by whom the site names", async () => {
  const reader = await newReader(paper);
  const response = await officialFetch({ key: reader.key, extend: pays() })(paper.site + LOG);
  const { receipt, signer, payload } = await receiptOf(response);
  await assertArticle(response, LOG);
  const [{ kid, address }, ...older] = await signers();
  assert.deepEqual([kid, older], ["old", []]);
  assert.equal(signer, address);
  const [transfer] = await reader.transfers();
  const { issuedAt, ...said } = payload;
  assert.deepEqual(said, { version: 1, network: paper.network, resourceUrl: paper.site + LOG, payer: reader.address, transaction: transfer.transaction });
  assert.ok(Math.abs(issuedAt - Date.now() / 1000) < 30);
  assert.ok(verifyReceiptMatchesOffer(receipt, { resourceUrl: paper.site + LOG, network: paper.network }, [reader.address]));
  // nothing of it can be changed
  const changes = { network: "eip155:8453", resourceUrl: paper.site + PAWN, payer: paper.payTo, issuedAt: issuedAt + 1, transaction: `0x${"11".repeat(32)}`, version: 2 };
  for (const [name, value] of Object.entries(changes)) {
    const forged = { ...receipt, payload: { ...receipt.payload, [name]: value } };
    assert.notEqual((await verifyReceiptSignatureEIP712(forged)).signer, address, name);
  }
  // the key holds no money, and is no other that is known here
  assert.equal(await paper.chain.balanceOf(address), 0n);
  assert.ok(![paper.payTo, reader.address, paper.facilitator.address].includes(address));
});

test("every answer that names a transfer has a receipt: calls, repeats, sign-ins and handles; v1's header and passes have none", async () => {
  const reader = await newReader(paper);
  const [{ address }] = await signers();
  const call = await reader.send(DATA, await reader.sign(DATA));
  const bought = await reader.send(PAWN, await reader.sign(PAWN));
  const [pass, handle] = bought.headers.getSetCookie().map((line) => line.split(";")[0]);
  const { info, supportedChains: [chain] } = (await reader.offer(PAWN)).extensions[SIGN_IN_WITH_X];
  const proof = await createSIWxPayload({ ...info, ...chain }, privateKeyToAccount(reader.key), info.uri);
  const signedIn = await reader.ask(PAWN, { [SIGN_IN_WITH_X]: encodeSIWxHeader(proof) });
  await sleep(1100);
  const renewed = await reader.ask(PAWN, { cookie: handle });
  const [ofCall, ofPage] = await reader.transfers();
  for (const [response, path, { transaction }] of [[call, DATA, ofCall], [bought, PAWN, ofPage], [signedIn, PAWN, ofPage], [renewed, PAWN, ofPage]]) {
    const { signer, payload } = await receiptOf(response);
    assert.deepEqual([signer, payload.transaction, payload.resourceUrl], [address, transaction, paper.site + path]);
    assert.deepEqual(decode(response.headers.get("x-payment-response")).extensions, undefined);
    await assertArticle(response, path);
  }
  const [first, later] = [bought, renewed].map((response) => extractReceiptFromResponse(response).payload.issuedAt);
  assert.ok(later > first, "the time of the answer");
  const passed = await reader.ask(PAWN, { cookie: pass });
  assert.equal(settlementIn(passed), undefined);
  await assertArticle(passed, PAWN);
  assert.equal(extractReceiptFromResponse(await reader.ask(FREE)), undefined);
});

test("G6 a receipt outlives its key for as long as the site names its signer", async () => {
  const reader = await newReader(paper);
  const { signer } = await receiptOf(await reader.send(PAWN, await reader.sign(PAWN)));
  const known = async () => (await signers()).map(({ address }) => address);
  await paper.edge.restart({ keys: `${NEW},${OLD}` });
  const [fresh, kept] = await known();
  assert.equal(kept, signer);
  const next = await receiptOf(await reader.send(DOOR, await reader.sign(DOOR)));
  assert.equal(next.signer, fresh);
  await paper.edge.restart({ keys: NEW });
  assert.deepEqual(await known(), [fresh]);
  await paper.edge.restart({ keys: OLD });
});

test("without receipts there are none, and no list of signers", async () => {
  const reader = await newReader(paper, { site: plain.url });
  const response = await reader.send(LOG, await reader.sign(LOG));
  assert.equal(settlementIn(response).extensions?.[OFFER_RECEIPT], undefined);
  await assertArticle(response, LOG);
  assert.equal(await problemOf(await reader.ask("/.farthing/receipts-key")), "no-such-endpoint");
});

test("a page whose address is over 1024 bytes is paid for without a receipt", async () => {
  const reader = await newReader(paper);
  const path = `/articles/${"long-".repeat(210)}`;
  paper.origin.script(path, (request, response) => response.writeHead(200, { "content-type": "text/html" }).end("long"));
  const response = await reader.send(path, await reader.sign(path));
  assert.equal(await response.text(), "long");
  assert.equal(settlementIn(response).success, true);
  assert.equal(extractReceiptFromResponse(response), undefined);
  assert.equal((await reader.transfers())[0].value, PRICES[DOOR]);
});
