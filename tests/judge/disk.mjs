// The ledgers as they lie on disk, beside a running workerd or after it was killed. They are copied first: to open one would lock it,
// and repair what a killed process left behind.
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Where they lie in the state folder of an edge. */
export const FOLDER = join("do", "farthing-Ledger");

/** A row as `judge.mjs` reads it, and the object it lies in. */
function rowOf(body, object, now) {
  const { intent, phase, charge, fence } = JSON.parse(body);
  const [name, inside] = typeof phase === "string" ? [phase, {}] : Object.entries(phase)[0];
  return {
    object, payer: intent.payer.toLowerCase(), path: new URL(intent.resource).pathname, nonce: intent.nonce.toLowerCase(),
    amount: BigInt(charge ?? intent.amount), phase: name, transaction: inside.transaction, answered: inside.answered, delivered: inside.delivered, fence, now,
  };
}

const has = (database, table) => database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) !== undefined;

/** Runs `work(database, object)` on a copy of every ledger; `since`: only on those that were written since (Unix milliseconds). */
function onCopies(state, since, work) {
  const folder = join(state, FOLDER);
  if (!existsSync(folder)) return;
  const written = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);
  const place = mkdtempSync(join(tmpdir(), "farthing-rows-"));
  try {
    for (const name of readdirSync(folder).filter((each) => /^[0-9a-f]{64}\.sqlite$/.test(each))) {
      const file = join(folder, name);
      if (since > 0 && Math.max(written(file), written(`${file}-wal`)) < since) continue;
      const copy = join(place, name);
      // the log first: what is moved out of it meanwhile is then in both
      for (const tail of ["-wal", ""]) if (existsSync(file + tail)) copyFileSync(file + tail, copy + tail);
      const database = new DatabaseSync(copy);
      try {
        work(database, name.slice(0, 64));
      } finally {
        database.close();
      }
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/**
 * All rows, as `judge.mjs` reads them.
 * @param {string} state the state folder of an edge
 * @param {{since?: number}} [options] `since`: only of ledgers that were written since (Unix milliseconds)
 */
export function rowsOn(state, { since = 0 } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const rows = [];
  onCopies(state, since, (database, object) => {
    if (!has(database, "payment")) return;
    for (const { body, open, alarm } of database.prepare("SELECT body, open, alarm FROM payment").all()) {
      rows.push({ ...rowOf(body, object, now), open: open === 1, alarm });
    }
  });
  return rows;
}

/** How many events the books have not been told yet. */
export function untold(state) {
  let count = 0;
  onCopies(state, 0, (database) => {
    if (has(database, "outbox")) count += database.prepare("SELECT count(*) AS count FROM outbox").get().count;
  });
  return count;
}
