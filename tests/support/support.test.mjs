// Chain, token, official facilitator and official client agree with each other before anything of ours stands between them.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { listen } from "../../tools/lib/processes.mjs";
import { payer, payTo } from "./accounts.mjs";
import { startChain } from "./chain.mjs";
import { startFacilitator } from "./facilitator.mjs";
import { sendJson } from "./http.mjs";
import { decode, encode, officialFetch, officialFetchV1, randomNonce, rebuildFromCallData, settlementIn, signPayment } from "./pay.mjs";

let chain;
let facilitator;
before(async () => {
  chain = await startChain();
  facilitator = await startFacilitator({ rpc: chain.url });
});
after(async () => {
  await facilitator?.stop();
  await chain?.stop();
});

const requirements = (v1) => ({
  scheme: "exact", network: v1 ? "base-sepolia" : chain.network, [v1 ? "maxAmountRequired" : "amount"]: "10000",
  asset: chain.token.address, payTo: payTo.address, maxTimeoutSeconds: 300, extra: { name: "USDC", version: "2" },
  ...(v1 ? { resource: "http://shop.test/paid", description: "", mimeType: "text/plain" } : {}),
});
const offer = () => ({ x402Version: 2, error: "Payment required", resource: { url: "http://shop.test/paid" }, accepts: [requirements(false)] });
const ask = async (path, payload) => {
  const response = await fetch(facilitator.url + path, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ x402Version: payload.x402Version, paymentPayload: payload, paymentRequirements: requirements(payload.x402Version === 1) }),
  });
  return response.json();
};

// The smallest shop there is: offers in both versions, settles what it is sent.
async function startShop() {
  const server = createServer(async (request, response) => {
    const header = request.headers["payment-signature"] ?? request.headers["x-payment"];
    if (!header) {
      const v1 = { x402Version: 1, error: "Payment required", accepts: [requirements(true)] };
      return sendJson(response, 402, v1, { "payment-required": encode(offer()) });
    }
    const settled = await ask("/settle", decode(header));
    const name = request.headers["x-payment"] ? "x-payment-response" : "payment-response";
    sendJson(response, settled.success ? 200 : 402, { paid: settled.success }, { [name]: encode(settled) });
  });
  const url = `http://127.0.0.1:${await listen(server)}/paid`;
  return { url, stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

for (const [name, client] of [["@x402/fetch", () => officialFetch()], ["x402-fetch (v1)", () => officialFetchV1()]]) {
  test(`${name} signs, the facilitator settles, and the price moves from reader to publisher`, async () => {
    const shop = await startShop();
    try {
      const [readerHad, publisherHad] = await Promise.all([chain.balanceOf(payer.address), chain.balanceOf(payTo.address)]);
      const response = await client()(shop.url);
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), { paid: true });
      const settlement = settlementIn(response);
      assert.equal(settlement.success, true);
      assert.equal(await chain.balanceOf(payer.address), readerHad - 10_000n);
      assert.equal(await chain.balanceOf(payTo.address), publisherHad + 10_000n);
      const receipt = await chain.client.getTransactionReceipt({ hash: settlement.transaction });
      assert.deepEqual(chain.events(receipt).map((event) => event.name), ["AuthorizationUsed", "Transfer"]);
    } finally {
      await shop.stop();
    }
  });
}

test("a used nonce is refused as such, by verify and by settle", async () => {
  const { payload } = await signPayment({ offer: offer() });
  assert.equal((await ask("/verify", payload)).isValid, true);
  assert.equal((await ask("/settle", payload)).success, true);
  const transfers = await chain.countTransfers();
  assert.equal((await ask("/verify", payload)).invalidReason, "invalid_exact_evm_nonce_already_used");
  assert.equal((await ask("/settle", payload)).errorReason, "invalid_exact_evm_nonce_already_used");
  assert.equal(await chain.countTransfers(), transfers);
});

test("the token refuses with the real token's words: cancelled, forged, poor, late", async () => {
  const cancelled = await signPayment({ offer: offer() });
  await chain.cancel({ key: payer.key, nonce: cancelled.authorization.nonce });
  assert.equal((await ask("/settle", cancelled.payload)).errorReason, "invalid_exact_evm_nonce_already_used");
  const forged = await signPayment({ offer: offer(), overrides: { domain: { version: "1" } } });
  assert.equal((await ask("/verify", forged.payload)).invalidReason, "invalid_exact_evm_signature");
  const poor = await signPayment({ offer: offer(), key: `0x${"11".repeat(32)}` });
  assert.equal((await ask("/settle", poor.payload)).errorReason, "invalid_exact_evm_insufficient_balance");
  const late = await signPayment({ offer: offer(), validBefore: 1_000_000_000 });
  assert.equal((await ask("/verify", late.payload)).invalidReason, "invalid_exact_evm_payload_authorization_valid_before");
});

test("the batching contract uses up one nonce for itself and pays with another, in one transaction", async () => {
  const x = await chain.signReceive({ key: payer.key, nonce: randomNonce(), value: 10_000n });
  const y = await signPayment({ offer: offer() });
  const had = await chain.balanceOf(payTo.address);
  const receipt = await chain.batch({ x, y });
  assert.equal(receipt.status, "success");
  assert.equal(await chain.balanceOf(payTo.address), had + 10_000n);
  assert.equal(await chain.authorizationState(payer.address, x.authorization.nonce), true);
  assert.deepEqual(chain.events(receipt).map((event) => event.name), ["AuthorizationUsed", "Transfer", "AuthorizationUsed", "Transfer", "Transfer"]);
});

test("a payment can be rebuilt from call data, field by field", async () => {
  const payment = await signPayment({ offer: offer() });
  const { transaction } = await ask("/settle", payment.payload);
  const rebuilt = rebuildFromCallData(await chain.client.getTransaction({ hash: transaction }), { offer: offer() });
  assert.deepEqual(rebuilt.payload, payment.payload);
});
