// Set-up of wasm-bindgen's command-line tools: built once for each version on a machine, kept in the user's cache.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { locked, run, say } from "./run.mjs";
import { wasmBindgenRoot, wasmBindgenVersion } from "./toolchain.mjs";

const complete = () => ["wasm-bindgen", "wasm-bindgen-test-runner"].every((name) => existsSync(join(wasmBindgenRoot, "bin", name)));

/** `compiler` resolves to the environment of a cargo that can compile for this machine. */
export async function setUpWasmBindgen(compiler) {
  if (complete()) return;
  const env = await compiler;
  await locked(`${wasmBindgenRoot}.lock`, async () => {
    if (complete()) return;
    say(`setup: cargo install wasm-bindgen-cli ${wasmBindgenVersion}, some minutes (${cpus().length} cores)`);
    const fresh = `${wasmBindgenRoot}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(dirname(fresh), { recursive: true });
    await run("cargo", ["install", "wasm-bindgen-cli", "--version", `=${wasmBindgenVersion}`, "--no-default-features", "--root", fresh, "--quiet"], {
      cwd: dirname(fresh),
      env: {
        ...env, RUSTFLAGS: undefined, CARGO_ENCODED_RUSTFLAGS: undefined, CARGO_BUILD_TARGET: undefined, CARGO_TARGET_DIR: undefined,
        // Compiled in half the time; a test binary then takes it three seconds, an artefact still a fraction of one.
        CARGO_PROFILE_RELEASE_OPT_LEVEL: "0", CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16", CARGO_PROFILE_RELEASE_LTO: "false",
        CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS: "fallback",
      },
    });
    rmSync(wasmBindgenRoot, { recursive: true, force: true });
    renameSync(fresh, wasmBindgenRoot);
  });
}
