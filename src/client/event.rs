//! What goes into the flow and what comes out of it.

use alloc::string::String;

use super::answer::Answer;
use crate::money::Price;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    /// The card is there.
    Start {
        /// What was kept for this page by [`Effect::Keep`].
        kept: Option<String>,
        /// `PAYMENT-REQUIRED` of the page itself, and when it came by the device's clock.
        offer: Option<(String, u64)>,
        /// The offer that was taken last on this device, by its id: the same token is chosen again.
        prefer: Option<String>,
    },
    /// The reader is about to press the button.
    Intent,
    /// The reader chose one of the offers.
    Choose {
        /// Its place in [`View::offers`](super::View::offers).
        index: usize,
    },
    /// The reader pressed the button.
    Pay {
        /// How many wallets there are to choose from; one if it is chosen.
        wallets: u32,
        /// Fresh random bytes.
        random: [u8; 32],
        /// The price on the card when it was pressed.
        seen: Option<Price>,
        /// [`Terms::mark`](super::Terms::mark) of the offer that was on the card then; none where no offer had been read.
        offer: Option<String>,
        /// What was kept for this page, by this tab or another.
        kept: Option<String>,
    },
    /// The reader says that the article is paid for already.
    Restore {
        /// How many wallets there are to choose from; one if it is chosen.
        wallets: u32,
        /// What was kept for this page, by this tab or another.
        kept: Option<String>,
    },
    /// The reader does not want to wait.
    Cancel,
    /// The wallet answered.
    Wallet {
        /// The turn of the effect this answers.
        turn: u32,
        /// A text (the first account, the chain, the signature) or an error code.
        result: Result<String, i32>,
    },
    /// The server answered.
    Answer {
        /// The turn of the effect this answers.
        turn: u32,
        /// The answer.
        answer: Answer,
    },
    /// The time of [`Effect::Wait`] is over.
    Woke {
        /// The turn of the effect this answers.
        turn: u32,
    },
}

/// What the shell has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the wallet.
    Wallet {
        /// To be repeated in the answer.
        turn: u32,
        /// EIP-1193 method.
        method: &'static str,
        /// Its parameters as JSON.
        params: String,
    },
    /// Ask the server for the resource.
    Fetch {
        /// To be repeated in the answer.
        turn: u32,
        /// `PAYMENT-SIGNATURE`.
        payment: Option<String>,
        /// `SIGN-IN-WITH-X`; without either, only the offer is wanted.
        proof: Option<String>,
    },
    /// Say [`FlowEvent::Woke`] after a while.
    Wait {
        /// To be repeated.
        turn: u32,
        /// Milliseconds.
        ms: u32,
    },
    /// Keep this text for this page, on this device, before anything else is done.
    Keep {
        /// Only ever handed back as [`FlowEvent`]'s `kept`.
        text: String,
    },
    /// This text need not be kept any longer; another text must be.
    Forget {
        /// What was to be kept.
        text: String,
    },
    /// The article is there: show it.
    Open,
}
