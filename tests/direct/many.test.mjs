// A hundred payments at once from one gas key, on a chain with a block every two seconds whose node loses one transaction in ten.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { payTo } from "../support/accounts.mjs";
import { PRICE, assertOnce, assertPage, resend, startSite } from "./site.mjs";

const PAYMENTS = 100;

let site;
before(async () => { site = await startSite(); });
after(() => site?.stop());

test("a hundred payments in parallel, one transaction in ten lost: every one ends settled, charged once, and no nonce is left out", async (t) => {
  const { chain } = site;
  const readers = await Promise.all(Array.from({ length: PAYMENTS }, () => site.newReader()));
  const payments = await Promise.all(readers.map((reader, n) => reader.sign(`/a/${n}`)));
  // told that it was taken, and never heard of again
  const sent = site.sends((_, count) => (count % 10 === 9 ? "swallow" : "pass"));
  const begin = performance.now();
  const paid = async (reader, n) => {
    const response = await resend(reader, `/a/${n}`, payments[n]);
    const seconds = (performance.now() - begin) / 1000;
    return { transaction: await assertPage(response, `/a/${n}`), seconds };
  };
  const done = await Promise.all(readers.map(paid));

  const seconds = done.map((one) => one.seconds).sort((a, b) => a - b);
  const lost = sent.filter(({ fate }) => fate === "swallow");
  t.diagnostic(`half after ${seconds[PAYMENTS / 2].toFixed(1)} s, all after ${seconds.at(-1).toFixed(1)} s; ${sent.length} sent, ${lost.length} lost`);
  assert.ok(lost.length >= PAYMENTS / 10);
  assert.equal(new Set(done.map(({ transaction }) => transaction)).size, PAYMENTS);
  const transfers = await chain.transfersTo();
  assert.equal(transfers.length, PAYMENTS);
  assert.deepEqual(new Set(transfers.map(({ from }) => from)), new Set(readers.map(({ address }) => address)));
  assert.ok(transfers.every(({ value }) => value === PRICE));
  assert.equal(await chain.balanceOf(payTo.address), BigInt(PAYMENTS) * PRICE);

  // one transaction each, none of them in vain, none above another that is missing
  const ours = await site.transactions();
  assert.deepEqual(ours.map(({ nonce }) => nonce).sort((a, b) => a - b), Array.from({ length: PAYMENTS }, (_, nonce) => nonce));
  assert.ok(ours.every(({ receipt }) => receipt.status === "success"));
  await site.assertNoGap();
  // of what was ever signed with one nonce, nothing carried another payment
  for (const { nonce, input } of ours) {
    for (const one of sent.filter((other) => other.nonce === nonce)) assert.equal(one.data, input);
  }
  // the hundred pages open again for the same payments, from what is known
  const before = sent.length;
  const again = await Promise.all(readers.slice(0, 10).map((reader, n) => reader.send(`/a/${n}`, payments[n])));
  for (const [n, response] of again.entries()) assert.equal(await assertOnce(readers[n], `/a/${n}`, response), done[n].transaction);
  assert.equal(sent.length, before);
});
