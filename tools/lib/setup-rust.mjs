// Set-up of Rust for the web: what rustup may add, else Debian's compiler with a standard library built once for wasm32.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aptInstall, aptNewest, asRoot, debian } from "./apt.mjs";
import { Plain, run, say } from "./run.mjs";
import { debianEnv, debianRustc, findRust, inspect, registry, rustVersion, target, which } from "./toolchain.mjs";

const byHand = () => `Farthing needs Rust ${rustVersion} or newer with the target ${target}.
  With rustup (https://rustup.rs):  rustup update stable, or, where there is no stable yet:
                                    rustup toolchain install stable --component clippy --component rustfmt --component rust-src --target ${target}
  On Debian, as root:               node tools/setup.mjs   (installs rustc-web and builds the standard library once)`;

/** rustup may add a target, and a first toolchain where there is none. It never replaces one. */
async function fromRustup() {
  if (!which("rustup") || process.env.RUSTUP_AUTO_INSTALL === "0") return false;
  const quiet = { check: false, timeout: 300_000, env: { RUSTUP_AUTO_INSTALL: "0" } };
  const active = await inspect("rustc");
  if (active?.tooOld) {
    say(`setup: the active Rust is ${active.version}, older than ${rustVersion}`);
    return false;
  }
  const args = active
    ? ["target", "add", target]
    : ["toolchain", "install", "stable", "--profile", "minimal", ...["clippy", "rustfmt", "rust-src"].flatMap((name) => ["--component", name]), "--target", target];
  say(`setup: rustup ${args.join(" ")}`);
  const done = await run("rustup", args, quiet);
  if (done.code !== 0) say(`setup: rustup could not: ${done.err.trim().split("\n").at(-1)}`);
  return done.code === 0;
}

/** The standard library's sources, for smaller artefacts. Everything builds without them as well, so nothing here is an error. */
async function sources({ lacksLibrary, env }) {
  if (!lacksLibrary) return;
  if (env.RUSTUP_TOOLCHAIN === "debian" || !which("rustup")) {
    if (debian() && existsSync(debianRustc)) await aptInstall([librarySources]).catch(({ message }) => say(`setup: ${message}`));
  } else if (process.env.RUSTUP_AUTO_INSTALL !== "0") {
    say("setup: rustup component add rust-src");
    const quiet = { check: false, timeout: 300_000, env: { RUSTUP_AUTO_INSTALL: "0" } };
    const done = await run("rustup", ["component", "add", "rust-src"], quiet);
    if (done.code !== 0) say(`setup: rustup could not: ${done.err.trim().split("\n").at(-1)}`);
  }
}

/** The linker that rustc asks for by the name rust-lld, of the LLVM that this rustc was built with. */
async function debianLinker(about) {
  if (which("rust-lld")) return;
  const major = /^LLVM version: (\d+)/m.exec(about)?.[1];
  const host = /^host: (\S+)/m.exec(about)?.[1];
  const folder = `/usr/lib/rustlib/${host}/bin`;
  if (existsSync(join(folder, "rust-lld"))) return;
  if (!existsSync(`/usr/bin/lld-${major}`)) await aptInstall([`lld-${major}`]);
  await asRoot("mkdir", ["-p", folder]);
  await asRoot("ln", ["-sfn", `/usr/bin/lld-${major}`, join(folder, "rust-lld")]);
}

/** Debian ships no standard library for wasm32 with this compiler: built from its own sources, `test` included. */
async function debianStd(about) {
  const value = (name) => new RegExp(`^${name}: (.*)`, "m").exec(about)?.[1];
  const stamp = `${value("commit-hash")} ${value("release")}\n`;
  const place = `/usr/lib/rustlib/${target}`;
  const stamped = () => { try { return readFileSync(join(place, "stamp"), "utf8").trim() === stamp.trim(); } catch { return false; } };
  if (stamped() && (await inspect(debianRustc))?.hasTarget) return;
  say(`setup: building Rust's standard library for ${target}, about a minute`);
  const work = mkdtempSync(join(tmpdir(), "farthing-std-"));
  try {
    mkdirSync(join(work, "src"));
    writeFileSync(join(work, "src/lib.rs"), "");
    writeFileSync(join(work, "Cargo.toml"), `[package]
name = "stub"
version = "0.0.0"
edition = "2021"
[workspace]
[profile.release]
opt-level = 3
codegen-units = 1
debug = 0
`);
    const sources = "/usr/lib/rustlib/src/rust/library";
    await run("/usr/bin/cargo", ["build", "--quiet", "--release", "--target", target,
      "-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test"], {
      cwd: work,
      env: {
        RUSTC: debianRustc, RUSTC_BOOTSTRAP: "1", CARGO_TARGET_DIR: join(work, "target"),
        CARGO_ENCODED_RUSTFLAGS: [
          "-Cembed-bitcode=yes", `--remap-path-prefix=${sources}=/rustc/std/library`, `--remap-path-prefix=${registry}=/registry`,
        ].join("\u001f"),
        RUSTUP_TOOLCHAIN: undefined, CARGO_BUILD_TARGET: undefined,
      },
    });
    const made = join(work, "target", target, "release/deps");
    const fresh = join(work, "fresh/lib");
    mkdirSync(fresh, { recursive: true });
    const rlibs = readdirSync(made).filter((file) => file.endsWith(".rlib") && !file.startsWith("libstub-"));
    await run("cp", [...rlibs.map((file) => join(made, file)), fresh]);
    writeFileSync(join(work, "fresh/stamp"), stamp);
    await asRoot("rm", ["-rf", `${place}.new`]);
    await asRoot("cp", ["-r", join(work, "fresh"), `${place}.new`]);
    await asRoot("rm", ["-rf", place]);
    await asRoot("mv", [`${place}.new`, place]);
  } finally { rmSync(work, { recursive: true, force: true }); }
}

const librarySources = "rust-web-src";
const packages = ["rustc-web", "cargo-web", librarySources, "rust-web-clippy", "rustfmt-web"];

async function debianCompiler() {
  await aptInstall(packages);
  let rustc = await inspect(debianRustc);
  // an image's package lists are as old as the image, and know no security updates, where the newer compilers come from
  if (!rustc || rustc.tooOld) {
    await aptNewest(packages);
    rustc = await inspect(debianRustc);
  }
  if (!rustc || rustc.tooOld) throw new Plain(`Debian's Rust here is ${rustc?.version ?? "not working"}.\n${byHand()}`);
  await debianLinker(rustc.about);
  if (which("rustup")) await run("rustup", ["toolchain", "link", "debian", "/usr"], { env: { RUSTUP_AUTO_INSTALL: "0" } });
  return rustc.about;
}

/**
 * Makes Rust ready. `compiler` resolves as soon as programs of this machine can be compiled (to cargo's environment), `target`
 * when the web's can.
 */
export function setUpRust() {
  let ready;
  const compiler = new Promise((resolve) => { ready = resolve; });
  const done = (async () => {
    const present = await findRust() ?? ((await fromRustup()) ? await findRust() : undefined);
    if (present) {
      ready(present.env);
      return sources(present);
    }
    if (!debian()) throw new Plain(byHand());
    const about = await debianCompiler();
    ready(debianEnv());
    await debianStd(about);
    if (!(await findRust())) throw new Plain(`the standard library for ${target} did not land.\n${byHand()}`);
    return undefined;
  })();
  const either = Promise.race([compiler, done.then(() => compiler)]);
  either.catch(() => {}); // told through `target`, also when nobody waits for the compiler
  return { compiler: either, target: done };
}
