//! Bundles: of which one the next article is opened, and how many are left.
//!
//! Nothing counts down. A bundle opens so many articles, and each that was opened with it is noted once, by its resource; what is left
//! is the difference. So a request that comes twice, or from two devices, opens its article once, and the last credit opens one.

use super::{Owned, Read};
use crate::json::Value;

/// A bundle that a payer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its receipt, its transfer, and until when articles can be opened with it.
    pub owned: Owned,
    /// How many articles it opens.
    pub count: u32,
    /// How many it has opened.
    pub spent: u32,
    /// Whether it has opened the one in question.
    pub has: bool,
}

impl Bundle {
    const fn left(&self) -> u32 {
        self.count.saturating_sub(self.spent)
    }
}

impl Read for Bundle {
    fn from_json(value: &Value<'_>) -> Option<Self> {
        let number = |name| {
            value
                .get(name)
                .and_then(Value::integer)
                .and_then(|number| u32::try_from(number).ok())
        };
        Some(Self {
            owned: Owned::from_json(value)?,
            count: number("count")?,
            spent: number("spent")?,
            has: number("has")? > 0,
        })
    }
}

/// The bundle that opens the article in question: one that has opened it already, or else, of those with something left, the one that
/// ends first.
/// ```
/// use farthing::ledger::{Bundle, Read, from_which, left};
/// let bundle = |receipt: &str, until: u64, spent: u32, has: u32| Bundle::read(&format!(r#"{{"payer":
///     "0x0202020202020202020202020202020202020202","resource":"https://news.example/a","receipt":"{receipt}","transaction":"0x01",
///     "network":"eip155:84532","until":{until},"count":10,"spent":{spent},"has":{has}}}"#)).unwrap();
/// let all = [bundle("late", 300, 1, 0), bundle("early", 200, 9, 0), bundle("used up", 100, 10, 0)];
/// assert_eq!((from_which(&all).unwrap().owned.receipt.as_str(), left(&all)), ("early", 10));
/// let all = [bundle("late", 300, 1, 0), bundle("used up", 100, 10, 1)];
/// assert_eq!(from_which(&all).unwrap().owned.receipt, "used up");
/// assert_eq!(from_which(&[bundle("used up", 100, 10, 0)]), None);
/// ```
pub fn from_which(bundles: &[Bundle]) -> Option<&Bundle> {
    let open = || bundles.iter().filter(|bundle| bundle.left() > 0);
    bundles
        .iter()
        .find(|bundle| bundle.has)
        .or_else(|| open().min_by_key(|bundle| bundle.owned.until))
}

/// How many articles are left in these bundles.
pub fn left(bundles: &[Bundle]) -> u32 {
    bundles.iter().map(Bundle::left).fold(0, u32::saturating_add)
}
