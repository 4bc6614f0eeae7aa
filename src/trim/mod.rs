//! The publisher's own page without its premium part: what of it an unpaid reader may get (threats S1, D5, F9).
//!
//! The premium part is cut out, and everything else that has six words in a row in common with it goes too: scripts, attributes,
//! comments, descriptions, hidden copies, however they are escaped. Whatever cannot be trimmed for certain is not trimmed at all.

mod clean;
mod cut;
mod html;
mod json_ld;
mod payload;
pub mod policy;
mod unescape;
mod words;

use alloc::{string::String, vec::Vec};

use html::{Kind, Token};
use words::{Set, Tags};

/// What JSON-LD says of an article that is not free, as members of its object.
pub fn not_free() -> String {
    json_ld::members()
}

/// The class of the element in the premium part's place, for what machines are told about it.
pub const CLASS: &str = "farthing-paywall";

/// The fewest runs of six words in a premium part: fifty words have as many. Less is a mistake in the selector or the page.
const FEWEST: usize = 45;

/// Which part of a page is the premium part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Every element that a CSS selector matches.
    Selector(String),
    /// What stands between the comments `<!--name-->` and `<!--/name-->`.
    Marker(String),
    /// What follows so many paragraphs, in each element that a CSS selector matches.
    Paragraphs {
        /// How many are free.
        count: u64,
        /// The selector.
        within: String,
    },
}

impl Part {
    /// The selector of elements that have to be marked before the page can be trimmed, with the comments `<!--nonce(-->` before and
    /// `<!--nonce)-->` after each.
    pub fn selector(&self) -> Option<&str> {
        match self {
            Self::Selector(selector) | Self::Paragraphs { within: selector, .. } => Some(selector),
            Self::Marker(_) => None,
        }
    }
}

/// A page without its premium part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// What stands before the place of the premium part.
    pub before: String,
    /// What stands after it.
    pub after: String,
    /// Whether the page's own JSON-LD says now that it is not free.
    pub described: bool,
}

/// Why a page was not trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrimmed {
    /// It has no premium part.
    NoPart,
    /// A premium part has no end, or an end has no beginning.
    Unclosed,
    /// Its premium part has less than fifty words.
    TooShort,
    /// Something of the premium part is left in a way that was not found.
    Left,
}

impl Untrimmed {
    /// What it means, for the publisher's log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoPart => "nothing in the page is what the route's teaser names",
            Self::Unclosed => "a premium part begins and does not end",
            Self::TooShort => "the premium part has less than fifty words",
            Self::Left => "some of the premium text stands where it cannot be taken out",
        }
    }
}

/// Takes the premium part out of a page, and every trace of it.
///
/// `nonce` is in the comments that mark what [`Part::selector`] matches, and nowhere else in the page.
///
/// ```
/// use farthing::trim::{Part, trim};
/// let premium = "When the tide turned the keeper counted the boats again and one of them was missing. ".repeat(4);
/// let page = format!(
///     "<title>Keepers</title><meta name=description content=\"{premium}\"><p>Free to read.</p>\
///      <!--premium--><p>{premium}</p><!--/premium--><footer>Imprint</footer>"
/// );
/// let trimmed = trim(&page, &Part::Marker("premium".into()), "").unwrap();
/// assert_eq!(trimmed.before, "<title>Keepers</title><p>Free to read.</p>");
/// assert_eq!(trimmed.after, "<footer>Imprint</footer>");
/// ```
pub fn trim(page: &str, part: &Part, nonce: &str) -> Result<Trimmed, Untrimmed> {
    let tokens = html::tokens(page);
    let cut = cut::find(&tokens, part, nonce)?;
    let premium = premium(&tokens, &cut)?;
    let work = unescape::Work::of(page.len());
    let cleaned = clean::clean(&tokens, &cut, &premium, nonce, &work);
    let first = cut.ranges.first().map_or(0, |range| range.start);
    let mut trimmed = Trimmed {
        described: cleaned.described,
        ..Trimmed::default()
    };
    for (index, text) in cleaned.texts.iter().enumerate() {
        let side = if index < first {
            &mut trimmed.before
        } else {
            &mut trimmed.after
        };
        side.push_str(text);
    }
    if cut.unclosed {
        trimmed.before.push_str("</p>");
    }
    // the page as a whole, whatever a browser makes of it
    let whole = [trimmed.before.as_str(), " ", &trimmed.after].concat();
    match unescape::any_form(&whole, &work, &|form| premium.shares(form)) {
        true => Err(Untrimmed::Left),
        false => Ok(trimmed),
    }
}

/// The runs of six words that nobody may read before they are paid for.
fn premium(tokens: &[Token<'_>], cut: &cut::Cut) -> Result<Set, Untrimmed> {
    let mut digests = Vec::new();
    let mut longest = 0_usize;
    for range in &cut.ranges {
        let inside = tokens.get(range.clone()).unwrap_or_default();
        let text = text_of(inside.iter());
        words::runs_of(&unescape::plain(&text), Tags::Part, &mut |_| {
            longest = longest.saturating_add(1)
        });
        words::digests(&text, &mut digests);
        // what is shown or read out in a picture's stead
        for token in inside {
            for name in ["alt", "title", "aria-label"] {
                words::digests(token.attribute(name).unwrap_or_default(), &mut digests);
            }
        }
    }
    if longest < FEWEST {
        return Err(Untrimmed::TooShort);
    }
    let all = Set::of(&digests);
    let mut free = Vec::new();
    words::digests(&text_of(cut.free.iter().filter_map(|index| tokens.get(*index))), &mut free);
    let free = Set::of(&free);
    let quoted = digests.iter().filter(|digest| free.has(**digest)).count();
    // a few sentences are a quotation; more are a copy that only looks free
    const QUOTATION: usize = 120;
    if quoted == 0 || quoted > QUOTATION || quoted.saturating_mul(4) > digests.len() {
        return Ok(all);
    }
    digests.retain(|digest| !free.has(*digest));
    Ok(Set::of(&digests))
}

/// The text of tokens, with their tags bare.
fn text_of<'a>(tokens: impl Iterator<Item = &'a Token<'a>>) -> String {
    let mut text = String::new();
    for token in tokens {
        match token.kind {
            Kind::Text => text.push_str(token.text),
            Kind::Open { name, .. } | Kind::Close(name) => text.extend(["<", "/", name, ">"]),
            Kind::Raw(name) if !html::is_one_of(name, "script style") => text.push_str(token.text),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests;
