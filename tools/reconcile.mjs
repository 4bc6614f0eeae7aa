// `npm run reconcile`: rebuilds revenue by article from the chains' logs with the ledger key, and compares it with the books.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openArticles, openMarks } from "./lib/articles.mjs";
import { readBooks } from "./lib/books.mjs";
import { build, Mistake, root, typed } from "./lib/cli.mjs";
import { entriesOf, entryOf } from "../js/cli/lib/entries.mjs";
import { listRoutes } from "../js/cli/lib/check-routes.mjs";
import { openGate } from "../js/cli/lib/gate.mjs";
import { parseJsonc } from "../js/cli/lib/jsonc.mjs";
import { compare } from "../worker/shim/reconcile/compare.js";
import { print } from "./lib/reconcile-print.mjs";
import { openTransfers, rangeOf } from "../worker/shim/reconcile/transfers.js";
import { identify } from "../js/cli/lib/check-chains.mjs";
import { openRpc, shown, why } from "../js/cli/lib/rpc.mjs";

const usage = `npm run reconcile -- --config FILE [--rpc [URL …]] [--from TIME] [--to TIME] [--books FILE] [--urls FILE] [--json]

  --config FILE  the configuration (JSON with comments)
  --rpc          ask the endpoints in settlement.rpc, which is what happens anyway
  --rpc URL …    ask these endpoints instead, each for the network it says it is
  --from TIME    since when: 2026-11-01, 2026-11-01T12:00:00Z or a block's number; without it since the first entry of the books
  --to TIME      until when, that time not included, that block included; without it until now
  --books FILE   the books: what \`wrangler d1 execute … --json --command "SELECT * FROM payment"\` printed, or an SQLite file; - reads
                 standard input. Without them the chains' side alone is told
  --urls FILE    addresses that were sold, one a line, or a sitemap: for articles that are not in the books
  --json         print one JSON object instead of the report

The secret FARTHING_KEYS is read from the environment, older keys included.

Exit code 0: nothing differs. 1: something does. 2: it could not be found out.`;

function read(args) {
  const values = { rpc: [], json: false };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    const value = () => args[++index] ?? "";
    if (arg === "--help" || arg === "-h") return { help: true };
    else if (arg === "--json") values.json = true;
    else if (["--config", "--from", "--to", "--books", "--urls"].includes(arg)) values[arg.slice(2)] = value();
    else if (arg === "--rpc") while (index + 1 < args.length && !args[index + 1].startsWith("--")) values.rpc.push(value());
    else throw new Mistake(`${arg} is not an option.\n\n${usage}`);
  }
  if (!values.config) throw new Mistake(`--config FILE is missing.\n\n${usage}`);
  for (const url of values.rpc) {
    if (!/^https?:\/\/\S+$/.test(url)) throw new Mistake(`--rpc wants addresses like https://rpc.example, not "${url}".`);
  }
  for (const name of ["from", "to"]) if (values[name] !== undefined) values[name] = timeOf(name, values[name]);
  return values;
}

/** {block} or {time}, Unix seconds. */
function timeOf(name, text) {
  if (/^\d+$/.test(text)) return { block: Number(text) };
  const plain = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$/.test(text);
  const time = plain ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new Mistake(`--${name} wants 2026-11-01, 2026-11-01T12:00:00Z or a block's number, not "${text}".`);
  return { time: Math.floor(time / 1000) };
}

function readText(file) {
  try {
    return readFileSync(typed(file), "utf8");
  } catch (error) {
    throw new Mistake(`${typed(file)} cannot be read: ${error.code === "ENOENT" ? "there is no such file" : error.message}.`);
  }
}

/** The addresses in a list or a sitemap, as the site spells them. */
function urlsIn(text, site) {
  const found = text.includes("<urlset") ? [...text.matchAll(/<loc>\s*(?:<!\[CDATA\[)?([^<\]]+)/g)].map(([, url]) => url.replaceAll("&amp;", "&")) : text.split("\n");
  return found.map((url) => url.trim()).filter(Boolean).map((url) => (url.startsWith("/") ? site + url : url));
}

/** The tokens that are taken, each with who is paid (routes may say, and the origin by their names), how amounts read, and the smallest price asked in it. */
function tokensOf(config, gate) {
  const entries = entriesOf(config);
  const tokens = [];
  const asked = listRoutes(gate, config, entries).flatMap(({ offers }, index) => {
    const { price, payTo = {} } = config.routes[index].ask ?? {};
    const payees = Object.values(payTo).map(({ eip155 }) => eip155);
    return offers.flatMap((offer) => [offer.payTo, ...payees].map((payTo) => ({ ...offer, payTo, least: price?.min })));
  });
  for (const { scheme, network, asset, payTo, amount, least } of asked) {
    const { symbol, decimals } = entryOf(entries, { network, asset });
    const prices = [BigInt(amount), ...(least ? [unitsOf(least, decimals)] : [])];
    const price = scheme === "upto" ? 1n : prices.reduce((one, other) => (other < one ? other : one));
    const token = { network, asset: asset.toLowerCase(), payTo: payTo.toLowerCase(), symbol: symbol ?? asset, decimals, least: price };
    const known = tokens.find((one) => one.network === network && one.asset === token.asset && one.payTo === token.payTo);
    if (!known) tokens.push(token);
    else if (price < known.least) known.least = price;
  }
  return tokens;
}

/** "$0.07" in atomic units. */
function unitsOf(price, decimals) {
  const [whole, fraction = ""] = price.trim().slice(1).split(".");
  return BigInt(whole + fraction.padEnd(decimals, "0"));
}

/** An endpoint for each network. */
async function endpoints(config, networks, given) {
  const found = new Map();
  const urls = given.length > 0 ? given : networks.flatMap((network) => config.settlement?.rpc?.[network] ?? []);
  const troubles = [];
  for (const url of urls) {
    const { network, trouble } = await identify(url);
    if (trouble) troubles.push(`${shown(url)} ${trouble}`);
    else if (!found.has(network)) found.set(network, openRpc(url));
  }
  const missing = networks.filter((network) => !found.has(network));
  if (missing.length > 0) {
    const list = troubles.length > 0 ? `\n  ${troubles.join("\n  ")}` : "";
    throw new Mistake(`There is no endpoint to ask for ${missing.join(" and ")}: name one with --rpc or in settlement.rpc.${list}`);
  }
  return found;
}

async function main() {
  const values = read(process.argv.slice(2));
  if (values.help) return console.log(usage);
  const keys = process.env.FARTHING_KEYS;
  if (!keys) throw new Mistake("FARTHING_KEYS is missing: only the ledger key tells which article a payment was for.");
  const text = readText(values.config);
  const books = values.books === undefined ? undefined : await readBooks(values.books === "-" ? "-" : typed(values.books));
  const listed = values.urls === undefined ? "" : readText(values.urls);
  await build([]);
  const gate = openGate(join(root, "worker", "build", "edge.wasm"));
  const { errors } = gate.configure(text);
  if (errors.length > 0) throw new Mistake(`${values.config}:\n${errors.map((error) => `  ${error}`).join("\n")}`);
  const config = parseJsonc(text);
  const tokens = tokensOf(config, gate);
  const networks = [...new Set(tokens.map(({ network }) => network))];
  const rpcs = await endpoints(config, networks, values.rpc);

  const chains = [];
  for (const network of networks) {
    const rpc = rpcs.get(network);
    const first = books?.filter((row) => row.network === network).reduce((least, { first_seen: seen }) => Math.min(least, seen), Infinity);
    // a transfer is in a block from before somebody was told of it; an hour is more than clocks differ
    const from = values.from ?? (first < Infinity ? { time: first - 3600 } : undefined);
    if (!from && !books) throw new Mistake("--from is missing: without books nothing says where to begin.");
    const range = await rangeOf(rpc, from, values.to);
    const mine = tokens.filter((token) => token.network === network);
    const transfers = from ? await openTransfers(rpc, { network, tokens: mine }).between(range.from, range.to) : [];
    chains.push({ network, rpc, range, tokens: mine, transfers });
  }
  const urls = [...urlsIn(listed, config.site), ...config.routes.flatMap(({ match }) => (match?.includes("*") ? [] : [config.site + match]))];
  const find = openArticles(join(root, "js", "dist", "tools.wasm"), keys);
  const marksOf = openMarks(join(root, "js", "dist", "tools.wasm"), keys);
  const report = await compare({ chains, books, urls, offers: Object.keys(config.offers ?? {}), find, marksOf });
  console.log(values.json ? JSON.stringify(report, (_, value) => (typeof value === "bigint" ? String(value) : value), 2) : print(report, tokens));
  process.exitCode = report.ok ? 0 : 1;
}

main().catch((error) => {
  const known = error instanceof Mistake || !process.env.FARTHING_VERBOSE;
  console.error(known ? (error instanceof Mistake ? error.message : why(error)) : error);
  process.exitCode = 2;
});
