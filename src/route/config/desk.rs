//! `desk`: who may see the publisher's own pages.

use alloc::{borrow::ToOwned, format};

use super::check::{Check, place};
use crate::{
    access::jwt::{KeySource, Rules},
    crawl::agent::{is_local, is_public_name},
    evm::hex,
    json::Value,
};

/// The members of `desk`.
pub(super) const DESK_KEYS: &[&str] = &["access", "passwordHash", "retention"];
/// The members of `desk.access`.
pub(super) const ACCESS_KEYS: &[&str] = &["team", "audience"];

/// For how many days figures are kept, and for how many at most.
const RETENTION: u16 = 400;
const LONGEST_RETENTION: u16 = 3650;
/// The longest audience tag, in bytes; Cloudflare's have 64.
const LONGEST_TAG: usize = 128;
/// Where Cloudflare Access puts its token, and what it signs with:
/// <https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/validating-json/>.
const HEADER: &str = "cf-access-jwt-assertion";
const ALGORITHM: &str = "RS256";
const CERTS: &str = "/cdn-cgi/access/certs";

/// Who may see the desk; nobody if neither is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// Whom Cloudflare Access lets in.
    pub access: Option<Rules>,
    /// Who knows the password with this SHA-256; in a development run alone.
    pub password: Option<[u8; 32]>,
    /// For how many days what is counted is kept.
    pub retention: u16,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            access: None,
            password: None,
            retention: RETENTION,
        }
    }
}

impl Desk {
    /// Whether there is anybody who may see it.
    pub const fn is_open(&self) -> bool {
        self.access.is_some() || self.password.is_some()
    }
}

impl Check {
    pub(super) fn desk(&mut self, value: Option<&Value<'_>>) -> Desk {
        let at = "desk";
        let Some(value) = value else {
            return Desk::default();
        };
        self.object(at, value, DESK_KEYS);
        let access = value.get("access").and_then(|access| self.desk_access("desk.access", access));
        let password = self.text_if_any(at, value, "passwordHash").and_then(|text| {
            let hash = hex::read(&["0x", &text].concat());
            if hash.is_none() {
                self.wrong_member(
                    at,
                    "passwordHash",
                    "must be a SHA-256 in 64 hex digits; it counts in development runs alone",
                );
            }
            hash
        });
        let days = value
            .get("retention")
            .map(|days| days.integer().and_then(|days| u16::try_from(days).ok()));
        let retention = match days {
            None => RETENTION,
            Some(Some(days @ 1..=LONGEST_RETENTION)) => days,
            Some(_) => {
                self.wrong_member(
                    at,
                    "retention",
                    format!("must be a whole number of days from 1 to {LONGEST_RETENTION}"),
                );
                RETENTION
            }
        };
        Desk {
            access,
            password,
            retention,
        }
    }

    fn desk_access(&mut self, at: &str, file: &Value<'_>) -> Option<Rules> {
        self.object(at, file, ACCESS_KEYS);
        let team = self.text(at, file, "team")?;
        let public = team.strip_prefix("https://").is_some_and(is_public_name);
        if !public && !team.strip_prefix("http://").is_some_and(is_local) {
            self.wrong(
                &place(at, "team"),
                "must be your team's address, like \"https://news.cloudflareaccess.com\", without a path",
            );
        }
        let audience = self.text(at, file, "audience")?;
        if !(1..=LONGEST_TAG).contains(&audience.len()) {
            self.wrong(
                &place(at, "audience"),
                format!("must be the application's audience tag, 1 to {LONGEST_TAG} letters"),
            );
        }
        Some(Rules {
            keys: KeySource::Set([&team, CERTS].concat()),
            issuer: team,
            audience: Some(audience),
            cookie: None,
            header: Some(HEADER.to_owned()),
            algorithms: [ALGORITHM.to_owned()].into(),
            claims: [].into(),
        })
    }
}
