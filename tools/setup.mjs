// Makes a fresh clone ready: Rust for the web, node_modules, wasm-bindgen and, with --test, a browser. Installs only what is missing,
// says on stderr what it does, asks nothing. Node 20 with its own modules is enough.
import { join } from "node:path";
import { locked, main, Plain, say, seconds } from "./lib/run.mjs";
import { setUpChromium } from "./lib/setup-chromium.mjs";
import { setUpNpm } from "./lib/setup-npm.mjs";
import { setUpRust } from "./lib/setup-rust.mjs";
import { setUpWasmBindgen } from "./lib/setup-wasm-bindgen.mjs";
import { root } from "./lib/toolchain.mjs";

await main(async () => {
  const begin = performance.now();
  if (Number(process.versions.node.split(".")[0]) < 20) throw new Plain(`Node 20 or newer is needed; this is ${process.version}`);
  await locked(join(root, ".tools/setup.lock"), async () => {
    const rust = setUpRust();
    const steps = [rust.target, setUpNpm(), setUpWasmBindgen(rust.compiler)];
    // After the compiler: apt does one thing at a time, and compiling takes longest.
    if (process.argv.includes("--test")) steps.push(rust.compiler.catch(() => {}).then(setUpChromium));
    // All run to their end, so that one failure does not leave another half done; the first is reported.
    const results = await Promise.allSettled(steps);
    const reasons = [...new Set(results.filter((result) => result.status === "rejected").map((result) => result.reason))];
    for (const reason of reasons.slice(1)) say(`error: ${reason.message}`);
    if (reasons.length > 0) throw reasons[0];
  });
  if (performance.now() - begin > 5000) say(`setup: done in ${seconds(begin)}`);
});
