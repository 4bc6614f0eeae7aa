//! The object's SQLite tables. All calls are synchronous.

use std::cell::Cell;

use farthing::ledger::{Owned, Row};

use crate::platform::{Platform, Result};

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS payment (key TEXT PRIMARY KEY, resource TEXT NOT NULL, open INTEGER NOT NULL, alarm INTEGER NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS owned (resource TEXT PRIMARY KEY, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS identifier (id TEXT PRIMARY KEY, key TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS nonce (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL)",
];
/// How much longer than its proof a nonce is remembered, in seconds: the gate's clock is another.
const NONCE_MARGIN_SECONDS: u64 = 60;

/// The payer's rows.
#[derive(Debug)]
pub(crate) struct Rows {
    platform: Platform,
    exist: Cell<bool>,
}

impl Rows {
    /// Opens the tables, if there are any: looking at an empty object stores nothing (threat B8). An object
    /// that has some gets those that were added since.
    pub(crate) fn open(platform: Platform) -> Self {
        let found = platform.sql("SELECT count(*) FROM sqlite_master WHERE name = 'payment'", &[]);
        let found = found.is_ok_and(|found| found.first().is_some_and(|count| count != "0"));
        let rows = Self {
            platform,
            exist: Cell::new(false),
        };
        rows.exist.set(found && rows.create().is_ok());
        rows
    }

    fn create(&self) -> Result<()> {
        for table in TABLES {
            self.platform.sql(table, &[])?;
        }
        Ok(())
    }

    fn bodies<T: serde::de::DeserializeOwned>(&self, sql: &str, values: &[&str]) -> Result<Vec<T>> {
        if !self.exist.get() {
            return Ok(Vec::new());
        }
        let texts = self.platform.sql(sql, values)?;
        let body = |text: &String| serde_json::from_str(text).map_err(|_| "a row cannot be read".into());
        texts.iter().map(body).collect()
    }

    fn count(&self, sql: &str, values: &[&str]) -> Result<usize> {
        if !self.exist.get() {
            return Ok(0);
        }
        let counts = self.platform.sql(sql, values)?;
        counts
            .first()
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| "a count cannot be read".into())
    }

    /// The row of an authorization.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Row>> {
        Ok(self.bodies("SELECT body FROM payment WHERE key = ?", &[key])?.pop())
    }

    /// The row of another authorization that came with this identifier.
    pub(crate) fn named(&self, id: &str, key: &str) -> Result<Option<Row>> {
        let rows = self.bodies(
            "SELECT body FROM payment JOIN identifier USING (key) WHERE id = ? AND key <> ?",
            &[id, key],
        );
        Ok(rows?.pop())
    }

    /// The row whose receipt has, or will have, this id.
    pub(crate) fn with_receipt(&self, id: &str) -> Result<Option<Row>> {
        let sql = "SELECT body FROM payment WHERE json_extract(body, '$.intent.receipt') = ?";
        Ok(self.bodies(sql, &[id])?.pop())
    }

    /// Notes a sign-in nonce; whether it is new. Forgets those whose proofs are void by themselves.
    pub(crate) fn consume(&self, nonce: &str, until: u64, now: u64) -> Result<bool> {
        let past = now.saturating_sub(NONCE_MARGIN_SECONDS);
        self.platform
            .sql("DELETE FROM nonce WHERE until < CAST(? AS INTEGER)", &[&past.to_string()])?;
        // one that would be forgotten at once cannot be told from one that was
        if until < past {
            return Ok(false);
        }
        let new = self.platform.sql(
            "INSERT INTO nonce (nonce, until) VALUES (?, ?) ON CONFLICT (nonce) DO NOTHING RETURNING 1",
            &[nonce, &until.to_string()],
        )?;
        Ok(!new.is_empty())
    }

    /// Whether another authorization for a resource is open.
    pub(crate) fn other_open(&self, resource: &str, key: &str) -> Result<bool> {
        let n = self.count(
            "SELECT count(*) FROM payment WHERE open = 1 AND resource = ? AND key <> ?",
            &[resource, key],
        )?;
        Ok(n > 0)
    }

    /// How many authorizations are open, this one not counted.
    pub(crate) fn open_count(&self, key: &str) -> Result<usize> {
        self.count("SELECT count(*) FROM payment WHERE open = 1 AND key <> ?", &[key])
    }

    /// How many authorizations were refused since a time, this one not counted.
    pub(crate) fn refused_since(&self, since: u64, key: &str) -> Result<usize> {
        self.count(
            "SELECT count(*) FROM payment WHERE json_extract(body, '$.phase.rejected.at') > CAST(? AS INTEGER) AND key <> ?",
            &[&since.to_string(), key],
        )
    }

    /// Rows that want to be looked at by themselves.
    pub(crate) fn with_alarm(&self) -> Result<Vec<Row>> {
        self.bodies("SELECT body FROM payment WHERE alarm > 0 ORDER BY alarm", &[])
    }

    /// The transactions that settled the payer's payments, but for one.
    pub(crate) fn transactions(&self, but: &str) -> Result<Vec<String>> {
        if !self.exist.get() {
            return Ok(Vec::new());
        }
        self.platform.sql(
            "SELECT json_extract(body, '$.phase.settled.transaction') AS hash FROM payment WHERE hash IS NOT NULL AND key <> ?",
            &[but],
        )
    }

    /// What the payer owns of a resource at a time.
    pub(crate) fn owned(&self, resource: &str, now: u64) -> Result<Option<Owned>> {
        let owned: Option<Owned> = self.bodies("SELECT body FROM owned WHERE resource = ?", &[resource])?.pop();
        Ok(owned.filter(|owned| now < owned.until))
    }

    /// Writes a row, and with it what its payer owns; one synchronous step, so one transaction.
    pub(crate) fn put(&self, row: &Row) -> Result<()> {
        if !self.exist.get() {
            self.create()?;
            self.exist.set(true);
        }
        let open = if row.is_open() { "1" } else { "0" };
        let alarm = farthing::ledger::next_alarm(row).unwrap_or(0).to_string();
        self.platform.sql(
            "INSERT INTO payment (key, resource, open, alarm, body) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (key) DO UPDATE SET open = excluded.open, alarm = excluded.alarm, body = excluded.body",
            &[&row.intent.key(), &row.intent.resource, open, &alarm, &json(row)?],
        )?;
        if let Some(id) = &row.intent.identifier {
            self.platform.sql(
                "INSERT INTO identifier (id, key) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET key = excluded.key WHERE key <> excluded.key",
                &[id, &row.intent.key()],
            )?;
        }
        if let Some(owned) = row.owned() {
            // the first receipt stays: a second transfer for the same article cannot be ours; its transaction may
            // turn out to be another than a facilitator named
            self.platform.sql(
                "INSERT INTO owned (resource, body) VALUES (?, ?) ON CONFLICT (resource) DO UPDATE SET body = excluded.body \
                 WHERE json_extract(excluded.body, '$.until') > json_extract(owned.body, '$.until') \
                 OR json_extract(excluded.body, '$.receipt') = json_extract(owned.body, '$.receipt')",
                &[&owned.resource, &json(&owned)?],
            )?;
        } else if row.intent.seconds.is_some() {
            // what a settlement gave goes with it, when its block was undone (threat A13)
            self.platform.sql(
                "DELETE FROM owned WHERE resource = ? AND json_extract(body, '$.receipt') = ?",
                &[&row.intent.resource, &row.intent.receipt],
            )?;
        }
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| "a row cannot be written".into())
}
