//! Orders that take access back: signed by who has the site's keys, sent to the site, good for a few minutes.

use alloc::{string::String, vec::Vec};

use alloy_primitives::hex;

use super::{Keys, Pass, Purpose, receipt_id, token};

/// What a purchase is revoked by: the digest of its receipt, which alone tells it from others, and beside that the first eight bytes of
/// its payer's, which find what is a payer's and open nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name([u8; 24]);

impl Name {
    /// Hex digits of a name.
    pub const LENGTH: usize = 48;
    /// Those of its first part, the receipt's digest.
    pub const RECEIPT: usize = 32;

    /// What a pass was given for.
    pub fn of(pass: &Pass) -> Self {
        let mut bytes = [0; 24];
        for (to, from) in bytes.iter_mut().zip(pass.receipt.iter().chain(&pass.payer)) {
            *to = *from;
        }
        Self(bytes)
    }

    /// The purchase that has this receipt at a site.
    pub fn of_receipt(keys: &Keys, site: &str, id: &str) -> Option<Self> {
        let payer = receipt_id::payer_of(keys, site, id)?;
        Some(Self::of(&Pass {
            payer: Pass::payer_digest(payer),
            receipt: Pass::receipt_digest(id),
            issued: 0,
            expires: 0,
        }))
    }

    /// As it is written in a list: hex digits.
    pub fn print(&self) -> String {
        hex::encode(self.0)
    }
}

/// Takes a purchase's access back, or gives it back.
/// ```
/// use farthing::{access::{Keys, Name, Order, Pass, receipt_id}, evm::Address};
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let site = "https://news.example";
/// let id = receipt_id::issue(&keys, site, Address::ZERO, [9; 12]).unwrap();
/// let order = Order { name: Name::of_receipt(&keys, site, &id).unwrap(), undo: false, at: 1_800_000_000_123 };
/// let token = order.seal(&keys, site).unwrap();
/// assert_eq!(Order::open(&keys, site, &token, 1_800_000_300), Some(order));
/// assert_eq!(Order::open(&keys, site, &token, 1_800_000_301), None, "too old");
/// assert_eq!(Order::open(&keys, site, &token, 1_799_999_699), None, "of a clock that is far ahead");
/// assert_eq!(Order::open(&keys, "https://blog.example", &token, 1_800_000_000), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Of what.
    pub name: Name,
    /// Whether it is given back.
    pub undo: bool,
    /// Unix milliseconds of issue: of two orders about one purchase the later one counts, whichever comes last.
    pub at: u64,
}

impl Order {
    /// How far its time may be from ours, in seconds.
    pub const SECONDS: u64 = 5 * 60;

    /// Makes the token for a site.
    pub fn seal(&self, keys: &Keys, site: &str) -> Option<String> {
        let mut payload = Vec::with_capacity(33);
        payload.push(u8::from(self.undo));
        payload.extend_from_slice(&self.at.to_be_bytes());
        payload.extend_from_slice(&self.name.0);
        token::seal(keys, Purpose::Order, &payload, site.as_bytes())
    }

    /// Reads a token of this site; none unless it is ours and in its time.
    pub fn open(keys: &Keys, site: &str, text: &str, now: u64) -> Option<Self> {
        let (payload, since) = token::open_dated(keys, Purpose::Order, text, site.as_bytes())?;
        let (undo, rest) = payload.split_first()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let order = Self {
            name: Name(rest.try_into().ok()?),
            undo: *undo == 1,
            at: u64::from_be_bytes(*at),
        };
        let issued = order.at.checked_div(1000)?;
        (issued >= since && issued.abs_diff(now) <= Self::SECONDS).then_some(order)
    }
}

/// An entry for the site's books: any text, signed like an order and good for as long.
/// ```
/// use farthing::access::{Keys, Order, order::Entry};
/// let keys = Keys::parse("k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
/// let site = "https://news.example";
/// let order = Entry::seal(&keys, site, "what is to be written", 1_800_000_000_123).unwrap();
/// assert_eq!(Entry::open(&keys, site, &order, 1_800_000_300), Some("what is to be written"));
/// assert_eq!(Entry::open(&keys, site, &order, 1_800_000_301), None, "too old");
/// assert_eq!(Entry::open(&keys, "https://blog.example", &order, 1_800_000_000), None);
/// assert_eq!(Order::open(&keys, site, &order, 1_800_000_000), None, "it revokes nothing");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Entry;

impl Entry {
    /// The longest text, in bytes.
    pub const LONGEST: usize = 2048;

    /// What the MAC covers beside the time: a site has no zero byte, so the token is no order about access.
    fn context(site: &str, text: &str) -> String {
        [site, "\0", text].concat()
    }

    /// The token, a space, and the text; `at` is in Unix milliseconds.
    pub fn seal(keys: &Keys, site: &str, text: &str, at: u64) -> Option<String> {
        let token = token::seal(keys, Purpose::Order, &at.to_be_bytes(), Self::context(site, text).as_bytes())?;
        Some([&token, " ", text].concat())
    }

    /// The text; none unless the token is ours, for it and this site, and in its time.
    pub fn open<'a>(keys: &Keys, site: &str, order: &'a str, now: u64) -> Option<&'a str> {
        let (token, text) = order.split_once(' ').filter(|(_, text)| text.len() <= Self::LONGEST)?;
        let (payload, since) = token::open_dated(keys, Purpose::Order, token, Self::context(site, text).as_bytes())?;
        let issued = u64::from_be_bytes(payload.try_into().ok()?).checked_div(1000)?;
        (issued >= since && issued.abs_diff(now) <= Order::SECONDS).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::{Gift, Handle, keys::test_keys},
        evm::Address,
    };

    const SITE: &str = "https://a.example";
    const NOW: u64 = 1_800_000_000;

    fn order() -> Order {
        Order {
            name: Name([3; 24]),
            undo: false,
            at: NOW * 1000,
        }
    }

    #[test]
    fn e6_any_changed_byte_breaks_an_order_and_no_other_token_is_one() {
        let keys = test_keys();
        let token = order().seal(&keys, SITE).unwrap();
        assert_eq!(Order::open(&keys, SITE, &token, NOW), Some(order()));
        for at in 0..token.len() {
            for with in 1..128 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= with;
                if let Ok(text) = String::from_utf8(bytes) {
                    assert_eq!(Order::open(&keys, SITE, &text, NOW), None, "{text}");
                }
            }
        }
        let pass = Pass {
            payer: [1; 16],
            receipt: [2; 16],
            issued: NOW,
            expires: NOW + 9,
        };
        let handle = Handle {
            payer: Address::ZERO,
            expires: NOW + 9,
        };
        for other in [pass.seal(&keys, SITE), handle.seal(&keys, SITE)] {
            assert_eq!(Order::open(&keys, SITE, &other.unwrap(), NOW), None);
        }
        // the same payload under every other purpose
        for purpose in [Purpose::Pass, Purpose::Handle, Purpose::Gift, Purpose::Meter, Purpose::Embed] {
            let payload = token::peek(&token).unwrap();
            let other = token::seal(&keys, purpose, &payload, SITE.as_bytes()).unwrap();
            assert_eq!(Order::open(&keys, SITE, &other, NOW), None);
            assert_eq!(token::open(&keys, purpose, &token, SITE.as_bytes()), None);
        }
    }

    #[test]
    fn e6_any_changed_byte_breaks_an_entry_and_its_token_is_no_order() {
        let keys = test_keys();
        let whole = Entry::seal(&keys, SITE, "the books", NOW * 1000).unwrap();
        assert_eq!(Entry::open(&keys, SITE, &whole, NOW), Some("the books"));
        for at in 0..whole.len() {
            for with in 1..128 {
                let mut bytes = whole.clone().into_bytes();
                bytes[at] ^= with;
                if let Ok(text) = String::from_utf8(bytes) {
                    assert_eq!(Entry::open(&keys, SITE, &text, NOW), None, "{text}");
                }
            }
        }
        let (token, _) = whole.split_once(' ').unwrap();
        assert_eq!(Order::open(&keys, SITE, token, NOW), None);
        assert_eq!(Order::open(&keys, &[SITE, "\0the books"].concat(), token, NOW), None);
        let revokes = order().seal(&keys, SITE).unwrap();
        for text in ["", " ", " the books"] {
            assert_eq!(Entry::open(&keys, SITE, &[&revokes, text].concat(), NOW), None);
        }
        for (now, open) in [(NOW - 300, true), (NOW - 301, false), (NOW + 300, true), (NOW + 301, false)] {
            assert_eq!(Entry::open(&keys, SITE, &whole, now).is_some(), open);
        }
        let mut voided = test_keys();
        voided.void("a", NOW + 1);
        assert_eq!(Entry::open(&voided, SITE, &whole, NOW), None);
        let long = Entry::seal(&keys, SITE, &"x".repeat(Entry::LONGEST + 1), NOW * 1000).unwrap();
        assert_eq!(Entry::open(&keys, SITE, &long, NOW), None);
    }

    #[test]
    fn g4_an_order_holds_under_every_key_there_is_and_under_none_that_was_dropped_or_voided() {
        let both = test_keys();
        let old = Keys::parse("b:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI").unwrap();
        let new = Keys::parse("a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
        let token = order().seal(&old, SITE).unwrap();
        assert_eq!(Order::open(&both, SITE, &token, NOW), Some(order()));
        assert_eq!(Order::open(&new, SITE, &token, NOW), None);
        let mut voided = test_keys();
        voided.void("b", NOW + 1);
        assert_eq!(Order::open(&voided, SITE, &token, NOW), None);
    }

    #[test]
    fn g4_what_a_key_issued_before_a_time_opens_nothing_and_later_things_and_other_keys_do() {
        let pass = Pass {
            payer: [1; 16],
            receipt: [2; 16],
            issued: NOW,
            expires: NOW + 1000,
        };
        let handle = Handle {
            payer: Address::ZERO,
            expires: NOW + Handle::SECONDS,
        };
        let gift = Gift {
            id: [1; 16],
            most: 1,
            seconds: 60,
            expires: NOW + 60,
            path: "/x".into(),
        };
        let keys = test_keys();
        let article = pass.seal(&keys, "r").unwrap();
        let wider = pass.seal_wider(&keys, SITE, "day").unwrap();
        let embed = pass.seal_for(&keys, "r", SITE).unwrap();
        let known = handle.seal(&keys, SITE).unwrap();
        let link = gift.seal(&keys, SITE).unwrap();
        let opened = |keys: &Keys| {
            [
                Pass::open(keys, "r", &article, NOW).is_some(),
                Pass::open_wider(keys, SITE, "day", &wider, NOW).is_some(),
                Pass::open_for(keys, "r", SITE, &embed, NOW).is_some(),
                Handle::open(keys, SITE, &known, NOW).is_some(),
                Gift::open(keys, SITE, &link, NOW).is_some(),
            ]
        };
        for (kid, before, open) in [
            ("a", NOW, true),
            ("a", NOW + 1, false),
            ("b", u64::MAX, true),
            ("c", u64::MAX, true),
        ] {
            let mut keys = test_keys();
            keys.void(kid, before);
            assert_eq!(opened(&keys), [open; 5], "{kid} {before}");
        }
    }

    #[test]
    fn a_name_is_one_for_the_receipt_and_every_pass_of_it() {
        let keys = test_keys();
        let payer = Address::repeat_byte(9);
        let id = receipt_id::issue(&keys, SITE, payer, [1; 12]).unwrap();
        let pass = Pass {
            payer: Pass::payer_digest(payer),
            receipt: Pass::receipt_digest(&id),
            issued: 1,
            expires: 2,
        };
        let name = Name::of_receipt(&keys, SITE, &id).unwrap();
        for token in [
            pass.seal(&keys, "x"),
            pass.seal_wider(&keys, SITE, "day"),
            pass.seal_for(&keys, "x", "y"),
        ] {
            assert_eq!(Name::of(&Pass::peek(&token.unwrap()).unwrap()), name);
        }
        assert_eq!(
            name.print(),
            [hex::encode(pass.receipt), hex::encode(&pass.payer[..8])].concat()
        );
        assert_eq!(name.print().len(), Name::LENGTH);
        assert_eq!(Name::of_receipt(&keys, "https://b.example", &id), None);
        let handle = Handle { payer, expires: 2 };
        assert_eq!(Pass::peek(&handle.seal(&keys, SITE).unwrap()), None);
    }
}
