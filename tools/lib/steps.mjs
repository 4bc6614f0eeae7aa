// Steps of a build that are skipped while what they read and what they wrote is unchanged.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Plain, say, seconds } from "./run.mjs";
import { root } from "./toolchain.mjs";

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

function files(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new Plain(`${relative(root, path)} is missing`);
  if (!found.isDirectory()) return [path];
  return readdirSync(path).sort().filter((name) => name !== "node_modules").flatMap((name) => files(join(path, name)));
}

const fingerprint = (paths) => paths.flatMap(files).map((path) => `${relative(root, path)} ${digest(readFileSync(path))}`);

/** `place` keeps what was done; `common` is part of every step's key. */
export function steps(place, common = []) {
  let done = {};
  try { done = JSON.parse(readFileSync(place, "utf8")); } catch { /* nothing yet */ }
  let ran = 0;
  return {
    /** How many steps were not skipped. */
    get ran() { return ran; },
    /** `work` reads `inputs` (files or folders) and writes `outputs`; what is `slow` is told before. */
    async step(name, { inputs, salt = [], outputs, slow = false }, work) {
      const key = digest([...common, ...salt, ...fingerprint(inputs)].join("\n"));
      const written = () => { try { return digest(fingerprint(outputs).join("\n")); } catch { return undefined; } };
      if (done[name]?.key === key && done[name].written === written()) return;
      const begin = performance.now();
      if (slow) say(`build: ${name} is compiled, which takes minutes the first time …`);
      for (const output of outputs) mkdirSync(dirname(output), { recursive: true });
      await work();
      ran += 1;
      // A source that changed meanwhile leaves the old key behind, so the next build takes it up.
      done[name] = { key, written: digest(fingerprint(outputs).join("\n")) };
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, JSON.stringify(done, null, 1));
      say(`build: ${name}, ${seconds(begin)}`);
    },
  };
}
