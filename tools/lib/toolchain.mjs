// Where the tools are: Rust, wasm-bindgen, wasm-opt, Chromium. Looks, never installs (setup.mjs does). Node 20's own modules only.
import { accessSync, constants, existsSync, readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Plain, run } from "./run.mjs";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const target = "wasm32-unknown-unknown";

/** What is slow to make and the same for every clone on this machine lives here. */
export const cache = process.env.FARTHING_CACHE
  ?? join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "farthing");

/** Where cargo unpacks the sources of crates. */
export const registry = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry/src");

const manifest = readFileSync(join(root, "Cargo.toml"), "utf8");
const pinned = (pattern, what) => {
  const found = pattern.exec(manifest)?.[1];
  if (!found) throw new Plain(`Cargo.toml names no ${what}`);
  return found;
};

export const rustVersion = pinned(/^rust-version = "([\d.]+)"/m, "rust-version");
/** The command-line tool must be of the crate's version, so the crate's pin is the only place that names it. */
export const wasmBindgenVersion = pinned(/^wasm-bindgen = .*"=([\d.]+)"/m, "exact wasm-bindgen version");

/** PATH without this project's node_modules: for commands that replace node_modules themselves. */
export const outerPath = () => (process.env.PATH ?? "").split(delimiter)
  .filter((folder) => folder && relative(join(root, "node_modules"), folder).startsWith("..")).join(delimiter);

/** The first executable of these names on PATH. */
export function which(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(folder, name);
      try { accessSync(path, constants.X_OK); return path; } catch { /* not here */ }
    }
  }
  return undefined;
}

const older = (a, b) => {
  const [x, y] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < y.length; i += 1) if ((x[i] ?? 0) !== y[i]) return (x[i] ?? 0) < y[i];
  return false;
};

// A panic is a trap at once: no message is formatted and none is kept, no hook runs. Known to Rust 1.92 and newer.
const trapping = ["-Zunstable-options", "-Cpanic=immediate-abort", "-Zlocation-detail=none"];
/** Lets a stable compiler take unstable options. Only for the one command that needs them, never exported. */
const unstable = { RUSTC_BOOTSTRAP: "1" };

/**
 * One Rust: {version, hasTarget, tooOld, library, lacksLibrary, env}, or undefined where there is none. `env` makes plain `cargo`
 * use it; `library` is where the standard library's sources are, if this Rust has them and can build them to trap.
 * A rustup proxy is kept from fetching or replacing a toolchain as a side effect of being asked.
 */
export async function inspect(rustc, env = {}) {
  const quiet = { check: false, env: { ...env, RUSTUP_AUTO_INSTALL: "0" } };
  const [about, libdir, sysroot] = await Promise.all([
    run(rustc, ["-vV"], quiet),
    run(rustc, ["--print", "target-libdir", "--target", target], quiet),
    run(rustc, [...trapping, "--print", "sysroot"], { ...quiet, env: { ...quiet.env, ...unstable } }),
  ]);
  const version = /^release: ([\d.]+)/m.exec(about.out)?.[1];
  if (about.code !== 0 || !version) return undefined;
  let rlibs = [];
  try { rlibs = readdirSync(libdir.out.trim()); } catch { /* no such target */ }
  const has = (name) => rlibs.some((file) => file.startsWith(`lib${name}-`) && file.endsWith(".rlib"));
  const sources = join(sysroot.out.trim(), "lib/rustlib/src/rust/library");
  const able = sysroot.code === 0;
  const there = able && existsSync(join(sources, "std/Cargo.toml"));
  return {
    version, hasTarget: has("std") && has("test"), tooOld: older(version, rustVersion), env, about: about.out,
    library: there ? sources : undefined, lacksLibrary: able && !there,
  };
}

export const debianRustc = "/usr/bin/rustc";

/** How plain `cargo` is told to use Debian's Rust. */
export const debianEnv = () => (which("rustup") ? { RUSTUP_TOOLCHAIN: "debian" } : { PATH: `/usr/bin${delimiter}${process.env.PATH}` });

/** The active toolchain if it can build for the web, else Debian's with its own std; undefined if neither can. */
export async function findRust() {
  if (which("cargo") && which("rustc")) {
    const active = await inspect("rustc");
    if (active?.hasTarget && !active.tooOld) return active;
  }
  if (existsSync(debianRustc) && (!which("rustup") || existsSync(join(process.env.RUSTUP_HOME ?? join(homedir(), ".rustup"), "toolchains/debian")))) {
    const debian = await inspect(debianRustc);
    if (debian?.hasTarget && !debian.tooOld) return { ...debian, env: debianEnv() };
  }
  return undefined;
}

let rust;
/** The toolchain to build with; memoised. */
export function toolchain() {
  rust ??= findRust().then((found) => {
    if (!found) throw new Plain(`no Rust ${rustVersion} or newer with ${target} here; run: node tools/setup.mjs`);
    return found;
  });
  return rust;
}

/**
 * The environment for cargo: the chosen toolchain and, for wasm32, compiler flags that keep this machine's paths out of the
 * artefact (a panic message names its file), and `wasmFlags`. Encoded flags may hold spaces and are not shadowed by RUSTFLAGS.
 */
async function cargoEnv({ wasm, wasmFlags = [] }) {
  const { env } = await toolchain();
  if (!wasm) return env;
  const flags = [`--remap-path-prefix=${registry}=/registry`, `--remap-path-prefix=${root}=/farthing`, ...wasmFlags];
  return { ...env, CARGO_ENCODED_RUSTFLAGS: flags.join("\u001f") };
}

/** Runs cargo with the chosen toolchain; options as in `run`, and `wasmFlags` as in `cargoEnv`. */
export async function cargo(args, { env = {}, cwd = root, wasmFlags, ...options } = {}) {
  const own = await cargoEnv({ wasm: args.includes(target), wasmFlags });
  return run("cargo", args, { ...options, cwd, env: { ...own, ...env } });
}

/**
 * `cargo build` for the web with a standard library that is built along, for size and to trap; with the ready-made one where
 * its sources are missing.
 */
export async function cargoRelease(args, { wasmFlags = [] } = {}) {
  const { library } = await toolchain();
  const build = ["build", "--quiet", "--target", target, ...args];
  if (!library) return cargo(build, { wasmFlags });
  return cargo([...build, "-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"], {
    wasmFlags: [...trapping, `--remap-path-prefix=${library}=/rustc/library`, ...wasmFlags], env: unstable,
  });
}

export const wasmBindgenRoot = join(cache, `wasm-bindgen-${wasmBindgenVersion}`);
const installed = (name) => () => {
  const path = join(wasmBindgenRoot, "bin", name);
  if (!existsSync(path)) throw new Plain(`${path} is missing; run: node tools/setup.mjs`);
  return path;
};
export const wasmBindgen = installed("wasm-bindgen");
export const wasmBindgenTestRunner = installed("wasm-bindgen-test-runner");

/** binaryen's optimiser is a script for node: run it with `process.execPath`. */
export const wasmOpt = () => join(root, "node_modules/binaryen/bin/wasm-opt");

const macChrome = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
/** The browser of the tests, or undefined. CHROME and CHROMEDRIVER in the environment win. */
export const chromium = () => process.env.CHROME
  || which("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
  || (existsSync(macChrome) ? macChrome : undefined);
export const chromedriver = () => process.env.CHROMEDRIVER || which("chromedriver");

/** Where nginx is unpacked. */
export const nginxFolder = join(root, ".tools/nginx");
export const nginx = () => process.env.NGINX || which("nginx") || [join(nginxFolder, "usr/sbin/nginx")].find((file) => existsSync(file));
