// `dev`: the Worker as it would be deployed, in workerd on this machine, before your origin. wrangler runs it, as it deploys it: the same
// file says for both what is bound, and what is bundled.
import { existsSync, unwatchFile, watchFile } from "node:fs";
import { dirname, join } from "node:path";
import { freePort, guard, onShutdown, portTaken, start, stop, takenText, unguard } from "../../tools/lib/processes.mjs";
import { readConfig } from "./check.mjs";
import { freshKeys } from "./init/files.mjs";
import { ask } from "./lib/ask.mjs";
import { openGate } from "./lib/gate.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { DEV_VARS, devVar, devVars, isOfSecret, toldHere } from "./lib/secrets.mjs";
import { nodeFor, npmInstall, wranglerScript } from "./lib/wrangler.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "runs the Worker on this machine, before your origin";

export const usage = (program) => `${program}dev [--origin URL] [--port N] [--config FILE] [--json]

  --origin URL   where the content comes from here, like http://127.0.0.1:8080; the config's own origin if absent
  --port N       where to listen on 127.0.0.1 (4020; 0 takes any free one)
  --config FILE  the configuration (farthing.jsonc); wrangler.jsonc is beside it. Without that file the config of the Worker's code holds
  --json         print one line {"ready":true,"url":…} when ready, and nothing else

The config is read with the local address in place of its site, and again whenever it changes; --origin replaces where its origin points,
and leaves its headers and its cache. Secrets are read from .dev.vars.`;

const PATIENCE = 60_000;
const HANDLER = "the config's origin is ";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The config for this machine, as text. */
function localConfig(text, { gate, url, origin, file }) {
  const check = (config) => {
    const { errors } = gate.configure(config);
    if (errors.length > 0) throw new Mistake([`${file}:`, ...errors.map((error) => `  ${error}`)].join("\n"));
  };
  check(text);
  const config = parseJsonc(text);
  if (origin && config.origin === "handler") throw new Mistake("--origin has no place here: the origin is the handler in the Worker.");
  const elsewhere = origin ?? (config.origin === "dns" || config.origin?.dns ? config.site : undefined);
  if (elsewhere) {
    // where it points is replaced; its headers, its cache and whatever else it says stay
    const { dns, url: old, service, assets, bucket, ...kept } = Object(config.origin);
    config.origin = { ...(typeof config.origin === "object" && kept), url: elsewhere };
  }
  const changed = JSON.stringify({ ...config, site: url });
  check(changed);
  return changed;
}

/** A sentence where nothing answers at an address; it may come later. */
async function silent(address) {
  try {
    const response = await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return undefined;
  } catch (error) {
    return `nothing answers at ${address} (${error.cause?.code ?? error.name}): until something does, offers are made and no page comes`;
  }
}

/** What to try: the address of one page that costs something, and of one that is free, as far as the config tells. */
function examples(gate, config, url) {
  const pages = config.routes.map(({ match }) => url + match.replaceAll("*", "one"));
  const count = (page) => gate.offers(page)?.length;
  return { priced: pages.find((page) => count(page) > 0), free: [`${url}/`, ...pages].find((page) => count(page) === 0) };
}

/** What the Worker itself says against what it was made with: a sentence of ours, in a line of its log. */
function faultIn(text) {
  const [, error] = /"event":"broken"[^\n]*?"error":("(?:\\.|[^"\\])*")/.exec(text) ?? [];
  const says = error && JSON.parse(error);
  return says?.includes(" ") ? says : undefined;
}

/** The same for who is at the terminal, with what to do. */
function toldFault(fault, file) {
  if (!fault.startsWith(HANDLER)) return fault;
  const remedy = fault.includes("given one")
    ? `where the config is in the Worker's code, take ${file} away; where ${file} is the config, write "origin": "handler" into it`
    : `give paywall(config, handler) one, or let "origin" say where the content comes from`;
  return `The Worker does not run: ${fault}.\n${remedy[0].toUpperCase()}${remedy.slice(1)}.`;
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
      const fault = child.ready ? undefined : faultIn(text);
      child.fault ??= fault;
      // it is told once, and not for every request
      if (!fault && !text.includes("Scheduled Workers are not automatically triggered")) say(text.trimEnd());
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

/** Waits until the Worker answers that it can work, and gives its warnings. */
async function healthy(url, child, { config, file }) {
  const remedy = (name) => `write the line ${name}=… into ${DEV_VARS} (where the Worker is deployed, npx wrangler secret put ${name} sets it)`;
  for (const until = Date.now() + PATIENCE; Date.now() < until; await sleep(100)) {
    if (child.fault) throw new Mistake(toldFault(child.fault, file));
    if (child.exitCode !== null) throw new Mistake("wrangler has ended; what it said is above.");
    const { status, body } = await ask(`${url}/.farthing/health`);
    if (status !== 200 && status !== 503) continue;
    try {
      const { ok, errors, warnings } = JSON.parse(body);
      if (!ok) {
        const text = `The Worker does not run:\n${errors.map((error) => `  ${toldHere(error, config, remedy)}`).join("\n")}`;
        throw Object.assign(new Mistake(text), { secret: errors.some(isOfSecret) });
      }
      child.ready = true;
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
  const origin = values.origin && readUrl(values.origin, "--origin", "http://127.0.0.1:8080").href.replace(/\/$/, "");
  if (asked && await portTaken(asked)) throw new Mistake(takenText(asked));
  const say = (line) => line && process.stderr.write(`${line}\n`);
  const port = asked || await freePort();
  const url = `http://127.0.0.1:${port}`;
  const hasKeys = () => devVar(devVars(folder), "FARTHING_KEYS") !== undefined;
  const fresh = freshKeys();
  if (!hasKeys()) say(`There is no FARTHING_KEYS in ${DEV_VARS}: passes of this run are good for this run alone.`);
  const read = () => (inCode ? undefined : localConfig(readConfig(name, file), { gate, url, origin, file: name }));
  /** What the Worker is started with; `secrets` is read by wrangler itself. */
  const load = () => ({ config: read(), keys: hasKeys() ? undefined : fresh, secrets: devVars(folder) });
  const same = (one, other) => Object.keys(one).every((key) => one[key] === other[key]);
  let current = load();
  if (!wranglerScript(folder)) {
    if (!existsSync(join(folder, "package.json"))) throw new Mistake(`There is no package.json in ${folder}, and no wrangler to run: npx farthing init writes what is needed.`);
    say("wrangler is not installed: npm install …");
    await npmInstall(folder);
  }
  const script = wranglerScript(folder);
  if (!script) throw new Mistake("wrangler is not among what package.json needs: npm install --save-dev wrangler");

  const settings = () => (current.config === undefined ? undefined : JSON.parse(current.config));
  const behind = settings()?.origin?.url;
  const looked = behind === undefined ? undefined : silent(behind);
  const watched = [...(inCode ? [] : [file]), join(folder, DEV_VARS)];
  let child;
  let changing = true;
  let late = false; // something changed meanwhile
  let announced = false;
  const leave = onShutdown(async () => {
    for (const one of watched) unwatchFile(one);
    if (child) await end(child);
  });
  const open = async () => {
    const { config, keys } = current;
    const variables = { ...(keys && { FARTHING_KEYS: keys }), FARTHING_LOCAL: "1", ...(config && { FARTHING_CONFIG: config }) };
    const mine = startWrangler(script, { folder, port, variables, say });
    child = mine;
    mine.ended.then(() => {
      if (leave.ending || changing || child !== mine) return;
      say("wrangler has ended unexpectedly.");
      leave(1);
    });
    for (const warning of await healthy(url, mine, { config: settings(), file: name })) say(`Warning: ${warning}`);
    if (announced) return;
    announced = true;
    if (values.json) return void console.log(JSON.stringify({ ready: true, url }));
    const { priced, free } = config ? examples(gate, settings(), url) : {};
    console.log([
      `Farthing stands before your site at ${url}`, ...(priced ? [`  costs something: ${priced}`] : []), ...(free ? [`  is free:         ${free}`] : []), "Ctrl-C stops it.",
    ].join("\n"));
  };
  let told = false; // of a mistake in the file
  const again = async () => {
    if (leave.ending) return;
    if (changing) {
      late = true;
      return;
    }
    changing = true;
    late = false;
    try {
      let next;
      try {
        next = load();
      } catch (error) {
        told = true;
        say(`${error.message}\nUntil that is mended, ${announced ? `the Worker goes on with ${name} as it was before` : "nothing is sold"}.`);
        return;
      }
      if (same(next, current)) {
        if (told) say(`${name} is as it was before.`);
        told = false;
        return;
      }
      told = false;
      const what = next.config === current.config ? DEV_VARS : name;
      current = next;
      await end(child);
      await open();
      say(`${what} was read again.`);
    } catch (error) {
      if (!leave.ending) say(error.message);
    } finally {
      changing = false;
      if (late) again();
    }
  };
  const warn = (trouble) => {
    if (trouble) say(`Warning: ${trouble}${origin || behind.startsWith("http:") ? "" : "; --origin http://127.0.0.1:8080 would name a server on this machine"}.`);
  };
  // from the beginning: what is changed while the Worker starts counts as well
  for (const one of watched) watchFile(one, { interval: 500 }, again);
  try {
    await open();
  } catch (error) {
    if (leave.ending) return undefined;
    say(error.message);
    // a script that waits for its line waits for nothing more
    if (!error.secret || values.json) {
      await leave(1);
      return 1;
    }
    say(`It is tried again when ${inCode ? DEV_VARS : `${DEV_VARS} or ${name}`} changes.`);
  }
  looked?.then(warn);
  changing = false;
  if (late) again();
  return undefined;
}
