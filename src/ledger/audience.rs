//! Who a payment is by, for the publisher's figures alone: nothing is decided by it, for all of it can be forged but a signature.

use serde::{Deserialize, Serialize};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// A person with a browser.
    Reader,
    /// A program that says nothing of itself.
    Program,
    /// A program that signs as an agent, or whose `User-Agent` names a crawler.
    Crawler,
}

impl Audience {
    /// As it is written down.
    /// ```
    /// use farthing::ledger::Audience;
    /// assert_eq!(Audience::read(Audience::Reader.name()), Some(Audience::Reader));
    /// assert_eq!(Audience::read("of a later version"), None);
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Program => "program",
            Self::Crawler => "crawler",
        }
    }

    /// Reads what was written down; nothing of what a later version may have written.
    pub fn read(name: &str) -> Option<Self> {
        let all = [Self::Reader, Self::Program, Self::Crawler];
        all.into_iter().find(|audience| audience.name() == name)
    }
}
