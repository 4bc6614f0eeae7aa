// A cargo runner that executes #[wasm_bindgen_test] functions inside real workerd, through miniflare:
//   CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="node …/tests/workerd/runner.mjs" cargo test --target wasm32-unknown-unknown
// Filters, --exact, --skip, --list, --ignored, --include-ignored and --nocapture work as in libtest. It knows the text that one
// version of wasm-bindgen generates, and refuses any other. <package>/workerd-test.mjs may add Miniflare (v4) options.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import { wasmBindgen } from "../../tools/lib/toolchain.mjs";

const limit = Number(process.env.WORKERD_TEST_TIMEOUT ?? 120);

function parse(argv) {
  const options = { skip: [], exact: false, list: false, ignored: false, includeIgnored: false, nocapture: false };
  const plain = [];
  const words = [...argv];
  while (words.length > 0) {
    const word = words.shift();
    if (word === "--exact") options.exact = true;
    else if (word === "--list") options.list = true;
    else if (word === "--ignored") options.ignored = true;
    else if (word === "--include-ignored") options.includeIgnored = true;
    else if (word === "--nocapture" || word === "--no-capture") options.nocapture = true;
    else if (word === "--skip") options.skip.push(words.shift());
    else if (word.startsWith("--skip=")) options.skip.push(word.slice("--skip=".length));
    else if (["--format", "--test-threads", "--color"].includes(word)) words.shift();
    else if (!word.startsWith("-")) plain.push(word);
  }
  [options.file, ...options.filters] = plain;
  return options;
}

/** The tests a module exports, as __wbgt_<modifiers>_<crate>::<path>; "$" among the modifiers is #[ignore]. */
function select(module, { filters, skip, exact, ignored }) {
  const hit = (name, filter) => (exact ? name === filter : name.includes(filter));
  const all = WebAssembly.Module.exports(module).map((item) => item.name).filter((name) => name.startsWith("__wbgt_") && name.includes("::"));
  const chosen = all.map((exported) => ({
    exported,
    name: exported.slice(exported.indexOf("::") + 2),
    ignored: exported.slice("__wbgt_".length).split("_", 1)[0].includes("$"),
  })).filter((test) => (filters.length === 0 || filters.some((filter) => hit(test.name, filter)))
    && !skip.some((filter) => hit(test.name, filter)) && (!ignored || test.ignored));
  return { chosen, filtered: all.length - chosen.length };
}

const walk = (folder) => readdirSync(folder, { withFileTypes: true })
  .flatMap((entry) => (entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)]));

/** Replaces a text that must be there: another version of wasm-bindgen must not go unnoticed. */
function expect(text, old, fresh) {
  if (text.split(old).length !== 2) throw new Error(`wasm-bindgen's text has changed: expected once: ${old}`);
  return text.replace(old, fresh);
}

/** The modules of the worker: ours, wasm-bindgen's and the tests. */
function modules(folder) {
  const glue = readFileSync(join(folder, "tests.js"), "utf8");
  // `export *` would hand workerd values that are undefined at load, which it refuses, so classes (Durable Objects) go by name.
  const classes = [...glue.matchAll(/^export class (\w+)/gm)].map((match) => match[1]);
  const worker = readFileSync(join(import.meta.dirname, "worker.mjs"), "utf8");
  const list = [{ type: "ESModule", path: "worker.mjs", contents: `${worker}\nexport { ${classes.join(", ")} } from "./tests.js";\n` }];
  for (const path of walk(folder)) {
    const name = relative(folder, path);
    if (name.endsWith(".wasm")) list.push({ type: "CompiledWasm", path: name, contents: readFileSync(path) });
    else if (name === "tests.js") {
      // The start function of a test binary is libtest's main, which would run plain #[test]s and abort at the first panic. Only
      // the other half of the start is wanted: the table of references.
      const contents = expect(glue, "wasm.__wbindgen_start();", `__wbg_get_imports()["./tests_bg.js"].__wbindgen_init_externref_table();`);
      list.push({ type: "ESModule", path: name, contents });
    } else if (name.endsWith(".js")) list.push({ type: "ESModule", path: name, contents: readFileSync(path, "utf8") });
  }
  return list;
}

async function execute({ chosen, filtered }, options, folder, state) {
  const extra = join(process.env.CARGO_MANIFEST_DIR ?? process.cwd(), "workerd-test.mjs");
  const more = existsSync(extra) ? (await import(pathToFileURL(extra))).default : {};
  state.miniflare = new Miniflare(convertV4MiniflareOptions({
    compatibilityDate: "2026-07-01", log: new Log(LogLevel.ERROR), ...more, modules: modules(folder),
    handleStructuredLogs: ({ message }) => {
      if (message.startsWith("\u0002")) state.last = `${message.slice(1)} was the last test to start`;
      else process.stderr.write(`${message}\n`);
    },
  }));
  const answer = await state.miniflare.dispatchFetch("http://test.local/", {
    method: "POST",
    body: JSON.stringify({
      tests: chosen.map((test) => test.exported), filtered,
      includeIgnored: options.includeIgnored || options.ignored, nocapture: options.nocapture,
    }),
  });
  let verdict;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("\u0001")) verdict = JSON.parse(line.slice(1));
      else {
        const done = /^test (.*) \.\.\. /.exec(line)?.[1];
        if (done) state.finished.add(done);
        console.log(line);
      }
    }
  }
  if (!verdict) throw new Error("the worker ended without a verdict");
  if (verdict.error) throw new Error(verdict.error);
  return verdict.ok ? 0 : 1;
}

async function main() {
  const options = parse(process.argv.slice(2));
  const selection = select(new WebAssembly.Module(readFileSync(options.file)), options);
  const { chosen, filtered } = selection;
  if (options.list) {
    for (const { name } of chosen) console.log(`${name}: test`);
    return 0;
  }
  if (chosen.length === 0) {
    console.log(`running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; ${filtered} filtered out\n`);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "workerd-test-"));
  const state = { last: "no test had started", finished: new Set() };
  const report = (error) => {
    const open = chosen.filter((test) => !test.ignored && !state.finished.has(test.name)).map((test) => test.name);
    console.error(`\nerror: ${basename(options.file)}: ${error}; ${state.last}; not finished: ${open.join(", ") || "none"}`);
  };
  // A worker that spins neither answers nor lets itself be disposed of; leaving kills it.
  const leave = async (code) => {
    const insist = setTimeout(() => process.exit(code), 3000);
    await state.miniflare?.dispose().catch(() => {});
    clearTimeout(insist);
    process.exit(code);
  };
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const timer = setTimeout(() => {
    state.over = true;
    report(`no result within ${limit} s`);
    void leave(1);
  }, limit * 1000);
  const bound = spawnSync(wasmBindgen(), [options.file, "--out-dir", folder, "--out-name", "tests", "--target", "web", "--no-typescript", "--debug", "--keep-debug"], { stdio: ["ignore", 2, 2] });
  let code = bound.status ?? 1;
  if (code === 0) {
    try { code = await execute(selection, options, folder, state); } catch (error) {
      if (state.over) return new Promise(() => {});
      report(error.cause ? `${error.message}: ${error.cause.message}` : error.message);
      code = 1;
    }
  }
  clearTimeout(timer);
  await leave(code);
}

process.exitCode = await main();
