//! The states of a paying reader and what leads from one to the next.

use alloc::{string::String, vec, vec::Vec};

use alloy_primitives::Address;

use super::{
    answer::Doubt,
    choice::{CardOffer, Pins, Required},
    event::{Effect, FlowEvent},
    payment::Payment,
    restore::SignIn,
    view::Notice,
    wallet::Ask,
};
use crate::{
    evm::{Asset, Authorization},
    money::{Amount, Price},
};

mod asking;
mod offer;
mod paying;

/// A clock further off than this is not corrected; no time zone is.
const MOST_SKEW_SECONDS: u64 = 26 * 3600;
/// After this long a wallet's silence is spoken of.
const WALLET_SLOW_MS: u32 = 8_000;

#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a card has one phase, and a box is more code to download"
)]
pub(super) enum Phase {
    /// Nothing is under way.
    Resting(Notice),
    /// The offer is being fetched.
    Quoting { wish: Wish, back: Notice },
    /// The wallet is asked.
    Asking {
        ask: Ask,
        errand: Errand,
        waiting: bool,
        slow: bool,
    },
    /// A payment is under way; `waiting` between two sends.
    Sending { trip: Trip, waiting: bool },
    /// A payment is unresolved, and the reader decides when it is sent again.
    Paused { payment: Payment, notice: Notice },
    /// The server is asked what the account has paid for.
    Proving,
    /// The article is open.
    Open,
}

/// What the offer is fetched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing yet.
    Look,
    /// To pay it.
    Pay(Click),
    /// To show that it is paid, with so many wallets.
    Restore(u32),
}

/// A press of the button: nothing but the price that was seen then is paid (invariant S9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Click {
    wallets: u32,
    random: [u8; 32],
    seen: Option<Price>,
    /// The mark of the offer that was on the card; none where the card had only the page's own words.
    offer: Option<String>,
}

/// What the questions to the wallet have found so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Errand {
    random: [u8; 32],
    /// The account the wallet named first, and its spelling.
    payer: Option<(Address, String)>,
    /// After a switch: how often the chain may still be read.
    pub(super) polls: Option<u8>,
    signing: Option<Authorization>,
    /// `PAYMENT-REQUIRED` with the challenge, where nothing is to be paid.
    challenge: Option<String>,
    sign_in: Option<SignIn>,
}

impl Errand {
    const fn new(random: [u8; 32], challenge: Option<String>) -> Self {
        Self {
            random,
            payer: None,
            polls: None,
            signing: None,
            challenge,
            sign_in: None,
        }
    }
}

/// A payment on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trip {
    payment: Payment,
    sends: u32,
    pub(super) doubt: Option<Doubt>,
    /// Signed before this page was loaded.
    resumed: bool,
    pub(super) slow: bool,
}

/// What the page says of itself: what stands on the card before any offer was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The resource's host, with its port.
    pub host: String,
    /// The price.
    pub price: Option<Price>,
    /// The token's symbol; any, where the page has none.
    pub symbol: Option<String>,
    /// The network's name; any, where the page has none.
    pub network: Option<String>,
    /// The card says that the money is worth nothing.
    pub test: bool,
    /// What may be paid here.
    pub pins: Pins,
}

impl Page {
    /// Whether somebody who has read this knows what the offer is, but for its price (invariant S9).
    fn tells(&self, offer: &CardOffer) -> bool {
        let is = |said: &Option<String>, name: &str| said.as_ref().is_none_or(|said| said.eq_ignore_ascii_case(name));
        let Asset { symbol, network, .. } = offer.asset;
        offer.wider.is_none()
            && is(&self.symbol, symbol)
            && is(&self.network, offer.asset.network_name())
            && (!self.test || network.is_test())
    }
}

/// Where a reader stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowState {
    pub(super) phase: Phase,
    pub(super) required: Required,
    /// Which of the offers.
    pub(super) chosen: usize,
    /// The price shown before the present one, in units of the same size.
    pub(super) before: Option<Amount>,
    /// What the account has, where that was too little.
    pub(super) have: Option<Amount>,
    /// The site answers with the page itself: there is nothing to pay.
    pub(super) owned: bool,
    /// What the reader has to be told before the chosen offer can be paid.
    unsaid: Option<Notice>,
    /// The offer that was taken last on this device.
    prefer: Option<String>,
    page: Page,
    /// Device time when the offer came.
    offered: u64,
    /// The server's clock minus the device's, once known.
    skew: Option<i64>,
    /// Effects and their answers carry it; answers of another turn are not wanted any more.
    turn: u32,
}

/// One step; `now` is the device's clock in Unix seconds.
///
/// ```
/// use farthing::client::{Effect, FlowEvent, FlowState, Page, step};
/// let card = FlowState::new(Page { price: "$0.05".parse().ok(), ..Page::default() });
/// let pay = FlowEvent::Pay { wallets: 1, random: [7; 32], seen: "$0.05".parse().ok(), offer: None, kept: None };
/// let (card, effects) = step(card, 1_800_000_000, pay);
/// assert_eq!(effects, [Effect::Fetch { turn: 1, payment: None, proof: None }]);
/// assert_eq!(card.view().stage.key(), "quoting");
/// ```
pub fn step(mut state: FlowState, now: u64, event: FlowEvent) -> (FlowState, Vec<Effect>) {
    let effects = state.apply(now, event);
    (state, effects)
}

/// One copy of what makes a list.
#[inline(never)]
fn one(effect: Effect) -> Vec<Effect> {
    vec![effect]
}

impl FlowState {
    /// A card on a page that says this.
    pub fn new(page: Page) -> Self {
        Self {
            phase: Phase::Resting(Notice::Offer),
            required: Required::default(),
            chosen: 0,
            before: None,
            have: None,
            owned: false,
            unsaid: None,
            prefer: None,
            page,
            offered: 0,
            skew: None,
            turn: 0,
        }
    }

    pub(crate) fn apply(&mut self, now: u64, event: FlowEvent) -> Vec<Effect> {
        match event {
            FlowEvent::Start { kept, offer, prefer } => {
                self.prefer = prefer;
                self.start(kept, offer)
            }
            FlowEvent::Intent => match self.phase {
                Phase::Resting(back) if !self.is_fresh(now) => self.fetch_offer(Wish::Look, back),
                _ => Vec::new(),
            },
            FlowEvent::Choose { index } => {
                self.choose(index);
                Vec::new()
            }
            FlowEvent::Pay {
                wallets,
                random,
                seen,
                offer,
                kept,
            } => {
                let click = Click {
                    wallets,
                    random,
                    seen,
                    offer,
                };
                self.press(now, Wish::Pay(click), kept)
            }
            FlowEvent::Restore { wallets, kept } => self.press(now, Wish::Restore(wallets), kept),
            FlowEvent::Cancel => {
                self.cancel();
                Vec::new()
            }
            FlowEvent::Wallet { turn, result } if turn == self.turn => self.wallet(now, result),
            FlowEvent::Answer { turn, answer } if turn == self.turn => match self.leave() {
                Phase::Quoting { wish, back } => self.quoted(now, &answer, wish, back),
                Phase::Proving => self.proven(now, &answer),
                Phase::Sending { trip, .. } => self.answered(now, &answer, trip),
                // given up, and yet it came
                Phase::Paused { payment, .. } if (200..300).contains(&answer.status) => self.open(&payment),
                phase => self.stay(phase),
            },
            FlowEvent::Woke { turn } if turn == self.turn => self.woke(now),
            // late: of a request that was given up
            FlowEvent::Wallet { .. } | FlowEvent::Answer { .. } | FlowEvent::Woke { .. } => Vec::new(),
        }
    }

    /// Whoever calls this puts another phase in its place.
    const fn leave(&mut self) -> Phase {
        core::mem::replace(&mut self.phase, Phase::Open)
    }

    fn stay(&mut self, phase: Phase) -> Vec<Effect> {
        self.phase = phase;
        Vec::new()
    }

    fn start(&mut self, kept: Option<String>, offer: Option<(String, u64)>) -> Vec<Effect> {
        if !matches!(self.phase, Phase::Resting(_)) {
            return Vec::new();
        }
        if let Some((header, at)) = offer {
            // an impossible clock is looked at again with the next offer, before anything is signed
            match self.take(&header, at, None) {
                Ok(Some(notice)) | Err(notice @ (Notice::NoOffer | Notice::Pinned)) => self.rest(notice),
                _ => {}
            }
        }
        match kept.as_deref().and_then(Payment::restore) {
            // threat F7: what was signed is resolved before anything else
            Some(payment) => self.resume(payment, Vec::new()),
            None => Vec::new(),
        }
    }

    /// Whether a button can be pressed, with nothing signed that is unresolved.
    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Resting(_) | Phase::Quoting { wish: Wish::Look, .. })
    }

    pub(super) fn offer(&self) -> Option<&CardOffer> {
        self.required.offers.get(self.chosen)
    }

    fn choose(&mut self, index: usize) {
        if let Phase::Resting(notice)
        | Phase::Quoting {
            wish: Wish::Look,
            back: notice,
        } = &mut self.phase
            && index < self.required.offers.len()
            && !self.owned
        {
            *notice = Notice::Offer;
            self.chosen = index;
            self.before = None;
            self.unsaid = None;
        }
    }

    /// A press of one of the buttons.
    fn press(&mut self, now: u64, wish: Wish, kept: Option<String>) -> Vec<Effect> {
        let (back, unresolved) = match &self.phase {
            Phase::Resting(notice)
            | Phase::Quoting {
                wish: Wish::Look,
                back: notice,
            } => (*notice, None),
            Phase::Paused { payment, notice } => (*notice, Some(payment.clone())),
            _ => return Vec::new(),
        };
        // what is kept is the latest word: another tab may have gone on
        if let Some(payment) = kept.as_deref().and_then(Payment::restore) {
            return self.resume(payment, Vec::new());
        }
        if let Some(payment) = unresolved {
            let first = one(Self::keep(&payment));
            return self.resume(payment, first);
        }
        if self.owned {
            self.phase = Phase::Open;
            return one(Effect::Open);
        }
        match wish {
            Wish::Pay(click) if self.is_fresh(now) => return self.connect(now, click),
            press => match &mut self.phase {
                // a challenge is only good for minutes, so it is always asked for anew
                Phase::Quoting { wish, .. } if matches!(press, Wish::Pay(_)) => *wish = press,
                _ => return self.fetch_offer(press, back),
            },
        }
        Vec::new()
    }

    /// Nothing that was sent can be taken back; what was only asked for is given up.
    fn cancel(&mut self) {
        match &self.phase {
            Phase::Quoting {
                wish: Wish::Pay(_) | Wish::Restore(_),
                back,
            } => self.rest(*back),
            Phase::Asking { .. } | Phase::Proving => self.rest(Notice::Offer),
            Phase::Sending { trip, .. } => self.pause(trip.payment.clone(), trip.doubt),
            _ => {}
        }
    }

    fn woke(&mut self, now: u64) -> Vec<Effect> {
        match self.leave() {
            Phase::Asking {
                ask,
                errand,
                waiting: true,
                ..
            } => self.ask(now, ask, errand),
            Phase::Sending { mut trip, waiting: true } => {
                trip.sends = trip.sends.saturating_add(1);
                self.send(trip, Vec::new())
            }
            Phase::Asking {
                ask: Ask::Balance,
                errand,
                ..
            } => self.ask(now, Ask::Sign, errand),
            Phase::Asking {
                ask,
                errand,
                slow: false,
                ..
            } => {
                self.phase = Phase::Asking {
                    ask,
                    errand,
                    waiting: false,
                    slow: true,
                };
                let ms = ask.patience().saturating_sub(WALLET_SLOW_MS);
                one(Effect::Wait { turn: self.turn, ms })
            }
            Phase::Asking { ask, .. } => {
                self.rest(if matches!(ask, Ask::Chain) {
                    Notice::WalletTrouble
                } else {
                    Notice::WalletSilent
                });
                Vec::new()
            }
            Phase::Sending { mut trip, .. } => {
                trip.slow = true;
                self.stay(Phase::Sending { trip, waiting: false })
            }
            phase => self.stay(phase),
        }
    }

    const fn next_turn(&mut self) -> u32 {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    const fn wait(&mut self, ms: u32) -> Effect {
        Effect::Wait {
            turn: self.next_turn(),
            ms,
        }
    }

    fn rest(&mut self, notice: Notice) {
        self.next_turn();
        if matches!(notice, Notice::PriceChanged | Notice::Confirm) {
            self.unsaid = None;
        }
        self.phase = Phase::Resting(notice);
    }

    const fn fetch(&mut self, payment: Option<String>, proof: Option<String>) -> Effect {
        Effect::Fetch {
            turn: self.next_turn(),
            payment,
            proof,
        }
    }
}
