// Runs every check and every test, one stage after the other, also past a failure, and sums up. `npm test -- NAME…` runs the stages
// and the test files whose name holds one of the words; with --slow those files too that are called *.slow.mjs.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { main, Plain, run, say, seconds } from "./lib/run.mjs";
import { setUpSites } from "./lib/setup-sites.mjs";
import { cargo, chromedriver, root, target, wasmBindgenTestRunner } from "./lib/toolchain.mjs";

const slow = process.argv.includes("--slow");
const words = process.argv.slice(2).filter((word) => word !== "--slow");
const wanted = (name) => words.length === 0 || words.some((word) => name.includes(word));

const shown = { show: true, check: false };
const script = (name, args = []) => run(process.execPath, [join(root, name), ...args], shown);

/** A check without tests of its own counts as one. */
const asOne = ({ code }) => (code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });

/** Sums the closing lines of libtest and its kin. Something that failed without naming a test is one failure; no test at all too. */
function libtest({ code, out }) {
  const sum = { passed: 0, failed: 0 };
  for (const [, passed, failed] of out.matchAll(/^test result: .*?(\d+) passed; (\d+) failed/gm)) {
    sum.passed += Number(passed);
    sum.failed += Number(failed);
  }
  if (sum.failed === 0 && (code !== 0 || sum.passed === 0)) sum.failed = 1;
  return sum;
}

const strictly = ["--", "--deny", "warnings"];
const clippy = async (...args) => asOne(await cargo(["clippy", ...args, ...strictly], shown));

/** Runs one of the core's test binaries for the web under `runner`. */
async function web(test, feature, runner, env) {
  const config = `target.${target}.runner=${JSON.stringify(runner)}`;
  return libtest(await cargo(["test", "--package", "farthing", "--target", target, "--features", feature, "--test", test, "--config", config], { ...shown, env }));
}

function browser() {
  const driver = chromedriver();
  if (!driver) throw new Plain("no chromedriver; run: node tools/setup.mjs --test");
  return web("wasm_browser", "widget", [wasmBindgenTestRunner()], { CHROMEDRIVER: driver });
}

async function deployable() {
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  const env = { CI: "1", WRANGLER_SEND_METRICS: "false" };
  return asOne(await run(process.execPath, [wrangler, "deploy", "--dry-run"], { ...shown, env, cwd: join(root, "worker/build") }));
}

/** In tests/, and beside what they test. */
const testFiles = () => ["js", "tests", "worker", "www"].flatMap((folder) => below(join(root, folder)));

function below(folder) {
  return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "out", "dist", "build"].includes(entry.name) ? [] : below(path);
    return entry.name.endsWith(".test.mjs") || (slow && entry.name.endsWith(".slow.mjs")) ? [path] : [];
  });
}

/** node:test, two files at a time: most of them wait for servers most of the time, and more would make their clocks lie. */
async function scripts(files) {
  const place = mkdtempSync(join(tmpdir(), "farthing-test-"));
  const report = join(place, "report.tap");
  try {
    const done = await run(process.execPath, [
      "--test", "--test-concurrency=2", "--test-timeout=600000",
      "--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap", `--test-reporter-destination=${report}`,
      ...files,
    ], { ...shown, cwd: root });
    const text = readFileSync(report, "utf8");
    const count = (name) => Number(new RegExp(`^# ${name} (\\d+)`, "m").exec(text)?.[1] ?? 0);
    const sum = { passed: count("pass"), failed: count("fail") + count("cancelled") };
    if (sum.failed === 0 && (done.code !== 0 || sum.passed === 0)) sum.failed = 1;
    return sum;
  } finally { rmSync(place, { recursive: true, force: true }); }
}

const stages = [
  ["fmt", async () => asOne(await cargo(["fmt", "--all", "--check"], shown))],
  ["fmt-peers", async () => asOne(await cargo(["fmt", "--check"], { ...shown, cwd: join(root, "tests/peers") }))],
  ["clippy-host", () => clippy("--workspace", "--all-targets")],
  ["clippy-edge", () => clippy("--package", "farthing", "--target", target, "--features", "edge", "--lib", "--test", "wasm_workerd")],
  ["clippy-widget", () => clippy("--package", "farthing", "--target", target, "--features", "widget", "--lib", "--test", "wasm_browser")],
  ["clippy-client", () => clippy("--package", "farthing", "--target", target, "--features", "client-fast", "--lib")],
  ["clippy-key", () => clippy("--package", "farthing", "--target", target, "--features", "key", "--lib")],
  ["clippy-tools", () => clippy("--package", "farthing", "--target", target, "--features", "tools", "--lib")],
  ["clippy-worker", () => clippy("--package", "farthing-worker", "--target", target, "--all-targets")],
  ["rust", async () => libtest(await cargo(["test", "--workspace"], shown))],
  ["browser", browser],
  ["workerd", () => web("wasm_workerd", "edge", [process.execPath, join(root, "tests/workerd/runner.mjs")])],
  ["build", async () => asOne(await script("tools/build.mjs"))],
  ["deploy", deployable],
];

await main(async () => {
  const begin = performance.now();
  const files = testFiles().filter((path) => wanted(relative(root, path)));
  const chosen = stages.filter(([name]) => wanted(name));
  if (chosen.length === 0 && files.length === 0) {
    throw new Plain(`nothing is called ${words.join(" or ")}; stages: ${stages.map(([name]) => name).join(", ")}; files: ${testFiles().map((path) => relative(root, path)).join(", ")}`);
  }
  const builds = chosen.some(([name]) => name === "build");
  if (!builds && (files.length > 0 || chosen.some(([name]) => name === "deploy"))) {
    // The files run what was built; without the stage of that name it is brought up to date quietly.
    chosen.unshift(["sources", async () => asOne(await script("tools/build.mjs", ["--quiet"]))]);
  }
  let left = [];
  if (files.length > 0) {
    chosen.push(["scripts", async () => {
      const sites = await setUpSites(files.map((path) => relative(root, path)));
      left = sites.left;
      if (sites.able.length === 0) return { passed: 0, failed: 0 };
      return scripts(sites.able.map((path) => join(root, path)));
    }]);
  }

  const results = [];
  for (const [name, work] of chosen) {
    process.stdout.write(`\n== ${name}\n`);
    const start = performance.now();
    let sum = { passed: 0, failed: 1 };
    try { sum = await work(); } catch (error) { say(`error: ${error instanceof Plain ? error.message : error.stack}`); }
    results.push({ name, ...sum, took: seconds(start) });
    process.stdout.write(`-- ${name}: ${sum.passed} passed, ${sum.failed} failed, ${seconds(start)}\n`);
  }
  process.stdout.write("\n");
  for (const { name, passed, failed, took } of results) {
    process.stdout.write(`${failed === 0 ? "ok    " : "FAILED"}  ${name.padEnd(16)}${String(passed).padStart(6)} passed${String(failed).padStart(6)} failed${took.padStart(12)}\n`);
  }
  for (const { file, fault } of left) process.stdout.write(`left out  ${file}: ${fault}\n`);
  const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
  process.stdout.write(`in ${seconds(begin)}\n${total("passed")} passed, ${total("failed")} failed\n`);
  return total("failed") === 0 ? 0 : 1;
});
