//! What the ledger answers to the gate.

use alloc::{borrow::ToOwned, boxed::Box, string::String};

use serde::Serialize;

use super::{Bundle, Owned, Phase, Row, bundle};
use crate::{
    evm::{Address, hex},
    json::{self, Value},
    money::Amount,
    problem::Problem,
    x402::{
        Network,
        reason::{Family, family},
    },
};

/// The ledger's answer about a payment.
/// ```
/// use farthing::{ledger::Reply, problem::Problem};
/// let reply = Reply::refuse_for_now(Problem::TooManyRequests, "https://news.example/articles/x", 5);
/// let text = serde_json::to_string(&reply).unwrap();
/// assert_eq!(text, r#"{"refuse":{"problem":"too-many-requests","resource":"https://news.example/articles/x","retryAfter":5}}"#);
/// assert_eq!(Reply::read(&text), Some(reply));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// This request owns the authorization: fetch the origin, then settle or release.
    Fetch {
        /// The authorization.
        key: String,
        /// Proof of ownership.
        fence: u64,
    },
    /// Deliver the article.
    Deliver(Grant),
    /// Not owned, and the payer has a bundle that would open it: deliver nothing, for only a spend may.
    Left(Left),
    /// Deliver nothing.
    Refuse(Refused),
}

/// What is left of a payer's bundles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// Canonical URL of what was asked for.
    pub resource: String,
    /// Whose they are.
    #[serde(with = "hex::address")]
    pub payer: Address,
    /// How many articles they open.
    pub left: u32,
}

/// A right to the article, with what its answer has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Canonical URL.
    pub resource: String,
    /// Who paid.
    #[serde(with = "hex::address")]
    pub payer: Address,
    /// Receipt id.
    pub receipt: String,
    /// The transfer; empty where nothing was used of a metered payment.
    pub transaction: String,
    /// Its network.
    pub network: Network,
    /// What this payment moved, in atomic units; none where another did, and this one nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged: Option<Amount>,
    /// Whether that may be less than what was signed.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub metered: bool,
    /// Until when a pass may be made, Unix seconds; none makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The name of the time pass that opens it, for which the pass is made then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<String>,
    /// How many articles the payer's bundles still open, where one of them has opened this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
    /// What lies between it and the payer's last purchase.
    #[serde(default, skip_serializing_if = "Shelf::is_plain")]
    pub shelf: Shelf,
    /// The payer is a contract, which is another one at the same address of another chain: no handle.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub contract: bool,
    /// The authorization to report as delivered once the whole answer went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// The same payment was answered with the article before.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub again: bool,
}

/// The payer's articles in the order in which they were bought: a browser keeps the passes of the last of them (threat E9).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shelf {
    /// So many were bought since that this one's pass is to live for a short time alone.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub aged: bool,
    /// The canonical URL of the one whose pass makes room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Box<str>>,
}

impl Shelf {
    /// How many articles of a site have a pass that lives as long as they are owned. Browsers keep some 180 cookies of a domain, the
    /// publisher's own among them.
    pub const LONG: usize = 40;

    fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// Slug of the problem.
    pub problem: String,
    /// Canonical URL.
    pub resource: String,
    /// The facilitator's code, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Seconds after which the same request makes sense again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Id of the receipt that the payment will have, for who may ask how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

impl Reply {
    /// Reads a reply; none if it is not one.
    pub fn read(text: &str) -> Option<Self> {
        let json = json::parse(text).ok()?;
        let [(kind, value)] = json.members()? else {
            return None;
        };
        let text = |name| value.get(name).and_then(Value::text);
        let owned = |name| text(name).map(ToOwned::to_owned);
        let integer = |name| value.get(name).and_then(Value::integer);
        Some(match kind.as_ref() {
            "fetch" => Self::Fetch {
                key: owned("key")?,
                fence: integer("fence")?,
            },
            "deliver" => Self::Deliver(Grant {
                resource: owned("resource")?,
                payer: hex::read(text("payer")?).map(Address::new)?,
                receipt: owned("receipt")?,
                transaction: owned("transaction")?,
                network: text("network")?.parse().ok()?,
                charged: match text("charged") {
                    Some(amount) => Some(amount.parse().ok()?),
                    None => None,
                },
                metered: value.get("metered").and_then(Value::bool).unwrap_or_default(),
                until: integer("until"),
                pass: owned("pass"),
                left: integer("left").and_then(|left| left.try_into().ok()),
                shelf: match value.get("shelf") {
                    Some(shelf) => Shelf {
                        aged: shelf.get("aged").and_then(Value::bool).unwrap_or_default(),
                        last: shelf.get("last").and_then(Value::text).map(Into::into),
                    },
                    None => Shelf::default(),
                },
                contract: value.get("contract").and_then(Value::bool).unwrap_or_default(),
                report: owned("report"),
                again: value.get("again").and_then(Value::bool).unwrap_or_default(),
            }),
            "left" => Self::Left(Left {
                resource: owned("resource")?,
                payer: hex::read(text("payer")?).map(Address::new)?,
                left: integer("left")?.try_into().ok()?,
            }),
            "refuse" => Self::Refuse(Refused {
                problem: owned("problem")?,
                resource: owned("resource")?,
                reason: owned("reason"),
                retry_after: integer("retryAfter"),
                receipt: owned("receipt"),
            }),
            _ => return None,
        })
    }

    /// A refusal of a kind.
    pub fn refuse(problem: Problem, resource: &str) -> Self {
        Self::Refuse(Refused {
            problem: problem.slug().into(),
            resource: resource.into(),
            reason: None,
            retry_after: None,
            receipt: None,
        })
    }

    /// `settlement-pending`.
    pub fn pending(resource: &str, retry_after: u64) -> Self {
        Self::refuse_for_now(Problem::SettlementPending, resource, retry_after)
    }

    /// A refusal of a kind that is worth repeating after so many seconds.
    pub fn refuse_for_now(problem: Problem, resource: &str, retry_after: u64) -> Self {
        Self::Refuse(Refused {
            problem: problem.slug().into(),
            resource: resource.into(),
            reason: None,
            retry_after: Some(retry_after),
            receipt: None,
        })
    }

    /// The facilitator refused; the same payment is not tried again for so many seconds.
    pub fn rejected(resource: &str, reason: &str, retry_after: Option<u64>) -> Self {
        Self::Refuse(Refused {
            problem: problem_of(reason).slug().into(),
            resource: resource.into(),
            reason: Some(reason.into()),
            retry_after,
            receipt: None,
        })
    }

    /// What a payer is told who owns bundles and not the article; none where nothing is left in them.
    pub fn left(bundles: &[Bundle], resource: &str) -> Option<Self> {
        Some(Self::Left(Left {
            resource: resource.into(),
            payer: bundle::from_which(bundles)?.owned.payer,
            left: bundle::left(bundles),
        }))
    }

    /// A refusal that says where its payment's standing is told: what was refused may settle all the same.
    pub fn with_receipt(mut self, id: &str) -> Self {
        if let Self::Refuse(refused) = &mut self {
            refused.receipt = Some(id.to_owned());
        }
        self
    }

    /// The article, for a settled row.
    pub fn deliver(row: &Row, mint: bool) -> Option<Self> {
        let (transaction, at) = match &row.phase {
            Phase::Settled { transaction, at, .. } => (transaction.clone(), *at),
            Phase::Waived => (String::new(), row.created),
            _ => return None,
        };
        let pass = row.intent.offer.as_ref().filter(|offer| offer.count.is_none());
        let seconds = pass.map_or(row.intent.seconds, |pass| Some(pass.seconds));
        let until = seconds.map(|seconds| at.saturating_add(seconds));
        Some(Self::Deliver(Grant {
            resource: row.intent.resource.clone(),
            payer: row.intent.payer,
            receipt: row.intent.receipt.clone(),
            transaction,
            network: row.intent.network,
            charged: Some(row.charged()),
            metered: row.charge.is_some(),
            until: until.filter(|_| mint),
            pass: pass.map(|pass| pass.name.clone()),
            left: None,
            shelf: Shelf::default(),
            contract: row.intent.contract,
            // what proves itself may be asked for again anyway
            report: (!row.intent.proves(&row.intent) || row.intent.seconds.is_none()).then(|| row.intent.key()),
            again: row.answered.is_some(),
        }))
    }

    /// The article, for what its payer owns; only who is known to be the payer gets a pass along, and no
    /// contract gets a handle.
    pub fn deliver_owned(owned: &Owned, mint: bool, contract: bool) -> Self {
        Self::Deliver(Grant {
            resource: owned.resource.clone(),
            payer: owned.payer,
            receipt: owned.receipt.clone(),
            transaction: owned.transaction.clone(),
            network: owned.network,
            charged: None,
            metered: false,
            until: mint.then_some(owned.until),
            pass: owned.pass.clone(),
            left: None,
            shelf: Shelf::default(),
            contract,
            report: None,
            again: false,
        })
    }
}

/// What a facilitator's reason comes to.
pub(super) fn problem_of(reason: &str) -> Problem {
    match family(reason) {
        Family::Funds => Problem::InsufficientFunds,
        Family::Allowance => Problem::AllowanceRequired,
        Family::Expired => Problem::AuthorizationExpired,
        Family::Early => Problem::AuthorizationNotYetValid,
        Family::Signature => Problem::SignatureInvalid,
        Family::Wallet => Problem::SignatureUnsupported,
        _ => Problem::SettlementRefused,
    }
}
