// The bench's own parts: every Worker answers every case as it should, and nothing is said of times.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startParts } from "../support/parts.mjs";
import { CASES, bench } from "./bench.mjs";
import { judged, report } from "./report.mjs";

const parts = startParts();
after(parts.stop);

test("one short round: every Worker answers every case, what is paid for is delivered, and a forgery costs us no subrequest", { skip: process.platform !== "linux" }, async () => {
  const found = await bench({ rounds: 1, seconds: 0.1, payments: 16, starts: 1, warm: 16, parts, say: () => {} });
  for (const one of CASES) {
    assert.deepEqual(Object.keys(found.requests[one.name]).sort(), [...one.workers].sort(), one.name);
    for (const name of one.workers) {
      const [round, ...more] = found.requests[one.name][name];
      assert.deepEqual(more, []);
      assert.ok(round.requests > 0, `${one.name}, ${name}`);
      if (one.fresh) assert.equal(round.requests, 16);
    }
    const { subrequests } = found.requests[one.name].farthing[0];
    if (one.subrequests !== undefined) assert.equal(subrequests, one.subrequests, one.name);
  }
  const paid = (name, worker) => found.requests[name][worker][0].subrequests;
  assert.equal(paid("paid", "by hand"), 3, "verify, origin, settle");
  // on a busy machine, the first looks at the chain that come ten seconds after a payment are among them
  const about = (name, least) => assert.ok(paid(name, "farthing") >= least && paid(name, "farthing") < least + 1, `${name}: ${paid(name, "farthing")}`);
  about("paid", 2); // origin, settle
  about("paid, nonce of others", 3); // the chain, origin, settle
  assert.equal(paid("forged payment", "by hand"), 1, "it has a facilitator look at the signature");
  assert.equal(found.recovery.noble.length, 1);
  assert.equal(judged(found).length, CASES.length + 3);
  assert.match(report(found), /^free page .* ≤ 1\.10x/m);
});
