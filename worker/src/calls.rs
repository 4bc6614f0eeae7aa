//! The bodies of calls, as the gate and the shim write them. A payment's is an [`Intent`](farthing::ledger::Intent).

use farthing::{
    access::Pass,
    evm::hex,
    json::Value,
    ledger::{Read, texts},
};

/// Who owns a claim.
pub(crate) struct Owner {
    pub(crate) key: String,
    pub(crate) fence: u64,
    /// The origin's `Settlement-Overrides`, for what is metered.
    pub(crate) overrides: Option<String>,
}

/// Whether a resource is owned, or could be.
pub(crate) struct Question {
    pub(crate) resource: String,
    /// The names of the time passes that open it.
    pub(crate) passes: Vec<String>,
    /// The names of the bundles that do.
    pub(crate) bundles: Vec<String>,
    /// How long it is owned, once a bundle has opened it.
    pub(crate) seconds: u64,
    /// Of a proof of the account: what makes it count once, and until when it would.
    pub(crate) proof: Option<(String, u64)>,
}

/// The digests of the payer's receipts that were revoked, as far as the gate knows, one after the other: what those gave counts as not
/// there. Nothing of it is stored, so that it is all there again once the gate says nothing of them.
#[derive(Debug, Default)]
pub(crate) struct Revoked(String);

impl Revoked {
    /// What a call's body says of them, before all else.
    pub(crate) fn of_call(body: &str) -> Self {
        let first = body.strip_prefix(r#"{"revoked":""#).and_then(|rest| rest.split('"').next());
        Self(first.unwrap_or_default().to_owned())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn has(&self, receipt: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let digits = hex::print(&Pass::receipt_digest(receipt));
        let mut all = self.0.as_bytes().chunks(32);
        all.any(|one| digits.as_bytes().ends_with(one))
    }
}

/// What of a payer's is looked at.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// On this network alone; empty for all.
    pub(crate) on: &'a str,
    /// But for these.
    pub(crate) revoked: &'a Revoked,
}

impl<'a> View<'a> {
    /// On any network.
    pub(crate) const fn all(revoked: &'a Revoked) -> Self {
        Self { on: "", revoked }
    }
}

/// How the payment with this receipt stands.
pub(crate) struct Named {
    pub(crate) receipt: String,
}

fn text(value: &Value<'_>, name: &str) -> Option<String> {
    value.get(name)?.text().map(str::to_owned)
}

impl Read for Owner {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            key: text(value, "key")?,
            fence: value.get("fence")?.integer()?,
            overrides: text(value, "overrides"),
        })
    }
}

impl Read for Question {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            resource: text(value, "resource")?,
            passes: texts(value, "passes"),
            bundles: texts(value, "bundles"),
            seconds: value.get("seconds").and_then(Value::integer).unwrap_or_default(),
            proof: match text(value, "nonce") {
                Some(nonce) => Some((nonce, value.get("until")?.integer()?)),
                None => None,
            },
        })
    }
}

/// A proof of the account that something is to be done for.
pub(crate) struct Mine {
    /// With its checksum.
    pub(crate) payer: String,
    /// What makes the proof count once, and until when it would.
    pub(crate) nonce: String,
    pub(crate) until: u64,
    /// Whether the books keep who paid.
    pub(crate) keeps_books: bool,
}

impl Read for Mine {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            payer: text(value, "payer")?,
            nonce: text(value, "nonce")?,
            until: value.get("until")?.integer()?,
            keeps_books: value.get("keepsBooks")?.bool()?,
        })
    }
}

impl Read for Named {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        let receipt = text(value, "receipt")?;
        Some(Self { receipt })
    }
}
