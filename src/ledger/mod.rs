//! What becomes of a payment: a pure state machine over one payer's authorizations.
//!
//! [`claim`] decides about a payment that arrives, [`step`] about everything that happens to it
//! afterwards. Neither reads a clock or performs I/O: the Durable Object executes what they say,
//! one synchronous step at a time, and carries the row's fence across every wait.

mod audience;
mod books;
mod bundle;
mod claim;
mod intent;
mod metered;
mod quota;
mod read;
mod record;
mod reply;
mod row;
mod screen;
mod settle;
mod standing;
mod step;
mod told;

pub use audience::Audience;
pub use books::{Entry, entry, news};
pub use bundle::{Bundle, from_which, left};
pub use claim::{Claim, Payer, claim, pending, sign_in};
pub use intent::{Held, Intent, Owned};
pub use quota::{Leased, Mark, Quota, until_tomorrow};
pub use read::{Read, texts};
pub use record::{remembered, stays};
pub use reply::{Grant, Left, Refused, Reply, Shelf};
pub use row::{Floor, Phase, Row, Watch};
pub use screen::{SCREENING_RETRY_SECONDS, Screened, Verdict, ask_screener};
pub use settle::{Settlement, is_of_the_settler, passes_on, read_settlement, unverified};
pub use standing::Standing;
pub use step::{Event, Observation, Terms, Work, next_alarm, retire, step};
pub use told::told_of;

/// A claim whose origin fetch took longer may be taken over, in seconds.
pub const CLAIM_SECONDS: u64 = 30;
/// Slack between a settle call's own deadline and giving the call up, in seconds.
pub const SETTLE_SLACK_SECONDS: u64 = 5;
/// Settle attempts of one authorization; all carry the same nonce, so at most one can charge.
pub const MAX_ATTEMPTS: u32 = 20;
/// Looks at the chain by alarm, a day and a half of them; afterwards only a request looks again.
pub const MAX_CHECKS: u32 = 200;
/// Looks at a chain that cannot be read for what became of a refusal.
pub const MAX_LAST_LOOKS: u32 = 20;
/// Looks at the chain for a settled transfer that is not final yet, or that the chain does not answer for.
pub const MAX_WATCHES: u32 = 20;
/// The first look at the chain after a settlement comes after so many seconds.
pub const WATCH_SECONDS: u64 = 30;
/// A transfer with so many blocks after its own counts as final.
pub const FINAL_BLOCKS: u64 = 12;
/// An unused nonce in a block this much younger than a settlement, in seconds, undoes it.
pub const UNDONE_SECONDS: u64 = 20;
/// How long a transaction that a facilitator names may be missing from the chain before another attempt.
pub const MISSING_SECONDS: u64 = 60;
/// The longest that a refused authorization has to wait before it is tried again, in seconds.
pub const MAX_HOLD_SECONDS: u64 = 256;
/// Refused authorizations of one payer within [`REFUSED_SECONDS`] before any other has to wait.
pub const MAX_REFUSED: usize = 8;
/// How long a refusal counts towards [`MAX_REFUSED`], in seconds.
pub const REFUSED_SECONDS: u64 = 600;
/// How long a row stays after it could last matter, in seconds: clocks differ, and so do requests' ages.
pub const RETIRE_MARGIN_SECONDS: u64 = 300;
/// How far the chain's time must be past `validBefore` before an unused nonce counts as expired.
pub const EXPIRY_MARGIN_SECONDS: u64 = 30;
/// A repeated request that proves itself is answered again for this long after settlement.
pub const REDELIVERY_SECONDS: u64 = 600;
/// A payment that proves nothing and was never answered is answered within this time, in seconds.
pub const DAY_SECONDS: u64 = 24 * 60 * 60;
/// An answer to a single call counts as on its way for so long, unless it is known to have ended, in seconds.
pub const ANSWER_SECONDS: u64 = 20;
/// How often the answer to a single call is begun at most: a client may break off just before its end.
pub const MAX_ANSWERS: u32 = 6;
/// What an answer that was begun counts, where one that the origin did not have counts 1: it runs a call, too.
pub const ANSWER_COST: u32 = 8;
/// Requests make nobody look at the chain more often than this, in seconds.
pub const LOOK_SECONDS: u64 = 2;
/// Between looks at the chain by alarm once there were [`MAX_CHECKS`] of them, in seconds.
pub const SELDOM_SECONDS: u64 = 6 * 60 * 60;
/// A repeated request that proves nothing but its network address: this long (threat A16).
pub const SAME_ADDRESS_SECONDS: u64 = 60;
/// Open authorizations of one payer at once.
pub const MAX_OPEN: usize = 8;

#[cfg(test)]
mod tests;
