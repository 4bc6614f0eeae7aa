//! A request's own signature: found, held against what has to be in it, and made ready to be checked.

use alloc::{string::String, vec::Vec};

use super::{
    agent, bytes,
    directory::TEST_KEY,
    field::{self, Bare, Item, Member, Parameters, dictionary, parameter},
};

/// The tag of these signatures.
pub const TAG: &str = "web-bot-auth";
/// The longest time between `created` and `expires`, in seconds (threat D11).
pub const MAX_SECONDS: u64 = 5 * 60;
/// How far an agent's clock may be ahead of ours, in seconds.
pub const SKEW_SECONDS: u64 = 5;
/// The headers about money: where one of them came along, the signature has to cover it (threat D11).
pub const MONEY: [&str; 5] = [
    "payment-signature",
    "x-payment",
    "sign-in-with-x",
    super::price::MAX_PRICE,
    super::price::EXACT_PRICE,
];

/// A request, as far as a signature can be about it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Absolute, without a fragment.
    pub url: &'a str,
    /// Header fields by their lower-case names; several of one name as one line, with commas.
    pub field: &'a dyn Fn(&str) -> Option<&'a str>,
}

impl core::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Message")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What a signature claims; it is so once the signature was checked with a key of the host's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who signed, as policies name it.
    pub host: String,
    /// Thumbprint of the key.
    pub key: String,
    /// What may be used once, of this key.
    pub nonce: String,
    /// Unix seconds from which it does not count any more.
    pub expires: u64,
    /// The Ed25519 signature's 64 bytes, base64.
    pub signature: String,
    /// What was signed, byte for byte (RFC 9421, section 2.5).
    pub base: String,
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A field cannot be read, or one of the two is missing.
    Malformed,
    /// Neither `@authority` nor `@target-uri` is covered.
    NoAuthority,
    /// `Signature-Agent` is not covered.
    NoAgent,
    /// A covered field is not there.
    Absent,
    /// A covered component that is not supported, or stands twice.
    Component,
    /// An algorithm other than Ed25519.
    Algorithm,
    /// No `keyid` that is a thumbprint, or that of a key everybody has.
    Key,
    /// No `created` or no `expires`.
    NoTimes,
    /// `expires` has passed.
    Expired,
    /// `created` lies in the future.
    NotYet,
    /// More than [`MAX_SECONDS`] between the two.
    TooLong,
    /// No `nonce` of 8 to 128 characters.
    NoNonce,
    /// A header about money is not covered.
    Uncovered,
}

impl Fault {
    /// What is wrong, and what would be right.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Malformed => {
                "Signature and Signature-Input must come together, as canonical structured fields of at most 4096 bytes."
            }
            Self::NoAuthority => "The signature must cover \"@authority\" or \"@target-uri\".",
            Self::NoAgent => "The signature must cover its member of Signature-Agent.",
            Self::Absent => "A header that the signature covers is not in the request.",
            Self::Component => "The signature covers a component that is not supported here, or one of them twice.",
            Self::Algorithm => "Only Ed25519 signatures of 64 bytes are accepted.",
            Self::Key => "The keyid must be the JWK thumbprint of a key that is yours alone.",
            Self::NoTimes => "The signature must have created and expires.",
            Self::Expired => "The signature has expired.",
            Self::NotYet => "The signature was made in the future; check the clock.",
            Self::TooLong => "There may be at most 300 seconds between created and expires.",
            Self::NoNonce => "The signature must have a nonce of 8 to 128 characters, a new one for each request.",
            Self::Uncovered => "The signature must cover every header about a payment or a price that is sent.",
        }
    }
}

/// The Web Bot Auth signature of an agent that `known` is true for; none if there is none.
///
/// Whoever is unknown is held to nothing: what nobody's policy is about is not looked at. `now`: Unix seconds, none where the
/// times were looked at before. `local`: in a development run, an agent may be on this machine, and have the key of RFC 9421.
///
/// ```
/// use farthing::crawl::{Fault, Message, claim};
/// let field = |name: &str| match name {
///     "signature-agent" => Some(r#"sig="https://agent.example""#),
///     "signature-input" => Some(concat!(r#"sig=("@authority" "signature-agent";key="sig");created=1800000000;expires=1800000060;"#,
///         r#"keyid="kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";nonce="bm9uY2U0dGhpcw==";tag="web-bot-auth""#)),
///     "signature" => Some("sig=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==:"),
///     _ => None,
/// };
/// let message = Message { method: "GET", url: "https://news.example/articles/x", field: &field };
/// let found = claim(&message, Some(1_800_000_001), false, &|host| host == "agent.example").unwrap().unwrap();
/// assert_eq!(found.host, "agent.example");
/// assert!(found.base.starts_with("\"@authority\": news.example\n\"signature-agent\";key=\"sig\": \"https://agent.example\"\n"));
/// assert_eq!(claim(&message, Some(1_800_000_060), false, &|_| true), Err(Fault::Expired));
/// assert_eq!(claim(&message, Some(1_800_000_060), false, &|_| false), Ok(None));
/// ```
pub fn claim(message: &Message<'_>, now: Option<u64>, local: bool, known: &dyn Fn(&str) -> bool) -> Result<Option<Claim>, Fault> {
    let field = message.field;
    let (inputs, signatures) = match (field("signature-input"), field("signature")) {
        (None, None) => return Ok(None),
        (Some(input), Some(signature)) => (read(input)?, read(signature)?),
        _ => return Err(Fault::Malformed),
    };
    for (label, member) in &inputs {
        let Member::List(components, parameters) = member else {
            return Err(Fault::Malformed);
        };
        // signatures may be about other things
        if parameter(parameters, "tag") != Some(Bare::Text(TAG)) {
            continue;
        }
        let Some((host, covers)) = agent_of(label, components, field("signature-agent"), local)? else {
            continue;
        };
        if !known(&host) {
            continue;
        }
        if !covers {
            return Err(Fault::NoAgent);
        }
        let signature = signatures.iter().find(|(other, _)| other == label).map(|(_, member)| member);
        let signature = signature.and_then(Member::item).ok_or(Fault::Malformed)?;
        let Bare::Bytes(signature) = signature.bare else {
            return Err(Fault::Malformed);
        };
        let (key, nonce, expires) = check_parameters(parameters, now, local)?;
        check_components(components, field)?;
        if parameter(parameters, "alg").is_some_and(|alg| alg != Bare::Text("ed25519"))
            || bytes(signature).is_none_or(|bytes| bytes.len() != 64)
        {
            return Err(Fault::Algorithm);
        }
        return Ok(Some(Claim {
            host,
            key: key.into(),
            nonce: nonce.into(),
            expires,
            signature: signature.into(),
            base: base(message, components, member)?,
        }));
    }
    Ok(None)
}

fn read(text: &str) -> Result<Vec<(&str, Member<'_>)>, Fault> {
    dictionary(text).map_err(|_| Fault::Malformed)
}

/// The host that a signature is attributed to, and whether it covers the member of `Signature-Agent` that says so. None where nobody
/// is named, or not by a directory.
fn agent_of(label: &str, components: &[Item<'_>], header: Option<&str>, local: bool) -> Result<Option<(String, bool)>, Fault> {
    let covered = || components.iter().filter(|item| item.text() == Some("signature-agent"));
    let Some(header) = header else {
        return if covered().next().is_none() {
            Ok(None)
        } else {
            Err(Fault::Absent)
        };
    };
    let whole = covered().any(|item| item.parameters.is_empty());
    // the form of older drafts is a text, not a dictionary
    let (member, covers) = if header.trim_start_matches(' ').starts_with('"') {
        (field::item(header).map_err(|_| Fault::Malformed)?, whole)
    } else {
        let keys = || {
            covered().filter_map(|item| match item.parameter("key") {
                Some(Bare::Text(key)) => Some(key),
                _ => None,
            })
        };
        let key = keys().find(|key| *key == label).or_else(|| keys().next());
        let name = key.unwrap_or(label);
        let mut members = read(header)?;
        let only = members.len() == 1 && key.is_none();
        let at = members.iter().position(|(other, _)| *other == name).or(only.then_some(0));
        let (_, member) = at.map(|at| members.swap_remove(at)).ok_or(Fault::Absent)?;
        let Member::Item(item) = member else {
            return Err(Fault::Malformed);
        };
        (item, whole || key.is_some())
    };
    if !matches!(member.parameter("type"), None | Some(Bare::Token("directory"))) {
        return Ok(None);
    }
    let url = member.text().ok_or(Fault::Malformed)?;
    let host = agent::host_of(url).filter(|host| local || !agent::is_local(host));
    Ok(host.map(|host| (host, covers)))
}

/// The key, the nonce and the end of a signature.
fn check_parameters<'a>(parameters: &Parameters<'a>, now: Option<u64>, local: bool) -> Result<(&'a str, &'a str, u64), Fault> {
    let time = |name: &str| match parameter(parameters, name) {
        Some(Bare::Integer(number)) => u64::try_from(number).ok(),
        _ => None,
    };
    let text = |name: &str| match parameter(parameters, name) {
        Some(Bare::Text(text)) => Some(text),
        _ => None,
    };
    let (Some(created), Some(expires)) = (time("created"), time("expires")) else {
        return Err(Fault::NoTimes);
    };
    let is_thumbprint = |key: &&str| key.len() == 43 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let key = text("keyid").filter(is_thumbprint).ok_or(Fault::Key)?;
    if key == TEST_KEY && !local {
        return Err(Fault::Key);
    }
    let nonce = text("nonce")
        .filter(|nonce| (8..=128).contains(&nonce.len()))
        .ok_or(Fault::NoNonce)?;
    if let Some(now) = now {
        if expires <= now {
            return Err(Fault::Expired);
        }
        if created > now.saturating_add(SKEW_SECONDS) {
            return Err(Fault::NotYet);
        }
    }
    if expires.saturating_sub(created) > MAX_SECONDS {
        return Err(Fault::TooLong);
    }
    Ok((key, nonce, expires))
}

fn check_components<'a>(components: &[Item<'_>], field: &dyn Fn(&str) -> Option<&'a str>) -> Result<(), Fault> {
    let covers = |name: &str| {
        components
            .iter()
            .any(|item| item.text() == Some(name) && item.parameters.is_empty())
    };
    if !covers("@authority") && !covers("@target-uri") {
        return Err(Fault::NoAuthority);
    }
    if MONEY.iter().any(|name| field(name).is_some() && !covers(name)) {
        return Err(Fault::Uncovered);
    }
    let twice = |(index, item): (usize, &Item<'_>)| components.iter().take(index).any(|other| other == item);
    if components.iter().enumerate().any(twice) {
        return Err(Fault::Component);
    }
    Ok(())
}

/// The signature base: a line for each covered component, and one for what the signature says of itself.
fn base(message: &Message<'_>, components: &[Item<'_>], member: &Member<'_>) -> Result<String, Fault> {
    let mut out = String::with_capacity(512);
    for item in components {
        item.write(&mut out);
        out.push_str(": ");
        value(message, item, &mut out)?;
        out.push('\n');
    }
    out.push_str("\"@signature-params\": ");
    member.write(&mut out);
    // a base is ASCII, one line a component; nothing in a request can add a line to it
    if out.is_ascii() { Ok(out) } else { Err(Fault::Component) }
}

/// A component's value (RFC 9421, sections 2.1 and 2.2).
fn value(message: &Message<'_>, item: &Item<'_>, out: &mut String) -> Result<(), Fault> {
    let name = item.text().ok_or(Fault::Component)?;
    if !name.starts_with('@') {
        return field_value(message, name, item, out);
    }
    if !item.parameters.is_empty() {
        return Err(Fault::Component);
    }
    let (scheme, rest) = message.url.split_once("://").ok_or(Fault::Component)?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(at).unwrap_or((rest, ""));
    let (path, query) = match target.find('?').and_then(|at| target.split_at_checked(at)) {
        Some((path, query)) => (path, query),
        None => (target, ""),
    };
    let path = if path.is_empty() { "/" } else { path };
    match name {
        "@method" => out.push_str(message.method),
        "@scheme" => out.push_str(&scheme.to_ascii_lowercase()),
        "@authority" => {
            let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
            out.push_str(&authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase());
        }
        "@target-uri" => out.push_str(message.url),
        "@path" => out.push_str(path),
        "@request-target" => out.extend([path, query]),
        "@query" => out.push_str(if query.is_empty() { "?" } else { query }),
        _ => return Err(Fault::Component),
    }
    Ok(())
}

/// A header's value: the whole of it, or with `key` one member of a dictionary.
fn field_value(message: &Message<'_>, name: &str, item: &Item<'_>, out: &mut String) -> Result<(), Fault> {
    let value = (message.field)(name).ok_or(Fault::Absent)?.trim_matches([' ', '\t']);
    match item.parameters.as_slice() {
        [] => out.push_str(value),
        [("key", Bare::Text(key))] => {
            let members = dictionary(value).map_err(|_| Fault::Component)?;
            let (_, member) = members.iter().find(|(name, _)| name == key).ok_or(Fault::Absent)?;
            member.write(out);
        }
        _ => return Err(Fault::Component),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
