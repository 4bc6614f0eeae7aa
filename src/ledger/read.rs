//! Reading what the ledger has written, without serde: that would be a tenth of the Worker's size.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::{Audience, Floor, Intent, Owned, Phase, Row, Watch};
use crate::{
    evm::{Address, B256, Transfer, hex},
    json::{self, Value},
    x402::{Network, Wider},
};

/// What has a JSON form of its own.
pub trait Read: Sized {
    /// Reads it from its JSON; none if that is not one.
    /// ```
    /// use farthing::ledger::{Read, Row};
    /// assert!(Row::read("{}").is_none());
    /// ```
    fn read(text: &str) -> Option<Self> {
        Self::from_json(&json::parse(text).ok()?)
    }

    /// Reads it from a value.
    fn from_json(value: &Value<'_>) -> Option<Self>;
}

fn text(value: &Value<'_>, name: &str) -> Option<String> {
    value.get(name)?.text().map(ToOwned::to_owned)
}

/// A list of texts, which may be missing.
pub fn texts(value: &Value<'_>, name: &str) -> Vec<String> {
    let items = value.get(name).and_then(Value::items).unwrap_or_default();
    items.iter().filter_map(Value::text).map(ToOwned::to_owned).collect()
}

fn integer<T: TryFrom<u64>>(value: &Value<'_>, name: &str) -> Option<T> {
    value.get(name)?.integer()?.try_into().ok()
}

fn flag(value: &Value<'_>, name: &str) -> bool {
    value.get(name).and_then(Value::bool).unwrap_or_default()
}

fn address(value: &Value<'_>, name: &str) -> Option<Address> {
    hex::read(value.get(name)?.text()?).map(Address::new)
}

fn word(value: &Value<'_>, name: &str) -> Option<B256> {
    hex::read(value.get(name)?.text()?).map(B256::new)
}

fn network(value: &Value<'_>) -> Option<Network> {
    value.get("network")?.text()?.parse().ok()
}

/// A member that may be missing, and is good if it is there.
fn some<T>(value: &Value<'_>, name: &str, read: impl FnOnce(&Value<'_>) -> Option<T>) -> Option<Option<T>> {
    match value.get(name) {
        None => Some(None),
        Some(member) => read(member).map(Some),
    }
}

impl Read for Intent {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            resource: text(value, "resource")?,
            seconds: some(value, "seconds", |seconds| seconds.integer())?,
            offer: some(value, "offer", Wider::read)?,
            passes: texts(value, "passes"),
            version: integer(value, "version")?,
            network: network(value)?,
            asset: address(value, "asset")?,
            transfer: some(value, "transfer", |name| Transfer::read(name.text()?))?.unwrap_or_default(),
            metered: some(value, "metered", |digits| digits.integer()?.try_into().ok())?,
            upfront: flag(value, "upfront"),
            verify: flag(value, "verify"),
            contract: flag(value, "contract"),
            payer: address(value, "payer")?,
            pay_to: address(value, "payTo")?,
            amount: value.get("amount")?.text()?.parse().ok()?,
            nonce: word(value, "nonce")?,
            valid_before: integer(value, "validBefore")?,
            confirmations: integer(value, "confirmations").unwrap_or_default(),
            digest: text(value, "digest")?,
            secret: flag(value, "secret"),
            tagged: flag(value, "tagged"),
            identifier: text(value, "identifier"),
            address: text(value, "address")?,
            late: text(value, "late"),
            receipt: text(value, "receipt")?,
            audience: value.get("audience").and_then(Value::text).and_then(Audience::read),
            request: text(value, "request")?,
        })
    }
}

impl Read for Owned {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            payer: address(value, "payer")?,
            resource: text(value, "resource")?,
            receipt: text(value, "receipt")?,
            transaction: text(value, "transaction")?,
            network: network(value)?,
            until: integer(value, "until")?,
            pass: text(value, "pass"),
        })
    }
}

impl Read for Phase {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        if let Some(name) = value.text() {
            return Some(match name {
                "released" => Self::Released,
                "expired" => Self::Expired,
                "cancelled" => Self::Cancelled,
                "waived" => Self::Waived,
                "foreign" => Self::Foreign,
                _ => return None,
            });
        }
        let [(name, value)] = value.members()? else {
            return None;
        };
        Some(match name.as_ref() {
            "claimed" => Self::Claimed {
                deadline: integer(value, "deadline")?,
            },
            "settling" => Self::Settling {
                attempt: integer(value, "attempt")?,
                deadline: integer(value, "deadline")?,
            },
            "unknown" => Self::Unknown {
                since: integer(value, "since")?,
                attempts: integer(value, "attempts")?,
                checks: integer(value, "checks")?,
                next: integer(value, "next")?,
                looked: integer(value, "looked").unwrap_or_default(),
                told: text(value, "told"),
            },
            "settled" => Self::Settled {
                transaction: text(value, "transaction")?,
                at: integer(value, "at")?,
                block: integer(value, "block"),
                watch: some(value, "watch", |watch| {
                    Some(Watch {
                        next: integer(watch, "next")?,
                        checks: integer(watch, "checks")?,
                    })
                })?,
            },
            "rejected" => Self::Rejected {
                reason: text(value, "reason")?,
                at: integer(value, "at").unwrap_or_default(),
                closed: flag(value, "closed"),
                checks: integer(value, "checks").unwrap_or_default(),
            },
            _ => return None,
        })
    }
}

impl Read for Row {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            intent: Intent::from_json(value.get("intent")?)?,
            phase: Phase::from_json(value.get("phase")?)?,
            fence: integer(value, "fence")?,
            created: integer(value, "created")?,
            floor: some(value, "floor", |floor| {
                Some(Floor {
                    number: integer(floor, "number")?,
                    hash: word(floor, "hash")?,
                })
            })?,
            refused: text(value, "refused"),
            answered: integer(value, "answered"),
            delivered: flag(value, "delivered"),
            busy: integer(value, "busy").unwrap_or_default(),
            answers: integer(value, "answers").unwrap_or_default(),
            refusals: integer(value, "refusals").unwrap_or_default(),
            charge: some(value, "charge", |amount| amount.text()?.parse().ok())?,
        })
    }
}
