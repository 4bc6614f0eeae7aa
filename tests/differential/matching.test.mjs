// The verdict on a payment's echo against @x402/core 2.27's `findMatchingRequirements`, and on what was signed against @x402/evm's
// facilitator, on generated changes of one field. Every difference is deliberate and stands in a table here; one that is not in
// the table, or no longer occurs, fails.
import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";
import { decodePaymentRequiredHeader } from "@x402/core/http";
import { x402ResourceServer } from "@x402/core/server";
import { authorizationTypes, permit2WitnessTypes, uptoPermit2WitnessTypes } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/facilitator";
import { UptoEvmScheme } from "@x402/evm/upto/facilitator";
import { hashTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { startBridge } from "../support/bridge.mjs";
import { at, others, paths, put } from "../support/mutate.mjs";
import { Differences, FACILITATOR, NETWORKS, NOW, PAY_TO, account, chance, clone, decode, each, encode, shop } from "./support.mjs";

const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
const EXACT_PROXY = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001";
const UPTO_PROXY = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002";
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const buyer = account("matching");
const one = shop({ random: `0x${"03".repeat(16)}`, ways: ["permit2", "upto"] });

let core;
let required;
before(async () => {
  core = await startBridge();
  required = decodePaymentRequiredHeader(await core.ask("offers", one));
  mock.timers.enable({ apis: ["Date"], now: NOW * 1000 });
});
after(() => {
  mock.timers.reset();
  return core?.stop();
});

/** The promise that answers an offer, without its signature. */
function promise(offer, nonce) {
  if (offer.extra.assetTransferMethod !== "permit2") {
    return { authorization: { from: buyer.address, to: offer.payTo, value: offer.amount, validAfter: "0", validBefore: String(NOW + 300), nonce } };
  }
  const upto = offer.scheme === "upto";
  return {
    permit2Authorization: {
      from: buyer.address, permitted: { token: offer.asset, amount: offer.amount }, spender: upto ? UPTO_PROXY : EXACT_PROXY, nonce: String(BigInt(nonce)),
      deadline: String(NOW + 300), witness: { to: offer.payTo, ...(upto ? { facilitator: offer.extra.facilitatorAddress } : {}), validAfter: "0" },
    },
  };
}

/** The digest of what a promise says, for the token and network of an offer. Throws where the promise is not one. */
function digestOf(payload, offer) {
  const chainId = Number(offer.network.split(":")[1]);
  const signed = payload.authorization;
  if (signed) {
    return hashTypedData({
      domain: { name: offer.extra.name, version: offer.extra.version, chainId, verifyingContract: offer.asset },
      types: { TransferWithAuthorization: authorizationTypes.TransferWithAuthorization }, primaryType: "TransferWithAuthorization",
      message: { ...signed, value: BigInt(signed.value), validAfter: BigInt(signed.validAfter), validBefore: BigInt(signed.validBefore) },
    });
  }
  const { permitted, spender, nonce, deadline, witness } = payload.permit2Authorization;
  return hashTypedData({
    domain: { name: "Permit2", chainId, verifyingContract: PERMIT2 },
    types: "facilitator" in witness ? uptoPermit2WitnessTypes : permit2WitnessTypes, primaryType: "PermitWitnessTransferFrom",
    message: {
      permitted: { token: permitted.token, amount: BigInt(permitted.amount) }, spender, nonce: BigInt(nonce), deadline: BigInt(deadline),
      witness: { ...witness, validAfter: BigInt(witness.validAfter) },
    },
  });
}

async function sign(payload, offer, key = buyer) {
  const hash = digestOf(payload, offer);
  return { signature: await key.sign({ hash }), ...payload };
}

test("echoes of every offer with one field changed: the same verdict as @x402/core, but for what is named", async () => {
  const server = new x402ResourceServer();
  const random = chance();
  const cases = [];
  for (let index = 0; index < 3000; index += 1) {
    const offer = required.accepts[index % required.accepts.length];
    const accepted = clone(offer);
    const path = random.maybe(0.85) ? random.pick(paths(offer)) : random.maybe() ? [random.pick(["decimals", "maxAmountRequired", "x", "resource"])]
      : ["extra", random.pick(["assetTransferMethod", "paymentFlow", "facilitatorAddress", "note", "feePayer", "decimals"])];
    const known = path[0] === "extra" && path.length > 1 && ["permit2", "eip3009", "erc7710", "authorization", "upfront", "escrow", FACILITATOR];
    put(accepted, path, known && random.maybe(0.7) ? random.pick(known) : others(random, at(offer, path)));
    cases.push({ path: path.join("."), offer, accepted, nonce: random.hex(32) });
  }
  const differences = new Differences({
    // more lenient, for nothing but what was signed moves money
    "addresses in another letter case (threat C6)": "accepts",
    "unknown members of the echo": "accepts",
    "no quote, or one that does not open: today's offer needs none": "accepts",
    "nothing of how long it opens: as long as today": "accepts",
    // stricter, for these members say what is paid and how
    "extra says another way to pay than was offered": "refuses",
    "extra has a member of ours that is not a string": "refuses",
  });
  let accepted = 0;
  await each(cases, async ({ path, offer, accepted: echo, nonce }) => {
    const payment = { x402Version: 2, resource: required.resource, accepted: echo, payload: await sign(promise(offer, nonce), offer) };
    const verdict = await core.ask("check", { ...one, version: 2, header: encode(payment) });
    const wire = decode(encode(payment));
    const theirs = server.findMatchingRequirements(required.accepts, wire);
    if (verdict.payer) {
      accepted += 1;
      assert.deepEqual({ ...verdict.offer, extra: undefined }, { ...offer, extra: undefined }, "ours, not the echo");
      assert.equal(verdict.payer, buyer.address);
      assert.equal(verdict.late, null);
    }
    if (theirs && verdict.payer) return assert.deepEqual({ ...theirs, extra: { ...theirs.extra, quote: undefined } }, { ...verdict.offer, extra: { ...verdict.offer.extra, quote: undefined } });
    if (!theirs && !verdict.payer) return undefined;
    const echoed = at(wire.accepted, path.split("."));
    if (verdict.payer) {
      const sameBytes = typeof echoed === "string" && echoed.toLowerCase() === String(at(offer, path.split("."))).toLowerCase();
      if (["asset", "payTo", "extra.facilitatorAddress"].includes(path) && sameBytes) return differences.note("addresses in another letter case (threat C6)");
      if (!(path in offer) && !path.includes(".")) return differences.note("unknown members of the echo");
      if (path === "extra.quote") return differences.note("no quote, or one that does not open: today's offer needs none");
      if (path === "extra.accessSeconds" && (echoed === undefined || echoed === null)) return differences.note("nothing of how long it opens: as long as today");
      return differences.note(`accepted with another ${path}`, { echoed, verdict });
    }
    const ways = ["extra.assetTransferMethod", "extra.paymentFlow", "extra.facilitatorAddress"];
    if (ways.includes(path) && typeof echoed === "string") return differences.note("extra says another way to pay than was offered");
    if (ways.includes(path)) return differences.note("extra has a member of ours that is not a string");
    return differences.note(`refused with another ${path}`, { echoed, verdict });
  });
  differences.assertAllSeen();
  assert.ok(accepted > 300, `${accepted}`);
});

/** Whether every address has 20 bytes and an EIP-3009 nonce 32, behind a lower-case 0x. */
function plainHex({ authorization, permit2Authorization }) {
  const { from, to, nonce } = authorization ?? {};
  const { permitted, spender, witness } = permit2Authorization ?? {};
  const addresses = authorization ? [from, to] : [permit2Authorization.from, permitted.token, spender, ...Object.values(witness).filter((item) => item !== witness.validAfter)];
  return addresses.every((text) => /^0x[0-9a-fA-F]{40}$/.test(text)) && (!authorization || /^0x[0-9a-fA-F]{64}$/.test(nonce));
}

/** What the facilitators of @x402/evm ask a chain, where every account is a key's and every transfer goes through. */
function easyChain(tokens) {
  const isToken = (address) => tokens.some((token) => token.toLowerCase() === address.toLowerCase());
  return {
    getAddresses: () => [FACILITATOR],
    getCode: async ({ address }) => (isToken(address) || [PERMIT2, EXACT_PROXY, UPTO_PROXY].some((known) => known.toLowerCase() === address.toLowerCase()) ? "0x60" : "0x"),
    readContract: async ({ functionName }) => (/allowance|balance/i.test(functionName) ? 2n ** 255n : functionName === "PERMIT2" ? PERMIT2 : undefined),
    verifyTypedData: async () => { throw new Error("not asked"); },
    writeContract: async () => { throw new Error("verification sends nothing"); },
    sendTransaction: async () => { throw new Error("verification sends nothing"); },
    waitForTransactionReceipt: async () => { throw new Error("verification sends nothing"); },
  };
}

test("what was signed, one field changed and signed anew or not: the facilitator's verdict, but for what is named", async () => {
  const chain = easyChain(Object.values(NETWORKS).map(({ asset }) => asset));
  const schemes = { exact: new ExactEvmScheme(chain), upto: new UptoEvmScheme(chain) };
  const thief = privateKeyToAccount(`0x${"77".repeat(32)}`);
  const random = chance();
  const cases = [];
  for (let index = 0; index < 3000; index += 1) {
    const offer = clone(required.accepts[index % required.accepts.length]);
    const payload = promise(offer, random.hex(32));
    const path = random.pick(paths(payload).filter((path) => path.length > 1));
    const how = random.pick(["field", "field", "field", "time", "none", "thief", "high s", "signature"]);
    if (how === "field") put(payload, path, others(random, at(payload, path)));
    if (how === "time") {
      const edge = random.pick([NOW - 1, NOW, NOW + 1, NOW + 5, NOW + 6, NOW + 7, NOW + 329, NOW + 330, NOW + 331, NOW + 100_000, 0, "18446744073709551615", "18446744073709551616", String(2n ** 256n - 1n)]);
      const place = payload.authorization ? random.pick([["authorization", "validAfter"], ["authorization", "validBefore"]])
        : random.pick([["permit2Authorization", "deadline"], ["permit2Authorization", "witness", "validAfter"]]);
      put(payload, place, String(edge));
    }
    cases.push({ offer, payload, how, path: path.join("."), again: how !== "field" || random.maybe(0.7), extra: random.hex(8) });
  }
  const differences = new Differences({
    "s in the upper half (EIP-2, threat A8)": "refuses",
    "numbers in other spellings: leading zeros, hex, white space, JSON numbers (threat A6)": "refuses",
    "valid for longer than was offered (threat A7)": "refuses",
    "hex of another length or spelling (threat C6)": "refuses",
  });
  let accepted = 0;
  await each(cases, async ({ offer, payload, how, again, extra }, _, random) => {
    let signed;
    const original = promise(offer, random.hex(32));
    try { signed = await sign(again ? payload : original, offer, how === "thief" ? thief : buyer); } catch { signed = await sign(original, offer); }
    let { signature } = signed;
    if (how === "high s") signature = `${signature.slice(0, 66)}${(N - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, "0")}${signature.endsWith("1b") ? "1c" : "1b"}`;
    if (how === "signature") signature = signature.slice(0, 40) + extra.slice(2) + signature.slice(56);
    const payment = { x402Version: 2, accepted: offer, payload: { signature, ...payload } };
    const wire = decode(encode(payment));
    const verdict = await core.ask("check", { ...one, version: 2, header: encode(payment) });
    const theirs = await schemes[offer.scheme].verify(wire, offer, undefined).catch((error) => ({ isValid: false, invalidReason: `threw: ${error.message}` }));
    const begins = Boolean(verdict.payer) && verdict.late === null;
    if (begins) {
      accepted += 1;
      assert.ok(theirs.isValid, `taken by us, refused by the facilitator: ${JSON.stringify(theirs)}`);
    } else if (theirs.isValid) {
      const { authorization, permit2Authorization } = wire.payload;
      const numbers = authorization ? [authorization.value, authorization.validAfter, authorization.validBefore]
        : [permit2Authorization.permitted.amount, permit2Authorization.nonce, permit2Authorization.deadline, permit2Authorization.witness.validAfter];
      const until = authorization ? authorization.validBefore : permit2Authorization.deadline;
      if (how === "high s") return differences.note("s in the upper half (EIP-2, threat A8)");
      if (numbers.some((number) => typeof number !== "string" || !/^(0|[1-9]\d*)$/.test(number))) return differences.note("numbers in other spellings: leading zeros, hex, white space, JSON numbers (threat A6)");
      if (BigInt(until) > BigInt(NOW + 330)) return differences.note("valid for longer than was offered (threat A7)");
      if (!plainHex(wire.payload)) return differences.note("hex of another length or spelling (threat C6)");
      differences.note(`refused: ${verdict.problem}`, { theirs, verdict });
    }
    return undefined;
  });
  differences.assertAllSeen();
  assert.ok(accepted > 300, `${accepted}`);
});

test("v1: what was signed, one field changed: the facilitator's verdict, but for what is named", async () => {
  const chain = easyChain(Object.values(NETWORKS).map(({ asset }) => asset));
  const scheme = new ExactEvmSchemeV1(chain);
  const { answer } = await core.ask("decide", { ...one, ways: undefined });
  const { accepts } = JSON.parse(answer.body);
  const random = chance();
  const cases = Array.from({ length: 2000 }, (_, index) => {
    const offer = accepts[index % accepts.length];
    const { asset, name, version } = Object.values(NETWORKS).find(({ slug }) => slug === offer.network);
    const network = Object.keys(NETWORKS).find((key) => NETWORKS[key].slug === offer.network);
    const v2 = { network, asset, payTo: PAY_TO, amount: offer.maxAmountRequired, extra: { name, version } };
    const payload = promise(v2, random.hex(32));
    const path = random.pick([...paths(payload).filter((path) => path.length > 1), ["network"], ["scheme"]]);
    const payment = { x402Version: 1, scheme: "exact", network: offer.network };
    const changes = random.maybe(0.8);
    if (changes && path.length === 1) put(payment, path, random.pick([others(random, payment[path[0]]), "base", "base-sepolia", "polygon", "upto", "eip155:84532"]));
    else if (changes) put(payload, path, others(random, at(payload, path)));
    return { offer, v2, payment, payload, again: random.maybe(0.7), spare: promise(v2, random.hex(32)) };
  });
  const differences = new Differences({
    "numbers in other spellings: leading zeros, hex, white space, JSON numbers (threat A6)": "refuses",
    "valid for longer than was offered (threat A7)": "refuses",
    "hex of another length or spelling (threat C6)": "refuses",
  });
  let accepted = 0;
  await each(cases, async ({ offer, v2, payment, payload, again, spare }) => {
    let signature;
    try { ({ signature } = await sign(again ? payload : spare, v2)); } catch { ({ signature } = await sign(spare, v2)); }
    const whole = { ...payment, payload: { signature, ...payload } };
    const wire = decode(encode(whole));
    const verdict = await core.ask("check", { ...one, ways: undefined, version: 1, header: encode(whole) });
    const theirs = await scheme.verify(wire, offer).catch((error) => ({ isValid: false, invalidReason: `threw: ${error.message}` }));
    if (verdict.payer && verdict.late === null) {
      accepted += 1;
      assert.ok(theirs.isValid || wire.network !== offer.network, JSON.stringify(theirs));
    } else if (theirs.isValid) {
      const { value, validAfter, validBefore } = wire.payload.authorization;
      if ([value, validAfter, validBefore].some((number) => typeof number !== "string" || !/^(0|[1-9]\d*)$/.test(number))) return differences.note("numbers in other spellings: leading zeros, hex, white space, JSON numbers (threat A6)");
      if (!plainHex(wire.payload)) return differences.note("hex of another length or spelling (threat C6)");
      if (BigInt(validBefore) > BigInt(NOW + 330)) return differences.note("valid for longer than was offered (threat A7)");
      differences.note(`refused: ${verdict.problem}`, { theirs, verdict });
    }
    return undefined;
  });
  differences.assertAllSeen();
  assert.ok(accepted > 300, `${accepted}`);
});
