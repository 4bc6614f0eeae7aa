//! The payment card as it comes with a page, in the site's language: what a reader sees before any script has run.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::page::{escape, fill};
use crate::{json, route::Route, x402::Network};

/// The card where no build made one: its element, which the script fills.
const BARE: &str = "<farthing-paywall{{class}} mode=\"{{mode}}\" price=\"{{price}}\"{{description}} network=\"{{network}}\" \
    symbol=\"{{symbol}}\" offer=\"{{offer}}\"{{test}}></farthing-paywall>";

/// The card's template and words.
#[derive(Debug)]
pub(super) struct Card {
    template: String,
    /// What the page's script has to be, as `integrity` wants it; may be empty.
    integrity: String,
    /// Its style as a content security policy names it.
    style: String,
    lang: String,
    /// The site's language before English, so the first of a key counts.
    words: Vec<(String, String)>,
}

/// What is sold, for people.
pub(super) struct Sale<'a> {
    pub(super) route: &'a Route,
    /// Of the first offer.
    pub(super) network: Option<Network>,
    /// `PAYMENT-REQUIRED` as the element takes it.
    pub(super) offer: &'a str,
    /// On whose page: `page` is ours, `teaser` the publisher's.
    pub(super) mode: &'static str,
    pub(super) class: &'static str,
}

impl Default for Card {
    fn default() -> Self {
        Self {
            template: BARE.to_owned(),
            integrity: String::new(),
            style: hash(""),
            lang: "en".to_owned(),
            words: Vec::new(),
        }
    }
}

impl Card {
    /// `integrity` and `template` are made by the build, `words` are a JSON object of languages; what `lang` lacks is said in English.
    pub(super) fn new(integrity: &str, template: &str, words: &str, lang: &str) -> Self {
        let tables = json::parse(words).ok();
        let table = |lang: &str| Some(tables.as_ref()?.get(lang)?.members()?.iter());
        let words = [lang, "en"].into_iter().filter_map(table).flatten();
        let words = words.filter_map(|(key, text)| Some((key.as_ref().to_owned(), text.text()?.to_owned())));
        Self {
            template: template.to_owned(),
            integrity: integrity.to_owned(),
            style: hash(style_of(template)),
            lang: lang.to_owned(),
            words: words.collect(),
        }
    }

    /// The language that pages of ours are in.
    pub(super) fn lang(&self) -> &str {
        &self.lang
    }

    pub(super) fn style(&self) -> &str {
        &self.style
    }

    /// Which way it runs.
    pub(super) fn dir(&self) -> &'static str {
        if self.lang == "ar" { "rtl" } else { "ltr" }
    }

    /// A word of www/locales, safe between tags.
    pub(super) fn say(&self, key: &str) -> String {
        self.word(key).map(escape).unwrap_or_default()
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.words
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, text)| text.as_str())
    }

    /// The tag of the script that takes the card over, for a page of this site.
    pub(super) fn script(&self, site: &str, nonce: &str) -> String {
        let mut tag = ["<script type=\"module\" src=\"", site, "/.farthing/page.js\"", nonce].concat();
        if !self.integrity.is_empty() {
            tag += &[" integrity=\"", &self.integrity, "\" crossorigin"].concat();
        }
        tag + "></script>"
    }

    /// The element with everything in it.
    pub(super) fn html(&self, sale: &Sale<'_>) -> String {
        let Sale { route, network, .. } = sale;
        let amount = escape(&self.amount(&route.price));
        let test = network.is_some_and(Network::is_test);
        let name = network.map(network_name).unwrap_or_default();
        let symbol = escape(&route.symbol);
        fill(&self.template, |place| match place {
            "class" if !sale.class.is_empty() => [" class=\"", sale.class, "\""].concat(),
            "mode" => sale.mode.to_owned(),
            "lang" => self.lang.clone(),
            "dir" => self.dir().to_owned(),
            "price" => escape(&route.price),
            "description" if !route.description.is_empty() => [" description=\"", &escape(&route.description), "\""].concat(),
            "network" => name.clone(),
            "symbol" => symbol.clone(),
            "offer" => sale.offer.to_owned(),
            "test" if test => " test-network".to_owned(),
            "real" if !test => " hidden".to_owned(),
            "heading" if route.description.is_empty() => self.say("heading"),
            "heading" => escape(&route.description),
            "amount" => amount.clone(),
            "unit" => put(
                &self.say("unit"),
                &[("symbol", &self.apart(&symbol)), ("network", &self.apart(&name))],
            ),
            "pay" => put(&self.say("do-pay"), &[("price", &self.apart(&amount))]),
            word => word.strip_prefix("say ").map(|key| self.say(key)).unwrap_or_default(),
        })
    }

    /// Keeps the order of what runs from left to right, among words that do not (Unicode's isolates).
    fn apart(&self, text: &str) -> String {
        match self.dir() {
            "rtl" => ["\u{2068}", text, "\u{2069}"].concat(),
            _ => text.to_owned(),
        }
    }

    /// A price as the language writes it, like the script will; others than dollars as they are.
    pub(super) fn amount(&self, price: &str) -> String {
        let number = price
            .strip_prefix('$')
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        match (number, self.word("dollars"), self.word("point")) {
            (Some(number), Some(pattern), Some(point)) => put(pattern, &[("amount", &cents(number).replace('.', point))]),
            _ => price.to_owned(),
        }
    }
}

fn style_of(template: &str) -> &str {
    let (_, rest) = template.split_once("<style>").unwrap_or_default();
    rest.split_once("</style>").map_or("", |(style, _)| style)
}

/// A source of `style-src` (CSP level 3).
fn hash(text: &str) -> String {
    ["'sha256-", &STANDARD.encode(Sha256::digest(text)), "'"].concat()
}

/// At least two digits behind the point: prices have them.
fn cents(number: &str) -> String {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let missing = 2_usize.saturating_sub(part.len());
    [whole, ".", part, &"0".repeat(missing)].concat()
}

/// Fills the places of a word, which has them in single braces.
fn put(text: &str, values: &[(&str, &str)]) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or_default();
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        parts.extend([before, value]);
        rest = after;
    }
    parts.push(rest);
    parts.concat()
}

/// Its name, or its CAIP-2 identifier where only the publisher knows it; neither needs escaping.
fn network_name(network: Network) -> String {
    network.name().map_or_else(|| network.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = r#"{"en":{"do-pay":"Pay {price}","dollars":"${amount}","point":"."},"de":{"do-pay":"{price} zahlen","dollars":"{amount} $","point":","}}"#;

    #[test]
    fn a_price_is_written_as_the_language_does() {
        let card = |lang: &str| Card::new("", "", WORDS, lang);
        for (price, german, english) in [
            ("$0.05", "0,05 $", "$0.05"),
            ("$3", "3,00 $", "$3.00"),
            ("$0.005", "0,005 $", "$0.005"),
            ("0.05 EURC", "0.05 EURC", "0.05 EURC"),
        ] {
            assert_eq!(
                (card("de").amount(price).as_str(), card("en").amount(price).as_str()),
                (german, english)
            );
        }
        assert_eq!(put(&card("de").say("do-pay"), &[("price", "0,05 $")]), "0,05 $ zahlen");
        assert_eq!(card("xx").say("do-pay"), "Pay {price}");
        assert_eq!(Card::new("", "", "{", "de").amount("$1"), "$1");
        assert_eq!(put("a {b c", &[]), "a ");
    }
}
