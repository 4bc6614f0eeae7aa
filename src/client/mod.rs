//! The paying side: which offer to take, what to sign, what to send, and what to do with every answer.
//!
//! Two clients share these rules. A **reader** pays by a card on a page: [`step`] is a pure function
//! whose effects a shell (the browser widget) carries out, and what the reader sees is a function of
//! the state ([`View`]). A **program** pays under a [`Policy`]: a [`Purchase`] takes the answers of any
//! x402 server, of version 1 or 2, and says what to sign and to send; [`Offers`], [`Policy`], [`Draft`]
//! and [`Response`] are its parts, and can be used by themselves. A [`Key`] signs, or the typed data
//! goes to whoever holds one. The feature `client` adds what JavaScript calls.
//!
//! | | reader | program |
//! |---|---|---|
//! | servers | version 2 | versions 1 and 2 |
//! | `exact` by EIP-3009 | yes | yes |
//! | `exact` by Permit2 | no: a reader would have to send a transaction first | yes |
//! | `upto` by Permit2 | no | if the policy says so |
//! | tokens | of our table | of our table, and those that the policy vouches for |
//! | limits | the price on the page, and the page's pins | a limit for each payment |
//!
//! Two rules hold in every state (threats F5 and F7): while a signed authorization is unresolved
//! nothing else is signed, and what is sent again is that same authorization.

mod answer;
mod chain;
mod choice;
mod clock;
mod draft;
mod event;
mod flow;
pub(crate) mod json;
mod offers;
mod payment;
mod policy;
mod purchase;
mod response;
mod restore;
pub(crate) mod typed;
mod view;
mod wallet;

pub use crate::evm::key::{Key, KeyError};
pub use answer::Answer;
pub use choice::{Pins, PinsError};
pub use draft::{Approval, Draft, Payment, SealError};
pub use event::{Effect, FlowEvent};
pub use flow::{FlowState, Page, step};
pub use offers::{LEAST_SECONDS, MAX_BODY_BYTES, MOST_SECONDS, Offer, Offers, OffersError, Opens, Peek, Unpayable, Version};
pub use policy::{Choice, NothingPayable, Policy, PolicyError, Refusal, Token};
pub use purchase::{Purchase, Step, Stop};
pub use response::{Code, Fate, Hold, Response};
#[cfg(feature = "client")]
pub(crate) use restore::SignIn;
pub use view::{Action, Notice, Stage, Terms, View};

#[cfg(test)]
pub(crate) mod tests;
