// What goes wrong between a gas key and its chain: fees, nonces used elsewhere, windows that close, payers that spend its gas, a key
// that runs dry.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "viem";
import { sendJson } from "../support/http.mjs";
import { PRICE, assertOnce, assertPage, privateKeyToAccount, problemOf, resend, sleep, startSite, until } from "./site.mjs";

const now = () => Math.floor(Date.now() / 1000);

async function begin(t, options) {
  const site = await startSite(options);
  t.after(site.stop);
  return site;
}

describe("trouble", { concurrency: true }, () => {
  test("a fee that has become too low: replaced by the same authorization, an eighth dearer and more", async (t) => {
    const site = await begin(t);
    const { client, rpc } = site.chain;
    const reader = await site.newReader();
    const payment = await reader.sign("/a/1");
    // no block takes it
    await client.setIntervalMining({ interval: 0 });
    const sent = site.sends(() => "pass");
    const first = reader.send("/a/1", payment);
    await until("it is sent", () => sent.length > 0);
    const block = async () => {
      await rpc("anvil_setNextBlockBaseFeePerGas", [toHex(2n * sent[0].maxFeePerGas)]);
      await client.mine({ blocks: 1 });
    };
    await block();
    assert.equal(await site.gasNonce(), 0, "the block left it out");
    const dearer = await until("it is replaced", async () => {
      await sleep(900);
      await block();
      return sent.find(({ hash }) => hash !== sent[0].hash);
    }, 3);
    const [before] = sent;
    assert.deepEqual([dearer.nonce, dearer.data, dearer.to], [before.nonce, before.data, before.to]);
    for (const price of ["maxFeePerGas", "maxPriorityFeePerGas"]) assert.ok(dearer[price] * 8n >= before[price] * 9n, price);
    await client.setIntervalMining({ interval: 2 });
    await (await first).text();
    await assertOnce(reader, "/a/1", await resend(reader, "/a/1", payment));
    assert.equal(await site.gasNonce(), 1);
    await site.assertNoGap();
  });

  test("the gas key is used elsewhere: what its nonce carried goes out with the next one", async (t) => {
    const site = await begin(t);
    const { client } = site.chain;
    const reader = await site.newReader();
    const payment = await reader.sign("/a/1");
    const account = privateKeyToAccount(site.gasKey.key);
    const sent = site.sends((_, count) => (count === 0 ? "swallow" : "pass"));
    const first = reader.send("/a/1", payment);
    await until("it is sent", () => sent.length > 0);
    // with the same nonce, and dearer
    const hash = await client.sendTransaction({ account, to: account.address, nonce: 0, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 2n * 10n ** 9n });
    await client.waitForTransactionReceipt({ hash });
    await (await first).text();
    await assertOnce(reader, "/a/1", await resend(reader, "/a/1", payment));
    const ours = await site.transactions();
    assert.deepEqual(ours.map(({ nonce }) => nonce).sort(), [0, 1]);
    assert.equal(ours.filter(({ input }) => input === sent[0].data).length, 1);
    assert.ok(site.logged('"what":"nonce-used-elsewhere"').length > 0, JSON.stringify(site.edge.log));
    await site.assertNoGap();
  });

  test("S5 a nonce is used up by nothing only when its authorization can no longer be paid, and what waits above it lands", async (t) => {
    const site = await begin(t, { timeoutSeconds: 8 });
    const [short, long] = [await site.newReader(), await site.newReader()];
    const early = await short.sign("/a/1", { validBefore: now() + 16 });
    const late = await long.sign("/a/2");
    const carries = (transaction, reader) => transaction.data?.includes(reader.address.slice(2).toLowerCase());
    const sent = site.sends((transaction) => (carries(transaction, short) ? "swallow" : "pass"));
    const first = short.send("/a/1", early);
    await until("it is sent", () => sent.length > 0);
    const second = long.send("/a/2", late);
    await until("the other is sent", () => sent.some((transaction) => carries(transaction, long)));
    const empty = await until("its nonce is used up", () => sent.find(({ data }) => data === undefined || data === "0x"), 60);
    assert.equal(empty.nonce, sent[0].nonce);
    assert.equal(empty.to.toLowerCase(), site.gasKey.address.toLowerCase());
    assert.ok(await site.chain.time() >= Number(early.authorization.validBefore));
    assert.ok(sent.slice(0, sent.indexOf(empty)).every((one) => one.nonce !== empty.nonce || one.data === sent[0].data));
    await Promise.all([first, second].map(async (answer) => (await answer).text()));
    await assertOnce(long, "/a/2", await resend(long, "/a/2", late));
    assert.equal((await short.transfers()).length, 0);
    assert.equal(await site.chain.authorizationState(short.address, early.authorization.nonce), false);
    await site.assertNoGap();
  });

  test("B8 a payer whose transactions are reverted spends the gas of eight a day and no more", async (t) => {
    const site = await begin(t);
    const reader = await site.newReader();
    // the dry run passes, and the money is gone when it lands
    const drained = (n) => (n === 0 ? site.chain.setBalance(reader.address, 0n) : undefined);
    let used = 0;
    for (let round = 0; round < 8 && used < 8; round++) {
      await site.chain.setBalance(reader.address, 10_000_000n);
      site.sends(async (_, count) => {
        await drained(count);
        return "pass";
      });
      const payments = await Promise.all(Array.from({ length: 8 - used }, (_, n) => reader.sign(`/a/${round}-${n}`)));
      await Promise.all(payments.map(async (payment, n) => {
        const response = await resend(reader, `/a/${round}-${n}`, payment);
        assert.equal(response.status, 402, await response.clone().text());
      }));
      used = await site.gasNonce();
    }
    assert.equal(used, 8);
    assert.ok((await site.transactions()).every(({ receipt }) => receipt.status === "reverted"));
    assert.equal(site.logged('"what":"reverted"').length, 8);
    await site.chain.setBalance(reader.address, 10_000_000n);
    // the ledger's own limit, of ten minutes, comes first; the sender's holds for the day
    const response = await reader.send("/a/9", await reader.sign("/a/9"));
    assert.equal(response.status, 429);
    assert.equal(await problemOf(response), "too-many-requests");
    assert.equal(await site.gasNonce(), 8);
    // others are not held back
    const other = await site.newReader();
    await assertOnce(other, "/a/9", await resend(other, "/a/9", await other.sign("/a/9")));
  });

  test("B8 a payer whose account runs code costs no gas: nothing is sent, and the next settler is asked", async (t) => {
    const site = await begin(t, { timeoutSeconds: 5 });
    const { client } = site.chain;
    const reader = await site.newReader();
    // EIP-7702: passes where gas is free, as in a dry run, and burns all it has where it is not
    const delegate = "0x00000000000000000000000000000000000077aa";
    const loop = `3a15600657fe5b62${(34_000).toString(16).padStart(6, "0")}5b6001900380600b57631626ba7e60e01b60005260206000f3`;
    await client.setCode({ address: delegate, bytecode: `0x${loop}` });
    await client.setCode({ address: reader.address, bytecode: `0xef0100${delegate.slice(2)}` });
    const sent = site.sends(() => "pass");
    const response = await reader.send("/a/1", await reader.sign("/a/1"));
    assert.equal(response.status, 503);
    assert.equal(await problemOf(response), "settlement-pending");
    assert.ok(site.logged('"why":"payer-with-code"').length > 0, JSON.stringify(site.edge.log));
    await sleep(3000);
    assert.equal(sent.length, 0);
    assert.equal(await site.gasNonce(), 0);
  });

  test("an endpoint that never answers is left at its first question, and is not the first any more", async (t) => {
    const site = await begin(t, { rpc: (bad, good) => [bad, good] });
    const reader = await site.newReader();
    const payment = await reader.sign("/a/1");
    site.node.reset();
    site.node.always("*", "hang");
    await assertOnce(reader, "/a/1", await resend(reader, "/a/1", payment, { tries: 3 }));
    const asked = site.node.calls.filter(({ body }) => body.method === "eth_getBalance" || body.method === "eth_maxPriorityFeePerGas");
    assert.deepEqual(asked, []);
    const counts = site.node.calls.filter(({ body }) => body.method === "eth_getTransactionCount");
    assert.equal(counts.length, 1);
  });

  test("an endpoint that stands still is not believed for longer than a minute: another is asked", async (t) => {
    const site = await begin(t, { rpc: (bad, good) => [bad, good] });
    const reader = await site.newReader();
    const payment = await reader.sign("/a/1");
    // all that it says of the latest block is of an hour ago
    site.node.always("*", async ({ body, response, through }) => {
      const { method, id } = JSON.parse(body);
      const answer = JSON.parse((await through()).text);
      if (method === "eth_getBlockByNumber") answer.result = { ...answer.result, number: "0x1", timestamp: toHex(now() - 3600) };
      if (method === "eth_getTransactionCount") answer.result = "0x0";
      sendJson(response, 200, { ...answer, id });
    });
    await assertOnce(reader, "/a/1", await resend(reader, "/a/1", payment, { tries: 3 }));
    assert.equal(await site.gasNonce(), 1);
    const heads = site.node.calls.filter(({ body }) => body.method === "eth_getBalance");
    assert.equal(heads.length, 1, "it is asked last from then on");
  });

  test("a key that runs low says so in the log, one that is dry leaves payments waiting, and they end once it is filled", async (t) => {
    const site = await begin(t, { gas: 5n * 10n ** 13n, timeoutSeconds: 5 });
    const { client } = site.chain;
    const [reader, other] = [await site.newReader(), await site.newReader()];
    await assertOnce(reader, "/a/1", await resend(reader, "/a/1", await reader.sign("/a/1")));
    const low = site.logged('"what":"low"');
    assert.equal(low.length, 1, low.join("\n"));
    assert.deepEqual(JSON.parse(low[0]), { event: "gas", what: "low", network: site.chain.network });
    await client.setBalance({ address: site.gasKey.address, value: 1000n });
    const payment = await other.sign("/a/2");
    const response = await other.send("/a/2", payment);
    assert.equal(response.status, 503);
    assert.equal(await problemOf(response), "settlement-pending");
    assert.ok(site.logged('"what":"empty"').length > 0, JSON.stringify(site.edge.log));
    assert.equal(await site.gasNonce(), 1);
    await client.setBalance({ address: site.gasKey.address, value: 10n ** 18n });
    assert.ok(await assertPage(await resend(other, "/a/2", payment), "/a/2"));
    assert.equal((await other.transfers())[0].value, PRICE);
  });
});
