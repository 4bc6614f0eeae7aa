// wrangler in the publisher's project: where it is, and its installation. It is no dependency of this package: who only puts the card on a
// page, or only asks doctor, downloads nothing of it.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Mistake } from "../mistake.mjs";
import { parseJsonc } from "./jsonc.mjs";

/** The Worker that init writes. */
export const WORKER_FILE = "worker.mjs";

/** {file, main} of a Worker of the publisher's own, by wrangler's file in the folder; undefined where there is none, or it is init's. */
export function ownWorker(folder) {
  // in the order in which wrangler reads them
  const file = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"].find((name) => existsSync(join(folder, name)));
  if (!file) return undefined;
  const text = readFileSync(join(folder, file), "utf8");
  let main;
  try {
    main = file.endsWith(".toml") ? /^\s*main\s*=\s*["']([^"'\n]+)["']/m.exec(text)?.[1] : parseJsonc(text).main;
  } catch {
    // no JSON: whoever needs it says so
  }
  return typeof main === "string" && main.replace(/^\.\//, "") !== WORKER_FILE ? { file, main } : undefined;
}

/** The folder of an installed package, as Node would find it from `folder`. */
export function installed(folder, name) {
  for (let at = folder; ; at = dirname(at)) {
    const found = join(at, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
    if (dirname(at) === at) return undefined;
  }
}

/** The script that `wrangler` on the command line runs. */
export function wranglerScript(folder) {
  const found = installed(folder, "wrangler");
  if (!found) return undefined;
  const { bin } = JSON.parse(readFileSync(join(found, "package.json"), "utf8"));
  return join(found, typeof bin === "string" ? bin : bin.wrangler);
}

/** Whether this Node is older than wrangler 4 takes: 22.12. */
export function tooOld() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major < 22 || (major === 22 && minor < 12);
}

/** The Node that wrangler runs in: this one, or, where it is too old, the one among the project's own packages. */
export function nodeFor(folder) {
  if (!tooOld()) return process.execPath;
  const found = installed(folder, "node");
  const path = found && join(found, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (path && existsSync(path)) return path;
  throw new Mistake(`wrangler needs Node 22.12 or newer, and this is ${process.version}: npm install --save-dev node@24, or install a newer one.`);
}

/** `npm install` in the folder; what it says goes to standard error. */
export async function npmInstall(folder) {
  const windows = process.platform === "win32";
  const child = spawn(windows ? "npm.cmd" : "npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, stdio: ["ignore", 2, 2], shell: windows });
  const code = await new Promise((resolve) => {
    child.once("error", () => resolve(undefined));
    child.once("exit", resolve);
  });
  if (code !== 0) throw new Mistake("npm install did not end well; run it yourself, and then this command again.");
}
