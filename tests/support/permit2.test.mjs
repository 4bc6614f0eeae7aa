// Our Permit2 and its two proxies are hashed for, paid through and refused by the official parts as the deployed ones are; and what
// the facilitators say about bad Permit2 payments, which differs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { domainSeparator, keccak256, toHex } from "viem";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { observer, payer, payTo } from "./accounts.mjs";
import { EXACT_PROXY, PERMIT2, UPTO_PROXY, startChain } from "./chain.mjs";
import { contractsOf } from "./compile.mjs";
import { startFacilitator } from "./facilitator.mjs";
import { rebuildPermit2FromCallData, signPermit2Payment } from "./pay-permit2.mjs";
import { built, startRustFacilitator } from "./rust-peers.mjs";

let chain;
const facilitators = {};
before(async () => {
  chain = await startChain();
  facilitators["@x402/evm"] = await startFacilitator({ rpc: chain.url });
  if (built) facilitators["x402-facilitator-local"] = await startRustFacilitator({ rpc: chain.url });
  await chain.approvePermit2(payer.key);
});
after(async () => {
  for (const facilitator of Object.values(facilitators)) await facilitator.stop();
  await chain?.stop();
});

async function shopOf(facilitator, scheme) {
  const { kinds } = await (await fetch(`${facilitator.url}/supported`)).json();
  const { extra } = kinds.find((kind) => kind.x402Version === 2 && kind.scheme === scheme);
  const requirements = (amount = "10000") => ({
    scheme, network: chain.network, amount, asset: chain.token.address, payTo: payTo.address, maxTimeoutSeconds: 300,
    extra: { name: "USDC", version: "2", assetTransferMethod: "permit2", ...(scheme === "upto" && { facilitatorAddress: extra.facilitatorAddress }) },
  });
  return {
    offer: { x402Version: 2, resource: { url: "http://shop.test/paid" }, accepts: [requirements()] },
    /** `charged`: what upto settles, of the amount signed. */
    async ask(path, { payload }, charged) {
      const body = JSON.stringify({ x402Version: 2, paymentPayload: payload, paymentRequirements: requirements(charged) });
      const response = await fetch(facilitator.url + path, { method: "POST", headers: { "content-type": "application/json" }, body });
      return { status: response.status, ...await response.json() };
    },
  };
}

test("domain and types are those of the deployed contracts", async () => {
  const { TestUSDC, TestDollar, Permit2, ExactPermit2Proxy, UptoPermit2Proxy } = contractsOf();
  const read = (address, { abi }, functionName) => chain.client.readContract({ address, abi, functionName });
  const { chainId } = chain;
  assert.equal(await read(PERMIT2, Permit2, "DOMAIN_SEPARATOR"), domainSeparator({ domain: { name: "Permit2", chainId, verifyingContract: PERMIT2 } }));
  for (const [{ address, name, version }, contract] of [[chain.token, TestUSDC], [chain.dollar, TestDollar]]) {
    const domain = { name, version, chainId, verifyingContract: address };
    assert.equal(await read(address, contract, "DOMAIN_SEPARATOR"), domainSeparator({ domain }));
  }
  for (const [address, contract, members] of [
    [EXACT_PROXY, ExactPermit2Proxy, "address to,uint256 validAfter"], [UPTO_PROXY, UptoPermit2Proxy, "address to,address facilitator,uint256 validAfter"],
  ]) {
    assert.equal(await read(address, contract, "PERMIT2"), PERMIT2);
    assert.equal(await read(address, contract, "WITNESS_TYPEHASH"), keccak256(toHex(`Witness(${members})`)));
    assert.equal(await read(address, contract, "WITNESS_TYPE_STRING"), `Witness witness)TokenPermissions(address token,uint256 amount)Witness(${members})`);
  }
});

for (const scheme of ["exact", "upto"]) {
  test(`${scheme}: the price moves, the nonce is used, and the payment can be rebuilt from call data`, async () => {
    for (const facilitator of Object.values(facilitators)) {
      const shop = await shopOf(facilitator, scheme);
      const charged = scheme === "upto" ? "4000" : "10000";
      const payment = await signPermit2Payment({ offer: shop.offer });
      const { nonce } = payment.permit2Authorization;
      assert.equal(await chain.nonceUsed(payer.address, nonce), false);
      const had = await chain.balanceOf(payTo.address);
      assert.equal((await shop.ask("/verify", payment)).isValid, true);
      const settled = await shop.ask("/settle", payment, charged);
      assert.equal(settled.success, true);
      if (scheme === "upto") assert.equal(settled.amount, charged);
      assert.equal(await chain.balanceOf(payTo.address), had + BigInt(charged));
      assert.equal(await chain.nonceUsed(payer.address, nonce), true);
      const rebuilt = rebuildPermit2FromCallData(await chain.client.getTransaction({ hash: settled.transaction }), { offer: shop.offer });
      const addresses = (payload) => JSON.stringify(payload).toLowerCase();
      assert.equal(addresses(rebuilt.payload), addresses(payment.payload));
    }
  });
}

// What the two say about a payment, [/verify, /settle], each the beginning of the reason. Where /settle is a failed transaction, the
// facilitator asked nothing beforehand: it does not tell a used nonce from a missing approval, or from a transfer that happened.
const FAILED = "invalid_exact_evm_transaction_failed";
const BAD = {
  "a used nonce": {
    sign: async (shop) => {
      const payment = await signPermit2Payment({ offer: shop.offer });
      assert.equal((await shop.ask("/settle", payment)).success, true);
      return payment;
    },
    exact: ["permit2_simulation_failed", FAILED], upto: ["permit2_simulation_failed", "permit2_simulation_failed"],
    local: ["unexpected_error", "unexpected_error"],
  },
  "a cancelled nonce": {
    sign: async ({ offer }) => {
      const payment = await signPermit2Payment({ offer });
      await chain.cancelPermit2({ key: payer.key, nonce: payment.permit2Authorization.nonce });
      return payment;
    },
    exact: ["permit2_simulation_failed", FAILED], upto: ["permit2_simulation_failed", "permit2_simulation_failed"],
    local: ["unexpected_error", "unexpected_error"],
  },
  "no approval": {
    sign: async ({ offer }) => {
      const key = generatePrivateKey();
      await chain.setBalance(privateKeyToAddress(key), 100_000n);
      return signPermit2Payment({ offer, key });
    },
    exact: ["permit2_allowance_required", FAILED], upto: ["permit2_allowance_required", "permit2_allowance_required"],
    local: ["permit2_allowance_required", "unexpected_error"],
  },
  "no money": {
    sign: async ({ offer }) => {
      const key = generatePrivateKey();
      await chain.approvePermit2(key);
      return signPermit2Payment({ offer, key });
    },
    exact: ["permit2_insufficient_balance", FAILED], upto: ["permit2_insufficient_balance", "permit2_insufficient_balance"],
    local: ["insufficient_funds", "unexpected_error"],
  },
  "a signature for another chain": {
    sign: ({ offer }) => signPermit2Payment({ offer, overrides: { domain: { chainId: 1 } } }),
    exact: ["invalid_permit2_signature", "invalid_permit2_signature"], upto: ["invalid_permit2_signature", "invalid_permit2_signature"],
    local: ["unexpected_error", "unexpected_error"],
  },
  "a deadline that has passed": {
    sign: ({ offer }) => signPermit2Payment({ offer, deadline: 1_000_000_000 }),
    exact: ["permit2_deadline_expired", "permit2_deadline_expired"], upto: ["permit2_deadline_expired", "permit2_deadline_expired"],
    local: ["invalid_payment_expired", "invalid_payment_expired"],
  },
  "another payee": {
    sign: ({ offer }) => signPermit2Payment({ offer, overrides: { witness: { to: observer.address } } }),
    exact: ["invalid_permit2_recipient_mismatch", "invalid_permit2_recipient_mismatch"],
    upto: ["invalid_permit2_recipient_mismatch", "invalid_permit2_recipient_mismatch"],
    local: ["recipient_mismatch", "recipient_mismatch"],
  },
  "another facilitator": {
    sign: ({ offer }) => signPermit2Payment({ offer, overrides: { witness: { facilitator: observer.address } } }),
    upto: ["upto_facilitator_mismatch", "upto_facilitator_mismatch"], local: ["invalid_signature", "unexpected_error"],
  },
};

for (const [what, { sign, local, ...official }] of Object.entries(BAD)) {
  test(`refused: ${what}`, async () => {
    for (const [name, facilitator] of Object.entries(facilitators)) {
      for (const [scheme, reasons] of Object.entries(official)) {
        const shop = await shopOf(facilitator, scheme);
        const payment = await sign(shop);
        const transfers = await chain.countTransfers();
        const verified = await shop.ask("/verify", payment);
        const settled = await shop.ask("/settle", payment);
        assert.equal(verified.isValid, false);
        assert.equal(settled.success, false);
        const said = [verified.invalidReason, settled.errorReason].map((reason) => reason.split(":")[0]);
        assert.deepEqual(said, name === "@x402/evm" ? reasons : local, `${name}, ${scheme}`);
        assert.equal(settled.transaction, "");
        assert.equal(await chain.countTransfers(), transfers);
      }
    }
  });
}

test("upto settles nothing at all for 0, and refuses more than was signed", async () => {
  for (const facilitator of Object.values(facilitators)) {
    const shop = await shopOf(facilitator, "upto");
    const payment = await signPermit2Payment({ offer: shop.offer });
    const transfers = await chain.countTransfers();
    const more = await shop.ask("/settle", payment, "10001");
    assert.equal(more.success, false);
    const nothing = await shop.ask("/settle", payment, "0");
    assert.deepEqual([nothing.success, nothing.amount, nothing.transaction], [true, "0", ""]);
    assert.equal(await chain.countTransfers(), transfers);
    // The nonce is as unused as before, so until its deadline the facilitator could still charge.
    assert.equal(await chain.nonceUsed(payer.address, payment.permit2Authorization.nonce), false);
    assert.equal((await shop.ask("/settle", payment, "1")).success, true);
  }
});
