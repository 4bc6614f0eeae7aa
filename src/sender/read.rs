//! Reading what was stored, and what a payer's ledger orders.

use super::{
    Job,
    job::{Order, Stage},
    slot::{Mined, Slot, Try},
    state::Lease,
};
use crate::{
    evm::Transfer,
    json::Value,
    ledger::{
        Read,
        read::{address, flag, integer, some, text, word},
    },
};

impl Read for Job {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            asset: address(value, "asset")?,
            payer: address(value, "payer")?,
            pay_to: address(value, "payTo")?,
            amount: value.get("amount")?.text()?.parse().ok()?,
            nonce: word(value, "nonce")?,
            valid_before: integer(value, "validBefore")?,
            transfer: Transfer::read(value.get("transfer")?.text()?)?,
            to: address(value, "to")?,
            data: text(value, "data")?,
        })
    }
}

impl Read for Stage {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        if let Some(name) = value.text() {
            return match name {
                "waiting" => Some(Self::Waiting),
                "open" => Some(Self::Open),
                _ => None,
            };
        }
        let [(name, value)] = value.members()? else {
            return None;
        };
        Some(match name.as_ref() {
            "fits" => Self::Fits {
                gas: integer(value, "gas")?,
            },
            "out" => Self::Out {
                nonce: integer(value, "nonce")?,
            },
            "done" => Self::Done {
                transaction: word(value, "transaction")?,
            },
            "refused" => Self::Refused {
                reason: text(value, "reason")?,
            },
            _ => return None,
        })
    }
}

impl Read for Order {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            job: Job::from_json(value.get("job")?)?,
            stage: Stage::from_json(value.get("stage")?)?,
            sent: flag(value, "sent"),
            reverted: flag(value, "reverted"),
            asked: integer(value, "asked")?,
            lease: Lease::default(),
        })
    }
}

impl Read for Try {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            hash: word(value, "hash")?,
            tip: integer(value, "tip")?,
            fee: integer(value, "fee")?,
            empty: flag(value, "empty"),
        })
    }
}

impl Read for Slot {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        let tries = value.get("tries")?.items()?.iter();
        Some(Self {
            tries: tries.map(Try::from_json).collect::<Option<_>>()?,
            sent_at: integer(value, "sent_at")?,
            priced_at: integer(value, "priced_at")?,
            block: integer(value, "block")?,
            sends: integer(value, "sends")?,
            mined: some(value, "mined", |mined| {
                Some(Mined {
                    block: integer(mined, "block")?,
                    at: integer(mined, "at")?,
                })
            })?,
            // what was made in another life may be in anybody's hands
            untaken: false,
            ..Self::new(text(value, "order"), integer(value, "gas")?)
        })
    }
}
