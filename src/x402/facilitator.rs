//! What facilitators answer: `/verify`, `/settle`, `/supported` and `/discovery/resources`
//! (x402 specification v2, section 7), read leniently where they differ.
//!
//! Statuses say little (some answer 400 or 500 with the same JSON), explicit nulls stand for absent
//! members, and members nobody knows are left alone.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use serde::Serialize;

use super::{Network, v2::Scheme};
use crate::{
    evm::{Address, hex},
    json::{self, Value},
    money::Amount,
};

/// A facilitator's answer to `/verify`.
///
/// ```
/// use farthing::x402::facilitator::VerifyResponse;
/// let answer = VerifyResponse::read(r#"{"isValid":false,"invalidReason":"insufficient_funds","payer":null}"#).unwrap();
/// assert_eq!(answer.reason.as_deref(), Some("insufficient_funds"));
/// assert_eq!(VerifyResponse::read(r#"{"isValid":"yes"}"#), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyResponse {
    /// Whether the payment could be settled now.
    pub valid: bool,
    /// `invalidReason`: an open code.
    pub reason: Option<String>,
    /// Who would pay.
    pub payer: Option<String>,
}

impl VerifyResponse {
    /// Reads an answer; none without a boolean `isValid`.
    pub fn read(body: &str) -> Option<Self> {
        let json = json::parse_nested(body, json::MAX_ANNOUNCED_DEPTH).ok()?;
        Some(Self {
            valid: json.get("isValid")?.bool()?,
            reason: owned(&json, "invalidReason"),
            payer: owned(&json, "payer"),
        })
    }
}

/// A settled or refused payment: `PAYMENT-RESPONSE`, and a facilitator's answer to `/settle`.
///
/// ```
/// use farthing::x402::facilitator::SettleResponse;
/// let answer = SettleResponse::read(r#"{"success":true,"transaction":"0x12","network":"eip155:8453","errorReason":null}"#).unwrap();
/// assert!(answer.success && answer.error_reason.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleResponse {
    /// Whether money moved.
    pub success: bool,
    /// The facilitator's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// The transaction, empty on failure.
    pub transaction: String,
    /// CAIP-2, or a v1 slug.
    pub network: String,
    /// Who paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// `upto`: what was charged, in atomic units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
}

impl SettleResponse {
    /// Reads an answer; none without a boolean `success`.
    pub fn read(body: &str) -> Option<Self> {
        let json = json::parse_nested(body, json::MAX_ANNOUNCED_DEPTH).ok()?;
        Some(Self {
            success: json.get("success")?.bool()?,
            error_reason: owned(&json, "errorReason"),
            transaction: owned(&json, "transaction").unwrap_or_default(),
            network: owned(&json, "network").unwrap_or_default(),
            payer: owned(&json, "payer"),
            amount: owned(&json, "amount"),
        })
    }
}

/// One entry of `/supported`: what a facilitator settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportedKind {
    /// Protocol version.
    pub version: u64,
    /// Of the schemes we know.
    pub scheme: Scheme,
    /// Where.
    pub network: Network,
    /// `upto`: the address to be signed as facilitator.
    pub facilitator: Option<Address>,
}

/// An entry of `/supported` for every EVM network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Everywhere {
    /// Protocol version.
    pub version: u64,
    /// Of the schemes we know.
    pub scheme: Scheme,
    /// `upto`: the address to be signed as facilitator.
    pub facilitator: Option<Address>,
}

/// A facilitator's answer to `/supported`.
///
/// ```
/// use farthing::x402::{Network, facilitator::Supported, v2::Scheme};
/// let answer = Supported::read(r#"{"kinds":[
///     {"x402Version":2,"scheme":"exact","network":"eip155:84532"},
///     {"x402Version":1,"scheme":"exact","network":"base-sepolia"},
///     {"x402Version":2,"scheme":"exact","network":"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"}],
///   "extensions":["bazaar"],"signers":{"eip155:*":["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]}}"#).unwrap();
/// assert_eq!(answer.kinds.len(), 2);
/// assert!(answer.settles(2, Scheme::Exact, Network::BASE_SEPOLIA));
/// assert!(answer.extensions.iter().any(|name| name == "bazaar"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supported {
    /// Kinds on EVM networks and of schemes that we know; others are left out.
    pub kinds: Vec<SupportedKind>,
    /// Kinds on every EVM network (`eip155:*`).
    pub everywhere: Vec<Everywhere>,
    /// Extensions.
    pub extensions: Vec<String>,
    /// Addresses that settle on EVM networks.
    pub signers: Vec<Address>,
}

impl Supported {
    /// Reads an answer; none without a list of kinds.
    pub fn read(body: &str) -> Option<Self> {
        let json = json::parse(body).ok()?;
        let all = json.get("kinds")?.items()?;
        let kinds = all.iter().filter_map(kind).collect();
        let everywhere = all.iter().filter_map(everywhere).collect();
        let extensions = texts(json.get("extensions")).map(ToOwned::to_owned).collect();
        let signers = json.get("signers").and_then(Value::members).unwrap_or_default();
        let signers = signers.iter().filter(|(family, _)| family.starts_with("eip155:"));
        let signers = signers
            .flat_map(|(_, addresses)| texts(Some(addresses)))
            .filter_map(|text| hex::read(text).map(Address::new))
            .collect();
        Some(Self {
            kinds,
            everywhere,
            extensions,
            signers,
        })
    }

    /// Whether such a payment is settled.
    pub fn settles(&self, version: u64, scheme: Scheme, network: Network) -> bool {
        self.settler(version, scheme, network).is_some()
    }

    /// The address that has to be signed for such a payment, where one is told; none at all where it is not settled.
    pub fn settler(&self, version: u64, scheme: Scheme, network: Network) -> Option<Option<Address>> {
        let here = self.kinds.iter().filter(|kind| kind.network == network);
        let here = here.map(|kind| (kind.version, kind.scheme, kind.facilitator));
        let everywhere = self
            .everywhere
            .iter()
            .map(|kind| (kind.version, kind.scheme, kind.facilitator));
        here.chain(everywhere)
            .find(|kind| (kind.0, kind.1) == (version, scheme))
            .map(|kind| kind.2)
    }
}

fn kind(json: &Value<'_>) -> Option<SupportedKind> {
    let network = json.get("network")?.text()?;
    let Everywhere {
        version,
        scheme,
        facilitator,
    } = kind_of(json)?;
    Some(SupportedKind {
        version,
        scheme,
        network: network.parse().ok().or_else(|| Network::from_v1_slug(network))?,
        facilitator,
    })
}

fn everywhere(json: &Value<'_>) -> Option<Everywhere> {
    (json.get("network")?.text()? == "eip155:*").then(|| kind_of(json))?
}

/// A kind but for its network.
fn kind_of(json: &Value<'_>) -> Option<Everywhere> {
    let facilitator = json
        .get("extra")
        .and_then(|extra| extra.get("facilitatorAddress"))
        .and_then(Value::text);
    Some(Everywhere {
        version: json.get("x402Version")?.integer()?,
        scheme: Scheme::read(json.get("scheme")?.text()?)?,
        facilitator: facilitator.and_then(hex::read).map(Address::new),
    })
}

/// One entry of `/discovery/resources`: something for sale somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// URL.
    pub resource: String,
    /// `http` or `mcp`.
    pub kind: String,
    /// Protocol version of its offers.
    pub version: u64,
    /// The cheapest-first order is the seller's; each entry byte for byte, to be read as an offer.
    pub accepts: Vec<String>,
}

/// Reads a page of `/discovery/resources`: its entries and how many there are in all.
///
/// ```
/// use farthing::x402::facilitator::read_discovery;
/// let (items, total) = read_discovery(r#"{"x402Version":2,"items":[{"resource":"https://n.example/a",
///   "type":"http","x402Version":2,"accepts":[{"scheme":"exact"}],"lastUpdated":"2026-11-01T00:00:00Z"}],
///   "pagination":{"limit":20,"offset":0,"total":1}}"#).unwrap();
/// assert_eq!((items[0].accepts[0].as_str(), total), (r#"{"scheme":"exact"}"#, 1));
/// ```
pub fn read_discovery(body: &str) -> Option<(Vec<Discovered>, u64)> {
    let json = json::parse(body).ok()?;
    let item = |json: &Value<'_>| {
        Some(Discovered {
            resource: owned(json, "resource")?,
            kind: owned(json, "type")?,
            version: json.get("x402Version")?.integer()?,
            accepts: json.get("accepts")?.items()?.iter().map(|one| one.raw().to_owned()).collect(),
        })
    };
    let items: Vec<_> = json.get("items")?.items()?.iter().filter_map(item).collect();
    let total = json
        .get("pagination")
        .and_then(|page| page.get("total"))
        .and_then(Value::integer);
    Some((items, total.unwrap_or_default()))
}

/// An amount that a settlement names, if it names a plain one.
pub fn charged(answer: &SettleResponse) -> Option<Amount> {
    answer.amount.as_deref()?.parse().ok()
}

fn owned(json: &Value<'_>, name: &str) -> Option<String> {
    json.get(name).and_then(Value::text).map(ToOwned::to_owned)
}

fn texts<'a>(json: Option<&'a Value<'_>>) -> impl Iterator<Item = &'a str> {
    json.and_then(Value::items).unwrap_or_default().iter().filter_map(Value::text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};

    #[test]
    fn s4_an_answer_may_carry_extensions_as_deep_as_schemas_are() {
        // the offer-receipt extension of npm 2.27 nests ten deep in an answer
        let deep = format!("{}{}", "{\"a\":".repeat(20), "1") + &"}".repeat(20);
        let settled = format!(r#"{{"success":true,"transaction":"0x12","network":"eip155:8453","extensions":{deep}}}"#);
        assert!(SettleResponse::read(&settled).is_some_and(|answer| answer.success));
        let verified = format!(r#"{{"isValid":true,"extensions":{deep}}}"#);
        assert!(VerifyResponse::read(&verified).is_some_and(|answer| answer.valid));
        let endless = format!(r#"{{"isValid":true,"extensions":{}"#, "[".repeat(100_000));
        assert_eq!(VerifyResponse::read(&endless), None);
    }

    #[test]
    fn what_is_supported_is_what_can_be_read_of_it() {
        let signer = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
        let body = r#"{"kinds": [
            {"x402Version": 2, "scheme": "exact", "network": "eip155:8453"},
            {"x402Version": 1, "scheme": "exact", "network": "base-sepolia", "extra": null},
            {"x402Version": 2, "scheme": "upto", "network": "eip155:84532", "extra": {"facilitatorAddress": "SIGNER"}},
            {"x402Version": 2, "scheme": "deferred", "network": "eip155:8453"},
            {"x402Version": 3, "scheme": "upto", "network": "eip155:*", "extra": {"facilitatorAddress": "SIGNER"}},
            {"x402Version": 3, "scheme": "exact", "network": "solana:*"},
            {"x402Version": 2, "scheme": "exact", "network": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"},
            {"scheme": "exact", "network": "eip155:137"}, 7],
          "extensions": ["bazaar", 7, "payment-identifier"],
          "signers": {"eip155:*": ["SIGNER", "0x1"], "eip155:8453": ["SIGNER"], "solana:*": ["SIGNER"]}}"#;
        let all = Supported::read(&body.replace("SIGNER", signer)).unwrap();
        let address = Address::new(hex::read(signer).unwrap());
        let kind = |version, scheme, network, facilitator| SupportedKind {
            version,
            scheme,
            network,
            facilitator,
        };
        assert_eq!(
            all,
            Supported {
                kinds: Vec::from([
                    kind(2, Scheme::Exact, Network::BASE, None),
                    kind(1, Scheme::Exact, Network::BASE_SEPOLIA, None),
                    kind(2, Scheme::Upto, Network::BASE_SEPOLIA, Some(address)),
                ]),
                everywhere: Vec::from([Everywhere {
                    version: 3,
                    scheme: Scheme::Upto,
                    facilitator: Some(address),
                }]),
                extensions: Vec::from(["bazaar".into(), "payment-identifier".into()]),
                signers: Vec::from([address, address]),
            }
        );
        for (version, scheme, network, settles) in [
            (2, Scheme::Exact, Network::BASE, true),
            (1, Scheme::Exact, Network::BASE_SEPOLIA, true),
            (2, Scheme::Upto, Network::BASE_SEPOLIA, true),
            (1, Scheme::Exact, Network::BASE, false),
            (2, Scheme::Exact, Network::BASE_SEPOLIA, false),
            (2, Scheme::Upto, Network::BASE, false),
            (3, Scheme::Upto, Network::BASE, true),
            (3, Scheme::Exact, Network::BASE, false),
        ] {
            assert_eq!(
                all.settles(version, scheme, network),
                settles,
                "{version} {scheme:?} {network}"
            );
        }
        assert_eq!(Supported::read(r#"{"kinds": []}"#), Some(Supported::default()));
        assert_eq!(Supported::read(r#"{"signers": {}}"#), None);
        assert_eq!(Supported::read("no"), None);
    }

    #[test]
    fn answers_are_read_with_nulls_and_without() {
        let answer = VerifyResponse::read(r#"{"isValid": true, "invalidReason": null, "payer": "0x12", "more": {}}"#).unwrap();
        assert_eq!(
            (answer.valid, answer.reason, answer.payer.as_deref()),
            (true, None, Some("0x12"))
        );
        let answer = SettleResponse::read(r#"{"success": false, "errorReason": "insufficient_funds", "payer": null}"#).unwrap();
        let expected = SettleResponse {
            error_reason: Some("insufficient_funds".into()),
            ..SettleResponse::default()
        };
        assert_eq!(answer, expected);
        assert_eq!(charged(&answer), None);
        let answer = SettleResponse::read(
            r#"{"success": true, "transaction": "0x12", "network": "eip155:8453", "payer": "0x34", "amount": "17"}"#,
        )
        .unwrap();
        let expected = SettleResponse {
            success: true,
            error_reason: None,
            transaction: "0x12".into(),
            network: "eip155:8453".into(),
            payer: Some("0x34".into()),
            amount: Some("17".into()),
        };
        assert_eq!(charged(&answer).unwrap().to_string(), "17");
        assert_eq!(answer, expected);
        for none in ["", "[]", r#"{"success": "true"}"#, r#"{"isValid": null}"#] {
            assert_eq!(
                (SettleResponse::read(none), VerifyResponse::read(none)),
                (None, None),
                "{none}"
            );
        }
    }

    #[test]
    fn a_catalogue_lists_what_is_whole() {
        let (items, total) = read_discovery(
            r#"{"items": [{"resource": "https://a.example/x", "type": "http", "x402Version": 2, "accepts": [{"a": 1}, {}]},
                {"resource": "https://a.example/y", "type": "http", "accepts": []}, 7], "pagination": {"total": 12}}"#,
        )
        .unwrap();
        let expected = Discovered {
            resource: "https://a.example/x".into(),
            kind: "http".into(),
            version: 2,
            accepts: Vec::from([r#"{"a": 1}"#.into(), "{}".into()]),
        };
        assert_eq!((items, total), (Vec::from([expected]), 12));
        assert_eq!(read_discovery(r#"{"items": []}"#), Some((Vec::new(), 0)));
        assert_eq!(read_discovery(r#"{"pagination": {}}"#), None);
    }
}
