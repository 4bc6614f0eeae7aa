//! What the config says about extensions of x402: `extensions` of the site, `listing` of a route.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::check::Check;
use crate::{
    access::sign_in::is_statement,
    json::Value,
    x402::extension::{
        bazaar::{Listing, has_whole_params, is_valid_template, template_of},
        can_be_echoed,
        signatures::Signatures,
    },
};

/// The members of `extensions`.
pub(super) const EXTENSIONS_KEYS: &[&str] = &["paymentIdentifier", "signIn", "receipts", "httpMessageSignatures"];
/// The members of `extensions.signIn`, where it is an object.
pub(super) const SIGN_IN_KEYS: &[&str] = &["statement"];
/// The members of `extensions.httpMessageSignatures`.
pub(super) const SIGNATURES_KEYS: &[&str] = &["registrationUrl", "signatureSchemes", "tags"];
/// The members of a route's `listing`, where it is an object.
pub(super) const LISTING_KEYS: &[&str] = &["template", "output"];

/// What the wallet shows above the challenge, unless the publisher has other words.
const STATEMENT: &str = "Open what you have paid for.";
/// The longest statement, in bytes: it stands in every 402.
const MAX_STATEMENT: usize = 160;
/// The most bytes of a route's `listing.output`: it stands in every 402 of the route.
const MAX_OUTPUT: usize = 512;

/// Whether payments have identifiers (`payment-identifier`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identifiers {
    /// They are not looked at.
    Off,
    /// Who sends one may rely on it.
    #[default]
    Optional,
    /// A payment without one is refused.
    Required,
}

/// The extensions of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// Whether payments have identifiers.
    pub identifiers: Identifiers,
    /// Whether payers may sign in, and what their wallets show then.
    pub sign_in: Option<String>,
    /// Whether paid answers carry a signed receipt.
    pub receipts: bool,
    /// The announcement of HTTP message signatures, JSON already.
    pub signatures: Option<String>,
}

impl Default for Extensions {
    fn default() -> Self {
        Self {
            identifiers: Identifiers::default(),
            sign_in: Some(STATEMENT.to_owned()),
            receipts: false,
            signatures: None,
        }
    }
}

impl Check {
    /// Reads the site's `extensions`; without any, what costs nobody anything is on.
    pub(super) fn extensions(&mut self, file: Option<&Value<'_>>) -> Extensions {
        let mut all = Extensions::default();
        let Some(file) = file else {
            return all;
        };
        self.object("extensions", file, EXTENSIONS_KEYS);
        if let Some(value) = file.get("paymentIdentifier") {
            match value.text() {
                Some("off") => all.identifiers = Identifiers::Off,
                Some("optional") => all.identifiers = Identifiers::Optional,
                Some("required") => all.identifiers = Identifiers::Required,
                _ => self.wrong(
                    "extensions.paymentIdentifier",
                    format!("{} is not \"optional\", \"required\" or \"off\"", value.raw()),
                ),
            }
        }
        if let Some(value) = file.get("signIn") {
            all.sign_in = self.sign_in(value);
        }
        if let Some(value) = file.get("receipts") {
            match value.bool() {
                Some(on) => all.receipts = on,
                None => self.wrong("extensions.receipts", "must be true or false"),
            }
        }
        all.signatures = file.get("httpMessageSignatures").map(|value| self.signatures(value));
        all
    }

    fn sign_in(&mut self, value: &Value<'_>) -> Option<String> {
        match value.bool() {
            Some(true) => return Some(STATEMENT.to_owned()),
            Some(false) => return None,
            None => {}
        }
        self.object("extensions.signIn", value, SIGN_IN_KEYS);
        let statement = self.text("extensions.signIn", value, "statement").unwrap_or_default();
        if !is_statement(&statement) || statement.is_empty() || statement.len() > MAX_STATEMENT {
            self.wrong(
                "extensions.signIn.statement",
                format!("must be 1 to {MAX_STATEMENT} letters, digits, spaces and marks of - . _ ~ : / ? # [ ] @ ! $ & ' ( ) * + , ; ="),
            );
        }
        Some(statement)
    }

    fn signatures(&mut self, value: &Value<'_>) -> String {
        let at = "extensions.httpMessageSignatures";
        self.object(at, value, SIGNATURES_KEYS);
        let url = self.text(at, value, "registrationUrl").unwrap_or_default();
        let plain = |text: &String| {
            let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !text.is_empty() && text.len() <= 40 && text.bytes().all(fine)
        };
        let mut texts = |name: &str| {
            let at = format!("{at}.{name}");
            let texts: Vec<String> = self.texts(&at, value.get(name));
            if texts.is_empty() || texts.len() > 8 || !texts.iter().all(plain) {
                self.wrong(
                    &at,
                    "must list one to eight short names, like \"ed25519\" or \"web-bot-auth\"",
                );
            }
            texts
        };
        let (signature_schemes, tags) = (texts("signatureSchemes"), texts("tags"));
        let registration_url = self.url(&format!("{at}.registrationUrl"), &url);
        if registration_url.len() > 300 {
            self.wrong(&format!("{at}.registrationUrl"), "must have at most 300 characters");
        }
        let signatures = Signatures {
            // as it was written: a slash at the end may matter to that server
            registration_url: url,
            signature_schemes,
            tags,
        };
        signatures.announce()
    }

    /// Reads a route's `listing`: none unless the publisher wants one.
    pub(super) fn listing(&mut self, at: &str, value: Option<&Value<'_>>, pattern: &str) -> Option<Listing> {
        let value = value?;
        let at = format!("{at}.listing");
        let made = Listing {
            template: template_of(pattern),
            output: None,
        };
        match value.bool() {
            Some(true) => return Some(made),
            Some(false) => return None,
            None => {}
        }
        self.object(&at, value, LISTING_KEYS);
        let template = match value.get("template") {
            None => made.template,
            Some(_) => Some(self.template(&at, value)),
        };
        let output = value.get("output").map(|output| {
            let fine = output.get("type").and_then(Value::text).is_some();
            if !fine || output.raw().len() > MAX_OUTPUT || !can_be_echoed(output) {
                self.wrong(
                    &format!("{at}.output"),
                    format!(
                        "must be an object with a \"type\", like {{\"type\": \"text\"}}, of at most {MAX_OUTPUT} bytes, \
                         its numbers plain and of at most 15 digits"
                    ),
                );
            }
            output.raw().to_string()
        });
        Some(Listing { template, output })
    }

    fn template(&mut self, at: &str, value: &Value<'_>) -> String {
        let template = self.text(at, value, "template").unwrap_or_default();
        if !is_valid_template(&template) || !has_whole_params(&template) || template.len() > 200 {
            self.wrong(
                &format!("{at}.template"),
                format!("\"{template}\" must be a path whose variable segments are named, like \"/articles/:slug\""),
            );
        }
        template
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Config, config::tests::SAMPLE};

    fn config(extensions: &str, listing: &str) -> Result<Config, String> {
        let text = SAMPLE
            .replace("\"routes\":", &format!("\"extensions\": {extensions}, \"routes\":"))
            .replace("\"price\":", &format!("\"listing\": {listing}, \"price\":"));
        Config::parse(&text).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn what_costs_nobody_anything_is_on_by_itself() {
        let plain = Config::parse(SAMPLE).unwrap();
        assert_eq!(plain.extensions, Extensions::default());
        assert_eq!(plain.extensions.identifiers, Identifiers::Optional);
        assert_eq!(plain.extensions.sign_in.as_deref(), Some(STATEMENT));
        assert!(!plain.extensions.receipts && plain.extensions.signatures.is_none());
        assert_eq!(plain.routes[0].listing, None);
        assert!(is_statement(STATEMENT));
        let empty = config("{}", "false").unwrap();
        assert_eq!((empty.extensions, &empty.routes[0].listing), (Extensions::default(), &None));
    }

    #[test]
    fn all_of_it_can_be_set() {
        let all = config(
            r#"{"paymentIdentifier": "required", "signIn": {"statement": "Read on, Reader!"}, "receipts": true,
                "httpMessageSignatures": {"registrationUrl": "https://agents.example/", "signatureSchemes": ["ed25519"], "tags": ["web-bot-auth"]}}"#,
            r#"{"template": "/articles/:slug", "output": {"type": "text", "example": {"words": 1.5}}}"#,
        )
        .unwrap();
        assert_eq!(all.extensions.identifiers, Identifiers::Required);
        assert_eq!(all.extensions.sign_in.as_deref(), Some("Read on, Reader!"));
        assert!(all.extensions.receipts);
        assert!(all.extensions.signatures.unwrap().contains("https://agents.example/\""));
        let listing = all.routes[0].listing.clone().unwrap();
        assert_eq!(listing.template.as_deref(), Some("/articles/:slug"));
        assert_eq!(
            listing.output.as_deref(),
            Some(r#"{"type": "text", "example": {"words": 1.5}}"#)
        );
        let off = config(r#"{"paymentIdentifier": "off", "signIn": false}"#, "true").unwrap();
        assert_eq!(
            (off.extensions.identifiers, &off.extensions.sign_in),
            (Identifiers::Off, &None)
        );
        let listing = off.routes[0].listing.clone().unwrap();
        assert_eq!(listing.template.as_deref(), Some("/articles/:var1"));
    }

    #[test]
    fn b10_each_mistake_has_its_own_sentence() {
        let long = "a".repeat(MAX_STATEMENT + 1);
        for (extensions, listing, says) in [
            ("7", "true", "extensions: must be an object"),
            (r#"{"signin": true}"#, "true", "extensions.signin: is not known here"),
            (
                r#"{"paymentIdentifier": true}"#,
                "true",
                "extensions.paymentIdentifier: true is not \"optional\"",
            ),
            (r#"{"receipts": "yes"}"#, "true", "extensions.receipts: must be true or false"),
            (r#"{"signIn": "yes"}"#, "true", "extensions.signIn: must be an object"),
            (
                r#"{"signIn": {"statement": "100 %"}}"#,
                "true",
                "extensions.signIn.statement: must be",
            ),
            (
                &format!(r#"{{"signIn": {{"statement": "{long}"}}}}"#),
                "true",
                "extensions.signIn.statement: must be",
            ),
            (
                r#"{"httpMessageSignatures": {"registrationUrl": "http://x.example", "signatureSchemes": ["ed25519"], "tags": ["a"]}}"#,
                "true",
                "extensions.httpMessageSignatures.registrationUrl: \"http://x.example\" is not an https://",
            ),
            (
                r#"{"httpMessageSignatures": {"registrationUrl": "https://x.example", "signatureSchemes": [], "tags": ["a b"]}}"#,
                "true",
                "extensions.httpMessageSignatures.tags: must list",
            ),
            ("{}", "\"yes\"", "routes[0].listing: must be an object"),
            (
                "{}",
                r#"{"template": "/../x"}"#,
                "routes[0].listing.template: \"/../x\" must be",
            ),
            ("{}", r#"{"template": "/a:b"}"#, "routes[0].listing.template"),
            (
                "{}",
                r#"{"output": {"example": 1}}"#,
                "routes[0].listing.output: must be an object",
            ),
            (
                "{}",
                r#"{"output": {"type": "json", "example": 12345678901234567890}}"#,
                "routes[0].listing.output",
            ),
        ] {
            let said = config(extensions, listing).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }
}
