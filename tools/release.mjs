// `npm run release`: builds everything and makes the files of a release in .state/release/<version>/, then does with them what a stranger
// would. Publishes nothing: it ends with the commands that a person, or CI, runs. www/docs/releases.md says what a release promises.
//   --dirty   from a tree with changes, to look at: such files are for nobody else
//   --twice   builds once more, from the last commit in a folder elsewhere, and compares byte for byte
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { main, Plain, run, say, seconds } from "./lib/run.mjs";
import { changes, makeRelease, names } from "./lib/release.mjs";
import { checkRelease } from "./lib/release-check.mjs";
import { root } from "./lib/toolchain.mjs";
import { theVersion } from "./lib/versions.mjs";

const args = process.argv.slice(2);

/** The same commit, built where nothing was built before. */
async function compare({ version, folder }) {
  const place = mkdtempSync(join(tmpdir(), "farthing-again-"));
  try {
    const clone = join(place, "a folder of another name");
    await run("git", ["clone", "--quiet", "--local", root, clone]);
    await run("git", ["checkout", "--quiet", (await run("git", ["rev-parse", "HEAD"], { cwd: root })).out.trim()], { cwd: clone });
    symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
    say("release: builds once more, elsewhere …");
    await run(process.execPath, [join(clone, "tools/release.mjs"), "--only-make"], { cwd: clone, env: { CARGO_TARGET_DIR: undefined } });
    const file = names(version);
    const again = join(clone, relative(root, folder));
    return [file.npm, file.worker, file.crate].filter((name) => !readFileSync(join(folder, name)).equals(readFileSync(join(again, name))));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

await main(async () => {
  const begin = performance.now();
  const unknown = args.filter((arg) => !["--dirty", "--twice", "--only-make"].includes(arg));
  if (unknown.length > 0) throw new Plain(`${unknown.join(" ")}: there is --dirty and --twice`);
  const dirty = await changes();
  if (dirty.length > 0 && !args.includes("--dirty") && !args.includes("--only-make")) {
    throw new Plain(`the tree has changes that no commit has, so nobody could say what was released:\n${dirty.slice(0, 20).join("\n")}\ncommit them; or --dirty, to look at what would come of it`);
  }
  if (dirty.length > 0 && args.includes("--twice")) throw new Plain("--twice compares with the last commit: commit the changes first");
  const version = theVersion(root);
  if (!existsSync(join(root, "tests/upgrade", version))) throw new Plain(`what ${version} leaves to later versions is not recorded: npm run build, then node tests/upgrade/record.mjs, and commit tests/upgrade/${version}`);
  const folder = join(root, ".state/release", version);
  await run(process.execPath, [join(root, "tools/build.mjs")], { show: !args.includes("--only-make") });
  const release = await makeRelease(folder);
  if (args.includes("--only-make")) return 0;
  say("release: checks what was made …");
  const seen = await checkRelease(release);
  if (args.includes("--twice")) {
    const others = await compare(release);
    if (others.length > 0) throw new Plain(`not the same bytes when they were built elsewhere: ${others.join(", ")}`);
    seen.push("built again in another folder: the same bytes");
  }
  const file = names(version);
  const where = relative(process.cwd(), folder) || ".";
  const publish = [
    `git tag -s v${version} -m v${version} && git push origin v${version}`,
    `npm publish ${where}/${file.npm} --provenance --access public   # in CI, which alone can say where it was built`,
    "cargo publish --package farthing --locked",
    `gh release create v${version} ${where}/${file.worker} ${where}/${file.sums} --notes-file ${where}/${file.notes}`,
  ];
  process.stdout.write([
    "", `${where}/`,
    ...release.sums.map(([name, sum]) => `  ${sum}  ${name}  ${statSync(join(folder, name)).size.toLocaleString("en")} bytes`), "",
    ...seen, ...(release.released ? [] : [`note: CHANGELOG.md has no "## ${version}" yet; the notes are what is unreleased (node tools/version.mjs ${version})`]),
    ...(dirty.length > 0 ? ["note: made from a tree with changes: not to be published"] : ["", "Nothing was published. To publish:", ...publish.map((line) => `  ${line}`)]),
    "", `in ${seconds(begin)}`, "",
  ].join("\n"));
  return 0;
});
