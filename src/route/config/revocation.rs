//! `revocation`: what of all that was given opens nothing any more.

use alloc::{string::String, vec::Vec};

use super::check::Check;
use crate::json::Value;

pub(super) const REVOCATION_KEYS: &[&str] = &["before", "list"];
/// The first and the last second of a time that is meant as one: milliseconds are beyond.
const TIMES: core::ops::RangeInclusive<u64> = 1..=4_294_967_295;

/// What opens nothing any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Whatever was issued under these `kid`s before these times, in Unix seconds.
    pub before: Vec<(String, u64)>,
    /// Whether there is a list of single purchases.
    pub list: bool,
}

impl Check {
    pub(super) fn revocation(&mut self, value: Option<&Value<'_>>) -> Revocation {
        let at = "revocation";
        let Some(value) = value else {
            return Revocation::default();
        };
        self.object(at, value, REVOCATION_KEYS);
        let mut before = Vec::new();
        if let Some(times) = value.get("before") {
            let kids = times.members().unwrap_or_default();
            for (kid, time) in kids {
                match time.integer().filter(|time| TIMES.contains(time)) {
                    Some(time) => before.push((kid.clone().into_owned(), time)),
                    None => self.wrong_member("revocation.before", kid, BEFORE),
                }
            }
            if times.members().is_none() {
                self.wrong("revocation.before", BEFORE);
            }
        }
        Revocation {
            before,
            list: self.flag(at, value, "list"),
        }
    }
}

const BEFORE: &str = "must name a kid of FARTHING_KEYS and a time in Unix seconds, not milliseconds: {\"k1\": 1790000000}";
