//! The day's settlements: an object that counts them for the whole site, and what this isolate has leased of it.
//!
//! A claim that would begin one takes it from the lease; only an empty lease costs a question (threat B8).

use std::cell::RefCell;

use farthing::ledger::{Leased, Quota};

use crate::platform::{Platform, Result};

/// The object that counts; no payer's has this name.
const OBJECT: &str = "quota";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS quota (day INTEGER NOT NULL, used INTEGER NOT NULL)";

thread_local! {
    static LEASED: RefCell<Leased> = RefCell::default();
}

/// Forgets the lease.
pub(crate) fn reset() {
    LEASED.take();
}

/// Takes one settlement from the lease, if there is one.
pub(crate) fn take(now: u64) -> bool {
    LEASED.with_borrow_mut(|leased| leased.take(now))
}

/// Gives one back: it was not begun after all.
pub(crate) fn give(now: u64) {
    LEASED.with_borrow_mut(|leased| leased.give(now));
}

/// Leases more; whether there was any.
pub(crate) async fn lease(platform: &Platform) -> Result<bool> {
    let wanted = LEASED.with_borrow(|leased| leased.wanted(platform.now()));
    let granted = platform.call(OBJECT, "lease", &wanted.to_string()).await?;
    let granted = granted.parse().map_err(|_| "a lease cannot be read")?;
    LEASED.with_borrow_mut(|leased| leased.add(platform.now(), granted));
    Ok(granted > 0)
}

/// The counter's side: hands out up to so many.
pub(crate) fn grant(platform: &Platform, per_day: u64, wanted: &str) -> Result<String> {
    let wanted = wanted.parse().map_err(|_| "a lease cannot be read")?;
    platform.sql(TABLE, &[])?;
    let kept = platform.sql("SELECT day || ' ' || used FROM quota", &[])?;
    let mut quota = kept
        .first()
        .map_or(Ok(Quota::default()), |text| read(text).ok_or("the counter cannot be read"))?;
    let (granted, mark) = quota.lease(platform.now(), per_day, wanted);
    platform.sql("DELETE FROM quota", &[])?;
    let Quota { day, used } = quota;
    platform.sql(
        "INSERT INTO quota (day, used) VALUES (?, ?)",
        &[&day.to_string(), &used.to_string()],
    )?;
    if let Some(mark) = mark {
        platform.say("limit", &[("limit", "settlementsPerDay"), ("percent", mark.percent())]);
    }
    Ok(granted.to_string())
}

fn read(text: &str) -> Option<Quota> {
    let (day, used) = text.split_once(' ')?;
    Some(Quota {
        day: day.parse().ok()?,
        used: used.parse().ok()?,
    })
}
