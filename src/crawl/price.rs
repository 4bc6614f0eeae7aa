//! Prices as pay-per-crawl headers have them: `USD 0.01` (Cloudflare's, developers.cloudflare.com/ai-crawl-control).

use core::str::FromStr;

use crate::{money::Price, problem::Problem};

/// What the crawler offers: at most so much, or exactly so much.
pub const MAX_PRICE: &str = "crawler-max-price";
/// See [`MAX_PRICE`].
pub const EXACT_PRICE: &str = "crawler-exact-price";
/// What the page costs, in a 402.
pub const PRICE: &str = "crawler-price";
/// What was charged for it, in a 200.
pub const CHARGED: &str = "crawler-charged";
/// Why the page was not given, in one of their words.
pub const ERROR: &str = "crawler-error";

/// Enough digits after the point to compare any two prices.
const DIGITS: u8 = 40;

/// The word for a problem that has one (Cloudflare's "error codes", with their statuses).
///
/// ```
/// use farthing::{crawl::price::error_of, problem::Problem};
/// assert_eq!(error_of(Problem::AgentRefused), Some("CrawlerForbidden"));
/// assert_eq!(error_of(Problem::PaymentRequired), None);
/// ```
pub const fn error_of(problem: Problem) -> Option<&'static str> {
    Some(match problem {
        Problem::AgentRefused => "CrawlerForbidden",
        Problem::AgentSignature | Problem::AgentUncovered | Problem::AgentReplayed => "InvalidSignature",
        Problem::AgentUnverified => "StrongAuthRequired",
        Problem::CrawlerPriceMalformed => "InvalidCrawlerPriceValue",
        Problem::CrawlerPriceConflict => "ConflictingPriceHeaders",
        Problem::CrawlerPriceOther => "InvalidCrawlerExactPrice",
        Problem::CrawlerPriceTooLow => "InvalidCrawlerMaxPrice",
        _ => return None,
    })
}

/// What becomes of a crawler's offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bid {
    /// It covers the price.
    Enough,
    /// It is below the price.
    TooLow,
    /// It is another than the price.
    Other,
    /// It cannot be read.
    Malformed,
    /// Both headers came.
    Conflict,
}

/// Holds a crawler's headers against the price that people are shown, like `$0.05`; none if it sent none.
///
/// ```
/// use farthing::crawl::price::{Bid, bid};
/// assert_eq!(bid(Some("USD 0.05"), None, "$0.05"), Some(Bid::Enough));
/// assert_eq!(bid(Some("USD 0.050"), None, "$0.05"), Some(Bid::Enough));
/// assert_eq!(bid(Some("USD 0.04"), None, "$0.05"), Some(Bid::TooLow));
/// assert_eq!(bid(None, Some("USD 0.06"), "$0.05"), Some(Bid::Other));
/// assert_eq!(bid(None, Some("0.05"), "$0.05"), Some(Bid::Malformed));
/// assert_eq!(bid(None, None, "$0.05"), None);
/// ```
pub fn bid(max: Option<&str>, exact: Option<&str>, price: &str) -> Option<Bid> {
    let header = match (max, exact) {
        (None, None) => return None,
        (Some(_), Some(_)) => return Some(Bid::Conflict),
        (Some(header), None) | (None, Some(header)) => header,
    };
    // "USD 0.01": a price in the asset "USD" as this crate writes prices, but the other way round
    let read = header.strip_prefix("USD ").filter(|number| number.len() <= 40);
    let read = read.and_then(|number| Price::from_str(&["$", number].concat()).ok());
    let Some(offered) = read.and_then(|price| price.in_units_of(DIGITS).ok()) else {
        return Some(Bid::Malformed);
    };
    // what costs no dollars cannot be covered by any
    let asked = in_dollars(price);
    Some(match exact {
        None if asked.is_some_and(|asked| offered >= asked) => Bid::Enough,
        None => Bid::TooLow,
        Some(_) if asked == Some(offered) => Bid::Enough,
        Some(_) => Bid::Other,
    })
}

fn in_dollars(price: &str) -> Option<crate::money::Amount> {
    let price = Price::from_str(price).ok().filter(|_| price.starts_with('$'))?;
    price.in_units_of(DIGITS).ok()
}

/// A price that people are shown, as these headers have it; none if it is not in dollars.
///
/// ```
/// use farthing::crawl::price::header_of;
/// assert_eq!(header_of("$0.05").as_deref(), Some("USD 0.05"));
/// assert_eq!(header_of("5 XYZ"), None);
/// ```
pub fn header_of(price: &str) -> Option<alloc::string::String> {
    price.strip_prefix('$').map(|number| ["USD ", number].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_numbers_not_texts() {
        for (header, want) in [
            ("USD 1", Bid::Enough),
            ("USD 0.5", Bid::Enough),
            ("USD 0.4999999999999999999999999999999999", Bid::TooLow),
            ("USD 0.49", Bid::TooLow),
            ("USD 10", Bid::Enough),
            ("USD 99999999999999999999999999999999999999", Bid::Malformed),
            ("USD", Bid::Malformed),
            ("USD ", Bid::Malformed),
            ("USD -1", Bid::Malformed),
            ("USD 1e3", Bid::Malformed),
            ("USD .5", Bid::Malformed),
            ("USD 01", Bid::Malformed),
            ("USD 0", Bid::Malformed),
            ("usd 1", Bid::Malformed),
            ("EUR 1", Bid::Malformed),
            ("$1", Bid::Malformed),
            ("USD  1", Bid::Malformed),
            ("USD 1, USD 2", Bid::Malformed),
            ("free", Bid::Malformed),
            ("", Bid::Malformed),
        ] {
            assert_eq!(bid(Some(header), None, "$0.50"), Some(want), "{header}");
            assert_eq!(bid(Some(header), Some(header), "$0.50"), Some(Bid::Conflict));
        }
        assert_eq!(bid(None, Some("USD 0.5"), "$0.50"), Some(Bid::Enough));
        assert_eq!(bid(None, Some("USD 5"), "5 XYZ"), Some(Bid::Other));
        assert_eq!(bid(Some("USD 9"), None, "5 XYZ"), Some(Bid::TooLow));
        assert_eq!(bid(Some("USD 1"), None, ""), Some(Bid::TooLow));
    }
}
