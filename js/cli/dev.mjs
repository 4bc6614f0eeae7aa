// `dev`: the Worker as it would be deployed, in workerd on this machine, before your origin. wrangler runs it, as it deploys it: the same
// file says for both what is bound, and what is bundled.
import { existsSync, readFileSync, unwatchFile, watchFile } from "node:fs";
import { dirname, join } from "node:path";
import { freePort, guard, onShutdown, portTaken, start, stop, takenText, unguard } from "../../tools/lib/processes.mjs";
import { readConfig } from "./check.mjs";
import { freshKeys } from "./init/files.mjs";
import { ask } from "./lib/ask.mjs";
import { openGate } from "./lib/gate.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { nodeFor, npmInstall, wranglerScript } from "./lib/wrangler.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "runs the Worker on this machine, before your origin";

export const usage = (program) => `${program}dev [--origin URL] [--port N] [--config FILE] [--json]

  --origin URL   where the content comes from here, like http://127.0.0.1:8080; the config's own origin if absent
  --port N       where to listen on 127.0.0.1 (4020; 0 takes any free one)
  --config FILE  the configuration (farthing.jsonc); wrangler.jsonc is beside it. Without that file the config of the Worker's code holds
  --json         print one line {"ready":true,"url":…} when ready, and nothing else

The config is read with the local address in place of its site, and again whenever it changes. Secrets are read from .dev.vars.`;

const PATIENCE = 60_000;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The config for this machine, as text. */
function localConfig(text, { gate, url, origin, file, say }) {
  const check = (config) => {
    const { errors } = gate.configure(config);
    if (errors.length > 0) throw new Mistake([`${file}:`, ...errors.map((error) => `  ${error}`)].join("\n"));
  };
  check(text);
  const config = parseJsonc(text);
  if (origin && config.origin === "handler") throw new Mistake("--origin has no place here: the origin is the handler in the Worker.");
  if (origin) config.origin = { url: origin };
  else if (config.origin === "dns" || config.origin?.dns) {
    say(`The content comes from ${config.site}; --origin URL names another place.`);
    config.origin = { url: config.site };
  }
  const changed = JSON.stringify({ ...config, site: url });
  check(changed);
  return changed;
}

/** Whether wrangler will find FARTHING_KEYS by itself. */
function hasKeys(folder) {
  try {
    return /^\s*FARTHING_KEYS\s*=/m.test(readFileSync(join(folder, ".dev.vars"), "utf8"));
  } catch {
    return false;
  }
}

function startWrangler(script, { folder, port, variables, say }) {
  const vars = Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const child = start(nodeFor(folder), [
    script, "dev", "--ip", "127.0.0.1", "--port", String(port), "--local-upstream", `127.0.0.1:${port}`, "--upstream-protocol", "http",
    "--show-interactive-dev-session=false", "--log-level", "warn", ...vars,
  ], {
    cwd: folder, detached: process.platform !== "win32",
    // nothing is reported to anybody, and nothing is asked of any host but the origin
    env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", NO_COLOR: "1" },
  });
  if (process.platform !== "win32") guard(-child.pid); // workerd is a child of wrangler's
  let last = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      last = (last + text).slice(-4000);
      if (!text.includes("Scheduled Workers are not automatically triggered")) say(text.trimEnd());
    });
  }
  child.said = () => last.trim();
  return child;
}

async function end(child) {
  await stop(child, { grace: 5000 });
  if (process.platform === "win32") return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // nothing is left of them
  }
  unguard(-child.pid);
}

async function healthy(url, child) {
  for (const until = Date.now() + PATIENCE; Date.now() < until; await sleep(100)) {
    if (child.exitCode !== null) throw new Mistake(`wrangler has ended:\n${child.said()}`);
    const { status, body } = await ask(`${url}/.farthing/health`);
    if (status !== 200 && status !== 503) continue;
    try {
      const { ok, errors, warnings } = JSON.parse(body);
      if (!ok) throw new Mistake(`The Worker runs, and says:\n${errors.map((error) => `  ${error}`).join("\n")}`);
      return warnings;
    } catch (error) {
      if (error instanceof Mistake) throw error;
    }
  }
  throw new Mistake(`The Worker did not answer within ${PATIENCE / 1000} seconds:\n${child.said()}`);
}

export async function run(args, { program, gate: path, at }) {
  const { values } = readOptions(args, {
    options: { origin: { type: "string" }, port: { type: "string", default: "4020" }, config: { type: "string" }, json: { type: "boolean", default: false } },
    usage: usage(program),
  });
  const gate = openGate(path);
  const asked = /^\d{1,5}$/.test(values.port) ? Number(values.port) : NaN;
  if (!(asked <= 65535)) throw new Mistake(`--port wants a number from 0 to 65535, not "${values.port}".`);
  const name = values.config ?? "farthing.jsonc";
  const file = at(name);
  const folder = dirname(file);
  // a Worker around a handler may have its config in its code
  const inCode = values.config === undefined && !existsSync(file);
  if (inCode && !["wrangler.jsonc", "wrangler.json", "wrangler.toml"].some((one) => existsSync(join(folder, one)))) {
    throw new Mistake(`There is neither ${name} nor wrangler.jsonc here: npx farthing init writes them.`);
  }
  if (inCode && values.origin) throw new Mistake(`--origin changes ${name}, and there is none.`);
  const origin = values.origin && readUrl(values.origin, "--origin").href.replace(/\/$/, "");
  if (asked && await portTaken(asked)) throw new Mistake(takenText(asked));
  const say = (line) => line && process.stderr.write(`${line}\n`);
  const port = asked || await freePort();
  const url = `http://127.0.0.1:${port}`;
  const keys = hasKeys(folder) ? {} : { FARTHING_KEYS: freshKeys() };
  if (keys.FARTHING_KEYS) say("There is no FARTHING_KEYS in .dev.vars: passes of this run are good for this run alone.");
  const variables = () => ({
    ...keys, FARTHING_LOCAL: "1",
    ...(!inCode && { FARTHING_CONFIG: localConfig(readConfig(name, file), { gate, url, origin, file: name, say }) }),
  });
  let current = variables();
  if (!wranglerScript(folder)) {
    say("wrangler is not installed: npm install …");
    await npmInstall(folder);
  }
  const script = wranglerScript(folder);
  if (!script) throw new Mistake("wrangler is not among what package.json needs: npm install --save-dev wrangler");

  let child;
  let changing = false;
  const leave = onShutdown(async () => {
    unwatchFile(file);
    if (child) await end(child);
  });
  const open = () => {
    child = startWrangler(script, { folder, port, variables: current, say });
    child.ended.then(() => {
      if (leave.ending || changing) return;
      say("wrangler has ended unexpectedly.");
      leave(1);
    });
  };
  try {
    open();
    const warnings = await healthy(url, child);
    for (const warning of warnings) say(`Warning: ${warning}`);
  } catch (error) {
    if (leave.ending) return undefined;
    say(error.message);
    await leave(1);
    return 1;
  }
  if (values.json) console.log(JSON.stringify({ ready: true, url }));
  else console.log(`Farthing stands before your site at ${url}\nCtrl-C stops it.`);
  if (inCode) return undefined;
  watchFile(file, { interval: 500 }, async () => {
    if (changing || leave.ending) return;
    changing = true;
    try {
      const next = variables();
      if (next.FARTHING_CONFIG === current.FARTHING_CONFIG) return;
      current = next;
      await end(child);
      open();
      await healthy(url, child);
      say(`${name} was read again.`);
    } catch (error) {
      say(error.message);
    } finally {
      changing = false;
    }
  });
  return undefined;
}
