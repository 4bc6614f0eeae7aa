// What the desk keeps in the books beside the payments: sums by day and by quarter of a year, which triggers keep up in the same step as a payment's entry,
// and indexes. Made when the desk is first opened; whoever never opens it has none of it.

import { say } from "../log.js";
import { ARTICLE, COUNT, REFUND } from "./tables.js";

const DAY = "settled_at / 86400";
// Quarters of a year are counted on: 4 * year, and 0 to 3.
const QUARTER = "CAST(strftime('%Y', settled_at, 'unixepoch') AS INTEGER) * 4 + (CAST(strftime('%m', settled_at, 'unixepoch') AS INTEGER) - 1) / 3";
// The first part of the path, if another follows it: "/politics" of https://news.example/politics/x; the host ends at the first / after "https://".
const PATH = "substr(resource, 9 + instr(substr(resource, 9), '/'))";
const SECTION = `CASE WHEN instr(${PATH}, '/') > 0 THEN '/' || substr(${PATH}, 1, instr(${PATH}, '/') - 1) ELSE '/' END`;
// A text of atomic units as three integers of which millions can be added up: twelve digits, twelve, and the rest.
export const partsOf = (column) => ({
  high: `CAST(substr(${column}, 1, max(length(${column}) - 24, 0)) AS INTEGER)`,
  middle: `CAST(substr(substr(${column}, 1, max(length(${column}) - 12, 0)), -12) AS INTEGER)`,
  low: `CAST(substr(${column}, -12) AS INTEGER)`,
});
const PARTS = partsOf("charged");
const COUNTS = ["payments", ...Object.keys(PARTS)];
// What could not be added up, or is of no day of a calendar, is left out: a trigger that fails would keep the payment itself out of the books.
const SETTLED = "state = 'settled' AND charged IS NOT NULL AND length(charged) < 40 AND settled_at BETWEEN 0 AND 253402300799";

// By table: its key's columns, and what of a payment they are.
const SUMS = {
  desk_day: { day: DAY, network: "network", asset: "asset", offer: "coalesce(offer, '')" },
  desk_section_day: { day: DAY, section: SECTION, network: "network", asset: "asset" },
  desk_article_day: { day: DAY, resource: "resource", network: "network", asset: "asset" },
  desk_article_quarter: { quarter: QUARTER, resource: "resource", network: "network", asset: "asset" },
};
// Of later steps: what stands above is in steps that were released.
const LATER = { desk_audience_day: { day: DAY, audience: "coalesce(audience, '')", network: "network", asset: "asset" } };
const EVERY = { ...SUMS, ...LATER };
const KINDS = { day: "INTEGER", quarter: "INTEGER" };

const of = (row, text) => text.replace(/\b(settled_at|charged|network|asset|offer|resource|state|audience)\b/g, `${row}.$1`);
const keyOf = (table) => Object.keys(EVERY[table]);

function tableOf(table) {
  const columns = keyOf(table).map((name) => `${name} ${KINDS[name] ?? "TEXT"} NOT NULL`);
  return `CREATE TABLE IF NOT EXISTS ${table} (${columns.join(", ")}, payments INTEGER NOT NULL, high INTEGER NOT NULL, middle INTEGER NOT NULL, low INTEGER NOT NULL, \
PRIMARY KEY (${keyOf(table).join(", ")})) WITHOUT ROWID`;
}

// Adds a payment to a sum, or takes it off.
function counted(table, row, sign) {
  const values = Object.values(EVERY[table]).map((text) => of(row, text));
  return `INSERT INTO ${table} SELECT ${[...values, `${sign}1`, ...Object.values(PARTS).map((part) => `${sign}${of(row, part)}`)].join(", ")} WHERE ${of(row, SETTLED)} \
ON CONFLICT DO UPDATE SET ${COUNTS.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")};`;
}

const trigger = (name, when, body) => `CREATE TRIGGER IF NOT EXISTS ${name} AFTER ${when} ON payment BEGIN ${body.join(" ")} END`;
const all = (row, sign, sums = SUMS) => Object.keys(sums).map((table) => counted(table, row, sign));

// Everything there is so far, as it stands in this very statement, and nothing for what was counted and is not there: whatever the triggers did
// meanwhile is in it.
function filled(table) {
  const keys = keyOf(table);
  const counted = `SELECT ${Object.values(EVERY[table]).join(", ")}, 1, ${Object.values(PARTS).join(", ")} FROM payment WHERE ${SETTLED}`;
  const known = `SELECT ${keys.join(", ")}, 0, 0, 0, 0 FROM ${table}`;
  const all = [...keys, ...COUNTS];
  return `INSERT INTO ${table} WITH every (${all.join(", ")}) AS (${counted} UNION ALL ${known}) SELECT ${keys.join(", ")}, ${COUNTS.map((name) => `sum(${name})`).join(", ")} \
FROM every WHERE true GROUP BY ${keys.join(", ")} ON CONFLICT DO UPDATE SET ${COUNTS.map((name) => `${name} = excluded.${name}`).join(", ")}`;
}

// Each is one statement that may be repeated; one that was released is never changed, others follow it.
export const STEPS = [
  // as the ledgers make it with the first payment (www/docs/books.md)
  "CREATE TABLE IF NOT EXISTS payment (key TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL, receipt TEXT NOT NULL, resource TEXT NOT NULL, \
network TEXT NOT NULL, asset TEXT NOT NULL, payer TEXT NOT NULL, pay_to TEXT NOT NULL, amount TEXT NOT NULL, charged TEXT, transaction_hash TEXT, reason TEXT, \
first_seen INTEGER NOT NULL, settled_at INTEGER, offer TEXT)",
  ...Object.keys(SUMS).map(tableOf),
  trigger("desk_insert", "INSERT", all("new", "")),
  trigger("desk_update", "UPDATE", [...all("old", "-"), ...all("new", "")]),
  trigger("desk_delete", "DELETE", all("old", "-")),
  ...Object.keys(SUMS).map(filled),
  "CREATE INDEX IF NOT EXISTS desk_seen ON payment (first_seen DESC)",
  "CREATE INDEX IF NOT EXISTS desk_state ON payment (state, first_seen DESC)",
  "CREATE INDEX IF NOT EXISTS desk_payer ON payment (payer COLLATE NOCASE, first_seen DESC)",
  "CREATE INDEX IF NOT EXISTS desk_receipt ON payment (receipt)",
  "CREATE INDEX IF NOT EXISTS desk_transaction ON payment (transaction_hash)",
  "CREATE INDEX IF NOT EXISTS desk_resource ON payment (resource, first_seen DESC)",
  ...REFUND,
  COUNT,
  ...ARTICLE,
  "ALTER TABLE payment ADD COLUMN audience TEXT",
  ...Object.keys(LATER).map(tableOf),
  trigger("desk_audience_insert", "INSERT", all("new", "", LATER)),
  trigger("desk_audience_update", "UPDATE", [...all("old", "-", LATER), ...all("new", "", LATER)]),
  trigger("desk_audience_delete", "DELETE", all("old", "-", LATER)),
  ...Object.keys(LATER).map(filled),
];

const COLUMN = "ALTER TABLE payment ADD COLUMN offer TEXT";
const VERSION = "CREATE TABLE IF NOT EXISTS desk_version (one INTEGER PRIMARY KEY CHECK (one = 1), steps INTEGER NOT NULL)";
const made = new WeakMap(); // by database: what makes it, or has made it

/** The rows of one statement, each an array. */
export async function rows(env, sql, ...values) {
  const statement = env.BOOKS.prepare(sql);
  return await (values.length > 0 ? statement.bind(...values) : statement).raw();
}

/** Makes what is missing, once for each isolate, however many ask; whoever leaves does not end it. */
export function ready(env, ctx) {
  let making = made.get(env.BOOKS);
  if (!making) {
    making = make(env).catch((error) => {
      made.delete(env.BOOKS);
      throw error;
    });
    made.set(env.BOOKS, making);
    ctx?.waitUntil(making.catch(() => {}));
  }
  return making;
}

async function make(env) {
  await rows(env, VERSION);
  let [[done] = [0]] = await rows(env, "SELECT steps FROM desk_version");
  for (; done < STEPS.length; done += 1) {
    // a column may have come with an entry of the books
    await rows(env, STEPS[done]).catch(STEPS[done].startsWith("ALTER") ? lacks : thrown);
    // of books from before they had it
    if (done === 0) await rows(env, COLUMN).catch(lacks);
    // never back: another isolate may be at it too
    await rows(env, "INSERT INTO desk_version VALUES (1, ?1) ON CONFLICT DO UPDATE SET steps = max(steps, excluded.steps)", done + 1);
  }
  if (done > STEPS.length) say("books", { what: "newer" });
}

function thrown(error) {
  throw error;
}

/** Whether a column is there already is known by adding it. */
function lacks(error) {
  if (!/duplicate column/.test(error?.message)) throw error;
}
