// What the tests of the paying client share: servers that play a part, and an account that counts what it signs.
import { createServer } from "node:http";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { listen } from "../../tools/lib/processes.mjs";
import { decode, encode } from "../support/pay.mjs";
import { TOKEN } from "../support/places.mjs";

/** An offer that nothing is wrong with: one cent. */
export const GOOD = {
  scheme: "exact", network: "eip155:84532", amount: "10000", asset: TOKEN, payTo: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
  maxTimeoutSeconds: 300, extra: { name: "USDC", version: "2" },
};
/** The same in the first version of the protocol. */
export const GOOD_V1 = {
  scheme: "exact", network: "base-sepolia", maxAmountRequired: "10000", resource: "", description: "", mimeType: "", asset: TOKEN, payTo: GOOD.payTo,
  maxTimeoutSeconds: 300, extra: GOOD.extra,
};

/** An account that signs, and what it has signed. */
export function counting(account = privateKeyToAccount(generatePrivateKey())) {
  const signed = [];
  return {
    signed,
    signer: { address: account.address, signTypedData: (data) => { signed.push(data.message); return account.signTypedData(data); } },
  };
}

/** The payment that a request carries. */
export const paymentOf = ({ headers }) => headers["payment-signature"] ?? headers["x-payment"];
/** What names it, whatever else is sent along. */
export const nonceOf = (header) => {
  const { payload } = decode(header);
  return payload.authorization?.nonce ?? payload.permit2Authorization.nonce;
};

/** Asks to be paid. */
export function demand(response, offer = GOOD, { headers = {}, ...more } = {}) {
  response.writeHead(402, { "payment-required": encode({ x402Version: 2, error: "", accepts: [offer].flat(), ...more }), ...headers });
  response.end("{}");
}

/** A server that does `play(request, response)`; `asked` holds what came: {path, headers, payment}. */
export async function stage(t, play) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ path: request.url, headers: request.headers, payment: paymentOf(request) });
    response.on("error", () => {});
    play(request, response);
  });
  const site = `http://127.0.0.1:${await listen(server)}`;
  t.after(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
  return { site, asked, payments: () => asked.filter(({ payment }) => payment) };
}
