//! Answers of our own: statuses, headers, bodies.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

use crate::{
    ledger::{Grant, Refused},
    offer::Refusal,
    problem::{Document, Problem},
    x402::{
        self, Network,
        extension::{announce, receipt},
        facilitator::SettleResponse,
        header,
        v1::PaymentRequirementsV1,
        v2::{PaymentRequired, PaymentRequirements, ResourceInfo},
    },
};

/// Header names and values, in order; `Set-Cookie` may repeat.
pub type Headers = Vec<(&'static str, String)>;

/// When to come back while payments are paused, in seconds: nobody knows, and nobody should ask often.
const PAUSE_SECONDS: u64 = 600;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Headers,
    /// Body.
    pub body: String,
}

/// What a 402 offers.
pub(super) struct Offer<'a> {
    pub(super) info: ResourceInfo<'a>,
    pub(super) accepts: Vec<PaymentRequirements>,
    /// What `extensions` announces, JSON; empty for nothing.
    pub(super) extensions: String,
    /// Whether every payment needs an identifier; v1 clients, which know no extensions, cannot pay then.
    pub(super) identified: bool,
}

impl Answer {
    /// Without a body.
    pub(super) fn empty<const N: usize>(status: u16, headers: [(&'static str, String); N]) -> Self {
        Self {
            status,
            headers: headers.into(),
            body: String::new(),
        }
    }

    /// JSON that nobody may keep.
    pub(super) fn json<T: Serialize>(status: u16, body: &T) -> Self {
        let mut headers = private();
        headers.push(("Content-Type", "application/json".to_owned()));
        Self {
            status,
            headers,
            body: serde_json::to_string(body).unwrap_or_default(),
        }
    }
}

/// Headers of everything paid or priced: no cache may keep it (threat E1).
pub(super) fn private() -> Headers {
    [
        ("Cache-Control", "private, no-store"),
        ("CDN-Cache-Control", "no-store"),
        ("Vary", "Accept, Cookie"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Adds the settlement of a grant; `receipt` is the signed one, JSON, or empty.
pub(super) fn settled(headers: &mut Headers, grant: &Grant, receipt: &str) {
    let response = SettleResponse {
        success: true,
        transaction: grant.transaction.clone(),
        payer: Some(grant.payer.to_checksum(None)),
        amount: grant.charged.filter(|_| grant.metered).map(|amount| amount.to_string()),
        ..SettleResponse::default()
    };
    let extensions = with_receipt(receipt);
    both_generations(headers, response, grant.network, &extensions);
    headers.push(("Farthing-Receipt", grant.receipt.clone()));
}

/// `extensions` with a signed receipt, JSON; empty without one.
pub(super) fn with_receipt(receipt: &str) -> String {
    if receipt.is_empty() {
        String::new()
    } else {
        announce(&[(receipt::KEY, receipt)])
    }
}

/// A settlement where each generation looks for it, with the network as each names it.
/// Extensions are v2's.
fn both_generations(headers: &mut Headers, mut response: SettleResponse, network: Network, extensions: &str) {
    response.network = network.to_string();
    headers.push((
        header::PAYMENT_RESPONSE,
        x402::encode_with(&response, "extensions", extensions),
    ));
    if let Some(slug) = network.v1_slug() {
        response.network = slug.to_owned();
        headers.push((header::X_PAYMENT_RESPONSE, x402::encode(&response)));
    }
}

/// The offer as the content of `PAYMENT-REQUIRED`.
pub(super) fn payment_required(offer: &Offer<'_>, error: &str) -> String {
    let required = PaymentRequired {
        x402_version: 2,
        error,
        resource: Some(offer.info.clone()),
        accepts: &offer.accepts,
    };
    x402::encode_with(&required, "extensions", &offer.extensions)
}

/// The same without what the page around it says in words.
pub(super) fn embedded(offer: &Offer<'_>) -> String {
    let required = PaymentRequired {
        x402_version: 2,
        error: "",
        resource: None,
        accepts: &offer.accepts,
    };
    // the page is small, and its script answers one extension alone
    let extensions = if offer.identified {
        r#"{"payment-identifier":{"info":{"required":true}}}"#
    } else {
        ""
    };
    x402::encode_with(&required, "extensions", extensions)
}

/// A problem for programs: problem+json, and on 402 and 412 the offer in both generations, so that every
/// client finds it where it looks: v2 in the header, v1 in the body. `status` is where the payment's standing
/// is told.
pub(super) fn problem(refusal: &Refusal, refused: Option<&Refused>, offer: Option<&Offer<'_>>, status: Option<&str>) -> Answer {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(flatten)]
        problem: Document<'a>,
        error: &'a str,
        #[serde(rename = "statusUrl", skip_serializing_if = "Option::is_none")]
        status_url: Option<&'a str>,
        #[serde(flatten)]
        offer: Option<OfferV1<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OfferV1<'a> {
        x402_version: u8,
        accepts: Vec<PaymentRequirementsV1<'a>>,
    }
    let kind = refusal.problem;
    let reason = refused.and_then(|refused| refused.reason.as_deref());
    let error = reason.unwrap_or_else(|| kind.slug());
    let body = Body {
        problem: kind.document(refusal.detail),
        error,
        status_url: status,
        offer: offer.filter(|offer| !offer.identified).map(|offer| OfferV1 {
            x402_version: 1,
            accepts: PaymentRequirementsV1::all(&offer.accepts, &offer.info),
        }),
    };
    let mut answer = Answer::json(kind.status(), &body);
    if kind != Problem::PaymentRequired {
        answer.headers.retain(|(name, _)| *name != "Content-Type");
        answer.headers.push(("Content-Type", "application/problem+json".to_owned()));
    }
    if let Some(offer) = offer {
        answer
            .headers
            .push((header::PAYMENT_REQUIRED, payment_required(offer, error)));
    }
    if let (Some(reason), Some(first)) = (reason, offer.and_then(|offer| offer.accepts.first())) {
        let response = SettleResponse {
            error_reason: Some(reason.to_owned()),
            ..SettleResponse::default()
        };
        both_generations(&mut answer.headers, response, first.network, "");
    }
    extra_headers(&mut answer.headers, kind, refused, status);
    answer
}

/// What a status demands besides.
pub(super) fn extra_headers(headers: &mut Headers, kind: Problem, refused: Option<&Refused>, status: Option<&str>) {
    if let Some(url) = status {
        // RFC 8631: a resource that represents the status of this one
        headers.push(("Link", format!("<{url}>; rel=\"status\"")));
    }
    let paused = (kind == Problem::PaymentsPaused).then_some(PAUSE_SECONDS);
    if let Some(seconds) = refused.and_then(|refused| refused.retry_after).or(paused) {
        headers.push(("Retry-After", seconds.to_string()));
    }
    if kind == Problem::MethodNotPayable {
        headers.push(("Allow", "GET, HEAD, OPTIONS".to_owned()));
    }
}
