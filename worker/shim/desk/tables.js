// What the desk keeps in the books beside what the ledgers write.

/** Refunds: one for each transfer, by its place in the chain. */
export const REFUND = [
  `CREATE TABLE IF NOT EXISTS refund (network TEXT NOT NULL, transaction_hash TEXT NOT NULL, log_index INTEGER NOT NULL, receipt TEXT NOT NULL, \
asset TEXT NOT NULL, amount TEXT NOT NULL, reason TEXT, at INTEGER NOT NULL, PRIMARY KEY (network, transaction_hash, log_index))`,
  "CREATE INDEX IF NOT EXISTS refund_receipt ON refund (receipt)",
  "CREATE INDEX IF NOT EXISTS refund_at ON refund (at DESC)",
];

/** Refunds that were begun on the desk and are not in the books yet: one for each payment, so that nobody sends twice. */
export const BEGUN = "CREATE TABLE IF NOT EXISTS desk_refund_begun (receipt TEXT PRIMARY KEY, amount TEXT NOT NULL, reason TEXT, at INTEGER NOT NULL, transaction_hash TEXT)";
