//! A paying reader, step by step: which offer to take, what to ask the wallet, what to send, and
//! what to do with every answer.
//!
//! [`step`] is a pure function; a shell (the browser widget) carries out its effects and feeds the
//! outcomes back as events. What the reader sees is a function of the state ([`View`]).
//!
//! Two rules hold in every state (threats F5 and F7): while a signed authorization is unresolved
//! nothing else is signed, and what is sent again is that same authorization.

mod answer;
mod chain;
mod choice;
mod event;
mod flow;
pub(crate) mod json;
mod payment;
mod view;
mod wallet;

pub use answer::Answer;
pub use choice::{Pins, PinsError};
pub use event::{Effect, FlowEvent};
pub use flow::{FlowState, step};
pub use view::{Action, Notice, Stage, Terms, View};

#[cfg(test)]
mod tests;
