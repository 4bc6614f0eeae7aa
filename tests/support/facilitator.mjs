// The official facilitator library in a small HTTP shell of ours (the library has none), settling on the given chain.
import { createServer } from "node:http";
import { x402Facilitator } from "@x402/core/facilitator";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/facilitator";
import { UptoEvmScheme } from "@x402/evm/upto/facilitator";
import { EIP2612_GAS_SPONSORING } from "@x402/extensions";
import { createWalletClient, defineChain, http, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { listen } from "../../tools/lib/processes.mjs";
import { facilitator as defaultAccount } from "./accounts.mjs";
import { readBody, sendJson } from "./http.mjs";
import { WALLET_FACTORY } from "./places.mjs";

const V1_NAMES = { 84532: "base-sepolia", 8453: "base" };

// One transaction is sent after the other, so that one that fails before it is sent leaves no gap in the account's nonces.
function inTurn(send) {
  let last = Promise.resolve();
  return (...args) => {
    const next = last.then(() => send(...args));
    last = next.catch(() => {});
    return next;
  };
}

/**
 * @param {{rpc: string, key?: `0x${string}`, port?: number, confirmationTimeoutMs?: number}} options
 * `rpc` is the chain's URL; the chain id is asked there.
 */
export async function startFacilitator({ rpc, key = defaultAccount.key, port = 0, confirmationTimeoutMs }) {
  const account = privateKeyToAccount(key);
  const transport = http(rpc, { retryCount: 0 });
  const chainId = await createWalletClient({ transport }).getChainId();
  const chain = defineChain({
    id: chainId, name: "local", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [rpc] } },
  });
  const client = createWalletClient({ account, chain, transport, pollingInterval: 50, cacheTime: 0 }).extend(publicActions);
  const signer = toFacilitatorEvmSigner({
    address: account.address,
    getCode: (args) => client.getCode(args),
    readContract: (args) => client.readContract({ ...args, args: args.args ?? [] }),
    verifyTypedData: (args) => client.verifyTypedData(args),
    writeContract: inTurn((args) => client.writeContract(args)),
    sendTransaction: inTurn((args) => client.sendTransaction(args)),
    waitForTransactionReceipt: (args) => client.waitForTransactionReceipt(args),
  }, { confirmationTimeoutMs });
  // Wallets that are not there yet are made by our factory only; without this none would be.
  const options = { eip6492AllowedFactories: [WALLET_FACTORY] };
  const facilitator = new x402Facilitator()
    .register(`eip155:${chainId}`, new ExactEvmScheme(signer, options))
    .register(`eip155:${chainId}`, new UptoEvmScheme(signer))
    .registerExtension(EIP2612_GAS_SPONSORING);
  if (V1_NAMES[chainId]) facilitator.registerV1(V1_NAMES[chainId], new ExactEvmSchemeV1(signer, options));

  const calls = { supported: 0, verify: 0, settle: 0 };
  const log = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://facilitator").pathname;
    const name = path.slice(1);
    try {
      if (request.method === "GET" && path === "/healthz") return sendJson(response, 200, { ok: true });
      if (request.method === "GET" && path === "/supported") {
        calls.supported += 1;
        return sendJson(response, 200, facilitator.getSupported());
      }
      if (request.method === "POST" && (name === "verify" || name === "settle")) {
        calls[name] += 1;
        const entry = { path, body: await readBody(request, "json"), answer: undefined };
        log.push(entry);
        entry.answer = await facilitator[name](entry.body.paymentPayload, entry.body.paymentRequirements);
        return sendJson(response, 200, entry.answer);
      }
      sendJson(response, 404, { error: "not found" });
    } catch (error) {
      // What is thrown instead of answered (an unknown network, a missing payload) is the shell's to say.
      sendJson(response, error instanceof SyntaxError ? 400 : 500, { error: error.message });
    }
  });
  const bound = await listen(server, port);
  return {
    url: `http://127.0.0.1:${bound}`,
    address: account.address,
    /** How often each endpoint was asked. */
    calls,
    /** [{path, body, answer}] of every /verify and /settle, in order of arrival. */
    log,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
