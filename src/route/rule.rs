//! Rules, and the one that decides a request. The first that matches wins; what no rule matches is free.

use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
    vec::Vec,
};

use super::{
    config::{Access, Ask, Policy, Teaser, Treatment},
    path::{self, Spelling},
    pattern::{Part, Pattern},
    wider::WiderOffer,
};
use crate::{
    evm::Address,
    money::Amount,
    x402::{extension::bazaar::Listing, v2::PaymentRequirements},
};

/// A rule as it decides requests.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which paths.
    pub pattern: Pattern,
    /// Which of them not: these go on to the next rules.
    pub except: Vec<Pattern>,
    /// Requests of which methods, in upper case; none means all.
    pub methods: Vec<String>,
    /// Paths that are locked and opened with the article.
    pub parts: Vec<Part>,
    /// The keys of the query that tell one resource from another; none on a free route means that the query is left alone.
    pub query: Option<Vec<String>>,
    /// The keys of the query that the origin gets, and that tell nothing.
    pub pass_query: Vec<String>,
    /// The Unix second from which on nothing is asked.
    pub free_from: Option<u64>,
    /// What it costs: one requirement per way to pay, without quote; none means free.
    pub offers: Vec<PaymentRequirements>,
    /// What is sold beside the single article.
    pub wider: Vec<WiderOffer>,
    /// What it cost until a moment ago, and the Unix second until which that is still taken from clients
    /// that cannot echo a quote (threat A4).
    pub recent: Vec<(PaymentRequirements, u64)>,
    /// Whether signatures that only a contract can check go to the facilitator (threat A9).
    pub contract_wallets: bool,
    /// What the payer gets.
    pub access: Access,
    /// What an unpaid reader gets instead of our own page.
    pub teaser: Option<Teaser>,
    /// For how many seconds what the origin lets be shared is kept behind the gate; 0 for not at all.
    pub cache: u32,
    /// One sentence for people.
    pub description: String,
    /// The price of the first offer as people read it, like `$0.05`; for a token of the publisher's own,
    /// like `0.05 XYZ`.
    pub price: String,
    /// The symbol of the first offer's asset.
    pub symbol: String,
    /// What programs pay instead, by who they are.
    pub crawlers: Vec<Policy>,
    /// Whether subscribers read it for nothing.
    pub subscribers: bool,
    /// What the origin may say of each page.
    pub ask: Option<Ask>,
    /// Whether it is among what a reader may get for nothing, where readers do.
    pub metered: bool,
    /// What catalogues of paid resources are told, if the publisher wants to be in them.
    pub listing: Option<Listing>,
}

impl Route {
    /// Whether nothing is asked.
    pub fn is_free(&self) -> bool {
        self.offers.is_empty()
    }

    /// Every offer with each of those who may be paid by it, and the least that it may ask.
    pub(in crate::route) fn asked(&self) -> impl Iterator<Item = (&PaymentRequirements, Address, Amount)> {
        let least = |index: usize| self.ask.as_ref()?.prices.get(index).map(|(least, _)| *least);
        let authors = self.ask.iter().flat_map(|ask| &ask.payees).map(|(_, address)| *address);
        let wider = self.wider.iter().flat_map(|wider| &wider.ways);
        let agents = self.crawlers.iter().filter_map(|policy| match &policy.treatment {
            Treatment::Priced(route) => Some(&route.offers),
            _ => None,
        });
        let agents = agents.flatten();
        // what an agent pays may be less, and goes to an author too
        let of_agents = authors.clone();
        let others = agents.flat_map(move |offer| {
            let payees = core::iter::once(offer.pay_to).chain(of_agents.clone());
            payees.map(move |pay_to| (offer, pay_to, offer.amount))
        });
        let singles = self.offers.iter().enumerate().flat_map(move |(index, offer)| {
            let amount = least(index).map_or(offer.amount, |least| least.min(offer.amount));
            core::iter::once(offer.pay_to)
                .chain(authors.clone())
                .map(move |pay_to| (offer, pay_to, amount))
        });
        singles.chain(wider.map(|way| (way, way.pay_to, way.amount))).chain(others)
    }

    /// Every way to pay at a resource, the single article's first.
    pub fn ways<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a PaymentRequirements> {
        let wider = self.wider.iter().filter(|offer| offer.covers(path_of(resource)));
        self.offers.iter().chain(wider.flat_map(|offer| &offer.ways))
    }

    /// The time passes that open a resource.
    pub fn passes<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a WiderOffer> {
        self.wider.iter().filter(|offer| offer.is_pass_for(path_of(resource)))
    }

    /// The names of the bundles that open an article here.
    pub fn bundles(&self) -> impl Iterator<Item = &str> {
        let bundles = self.wider.iter().filter(|offer| offer.label.count.is_some());
        bundles.map(|offer| offer.label.name.as_str())
    }

    /// HEAD and OPTIONS go where GET goes.
    fn takes(&self, method: &str) -> bool {
        let method = if matches!(method, "HEAD" | "OPTIONS") { "GET" } else { method };
        self.methods.is_empty() || self.methods.iter().any(|own| own == method)
    }

    /// Whether it is about this canonical path; a part comes with its article.
    fn holds<'a>(&self, path: &'a str) -> Option<Cow<'a, str>> {
        let own = |path: &str| self.pattern.matches(path) && !self.except.iter().any(|except| except.matches(path));
        if own(path) {
            return Some(Cow::Borrowed(path));
        }
        let mut articles = self.parts.iter().filter_map(|part| part.article(path));
        articles.find(|article| own(article)).map(Cow::Owned)
    }

    /// The path that the pass of a part is limited to.
    pub fn folder<'a>(&self, path: &'a str) -> &'a str {
        self.parts.iter().find_map(|part| part.folder(path)).unwrap_or(path)
    }

    /// Whether the most lenient of servers might think so.
    fn holds_folded(&self, folded: &str) -> bool {
        let own = |path: &str| self.pattern.matches_folded(path) && !self.except.iter().any(|except| except.matches_folded(path));
        let mut articles = self.parts.iter().filter_map(|part| part.article_folded(folded));
        own(folded) || articles.any(|article| own(&article))
    }
}

/// The path of one of our own resource URLs.
pub(crate) fn path_of(resource: &str) -> &str {
    path::split(resource).map_or("/", |(_, path, _)| path)
}

/// What the rules say about a path.
#[derive(Debug)]
pub enum Matched<'a> {
    /// Free, however it is spelled; by this rule, if by any.
    Free(Option<&'a Route>),
    /// Another spelling of this path: redirect.
    Redirect(String),
    /// Servers might serve something priced for this spelling: refuse.
    Ambiguous,
    /// Priced for other methods, and this one is in no rule.
    Method(&'a Route),
    /// Priced, and spelled canonically; the path of the article, which the requested one may be a part of.
    Priced(&'a Route, String),
}

/// Decides about one path.
///
/// Protection looks at the folded path, a grant only at the canonical one (threat D1): where the
/// two disagree about the rule, and one of them costs, the spelling is refused.
pub fn decide<'a>(routes: &'a [Route], method: &str, raw: &str) -> Matched<'a> {
    let (text, spelling) = path::canonical(raw);
    let folded = path::folded(raw);
    if path::names_a_host(raw) {
        return match spelling {
            Spelling::Ambiguous => Matched::Ambiguous,
            _ => Matched::Redirect(text.into_owned()),
        };
    }
    let exact_for = |path: &'_ str| {
        let found = routes.iter().enumerate().filter(|(_, route)| route.takes(method));
        let mut found = found.filter_map(|(index, route)| Some((index, route, route.holds(path)?.into_owned())));
        found.next()
    };
    let exact = exact_for(&text);
    let priced = |route: &&Route| !route.is_free();
    let mut held = routes.iter().enumerate().filter(|(_, route)| route.holds_folded(&folded));
    let lenient = held.clone().find(|(_, route)| route.takes(method));
    let costs = exact.as_ref().is_some_and(|(_, route, _)| priced(route)) || lenient.is_some_and(|(_, route)| priced(&route));
    if !costs {
        let free = exact.map(|(_, route, _)| route);
        // an origin may answer any method with the article (threat D3): only a rule that names this one frees it
        let other = held.find(|(_, route)| priced(route) && !route.takes(method));
        return match other {
            Some((_, route)) if free.is_none_or(|free| free.methods.is_empty()) => Matched::Method(route),
            _ => Matched::Free(free),
        };
    }
    match spelling {
        Spelling::Ambiguous => Matched::Ambiguous,
        Spelling::Redirect => Matched::Redirect(text.into_owned()),
        Spelling::Canonical => {
            let number = lenient.map(|(index, _)| index);
            let slash = text.strip_suffix('/').filter(|bare| path::folded(bare) == folded);
            match exact {
                Some((index, route, article)) if priced(&route) && number == Some(index) => Matched::Priced(route, article),
                // the rule names the article without the slash that a person may have typed
                _ if slash.is_some_and(|bare| exact_for(bare).map(|(index, ..)| index) == number) => {
                    Matched::Redirect(slash.unwrap_or_default().to_owned())
                }
                // some server may read it as something free; asking for money is safe
                Some((_, route, article)) if priced(&route) && lenient.is_none_or(|(_, route)| route.is_free()) => {
                    Matched::Priced(route, article)
                }
                _ => Matched::Ambiguous,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::config::tests::routes;
    use alloc::format;

    fn word(routes: &[Route], path: &str) -> &'static str {
        match decide(routes, "GET", path) {
            Matched::Free(_) => "free",
            Matched::Redirect(_) => "redirect",
            Matched::Ambiguous => "ambiguous",
            Matched::Method(_) => "method",
            Matched::Priced(route, _) if route.price == "$0.05" => "five",
            Matched::Priced(..) => "dear",
        }
    }

    #[test]
    fn first_match_wins_and_nothing_matched_is_free() {
        let routes = routes(&[
            ("/articles/free-one", "free"),
            ("/articles/dear", "$1"),
            ("/articles/*", "$0.05"),
        ]);
        for (path, want) in [
            ("/", "free"),
            ("/about", "free"),
            ("/articles", "free"),
            ("/articles/x", "five"),
            ("/articles/x/y", "five"),
            ("/articles/", "free"),
            ("/articles/index.html", "five"),
            ("/articles/free-one", "free"),
            ("/articles/dear", "dear"),
            ("/articles/x.html", "five"),
            ("/articles/x/", "five"),
            ("/Articles/X", "ambiguous"),
            ("/ARTICLES/x", "ambiguous"),
            ("/articles//x", "redirect"),
            ("/%61rticles/x", "redirect"),
            ("/articles%2fx", "ambiguous"),
            ("/articles/x;v", "ambiguous"),
            ("/x/..%2farticles/x", "ambiguous"),
            ("/a\\b", "free"),
            ("/about%20us", "free"),
            ("//about", "redirect"),
            ("//evil.example/articles/x", "redirect"),
            ("/\\evil.example/articles/x", "ambiguous"),
            // the dear one by the names of the cheap rule
            ("/articles/dear.html", "ambiguous"),
            ("/articles/dear/", "redirect"),
            ("/articles/cheap/..%2fdear", "ambiguous"),
            ("/articles/DEAR", "ambiguous"),
            ("/articles/free-one/", "redirect"),
            ("/articles/free-one.html", "five"),
        ] {
            assert_eq!(word(&routes, path), want, "{path}");
        }
    }

    #[test]
    fn d1_an_exact_rule_protects_its_aliases() {
        let routes = routes(&[("/articles/x", "$0.05")]);
        assert_eq!(word(&routes, "/articles/x/"), "redirect");
        for path in [
            "/articles/X",
            "/articles/x.html",
            "/articles/x/index.html",
            "/articles/x.md",
            "/articles/x.",
            "/articles/x;a",
            "/articles/x%00",
            "/articles/x%20",
        ] {
            assert_eq!(word(&routes, path), "ambiguous", "{path}");
        }
        assert_eq!(word(&routes, "/articles/y"), "free");
    }

    #[test]
    fn stars_stand_for_anything() {
        let routes = routes(&[("/*/premium/*.pdf", "$0.05")]);
        assert_eq!(word(&routes, "/a/b/premium/c/d.pdf"), "five");
        assert_eq!(word(&routes, "/a/premium/x.png"), "free");
        assert_eq!(word(&routes, "/a/premium/.pdf"), "five");
        assert_eq!(word(&routes, "/a/premium.pdf"), "free");
    }

    #[test]
    fn d1_a_free_catch_all_frees_no_other_spelling_of_a_priced_page() {
        let routes = routes(&[("/premium/*", "$1"), ("/dear/*", "$1"), ("/cheap/*", "$0.05"), ("/*", "free")]);
        for path in ["/Premium/x", "/PREMIUM/X", "/premium%2fx", "/Dear/x"] {
            assert_eq!(word(&routes, path), "ambiguous", "{path}");
        }
        assert_eq!(word(&routes, "/premium/X"), "dear");
        assert_eq!(word(&routes, "/about"), "free");
        let routes = super::tests::routes(&[("/dear/*", "$1"), ("/*", "$0.05")]);
        assert_eq!(word(&routes, "/Dear/x"), "ambiguous");
    }

    #[test]
    fn d1_patterns_protect_what_they_name_however_they_are_written() {
        for pattern in ["/café/*", "/caf%C3%A9/*", "/caf%c3%a9/*"] {
            let routes = routes(&[(pattern, "$0.05")]);
            assert_eq!(word(&routes, "/caf%C3%A9/x"), "five", "{pattern}");
            assert_eq!(word(&routes, "/caf%c3%a9/x"), "redirect", "{pattern}");
            assert_eq!(word(&routes, "/CAF%C3%89/x"), "ambiguous", "{pattern}");
        }
        for pattern in ["/a;b/*", "/a%2fb", "/a%", "/a./b"] {
            assert!(Pattern::new(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn rules_about_suffixes_mean_them() {
        let routes = routes(&[("/data/*.json", "$0.05"), ("/x.html", "$1")]);
        for (path, want) in [
            ("/data/a.json", "five"),
            ("/data/a", "free"),
            ("/data/A.JSON", "ambiguous"),
            ("/x.html", "dear"),
            ("/x", "ambiguous"),
            ("/x/", "ambiguous"),
        ] {
            assert_eq!(word(&routes, path), want, "{path}");
        }
    }

    fn rules(text: &str) -> Vec<Route> {
        crate::route::config::tests::rules(text)
    }

    fn found(routes: &[Route], method: &str, path: &str) -> String {
        match decide(routes, method, path) {
            Matched::Priced(_, article) => article,
            other => format!("{other:?}").split(['(', ' ']).next().unwrap().into(),
        }
    }

    #[test]
    fn parts_cost_what_their_article_costs() {
        let routes = rules(
            r#"[{"match": "/articles/*", "except": ["/articles/free-*"], "price": "$0.05",
                 "parts": ["/media/{1}/*", "/articles/{1}/comments", "/_next/data/*/articles/{1}.json"]},
                {"match": "/media/x/*", "price": "$1"}]"#,
        );
        for (path, want) in [
            ("/articles/x", "/articles/x"),
            ("/media/x/a.mp3", "/articles/x"),
            ("/media/y/z/a.mp3", "/articles/y"),
            ("/_next/data/b1/articles/x.json", "/articles/x"),
            ("/articles/free-one", "Free"),
            ("/media/free-one/a.mp3", "Free"),
            ("/_next/data/b1/articles/free-one.json", "Free"),
            ("/_next/data/b1/about.json", "Free"),
            ("/media/x", "Free"),
            // other spellings of what is locked
            ("/Media/x/a.mp3", "Ambiguous"),
            ("/media/x/a.mp3;v=1", "Ambiguous"),
            ("/_next/data/b1/articles%2fx.json", "Ambiguous"),
            ("/_NEXT/data/b1/articles/x.json", "Ambiguous"),
            ("/media//x/a.mp3", "Redirect"),
            ("/articles/FREE-one", "/articles/FREE-one"),
            ("/media/free-one/..%2fx/a.mp3", "Ambiguous"),
        ] {
            assert_eq!(found(&routes, "GET", path), want, "{path}");
        }
        // the pattern itself comes before its parts
        assert_eq!(found(&routes, "GET", "/articles/x/comments"), "/articles/x/comments");
    }

    #[test]
    fn d3_a_method_is_free_only_where_a_rule_names_it() {
        let priced = r#"{"match": "/articles/*", "methods": ["GET"], "price": "$0.05"}"#;
        let routes = rules(&format!("[{priced}, {{\"match\": \"/*\", \"price\": \"free\"}}]"));
        for (method, want) in ["GET", "HEAD", "OPTIONS"].map(|method| (method, "/articles/x")) {
            assert_eq!(found(&routes, method, "/articles/x"), want, "{method}");
        }
        for method in ["POST", "PURGE", "get", ""] {
            for path in ["/articles/x", "/Articles/x", "/articles%2fx", "/articles/x;v"] {
                assert_eq!(found(&routes, method, path), "Method", "{method} {path}");
            }
            assert_eq!(found(&routes, method, "/about"), "Free");
        }
        let routes = rules(&format!(
            "[{priced}, {{\"match\": \"/articles/*\", \"methods\": [\"POST\"], \"price\": \"free\"}}]"
        ));
        assert_eq!(found(&routes, "POST", "/articles/x"), "Free");
        assert_eq!(found(&routes, "PURGE", "/articles/x"), "Method");
        assert_eq!(found(&routes, "POST", "/Articles/x"), "Method");
    }
}
