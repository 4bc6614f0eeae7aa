// A facilitator that answers at once in the official form, and a node of a chain on which nothing has happened. Who is in `FORGED` did
// not sign what is said to be theirs. Counts what it is asked.
let asked = 0;

const transaction = (nonce) => `0x${nonce.slice(2).split("").reverse().join("")}`;
const NODE = {
  eth_chainId: "0x14a34",
  eth_blockNumber: "0x1000000",
  eth_call: `0x${"0".repeat(64)}`,
  eth_getTransactionReceipt: null,
  eth_getLogs: [],
};

const ANSWERS = {
  "/supported": () => ({ kinds: [{ x402Version: 2, scheme: "exact", network: "eip155:84532" }], extensions: [], signers: {} }),
  "/verify": ({ paymentPayload }, env) => {
    const payer = paymentPayload.payload.authorization.from;
    return payer === env.FORGED ? { isValid: false, invalidReason: "invalid_exact_evm_payload_signature", payer } : { isValid: true, payer };
  },
  "/settle": ({ paymentPayload, paymentRequirements }) => {
    const { from, nonce } = paymentPayload.payload.authorization;
    return { success: true, payer: from, transaction: transaction(nonce), network: paymentRequirements.network };
  },
  "/rpc": ({ id, method }) => ({ jsonrpc: "2.0", id, ...(method in NODE ? { result: NODE[method] } : { error: { code: -32601, message: "not offered here" } }) }),
};

export default {
  async fetch(request, env) {
    const path = new URL(request.url).pathname;
    if (path === "/.asked") return new Response(String(asked));
    asked += 1;
    const answer = ANSWERS[path];
    if (!answer) return new Response("", { status: 404 });
    return Response.json(answer(request.method === "POST" ? await request.json() : undefined, env));
  },
};
