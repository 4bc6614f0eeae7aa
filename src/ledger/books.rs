//! What the publisher's books say of a payment: one entry for each authorization, which only what is newer overwrites.

use alloc::string::String;

use serde::Serialize;

use super::{Audience, Phase, Row};
use crate::{
    evm::{Address, hex},
    money::Amount,
    x402::Network,
};

/// An entry of the books.
///
/// A claim is none, and neither is an attempt that is under way for the first time: money has neither moved nor
/// been refused.
/// ```
/// use farthing::ledger::{Claim, Event, Intent, Payer, Screened, Settlement, Terms, Work, claim, entry, step};
/// # let intent: Intent = serde_json::from_str(r#"{
/// #    "resource": "https://news.example/articles/x", "seconds": 2592000, "version": 2, "network": "eip155:84532",
/// #    "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": "0x0202020202020202020202020202020202020202",
/// #    "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
/// #    "nonce": "0x0404040404040404040404040404040404040404040404040404040404040404", "validBefore": 1800000300,
/// #    "digest": "d", "secret": true, "tagged": true, "address": "", "receipt": "r", "request": "{}"
/// # }"#).unwrap();
/// # let nobody = Payer { same: None, named: None, other_open: false, open: 0, refused: 0, owned: None, credit: None, verified: false,
/// #    screened: Screened::Allowed };
/// # let (now, terms) = (1_800_000_000, Terms { timeout: 20, confirmations: 0, readable: true });
/// # let Claim::Won(row) = claim(nobody, &intent, now) else { panic!() };
/// let (settling, work) = step(&row, Event::OriginReady { fence: row.fence, charge: None }, now, &terms);
/// assert_eq!(entry(&settling), None);
/// # let Work::Settle { fence } = work else { panic!() };
/// let settlement = Settlement::Done { transaction: "0x01".into() };
/// let (settled, _) = step(&settling, Event::Answered { fence, settlement }, now, &terms);
/// let entry = entry(&settled).unwrap();
/// assert_eq!((entry.state, entry.transaction, entry.settled_at), ("settled", Some("0x01"), Some(now)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    /// The authorization (see [`Intent::key`](super::Intent::key)).
    pub key: String,
    /// `unknown`, `settled`, `refused`, `expired`, `cancelled`, `waived` or `elsewhere`.
    pub state: &'static str,
    /// Id of the receipt.
    pub receipt: &'a str,
    /// Canonical URL of what is bought.
    pub resource: &'a str,
    /// The name of the wider offer that is bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<&'a str>,
    /// Who pays, where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// Where the asset lives.
    pub network: Network,
    /// Token contract.
    #[serde(with = "hex::address")]
    pub asset: Address,
    /// Who pays.
    #[serde(with = "hex::address")]
    pub payer: Address,
    /// Who is paid.
    #[serde(with = "hex::address")]
    pub pay_to: Address,
    /// What was authorized, in atomic units.
    pub amount: Amount,
    /// What moved, once it has; nothing for what was waived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged: Option<Amount>,
    /// The transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<&'a str>,
    /// The facilitator's code for a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Unix seconds of the first claim.
    pub first_seen: u64,
    /// Unix seconds since when it is known as settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<u64>,
}

/// What the books say of a row; none while there is nothing to say.
pub fn entry(row: &Row) -> Option<Entry<'_>> {
    let mut entry = Entry {
        key: row.intent.key(),
        state: "unknown",
        receipt: &row.intent.receipt,
        resource: &row.intent.resource,
        offer: row.intent.offer.as_ref().map(|offer| offer.name.as_str()),
        audience: row.intent.audience,
        network: row.intent.network,
        asset: row.intent.asset,
        payer: row.intent.payer,
        pay_to: row.intent.pay_to,
        amount: row.intent.amount,
        charged: None,
        transaction: None,
        reason: None,
        first_seen: row.created,
        settled_at: None,
    };
    match &row.phase {
        Phase::Claimed { .. } | Phase::Released | Phase::Settling { attempt: 1, .. } => return None,
        // another attempt of what is unknown is as unknown
        Phase::Settling { .. } => {}
        Phase::Unknown { told, .. } => entry.transaction = told.as_deref(),
        Phase::Settled { transaction, at, .. } => {
            entry.state = "settled";
            entry.charged = Some(row.charged());
            entry.transaction = Some(transaction);
            entry.settled_at = Some(*at);
        }
        Phase::Rejected { reason, .. } => {
            entry.state = "refused";
            entry.reason = Some(reason);
        }
        Phase::Expired => entry.state = "expired",
        Phase::Cancelled => entry.state = "cancelled",
        Phase::Waived => {
            entry.state = "waived";
            entry.charged = Some(Amount::ZERO);
        }
        Phase::Foreign => entry.state = "elsewhere",
    }
    Some(entry)
}

/// What the books have to be told after a step: the new entry, where it says something else than the one before.
pub fn news<'a>(before: Option<&Row>, after: &'a Row) -> Option<Entry<'a>> {
    let old = before.and_then(entry);
    entry(after).filter(|new| old.as_ref() != Some(new))
}
