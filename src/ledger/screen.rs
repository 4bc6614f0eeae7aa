//! Whether an account may pay: what is asked of the site's screening service, and for how long its answer counts.

use alloc::{format, string::String};

use super::Intent;
use crate::{
    evm::Address,
    json::{self, Value},
    route::config::Screener,
    x402::Network,
};

/// A service that gave no answer is not asked about the same account for so many seconds.
pub const SCREENING_RETRY_SECONDS: u64 = 5;

/// Whether a payer may pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screened {
    /// Nobody was asked.
    Unasked,
    /// Yes, or nobody has to be asked.
    Allowed,
    /// No.
    Refused,
    /// Nobody said, and the site takes no payment then; it can be asked again after so many seconds.
    Unknown(u64),
}

/// What was said of a payer, and until when it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the payer may pay; none where nobody said.
    pub allow: Option<bool>,
    /// Unix seconds.
    pub until: u64,
}

/// What is asked about a payer: the account and the chain, and nothing of what is read or paid.
/// ```
/// use farthing::{evm::Address, ledger::ask_screener, x402::Network};
/// let question = ask_screener(Address::repeat_byte(2), Network::BASE);
/// assert_eq!(question, r#"{"address":"0x0202020202020202020202020202020202020202","network":"eip155:8453"}"#);
/// ```
pub fn ask_screener(payer: Address, network: Network) -> String {
    format!(r#"{{"address":"{payer}","network":"{network}"}}"#)
}

impl Verdict {
    /// What an answer comes to, by its status and body: only 200 with a member `allow` that is true or false says anything.
    ///
    /// ```
    /// # use farthing::{ledger::Verdict, route::config::Screener};
    /// # let screener = Screener { url: String::new(), headers: vec![], lets_through: false, cache_seconds: 60, timeout_seconds: 3 };
    /// let verdict = Verdict::of(&screener, Some((200, r#"{"allow": true}"#)), 1000);
    /// assert_eq!(verdict, Verdict { allow: Some(true), until: 1060 });
    /// assert_eq!(Verdict::of(&screener, Some((200, r#"{"allow": "true"}"#)), 1000).allow, None);
    /// ```
    pub fn of(screener: &Screener, answer: Option<(u16, &str)>, now: u64) -> Self {
        let allow = answer.and_then(|(status, body)| Self::read(status, body));
        let seconds = allow.map_or(SCREENING_RETRY_SECONDS, |_| screener.cache_seconds);
        Self {
            allow,
            until: now.saturating_add(seconds),
        }
    }

    /// What an answer says.
    pub fn read(status: u16, body: &str) -> Option<bool> {
        let answer = json::parse(body).ok().filter(|_| status == 200)?;
        answer.get("allow").and_then(Value::bool)
    }

    /// What it means for a payment now; nothing once its time is over.
    pub fn at(&self, screener: &Screener, now: u64) -> Option<Screened> {
        // kept for longer than the config has it now, it is asked for anew
        let most = screener.cache_seconds.max(SCREENING_RETRY_SECONDS);
        let left = self.until.saturating_sub(now);
        let counts = (1..=most).contains(&left);
        counts.then_some(match self.allow {
            Some(true) => Screened::Allowed,
            Some(false) => Screened::Refused,
            None if screener.lets_through => Screened::Allowed,
            None => Screened::Unknown(left),
        })
    }

    /// As the object keeps it; what nobody said is not kept.
    ///
    /// ```
    /// use farthing::ledger::Verdict;
    /// let verdict = Verdict { allow: Some(false), until: 1060 };
    /// assert_eq!(verdict.write().as_deref(), Some("refuse 1060"));
    /// assert_eq!(Verdict::kept("refuse 1060"), Some(verdict));
    /// assert_eq!(Verdict::kept("allow soon"), None);
    /// ```
    pub fn write(&self) -> Option<String> {
        let word = if self.allow? { "allow" } else { "refuse" };
        Some(format!("{word} {}", self.until))
    }

    /// Reads what was kept.
    pub fn kept(text: &str) -> Option<Self> {
        let (word, until) = text.split_once(' ')?;
        let allow = match word {
            "allow" => true,
            "refuse" => false,
            _ => return None,
        };
        Some(Self {
            allow: Some(allow),
            until: until.parse().ok()?,
        })
    }
}

impl Intent {
    /// What is asked about its payer.
    pub fn ask_screener(&self) -> String {
        ask_screener(self.payer, self.network)
    }
}
