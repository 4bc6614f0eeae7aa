// The version of the crate, the Worker and the npm package, which is one. Without a word, says it, or where it is not the same; with one
// like 0.2.0, writes it everywhere, and gives what the changelog has under "Unreleased" that heading.
import { main } from "./lib/run.mjs";
import { root } from "./lib/toolchain.mjs";
import { setVersion, theVersion } from "./lib/versions.mjs";

await main(async () => {
  const [version] = process.argv.slice(2);
  if (version !== undefined) setVersion(root, version, new Date().toISOString().slice(0, 10));
  process.stdout.write(`${theVersion(root)}\n`);
});
