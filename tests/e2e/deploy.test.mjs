// The folder behind the "Deploy to Cloudflare" button, as its machine has it: alone, with the packed tarball in place of the published
// package; built, packed by wrangler, and asked for a first 402 in workerd. The button itself was never pressed.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { decodePaymentRequiredHeader } from "@x402/core/http";
import { parseJsonc } from "../../js/cli/lib/jsonc.mjs";
import { run } from "../../tools/lib/run.mjs";
import { outerPath } from "../../tools/lib/toolchain.mjs";
import { payTo } from "../support/accounts.mjs";
import { startEdge } from "../support/edge.mjs";
import { randomKeys } from "../support/newspaper.mjs";

const root = resolve(import.meta.dirname, "../..");
const source = join(root, "examples", "deploy");
const env = Object.fromEntries(Object.keys(process.env).filter((name) => /^npm_|^NODE_TEST|^NODE$|^INIT_CWD$|^FARTHING_/i.test(name)).map((name) => [name, undefined]));
const npm = (args, cwd) => run("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, env, timeout: 300_000 });

let place;
let folder;
before(async () => {
  env.PATH = outerPath();
  place = await mkdtemp(join(tmpdir(), "farthing-deploy-"));
  folder = join(place, "site");
  await cp(source, folder, { recursive: true, filter: (path) => !/node_modules|public|\.wrangler/.test(path.slice(source.length)) });
  const { out } = await npm(["pack", "--json", "--pack-destination", place], join(root, "js"));
  await npm(["install", "--omit=dev", join(place, JSON.parse(out)[0].filename)], folder);
  await npm(["run", "build"], folder);
});
after(() => rm(place, { recursive: true, force: true }));

const read = async (name) => parseJsonc(await readFile(join(source, name), "utf8"));
// what packs is this repository's own wrangler, in the version that the folder asks for
const wrangler = (...args) => run(process.execPath, [join(root, "node_modules/wrangler/bin/wrangler.js"), ...args], { cwd: folder, env: { ...env, CI: "1", WRANGLER_SEND_METRICS: "false" }, check: false });

/** The packed Worker at work. */
async function at(variables, keys, use) {
  const build = await mkdtemp(join(place, "build-"));
  const dry = await wrangler("deploy", "--dry-run", "--outdir", build);
  assert.equal(dry.code, 0, dry.out + dry.err);
  await cp(join(folder, "public"), join(build, "assets"), { recursive: true });
  // of the sample the names, of the test what stands for the setup page
  const { compatibility_date } = await read("wrangler.jsonc");
  const main = (await readdir(build)).find((name) => /^worker\.m?js$/.test(name));
  await rename(join(build, main), join(build, "index.js"));
  await writeFile(join(build, "wrangler.jsonc"), JSON.stringify({ main: "index.js", compatibility_date }));
  const edge = await startEdge({ build, keys, env: { ...variables, FARTHING_LOCAL: "0" } });
  try {
    return await use(edge, dry.out);
  } finally {
    await edge.stop();
  }
}

test("it is alone, names what the setup page asks for, and holds no secret", async () => {
  const { dependencies, devDependencies, scripts, cloudflare } = await read("package.json");
  const { version } = JSON.parse(await readFile(join(root, "js/package.json"), "utf8"));
  assert.equal(dependencies.farthing, `^${version}`);
  assert.equal(devDependencies.wrangler, `^${JSON.parse(await readFile(join(root, "package.json"), "utf8")).devDependencies.wrangler}`);
  assert.deepEqual([scripts.build, scripts.deploy], ["node build.mjs", "wrangler deploy"]);
  const { vars, d1_databases: [{ binding: books }], analytics_engine_datasets: [{ binding: metrics }] } = await read("wrangler.jsonc");
  const secrets = [...(await readFile(join(source, ".dev.vars.example"), "utf8")).matchAll(/^(\w+)=(.*)$/gm)].map(([, name]) => name);
  assert.deepEqual(Object.keys(cloudflare.bindings).sort(), [...Object.keys(vars), ...secrets, books, metrics].sort());
  assert.deepEqual(secrets, ["FARTHING_KEYS"]);
  for (const name of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (!name.isFile() || /node_modules|public/.test(name.parentPath)) continue;
    assert.doesNotMatch(await readFile(join(name.parentPath, name.name), "utf8"), /\.\.\/|0x[0-9a-f]{40}|:[\w-]{43}/i, name.name);
  }
});

test("built and packed, with the setup page's answers, it asks for a first payment", () =>
  at({ SITE: "https://news.example", PAY_TO: payTo.address }, randomKeys(), async (edge, packed) => {
    for (const binding of ["LEDGER", "SENDER", "TALLY", "BOOKS", "METRICS", "ASSETS", "SITE", "PAY_TO"]) assert.match(packed, new RegExp(`env\\.${binding}\\b`), packed);
    assert.deepEqual((await edge.health()).errors, []);
    const headers = { host: "news.example" };
    const ask = (path) => new Promise((done, failed) => {
      request({ host: "127.0.0.1", port: edge.port, path, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => { text += part; }).on("end", () => done({ status: response.statusCode, headers: response.headers, text }));
      }).on("error", failed).end();
    });
    const free = await ask("/");
    assert.match(free.text, /This page is free/);
    const priced = await ask("/articles/first");
    assert.ok(!priced.text.includes("Whoever reads this"));
    assert.equal(priced.status, 402, priced.text);
    const offer = decodePaymentRequiredHeader(priced.headers["payment-required"]);
    assert.deepEqual([offer.resource.url, offer.accepts[0].payTo, offer.accepts[0].amount], ["https://news.example/articles/first", payTo.address, "50000"]);
    assert.equal((await ask("/.farthing/farthing.js")).status, 200);
  }));

test("B10 as it lies there it sells nothing, and says what is missing", () =>
  at({ SITE: "https://news.example", PAY_TO: "0x…your address…" }, "replace-this", async (edge) => {
    const { ok, errors } = await edge.health();
    assert.equal(ok, false);
    assert.match(errors.join("\n"), /^payTo\.eip155: /m);
    assert.equal((await fetch(`${edge.url}/articles/first`)).status, 503);
  }));
