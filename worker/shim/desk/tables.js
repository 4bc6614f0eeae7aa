// What the desk keeps in the books beside what the ledgers write.

/** Steps of readers, programs and crawlers by day, in numbers. */
export const COUNT = "CREATE TABLE IF NOT EXISTS desk_count (day INTEGER NOT NULL, step TEXT NOT NULL, who TEXT NOT NULL, name TEXT NOT NULL, route TEXT NOT NULL, \
problem TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (day, step, who, name, route, problem)) WITHOUT ROWID";

/** What an article's own page says of it; `due` is when it is asked next, and nothing once it is known or given up. */
export const ARTICLE = [
  "CREATE TABLE IF NOT EXISTS desk_article (resource TEXT PRIMARY KEY, author TEXT, section TEXT, title TEXT, read_at INTEGER, due INTEGER, tries INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
  "CREATE INDEX IF NOT EXISTS desk_article_due ON desk_article (due) WHERE due IS NOT NULL",
  // once for each article of a quarter, which is seldom beside payments
  "CREATE TRIGGER IF NOT EXISTS desk_article_new AFTER INSERT ON desk_article_quarter BEGIN INSERT INTO desk_article (resource, due) VALUES (new.resource, 0) ON CONFLICT DO NOTHING; END",
  "INSERT INTO desk_article (resource, due) SELECT DISTINCT resource, 0 FROM desk_article_quarter WHERE true ON CONFLICT DO NOTHING",
];

/** Refunds: one for each transfer, by its place in the chain. */
export const REFUND = [
  `CREATE TABLE IF NOT EXISTS refund (network TEXT NOT NULL, transaction_hash TEXT NOT NULL, log_index INTEGER NOT NULL, receipt TEXT NOT NULL, \
asset TEXT NOT NULL, amount TEXT NOT NULL, reason TEXT, at INTEGER NOT NULL, PRIMARY KEY (network, transaction_hash, log_index))`,
  "CREATE INDEX IF NOT EXISTS refund_receipt ON refund (receipt)",
  "CREATE INDEX IF NOT EXISTS refund_at ON refund (at DESC)",
];

/** Refunds that were begun on the desk and are not in the books yet: one for each payment, so that nobody sends twice. `at`: when it
 * was begun, or when its transaction was told. */
export const BEGUN = "CREATE TABLE IF NOT EXISTS desk_refund_begun (receipt TEXT PRIMARY KEY, amount TEXT NOT NULL, reason TEXT, at INTEGER NOT NULL, transaction_hash TEXT)";
