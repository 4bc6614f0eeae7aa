// The measurement of paying clients: every one in turn in a process of its own, round after round, and each bundled once. Prints and judges
// nothing.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { machine } from "../figures.mjs";
import { BUNDLES, CLIENTS } from "./clients.mjs";

const root = join(import.meta.dirname, "../../..");
const dist = join(root, "js/dist/client");

const weighed = (...files) => {
  const sum = (weigh) => files.reduce((total, file) => total + weigh(file), 0);
  return {
    raw: sum((file) => file.length),
    gzip: sum((file) => gzipSync(file, { level: 9 }).length),
    brotli: sum((file) => brotliCompressSync(file, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length),
  };
};

/** What a browser would download, with the WebAssembly that is fetched beside it. */
async function bundled({ program, beside = [] }) {
  const { outputFiles: [script] } = await build({
    stdin: { contents: program, resolveDir: join(root, "tests"), loader: "js" },
    bundle: true, minify: true, treeShaking: true, format: "esm", platform: "browser", target: "es2022", write: false, logLevel: "silent",
    legalComments: "none", alias: { farthing: join(dist, "web.js") },
  });
  return weighed(script.contents, ...beside.map((name) => readFileSync(join(dist, name))));
}

/**
 * @param {object} options
 * `rounds`; `signatures`: how many in a round; `say(text)` is told how far it is.
 */
export async function bench({ rounds, signatures, say }) {
  const begin = { date: new Date().toISOString(), load: loadavg()[0] };
  const names = Object.keys(CLIENTS);
  const sizes = {};
  for (const [name, what] of Object.entries(BUNDLES)) sizes[name] = await bundled(what);
  const clients = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}: clients`);
    // no client is always the first
    for (const name of names.map((_, index) => names[(index + round) % names.length])) {
      const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, "one.mjs"), name, String(signatures)], { cwd: join(root, "tests"), maxBuffer: 1 << 24 });
      clients[name].push(JSON.parse(stdout));
    }
  }
  return { ...begin, loadAfter: loadavg()[0], node: process.version, machine: machine(), rounds, signatures, clients, sizes };
}
