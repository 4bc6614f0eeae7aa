// The alarms of Durable Objects on disk, while nobody runs: taken away, as if the platform had lost them, or due at once.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const folderOf = (state) => join(state, "do", "farthing-Ledger");

/** `work(database)` with a file that is open for writing. */
export function inFile(path, work) {
  const database = new DatabaseSync(path, { readBigInts: true });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** `work(database, id)` with the storage of every object; the edge must not run. */
export function inLedgers(state, work) {
  const names = existsSync(folderOf(state)) ? readdirSync(folderOf(state)) : [];
  for (const name of names.filter((one) => /^[0-9a-f]{64}\.sqlite$/.test(one))) {
    inFile(join(folderOf(state), name), (database) => work(database, name.slice(0, 64)));
  }
}

// workerd keeps the time in nanoseconds in two places: with the object, and in a list of all.
function setAll(state, time) {
  const list = join(folderOf(state), "metadata.sqlite");
  inFile(list, (database) => {
    if (time === null) database.prepare("DELETE FROM _cf_ALARM").run();
    else database.prepare("UPDATE _cf_ALARM SET scheduled_time = ?").run(time);
  });
  inLedgers(state, (database) => {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE name = '_cf_METADATA'").all();
    if (tables.length === 0) return;
    database.prepare("UPDATE _cf_METADATA SET value = ? WHERE key = 1 AND value IS NOT NULL").run(time);
  });
}

/** The platform has forgotten every alarm. */
export const withoutAlarms = (state) => setAll(state, null);

/** Every alarm that is set has been due for a second. */
export const alarmsNow = (state) => setAll(state, BigInt(Date.now() - 1000) * 1_000_000n);

/** Every alarm of every class comes so many seconds later, or sooner. */
export function shiftAlarms(state, seconds) {
  const by = BigInt(seconds) * 1_000_000_000n;
  for (const path of readdirSync(join(state, "do"), { recursive: true }).filter((name) => name.endsWith(".sqlite"))) {
    inFile(join(state, "do", path), (database) => {
      const has = (table) => database.prepare("SELECT name FROM sqlite_master WHERE name = ?").all(table).length > 0;
      if (has("_cf_ALARM")) database.prepare("UPDATE _cf_ALARM SET scheduled_time = scheduled_time + ?").run(by);
      if (has("_cf_METADATA")) database.prepare("UPDATE _cf_METADATA SET value = value + ? WHERE key = 1 AND value IS NOT NULL").run(by);
    });
  }
}
