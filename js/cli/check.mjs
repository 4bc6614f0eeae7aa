// `check`: reads a config with the core that will run it, says in plain words what it sells, and with --rpc compares it with the chains
// and facilitators it names.
import { existsSync, readFileSync } from "node:fs";
import { Mistake } from "./mistake.mjs";
import { askChains } from "./lib/check-chains.mjs";
import { askFacilitators, askScreening, secretsOf } from "./lib/check-facilitators.mjs";
import { print } from "./lib/check-print.mjs";
import { listRoutes } from "./lib/check-routes.mjs";
import { entriesOf } from "./lib/entries.mjs";
import { openGate } from "./lib/gate.mjs";
import { json, plainLines } from "./lib/plain.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { ownWorker } from "./lib/wrangler.mjs";

export const summary = "says what is wrong with a config, and what it sells";

export const usage = (program) => `${program}check${program === "npm run " ? " --" : ""} [FILE] [--rpc [URL …]] [--json]

  FILE           the configuration, JSON with comments (farthing.jsonc); --config FILE says the same
  --rpc          ask the endpoints in settlement.rpc what the chains say of the assets, the facilitators what they settle,
                 and the service in screening.url whether your own account may pay
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

/** Hosts that nobody has, or that are for documents (RFC 2606). */
const RESERVED = /(?:^|\.)(?:example|test|invalid|example\.(?:com|net|org))$/;

/** What is said of a site under such a name; undefined of any other. */
export function reserved(site) {
  const host = URL.canParse(site ?? "") ? new URL(site).hostname : "";
  return RESERVED.test(host) ? `site: ${host} is a name for examples, which no site has: write the address of yours before it is deployed` : undefined;
}

/** Everything that is said about a config. A finding is {level: "ok" | "note" | "error", at, text, put?}; `put` belongs into `at`. */
export async function examine(text, { rpc, gate }) {
  const { errors, warnings: told } = gate.configure(text);
  let config;
  try {
    config = parseJsonc(text);
  } catch {
    // the core has said where
  }
  const warnings = [...told, ...[reserved(config?.site)].filter(Boolean)];
  const entries = entriesOf(config);
  const report = { ok: false, errors, warnings, routes: errors.length > 0 ? [] : listRoutes(gate, config, entries), chains: [], facilitators: [], screening: [], secrets: errors.length > 0 ? [] : secretsOf(config) };
  if (rpc && config) {
    report.chains = await askChains({ gate, config, entries, urls: rpc });
    report.facilitators = await askFacilitators({ config, entries, routes: report.routes });
    report.screening = await askScreening({ config, routes: report.routes });
  }
  const findings = [...report.routes, ...report.chains, ...report.facilitators, ...report.screening].flatMap(({ findings = [] }) => findings);
  report.ok = errors.length === 0 && findings.every(({ level }) => level !== "error");
  return report;
}

/** Throws what there is to say where no file is named and none is there: the config may be in the Worker's code. */
function inCode(folder) {
  const worker = ownWorker(folder);
  const missing = "farthing.jsonc cannot be read: there is no such file";
  if (!worker) throw new Mistake(`${missing}. npx farthing init writes one.`);
  throw new Mistake(`${missing}. ${worker.file} names a Worker of your own, ${worker.main}: where its code holds the config, npx farthing dev says what is wrong with that; a config in another file is checked by its name.`);
}

/** `gate` is where the gate's WebAssembly is; `at` gives the path of a file as it was typed. */
export async function run(args, { program, gate, at, prepare }) {
  const values = read(args, usage(program));
  const file = values.config ?? "farthing.jsonc";
  const text = values.config === undefined && !existsSync(at(file)) ? inCode(at(".")) : readConfig(file, at(file));
  await prepare?.();
  const report = await examine(text, { rpc: values.rpc, gate: openGate(gate) });
  console.log(values.json ? json(report) : plainLines(print(report, { file, asked: values.rpc !== undefined }), Infinity));
  return report.ok ? 0 : 1;
}
