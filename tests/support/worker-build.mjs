// A Worker of a developer's own around the built package, bundled as wrangler would, as a folder that startEdge takes.
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..", "..");
const dist = join(root, "js", "dist", "worker");

/** `entry` is a file, `text` the module itself; the folder goes with `remove()`. */
export async function buildWorker({ entry, text }) {
  const folder = mkdtempSync(join(tmpdir(), "farthing-worker-"));
  const platform = {
    name: "platform",
    setup(hooks) {
      hooks.onResolve({ filter: /^cloudflare:|\.wasm$/ }, ({ path }) => ({ path, external: true }));
    },
  };
  await build({
    ...(entry ? { entryPoints: [entry] } : { stdin: { contents: text, resolveDir: join(root, "tests") } }),
    outfile: join(folder, "index.js"), bundle: true, format: "esm", target: "es2022", conditions: ["workerd", "worker", "browser"],
    plugins: [platform], logLevel: "silent",
  });
  copyFileSync(join(dist, "edge.wasm"), join(folder, "edge.wasm"));
  cpSync(join(dist, "assets"), join(folder, "assets"), { recursive: true });
  writeFileSync(join(folder, "wrangler.jsonc"), JSON.stringify({ main: "index.js", compatibility_date: "2026-07-01" }));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
