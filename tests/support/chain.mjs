// A local EVM chain with two test tokens, Permit2 and x402's proxies at the addresses they really have, and everything a test does
// to or reads from it.
import { createRequire } from "node:module";
import {
  concat, createTestClient, decodeEventLog, defineChain, encodeAbiParameters, encodeFunctionData, hexToNumber, http, keccak256,
  maxUint256, numberToHex, pad, parseAbiItem, publicActions, stringToHex, walletActions,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { start, stop, takenText } from "../../tools/lib/processes.mjs";
import { accounts, observer, payTo } from "./accounts.mjs";
import { contractsOf } from "./compile.mjs";
import { BATCHER, DOLLAR, MULTICALL3, NOISE, PERMIT2, TOKEN, WALLET_FACTORY, places } from "./places.mjs";

export * from "./places.mjs";

function anvilBinary() {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  try {
    return createRequire(import.meta.url).resolve(`@foundry-rs/anvil-${process.platform}-${arch}/bin/anvil`);
  } catch {
    return "anvil";
  }
}

async function startAnvil(args, port) {
  const child = start(anvilBinary(), ["--host", "127.0.0.1", "--port", String(port), ...args]);
  let output = "";
  const listening = new Promise((resolve) => {
    child.stdout.on("data", (data) => {
      if (output.length < 20_000) output += data;
      const found = /Listening on 127\.0\.0\.1:(\d+)/.exec(output);
      if (found) resolve(Number(found[1]));
    });
    child.stderr.on("data", (data) => { if (output.length < 20_000) output += data; });
  });
  const result = await Promise.race([listening, child.ended]);
  if (typeof result === "number") return { child, port: result };
  if (result.error?.code === "ENOENT") {
    throw new Error(
      "The local chain needs anvil. It comes with `npm install` on Linux x64; elsewhere install Foundry (https://getfoundry.sh) so that `anvil` is on PATH.",
    );
  }
  if (result.error) throw result.error;
  throw new Error(/address already in use/i.test(output) ? takenText(port) : `anvil ended at once:\n${output.slice(-2000)}`);
}

// A Solidity string of at most 31 bytes, as it lies in its storage slot.
function shortString(text) {
  const hex = stringToHex(text);
  const bytes = (hex.length - 2) / 2;
  return concat([pad(hex, { dir: "right", size: 31 }), numberToHex(bytes * 2, { size: 1 })]);
}

const slotOf = (key, type, slot) => keccak256(encodeAbiParameters([{ type }, { type: "uint256" }], [key, slot]));

/**
 * Starts anvil with a block every `blockTime` seconds besides one for every transaction. (On an idle chain without these,
 * calls see the time of the last block, and a fresh authorization looks not yet valid.)
 * @param {{port?: number, blockTime?: number, chainId?: number, funds?: bigint, waits?: boolean}} [options] `funds`: what each development
 * account but the payee owns of the token, in atomic units; of the one with 18 decimals they own as many whole ones. `waits`:
 * transactions wait for the next block, as on real chains. `since`: the time of its first block, in seconds; its clock goes on from there
 */
export async function startChain({ port = 0, blockTime = 2, chainId = 84532, funds = 1_000_000_000n, waits = false, since } = {}) {
  const contracts = contractsOf();
  const { TestUSDC, TestDollar, Permit2, Batcher, Noise, Wallet1271, WalletFactory } = contracts;
  const anvil = await startAnvil(["--chain-id", String(chainId), "--block-time", String(blockTime), ...(waits ? [] : ["--mixed-mining"]), ...(since === undefined ? [] : ["--timestamp", String(since)])], port);
  const url = `http://127.0.0.1:${anvil.port}`;
  const viemChain = defineChain({
    id: chainId, name: "local", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [url] } }, contracts: { multicall3: { address: MULTICALL3 } },
  });
  const client = createTestClient({ mode: "anvil", chain: viemChain, transport: http(url, { retryCount: 0 }), pollingInterval: 50, cacheTime: 0 })
    .extend(publicActions).extend(walletActions);
  const rpc = (method, params = []) => client.request({ method, params });
  const { abi } = TestUSDC;
  // Both tokens have the same layout, and the same functions but for EIP-3009 and EIP-2612.
  const read = (functionName, args = [], address = TOKEN) => client.readContract({ address, abi, functionName, args });
  const setBalance = (address, value, { token = TOKEN } = {}) =>
    client.setStorageAt({ address: token, index: slotOf(address, "address", 2n), value: numberToHex(value, { size: 32 }) });

  // A transaction by a development account; waits for its receipt, and says whether it went through instead of throwing.
  async function send({ by = observer, address = TOKEN, abi: contract = abi, functionName, args, gas }) {
    const hash = await client.writeContract({ account: privateKeyToAccount(by.key), address, abi: contract, functionName, args, gas });
    return client.waitForTransactionReceipt({ hash });
  }
  const fields = ({ from, to, value, validAfter, validBefore, nonce }) =>
    [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce];
  const tokenDomain = async () => ({ name: await read("name"), version: await read("version"), chainId, verifyingContract: TOKEN });

  let ticking;
  const chain = {
    url, chainId, network: `eip155:${chainId}`, client, accounts, rpc, send, setBalance,
    token: { address: TOKEN, abi, name: "USDC", version: "2", decimals: 6 },
    /** The one that only Permit2 can move. */
    dollar: { address: DOLLAR, abi: TestDollar.abi, name: "MegaUSD", version: "1", decimals: 18 },
    pid: anvil.child.pid,
    /** Resolves when anvil has ended, for whatever reason. */
    ended: anvil.child.ended,

    balanceOf: (address, { token = TOKEN } = {}) => read("balanceOf", [address], token),
    allowance: (owner, { token = TOKEN, spender = PERMIT2 } = {}) => read("allowance", [owner, spender], token),
    /** The account of `key` approves Permit2, in a transaction of its own that it is given the ether for. */
    async approvePermit2(key, { token = TOKEN, value = maxUint256 } = {}) {
      const { address } = privateKeyToAccount(key);
      await client.setBalance({ address, value: 10n ** 18n });
      return send({ by: { key }, address: token, functionName: "approve", args: [PERMIT2, value] });
    },
    /** The account of `key` sends this transaction, which it is given the ether for. */
    async sendCall(key, { to, data }) {
      const account = privateKeyToAccount(key);
      await client.setBalance({ address: account.address, value: 10n ** 18n });
      return client.waitForTransactionReceipt({ hash: await client.sendTransaction({ account, to, data }) });
    },
    /** One word of Permit2's nonces: bit n of word w is nonce 256 w + n. */
    nonceBitmap: (owner, word) => client.readContract({ address: PERMIT2, abi: Permit2.abi, functionName: "nonceBitmap", args: [owner, word] }),
    /** Whether Permit2 knows this nonce as used or cancelled. */
    nonceUsed: async (owner, nonce) => ((await chain.nonceBitmap(owner, BigInt(nonce) >> 8n)) >> (BigInt(nonce) & 255n)) % 2n === 1n,
    /** The account of `key` cancels a Permit2 nonce, as `cancel` does for EIP-3009. */
    async cancelPermit2({ key, nonce }) {
      await client.setBalance({ address: privateKeyToAccount(key).address, value: 10n ** 18n });
      const args = [BigInt(nonce) >> 8n, 1n << (BigInt(nonce) & 255n)];
      return send({ by: { key }, address: PERMIT2, abi: Permit2.abi, functionName: "invalidateUnorderedNonces", args });
    },
    authorizationState: (from, nonce) => read("authorizationState", [from, nonce]),
    /** Seconds: the time of the newest block. */
    time: async () => Number((await client.getBlock()).timestamp),

    /** Every `Transfer` of the token to `address`, oldest first. */
    async transfersTo(address = payTo.address, fromBlock = 0n, { token = TOKEN } = {}) {
      const logs = await client.getLogs({
        address: token, fromBlock, args: { to: address },
        event: parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)"),
      });
      return logs.map(({ args, transactionHash, blockNumber, logIndex }) =>
        ({ from: args.from, to: args.to, value: args.value, transaction: transactionHash, block: blockNumber, logIndex }));
    },
    countTransfers: async (address, fromBlock) => (await chain.transfersTo(address, fromBlock)).length,

    /** The token's logs in a receipt, in order: [{name, args, logIndex}]. */
    events: (receipt) => receipt.logs.filter((log) => log.address.toLowerCase() === TOKEN.toLowerCase())
      .map((log) => ({ name: decodeEventLog({ abi, ...log }).eventName, args: decodeEventLog({ abi, ...log }).args, logIndex: log.logIndex })),

    mint: (to, value, by) => send({ by, functionName: "mint", args: [to, value] }),
    mine: (blocks = 1) => client.mine({ blocks }),
    /** Moves the chain's clock forward by so many seconds, and mines. */
    async warp(seconds) {
      await client.increaseTime({ seconds });
      await client.mine({ blocks: 1 });
    },
    /** `true`: transactions wait in the pool until `mine()`, and no blocks come by themselves; `false`: as at the start. */
    async hold(on) {
      clearInterval(ticking);
      ticking = undefined;
      if (on) {
        await client.setAutomine(false);
        return client.setIntervalMining({ interval: 0 });
      }
      await client.mine({ blocks: 1 });
      await client.setAutomine(true);
      // Once left, anvil's mixed mode cannot be had again; so the blocks between come from here.
      ticking = setInterval(() => client.mine({ blocks: 1 }).catch(() => {}), blockTime * 1000);
      ticking.unref();
    },
    /** Replaces the last `depth` blocks by empty ones: what they held is back in nobody's hands. */
    reorg: (depth) => rpc("anvil_reorg", [depth, []]),
    snapshot: () => client.snapshot(),
    revert: (id) => client.revert({ id }),

    /** Somebody else submits a reader's authorization (threat A11), by the (v, r, s) overload or the one with bytes. */
    sendTransferWithAuthorization({ authorization, signature, by = observer, bytes = false }) {
      const args = fields(authorization);
      if (bytes) args.push(signature);
      else args.push(hexToNumber(`0x${signature.slice(130)}`), signature.slice(0, 66), `0x${signature.slice(66, 130)}`);
      return send({ by, functionName: "transferWithAuthorization", args, gas: 300_000n });
    },
    /** The payer (`key`) cancels a nonce (threat A12). */
    async cancel({ key, nonce, by = observer }) {
      const account = privateKeyToAccount(key);
      const signature = await account.signTypedData({
        domain: await tokenDomain(), primaryType: "CancelAuthorization",
        types: { CancelAuthorization: [{ name: "authorizer", type: "address" }, { name: "nonce", type: "bytes32" }] },
        message: { authorizer: account.address, nonce },
      });
      return send({ by, functionName: "cancelAuthorization", args: [account.address, nonce, signature] });
    },
    /**
     * Threat A10: uses up nonce `x` by paying the batching contract, and settles the honest authorization `y`, in one
     * transaction. `x` and `y` are {authorization, signature}; `x` from `signReceive`.
     */
    batch({ x, y, refundFirst = false, by = observer }) {
      const tuple = ({ authorization: a, signature }) =>
        ({ ...a, value: BigInt(a.value), validAfter: BigInt(a.validAfter), validBefore: BigInt(a.validBefore), signature });
      return send({ by, address: BATCHER, abi: Batcher.abi, functionName: "run", args: [TOKEN, tuple(x), tuple(y), refundFirst], gas: 800_000n });
    },
    /** A stranger makes so many transfers of nothing from one account to another, in one transaction. */
    transfersOfNothing: ({ from, to = payTo.address, times }) =>
      send({ address: NOISE, abi: Noise.abi, functionName: "transfers", args: [TOKEN, from, to, BigInt(times)], gas: 25_000_000n }),
    /** As `sendTransferWithAuthorization`, in a transaction with so many logs more. */
    transferAmongLogs({ authorization, signature, times }) {
      const data = encodeFunctionData({
        abi: [parseAbiItem("function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)")],
        args: [...fields(authorization), signature],
      });
      return send({ address: NOISE, abi: Noise.abi, functionName: "around", args: [TOKEN, data, BigInt(times)], gas: 5_000_000n });
    },
    /** A `ReceiveWithAuthorization` to the batching contract, signed by `key`. */
    async signReceive({ key, nonce, value, to = BATCHER, validAfter = 0, validBefore = Math.floor(Date.now() / 1000) + 3600 }) {
      const account = privateKeyToAccount(key);
      const authorization = {
        from: account.address, to, value: String(value), validAfter: String(validAfter), validBefore: String(validBefore), nonce,
      };
      const names = [
        ["from", "address"], ["to", "address"], ["value", "uint256"], ["validAfter", "uint256"], ["validBefore", "uint256"], ["nonce", "bytes32"],
      ];
      const signature = await account.signTypedData({
        domain: await tokenDomain(), primaryType: "ReceiveWithAuthorization",
        types: { ReceiveWithAuthorization: names.map(([name, type]) => ({ name, type })) },
        message: { ...authorization, value: BigInt(value), validAfter: BigInt(validAfter), validBefore: BigInt(validBefore) },
      });
      return { authorization, signature };
    },
    /** Puts a contract wallet with one owner (ERC-1271) at `address`. */
    async placeWallet({ address, owner }) {
      await client.setCode({ address, bytecode: Wallet1271.code });
      await client.setStorageAt({ address, index: numberToHex(0, { size: 32 }), value: pad(owner, { size: 32 }) });
    },
    /** A wallet that is not there yet: its address, and how to make it (what an ERC-6492 signature carries). */
    async futureWallet(owner) {
      const { abi } = WalletFactory;
      return {
        address: await client.readContract({ address: WALLET_FACTORY, abi, functionName: "addressOf", args: [owner] }),
        factory: WALLET_FACTORY, data: encodeFunctionData({ abi, functionName: "create", args: [owner] }),
      };
    },

    stop() {
      clearInterval(ticking);
      return stop(anvil.child);
    },
  };

  try {
    const slot = (n) => numberToHex(n, { size: 32 });
    const owners = accounts.filter(({ address }) => address !== payTo.address);
    await Promise.all([
      ...Object.entries(places).map(([name, address]) => client.setCode({ address, bytecode: contracts[name].code })),
      ...[chain.token, chain.dollar].flatMap(({ address, name, version }) => [
        client.setStorageAt({ address, index: slot(0), value: shortString(name) }),
        client.setStorageAt({ address, index: slot(1), value: shortString(version) }),
      ]),
      ...owners.map(({ address }) => setBalance(address, funds)),
      ...owners.map(({ address }) => setBalance(address, funds * 10n ** 12n, { token: DOLLAR })),
    ]);
    await client.mine({ blocks: 1 });
  } catch (error) {
    await chain.stop();
    throw error;
  }
  return chain;
}
