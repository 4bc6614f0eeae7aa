//! What is held about one account, taken away at its owner's word. `www/docs/erasure.md` says it for people. What is shown of it is read by
//! `shim/desk/records.js`, which no payment waits for.
//!
//! Three things outlive an erasure, each for a reason.
//!
//! * A row of which something can still become ([`ledger::stays`]): its money may be moving. It goes by itself as soon as nothing can,
//!   and what it bought is not owned meanwhile.
//! * That an authorization was taken, for as long as its row would have told so: its header may come again, and would be taken for a
//!   new payment, or open for who copied it from the chain. A keyed digest says it ([`Marks`]), which names nobody.
//! * The entries of the books, without who paid: what was sold on which day for how much is the publisher's to keep, and the sums of the
//!   desk come out the same. Key, receipt and transaction each lead to the account, on the chain or by the site's keys, and are replaced
//!   by their marks: so `npm run reconcile` finds each payment again, the backstop does not take the transfer for a stray, and
//!   a report that comes late is held back (threat G7). Times become days, and an entry leaves its place among the others, since amount,
//!   payee and second would find the transfer as well. A publisher who has to keep who paid says so in the config, and to who signs.

use farthing::{
    access::Marks,
    ledger::{self, Reply},
    problem::Problem,
    time,
};
use serde::Serialize;

use crate::{
    books,
    calls::Mine,
    config,
    platform::{Platform, Result},
    rows::Rows,
};

/// Entries of the books that are changed at once.
const BATCH: usize = 50;
/// How often so many are changed by one alarm.
const BATCHES: usize = 40;
/// When the books are tried again that could not be changed, in seconds.
const RETRY_SECONDS: u64 = 60;
/// When entries of the books are to be changed, up to when these are from, and whose.
const NOTE: &str = "erase";
/// Whatever is to be delivered at any time.
const ANY_TIME: u64 = i64::MAX.cast_unsigned();

/// An account's entries are looked for in the index that the desk has, so that who asks does not have every entry read (threat B8).
const INDEX: &str = "CREATE INDEX IF NOT EXISTS desk_payer ON payment (payer COLLATE NOCASE, first_seen DESC)";
/// An account's entries of up to the time at which this was wanted, but for those that have to stay for now: what is bought later is not given
/// up, and what the ledger still works on is told to the books by its name (S8).
const NAMED: &str = "SELECT json_object('key', key, 'receipt', receipt, 'transaction', lower(transaction_hash)) FROM payment \
    WHERE payer = ?1 ->> 'payer' COLLATE NOCASE AND first_seen <= ?1 ->> 'at' AND key NOT IN (SELECT value FROM json_each(?1, '$.but')) LIMIT ?1 ->> 'most'";
const NAMED_REFUNDS: &str = "SELECT json_object('receipt', receipt, 'transaction', lower(transaction_hash)) FROM refund \
    WHERE receipt IN (SELECT value ->> 'receipt' FROM json_each(?1) WHERE value ->> 'receipt' <> '')";
/// Says who no more. The place among the others goes too: between two entries whose second is known there is not much time.
const ANONYMISE: &str = "UPDATE OR IGNORE payment SET rowid = 1 + (random() & 4503599627370495), key = new.value ->> 'keyMark', \
    receipt = new.value ->> 'receiptMark', transaction_hash = new.value ->> 'transactionMark', payer = '', version = 0, \
    first_seen = first_seen / 86400 * 86400, settled_at = settled_at / 86400 * 86400 \
    FROM json_each(?1) AS new WHERE payment.key = new.value ->> 'key'";
/// An entry that stands there under its mark already was told by a version that knew no marks.
const REPEATED: &str = "DELETE FROM payment WHERE key IN (SELECT value ->> 'key' FROM json_each(?1) WHERE EXISTS \
    (SELECT 1 FROM payment AS other WHERE other.key = value ->> 'keyMark'))";
/// What the publisher wrote as a reason may name somebody.
const ANONYMISE_REFUNDS: &str = "UPDATE OR IGNORE refund SET rowid = 1 + (random() & 4503599627370495), receipt = new.value ->> 'receiptMark', \
    transaction_hash = new.value ->> 'transactionMark', reason = NULL, at = at / 86400 * 86400 \
    FROM json_each(?1) AS new WHERE refund.receipt = new.value ->> 'receipt' AND lower(refund.transaction_hash) = new.value ->> 'transaction'";

/// A refund that the desk began and nobody wrote down yet: it cannot be any more.
const FORGET_BEGUN: &str = "DELETE FROM desk_refund_begun WHERE receipt IN (SELECT value ->> 'receipt' FROM json_each(?1))";

#[derive(Serialize)]
struct Asked<'a> {
    payer: &'a str,
    at: u64,
    most: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    but: Vec<String>,
}

/// An entry of the books by its names, and what comes in their places.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    receipt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<String>,
    key_mark: String,
    receipt_mark: String,
    transaction_mark: Option<String>,
}

impl Named {
    fn of(line: &str, marks: &Marks) -> Option<Self> {
        let json = farthing::json::parse(line).ok()?;
        let text = |name| json.get(name).and_then(farthing::json::Value::text).map(str::to_owned);
        let (key, receipt, transaction) = (text("key"), text("receipt")?, text("transaction"));
        let mark = |name: &String| match name.as_str() {
            "" => String::new(),
            // what was erased before stays what it is
            name if name.starts_with(farthing::access::mark::PREFIX) => name.to_owned(),
            name => marks.of(name),
        };
        Some(Self {
            key_mark: key.as_ref().map_or_else(String::new, mark),
            receipt_mark: mark(&receipt),
            transaction_mark: transaction.as_ref().map(mark),
            key,
            receipt,
            transaction,
        })
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| "it cannot be written".into())
}

fn refuse(problem: Problem) -> Result<String> {
    json(&Reply::refuse(problem, ""))
}

/// A statement about the books' entries: nothing where there is no such table yet.
async fn in_books(platform: &Platform, sql: &str, value: &str) -> Result<Vec<String>> {
    match platform.books(sql, value).await {
        Ok(lines) => Ok(lines.lines().map(str::to_owned).collect()),
        Err(failure) if failure.to_string().contains("no such table") => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

/// Counts a proof: `new`, or that it was used before.
pub(crate) fn prove(platform: &Platform, rows: &Rows, asked: &Mine) -> Result<String> {
    let new = rows.consume(&asked.nonce, asked.until, platform.now())?;
    Ok(if new { "new" } else { "used" }.to_owned())
}

/// Tells the books all that they have not been told.
pub(crate) async fn tell(platform: &Platform, rows: &Rows) -> Result<String> {
    books::deliver(platform, rows, ANY_TIME).await?;
    match rows.has_events()? {
        false => Ok(String::new()),
        true => Err("the books did not take it".into()),
    }
}

/// Takes away what can go, and says what stays.
pub(crate) async fn erase(platform: &Platform, rows: &Rows, asked: &Mine) -> Result<String> {
    let Some(marks) = config::marks() else {
        return refuse(Problem::NotConfigured);
    };
    let has_books = platform.has_books();
    if has_books && !asked.keeps_books {
        in_books(platform, INDEX, "").await?;
    }
    let in_ledger = rows.any()?;
    let booked = if has_books && !asked.keeps_books {
        count(platform, &asked.payer, platform.now()).await?
    } else {
        0
    };
    // strangers leave nothing behind (threat B8)
    if (in_ledger || booked > 0) && !rows.consume(&asked.nonce, asked.until, platform.now())? {
        return refuse(Problem::ProofUsed);
    }
    let now = platform.now();
    let erased = rows.erase(&marks, asked.keeps_books)?;
    let wants_books = has_books && !asked.keeps_books && (in_ledger || booked > 0);
    if wants_books {
        note(rows, &asked.payer, now, now)?;
    }
    platform.wake();
    let books = match (has_books, asked.keeps_books) {
        (false, _) => "none",
        (true, true) => "kept",
        (true, false) if wants_books => {
            // what cannot be done now is on the disk, and the alarm goes on with it
            clean(platform, rows).await?;
            if rows.note(NOTE)?.is_some() { "pending" } else { "anonymised" }
        }
        (true, false) => "anonymised",
    };
    let mut kept = String::new();
    for row in &erased.kept {
        let Some((why, until)) = ledger::stays(row) else {
            continue;
        };
        if !kept.is_empty() {
            kept.push(',');
        }
        kept.push_str(&json(&Kept {
            receipt: &row.intent.receipt,
            resource: &row.intent.resource,
            why,
            until: time::print(until),
        })?);
    }
    let last = u64::try_from(erased.last).unwrap_or_default();
    json(&Answer {
        account: &asked.payer,
        erased: Counts {
            payments: erased.payments,
            owned: erased.owned,
            passes: erased.passes,
            receipts: erased.receipts,
        },
        books,
        passes_until: Some(last).filter(|last| *last > now).and_then(time::print),
    })
    .map(|answer| [answer.strip_suffix('}').unwrap_or_default(), ",\"kept\":[", &kept, "]}"].concat())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    account: &'a str,
    erased: Counts,
    books: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    passes_until: Option<String>,
}

#[derive(Serialize)]
struct Counts {
    payments: usize,
    owned: usize,
    passes: usize,
    receipts: usize,
}

#[derive(Serialize)]
struct Kept<'a> {
    receipt: &'a str,
    resource: &'a str,
    why: &'static str,
    until: Option<String>,
}

fn question(rows: &Rows, payer: &str, at: u64) -> Result<String> {
    json(&Asked {
        payer,
        at,
        most: BATCH,
        but: rows.keys()?,
    })
}

/// Whether the books have something of the account, as far as it matters.
async fn count(platform: &Platform, payer: &str, at: u64) -> Result<usize> {
    let asked = Asked {
        payer,
        at,
        most: 1,
        but: Vec::new(),
    };
    Ok(in_books(platform, NAMED, &json(&asked)?).await?.len())
}

/// The books' entries of this account, of up to this time, are to be changed from then on.
pub(crate) fn note(rows: &Rows, payer: &str, due: u64, at: u64) -> Result<()> {
    // one that was wanted later takes in what an earlier one does
    let before = rows.note(NOTE)?.and_then(|noted| Some(Noted::read(&noted)?.at));
    let at = before.unwrap_or(0).max(at);
    rows.set_note(NOTE, &format!("{due} {at} {payer}"))
}

/// What is noted of an erasure that the books have not seen yet.
struct Noted<'a> {
    due: u64,
    at: u64,
    payer: &'a str,
}

impl<'a> Noted<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (due, rest) = text.split_once(' ')?;
        let (at, payer) = rest.split_once(' ')?;
        Some(Self {
            due: due.parse().ok()?,
            at: at.parse().ok()?,
            payer,
        })
    }
}

/// Changes the books' entries where that is due; what fails is tried again.
pub(crate) async fn clean(platform: &Platform, rows: &Rows) -> Result<()> {
    let Some(noted) = rows.note(NOTE)? else {
        return Ok(());
    };
    let Noted { due, at, payer } = Noted::read(&noted).ok_or("a note cannot be read")?;
    if due > platform.now() {
        return Ok(());
    }
    if !platform.has_books() {
        return rows.drop_note(NOTE, &noted);
    }
    match cleaned(platform, rows, payer, at).await {
        // another may have been asked for meanwhile
        Ok(true) => rows.drop_note(NOTE, &noted),
        Ok(false) | Err(_) => note(rows, payer, platform.now().saturating_add(RETRY_SECONDS), at),
    }
}

/// Whether all of it is done.
async fn cleaned(platform: &Platform, rows: &Rows, payer: &str, at: u64) -> Result<bool> {
    let Some(marks) = config::marks() else {
        return Ok(false);
    };
    // told with who paid, and then without: so what is told late is always of something that the books know
    books::deliver(platform, rows, ANY_TIME).await?;
    if rows.has_events()? {
        return Ok(false);
    }
    for _ in 0..BATCHES {
        let lines = in_books(platform, NAMED, &question(rows, payer, at)?).await?;
        if lines.is_empty() {
            return Ok(true);
        }
        let list = named(&lines, &marks)?;
        let refunds = in_books(platform, NAMED_REFUNDS, &list).await?;
        if !refunds.is_empty() {
            in_books(platform, ANONYMISE_REFUNDS, &named(&refunds, &marks)?).await?;
        }
        in_books(platform, FORGET_BEGUN, &list).await?;
        platform.books(REPEATED, &list).await?;
        platform.books(ANONYMISE, &list).await?;
    }
    Ok(false)
}

fn named(lines: &[String], marks: &Marks) -> Result<String> {
    let all: Option<Vec<Named>> = lines.iter().map(|line| Named::of(line, marks)).collect();
    json(&all.ok_or("an entry cannot be read")?)
}
