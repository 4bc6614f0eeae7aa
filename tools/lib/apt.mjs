// Debian's packages, installed without a terminal. One call at a time; a foreign apt that holds the lock is waited for.
import { existsSync } from "node:fs";
import { Plain, run, say } from "./run.mjs";
import { which } from "./toolchain.mjs";

let prefix;
/** How to become root: nothing where we are, `sudo` where it asks no password, undefined where neither. */
async function rootPrefix() {
  if (prefix !== undefined) return prefix;
  if (process.getuid?.() === 0) prefix = [];
  else prefix = which("sudo") && (await run("sudo", ["-n", "true"], { check: false })).code === 0 ? ["sudo", "-n"] : null;
  return prefix;
}

export async function asRoot(command, args, options) {
  const [first, ...rest] = [...((await rootPrefix()) ?? []), command, ...args];
  return run(first, rest, options);
}

export const debian = () => existsSync("/etc/debian_version") && which("apt-get") !== undefined;

const present = async (name) => {
  const state = await run("dpkg-query", ["-W", "-f", "${Status}", name], { check: false });
  return state.out === "install ok installed";
};

const apt = (args, check) => asRoot("env", ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq", ...args], { check });

/** Fetches the package lists anew. */
export async function aptUpdate() {
  say("setup: apt-get update");
  await apt(["update"], false);
}

let last = Promise.resolve();
/** Installs what is missing of `names`. The package lists are fetched anew only when the ones here do not do. */
export function aptInstall(names) {
  const turn = last.then(() => install(names));
  last = turn.catch(() => {});
  return turn;
}

/** Installs the newest that Debian has of `names`, by package lists fetched anew. */
export function aptNewest(names) {
  const turn = last.then(async () => {
    await aptUpdate();
    await installAll(names);
  });
  last = turn.catch(() => {});
  return turn;
}

async function install(names) {
  const missing = [];
  for (const name of names) if (!(await present(name))) missing.push(name);
  if (missing.length > 0) await installAll(missing);
}

async function installAll(missing) {
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  if ((await rootPrefix()) === null) throw new Plain(`packages are missing; as root: apt-get update && ${command}`);
  say(`setup: ${command}`);
  const args = ["install", "-y", "--no-install-recommends", ...missing];
  if ((await apt(args, false)).code === 0) return;
  await aptUpdate();
  const again = await apt(args, false);
  if (again.code !== 0) {
    throw new Plain(`${(again.err || again.out).trimEnd().split("\n").slice(-8).join("\n")}\nDebian's packages could not be installed: ${missing.join(" ")}`);
  }
}
