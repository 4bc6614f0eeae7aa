// Permit2 payment headers built by hand, for exact and upto, every field of which can be wrong; and rebuilt from a chain's call data.
import { randomBytes } from "node:crypto";
import { x402ExactPermit2ProxyABI, x402UptoPermit2ProxyABI } from "@x402/evm";
import { decodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { payer } from "./accounts.mjs";
import { assemble } from "./pay.mjs";
import { EXACT_PROXY, PERMIT2, UPTO_PROXY } from "./places.mjs";

const fields = (...list) => list.map((field) => ({ type: field.split(" ")[0], name: field.split(" ")[1] }));

/** EIP-712 types of what a payer signs, by scheme. */
export const PERMIT2_TYPES = Object.fromEntries(["exact", "upto"].map((scheme) => [scheme, {
  PermitWitnessTransferFrom: fields("TokenPermissions permitted", "address spender", "uint256 nonce", "uint256 deadline", "Witness witness"),
  TokenPermissions: fields("address token", "uint256 amount"),
  Witness: fields("address to", ...(scheme === "upto" ? ["address facilitator"] : []), "uint256 validAfter"),
}]));

/** A nonce as these payloads have it: a decimal number of 256 bits. */
export const randomPermit2Nonce = () => BigInt(`0x${randomBytes(32).toString("hex")}`).toString();

/**
 * As `signPayment`, for an offer by Permit2. `overrides` is put in before signing: {authorization (permit2Authorization), witness,
 * domain}; and after signing as there.
 * @returns {Promise<{name: string, value: string, headers: Record<string, string>, payload: object, permit2Authorization: object, signature: string}>}
 */
export async function signPermit2Payment({
  offer, index = 0, key = payer.key, nonce = randomPermit2Nonce(), validAfter = 0, deadline, overrides = {}, tamper = (payload) => payload,
}) {
  const account = privateKeyToAccount(key);
  const accepted = offer.accepts[index];
  const { scheme } = accepted;
  const now = Math.floor(Date.now() / 1000);
  const permit2Authorization = {
    from: account.address,
    permitted: { token: accepted.asset, amount: accepted.amount },
    spender: scheme === "upto" ? UPTO_PROXY : EXACT_PROXY,
    nonce: String(nonce),
    deadline: String(deadline ?? now + accepted.maxTimeoutSeconds),
    witness: {
      to: accepted.payTo, ...(scheme === "upto" && { facilitator: accepted.extra.facilitatorAddress }), validAfter: String(validAfter), ...overrides.witness,
    },
    ...overrides.authorization,
  };
  const { from, ...message } = permit2Authorization;
  const signature = overrides.signature ?? await account.signTypedData({
    domain: { name: "Permit2", chainId: Number(accepted.network.split(":")[1]), verifyingContract: PERMIT2, ...overrides.domain },
    types: PERMIT2_TYPES[scheme], primaryType: "PermitWitnessTransferFrom", message,
  });
  return assemble({ offer, accepted, core: { permit2Authorization, signature }, overrides, tamper });
}

/** As `rebuildFromCallData`: what anybody can make of a transaction that settled a Permit2 payment (`tx` has `input`). */
export function rebuildPermit2FromCallData(tx, { offer, index = 0, overrides = {}, tamper = (payload) => payload }) {
  const accepted = offer.accepts[index];
  const upto = accepted.scheme === "upto";
  const { functionName, args } = decodeFunctionData({ abi: upto ? x402UptoPermit2ProxyABI : x402ExactPermit2ProxyABI, data: tx.input });
  const [{ permitted, nonce, deadline }, ...rest] = functionName === "settleWithPermit" ? args.slice(1) : args;
  const [owner, witness, signature] = upto ? rest.slice(1) : rest;
  const text = (value) => (typeof value === "bigint" ? String(value) : value);
  const plain = (object) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, text(value)]));
  const permit2Authorization = {
    from: owner, permitted: plain(permitted), spender: upto ? UPTO_PROXY : EXACT_PROXY, nonce: text(nonce), deadline: text(deadline),
    witness: plain(witness), ...overrides.authorization,
  };
  return assemble({ offer, accepted, core: { permit2Authorization, signature: overrides.signature ?? signature }, overrides, tamper });
}
