//! A facilitator in all its moods.

use super::chance::Chance;

/// What it does with one `/settle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Broadcasts, waits for the block, says so.
    Honest,
    /// Broadcasts, and says that it is settled before there is a block.
    Hasty,
    /// Broadcasts, and its answer is lost, or broken, or a failure.
    Mute,
    /// Broadcasts much later, and never answers.
    Slow,
    /// Never gets the call, or drops it.
    Deaf,
    /// Lets nobody in: it never hears of the payment.
    Closed,
    /// Refuses.
    Refuses,
    /// Refuses, or says that it lets nobody in, and broadcasts.
    Lies,
}

/// How moody it is in this history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Temper {
    pub(crate) hasty: bool,
    pub(crate) liar: bool,
}

impl Temper {
    pub(crate) fn mood(self, chance: &Chance) -> Mood {
        match chance.below(100) {
            0..10 => Mood::Mute,
            10..18 => Mood::Slow,
            18..26 => Mood::Deaf,
            26..29 => Mood::Refuses,
            29..32 => Mood::Closed,
            32..42 if self.liar => Mood::Lies,
            42..60 if self.hasty => Mood::Hasty,
            _ => Mood::Honest,
        }
    }
}

/// Answers that prove nothing.
pub(crate) fn noise(chance: &Chance) -> String {
    (*chance.of(&[
        "500\n{\"success\":true}",
        "200\n",
        "200\nnull",
        "200\n{\"success\":true,\"transaction\":\"\",\"network\":\"eip155:84532\"}",
        "200\n{\"success\":false,\"errorReason\":\"settle_timeout\",\"transaction\":\"\",\"network\":\"eip155:84532\"}",
        "200\n{\"success\":false,\"errorReason\":\"invalid_exact_evm_nonce_already_used\",\"transaction\":\"\",\"network\":\"eip155:84532\"}",
        "502\n<html>bad gateway</html>",
    ]))
    .to_owned()
}

/// Answers of a door that stays shut.
pub(crate) fn closed(chance: &Chance) -> String {
    (*chance.of(&[
        "401\n{}",
        "403\n",
        "404\n<html>not found</html>",
        "429\n{\"error\":\"slow down\"}",
    ]))
    .to_owned()
}

pub(crate) fn success(transaction: &str) -> String {
    format!(
        "200\n{{\"success\":true,\"transaction\":\"{transaction}\",\"network\":\"eip155:84532\",\"payer\":\"0x0202020202020202020202020202020202020202\"}}"
    )
}

pub(crate) fn refusal() -> String {
    "400\n{\"success\":false,\"errorReason\":\"insufficient_funds\",\"transaction\":\"\",\"network\":\"eip155:84532\"}".to_owned()
}
