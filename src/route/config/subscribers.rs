//! `subscribers`: who reads for nothing because they pay elsewhere, by a token of the publisher's login or by the origin's word.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::{
    Origin,
    check::{Check, place},
};
use crate::{
    access::jwt::{KeySource, PUBLIC, Rules, SHARED},
    crawl::agent::{is_local, is_public_name},
    json::Value,
};

/// The members of `subscribers`.
pub(super) const SUBSCRIBERS_KEYS: &[&str] = &["jwt", "originHeader", "whenCookie"];
/// The members of `subscribers.jwt`.
pub(super) const JWT_KEYS: &[&str] = &[
    "jwks",
    "secret",
    "issuer",
    "audience",
    "cookie",
    "header",
    "algorithms",
    "claims",
];

const MOST: usize = 16;
const LONGEST: usize = 200;
/// Request headers that are something else than a token.
const TAKEN: &[&str] = &["cookie", "accept", "host", "payment-signature", "x-payment", "sign-in-with-x"];
/// What an answer cannot do without; besides what begins with one of [`FAMILIES`].
const NEEDED: &[&str] = &["date", "etag", "expires", "last-modified", "location", "set-cookie", "vary"];
const FAMILIES: &[&str] = &[
    "content-",
    "access-control-",
    "cache-",
    "cdn-cache",
    "payment-",
    "x-payment",
    "transfer-",
];

/// Readers who pay elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribers {
    /// By a token of the publisher's login.
    pub jwt: Option<Rules>,
    /// By what the origin says of a reader.
    pub word: Option<Word>,
}

/// A header of the origin's answer that says whether this reader reads for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its name, in lower case.
    pub header: String,
    /// Names of cookies of which the reader has to have one; `*` at the end stands for anything.
    pub cookies: Vec<String>,
}

impl Word {
    /// Whether a cookie of this name is one of those.
    fn is_about(&self, name: &str) -> bool {
        self.cookies.iter().any(|own| match own.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == own,
        })
    }

    /// Those of a `Cookie` header, without the empty ones.
    ///
    /// ```
    /// use farthing::route::config::Word;
    /// let word = Word { header: "farthing-access".into(), cookies: vec!["wordpress_logged_in_*".into(), "sid".into()] };
    /// assert!(word.cookies_in("a=b; wordpress_logged_in_5f=x; sid=; sid2=y").eq(["wordpress_logged_in_5f=x"]));
    /// ```
    pub fn cookies_in<'a>(&'a self, header: &'a str) -> impl Iterator<Item = &'a str> {
        header.split(';').map(str::trim).filter(|pair| {
            let named = pair.split_once('=').filter(|(_, value)| !value.is_empty());
            named.is_some_and(|(name, _)| self.is_about(name))
        })
    }
}

/// The letters of header and cookie names (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(letter)
}

impl Check {
    /// Readers who pay elsewhere.
    pub(super) fn subscribers(&mut self, value: Option<&Value<'_>>, origin: &Origin, known: bool) -> Subscribers {
        let Some(file) = value else {
            return Subscribers::default();
        };
        let at = "subscribers";
        self.object(at, file, SUBSCRIBERS_KEYS);
        let jwt = file.get("jwt").and_then(|jwt| self.jwt("subscribers.jwt", jwt));
        let named = ["originHeader", "whenCookie"].map(|name| file.get(name).is_some());
        if file.get("jwt").is_none() && named == [false, false] {
            self.wrong(at, "says nobody: give \"jwt\", or \"originHeader\" and \"whenCookie\"");
        }
        if named[0] != named[1] {
            self.wrong(
                at,
                "\"originHeader\" and \"whenCookie\" go together: what the origin answers with, and whom it is asked about",
            );
        }
        let word = (named == [true, true]).then(|| self.word(at, file, origin, known));
        Subscribers {
            jwt,
            word: word.flatten(),
        }
    }

    fn word(&mut self, at: &str, file: &Value<'_>, origin: &Origin, known: bool) -> Option<Word> {
        let header = self.answer_header(at, file, "originHeader");
        let cookies = self.texts(&place(at, "whenCookie"), file.get("whenCookie"));
        let fine = |name: &String| {
            let begin = name.strip_suffix('*').unwrap_or(name);
            is_token(begin)
                && !begin.contains('*')
                && (begin.len() == name.len() || begin.len() > 2)
                && !begin.starts_with("__Secure-farthing")
                && !begin.starts_with("__Host-farthing")
        };
        if !(1..=MOST).contains(&cookies.len()) || !cookies.iter().all(fine) {
            self.wrong_member(
                at,
                "whenCookie",
                format!("must list 1 to {MOST} names of cookies that only who is logged in has, like \"wordpress_logged_in_*\"; * stands at the end alone, after three letters or more"),
            );
        }
        if matches!(origin, Origin::Assets(_) | Origin::Bucket(_)) {
            self.wrong_member(
                at,
                "originHeader",
                "needs a server that knows its readers: files are the same for everybody",
            );
        }
        self.tells_apart(&place(at, "originHeader"), origin, known);
        Some(Word {
            header: header?,
            cookies,
        })
    }

    /// What an origin says counts only where it knows that it is us who ask, and refuses the rest.
    pub(super) fn tells_apart(&mut self, at: &str, origin: &Origin, known: bool) {
        if !known && matches!(origin, Origin::Dns | Origin::Url(_)) {
            self.wrong(
                at,
                "needs an origin that can tell the Worker from everybody else: give \"origin\" a header with a secret (\"headers\"), or make it a binding",
            );
        }
    }

    /// The name of a header that the origin's answers have for us alone, in lower case.
    fn answer_header(&mut self, at: &str, file: &Value<'_>, name: &str) -> Option<String> {
        let text = self.text(at, file, name)?.to_ascii_lowercase();
        let needed = NEEDED.contains(&text.as_str()) || FAMILIES.iter().any(|family| text.starts_with(family));
        if !is_token(&text) || needed {
            self.wrong_member(
                at,
                name,
                "must be the name of a header that is there for this alone, like \"Farthing-Access\": it is taken out of every answer",
            );
        }
        Some(text)
    }

    fn jwt(&mut self, at: &str, file: &Value<'_>) -> Option<Rules> {
        self.object(at, file, JWT_KEYS);
        let keys = match (file.get("jwks"), file.get("secret")) {
            (Some(_), None) => self.key_set(at, file).map(KeySource::Set),
            (None, Some(secret)) => self.secret(&place(at, "secret"), Some(secret)).map(KeySource::Secret),
            _ => {
                self.wrong(
                    at,
                    "must say where the keys are: \"jwks\" (an address), or \"secret\" (the name of a secret of the Worker)",
                );
                None
            }
        };
        let shared = file.get("secret").is_some();
        let issuer = self.words(at, file, "issuer");
        let audience = file.get("audience").and_then(|_| self.words(at, file, "audience"));
        let cookie = self.name(at, file, "cookie", &[]);
        let header = self.name(at, file, "header", TAKEN).map(|name| name.to_ascii_lowercase());
        if file.get("cookie").is_none() && file.get("header").is_none() {
            self.wrong(at, "must say where a token comes: \"cookie\" or \"header\", or both");
        }
        let algorithms = self.algorithms(at, file, shared);
        let claims = self.claims(at, file);
        if !shared && audience.is_none() && claims.is_empty() {
            self.wrong(
                at,
                "takes every token of this issuer, also those for other sites: give \"audience\", or \"claims\" that only subscribers have",
            );
        }
        Some(Rules {
            keys: keys?,
            issuer: issuer?,
            audience,
            cookie,
            header,
            algorithms,
            claims,
        })
    }

    /// Where the keys are: a host of the public DNS, or this machine (threat D8).
    fn key_set(&mut self, at: &str, file: &Value<'_>) -> Option<String> {
        let text = self.text(at, file, "jwks")?;
        let host = |scheme| Some(text.strip_prefix(scheme)?.split('/').next().unwrap_or_default());
        let fine = host("https://").is_some_and(is_public_name) || host("http://").is_some_and(is_local);
        if !fine || text.len() > LONGEST || text.contains(|c: char| !c.is_ascii_graphic() || "?#@\\\"".contains(c)) {
            self.wrong_member(
                at,
                "jwks",
                "is not the https:// address of a key set on a public host in lower case, without port, user and query (http:// only for 127.0.0.1)",
            );
            return None;
        }
        Some(text)
    }

    fn words(&mut self, at: &str, file: &Value<'_>, name: &str) -> Option<String> {
        let text = self.text(at, file, name)?;
        if !(1..=LONGEST).contains(&text.len()) {
            self.wrong_member(at, name, format!("must have 1 to {LONGEST} letters"));
        }
        Some(text)
    }

    fn name(&mut self, at: &str, file: &Value<'_>, name: &str, taken: &[&str]) -> Option<String> {
        let text = self.text_if_any(at, file, name)?;
        let ours = text.contains("-farthing") || taken.contains(&text.to_ascii_lowercase().as_str());
        if !is_token(&text) || ours {
            self.wrong_member(
                at,
                name,
                "is not the name of one that your login sets, like \"session\" or \"authorization\"",
            );
        }
        Some(text)
    }

    fn algorithms(&mut self, at: &str, file: &Value<'_>, shared: bool) -> Vec<String> {
        // never both: who has the public key could sign with it as if it were a secret (threat E6)
        let known = if shared { &[SHARED] } else { PUBLIC };
        let Some(list) = file.get("algorithms") else {
            return known.iter().map(|name| (*name).to_owned()).collect();
        };
        let texts = self.texts(&place(at, "algorithms"), Some(list));
        if texts.is_empty() || !texts.iter().all(|text| known.contains(&text.as_str())) {
            let with = if shared { "secret" } else { "jwks" };
            self.wrong_member(
                at,
                "algorithms",
                format!("must list some of {}, with \"{with}\"", known.join(", ")),
            );
        }
        texts
    }

    fn claims(&mut self, at: &str, file: &Value<'_>) -> Vec<(String, Vec<String>)> {
        let Some(value) = file.get("claims") else {
            return Vec::new();
        };
        let members = value.members().unwrap_or_default();
        if members.is_empty() || members.len() > MOST {
            self.wrong_member(at, "claims", "must be an object like {\"plan\": [\"digital\", \"staff\"]}");
        }
        let mut claims = Vec::new();
        for (name, value) in members {
            let here = format!("{at}.claims.{name}");
            let values = self.texts(&here, Some(value));
            if values.is_empty() || values.len() > MOST {
                self.wrong(&here, format!("must list 1 to {MOST} values"));
            }
            claims.push(((**name).to_owned(), values));
        }
        claims
    }
}
