// A site that settles by itself: a chain with a block every two seconds, a node that can lose what it is given, the Worker with its
// gas key, and readers.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { keccak256, parseTransaction } from "viem";
import { generatePrivateKey, privateKeyToAccount, privateKeyToAddress } from "viem/accounts";
import { payTo } from "../support/accounts.mjs";
import { startChain } from "../support/chain.mjs";
import { startEdge } from "../support/edge.mjs";
import { startHostile } from "../support/hostile-facilitator.mjs";
import { sendJson } from "../support/http.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { startOrigin } from "../support/origin.mjs";
import { signPermit2Payment } from "../support/pay-permit2.mjs";
import { offersIn, settlementIn, signPayment } from "../support/pay.mjs";
import { startParts } from "../support/parts.mjs";

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const PRICE = 50_000n;
export const page = (path) => `<h1>What is sold at ${path}</h1>`;

/** Waits for something to become true, a while; gives what it became. */
export async function until(what, check, seconds = 30) {
  for (let left = seconds * 10; ; left--) {
    const found = await check();
    if (found) return found;
    if (left === 0) assert.fail(`never happened: ${what}`);
    await sleep(100);
  }
}

const methodOf = (body) => JSON.parse(body).method;

/**
 * @param {object} [options]
 * `settlers(direct, chain)`: the entries of settlement.facilitators; `rpc(url, good)`: the endpoints, given the one of the
 * node that can lose things, and one that loses nothing; `timeoutSeconds`; `gas`: what the gas key has, in wei; `permits`: sells by Permit2, too;
 * `change(config)` may alter the configuration.
 */
export async function startSite({
  settlers = (direct) => [direct], rpc = (url) => [url], timeoutSeconds = 20, gas = 10n ** 18n, permits = false, env = {}, change = (config) => config,
} = {}) {
  const { add, stop } = startParts();
  try {
    const chain = await add(startChain());
    // blocks by the clock alone, as on a real chain
    await chain.client.setAutomine(false);
    await chain.client.setIntervalMining({ interval: 2 });
    // Base's fees are a thousandth of what anvil begins with
    await chain.rpc("anvil_setNextBlockBaseFeePerGas", ["0x989680"]);
    await chain.mine();
    const key = generatePrivateKey();
    const gasKey = { key, address: privateKeyToAddress(key) };
    await chain.client.setBalance({ address: gasKey.address, value: gas });
    const node = await add(startHostile({ target: chain.url }));
    const origin = await add(startOrigin({
      routes: {
        "/*": (request, response, url) => {
          response.writeHead(200, { "content-type": "text/html" });
          response.end(page(url.pathname));
        },
      },
    }));
    const networks = [chain.network, ...(permits ? [{ network: chain.network, transfer: "permit2" }] : [])];
    const config = (site) => change({
      site, origin: { url: origin.url }, payTo: { eip155: payTo.address }, networks,
      settlement: { facilitators: settlers({ direct: "GAS_KEY" }, chain), rpc: { [chain.network]: rpc(node.url, chain.url) }, timeoutSeconds },
      routes: [{ match: "/a/*", price: "$0.05", access: "30d", description: "One page" }],
    });
    const edge = await add(startEdge({ config, keys: randomKeys(), env: { GAS_KEY: gasKey.key, ...env } }));

    /** A reader with money. */
    async function newReader({ funds = 10_000_000n } = {}) {
      const key = generatePrivateKey();
      const address = privateKeyToAddress(key);
      await chain.setBalance(address, funds);
      const ask = (path, headers = {}) => fetch(edge.url + path, { redirect: "manual", headers });
      const offer = async (path) => (await offersIn(await ask(path))).v2;
      return {
        key, address, ask, offer,
        sign: async (path, options = {}) => signPayment({ offer: await offer(path), key, ...options }),
        signPermit: async (path, options = {}) => signPermit2Payment({ offer: await offer(path), index: 1, key, ...options }),
        send: (path, payment) => ask(path, payment.headers),
        transfers: async () => (await chain.transfersTo()).filter((transfer) => transfer.from === address),
      };
    }

    const site = {
      chain, node, origin, edge, gasKey, newReader, stop,
      gasNonce: () => chain.client.getTransactionCount({ address: gasKey.address }),
      /** The transactions of the gas key in blocks. */
      async transactions() {
        const last = Number(await chain.client.getBlockNumber());
        const blocks = await Promise.all(Array.from({ length: last + 1 }, (_, number) =>
          chain.client.getBlock({ blockNumber: BigInt(number), includeTransactions: true })));
        const ours = blocks.flatMap(({ transactions }) => transactions).filter(({ from }) => from === gasKey.address.toLowerCase());
        return Promise.all(ours.map(async (transaction) => ({ ...transaction, receipt: await chain.client.getTransactionReceipt(transaction) })));
      },
      /**
       * What the node does with what it should broadcast: `choose(transaction, count)` says "pass", "swallow" (it says that it has it),
       * "lose" (has it, and breaks the connection), "keep" (has it, and never answers), "hang" (neither) or an error's text. Gives the list
       * of the transactions as they come: what they say, `raw`, `hash`, and the choice as `fate`.
       */
      sends(choose) {
        const sent = [];
        node.always("*", async ({ body, request, response, through }) => {
          if (methodOf(body) !== "eth_sendRawTransaction") return pass(response, await through());
          const { params: [raw], id } = JSON.parse(body);
          const transaction = { ...parseTransaction(raw), raw, hash: keccak256(raw) };
          sent.push(transaction);
          const fate = transaction.fate = await choose(transaction, sent.length - 1);
          if (fate === "pass") return pass(response, await through());
          if (fate === "swallow") return sendJson(response, 200, { jsonrpc: "2.0", id, result: transaction.hash });
          if (fate === "lose" || fate === "keep") await through();
          if (fate === "lose") return request.socket.destroy();
          if (fate !== "keep" && fate !== "hang") return sendJson(response, 200, { jsonrpc: "2.0", id, error: { code: -32000, message: fate } });
        });
        return sent;
      },
      /** Every nonce up to the last is used, and nothing waits. */
      async assertNoGap() {
        const count = (blockTag) => chain.client.getTransactionCount({ address: gasKey.address, blockTag });
        assert.equal(await count("pending"), await count("latest"));
        const { pending, queued } = await chain.rpc("txpool_content");
        const left = [pending, queued].flatMap((pool) => Object.entries(pool).filter(([from]) => from.toLowerCase() === gasKey.address.toLowerCase()));
        assert.deepEqual(left.flatMap(([, byNonce]) => Object.keys(byNonce)), []);
      },
      /** What the Worker wrote to the log that has these words. */
      logged: (words) => edge.log.filter(({ message }) => message.includes(words)).map(({ message }) => message),
      /** The Worker's state on disk, and what it wrote to the log, hold nothing of the gas key (threat G1). */
      assertKeyHidden() {
        const secret = gasKey.key.slice(2).toLowerCase();
        const bytes = Buffer.from(secret, "hex");
        const below = (folder) => readdirSync(folder).flatMap((name) => {
          const path = join(folder, name);
          return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? below(path) : [path];
        });
        const files = below(edge.state);
        assert.ok(files.some((path) => path.includes("Sender")), files.join());
        for (const path of files) {
          // SQLite takes its side files away when it likes
          if (!existsSync(path)) continue;
          const content = readFileSync(path);
          assert.ok(!content.includes(bytes) && !content.toString("latin1").toLowerCase().includes(secret), path);
        }
        assert.ok(!JSON.stringify(edge.log).toLowerCase().includes(secret));
      },
    };
    return site;
  } catch (error) {
    await stop();
    throw error;
  }
}

function pass(response, { status, type, text }) {
  response.writeHead(status, { "content-type": type });
  response.end(text);
}

/** The slug of a problem document. */
export async function problemOf(response) {
  const text = await response.text();
  assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json|json/, `${response.status} ${text.slice(0, 200)}`);
  return JSON.parse(text).type?.split("/").at(-1);
}

/** Sends the same payment until it is no longer pending. */
export async function resend(reader, path, payment, { tries = 40 } = {}) {
  for (let left = tries; ; left--) {
    const response = await reader.send(path, payment).catch(() => undefined);
    if (response && response.status !== 503 || left === 0) return response;
    await response?.text();
    await sleep(1000);
  }
}

/** The page, paid for; gives the transaction. */
export async function assertPage(response, path) {
  const text = await response.text();
  assert.equal(response.status, 200, `${response.status} ${text.slice(0, 300)}`);
  assert.ok(text.includes(page(path)));
  const { success, transaction } = settlementIn(response);
  assert.equal(success, true);
  return transaction;
}

/** One payment, one transfer, in the transaction that the answer names. */
export async function assertOnce(reader, path, response) {
  const transaction = await assertPage(response, path);
  const transfers = await reader.transfers();
  assert.deepEqual(transfers.map((transfer) => [transfer.transaction, transfer.value]), [[transaction, PRICE]]);
  return transaction;
}

export { privateKeyToAccount };
