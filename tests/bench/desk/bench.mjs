// How long the desk's pages take over large books, and whether the books are written slower for it: real workerd, real D1. Prints and judges nothing.
import { createHash } from "node:crypto";
import { loadavg } from "node:os";
import { startChain } from "../../support/chain.mjs";
import { startEdge } from "../../support/edge.mjs";
import { machine } from "../figures.mjs";
import { fill } from "./books.mjs";

const PASSWORD = "bench";
/** By what is shown; a function is of the site. */
export const PAGES = {
  "revenue, 7 days": "?over=7d", "revenue, 30 days": "", "revenue, 2 quarters": "?over=2q", "revenue, 4 quarters": "?over=4q",
  "articles, 30 days": "/articles", "articles, 4 quarters, page 10": "/articles?over=4q&page=10",
  "payments": "/payments", "payments, unknown": "/payments?state=unknown", "payments of an account": "/payments?q=0x0000000000000000000000000000000000000abc",
  "payments of an article": (site) => `/payments?resource=${encodeURIComponent(`${site}/sport/a-story-with-a-usual-title-7`)}`,
  "a payment": "/payment?key=n711", "trouble": "/trouble", "readers, 4 quarters": "/readers?over=4q", "refunds": "/refunds", "health": "/health", "reconciliation": "/reconciliation",
};
// What is counted in 400 days: six steps of readers and programs, on twenty routes.
const COUNTS = `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 95999)
  INSERT INTO desk_count SELECT ?1 - i / 240, json_extract('["shown","wallet","signed","settled","opened","returned"]', '$[' || (i % 6) || ']'), iif(i / 6 % 2, 'program', 'reader'), '',
  '/section-' || (i / 12 % 20) || '/*', '', 100 FROM n`;
const ENTRY = `INSERT INTO payment (key, version, state, receipt, resource, network, asset, payer, pay_to, amount, charged, transaction_hash, first_seen, settled_at)
  VALUES (?1, 1, 'settled', ?1, ?2, 'eip155:8453', '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913', '0x1', '0x2', '50000', '50000', '0x3', ?3, ?3)`;

const started = (chain) => startEdge({
  keys: `k1:${"A".repeat(43)}`, books: true,
  config: (url) => ({
    site: url, origin: { url: "http://127.0.0.1:9" }, payTo: { eip155: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC" }, networks: ["eip155:84532"], settlement: { facilitators: [{ url: "http://127.0.0.1:9" }], rpc: { "eip155:84532": [chain.url] } },
    routes: [{ match: "/articles/*", price: "$0.05" }], desk: { passwordHash: createHash("sha256").update(PASSWORD).digest("hex") },
  }),
});

/** `rows` of the books; `rounds` of all pages; `entries` written one after the other. */
export async function bench({ rows, rounds, entries = 200, say }) {
  const found = { date: new Date().toISOString(), load: loadavg()[0], node: process.version, machine: machine(), rows, rounds, pages: {}, written: {} };
  const chain = await startChain();
  const edge = await started(chain);
  try {
    const { run } = edge.books;
    const ask = (path) => fetch(`${edge.url}/.farthing/desk${path}`, { headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}` } });
    const timed = async (work) => {
      const begin = performance.now();
      await work();
      return performance.now() - begin;
    };
    const write = async (name) => {
      const now = Math.floor(Date.now() / 1000);
      found.written[name] = [];
      for (let entry = 0; entry < entries; entry += 1) found.written[name].push(await timed(() => run(ENTRY, `${name} ${entry}`, `${edge.url}/sport/a-story-with-a-usual-title-${entry % 50}`, now)));
    };
    // the table as the ledgers make it, before anybody opens the desk
    const { STEPS } = await import("../../../worker/shim/desk/schema.js");
    await run(STEPS[0]);
    await fill({ run, site: edge.url, rows, say });
    await write("without the desk's tables");
    say("the desk is opened for the first time");
    found.first = await timed(async () => (await ask("")).text());
    await write("with them");
    await run(COUNTS, Math.floor(Date.now() / 86_400_000));
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, path] of Object.entries(PAGES)) {
        found.pages[name] ??= [];
        found.pages[name].push(await timed(async () => {
          const response = await ask(typeof path === "function" ? path(edge.url) : path);
          if (!response.ok) throw new Error(`${name}: ${response.status}`);
          await response.text();
        }));
      }
    }
    return { ...found, loadAfter: loadavg()[0] };
  } finally {
    await edge.stop();
    await chain.stop();
  }
}
