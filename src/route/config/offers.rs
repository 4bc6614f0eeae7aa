//! `offers`: time passes and bundles, which are sold beside the single article.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::{
    Access,
    check::{Check, place},
    networks::Entry,
    routes::duration,
};
use crate::{
    evm::{Address, Transfer},
    json::Value,
    money::Amount,
    route::{Route, pattern::Pattern, wider::WiderOffer},
    x402::{
        Wider,
        v2::{PaymentFlow, PaymentRequirements, Scheme},
    },
};

/// The members of an offer.
pub(super) const OFFER_KEYS: &[&str] = &["title", "covers", "count", "for", "price", "prices", "payTo"];
/// The longest name: it stands in a cookie's.
const MOST_NAME: usize = 24;
/// The most articles of a bundle.
const MOST_COUNT: u64 = 1000;

/// An offer of the table.
pub(super) struct Sold {
    label: Wider,
    covers: Vec<Pattern>,
    /// What it costs in each entry, where it is sold in it.
    amounts: Vec<Option<Amount>>,
    pay_to: Option<Address>,
}

impl Check {
    /// The table.
    pub(super) fn offers(&mut self, value: Option<&Value<'_>>, entries: &[Entry]) -> Vec<Sold> {
        let Some(value) = value else {
            return Vec::new();
        };
        let Some(members) = value.members() else {
            self.wrong(
                "offers",
                "must be an object like {\"day\": {\"covers\": \"site\", \"for\": \"24h\", \"price\": \"$0.50\"}}",
            );
            return Vec::new();
        };
        let mut all = Vec::new();
        for (name, offer) in members {
            let at = format!("offers.{name}");
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if name.is_empty() || name.len() > MOST_NAME || !name.bytes().all(fits) {
                self.wrong(&at, "is no name: at most 24 of a to z, 0 to 9 and -");
            }
            all.extend(self.sold(&at, name, offer, entries));
        }
        all
    }

    fn sold(&mut self, at: &str, name: &str, file: &Value<'_>, entries: &[Entry]) -> Option<Sold> {
        self.object(at, file, OFFER_KEYS);
        let text = self.text(at, file, "for")?;
        let seconds = duration(&text);
        if seconds.is_none() {
            self.wrong_member(
                at,
                "for",
                format!("\"{text}\" is not a duration like \"30d\", \"24h\" or \"45m\""),
            );
        }
        let covers = match file.get("covers") {
            Some(covers) if covers.text() == Some("site") => Vec::new(),
            Some(covers) if covers.items().is_some_and(|items| !items.is_empty()) => self.patterns(at, file, "covers"),
            Some(_) => {
                self.wrong_member(at, "covers", "must be \"site\" or a list of paths like [\"/sport/*\"]");
                Vec::new()
            }
            None => Vec::new(),
        };
        let count = file.get("count").map(|count| count.integer().unwrap_or_default());
        if count.is_some() == file.get("covers").is_some() {
            self.wrong(
                at,
                "needs either \"covers\" (a time pass opens all that it covers) or \"count\" (a bundle opens so many articles), and not both",
            );
        }
        if count.is_some_and(|count| !(2..=MOST_COUNT).contains(&count)) {
            self.wrong_member(at, "count", "must be a number of articles from 2 to 1000");
        }
        let pay_to = file.get("payTo").map(|value| self.pay_to(&place(at, "payTo"), value));
        let mut amounts = match self.prices(at, file, entries).ok()? {
            Some(amounts) => amounts,
            None => {
                self.wrong_member(at, "price", "cannot be \"free\": what is free needs no offer");
                return None;
            }
        };
        for (amount, entry) in amounts.iter_mut().zip(entries) {
            // a permit is for single articles
            *amount = amount.filter(|_| entry.transfer == Transfer::Eip3009);
        }
        if amounts.iter().all(Option::is_none) && !entries.is_empty() {
            self.wrong_member(
                at,
                "price",
                "is in nothing that moves by EIP-3009, which wider offers are paid by",
            );
            return None;
        }
        Some(Sold {
            label: Wider {
                name: name.to_owned(),
                title: self.text_if_any(at, file, "title").unwrap_or_default(),
                count: count.and_then(|count| u32::try_from(count).ok()),
                seconds: seconds?,
            },
            covers,
            amounts,
            pay_to,
        })
    }

    /// What of the table a route sells: all of it, or what its own `offers` names.
    pub(super) fn wider(
        &mut self,
        at: &str,
        file: &Value<'_>,
        table: &[Sold],
        entries: &[Entry],
        route: &Route,
        flow: PaymentFlow,
    ) -> Vec<WiderOffer> {
        let named = file.get("offers").map(|list| self.texts(&place(at, "offers"), Some(list)));
        let metered = route.offers.iter().any(|offer| offer.scheme == Scheme::Upto);
        if route.is_free() || metered || !matches!(route.access, Access::Owned(_)) {
            if named.is_some_and(|named| !named.is_empty()) {
                self.wrong_member(
                    at,
                    "offers",
                    "open articles that are owned for a while, and here nothing is sold, or every call pays: leave it out",
                );
            }
            return Vec::new();
        }
        for name in named.iter().flatten() {
            // an offer with a mistake in it is there all the same
            let told = || {
                self.errors
                    .iter()
                    .any(|error| error.at.starts_with(&format!("offers.{name}")))
            };
            if !table.iter().any(|sold| sold.label.name == *name) && !told() {
                self.wrong_member(
                    at,
                    "offers",
                    format!("\"{name}\" is none of the names in \"offers\" of the file"),
                );
            }
        }
        let sold = table
            .iter()
            .filter(|sold| named.as_ref().is_none_or(|named| named.contains(&sold.label.name)));
        let wider: Vec<WiderOffer> = sold.map(|sold| sold.on(entries, route, flow)).collect();
        self.told_apart(at, &wider, route);
        wider
    }

    /// What a client signs is an amount: it says which offer is meant where nothing else does.
    fn told_apart(&mut self, at: &str, wider: &[WiderOffer], route: &Route) {
        let recent = route.recent.iter().map(|(offer, _)| offer);
        let mut seen: Vec<_> = route
            .offers
            .iter()
            .chain(recent)
            .map(|offer| ("the single article", offer))
            .collect();
        for offer in wider {
            for way in &offer.ways {
                let same = seen.iter().find(|(name, other)| {
                    let place = (other.network, other.asset, other.amount) == (way.network, way.asset, way.amount);
                    place && *name != offer.label.name
                });
                if let Some((other, _)) = same {
                    let other = if other.contains(' ') {
                        (*other).to_owned()
                    } else {
                        format!("\"{other}\"")
                    };
                    self.wrong(
                        at,
                        format!(
                            "\"{}\" costs what {other} costs on {}: clients are told apart by what they pay, so give it another price, or leave it out of \"offers\" here",
                            offer.label.name, way.network
                        ),
                    );
                    return;
                }
            }
            let said = route.ask.iter().flat_map(|ask| route.offers.iter().zip(&ask.prices));
            let within = |(single, (least, most)): (&PaymentRequirements, &(Amount, Amount))| {
                let same = |way: &PaymentRequirements| (single.network, single.asset) == (way.network, way.asset);
                offer
                    .ways
                    .iter()
                    .any(|way| same(way) && (least..=most).contains(&&way.amount))
            };
            if said.into_iter().any(within) {
                self.wrong(
                    at,
                    format!(
                        "\"{}\" costs what your server may say that the single article costs (\"ask\"): clients are told apart by what they pay, so give it a price outside of these bounds, or leave it out of \"offers\" here",
                        offer.label.name
                    ),
                );
                return;
            }
            seen.extend(offer.ways.iter().map(|way| (offer.label.name.as_str(), way)));
        }
    }
}

impl Sold {
    fn on(&self, entries: &[Entry], route: &Route, flow: PaymentFlow) -> WiderOffer {
        let ways = entries.iter().zip(&self.amounts).filter_map(|(entry, amount)| {
            let mut way = entry.offer(Scheme::Exact, (*amount)?);
            way.pay_to = self.pay_to.unwrap_or(way.pay_to);
            way.extra.flow = flow;
            way.extra.offer = Some(self.label.clone().into());
            Some(way)
        });
        WiderOffer {
            label: self.label.clone(),
            covers: self.covers.clone(),
            // an article's parts are wherever the publisher has them
            path: if route.parts.is_empty() {
                folder(&self.covers)
            } else {
                "/".into()
            },
            ways: ways.collect(),
        }
    }
}

/// The folder that all paths of these patterns are in.
fn folder(covers: &[Pattern]) -> String {
    let texts: Vec<String> = covers.iter().map(Pattern::text).collect();
    let literal = |text: &str| text.split('*').next().unwrap_or_default().to_owned();
    let mut common = texts.first().map(|text| literal(text)).unwrap_or_default();
    for text in &texts {
        let own = literal(text);
        let same = common.bytes().zip(own.bytes()).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    let end = common.rfind('/').map_or(0, |at| at.saturating_add(1));
    common.truncate(end);
    if common.is_empty() { "/".into() } else { common }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Config, config::tests::SAMPLE};
    use alloc::string::ToString;

    fn config(offers: &str, route: &str) -> Result<Config, String> {
        let text = SAMPLE
            .replace("{\"url\": \"https://origin.news.example\"}", "{\"service\": \"SITE\"}")
            .replace("\"routes\":", &format!("\"offers\": {offers}, \"routes\":"))
            .replace("\"price\": \"$0.05\"", &format!("\"price\": \"$0.05\"{route}"));
        // the sample says it, too
        let text = if route.contains("access") {
            text.replace(", \"access\": \"30d\"", "")
        } else {
            text
        };
        Config::parse(&text).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    const TEN: &str = r#"{"ten": {"title": "Ten articles", "count": 10, "for": "30d", "price": "$0.40"},
        "day": {"covers": "site", "for": "24h", "price": "$0.50"}}"#;

    #[test]
    fn all_routes_sell_all_offers_unless_they_say_which() {
        for (route, want) in [
            ("", &["ten", "day"][..]),
            (r#", "offers": ["day"]"#, &["day"]),
            (r#", "offers": []"#, &[]),
            (r#", "access": "once""#, &[]),
        ] {
            let config = config(TEN, route).unwrap();
            let names: Vec<&str> = config.routes[0].wider.iter().map(|offer| offer.label.name.as_str()).collect();
            assert_eq!(names, want, "{route}");
        }
        let config = config(TEN, "").unwrap();
        let [ten, day] = &config.routes[0].wider[..] else { panic!() };
        assert_eq!((ten.label.count, ten.label.seconds), (Some(10), 30 * 86_400));
        assert_eq!((day.label.count, day.label.seconds, day.path.as_str()), (None, 86_400, "/"));
        assert_eq!(ten.ways[0].amount.to_string(), "400000");
        assert!(ten.covers("/x") && !ten.is_pass_for("/x") && day.is_pass_for("/x"));
    }

    #[test]
    fn b6_the_backstop_looks_for_every_offer_at_whom_it_pays() {
        let other = "0x1111111111111111111111111111111111111111";
        let table = TEN.replace(
            "\"price\": \"$0.50\"",
            &format!("\"price\": \"$0.50\", \"payTo\": {{\"eip155\": \"{other}\"}}"),
        );
        let tokens = |route: &str| {
            let tokens = config(&table, route).unwrap().tokens();
            let told = tokens
                .iter()
                .map(|token| (token.pay_to.to_string() == other, token.least.to_string()));
            told.collect::<Vec<_>>()
        };
        assert_eq!(tokens(""), [(false, "50000".into()), (true, "500000".into())]);
        // and for what an agent pays
        let agents = r#", "crawlers": {"*": "$0.001"}"#;
        assert_eq!(tokens(agents), [(false, "1000".into()), (true, "500000".into())]);
    }

    #[test]
    fn a_cookie_is_limited_to_what_its_pass_covers() {
        let path = |covers: &str, more: &str| {
            let offer = format!(r#"{{"s": {{"covers": {covers}, "for": "1h", "price": "$1"}}}}"#);
            config(&offer, more).unwrap().routes[0].wider[0].path.clone()
        };
        for (covers, want) in [
            (r#"["/articles/*"]"#, "/articles/"),
            (r#"["/a/b/*", "/a/c/*"]"#, "/a/"),
            (r#"["/a/b*", "/a/b-c"]"#, "/a/"),
            (r#"["/a/*", "/b/*"]"#, "/"),
            ("\"site\"", "/"),
        ] {
            assert_eq!(path(covers, ""), want, "{covers}");
        }
        assert_eq!(path(r#"["/articles/*"]"#, r#", "parts": ["/media/{1}/*"]"#), "/");
    }

    #[test]
    fn b10_each_mistake_has_its_own_sentence() {
        let one = |members: &str| format!(r#"{{"ten": {{{members}}}}}"#);
        for (offers, route, says) in [
            ("7".to_string(), "", "offers: must be an object"),
            (TEN.replace("ten", "Ten"), "", "offers.Ten: is no name"),
            (one(r#""count": 10, "price": "$1""#), "", "offers.ten.for: is missing"),
            (
                one(r#""count": 10, "for": "a day", "price": "$1""#),
                "",
                "offers.ten.for: \"a day\" is not a duration",
            ),
            (one(r#""for": "1d", "price": "$1""#), "", "offers.ten: needs either"),
            (
                one(r#""count": 3, "covers": "site", "for": "1d", "price": "$1""#),
                "",
                "offers.ten: needs either",
            ),
            (
                one(r#""count": 1, "for": "1d", "price": "$1""#),
                "",
                "offers.ten.count: must be a number of articles",
            ),
            (
                one(r#""covers": "all", "for": "1d", "price": "$1""#),
                "",
                "offers.ten.covers: must be \"site\"",
            ),
            (
                one(r#""covers": ["x"], "for": "1d", "price": "$1""#),
                "",
                "offers.ten.covers[0]: \"x\" must start",
            ),
            (
                one(r#""count": 3, "for": "1d", "price": "free""#),
                "",
                "offers.ten.price: cannot be \"free\"",
            ),
            (
                one(r#""count": 3, "for": "1d", "price": "$1", "x": 1"#),
                "",
                "offers.ten.x: is not known here",
            ),
            (
                TEN.into(),
                r#", "ask": {"price": {"min": "$0.01", "max": "$0.45"}}"#,
                "\"ten\" costs what your server may say",
            ),
            (TEN.into(), r#", "offers": ["week"]"#, "routes[0].offers: \"week\" is none of"),
            (
                TEN.into(),
                r#", "access": "once", "offers": ["ten"]"#,
                "routes[0].offers: open articles that are owned",
            ),
            (
                TEN.replace("$0.40", "$0.05"),
                "",
                "routes[0]: \"ten\" costs what the single article costs on eip155:84532",
            ),
            (
                TEN.replace("$0.40", "$0.50"),
                "",
                "routes[0]: \"day\" costs what \"ten\" costs on eip155:84532",
            ),
            (
                TEN.into(),
                r#", "recent": [{"price": "$0.40", "until": "2026-11-22T00:00:00Z"}]"#,
                "\"ten\" costs what the single article costs",
            ),
        ] {
            let said = config(&offers, route).unwrap_err();
            assert!(said.contains(says), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}
