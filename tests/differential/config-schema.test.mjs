// www/farthing.schema.json against the core that reads the file: what the schema refuses, the core refuses, and what publishers are
// shown is right by both.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv } from "ajv";
import { root } from "../../tools/lib/cli.mjs";
import { openGate } from "../../js/cli/lib/gate.mjs";
import { parseJsonc } from "../../js/cli/lib/jsonc.mjs";

const read = (...path) => readFileSync(join(root, ...path), "utf8");
const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false });
ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
const valid = ajv.compile(JSON.parse(read("www", "farthing.schema.json")));
const gate = openGate(join(root, "worker", "build", "edge.wasm"));

const PAYEE = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const OTHER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

/** Every key there is, in configs without a mistake. */
const GOOD = [
  {
    $schema: "https://farthing.example/farthing.schema.json", site: "https://news.example/", origin: { url: "http://127.0.0.1:8080", cache: { for: "5m" } }, payTo: { eip155: PAYEE }, money: "real",
    networks: [
      "eip155:8453", { network: "eip155:42220", asset: "USDT", payTo: OTHER }, { network: "eip155:8453", transfer: "permit2" },
      { network: "eip155:36900", separator: "0x4369b2ef8a73be962c9aaf8dcddc38d022dca40af0729d7e4c80a3b44f6698fa" },
      { network: "eip155:84532", asset: OTHER, own: true, name: "X", version: "1", decimals: 18, symbol: "X.Y-Z_1", transfer: "eip3009" },
      { network: "eip155:84532", asset: PAYEE, own: true, decimals: 0, symbol: "N", transfer: "permit2" },
    ],
    settlement: {
      facilitators: [
        { url: "https://f.example/x402", address: OTHER, contractWallets: true }, { url: "https://g.example" },
        { url: "https://h.example", headers: { Authorization: "H_TOKEN", "x-site.id": "S2" } }, { url: "https://i.example", coinbase: "CDP_KEY", headers: { "x-a": "A" } },
      ],
      rpc: { "eip155:8453": ["https://rpc.example/v1", "http://localhost:8545"], "eip155:42220": ["https://rpc.example/v2"] }, timeoutSeconds: 60, settlementsPerDay: 10_000_000,
      confirmations: { "eip155:8453": [{ from: "$0", blocks: 0 }, { from: "$0.000000000000000001", blocks: 3 }, { from: " $10 ", blocks: 10_000 }], "eip155:42220": 1, "eip155:84532": 0 },
    },
    payments: "paused",
    logs: "all",
    erase: "keep-books",
    language: "de",
    routes: [
      { match: "/free/*", price: "free" },
      {
        match: "/a/*", price: "$0.05", prices: { "eip155:42220": "$0.04", "eip155:8453/USDC": { atomic: "7" }, [`eip155:84532/${PAYEE}`]: "1 N" }, access: "12h",
        description: "One", cache: false, scheme: "exact", flow: "upfront", payTo: { eip155: OTHER },
        recent: [{ price: "0.03 USDC", until: "2026-11-22T00:00:00Z" }, { price: "$1", prices: { "eip155:84532": "$2" }, until: "2026-11-22T00:00:00.5+01:00" }],
      },
      { match: "/m", price: "1 USDC", scheme: "upto", access: "once", flow: "authorization" },
      { match: "/l/*", price: "$1", listing: { template: "/l/:page", output: { type: "text", example: { words: [1.5, null] } } } },
      { match: "/n", price: "$1", listing: true, crawlers: { "agent.example": "refuse", unverified: "refuse", programs: "$2" } },
      { match: "/o/*", price: "$1", teaser: { selector: "article > .premium:not([data-free=\"1\"])" } }, { match: "/p", price: "$1", teaser: { marker: "farthing", status: 402 } },
      { match: "/q", price: "$1", teaser: { paragraphs: 3, within: "article" } }, { match: "/r", price: "$1", teaser: { status: 200 } },
    ],
    extensions: {
      paymentIdentifier: "required", signIn: { statement: "Read on - it's [y]our's, ~90 of 100: a/b?c#d@e!f$g&h(i)*j+k;l=m_n." }, receipts: true,
      httpMessageSignatures: { registrationUrl: "https://agents.example/register/", signatureSchemes: ["ed25519", "rsa-pss-sha512"], tags: ["web-bot-auth", "a.b_C-9"] },
    },
    crawlers: { "agent.example": "$1", "xn--a.b-c.example": "free", "*": "$3", unverified: "$5", "127.0.0.1:8080": "refuse" },
    demo: { script: "/demo-wallet.js" }, meter: { articles: 3, per: "30d", perAddress: 3 }, gifts: { perReader: 0, for: "12h" },
    revocation: { before: { k1: 1790000000, "2026-11_a": 1, abcdefghijklmnop: 4294967295 }, list: true },
    desk: { access: { team: "https://news.cloudflareaccess.com", audience: "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2" }, passwordHash: "ab".repeat(32), retention: 90 },
    alerts: { webhooks: [{ url: "https://mail.example/hook", secret: "ALERTS" }, { url: "http://127.0.0.1:9/", secret: "A_2" }], unknownMinutes: 1440 },
    screening: { deny: [PAYEE, OTHER.toLowerCase()], url: "https://screen.example/check/", headers: { Authorization: "SCREENING" }, whenUnreachable: "refuse", cacheSeconds: 86400, timeoutSeconds: 10 },
  },
  {
    site: "https://b.example", origin: "dns", payTo: { eip155: PAYEE }, money: "real", networks: ["eip155:8453"], settlement: { facilitators: [{ url: "https://f.example" }] },
    routes: [{ match: "/x", price: "$1", listing: { output: { type: "json" } }, crawlers: { "agent.example": { atomic: "7" }, "*": "0.01 USDC" } }, { match: "/y/*", price: "$1", listing: {}, offers: ["day"] }, {
      match: "/z/*", price: "$1", listing: false, except: ["/z/free"], methods: ["GET", "PATCH"], parts: ["/media/{1}/*"], query: ["page", "a%5B%5D"],
      passQuery: ["_rsc"], freeFrom: "2026-11-22T00:00:00Z", cache: { for: "24h" },
    }],
    cors: ["https://blog.example", "http://127.0.0.1:8080"],
    offers: {
      "ten-30": { title: "Ten", count: 10, for: "30d", price: "$5", prices: { "eip155:8453": "$6" } }, day: { covers: "site", for: "24h", price: "$7", payTo: { eip155: OTHER } },
      x: { covers: ["/x", "/z/*"], for: "90s", price: { atomic: "3" } },
    },
    extensions: { paymentIdentifier: "off", signIn: false, receipts: false },
  },
  { site: "http://localhost:4020", origin: "dns", payTo: { eip155: PAYEE.toLowerCase() }, money: "real", networks: ["eip155:1"], payments: "on", screening: { deny: [] }, routes: [], settlement: { facilitators: [{ direct: "GAS_KEY" }], rpc: { "eip155:1": ["https://rpc.example"] } } },
  { site: "https://a.example", origin: { service: "SITE", headers: { "x-a": "A" } }, cors: "*", meter: { articles: 100 }, gifts: {}, revocation: { before: {}, list: false }, screening: { url: "http://127.0.0.1:9", whenUnreachable: "allow", cacheSeconds: 1, timeoutSeconds: 1 },
    subscribers: { jwt: { jwks: "https://login.example/jwks.json", issuer: "https://login.example", audience: "news", cookie: "session", header: "Authorization", algorithms: ["RS256", "RS512", "ES256", "EdDSA"], claims: { "https://news.example/plan": ["digital", "staff"] } } },
    payTo: { eip155: PAYEE }, money: "real", networks: ["eip155:4326"], settlement: { facilitators: [{ url: "https://f.example" }] }, routes: [{ match: "/x", price: { atomic: "1" }, subscribers: false, crawlers: { programs: "refuse" }, meter: false }] },
  { site: "https://a.example", origin: { assets: "ASSETS" }, payTo: { eip155: PAYEE }, money: "test", networks: ["eip155:51"], settlement: { facilitators: [{ url: "https://f.example" }] }, routes: [{ match: "/x", price: " $10.50 ", access: "90s" }] },
  { site: "https://a.example", origin: "handler", payTo: { eip155: PAYEE }, networks: ["eip155:84532"], settlement: { facilitators: [{ url: "https://f.example" }] },
    subscribers: { jwt: { secret: "LOGIN", issuer: "x", header: "x-token", algorithms: ["HS256"] }, originHeader: "Farthing-Access", whenCookie: ["wordpress_logged_in_*", "ghost-members-ssr"] },
    routes: [
      { match: "/a/*", price: "$0.05", subscribers: true, ask: { price: { min: "$0.01", max: "$1" }, payTo: { "jane-doe": { eip155: OTHER } }, freeFrom: true, meta: true, remember: "10m" } },
      { match: "/b/*", price: "0.05 USDC", ask: { freeFrom: true, meta: false } },
    ],
  },
];

const core = (value) => gate.configure(typeof value === "string" ? value : JSON.stringify(value)).errors;
const schema = (value) => (valid(value) ? [] : valid.errors.map(({ instancePath, message }) => `${instancePath} ${message}`));

/** Every value in a config and where it is. */
function* places(value, path = []) {
  yield path;
  if (value && typeof value === "object") for (const key of Object.keys(value)) yield* places(value[key], [...path, key]);
}

/** A copy with the value at `path` replaced, or taken out. */
function changed(config, path, value) {
  const copy = structuredClone(config);
  const holder = path.slice(0, -1).reduce((at, key) => at[key], copy);
  const last = path.at(-1);
  if (value !== undefined) holder[last] = value;
  else if (Array.isArray(holder)) holder.splice(Number(last), 1);
  else delete holder[last];
  return copy;
}

test("what is right for the core is right for the schema", () => {
  for (const config of GOOD) {
    assert.deepEqual(core(config), []);
    assert.deepEqual(schema(config), []);
  }
});

test("what publishers are shown is right by both, once their address is in it", () => {
  const withAddress = (text) => text.replace(/"0x…[^"]*"/g, `"${PAYEE}"`);
  const blocks = (text) => [...text.matchAll(/```jsonc\n([\s\S]*?)```/g)].map(([, block]) => block).filter((block) => block.includes("\"site\""));
  const shown = [read("worker", "farthing.jsonc"), ...blocks(read("README.md")), ...blocks(read("www", "docs", "configuration.md"))].map(withAddress);
  assert.ok(shown.length >= 3, "the sample, README.md and configuration.md");
  for (const text of shown) {
    assert.deepEqual(core(text), [], text);
    assert.deepEqual(schema(parseJsonc(text)), [], text);
  }
});

test("what the schema refuses, the core refuses, wherever one value is another one", () => {
  const odd = [
    undefined, true, 0, 1, 19, 61, -1, 1.5, "", "x", "free", "once", "30d", "dns", "/", "upto", "upfront", "permit2", "$1", "$01", "1 USDC", "1", "eip155:1", "eip155:01",
    "https://x.example", "http://x.example", "https://x.example/a?b", "https://u@x.example", PAYEE, `0x${"0".repeat(64)}`, "2026-11-22T00:00:00Z", "X", [], {}, ["x"], { atomic: "01" },
    { x: 1 }, { url: "https://x.example", service: "X" }, false, "off", "100 %", "a".repeat(161), "/:a", "/%", "/a?b", "/a:b", `/${"a".repeat(200)}`, ["a b"], ["a".repeat(41)],
    Array(9).fill("x"), { type: "text" }, { type: 7 }, { template: "/" }, { statement: "" },
    "SECRET", "secret", "test", "real", "handler", "FARTHING_KEYS", "on", "paused", { direct: "KEY" }, { from: "$0", blocks: 0 }, { from: "$1", blocks: 1 }, [{ from: "$0", blocks: 10_001 }], { "x y": "A" }, { x: "A" }, 10_001, 10_000_001,
    "$0.0000000000000000001", Array(9).fill({ url: "https://x.example" }), Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`x-${n}`, "A"])),
  ];
  const alone = [];
  let refused = 0;
  let total = 0;
  for (const config of GOOD) {
    for (const path of places(config)) {
      if (path.length === 0) continue;
      const holder = path.slice(0, -1).reduce((at, key) => at[key], config);
      const unknown = Array.isArray(holder) ? [] : [changed(config, [...path.slice(0, -1), "unknown"], 1)];
      for (const other of [...odd.map((value) => changed(config, path, value)), ...unknown]) {
        total += 1;
        const wrong = schema(other);
        if (wrong.length === 0) continue;
        refused += 1;
        if (core(other).length === 0) alone.push(`${path.join(".")}: ${wrong.join(", ")}`);
      }
    }
  }
  assert.deepEqual([...new Set(alone)], [], "only the schema minds");
  assert.ok(total > 3000 && refused > total / 2, `${refused} of ${total}`);
});
