//! The object's SQLite tables. All calls are synchronous.

use std::cell::RefCell;

use farthing::{
    access::Marks,
    json::Value,
    ledger::{self, Bundle, Held, Owned, Phase, Read, Row, Shelf, Standing},
};

use crate::{
    calls::{Revoked, View},
    config,
    platform::{Platform, Result},
};

/// A table of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Payment,
    Owned,
    Note,
    Wider,
    Opened,
    Identifier,
    Nonce,
    Receipt,
    Outbox,
    Erased,
    Leaving,
}

impl Table {
    /// What every payer needs. The others are made with their first row: making a table costs as much as a payment's other statements.
    const FIRST: [Self; 3] = [Self::Payment, Self::Owned, Self::Note];
    const ALL: [Self; 11] = [
        Self::Payment,
        Self::Owned,
        Self::Note,
        Self::Wider,
        Self::Opened,
        Self::Identifier,
        Self::Nonce,
        Self::Receipt,
        Self::Outbox,
        Self::Erased,
        Self::Leaving,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Owned => "owned",
            Self::Note => "note",
            Self::Wider => "wider",
            Self::Opened => "opened",
            Self::Identifier => "identifier",
            Self::Nonce => "nonce",
            Self::Receipt => "receipt",
            Self::Outbox => "outbox",
            Self::Erased => "erased",
            Self::Leaving => "leaving",
        }
    }

    const fn columns(self) -> &'static str {
        match self {
            Self::Payment => {
                "(key TEXT PRIMARY KEY, resource TEXT NOT NULL, open INTEGER NOT NULL, alarm INTEGER NOT NULL, \
                 version INTEGER NOT NULL, body TEXT NOT NULL)"
            }
            // each purchase by itself: what is owned by one of them outlives whatever becomes of another
            Self::Owned => "(resource TEXT NOT NULL, receipt TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (resource, receipt))",
            // when to tidy up, how far a scan came
            Self::Note => "(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
            // time passes, which count nothing, and bundles
            Self::Wider => {
                "(receipt TEXT PRIMARY KEY, name TEXT NOT NULL, count INTEGER NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL)"
            }
            // what each bundle has opened: what is left of it is the difference
            Self::Opened => {
                "(receipt TEXT NOT NULL, resource TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (receipt, resource)) WITHOUT ROWID"
            }
            Self::Identifier => "(id TEXT PRIMARY KEY, key TEXT NOT NULL)",
            Self::Nonce => "(nonce TEXT PRIMARY KEY, until INTEGER NOT NULL)",
            // what is left of a settled payment that was retired
            Self::Receipt => "(id TEXT PRIMARY KEY, until INTEGER NOT NULL, body TEXT NOT NULL)",
            // what was erased and may not be taken for new yet: names that nobody can read
            Self::Erased => "(mark TEXT PRIMARY KEY, until INTEGER NOT NULL)",
            // rows that are erased as soon as nothing can become of them: whether the books keep them, and when that was wanted
            Self::Leaving => "(key TEXT PRIMARY KEY, keeps INTEGER NOT NULL, at INTEGER NOT NULL)",
            // what the books have not been told yet
            Self::Outbox => {
                "(key TEXT NOT NULL, version INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL, \
                 body TEXT NOT NULL, PRIMARY KEY (key, version)) WITHOUT ROWID"
            }
        }
    }

    /// What ends by itself, and when.
    const fn ends(self) -> Option<&'static str> {
        match self {
            Self::Owned => Some("json_extract(body, '$.until')"),
            Self::Wider | Self::Opened | Self::Nonce | Self::Receipt | Self::Erased => Some("until"),
            _ => None,
        }
    }
}

/// How the name of a note begins that says whether the payer may pay: of those alone an object is not kept.
pub(crate) const SCREENED: &str = "screened ";
/// The names of the tables that there are, in one row.
const NAMES: &str = "SELECT ifnull(group_concat(name), '') FROM sqlite_master WHERE type = 'table'";
/// When something wants to be done, but for what the books are told.
const NEXT: &str = "SELECT min(alarm) AS at FROM payment WHERE alarm > 0 UNION ALL \
    SELECT CAST(value AS INTEGER) FROM note WHERE name IN ('tidy', 'erase')";
/// The books are told so much later, in seconds: what follows at once goes along.
const DELIVERY_SECONDS: u64 = 2;
/// Events that are delivered at once.
const BATCH: usize = 20;
/// After so many failures an event goes alone: nothing that D1 does not take holds others up.
const ALONE_AFTER: u32 = 3;
/// How long an event waits after its first failed delivery, in seconds; twice as long after each more.
const RETRY_SECONDS: u64 = 5;
/// The longest it waits.
const MAX_RETRY_SECONDS: u64 = 3600;
/// How long a receipt can be asked for at least, in seconds.
const RECEIPT_SECONDS: u64 = 90 * 24 * 60 * 60;
/// Tidying up comes once in so many seconds at most.
const TIDY_SECONDS: u64 = 24 * 60 * 60;
/// How much longer than its proof a nonce is remembered, in seconds: the gate's clock is another.
const NONCE_MARGIN_SECONDS: u64 = 60;

/// What identifies an event of the outbox.
#[derive(Debug)]
pub(crate) struct EventId {
    /// The authorization.
    pub(crate) key: String,
    /// Which of its events.
    pub(crate) version: u64,
}

impl Read for EventId {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            key: value.get("key")?.text()?.to_owned(),
            version: value.get("version")?.integer()?,
        })
    }
}

/// What became of an erasure in the object.
#[derive(Debug, Default)]
pub(crate) struct Erased {
    pub(crate) payments: usize,
    pub(crate) owned: usize,
    pub(crate) passes: usize,
    pub(crate) receipts: usize,
    /// When the last of what was owned would have ended, Unix seconds.
    pub(crate) last: usize,
    /// What stays for now.
    pub(crate) kept: Vec<Row>,
}

/// The payer's rows.
#[derive(Debug)]
pub(crate) struct Rows {
    platform: Platform,
    /// The tables that there are, once it is known.
    tables: RefCell<Option<Vec<Table>>>,
    /// The row that was read or written last, as storage has it: a payment's steps come one after the other.
    last: RefCell<Option<(String, Row)>>,
}

impl Rows {
    /// The tables, which are looked for at the first use.
    pub(crate) const fn open(platform: Platform) -> Self {
        Self {
            platform,
            tables: RefCell::new(None),
            last: RefCell::new(None),
        }
    }

    /// Whether there is a table: looking at an empty object stores nothing (threat B8). An object that has some gets
    /// those that were added since. Where that cannot be told, nothing is believed (S7): a ledger that seems empty
    /// would begin anew what it has settled.
    fn has(&self, table: Table) -> Result<bool> {
        if let Some(tables) = &*self.tables.borrow() {
            return Ok(tables.contains(&table));
        }
        let names = self.platform.sql(NAMES, &[])?.pop().ok_or("the tables cannot be named")?;
        let known = |table: &Table| names.split(',').any(|name| name == table.name());
        let tables: Vec<Table> = Table::ALL.into_iter().filter(known).collect();
        let exist = tables.contains(&Table::Payment);
        self.tables.replace(Some(tables));
        if exist {
            self.make(Table::Payment)?;
        }
        Ok(self.tables.borrow().as_ref().is_some_and(|tables| tables.contains(&table)))
    }

    /// Whether the payer has ever paid, or begun to.
    pub(crate) fn exist(&self) -> Result<bool> {
        self.has(Table::Payment)
    }

    /// Makes a table where it is not there yet, and before it those of every payer.
    fn make(&self, wanted: Table) -> Result<()> {
        for table in Table::FIRST.into_iter().chain([wanted]) {
            if !self.has(table)? {
                let sql = ["CREATE TABLE IF NOT EXISTS ", table.name(), " ", table.columns()].concat();
                self.platform.sql(&sql, &[])?;
                self.tables.borrow_mut().get_or_insert_default().push(table);
            }
        }
        Ok(())
    }

    fn bodies<T: Read>(&self, table: Table, sql: &str, values: &[&str]) -> Result<Vec<T>> {
        let texts = self.texts(table, sql, values)?;
        let body = |text: &String| T::read(text).ok_or_else(|| "a row cannot be read".into());
        texts.iter().map(body).collect()
    }

    /// What a statement finds, or does, in a table; nothing where it is not there.
    fn texts(&self, table: Table, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        if !self.has(table)? {
            return Ok(Vec::new());
        }
        self.platform.sql(sql, values)
    }

    fn count(&self, sql: &str, values: &[&str]) -> Result<usize> {
        if !self.has(Table::Payment)? {
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
        if let Some((last, row)) = &*self.last.borrow()
            && last == key
        {
            return Ok(Some(row.clone()));
        }
        let row: Option<Row> = self
            .bodies(Table::Payment, "SELECT body FROM payment WHERE key = ?", &[key])?
            .pop();
        self.last.replace(row.clone().map(|row| (key.to_owned(), row)));
        Ok(row)
    }

    /// The row of another authorization that came with this identifier.
    pub(crate) fn named(&self, id: &str, key: &str) -> Result<Option<Row>> {
        let rows = self.bodies(
            Table::Identifier,
            "SELECT body FROM payment JOIN identifier USING (key) WHERE id = ? AND key <> ?",
            &[id, key],
        );
        Ok(rows?.pop())
    }

    /// The row whose receipt has, or will have, this id.
    pub(crate) fn with_receipt(&self, id: &str) -> Result<Option<Row>> {
        let sql = "SELECT body FROM payment WHERE json_extract(body, '$.intent.receipt') = ?";
        Ok(self.bodies(Table::Payment, sql, &[id])?.pop())
    }

    /// The receipt of a payment whose row is gone: a [`Standing`], JSON.
    pub(crate) fn receipt(&self, id: &str) -> Result<Option<String>> {
        Ok(self
            .texts(Table::Receipt, "SELECT body FROM receipt WHERE id = ?", &[id])?
            .pop())
    }

    /// Open and refused rows by Permit2 of a token: the chain names none of them.
    pub(crate) fn permits(&self, network: &str, asset: &str) -> Result<Vec<Row>> {
        self.bodies(
            Table::Payment,
            "SELECT body FROM payment WHERE json_extract(body, '$.intent.transfer') = 'permit2' \
             AND json_extract(body, '$.intent.network') = ? AND lower(json_extract(body, '$.intent.asset')) = ? \
             AND (open = 1 OR json_extract(body, '$.phase.rejected') IS NOT NULL)",
            &[network, asset],
        )
    }

    /// Notes a sign-in nonce; whether it is new. Forgets those whose proofs are void by themselves.
    pub(crate) fn consume(&self, nonce: &str, until: u64, now: u64) -> Result<bool> {
        let past = now.saturating_sub(NONCE_MARGIN_SECONDS);
        let sql = "DELETE FROM nonce WHERE until < CAST(? AS INTEGER)";
        self.texts(Table::Nonce, sql, &[&past.to_string()])?;
        // one that would be forgotten at once cannot be told from one that was
        if until < past {
            return Ok(false);
        }
        self.make(Table::Nonce)?;
        let new = self.platform.sql(
            "INSERT INTO nonce (nonce, until) VALUES (?, ?) ON CONFLICT (nonce) DO NOTHING RETURNING 1",
            &[nonce, &until.to_string()],
        )?;
        self.tidy_by(until.saturating_add(NONCE_MARGIN_SECONDS))?;
        Ok(!new.is_empty())
    }

    /// Whether another authorization for a resource is open, or one for a wider offer of these names.
    pub(crate) fn other_open(&self, resource: &str, names: &[String], key: &str) -> Result<bool> {
        let n = self.count(
            "SELECT count(*) FROM payment WHERE open = 1 AND key <> ?1 AND (resource = ?2 \
             OR json_extract(body, '$.intent.offer.name') IN (SELECT value FROM json_each(?3)))",
            &[key, resource, &json(&names)?],
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

    /// Rows that want to be looked at, or can be forgotten, by now.
    pub(crate) fn due(&self, now: u64) -> Result<Vec<Row>> {
        let sql = "SELECT body FROM payment WHERE alarm > 0 AND alarm <= CAST(? AS INTEGER) ORDER BY alarm";
        self.bodies(Table::Payment, sql, &[&now.to_string()])
    }

    /// When something wants to be done next, Unix seconds.
    pub(crate) fn next(&self) -> Result<Option<u64>> {
        let events = match self.has(Table::Outbox)? {
            true => " UNION ALL SELECT min(due) FROM outbox",
            false => "",
        };
        let sql = ["SELECT min(at) FROM (", NEXT, events, ")"].concat();
        // nothing at all is a null
        Ok(self.texts(Table::Payment, &sql, &[])?.first().and_then(|at| at.parse().ok()))
    }

    /// The transactions that settled the payer's payments, but for one.
    pub(crate) fn transactions(&self, but: &str) -> Result<Vec<String>> {
        self.texts(
            Table::Payment,
            "SELECT json_extract(body, '$.phase.settled.transaction') AS hash FROM payment WHERE hash IS NOT NULL AND key <> ?",
            &[but],
        )
    }

    /// What the payer owns of a resource at a time: by the longest of these time passes, or the article itself.
    pub(crate) fn owned(&self, resource: &str, passes: &[String], view: &View<'_>, now: u64) -> Result<Option<Owned>> {
        let good = |owned: &Owned| !view.revoked.has(&owned.receipt);
        if !passes.is_empty() {
            let held: Vec<Owned> = self
                .bodies(
                    Table::Wider,
                    "SELECT body FROM wider WHERE count = 0 AND until > CAST(?1 AS INTEGER) AND name IN (SELECT value FROM json_each(?2)) \
                     AND ?3 IN ('', json_extract(body, '$.network')) ORDER BY until DESC",
                    &[&now.to_string(), &json(&passes)?, view.on],
                )?;
            if let Some(pass) = held.into_iter().find(good) {
                return Ok(Some(Owned {
                    resource: resource.to_owned(),
                    ..pass
                }));
            }
        }
        let owned: Vec<Owned> = self.bodies(
            Table::Owned,
            "SELECT body FROM owned WHERE resource = ?1 AND json_extract(body, '$.until') > CAST(?2 AS INTEGER) \
             AND ?3 IN ('', json_extract(body, '$.network')) ORDER BY json_extract(body, '$.until') DESC, rowid",
            &[resource, &now.to_string(), view.on],
        )?;
        Ok(owned.into_iter().find(good))
    }

    /// The payer's bundles of these names at a time, seen from a resource.
    pub(crate) fn bundles(&self, names: &[String], resource: &str, view: &View<'_>, now: u64) -> Result<Vec<Bundle>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        // the two tables come together
        let mut bundles: Vec<Bundle> = self.bodies(
            Table::Opened,
            "SELECT json_set(body, '$.count', count, '$.spent', (SELECT count(*) FROM opened WHERE opened.receipt = wider.receipt), \
             '$.has', EXISTS (SELECT 1 FROM opened WHERE opened.receipt = wider.receipt AND opened.resource = ?1)) \
             FROM wider WHERE count > 0 AND until > CAST(?2 AS INTEGER) AND name IN (SELECT value FROM json_each(?3)) \
             AND ?4 IN ('', json_extract(body, '$.network'))",
            &[resource, &now.to_string(), &json(&names)?, view.on],
        )?;
        bundles.retain(|bundle| !view.revoked.has(&bundle.owned.receipt));
        Ok(bundles)
    }

    /// How many articles a payer's bundles like the one with this receipt still open; none where it is no bundle's.
    pub(crate) fn left_of(&self, receipt: &str, now: u64, revoked: &Revoked) -> Result<Option<u32>> {
        let sql = "SELECT name FROM wider WHERE count > 0 AND receipt = ?";
        let names = self.texts(Table::Wider, sql, &[receipt])?;
        Ok((!names.is_empty()).then_some(ledger::left(&self.bundles(&names, "", &View::all(revoked), now)?)))
    }

    /// A bundle has opened a resource: noted once, however often it comes (insert or ignore), and the resource is owned.
    pub(crate) fn open_with(&self, bundle: &Owned, owned: &Owned) -> Result<()> {
        self.note_opened(bundle, &owned.resource)?;
        self.own(owned)
    }

    fn note_opened(&self, bundle: &Owned, resource: &str) -> Result<()> {
        self.make(Table::Opened)?;
        let sql = "INSERT INTO opened (receipt, resource, until) VALUES (?, ?, CAST(? AS INTEGER)) ON CONFLICT (receipt, resource) DO NOTHING";
        self.platform
            .sql(sql, &[&bundle.receipt, resource, &bundle.until.to_string()])
            .map(drop)
    }

    fn own(&self, owned: &Owned) -> Result<()> {
        // its transaction may turn out to be another than a facilitator named; a bundle may have opened it again since
        self.platform.sql(
            "INSERT INTO owned (resource, receipt, body) VALUES (?, ?, ?) ON CONFLICT (resource, receipt) DO UPDATE SET \
             body = json_set(excluded.body, '$.until', max(json_extract(excluded.body, '$.until'), json_extract(owned.body, '$.until')))",
            &[&owned.resource, &owned.receipt, &json(owned)?],
        )?;
        self.tidy_by(owned.until)
    }

    /// A time pass or a bundle that was bought; a bundle has opened the article that it was bought at.
    fn hold(&self, held: &Held) -> Result<()> {
        self.make(Table::Wider)?;
        self.make(Table::Opened)?;
        let owned = &held.owned;
        self.platform.sql(
            "INSERT INTO wider (receipt, name, count, until, body) VALUES (?, ?, CAST(? AS INTEGER), CAST(? AS INTEGER), ?) \
             ON CONFLICT (receipt) DO UPDATE SET until = excluded.until, body = excluded.body",
            &[
                &owned.receipt,
                &held.name,
                &held.count.unwrap_or(0).to_string(),
                &owned.until.to_string(),
                &json(owned)?,
            ],
        )?;
        if held.count.is_some() {
            self.note_opened(owned, &owned.resource)?;
        }
        self.tidy_by(owned.until)
    }

    /// Where a resource stands among what the payer bought.
    pub(crate) fn shelf(&self, resource: &str) -> Result<Shelf> {
        let long = Shelf::LONG.to_string();
        let last = self.texts(
            Table::Owned,
            "SELECT resource FROM owned ORDER BY rowid DESC LIMIT 1 OFFSET CAST(? AS INTEGER)",
            &[&long],
        )?;
        let Some(last) = last.into_iter().next() else {
            // there are too few for one to have so many after it
            return Ok(Shelf::default());
        };
        let since = self.texts(
            Table::Owned,
            "SELECT count(*) FROM owned WHERE rowid > (SELECT max(rowid) FROM owned WHERE resource = ?)",
            &[resource],
        )?;
        Ok(Shelf {
            aged: since
                .first()
                .and_then(|count| count.parse().ok())
                .is_some_and(|count: usize| count >= Shelf::LONG),
            last: Some(last.into()),
        })
    }

    /// Writes a row, and with it what its payer owns and what the books are to be told, if there are any; one
    /// synchronous step, so one transaction. The row comes last: whatever fails in between, the step is taken again,
    /// and all that belongs to it is written again.
    pub(crate) fn put(&self, before: Option<&Row>, row: &Row) -> Result<()> {
        self.last.take();
        self.make(Table::Payment)?;
        let now = self.platform.now();
        let news = self.platform.has_books().then(|| ledger::news(before, row)).flatten();
        let key = row.intent.key();
        // every event is newer than the one before, also where the row was forgotten between them
        let version = if news.is_some() { now.saturating_mul(1000) } else { 0 }.to_string();
        if let Some(news) = news {
            self.make(Table::Outbox)?;
            let due = now.saturating_add(DELIVERY_SECONDS).to_string();
            self.platform.sql(
                "INSERT INTO outbox (key, version, due, attempts, body) VALUES (?1, \
                 max(CAST(?2 AS INTEGER), ifnull((SELECT version + 1 FROM payment WHERE key = ?1), 0)), CAST(?3 AS INTEGER), 0, ?4) \
                 ON CONFLICT (key, version) DO UPDATE SET due = excluded.due, body = excluded.body",
                &[&key, &version, &due, &json(&news)?],
            )?;
        }
        if let Some(id) = &row.intent.identifier {
            self.make(Table::Identifier)?;
            self.platform.sql(
                "INSERT INTO identifier (id, key) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET key = excluded.key WHERE key <> excluded.key",
                &[id, &key],
            )?;
        }
        let leaves = self.leaves(&key)?.is_some();
        if leaves {
            // its payer wants none of it: it is not owned, though it may still be settled
        } else if let Some(held) = row.held() {
            self.hold(&held)?;
        } else if row.intent.offer.is_some() {
            // and all that a bundle has opened; what it opened stays noted, should it be settled again
            for (table, sql) in [
                (Table::Wider, "DELETE FROM wider WHERE receipt = ?"),
                (Table::Owned, "DELETE FROM owned WHERE receipt = ?"),
            ] {
                self.texts(table, sql, &[&row.intent.receipt])?;
            }
        }
        if leaves {
            // likewise
        } else if let Some(owned) = row.owned() {
            self.own(&owned)?;
        } else if before.is_some_and(|before| before.owned().is_some()) {
            // what a settlement gave goes with it, when its block was undone (threat A13)
            self.platform.sql(
                "DELETE FROM owned WHERE resource = ? AND receipt = ?",
                &[&row.intent.resource, &row.intent.receipt],
            )?;
        }
        let open = if row.is_open() { "1" } else { "0" };
        let retires = ledger::retire(row);
        let mut kept = row.clone();
        if retires.is_some() {
            // nothing can be begun with it any more: it needs no body for a facilitator
            kept.intent.request.clear();
        }
        // once the books were told
        let leaving = retires.filter(|_| leaves).map(|_| now.saturating_add(DELIVERY_SECONDS));
        let alarm = ledger::next_alarm(row)
            .into_iter()
            .chain(retires)
            .chain(leaving)
            .min()
            .unwrap_or(0)
            .to_string();
        self.platform
            .sql(
                "INSERT INTO payment (key, resource, open, alarm, version, body) VALUES (?, ?, ?, ?, CAST(? AS INTEGER), ?) \
                 ON CONFLICT (key) DO UPDATE SET open = excluded.open, alarm = excluded.alarm, body = excluded.body, \
                 version = CASE WHEN excluded.version > 0 THEN max(excluded.version, payment.version + 1) ELSE payment.version END",
                &[
                    &key,
                    &row.intent.resource,
                    open,
                    &alarm,
                    &version,
                    &json(&kept)?,
                ],
            )?;
        self.last.replace(Some((key, kept)));
        Ok(())
    }

    /// Tidying up is due at this time, unless it is due already.
    fn tidy_by(&self, until: u64) -> Result<()> {
        let sql = "INSERT INTO note (name, value) VALUES ('tidy', ?) ON CONFLICT (name) DO NOTHING";
        self.platform.sql(sql, &[&until.to_string()]).map(drop)
    }

    /// Forgets a row whose absence says the same by now. A settled one leaves its receipt for as long as what it
    /// bought is owned, and some time at least.
    pub(crate) fn forget(&self, row: &Row, now: u64) -> Result<()> {
        let key = row.intent.key();
        self.last.take();
        if let Phase::Settled { at, .. } = &row.phase {
            self.make(Table::Receipt)?;
            let wider = row.intent.offer.as_ref().map_or(0, |offer| offer.seconds);
            let kept = row.intent.seconds.unwrap_or(0).max(wider).max(RECEIPT_SECONDS);
            let until = at.saturating_add(kept);
            self.platform.sql(
                "INSERT INTO receipt (id, until, body) VALUES (?, CAST(? AS INTEGER), ?) ON CONFLICT (id) DO NOTHING",
                &[&row.intent.receipt, &until.to_string(), &json(&Standing::of(row, now))?],
            )?;
            self.tidy_by(until)?;
        }
        self.texts(Table::Identifier, "DELETE FROM identifier WHERE key = ?", &[&key])?;
        self.platform.sql("DELETE FROM payment WHERE key = ?", &[&key]).map(drop)
    }

    /// All rows, in the order of their coming.
    pub(crate) fn all(&self) -> Result<Vec<Row>> {
        self.bodies(Table::Payment, "SELECT body FROM payment ORDER BY rowid", &[])
    }

    /// Takes everything away that can go: what is owned, what is left of what was paid, and every row of which nothing can become. The
    /// others leave later, by the alarm. One synchronous step, so one transaction.
    pub(crate) fn erase(&self, marks: &Marks, keeps_books: bool) -> Result<Erased> {
        let mut erased = Erased::default();
        let now = self.platform.now();
        // of a service that was asked about the payer
        if self.has(Table::Note)? {
            self.platform
                .sql(&format!("DELETE FROM note WHERE name LIKE '{SCREENED}%'"), &[])?;
        }
        for row in self.all()? {
            if ledger::stays(&row).is_some() {
                self.make(Table::Leaving)?;
                let sql = "INSERT INTO leaving (key, keeps, at) VALUES (?, CAST(? AS INTEGER), CAST(? AS INTEGER)) \
                    ON CONFLICT (key) DO UPDATE SET keeps = excluded.keeps, at = excluded.at";
                let keeps = if keeps_books { "1" } else { "0" };
                self.platform.sql(sql, &[&row.intent.key(), keeps, &now.to_string()])?;
                erased.kept.push(row);
            } else {
                self.erase_row(&row, marks)?;
                erased.payments = erased.payments.saturating_add(1);
            }
        }
        for (table, count) in [
            (Table::Owned, &mut erased.owned),
            (Table::Wider, &mut erased.passes),
            (Table::Receipt, &mut erased.receipts),
            (Table::Opened, &mut 0),
        ] {
            if !self.has(table)? {
                continue;
            }
            if let Some(end) = table.ends().filter(|_| table != Table::Receipt) {
                let last = self.count(&format!("SELECT ifnull(max({end}), 0) FROM {}", table.name()), &[])?;
                erased.last = erased.last.max(last);
            }
            *count = self.count(&format!("SELECT count(*) FROM {}", table.name()), &[])?;
            self.platform.sql(&format!("DELETE FROM {}", table.name()), &[])?;
        }
        Ok(erased)
    }

    /// Takes a row away of which nothing can become; that its authorization was taken is remembered for as long as the row would have been.
    /// So is its transaction, which is evidence for no other payment (threat A10).
    pub(crate) fn erase_row(&self, row: &Row, marks: &Marks) -> Result<()> {
        self.last.take();
        let key = row.intent.key();
        let until = ledger::remembered(row).filter(|until| *until > self.platform.now());
        if let Some(until) = until {
            self.make(Table::Erased)?;
            let transaction = match &row.phase {
                Phase::Settled { transaction, .. } => Some(transaction.to_ascii_lowercase()),
                _ => None,
            };
            for name in [Some(key.clone()), transaction].into_iter().flatten() {
                let sql = "INSERT INTO erased (mark, until) VALUES (?, CAST(? AS INTEGER)) \
                    ON CONFLICT (mark) DO UPDATE SET until = max(until, excluded.until)";
                self.platform.sql(sql, &[&marks.of(&name), &until.to_string()])?;
            }
            // sooner than what was owned would have ended
            let sql = "INSERT INTO note (name, value) VALUES ('tidy', ?) ON CONFLICT (name) DO UPDATE SET \
                value = CAST(min(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER)) AS TEXT)";
            self.platform.sql(sql, &[&until.to_string()])?;
        }
        self.texts(Table::Identifier, "DELETE FROM identifier WHERE key = ?", &[&key])?;
        self.texts(Table::Leaving, "DELETE FROM leaving WHERE key = ?", &[&key])?;
        self.platform.sql("DELETE FROM payment WHERE key = ?", &[&key]).map(drop)
    }

    /// Whether a payment with this key, or by this transaction, was here and was erased.
    pub(crate) fn was_erased(&self, name: &str) -> Result<bool> {
        if !self.has(Table::Erased)? {
            return Ok(false);
        }
        let sql = "SELECT 1 FROM erased WHERE mark IN (SELECT value FROM json_each(?))";
        let found = self
            .platform
            .sql(sql, &[&json(&config::marks_of(&name.to_ascii_lowercase()))?])?;
        Ok(!found.is_empty())
    }

    /// Whether a row is erased as soon as nothing can become of it: whether the books keep it, and when that was wanted.
    pub(crate) fn leaves(&self, key: &str) -> Result<Option<(bool, u64)>> {
        let found = self.texts(Table::Leaving, "SELECT keeps || ' ' || at FROM leaving WHERE key = ?", &[key])?;
        let read = |line: &String| Some((line.starts_with('1'), line.split_once(' ')?.1.parse().ok()?));
        Ok(found.first().and_then(read))
    }

    /// Keys of the rows there are: what the books have of them is not to be touched yet.
    pub(crate) fn keys(&self) -> Result<Vec<String>> {
        self.texts(Table::Payment, "SELECT key FROM payment", &[])
    }

    /// Its payer pays with it again, and wants what that buys.
    pub(crate) fn spare(&self, key: &str) -> Result<()> {
        self.texts(Table::Leaving, "DELETE FROM leaving WHERE key = ?", &[key])
            .map(drop)
    }

    /// Whether there is anything of the payer's.
    pub(crate) fn any(&self) -> Result<bool> {
        for table in [Table::Payment, Table::Owned, Table::Wider, Table::Receipt, Table::Outbox] {
            let one = format!("SELECT 1 FROM {} LIMIT 1", table.name());
            if !self.texts(table, &one, &[])?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Drops what has ended; whether nothing at all is left.
    pub(crate) fn tidy(&self, now: u64) -> Result<bool> {
        if !self.has(Table::Payment)? {
            return Ok(false);
        }
        let tables = self.tables.borrow().clone().unwrap_or_default();
        let due = self.note("tidy")?.and_then(|at| at.parse().ok());
        if due.is_some_and(|due: u64| due <= now) {
            let ending = || tables.iter().filter_map(|table| Some((table.name(), table.ends()?)));
            for (name, end) in ending() {
                let sql = format!("DELETE FROM {name} WHERE {end} <= CAST(? AS INTEGER)");
                self.platform.sql(&sql, &[&now.to_string()])?;
            }
            let sql = format!(
                "DELETE FROM note WHERE name LIKE '{SCREENED}%' AND CAST(substr(value, instr(value, ' ')) AS INTEGER) <= CAST(? AS INTEGER)"
            );
            self.platform.sql(&sql, &[&now.to_string()])?;
            let ends: Vec<String> = ending()
                .map(|(name, end)| format!("SELECT min({end}) AS until FROM {name}"))
                .collect();
            let sql = format!("SELECT min(until) FROM ({})", ends.join(" UNION ALL "));
            let next = self.platform.sql(&sql, &[])?.first().and_then(|until| until.parse().ok());
            match next {
                Some(next) => {
                    let next = now.saturating_add(TIDY_SECONDS).max(next);
                    self.set_note("tidy", &next.to_string())?;
                }
                None => self.platform.sql("DELETE FROM note WHERE name = 'tidy'", &[]).map(drop)?,
            }
        }
        // all that can be kept, but for the time of the next tidying and what was said of the payer
        let anything: Vec<String> = tables
            .iter()
            .map(|table| {
                let but = match table {
                    Table::Note => format!(" WHERE name <> 'tidy' AND name NOT LIKE '{SCREENED}%'"),
                    _ => String::new(),
                };
                format!("EXISTS (SELECT 1 FROM {}{but})", table.name())
            })
            .collect();
        Ok(self.count(&format!("SELECT {}", anything.join(" OR ")), &[])? == 0)
    }

    /// The tables are gone, or about to be.
    pub(crate) fn gone(&self) {
        self.tables.replace(Some(Vec::new()));
        self.last.take();
    }

    /// A text that was noted under a name.
    pub(crate) fn note(&self, name: &str) -> Result<Option<String>> {
        Ok(self
            .texts(Table::Note, "SELECT value FROM note WHERE name = ?", &[name])?
            .pop())
    }

    /// Notes a text under a name.
    pub(crate) fn set_note(&self, name: &str, value: &str) -> Result<()> {
        self.make(Table::Note)?;
        let sql = "INSERT INTO note (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.platform.sql(sql, &[name, value]).map(drop)
    }

    /// Forgets what was noted under a name, if it is still this.
    pub(crate) fn drop_note(&self, name: &str, value: &str) -> Result<()> {
        let sql = "DELETE FROM note WHERE name = ? AND value = ?";
        self.texts(Table::Note, sql, &[name, value]).map(drop)
    }

    /// Whether the books are still to be told something.
    pub(crate) fn has_events(&self) -> Result<bool> {
        let found = self.texts(Table::Outbox, "SELECT 1 FROM outbox LIMIT 1", &[])?;
        Ok(!found.is_empty())
    }

    /// Some events that are to be delivered by now, with their versions in them. What failed often goes alone.
    pub(crate) fn due_events(&self, now: u64) -> Result<Vec<String>> {
        self.texts(
            Table::Outbox,
            "SELECT json_set(body, '$.version', version) FROM outbox WHERE due <= CAST(?1 AS INTEGER) ORDER BY attempts, version \
             LIMIT CASE WHEN (SELECT min(attempts) FROM outbox WHERE due <= CAST(?1 AS INTEGER)) < CAST(?2 AS INTEGER) \
             THEN CAST(?3 AS INTEGER) ELSE 1 END",
            &[&now.to_string(), &ALONE_AFTER.to_string(), &BATCH.to_string()],
        )
    }

    /// Nobody wants to be told any more.
    pub(crate) fn drop_events(&self) -> Result<()> {
        self.texts(Table::Outbox, "DELETE FROM outbox", &[]).map(drop)
    }

    /// The books have these.
    pub(crate) fn delivered(&self, ids: &[EventId]) -> Result<()> {
        for id in ids {
            let sql = "DELETE FROM outbox WHERE key = ? AND version = CAST(? AS INTEGER)";
            self.texts(Table::Outbox, sql, &[&id.key, &id.version.to_string()])?;
        }
        Ok(())
    }

    /// The books did not take these: they are tried again, later each time.
    pub(crate) fn postpone(&self, ids: &[EventId], now: u64) -> Result<()> {
        for id in ids {
            self.texts(
                Table::Outbox,
                "UPDATE outbox SET due = CAST(?1 AS INTEGER) + min(CAST(?2 AS INTEGER), CAST(?3 AS INTEGER) << min(attempts, 12)), \
                 attempts = attempts + 1 WHERE key = ?4 AND version = CAST(?5 AS INTEGER)",
                &[
                    &now.to_string(),
                    &MAX_RETRY_SECONDS.to_string(),
                    &RETRY_SECONDS.to_string(),
                    &id.key,
                    &id.version.to_string(),
                ],
            )?;
        }
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| "a row cannot be written".into())
}
