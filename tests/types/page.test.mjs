// The package's declarations, compiled as an author's strict project sees them.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../tools/lib/run.mjs";

const root = join(import.meta.dirname, "../..");

const tsc = (project, ...args) => run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", project, ...args], { check: false });

for (const [module, resolution] of [["ESNext", "Bundler"], ["NodeNext", "NodeNext"]]) {
  test(`an author's TypeScript compiles, and its mistakes do not (${resolution})`, async () => {
    const { code, out } = await tsc(import.meta.dirname, "--module", module, "--moduleResolution", resolution);
    assert.equal(out, "");
    assert.equal(code, 0);
  });
}

test("the example of the package's page compiles", async () => {
  const [, example] = /^```ts\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, "js/README.md"), "utf8"));
  const folder = join(root, "tests/out/types");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "example.ts"), example);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../types/tsconfig.json", files: ["example.ts"] }));
  const { code, out } = await tsc(folder, "--module", "ESNext", "--moduleResolution", "Bundler");
  assert.deepEqual([out, code], ["", 0]);
});

test("declarations lead to nothing that is not there, and tell nothing of the inside", () => {
  const dist = join(root, "js/dist");
  const files = readdirSync(dist).filter((name) => name.endsWith(".d.ts"));
  assert.deepEqual(files.sort(), ["define.d.ts", "element.d.ts", "farthing.d.ts", "state.d.ts"]);
  for (const name of files) {
    const text = readFileSync(join(dist, name), "utf8");
    assert.doesNotMatch(text, /@internal|\bCard\b|\bPay\b|Callback|observedAttributes|#wasm|#words/, name);
    for (const [, path] of text.matchAll(/from "\.\/([a-z/]+)\.js"/g)) assert.ok(files.includes(`${path}.d.ts`), `${name}: ${path}`);
  }
});
