//! The object's SQLite tables. All calls are synchronous.

use std::cell::Cell;

use farthing::ledger::{Owned, Row};
use serde::Deserialize;
use worker::{Error, Result, SqlStorage, SqlStorageValue};

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS payment (key TEXT PRIMARY KEY, resource TEXT NOT NULL, open INTEGER NOT NULL, alarm INTEGER NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS owned (resource TEXT PRIMARY KEY, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS identifier (id TEXT PRIMARY KEY, key TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS nonce (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL)",
];
/// How much longer than its proof a nonce is remembered, in seconds: the gate's clock is another.
const NONCE_MARGIN_SECONDS: u64 = 60;

/// The payer's rows.
pub(crate) struct Rows {
    sql: SqlStorage,
    exist: Cell<bool>,
}

#[derive(Deserialize)]
struct Text {
    body: String,
}

#[derive(Deserialize)]
struct Count {
    n: u32,
}

impl Rows {
    /// Opens the tables, if there are any: looking at an empty object stores nothing (threat B8). An object
    /// that has some gets those that were added since.
    pub(crate) fn open(sql: SqlStorage) -> Self {
        let rows = Self {
            sql,
            exist: Cell::new(false),
        };
        let found = rows.query::<Count>("SELECT count(*) AS n FROM sqlite_master WHERE name = 'payment'", []);
        let found = found.is_ok_and(|found| found.iter().any(|count| count.n > 0));
        rows.exist.set(found && rows.create().is_ok());
        rows
    }

    fn create(&self) -> Result<()> {
        for table in TABLES {
            self.sql.exec(table, None)?;
        }
        Ok(())
    }

    fn query<T: serde::de::DeserializeOwned>(&self, sql: &str, bind: impl Into<Vec<SqlStorageValue>>) -> Result<Vec<T>> {
        self.sql.exec(sql, bind.into())?.to_array()
    }

    fn bodies<T: serde::de::DeserializeOwned>(&self, sql: &str, bind: impl Into<Vec<SqlStorageValue>>) -> Result<Vec<T>> {
        if !self.exist.get() {
            return Ok(Vec::new());
        }
        let texts: Vec<Text> = self.query(sql, bind)?;
        texts
            .iter()
            .map(|text| serde_json::from_slice(text.body.as_bytes()).map_err(Error::from))
            .collect()
    }

    fn count(&self, sql: &str, bind: impl Into<Vec<SqlStorageValue>>) -> Result<usize> {
        if !self.exist.get() {
            return Ok(0);
        }
        let counts: Vec<Count> = self.query(sql, bind)?;
        Ok(counts.first().and_then(|count| usize::try_from(count.n).ok()).unwrap_or(0))
    }

    /// The row of an authorization.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Row>> {
        Ok(self.bodies("SELECT body FROM payment WHERE key = ?", [key.into()])?.pop())
    }

    /// The row of another authorization that came with this identifier.
    pub(crate) fn named(&self, id: &str, key: &str) -> Result<Option<Row>> {
        let rows = self.bodies(
            "SELECT body FROM payment JOIN identifier USING (key) WHERE id = ? AND key <> ?",
            [id.into(), key.into()],
        );
        Ok(rows?.pop())
    }

    /// Notes a sign-in nonce; whether it is new. Forgets those whose proofs are void by themselves.
    pub(crate) fn consume(&self, nonce: &str, until: u64, now: u64) -> Result<bool> {
        let seconds = |time: u64| SqlStorageValue::Integer(i64::try_from(time).unwrap_or(i64::MAX));
        let past = now.saturating_sub(NONCE_MARGIN_SECONDS);
        self.sql.exec("DELETE FROM nonce WHERE until < ?", vec![seconds(past)])?;
        // one that would be forgotten at once cannot be told from one that was
        if until < past {
            return Ok(false);
        }
        let new: Vec<Count> = self.query(
            "INSERT INTO nonce (nonce, until) VALUES (?, ?) ON CONFLICT (nonce) DO NOTHING RETURNING 1 AS n",
            [nonce.into(), seconds(until)],
        )?;
        Ok(!new.is_empty())
    }

    /// Whether another authorization for a resource is open.
    pub(crate) fn other_open(&self, resource: &str, key: &str) -> Result<bool> {
        let n = self.count(
            "SELECT count(*) AS n FROM payment WHERE open = 1 AND resource = ? AND key <> ?",
            [resource.into(), key.into()],
        )?;
        Ok(n > 0)
    }

    /// How many authorizations are open, this one not counted.
    pub(crate) fn open_count(&self, key: &str) -> Result<usize> {
        self.count("SELECT count(*) AS n FROM payment WHERE open = 1 AND key <> ?", [key.into()])
    }

    /// Rows that want to be looked at by themselves.
    pub(crate) fn with_alarm(&self) -> Result<Vec<Row>> {
        self.bodies("SELECT body FROM payment WHERE alarm > 0 ORDER BY alarm", [])
    }

    /// What the payer owns of a resource at a time.
    pub(crate) fn owned(&self, resource: &str, now: u64) -> Result<Option<Owned>> {
        let owned: Option<Owned> = self
            .bodies("SELECT body FROM owned WHERE resource = ?", [resource.into()])?
            .pop();
        Ok(owned.filter(|owned| now < owned.until))
    }

    /// Writes a row, and with it what its payer owns; one synchronous step, so one transaction.
    pub(crate) fn put(&self, row: &Row) -> Result<()> {
        if !self.exist.get() {
            self.create()?;
            self.exist.set(true);
        }
        let alarm = farthing::ledger::next_alarm(row)
            .and_then(|at| i64::try_from(at).ok())
            .unwrap_or(0);
        self.sql.exec(
            "INSERT INTO payment (key, resource, open, alarm, body) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (key) DO UPDATE SET open = excluded.open, alarm = excluded.alarm, body = excluded.body",
            vec![
                row.intent.key().into(),
                row.intent.resource.as_str().into(),
                i64::from(row.is_open()).into(),
                alarm.into(),
                serde_json::to_string(row)?.into(),
            ],
        )?;
        if let Some(id) = &row.intent.identifier {
            self.sql.exec(
                "INSERT INTO identifier (id, key) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET key = excluded.key WHERE key <> excluded.key",
                vec![id.as_str().into(), row.intent.key().into()],
            )?;
        }
        if let Some(owned) = row.owned() {
            // the first receipt stays: a second transfer for the same article cannot be ours
            self.sql.exec(
                "INSERT INTO owned (resource, body) VALUES (?, ?) ON CONFLICT (resource) DO UPDATE SET body = excluded.body \
                 WHERE json_extract(excluded.body, '$.until') > json_extract(owned.body, '$.until')",
                vec![owned.resource.as_str().into(), serde_json::to_string(&owned)?.into()],
            )?;
        }
        Ok(())
    }
}
