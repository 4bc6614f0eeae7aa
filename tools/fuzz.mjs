// `npm run fuzz -- TARGET SECONDS` runs a fuzz target on what it found before and what is committed; `npm run fuzz -- keep TARGET…`
// chooses from both the smallest inputs that reach all the code, and puts them into fuzz/corpus. Without words: the targets.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { cargo, root, which } from "./lib/toolchain.mjs";
import { main, Plain, run, say } from "./lib/run.mjs";

const fuzz = join(root, "fuzz");
const targets = readdirSync(join(fuzz, "fuzz_targets")).map((name) => name.replace(/\.rs$/, "")).sort();
/** Bytes of committed inputs for one target. */
const MOST = 24_000;

const names = (folder) => (existsSync(folder) ? readdirSync(folder) : []);

/** Builds a target and resolves to its executable. Coverage needs unstable flags, and no sanitizer: the core has no unsafe code. */
async function build(target) {
  if (!which("cargo-fuzz")) throw new Plain("cargo-fuzz is missing; run: cargo install cargo-fuzz");
  await cargo(["fuzz", "build", "--sanitizer", "none", target], { show: true, cwd: fuzz, env: { RUSTC_BOOTSTRAP: "1" } });
  const folder = join(fuzz, "target");
  const host = names(folder).find((name) => existsSync(join(folder, name, "release", target)));
  return join(folder, host, "release", target);
}

async function play(target, seconds) {
  if (!(seconds > 0)) throw new Plain(`for how many seconds? npm run fuzz -- ${target} 60`);
  const executable = await build(target);
  const grown = join(fuzz, "grown", target);
  const artifacts = join(fuzz, "artifacts", target);
  for (const folder of [grown, artifacts]) mkdirSync(folder, { recursive: true });
  if (names(grown).length === 0) await run(process.execPath, [join(fuzz, "seeds.mjs"), join(fuzz, "grown")]);
  const { code } = await run(executable, [
    grown, join(fuzz, "corpus", target), `-max_total_time=${seconds}`, `-dict=${join(fuzz, "dictionaries/wire.dict")}`,
    "-timeout=20", "-print_final_stats=1", `-artifact_prefix=${artifacts}/`,
  ], { show: true, check: false });
  if (code !== 0) say(`a promise is broken; the input is in ${artifacts}`);
  return code;
}

/** libFuzzer's account of a merge: which edges each input reaches. */
function edges(control) {
  const lines = readFileSync(control, "utf8").split("\n");
  const count = Number(lines[0]);
  const files = lines.slice(2, 2 + count).map((path) => ({ path, size: statSync(path).size, edges: [] }));
  for (const line of lines.slice(2 + count)) {
    const [kind, index, ...rest] = line.split(" ");
    if (kind === "COV") files[Number(index)].edges = rest;
  }
  return files;
}

async function keep(target) {
  const executable = await build(target);
  const place = mkdtempSync(join(tmpdir(), "farthing-fuzz-"));
  const corpus = join(fuzz, "corpus", target);
  try {
    const control = join(place, "control");
    const chosen = join(place, "chosen");
    for (const folder of [chosen, join(place, "merged"), corpus]) mkdirSync(folder, { recursive: true });
    const sources = [corpus, join(fuzz, "grown", target)].filter((folder) => names(folder).length > 0);
    await run(executable, ["-merge=1", `-merge_control_file=${control}`, join(place, "merged"), ...sources]);
    const files = edges(control);
    const open = new Set(files.flatMap((file) => file.edges));
    const all = open.size;
    let bytes = 0;
    while (open.size > 0) {
      const worth = (file) => file.edges.reduce((sum, edge) => sum + (open.has(edge) ? 1 : 0), 0) / (file.size + 1000);
      const [best] = files.map((file) => [file, worth(file)]).filter(([file, value]) => value > 0 && bytes + file.size <= MOST)
        .sort((a, b) => b[1] - a[1])[0] ?? [];
      if (!best) break;
      for (const edge of best.edges) open.delete(edge);
      bytes += best.size;
      copyFileSync(best.path, join(chosen, basename(best.path)));
    }
    rmSync(corpus, { recursive: true, force: true });
    mkdirSync(corpus, { recursive: true });
    for (const name of names(chosen)) copyFileSync(join(chosen, name), join(corpus, name));
    process.stdout.write(`${target}: ${names(corpus).length} inputs, ${bytes} bytes, ${all - open.size} of ${all} edges\n`);
  } finally { rmSync(place, { recursive: true, force: true }); }
}

await main(async () => {
  const [first, ...rest] = process.argv.slice(2);
  if (first === "keep") {
    for (const target of rest.length > 0 ? rest : targets) await keep(target);
    return 0;
  }
  if (!targets.includes(first)) throw new Plain(`which target? ${targets.join(", ")}`);
  return play(first, Number(rest[0]));
});
