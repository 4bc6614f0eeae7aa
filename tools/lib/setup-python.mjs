// Set-up of the official Python client: a virtual environment of its own with pinned packages, for conformance tests only.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { aptInstall, debian } from "./apt.mjs";
import { Plain, run, say } from "./run.mjs";
import { root, which } from "./toolchain.mjs";

const place = join(root, ".tools/python");
const requirements = join(root, "tests/conformance/python/requirements.txt");
const stamp = join(place, "farthing");

/** The interpreter that has the client's packages. */
export const python = join(place, "bin/python");

const wanted = () => createHash("sha256").update(`${place}\n`).update(readFileSync(requirements)).digest("hex");
const stamped = () => { try { return readFileSync(stamp, "utf8"); } catch { return undefined; } };
const make = () => run("python3", ["-m", "venv", "--clear", place], { check: false });

export async function setUpPython() {
  const key = wanted();
  if (existsSync(python) && stamped() === key) return;
  say("setup: the Python client of x402, in a virtual environment");
  let made = which("python3") ? await make() : { code: 1, err: "there is no python3" };
  if (made.code !== 0 && debian()) {
    await aptInstall(["python3", "python3-venv"]);
    made = await make();
  }
  if (made.code !== 0) {
    throw new Plain(`${(made.err || made.out).trim()}\nThe tests need Python 3.10 or newer with its venv module: the official client in Python is one of the payers.`);
  }
  try {
    // Its own folder is named, since a setting of the environment may send packages elsewhere.
    const env = { PYTHONPATH: undefined, PIP_TARGET: undefined, PIP_PREFIX: undefined, PIP_USER: undefined };
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements], { env });
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    throw error;
  }
  writeFileSync(stamp, key);
}
