// The page of the matrix has a line for every row and no other, and nobody wrote into it. That the lines are true is said by the tests
// of the rows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pages } from "./page.mjs";
import { TABLES, cells } from "./rows.mjs";

test("the page is the one that the rows make", () => {
  const { page, again } = pages();
  assert.equal(page, again, "run: npm run test:peers && npm run conformance:page");
});

test("no two rows are the same", () => {
  const all = TABLES.flatMap(({ rows }) => rows).map((row) => cells(row).join(" | "));
  assert.deepEqual(all.filter((line, index) => all.indexOf(line) !== index), []);
});
