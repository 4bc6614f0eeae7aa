//! The object's SQLite tables. All calls are synchronous.

use std::cell::Cell;

use farthing::ledger::{Owned, Row};
use wasm_bindgen::JsValue;

use crate::platform::{Platform, Result};

/// The payer's rows.
#[derive(Debug)]
pub(crate) struct Rows {
    platform: Platform,
    exist: Cell<bool>,
}

impl Rows {
    /// Opens the tables, if there are any: looking at an empty object stores nothing (threat B8).
    pub(crate) fn open(platform: Platform) -> Self {
        let found = platform.sql("SELECT count(*) FROM sqlite_master WHERE name = 'payment'", &[]);
        let exist = found.is_ok_and(|found| found.first().is_some_and(|count| count != "0"));
        Self {
            platform,
            exist: Cell::new(exist),
        }
    }

    fn bodies<T: serde::de::DeserializeOwned>(&self, sql: &str, values: &[&str]) -> Result<Vec<T>> {
        if !self.exist.get() {
            return Ok(Vec::new());
        }
        let texts = self.platform.sql(sql, values)?;
        let body = |text: &String| serde_json::from_str(text).map_err(|_| JsValue::from_str("a row cannot be read"));
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

    /// Rows that want to be looked at by themselves.
    pub(crate) fn with_alarm(&self) -> Result<Vec<Row>> {
        self.bodies("SELECT body FROM payment WHERE alarm > 0 ORDER BY alarm", &[])
    }

    /// What the payer owns of a resource at a time.
    pub(crate) fn owned(&self, resource: &str, now: u64) -> Result<Option<Owned>> {
        let owned: Option<Owned> = self.bodies("SELECT body FROM owned WHERE resource = ?", &[resource])?.pop();
        Ok(owned.filter(|owned| now < owned.until))
    }

    /// Writes a row, and with it what its payer owns; one synchronous step, so one transaction.
    pub(crate) fn put(&self, row: &Row) -> Result<()> {
        if !self.exist.get() {
            self.platform.sql(
                "CREATE TABLE IF NOT EXISTS payment (key TEXT PRIMARY KEY, resource TEXT NOT NULL, open INTEGER NOT NULL, alarm INTEGER NOT NULL, body TEXT NOT NULL)",
                &[],
            )?;
            self.platform.sql(
                "CREATE TABLE IF NOT EXISTS owned (resource TEXT PRIMARY KEY, body TEXT NOT NULL)",
                &[],
            )?;
            self.exist.set(true);
        }
        let open = if row.is_open() { "1" } else { "0" };
        let alarm = farthing::ledger::next_alarm(row).unwrap_or(0).to_string();
        self.platform.sql(
            "INSERT INTO payment (key, resource, open, alarm, body) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (key) DO UPDATE SET open = excluded.open, alarm = excluded.alarm, body = excluded.body",
            &[&row.intent.key(), &row.intent.resource, open, &alarm, &json(row)?],
        )?;
        if let Some(owned) = row.owned() {
            // the first receipt stays: a second transfer for the same article cannot be ours
            self.platform.sql(
                "INSERT INTO owned (resource, body) VALUES (?, ?) ON CONFLICT (resource) DO UPDATE SET body = excluded.body \
                 WHERE json_extract(excluded.body, '$.until') > json_extract(owned.body, '$.until')",
                &[&owned.resource, &json(&owned)?],
            )?;
        }
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| "a row cannot be written".into())
}
