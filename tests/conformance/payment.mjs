// One row of the matrix, paid for: a new payer with money, the client's request, and what must be true afterwards.
import assert from "node:assert/strict";
import { serializeErc6492Signature } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { payTo } from "../support/accounts.mjs";
import { pay } from "./clients.mjs";
import { money, priceOf } from "./rows.mjs";

/** Somebody new, with both tokens, and the approvals that the row needs: {key, account, address}. */
async function newPayer(chain, { wallet, transfer, permit, asked }, asset) {
  const key = generatePrivateKey();
  const owner = privateKeyToAccount(key);
  let account = owner;
  if (wallet === "erc1271") {
    const { address } = privateKeyToAccount(generatePrivateKey());
    await chain.placeWallet({ address, owner: owner.address });
    account = { address, signTypedData: owner.signTypedData };
  } else if (wallet === "erc6492") {
    const { address, factory, data } = await chain.futureWallet(owner.address);
    const signTypedData = async (typed) => serializeErc6492Signature({ address: factory, data, signature: await owner.signTypedData(typed) });
    account = { address, signTypedData };
  }
  await chain.setBalance(account.address, 10n ** 20n, { token: asset });
  if (transfer === "permit2" && !permit && !asked) await chain.approvePermit2(key, { token: asset });
  return { key, account, address: account.address };
}

/**
 * @param {object} row of rows.mjs
 * @param {{chain, url: string, digest: string, calls: () => object[]}} where `digest`: of what is sold at `url`; `calls`: those that the
 * facilitator got so far, [{path, body}]
 * @returns {Promise<{result: string, settled: string}>} for the page
 */
export async function payRow(row, { chain, url, digest, calls }) {
  const { asset, amount, charged } = priceOf(row);
  const payer = await newPayer(chain, row, asset);
  const had = await chain.balanceOf(payTo.address, { token: asset });
  const held = await chain.balanceOf(payer.address, { token: asset });

  const order = { url, key: payer.key, rpc: row.permit ? chain.url : undefined, assets: [asset] };
  if (row.asked) order.approve = (approval) => chain.sendCall(payer.key, approval);
  const answer = await pay(row.payer, row.wallet ? { ...order, account: payer.account } : order);

  const rose = await chain.balanceOf(payTo.address, { token: asset }) - had;
  assert.equal(answer.status, 200, JSON.stringify(answer));
  assert.equal(answer.digest, digest, "the content, byte for byte");
  assert.equal(rose, charged, "what the payee got");
  assert.equal(held - await chain.balanceOf(payer.address, { token: asset }), charged, "what the payer gave");
  assert.equal(answer.settlement.success, true);
  const transfers = (await chain.transfersTo(payTo.address, 0n, { token: asset })).filter(({ from }) => from === payer.address);
  assert.deepEqual(transfers.map(({ value, transaction }) => ({ value, transaction })),
    charged === 0n ? [] : [{ value: charged, transaction: answer.settlement.transaction }], "one transfer, the one the answer names");
  if (row.asked) assert.equal(await chain.allowance(payer.address, { token: asset }), amount - charged, "approved for this and no more");
  if (row.scheme === "upto") assert.equal(answer.settlement.amount, String(charged));

  const about = (wanted) => calls().filter(({ path, body }) => path === wanted && payerIn(body) === payer.address.toLowerCase());
  const [settled, ...more] = about("/settle");
  assert.deepEqual(more, [], "settled once");
  // a Farthing site settles nothing where nothing was used
  const [seen = settled] = charged === 0n ? about("/verify") : [];
  assert.deepEqual(seenIn((settled ?? seen).body), { version: row.version, scheme: row.scheme, transfer: row.transfer });
  return { result: `${answer.status}, the content`, settled: charged === 0n ? "nothing" : money(rose, asset) };
}

const payerIn = ({ paymentPayload: { payload } }) => (payload.authorization ?? payload.permit2Authorization).from.toLowerCase();

const seenIn = ({ paymentPayload: payload }) => ({
  version: payload.x402Version, scheme: (payload.accepted ?? payload).scheme, transfer: payload.payload.permit2Authorization ? "permit2" : "eip3009",
});
