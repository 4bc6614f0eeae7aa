// Programs that install the package and pay with it: Node, TypeScript, Deno, Bun, and a Worker.
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import { command, node, root, stand, tool, weigh } from "./support.mjs";

let here;
before(async () => { here = await stand(); });
after(() => here?.stop());

const printed = async (running) => (await running).out;

test("Node, ECMAScript modules", async () => {
  const cwd = await here.package.project("node-esm");
  await here.pays((env) => printed(node(["main.js"], { cwd, env })));
});

test("Node, CommonJS", async () => {
  const cwd = await here.package.project("node-cjs");
  await here.pays((env) => printed(node(["main.js"], { cwd, env })));
});

const STRICT = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noPropertyAccessFromIndexSignature: true, verbatimModuleSyntax: true, skipLibCheck: false, target: "ES2022", outDir: "out" };

/** Compiles as these options say, with no more than Node's declarations beside those of the package; gives the folder. */
async function compiled(name, files, options) {
  const cwd = await here.package.project("typescript", name);
  const types = { types: ["node"], typeRoots: [join(root, "node_modules/@types")] };
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...STRICT, ...types, ...options }, files }));
  await node([join(root, "node_modules/typescript/bin/tsc")], { cwd });
  return cwd;
}

test("TypeScript, NodeNext: modules and CommonJS", async () => {
  const cwd = await compiled("nodenext", ["module.mts", "common.cts"], { module: "NodeNext", moduleResolution: "NodeNext", lib: ["ES2022"] });
  await here.pays((env) => printed(node(["out/module.mjs"], { cwd, env })));
  await here.pays((env) => printed(node(["out/common.cjs"], { cwd, env })));
});

test("TypeScript, Bundler", async () => {
  const cwd = await compiled("bundler", ["bundler.ts"], { module: "ESNext", moduleResolution: "Bundler", lib: ["ES2022", "DOM", "DOM.Iterable"] });
  await here.pays((env) => printed(node(["out/bundler.js"], { cwd, env })));
});

test("TypeScript of a page, without Node's declarations", async () => {
  await compiled("page", ["page.ts"], { module: "ESNext", moduleResolution: "Bundler", lib: ["ES2022", "DOM", "DOM.Iterable"], types: ["farthing/script"], typeRoots: undefined });
});

test("Deno", async () => {
  const cwd = await here.package.project("deno");
  // what npm installed; and no more is allowed than it needs
  const allowed = ["--allow-env=KEY,ARTICLE", `--allow-net=${new URL(here.paper.site).host}`, "--no-prompt", "--node-modules-dir=manual"];
  await here.pays((env) => printed(command(tool("runtimes", ".bin/deno"), ["run", ...allowed, "main.js"], { cwd, env: { ...env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_DIR: join(cwd, "cache") } })));
});

test("Bun", async () => {
  const cwd = await here.package.project("bun");
  await here.pays((env) => printed(command(tool("runtimes", ".bin/bun"), ["run", "main.js"], { cwd, env })));
});

// as for a function that is uploaded as one file
for (const format of ["esm", "cjs"]) {
  test(`a program bundled for Node into one file (${format})`, async () => {
    const folder = await here.package.project("node-esm", `one-${format}`);
    const name = `main.${{ esm: "mjs", cjs: "cjs" }[format]}`;
    const cwd = join(folder, "alone");
    // CommonJS knows no `await` outside of functions
    const text = readFileSync(join(folder, "main.js"), "utf8").replace(/\n\n([^]*)/, "\n\n(async () => {\n$1})();\n");
    await build({ stdin: { contents: text, resolveDir: folder }, outfile: join(cwd, name), bundle: true, platform: "node", format, logLevel: "silent" });
    rmSync(join(folder, "node_modules"), { recursive: true });
    await here.pays((env) => printed(node([name], { cwd, env })));
  });
}

test("a Worker, bundled by wrangler", async (t) => {
  const cwd = await here.package.project("workerd");
  await node([join(root, "node_modules/wrangler/bin/wrangler.js"), "deploy", "--dry-run", "--minify", "--outdir", "out"], { cwd, env: { CI: "1", WRANGLER_SEND_METRICS: "false" } });
  const out = join(cwd, "out");
  t.diagnostic(weigh("a Worker", out));
  const kinds = { ".js": "ESModule", ".wasm": "CompiledWasm" };
  // the one that begins comes first
  const names = readdirSync(out).filter((name) => /\.(js|wasm)$/.test(name)).sort((a, b) => extname(a).localeCompare(extname(b)));
  const modules = names.map((name) => ({ type: kinds[extname(name)], path: join(out, name), contents: readFileSync(join(out, name)) }));
  await here.pays(async (bindings) => {
    const miniflare = new Miniflare(convertV4MiniflareOptions({ modules, modulesRoot: out, compatibilityDate: "2026-07-01", bindings }));
    try {
      return await (await miniflare.dispatchFetch("http://worker.example/")).text();
    } finally {
      await miniflare.dispose();
    }
  });
});
