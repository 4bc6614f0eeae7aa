// `init`: asks five questions and writes what a Worker before a site needs. What exists stays as it is, and is named.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reserved } from "./check.mjs";
import { answer, answersIn } from "./init/answers.mjs";
import { IGNORED, NODE, WORKER, WRANGLER, aroundHandler, farthingJsonc, freshKeys, moneyLines, wranglerJsonc } from "./init/files.mjs";
import { openGate } from "./lib/gate.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { WORKER_FILE, installed, npmInstall, ownWorker, tooOld } from "./lib/wrangler.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions } from "./options.mjs";

export const summary = "writes the files of a Worker before your site";

export const usage = (program) => `${program}init [FOLDER] [OPTION …]

Asks five questions and writes farthing.jsonc, wrangler.jsonc, worker.mjs, and .dev.vars with fresh keys. An option answers its question:

  --site URL      the address readers see, like https://news.example
  --origin ORIGIN where the content comes from: dns (the server behind that address), or the address of another server
  --pay-to 0x…    who is paid
  --match PATTERN what costs money (/articles/*)
  --price PRICE   how much ($0.05)
  --money WORD    test: money of a test network, worth nothing; real: real money
  --name NAME     the Worker's name in your account (farthing)

  --yes           take what is usual wherever no option answers; only --pay-to has to be said
  --force         replace farthing.jsonc, wrangler.jsonc and worker.mjs where they exist
  --no-install    do not run npm install
  --json          print one JSON object instead of the report

Nothing that exists is replaced without --force; what was kept is named. Where farthing.jsonc exists, nothing is asked that it answers:
it is kept, or with --force written anew with its site, origin, payee and first route. Where wrangler.jsonc names a Worker of your own
("main"), neither farthing.jsonc nor worker.mjs is written: its code holds the config. Exit code 0: done. 1: not, and why.`;

const CONFIG = "farthing.jsonc";
const string = { type: "string" };
const flag = { type: "boolean", default: false };
const OPTIONS = { site: string, origin: string, "pay-to": string, match: string, price: string, money: string, name: string, yes: flag, force: flag, "no-install": flag, json: flag };

const local = (site) => ["localhost", "127.0.0.1", "[::1]"].includes(new URL(site).hostname);
const read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

/** Writes a file that is not there, or that may be replaced: {file, done}. */
function put(folder, file, text, force) {
  const path = join(folder, file);
  const old = read(path);
  if (old === text) return { file, done: "as it was" };
  if (old !== undefined && !force) return { file, done: "kept: it is yours" };
  writeFileSync(path, text);
  return { file, done: old === undefined ? "written" : "replaced" };
}

/** Keys for this machine, which only its user may read. They are never replaced: what they signed would be lost. */
function putKeys(folder) {
  const file = ".dev.vars";
  const path = join(folder, file);
  const old = read(path);
  if (/^\s*FARTHING_KEYS\s*=/m.test(old ?? "")) return { file, done: "kept: it has FARTHING_KEYS" };
  const before = old === undefined ? "# Secrets for this machine: the Worker's are set by npx wrangler secret put.\n" : old.replace(/\n?$/, "\n");
  writeFileSync(path, `${before}FARTHING_KEYS=${freshKeys()}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
  return { file, done: old === undefined ? "written, with fresh keys" : "FARTHING_KEYS added" };
}

function putIgnored(folder) {
  const file = ".gitignore";
  const path = join(folder, file);
  const old = read(path) ?? "";
  const have = new Set(old.split("\n").map((line) => line.trim().replace(/^\//, "").replace(/\/$/, "")));
  const missing = IGNORED.filter((line) => !have.has(line.replace(/\/$/, "")));
  if (missing.length === 0) return { file, done: "as it was" };
  writeFileSync(path, `${old && old.replace(/\n?$/, "\n")}${missing.join("\n")}\n`);
  return { file, done: old ? `${missing.join(", ")} added` : "written" };
}

/** The package of the folder, with farthing and wrangler among what it needs. */
function putPackage(folder, name, version) {
  const file = "package.json";
  const path = join(folder, file);
  const old = read(path);
  let value = { name, private: true, type: "module" };
  if (old !== undefined) {
    try {
      value = JSON.parse(old);
    } catch {
      throw new Mistake(`${path} is not JSON.`);
    }
  }
  const needs = (one) => value.dependencies?.[one] ?? value.devDependencies?.[one];
  const added = { ...(needs("farthing") ? {} : { farthing: `^${version}` }), ...(needs("wrangler") ? {} : { wrangler: WRANGLER }), ...(needs("node") || !tooOld() ? {} : { node: NODE }) };
  if (Object.keys(added).length === 0) return { file, done: "as it was" };
  value.devDependencies = { ...value.devDependencies, ...added };
  const indent = /^([ \t]+)"/m.exec(old ?? "")?.[1] ?? "  ";
  writeFileSync(path, `${JSON.stringify(value, null, indent)}\n`);
  return { file, done: old === undefined ? "written" : `${Object.keys(added).join(" and ")} added` };
}

/** What a wrangler.jsonc of the publisher's own lacks, as they would write it; `inCode`: no farthing.jsonc is imported. */
function lacking(folder, ours, inCode) {
  for (const file of ["wrangler.json", "wrangler.toml"]) {
    if (!existsSync(join(folder, file))) continue;
    if (inCode) return [`${file} needs, if it does not have it: ${JSON.stringify(Object.fromEntries(["durable_objects", "migrations", "assets", "triggers", "workers_dev"].map((key) => [key, ours[key]])))}`];
    return [`${file} is yours too, and wrangler reads that one first: bring what is in wrangler.jsonc there, and delete one of them`];
  }
  let theirs;
  try {
    theirs = parseJsonc(readFileSync(join(folder, "wrangler.jsonc"), "utf8"));
  } catch {
    return ["wrangler.jsonc is no JSON"];
  }
  const names = (config) => (config.durable_objects?.bindings ?? []).map(({ name }) => name);
  return [
    ...names(ours).filter((name) => !names(theirs).includes(name)).map((name) => `wrangler.jsonc binds no Durable Object ${name}: ${JSON.stringify(ours.durable_objects.bindings.find((one) => one.name === name))}, and its class among new_sqlite_classes of a migration`),
    ...(theirs.assets?.binding === "ASSETS" ? [] : ["wrangler.jsonc binds no ASSETS, where the reader's card is: see \"assets\" in www/docs/worker.md of farthing"]),
    ...(theirs.workers_dev === false ? [] : ["wrangler.jsonc does not say \"workers_dev\": false: a second address is a second way to every article"]),
    ...(theirs.triggers?.crons?.length ? [] : ["wrangler.jsonc has no cron trigger, which looks after payments whose alarm was lost: \"triggers\": { \"crons\": [\"*/5 * * * *\"] }"]),
    ...(inCode || theirs.rules?.some(({ type }) => type === "Text") ? [] : [`wrangler.jsonc has no rule by which farthing.jsonc is text: ${JSON.stringify(ours.rules)}`]),
  ];
}

/** A config's text as a value; nothing where it is none. */
function configIn(text) {
  try {
    return parseJsonc(text);
  } catch {
    return undefined;
  }
}

const OPTION = { site: "--site", origin: "--origin", payTo: "--pay-to", match: "--match", price: "--price", money: "--money" };

/** What options ask for that a kept file does not say: they change nothing in it. */
function unchanged(given, before) {
  const other = Object.keys(given).filter((key) => given[key] !== before[key]);
  if (other.length === 0) return [];
  const lines = other.includes("money") ? [`; for ${given.money} money these are its lines:`, ...moneyLines(given.money).map((line) => `  ${line}`)].join("\n") : "";
  return [`${CONFIG} is kept, and ${other.map((key) => OPTION[key]).join(", ")} changed nothing in it: edit it, or let --force write it anew${lines}`];
}

const steps = ({ money, local, own }) => [
  own ? `put paywall(config, handler) into ${own.main}, and what is named above into ${own.file}` : "npx farthing check        what it sells, and what is wrong",
  `npx farthing dev          runs it on this machine${own ? ", and says what is wrong" : ""}`,
  `npx wrangler secret put FARTHING_KEYS${money === "real" ? " and CDP_KEY" : ""}, then npx wrangler deploy${local ? ", with the address of your site in farthing.jsonc and wrangler.jsonc" : ""}`,
];

export async function run(args, { program, gate, at, version }) {
  const { values, positionals: [typed] } = readOptions(args, { options: OPTIONS, most: 1, usage: usage(program) });
  const folder = at(typed ?? ".");
  const given = Object.fromEntries(Object.entries({
    site: values.site?.replace(/\/$/, ""), origin: values.origin, payTo: values["pay-to"], match: values.match, price: values.price, money: values.money,
  }).filter(([, value]) => value !== undefined));
  const name = values.name ?? "farthing";
  if (given.money !== undefined && !["test", "real"].includes(given.money)) throw new Mistake(`--money: "${given.money}" is neither "test" nor "real".`);
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) throw new Mistake(`--name wants small letters, digits and -, not "${name}".`);
  // a Worker with code of its own: what it sells is there
  const own = values.force ? undefined : ownWorker(folder);
  const inCode = own !== undefined && !existsSync(join(folder, CONFIG));
  const old = own ? undefined : read(join(folder, CONFIG));
  const kept = old !== undefined && !values.force;
  const before = old === undefined ? {} : answersIn(configIn(old));
  // what is kept answers for itself; a question is left where something is written
  const answers = own || (kept && before.site) ? { ...given, ...before } : await answer({ ...before, ...given }, { gate: openGate(gate), yes: values.yes });
  mkdirSync(folder, { recursive: true });
  const site = answers.site ?? "https://news.example";
  const ours = wranglerJsonc({ name, site, local: local(site) });
  const files = [
    ...(own ? [{ file: own.file, done: `kept: it names a Worker of your own, ${own.main}` }] : [
      kept ? { file: CONFIG, done: "kept: it is yours" } : put(folder, CONFIG, farthingJsonc(answers), values.force),
      put(folder, "wrangler.jsonc", ours, values.force),
      put(folder, WORKER_FILE, WORKER, values.force),
    ]),
    putKeys(folder), putIgnored(folder), putPackage(folder, name, version()),
  ];
  const warned = reserved(answers.site);
  const notes = [
    ...(kept ? unchanged(given, before) : []),
    ...(inCode ? [`${own.main} holds what is sold, so ${CONFIG} and ${WORKER_FILE} were not written. Around its handler:\n${aroundHandler(given)}`] : []),
    ...lacking(folder, parseJsonc(ours), inCode),
    ...(warned ? [warned] : []),
  ];
  const say = (line) => values.json || console.log(line);
  for (const { file, done } of files) say(`${file.padEnd(16)}${done}`);
  for (const note of notes) say(`Note: ${note}`);
  const complete = () => installed(folder, "wrangler") && installed(folder, "farthing");
  if (!values["no-install"] && !complete()) {
    say("\nnpm install …");
    await npmInstall(folder);
  }
  const next = steps({ money: answers.money, local: local(site), own });
  say(`\nNext:\n${next.map((line) => `  ${line}`).join("\n")}`);
  if (values.json) console.log(JSON.stringify({ folder, answers, files, notes, installed: complete(), next }, null, 2));
  return 0;
}
