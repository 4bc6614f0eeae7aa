//! The object's SQLite tables. All calls are synchronous.

use std::cell::Cell;

use farthing::ledger::{Owned, Row};
use serde::Deserialize;
use worker::{Error, Result, SqlStorage, SqlStorageValue};

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
    /// Opens the tables, if there are any: looking at an empty object stores nothing (threat B8).
    pub(crate) fn open(sql: SqlStorage) -> Self {
        let rows = Self {
            sql,
            exist: Cell::new(false),
        };
        let found = rows.query::<Count>("SELECT count(*) AS n FROM sqlite_master WHERE name = 'payment'", []);
        rows.exist.set(found.is_ok_and(|found| found.iter().any(|count| count.n > 0)));
        rows
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
            self.sql.exec(
                "CREATE TABLE IF NOT EXISTS payment (key TEXT PRIMARY KEY, resource TEXT NOT NULL, open INTEGER NOT NULL, alarm INTEGER NOT NULL, body TEXT NOT NULL)",
                None,
            )?;
            self.sql.exec(
                "CREATE TABLE IF NOT EXISTS owned (resource TEXT PRIMARY KEY, body TEXT NOT NULL)",
                None,
            )?;
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
