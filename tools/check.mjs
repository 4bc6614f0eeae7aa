// `npm run check`: reads a config with the core that will run it, says in plain words what it sells, and with --rpc compares it with
// the chains and facilitators it names.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build, Mistake, root, typed } from "./lib/cli.mjs";
import { askFacilitators, secretsOf } from "./lib/check-facilitators.mjs";
import { askChains } from "./lib/check-chains.mjs";
import { entriesOf } from "./lib/entries.mjs";
import { openGate } from "./lib/gate.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { print } from "./lib/check-print.mjs";
import { listRoutes } from "./lib/check-routes.mjs";

const usage = `npm run check -- --config FILE [--rpc [URL …]] [--json]

  --config FILE  the configuration (JSON with comments)
  --rpc          ask the endpoints in settlement.rpc what the chains say of the assets, and the facilitators what they settle
  --rpc URL …    ask these endpoints instead, each for the network it says it is
  --json         print one JSON object instead of the report

Exit code 0: nothing is wrong. 1: something is.`;

/** The options; --rpc takes any number of addresses, also none. */
function read(args) {
  const values = { rpc: undefined, json: false, config: undefined };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    const value = () => args[++index] ?? "";
    if (arg === "--help" || arg === "-h") return { help: true };
    else if (arg === "--json") values.json = true;
    else if (arg === "--config") values.config = value();
    else if (arg === "--rpc") {
      values.rpc ??= [];
      while (index + 1 < args.length && !args[index + 1].startsWith("--")) values.rpc.push(value());
    } else throw new Mistake(`${arg} is not an option.\n\n${usage}`);
  }
  if (!values.config) throw new Mistake(`--config FILE is missing.\n\n${usage}`);
  for (const url of values.rpc ?? []) {
    if (!/^https?:\/\/\S+$/.test(url)) throw new Mistake(`--rpc wants addresses like https://rpc.example, not "${url}".`);
  }
  return values;
}

function readConfig(file) {
  try {
    return readFileSync(typed(file), "utf8");
  } catch (error) {
    throw new Mistake(`${typed(file)} cannot be read: ${error.code === "ENOENT" ? "there is no such file" : error.message}.`);
  }
}

/** Everything that is said about a config. A finding is {level: "ok" | "note" | "error", at, text, put?}; `put` belongs into `at`. */
async function check(text, { rpc, gate }) {
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

async function main() {
  const values = read(process.argv.slice(2));
  if (values.help) return console.log(usage);
  const text = readConfig(values.config);
  const path = join(root, "worker", "build", "edge.wasm");
  await build([]);
  const report = await check(text, { rpc: values.rpc, gate: openGate(path) });
  console.log(values.json ? JSON.stringify(report, null, 2) : print(report, { file: values.config, asked: values.rpc !== undefined }));
  process.exitCode = report.ok ? 0 : 1;
}

main().catch((error) => {
  console.error(error instanceof Mistake || !process.env.FARTHING_VERBOSE ? error.message : error);
  process.exitCode = 1;
});
