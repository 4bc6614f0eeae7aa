//! `crawlers`: what programs pay, read for nothing, or are refused, by who they are; of the site and of a route.

use alloc::{borrow::ToOwned, boxed::Box, format, string::String, vec::Vec};

use super::{
    check::{Check, place},
    networks::Entry,
};
use crate::{
    crawl::agent::{is_local, is_public_name},
    json::Value,
    money::Amount,
    route::rule::Route,
    x402::v2::{PaymentRequirements, Scheme},
};

/// Everybody who signs and is not named.
const ANY: &str = "*";
/// Who calls itself a crawler and proves nothing.
const UNVERIFIED: &str = "unverified";
/// Who is no person, as far as anybody can tell.
const PROGRAMS: &str = "programs";

/// Whom a policy is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The agent whose keys are published under this host.
    Agent(String),
    /// Every other agent that proves who it is.
    AnyAgent,
    /// Who is a crawler by its own words, and whose signature cannot be checked.
    Unverified,
    /// Who does not ask as a browser does, and is none of the others.
    Programs,
}

/// What becomes of them at a priced page.
#[derive(Clone, Debug)]
pub enum Treatment {
    /// They read for nothing.
    Free,
    /// They do not read.
    Refuse,
    /// They pay another price: the route with its offers.
    Priced(Box<Route>),
}

/// A policy, as it decides requests for one route.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whom it is about.
    pub who: Who,
    /// What becomes of them.
    pub treatment: Treatment,
}

impl Who {
    fn read(key: &str) -> Option<Self> {
        match key {
            ANY => Some(Self::AnyAgent),
            UNVERIFIED => Some(Self::Unverified),
            PROGRAMS => Some(Self::Programs),
            host if is_public_name(host) || is_local(host) => Some(Self::Agent(host.to_owned())),
            _ => None,
        }
    }

    /// As the config has it.
    pub fn name(&self) -> &str {
        match self {
            Self::Agent(host) => host,
            Self::AnyAgent => ANY,
            Self::Unverified => UNVERIFIED,
            Self::Programs => PROGRAMS,
        }
    }
}

/// What policies need of the route they are about.
pub(super) struct Terms<F> {
    /// In what it is sold.
    pub(super) entries: Vec<Entry>,
    /// What everybody pays in each of these.
    pub(super) amounts: Vec<Amount>,
    /// The route's offer of so much in an entry, whatever its scheme.
    pub(super) offer: F,
}

impl Check {
    /// The site's `crawlers` for themselves: what can be told without a route.
    pub(super) fn crawlers(&mut self, at: &str, file: Option<&Value<'_>>) {
        let Some(file) = file else {
            return;
        };
        let Some(members) = file.members() else {
            self.wrong(at, "must be an object like {\"agent.example\": \"$0.01\", \"*\": \"$0.02\"}");
            return;
        };
        for (key, value) in members {
            let at = format!("{at}[\"{key}\"]");
            if Who::read(key).is_none() {
                self.wrong(
                    &at,
                    "is neither an agent's host in lower case, like \"agent.example\", nor \"*\" (all that prove who they are) nor \"unverified\" nor \"programs\"",
                );
            }
            match value.text() {
                Some("refuse") => {}
                Some("free") if key == UNVERIFIED || key == PROGRAMS => {
                    self.wrong(&at, "cannot be \"free\": anybody can call itself a crawler, or ask as one");
                }
                _ => self.is_price(&at, value),
            }
        }
    }

    /// The policies for a route: its own, then the site's about those that it does not name.
    pub(super) fn policies<F>(
        &mut self,
        at: &str,
        own: Option<&Value<'_>>,
        site: Option<&Value<'_>>,
        route: &Route,
        terms: &Terms<F>,
    ) -> Vec<Policy>
    where
        F: Fn(&Entry, Scheme, Amount) -> PaymentRequirements,
    {
        self.crawlers(&place(at, "crawlers"), own);
        if route.is_free() {
            if own.is_some() {
                self.wrong_member(at, "crawlers", "what is free has no price for anybody");
            }
            return Vec::new();
        }
        let own = own.and_then(Value::members).unwrap_or_default();
        let site = site.and_then(Value::members).unwrap_or_default();
        let others = site.iter().filter(|(key, _)| !own.iter().any(|(other, _)| other == key));
        let own = own.iter().map(|member| (format!("{at}.crawlers"), member));
        let all: Vec<_> = own.chain(others.map(|member| ("crawlers".to_owned(), member))).collect();
        let mut policies = Vec::new();
        for (place, (key, value)) in all {
            let here = format!("{place}[\"{key}\"]");
            // mistakes are told once
            let told = self.errors.iter().any(|error| error.at.starts_with(&here));
            if let Some(who) = Who::read(key).filter(|_| !told) {
                let treatment = self.treatment(&here, &who, value, at, route, terms);
                policies.extend(treatment.map(|treatment| Policy { who, treatment }));
            }
        }
        policies
    }

    fn treatment<F>(
        &mut self,
        here: &str,
        who: &Who,
        value: &Value<'_>,
        at: &str,
        route: &Route,
        terms: &Terms<F>,
    ) -> Option<Treatment>
    where
        F: Fn(&Entry, Scheme, Amount) -> PaymentRequirements,
    {
        if value.text() == Some("refuse") {
            return Some(Treatment::Refuse);
        }
        let Some(amounts) = self.priced(here, value, &terms.entries).ok()? else {
            return Some(Treatment::Free);
        };
        // whoever says that it is a crawler may be asked for more, and given nothing (threat D10)
        let cheaper = |(asked, usual): (&Option<Amount>, &Amount)| asked.is_some_and(|asked| asked < *usual);
        if matches!(who, Who::Unverified | Who::Programs) && amounts.iter().zip(&terms.amounts).any(cheaper) {
            self.wrong(
                here,
                format!("is less than {at} asks: anybody can call itself a crawler, or ask as one"),
            );
            return None;
        }
        let offered: Vec<(&Entry, Amount)> = terms
            .entries
            .iter()
            .zip(amounts)
            .filter_map(|(entry, amount)| Some((entry, amount?)))
            .collect();
        let (entry, amount) = offered.first()?;
        let offers = offered.iter().map(|(entry, amount)| {
            let mut offer = (terms.offer)(entry, Scheme::Exact, *amount);
            // a person whose card is taken for a program pays what the card showed
            offer.extra.audience = (*who != Who::Programs).then(|| who.name().to_owned());
            offer
        });
        Some(Treatment::Priced(Box::new(Route {
            offers: offers.collect(),
            recent: Vec::new(),
            price: super::routes::shown(entry, *amount),
            symbol: entry.symbol.clone(),
            ..route.clone()
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Config, config::tests::SAMPLE};
    use alloc::string::ToString;

    fn config(site: &str, route: &str) -> Result<Config, String> {
        let text = SAMPLE
            .replace("\"routes\":", &format!("\"crawlers\": {site}, \"routes\":"))
            .replace("\"price\":", &format!("\"crawlers\": {route}, \"price\":"));
        Config::parse(&text).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    fn told(policies: &[Policy]) -> Vec<(&str, String)> {
        let treatment = |policy: &Policy| match &policy.treatment {
            Treatment::Free => "free".to_string(),
            Treatment::Refuse => "refuse".to_string(),
            Treatment::Priced(route) => route.price.clone(),
        };
        policies.iter().map(|policy| (policy.who.name(), treatment(policy))).collect()
    }

    #[test]
    fn a_routes_own_policies_come_before_the_sites() {
        let config = config(
            r#"{"a.example": "$0.01", "b.example": "free", "*": "$0.02", "unverified": "$0.05"}"#,
            r#"{"a.example": "refuse", "127.0.0.1:8080": {"atomic": "7"}}"#,
        )
        .unwrap();
        let want = [
            ("a.example", "refuse"),
            ("127.0.0.1:8080", "$0.000007"),
            ("b.example", "free"),
            ("*", "$0.02"),
            ("unverified", "$0.05"),
        ];
        let policies = &config.routes[0].crawlers;
        assert_eq!(told(policies), want.map(|(who, what)| (who, what.to_string())));
        let Treatment::Priced(route) = &policies[3].treatment else {
            panic!()
        };
        let offer = &route.offers[0];
        assert_eq!(
            (offer.amount.to_string().as_str(), offer.extra.audience.as_deref()),
            ("20000", Some("*"))
        );
        let usual = PaymentRequirements {
            amount: config.routes[0].offers[0].amount,
            extra: crate::x402::v2::Extra {
                audience: None,
                ..offer.extra.clone()
            },
            ..offer.clone()
        };
        assert_eq!(usual, config.routes[0].offers[0]);
        assert_eq!(
            (route.access, &route.description),
            (config.routes[0].access, &config.routes[0].description)
        );
        assert!(Config::parse(SAMPLE).unwrap().routes[0].crawlers.is_empty());
    }

    #[test]
    fn b10_each_mistake_has_its_own_sentence() {
        for (site, route, says) in [
            ("7", "{}", "crawlers: must be an object"),
            ("{}", "[]", "routes[0].crawlers: must be an object"),
            (
                r#"{"Agent.example": "free"}"#,
                "{}",
                "crawlers[\"Agent.example\"]: is neither an agent's host",
            ),
            (r#"{"Googlebot": "free"}"#, "{}", "crawlers[\"Googlebot\"]: is neither"),
            (r#"{"10.0.0.1": "free"}"#, "{}", "crawlers[\"10.0.0.1\"]: is neither"),
            (r#"{"https://a.example": "free"}"#, "{}", "is neither"),
            (r#"{"*": "cheap"}"#, "{}", "crawlers[\"*\"]: \"cheap\": write a price"),
            (r#"{"*": 7}"#, "{}", "crawlers[\"*\"]"),
            (r#"{"*": "$0.0000001"}"#, "{}", "crawlers[\"*\"]: \"$0.0000001\" in USDC"),
            (r#"{"*": "5 XYZ"}"#, "{}", "crawlers[\"*\"]: \"5 XYZ\" is in an asset"),
            ("{}", r#"{"*": {"atomic": "0"}}"#, "routes[0].crawlers[\"*\"].atomic"),
            (
                r#"{"unverified": "free"}"#,
                "{}",
                "crawlers[\"unverified\"]: cannot be \"free\"",
            ),
        ] {
            let said = config(site, route).unwrap_err();
            assert!(said.contains(says), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }

    #[test]
    fn d10_a_user_agent_makes_nothing_cheaper() {
        let said = config(r#"{"unverified": "$0.04"}"#, "{}").unwrap_err();
        assert_eq!(
            said,
            "crawlers[\"unverified\"]: is less than routes[0] asks: anybody can call itself a crawler, or ask as one"
        );
        assert!(config(r#"{"unverified": "$0.06"}"#, "{}").is_ok());
        assert!(config(r#"{"unverified": "refuse"}"#, "{}").is_ok());
        assert!(config(r#"{"*": "$0.001"}"#, "{}").is_ok());
    }

    #[test]
    fn an_agent_pays_in_what_the_route_is_sold_in() {
        let text = SAMPLE
            .replace("[\"eip155:84532\"]", "[\"eip155:84532\", {\"network\": \"eip155:84532\", \"transfer\": \"permit2\"}, {\"network\": \"eip155:42220\", \"asset\": \"USDT\"}]")
            .replace("\"$0.05\"", "\"0.05 USDC\", \"crawlers\": {\"*\": \"$0.01\"}")
            .replace("\"networks\"", "\"money\": \"real\", \"networks\"");
        let config = Config::parse(&text).unwrap();
        let Treatment::Priced(route) = &config.routes[0].crawlers[0].treatment else {
            panic!()
        };
        let told = |route: &Route| {
            route
                .offers
                .iter()
                .map(|offer| (offer.network, offer.asset, offer.extra.transfer))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(route), told(&config.routes[0]));
        assert_eq!(route.offers.len(), 2);
    }

    #[test]
    fn what_is_free_has_no_policies() {
        let free = |route: &str| {
            let text = SAMPLE.replace("\"price\": \"$0.05\"", &format!("\"price\": \"free\"{route}"));
            Config::parse(&text.replace("\"routes\":", "\"crawlers\": {\"*\": \"$0.01\"}, \"routes\":"))
        };
        assert!(free("").unwrap().routes[0].crawlers.is_empty());
        assert_eq!(
            free(", \"crawlers\": {\"*\": \"$1\"}").unwrap_err()[0].at,
            "routes[0].crawlers"
        );
    }
}
