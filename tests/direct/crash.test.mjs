// workerd is killed while it broadcasts: what is on disk says what was signed, and the payment ends once.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertOnce, resend, startSite, until } from "./site.mjs";

/** Kills workerd once so many transactions came to such an end, and starts it again. */
async function killedAt(site, sent, count, fate) {
  await until(`${count} sent`, () => sent.filter((one) => one.fate === fate).length >= count);
  await site.edge.kill();
  site.node.reset();
  await site.edge.restart();
}

describe("killed in mid-broadcast", { concurrency: true }, () => {
  for (const [fate, when] of [["keep", "after the node has the transaction, before its answer is read"], ["hang", "before the node has the transaction"]]) {
    test(`S3 ${when}: the same transaction lands, once`, async (t) => {
      const site = await startSite({ timeoutSeconds: 8 });
      t.after(site.stop);
      const reader = await site.newReader();
      const payment = await reader.sign("/a/1");
      const sent = site.sends(() => fate);
      const first = reader.send("/a/1", payment).catch(() => undefined);
      await killedAt(site, sent, 1, fate);
      assert.equal(await first, undefined);
      const transaction = await assertOnce(reader, "/a/1", await resend(reader, "/a/1", payment));
      const ours = await site.transactions();
      assert.deepEqual(ours.map(({ hash, nonce }) => [hash, nonce]), [[transaction, 0]]);
      assert.equal(sent[0].hash, transaction);
      await site.assertNoGap();
    });
  }

  test("S3 B6 nobody asks again after the kill: the alarm goes on by itself", async (t) => {
    const site = await startSite({ timeoutSeconds: 8 });
    t.after(site.stop);
    const reader = await site.newReader();
    const payment = await reader.sign("/a/1");
    const sent = site.sends(() => "hang");
    reader.send("/a/1", payment).catch(() => {});
    await killedAt(site, sent, 1, "hang");
    await until("the transfer", async () => (await reader.transfers()).length === 1, 60);
    await assertOnce(reader, "/a/1", await resend(reader, "/a/1", payment));
    assert.equal(await site.gasNonce(), 1);
  });

  test("S3 twenty under way, every other one in the node's hands: each is charged once", async (t) => {
    const site = await startSite({ timeoutSeconds: 8 });
    t.after(site.stop);
    const readers = await Promise.all(Array.from({ length: 20 }, () => site.newReader()));
    const payments = await Promise.all(readers.map((reader, n) => reader.sign(`/a/${n}`)));
    const sent = site.sends((_, count) => (count % 2 === 0 ? "keep" : "hang"));
    for (const [n, reader] of readers.entries()) reader.send(`/a/${n}`, payments[n]).catch(() => {});
    await killedAt(site, sent, 5, "hang");
    await Promise.all(readers.map(async (reader, n) => assertOnce(reader, `/a/${n}`, await resend(reader, `/a/${n}`, payments[n]))));
    assert.equal((await site.chain.transfersTo()).length, 20);
    const ours = await site.transactions();
    assert.ok(ours.every(({ receipt }) => receipt.status === "success"));
    assert.equal(ours.length, 20);
    await site.assertNoGap();
  });
});
