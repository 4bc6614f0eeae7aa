// Whether a transaction is the refund of a payment, by the chain's own logs: for the command and for the desk, each of which says it in its words.

const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const addressIn = (topic) => `0x${topic.slice(26)}`;
const same = (one, other) => one.toLowerCase() === other.toLowerCase();
const word = (hex) => hex.slice(2).toLowerCase().padStart(64, "0");

/** The call that moves so many atomic units of a token to an account. */
export const transferOf = (to, amount) => `0xa9059cbb${word(to)}${amount.toString(16).padStart(64, "0")}`;

/** The transfers of one receipt of the chain. */
const transfersIn = ({ logs }) => logs.filter(({ topics }) => topics.length === 3 && topics[0] === TRANSFER)
  .map(({ address, topics, data, logIndex }) => ({ token: address, from: addressIn(topics[1]), to: addressIn(topics[2]), value: BigInt(data === "0x" ? 0 : data), log: Number(logIndex) }));

/** `{block}` of the payment, once the chain says that this payer paid it; else `{why}`, with those who did as `payers`. */
export async function paidIn(rpc, { transaction, asset, payTo, paid }, payer) {
  const receipt = await rpc.ask("eth_getTransactionReceipt", [transaction]);
  if (!receipt || receipt.status !== "0x1") return { why: "not-there" };
  const payments = transfersIn(receipt).filter(({ token, to, value }) => same(token, asset) && same(to, payTo) && value === paid);
  if (payments.length === 0) return { why: "other-amount" };
  if (!payments.some(({ from }) => same(from, payer))) return { why: "other-payer", payers: payments.map(({ from }) => from) };
  return { block: Number(receipt.blockNumber) };
}

/**
 * The transfers of a transaction that are this refund: `{logs, number, has, time}`; else `{why}`, with what it has instead. `block`: the payment's;
 * `confirmations`: how many blocks are to have it.
 */
export async function sentIn(rpc, hash, { asset, payer, from, amount, transaction, block, confirmations }) {
  if (hash === transaction) return { why: "payment" };
  const receipt = await rpc.ask("eth_getTransactionReceipt", [hash]);
  if (!receipt) return { why: await rpc.ask("eth_getTransactionByHash", [hash]) ? "waits" : "not-there" };
  if (receipt.status !== "0x1") return { why: "failed" };
  const number = Number(receipt.blockNumber);
  const [found, latest] = [await rpc.ask("eth_getBlockByNumber", [receipt.blockNumber, false]), await rpc.latest()];
  if (found?.hash !== receipt.blockHash) return { why: "replaced" };
  if (number < block) return { why: "older" };
  const all = transfersIn(receipt);
  const own = all.filter(({ token }) => same(token, asset));
  if (own.length === 0) return { why: "other-token", token: all[0]?.token };
  const theirs = own.filter(({ to }) => same(to, payer));
  if (theirs.length === 0) return { why: "other-payee", payees: own.map(({ to }) => to) };
  const ours = theirs.filter((one) => same(one.from, from));
  if (ours.length === 0) return { why: "other-sender", senders: theirs.map((one) => one.from) };
  const exact = ours.filter(({ value }) => value === amount);
  if (exact.length === 0) return { why: "other-amount", values: ours.map(({ value }) => value) };
  const has = latest - number + 1;
  if (has < confirmations) return { why: "young", has: Math.max(has, 0) };
  return { logs: exact.map(({ log }) => log), number, has, time: Number(found.timestamp) };
}
