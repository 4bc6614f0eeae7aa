// What the desk keeps in the books beside what the ledgers write.

/** Steps of readers, programs and crawlers by day, in numbers. */
export const COUNT = "CREATE TABLE IF NOT EXISTS desk_count (day INTEGER NOT NULL, step TEXT NOT NULL, who TEXT NOT NULL, name TEXT NOT NULL, route TEXT NOT NULL, \
problem TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (day, step, who, name, route, problem)) WITHOUT ROWID";

/** Refunds: one for each transfer, by its place in the chain. */
export const REFUND = [
  `CREATE TABLE IF NOT EXISTS refund (network TEXT NOT NULL, transaction_hash TEXT NOT NULL, log_index INTEGER NOT NULL, receipt TEXT NOT NULL, \
asset TEXT NOT NULL, amount TEXT NOT NULL, reason TEXT, at INTEGER NOT NULL, PRIMARY KEY (network, transaction_hash, log_index))`,
  "CREATE INDEX IF NOT EXISTS refund_receipt ON refund (receipt)",
  "CREATE INDEX IF NOT EXISTS refund_at ON refund (at DESC)",
];
