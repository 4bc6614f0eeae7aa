//! Rules: patterns over paths, and the one that decides a request. The first match wins; what no
//! rule matches is free.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::{
    config::{Access, Teaser},
    path::{self, Spelling},
};
use crate::x402::{extension::bazaar::Listing, v2::PaymentRequirements};

/// A path pattern: `*` stands for any run of characters, slashes included; at the end of the
/// pattern it stands for at least one.
/// ```
/// use farthing::route::rule::Pattern;
/// assert!(Pattern::new("/articles/*").is_some());
/// // servers disagree on what this names
/// assert_eq!(Pattern::new("/articles%2F*"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<String>,
    folded: Vec<String>,
}

impl Pattern {
    /// Reads a pattern in the spelling that paths have; none where servers disagree on it.
    ///
    /// Both its readings are made by the functions that read paths, so that a pattern with an accent
    /// or an escape protects what it names.
    pub fn new(text: &str) -> Option<Self> {
        let (canonical, spelling) = path::canonical(text);
        let parts = |text: &str| text.split('*').map(Into::into).collect();
        (spelling != Spelling::Ambiguous).then(|| Self {
            parts: parts(&canonical),
            folded: parts(&path::folded(&canonical)),
        })
    }

    fn matches(&self, path: &str) -> bool {
        glob(&self.parts, path)
    }

    fn matches_folded(&self, folded: &str) -> bool {
        let stem = path::stem(folded);
        let same_page = matches!(self.folded.as_slice(), [only] if path::stem(only) == stem);
        same_page || glob(&self.folded, folded) || glob(&self.folded, stem)
    }
}

fn glob(parts: &[String], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return false;
    };
    let Some(mut text) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else {
        return text.is_empty();
    };
    for part in middle {
        match text.split_once(part.as_str()) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    // "/articles/*" is about what lies below, not about "/articles/" itself
    text.ends_with(last.as_str()) && !(text.is_empty() && last.is_empty())
}

/// A rule as it decides requests.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which paths.
    pub pattern: Pattern,
    /// What it costs: one requirement per way to pay, without quote; none means free.
    pub offers: Vec<PaymentRequirements>,
    /// What it cost until a moment ago, and the Unix second until which that is still taken from clients
    /// that cannot echo a quote (threat A4).
    pub recent: Vec<(PaymentRequirements, u64)>,
    /// Whether signatures that only a contract can check go to the facilitator (threat A9).
    pub contract_wallets: bool,
    /// What the payer gets.
    pub access: Access,
    /// What an unpaid reader gets instead of our own page.
    pub teaser: Option<Teaser>,
    /// One sentence for people.
    pub description: String,
    /// The price of the first offer as people read it, like `$0.05`; for a token of the publisher's own,
    /// like `0.05 XYZ`.
    pub price: String,
    /// The symbol of the first offer's asset.
    pub symbol: String,
    /// What catalogues of paid resources are told, if the publisher wants to be in them.
    pub listing: Option<Listing>,
}

impl Route {
    /// Whether nothing is asked.
    pub fn is_free(&self) -> bool {
        self.offers.is_empty()
    }
}

/// What the rules say about a path.
#[derive(Debug)]
pub enum Matched<'a> {
    /// Free, however it is spelled.
    Free,
    /// Another spelling of this path: redirect.
    Redirect(String),
    /// Servers might serve something priced for this spelling: refuse.
    Ambiguous,
    /// Priced, and spelled canonically.
    Priced(&'a Route),
}

/// Decides about one path.
///
/// Protection looks at the folded path, a grant only at the canonical one (threat D1): where the
/// two disagree about the rule, and one of them costs, the spelling is refused.
pub fn decide<'a>(routes: &'a [Route], raw: &str) -> Matched<'a> {
    let find = |test: &dyn Fn(&Pattern) -> bool| routes.iter().position(|route| test(&route.pattern));
    let price = |index: Option<usize>| index.and_then(|index| routes.get(index)).filter(|route| !route.is_free());
    let (text, spelling) = path::canonical(raw);
    let folded = path::folded(raw);
    if path::names_a_host(raw) {
        return match spelling {
            Spelling::Ambiguous => Matched::Ambiguous,
            _ => Matched::Redirect(text.into_owned()),
        };
    }
    let exact = find(&|pattern| pattern.matches(&text));
    let lenient = find(&|pattern| pattern.matches_folded(&folded));
    if price(exact).is_none() && price(lenient).is_none() {
        return Matched::Free;
    }
    match spelling {
        Spelling::Ambiguous => Matched::Ambiguous,
        Spelling::Redirect => Matched::Redirect(text.into_owned()),
        Spelling::Canonical => {
            let slash = text.strip_suffix('/').filter(|bare| path::folded(bare) == folded);
            match (price(exact), price(lenient)) {
                (Some(route), _) if exact == lenient => Matched::Priced(route),
                // the rule names the article without the slash that a person may have typed
                _ if slash.is_some_and(|bare| find(&|pattern| pattern.matches(bare)) == lenient) => {
                    Matched::Redirect(slash.unwrap_or_default().to_owned())
                }
                // some server may read it as something free; asking for money is safe
                (Some(route), None) => Matched::Priced(route),
                _ => Matched::Ambiguous,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::config::tests::routes;

    fn word(routes: &[Route], path: &str) -> &'static str {
        match decide(routes, path) {
            Matched::Free => "free",
            Matched::Redirect(_) => "redirect",
            Matched::Ambiguous => "ambiguous",
            Matched::Priced(route) if route.price == "$0.05" => "five",
            Matched::Priced(_) => "dear",
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
}
