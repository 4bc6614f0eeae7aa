//! `http-message-signatures`: tells agents where to register the key that names them (RFC 9421).
//!
//! An announcement of the publisher's, as the extension's specification has it; nothing here signs or
//! verifies.

use alloc::{string::String, vec::Vec};

use super::{Writer, quoted_list};

/// The extension's key.
pub const KEY: &str = "http-message-signatures";

/// What is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// Where an agent associates its key with a billing identity.
    pub registration_url: String,
    /// Algorithms of the HTTP signature registry, like `ed25519`.
    pub signature_schemes: Vec<String>,
    /// Signature tags that are looked at, like `web-bot-auth`.
    pub tags: Vec<String>,
}

impl Signatures {
    /// The announcement.
    ///
    /// ```
    /// use farthing::x402::extension::signatures::Signatures;
    /// let signatures = Signatures {
    ///     registration_url: "https://agents.example/register".into(),
    ///     signature_schemes: vec!["ed25519".into()],
    ///     tags: vec!["web-bot-auth".into()],
    /// };
    /// assert!(signatures.announce().contains(r#""tags":["web-bot-auth"]"#));
    /// ```
    pub fn announce(&self) -> String {
        let mut info = Writer::default();
        info.text("registrationUrl", &self.registration_url);
        info.raw(
            "signatureSchemes",
            &quoted_list(self.signature_schemes.iter().map(String::as_str)),
        );
        info.raw("tags", &quoted_list(self.tags.iter().map(String::as_str)));
        let mut out = Writer::default();
        out.raw("info", &info.end());
        out.raw(
            "schema",
            r#"{"type":"object","required":["registrationUrl","signatureSchemes"]}"#,
        );
        out.end()
    }
}
