// The books as a command gets them: what wrangler printed, a list of rows, or an SQLite file.
import { readFileSync } from "node:fs";
import { Mistake } from "./cli.mjs";

export const COLUMNS = [
  "key", "version", "state", "receipt", "resource", "network", "asset", "payer", "pay_to", "amount", "charged", "transaction_hash", "reason",
  "first_seen", "settled_at",
];

/** The rows of the table `payment`. */
export async function readBooks(file) {
  const bytes = read(file);
  const rows = bytes.subarray(0, 15).toString("latin1") === "SQLite format 3" ? await fromSqlite(file) : fromJson(bytes.toString("utf8"), file);
  for (const row of rows) {
    const lacks = COLUMNS.find((name) => !(name in row));
    if (lacks) throw new Mistake(`${file}: an entry has no ${lacks}: the books are the whole table payment.`);
  }
  return rows;
}

function read(file) {
  try {
    return readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    throw new Mistake(`${file} cannot be read: ${error.code === "ENOENT" ? "there is no such file" : error.message}.`);
  }
}

async function fromSqlite(file) {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare("SELECT * FROM payment").all();
  } catch (error) {
    throw new Mistake(`${file}: ${error.message}.`);
  } finally {
    database.close();
  }
}

// wrangler prints a list of results, one for each statement
function fromJson(text, file) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Mistake(`${file} is neither JSON nor an SQLite file.`);
  }
  const rows = [value].flat().flatMap((item) => item?.results ?? [item]);
  if (!rows.every((row) => row && typeof row === "object")) throw new Mistake(`${file} is no list of entries.`);
  return rows;
}
