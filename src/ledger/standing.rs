//! How a payment stands, for whoever has its receipt's id, and for the publisher's books.

use alloc::{borrow::ToOwned, format, string::String};

use serde::Serialize;

use super::{Phase, Row, claim::retry_after};
use crate::{
    evm::{Address, hex},
    json::{self, Value},
    money::Amount,
    time,
    x402::{Network, extension::Writer},
};

/// How one payment stands.
/// ```
/// use farthing::ledger::Standing;
/// let text = r#"{"state":"settled","resource":"https://news.example/articles/x","network":"eip155:84532",
///     "asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payer":"0x0202020202020202020202020202020202020202",
///     "payTo":"0x0303030303030303030303030303030303030303","amount":"50000","seen":1800000000,
///     "transaction":"0x01","settledAt":1800000002}"#;
/// let standing = Standing::read(text).unwrap();
/// assert_eq!((standing.state.as_str(), standing.settled_at), ("settled", Some(1_800_000_002)));
/// let written = serde_json::to_string(&standing).unwrap();
/// assert_eq!(Standing::read(&written), Some(standing));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// `pending`, `settled`, `refused`, `expired`, `cancelled`, `waived`, `released` or `elsewhere`.
    pub state: String,
    /// Canonical URL of what is bought.
    pub resource: String,
    /// The name of the wider offer that was bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
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
    /// What moves, in atomic units; of a metered payment what was used, once that is known.
    pub amount: Amount,
    /// Unix seconds of the first claim.
    pub seen: u64,
    /// The transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// Unix seconds since when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<u64>,
    /// Why it was refused: the facilitator's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Seconds after which it makes sense to ask again, while pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// One word for a phase.
const fn state(phase: &Phase) -> &'static str {
    match phase {
        Phase::Claimed { .. } | Phase::Settling { .. } | Phase::Unknown { .. } => "pending",
        Phase::Settled { .. } => "settled",
        Phase::Rejected { .. } => "refused",
        Phase::Expired => "expired",
        Phase::Cancelled => "cancelled",
        Phase::Waived => "waived",
        Phase::Released => "released",
        Phase::Foreign => "elsewhere",
    }
}

impl Standing {
    /// How a row stands at a time.
    pub fn of(row: &Row, now: u64) -> Self {
        let (intent, phase) = (&row.intent, &row.phase);
        let (transaction, settled_at) = match phase {
            Phase::Settled { transaction, at, .. } => (Some(transaction.clone()), Some(*at)),
            _ => (None, None),
        };
        let reason = match phase {
            Phase::Rejected { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        Self {
            state: state(phase).to_owned(),
            resource: intent.resource.clone(),
            offer: intent.offer.as_ref().map(|offer| offer.name.clone()),
            network: intent.network,
            asset: intent.asset,
            payer: intent.payer,
            pay_to: intent.pay_to,
            amount: row.charged(),
            seen: row.created,
            transaction,
            settled_at,
            reason,
            retry_after: row.is_open().then(|| retry_after(row, now)),
        }
    }

    /// Its members, for who paid: times as texts, amounts in atomic units.
    pub(crate) fn write(&self, body: &mut Writer) {
        body.text("state", &self.state);
        body.text("resource", &self.resource);
        body.some_text("offer", self.offer.as_deref());
        body.text("network", &format!("{}", self.network));
        body.text("asset", &self.asset.to_checksum(None));
        body.text("payTo", &self.pay_to.to_checksum(None));
        body.text("amount", &format!("{}", self.amount));
        body.some_text("transaction", self.transaction.as_deref());
        body.some_text("reason", self.reason.as_deref());
        body.some_text("firstSeen", time::print(self.seen).as_deref());
        body.some_text("settledAt", self.settled_at.and_then(time::print).as_deref());
    }

    /// Reads one; none if it is not one.
    pub fn read(text: &str) -> Option<Self> {
        let json = json::parse(text).ok()?;
        let text = |name| json.get(name).and_then(Value::text);
        let owned = |name| text(name).map(ToOwned::to_owned);
        let integer = |name| json.get(name).and_then(Value::integer);
        let address = |name| text(name).and_then(hex::read).map(Address::new);
        Some(Self {
            state: owned("state")?,
            resource: owned("resource")?,
            offer: owned("offer"),
            network: text("network")?.parse().ok()?,
            asset: address("asset")?,
            payer: address("payer")?,
            pay_to: address("payTo")?,
            amount: text("amount")?.parse().ok()?,
            seen: integer("seen")?,
            transaction: owned("transaction"),
            settled_at: integer("settledAt"),
            reason: owned("reason"),
            retry_after: integer("retryAfter"),
        })
    }
}
