// Paying: the official clients as they are published, and payment headers built by hand, every field of which can be wrong.
import { randomBytes } from "node:crypto";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/client";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { decodeFunctionData, parseAbi } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { wrapFetchWithPayment as wrapFetchV1 } from "x402-fetch";
import { payer } from "./accounts.mjs";

const V1_NAMES = { "eip155:84532": "base-sepolia", "eip155:8453": "base" };

/**
 * `fetch` that pays: @x402/fetch, v2 with exact and upto on EVM, and v1 with exact.
 * `account`: signs instead of `key`. `rpc`: the chain, for approvals by signature (EIP-2612). `assets`: tokens it pays in besides the
 * ones it knows. `extend(client)`: what it does besides, or an x402HTTPClient around it.
 */
export function officialFetch({
  key = payer.key, account = privateKeyToAccount(key), network = "eip155:84532", fetch = globalThis.fetch, rpc, assets = [],
  extend = (client) => client,
} = {}) {
  const options = rpc && { rpcUrl: rpc };
  const client = new x402Client()
    .register(network, new ExactEvmScheme(account, options))
    .register(network, new UptoEvmScheme(account, options))
    .registerV1(V1_NAMES[network], new ExactEvmSchemeV1(account))
    .setSpendControls({ allowedAssets: assets.map((asset) => ({ network, asset })) });
  return wrapFetchWithPayment(fetch, extend(client));
}

/** `fetch` that pays: x402-fetch 1.2 (v1). Its default limit is 0.10 USDC. */
export function officialFetchV1({ key = payer.key, max = 100_000_000n, fetch = globalThis.fetch } = {}) {
  return wrapFetchV1(fetch, privateKeyToAccount(key), max);
}

export const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64");
export const decode = (header) => JSON.parse(Buffer.from(header, "base64").toString("utf8"));

/** The offers in a 402: {v2: PaymentRequired or undefined, v1: body or undefined}. */
export async function offersIn(response) {
  const header = response.headers.get("payment-required");
  const text = await response.clone().text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return { v2: header ? decode(header) : undefined, v1: body?.x402Version === 1 ? body : undefined };
}

/** The settlement a paid answer reports, whichever of the two headers carries it. */
export function settlementIn(response) {
  const header = response.headers.get("payment-response") ?? response.headers.get("x-payment-response");
  return header ? decode(header) : undefined;
}

const CHAINS = { base: 8453, "base-sepolia": 84532 };
export const TRANSFER_TYPES = {
  TransferWithAuthorization: [
    { name: "from", type: "address" }, { name: "to", type: "address" }, { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" }, { name: "validBefore", type: "uint256" }, { name: "nonce", type: "bytes32" },
  ],
};
export const randomNonce = () => `0x${randomBytes(32).toString("hex")}`;
/** A nonce as our own clients make it: it begins with the tag of the offer's quote. */
export const nonceFor = (offer, index = 0) => `0x${Buffer.from(offer.accepts[index].extra.quote.split(".")[2], "base64url").subarray(0, 16).toString("hex")}${randomBytes(16).toString("hex")}`;

/**
 * A payment header made by hand.
 * @param {object} options
 * `offer`: a decoded PAYMENT-REQUIRED (v2) or a v1 body, `index` the entry of its `accepts`. `overrides` is put in before
 * signing: {authorization, domain} with any of their fields; and after signing: {signature, accepted, resource, extensions,
 * payload (merged over the whole)}. `tamper(payload)` may change or replace the finished payload.
 * @returns {Promise<{name: string, value: string, headers: Record<string, string>, payload: object, authorization: object, signature: string}>}
 */
export async function signPayment({
  offer, index = 0, key = payer.key, nonce = randomNonce(), validAfter, validBefore, overrides = {}, tamper = (payload) => payload,
}) {
  const account = privateKeyToAccount(key);
  const accepted = offer.accepts[index];
  const now = Math.floor(Date.now() / 1000);
  const authorization = {
    from: account.address,
    to: accepted.payTo,
    value: accepted.amount ?? accepted.maxAmountRequired,
    validAfter: String(validAfter ?? 0),
    validBefore: String(validBefore ?? now + accepted.maxTimeoutSeconds),
    nonce,
    ...overrides.authorization,
  };
  const domain = {
    name: accepted.extra?.name, version: accepted.extra?.version,
    chainId: CHAINS[accepted.network] ?? Number(accepted.network.split(":")[1]), verifyingContract: accepted.asset,
    ...overrides.domain,
  };
  const signature = overrides.signature ?? await account.signTypedData({
    domain, types: TRANSFER_TYPES, primaryType: "TransferWithAuthorization",
    message: {
      ...authorization, value: BigInt(authorization.value),
      validAfter: BigInt(authorization.validAfter), validBefore: BigInt(authorization.validBefore),
    },
  });
  return assemble({ offer, accepted, core: { authorization, signature }, overrides, tamper });
}

/**
 * What anybody can make of a settled payment: the header rebuilt from the transaction's call data (threat A16).
 * `tx` has `input` (viem's `getTransaction`); `offer` as for `signPayment`.
 */
export function rebuildFromCallData(tx, { offer, index = 0, overrides = {}, tamper = (payload) => payload }) {
  const { args } = decodeFunctionData({
    abi: parseAbi([
      "function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
      "function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
    ]),
    data: tx.input,
  });
  const [from, to, value, validAfter, validBefore, nonce, ...rest] = args;
  const signature = rest.length === 1 ? rest[0] : `${rest[1]}${rest[2].slice(2)}${rest[0].toString(16).padStart(2, "0")}`;
  const authorization = {
    from, to, value: String(value), validAfter: String(validAfter), validBefore: String(validBefore), nonce, ...overrides.authorization,
  };
  const core = { authorization, signature: overrides.signature ?? signature };
  return assemble({ offer, accepted: offer.accepts[index], core, overrides, tamper });
}

/** The header around `core`, the scheme's own part: {signature} and what was signed. Options as for `signPayment`. */
export function assemble({ offer, accepted, core, overrides, tamper }) {
  const v1 = offer.x402Version === 1;
  const payload = tamper({
    ...(v1
      ? { x402Version: 1, scheme: accepted.scheme, network: accepted.network, payload: core }
      : {
          x402Version: 2, resource: overrides.resource ?? offer.resource, accepted: { ...accepted, ...overrides.accepted }, payload: core,
          ...(offer.extensions || overrides.extensions ? { extensions: { ...offer.extensions, ...overrides.extensions } } : {}),
        }),
    ...overrides.payload,
  });
  const name = v1 ? "X-PAYMENT" : "PAYMENT-SIGNATURE";
  const value = encode(payload);
  return { name, value, headers: { [name]: value }, payload, ...core };
}
