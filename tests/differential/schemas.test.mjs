// What we write, read by the validators and clients of the official packages, v2 and v1; and what their clients write, read by us.
import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";
import { x402Client } from "@x402/core/client";
import {
  decodePaymentRequiredHeader, decodePaymentResponseHeader, decodePaymentSignatureHeader, encodePaymentSignatureHeader, x402HTTPClient,
} from "@x402/core/http";
import { PaymentRequiredV1Schema, isPaymentPayloadV2, isPaymentRequirementsV2, parsePaymentPayload, parsePaymentRequired } from "@x402/core/schemas";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { ExactEvmSchemeV1 } from "@x402/evm/v1";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import { createPaymentHeader } from "x402/client";
import { exact } from "x402/schemes";
import { PaymentPayloadSchema, PaymentRequirementsSchema, SettleResponseSchema, decodeXPaymentResponse } from "./v1.mjs";
import { startBridge } from "../support/bridge.mjs";
import { NETWORKS, NOW, URL_OF_ARTICLE, account, chance, configOf, decode, each, encode, shop } from "./support.mjs";

let core;
before(async () => {
  core = await startBridge();
  // the official clients stamp by the device's clock
  mock.timers.enable({ apis: ["Date"], now: NOW * 1000 });
});
after(() => {
  mock.timers.reset();
  return core?.stop();
});

const buyers = Array.from({ length: 12 }, (_, index) => account(`buyer ${index}`));
const PRICES = ["$0.05", "$0.000001", "$1", "$0.10", "12.345678 USDC", "$999999", "0.002 USDC", "$100000000"];
const DESCRIPTIONS = ["", "One article", "Ünïcode €uro 😀", "a \"quoted\" \\ text\u2028", "x".repeat(400), "<script>alert(1)</script>"];

/** Shops of every kind. */
function shops(random, count) {
  return Array.from({ length: count }, () => {
    const networks = random.pick([["eip155:84532"], ["eip155:8453"], ["eip155:84532", "eip155:8453"], ["eip155:8453", "eip155:84532"]]);
    const config = configOf({
      price: random.pick(PRICES), description: random.pick(DESCRIPTIONS), networks, access: random.pick(["30d", "once", "45m"]),
      payTo: random.pick([random.hex(20).replace("0x00", "0x01"), account(`payee ${random.below(5)}`).address]),
    });
    return shop({ config, random: random.hex(16) });
  });
}

const headerOf = (answer, name) => answer.headers.find(([known]) => known.toLowerCase() === name)?.[1];

test("every 402 is valid for the validators of v2 and of v1, with nothing they do not know", async () => {
  const random = chance();
  const cases = shops(random, 400).map((one) => ({ ...one, header: random.pick([undefined, encode("{}"), "!", encode({ x402Version: 2, accepted: {} })]) }));
  const http = new x402HTTPClient(new x402Client());
  await each(cases, async ({ header, ...one }) => {
    const { answer } = await core.ask("decide", { ...one, payment: header });
    assert.equal(answer.status, header === undefined ? 402 : 400);
    if (answer.status !== 402) return;
    const required = decodePaymentRequiredHeader(headerOf(answer, "payment-required"));
    const read = parsePaymentRequired(required);
    assert.deepEqual(read.data, required, "nothing was stripped");
    const body = JSON.parse(answer.body);
    assert.ok(PaymentRequiredV1Schema.safeParse(body).success);
    for (const accepted of body.accepts) assert.deepEqual(PaymentRequirementsSchema.parse(accepted), accepted);
    assert.deepEqual(http.getPaymentRequiredResponse((name) => headerOf(answer, name.toLowerCase()), body), required, "the v2 client prefers the header");
    // the same prices in both, in the same order
    assert.deepEqual(
      body.accepts.map(({ network, maxAmountRequired }) => [network, maxAmountRequired]),
      required.accepts.map(({ network, amount }) => [NETWORKS[network].slug, amount]),
    );
  });
});

test("official v2 clients' payments, by EIP-3009, Permit2 and upto, are taken; what goes to the facilitator is valid", async () => {
  const random = chance();
  await each(shops(random, 300).map((one) => ({ ...one, ways: ["permit2", "upto"] })), async (one, index) => {
    const required = decodePaymentRequiredHeader(await core.ask("offers", one));
    const buyer = buyers[index % buyers.length];
    const choice = index % required.accepts.length;
    const client = x402Client.fromConfig({
      schemes: [ExactEvmScheme, UptoEvmScheme].map((Scheme) => ({ network: "eip155:*", client: new Scheme(buyer) })),
      paymentRequirementsSelector: (_, accepts) => accepts[choice],
      spendControls: false,
    });
    const payment = await client.createPaymentPayload(required);
    const header = encodePaymentSignatureHeader(payment);
    const verdict = await core.ask("check", { ...one, version: 2, header });
    assert.deepEqual(
      { ...verdict, offer: undefined },
      { payer: buyer.address, offer: undefined, late: null, secret: true, tagged: false, unverified: false },
    );
    assert.deepEqual(verdict.offer, required.accepts[choice]);
    const { body } = await core.ask("forward", { ...one, version: 2, header });
    const forwarded = JSON.parse(body);
    assert.ok(isPaymentPayloadV2(forwarded.paymentPayload) && isPaymentRequirementsV2(forwarded.paymentRequirements));
    const read = parsePaymentPayload(forwarded.paymentPayload);
    assert.deepEqual(read.data, forwarded.paymentPayload, "nothing was stripped");
    assert.deepEqual(forwarded.paymentPayload.payload, payment.payload, "signature and promise as the client made them");
    // Threat A16: the quote stays between the payer and us.
    assert.doesNotMatch(body, /"quote":/);
    const { quote, accessSeconds: _, ...extra } = required.accepts[choice].extra;
    assert.deepEqual(forwarded.paymentRequirements, { ...required.accepts[choice], extra });
    assert.equal(typeof quote, "string");
  });
});

test("official v1 clients' payments are taken, by either of their packages; what goes to the facilitator is valid", async () => {
  const random = chance();
  await each(shops(random, 300), async (one, index, random) => {
    const { answer } = await core.ask("decide", one);
    const { accepts } = JSON.parse(answer.body);
    const accepted = random.pick(accepts);
    const buyer = buyers[index % buyers.length];
    const header = index % 2 ? await createPaymentHeader(buyer, 1, accepted) : encode(await new ExactEvmSchemeV1(buyer).createPaymentPayload(1, accepted));
    const payment = exact.evm.decodePayment(header);
    const verdict = await core.ask("check", { ...one, version: 1, header });
    assert.equal(verdict.payer, buyer.address, JSON.stringify(verdict));
    assert.equal(verdict.late, null);
    const forwarded = JSON.parse((await core.ask("forward", { ...one, version: 1, header })).body);
    assert.equal(forwarded.x402Version, 1);
    assert.deepEqual(PaymentPayloadSchema.parse(forwarded.paymentPayload), forwarded.paymentPayload);
    assert.deepEqual(PaymentRequirementsSchema.parse(forwarded.paymentRequirements), forwarded.paymentRequirements);
    assert.deepEqual(forwarded.paymentPayload.payload, payment.payload);
    // for how long it opens is between them too
    const { accessSeconds: _, ...extra } = accepted.extra;
    assert.deepEqual(forwarded.paymentRequirements, { ...accepted, extra });
  });
});

test("every settlement header is valid for v2 and, with the network's old name, for v1", async () => {
  const random = chance();
  await each(shops(random, 200), async (one, _, random) => {
    const network = random.pick(Object.keys(NETWORKS));
    const grant = {
      resource: URL_OF_ARTICLE, payer: random.pick(buyers).address, receipt: random.hex(16), transaction: random.hex(32), network,
      until: random.pick([undefined, NOW + 60]),
    };
    const { deliver } = await core.ask("next", { ...one, reply: JSON.stringify({ deliver: grant }) });
    const settled = decodePaymentResponseHeader(headerOf(deliver, "payment-response"));
    assert.deepEqual(settled, { success: true, transaction: grant.transaction, network, payer: grant.payer });
    const old = decodeXPaymentResponse(headerOf(deliver, "x-payment-response"));
    assert.deepEqual(old, { ...settled, network: NETWORKS[network].slug });
    assert.deepEqual(SettleResponseSchema.parse(old), old);
    const http = new x402HTTPClient(new x402Client());
    assert.deepEqual(http.getPaymentSettleResponse((name) => headerOf(deliver, name.toLowerCase())), settled);
  });
});

test("a refusal by the facilitator is reported in both places, and its 402 is valid", async () => {
  for (const reason of ["insufficient_funds", "invalid_exact_evm_transaction_simulation_failed", "refused"]) {
    const reply = JSON.stringify({ refuse: { problem: "settlement-refused", resource: URL_OF_ARTICLE, reason } });
    const { answer } = await core.ask("next", { ...shop(), random: `0x${"01".repeat(16)}`, reply });
    assert.equal(answer.status, 402);
    assert.equal(decodePaymentRequiredHeader(headerOf(answer, "payment-required")).error, reason);
    const { success, errorReason, transaction } = decodePaymentResponseHeader(headerOf(answer, "payment-response"));
    assert.deepEqual({ success, errorReason, transaction }, { success: false, errorReason: reason, transaction: "" });
    assert.equal(JSON.parse(answer.body).error, reason);
  }
});

test("payments are echoes: their decoder reads what their encoder wrote, and so do we", async () => {
  const required = decode(await core.ask("offers", { ...shop(), random: `0x${"02".repeat(16)}` }));
  const payment = { x402Version: 2, resource: required.resource, accepted: required.accepts[0], payload: { note: "é€😀" } };
  const header = encodePaymentSignatureHeader(payment);
  assert.deepEqual(decodePaymentSignatureHeader(header), payment);
  assert.deepEqual(JSON.parse((await core.ask("decode", { header })).text), payment);
});
