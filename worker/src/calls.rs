//! The bodies of calls, as the gate and the shim write them. A payment's is an [`Intent`](farthing::ledger::Intent).

use farthing::{
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

impl Read for Named {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        let receipt = text(value, "receipt")?;
        Some(Self { receipt })
    }
}
