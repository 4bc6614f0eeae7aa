// The Workers that are compared, each as a configuration of bare workerd: floors, one written by hand, the official middleware, ours as it
// is deployed, and one that does nothing but recover signatures.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { parseJsonc } from "../../js/cli/lib/jsonc.mjs";
import { root } from "../../tools/lib/toolchain.mjs";
import { payTo } from "../support/accounts.mjs";
import { startWorkerd } from "./workerd.mjs";

const here = (name) => join(import.meta.dirname, "workers", name);
const build = (name) => join(root, "worker/build", name);
/** The 402 page, of which the Worker by hand serves the same one. */
const page = () => readFileSync(join(root, "target/pipeline/page.js"), "utf8");
const deployed = () => parseJsonc(readFileSync(join(root, "worker/wrangler.jsonc"), "utf8"));

/** Who signs nothing that is sent in their name. */
export const FORGED = "0x000000000000000000000000000000000000dEaD";

/** The Worker by hand with a Durable Object for each payer: the least that any ledger of that kind costs. */
export const OBJECTS = "by hand, objects";

async function bundled(name, external = []) {
  const esbuild = await import("esbuild");
  const inShim = {
    name: "the shim's own files",
    setup(hooks) {
      hooks.onResolve({ filter: /^\.\/(?:config|gate)\.js$/ }, ({ path }) => ({ path: join(root, "worker/shim", path) }));
      hooks.onResolve({ filter: /^\.\/page\.js$/ }, () => ({ path: join(root, "target/pipeline/page.js") }));
    },
  };
  const { outputFiles } = await esbuild.build({
    entryPoints: [here(name)], bundle: true, minify: true, format: "esm", target: "es2022", write: false, legalComments: "none",
    conditions: ["workerd", "worker", "import"], external: [...builtinModules, "node:*", ...external], plugins: [inShim], logLevel: "silent",
  });
  return outputFiles[0].text;
}

/** Origin and facilitator, each in a process of its own; `asked()` is how many requests they had together. */
export async function startWorld() {
  const date = deployed().compatibility_date;
  const module = (name) => ({ "index.js": readFileSync(here(name), "utf8") });
  const [origin, facilitator] = await Promise.all([
    startWorkerd({ modules: module("origin.js"), date }),
    startWorkerd({ modules: module("facilitator.js"), variables: { FORGED }, date }),
  ]);
  const asked = async ({ port }) => Number(await (await fetch(`http://127.0.0.1:${port}/.asked`)).text());
  return {
    /** The host that every variant is asked under: the origin's, as where a Worker stands before its own zone. */
    host: `127.0.0.1:${origin.port}`,
    site: `http://127.0.0.1:${origin.port}`,
    facilitator: `http://127.0.0.1:${facilitator.port}`,
    asked: async () => await asked(origin) + await asked(facilitator),
    processes: [origin, facilitator],
    stop: () => Promise.all([origin.stop(), facilitator.stop()]),
  };
}

/** What each variant is made of: {name: options of `startWorkerd`}. */
export async function variants({ site, facilitator }) {
  const { compatibility_date: date, durable_objects: objects } = deployed();
  const config = {
    site, origin: "dns", payTo: { eip155: payTo.address }, networks: ["eip155:84532"],
    settlement: { facilitators: [{ url: facilitator }], rpc: { "eip155:84532": [`${facilitator}/rpc`] } },
    routes: [{ match: "/articles/*", price: "$0.05", access: "30d", description: "One article, for 30 days" }],
  };
  const wasm = readFileSync(build("edge.wasm"));
  const ours = { "edge.wasm": wasm, "farthing.jsonc": JSON.stringify(config) };
  const variables = { FARTHING_LOCAL: "1", FARTHING_KEYS: `k1:${randomBytes(32).toString("base64url")}` };
  const others = { PAY_TO: payTo.address, FACILITATOR: facilitator };
  const plain = (name) => ({ modules: { "index.js": readFileSync(here(name), "utf8") }, date });
  const hono = await bundled("hono.js");
  return {
    hello: plain("hello.js"),
    "pass-through": plain("pass-through.js"),
    "by hand": {
      modules: { "index.js": readFileSync(here("by-hand.js"), "utf8"), "page.js": page() }, date,
      variables: { ...others, SECRET: randomBytes(32).toString("base64url") },
    },
    [OBJECTS]: {
      modules: Object.fromEntries(["by-hand-objects.js", "by-hand.js"].map((name) => [name, readFileSync(here(name), "utf8")]).concat([["page.js", page()]])), date,
      variables: { ...others, SECRET: randomBytes(32).toString("base64url") }, objects: { PAYMENTS: "Payments" },
    },
    "@x402/hono": { modules: { "index.js": hono }, variables: others, date, flags: ["nodejs_compat"] },
    farthing: {
      modules: { "index.js": readFileSync(build("index.js")), ...ours }, variables, date, assets: build("assets"),
      objects: Object.fromEntries(objects.bindings.map(({ name, class_name }) => [name, class_name])),
    },
    recovery: { modules: { "index.js": await bundled("recover.js", ["./edge.wasm", "./farthing.jsonc"]), ...ours }, variables, date },
  };
}
