//! Version 1 of the wire format: offers in the body, payments in `X-PAYMENT`, networks by slug.

use alloc::vec::Vec;

use serde::Serialize;

use super::{
    DecodeError, Wider,
    v2::{EvmPayload, OutgoingEvm, PaymentRequirements, ResourceInfo, Scheme, text},
};
use crate::{evm::Transfer, json::Value};

/// A v1 offer, written from a v2 one.
///
/// `description` and `mimeType` are always strings: v1 clients refuse null.
/// ```
/// use farthing::{route::Config, x402::{v1::PaymentRequirementsV1, v2::ResourceInfo}};
/// let config = Config::parse(r#"{
///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
///     "networks": ["eip155:84532"], "settlement": {"facilitators": [{"url": "https://x402.org/facilitator"}]},
///     "routes": [{"match": "/articles/*", "price": "$0.05"}]
/// }"#).unwrap();
/// let resource = ResourceInfo { url: "https://news.example/articles/x", description: "", mime_type: "text/html" };
/// let offers = PaymentRequirementsV1::all(&config.routes[0].offers, &resource);
/// let json = serde_json::to_value(&offers).unwrap();
/// assert_eq!((&json[0]["network"], &json[0]["maxAmountRequired"]), (&"base-sepolia".into(), &"50000".into()));
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequirementsV1<'a> {
    scheme: Scheme,
    network: &'static str,
    max_amount_required: crate::money::Amount,
    resource: &'a str,
    description: &'a str,
    mime_type: &'a str,
    #[serde(with = "crate::evm::hex::address")]
    pay_to: crate::evm::Address,
    max_timeout_seconds: u64,
    #[serde(with = "crate::evm::hex::address")]
    asset: crate::evm::Address,
    extra: DomainV1<'a>,
}

#[derive(Clone, Debug, Serialize)]
struct DomainV1<'a> {
    name: &'a str,
    version: &'a str,
    #[serde(rename = "accessSeconds", skip_serializing_if = "Option::is_none")]
    access_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<&'a Wider>,
}

impl<'a> PaymentRequirementsV1<'a> {
    /// The v1 form of an offer; none where v1 has no name for its network, its scheme, or its way to
    /// move the token.
    pub fn of(offer: &'a PaymentRequirements, resource: &ResourceInfo<'a>) -> Option<Self> {
        if offer.scheme != Scheme::Exact || offer.extra.transfer != Transfer::Eip3009 {
            return None;
        }
        Some(Self {
            scheme: offer.scheme,
            network: offer.network.v1_slug()?,
            max_amount_required: offer.amount,
            resource: resource.url,
            description: resource.description,
            mime_type: resource.mime_type,
            pay_to: offer.pay_to,
            max_timeout_seconds: offer.max_timeout_seconds,
            asset: offer.asset,
            extra: DomainV1 {
                name: &offer.extra.name,
                version: &offer.extra.version,
                access_seconds: offer.extra.access_seconds,
                offer: offer.extra.offer.as_deref(),
            },
        })
    }

    /// The v1 forms of these offers: one per network, and there in the same asset one of each wider offer.
    pub fn all(offers: &'a [PaymentRequirements], resource: &ResourceInfo<'a>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for offer in offers.iter().filter_map(|offer| Self::of(offer, resource)) {
            let mut seen = all.iter().filter(|seen| seen.network == offer.network);
            let is_new = match offer.extra.offer {
                None => seen.next().is_none(),
                // what is paid tells these apart, in one asset
                Some(_) => {
                    seen.clone().any(|seen| seen.asset == offer.asset) && seen.all(|seen| seen.extra.offer != offer.extra.offer)
                }
            };
            if is_new {
                all.push(offer);
            }
        }
        all
    }
}

/// The content of `X-PAYMENT`.
#[derive(Debug)]
pub struct PaymentPayloadV1<'a> {
    /// Scheme.
    pub scheme: Option<&'a str>,
    /// Network slug.
    pub network: Option<&'a str>,
    /// The scheme's own part.
    pub payload: EvmPayload<'a>,
}

impl<'a> PaymentPayloadV1<'a> {
    /// Reads a decoded header.
    pub fn read(json: &'a Value<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            scheme: text(json, "scheme")?,
            network: text(json, "network")?,
            payload: EvmPayload::read(json)?,
        })
    }
}

/// The body of a facilitator's `/verify` and `/settle`; empty where v1 has no name for the network.
pub fn facilitator_request(offer: &PaymentRequirements, resource: &ResourceInfo<'_>, payload: OutgoingEvm<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Outgoing<'a> {
        x402_version: u8,
        scheme: Scheme,
        network: &'a str,
        payload: OutgoingEvm<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Request<'a> {
        x402_version: u8,
        payment_payload: Outgoing<'a>,
        payment_requirements: PaymentRequirementsV1<'a>,
    }
    let Some(requirements) = PaymentRequirementsV1::of(offer, resource) else {
        return Vec::new();
    };
    let request = Request {
        x402_version: 1,
        payment_payload: Outgoing {
            x402_version: 1,
            scheme: offer.scheme,
            network: requirements.network,
            payload,
        },
        payment_requirements: requirements,
    };
    serde_json::to_vec(&request).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{route::config::tests::routes, x402::Network};

    #[test]
    fn v1_knows_no_metered_offers_and_no_permit2() {
        let offer = routes(&[("/articles/*", "$0.05")])[0].offers[0].clone();
        let resource = ResourceInfo {
            url: "https://n.example/articles/x",
            description: "",
            mime_type: "text/html",
        };
        assert!(PaymentRequirementsV1::of(&offer, &resource).is_some());
        for (scheme, transfer) in [
            (Scheme::Exact, Transfer::Permit2),
            (Scheme::Upto, Transfer::Eip3009),
            (Scheme::Upto, Transfer::Permit2),
        ] {
            let mut other = offer.clone();
            (other.scheme, other.extra.transfer) = (scheme, transfer);
            assert!(
                PaymentRequirementsV1::of(&other, &resource).is_none(),
                "{scheme:?} {transfer:?}"
            );
        }
    }

    #[test]
    fn v1_gets_one_offer_of_each_network_in_order() {
        let offer = routes(&[("/articles/*", "$0.05")])[0].offers[0].clone();
        let of = |network, amount: &str| {
            let mut other = offer.clone();
            (other.network, other.amount) = (network, amount.parse().unwrap());
            other
        };
        let offers = [
            of(Network::BASE, "1"),
            of(Network::BASE_SEPOLIA, "2"),
            of(Network::BASE, "3"),
            of(Network::BASE_SEPOLIA, "4"),
        ];
        let resource = ResourceInfo {
            url: "https://n.example/articles/x",
            description: "",
            mime_type: "text/html",
        };
        let all = PaymentRequirementsV1::all(&offers, &resource);
        let told: Vec<_> = all.iter().map(|offer| (offer.network, offer.max_amount_required)).collect();
        assert_eq!(told, [("base", offers[0].amount), ("base-sepolia", offers[1].amount)]);
    }
}
