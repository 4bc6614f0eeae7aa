// What the long-running commands share: options, mistakes as sentences instead of stacks, the build, the Worker's health.
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseJsonc } from "../../js/cli/lib/jsonc.mjs";
import { isOfSecret, toldHere } from "../../js/cli/lib/secrets.mjs";
import { Mistake } from "../../js/cli/mistake.mjs";
import { onShutdown, portTaken, start, stop, takenText } from "./processes.mjs";

export const root = resolve(import.meta.dirname, "..", "..");

/** A file as it was typed: npm runs its scripts in the project's folder, wherever they were called. */
export const typed = (file) => resolve(["check", "edge", "reconcile"].includes(process.env.npm_lifecycle_event) ? process.env.INIT_CWD ?? "." : ".", file);

export { Mistake };

/**
 * Runs a command until Ctrl-C. `main(values, leave, parts)` may push what has `stop()` to `parts`; it is stopped at the end, last
 * first.
 */
export function command({ usage, options, main }) {
  const parts = [];
  const leave = onShutdown(async () => {
    for (const part of parts.reverse()) await part.stop();
  });
  const read = () => {
    try {
      return parseArgs({ options: { ...options, help: { type: "boolean", short: "h", default: false } } }).values;
    } catch (error) {
      throw new Mistake(`${error.message.split("\n")[0]}\n\n${usage}`);
    }
  };
  (async () => {
    const values = read();
    if (values.help) {
      console.log(usage);
      return leave(0);
    }
    await main(values, leave, parts);
  })().catch((error) => {
    if (leave.ending) return;
    console.error(error instanceof Mistake || !process.env.FARTHING_VERBOSE ? error.message : error);
    leave(1);
  });
}

/** The port asked for, if it is one and free. */
export async function choosePort(text) {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65535)) throw new Mistake(`--port wants a number from 0 to 65535, not "${text}".`);
  if (port && await portTaken(port)) throw new Mistake(takenText(port, `-- --port ${port + 1}`));
  return port;
}

/** Runs the build, which does only what is needed. Everything it says goes to standard error. */
export async function build(parts) {
  const child = start(process.execPath, [join(root, "tools", "build.mjs"), "--quiet"], { stdio: ["ignore", 2, 2] });
  parts.push({ stop: () => stop(child) });
  const { code } = await child.ended;
  parts.pop();
  if (code !== 0) throw new Mistake("The build failed; its own words are above.");
}

/**
 * The Worker's warnings as lines; its list of configuration mistakes as a `Mistake` under the name of the file. `config`: the text of it,
 * for the names of secrets.
 */
export async function checkHealth(edge, file, config) {
  const line = (item) => (typeof item === "string" ? item : item?.message ?? JSON.stringify(item));
  const { ok, errors = [], warnings = [] } = await edge.health();
  if (ok) return warnings.map(line);
  const here = (error) => (isOfSecret(error) ? toldHere(error, config && parseJsonc(config), (name) => `set ${name} in the environment`) : error);
  throw new Mistake([`${file}:`, ...errors.map((item) => `  ${here(line(item))}`)].join("\n"));
}
