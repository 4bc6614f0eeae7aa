// `check`: reads a config with the core that will run it, says in plain words what it sells, and with --rpc compares it with the chains
// and facilitators it names.
import { readFileSync } from "node:fs";
import { Mistake } from "./mistake.mjs";
import { askChains } from "./lib/check-chains.mjs";
import { askFacilitators, secretsOf } from "./lib/check-facilitators.mjs";
import { print } from "./lib/check-print.mjs";
import { listRoutes } from "./lib/check-routes.mjs";
import { entriesOf } from "./lib/entries.mjs";
import { openGate } from "./lib/gate.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";

export const summary = "says what is wrong with a config, and what it sells";

export const usage = (program) => `${program}check${program === "npm run " ? " --" : ""} [FILE] [--rpc [URL …]] [--json]

  FILE           the configuration, JSON with comments (farthing.jsonc); --config FILE says the same
  --rpc          ask the endpoints in settlement.rpc what the chains say of the assets, and the facilitators what they settle
  --rpc URL …    ask these endpoints instead, each for the network it says it is
  --json         print one JSON object instead of the report

Exit code 0: nothing is wrong. 1: something is.`;

/** The options; --rpc takes any number of addresses, also none. */
function read(args, help) {
  const values = { rpc: undefined, json: false, config: undefined };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    const value = () => args[++index] ?? "";
    if (arg === "--json") values.json = true;
    else if (arg === "--config") values.config = value();
    else if (arg === "--rpc") {
      values.rpc ??= [];
      while (index + 1 < args.length && !args[index + 1].startsWith("--")) values.rpc.push(value());
    } else if (!arg.startsWith("-") && values.config === undefined) values.config = arg;
    else throw new Mistake(`${arg} is not an option.\n\n${help}`);
  }
  for (const url of values.rpc ?? []) {
    if (!/^https?:\/\/\S+$/.test(url)) throw new Mistake(`--rpc wants addresses like https://rpc.example, not "${url}".`);
  }
  return values;
}

/** The text of a file that was named at the terminal. */
export function readConfig(file, path = file) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Mistake(`${path} cannot be read: ${error.code === "ENOENT" ? "there is no such file" : error.message}.`);
  }
}

/** Everything that is said about a config. A finding is {level: "ok" | "note" | "error", at, text, put?}; `put` belongs into `at`. */
export async function examine(text, { rpc, gate }) {
  const { errors, warnings } = gate.configure(text);
  let config;
  try {
    config = parseJsonc(text);
  } catch {
    // the core has said where
  }
  const entries = entriesOf(config);
  const report = { ok: false, errors, warnings, routes: errors.length > 0 ? [] : listRoutes(gate, config, entries), chains: [], facilitators: [], secrets: errors.length > 0 ? [] : secretsOf(config) };
  if (rpc && config) {
    report.chains = await askChains({ gate, config, entries, urls: rpc });
    report.facilitators = await askFacilitators({ config, entries, routes: report.routes });
  }
  const findings = [...report.routes, ...report.chains, ...report.facilitators].flatMap(({ findings = [] }) => findings);
  report.ok = errors.length === 0 && findings.every(({ level }) => level !== "error");
  return report;
}

/** `gate` is where the gate's WebAssembly is; `at` gives the path of a file as it was typed. */
export async function run(args, { program, gate, at, prepare }) {
  const values = read(args, usage(program));
  const file = values.config ?? "farthing.jsonc";
  const text = readConfig(file, at(file));
  await prepare?.();
  const report = await examine(text, { rpc: values.rpc, gate: openGate(gate) });
  console.log(values.json ? JSON.stringify(report, null, 2) : print(report, { file, asked: values.rpc !== undefined }));
  return report.ok ? 0 : 1;
}
