// The Durable Object class of one count of what is given away: the openings of a gift link, what one network address read for nothing.
// One of its objects counts nothing: it keeps the list of what was revoked. No money depends on it.

import { DurableObject } from "cloudflare:workers";

const TABLE = "CREATE TABLE IF NOT EXISTS seen (mark TEXT NOT NULL, at INTEGER NOT NULL)";
// `off` is given back: it is kept as long as an order from before could come again. The row without a name counts the changes.
const LIST = "CREATE TABLE IF NOT EXISTS revoked (name TEXT PRIMARY KEY, at INTEGER NOT NULL, off INTEGER NOT NULL, until INTEGER NOT NULL)";
const FORGOTTEN = 15 * 60;
const NEVER = 1e15;
const RECEIPT = 32; // hex digits of a name
const seconds = () => Math.floor(Date.now() / 1000);

export class Tally extends DurableObject {
  async fetch(request) {
    const call = request.url.slice(request.url.lastIndexOf("/") + 1);
    if (call === "list") return new Response(this.#list(await request.text()));
    const question = await request.json();
    return Response.json(call === "revoke" ? this.#revoke(question) : { tally: await this.#count(question) });
  }

  // At most `most` in any `window` seconds; the same mark is one within its `grace`. Answers how many are left, or nothing for one too many.
  async #count({ most, window, grace, mark }) {
    const { storage } = this.ctx;
    const { sql } = storage;
    const now = seconds();
    let counted = false;
    const left = storage.transactionSync(() => {
      sql.exec(TABLE);
      sql.exec("DELETE FROM seen WHERE at <= ?", now - window);
      const { count } = sql.exec("SELECT count(*) AS count FROM seen").one();
      const [again] = sql.exec("SELECT at FROM seen WHERE mark = ? AND at > ? LIMIT 1", mark, now - grace);
      if (again) return Math.max(0, most - count);
      if (count >= most) return undefined;
      sql.exec("INSERT INTO seen VALUES (?, ?)", mark, now);
      counted = true;
      return most - count - 1;
    });
    if (counted) await storage.setAlarm((now + window + 1) * 1000);
    return { left };
  }

  // Of two orders about one receipt the later one holds, so one that comes again changes nothing. What stands behind the receipt in a name,
  // of its payer, tells no two entries apart. The answer is what holds now, and what held before.
  #revoke({ name, undo, at, most, keep }) {
    const { storage } = this.ctx;
    const { sql } = storage;
    const now = seconds();
    return storage.transactionSync(() => {
      sql.exec(LIST);
      sql.exec("DELETE FROM revoked WHERE until <= ?", now);
      const { count } = sql.exec("SELECT count(*) AS count FROM revoked WHERE off = 0").one();
      const receipt = name.slice(0, RECEIPT);
      const own = [receipt, `${receipt}g`]; // behind every hex digit
      const known = sql.exec("SELECT max(at) AS at, count(*) FILTER (WHERE off = 0) AS listed FROM revoked WHERE name >= ? AND name < ?", ...own).one();
      const was = known.listed > 0;
      if (known.at !== null && known.at >= at) return { revoked: count, on: was, was };
      const more = (undo ? 0 : 1) - known.listed;
      if (more > 0 && count >= most) return { full: true };
      sql.exec("DELETE FROM revoked WHERE name >= ? AND name < ?", ...own);
      sql.exec("INSERT INTO revoked VALUES (?, ?, ?, ?)", name, at, undo ? 1 : 0, now + (undo ? FORGOTTEN : keep));
      sql.exec("INSERT INTO revoked VALUES ('', 1, 1, ?) ON CONFLICT (name) DO UPDATE SET at = at + 1", NEVER);
      return { revoked: count + more, on: !undo, was };
    });
  }

  // A line with the state of the list, and the names, unless it is the one that is known.
  #list(known) {
    const { sql } = this.ctx.storage;
    // looking stores nothing
    const [table] = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'revoked'");
    const [state] = table ? sql.exec("SELECT at FROM revoked WHERE name = ''") : [];
    const now = String(state?.at ?? 0);
    if (now === known) return now;
    const names = table ? sql.exec("SELECT name FROM revoked WHERE off = 0 AND until > ?", seconds()).toArray() : [];
    return `${now}\n${names.map(({ name }) => name).join("")}`;
  }

  // Nothing counts any more.
  async alarm() {
    await this.ctx.storage.deleteAll();
  }
}
