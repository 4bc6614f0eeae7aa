// The Durable Object class of one count of what is given away: the openings of a gift link, what one network address read for nothing.
// No money depends on it.

import { DurableObject } from "cloudflare:workers";

const TABLE = "CREATE TABLE IF NOT EXISTS seen (mark TEXT NOT NULL, at INTEGER NOT NULL)";
const seconds = () => Math.floor(Date.now() / 1000);

export class Tally extends DurableObject {
  // At most `most` in any `window` seconds; the same mark is one within its `grace`. Answers how many are left, or nothing for one too many.
  async fetch(request) {
    const { most, window, grace, mark } = await request.json();
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
    return Response.json({ tally: { left } });
  }

  // Nothing counts any more.
  async alarm() {
    await this.ctx.storage.deleteAll();
  }
}
