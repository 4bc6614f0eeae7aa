// The built Worker in real workerd, with its Durable Objects on disk: started, killed without warning, started again.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort, guard, portTaken, start, stop, takenText, unguard } from "../../tools/lib/processes.mjs";

export const BUILD = resolve(import.meta.dirname, "..", "..", "worker", "build");

// What SQLite says of a file whose companions (-wal, -shm) are gone or new: SQLITE_READONLY, as it may not make them itself,
// SQLITE_IOERR and SQLITE_CANTOPEN (https://sqlite.org/rescode.html).
const REMADE = [8, 10, 14];

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * @param {object} options
 * `config`: the configuration as a value, as text, or as a function of the edge's URL; left out, the bundled sample holds.
 * `port`: 0 picks one, which restarts keep. `state`: folder of the Durable Objects; left out, a temporary one that goes at `stop`.
 * `keys`: FARTHING_KEYS. `env`: more variables; `build`: the folder with the Worker; `onLog({level, message})`. `books`: bind a D1.
 * `services`: further bindings by name: `{module}`, the text of another Worker, `{bucket: true}`, an R2 bucket,
 * or `{dataset: name}` of Analytics Engine, which takes points and shows them to nobody here.
 *
 * The Worker sees the URL as sent, with the client's Host, not normalised. CF-Connecting-IP and other headers of Cloudflare's
 * are there only if the client sends them, so a test can be any network it likes.
 */
export async function startEdge({ config, port = 0, state, keys, env = {}, build = BUILD, onLog, books = false, services = {} } = {}) {
  if (!existsSync(join(build, "index.js"))) throw new Error("There is no built Worker: run `npm run build` first.");
  const chosen = port || await freePort();
  if (port && await portTaken(port)) throw new Error(takenText(port));
  const url = `http://127.0.0.1:${chosen}`;
  const folder = state ?? await mkdtemp(join(tmpdir(), "farthing-edge-"));
  const value = typeof config === "function" ? config(url) : config;
  const text = value === undefined || typeof value === "string" ? value : JSON.stringify(value);
  const variables = {
    FARTHING_LOCAL: "1",
    ...(text === undefined ? {} : { FARTHING_CONFIG: text }),
    ...(keys === undefined ? {} : { FARTHING_KEYS: keys }),
    ...env,
  };
  const log = [];
  let host;
  let workerd;
  let exited;

  async function open() {
    host = start(process.execPath, [join(import.meta.dirname, "edge-host.mjs")], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    const child = host;
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        if (output.length < 20_000) output += data;
        if (process.env.FARTHING_VERBOSE) process.stderr.write(data);
      });
    }
    exited = child.ended;
    const ready = new Promise((done, failed) => {
      child.on("message", (message) => {
        if (message.workerd) {
          unguard(workerd);
          workerd = message.workerd;
          guard(workerd);
        }
        if (message.log) {
          log.push(message.log);
          onLog?.(message.log);
        }
        if (message.id) answered(message);
        if (message.ready) done();
        if (message.error) failed(new Error(message.code === "ERR_ADDRESS_IN_USE" ? takenText(chosen) : message.error));
      });
      child.ended.then(({ code, signal }) => failed(new Error(`the process around workerd ended (${signal ?? code})\n${output.slice(-2000)}`)));
    });
    child.send({ build, port: chosen, state: folder, env: variables, books, services });
    await ready;
    // Only a client's pipe and the child itself may keep a test alive.
    child.channel?.unref();
  }

  const questions = new Map();
  let asked = 0;
  function answered({ id, answer, failed }) {
    const { resolve, reject } = questions.get(id);
    questions.delete(id);
    if (failed === undefined) resolve(answer);
    else reject(new Error(failed));
  }
  const ask = (name, more = {}) => new Promise((resolve, reject) => {
    questions.set(++asked, { resolve, reject });
    host.send({ ask: name, id: asked, ...more });
  });
  async function readOnly(path, sql, parameters) {
    const { DatabaseSync } = await import("node:sqlite");
    for (const until = Date.now() + 2000; ;) {
      let database;
      try {
        database = new DatabaseSync(path, { readOnly: true, timeout: 2000 });
        return database.prepare(sql).all(...parameters);
      } catch (error) {
        // an object that is emptied: workerd has taken its files away and is about to make new ones
        if (!REMADE.includes(error.errcode & 0xff) || Date.now() > until) throw error;
      } finally {
        database?.close();
      }
      await sleep(20);
    }
  }

  // Only after its host ended without doing so; its number is not reused that soon.
  function endWorkerd() {
    try {
      process.kill(workerd, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  }

  const edge = {
    url, port: chosen, state: folder,
    /** [{level, message}]: what the Worker wrote to the console, and what workerd says. */
    log,
    get pid() {
      return workerd;
    },
    /** Resolves when the processes have ended, for whatever reason. */
    get ended() {
      return exited;
    },
    /** SIGKILL, as when a machine loses power; the state stays. */
    async kill() {
      const child = host;
      child.kill("SIGKILL");
      endWorkerd();
      await child.ended;
      for (let tries = 0; await portTaken(chosen); tries++) {
        if (tries > 100) throw new Error("workerd is still listening after SIGKILL");
        await sleep(20);
      }
      unguard(workerd);
    },
    /** On the same port and state; with other variables or configuration if given. */
    async restart(changes = {}) {
      if (host.exitCode === null && host.signalCode === null) await stop(host);
      if (changes.config !== undefined) variables.FARTHING_CONFIG = JSON.stringify(changes.config);
      if (changes.keys !== undefined) variables.FARTHING_KEYS = changes.keys;
      Object.assign(variables, changes.env);
      await open();
    },
    /** GET /.farthing/health, parsed: {ok, errors?, warnings?}. */
    async health() {
      const response = await fetch(`${url}/.farthing/health`);
      const body = await response.text();
      try {
        return JSON.parse(body);
      } catch {
        return { ok: false, errors: [`/.farthing/health answered ${response.status}: ${body.slice(0, 300)}`] };
      }
    },
    /** Runs a query against every payer's ledger on disk: [{ledger, rows}], without those that have no such table. Reads only; `node:sqlite`. */
    async query(sql, ...parameters) {
      const directory = join(folder, "do", "farthing-Ledger");
      const names = await readdir(directory).catch(() => []);
      const files = names.filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name)).sort();
      const read = async (name) => {
        const path = join(directory, name);
        try {
          const [{ counts }] = await readOnly(path, "SELECT count(*) AS counts FROM sqlite_master WHERE name = 'quota'", []);
          // the counter of the day's settlements is no payer's
          return counts > 0 ? [] : [{ ledger: name.slice(0, 64), rows: await readOnly(path, sql, parameters) }];
        } catch (error) {
          // an object that is emptied meanwhile takes its file along
          if (existsSync(path) && !error.message.startsWith("no such table")) throw error;
          return [];
        }
      };
      return (await Promise.all(files.map(read))).flat();
    },
    /** Puts an object into a bucket of `services`. */
    put: (binding, key, text, type) => ask("put", { binding, key, text, type }),
    /** The cron trigger fires. */
    scheduled: () => ask("scheduled"),
    books: {
      /** The books' SQLite file; undefined before there is one. */
      async file() {
        const names = await readdir(folder, { recursive: true });
        const name = names.find((one) => /d1.*\/[0-9a-f]{64}\.sqlite$/.test(one));
        return name && join(folder, name);
      },
      /** What is in them: every row of `payment`, or of a query. */
      async rows(sql = "SELECT * FROM payment ORDER BY first_seen", ...parameters) {
        const file = await edge.books.file();
        if (!file) return [];
        const [{ tables }] = await readOnly(file, "SELECT count(*) AS tables FROM sqlite_master WHERE name = 'payment'", []);
        return tables === 0 ? [] : readOnly(file, sql, parameters);
      },
      /** Runs a statement of the test's own in D1, and gives its rows. */
      run: (sql, ...values) => ask("run", { sql, values }),
      /** From now on statements are refused ("refuse"), run and not answered ("lost", "hang"), run twice ("twice"); "" for as usual. */
      mode: (mode) => ask("books", { mode }),
      /** Statements since the mode was set. */
      seen: () => ask("books"),
    },
    async stop() {
      await stop(host);
      if (host.signalCode) endWorkerd();
      unguard(workerd);
      if (!state) await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await open();
  } catch (error) {
    host?.kill("SIGKILL");
    if (!state) await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return edge;
}
