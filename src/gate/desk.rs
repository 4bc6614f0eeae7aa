//! `/.farthing/desk`: the publisher's own pages, for whom Cloudflare Access lets in. Whoever is not let in gets one answer
//! for every address below it, by every method.

use alloc::{boxed::Box, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::{Decision, Gate, Request, Token};
use crate::problem::Problem;

/// Its pages are below this.
const DESK: &str = "desk";
/// Where a browser puts a password (RFC 7617).
const PASSWORD: &str = "authorization";
/// What the shim found out about a token, in a line of this name: none that a client could send.
const TOKEN: &str = "=token";

impl Gate {
    /// The headers by which somebody shows that they may.
    pub(super) fn desk_headers(&self) -> Vec<&str> {
        let desk = self.config().map(|config| &config.desk);
        let access = desk.and_then(|desk| desk.access.as_ref()?.header.as_deref());
        let password = desk.and_then(|desk| desk.password).filter(|_| self.local);
        access.into_iter().chain(password.map(|_| PASSWORD)).collect()
    }

    /// What becomes of a request for a page of the desk; none for what is not below it.
    pub(super) fn desk(&self, request: &Request<'_>, name: &str, now: u64) -> Option<Decision> {
        let page = name.strip_prefix(DESK)?;
        if !(page.is_empty() || page.starts_with('/')) {
            return None;
        }
        let closed = |problem: Problem| Some(Decision::Answer(self.problem(request, problem.into())));
        let Some(desk) = self.config().map(|config| &config.desk) else {
            return closed(Problem::DeskClosed);
        };
        if let Some(rules) = &desk.access {
            match request.header(TOKEN) {
                Some("verified") => return Some(Decision::Desk),
                Some(_) => return closed(Problem::DeskClosed),
                None => {}
            }
            let token = rules.header.as_ref().and_then(|name| request.header(name));
            if let Some(claim) = token.and_then(|token| rules.claim(token, now)) {
                let keys = rules.keys.clone();
                return Some(Decision::Token(Box::new(Token { keys, claim })));
            }
        }
        let Some(hash) = desk.password.filter(|_| self.local) else {
            return closed(Problem::DeskClosed);
        };
        let given = request.header(PASSWORD).and_then(password);
        // of digests: how long it takes says nothing of either
        if given.is_some_and(|given| <[u8; 32]>::from(Sha256::digest(given)) == hash) {
            return Some(Decision::Desk);
        }
        let mut answer = self.problem(request, Problem::DeskPassword.into());
        answer
            .headers
            .push(("WWW-Authenticate", "Basic realm=\"desk\", charset=\"UTF-8\"".into()));
        Some(Decision::Answer(answer))
    }
}

/// The password of `Authorization: Basic …`; the user's name before it counts for nothing.
fn password(header: &str) -> Option<Vec<u8>> {
    let (scheme, credentials) = header.split_once(' ')?;
    let credentials = STANDARD
        .decode(credentials.trim())
        .ok()
        .filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    Some(credentials.into_iter().skip(colon.saturating_add(1)).collect())
}
