// Set-up of node_modules: `npm ci` when what is installed is not what package-lock.json says.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, say } from "./run.mjs";
import { outerPath, root } from "./toolchain.mjs";

const modules = join(root, "node_modules");
const stamp = join(modules, ".farthing");
const read = (path) => { try { return readFileSync(path, "utf8"); } catch { return undefined; } };

const wanted = () => createHash("sha256").update(`${process.platform} ${process.arch}\n`).update(readFileSync(join(root, "package-lock.json"))).digest("hex");

/** npm's own record of what it installed, compared package by package: an installation by hand counts too. */
function matches() {
  const record = read(join(modules, ".package-lock.json"));
  if (!record) return false;
  const have = JSON.parse(record).packages;
  const want = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const here = (list, name) => !list || list.includes(name) || (list.some((entry) => entry.startsWith("!")) && !list.includes(`!${name}`));
  for (const [path, entry] of Object.entries(want)) {
    if (!path.includes("node_modules/") || entry.link) continue;
    const found = have[path];
    if (!found) {
      if (entry.optional || entry.peer || !here(entry.os, process.platform) || !here(entry.cpu, process.arch)) continue;
      return false;
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) return false;
  }
  return true;
}

export async function setUpNpm() {
  const complete = ["node", "esbuild", "tsc", "workerd"].every((name) => existsSync(join(modules, ".bin", name)));
  const key = wanted();
  if (complete && read(stamp) === key) return;
  if (!complete || !matches()) {
    say("setup: npm ci");
    const env = { PATH: outerPath(), NODE: undefined, npm_node_execpath: undefined, npm_config_node_options: undefined };
    await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: root, env });
  }
  writeFileSync(stamp, key);
}
