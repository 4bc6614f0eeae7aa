// `npm run release` from end to end, twice, for `npm run test:packaging`: refused while there are changes, checked as a stranger would, and the
// same bytes the second time.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { changes, names } from "../../tools/lib/release.mjs";
import { run } from "../../tools/lib/run.mjs";
import { theVersion } from "../../tools/lib/versions.mjs";
import { root } from "./support.mjs";

const release = (...args) => run(process.execPath, [join(root, "tools/release.mjs"), ...args], { check: false, timeout: 900_000 });

test("a release is made, checked, and the same when it is made again", async (t) => {
  const version = theVersion(root);
  const folder = join(root, ".state/release", version);
  if ((await changes()).length > 0) {
    const refused = await release();
    assert.equal(refused.code, 1);
    assert.match(refused.err, /the tree has changes that no commit has/);
  }
  const file = names(version);
  const made = async () => {
    const { code, out, err } = await release("--dirty");
    assert.equal(code, 0, out + err);
    t.diagnostic(out);
    return Object.fromEntries([file.npm, file.worker, file.crate, file.sums, file.notes].map((name) => [name, readFileSync(join(folder, name)).toString("base64")]));
  };
  const first = await made();
  const second = await made();
  for (const name of Object.keys(first)) assert.ok(first[name] === second[name], name);
});
