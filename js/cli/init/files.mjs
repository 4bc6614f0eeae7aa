// The files that `init` writes, as texts.
import { randomBytes } from "node:crypto";

/** What wrangler's own files of today are tried with. */
export const WRANGLER = "^4.156.0";
/** A Node for wrangler, from npm, where the one at hand is too old for it. */
export const NODE = "^24.21.0";
export const COMPATIBILITY_DATE = "2026-07-01";

const text = (value) => JSON.stringify(value);

/** Networks and settlers that go together, by the money that is taken. */
const MONEY = {
  test: {
    network: "eip155:84532", rpc: "https://sepolia.base.org",
    comment: "eip155:84532 is USDC on Base Sepolia, a test network: that money is worth nothing.",
    facilitator: `{ "url": "https://x402.org/facilitator" }`,
    settles: "x402.org settles on test networks without an account.",
  },
  real: {
    network: "eip155:8453", rpc: "https://mainnet.base.org",
    comment: "eip155:8453 is USDC on Base.",
    facilitator: `{ "url": "https://api.cdp.coinbase.com/platform/v2/x402", "coinbase": "CDP_KEY" }`,
    settles: "Coinbase settles for who has a key: npx wrangler secret put CDP_KEY, as <key id>:<key secret>.",
  },
};

/** The lines of a config by which it takes this money. */
export function moneyLines(money) {
  const { network, rpc, facilitator } = MONEY[money];
  return [
    `"money": ${text(money)},`, `"networks": [${text(network)}],`,
    `"settlement": { "facilitators": [${facilitator}], "rpc": { ${text(network)}: [${text(rpc)}] } },`,
  ];
}

/** The one line around a Worker's own handler, with what was answered. */
export const aroundHandler = ({ site, payTo, match = "/articles/*", price = "$0.05", money = "test" }) => `import { paywall } from "farthing/worker";
export { Ledger, Sender, Tally } from "farthing/worker";
export default paywall({
  site: ${text(site ?? "https://…")}, payTo: { eip155: ${text(payTo ?? "0x…")} }, money: ${text(money)}, networks: [${text(MONEY[money].network)}],
  settlement: { facilitators: [${MONEY[money].facilitator}] },
  routes: [{ match: ${text(match)}, price: ${text(price)} }],
}, handler);`;

export function farthingJsonc({ site, origin, payTo, match, price, money }) {
  const { network, rpc, comment, facilitator, settles } = MONEY[money];
  return `// What farthing sells, and where the money goes. npx farthing check says what is wrong with it, and what it sells.
{
  // Lets an editor complete and explain what stands here.
  "$schema": "./node_modules/farthing/dist/farthing.schema.json",

  // The address readers see. Every offer, pass and receipt names it.
  "site": ${text(site)},

  // Where the content comes from: "dns" (the server behind the Worker's own route), {"url": "https://…"} (another server),
  // {"service": "BINDING"}, {"assets": "BINDING"}. It must answer the Worker alone.
  "origin": ${origin === "dns" ? `"dns"` : `{ "url": ${text(origin)} }`},

  // Who is paid.
  "payTo": { "eip155": ${text(payTo)} },

  // "real" takes real money; without that word, or with "test", only test networks are taken.
  "money": ${text(money)},

  // ${comment}
  "networks": [${text(network)}],

  "settlement": {
    // ${settles}
    "facilitators": [${facilitator}],
    // Where a payment whose outcome is unknown is looked up.
    "rpc": { ${text(network)}: [${text(rpc)}] }
  },

  // The first rule that matches decides; what nothing matches is free.
  "routes": [
    { "match": ${text(match)}, "price": ${text(price)}, "access": "30d", "description": "One article, yours for 30 days" }
  ]
}
`;
}

/** The zone a host is most likely in: its last two labels. */
const zoneOf = (host) => host.split(".").slice(-2).join(".");

export function wranglerJsonc({ name, site, local }) {
  const host = new URL(site).host;
  const routes = local
    ? `// edit: the part of your site that goes through the Worker
  // "routes": [{ "pattern": "news.example/*", "zone_name": "news.example" }],`
    : `// What goes through the Worker; free pages pass through it unchanged. Is the zone's name right?
  "routes": [{ "pattern": ${text(`${host}/*`)}, "zone_name": ${text(zoneOf(host))} }],`;
  return `// How the Worker is deployed: npx wrangler deploy.
{
  "$schema": "./node_modules/wrangler/config-schema.json",
  "name": ${text(name)},
  "main": "worker.mjs",
  "compatibility_date": ${text(COMPATIBILITY_DATE)},

  ${routes}

  // A second address of the same Worker would be a second way to every article.
  "workers_dev": false,
  "preview_urls": false,

  // farthing.jsonc is read as text.
  "rules": [{ "type": "Text", "globs": ["**/*.jsonc"], "fallthrough": true }],

  // The ledger: one object for each payer, with its own SQLite. The sender: one for each gas key, where farthing.jsonc names one. The
  // tally: one for each gift link, and for each network address that reads for nothing, where farthing.jsonc has "gifts" or "meter".
  "durable_objects": {
    "bindings": [{ "name": "LEDGER", "class_name": "Ledger" }, { "name": "SENDER", "class_name": "Sender" }, { "name": "TALLY", "class_name": "Tally" }]
  },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Ledger", "Sender", "Tally"] }],

  // The books, a row for each payment (npx wrangler d1 create farthing-books); without them nothing is kept for them.
  // "d1_databases": [{ "binding": "BOOKS", "database_name": "farthing-books", "database_id": "…" }],

  // Figures: a point for each decision, with nothing of readers in it; without them none are gathered.
  // "analytics_engine_datasets": [{ "binding": "METRICS", "dataset": "farthing" }],

  // What looks after payments whose alarm was lost, every five minutes.
  "triggers": { "crons": ["*/5 * * * *"] },

  // The reader's card, served under /.farthing/ by the Worker.
  "assets": { "directory": "./node_modules/farthing/dist/worker/assets", "binding": "ASSETS", "run_worker_first": true },

  // Without Cloudflare's own invocation logs: they have the URL of each request, with gift links and receipts' ids.
  "observability": { "enabled": true, "logs": { "invocation_logs": false } }
}
`;
}

export const WORKER = `// The Worker. What it sells is in farthing.jsonc.
import config from "./farthing.jsonc";
import { paywall } from "farthing/worker";

export { Ledger, Sender, Tally } from "farthing/worker";
export default paywall(config);
`;

/** A fresh key under the name of its day, by which doctor tells its age. */
export function freshKeys(now = new Date()) {
  return `k${now.toISOString().slice(0, 10).replaceAll("-", "")}:${randomBytes(32).toString("base64url")}`;
}

// farthing.keys: the site's own, where www/docs/start.md puts them
export const IGNORED = ["node_modules/", ".wrangler/", ".dev.vars", "farthing.keys"];
