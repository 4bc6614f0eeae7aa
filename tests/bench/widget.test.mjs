// The pages that are compared: each can be used and paid with, for what it says; nothing is said of times.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { recoverTypedDataAddress } from "viem";
import { TRANSFER_TYPES } from "../support/pay.mjs";
import { startParts } from "../support/parts.mjs";
import { bench } from "./widget/bench.mjs";
import { PAGES } from "./widget/pages.mjs";
import { judged, report } from "./widget/report.mjs";

const parts = startParts();
after(parts.stop);

test("one round, nothing slowed: every page has its button and is paid with once, and what was sent is counted", async () => {
  const found = await bench({ rounds: 1, phone: { cpu: 1 }, parts, say: () => {} });
  assert.deepEqual(Object.keys(found.pages), Object.keys(PAGES));
  for (const [name, { slow: [slow], fast: [fast], script: [script] }] of Object.entries(found.pages)) {
    const { accepted, payload: { authorization, signature } } = fast.payment;
    assert.equal(accepted.amount, "50000", name);
    assert.equal(authorization.value, "50000", name);
    const signer = await recoverTypedDataAddress({
      domain: { name: accepted.extra.name, version: accepted.extra.version, chainId: 84532, verifyingContract: accepted.asset },
      types: TRANSFER_TYPES, primaryType: "TransferWithAuthorization", message: authorization, signature,
    });
    assert.equal(signer, fast.payer, name);
    for (const { br, raw, wire, usable } of [slow, fast]) assert.ok(usable > 0 && br > 0 && br < raw && br < wire, name);
    assert.ok(fast.raw >= slow.raw, name);
    assert.ok(slow.shift >= 0 && script > 0, name);
  }
  const { paywall, inline } = found.pages;
  assert.equal(inline.slow[0].requests, 1, "the floor is one file");
  assert.ok(paywall.slow[0].raw > 2_000_000, "the official page is there whole");
  assert.equal(judged(found).length, 10);
  assert.match(report(found), /^ours, embedded +[\d,]+ /m);
  assert.match(report(found, { markdown: true }), /^\| ours, embedded \| [\d,]+ \|/m);
});
