// Makes a fresh clone ready: Rust for the web, node_modules, wasm-bindgen and, with --test, a browser, nginx and a client in
// Python; with --docs, node_modules alone. Installs only what is missing, says on stderr what it does, asks nothing. Node 20 with its
// own modules is enough.
import { join } from "node:path";
import { locked, main, Plain, say, seconds } from "./lib/run.mjs";
import { setUpChromium } from "./lib/setup-chromium.mjs";
import { setUpNginx } from "./lib/setup-nginx.mjs";
import { setUpNpm } from "./lib/setup-npm.mjs";
import { setUpPython } from "./lib/setup-python.mjs";
import { setUpRust } from "./lib/setup-rust.mjs";
import { setUpWasmBindgen } from "./lib/setup-wasm-bindgen.mjs";
import { root } from "./lib/toolchain.mjs";

await main(async () => {
  const begin = performance.now();
  const failures = new Set();
  if (Number(process.versions.node.split(".")[0]) < 20) throw new Plain(`Node 20 or newer is needed; this is ${process.version}`);
  await locked(join(root, ".tools/setup.lock"), async () => {
    const steps = [setUpNpm()];
    if (!process.argv.includes("--docs")) {
      const rust = setUpRust();
      steps.push(rust.target, setUpWasmBindgen(rust.compiler));
      // After the compiler: apt does one thing at a time, and compiling takes longest.
      if (process.argv.includes("--test")) steps.push(...[setUpChromium, setUpNginx, setUpPython].map((step) => rust.compiler.catch(() => {}).then(step)));
    }
    // Told at once, but the others run to their end: what they finish is there for the next time.
    await Promise.all(steps.map((step) => step.catch((error) => {
      if (failures.has(error)) return;
      failures.add(error);
      say(`setup: error: ${error instanceof Plain ? error.message : error.stack}`);
    })));
  });
  if (failures.size > 0) {
    say("setup: not complete, see the error above");
    return 1;
  }
  if (performance.now() - begin > 5000) say(`setup: done in ${seconds(begin)}`);
  return 0;
});
