//! Every error a client can see: one problem type, one HTTP status, one sentence of advice each.
//!
//! The form is RFC 9457 (`application/problem+json`). Slugs are stable; texts may improve.
//! ```
//! use farthing::problem::Problem;
//! let problem = Problem::AmountMismatch;
//! assert_eq!((problem.slug(), problem.status()), ("amount-mismatch", 402));
//! assert_eq!(problem.uri(), "https://farthing.dev/problems/amount-mismatch");
//! assert_eq!(Problem::from_slug("amount-mismatch"), Some(problem));
//! let json = serde_json::to_value(problem.document(Some("The amount is 1, not 50000."))).unwrap();
//! assert_eq!(json["status"], 402);
//! assert_eq!(json["title"], problem.title());
//! ```

use alloc::{format, string::String};

use serde::Serialize;

/// Where the type URIs live; the slug follows.
pub const TYPE_BASE: &str = "https://farthing.dev/problems/";

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $message:literal, $title:literal, $advice:literal;)*) => {
        /// A kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Problem {
            $($(#[$doc])* $name,)*
        }

        impl Problem {
            /// Every kind, in the order of the request's way.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The last segment of the type URI.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The HTTP status it is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The key of what a reader is told about the payment that met it, as the widget's texts have it.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }

            /// What happened, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What to do about it, in one sentence.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }
    };
}

problems! {
    /// The Worker's configuration or secret is missing or wrong (threat B10).
    NotConfigured = "not-configured", 503, "pending", "This site's paywall is not configured",
        "Nothing was charged; the publisher sees the reason at /.farthing/health.";
    /// The request names a host other than the site's (threat D9).
    WrongHost = "wrong-host", 421, "refused", "This address is not the site's own",
        "Ask for the page at the site's canonical address.";
    /// A spelling that different servers read differently (threat D1).
    AmbiguousPath = "ambiguous-path", 400, "refused", "This spelling of the address is ambiguous",
        "Use the address exactly as the site links to it.";
    /// A key of the query that counts stands there twice, or is spelled so that servers disagree on it (threat D6).
    AmbiguousQuery = "ambiguous-query", 400, "refused", "This query of the address is ambiguous",
        "Use the address exactly as the site links to it, with each key once.";
    /// Nothing lives at this address under the well-known prefix.
    NoSuchEndpoint = "no-such-endpoint", 404, "undeliverable", "Nothing is here",
        "Check the address under /.farthing/.";
    /// No payment came with the request.
    PaymentRequired = "payment-required", 402, "refused", "Payment required",
        "Sign one of the offers in accepts and send it in the PAYMENT-SIGNATURE header.";
    /// The `SIGN-IN-WITH-X` header cannot be read.
    SignInMalformed = "sign-in-malformed", 400, "refused", "The sign-in proof is malformed",
        "Encode the signed challenge as JSON in standard base64, with all the fields of sign-in-with-x.";
    /// The proof is for something else, too old, or not signed by its account (threat E11).
    SignInInvalid = "sign-in-invalid", 402, "refused", "The sign-in proof does not hold",
        "Sign the challenge of this answer, or pay.";
    /// The challenge's nonce was used up (threat E11).
    SignInUsed = "sign-in-used", 402, "refused", "This sign-in proof was used before",
        "Sign the challenge of this answer; every proof opens a page once.";
    /// Who wants an account's records, or them erased, has not proved the account yet.
    ProofRequired = "account-proof-required", 401, "refused", "The account has to be proved",
        "Sign the challenge in extensions with the account, and send it in SIGN-IN-WITH-X.";
    /// That proof is for something else, too old, or not signed by its account (threat E12).
    ProofInvalid = "account-proof-invalid", 401, "refused", "The proof of the account does not hold",
        "Nothing was told or erased; sign the challenge of this answer.";
    /// That proof was used up (threat E12).
    ProofUsed = "account-proof-used", 401, "refused", "This proof of the account was used before",
        "Nothing was told or erased this time; sign the challenge of this answer.";
    /// The ledger or the books cannot be asked now.
    RecordsUnavailable = "records-unavailable", 503, "pending", "The account's records cannot be reached now",
        "Ask again later, with a new proof; what was not erased yet is as it was, and what was begun goes on by itself.";
    /// A refund would be written for a payment whose payer had it erased (threat G7).
    PayerErased = "payer-erased", 410, "refused", "The payer had this payment erased",
        "Nothing was written; nobody here knows any more whom a refund would go to.";
    /// The account proved itself, and does not own the page.
    NotOwned = "not-owned", 402, "refused", "This account has not paid for this page",
        "Pay with one of the offers in accepts, or sign in with the account that paid.";
    /// A bundle or a gift would be used by a page that is not the site's own (threat E10).
    CrossSite = "cross-site", 403, "refused", "This was not asked by a page of this site",
        "Nothing was opened or used up; bundles and gifts are opened from the site's own pages, or with a sign-in proof.";
    /// There is no bundle, or nothing left in it, or the page opens without one.
    NothingLeft = "nothing-left", 403, "refused", "No article of a bundle is left for this page",
        "Ask for the page itself: it says what it costs now.";
    /// A program's signature cannot be read, lacks something, or does not hold (threats D10, D11).
    AgentSignature = "agent-signature-invalid", 400, "refused", "The agent's signature does not hold",
        "Sign each request anew for this host, as Web Bot Auth has it, with a key of the directory that Signature-Agent names.";
    /// A header about money came along, and a program's signature does not cover it (threat D11).
    AgentUncovered = "agent-header-not-covered", 400, "refused", "The agent's signature leaves a payment or price header out",
        "Nothing was charged; sign again, and cover every header about a payment or a price that is sent.";
    /// A program's signature came before (threat D11).
    AgentReplayed = "agent-signature-used", 400, "refused", "The agent's signature was used before",
        "Nothing was charged; sign each request with a nonce of its own.";
    /// The keys of a program that signed cannot be had now.
    AgentUnverified = "agent-unverified", 402, "refused", "The agent could not be verified",
        "Its key directory did not answer as it should; send the request again later, or pay what everybody pays.";
    /// The publisher does not want this program here.
    AgentRefused = "agent-refused", 403, "refused", "This agent may not read here",
        "The publisher has closed these pages to this agent.";
    /// A price header of pay-per-crawl that cannot be read.
    CrawlerPriceMalformed = "crawler-price-malformed", 400, "refused", "The price header is malformed",
        "Nothing was charged; write it like USD 0.01.";
    /// Both price headers of pay-per-crawl at once.
    CrawlerPriceConflict = "crawler-price-conflict", 400, "refused", "Both crawler-max-price and crawler-exact-price",
        "Nothing was charged; send one of them.";
    /// `crawler-exact-price` is not the price.
    CrawlerPriceOther = "crawler-price-other", 402, "refused", "The price is another",
        "Nothing was charged; the price is in crawler-price.";
    /// `crawler-max-price` is below the price.
    CrawlerPriceTooLow = "crawler-price-too-low", 402, "refused", "The price is above crawler-max-price",
        "Nothing was charged; the price is in crawler-price.";
    /// A gift link that never was one, is too old, or has opened as often as it may.
    GiftOver = "gift-over", 410, "refused", "This gift link opens nothing",
        "It was opened as often as it may be, its time is up, or it is not a whole link of this site; the article itself is still there to be paid for.";
    /// Access by this payment was taken back by the publisher (threat E8).
    AccessRevoked = "access-revoked", 409, "already-used", "The publisher took this access back",
        "Nothing was charged again; ask the publisher, or pay again.";
    /// An order to revoke that is not by the site's keys, for another site, or too old (threat E6).
    OrderInvalid = "order-invalid", 403, "refused", "The order does not hold",
        "Make it with the site's FARTHING_KEYS and a right clock.";
    /// There is an entry for the books, and the Worker has none.
    NoBooks = "no-books", 422, "refused", "This site keeps no books",
        "Give the Worker a D1 database under the binding BOOKS.";
    /// A transfer that the books have as another refund, or a refund of more than was paid.
    RefundConflict = "refund-conflict", 422, "refused", "The books say otherwise",
        "This transfer stands there as another refund, or more would be refunded than was paid; nothing was written.";
    /// Who asks for the publisher's own pages was not let in, or nobody is.
    DeskClosed = "desk-closed", 403, "refused", "The desk is closed to this request",
        "Come through the site's Cloudflare Access, whose team and audience the config names under desk.";
    /// The same in a development run.
    DeskPassword = "desk-password", 401, "refused", "The desk wants its password",
        "It stands where this site was started; the user's name is of no importance.";
    /// So many purchases are revoked that there is no room for another.
    RevocationsFull = "revocations-full", 507, "pending", "The list is full",
        "Give some back, or revoke all of a kid in the config.";
    /// A method other than GET on a priced resource.
    MethodNotPayable = "method-not-payable", 405, "refused", "This method cannot be paid for",
        "Use GET with the payment header.";
    /// A method that the route neither sells nor frees (threat D3).
    MethodNotTaken = "method-not-taken", 405, "refused", "This method is not for this page",
        "Use one of the methods in the Allow header.";
    /// A payment came with HEAD or OPTIONS, whose answer has no body (design, section 1).
    MethodCannotPay = "method-cannot-pay", 400, "refused", "A payment cannot be sent with this method",
        "Send the payment with GET; this request was not charged.";
    /// Several payment headers, or both generations at once (threat C2).
    PaymentHeaderRepeated = "payment-header-repeated", 400, "refused", "More than one payment header",
        "Send either PAYMENT-SIGNATURE or X-PAYMENT, once.";
    /// The payment header is over 16 KiB (threat C1).
    PaymentHeaderTooLarge = "payment-header-too-large", 431, "refused", "The payment header is too large",
        "Send at most 16384 bytes.";
    /// The payment header is not base64 (threats C3, C5).
    PaymentNotBase64 = "payment-not-base64", 400, "refused", "The payment header is not base64",
        "Encode the JSON payload as standard base64, without line breaks.";
    /// The decoded payment header is not JSON (threats C4, C5).
    PaymentNotJson = "payment-not-json", 400, "refused", "The payment header is not JSON",
        "Encode one JSON object, without repeated keys and at most 8 levels deep.";
    /// The payment lacks fields or has some of the wrong type.
    PaymentMalformed = "payment-malformed", 400, "refused", "The payment is incomplete or malformed",
        "Build the payload as the x402 specification says for this scheme.";
    /// The site wants every payment to have an identifier.
    IdentifierRequired = "payment-identifier-required", 400, "refused", "The payment has no identifier",
        "Nothing was charged; send one in extensions.payment-identifier.info.id: 16 to 128 letters, digits, - or _.";
    /// A payment identifier of another form.
    IdentifierMalformed = "payment-identifier-malformed", 400, "refused", "The payment's identifier is malformed",
        "Echo the announced info of payment-identifier and add an id: 16 to 128 letters, digits, - or _.";
    /// The identifier was first used for another payment.
    IdentifierConflict = "payment-identifier-conflict", 409, "already-used", "This identifier belongs to another payment",
        "Nothing was charged; send the payment that it was first sent with, or make a new identifier.";
    /// An announced extension came back changed.
    EchoMismatch = "extension-echo-mismatch", 402, "refused", "An extension was not echoed as it was announced",
        "Nothing was charged; echo the extensions of this answer, adding to their info at most.";
    /// An x402 version other than 1 and 2, or one that does not go with its header.
    UnsupportedVersion = "unsupported-x402-version", 400, "refused", "Unsupported x402 version",
        "Use x402Version 2 with PAYMENT-SIGNATURE, or 1 with X-PAYMENT.";
    /// The payment uses a scheme that was not offered.
    SchemeNotOffered = "scheme-not-offered", 402, "refused", "This payment scheme was not offered",
        "Choose one of the offers in accepts.";
    /// The payment names a network that was not offered.
    NetworkNotOffered = "network-not-offered", 402, "refused", "This network was not offered",
        "Choose one of the offers in accepts.";
    /// The payment names an asset that was not offered.
    AssetNotOffered = "asset-not-offered", 402, "refused", "This asset was not offered",
        "Choose one of the offers in accepts.";
    /// The payment moves the token in a way that was not offered.
    TransferNotOffered = "transfer-not-offered", 402, "refused", "This way to transfer the token was not offered",
        "Sign what the offer's extra.assetTransferMethod asks for: an EIP-3009 authorization, or a Permit2 permit.";
    /// A Permit2 permit for a spender or facilitator other than the offer's (threat A3).
    SpenderMismatch = "spender-mismatch", 402, "refused", "The permit is for another spender",
        "Sign the permit for the x402 proxy of the scheme, and for the facilitatorAddress of the offer.";
    /// The payment goes to somebody else.
    RecipientMismatch = "recipient-mismatch", 402, "refused", "The payment goes to another recipient",
        "Sign for the payTo address of the offer.";
    /// The amount is not the price.
    AmountMismatch = "amount-mismatch", 402, "refused", "The amount is not the price",
        "Sign for exactly the amount of the offer.";
    /// The echoed offer is not one of ours (threat A3).
    OfferUnknown = "offer-unknown", 402, "refused", "The accepted offer is not one of this site's",
        "Echo the chosen offer unchanged in accepted.";
    /// The price changed after the offer ran out (threat A4).
    PriceChanged = "price-changed", 402, "price-changed", "The price has changed",
        "Nothing was charged; the new price is in this answer.";
    /// The offer ran out, and other terms than its price have changed since (threat A4).
    QuoteExpired = "quote-expired", 402, "expired", "The offer has expired",
        "Nothing was charged; choose from the offers in this answer.";
    /// `validBefore` has passed or is less than six seconds away (threat A7).
    AuthorizationExpired = "authorization-expired", 402, "expired", "The authorization has expired",
        "Nothing was charged; sign a new one, and check the device's clock.";
    /// `validAfter` lies in the future (threat A7).
    AuthorizationNotYetValid = "authorization-not-yet-valid", 402, "expired", "The authorization is not valid yet",
        "Nothing was charged; sign with a validAfter in the past, and check the device's clock.";
    /// `validBefore` is further away than the offer allows (threat A7).
    AuthorizationTooLong = "authorization-too-long", 402, "expired", "The authorization is valid for too long",
        "Sign with validBefore at most maxTimeoutSeconds from now.";
    /// The signature is malformed or by somebody else (threats A8, A14).
    SignatureInvalid = "signature-invalid", 402, "refused", "The signature does not match the payer",
        "Sign the typed data of the offer with the account in authorization.from.";
    /// A contract wallet's signature, which cannot be checked here (threat A9).
    SignatureUnsupported = "signature-unsupported", 402, "unsupported-wallet", "Signatures of contract wallets are not accepted here",
        "Pay from an account with a key of its own.";
    /// The authorization was first used for another resource (threat A2).
    BoundElsewhere = "authorization-bound-elsewhere", 409, "bound-elsewhere", "This authorization belongs to another resource",
        "Nothing was charged again; sign a new authorization for this resource.";
    /// The payment was used and its redelivery is not proven to be the payer's (threats A16, B3).
    AlreadyUsed = "authorization-already-used", 409, "already-used", "This authorization has been used",
        "Nothing was charged again; open the page with the browser that paid, or pay again for another call.";
    /// A new payment of a payer who owns the article already could not be told from a replay.
    AlreadyOwned = "already-owned", 409, "already-used", "This payer owns the article already",
        "Nothing was charged; open the page with the browser that paid.";
    /// The site takes no payment of this account (threat B13).
    PayerRefused = "payer-refused", 403, "refused", "This account cannot pay here",
        "Nothing was charged; another account may pay.";
    /// Whether the account may pay here could not be found out (threat B13).
    ScreeningUnavailable = "screening-unavailable", 503, "undeliverable", "Nobody could say whether this account may pay",
        "Nothing was charged; send the same request again after Retry-After seconds.";
    /// The outcome of the payment is not known yet.
    SettlementPending = "settlement-pending", 503, "pending", "The payment is being confirmed",
        "Send the same request again after Retry-After seconds; do not sign another payment.";
    /// The payer lacks the money.
    InsufficientFunds = "insufficient-funds", 402, "low-balance", "The payer's balance is too low",
        "Nothing was charged; add funds and pay again.";
    /// Permit2 may not move the payer's tokens yet (x402: status 412 exactly for this).
    AllowanceRequired = "permit2-allowance-required", 412, "approval", "Permit2 needs the payer's approval first",
        "Nothing was charged; approve Permit2 for the token once, then send the same payment again.";
    /// Nobody could say whether a contract wallet's signature is good.
    FacilitatorUnavailable = "facilitator-unavailable", 503, "pending", "The payment cannot be checked now",
        "Nothing was charged; send the same request again after Retry-After seconds.";
    /// The origin's word on what was used of a metered payment cannot be read, or is more than was promised.
    ChargeInvalid = "charge-invalid", 502, "undeliverable", "The site did not say properly what was used",
        "Nothing was charged; the publisher has to mend its Settlement-Overrides header.";
    /// The facilitator refused the payment.
    SettlementRefused = "settlement-refused", 402, "refused", "The payment was refused",
        "Nothing was charged; the reason is in error.";
    /// The payer cancelled the authorization, or used its nonce for something else.
    AuthorizationCancelled = "authorization-cancelled", 402, "refused", "The authorization was cancelled by its payer",
        "Nothing reached the publisher; sign a new authorization.";
    /// The publisher's server does not have the resource.
    OriginNotFound = "origin-not-found", 404, "undeliverable", "The site does not have this page",
        "Nothing was charged.";
    /// The publisher's server did not deliver.
    OriginUnavailable = "origin-unavailable", 502, "undeliverable", "The site cannot deliver this page now",
        "Nothing was charged; try again later.";
    /// The payment stands, but the publisher's server did not deliver.
    PaidNotDelivered = "paid-not-delivered", 502, "delivering", "Paid, but the site cannot deliver this page now",
        "Send the same payment again later, or open the page with your pass: nothing will be charged again.";
    /// Too many requests of one payer.
    TooManyRequests = "too-many-requests", 429, "pending", "Too many payments at once",
        "Wait for Retry-After seconds and send the same request again.";
    /// The publisher takes no new payments (`"payments": "paused"`).
    PaymentsPaused = "payments-paused", 503, "undeliverable", "This site takes no payments now",
        "Nothing was charged; send the same request again later, or open the page with your pass or your account.";
    /// The site's settlements of a day are spent (threat B8).
    DailyLimit = "daily-limit-reached", 503, "undeliverable", "This site takes no more payments today",
        "Nothing was charged; send the same request again after Retry-After seconds, or open the page with your pass.";
    /// Something broke on this side.
    Internal = "internal", 500, "pending", "Something went wrong here",
        "Nothing was delivered; send the same request again, the same authorization is never charged twice.";
}

/// The members of a problem document.
#[derive(Clone, Debug, Serialize)]
pub struct Document<'a> {
    /// Type URI.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in a few words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What to do, or what exactly is wrong.
    pub detail: &'a str,
}

impl Problem {
    /// The type URI.
    pub fn uri(self) -> String {
        format!("{TYPE_BASE}{}", self.slug())
    }

    /// The members of the problem document; without a detail of its own the advice stands there.
    pub fn document(self, detail: Option<&str>) -> Document<'_> {
        Document {
            kind: self.uri(),
            title: self.title(),
            status: self.status(),
            detail: detail.unwrap_or_else(|| self.advice()),
        }
    }

    /// The kind with this slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.slug() == slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_slug_and_reads_well() {
        for (i, one) in Problem::ALL.iter().enumerate() {
            assert_eq!(Problem::from_slug(one.slug()), Some(*one));
            assert!(Problem::ALL[i + 1..].iter().all(|other| other.slug() != one.slug()));
            assert!((400..600).contains(&one.status()));
            assert!(one.advice().ends_with('.') && !one.title().ends_with('.'), "{one:?}");
        }
    }

    #[test]
    fn every_message_is_among_the_widgets_texts() {
        let texts: serde_json::Value = serde_json::from_str(include_str!("../www/locales/en.json")).unwrap();
        for one in Problem::ALL {
            let key = one.message();
            assert!(["card", "more"].iter().any(|group| texts[group][key].is_string()), "{key}");
        }
    }

    #[test]
    fn every_kind_is_documented_with_its_status_and_advice() {
        let page = include_str!("../www/docs/problems.md");
        for one in Problem::ALL {
            let slug = one.slug();
            let row = format!(
                "| [`{slug}`](#{slug}) | {} | {} | {} |",
                one.status(),
                one.title(),
                one.advice()
            );
            assert!(page.contains(&row), "{row}");
            assert!(page.contains(&format!("\n### {slug}\n")), "{slug} has a section");
        }
    }
}
