// What a stranger does with the files of a release, without this repository: without a network, without Rust, from empty folders.
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { payTo } from "../../tests/support/accounts.mjs";
import { startEdge } from "../../tests/support/edge.mjs";
import { withoutRust } from "../../tests/support/no-rust.mjs";
import { startOrigin } from "../../tests/support/origin.mjs";
import { freePort, start, stop } from "./processes.mjs";
import { Plain, run } from "./run.mjs";
import { names, sha256 } from "./release.mjs";
import { unpack } from "./tar.mjs";
import { outerPath, root } from "./toolchain.mjs";

function must(is, what) {
  if (!is) throw new Plain(`the release is not as it should be: ${what}`);
}

/** A page of a Worker that costs something: 402 with an offer to the payee. */
async function asksForMoney(url) {
  const response = await fetch(url);
  const text = await response.text();
  must(response.status === 402, `${url} answers ${response.status}: ${text.slice(0, 300)}`);
  const { accepts: [offer] } = JSON.parse(Buffer.from(response.headers.get("payment-required") ?? "e30=", "base64"));
  must(offer?.payTo === payTo.address && offer.amount === "50000", "the 402 makes no offer");
  must(!text.includes("ferryman"), "the 402 has the article in it");
}

/** No path of this machine, and no key, in a text. */
function clean(name, text) {
  must(!text.includes(root) && !/\/(home|root|tmp|Users)\/[\w.]/.test(text), `${name} has a path of this machine`);
  must(!/-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{20}|0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80|npm_[A-Za-z0-9]{36}|_authToken/.test(text), `${name} has a key`);
}

/** Files that a text editor opens. */
const isText = (name) => /\.(rs|[cm]?js|[cm]?ts|jsonc?|md|toml|lock)$|LICENSE|\.orig$/.test(name);

/** Everything in an archive is below one folder, is a file, and says nothing of this machine. Its names below that folder. */
export function lookInto(archive, folder) {
  const files = unpack(readFileSync(archive));
  for (const [name, bytes] of files) {
    must(name.startsWith(`${folder}/`) && !name.includes(".."), `${name} is outside ${folder}/`);
    if (isText(name)) clean(name, bytes.toString("utf8"));
    else must(!bytes.includes(root), `${name} has a path of this machine`);
  }
  return files.map(([name]) => name.slice(folder.length + 1));
}

/** The package in an empty project: its commands run, and `dev` with a wrangler that is there already leads to a first 402. */
export async function checkPackage(tarball, version) {
  const place = mkdtempSync(join(tmpdir(), "farthing-release-npm-"));
  const origin = await startOrigin({ routes: { "/*": "The ferryman took the penny." } });
  let child;
  try {
    const inside = lookInto(tarball, "package");
    must(inside.every((name) => /^(dist\/|package\.json$|README\.md$|LICENSE)/.test(name)), `the package has ${inside}`);
    const folder = join(place, "empty");
    mkdirSync(folder);
    const here = Object.keys(process.env).filter((name) => /^npm_|^NODE$|^NODE_|^INIT_CWD$|^FARTHING_|^CARGO|^RUST/i.test(name)).map((name) => [name, undefined]);
    // nothing answers at this registry, and it is asked for nothing
    const env = { ...Object.fromEntries(here), PATH: withoutRust(outerPath(), place), npm_config_registry: "http://127.0.0.1:9", npm_config_offline: "true", npm_config_cache: join(place, "cache") };
    const shell = (program, args, more = {}) => run(program, args, { cwd: folder, env, timeout: 120_000, ...more });
    const rust = await shell("cargo", ["--version"], { check: false, timeout: undefined });
    must(rust.code !== 0, "there is a cargo on the PATH");
    await shell("npm", ["install", tarball, "--no-audit", "--no-fund", "--loglevel=error"]);
    must((await shell("npx", ["farthing", "--version"])).out.trim() === version, "farthing --version");
    const { out: help } = await shell("npx", ["farthing"]);
    const commands = [...help.matchAll(/^ {2}(\w+) +/gm)].map(([, name]) => name);
    must(commands.includes("dev") && commands.includes("init"), `its commands are ${commands}`);
    const farthing = (...args) => shell("node", ["node_modules/.bin/farthing", ...args]);
    for (const name of commands) must((await farthing(name, "--help")).out.startsWith(`npx farthing ${name} `), `farthing ${name} --help`);
    await farthing("init", "--yes", "--no-install", "--pay-to", payTo.address, "--origin", origin.url);
    await farthing("check");
    const used = 'import { createClient } from "farthing"; const client = createClient({ signer: process.argv[1], policy: { max: "$1" } }); console.log(await client.address());';
    must(/^0x[0-9a-fA-F]{40}$/m.test((await shell("node", ["--input-type=module", "-e", used, `0x${randomBytes(32).toString("hex")}`])).out), "a program imports it");
    // `init` would fetch them; here those of this repository stand for them
    for (const name of ["wrangler", "node"]) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
    const port = await freePort();
    const full = { ...process.env, ...env };
    for (const name of Object.keys(full)) if (full[name] === undefined) delete full[name];
    child = start("npx", ["farthing", "dev", "--json", "--port", String(port)], { cwd: folder, env: full });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { said += text; });
    const ready = new Promise((done) => child.stdout.on("data", () => { if (said.includes('"ready":true')) done(true); }));
    must(await Promise.race([ready, child.ended.then(() => false)]), `farthing dev: ${said}`);
    await asksForMoney(`http://127.0.0.1:${port}/articles/ferry`);
    return { files: inside.length, commands };
  } finally {
    if (child) await stop(child, { signal: "SIGINT", grace: 15_000 });
    await origin.stop();
    rmSync(place, { recursive: true, force: true });
  }
}

/** The Worker's archive, unpacked by the system's tar, in workerd. */
export async function checkWorker(archive, version) {
  const place = mkdtempSync(join(tmpdir(), "farthing-release-worker-"));
  const origin = await startOrigin({ routes: { "/*": "The ferryman took the penny." } });
  let edge;
  try {
    const files = lookInto(archive, `farthing-worker-${version}`);
    await run("tar", ["-xzf", archive, "-C", place]);
    const config = (site) => ({
      site, origin: { url: origin.url }, payTo: { eip155: payTo.address }, networks: ["eip155:84532"],
      settlement: { facilitators: [{ url: "https://x402.org/facilitator" }] }, routes: [{ match: "/articles/*", price: "$0.05" }],
    });
    edge = await startEdge({ build: join(place, `farthing-worker-${version}`), config, keys: `k1:${randomBytes(32).toString("base64url")}` });
    const health = await edge.health();
    must(health.ok && health.version === version, `the Worker is well: ${JSON.stringify(health)}`);
    await asksForMoney(`${edge.url}/articles/ferry`);
    must((await fetch(`${edge.url}/.farthing/farthing.js`)).status === 200, "the reader's element is there");
    return { files: files.length };
  } finally {
    await edge?.stop();
    await origin.stop();
    rmSync(place, { recursive: true, force: true });
  }
}

/** What may be in the crate: sources, without tests and what they read. */
export function checkCrateList(files) {
  const strange = files.filter((name) => !/^(src\/[\w/]+\.rs|README\.md|CHANGELOG\.md|LICENSE-(MIT|APACHE)|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json)$/.test(name) || /(^|\/)tests(\/|\.rs$)/.test(name));
  must(strange.length === 0, `the crate has ${strange.slice(0, 10).join(", ")}${strange.length > 10 ? ` and ${strange.length - 10} more` : ""}`);
  must(files.includes("src/lib.rs"), "the crate has no src/lib.rs");
}

/** All of a release, as `makeRelease` left it: lines that say what was seen. */
export async function checkRelease({ folder, version }) {
  const file = names(version);
  for (const line of readFileSync(join(folder, file.sums), "utf8").trim().split("\n")) {
    const [sum, name] = line.split("  ");
    must(sha256(readFileSync(join(folder, name))) === sum, `the sum of ${name}`);
  }
  const crate = lookInto(join(folder, file.crate), `farthing-${version}`);
  checkCrateList(crate);
  const worker = await checkWorker(join(folder, file.worker), version);
  const npm = await checkPackage(join(folder, file.npm), version);
  return [
    `${file.npm}: ${npm.files} files; installed offline and without Rust, ${npm.commands.length} commands have their help, dev leads to a 402`,
    `${file.worker}: ${worker.files} files; answers a 402 in workerd`,
    `${file.crate}: ${crate.length} files; compiled offline from its own package`,
  ];
}
