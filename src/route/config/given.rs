//! What is given away: `meter`, so many articles for each reader, and `gifts`, links that open an article for others.

use alloc::format;

use super::{
    check::{Check, place},
    routes::{DAY, duration},
};
use crate::json::Value;

pub(super) const METER_KEYS: &[&str] = &["articles", "per", "perAddress"];
pub(super) const GIFT_KEYS: &[&str] = &["perReader", "for"];

/// How many articles a reader gets for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Free {
    /// So many,
    pub articles: u16,
    /// in so many seconds,
    pub seconds: u64,
    /// and all readers of one network address together so many.
    pub per_address: u16,
}

/// How links are given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gifts {
    /// How many may open the link that a reader makes of an article they own; 0 means that only the publisher makes links.
    pub per_reader: u16,
    /// How long such a link lives, and how long it opens for, in seconds.
    pub seconds: u32,
}

impl Check {
    pub(super) fn meter(&mut self, value: Option<&Value<'_>>) -> Option<Free> {
        let value = value?;
        self.object("meter", value, METER_KEYS);
        let articles = self.number("meter", value, "articles", 1, 100).unwrap_or_else(|| {
            if value.get("articles").is_none() {
                self.wrong("meter.articles", "is missing: how many articles are free for each reader?");
            }
            1
        });
        let seconds = self.lasting("meter", value, "per").unwrap_or(30 * DAY);
        // a household, a small office
        let shared = articles.saturating_mul(10);
        let per_address = self.number("meter", value, "perAddress", 1, 10_000).unwrap_or(shared);
        if per_address < articles {
            self.wrong(
                "meter.perAddress",
                "is less than one reader may have: give at least meter.articles",
            );
        }
        Some(Free {
            articles,
            seconds,
            per_address,
        })
    }

    pub(super) fn gifts(&mut self, value: Option<&Value<'_>>) -> Option<Gifts> {
        let value = value?;
        self.object("gifts", value, GIFT_KEYS);
        let per_reader = self.number("gifts", value, "perReader", 0, 1000).unwrap_or(5);
        let seconds = self.lasting("gifts", value, "for").unwrap_or(14 * DAY);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Some(Gifts { per_reader, seconds })
    }

    /// A member that may be missing, and is a whole number in these bounds otherwise.
    fn number(&mut self, at: &str, object: &Value<'_>, name: &str, least: u16, most: u16) -> Option<u16> {
        let value = object.get(name)?;
        let number = value.integer().and_then(|number| u16::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong_member(at, name, format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    /// A member that may be missing, and is a duration otherwise.
    fn lasting(&mut self, at: &str, object: &Value<'_>, name: &str) -> Option<u64> {
        let text = self.text_if_any(at, object, name)?;
        let seconds = duration(&text);
        if seconds.is_none() {
            self.wrong(
                &place(at, name),
                format!("\"{text}\" is not a duration like \"30d\", \"12h\" or \"45m\""),
            );
        }
        seconds
    }
}
