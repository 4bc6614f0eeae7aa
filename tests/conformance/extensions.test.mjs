// The extensions of x402, held against the people who wrote them: what the core builds and refuses, beside what @x402/extensions and
// @x402/core 2.27 build and refuse, on generated cases. The cases are the same in every run.
import assert from "node:assert/strict";
import { hkdfSync, randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { x402Client } from "@x402/core/client";
import { x402ResourceServer } from "@x402/core/server";
import {
  BAZAAR, OFFER_RECEIPT, PAYMENT_IDENTIFIER, RECEIPT_TYPES, SIGN_IN_WITH_X, appendPaymentIdentifierToExtensions, bazaarResourceServerExtension,
  buildSIWxSchema, createOfferReceiptExtension, createReceiptDomain, createSIWxClientHook, createSIWxMessage, createSIWxPayload,
  createSIWxResourceServerExtension, encodeSIWxHeader, extractAndValidatePaymentIdentifier, extractDiscoveryInfo, extractReceiptFromResponse,
  generatePaymentId, InMemorySIWxStorage, isValidPaymentId, isValidRouteTemplate, parseSIWxHeader, prepareReceiptForEIP712, validateDiscoveryExtension,
  validateDiscoveryExtensionSpec, validatePaymentIdentifier, validatePaymentIdentifierRequirement, validateSIWxMessage, verifyReceiptSignatureEIP712,
  verifySIWxSignature,
} from "@x402/extensions";
import { privateKeyToAccount } from "viem/accounts";
import { startBridge } from "../support/bridge.mjs";
import { generator } from "../support/generator.mjs";

const require = createRequire(createRequire(import.meta.url).resolve("@x402/extensions"));
const Ajv = require("ajv/dist/2020.js");

const SECRET = Buffer.alloc(32, 7);
const KEYS = `a:${SECRET.toString("base64url")}`;
const ACCOUNTS = [1, 2, 3].map((n) => privateKeyToAccount(`0x${String(n).padStart(64, "0")}`));
const HOST = "news.example";
const SITE = `https://${HOST}`;

let core;
before(async () => {
  core = await startBridge();
});
after(() => core?.stop());

const seconds = () => Math.floor(Date.now() / 1000);
const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64");
/** What `f` returns, or undefined where it throws. */
const attempt = (f) => {
  try {
    return f();
  } catch {
    return undefined;
  }
};

test("times are read as JavaScript reads them, and nothing else", async () => {
  const { int, pick, digits } = generator("times");
  let read = 0;
  for (let n = 0; n < 3000; n++) {
    const date = `${pick(["1970", "2026", "2000", "2100", `${int(1900, 2200)}`])}-${digits(2)}-${digits(2)}`;
    const real = new Date(int(0, 5e9) * 1000).toISOString();
    const text = pick([
      real, real.replace(/\.\d+Z/, pick(["Z", ".5Z", "+00:00", "-07:30", "+14:00", "z", ""])), `${date}T${digits(2)}:${digits(2)}:${digits(2)}Z`,
      `${date}T10:00:00${pick(["Z", ".1Z", "+0100", "+01:00", " "])}`,
    ]);
    const { seconds: ours } = await core.ask("time", { text });
    const theirs = Date.parse(text);
    if (ours === null) {
      // refused although a Date can be made of it: before 1970, without a zone, or in another spelling
      const plain = /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/.test(text);
      const exists = new Date(`${text.slice(0, 10)}T00:00:00Z`);
      assert.ok(!plain || Number.isNaN(exists.getTime()) || exists.toISOString().slice(0, 10) !== text.slice(0, 10) || theirs < 86_400_000, text);
    } else {
      read++;
      assert.equal(ours, Math.floor(theirs / 1000), text);
      assert.equal((await core.ask("time", { seconds: ours })).text, new Date(ours * 1000).toISOString().replace(".000Z", "Z"));
    }
  }
  assert.ok(read > 1000, `${read}`);
});

/** A challenge's info as somebody's server might send it. */
function anyInfo({ int, pick, chance, text }) {
  const statementLetters = "abcxyzABCXYZ0189 !#$&'()*+,-./:;=?@[]_~";
  const uri = `https://${pick(["news.example", "x.example:8443", "127.0.0.1:4021", "[::1]:80"])}/${text("abc-/", 0, 12)}${chance() ? "?a=b%20c" : ""}`;
  const at = () => pick([new Date(int(0, 4e9) * 1000).toISOString(), "2026-11-21T10:00:00Z", "2026-11-21T12:00:00.5+02:00"]);
  return {
    domain: new URL(uri).host, uri, version: "1", chainId: `eip155:${int(1, 99_999_999)}`, type: "eip191", nonce: text("abcXYZ0189", 8, 40), issuedAt: at(),
    ...(chance() && { statement: text(statementLetters, 0, 60) }),
    ...(chance() && { expirationTime: at() }),
    ...(chance() && { notBefore: at() }),
    ...(chance() && { requestId: text("abc-._~:@!$&'()*+,;=", 0, 20) }),
    ...(chance() && { resources: Array.from({ length: int(0, 3) }, () => `https://x.example/${text("abc", 0, 5)}`) }),
  };
}

test("the text that is signed is npm's, byte for byte", async () => {
  const random = generator("messages");
  let thrown = 0;
  for (let n = 0; n < 800; n++) {
    const info = anyInfo(random);
    const { address } = random.pick(ACCOUNTS);
    const spelled = random.pick([address, address.toLowerCase(), `0x${address.slice(2).toUpperCase()}`]);
    const theirs = attempt(() => createSIWxMessage(info, spelled));
    if (theirs === undefined) {
      thrown++;
      continue;
    }
    const proof = { ...info, address: spelled, signature: "0x" };
    const { message } = await core.ask("message", { proof });
    assert.equal(message, theirs);
    // our client's text from the same challenge
    const { chainId, type, ...rest } = info;
    const answer = await core.ask("answerChallenge", { challenge: { info: rest, supportedChains: [{ chainId, type }] }, address });
    assert.equal(answer.message, createSIWxMessage(info, address));
  }
  assert.ok(thrown < 80, `npm's package refuses ${thrown} of these itself`);
});

const challenge = (over = {}) => core.ask("challenge", {
  keys: KEYS, host: HOST, resource: `${SITE}/articles/a`, networks: ["eip155:84532", "eip155:8453"], now: seconds(), random: `0x${randomBytes(4).toString("hex")}`,
  ...over,
});
const signIn = (header, over = {}) => core.ask("signIn", { keys: KEYS, host: HOST, resource: `${SITE}/articles/a`, now: seconds(), header, ...over });

test("E11 what the official client signs is accepted, whatever the challenge says", async () => {
  const { pick, text, chance } = generator("proofs");
  for (let n = 0; n < 200; n++) {
    const resource = `${SITE}/${text("abc/-_.~", 0, 20)}`;
    const announced = await challenge({ resource, ...(chance() && { statement: text("abc ABC.,!?", 1, 40) }) });
    const account = pick(ACCOUNTS);
    const { headers } = await createSIWxClientHook(account)({ paymentRequired: { extensions: { [SIGN_IN_WITH_X]: announced } }, requestUrl: resource });
    const signed = await signIn(headers[SIGN_IN_WITH_X], { resource });
    assert.equal(signed.payer, account.address);
    assert.equal(signed.nonce, `0x${announced.info.nonce}`);
  }
});

test("E11 what our client signs is accepted by the official server", async () => {
  for (const account of ACCOUNTS) {
    const announced = await challenge({ now: seconds() - 2 });
    const { proof, message } = await core.ask("answerChallenge", { challenge: announced, address: account.address });
    proof.signature = await account.signMessage({ message });
    const payload = parseSIWxHeader(base64(proof));
    assert.deepEqual(await validateSIWxMessage(payload, new URL(SITE)), { isValid: true });
    assert.deepEqual(await verifySIWxSignature(payload), { isValid: true, payer: account.address });
    assert.equal((await signIn(base64(proof))).payer, account.address);
  }
});

test("E11 a proof that the official server refuses is refused here as well", async () => {
  const { pick, int, text } = generator("bad proofs");
  const [account, other] = ACCOUNTS;
  const changes = [
    (proof) => ({ ...proof, domain: "evil.example" }), (proof) => ({ ...proof, uri: "https://evil.example/articles/a" }), (proof) => ({ ...proof, uri: "not a url" }),
    (proof) => ({ ...proof, address: other.address }), (proof) => ({ ...proof, statement: text("abc", 1, 9) }), (proof) => ({ ...proof, nonce: text("0123456789abcdef", 32, 32) }),
    (proof) => ({ ...proof, issuedAt: new Date(Date.now() - int(301, 9999) * 1000).toISOString() }), (proof) => ({ ...proof, issuedAt: "soon" }),
    (proof) => ({ ...proof, expirationTime: new Date(Date.now() - int(1, 9999) * 1000).toISOString() }), (proof) => ({ ...proof, expirationTime: "never" }),
    (proof) => ({ ...proof, notBefore: new Date(Date.now() + int(2, 9999) * 1000).toISOString() }), (proof) => ({ ...proof, requestId: "x" }),
    (proof) => ({ ...proof, resources: [] }), (proof) => ({ ...proof, resources: undefined }), (proof) => ({ ...proof, chainId: "eip155:1" }),
    (proof) => ({ ...proof, chainId: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" }), (proof) => ({ ...proof, version: "2" }),
    (proof) => ({ ...proof, signature: `0x00${`${proof.signature}`.slice(4)}` }), (proof) => ({ ...proof, signature: "0x" }),
    ...["domain", "address", "uri", "version", "chainId", "type", "nonce", "issuedAt", "signature"].flatMap((name) => [
      (proof) => ({ ...proof, [name]: undefined }), (proof) => ({ ...proof, [name]: 7 }),
    ]),
  ];
  for (const change of [...changes, ...Array.from({ length: 100 }, () => (proof) => pick(changes)(pick(changes)(proof)))]) {
    const announced = await challenge();
    const good = await createSIWxPayload({ ...announced.info, ...announced.supportedChains[0] }, account, `${SITE}/articles/a`);
    const header = encodeSIWxHeader(change(good));
    const theirs = await (async () => {
      const payload = parseSIWxHeader(header);
      return (await validateSIWxMessage(payload, new URL(SITE))).isValid && (await verifySIWxSignature(payload)).isValid;
    })().catch(() => false);
    assert.equal(theirs, false, JSON.stringify(change(good)));
    assert.ok((await signIn(header)).refused, JSON.stringify(change(good)));
  }
});

test("E11 what the official server lets pass and we do not: another page's challenge, nonces that are not ours, texts of two lines", async () => {
  const [account] = ACCOUNTS;
  const theirs = async (payload) => (await validateSIWxMessage(payload, new URL(SITE))).isValid && (await verifySIWxSignature(payload)).isValid;
  const of = async (info, chain) => createSIWxPayload({ ...info, ...chain }, account, SITE);
  const announced = await challenge({ now: seconds() - 1 });
  const chain = announced.supportedChains[0];
  const elsewhere = await of({ ...announced.info, uri: `${SITE}/articles/b` }, chain);
  assert.equal(await theirs(elsewhere), true);
  assert.deepEqual(await signIn(base64(elsewhere)), { refused: "Resource" });
  const invented = await of({ ...announced.info, nonce: randomBytes(16).toString("hex") }, chain);
  assert.equal(await theirs(invented), true);
  assert.deepEqual(await signIn(base64(invented)), { refused: "Nonce" });
  // one text that reads as two resources
  const doubled = await of({ ...announced.info, resources: ["https://x.example/\n- https://y.example/"] }, chain);
  assert.equal(await theirs(doubled), true);
  assert.deepEqual(await signIn(base64(doubled)), { refused: "Text" });
});

test("statements, and other texts, that EIP-4361 has no place for are refused by both", async () => {
  const [account] = ACCOUNTS;
  for (const [name, value] of [
    ["statement", "100 %"], ["statement", 'say "hi"'], ["statement", "<b>"], ["statement", "é"], ["statement", "a\nURI: b"], ["requestId", "a\nResources:"],
  ]) {
    const announced = await challenge();
    const info = { ...announced.info, ...announced.supportedChains[0], [name]: value };
    assert.throws(() => createSIWxMessage(info, account.address), JSON.stringify(value));
    const proof = { ...info, address: account.address };
    const { message } = await core.ask("message", { proof: { ...proof, signature: "0x" } });
    const header = base64({ ...proof, signature: await account.signMessage({ message }) });
    assert.deepEqual(await signIn(header), { refused: "Text" });
  }
});

test("payment identifiers: the same are taken and the same refused", async () => {
  const { pick, text, chance, int, json } = generator("identifiers");
  let taken = 0;
  for (let n = 0; n < 3000; n++) {
    const id = pick([generatePaymentId(), text("abcXYZ019_-", 10, 20), text("abc", 120, 135), text("abc.é ", 16, 20), int(0, 9), null, "", undefined]);
    const info = pick([{ required: chance(), id }, { required: false, id: generatePaymentId() }, { required: pick([true, "true", 1, null]), id }, { id }, json(1), [], "x"]);
    const extension = pick([{ info }, { info, schema: { type: "object" } }, { info, ...json(1) }]);
    const extensions = pick([...Array(5).fill({ [PAYMENT_IDENTIFIER]: extension }), {}, undefined, { bazaar: {} }]);
    const required = chance();
    const { id: theirs, validation } = attempt(() => extractAndValidatePaymentIdentifier({ extensions })) ?? { validation: {} };
    const needed = validatePaymentIdentifierRequirement({ extensions }, required).valid;
    const ours = await core.ask("identifier", { extensions, required });
    const shown = JSON.stringify({ extensions, required });
    if (validation.valid && needed) {
      assert.equal(ours.id, theirs, shown);
      if (theirs) taken++;
    } else {
      assert.equal(ours.refused, validation.valid ? "Missing" : "Malformed", shown);
    }
  }
  assert.ok(taken > 200, `${taken}`);
  for (const required of [false, true]) {
    const announced = await core.ask("announceIdentifier", { required });
    assert.deepEqual(validatePaymentIdentifier(announced), { valid: true });
    const { id } = await core.ask("generateIdentifier", { random: `0x${randomBytes(16).toString("hex")}` });
    assert.ok(isValidPaymentId(id));
    const extensions = appendPaymentIdentifierToExtensions({ [PAYMENT_IDENTIFIER]: announced });
    assert.deepEqual(validatePaymentIdentifier(extensions[PAYMENT_IDENTIFIER]), { valid: true });
    const ours = await core.ask("identifier", { extensions, required: true });
    assert.deepEqual(ours, { id: extensions[PAYMENT_IDENTIFIER].info.id, proof: true });
  }
});

/** An extension's value, often with what some rule looks at. */
function anyExtension({ pick, json, chance }, key) {
  const info = pick([json(3), { ...object(json(3)), nonce: "n", issuedAt: "t", offers: [1] }, { a: pick(["app", "b", null]), s: pick([["one"], ["one", "two"], "one", [], null]), c: json(1) }]);
  return chance(0.8) ? { info, ...(chance() && { schema: json(2) }) } : pick([info, json(2), key]);
}
const object = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});
const EXTENSIONS = [PAYMENT_IDENTIFIER, SIGN_IN_WITH_X, BAZAAR.key, OFFER_RECEIPT, "builder-code", "terms"];

test("echoes: the same are kept and the same broken, as the official server sees it", async () => {
  const random = generator("echoes");
  const { pick, chance, json, change } = random;
  const server = new x402ResourceServer([]);
  server.registerExtension(createSIWxResourceServerExtension({ storage: new InMemorySIWxStorage(), origin: SITE }));
  server.registerExtension(createOfferReceiptExtension({}));
  const seen = { kept: 0, broken: 0 };
  for (let n = 0; n < 6000; n++) {
    const keys = EXTENSIONS.filter(() => chance());
    const announced = Object.fromEntries(keys.map((key) => [key, anyExtension(random, key)]));
    const echoed = pick([
      () => structuredClone(announced), () => change(structuredClone(announced)), () => change(change(structuredClone(announced))),
      () => Object.fromEntries(EXTENSIONS.filter(() => chance(0.3)).map((key) => [key, anyExtension(random, key)])), () => ({}), () => undefined, () => json(2),
    ])();
    const asked = server.validateExtensions({ extensions: announced }, { x402Version: 2, extensions: echoed });
    const ours = await core.ask("echo", { announced, ...(echoed !== undefined && { echoed }) });
    const shown = JSON.stringify({ announced, echoed });
    if (asked.valid) assert.equal(ours.kept, true, shown);
    else assert.equal(ours.broken === undefined, false, shown);
    seen[asked.valid ? "kept" : "broken"]++;
    const without = await core.ask("echo", { ...(echoed !== undefined && { echoed }) });
    assert.equal(without.kept === true, server.validateExtensions({}, { x402Version: 2, extensions: echoed }).valid, shown);
  }
  assert.ok(seen.kept > 1000 && seen.broken > 1000, JSON.stringify(seen));
});

test("echoes: our client builds what the official client builds, and the official server takes it", async () => {
  const random = generator("merges");
  const { chance } = random;
  const client = new x402Client();
  const server = new x402ResourceServer([]);
  for (let n = 0; n < 3000; n++) {
    const some = () => Object.fromEntries(EXTENSIONS.filter(() => chance()).map((key) => [key, anyExtension(random, key)]));
    const [ours, theirs] = [chance(0.9) ? some() : undefined, chance(0.9) ? some() : undefined];
    const { extensions } = await core.ask("merge", { server: ours, client: theirs });
    const wanted = client.mergeExtensions(ours && structuredClone(ours), theirs && structuredClone(theirs));
    assert.deepEqual(extensions, wanted === undefined ? undefined : JSON.parse(JSON.stringify(wanted)));
  }
  // additions of a client that knows nothing of builder codes are fine everywhere
  const announced = { [PAYMENT_IDENTIFIER]: await core.ask("announceIdentifier", { required: true }), [SIGN_IN_WITH_X]: await challenge() };
  const { extensions } = await core.ask("merge", { server: announced, client: { [PAYMENT_IDENTIFIER]: { info: { id: generatePaymentId() } } } });
  assert.deepEqual(server.validateExtensions({ extensions: announced }, { x402Version: 2, extensions }), { valid: true });
  assert.deepEqual(extractAndValidatePaymentIdentifier({ extensions }).validation, { valid: true });
});

test("G6 receipts are verified by the official verifier, and are signed as viem signs", async () => {
  const { pick, int, text } = generator("receipts");
  // the key as the publisher's secret makes it, with nothing of ours
  const account = privateKeyToAccount(`0x${Buffer.from(hkdfSync("sha256", SECRET, "", "farthing v1 receipt", 32)).toString("hex")}`);
  for (let n = 0; n < 150; n++) {
    const asked = {
      network: pick(["eip155:8453", "eip155:84532"]), resource: `${SITE}/${text("abc/é\"\\", 0, 40)}`, payer: pick(ACCOUNTS).address, issuedAt: int(0, 4e9),
      transaction: pick([`0x${randomBytes(32).toString("hex")}`, ""]),
    };
    const { extension, signer } = await core.ask("receipt", { keys: KEYS, ...asked });
    assert.equal(signer, account.address);
    const response = new Response(null, { headers: { "PAYMENT-RESPONSE": base64({ success: true, transaction: "", network: asked.network, extensions: { [OFFER_RECEIPT]: extension } }) } });
    const receipt = extractReceiptFromResponse(response);
    const verified = await verifyReceiptSignatureEIP712(receipt);
    assert.equal(verified.signer, account.address);
    assert.deepEqual(verified.payload, {
      version: 1, network: asked.network, resourceUrl: asked.resource, payer: asked.payer, issuedAt: asked.issuedAt, transaction: asked.transaction,
    });
    const message = prepareReceiptForEIP712(receipt.payload);
    assert.equal(receipt.signature, await account.signTypedData({ domain: createReceiptDomain(), types: RECEIPT_TYPES, primaryType: "Receipt", message }));
    for (const [name, value] of Object.entries({ network: "eip155:1", resourceUrl: `${SITE}/other`, payer: `0x${"11".repeat(20)}`, issuedAt: asked.issuedAt + 1, transaction: "0x" })) {
      const forged = { ...receipt, payload: { ...receipt.payload, [name]: value } };
      assert.notEqual((await verifyReceiptSignatureEIP712(forged)).signer, account.address, name);
    }
  }
  const { extension } = await core.ask("receipt", { keys: KEYS, network: "eip155:8453", resource: `${SITE}/${"a".repeat(1100)}`, payer: ACCOUNTS[0].address, issuedAt: 1, transaction: "" });
  assert.equal(extension, null);
});

test("listings: the templates that npm's catalogue takes, and announcements it can read", async () => {
  const { pick, text } = generator("templates");
  const seen = { good: 0, bad: 0 };
  for (let n = 0; n < 5000; n++) {
    const piece = () => pick(["/", ":", ".", "..", "a", "Z9", "~", "-", "_", "%41", "%2e", "%2E%2e", "%252e", "%2f", "%3A//", "%c3%a9", "%ff", "%", "%4", "%zz", "%25", " ", "?", "é", text("%25", 1, 9)]);
    const template = pick(["/", ""]) + Array.from({ length: pick([1, 2, 3, 4, 8]) }, piece).join("");
    const { valid } = await core.ask("template", { template });
    assert.equal(valid, isValidRouteTemplate(template), template);
    seen[valid ? "good" : "bad"]++;
  }
  assert.ok(seen.good > 400 && seen.bad > 400, JSON.stringify(seen));
  for (const [pattern, path] of [
    ["/articles/*", "/articles/my-story"], ["/articles/*", "/articles/2026/my-story"], ["/*", "/x"], ["/*/*", "/x/y"], ["/about", "/about"],
    ["/a/*/b/*", "/a/x/b/y"], ["/a*b", "/axb"],
  ]) {
    const { template } = await core.ask("template", { pattern });
    const listing = await core.ask("listing", { ...(template && { template }), path });
    const declaration = { info: { input: { type: "http" } }, schema: {} };
    const theirs = bazaarResourceServerExtension.enrichDeclaration(declaration, { method: "GET", adapter: { getPath: () => path }, routePattern: pattern });
    assert.equal(listing.routeTemplate, theirs.routeTemplate, pattern);
    assert.deepEqual(listing.info.input, theirs.info.input, `${pattern} ${path}`);
  }
  for (const asked of [
    { path: "/about" }, { path: "/articles/x", template: "/articles/:slug" }, { path: "/articles/x", template: "/articles/:slug", output: { type: "text", example: { title: "…" } } },
  ]) {
    const listing = await core.ask("listing", asked);
    assert.deepEqual(validateDiscoveryExtensionSpec(listing), { valid: true });
    assert.deepEqual(validateDiscoveryExtension(listing), { valid: true });
    const discovered = extractDiscoveryInfo({ x402Version: 2, resource: { url: `${SITE}${asked.path}` }, extensions: { [BAZAAR.key]: listing } }, {});
    assert.equal(discovered.resourceUrl, `${SITE}${asked.template ?? asked.path}`);
    assert.equal(discovered.method, "GET");
    assert.equal(discovered.routeTemplate, asked.template);
  }
});

test("every schema that is announced accepts what npm's package makes, and npm's accepts ours", async () => {
  const ajv = () => new Ajv({ strict: false, allErrors: true, validateFormats: false });
  const [account] = ACCOUNTS;
  const announced = await challenge();
  const payload = await createSIWxPayload({ ...announced.info, ...announced.supportedChains[0] }, account, `${SITE}/articles/a`);
  assert.ok(ajv().compile(announced.schema)(JSON.parse(JSON.stringify(payload))));
  const { proof } = await core.ask("answerChallenge", { challenge: announced, address: account.address });
  assert.ok(ajv().compile(buildSIWxSchema())(proof));
  const { extension } = await core.ask("receipt", { keys: KEYS, network: "eip155:8453", resource: SITE, payer: account.address, issuedAt: 1, transaction: "" });
  assert.ok(ajv().compile(extension.schema)(extension.info));
  const signatures = await core.ask("signatures", { url: "https://agents.example/", scheme: "ed25519", tag: "web-bot-auth" });
  assert.ok(ajv().compile(signatures.schema)(signatures.info));
  assert.deepEqual(signatures.info, { registrationUrl: "https://agents.example/", signatureSchemes: ["ed25519"], tags: ["web-bot-auth"] });
});
