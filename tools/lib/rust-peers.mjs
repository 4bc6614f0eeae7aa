// The programs of tests/peers: where they are, whether they are those of the sources here, and building them. They take minutes to
// compile and are the same for every clone on this machine, so they are kept in the user's cache.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { locked, Plain, say, seconds } from "./run.mjs";
import { cache, cargo, root, toolchain } from "./toolchain.mjs";

const folder = join(root, "tests/peers");
const place = join(cache, "peers");
const target = join(place, "target");
/** Of which dependencies, and which compiler, the last complete build was. */
const stamp = join(target, "farthing-built");

export const NAMES = ["assets", "client", "facilitator", "server"];

const sources = (path) => readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  .flatMap((entry) => (entry.isDirectory() ? sources(join(path, entry.name)) : [join(path, entry.name)]));

function binaries() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`);
  for (const path of [join(folder, "Cargo.toml"), join(folder, "Cargo.lock"), ...sources(join(folder, "src"))]) hash.update(readFileSync(path));
  return join(place, `bin-${hash.digest("hex").slice(0, 16)}`);
}

/** The paths by name, or undefined when these sources were not built on this machine. */
export function rustPeers() {
  const found = binaries();
  return existsSync(found) ? Object.fromEntries(NAMES.map((name) => [name, join(found, name)])) : undefined;
}

/**
 * Builds them, unless they are there. `onlyQuickly`: not if all their dependencies would have to be compiled.
 * Gives whether they are there now.
 */
export async function buildRustPeers({ onlyQuickly = false } = {}) {
  if (rustPeers()) return true;
  const { about } = await toolchain();
  const key = createHash("sha256").update(about).update(readFileSync(join(folder, "Cargo.lock"))).digest("hex");
  const compiled = () => { try { return readFileSync(stamp, "utf8") === key; } catch { return false; } };
  if (onlyQuickly && !compiled()) return false;
  await locked(join(place, "lock"), async () => {
    if (rustPeers()) return;
    const begin = performance.now();
    say(`peers: cargo build in tests/peers${compiled() ? "" : ", about four minutes"}`);
    await cargo(["build", "--locked", "--quiet"], { cwd: folder, env: { CARGO_TARGET_DIR: target } });
    const ready = binaries();
    const fresh = `${ready}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    for (const name of NAMES) copyFileSync(join(target, "debug", name), join(fresh, name));
    for (const name of readdirSync(place)) {
      if (name.startsWith("bin-") && name !== basename(fresh)) rmSync(join(place, name), { recursive: true, force: true });
    }
    renameSync(fresh, ready);
    writeFileSync(stamp, key);
    say(`peers: built, ${seconds(begin)}`);
  });
  if (!rustPeers()) throw new Plain("the programs of tests/peers are not there after building them");
  return true;
}
