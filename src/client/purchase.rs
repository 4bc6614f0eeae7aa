//! One thing that a program wants to have, from the first 402 to the resolved payment.
//!
//! A pure state, like the reader's [flow](super::step): the program sends the requests and says what
//! came back. Two rules hold whatever a server answers: a purchase signs at most once, and what is sent
//! again is that same payment, until it is known what became of it (threats B1, F5, F7).

use core::fmt;

use alloc::{borrow::ToOwned, boxed::Box, string::String};

use alloy_primitives::{Address, keccak256};

use super::{
    clock,
    draft::{Draft, Payment, SealError},
    offers::{Offers, OffersError},
    policy::{NothingPayable, Policy},
    response::{Code, Fate, Hold, Response},
};
use crate::{
    evm::Key,
    x402::{extension::identifier, facilitator::SettleResponse},
};

/// Programs run on clocks that are set by themselves; a server whose clock is further off than this is
/// not believed, for it could have an authorization signed that stays valid for longer.
const MOST_SKEW_SECONDS: u64 = 2 * 3600;
/// For how long an unknown outcome is asked for, unless the program says otherwise.
const PATIENCE_SECONDS: u64 = 120;
/// The longest pause that a purchase makes by its own choice.
const LONGEST_PAUSE_SECONDS: u32 = 30;

/// What the program does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The answer is what was wanted, or has nothing to do with a payment: hand it on.
    Deliver {
        /// The receipt, if a payment came with the request and the server sent one. For `upto`, its
        /// amount is what was taken.
        receipt: Option<SettleResponse>,
    },
    /// Have [`Purchase::draft`] signed, then [`Purchase::signed`].
    Sign,
    /// Keep [`Purchase::keep`], then send the request again with [`Purchase::payment`] as a header.
    Send {
        /// After this many seconds.
        after: u32,
    },
    /// Nothing more happens by itself.
    Stop(Stop),
}

/// Why a purchase has stopped.
///
/// ```
/// use farthing::{client::{Code, Stop}, x402::reason::family};
/// let text = "insufficient_funds";
/// let stop = Stop::Refused(Code { text: text.into(), family: family(text), ours: false });
/// assert_eq!((stop.key(), stop.is_open()), ("refused", false));
/// assert_eq!(stop.to_string(), "the payment was refused (insufficient_funds)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// Nothing was signed: the 402 cannot be read.
    Offers(OffersError),
    /// Nothing was signed: the policy forbids every offer.
    Policy(NothingPayable),
    /// Nothing was signed: the server's clock and this one are hours apart.
    Clock,
    /// Nothing was sent: the signature is not the payer's over what was to be signed (threat F2).
    Signature(SealError),
    /// Not taken, and the same payment is still good. The next request carries it again.
    Held(Hold, Code),
    /// Not known what became of it after all patience. The next request carries it again.
    Unresolved(Code),
    /// Refused for good; whoever wants the thing starts anew.
    Refused(Code),
    /// The server takes it no more, and whether it was paid is a question for the chain: nothing else
    /// is signed for this before [`Payment::until`] has passed and the chain was asked.
    Spent(Code),
}

impl Stop {
    /// A stable word for programs.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Offers(error) => error.key(),
            Self::Policy(_) => "nothing-payable",
            Self::Clock => "clock",
            Self::Signature(_) => "signature",
            Self::Held(hold, _) => hold.key(),
            Self::Unresolved(_) => "unresolved",
            Self::Refused(_) => "refused",
            Self::Spent(_) => "spent",
        }
    }

    /// The server's reason, where it has one to give.
    pub const fn code(&self) -> Option<&Code> {
        match self {
            Self::Held(_, code) | Self::Unresolved(code) | Self::Refused(code) | Self::Spent(code) => Some(code),
            _ => None,
        }
    }

    /// Whether a payment is out that may yet be taken or was taken: nothing else may be signed for the
    /// same thing.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Held(..) | Self::Unresolved(_) | Self::Spent(_))
    }
}

impl Stop {
    /// What it says.
    pub(crate) fn words(&self) -> String {
        let code = self.code().map_or("", Code::words);
        let (before, after) = match self {
            Self::Offers(error) => (error.words(), ""),
            Self::Policy(nothing) => return nothing.words(),
            Self::Clock => ("the server's clock and this device's are hours apart; nothing was signed", ""),
            Self::Signature(error) => return ["nothing was sent: ", error.words()].concat(),
            Self::Held(Hold::Approve, _) => return "not paid: the payer has to approve Permit2 for the token once".to_owned(),
            Self::Held(Hold::Undeliverable, _) => ("not paid: the server does not deliver (", ")"),
            Self::Held(Hold::Moved, _) => return "not paid: the server sends the paid request elsewhere".to_owned(),
            Self::Unresolved(_) => ("not known whether it was paid (", "); ask again with the same payment"),
            Self::Refused(_) => ("the payment was refused (", ")"),
            Self::Spent(_) => (
                "the payment is not taken any more (",
                "); only the chain knows if it was paid",
            ),
        };
        [before, code, after].concat()
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl core::error::Error for Stop {}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// No payment yet.
    Unpaid(Box<Wants>),
    /// Waiting for the signature.
    Signing(Box<Draft>),
    /// Signed; unresolved until an answer says otherwise.
    Paying(Trip),
    /// Nothing is out.
    Over,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wants {
    policy: Policy,
    payer: Address,
    random: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Trip {
    payment: Payment,
    sends: u32,
    /// The program's clock at the first answer of this try.
    since: Option<u64>,
    /// An answer left it open what became of it.
    doubted: bool,
}

/// One thing that a program wants to have.
///
/// ```
/// use farthing::client::{Key, Policy, Purchase, Response, Step};
/// let key = Key::from_hex("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d").unwrap();
/// // 32 random bytes of the caller's; times are Unix seconds
/// let mut purchase = Purchase::new(Policy::up_to("$0.10").unwrap(), key.address(), [7; 32]);
///
/// // the program asks for the resource, and the server wants to be paid
/// let body = r#"{"x402Version":1,"error":"","accepts":[{"scheme":"exact","network":"base-sepolia",
///     "maxAmountRequired":"50000","resource":"https://n.example/a","description":"","mimeType":"",
///     "payTo":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC","maxTimeoutSeconds":60,
///     "asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","extra":{"name":"USDC","version":"2"}}]}"#;
/// let step = purchase.answer(1_800_000_000, &Response { status: 402, body, ..Response::default() });
/// assert_eq!(step, Step::Sign);
/// assert_eq!(purchase.sign(&key), Some(Step::Send { after: 0 }));
/// assert_eq!(purchase.payment().unwrap().name(), "X-PAYMENT");
///
/// // no answer: the same payment again, and no other
/// let step = purchase.answer(1_800_000_010, &Response::default());
/// assert_eq!(step, Step::Send { after: 1 });
/// let step = purchase.answer(1_800_000_012, &Response { status: 200, ..Response::default() });
/// assert!(matches!(step, Step::Deliver { .. }));
/// assert_eq!(purchase.keep(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    patience: u64,
    state: State,
}

impl Wants {
    fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        keccak256([&self.random[..], purpose].concat()).0
    }

    fn draft(&self, now: u64, response: &Response<'_>) -> Result<Draft, Stop> {
        let offers = Offers::read(response.required, response.body).map_err(Stop::Offers)?;
        let choice = self.policy.choose(&offers).map_err(Stop::Policy)?;
        let skew = clock::skew(now, response.date, choice.offer.quote.as_ref(), MOST_SKEW_SECONDS);
        let server = now.saturating_add_signed(skew.ok_or(Stop::Clock)?);
        // the nonce will be public, and the name has to stay a secret (threat A16)
        let (nonce, name) = (self.derive(b"nonce"), self.derive(b"name"));
        let name = name.first_chunk().map(|name| identifier::generate(*name));
        Ok(Draft::new(choice, self.payer, server, nonce).identified(&name.unwrap_or_default()))
    }
}

impl Purchase {
    /// Begins with nothing paid. `random` has to be fresh for each purchase: the nonce is made of it, and
    /// the payment's name where the server asks for one.
    pub fn new(policy: Policy, payer: Address, random: [u8; 32]) -> Self {
        Self {
            patience: PATIENCE_SECONDS,
            state: State::Unpaid(Box::new(Wants { policy, payer, random })),
        }
    }

    /// Begins with a payment that was [kept](Self::keep) and is not resolved: the first request carries
    /// it, and nothing else is signed.
    ///
    /// ```
    /// use farthing::client::{Payment, Purchase, Response, Step, Stop};
    /// let kept = r#"{"header":"X-PAYMENT","value":"eyJhIjoxfQ==","until":1800000060}"#;
    /// let mut purchase = Purchase::resume(Payment::restore(kept).unwrap());
    /// assert_eq!(purchase.payment().unwrap().value(), "eyJhIjoxfQ==");
    /// // a new demand after an unknown outcome is no reason to pay again (threat F7)
    /// let step = purchase.answer(1_800_000_030, &Response { status: 402, ..Response::default() });
    /// assert!(matches!(step, Step::Stop(Stop::Spent(_))));
    /// assert_eq!(purchase.keep().as_deref(), Some(kept));
    /// ```
    pub const fn resume(payment: Payment) -> Self {
        Self {
            patience: PATIENCE_SECONDS,
            state: State::Paying(Trip {
                payment,
                sends: 0,
                since: None,
                // why it was kept is not known any more
                doubted: true,
            }),
        }
    }

    /// Asks for an unknown outcome for this many seconds, waiting included.
    pub const fn patience(mut self, seconds: u64) -> Self {
        self.patience = seconds;
        self
    }

    /// What is to be signed, while it is.
    pub fn draft(&self) -> Option<&Draft> {
        match &self.state {
            State::Signing(draft) => Some(draft),
            _ => None,
        }
    }

    /// The payment that goes with the next request.
    pub const fn payment(&self) -> Option<&Payment> {
        match &self.state {
            State::Paying(trip) => Some(&trip.payment),
            _ => None,
        }
    }

    /// What has to be kept, on a disk if the program may end, before the payment is sent: none as soon
    /// as it is resolved.
    pub fn keep(&self) -> Option<String> {
        self.payment().map(Payment::keep)
    }

    /// Takes the server's answer to the last request; `now` is the program's clock in Unix seconds.
    /// Once the purchase is over every answer is [delivered](Step::Deliver).
    pub fn answer(&mut self, now: u64, response: &Response<'_>) -> Step {
        match &mut self.state {
            State::Unpaid(wants) if response.status == 402 => match wants.draft(now, response) {
                Ok(draft) => {
                    self.state = State::Signing(Box::new(draft));
                    Step::Sign
                }
                Err(stop) => {
                    self.state = State::Over;
                    Step::Stop(stop)
                }
            },
            State::Signing(_) => Step::Sign,
            State::Paying(trip) => {
                let (fate, code) = response.fate(trip.doubted);
                let stop = match fate {
                    Fate::Delivered(receipt) => {
                        self.state = State::Over;
                        return Step::Deliver { receipt };
                    }
                    Fate::Refused => {
                        self.state = State::Over;
                        return Step::Stop(Stop::Refused(code));
                    }
                    Fate::Unknown => {
                        trip.doubted = true;
                        match trip.pause(now, self.patience, response.retry_after) {
                            Some(after) => return Step::Send { after },
                            None => Stop::Unresolved(code),
                        }
                    }
                    // whatever a server says, only Permit2 has anything to be approved
                    Fate::Held(Hold::Approve) if !trip.payment.by_permit() => Stop::Held(Hold::Undeliverable, code),
                    Fate::Held(hold) => Stop::Held(hold, code),
                    Fate::Spent => {
                        trip.doubted = true;
                        Stop::Spent(code)
                    }
                };
                // a later try has all patience again
                (trip.since, trip.sends) = (None, 0);
                Step::Stop(stop)
            }
            State::Unpaid(_) | State::Over => Step::Deliver { receipt: None },
        }
    }

    /// Signs with a key held here; none if there is nothing to sign for it.
    pub fn sign(&mut self, key: &Key) -> Option<Step> {
        let signature = self.draft()?.sign(key)?;
        self.trusted(signature)
    }

    /// Takes what the payer's own key has signed, by whoever holds that key and has looked that it is the payer's: it is not worked
    /// out again whose it is. None if there is nothing to sign.
    pub fn trusted(&mut self, signature: String) -> Option<Step> {
        let payment = self.draft()?.payment(signature);
        Some(self.pay(payment))
    }

    /// Takes the signature over the draft, hex with `0x`; `contract` as in [`Draft::seal`]. A signature
    /// that is not the payer's ends the purchase with [`Stop::Signature`].
    pub fn signed(&mut self, signature: &str, contract: bool) -> Step {
        let State::Signing(draft) = &self.state else {
            return match self.state {
                State::Paying(_) => Step::Send { after: 0 },
                _ => Step::Deliver { receipt: None },
            };
        };
        match draft.seal(signature, contract) {
            Ok(payment) => self.pay(payment),
            Err(error) => {
                self.state = State::Over;
                Step::Stop(Stop::Signature(error))
            }
        }
    }

    fn pay(&mut self, payment: Payment) -> Step {
        self.state = State::Paying(Trip {
            payment,
            sends: 0,
            since: None,
            doubted: false,
        });
        Step::Send { after: 0 }
    }
}

impl Trip {
    /// Seconds until the next try: what the server asks for, or twice as long each time. None if that
    /// is after all patience.
    fn pause(&mut self, now: u64, patience: u64, asked: Option<u32>) -> Option<u32> {
        let since = *self.since.get_or_insert(now);
        let doubling = 1_u32.checked_shl(self.sends).unwrap_or(LONGEST_PAUSE_SECONDS);
        let pause = asked.unwrap_or(doubling.min(LONGEST_PAUSE_SECONDS)).max(1);
        self.sends = self.sends.saturating_add(1);
        (now.saturating_add(u64::from(pause)) <= since.saturating_add(patience)).then_some(pause)
    }
}
