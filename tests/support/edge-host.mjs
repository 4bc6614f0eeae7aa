// The process around one workerd: takes its options as the first message of its parent, runs the Worker through miniflare, tells
// the parent what happens, and goes when the parent goes. Started by edge.mjs only.
import childProcess from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { parseJsonc } from "../../js/cli/lib/jsonc.mjs";

const tell = (message) => process.connected && process.send(message);

// miniflare keeps the process of workerd to itself; the parent wants to be able to kill it.
const spawn = childProcess.spawn;
childProcess.spawn = (command, args, ...rest) => {
  const child = spawn(command, args, ...rest);
  if (args?.[0] === "serve") tell({ workerd: child.pid });
  return child;
};
const { Log, LogLevel, Miniflare, NoOpLog } = await import("miniflare");

const KINDS = { ".js": "esm", ".mjs": "esm", ".wasm": "wasm", ".jsonc": "text", ".txt": "text", ".html": "text", ".bin": "data" };

function modulesOf(build) {
  const modules = {};
  for (const entry of readdirSync(build, { withFileTypes: true })) {
    const type = KINDS[extname(entry.name)];
    if (!entry.isFile() || !type || entry.name.startsWith("wrangler.")) continue;
    const bytes = readFileSync(join(build, entry.name));
    modules[entry.name] = { type, contents: type === "wasm" || type === "data" ? bytes : bytes.toString("utf8") };
  }
  return modules;
}

// D1 behind a door that can be told to misbehave: `mode` is what comes of the next statements. What goes through is real D1.
const DOOR = `
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
let mode = "";
let seen = 0;
class Statement extends RpcTarget {
  constructor(statement) { super(); this.statement = statement; }
  bind(...values) { return new Statement(this.statement.bind(...values)); }
  async raw() {
    seen += 1;
    if (mode === "refuse") throw new Error("no books today");
    if (mode === "twice") await this.statement.raw();
    const rows = await this.statement.raw();
    if (mode === "lost") throw new Error("the answer was lost");
    if (mode === "hang") await new Promise((done) => setTimeout(done, 60_000));
    return rows;
  }
}
export class Books extends WorkerEntrypoint {
  prepare(sql) { return new Statement(this.env.BOOKS.prepare(sql)); }
}
export default {
  async fetch(request, env) {
    if (request.method === "POST") {
      const { sql, values } = await request.json();
      return Response.json((await env.BOOKS.prepare(sql).bind(...values).run()).results);
    }
    const wanted = new URL(request.url).searchParams.get("mode");
    if (wanted !== null) [mode, seen] = [wanted, 0];
    return new Response(String(seen));
  },
};`;

function options({ build, port, state, env, books, services }) {
  const wrangler = parseJsonc(readFileSync(join(build, "wrangler.jsonc"), "utf8"));
  const compatibilityDate = wrangler.compatibility_date;
  const vars = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, { type: "text", value }]));
  return {
    host: "127.0.0.1", port: 0, cf: false, logRequests: false, enableDevRegistry: false,
    resourcePersistencePath: state,
    log: process.env.FARTHING_VERBOSE ? new Log(LogLevel.DEBUG) : new NoOpLog(),
    handleStructuredLogs: ({ level, message }) => tell({ log: { level, message } }),
    workers: [
      {
        config: {
          name: "farthing", compatibilityDate, compatibilityFlags: wrangler.compatibility_flags ?? [],
          manifest: { mainModule: wrangler.main ?? "index.js", modules: modulesOf(build) },
          exports: { Ledger: { type: "durable-object", storage: "sqlite" }, Sender: { type: "durable-object", storage: "sqlite" }, Tally: { type: "durable-object", storage: "sqlite" } },
          env: {
            ...vars,
            LEDGER: { type: "durable-object", worker: "farthing", exportName: "Ledger" },
            SENDER: { type: "durable-object", worker: "farthing", exportName: "Sender" },
            TALLY: { type: "durable-object", worker: "farthing", exportName: "Tally" },
            ASSETS: { type: "worker", worker: "farthing-assets" },
            ...(books && { BOOKS: { type: "worker", worker: "farthing-books", exportName: "Books" } }),
            ...Object.fromEntries(Object.entries(services).map(([name, { bucket, dataset }]) => [name, bucket ? { type: "r2", name: "bucket" } : dataset ? { type: "analytics-engine-dataset", name: dataset } : { type: "worker", worker: nameOf(name) }])),
          },
        },
        // A socket of the Worker's own. miniflare's usual entrance rewrites URLs and headers and shows errors as pages.
        dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port }] },
      },
      {
        // Cloudflare's asset server, behind a door: `assets` on the Worker itself would put a router before it.
        config: {
          name: "farthing-assets", compatibilityDate,
          manifest: {
            mainModule: "index.js",
            modules: { "index.js": { type: "esm", contents: "export default { fetch: (request, env) => env.ASSETS.fetch(request) };" } },
          },
          assets: { directory: join(build, "assets"), hasUserWorker: true, runWorkerFirst: true },
          env: { ASSETS: { type: "assets" } },
        },
      },
      ...Object.entries(services).filter(([, { module }]) => module).map(([name, { module }]) => ({
        config: { name: nameOf(name), compatibilityDate, manifest: { mainModule: "index.js", modules: { "index.js": { type: "esm", contents: module } } } },
      })),
      ...(books ? [{
        config: {
          name: "farthing-books", compatibilityDate, manifest: { mainModule: "index.js", modules: { "index.js": { type: "esm", contents: DOOR } } },
          env: { BOOKS: { type: "d1", id: "books" } },
        },
      }] : []),
    ],
  };
}

const nameOf = (binding) => `service-${binding.toLowerCase()}`;

let miniflare;
async function leave(code) {
  const late = setTimeout(() => process.exit(code), 2000);
  late.unref();
  await miniflare?.dispose().catch(() => {});
  process.exit(code);
}
// A Ctrl-C in the terminal reaches us too; the parent decides when we end.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => leave(0));
process.on("disconnect", () => leave(0));
// What a test asks for later: {ask, id, …}.
const answers = {
  scheduled: async () => (await (await miniflare.getWorker("farthing")).scheduled({ cron: "*/5 * * * *" })).outcome,
  put: async ({ binding, key, text, type }) => {
    const bucket = await miniflare.getR2Bucket(binding, "farthing");
    await bucket.put(key, text, { httpMetadata: { contentType: type } });
  },
  run: async ({ sql, values }) => {
    const response = await (await miniflare.getWorker("farthing-books")).fetch("http://books/", { method: "POST", body: JSON.stringify({ sql, values }) });
    if (!response.ok) throw new Error(await response.text());
    return await response.json();
  },
  books: async ({ mode }) => {
    const query = mode === undefined ? "" : `?mode=${mode}`;
    return Number(await (await (await miniflare.getWorker("farthing-books")).fetch(`http://books/${query}`)).text());
  },
};
process.on("message", async ({ ask, id, ...more }) => {
  if (!ask) return;
  try {
    tell({ id, answer: await answers[ask](more) });
  } catch (error) {
    tell({ id, failed: error.message });
  }
});
process.once("message", async (message) => {
  try {
    miniflare = new Miniflare(options(message));
    await miniflare.ready;
    tell({ ready: true, url: (await miniflare.unsafeGetDirectURL("farthing")).origin });
  } catch (error) {
    tell({ error: error.message, code: error.code });
    await leave(1);
  }
});
