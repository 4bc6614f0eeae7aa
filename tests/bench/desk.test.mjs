// The measurement of the desk, over small books: each page is there, and it prints what it found.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bench, PAGES } from "./desk/bench.mjs";
import { report } from "./desk/report.mjs";

test("one round over a thousand payments", async () => {
  const found = await bench({ rows: 1000, rounds: 1, entries: 3, say: () => {} });
  assert.deepEqual(Object.keys(found.pages), Object.keys(PAGES));
  assert.deepEqual(Object.values(found.written).map(({ length }) => length), [3, 3]);
  assert.match(report(found), /^trouble +[\d.]+ ms/m);
  assert.match(report(found, { markdown: true }), /^\| trouble \| [\d.]+ ms \|/m);
});
