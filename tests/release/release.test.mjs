// What a release is made of: one version, archives that are the same bytes each time, a crate of its own files alone, and notes. All of it at
// once, installed and run, is tests/packaging/release.slow.mjs.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { checkCrateList, checkWorker } from "../../tools/lib/release-check.mjs";
import { changes, crateFiles, sha256, workerArchive } from "../../tools/lib/release.mjs";
import { run } from "../../tools/lib/run.mjs";
import { pack, unpack } from "../../tools/lib/tar.mjs";
import { notes, setVersion, theVersion } from "../../tools/lib/versions.mjs";

const root = resolve(import.meta.dirname, "../..");
let place;
before(() => { place = mkdtempSync(join(tmpdir(), "farthing-release-")); });
after(() => rmSync(place, { recursive: true, force: true }));

test("the crate, the Worker and the package have one version, and a test of it sees another", () => {
  const version = theVersion(root);
  const copy = join(place, "versions");
  const files = ["Cargo.toml", "Cargo.lock", "fuzz/Cargo.lock", "js/package.json", "package-lock.json", "examples/deploy/package.json", "www/docs/start.md"];
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  assert.equal(theVersion(copy), version);
  const manifest = join(copy, "js/package.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace(`"version": "${version}"`, '"version": "9.9.9"'));
  assert.throws(() => theVersion(copy), /js\/package\.json says 9\.9\.9/);
  writeFileSync(join(copy, "CHANGELOG.md"), "# Changelog\n\n## Unreleased\n\n### Added\n\n- One thing.\n");
  assert.throws(() => setVersion(copy, "next", "2026-01-31"), /is no version/);
  setVersion(copy, "7.8.9", "2026-01-31");
  assert.equal(theVersion(copy), "7.8.9");
  const { version: locked } = JSON.parse(readFileSync(join(copy, "package-lock.json"), "utf8")).packages.js;
  assert.equal(locked, "7.8.9");
  const changelog = readFileSync(join(copy, "CHANGELOG.md"), "utf8");
  assert.match(changelog, /^## Unreleased\n\n## 7\.8\.9 - 2026-01-31\n\n### Added$/m);
  assert.throws(() => setVersion(copy, "7.8.9", "2026-01-31"), /has 7\.8\.9 already/);
  assert.throws(() => setVersion(copy, "7.9.0", "2026-01-31"), /nothing is under/);
});

test("notes are what the changelog has under the version, or what is unreleased", () => {
  const changelog = "# Changelog\n\n## Unreleased\n\n### Added\n\n- New.\n\n## 1.1.0 - 2026-02-01\n\n- Later.\n\n## 1.1.0-rc.1 - 2026-01-20\n\n- Try.\n";
  assert.deepEqual(notes(changelog, "1.1.0"), { text: "- Later.\n", released: true });
  assert.deepEqual(notes(changelog, "1.1.0-rc.1"), { text: "- Try.\n", released: true });
  assert.deepEqual(notes(changelog, "1.2.0"), { text: "### Added\n\n- New.\n", released: false });
  assert.throws(() => notes("# Changelog\n", "1.2.0"), /nothing under/);
});

test("an archive is the same bytes whatever the order, the clock and the file's times are, and any tar reads it", async () => {
  const deep = `${"a-folder-with-a-long-name/".repeat(5)}file.txt`;
  const files = [["x/b.txt", Buffer.from("b")], [`x/${deep}`, Buffer.from("deep")], ["x/run", Buffer.alloc(1024, "r"), 0o755], ["x/empty", Buffer.alloc(0)]];
  const archive = pack(files);
  assert.deepEqual(pack([...files].reverse()), archive);
  assert.deepEqual(unpack(archive).map(([name, bytes, mode]) => [name, String(bytes), mode]), [...files].sort().map(([name, bytes, mode = 0o644]) => [name, String(bytes), mode]));
  writeFileSync(join(place, "x.tar.gz"), archive);
  await run("tar", ["-xzf", "x.tar.gz"], { cwd: place });
  assert.equal(readFileSync(join(place, "x", deep), "utf8"), "deep");
  assert.throws(() => pack([["ü", Buffer.alloc(0)]]), /no name for an archive/);
  // what tar itself would make of them is not
  const tar = async (time) => {
    for (const [name] of files) utimesSync(join(place, name), time, time);
    await run("tar", ["-cf", "naive.tar", "x"], { cwd: place });
    return sha256(readFileSync(join(place, "naive.tar")));
  };
  assert.notEqual(await tar(1_000_000), await tar(2_000_000));
});

test("the Worker's archive is made twice the same, unpacks and answers a 402", async () => {
  const version = theVersion(root);
  const archive = workerArchive(version);
  assert.equal(sha256(workerArchive(version)), sha256(archive));
  const file = join(place, "worker.tar.gz");
  writeFileSync(file, archive);
  const { files } = await checkWorker(file, version);
  assert.ok(files > 20);
  const leak = join(place, "leak.tar.gz");
  writeFileSync(leak, pack([...unpack(archive), [`farthing-worker-${version}/worker.md`, Buffer.from(`built in ${root}/worker`)]]));
  await assert.rejects(checkWorker(leak, version), /worker\.md has a path of this machine/);
});

test("the crate has its own sources alone", async () => {
  checkCrateList(await crateFiles());
  for (const name of ["node_modules/a/README.md", "src/gate/tests/mod.rs", "src/tests.rs", "tests/vectors/a.json", ".dev.vars"]) {
    assert.throws(() => checkCrateList(["src/lib.rs", name]), /the crate has/, name);
  }
});

test("a tree with changes is told, file by file", async () => {
  const folder = join(place, "tree");
  mkdirSync(folder);
  const git = (...args) => run("git", ["-c", "user.name=x", "-c", "user.email=x@farthing.dev", ...args], { cwd: folder });
  await git("init", "--quiet");
  for (const [name, text] of [[".gitignore", "/out/\n"], ["a", "1"]]) writeFileSync(join(folder, name), text);
  await git("add", "-A");
  await git("commit", "--quiet", "-m", "x");
  mkdirSync(join(folder, "out"));
  writeFileSync(join(folder, "out/a"), "built");
  assert.deepEqual(await changes(folder), []);
  for (const name of ["a", "b"]) writeFileSync(join(folder, name), "2");
  assert.deepEqual(await changes(folder), [" M a", "?? b"]);
  await assert.rejects(changes(place), /a clone of the repository/);
});
