// Builds js/dist/ (the npm package's contents) and worker/build/ (a deployable Worker), weighs them and fails above a budget. Steps
// whose sources are unchanged are skipped. With --quiet, for those who only want the result, nothing is weighed.
import { createHash } from "node:crypto";
import { chmodSync, cpSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { page } from "./lib/page.mjs";
import { locked, main, Plain, run, say, seconds } from "./lib/run.mjs";
import { served as servedPage } from "./lib/served.mjs";
import { sizes } from "./lib/sizes.mjs";
import { steps } from "./lib/steps.mjs";
import { cargoRelease, outerPath, root, target, toolchain, wasmOpt } from "./lib/toolchain.mjs";

const at = (...parts) => join(root, ...parts);
const between = at("target/pipeline");
const dist = at("js/dist");
const deploy = at("worker/build");
/** Where the reader's files are served from: the path of their address, so that they fit beside a publisher's own files. */
const ASSETS = "assets/.farthing";

const manifests = [at("Cargo.toml"), at("worker/Cargo.toml")];
const core = [at("src"), ...manifests];

/** Node modules' versions are pinned in package-lock.json; its text stands for all of them. */
const common = ({ about, library }) => [
  about, library ?? "", readFileSync(at("package-lock.json"), "utf8"),
  ...(existsSync(at("Cargo.lock")) ? [readFileSync(at("Cargo.lock"), "utf8")] : []),
  ...["tools/build.mjs", "tools/lib/page.mjs", "tools/lib/toolchain.mjs"].map((path) => readFileSync(at(path), "utf8")),
];

// An explicit list: what Chromium, Firefox, Safari and workerd all run.
const features = ["mutable-globals", "sign-ext", "nontrapping-float-to-int", "bulk-memory", "multivalue", "reference-types"];
// What arrives by network or starts late is made small: a control flow rebuilt from flat code comes out a little smaller.
const small = ["--flatten", "--rereloop", "-Oz", "-Oz"];
// What has one caller stays apart: a compressor finds what functions have in common as long as they are near each other, and what is
// inlined into one of 50 kB is not. A tenth less to upload; a request takes as long as before.
const alone = "--one-caller-inline-max-function-size=20";
const apart = ["--flatten", "--rereloop", "-Os", "-Os", alone];
// What a reader downloads comes out a little smaller still with somewhat larger ones in their callers.
const smallest = [...small, "--one-caller-inline-max-function-size=30"];
const strip = ["--strip-debug", "--strip-producers", "--strip-target-features"];

/** Compiles one crate and leaves its .wasm, as the compiler made it, at `out`. */
async function compile(crate, { profile, feature, wasmFlags, out }) {
  const options = feature ? ["--features", feature] : [];
  await cargoRelease(["--lib", "--package", crate, "--profile", profile, ...options], { wasmFlags });
  copyFileSync(resolve(root, process.env.CARGO_TARGET_DIR ?? "target", target, profile, `${crate.replaceAll("-", "_")}.wasm`), out);
}

async function optimise(from, to, passes, more = []) {
  mkdirSync(dirname(to), { recursive: true });
  const enable = [...features, ...more].map((name) => `--enable-${name}`);
  await run(process.execPath, [wasmOpt(), ...strip, ...enable, ...passes, from, "-o", to]);
}

const builtPage = join(between, "page.js");

/** Gate and ledger in one: what both need is there once. */
async function buildEdge({ step }) {
  const inputs = [...core, at("worker/src")];
  await step("edge.wasm", { slow: true, inputs, outputs: [join(deploy, "edge.wasm")] }, async () => {
    const raw = join(between, "edge.wasm");
    mkdirSync(between, { recursive: true });
    await compile("farthing-worker", { profile: "edge", wasmFlags: ["-Ctarget-feature=+simd128"], out: raw });
    await optimise(raw, join(deploy, "edge.wasm"), apart, ["simd"]);
  });
}

async function buildWidget({ step }) {
  await step("farthing.wasm", { slow: true, inputs: core, outputs: [join(dist, "farthing.wasm")] }, async () => {
    const raw = join(between, "widget.wasm");
    await compile("farthing", { profile: "small", feature: "widget", out: raw });
    await optimise(raw, join(dist, "farthing.wasm"), smallest);
  });
}

/** What a program links that pays, `fetch` from Node, from another Worker, from a page of one's own; and what signs for it with a private key. */
async function buildClient({ step }) {
  for (const [name, feature] of [["client", "client-small"], ["key", "key"]]) {
    const [wasm, base64] = [join(dist, `client/${name}.wasm`), join(between, `${name}.base64.js`)];
    await step(`${name}.wasm`, { slow: true, inputs: core, outputs: [wasm, base64] }, async () => {
      const raw = join(between, `${name}.wasm`);
      await compile("farthing", { profile: "small", feature, out: raw });
      await optimise(raw, wasm, smallest);
      writeFileSync(base64, `export default ${JSON.stringify(readFileSync(wasm).toString("base64"))};\n`);
    });
  }
  // once they stood here
  for (const name of ["client.js", "client.d.ts", "client.wasm"]) rmSync(join(dist, name), { force: true });
}

/** The same for servers, which download nothing: as a module that what is imported and what is required share. */
async function buildFast({ step }) {
  const asModule = join(dist, "client/wasm.cjs");
  await step("client/wasm.cjs", { slow: true, inputs: core, outputs: [asModule] }, async () => {
    const [raw, fast] = ["fast.raw.wasm", "fast.wasm"].map((name) => join(between, name));
    // as the edge, so that most of what it needs is there
    await compile("farthing", { profile: "edge", feature: "client-fast", wasmFlags: ["-Ctarget-feature=+simd128"], out: raw });
    await optimise(raw, fast, ["-O3"], ["simd"]);
    writeFileSync(asModule, `module.exports = ${JSON.stringify(readFileSync(fast, "base64"))};\n`);
  });
}

/** A file for each way to have the WebAssembly, and the same types for all. */
async function buildLibrary({ step }) {
  const built = { "#wasm": join(between, "client.base64.js"), "#key": join(between, "key.base64.js") };
  const inputs = [at("js/client"), ...Object.values(built), at("tsconfig.json")];
  // what a server runs is read in stack traces
  const beside = { platform: "node", external: ["./wasm.cjs"], minify: false };
  const files = {
    "node.js": ["node", beside],
    "node.cjs": ["node", { ...beside, format: "cjs" }],
    "web.js": ["web", {}],
    "workerd.js": ["workerd", { external: ["./client.wasm", "./key.wasm"] }],
    "slim.js": ["slim", {}],
    "slim.cjs": ["slim", { format: "cjs" }],
    // `var` makes a global of it in a script, and not where a bundler makes a module of that
    "script.js": ["script", { format: "iife", globalName: "farthing", footer: "globalThis.farthing=farthing;" }],
  };
  for (const [name, [entry, options]] of Object.entries(files)) {
    const out = join(dist, "client", name);
    await step(`client/${name}`, { inputs, outputs: [out] }, () => bundle(at("js/client/entries", `${entry}.ts`), out, { built, ...options }));
  }
  const types = join(dist, "client/types");
  await step("client types", { inputs, outputs: [join(types, "index.d.ts")] }, async () => {
    const emitted = join(between, "client-types");
    for (const folder of [emitted, types]) rmSync(folder, { recursive: true, force: true });
    await run(process.execPath, [at("node_modules/typescript/bin/tsc"), "--project", at("js/client/tsconfig.json")], { cwd: root });
    // a script exports nothing
    const asGlobal = 'import type * as api from "../index.js";\ndeclare global {\n  const farthing: typeof api;\n}\nexport {};\n';
    const names = ["index", "client", "errors", "types", "wasm", ...["memory", "file", "indexeddb"].map((name) => `stores/${name}`), ...["node", "web", "slim", "script"].map((name) => `entries/${name}`)];
    for (const name of names) {
      const text = name === "entries/script" ? asGlobal : readFileSync(join(emitted, `${name}.d.ts`), "utf8");
      mkdirSync(dirname(join(types, name)), { recursive: true });
      writeFileSync(join(types, `${name}.d.ts`), text);
      // the same for who requires it
      writeFileSync(join(types, `${name}.d.cts`), text.replace(/(from "\.{1,2}\/[^"]+)\.js"/g, '$1.cjs"'));
    }
  });
}

/** What the publisher's commands link: it reads what the ledger key hides. */
async function buildTools({ step }) {
  await step("tools.wasm", { slow: true, inputs: core, outputs: [join(dist, "tools.wasm")] }, async () => {
    const raw = join(between, "tools.wasm");
    await compile("farthing", { profile: "small", feature: "tools", out: raw });
    await optimise(raw, join(dist, "tools.wasm"), small);
  });
}

/** esbuild with the built modules under their fixed names, and what stays a file of its own. */
async function bundle(entry, out, { built = {}, external = [], define = {}, minifyStyles = false, node = false, banner = "", footer = "", platform = node ? "node" : "browser", format = "esm", globalName, minify = !node }) {
  const { build, transform } = await import("esbuild");
  const names = {
    name: "built",
    setup(hooks) {
      hooks.onResolve({ filter: /^(#|\.\/|cloudflare:)/ }, ({ path }) => {
        if (built[path]) return { path: built[path] };
        if (external.includes(path) || (path.startsWith("cloudflare:") && external.includes("cloudflare:"))) return { path, external: true };
        return undefined;
      });
      if (!minifyStyles) return;
      hooks.onLoad({ filter: /\.css$/ }, async ({ path }) => {
        const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
        return { contents: code.trim(), loader: "text" };
      });
    },
  };
  try {
    await build({
      entryPoints: [entry], outfile: out, bundle: true, minify, format, globalName, platform, target: "es2022", charset: "utf8",
      legalComments: "none", plugins: [names], logLevel: "silent", define, banner: { js: banner }, footer: { js: footer },
    });
  } catch (error) {
    if (!error.errors) throw error;
    const { formatMessages } = await import("esbuild");
    throw new Plain((await formatMessages(error.errors, { kind: "error", color: false })).join("\n").trim());
  }
}

const sources = ["js/src", "www/locales", "www/themes.css", "www/widget.css", "www/pay.css", "www/receipt.css"].map((path) => at(path));
const english = at("www/locales/en.json");
const languages = () => readdirSync(at("www/locales")).map((name) => name.replace(/\.json$/, "")).filter((name) => name !== "en").sort();
const scripts = ["farthing.js", "page.js", "pay.js", "panels.js", "help.js", "place.js", "receipt.js"];
/** What a browser may be served from `/.farthing/`: scripts, the core, and words. */
const served = () => [
  ...scripts, "farthing.wasm", ...languages().flatMap((lang) => [`${lang}.json`, `${lang}.more.json`]),
];
/** For `integrity`: what a file has to be. */
const hash = (path) => `sha256-${createHash("sha256").update(readFileSync(path)).digest("base64")}`;

/** Words: typed by the English ones, and a small and a large file for each other language. */
async function buildWords({ step }) {
  const types = join(between, "words.d.ts");
  await step("words", { inputs: [at("www/locales")], outputs: [types, ...languages().flatMap((lang) => [`${lang}.json`, `${lang}.more.json`]).map((name) => join(dist, name))] }, () => {
    const groups = Object.entries(JSON.parse(readFileSync(english, "utf8")));
    const typed = groups.map(([name, words]) => `export declare const ${name}: {\n${Object.keys(words).map((key) => `  ${JSON.stringify(key)}: string;\n`).join("")}};\n`);
    writeFileSync(types, typed.join(""));
    for (const lang of languages()) {
      const { card, money, ...later } = JSON.parse(readFileSync(at(`www/locales/${lang}.json`), "utf8"));
      writeFileSync(join(dist, `${lang}.json`), JSON.stringify({ ...card, ...money }));
      writeFileSync(join(dist, `${lang}.more.json`), JSON.stringify({ ...later.more, ...later.panels, ...later.help, ...later.receipt }));
    }
  });
}

/** What page authors import: the declarations that farthing.d.ts leads to, and the elements' manifest. */
const TYPES = ["farthing", "define", "element", "state"].map((name) => `${name}.d.ts`);

async function buildTypes({ step }) {
  const inputs = [...sources, join(between, "words.d.ts"), at("tsconfig.json")];
  await step("types", { inputs, outputs: TYPES.map((name) => join(dist, name)) }, async () => {
    const tsc = at("node_modules/typescript/bin/tsc");
    const emitted = join(between, "types");
    rmSync(emitted, { recursive: true, force: true });
    await run(process.execPath, [tsc, "--project", at("tsconfig.json"), "--outDir", emitted], { cwd: root });
    // all declarations once stood here
    rmSync(join(dist, "pay"), { recursive: true, force: true });
    for (const name of readdirSync(dist)) if (name.endsWith(".d.ts") && name !== "client.d.ts") rmSync(join(dist, name));
    for (const name of TYPES) copyFileSync(join(emitted, name), join(dist, name));
  });
  const element = at("js/src/element.ts");
  await step("custom-elements.json", { inputs: [element, at("tools/lib/manifest.mjs")], outputs: [join(dist, "custom-elements.json")] }, async () => {
    const { manifest } = await import("./lib/manifest.mjs");
    writeFileSync(join(dist, "custom-elements.json"), `${JSON.stringify(manifest(readFileSync(element, "utf8")), null, 2)}\n`);
  });
}

/** To V8: compile all of it at first sight, for nearly all runs before the card is usable. Others read a comment. */
const AT_ONCE = "//# allFunctionsCalledOnLoad";

/** Two entries that draw a card, and what is fetched later: each file names those that it fetches by their hashes. */
async function buildScript({ step }) {
  const built = { "#words": english };
  const make = (name, entry, inputs, more, banner) => step(name, { inputs: [...sources, ...inputs], outputs: [join(dist, name)] }, () =>
    bundle(at("js/src", entry), join(dist, name), { built, minifyStyles: true, banner, define: { INLINE: String(name === "page.js"), ...more() } }));
  const known = (files) => Object.fromEntries(Object.entries(files).map(([name, file]) => [name, JSON.stringify(hash(join(dist, file)))]));
  await make("help.js", "pay/help.ts", [], () => ({}));
  await make("panels.js", "pay/panels.ts", [], () => ({}));
  await make("place.js", "pay/place.ts", [], () => ({}));
  await make("receipt.js", "pay/receipt.ts", [], () => ({}));
  const later = { CORE: "farthing.wasm", HELP: "help.js", PANELS: "panels.js", PLACE: "place.js" };
  await make("pay.js", "pay/pay.ts", [...Object.values(later).map((file) => join(dist, file))], () => known(later));
  const first = { PAY: "pay.js", RECEIPT: "receipt.js" };
  for (const name of ["farthing", "page"]) {
    await make(`${name}.js`, `${name}.ts`, Object.values(first).map((file) => join(dist, file)), () => known(first), AT_ONCE);
  }
  const files = [...scripts, "farthing.wasm"];
  await step("integrity.json", { inputs: files.map((name) => join(dist, name)), outputs: [join(dist, "integrity.json")] }, () =>
    writeFileSync(join(dist, "integrity.json"), `${JSON.stringify(Object.fromEntries(files.map((name) => [name, hash(join(dist, name))])), null, 2)}\n`));
}

async function buildPage({ step }) {
  const [template, css, card, cardCss] = ["402.html", "402.css", "card.html", "widget.css"].map((name) => at("www", name));
  const script = join(dist, "page.js");
  await step("402 page", { inputs: [template, css, card, cardCss, script, at("www/locales")], outputs: [builtPage] }, async () => {
    const text = (path) => readFileSync(path, "utf8");
    const { transform } = await import("esbuild");
    const minified = async (path) => (await transform(text(path), { loader: "css", minify: true })).code;
    const words = Object.fromEntries(["en", ...languages()].map((lang) => {
      const { card: first, page: own, money } = JSON.parse(text(at(`www/locales/${lang}.json`)));
      return [lang, { ...first, ...own, ...money }];
    }));
    const made = page({ template: text(template), css: await minified(css), card: text(card), cardCss: await minified(cardCss), script: text(script), integrity: hash(script), words });
    writeFileSync(builtPage, Object.entries(made).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`).join(""));
  });
}

/** The desk's pages, in a file that is loaded when one is asked for; and of the table of tokens what they show. */
async function buildDesk({ step }) {
  const [assets, wallet, out] = [join(between, "assets.js"), join(between, "desk-wallet.js"), join(deploy, "desk.js")];
  const table = at("tests/vectors/assets.json");
  await step("desk.js", { inputs: [...["desk", "alerts", "reconcile", "log.js", "secrets.js", "coinbase.js"].map((name) => at("worker/shim", name)), table], outputs: [out] }, async () => {
    const shown = JSON.parse(readFileSync(table, "utf8")).assets.map(({ network, networkName, test, asset, symbol, decimals }) => ({ network, networkName, test, asset, symbol, decimals }));
    writeFileSync(assets, `export const assets = ${JSON.stringify(shown)};\n`);
    // what runs in the publisher's browser goes along as a text
    await bundle(at("worker/shim/desk/wallet/index.js"), wallet, { format: "iife" });
    writeFileSync(wallet, `export default ${JSON.stringify(readFileSync(wallet, "utf8"))};\n`);
    await bundle(at("worker/shim/desk/index.js"), out, { built: { "./assets.js": assets, "./wallet.js": wallet }, minifyStyles: true });
  });
}

/** What alerts are made with, in a file that is loaded when the cron trigger fires. */
async function buildAlerts({ step }) {
  const out = join(deploy, "alerts.js");
  const shared = ["secrets", "coinbase"].map((name) => at(`worker/shim/${name}.js`));
  await step("alerts.js", { inputs: [at("worker/shim/alerts"), ...shared], outputs: [out] }, () => bundle(at("worker/shim/alerts/index.js"), out, {}));
}

async function buildWorker({ step }) {
  await step("worker", { inputs: [at("worker/shim"), builtPage], outputs: [join(deploy, "index.js")] }, () =>
    bundle(at("worker/shim/deployed.js"), join(deploy, "index.js"), {
      built: { "./page.js": builtPage },
      external: ["./edge.wasm", "./farthing.jsonc", "./desk.js", "./alerts.js", "cloudflare:"],
    }));
  await copy("copies", served().map((name) => [join(dist, name), join(deploy, ASSETS, name)]));
  for (const name of ["farthing.js", "farthing.wasm"]) rmSync(join(deploy, "assets", name), { force: true }); // where they once were
  for (const name of ["wrangler.jsonc", "farthing.jsonc"]) sample(name);

  async function copy(name, copies) {
    await step(name, { inputs: copies.map(([from]) => from), outputs: copies.map(([, to]) => to) }, () => {
      for (const [from, to] of copies) cpSync(from, to);
    });
  }
}

/** What is in the npm package besides the element: a Worker to import, the commands, the schema. */
async function buildPackage({ step }) {
  const worker = join(dist, "worker");
  await step("farthing/worker", { inputs: [at("worker/shim"), builtPage], outputs: [join(worker, "index.js")] }, () =>
    bundle(at("worker/shim/index.js"), join(worker, "index.js"), { built: { "./page.js": builtPage }, external: ["./edge.wasm", "./desk.js", "./alerts.js", "cloudflare:"] }));
  const schema = at("www/farthing.schema.json");
  await step("farthing/worker types", { inputs: [schema, at("worker/shim/index.d.ts"), at("tools/lib/schema-types.mjs")], outputs: [join(worker, "index.d.ts")] }, async () => {
    const { typesOf } = await import("./lib/schema-types.mjs");
    const config = typesOf(JSON.parse(readFileSync(schema, "utf8")));
    writeFileSync(join(worker, "index.d.ts"), `${readFileSync(at("worker/shim/index.d.ts"), "utf8").trimEnd()}\n\n${config}`);
  });
  await step("farthing command", { inputs: [at("js/cli"), at("worker/shim/reconcile"), at("js/client/hosts.ts"), at("tools/lib/processes.mjs"), at("tests/vectors/assets.json")], outputs: [join(dist, "cli/farthing.js")] }, async () => {
    await bundle(at("js/cli/farthing.mjs"), join(dist, "cli/farthing.js"), { node: true });
    chmodSync(join(dist, "cli/farthing.js"), 0o755);
  });
  const copies = [
    ...["edge.wasm", "desk.js", "alerts.js"].map((name) => [join(deploy, name), join(worker, name)]),
    ...served().map((name) => [join(dist, name), join(worker, ASSETS, name)]),
    [schema, join(dist, "farthing.schema.json")],
    ...["LICENSE-MIT", "LICENSE-APACHE"].map((name) => [at(name), join(dist, name)]),
  ];
  await step("package", { inputs: copies.map(([from]) => from), outputs: copies.map(([, to]) => to) }, () => {
    for (const [from, to] of copies) cpSync(from, to);
  });
}

/** What a reader of the package downloads: the tarball as npm would make it, in bytes. */
async function tarball() {
  const { out } = await run("npm", ["pack", "--dry-run", "--json", "--loglevel=error"], { cwd: at("js"), env: { PATH: outerPath() } });
  const [{ size, unpackedSize, entryCount }] = JSON.parse(out);
  return `npm package: ${size.toLocaleString("en")} bytes to download, ${unpackedSize.toLocaleString("en")} unpacked, ${entryCount} files`;
}

/** Puts a sample into the Worker's folder, and leaves alone what its publisher has changed there. */
function sample(name) {
  const [from, to, last] = [at(`worker/${name}`), join(deploy, name), join(between, `sample-${name}`)];
  const text = readFileSync(from, "utf8");
  const old = existsSync(last) ? readFileSync(last, "utf8") : undefined;
  const there = existsSync(to) ? readFileSync(to, "utf8") : undefined;
  if (there === text) return void writeFileSync(last, text);
  if (there !== undefined && there !== old) {
    if (old !== text) say(`build: worker/build/${name} is yours and was kept; the new sample is worker/${name}`);
    return void writeFileSync(last, text);
  }
  writeFileSync(to, text);
  writeFileSync(last, text);
}

async function weighed() {
  const page = await import(`${builtPage}?${Date.now()}`);
  return sizes(
    [
      ["402 page, as served, with page.js", { text: servedPage(join(deploy, "edge.wasm"), at("worker/farthing.jsonc"), page) }],
      ["page.js", { path: join(dist, "page.js") }],
      ["farthing.js", { path: join(dist, "farthing.js") }],
      ["pay.js", { path: join(dist, "pay.js") }],
      ["panels.js", { path: join(dist, "panels.js") }],
      ["help.js", { path: join(dist, "help.js") }],
      ["farthing.wasm", { path: join(dist, "farthing.wasm") }],
      ["client/client.wasm", { path: join(dist, "client/client.wasm") }],
      ["client/key.wasm", { path: join(dist, "client/key.wasm") }],
      ["client/web.js", { path: join(dist, "client/web.js") }],
      ["tools.wasm", { path: join(dist, "tools.wasm") }],
      ["worker index.js", { path: join(deploy, "index.js") }],
      ["worker desk.js", { path: join(deploy, "desk.js") }],
      ["worker alerts.js", { path: join(deploy, "alerts.js") }],
      ["worker edge.wasm", { path: join(deploy, "edge.wasm") }],
    ],
    [
      ["reader, until the card is usable", "brotli", 8_000, ["402 page, as served, with page.js"]],
      ["the same, uncompressed", "raw", 16_000, ["402 page, as served, with page.js"]],
      // the goal is 40,000, which Rust 1.96 keeps; other compilers differ by less than a hundredth
      ["reader, until the payment is done", "brotli", 40_400, ["402 page, as served, with page.js", "pay.js", "farthing.wasm"]],
      // the goal
      ["paying client, with a wallet", "brotli", 45_000, ["client/client.wasm", "client/web.js"]],
      // what it is with Rust 1.96, and a hundredth
      ["paying client, with a private key", "brotli", 58_500, ["client/client.wasm", "client/key.wasm", "client/web.js"]],
      ["Worker", "gzip", 401_000, ["worker index.js", "worker edge.wasm"]],
    ],
  );
}

// Told before minutes of compiling, not after.
const needed = ["src/lib.rs", "worker/src/lib.rs", "worker/shim/index.js", "worker/farthing.jsonc", "js/src/farthing.ts", "www/402.html", "www/402.css", "www/card.html", "www/widget.css"];

await main(async () => {
  const missing = needed.filter((path) => !existsSync(at(path)));
  if (missing.length > 0) throw new Plain(`missing: ${missing.join(", ")}`);
  const begin = performance.now();
  const quiet = process.argv.includes("--quiet");
  return locked(join(between, "lock"), async () => {
    const rust = await toolchain();
    const plan = steps(join(between, "steps.json"), common(rust));
    // The edge's profile has a folder of its own, so its compiler and the other do not wait for each other.
    const parts = await Promise.allSettled([
      buildEdge(plan).then(() => buildFast(plan)),
      buildWidget(plan).then(() => Promise.all([buildWords(plan).then(() => Promise.all([buildTypes(plan), buildScript(plan).then(() => buildPage(plan))])), buildClient(plan).then(() => Promise.all([buildLibrary(plan), buildTools(plan)]))])),
    ]);
    const failed = parts.find((part) => part.status === "rejected");
    if (failed) throw failed.reason;
    await buildWorker(plan);
    await buildDesk(plan);
    await buildAlerts(plan);
    await buildPackage(plan);
    if (plan.ran > 0) say(`build: done in ${seconds(begin)}`);
    if (quiet) return 0;
    const { table, above } = await weighed();
    process.stdout.write(`${table}\n\n${await tarball()}\n`);
    if (!rust.library) {
      say(`note: Rust ${rust.version} here ${rust.lacksLibrary ? "has no sources of its standard library (rustup component add rust-src)" : "is older than 1.92"}: built with the ready-made one`);
      say("note: the artefacts work and are larger; their budgets hold for a build with the sources and are not enforced on this one");
    }
    for (const line of above) say(`${rust.library ? "error" : "note"}: ${line}`);
    return rust.library && above.length > 0 ? 1 : 0;
  });
});
