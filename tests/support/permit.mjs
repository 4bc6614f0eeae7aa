// Permit2 payments made by hand, for `exact` and `upto`, every field of which can be wrong.
import { randomBytes } from "node:crypto";
import { privateKeyToAccount } from "viem/accounts";
import { encode } from "./pay.mjs";
import { EXACT_PROXY, PERMIT2, UPTO_PROXY } from "./places.mjs";

const witness = (upto) => [{ name: "to", type: "address" }, ...(upto ? [{ name: "facilitator", type: "address" }] : []), { name: "validAfter", type: "uint256" }];

/** The typed data's types, with or without the facilitator in the witness. */
export const permitTypes = (upto) => ({
  PermitWitnessTransferFrom: [
    { name: "permitted", type: "TokenPermissions" }, { name: "spender", type: "address" }, { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" }, { name: "witness", type: "Witness" },
  ],
  TokenPermissions: [{ name: "token", type: "address" }, { name: "amount", type: "uint256" }],
  Witness: witness(upto),
});

/**
 * A payment header by Permit2. `offer`: a decoded PAYMENT-REQUIRED, `index` the entry of its `accepts`. `change(permit)` may alter the
 * permit before it is signed, `tamper(payload)` the finished payload.
 */
export async function signPermit({ offer, index = 0, key, nonce, deadline, change = (permit) => permit, tamper = (payload) => payload }) {
  const account = privateKeyToAccount(key);
  const accepted = offer.accepts[index];
  const upto = accepted.scheme === "upto";
  const permit = change({
    from: account.address,
    permitted: { token: accepted.asset, amount: accepted.amount },
    spender: upto ? UPTO_PROXY : EXACT_PROXY,
    nonce: String(nonce ?? BigInt(`0x${randomBytes(32).toString("hex")}`)),
    deadline: String(deadline ?? Math.floor(Date.now() / 1000) + accepted.maxTimeoutSeconds),
    witness: { to: accepted.payTo, ...(upto && { facilitator: accepted.extra.facilitatorAddress }), validAfter: "0" },
  });
  const { from, ...message } = permit;
  const signature = await account.signTypedData({
    domain: { name: "Permit2", chainId: Number(accepted.network.split(":")[1]), verifyingContract: PERMIT2 },
    types: permitTypes(upto), primaryType: "PermitWitnessTransferFrom", message,
  });
  const payload = tamper({ x402Version: 2, resource: offer.resource, accepted, payload: { signature, permit2Authorization: permit } });
  const value = encode(payload);
  return { name: "PAYMENT-SIGNATURE", value, headers: { "PAYMENT-SIGNATURE": value }, payload, permit, signature };
}
