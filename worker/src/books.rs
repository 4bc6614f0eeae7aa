//! The publisher's books: a table in D1 that the ledgers fill from their outboxes.
//!
//! An event is written in the same step as the row it tells of, and delivered by the alarm until D1 has taken it.
//! It carries the whole entry and a version, and only a newer version overwrites an entry: told twice, late or in
//! another order, the books say the same (threat G5).

use farthing::{
    evm::{Address, B256, hex},
    ledger::Read,
    money::Amount,
    x402::Network,
};
use serde::Serialize;

use crate::{
    config,
    platform::{Platform, Result},
    rows::{EventId, Rows},
};

/// Deliveries of one alarm.
const BATCHES: usize = 5;
/// Made with the first entry. `www/docs/books.md` says what the columns are.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS payment (key TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL, \
    receipt TEXT NOT NULL, resource TEXT NOT NULL, network TEXT NOT NULL, asset TEXT NOT NULL, payer TEXT NOT NULL, pay_to TEXT NOT NULL, \
    amount TEXT NOT NULL, charged TEXT, transaction_hash TEXT, reason TEXT, first_seen INTEGER NOT NULL, settled_at INTEGER, offer TEXT, audience TEXT)";
/// What books have been made without.
const ADDED: [&str; 2] = [
    "ALTER TABLE payment ADD COLUMN offer TEXT",
    "ALTER TABLE payment ADD COLUMN audience TEXT",
];
/// Takes a list of entries. What was settled and is not any more keeps a word about it until it is settled again. What its payer had
/// erased stands there under its mark, and is not written again, however late it is told (threat G7).
const UPSERT: &str = "INSERT INTO payment (key, version, state, receipt, resource, network, asset, payer, pay_to, amount, charged, \
    transaction_hash, reason, first_seen, settled_at, offer, audience) \
    SELECT value ->> 'key', value ->> 'version', value ->> 'state', value ->> 'receipt', value ->> 'resource', value ->> 'network', \
    value ->> 'asset', value ->> 'payer', value ->> 'payTo', value ->> 'amount', value ->> 'charged', value ->> 'transaction', \
    value ->> 'reason', value ->> 'firstSeen', value ->> 'settledAt', value ->> 'offer', \
    value ->> 'audience' FROM json_each(?1) AS each \
    WHERE NOT EXISTS (SELECT 1 FROM payment AS erased, json_each(each.value, '$.marks') AS mark WHERE erased.key = mark.value) \
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, state = excluded.state, receipt = excluded.receipt, \
    resource = excluded.resource, network = excluded.network, asset = excluded.asset, payer = excluded.payer, pay_to = excluded.pay_to, \
    amount = excluded.amount, charged = excluded.charged, transaction_hash = excluded.transaction_hash, \
    reason = CASE WHEN excluded.state <> 'settled' AND (payment.state = 'settled' OR payment.reason = 'undone') THEN 'undone' \
    ELSE excluded.reason END, \
    first_seen = excluded.first_seen, settled_at = excluded.settled_at, offer = excluded.offer, audience = excluded.audience \
    WHERE excluded.version > payment.version";
/// Which of these the books have as settled.
const SETTLED: &str = "SELECT key FROM payment WHERE state = 'settled' AND key IN (SELECT value FROM json_each(?1))";

/// Refusals from before this time go: who signs and cannot pay makes one with every new key (threat B8).
const PRUNE: &str = "DELETE FROM payment WHERE state = 'refused' AND first_seen < CAST(?1 AS INTEGER)";
/// How long a refusal is kept, in seconds.
const REFUSALS_SECONDS: u64 = 30 * 24 * 60 * 60;

/// A payment that the chain has and no ledger knows, as an entry that any ledger's word overwrites.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stray<'a> {
    pub(crate) key: &'a str,
    pub(crate) version: u64,
    pub(crate) state: &'static str,
    pub(crate) receipt: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) network: Network,
    #[serde(with = "hex::address")]
    pub(crate) asset: Address,
    #[serde(with = "hex::address")]
    pub(crate) payer: Address,
    #[serde(with = "hex::address")]
    pub(crate) pay_to: Address,
    pub(crate) amount: Amount,
    pub(crate) charged: Amount,
    pub(crate) transaction: &'a str,
    pub(crate) first_seen: u64,
}

/// The key of an authorization of EIP-3009, as [`Intent::key`](farthing::ledger::Intent::key) has it.
pub(crate) fn key(network: Network, asset: Address, nonce: B256) -> String {
    format!("{network}/{asset:x}/{}", hex::print(nonce.as_slice()))
}

/// Writes entries: a list, JSON.
pub(crate) async fn write(platform: &Platform, entries: &str) -> Result<()> {
    if platform.books(UPSERT, entries).await.is_ok() {
        return Ok(());
    }
    // the first entry of all finds no table
    platform.books(TABLE, "").await?;
    if platform.books(UPSERT, entries).await.is_ok() {
        return Ok(());
    }
    // they have the columns, or are not to be had now: the last word is the next one's
    for column in ADDED {
        drop(platform.books(column, "").await);
    }
    platform.books(UPSERT, entries).await.map(drop)
}

/// Forgets old refusals.
pub(crate) async fn prune(platform: &Platform) {
    let before = platform.now().saturating_sub(REFUSALS_SECONDS);
    // where there is no table yet there is nothing to forget, and the next run comes soon
    drop(platform.books(PRUNE, &before.to_string()).await);
}

/// Which of these keys the books have as settled, also under the mark of what was erased; none of them where they cannot be asked.
pub(crate) async fn settled(platform: &Platform, keys: &[String]) -> Vec<String> {
    let marked: Vec<(&String, Vec<String>)> = keys.iter().map(|key| (key, config::marks_of(key))).collect();
    let all: Vec<&String> = marked
        .iter()
        .flat_map(|(key, marks)| core::iter::once(*key).chain(marks))
        .collect();
    let Ok(list) = serde_json::to_string(&all) else {
        return Vec::new();
    };
    let found = platform.books(SETTLED, &list).await.unwrap_or_default();
    let found: Vec<&str> = found.lines().collect();
    let is_there = |name: &String| found.contains(&name.as_str());
    let there = marked
        .into_iter()
        .filter(|(key, marks)| is_there(key) || marks.iter().any(is_there));
    there.map(|(key, _)| key.clone()).collect()
}

/// An entry with the marks that it would have, were it erased.
pub(crate) fn marked(entry: &str, key: &str) -> Result<String> {
    let marks = serde_json::to_string(&config::marks_of(key)).map_err(|_| "marks cannot be written")?;
    let open = entry.strip_suffix('}').ok_or("an entry is no object")?;
    Ok([open, ",\"marks\":", &marks, "}"].concat())
}

/// Delivers what is due by a time, some batches of it; the rest comes with the next alarm.
pub(crate) async fn deliver(platform: &Platform, rows: &Rows, by: u64) -> Result<()> {
    if !platform.has_books() {
        // they were taken away: nobody will ask for what is left
        return rows.drop_events();
    }
    for _ in 0..BATCHES {
        let events = rows.due_events(by)?;
        if events.is_empty() {
            return Ok(());
        }
        let id = |event: &String| EventId::read(event).ok_or_else(|| "an event cannot be read".into());
        let ids: Vec<EventId> = events.iter().map(id).collect::<Result<_>>()?;
        let marked: Vec<String> = events
            .iter()
            .zip(&ids)
            .map(|(event, id)| marked(event, &id.key))
            .collect::<Result<_>>()?;
        match write(platform, &format!("[{}]", marked.join(","))).await {
            Ok(()) => rows.delivered(&ids)?,
            Err(_) => {
                platform.say("books", &[("entries", &ids.len().to_string())]);
                return rows.postpone(&ids, platform.now());
            }
        }
    }
    Ok(())
}
