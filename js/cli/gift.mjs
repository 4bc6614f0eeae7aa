// `gift`: makes a link that opens an article for nothing, so often and so long. Nothing is asked and nothing is stored: what counts is in
// the link, and what was used of it is counted where the site runs.
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { readConfig } from "./check.mjs";
import { openGate } from "./lib/gate.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { DEV_VARS, devVar, devVars } from "./lib/secrets.mjs";
import { openTools } from "./lib/tools.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "makes a link that opens an article for nothing";

export const usage = (program) => `${program}gift URL [--count N] [--for TIME] [--config FILE] [--json]

  URL            the article, at its canonical address; under http://127.0.0.1:4020, a link for npx farthing dev
  --count N      how many may open it (10)
  --for TIME     how long the link lives, and how long it opens for, like 12h or 30d (14d)
  --config FILE  the configuration of the site (farthing.jsonc); it needs "gifts": {}
  --json         print one JSON object instead of the link

The secret FARTHING_KEYS is read from the environment: the same as the site's. For an address on this machine it is read from .dev.vars
beside the configuration, as dev does.`;

const HERE = ["localhost", "127.0.0.1", "[::1]"];

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 };
const MOST_SECONDS = 365 * UNITS.d;
const MOST = 65_535;

function lasting(text) {
  const [, number, unit] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  const seconds = Number(number) * UNITS[unit];
  if (!(seconds <= MOST_SECONDS)) throw new Mistake(`--for wants a time like 12h or 30d, a year at most, not "${text}".`);
  return seconds;
}

export async function run(args, { program, gate, tools, at }) {
  const options = {
    count: { type: "string", default: "10" }, for: { type: "string", default: "14d" }, config: { type: "string", default: "farthing.jsonc" },
    json: { type: "boolean", default: false },
  };
  const { values, positionals: [typed] } = readOptions(args, { options, most: 1, usage: usage(program) });
  const { origin, hostname, pathname, search } = readUrl(typed, "gift");
  const count = /^[1-9]\d{0,4}$/.test(values.count) && Number(values.count) <= MOST ? Number(values.count) : undefined;
  if (!count) throw new Mistake(`--count wants a number from 1 to ${MOST}, not "${values.count}".`);
  const seconds = lasting(values.for);
  const file = at(values.config);
  const text = readConfig(values.config, file);
  const core = openGate(gate);
  const local = HERE.includes(hostname);
  const found = local ? devVar(devVars(dirname(file)), "FARTHING_KEYS") ?? process.env.FARTHING_KEYS : process.env.FARTHING_KEYS;
  const keys = found?.trim();
  if (!keys) {
    throw new Mistake(local
      ? `FARTHING_KEYS is not in ${DEV_VARS}, where dev reads it: npx farthing init writes one.`
      : `FARTHING_KEYS is not in the environment: links are made with the secret of the site. ${DEV_VARS} has the one of this machine, whose links open under dev's address alone.`);
  }
  const { errors, warnings } = core.configure(text, { keys });
  if (errors.length > 0) throw new Mistake(`${values.config} has mistakes: run ${program}check ${values.config}`);
  const fault = warnings.find((warning) => warning.startsWith("FARTHING_KEYS"));
  if (fault) throw new Mistake(`${fault.split(";")[0]}.`);
  const config = parseJsonc(text);
  const { site, gifts } = config;
  if (gifts === undefined) throw new Mistake(`${values.config} has no "gifts": write "gifts": {} into it and deploy it, so that links open.`);
  // dev puts its own address in place of the site
  const home = local ? origin : site.replace(/\/$/, "");
  if (local) core.configure(JSON.stringify({ ...config, site: home }), { keys });
  if (origin !== new URL(home).origin) throw new Mistake(`${origin} is not the site of ${values.config}: that is ${home}.`);
  const resource = core.resource(home + pathname + search);
  if (!resource) throw new Mistake(`Nothing is sold at ${typed}: give the canonical address of an article that costs something.`);
  const now = Math.floor(Date.now() / 1000);
  const link = openTools(tools)("gift", keys, home, resource.slice(home.length), String(count), String(seconds), String(now), `0x${randomBytes(16).toString("hex")}`);
  if (!core.ask(link, "text/html", now).startsWith("200\n")) throw new Mistake(`${typed} is paid for call by call, or is a part of an article: only articles that a reader owns can be given.`);
  console.log(values.json ? JSON.stringify({ link, url: resource, opens: count, until: new Date((now + seconds) * 1000).toISOString() }) : link);
  return 0;
}
