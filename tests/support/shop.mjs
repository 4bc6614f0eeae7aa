// A small shop whose facilitator and chain can be made to misbehave, for tests of what the newspaper does not sell: permits, metered
// pages, money first, contract wallets. Several Workers may stand before one origin.
import { getAddress } from "viem";
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from "viem/accounts";
import { facilitator as facilitatorAccount, payTo } from "./accounts.mjs";
import { startChain } from "./chain.mjs";
import { startEdge } from "./edge.mjs";
import { startFacilitator } from "./facilitator.mjs";
import { startHostile } from "./hostile-facilitator.mjs";
import { randomKeys } from "./newspaper.mjs";
import { startOrigin } from "./origin.mjs";
import { signPermit2Payment } from "./pay-permit2.mjs";
import { TRANSFER_TYPES, offersIn, signPayment } from "./pay.mjs";
import { startParts } from "./parts.mjs";

/** What the shop's origin answers where nothing else is said. */
export const page = (path) => `<h1>What is sold at ${path}</h1>`;

/**
 * @param {object} options
 * `routes` of the configuration; `edges`: by name the `networks` of each Worker, as a function of the chain's; `origin`: more routes
 * of the origin; `extensions`, `offers` and `timeoutSeconds` as in the configuration; `config`: more of it; `cache` of the origin; `keys`:
 * FARTHING_KEYS; `books` and `build` as for `startEdge`. More Workers are opened with what it gives.
 */
export async function startShop({ routes, edges, origin: more = {}, extensions, offers, books, timeoutSeconds = 2, config: moreConfig = {}, cache, keys = randomKeys(), build }) {
  const { add, stop } = startParts();
  try {
    const chain = await add(startChain());
    const facilitator = await add(startFacilitator({ rpc: chain.url }));
    const bad = await add(startHostile({ target: facilitator.url }));
    const badRpc = await add(startHostile({ target: chain.url }));
    const origin = await add(startOrigin({
      routes: {
        ...more,
        "/*": (request, response, url) => {
          response.writeHead(200, { "content-type": "text/html" });
          response.end(page(url.pathname));
        },
      },
    }));
    /** One more Worker before it; `its`: more of its config, `rest` as for `startEdge`. What it gives has the `config` as well. */
    const open = async ({ networks = (network) => [network], config: its, ...rest }) => {
      const made = {};
      const config = (site) => Object.assign(made, {
        site, origin: { url: origin.url, ...(cache && { cache }) }, payTo: { eip155: payTo.address }, money: "real", networks: networks(chain.network),
        settlement: {
          facilitators: [{ url: bad.url, address: facilitatorAccount.address, contractWallets: true }],
          rpc: { [chain.network]: [badRpc.url] }, timeoutSeconds,
        },
        ...(extensions && { extensions }), ...(offers && { offers }), ...moreConfig, routes, ...its,
      });
      return Object.assign(await add(startEdge({ config, keys, books, build, ...rest })), { config: made });
    };
    const workers = {};
    for (const [name, networks] of Object.entries(edges)) workers[name] = await open({ networks });

    const transfers = async (address) => (await chain.transfersTo()).filter((transfer) => transfer.from === address);
    /** Somebody new, who deals with one of the Workers; `approve`: has approved Permit2. */
    async function newPayer({ approve = true, edge, funds = 10_000_000n }) {
      const key = generatePrivateKey();
      await chain.setBalance(privateKeyToAddress(key), funds);
      if (approve) await chain.approvePermit2(key);
      return payerWith(key, edge);
    }
    function payerWith(key, edge) {
      const address = privateKeyToAddress(key);
      const ask = (path, headers = {}) => fetch(edge.url + path, { redirect: "manual", headers });
      const offer = async (path) => (await offersIn(await ask(path))).v2;
      return {
        key, address, ask, offer,
        /** A payment by Permit2. */
        sign: async (path, options = {}) => signPermit2Payment({ offer: await offer(path), key, ...options }),
        /** A payment by EIP-3009. */
        signTransfer: async (path, options = {}) => signPayment({ offer: await offer(path), key, ...options }),
        send: (path, payment, headers = {}) => ask(path, { ...payment.headers, ...headers }),
        /** The same person at another Worker. */
        at: (other) => payerWith(key, other),
        transfers: () => transfers(address),
      };
    }
    /** A contract wallet; `sign` is by its owner, or whatever `signature` says. */
    async function newContractPayer({ edge }) {
      const owner = privateKeyToAccount(generatePrivateKey());
      const address = getAddress(`0x${generatePrivateKey().slice(-40)}`);
      await chain.placeWallet({ address, owner: owner.address });
      await chain.setBalance(address, 10_000_000n);
      const payer = await newPayer({ edge, approve: false });
      const signTransfer = async (path, { authorization, signature, index = 0 } = {}) => {
        const offer = await payer.offer(path);
        const accepted = offer.accepts[index];
        const overrides = { authorization: { from: address, ...authorization } };
        const blank = await signPayment({ offer, index, key: generatePrivateKey(), overrides });
        const signed = signature ?? await owner.signTypedData({
          domain: {
            name: accepted.extra.name, version: accepted.extra.version, chainId: Number(accepted.network.split(":")[1]), verifyingContract: accepted.asset,
          },
          types: TRANSFER_TYPES, primaryType: "TransferWithAuthorization", message: blank.authorization,
        });
        return signPayment({ offer, index, overrides: { authorization: blank.authorization, signature: signed } });
      };
      return { ...payer, owner, address, signTransfer, transfers: () => transfers(address) };
    }
    return {
      chain, facilitator, bad, badRpc, origin, ...workers, newPayer, newContractPayer, payerWith, open, stop,
      reset() {
        bad.reset();
        badRpc.reset();
        origin.reset();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
