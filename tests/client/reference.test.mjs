// The reference on the site says what the types say.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PAGE, reference } from "../../tools/api.mjs";

test("www/docs/client-api.md is what `npm run api` writes", async () => {
  assert.equal(readFileSync(PAGE, "utf8"), await reference());
});
