// Evidence that strangers bury: logs, receipts and blocks made long around a payment whose outcome only the chain can tell.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, test } from "node:test";
import { assertPending, resend } from "../e2e/reader.mjs";
import { settlementIn } from "../support/pay.mjs";
import { page, startShop } from "../support/shop.mjs";

/** What a careful reader of answers might allow at most; each burial below is heavier than that. */
const SHALLOW = 64 * 1024;
let shop;
before(async () => {
  const permits = (network) => [{ network, transfer: "permit2" }];
  shop = await startShop({
    // the other one is a site of the same publisher: its sales are no news to the chain, and unknown to the first
    edges: { permits, other: permits, transfers: (network) => [network] },
    routes: [{ match: "/page/*", price: "$0.02", description: "A page" }],
    timeoutSeconds: 5,
  });
});
after(() => shop?.stop());
afterEach(() => shop.reset());

/** Settled, and nobody but the chain will say so. */
async function lose(payer, path, payment, count = 1) {
  shop.bad.script("/settle", "500-after-settle");
  shop.bad.always("/settle", "500");
  shop.badRpc.always("/", "die");
  await assertPending(await payer.send(path, payment));
  assert.equal((await payer.transfers()).filter(({ value }) => value > 0n).length, count);
  shop.badRpc.reset();
}

/** The page, and the one transfer of money named as its settlement. */
async function assertFound(response, path, payer, count = 1) {
  const text = await response.text();
  assert.equal(response.status, 200, text.slice(0, 300));
  assert.equal(text, page(path));
  const paid = (await payer.transfers()).filter(({ value }) => value > 0n);
  assert.equal(paid.length, count);
  assert.equal(settlementIn(response).transaction, paid.at(-1).transaction);
}

/** The longest answer that the Worker has got to a question, in bytes. */
const longest = (method) => Math.max(0, ...shop.badRpc.calls.filter(({ body }) => body.method === method)
  .map(({ answer }) => JSON.stringify(answer)?.length ?? 0));

for (const when of ["after", "before and after"]) {
  test(`S4 B8 transfers of nothing in the payer's name, ${when} the payment, do not hide a permit's settlement`, async () => {
    const payer = await shop.newPayer({ edge: shop.permits });
    const path = "/page/spam";
    const bury = () => shop.chain.transfersOfNothing({ from: payer.address, times: 300 });
    const payment = await payer.sign(path);
    if (when !== "after") assert.equal((await bury()).status, "success");
    await lose(payer, path, payment);
    assert.equal((await bury()).status, "success");
    await assertFound(await resend(() => payer.send(path, payment)), path, payer);
    assert.ok(longest("eth_getLogs") > SHALLOW, `${longest("eth_getLogs")}`);
  });
}

/** Answers for ten blocks of logs at most, as some plans of some providers do. */
async function tenBlocks({ response, body, through }) {
  const { method, params: [filter] } = JSON.parse(body);
  const wide = method === "eth_getLogs" && Number(filter.toBlock) - Number(filter.fromBlock) >= 10;
  const error = { jsonrpc: "2.0", id: 1, error: { code: -32600, message: "eth_getLogs is allowed for up to a 10 block range" } };
  const text = wide ? JSON.stringify(error) : (await through()).text;
  response.writeHead(wide ? 400 : 200, { "content-type": "application/json" });
  response.end(text);
}

test("S4 B8 a range of blocks that an endpoint will not answer for is asked in parts", async () => {
  const payer = await shop.newPayer({ edge: shop.permits });
  const path = "/page/range";
  const payment = await payer.sign(path);
  await lose(payer, path, payment);
  await shop.chain.mine(600);
  let refused = 0;
  shop.badRpc.always("/", async ({ response, body, through }) => {
    const { method, params: [filter] } = JSON.parse(body);
    const wide = method === "eth_getLogs" && Number(filter.toBlock) - Number(filter.fromBlock) >= 500;
    if (wide) refused += 1;
    const error = { jsonrpc: "2.0", id: 1, error: { code: -32005, message: "query returned more than 10000 results" } };
    const text = wide ? JSON.stringify(error) : (await through()).text;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(text);
  });
  await assertFound(await resend(() => payer.send(path, payment)), path, payer);
  assert.ok(refused > 0);
});

for (const [name, sign] of [["EIP-3009", "signTransfer"], ["Permit2", "sign"]]) {
  test(`S4 an endpoint that answers for ten blocks at a time finds what happened hundreds of blocks ago (${name})`, async () => {
    const payer = await shop.newPayer({ edge: sign === "sign" ? shop.permits : shop.transfers });
    const path = `/page/narrow-${sign}`;
    const payment = await payer[sign](path);
    await lose(payer, path, payment);
    await shop.chain.mine(777);
    shop.badRpc.always("/", tenBlocks);
    shop.badRpc.calls.length = 0;
    await assertFound(await resend(() => payer.send(path, payment)), path, payer);
    // the free plan of the platform allows fifty
    assert.ok(shop.badRpc.calls.length < 50, `${shop.badRpc.calls.length} questions`);
  });
}

test("S4 A11 a stranger settles first, in a transaction with a receipt as long as it pays for", async () => {
  const payer = await shop.newPayer({ edge: shop.transfers, approve: false });
  const path = "/page/receipt";
  const payment = await payer.signTransfer(path);
  let refusal;
  shop.bad.script("/settle", async ({ response, through }) => {
    const receipt = await shop.chain.transferAmongLogs({ ...payment, times: 800 });
    assert.equal(receipt.status, "success");
    const { status, type, text } = await through();
    refusal = JSON.parse(text);
    response.writeHead(status, { "content-type": type });
    response.end(text);
  });
  await assertFound(await resend(() => payer.send(path, payment)), path, payer);
  assert.equal(refusal.success, false, "the facilitator came second");
  assert.ok(longest("eth_getTransactionReceipt") > SHALLOW, `${longest("eth_getTransactionReceipt")}`);
});

for (const [name, sign] of [["EIP-3009", "signTransfer"], ["Permit2", "sign"]]) {
  test(`S4 B1 blocks with thousands of transactions can be read (${name})`, async () => {
    const payer = await shop.newPayer({ edge: sign === "sign" ? shop.permits : shop.transfers });
    const path = "/page/blocks";
    const payment = await payer[sign](path);
    await lose(payer, path, payment);
    const transactions = Array.from({ length: 5000 }, () => `0x${randomBytes(32).toString("hex")}`);
    assert.ok(JSON.stringify(transactions).length > SHALLOW);
    let busy = 0;
    shop.badRpc.always("/", async ({ response, body, through }) => {
      const { status, type, text } = await through();
      const answer = JSON.parse(text);
      if (JSON.parse(body).method === "eth_getBlockByNumber") {
        answer.result.transactions = transactions;
        busy += 1;
      }
      response.writeHead(status, { "content-type": type });
      response.end(JSON.stringify(answer));
    });
    await assertFound(await resend(() => payer.send(path, payment)), path, payer);
    assert.ok(busy > 1);
  });
}

for (const where of ["here", "at another site of the publisher"]) {
  test(`S4 nine payments of the same price, made ${where}, do not hide the tenth`, async () => {
    const payer = await shop.newPayer({ edge: shop.permits });
    const before = where === "here" ? payer : payer.at(shop.other);
    for (let index = 0; index < 9; index++) {
      const response = await before.send(`/page/${index}`, await before.sign(`/page/${index}`));
      assert.equal(response.status, 200, await response.text());
    }
    const path = "/page/tenth";
    const payment = await payer.sign(path);
    await lose(payer, path, payment, 10);
    await assertFound(await resend(() => payer.send(path, payment)), path, payer, 10);
    const logs = shop.badRpc.calls.filter(({ body }) => body.method === "eth_getLogs").map(({ answer }) => answer.result.length);
    assert.ok(Math.max(...logs) >= 10, "all of them lie in one window");
  });
}
