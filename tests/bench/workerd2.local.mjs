// Bare workerd, one process for each Worker: its configuration, its start and end, and the CPU time that it has used.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, start, stop } from "../../tools/lib/processes.mjs";

// the binary itself: what npm puts before it is a script
const { default: BINARY } = createRequire(import.meta.url)("workerd");

const KINDS = { wasm: "wasm", jsonc: "text", js: "esModule" };
const text = (value) => JSON.stringify(value);
const list = (items) => `[${items.join(", ")}]`;

/**
 * Starts a Worker and resolves when it listens.
 * `modules`: {name: text or bytes}, the first one is the entry. `variables`: texts by name. `objects`: names of Durable Object classes by
 * binding; they are kept on disk, in a folder that goes at `stop`. `assets`: a folder.
 */
export async function startWorkerd({ modules, variables = {}, objects = {}, assets, date, flags = [] }) {
  const folder = mkdtempSync(join(process.env.BENCH_TMP ?? tmpdir(), "farthing-bench-"));
  const port = await freePort();
  const classes = Object.values(objects);
  const names = Object.entries(modules).map(([name, content], index) => {
    writeFileSync(join(folder, `module-${index}`), content);
    return `(name = ${text(name)}, ${KINDS[name.split(".").at(-1)]} = embed ${text(`module-${index}`)})`;
  });
  const bindings = [
    ...Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...Object.entries(objects).map(([name, one]) => `(name = ${text(name)}, durableObjectNamespace = ${text(one)})`),
    ...(assets ? [`(name = "ASSETS", service = "assets")`] : []),
  ];
  const worker = [
    `modules = ${list(names)}`, `compatibilityDate = ${text(date)}`, `compatibilityFlags = ${list(flags.map(text))}`, `bindings = ${list(bindings)}`,
  ];
  const services = [`(name = "internet", network = (allow = ["public", "private", "local"]))`];
  if (classes.length > 0) {
    mkdirSync(join(folder, "objects"));
    services.push(`(name = "disk", disk = (path = ${text(join(folder, "objects"))}, writable = true))`);
    worker.push(`durableObjectStorage = (localDisk = "disk")`);
    worker.push(`durableObjectNamespaces = ${list(classes.map((name) => `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`))}`);
  }
  if (assets) services.push(`(name = "assets", disk = (path = ${text(assets)}))`);
  services.push(`(name = "main", worker = (${worker.join(", ")}))`);
  writeFileSync(join(folder, "config.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = ${list(services)},
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
`);
  const child = start(BINARY, ["serve", "--experimental", join(folder, "config.capnp")]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      if (output.length < 20_000) output += data;
    });
  }
  const running = {
    port,
    pid: child.pid,
    get output() {
      return output;
    },
    async stop() {
      await stop(child, { signal: "SIGKILL" });
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return running;
}

/** CPU time that a process has used, in microseconds: user and system, of all its threads. workerd ends none of them under load. */
export function cpu(pid) {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      // finer than utime and stime beside it, which count in hundredths of a second
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    } catch (error) {
      if (error.code !== "ENOENT" && error.code !== "ESRCH") throw error;
    }
  }
  return sum / 1000;
}
