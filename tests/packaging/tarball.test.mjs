// What the package says of itself, as others' linters read it; and that importing it does nothing.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { node, pack, tool } from "./support.mjs";

let packed;
let folder;
before(async () => {
  packed = await pack();
  folder = await packed.project("node-esm", "tarball");
});
after(() => packed?.stop());

test("publint has nothing to say", async () => {
  const { out } = await node([tool("tools", "publint/src/cli.js"), packed.tarball, "--strict"], { cwd: folder });
  assert.match(out, /All good!/);
});

const manifest = () => JSON.parse(readFileSync(join(folder, "node_modules/farthing/package.json"), "utf8"));
const targets = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(targets));

// no program of Node's requires them: elements and a script tag are a browser's, and a Worker is a module
const MODULES = ["element", "worker", "script"];
// what importing it gives is the bundler's to say, by a declaration of `*.wasm` of its own
const FILES = ["client.wasm", "key.wasm"];

test("the types are right, for who imports and for who requires", async () => {
  const attw = (...args) => node([tool("tools", "@arethetypeswrong/cli/dist/index.js"), packed.tarball, "--no-color", "--format", "ascii", "--profile", ...args], { cwd: folder });
  // node16: but for a resolution that knows no `exports`, Node 10's; the package asks for Node 20
  const both = await attw("node16", "--exclude-entrypoints", ...FILES, ...MODULES);
  const imported = await attw("esm-only", "--entrypoints", ...MODULES);
  const looked = [both, imported].flatMap(({ out }) => [...out.matchAll(/^"farthing(\/.*)?"$/gm)].map(([, name = ""]) => `.${name}`));
  assert.deepEqual([...looked, ...FILES.map((file) => `./${file}`)].sort(), Object.keys(manifest().exports).sort());
});

test("no entry needs another package, and each is there", async () => {
  const { exports, dependencies, peerDependencies = {}, peerDependenciesMeta = {}, optionalDependencies } = manifest();
  assert.deepEqual([dependencies, optionalDependencies], [undefined, undefined]);
  // what `farthing mcp` looks for beside the package, and nothing installs
  for (const name of Object.keys(peerDependencies)) assert.equal(peerDependenciesMeta[name]?.optional, true, name);
  const files = [...new Set(targets(exports))];
  for (const file of files) readFileSync(join(folder, "node_modules/farthing", file));
  const scripts = files.filter((file) => /\.c?js$/.test(file));
  const wanted = new Map();
  for (const file of scripts) {
    const outside = {
      name: "outside",
      setup(hooks) {
        hooks.onResolve({ filter: /^[^./]/ }, ({ path }) => {
          wanted.set(file, [...(wanted.get(file) ?? []), path]);
          return { path, external: true };
        });
      },
    };
    await build({ entryPoints: [join(folder, "node_modules/farthing", file)], bundle: true, write: false, platform: "neutral", format: "esm", loader: { ".wasm": "binary" }, plugins: [outside], logLevel: "silent" });
  }
  for (const [file, names] of wanted) {
    for (const name of names) assert.ok(/client\/node\.c?js$/.test(file) ? name.startsWith("node:") && isBuiltin(name) : file.includes("/worker/") && name.startsWith("cloudflare:"), `${file}: ${name}`);
  }
  assert.ok([...wanted.keys()].some((file) => file.endsWith("node.js")), "imports are seen");
});

// Runs first, and remembers what would be an effect.
const WATCH = `
  import { Module, syncBuiltinESMExports } from "node:module";
  import fs from "node:fs";
  const seen = globalThis.seen = [];
  globalThis.names = 0;
  globalThis.bytes = () => Object.keys(Module._cache).some((name) => name.endsWith("wasm.cjs"));
  const watch = (object, name, label) => {
    const real = object[name];
    const told = function (...args) {
      seen.push(label);
      return new.target ? Reflect.construct(real, args) : Reflect.apply(real, this, args);
    };
    object[name] = told;
  };
  globalThis.ready = () => {
    for (const name of ["compile", "compileStreaming", "instantiate", "instantiateStreaming", "Module", "Instance"]) {
      const { prototype } = WebAssembly[name];
      watch(WebAssembly, name, "WebAssembly." + name);
      if (prototype) WebAssembly[name].prototype = prototype;
    }
    for (const name of ["fetch", "setTimeout", "setInterval", "queueMicrotask"]) watch(globalThis, name, name);
    for (const name of ["readFileSync", "readFile", "writeFileSync", "mkdirSync"]) {
      const real = fs[name];
      fs[name] = (...args) => {
        if (!/\\.(c?js|json)$/.test(String(args[0]))) seen.push(name);
        return real(...args);
      };
    }
    syncBuiltinESMExports();
    globalThis.names = Reflect.ownKeys(globalThis).length;
  };
`;
/** What is seen of these programs, in a process of its own. */
async function watched(name, text, args = []) {
  writeFileSync(join(folder, "watch.mjs"), WATCH);
  writeFileSync(join(folder, name), text);
  const { out } = await node([...args, "--import", "./watch.mjs", name], { cwd: folder });
  return JSON.parse(out);
}
const USE = (load, more = "") => `
  (async () => {
    ready();
    const farthing = ${load};
    ${more}
    const client = farthing.createClient({ signer: "0x${"1".repeat(64)}", policy: { max: "$1" } });
    const first = { seen: [...seen], names: Reflect.ownKeys(globalThis).length - names, bytes: bytes() };
    await client.fetch("data:text/plain,free").catch(() => {});
    await client.address().catch(() => {});
    await client.quote("data:text/plain,free").catch(() => {});
    console.log(JSON.stringify({ first, then: seen, bytes: bytes() }));
  })();
`;

for (const [what, name, text, args] of [
  ["import, Node", "use.mjs", USE('await import("farthing")')],
  ["require, Node", "use.cjs", USE('require("farthing")')],
  ["import, a browser's", "use.mjs", USE('await import("farthing")'), ["--conditions=browser"]],
  ["import, slim", "use.mjs", USE('await import("farthing/slim")', 'farthing.initialize((await import("node:fs")).promises.readFile("node_modules/farthing/dist/client/client.wasm"));')],
]) {
  test(`importing and making a client does nothing yet: ${what}`, async () => {
    const { first, then, bytes } = await watched(name, text, args);
    assert.deepEqual(first, { seen: [], names: 0, bytes: false });
    // the watch sees what comes with the first use
    assert.ok(then.some((label) => what.includes("browser") ? label === "fetch" : label.startsWith("WebAssembly.")), JSON.stringify(then));
    assert.equal(bytes, what.endsWith("Node"));
  });
}
