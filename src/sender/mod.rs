//! Settlement without a facilitator: a pure state machine over what one gas key sends on one network.
//!
//! [`Sender`] holds the orders of payers' ledgers and the nonces of the key. [`Sender::ask`] takes an
//! order, [`Sender::next`] says what is to be done now, [`Sender::step`] takes what came of it. It reads no
//! clock, draws no random number and performs no I/O; work that is never reported is handed out again after
//! its lease. What has to survive is in [`Sender::writes`], to be stored before any work is begun.
//!
//! What it keeps to: an authorization is in transactions of one nonce at a time, until that nonce is used
//! by another transaction or what was sent is in nobody's hands; a nonce carries one authorization, and
//! nothing else before its window is over; every nonce that something waits for is used in the end.
//!
//! ```
//! use farthing::{evm::{Address, B256, Sealed, Transfer, chain::sending::{DryRun, Landed, Sent}}, sender::*};
//! let job = Job {
//!     asset: Address::repeat_byte(1), payer: Address::repeat_byte(2), pay_to: Address::repeat_byte(3),
//!     amount: "50000".parse().unwrap(), nonce: B256::repeat_byte(4), valid_before: 1_800_000_300,
//!     transfer: Transfer::Eip3009, to: Address::repeat_byte(1), data: "0x".into(),
//! };
//! let (key, now) = (job.key(), 1_800_000_000_u64);
//! let terms = Terms { chain_id: 84532, account: Address::repeat_byte(9), most: 100_000_000_000 };
//! let mut sender = Sender::new(terms);
//! // tests sign nothing: the executor has the key
//! let seal = |tx: &farthing::evm::Transaction| Some(Sealed { hash: B256::with_last_byte(tx.nonce as u8), raw: vec![] });
//!
//! assert_eq!(sender.ask(job.clone(), now), None);
//! let Some(Work::Head { ticket }) = sender.next(now, &seal) else { panic!() };
//! let head = Head { number: 9, time: now, base_fee: 100, tip_fee: 10, mined: 5, pooled: 5, balance: 1 << 60 };
//! sender.step(Event::Headed { ticket, head: Some(head) }, now);
//! let Some(Work::DryRun { ticket, .. }) = sender.next(now, &seal) else { panic!() };
//! sender.step(Event::Ran { key: key.clone(), ticket, result: Some(DryRun::Passes(80_000)) }, now);
//! let Some(Work::Send { nonce: 5, hash, ticket, .. }) = sender.next(now, &seal) else { panic!() };
//! assert!(!sender.writes().is_empty(), "known before it is sent");
//! sender.step(Event::Answered { nonce: 5, hash, ticket, answer: Sent::Taken }, now);
//! assert_eq!(sender.outcome(&job), None);
//! // two blocks later
//! let Some(Work::Head { ticket }) = sender.next(now + 4, &seal) else { panic!() };
//! sender.step(Event::Headed { ticket, head: Some(Head { number: 11, mined: 6, pooled: 6, ..head }) }, now + 4);
//! let Some(Work::Look { nonce: 5, ticket, .. }) = sender.next(now + 4, &seal) else { panic!() };
//! sender.step(Event::Looked { nonce: 5, ticket, found: Found::Landed { hash, landed: Landed::Paid(10) } }, now + 4);
//! assert_eq!(sender.outcome(&job), Some(Outcome::Done(hash)));
//! ```

mod fees;
mod heads;
mod job;
mod looks;
mod rows;
mod slot;
mod state;
mod work;

pub use fees::{cap, max_gas};
pub use heads::Head;
pub use job::{Job, Outcome};
pub use state::{Note, Sender, Terms, Write};
pub use work::{Event, Found, Work};

/// How long work may take before it is handed out again, in seconds: longer than the executor's patience
/// with all the endpoints together.
pub const LEASE_SECONDS: u64 = 20;
/// How often the chain is looked at while something is under way, in seconds: the shortest block time of the
/// networks that are known here.
pub const LOOK_SECONDS: u64 = 2;
/// How often it is looked at for what has been under way for longer than [`PATIENCE_SECONDS`], in seconds.
pub const SLOW_LOOK_SECONDS: u64 = 15;
/// After how long something under way is looked at less often, in seconds.
pub const PATIENCE_SECONDS: u64 = 300;
/// How old the last look may be for a nonce and a price to be taken from it, in seconds.
pub const FRESH_SECONDS: u64 = 4;
/// After how long a transaction that the node's pool does not count is sent again, in seconds.
pub const LOST_SECONDS: u64 = 3;
/// After how long any transaction is sent again as it is, in seconds.
pub const AGAIN_SECONDS: u64 = 10;
/// For how long a dry run holds of what is under way, in seconds: after it nothing is sent again or paid more for
/// without another.
pub const CHECK_SECONDS: u64 = 3;
/// After how long the next transaction to land is replaced by one that pays more, in seconds, if two blocks
/// have gone by as well.
pub const REPLACE_SECONDS: u64 = 20;
/// After how long a transaction that cannot pay the base fee any more is replaced, in seconds.
pub const OUTBID_SECONDS: u64 = 4;
/// In how many blocks a used nonce has to be without a receipt of ours before it counts as used elsewhere.
pub const MISSES: u8 = 3;
/// How long a transaction is remembered after it landed, in seconds: reorganisations are over by then.
pub const BURIED_SECONDS: u64 = 120;
/// How long a gap in the nonces, or somebody else's transaction that does not land, may stand in the way
/// before it is filled, in seconds.
pub const GAP_SECONDS: u64 = 10;
/// How long a finished order is remembered after its window, in seconds.
pub const FORGET_SECONDS: u64 = 300;
/// How long an order may wait for a chain that cannot be read, in seconds.
pub const READ_SECONDS: u64 = 15;
/// Transactions of one payer that were reverted within a day, and those under way, at most: what a payer
/// can make the key spend in vain.
pub const MAX_AT_RISK: usize = 8;
/// Orders under way at once.
pub const MAX_ORDERS: usize = 1_000;
/// The gas that one settlement uses, about: a FiatToken's `transferWithAuthorization`.
pub const USUAL_GAS: u64 = 90_000;
/// The alarm is raised when what the key has is not enough for so many more settlements at the price of the
/// day.
pub const LOW_SETTLEMENTS: u64 = 100;

/// The code of a refusal: this payer's transactions were reverted too often, or too many are under way.
pub const PAYER_LIMIT: &str = "payer_limit";
/// The code of a refusal: too many orders at once.
pub const BUSY: &str = "sender_busy";
/// The code of a refusal: the gas key has too little.
pub const GAS_FUNDS: &str = "sender_without_gas";
/// The code of a refusal: gas costs more than the settings allow.
pub const GAS_PRICE: &str = "gas_above_limit";
/// The code of a refusal: no endpoint says what is needed to know.
pub const UNREADABLE: &str = "chain_unreadable";
/// The code of a refusal: the payer's account runs code (EIP-7702), which chooses what gas it burns.
pub const PAYER_CODE: &str = "payer_with_code";
/// The code of a refusal: no node takes such a transaction.
pub const NOT_TAKEN: &str = "sending_refused";

#[cfg(test)]
mod tests;
