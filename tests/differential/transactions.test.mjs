// What direct settlement sends: the call data of the official facilitators, in transactions that are viem's byte for byte.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eip3009ABI, x402ExactPermit2ProxyABI, x402ExactPermit2ProxyAddress } from "@x402/evm";
import { encodeFunctionData, getAddress, keccak256, parseSignature, parseTransaction, recoverTransactionAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { startBridge } from "../support/bridge.mjs";
import { account, chance, each } from "./support.mjs";

let core;
before(async () => { core = await startBridge(); });
after(() => core?.stop());

test("EIP-1559 transactions: the same bytes and the same hash, for extreme and ordinary numbers and lengths", async () => {
  const random = chance();
  const signers = Array.from({ length: 20 }, () => {
    const key = random.hex(32);
    return { key, account: privateKeyToAccount(key) };
  });
  const cases = Array.from({ length: 3000 }, () => {
    const fee = random.number(64);
    return {
      chainId: random.number(52) || 1n, nonce: random.number(random.pick([8, 16, 52])), fee, tip: random.maybe() ? fee : random.number(63) % (fee + 1n),
      gas: random.number(random.pick([20, 64])), to: random.maybe(0.05) ? `0x${"00".repeat(20)}` : random.hex(20),
      data: random.hex(random.pick([0, 1, 1, 20, 55, 56, 57, 100, 200, 255, 256, 292, 388, 3000])),
    };
  });
  await each(cases, async ({ chainId, nonce, fee, tip, gas, to, data }, index, random) => {
    const { key, account } = random.pick(signers);
    const theirs = await account.signTransaction({
      type: "eip1559", chainId: Number(chainId), nonce: Number(nonce), maxFeePerGas: fee, maxPriorityFeePerGas: tip, gas, to, data,
    });
    const text = Object.fromEntries(Object.entries({ chainId, nonce, fee, tip, gas }).map(([name, value]) => [name, String(value)]));
    const ours = await core.ask("transaction", { key, to, data, ...text });
    assert.deepEqual(ours, { raw: theirs, hash: keccak256(theirs) });
    if (index % 50 === 0) assert.equal(await recoverTransactionAddress({ serializedTransaction: ours.raw }), account.address);
    assert.equal(parseTransaction(ours.raw).value ?? 0n, 0n, "no ether");
  });
});

/** Signatures as wallets write them: v as 27 and 28, or as 0 and 1. */
const spelled = (random, signature) => (random.maybe(0.3) ? signature.slice(0, 130) + (signature.endsWith("1b") ? "00" : "01") : signature);

test("EIP-3009: the call of the official facilitator, overload with v, r and s", async () => {
  const random = chance();
  const signers = Array.from({ length: 10 }, (_, index) => account(`payer ${index}`));
  const cases = Array.from({ length: 3000 }, () => ({
    asset: random.hex(20), from: random.hex(20), to: random.hex(20), value: random.number(), validAfter: random.number(64), validBefore: random.number(64), nonce: random.hex(32),
  }));
  await each(cases, async ({ asset, from, to, value, validAfter, validBefore, nonce }, _, random) => {
    const signature = await random.pick(signers).sign({ hash: random.hex(32) });
    const { r, s, yParity } = parseSignature(signature);
    const authorization = { from, to, value: String(value), validAfter: String(validAfter), validBefore: String(validBefore), nonce };
    assert.deepEqual(await core.ask("settling", { asset, authorization, signature: spelled(random, signature) }), {
      to: getAddress(asset),
      data: encodeFunctionData({
        abi: eip3009ABI, functionName: "transferWithAuthorization", args: [from, to, value, validAfter, validBefore, nonce, 27 + yParity, r, s],
      }),
    });
  });
});

test("Permit2: the exact proxy's settle, as the official facilitator calls it", async () => {
  const random = chance();
  const signers = Array.from({ length: 10 }, (_, index) => account(`payer ${index}`));
  const spender = x402ExactPermit2ProxyAddress;
  const cases = Array.from({ length: 2000 }, () => ({
    token: random.hex(20), amount: random.number(), from: random.hex(20), to: random.hex(20), nonce: random.number(), deadline: random.number(64), validAfter: random.number(64),
  }));
  await each(cases, async ({ token, amount, from, to, nonce, deadline, validAfter }, _, random) => {
    const signature = await random.pick(signers).sign({ hash: random.hex(32) });
    const permit2Authorization = {
      permitted: { token, amount: String(amount) }, from, spender, nonce: String(nonce), deadline: String(deadline), witness: { to, validAfter: String(validAfter) },
    };
    const ask = (changes = {}, more = {}) =>
      core.ask("settling", { asset: token, permit2Authorization: { ...permit2Authorization, ...changes }, signature: spelled(random, signature), ...more });
    assert.deepEqual(await ask(), {
      to: getAddress(spender),
      data: encodeFunctionData({
        abi: x402ExactPermit2ProxyABI, functionName: "settle",
        args: [{ permitted: { token, amount }, nonce, deadline }, from, { to, validAfter }, signature],
      }),
    });
    assert.equal(await ask({ spender: random.hex(20) }), null, "a permit for somebody else");
    assert.equal(await ask({}, { asset: random.hex(20) }), null, "another token's permit");
    const metered = { to, facilitator: random.hex(20), validAfter: String(validAfter) };
    assert.equal(await ask({ witness: metered }), null, "a permit that names its facilitator");
  });
});

test("A9 what a contract wallet signed is not sent: its code would run at our cost", async () => {
  const random = chance();
  const authorization = { from: random.hex(20), to: random.hex(20), value: "1", validAfter: "0", validBefore: "2000000000", nonce: random.hex(32) };
  for (const length of [0, 1, 64, 66, 100, 300]) {
    assert.equal(await core.ask("settling", { asset: random.hex(20), authorization, signature: random.hex(length) }), null);
  }
});
