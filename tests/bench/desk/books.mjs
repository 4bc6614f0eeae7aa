// Books of a million payments: made by D1 itself, in pieces, from a rule and no chance, so that each run measures the same.

/** What a payment is, of its number `n`: articles of which few sell most, a year of days with more by day than by night, three tokens on two networks. */
const ROW = (site, now, apart) => `SELECT 'n' || n, 1, CASE WHEN n % 97 = 0 THEN 'refused' WHEN n % 9973 = 0 THEN 'unknown' WHEN n % 20011 = 0 THEN 'stray' ELSE 'settled' END,
  printf('%056d', n), '${site}/' || CASE (n * 7919) % 6 WHEN 0 THEN 'politics' WHEN 1 THEN 'culture' WHEN 2 THEN 'sport' WHEN 3 THEN 'science' ELSE 'articles' END
    || '/a-story-with-a-usual-title-' || (((n * 104729) % 2003) * ((n * 1299709) % 1009) / 1009),
  CASE WHEN n % 5 = 0 THEN 'eip155:137' ELSE 'eip155:8453' END,
  CASE WHEN n % 5 = 0 THEN '0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359' ELSE '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913' END,
  printf('0x%040x', (n * 15485863) % 200003), '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC', '50000',
  CASE WHEN n % 97 = 0 OR n % 9973 = 0 THEN NULL ELSE '50000' END, printf('0x%064x', n), CASE WHEN n % 97 = 0 THEN 'insufficient_funds' END,
  ${now} - (n * ${apart}), CASE WHEN n % 97 = 0 OR n % 9973 = 0 THEN NULL ELSE ${now} - (n * ${apart}) + 2 END, CASE WHEN n % 50 = 0 THEN 'week' END`;
const COLUMNS = "key, version, state, receipt, resource, network, asset, payer, pay_to, amount, charged, transaction_hash, reason, first_seen, settled_at, offer";

/** Fills books whose tables are there already, with a payment each `apart` seconds up to now. */
export async function fill({ run, site, rows, apart = 31, piece = 100_000, say = () => {} }) {
  const now = Math.floor(Date.now() / 1000);
  for (let from = 1; from <= rows; from += piece) {
    const to = Math.min(from + piece - 1, rows);
    await run(`INSERT INTO payment (${COLUMNS}) WITH RECURSIVE number (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM number WHERE n < ${to}) ${ROW(site, now, apart)} FROM number`);
    say(`${to.toLocaleString("en")} payments`);
  }
}
