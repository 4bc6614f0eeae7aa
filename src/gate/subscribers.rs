//! Readers who pay elsewhere: by a token of the publisher's login, or by what the origin says of them. Whoever cannot show it is a
//! reader like any other, and never told why.

use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};

use super::{Asked, Decision, Gate, Headers, Request, answer, meter::network};
use crate::{
    access::{
        cookie,
        jwt::{Claim, KeySource, Rules},
        pass::short_digest,
    },
    evm::hex,
};

/// What the shim found out about a token, in a line of this name: none that a client could send.
const TOKEN: &str = "=token";
/// That the origin was asked about the reader, and did not say that they read for nothing.
const ACCESS: &str = "=access";

/// A token whose signature is to be held against a key.
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    /// Where the key is.
    pub keys: KeySource,
    /// What is to be checked.
    pub claim: Claim,
}

/// A request to the origin with the reader's own cookies: its answer is theirs if it says so, and nobody's otherwise.
#[derive(Debug, PartialEq, Eq)]
pub struct Peek {
    /// Canonical path.
    pub path: String,
    /// A digest of the cookies that made us ask.
    pub reader: String,
    /// The network that the reader comes from.
    pub network: String,
    /// To set on the answer.
    pub headers: Headers,
}

impl Gate {
    pub(super) fn subscriber_header(&self) -> Option<&str> {
        self.config()?.subscribers.jwt.as_ref()?.header.as_deref()
    }

    /// The headers of the origin's answers that are for us alone, beside those that every gate keeps.
    pub fn internal_headers(&self) -> Vec<&str> {
        let word = self.config().and_then(|config| config.subscribers.word.as_ref());
        let mut names: Vec<&str> = word.map(|word| word.header.as_str()).into_iter().collect();
        for name in self.says_headers() {
            names.push(name);
        }
        names
    }

    /// What becomes of a reader who pays elsewhere, or says so.
    pub(super) fn subscriber(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Decision> {
        let own = &self.config()?.subscribers;
        if !asked.route.subscribers || request.method == "OPTIONS" {
            return None;
        }
        if let Some(rules) = &own.jwt {
            match request.header(TOKEN) {
                Some("verified") => {
                    return Some(Decision::Forward {
                        path: asked.path.to_owned(),
                        headers: answer::private(),
                    });
                }
                Some(_) => {}
                None => {
                    if let Some(claim) = claimed(rules, request, asked.now) {
                        let keys = rules.keys.clone();
                        return Some(Decision::Token(Box::new(Token { keys, claim })));
                    }
                }
            }
        }
        let word = own.word.as_ref()?;
        // a question changes nothing at the origin
        if request.header(ACCESS).is_some() || !matches!(request.method, "GET" | "HEAD") {
            return None;
        }
        let mut cookies = String::new();
        for pair in word.cookies_in(request.cookie) {
            cookies.extend([pair, ";"]);
        }
        (!cookies.is_empty()).then(|| {
            Decision::Peek(Box::new(Peek {
                path: asked.path.to_owned(),
                reader: hex::print(&short_digest("farthing reader", cookies.as_bytes())),
                network: network(request.address.unwrap_or_default()).to_owned(),
                headers: answer::private(),
            }))
        })
    }
}

/// The first token that came and that counts, if its signature holds.
fn claimed(rules: &Rules, request: &Request<'_>, now: u64) -> Option<Claim> {
    let cookies = rules.cookie.iter().flat_map(|name| cookie::values(request.cookie, name));
    let header = rules.header.as_ref().and_then(|name| request.header(name));
    let bare = header.map(|text| match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => text,
    });
    cookies.chain(bare).find_map(|token| rules.claim(token, now))
}
