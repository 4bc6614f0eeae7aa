// The paying clients that are compared: what each signs is what was asked for; nothing is said of times.
import assert from "node:assert/strict";
import { test } from "node:test";
import { recoverTypedDataAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { TRANSFER_TYPES } from "../support/pay.mjs";
import { bench } from "./client/bench.mjs";
import { BUNDLES, CLIENTS } from "./client/clients.mjs";
import { report } from "./client/report.mjs";

test("one round: every client pays each page, to the payee, and is weighed", async () => {
  const found = await bench({ rounds: 1, signatures: 3, say: () => {} });
  assert.deepEqual(Object.keys(found.clients), Object.keys(CLIENTS));
  for (const [name, [{ ready, first, more, alone, payment, key, offer }]] of Object.entries(found.clients)) {
    const { accepted, payload: { authorization, signature } } = payment;
    assert.deepEqual([accepted.amount, authorization.value, authorization.to], [offer.amount, offer.amount, offer.payTo], name);
    const signer = await recoverTypedDataAddress({
      domain: { ...offer.extra, chainId: 84532, verifyingContract: offer.asset },
      types: TRANSFER_TYPES, primaryType: "TransferWithAuthorization", message: authorization, signature,
    });
    assert.equal(signer, privateKeyToAccount(key).address, name);
    assert.ok(ready > 0 && first > 0, name);
    assert.deepEqual([more.length, alone.length], [2, CLIENTS[name].signing ? 3 : 0], name);
  }
  assert.deepEqual(Object.keys(found.sizes), Object.keys(BUNDLES));
  for (const { raw, gzip, brotli } of Object.values(found.sizes)) assert.ok(raw > gzip && gzip > brotli && brotli > 10_000);
  assert.match(report(found), /^farthing, its own key +[\d.]+ ms /m);
  assert.match(report(found, { markdown: true }), /^\| farthing, a private key \| [\d,]+ \|/m);
});
