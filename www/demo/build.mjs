// Bundles the demo wallet into site/demo-wallet.js. Does nothing when its sources have not changed.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "wallet-src");
const output = join(here, "site", "demo-wallet.js");
const tests = createRequire(join(here, "../../tests/package.json"));

/** A digest of everything that the bundle is made from. */
function fingerprint() {
  const hash = createHash("sha256").update(readFileSync(fileURLToPath(import.meta.url)));
  for (const file of readdirSync(sources).sort()) hash.update(file).update(readFileSync(join(sources, file)));
  for (const name of ["esbuild/package.json", "viem/package.json"]) hash.update(readFileSync(tests.resolve(name)));
  return hash.digest("hex").slice(0, 16);
}

function firstLine(file) {
  try {
    return readFileSync(file, "utf8").split("\n", 1)[0];
  } catch {
    return "";
  }
}

// The curve and the hash come from viem's own dependencies, whatever else is installed at the top.
const fromViem = {
  name: "from-viem",
  setup(build) {
    const resolveDir = dirname(tests.resolve("viem/package.json"));
    build.onResolve({ filter: /^@noble\// }, ({ path, kind, pluginData }) =>
      pluginData === "resolved" ? undefined : build.resolve(path, { kind, resolveDir, pluginData: "resolved" }),
    );
  },
};

/** The text of one file of wallet-src with all that it imports. */
export async function bundle(file, format) {
  const { build } = await import("esbuild");
  const result = await build({
    entryPoints: [join(sources, file)],
    bundle: true,
    minify: true,
    format,
    target: "es2022",
    charset: "utf8",
    legalComments: "eof",
    plugins: [fromViem],
    write: false,
    logLevel: "silent",
  });
  return result.outputFiles[0].text;
}

/** Writes site/demo-wallet.js; resolves to true when it had to be built. */
export async function buildDemoWallet() {
  const stamp = `/* Demo wallet, play money only. Sources ${fingerprint()}. */`;
  if (firstLine(output) === stamp) return false;
  writeFileSync(output, `${stamp}\n${await bundle("main.js", "iife")}`);
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log((await buildDemoWallet()) ? "demo wallet built" : "demo wallet unchanged");
}
