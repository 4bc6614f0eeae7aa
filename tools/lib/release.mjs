// What a release is made of, from what was built: the npm tarball, the Worker as an archive, the crate, their sums, and the notes. Nothing
// here publishes anything.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Plain, run } from "./run.mjs";
import { pack } from "./tar.mjs";
import { cargo, outerPath, root } from "./toolchain.mjs";
import { notes, theVersion } from "./versions.mjs";

export const names = (version) => ({
  npm: `farthing-${version}.tgz`, worker: `farthing-worker-${version}.tar.gz`, crate: `farthing-${version}.crate`, sums: "SHA256SUMS", notes: "notes.md",
});

/** What is not as the last commit has it, a line each; ignored files are nobody's change. */
export async function changes(at = root) {
  const { code, out } = await run("git", ["status", "--porcelain"], { cwd: at, check: false });
  if (code !== 0) throw new Plain("a release is made in a clone of the repository: git knows no commit here");
  return out.split("\n").filter(Boolean);
}

function below(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}

/** The Worker as it is deployed: what was built, and the samples as the repository has them, whatever worker/build has been used for. */
export function workerFiles(at = root) {
  const build = join(at, "worker/build");
  const modules = readdirSync(join(at, "js/dist/worker")).filter((name) => /\.(js|wasm)$/.test(name)).sort();
  const built = [...modules, ...below(join(build, "assets")).map((name) => `assets/${name}`)];
  const own = new Set(below(join(at, "js/dist/worker/assets")));
  const strange = built.filter((name) => name.startsWith("assets/") && !own.has(name.slice("assets/".length)));
  if (strange.length > 0) throw new Plain(`worker/build has what no build of now makes: ${strange.join(", ")}; delete worker/build/assets`);
  const files = [
    ...built.map((name) => [name, join(build, name)]),
    ...["wrangler.jsonc", "farthing.jsonc"].map((name) => [name, join(at, "worker", name)]),
    ...["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"].map((name) => [name, join(at, name)]),
  ];
  return files.map(([name, path]) => [name, readFileSync(path)]);
}

/** The archive of the Worker: the same bytes from the same build. */
export const workerArchive = (version, at = root) => pack(workerFiles(at).map(([name, bytes]) => [`farthing-worker-${version}/${name}`, bytes]));

export async function crateFiles() {
  const { out } = await cargo(["package", "--package", "farthing", "--list", "--allow-dirty", "--locked", "--offline"]);
  return out.split("\n").filter(Boolean);
}

/** The crate, compiled from its own package with what cargo has here already. */
async function crate(version, to) {
  await cargo(["package", "--quiet", "--package", "farthing", "--locked", "--offline", "--allow-dirty"]);
  copyFileSync(join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "package", `farthing-${version}.crate`), to);
}

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Makes all of it in a folder, which is emptied first: {version, folder, released, sums}. */
export async function makeRelease(folder) {
  const version = theVersion(root);
  const file = names(version);
  const said = notes(readFileSync(join(root, "CHANGELOG.md"), "utf8"), version);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await run("npm", ["pack", "--loglevel=error", "--pack-destination", folder], { cwd: join(root, "js"), env: { PATH: outerPath() } });
  writeFileSync(join(folder, file.worker), workerArchive(version));
  await crate(version, join(folder, file.crate));
  const sums = [file.npm, file.worker, file.crate].map((name) => [name, sha256(readFileSync(join(folder, name)))]);
  writeFileSync(join(folder, file.sums), sums.map(([name, sum]) => `${sum}  ${name}\n`).join(""));
  writeFileSync(join(folder, file.notes), said.text);
  return { version, folder, released: said.released, sums };
}
