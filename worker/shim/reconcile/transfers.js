// Every transfer of some tokens to their payees, with the authorization it used: the evidence of a payment is a Transfer log that
// directly follows the AuthorizationUsed log of its nonce, of the same payer, by the same contract (threat A10).

const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const USED = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
/** x402's proxies, through which Permit2 payments are settled. */
const PROXIES = ["0x402085c248eea27d92e8b30b2c58ed07f9e20001", "0x4020a4f3b7b90cca423b9fabcc0ce57c6c240002"];
/** Blocks of one query: what public endpoints allow. */
const WINDOW = 1000;
/** Payers named in one query. */
const PAYERS = 50;

const hex = (number) => `0x${number.toString(16)}`;
const word = (address) => `0x${address.slice(2).toLowerCase().padStart(64, "0")}`;
const address = (topic) => `0x${topic.slice(26).toLowerCase()}`;

/** The first block from a time on, by halving. */
async function blockAt(rpc, time, latest) {
  let [low, high] = [0, latest + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await rpc.block(middle)).time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Blocks {from, to}, both included, with their times {since, until}; `from` and `to` are {block} or {time}. */
export async function rangeOf(rpc, from, to) {
  const latest = await rpc.latest();
  const first = from === undefined ? latest : from.block ?? await blockAt(rpc, from.time, latest);
  const last = to === undefined ? latest : to.block ?? await blockAt(rpc, to.time, latest) - 1;
  const range = { from: first, to: Math.min(last, latest) };
  if (range.from > range.to) return { ...range, since: 0, until: 0 };
  const [since, until] = [await rpc.block(range.from), await rpc.block(range.to)];
  return { ...range, since: since.time, until: until.time };
}

/** Whether a transaction was one of x402's proxies. */
export async function isProxys(rpc, transaction) {
  const { to } = await rpc.ask("eth_getTransactionByHash", [transaction]) ?? {};
  return PROXIES.includes(to?.toLowerCase());
}

/** Whether a transfer moved less than a tenth of any price: if it is for no article that is known, somebody's dust. */
export const isDust = (tokens, { asset, to, value }) => tokens.some((token) => token.asset === asset && token.payTo === to && value * 10n < token.least);

/** `tokens`: [{asset, payTo}] of one network, in lower case. `rpc`: as openRpc and the desk's chain have it. */
export function openTransfers(rpc, { network, tokens }) {
  const assets = [...new Set(tokens.map(({ asset }) => asset))];
  const payees = [...new Set(tokens.map(({ payTo }) => payTo))];
  const logs = (topics, from, to) => rpc.ask("eth_getLogs", [{ address: assets, topics, fromBlock: hex(from), toBlock: hex(to) }]);

  async function inWindow(from, to) {
    const moved = (await logs([TRANSFER, null, payees.map(word)], from, to)).filter((log) => log.removed !== true)
      .filter((log) => tokens.some(({ asset, payTo }) => asset === log.address.toLowerCase() && payTo === address(log.topics[2])))
      // anybody can move nothing to anybody
      .filter((log) => BigInt(log.data) > 0n);
    const used = new Map();
    const payers = [...new Set(moved.map((log) => log.topics[1]))];
    for (let start = 0; start < payers.length; start += PAYERS) {
      for (const log of await logs([USED, payers.slice(start, start + PAYERS)], from, to)) {
        if (log.topics.length === 3) used.set(`${log.blockHash} ${Number(log.logIndex)} ${log.address.toLowerCase()} ${log.topics[1]}`, log.topics[2]);
      }
    }
    const found = [];
    for (const log of moved) {
      const asset = log.address.toLowerCase();
      const nonce = used.get(`${log.blockHash} ${Number(log.logIndex) - 1} ${asset} ${log.topics[1]}`)?.toLowerCase();
      found.push({
        network, asset, from: address(log.topics[1]), to: address(log.topics[2]), value: BigInt(log.data), transaction: log.transactionHash.toLowerCase(),
        block: Number(log.blockNumber), logIndex: Number(log.logIndex), nonce,
        key: nonce && `${network}/${asset.slice(2)}/${nonce}`,
      });
    }
    return found;
  }

  return {
    /** Blocks from `from` to `to`, both included; oldest first. Fewer blocks are asked for where an endpoint refuses so many. */
    async between(from, to) {
      const found = [];
      let span = WINDOW;
      for (let start = from; start <= to;) {
        const end = Math.min(start + span - 1, to);
        try {
          found.push(...await inWindow(start, end));
        } catch (error) {
          if (span === 1) throw error;
          span = Math.max(1, Math.floor(span / 8));
          continue;
        }
        start = end + 1;
        span = Math.min(WINDOW, span * 2);
      }
      return found;
    },
    /** So many blocks at once; what the endpoint says of too many is thrown. */
    inWindow,
    /** What the payees sent, so many blocks at once. */
    async sent(from, to) {
      return (await logs([TRANSFER, payees.map(word)], from, to)).filter((log) => log.removed !== true && log.topics.length === 3 && BigInt(log.data) > 0n).map((log) => ({
        network, asset: log.address.toLowerCase(), from: address(log.topics[1]), to: address(log.topics[2]), value: BigInt(log.data),
        transaction: log.transactionHash.toLowerCase(), block: Number(log.blockNumber), logIndex: Number(log.logIndex),
      }));
    },
    /** The transfers of a transaction's receipt, by their place; none where it failed or is in no block. */
    async inReceipt(transaction) {
      const receipt = await rpc.ask("eth_getTransactionReceipt", [transaction]);
      const moved = receipt?.status === "0x1" ? receipt.logs.filter(({ topics }) => topics.length === 3 && topics[0] === TRANSFER) : [];
      return new Map(moved.map((log) => [Number(log.logIndex), { asset: log.address.toLowerCase(), to: address(log.topics[2]), value: BigInt(log.data) }]));
    },
    /** Whether a transaction is in a block, and there moves this from and to these; which block. */
    async find({ transaction, asset, from, to, value }) {
      const receipt = await rpc.ask("eth_getTransactionReceipt", [transaction]);
      const moved = receipt?.logs.some((log) => log.address.toLowerCase() === asset && log.topics[0] === TRANSFER && log.topics[1] === word(from)
        && log.topics[2] === word(to) && BigInt(log.data) === value);
      return moved ? Number(receipt.blockNumber) : undefined;
    },
  };
}
