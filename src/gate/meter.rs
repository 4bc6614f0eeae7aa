//! So many articles for nothing, for people.
//!
//! A reader is known by a cookie that came back: the first visit is answered with it and a way round over [`ROUND`], which leads back
//! with the cookie or, marked, without. The cookie counts; who throws it away begins again, until the network address has had its share,
//! which is counted where nobody can reach it. What a browser says of itself (`Sec-Fetch-*`) anybody can say: the share of an address is
//! what a publisher gives away at most to each.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Answer, Asked, Decision, Gate, Headers, LedgerCall, Next, PREFIX, Request, Routed, Target, answer, decide::address_digest,
    joined, path_of,
};
use crate::{
    access::{Meter, Pass, cookie, pass::short_digest},
    evm::hex,
    json,
    json::Value,
    problem::Problem,
    route::{Access, Free, Route, path},
};

/// The way round, under the well-known prefix.
pub(super) const ROUND: &str = "meter";
/// Says in a query that the cookie did not come back.
const LOST: &str = "farthing-meter=lost";
/// How many more are free.
const LEFT: &str = "Farthing-Free-Left";
/// So many folders of parts get a pass.
const MOST_PARTS: usize = 4;
/// How long it lives, in seconds: a day's reading, and browsers do not fill up with them (threat E9).
const PART_SECONDS: u64 = 24 * 60 * 60;
/// What a visit says of itself.
const HEADERS: &[&str] = &[
    "sec-fetch-mode",
    "sec-fetch-dest",
    "sec-purpose",
    "purpose",
    "x-purpose",
    "x-moz",
];

/// What a count answers (`worker/shim/tally.js`).
#[derive(Clone, Copy)]
pub(super) struct Tally {
    /// How many are left after this one; none if this one was one too many.
    pub(super) left: Option<u64>,
}

impl Tally {
    pub(super) fn read(reply: &str) -> Option<Self> {
        let json = json::parse(reply).ok()?;
        let tally = json.get("tally")?;
        Some(Self {
            left: tally.get("left").and_then(Value::integer),
        })
    }
}

/// What comes before an article for nothing.
pub(super) enum Metered {
    /// The way round.
    Round(Answer),
    /// The count of the network address.
    Ask(LedgerCall),
}

impl From<Metered> for Decision {
    fn from(metered: Metered) -> Self {
        match metered {
            Metered::Round(answer) => Self::Answer(answer),
            Metered::Ask(call) => Self::Ledger(call),
        }
    }
}

impl From<Metered> for Next {
    fn from(metered: Metered) -> Self {
        match metered {
            Metered::Round(answer) => Self::Answer(answer),
            Metered::Ask(call) => Self::Ledger(call),
        }
    }
}

impl Gate {
    pub(super) fn meter_headers(&self) -> &'static [&'static str] {
        match self.free() {
            Some(_) => HEADERS,
            None => &[],
        }
    }

    fn free(&self) -> Option<Free> {
        self.config()?.meter
    }

    fn meter(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Meter> {
        let site = &self.config()?.site;
        cookie::values(request.cookie, cookie::METER).find_map(|text| Meter::open(asked.keys, site, text, asked.now))
    }

    /// The next step towards an article for nothing, where the reader may have one.
    pub(super) fn metered(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Metered> {
        let free = self.free()?;
        let sold = asked.route.metered && matches!(asked.route.access, Access::Owned(_)) && asked.part.is_none();
        if !sold || !request.is_visit() {
            return None;
        }
        let Some(meter) = self.meter(request, asked) else {
            return self.round(request, asked, free).map(Metered::Round);
        };
        let site = &self.config()?.site;
        (meter.used < free.articles).then(|| {
            let whose = address_digest(asked.keys, request.address.map(network).as_deref());
            // one article is one, however often one network reads it
            let mark = hex::print(&short_digest("farthing read", asked.resource.as_bytes()));
            Metered::Ask(LedgerCall {
                object: format!("{site}|meter|{whose}"),
                call: "tally",
                body: tally(free.per_address, free.seconds, free.seconds, &mark),
            })
        })
    }

    fn round(&self, request: &Request<'_>, asked: &Asked<'_>, free: Free) -> Option<Answer> {
        let (_, path, query) = path::split(request.url)?;
        if query.split('&').any(|pair| pair == LOST) {
            return None;
        }
        let meter = Meter {
            used: 0,
            until: asked.now.saturating_add(free.seconds),
        };
        let token = meter.seal(asked.keys, &self.config()?.site)?;
        let mut answer = see(joined(&[PREFIX, ROUND, path].concat(), query));
        answer.headers.push(("Set-Cookie", cookie::set_meter(&token, free.seconds)));
        Some(answer)
    }

    /// The way round: back to the article, with the cookie or with a mark.
    pub(super) fn rounded(&self, request: &Request<'_>, now: u64) -> Answer {
        let nothing = || self.problem(request, Problem::NoSuchEndpoint.into());
        let (Some(_), Ok(keys), Some(config)) = (self.free(), &self.keys, self.config()) else {
            return nothing();
        };
        let Some((_, own, query)) = path::split(request.url) else {
            return nothing();
        };
        let to = own
            .strip_prefix(PREFIX)
            .and_then(|own| own.strip_prefix(ROUND))
            .unwrap_or_default();
        // to an article of ours, and nowhere else
        if !matches!(
            self.route("GET", &[&config.site, to].concat()),
            Routed::Look(Target::Priced(_))
        ) {
            return nothing();
        }
        let back = cookie::values(request.cookie, cookie::METER).any(|text| Meter::open(keys, &config.site, text, now).is_some());
        let mark = if back { "" } else { LOST };
        let both = [query, mark].into_iter().filter(|part| !part.is_empty());
        see(joined(to, &both.collect::<Vec<_>>().join("&")))
    }

    /// The article for nothing, after the count said so.
    pub(super) fn given(&self, request: &Request<'_>, asked: &Asked<'_>, tally: Tally) -> Option<Headers> {
        let free = self.free()?;
        tally.left?;
        let site = &self.config()?.site;
        let meter = self.meter(request, asked).filter(|meter| meter.used < free.articles)?;
        let used = meter.used.saturating_add(1);
        let lasts = meter.until.saturating_sub(asked.now);
        // of nobody, for no receipt: it opens the article and its parts until the count begins again
        let pass = Pass {
            payer: [0; 16],
            receipt: [0; 16],
            issued: asked.now,
            expires: meter.until,
        };
        let pass = pass.seal(asked.keys, asked.resource)?;
        let meter = Meter { used, ..meter }.seal(asked.keys, site)?;
        let mut headers = answer::private();
        guest(&mut headers, asked.route, path_of(asked.resource), &pass, lasts);
        headers.push(("Set-Cookie", cookie::set_meter(&meter, lasts)));
        headers.push((LEFT, free.articles.saturating_sub(used).to_string()));
        Some(headers)
    }
}

/// The cookies of who owns nothing here: no handle brings back the pass of a part, so there is one for each from the first.
pub(super) fn guest(headers: &mut Headers, route: &Route, article: &str, pass: &str, seconds: u64) {
    headers.push(("Set-Cookie", cookie::set_pass(pass, article, seconds)));
    let homes = route.parts.iter().take(MOST_PARTS).filter_map(|part| part.home(article));
    headers.extend(homes.map(|home| ("Set-Cookie", cookie::set_pass(pass, &home, seconds.min(PART_SECONDS)))));
}

/// A question to a count: whether one more is given away, of so many in a time. The same mark counts once within its grace.
pub(super) fn tally(most: u16, seconds: u64, grace: u64, mark: &str) -> String {
    format!(r#"{{"most":{most},"window":{seconds},"grace":{grace},"mark":"{mark}"}}"#)
}

/// What one household has of the addresses: of IPv6 the first four groups.
pub(super) fn network(address: &str) -> String {
    let groups = |text: &str| -> Vec<String> { text.split(':').filter(|group| !group.is_empty()).map(Into::into).collect() };
    if address.contains('.') || !address.contains(':') {
        return address.into();
    }
    let mut all = match address.split_once("::") {
        None => groups(address),
        Some((head, tail)) => {
            let (mut head, tail) = (groups(head), groups(tail));
            let length = 8_usize.saturating_sub(tail.len()).max(head.len());
            head.resize(length, "0".into());
            head.extend(tail);
            head
        }
    };
    all.truncate(4);
    all.join(":")
}

/// Another page, by GET, now.
pub(super) fn see(path: String) -> Answer {
    let mut headers = answer::private();
    headers.push(("Location", path));
    Answer {
        status: 303,
        headers,
        body: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn one_household_is_one_network_however_its_addresses_are_shortened() {
        for (address, want) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8:1::5", "2001:db8:1:0"),
            ("2001:db8:1:0:5:6:7:8", "2001:db8:1:0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"),
            ("2001:db8::5", "2001:db8:0:0"),
            ("::1", "0:0:0:0"),
            ("::", "0:0:0:0"),
            ("x", "x"),
        ] {
            assert_eq!(network(address), want, "{address}");
        }
    }
}
