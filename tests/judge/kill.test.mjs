// The Worker is killed for half a minute, at as many points as come up; the long run is `npm run judge`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SEED } from "../support/chance.mjs";
import { inWords } from "./judge.mjs";
import { figures, round } from "./kill.mjs";

/** No new kill after this, in milliseconds. */
const LIMIT = 30_000;

test("S6 S8 killed where it hurts, under load: the ledger is what the chain is, who paid reads, who reads has paid", async (t) => {
  const { tally } = await round({ each: 1, until: Date.now() + LIMIT, turn: 4000, seed: SEED, load: { walkers: 4, absent: 4 } });
  t.diagnostic(figures(tally));
  assert.equal(inWords(tally.violations), "");
  for (const [rule, count] of Object.entries(tally.examined)) assert.ok(count > 0, rule);
  assert.ok(tally.kills > 0);
});
