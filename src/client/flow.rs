//! The states of a paying reader and what leads from one to the next.

use alloc::{string::String, vec, vec::Vec};

use alloy_primitives::Address;

use super::{
    answer::{Answer, Doubt, Verdict, judge},
    chain,
    choice::{CardOffer, NoOffer, Pins, Required, choose},
    clock,
    event::{Effect, FlowEvent},
    payment::{NotTheirs, Payment, draft, seal, signing_params},
    restore::SignIn,
    view::Notice,
    wallet::{self, Ask, UNKNOWN_CHAIN},
};
use crate::{
    evm::{Asset, Authorization, hex},
    money::{Amount, Price},
};

/// An offer without a quote is asked for again after this many seconds.
const FRESH_SECONDS: u64 = 120;
/// A quote has to hold for this long when the wallet opens.
const QUOTE_LEFT_SECONDS: u64 = 90;
/// Chains stamp their blocks a little behind or before.
const VOID_SECONDS: u64 = 60;
/// A device that knows no other clock may be wrong by an hour, and by a little.
const UNSURE_SECONDS: u64 = 2 * 3600;
/// A clock further off than this is not corrected; no time zone is.
const MOST_SKEW_SECONDS: u64 = 26 * 3600;
/// After this long a wallet's silence is spoken of.
const WALLET_SLOW_MS: u32 = 8_000;
/// Usual settlements are faster.
const SETTLE_SLOW_MS: u32 = 6_000;
/// Some wallets say that they have switched before they have (threat F6).
const SWITCH_POLL_MS: u32 = 250;
const SWITCH_POLLS: u8 = 20;
/// A payment is sent this often by itself; then the reader is asked to check again.
const MOST_SENDS: u32 = 60;
const MOST_DELIVERIES: u32 = 8;
const LONGEST_WAIT_SECONDS: u32 = 30;

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

    /// Asks for the account, where there is one wallet to ask.
    fn open_wallet(&mut self, now: u64, wallets: u32, errand: Errand) -> Vec<Effect> {
        match wallets {
            0 => self.rest(Notice::NoWallet),
            1 => return self.ask(now, Ask::Accounts, errand),
            _ => self.rest(Notice::ChooseWallet),
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

    fn quoted(&mut self, now: u64, answer: &Answer, wish: Wish, back: Notice) -> Vec<Effect> {
        let wanted = !matches!(wish, Wish::Look);
        // paid for before, or free by now; no answer leaves what an earlier look found
        self.owned = match answer.status {
            200..=299 => true,
            402 => false,
            _ => self.owned,
        };
        // what costs something again is not opened by its button any more
        let back = match back {
            Notice::Owned if !self.owned => Notice::Offer,
            back => back,
        };
        let taken = match (answer.status, &answer.required) {
            (200..=299, _) if wanted => {
                self.phase = Phase::Open;
                return one(Effect::Open);
            }
            (200..=299, _) => Err(Notice::Owned),
            (402, Some(header)) => self.take(header, now, answer.date),
            (402, None) => Err(Notice::NoOffer),
            _ if wanted => Err(Notice::Unavailable),
            _ => Err(back),
        };
        match (taken, wish) {
            (Err(Notice::Unavailable), Wish::Restore(_)) => self.rest(Notice::Unavailable),
            (taken, Wish::Restore(wallets)) => {
                // what was paid for need not be on offer any longer
                self.unsaid = taken.ok().flatten().or(self.unsaid);
                let header = answer.required.clone();
                let challenge = header.filter(|header| SignIn::read(header, &self.page.host, Address::ZERO).is_some());
                if challenge.is_some() {
                    return self.open_wallet(now, wallets, Errand::new([0; 32], challenge));
                }
                self.rest(Notice::NoRestore);
            }
            (Ok(None), Wish::Pay(click)) => return self.connect(now, click),
            (Ok(changed), _) => self.rest(changed.unwrap_or(back)),
            (Err(notice), _) => self.rest(notice),
        }
        Vec::new()
    }

    /// What the server says to a proof of the account.
    fn proven(&mut self, now: u64, answer: &Answer) -> Vec<Effect> {
        match (answer.status, &answer.required) {
            (200..=299, _) => {
                self.phase = Phase::Open;
                return one(Effect::Open);
            }
            (402 | 403, header) => {
                if let Some(Ok(changed @ Some(_))) = header.as_deref().map(|header| self.take(header, now, answer.date)) {
                    self.unsaid = changed;
                }
                self.rest(Notice::NotOwned);
            }
            _ => self.rest(Notice::Unavailable),
        }
        Vec::new()
    }

    fn wallet(&mut self, now: u64, result: Result<String, i32>) -> Vec<Effect> {
        let (ask, mut errand) = match self.leave() {
            Phase::Asking { ask, errand, .. } => (ask, errand),
            phase => return self.stay(phase),
        };
        let text = match result {
            Ok(text) => text,
            Err(UNKNOWN_CHAIN) if ask == Ask::Switch && errand.polls.is_none() => return self.ask(now, Ask::Add, errand),
            // who cannot be asked for the balance can still sign
            Err(_) if ask == Ask::Balance => return self.ask(now, Ask::Sign, errand),
            Err(code) => {
                self.rest(wallet::notice(ask, code));
                return Vec::new();
            }
        };
        match (ask, self.offer()) {
            (Ask::Accounts, _) => match hex::read(&text) {
                Some(address) => {
                    errand.payer = Some((Address::new(address), text));
                    let next = if errand.challenge.is_some() { Ask::SignIn } else { Ask::Chain };
                    return self.ask(now, next, errand);
                }
                None => self.rest(Notice::Locked),
            },
            (Ask::SignIn, _) => match errand.sign_in.ok_or(NotTheirs::Malformed).and_then(|asked| asked.seal(&text)) {
                Ok(proof) => {
                    self.phase = Phase::Proving;
                    return one(self.fetch(None, Some(proof)));
                }
                Err(why) => self.rest(why.notice()),
            },
            (Ask::Chain, Some(offer)) => match errand.polls {
                _ if chain::read_id(&text) == Some(offer.asset.network.chain_id()) => return self.ask(now, Ask::Balance, errand),
                None => return self.ask(now, Ask::Switch, errand),
                Some(0) => self.rest(Notice::WrongNetwork),
                Some(left) => {
                    errand.polls = left.checked_sub(1);
                    self.phase = Phase::Asking {
                        ask,
                        errand,
                        waiting: true,
                        slow: false,
                    };
                    return one(self.wait(SWITCH_POLL_MS));
                }
            },
            // a wallet that has added a network may not have changed to it; `polls` says it was added
            (Ask::Switch | Ask::Add, _) => {
                errand.polls = Some(SWITCH_POLLS);
                let next = if ask == Ask::Add { Ask::Switch } else { Ask::Chain };
                return self.ask(now, next, errand);
            }
            (Ask::Balance, Some(offer)) => {
                let balance = hex::read(&text).map(Amount::from_word);
                match balance.filter(|balance| *balance < offer.amount) {
                    Some(_) => {
                        self.have = balance;
                        self.rest(Notice::LowBalance);
                    }
                    None => return self.ask(now, Ask::Sign, errand),
                }
            }
            (Ask::Sign, Some(offer)) => {
                let signing = errand.signing.ok_or(Notice::WalletTrouble);
                let sealed = signing.and_then(|authorization| seal(&self.required, offer, &authorization, &text, errand.random));
                match sealed {
                    Ok(payment) => {
                        let first = one(Self::keep(&payment));
                        let trip = Trip {
                            payment,
                            sends: 1,
                            doubt: None,
                            resumed: false,
                            slow: false,
                        };
                        return self.send(trip, first);
                    }
                    Err(notice) => self.rest(notice),
                }
            }
            (_, None) => self.rest(Notice::Unavailable),
        }
        Vec::new()
    }

    fn answered(&mut self, now: u64, answer: &Answer, mut trip: Trip) -> Vec<Effect> {
        if let Some(date) = answer.date {
            self.skew = clock::skew(now, Some(date), None, MOST_SKEW_SECONDS).or(self.skew);
        }
        let doubted = trip.doubt.is_some() || trip.resumed;
        match judge(answer) {
            Verdict::Open => self.open(&trip.payment),
            Verdict::Again(doubt) => {
                trip.doubt = Some(doubt);
                let most = if doubt == Doubt::Undelivered {
                    MOST_DELIVERIES
                } else {
                    MOST_SENDS
                };
                if trip.sends >= most {
                    self.pause(trip.payment, trip.doubt);
                    return Vec::new();
                }
                let backoff = 1_u32
                    .checked_shl(trip.sends.saturating_sub(1))
                    .unwrap_or(LONGEST_WAIT_SECONDS);
                let seconds = answer.retry_after.unwrap_or(backoff).clamp(1, LONGEST_WAIT_SECONDS);
                self.phase = Phase::Sending { trip, waiting: true };
                one(self.wait(seconds.saturating_mul(1000)))
            }
            // what was taken before is not untaken by a page that is missing now
            Verdict::Stuck(Notice::Undeliverable | Notice::Approval) if answer.leaves_open(doubted) => {
                self.pause(trip.payment, Some(Doubt::Pending));
                Vec::new()
            }
            Verdict::Stuck(notice) => {
                self.phase = Phase::Paused {
                    payment: trip.payment,
                    notice,
                };
                Vec::new()
            }
            Verdict::Over(_) if answer.leaves_open(doubted) && !self.is_void(now, &trip.payment) => {
                // nothing new is signed while the old may still be taken (S3)
                self.pause(trip.payment, Some(Doubt::Pending));
                Vec::new()
            }
            Verdict::Over(notice) => {
                let taken = answer.required.as_deref().map(|header| self.take(header, now, answer.date));
                let notice = match (notice, taken) {
                    // nobody can take it any more, and nobody says whether it was taken
                    (_, taken) if answer.leaves_open(doubted) => {
                        self.unsaid = taken.and_then(Result::ok).flatten();
                        Notice::Unknown
                    }
                    (_, Some(Err(Notice::Clock))) => Notice::Clock,
                    // these come first; the price is told when it is to be paid
                    (Notice::AlreadyUsed | Notice::LowBalance, Some(Ok(changed @ Some(_)))) => {
                        self.unsaid = changed;
                        notice
                    }
                    (_, Some(Ok(Some(changed)))) => changed,
                    // it never arrived in time, and the reader has come back to a page with a price
                    (Notice::Expired, _) if trip.resumed => Notice::Offer,
                    (Notice::PriceChanged, _) => Notice::Expired,
                    (notice, _) => notice,
                };
                self.rest(notice);
                one(Self::forget(&trip.payment))
            }
        }
    }

    /// Whether nobody can take this payment any more, also where clocks differ a little.
    fn is_void(&self, now: u64, payment: &Payment) -> bool {
        let until = payment.until().unwrap_or_default();
        let unsure = if self.skew.is_some() { VOID_SECONDS } else { UNSURE_SECONDS };
        self.server_time(now) > until.saturating_add(unsure)
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

    /// Takes the offers in; says what the reader has to see before the chosen one is paid, if it is another
    /// than the one shown until now, or at another price.
    fn take(&mut self, header: &str, now: u64, date: Option<u64>) -> Result<Option<Notice>, Notice> {
        // those before are not on offer any more
        let mut before = core::mem::take(&mut self.required).offers;
        let before = (self.chosen < before.len()).then(|| before.swap_remove(self.chosen));
        self.chosen = 0;
        self.skew = None;
        self.required = choose(header, &self.page.pins).map_err(|no| match no {
            NoOffer::Unknown => Notice::NoOffer,
            NoOffer::Pinned => Notice::Pinned,
        })?;
        let offers = &self.required.offers;
        self.owned = false;
        let again = before
            .as_ref()
            .and_then(|before| offers.iter().position(|offer| offer.id == before.id));
        // nobody buys a month because they bought one last time
        let prefer = || {
            let prefer = self.prefer.as_ref()?;
            offers.iter().position(|offer| offer.id == *prefer && offer.wider.is_none())
        };
        self.chosen = again.or_else(prefer).unwrap_or_default();
        let offer = self.offer().ok_or(Notice::NoOffer)?;
        let asset = offer.asset;
        let (shown, other) = match (before, &self.page.price) {
            (Some(before), _) => {
                let comparable = before.asset.decimals == asset.decimals;
                let titled = |offer: &CardOffer| offer.wider.as_ref().map(|wider| wider.title.clone());
                (
                    comparable.then_some(before.amount),
                    before.mark() != offer.mark() || titled(&before) != titled(offer),
                )
            }
            (None, shown) => {
                let shown = shown
                    .as_ref()
                    .and_then(|shown| shown.in_asset(asset.symbol, asset.decimals).ok());
                (shown, !self.page.tells(offer))
            }
        };
        let changed = match shown {
            Some(shown) if shown != offer.amount => Some(Notice::PriceChanged),
            _ => other.then_some(Notice::Confirm),
        };
        let skew = clock::skew(now, date, offer.quote.as_ref(), MOST_SKEW_SECONDS);
        if changed == Some(Notice::PriceChanged) {
            self.before = shown;
        }
        self.offered = now;
        self.skew = Some(skew.ok_or(Notice::Clock)?);
        Ok(changed)
    }

    /// Whether the offer can be signed as it stands.
    fn is_fresh(&self, now: u64) -> bool {
        let held = |offer: &CardOffer| match offer.quote {
            Some(quote) => self.server_time(now).saturating_add(QUOTE_LEFT_SECONDS) < quote.expires,
            None => now.saturating_sub(self.offered) < FRESH_SECONDS,
        };
        self.skew.is_some() && self.offer().is_some_and(held)
    }

    fn server_time(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.skew.unwrap_or_default())
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

    fn pause(&mut self, payment: Payment, doubt: Option<Doubt>) {
        let notice = match doubt {
            Some(Doubt::Undelivered) => Notice::Delivering,
            Some(Doubt::Offline) => Notice::Offline,
            _ => Notice::Pending,
        };
        self.phase = Phase::Paused { payment, notice };
    }

    fn open(&mut self, payment: &Payment) -> Vec<Effect> {
        self.phase = Phase::Open;
        if let Some(paid) = payment.offer() {
            // the receipt is about what was signed, whatever is on offer by now (invariant S9)
            self.required.offers = vec![paid];
            self.chosen = 0;
        }
        vec![Self::forget(payment), Effect::Open]
    }

    fn keep(payment: &Payment) -> Effect {
        Effect::Keep {
            text: payment.header().into(),
        }
    }

    fn forget(payment: &Payment) -> Effect {
        Effect::Forget {
            text: payment.header().into(),
        }
    }

    const fn fetch(&mut self, payment: Option<String>, proof: Option<String>) -> Effect {
        Effect::Fetch {
            turn: self.next_turn(),
            payment,
            proof,
        }
    }

    fn fetch_offer(&mut self, wish: Wish, back: Notice) -> Vec<Effect> {
        self.phase = Phase::Quoting { wish, back };
        one(self.fetch(None, None))
    }

    /// Opens the wallet, if the chosen offer and its price are what was seen.
    fn connect(&mut self, now: u64, click: Click) -> Vec<Effect> {
        self.have = None;
        let Some(offer) = self.offer() else {
            self.rest(Notice::Unavailable);
            return Vec::new();
        };
        let seen = click
            .seen
            .and_then(|price| price.in_asset(offer.asset.symbol, offer.asset.decimals).ok());
        let known = match &click.offer {
            Some(mark) => *mark == offer.mark(),
            None => self.page.tells(offer),
        };
        let price = offer.amount;
        match (seen, self.unsaid) {
            (_, Some(notice)) => self.rest(notice),
            (Some(seen), None) if price != seen => {
                self.before = Some(seen);
                self.rest(Notice::PriceChanged);
            }
            (Some(_), None) if known => return self.open_wallet(now, click.wallets, Errand::new(click.random, None)),
            _ => self.rest(Notice::Confirm),
        }
        Vec::new()
    }

    fn ask(&mut self, now: u64, ask: Ask, mut errand: Errand) -> Vec<Effect> {
        let params = match (ask, self.offer(), &errand.payer) {
            (Ask::Balance, Some(offer), Some((payer, _))) => wallet::balance_params(&offer.asset.contract, payer),
            (Ask::SignIn, _, Some((payer, account))) => {
                let challenge = errand.challenge.as_deref();
                errand.sign_in = challenge.and_then(|header| SignIn::read(header, &self.page.host, *payer));
                errand.sign_in.as_ref().map(|asked| asked.params(account)).unwrap_or_default()
            }
            (Ask::Sign, Some(offer), Some((payer, text))) => {
                // stamped now, after everything that may take a person's time
                let authorization = draft(offer, *payer, self.server_time(now), errand.random);
                errand.signing = Some(authorization);
                signing_params(text, &authorization, offer)
            }
            (Ask::Switch, Some(offer), _) => chain::switch(offer.asset.network),
            (Ask::Add, Some(offer), _) => chain::add(offer.asset.network).unwrap_or_else(|| "[]".into()),
            _ => "[]".into(),
        };
        self.phase = Phase::Asking {
            ask,
            errand,
            waiting: false,
            slow: false,
        };
        let turn = self.next_turn();
        let method = ask.method();
        vec![
            Effect::Wallet { turn, method, params },
            Effect::Wait {
                turn,
                ms: ask.patience().min(WALLET_SLOW_MS),
            },
        ]
    }

    fn resume(&mut self, payment: Payment, first: Vec<Effect>) -> Vec<Effect> {
        let trip = Trip {
            payment,
            sends: 1,
            doubt: Some(Doubt::Pending),
            resumed: true,
            slow: true,
        };
        self.send(trip, first)
    }

    fn send(&mut self, trip: Trip, mut effects: Vec<Effect>) -> Vec<Effect> {
        self.have = None;
        effects.push(self.fetch(Some(trip.payment.header().into()), None));
        if !trip.slow {
            effects.push(Effect::Wait {
                turn: self.turn,
                ms: SETTLE_SLOW_MS,
            });
        }
        self.phase = Phase::Sending { trip, waiting: false };
        effects
    }
}
