// The Worker is killed a few times at every point; the long run is `npm run judge`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SEED } from "../support/chance.mjs";
import { inWords } from "./judge.mjs";
import { POINTS, figures, round } from "./kill.mjs";

/** No new kill after this, in milliseconds. */
const LIMIT = 75_000;

test("S6 S8 killed at every point, under load: the ledger is what the chain is, who paid reads, who reads has paid", async (t) => {
  const { tally } = await round({ each: 2, until: Date.now() + LIMIT, seed: SEED });
  t.diagnostic(figures(tally));
  assert.equal(inWords(tally.violations), "");
  for (const [rule, count] of Object.entries(tally.examined)) assert.ok(count > 0, rule);
  const reached = POINTS.filter(({ name }) => tally.points[name].hits > 0);
  assert.ok(reached.length >= POINTS.length / 2, `reached only ${reached.map(({ name }) => name).join(", ")}`);
});
