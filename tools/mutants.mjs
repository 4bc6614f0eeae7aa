// `npm run mutants -- …` changes the code that decides about money in one place at a time and shows which changes no test notices.
// The words go to cargo-mutants: `--list`, `--re src/money`, `--jobs 2`, `--shard 0/4`. What it found is in target/mutants.out.
import { cargo, which } from "./lib/toolchain.mjs";
import { main, Plain } from "./lib/run.mjs";

/** Cases per property: with the thousands of a test run, each mutant would cost a minute. */
const CASES = "64";

await main(async () => {
  if (!which("cargo-mutants")) throw new Plain("cargo-mutants is missing; run: cargo install cargo-mutants");
  const { code } = await cargo(["mutants", "--output", "target", ...process.argv.slice(2)], {
    show: true, check: false, env: { PROPTEST_CASES: process.env.PROPTEST_CASES ?? CASES },
  });
  return code;
});
