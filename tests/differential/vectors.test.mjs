// Every recorded exchange of tests/vectors: read as it was recorded, judged as it was answered, and what we would have sent in the
// server's place is what it sent.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hashDomain, hashTypedData } from "viem";
import { startBridge } from "../support/bridge.mjs";
import { configOf, keys } from "./support.mjs";

const folder = join(import.meta.dirname, "../vectors");
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const load = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const lower = (headers) => Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));

let core;
before(async () => { core = await startBridge(); });
after(() => core?.stop());

/** Our shop in the place of a recorded server: its address, price, payee and ways to pay. */
function shopOf(required, now) {
  const [offer] = required.accepts;
  const url = new URL(required.resource?.url ?? offer.resource);
  const config = JSON.parse(configOf({ payTo: offer.payTo, networks: ["eip155:84532"] }));
  config.site = url.origin;
  config.routes = [{ match: url.pathname, price: `$${Number(offer.amount ?? offer.maxAmountRequired) / 1e6}`, description: required.resource?.description ?? offer.description }];
  const ways = required.accepts.some((one) => one.extra.assetTransferMethod === "permit2") ? ["permit2"] : [];
  return { config: JSON.stringify(config), keys, url: url.href, ways, now };
}

const sorted = (value) => (value === null || typeof value !== "object" ? value : Array.isArray(value) ? value.map(sorted)
  : Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])));
/** What is said of what is sold is the server's own affair. */
function bare(body) {
  const { paymentPayload, paymentRequirements, x402Version } = structuredClone(body);
  delete paymentPayload.resource;
  delete paymentPayload.extensions;
  for (const name of ["mimeType", "outputSchema", "maxTimeoutSeconds"]) delete paymentRequirements[name];
  return sorted({ paymentPayload, paymentRequirements, x402Version });
}
const folded = (value) => JSON.parse(JSON.stringify(value, (_, item) => (typeof item === "string" && /^0x[0-9a-fA-F]{40}$/.test(item) ? item.toLowerCase() : item)));

/** What we say to the last payment of a recording. The money, the nonce and the handler are others' to know. */
const VERDICTS = { "v2-bad-signature.json": "signature-invalid", "v2-header-not-base64.json": "payment-not-base64" };

for (const name of files) {
  const recording = load(name);
  if (!recording.exchanges || name.startsWith("facilitator-")) continue;
  test(`${name}: ${recording.about ?? recording.name}`, async () => {
    let required;
    let judged;
    let forwarded;
    for (const { leg, request, response } of recording.exchanges) {
      const asked = lower(request.headers);
      const answered = lower(response.headers);
      if (leg === "server-facilitator") {
        const verify = request.path === "/verify";
        const read = await core.ask(verify ? "read_verify" : "read_settle", { body: response.body });
        const said = response.decoded.body;
        if (verify) assert.deepEqual([read.isValid, read.invalidReason ?? undefined, read.payer], [said.isValid, said.invalidReason, said.payer]);
        else assert.deepEqual(read, said);
        if (forwarded) assert.deepEqual(folded(bare(JSON.parse(forwarded))), folded(bare(request.decoded.body)), "we would have sent the same");
        continue;
      }
      if (answered["payment-required"]) {
        const { text } = await core.ask("decode", { header: answered["payment-required"] });
        assert.deepEqual(JSON.parse((await core.ask("json", { text })).json), response.decoded["payment-required"]);
        required ??= response.decoded["payment-required"];
      }
      if (response.decoded?.body?.x402Version === 1) {
        assert.deepEqual(JSON.parse((await core.ask("json", { text: response.body })).json), response.decoded.body);
        required ??= response.decoded.body;
      }
      for (const header of ["payment-response", "x-payment-response"]) {
        if (!answered[header]) continue;
        const { text } = await core.ask("decode", { header: answered[header] });
        assert.deepEqual(await core.ask("read_settle", { body: text }), response.decoded[header]);
      }
      const version = asked["payment-signature"] ? 2 : asked["x-payment"] ? 1 : undefined;
      if (!version) continue;
      const header = asked["payment-signature"] ?? asked["x-payment"];
      const decoded = request.decoded[version === 2 ? "payment-signature" : "x-payment"];
      required ??= { accepts: [{ ...load("v2-exact-eip3009.json").exchanges[0].response.decoded["payment-required"].accepts[0] }], resource: { url: "http://127.0.0.1:4021/paid" } };
      const signed = decoded?.payload?.authorization ?? decoded?.payload?.permit2Authorization;
      const now = signed ? Number(signed.validBefore ?? signed.deadline) - (required.accepts[0].maxTimeoutSeconds ?? 300) : 1_800_000_000;
      const shop = shopOf(required, now);
      judged = await core.ask("check", { ...shop, version, header });
      const expected = VERDICTS[name];
      if (expected) {
        assert.equal(judged.problem, expected);
        continue;
      }
      assert.equal(judged.payer?.toLowerCase(), signed.from.toLowerCase(), JSON.stringify(judged));
      const read = await core.ask("read_payment", { version, header });
      assert.deepEqual(folded(read.payload), folded(decoded.payload));
      forwarded = (await core.ask("forward", { ...shop, version, header })).body;
      // an hour later the same header begins nothing
      assert.equal((await core.ask("check", { ...shop, version, header, now: now + 3600 })).late, "authorization-expired");
      // and on another article's price it is no payment
      const dear = JSON.parse(shop.config);
      dear.routes[0].price = "$0.02";
      assert.equal((await core.ask("check", { ...shop, config: JSON.stringify(dear), version, header })).problem, "amount-mismatch");
    }
    const pays = recording.exchanges.some(({ request }) => ["payment-signature", "x-payment"].some((header) => lower(request.headers)[header]));
    assert.equal(Boolean(judged), pays);
  });
}

test("v2-preflight.json: an OPTIONS request asks for nothing and gets nothing", async () => {
  const [{ request }] = load("v2-preflight.json").exchanges;
  assert.equal(request.method, "OPTIONS");
  const { answer } = await core.ask("decide", {
    config: configOf(), keys, url: "https://news.example/articles/x", method: "OPTIONS", now: 1_800_000_000, random: `0x${"01".repeat(16)}`,
  });
  assert.deepEqual([answer.status, answer.body], [204, ""]);
});

for (const name of ["facilitator-answers.json", "facilitator-startup.json"]) {
  test(`${name}: every answer is read as it was meant`, async () => {
    const seen = { settled: 0, refused: 0, unclear: 0, verified: 0 };
    for (const exchange of load(name).exchanges) {
      const { request, response } = exchange;
      const said = response.decoded?.body;
      if (request.path === "/supported") {
        const read = await core.ask("read_supported", { body: response.body });
        assert.equal(read.kinds.length, said.kinds.length);
        assert.deepEqual(read.signers, Object.values(said.signers).flat());
      } else if (request.path === "/verify") {
        const read = await core.ask("read_verify", { body: response.body });
        assert.equal(read?.isValid ?? false, said?.isValid ?? false, exchange.case);
        assert.equal(read?.invalidReason ?? undefined, said?.invalidReason, exchange.case);
        seen.verified += 1;
      } else {
        const paid = request.decoded?.body?.paymentPayload?.payload?.authorization;
        const verdict = await core.ask("settlement", { network: "eip155:84532", payer: paid?.from ?? `0x${"01".repeat(20)}`, status: response.status, body: response.body });
        if (said?.success) {
          assert.equal(verdict.done, said.transaction, exchange.case);
          seen.settled += 1;
        } else if (verdict.refused) {
          assert.equal(said.success, false);
          assert.equal(said.transaction, "");
          seen.refused += 1;
        } else {
          // Threats B1, B2: a used nonce, a failed transaction, an answer that is none
          assert.deepEqual(verdict, { unclear: true });
          seen.unclear += 1;
        }
      }
    }
    if (name === "facilitator-answers.json") assert.deepEqual(seen, { settled: 1, refused: 11, unclear: 6, verified: 20 });
  });
}

test("signing.json: the same separators, digests and signers as viem's, all 29", async () => {
  const counts = { transfer: 0, permit2: 0, permit: 0 };
  for (const { label, typedData, digest, domainSeparator, signature, signer } of load("signing.json").vectors) {
    const { domain, message, primaryType } = typedData;
    assert.equal((await core.ask("recover", { digest, signature })).signer, signer, label);
    const network = `eip155:${domain.chainId}`;
    if (domain.version) {
      assert.equal(await core.ask("separator", { name: domain.name, version: domain.version, network, asset: domain.verifyingContract }), domainSeparator, label);
    } else assert.equal(hashDomain({ domain, types: typedData.types }), domainSeparator, label);
    if (primaryType === "TransferWithAuthorization") {
      const read = await core.ask("digest", { name: domain.name, version: domain.version, network, asset: domain.verifyingContract, authorization: message });
      if (read.refused) assert.ok(BigInt(message.validAfter) > 2n ** 64n || BigInt(message.validBefore) >= 2n ** 64n, label);
      else assert.equal(read.digest, digest, label);
      counts.transfer += 1;
    } else if (primaryType === "PermitWitnessTransferFrom") {
      const { permitted, spender, nonce, deadline, witness } = message;
      const permit2Authorization = { from: signer, permitted, spender, nonce, deadline, witness };
      const read = await core.ask("digest", { network, asset: permitted.token, permit2Authorization });
      assert.equal(read.digest, digest, label);
      counts.permit2 += 1;
    } else {
      // an EIP-2612 permit, which only a facilitator that sponsors gas submits: the vector itself is sound
      assert.equal(hashTypedData({ ...typedData, message: { ...message, value: BigInt(message.value), nonce: BigInt(message.nonce), deadline: BigInt(message.deadline) } }), digest, label);
      counts.permit += 1;
    }
  }
  assert.deepEqual(counts, { transfer: 20, permit2: 6, permit: 3 });
});
