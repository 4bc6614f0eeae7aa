//! The bodies of calls, as the gate and the shim write them. A payment's is an [`Intent`](farthing::ledger::Intent).

use farthing::{json::Value, ledger::Read};

/// Who owns a claim.
pub(crate) struct Owner {
    pub(crate) key: String,
    pub(crate) fence: u64,
    /// The origin's `Settlement-Overrides`, for what is metered.
    pub(crate) overrides: Option<String>,
}

/// Whether a resource is owned.
pub(crate) struct Question {
    pub(crate) resource: String,
}

/// How the payment with this receipt stands.
pub(crate) struct Named {
    pub(crate) receipt: String,
}

/// A proof of an account.
pub(crate) struct SignIn {
    pub(crate) resource: String,
    pub(crate) nonce: String,
    pub(crate) until: u64,
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
        let resource = text(value, "resource")?;
        Some(Self { resource })
    }
}

impl Read for Named {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        let receipt = text(value, "receipt")?;
        Some(Self { receipt })
    }
}

impl Read for SignIn {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        Some(Self {
            resource: text(value, "resource")?,
            nonce: text(value, "nonce")?,
            until: value.get("until")?.integer()?,
        })
    }
}
