//! What the site says of itself: the offers, and what an account has paid for.

use alloc::vec::Vec;

use alloy_primitives::Address;

use super::{
    super::{
        answer::Answer,
        choice::{CardOffer, NoOffer, choose},
        clock,
        event::Effect,
        restore::SignIn,
        view::Notice,
    },
    Errand, FlowState, MOST_SKEW_SECONDS, Phase, Wish, one,
};

/// An offer without a quote is asked for again after this many seconds.
const FRESH_SECONDS: u64 = 120;
/// A quote has to hold for this long when the wallet opens.
const QUOTE_LEFT_SECONDS: u64 = 90;

impl FlowState {
    pub(super) fn fetch_offer(&mut self, wish: Wish, back: Notice) -> Vec<Effect> {
        self.phase = Phase::Quoting { wish, back };
        one(self.fetch(None, None))
    }

    /// What the server says to who asks without a payment.
    pub(super) fn quoted(&mut self, now: u64, answer: &Answer, wish: Wish, back: Notice) -> Vec<Effect> {
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
    pub(super) fn proven(&mut self, now: u64, answer: &Answer) -> Vec<Effect> {
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

    /// Takes the offers in; says what the reader has to see before the chosen one is paid, if it is another
    /// than the one shown until now, or at another price.
    pub(super) fn take(&mut self, header: &str, now: u64, date: Option<u64>) -> Result<Option<Notice>, Notice> {
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
    pub(super) fn is_fresh(&self, now: u64) -> bool {
        let held = |offer: &CardOffer| match offer.quote {
            Some(quote) => self.server_time(now).saturating_add(QUOTE_LEFT_SECONDS) < quote.expires,
            None => now.saturating_sub(self.offered) < FRESH_SECONDS,
        };
        self.skew.is_some() && self.offer().is_some_and(held)
    }

    pub(super) fn server_time(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.skew.unwrap_or_default())
    }
}
