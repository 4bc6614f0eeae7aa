// The npm package as people get it: packed, installed into an empty folder without this repository and without Rust, and led to its first
// 402 by three commands. How long that took is printed.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { decodePaymentRequiredHeader } from "@x402/core/http";
import { PaymentRequiredV2Schema } from "@x402/core/schemas";
import { parseJsonc } from "../../js/cli/lib/jsonc.mjs";
import { freePort, portTaken, start, stop } from "../../tools/lib/processes.mjs";
import { run } from "../../tools/lib/run.mjs";
import { outerPath } from "../../tools/lib/toolchain.mjs";
import { payTo } from "../support/accounts.mjs";
import { withoutRust } from "../support/no-rust.mjs";
import { startOrigin } from "../support/origin.mjs";

const root = resolve(import.meta.dirname, "../..");
const MINUTE = 60_000;

let place;
let folder;
let tarball;
let origin;
/** What a person's shell has: no npm of a script around it, no module of this repository, and no Rust. */
const env = Object.fromEntries(Object.keys(process.env).filter((name) => /^npm_|^NODE_TEST|^NODE$|^INIT_CWD$|^FARTHING_/i.test(name)).map((name) => [name, undefined]));
before(async () => {
  place = await mkdtemp(join(tmpdir(), "farthing-package-"));
  env.PATH = withoutRust(outerPath(), place);
  assert.notEqual((await run("cargo", ["--version"], { env, check: false })).code, 0, "no cargo is found");
  const { out } = await npm(["pack", "--json", "--pack-destination", place], join(root, "js"));
  tarball = join(place, JSON.parse(out)[0].filename);
  folder = join(place, "empty");
  await mkdir(folder);
  origin = await startOrigin({ routes: { "/": "Front page", "/articles/ferry": "The ferryman took the penny." } });
});
after(async () => {
  await origin?.stop();
  await rm(place, { recursive: true, force: true });
});

const npm = (args, cwd) => run("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, env, timeout: 5 * MINUTE });
const farthing = (...args) => run("npx", ["farthing", ...args], { cwd: folder, env, check: false, timeout: 5 * MINUTE });
const read = (name) => readFile(join(folder, name), "utf8");
const took = {};
const timed = async (name, work) => {
  const begin = performance.now();
  const result = await work;
  took[name] = (performance.now() - begin) / 1000;
  return result;
};

/** `npx farthing dev`, until `use` is done. */
async function dev(args, use) {
  const full = { ...process.env, ...env };
  for (const name of Object.keys(full)) if (full[name] === undefined) delete full[name];
  const child = start("npx", ["farthing", "dev", "--json", ...args], { cwd: folder, env: full });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => { said += text; });
  try {
    const line = await new Promise((done) => {
      let out = "";
      child.stdout.setEncoding("utf8").on("data", (text) => { if ((out += text).includes("\n")) done(out); });
      child.once("close", () => done(""));
    });
    assert.ok(line, said);
    assert.equal(line.trim().split("\n").length, 1);
    const { ready, url } = JSON.parse(line);
    assert.equal(ready, true);
    return await use(url, () => said);
  } finally {
    await stop(child, { signal: "SIGINT", grace: 15_000 });
  }
}

test("the tarball holds what it should, asks for no other package, and knows nothing of this machine", async () => {
  await timed("npm install", npm(["install", tarball], folder));
  const installed = join(folder, "node_modules", "farthing");
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  for (const kind of ["dependencies", "optionalDependencies", "scripts"]) assert.equal(manifest[kind], undefined, kind);
  assert.deepEqual((await readdir(join(folder, "node_modules"))).filter((name) => !name.startsWith(".")), ["farthing"]);
  const names = (await readdir(installed, { recursive: true })).filter((name) => !name.endsWith("LICENSE-MIT") && /\.\w+$/.test(name.split("/").at(-1)));
  for (const name of [
    "README.md", "dist/farthing.js", "dist/farthing.wasm", "dist/farthing.d.ts", "dist/custom-elements.json", "dist/integrity.json", "dist/farthing.schema.json", "dist/cli/farthing.js", "dist/worker/index.js", "dist/worker/index.d.ts",
    "dist/worker/edge.wasm", "dist/worker/assets/.farthing/farthing.js", "dist/worker/assets/.farthing/farthing.wasm",
  ]) assert.ok(names.includes(name), name);
  for (const name of names.filter((one) => /\.(js|json|ts|md)$/.test(one))) {
    const text = await readFile(join(installed, name), "utf8");
    assert.ok(!text.includes(root) && !/\/(home|root|tmp)\//.test(text), name);
  }
  assert.ok((await stat(tarball)).size < 1_050_000);
});

test("init, check and dev lead to a first 402", async (t) => {
  const init = await timed("init", farthing("init", "--yes", "--pay-to", payTo.address, "--origin", origin.url, "--site", "https://www.news.example"));
  assert.equal(init.code, 0, init.out + init.err);
  assert.match(init.out, /^farthing\.jsonc +written$/m);
  const check = await timed("check", farthing("check", "--json"));
  assert.equal(check.code, 0, check.out + check.err);
  assert.deepEqual(JSON.parse(check.out).routes[0].offers[0].price, "0.05");
  const port = await freePort();
  const begin = performance.now();
  await dev(["--port", String(port)], async (url) => {
    assert.equal(url, `http://127.0.0.1:${port}`);
    const unpaid = await fetch(`${url}/articles/ferry`);
    took.dev = (performance.now() - begin) / 1000;
    assert.equal(unpaid.status, 402);
    const offer = decodePaymentRequiredHeader(unpaid.headers.get("payment-required"));
    PaymentRequiredV2Schema.parse(offer);
    assert.equal(offer.resource.url, `${url}/articles/ferry`);
    assert.equal(offer.accepts[0].payTo, payTo.address);
    assert.equal(await (await fetch(`${url}/`)).text(), "Front page");
    assert.equal((await fetch(`${url}/.farthing/farthing.js`)).status, 200);
    assert.equal((await farthing("quote", `${url}/articles/ferry`)).code, 0);
    assert.equal((await farthing("quote", `${url}/`)).code, 2);
    const doctor = await farthing("doctor", `${url}/articles/ferry`, "--json");
    assert.deepEqual(JSON.parse(doctor.out).findings.filter(({ level }) => level === "wrong"), []);
    // an edit of the file takes effect without a word
    await writeFile(join(folder, "farthing.jsonc"), (await read("farthing.jsonc")).replace("$0.05", "$0.07"));
    for (const until = Date.now() + MINUTE; ;) {
      const { out } = await farthing("quote", `${url}/articles/ferry`, "--json");
      const price = out && JSON.parse(out).offers?.[0]?.decimal;
      if (price === "0.07") break;
      assert.ok(Date.now() < until, out);
    }
  });
  // npx was told alone, and its command notices that it is gone
  for (const until = Date.now() + 20_000; await portTaken(port);) assert.ok(Date.now() < until, "it still listens");
  const line = Object.entries(took).map(([name, seconds]) => `${name} ${seconds.toFixed(1)} s`).join(", ");
  t.diagnostic(`from an empty folder to the first 402: ${Object.values(took).reduce((sum, one) => sum + one).toFixed(1)} s (${line})`);
});

test("what init writes is right, and hides its keys", async () => {
  const config = parseJsonc(await read("farthing.jsonc"));
  assert.equal(config.$schema, "./node_modules/farthing/dist/farthing.schema.json");
  assert.equal((await stat(join(folder, config.$schema))).isFile(), true);
  assert.equal(config.money, "test");
  const wrangler = parseJsonc(await read("wrangler.jsonc"));
  assert.equal(wrangler.workers_dev, false);
  assert.deepEqual(wrangler.routes, [{ pattern: "www.news.example/*", zone_name: "news.example" }]);
  assert.equal((await stat(join(folder, ".dev.vars"))).mode & 0o777, 0o600);
  assert.match(await read(".dev.vars"), /^FARTHING_KEYS=k\d{8}:[\w-]{43}$/m);
  for (const name of [".dev.vars", "farthing.keys"]) assert.ok((await read(".gitignore")).split("\n").includes(name), name);
  const { devDependencies, dependencies } = JSON.parse(await read("package.json"));
  assert.match(devDependencies.wrangler, /^\^\d/);
  assert.match(dependencies.farthing, /^file:/);
  const wranglerScript = join(folder, "node_modules/wrangler/bin/wrangler.js");
  const dry = await run(process.execPath, [wranglerScript, "deploy", "--dry-run", "--outdir", join(place, "out")], { cwd: folder, env: { ...env, CI: "1", WRANGLER_SEND_METRICS: "false" }, check: false });
  assert.equal(dry.code, 0, dry.out + dry.err);
  assert.match(dry.out, /env\.LEDGER \(Ledger\)/);
});

test("init a second time keeps everything, and says so; --force replaces what is the Worker's, never the keys", async () => {
  const files = ["farthing.jsonc", "wrangler.jsonc", "worker.mjs", ".dev.vars", ".gitignore", "package.json"];
  await writeFile(join(folder, "worker.mjs"), `${await read("worker.mjs")}// mine\n`);
  const texts = () => Promise.all(files.map(read));
  const old = await texts();
  const again = await farthing("init", "--yes", "--pay-to", payTo.address, "--origin", "dns", "--json");
  assert.equal(again.code, 0, again.err);
  const done = (out) => Object.fromEntries(JSON.parse(out).files.map(({ file, done }) => [file, done]));
  assert.deepEqual(done(again.out), {
    "farthing.jsonc": "kept: it is yours", "wrangler.jsonc": "as it was", "worker.mjs": "kept: it is yours",
    ".dev.vars": "kept: it has FARTHING_KEYS", ".gitignore": "as it was", "package.json": "as it was",
  });
  assert.deepEqual(await texts(), old);
  await chmod(join(folder, ".dev.vars"), 0o600);
  const forced = await farthing("init", "--yes", "--pay-to", payTo.address, "--origin", "dns", "--force", "--json");
  assert.equal(done(forced.out)["worker.mjs"], "replaced");
  assert.equal(await read(".dev.vars"), old[3]);
  assert.doesNotMatch(await read("worker.mjs"), /mine/);
});

/** The command in a folder beneath, which finds the packages above it; as a person starts it, until `use` is done. */
async function at(name, args, use) {
  const cwd = join(folder, name);
  await mkdir(cwd, { recursive: true });
  const full = { ...process.env, ...env };
  for (const one of Object.keys(full)) if (full[one] === undefined) delete full[one];
  const child = start(process.execPath, [join(folder, "node_modules/farthing/dist/cli/farthing.js"), ...args], { cwd, env: full });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { said += text; });
  const until = async (says) => {
    for (const end = Date.now() + MINUTE; !says.test(said); await new Promise((done) => setTimeout(done, 50))) {
      assert.ok(child.exitCode === null && Date.now() < end, `${says}: ${said}`);
    }
    return said;
  };
  try {
    if (use) return await use(until, cwd);
    const { code } = await child.ended;
    return { code, said };
  } finally {
    await stop(child, { signal: "SIGINT", grace: 15_000 });
  }
}

test("dev replaces where the origin points and nothing else, waits for a secret, and says which config it goes on with", async () => {
  const keyed = await startOrigin({ routes: { "*": (request, response) => {
    response.writeHead(request.headers["x-origin-key"] === "of-the-test" ? 200 : 403, { "content-type": "text/html" });
    response.end("Whoever has the key");
  } } });
  const cwd = join(folder, "keyed");
  await mkdir(cwd);
  const text = JSON.stringify({
    site: "https://www.news.example", payTo: { eip155: payTo.address }, networks: ["eip155:84532"], gifts: {},
    origin: { url: "https://origin.news.example", headers: { "x-origin-key": "ORIGIN_KEY" }, cache: { for: "5m" } },
    settlement: { facilitators: [{ url: "https://x402.org/facilitator" }], rpc: { "eip155:84532": ["https://sepolia.base.org"] } },
    subscribers: { originHeader: "Farthing-Access", whenCookie: ["session"] },
    routes: [{ match: "/stories/*", price: "$0.05" }],
  });
  try {
    for (const name of ["wrangler.jsonc", "worker.mjs"]) await writeFile(join(cwd, name), (await read(name)).replace("./node_modules/farthing/dist/worker", "../node_modules/farthing/dist/worker"));
    await writeFile(join(cwd, "farthing.jsonc"), text);
    await writeFile(join(cwd, ".dev.vars"), await read(".dev.vars"));
    assert.equal((await at("keyed", ["check"])).code, 0);
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}`;
    const refused = await at("keyed", ["dev", "--port", port, "--origin", keyed.url, "--json"]);
    assert.equal(refused.code, 1, "a script does not wait");
    await at("keyed", ["dev", "--port", port, "--origin", keyed.url], async (until) => {
      const first = await until(/It is tried again when \.dev\.vars or farthing\.jsonc changes\./);
      assert.match(first, /The Worker does not run:\n {2}origin\.headers\.x-origin-key: the secret ORIGIN_KEY is not there: write the line ORIGIN_KEY=… into \.dev\.vars/);
      assert.doesNotMatch(first, /stands before/);
      await writeFile(join(cwd, ".dev.vars"), `${await read(".dev.vars")}ORIGIN_KEY=of-the-test\n`);
      const ready = await until(/Ctrl-C stops it\./);
      assert.ok(ready.includes(`costs something: ${url}/stories/one\n`) && ready.includes(`is free:         ${url}/\n`), ready);
      assert.doesNotMatch(ready, /nothing answers/);
      const free = await fetch(`${url}/`);
      assert.deepEqual([free.status, await free.text()], [200, "Whoever has the key"]);
      assert.equal((await fetch(`${url}/stories/one`)).status, 402);
      // a link for here is made with the keys of here, and opens here
      const gift = await at("keyed", ["gift", `${url}/stories/one`]);
      assert.equal(gift.code, 0, gift.said);
      assert.ok(gift.said.startsWith(`${url}/`), gift.said);
      const button = await fetch(gift.said.trim(), { headers: { accept: "text/html" } });
      assert.equal(button.status, 200);
      const elsewhere = await at("keyed", ["gift", "https://www.news.example/stories/one"]);
      assert.match(elsewhere.said, /FARTHING_KEYS is not in the environment/);
      // a mistake is told, and what is sold meanwhile
      await writeFile(join(cwd, "farthing.jsonc"), text.replace("$0.05", "five"));
      await until(/routes\[0\]\.price: "five"[^\n]*\nUntil that is mended, the Worker goes on with farthing\.jsonc as it was before\./);
      assert.equal((await fetch(`${url}/stories/one`)).status, 402);
    });
  } finally {
    await keyed.stop();
  }
});

test("a Worker of one's own keeps its config in its code: init writes none, check says so, and dev ends where another file contradicts it", async () => {
  const cwd = join(folder, "own");
  await mkdir(join(cwd, "src"), { recursive: true });
  const wrangler = parseJsonc(await read("wrangler.jsonc"));
  await writeFile(join(cwd, "wrangler.jsonc"), JSON.stringify({ name: "own", main: "src/index.mjs", compatibility_date: wrangler.compatibility_date }));
  await writeFile(join(cwd, "src/index.mjs"), `import { paywall } from "farthing/worker";
    export { Ledger, Sender, Tally } from "farthing/worker";
    export default paywall({
      site: "https://api.example", payTo: { eip155: "${payTo.address}" }, networks: ["eip155:84532"],
      settlement: { facilitators: [{ url: "https://x402.org/facilitator" }] }, routes: [{ match: "/api/*", price: "$0.01", access: "once" }],
    }, () => new Response("Of the handler"));`);
  const init = await at("own", ["init", "--no-install"]);
  assert.equal(init.code, 0, init.said);
  assert.deepEqual((await readdir(cwd)).sort(), [".dev.vars", ".gitignore", "package.json", "src", "wrangler.jsonc"]);
  for (const says of [/src\/index\.mjs holds what is sold, so farthing\.jsonc and worker\.mjs were not written/, /binds no Durable Object LEDGER/, /no cron trigger/]) assert.match(init.said, says);
  assert.doesNotMatch(init.said, /no rule by which farthing\.jsonc is text/);
  const check = await at("own", ["check"]);
  assert.equal(check.code, 1);
  assert.match(check.said, /wrangler\.jsonc names a Worker of your own, src\/index\.mjs: where its code holds the config, npx farthing dev says what is wrong/);
  await writeFile(join(cwd, "wrangler.jsonc"), JSON.stringify({ ...wrangler, main: "src/index.mjs", routes: undefined, assets: { ...wrangler.assets, directory: "../node_modules/farthing/dist/worker/assets" } }));
  const port = String(await freePort());
  await at("own", ["dev", "--port", port], async (until) => {
    await until(/Ctrl-C stops it\./);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "Of the handler");
    assert.equal((await fetch(`http://127.0.0.1:${port}/api/one`)).status, 402);
  });
  await writeFile(join(cwd, "farthing.jsonc"), await read("farthing.jsonc"));
  const ended = await at("own", ["dev", "--port", port, "--origin", origin.url]);
  assert.equal(ended.code, 1);
  assert.equal(ended.said.split("paywall() was given one").length, 2, ended.said);
  assert.match(ended.said, /The Worker does not run: the config's origin is not "handler"[^\n]*\nWhere the config is in the Worker's code, take farthing\.jsonc away/);
});

test("dev says that nothing answers at the origin, and that a folder is none of its own", async () => {
  const port = String(await freePort());
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  await at(".", ["dev", "--port", port, "--origin", nowhere], async (until) => {
    await until(new RegExp(`Warning: nothing answers at ${nowhere} \\(ECONNREFUSED\\)`));
  });
  const bare = join(place, "bare");
  await mkdir(bare);
  await writeFile(join(bare, "farthing.jsonc"), await read("farthing.jsonc"));
  const { code, err } = await run(process.execPath, [join(folder, "node_modules/farthing/dist/cli/farthing.js"), "dev"], { cwd: bare, env, check: false });
  assert.equal(code, 1);
  assert.match(err, /There is no package\.json in .*bare, and no wrangler to run: npx farthing init writes what is needed\.\n$/);
});

test("init in a project of one's own says what it did not change, and asks again for nothing that the file answers", async () => {
  const kept = await farthing("init", "--money", "real", "--no-install");
  assert.equal(kept.code, 0, kept.err);
  assert.match(kept.out, /^Note: farthing\.jsonc is kept, and --money changed nothing in it: edit it, or let --force write it anew; for real money these are its lines:\n {2}"money": "real",\n {2}"networks": \["eip155:8453"\]/m);
  assert.equal(parseJsonc(await read("farthing.jsonc")).money, "test");
  const old = await read("farthing.jsonc");
  const forced = await farthing("init", "--money", "real", "--force", "--no-install");
  assert.equal(forced.code, 0, forced.err);
  const { money, payTo: paid, routes, site } = parseJsonc(await read("farthing.jsonc"));
  assert.deepEqual([money, paid.eip155, routes[0].match, site], ["real", payTo.address, parseJsonc(old).routes[0].match, parseJsonc(old).site]);
  await writeFile(join(folder, "farthing.jsonc"), old);
  const { out } = await farthing("check");
  assert.match(out, /note +site: www\.news\.example is a name for examples/);
  assert.match(out, /Nothing is wrong\./);
});

test("real money needs its word, and goes with a settler that takes it", async () => {
  const args = ["init", join(place, "real"), "--no-install", "--pay-to", payTo.address, "--yes"];
  assert.equal((await farthing(...args, "--money", "real")).code, 0);
  const file = join(place, "real", "farthing.jsonc");
  const { money, networks } = parseJsonc(await readFile(file, "utf8"));
  assert.deepEqual([money, networks], ["real", ["eip155:8453"]]);
  assert.equal((await farthing("check", file)).code, 0);
  await writeFile(file, (await readFile(file, "utf8")).replace("\"money\": \"real\"", "\"money\": \"test\""));
  const { code, out } = await farthing("check", file);
  assert.equal(code, 1);
  assert.match(out, /money: eip155:8453 \(Base\) takes real money: write "money": "real" if that is meant/);
});

for (const [args, says] of [
  [["init"], /Without a terminal to ask at, --site, --origin, --pay-to, --match and --price, --money has to be said, or --yes/],
  [["init", "--yes"], /Without a terminal to ask at, --pay-to has to be said\.$/m],
  [["init", "--yes", "--pay-to", "0x12"], /^--pay-to: "0x12" is not an address/],
  [["init", "--yes", "--pay-to", `0x${"0".repeat(40)}`], /^--pay-to: nobody owns the address that is all zeroes/],
  [["init", "--yes", "--pay-to", payTo.address.replace("C4", "c4")], /^--pay-to: the checksum of [^\n]* is a digit mistyped\?$/m],
  [["dev", "--config", "x", "--origin", "127.0.0.1:8080"], /--origin wants an address like http:\/\/127\.0\.0\.1:8080, not/],
  [["init", "--yes", "--pay-to", payTo.address, "--price", "five"], /^--price: "five": write a price like/],
  [["init", "--yes", "--pay-to", payTo.address, "--money", "mine"], /"mine" is neither "test" nor "real"/],
  [["init", "--nmae", "x"], /--nmae/],
  [["check", "nowhere.jsonc"], /nowhere\.jsonc cannot be read: there is no such file/],
  [["dev", "--config", "nowhere.jsonc"], /nowhere\.jsonc cannot be read: there is no such file/],
  [["dev", "--port", "many"], /--port wants a number/],
  [["quote"], /quote wants an address like/],
  [["doctor", "news.example"], /doctor wants an address like/],
  [["doctor", "https://x.example", "--for", "joomla"], /--for wants one of/],
  [["sell"], /"sell" is not a command/],
]) {
  test(`farthing ${args.join(" ")} is one clear sentence`, async () => {
    const { code, out, err } = await run(process.execPath, [join(folder, "node_modules/farthing/dist/cli/farthing.js"), ...args], { cwd: place, env, check: false });
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(err, says);
    assert.doesNotMatch(err, /^\s+at /m, "and no stack");
  });
}

test("every command has its help", async () => {
  for (const name of ["init", "check", "dev", "quote", "doctor"]) {
    const { code, out } = await run(process.execPath, [join(root, "js/dist/cli/farthing.js"), name, "--help"], { check: false });
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^npx farthing ${name} `));
  }
  const { out } = await run(process.execPath, [join(root, "js/dist/cli/farthing.js"), "--version"]);
  assert.equal(out.trim(), JSON.parse(await readFile(join(root, "js/package.json"), "utf8")).version);
});
