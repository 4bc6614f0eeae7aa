// Typed data and signatures against @x402/evm's types hashed by viem: the same digests, separators and signers, or refused by us
// alone for a reason that is written down here.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  PERMIT2_ADDRESS, authorizationTypes, permit2WitnessTypes, uptoPermit2WitnessTypes, x402ExactPermit2ProxyAddress, x402UptoPermit2ProxyAddress,
} from "@x402/evm";
import { getAddress, hashDomain, hashTypedData, recoverAddress } from "viem";
import { privateKeyToAddress, sign } from "viem/accounts";
import { startBridge } from "../support/bridge.mjs";
import { Differences, account, chance, each } from "./support.mjs";

let core;
before(async () => { core = await startBridge(); });
after(() => core?.stop());

const DOMAIN_TYPES = {
  EIP712Domain: [{ name: "name", type: "string" }, { name: "version", type: "string" }, { name: "chainId", type: "uint256" }, { name: "verifyingContract", type: "address" }],
};
const U64 = (1n << 64n) - 1n;
/** Any spelling of an address's letter case. */
const spell = (random, address) => random.pick([address.toLowerCase(), getAddress(address), `0x${address.slice(2).toUpperCase()}`]);

function domains(random, count) {
  return Array.from({ length: count }, () => ({
    name: random.pick(["USDC", "USD Coin", "USD₮0", "Ünïcode €uro", "", " ", "a\"b\\c", "😀", random.text(40, [..."abc é€"])]),
    // viem leaves an empty version out of the domain's type; no token of ours has one
    version: random.pick(["2", "1", "v2.0", "€"]),
    chainId: random.number(52) || 1n,
    asset: random.hex(20),
  }));
}

test("domain separators are viem's", async () => {
  await each(domains(chance(), 1500), async ({ name, version, chainId, asset }) => {
    const domain = { name, version, chainId, verifyingContract: asset };
    assert.equal(await core.ask("separator", { name, version, network: `eip155:${chainId}`, asset }), hashDomain({ domain, types: DOMAIN_TYPES }));
  });
});

test("EIP-3009: the same digest, written as it was read, over extreme and ordinary values", async () => {
  const random = chance();
  const cases = domains(random, 3000).map((domain) => ({
    ...domain, from: random.hex(20), to: random.hex(20), value: random.number(), nonce: random.hex(32),
    validAfter: random.number(random.pick([40, 64, 64, 80])), validBefore: random.number(random.pick([40, 64, 64, 256])),
  }));
  const differences = new Differences({ "times of more than 64 bits are refused (threat A7)": true });
  await each(cases, async ({ name, version, chainId, asset, ...message }, _, random) => {
    const authorization = {
      from: spell(random, message.from), to: spell(random, message.to), value: String(message.value),
      validAfter: String(message.validAfter), validBefore: String(message.validBefore), nonce: random.maybe() ? message.nonce : `0x${message.nonce.slice(2).toUpperCase()}`,
    };
    const read = await core.ask("digest", { name, version, network: `eip155:${chainId}`, asset, authorization });
    if (read.refused) {
      assert.ok(message.validAfter > U64 || message.validBefore > U64);
      return differences.note("times of more than 64 bits are refused (threat A7)");
    }
    const types = { TransferWithAuthorization: authorizationTypes.TransferWithAuthorization };
    const domain = { name, version, chainId, verifyingContract: asset };
    assert.equal(read.digest, hashTypedData({ domain, types, primaryType: "TransferWithAuthorization", message }));
    assert.deepEqual(read.written, {
      from: getAddress(message.from), to: getAddress(message.to), value: authorization.value,
      validAfter: authorization.validAfter, validBefore: authorization.validBefore, nonce: message.nonce,
    });
  });
  differences.assertAllSeen();
});

test("Permit2, both proxies: the same digest, written as it was read", async () => {
  const random = chance();
  const cases = Array.from({ length: 3000 }, () => ({
    chainId: random.number(52) || 1n, upto: random.maybe(), from: random.hex(20), token: random.hex(20), amount: random.number(), spender: random.hex(20),
    nonce: random.number(), deadline: random.number(64), to: random.hex(20), facilitator: random.hex(20), validAfter: random.number(64),
  }));
  await each(cases, async ({ chainId, upto, from, token, amount, spender, nonce, deadline, to, facilitator, validAfter }, _, random) => {
    const permit2Authorization = {
      from: spell(random, from), permitted: { token: spell(random, token), amount: String(amount) }, spender: spell(random, spender), nonce: String(nonce),
      deadline: String(deadline), witness: { to: spell(random, to), ...(upto ? { facilitator: spell(random, facilitator) } : {}), validAfter: String(validAfter) },
    };
    const { digest, written } = await core.ask("digest", { network: `eip155:${chainId}`, asset: token, permit2Authorization });
    const message = { permitted: { token, amount }, spender, nonce, deadline, witness: { to, ...(upto ? { facilitator } : {}), validAfter } };
    const domain = { name: "Permit2", chainId, verifyingContract: PERMIT2_ADDRESS };
    const types = upto ? uptoPermit2WitnessTypes : permit2WitnessTypes;
    assert.equal(digest, hashTypedData({ domain, types, primaryType: "PermitWitnessTransferFrom", message }));
    assert.deepEqual(written, {
      from: getAddress(from), permitted: { token: getAddress(token), amount: String(amount) }, spender: getAddress(spender), nonce: String(nonce),
      deadline: String(deadline), witness: { to: getAddress(to), ...(upto ? { facilitator: getAddress(facilitator) } : {}), validAfter: String(validAfter) },
    });
  });
});

test("the proxies are those of the package", async () => {
  const seen = await core.ask("constants");
  assert.deepEqual(seen, { permit2: PERMIT2_ADDRESS, exactProxy: getAddress(x402ExactPermit2ProxyAddress), uptoProxy: getAddress(x402UptoPermit2ProxyAddress) });
});

/** The order of secp256k1 (SEC 2, section 2.4.1). */
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const twin = (signature) => {
  const s = N - BigInt(`0x${signature.slice(66, 130)}`);
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${signature.endsWith("1b") ? "1c" : "1b"}`;
};

test("A8 signatures: the signer that viem recovers, or refused for a reason", async () => {
  const random = chance();
  const signers = Array.from({ length: 20 }, (_, index) => account(`signer ${index}`));
  const cases = [];
  for (let index = 0; index < 3000; index += 1) {
    const digest = random.hex(32);
    const signature = await random.pick(signers).sign({ hash: digest });
    const damaged = random.pick([
      () => signature, () => signature, () => twin(signature),
      () => signature.slice(0, 130) + random.pick(["00", "01", "02", "1a", "1b", "1c", "1d", "ff"]),
      () => { const at = 2 + random.below(128); return signature.slice(0, at) + random.pick([..."0123456789abcdefABCDEF"]) + signature.slice(at + 1); },
      () => signature.slice(0, 2 + random.below(131)), () => signature + random.hex(random.pick([1, 32, 100])).slice(2), () => signature.slice(2),
      () => `0x${random.hex(64).slice(2)}${random.pick(["1b", "1c"])}`, () => `0x${"0".repeat(64)}${signature.slice(66)}`, () => `${signature.slice(0, 66)}${"0".repeat(64)}1b`,
      () => `0x${N.toString(16)}${signature.slice(66)}`, () => `${signature.slice(0, 66)}${N.toString(16)}1c`, () => `0x${"f".repeat(128)}1b`,
      () => `0X${signature.slice(2)}`, () => `0x${signature.slice(2).toUpperCase()}`, () => ` ${signature}`, () => `${signature}g`,
    ])();
    cases.push({ digest, signature: damaged });
  }
  const differences = new Differences({
    "s in the upper half is refused (EIP-2)": true, "no 0x, other spellings": true,
  });
  let recovered = 0;
  await each(cases, async ({ digest, signature }) => {
    const ours = await core.ask("recover", { digest, signature });
    const theirs = await recoverAddress({ hash: digest, signature }).catch(() => undefined);
    if (ours.signer) {
      recovered += 1;
      assert.equal(ours.signer, theirs);
    } else if (theirs !== undefined) {
      if (ours.refused === "high-s") {
        assert.ok(BigInt(`0x${signature.slice(66, 130)}`) > N / 2n);
        differences.note("s in the upper half is refused (EIP-2)");
      } else {
        assert.doesNotMatch(signature, /^0x[0-9a-fA-F]{130}$/);
        differences.note("no 0x, other spellings");
      }
    }
  });
  assert.ok(recovered > 600, `${recovered}`);
  differences.assertAllSeen();
});

test("every key's own signature is recovered to its address", async () => {
  const random = chance();
  await each(Array.from({ length: 500 }, () => [random.hex(32), random.hex(32)]), async ([key, digest]) => {
    const signature = await sign({ hash: digest, privateKey: key, to: "hex" });
    assert.equal((await core.ask("recover", { digest, signature })).signer, privateKeyToAddress(key));
  });
});
