//! What the reader sees: a function of the state, in keys; the words are the shell's.
//! ```
//! use farthing::client::{FlowState, Notice, Page, Stage};
//! let view = FlowState::new(Page::default()).view();
//! assert_eq!((view.stage, view.notice), (Stage::Idle, Notice::Offer));
//! assert_eq!(view.stage.key(), "idle");
//! ```

use alloc::{string::String, vec::Vec};

use super::{
    answer::Doubt,
    flow::{FlowState, Phase, Wish},
    typed::checksummed,
    wallet::Ask,
};
use crate::{money::Amount, x402::Wider};

macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $key:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its spelling in JSON, in texts and in events.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }
        }
    };
}

keys! {
    /// The closed union of the `farthing:state` event.
    Stage {
        /// The button waits.
        Idle = "idle",
        /// The offer is being fetched for a reader who has asked to pay.
        Quoting = "quoting",
        /// The wallet is asked for an account.
        Connecting = "connecting",
        /// The wallet is asked to change networks.
        Switching = "switching",
        /// The wallet is asked for a signature.
        Signing = "signing",
        /// The payment is on its way.
        Settling = "settling",
        /// The payment was sent and its outcome is not known yet.
        Pending = "pending",
        /// The article is open.
        Unlocked = "unlocked",
        /// Something has to be mended first.
        Error = "error",
    }
}

keys! {
    /// What the card says; one text each.
    Notice {
        /// The price and what it buys.
        Offer = "offer",
        /// There is nothing to pay: it was paid for before, or is free.
        Owned = "owned",
        /// Which of several wallets.
        ChooseWallet = "choose-wallet",
        /// The price was not on the page before.
        Confirm = "confirm",
        /// The price is another than the one shown before (threat A4).
        PriceChanged = "price-changed",
        /// Refused in the wallet.
        Rejected = "rejected",
        /// No wallet in this browser.
        NoWallet = "no-wallet",
        /// The wallet shows no account to this site.
        Locked = "locked",
        /// The wallet has a question open already.
        WalletBusy = "wallet-busy",
        /// The wallet is not connected to a network.
        Disconnected = "disconnected",
        /// The wallet is on another network and did not change it.
        WrongNetwork = "wrong-network",
        /// The wallet cannot sign this, or not with a key of its own.
        UnsupportedWallet = "unsupported-wallet",
        /// The wallet failed.
        WalletTrouble = "wallet-trouble",
        /// The wallet was asked minutes ago, and nothing came of it.
        WalletSilent = "wallet-silent",
        /// The account that signed has not paid for this.
        NotOwned = "not-owned",
        /// The site does not say how to show that one has paid.
        NoRestore = "no-restore",
        /// Not enough money in the account.
        LowBalance = "low-balance",
        /// The authorization or the offer ran out on the way.
        Expired = "expired",
        /// The device's clock is further off than can be corrected.
        Clock = "clock",
        /// Not paid: Permit2 may not move the account's tokens yet.
        Approval = "approval",
        /// Refused by the server for another reason.
        Refused = "refused",
        /// It can be taken no longer, and whether it was taken is not known.
        Unknown = "unknown",
        /// The payment was used before.
        AlreadyUsed = "already-used",
        /// The payment belongs to another page.
        BoundElsewhere = "bound-elsewhere",
        /// The offer is outside of what the page's author allows (threat F3).
        Pinned = "pinned",
        /// Nothing of what is asked can be paid here.
        NoOffer = "no-offer",
        /// The offer could not be fetched.
        Unavailable = "unavailable",
        /// Not paid: the publisher's server does not deliver.
        Undeliverable = "undeliverable",
        /// The offer is being fetched.
        Quoting = "quoting",
        /// The wallet is asked for an account.
        Connecting = "connecting",
        /// The wallet has been silent for a while.
        WalletWaiting = "wallet-waiting",
        /// The wallet is asked to change networks.
        Switching = "switching",
        /// The wallet is asked to sign.
        Signing = "signing",
        /// The wallet is asked to sign, for free, who has paid.
        RestoreSign = "restore-sign",
        /// The server is asked what the account has paid for.
        Restoring = "restoring",
        /// The payment is on its way.
        Settling = "settling",
        /// It takes longer than usual.
        SettlingSlow = "settling-slow",
        /// Sent, not confirmed yet.
        Pending = "pending",
        /// Sent; the network does not answer.
        Offline = "offline",
        /// Paid; the article is being fetched.
        Delivering = "delivering",
        /// The article is open.
        Unlocked = "unlocked",
    }
}

keys! {
    /// The one next step.
    Action {
        /// Pay the shown price.
        Pay = "pay",
        /// Pay, after something was mended.
        Retry = "retry",
        /// Read what is open already.
        Open = "open",
        /// Go on with the chosen wallet.
        Choose = "choose",
        /// Ask for the outcome of the payment that was sent.
        Check = "check",
        /// Load the page again.
        Reload = "reload",
        /// Nothing to do but wait.
        Wait = "wait",
    }
}

/// The card, without words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// For the event.
    pub stage: Stage,
    /// For the text.
    pub notice: Notice,
    /// For the primary button.
    pub action: Action,
    /// The reader may stop waiting.
    pub cancel: bool,
    /// The reader may say that the article is paid for already.
    pub restore: bool,
    /// What is offered, once it is known.
    pub offers: Vec<Terms>,
    /// Which of them is paid when the button is pressed.
    pub chosen: usize,
    /// The price the reader was shown before, in whole units, when it changed.
    pub before: Option<String>,
    /// What the account has, in whole units, where it is less than the price.
    pub have: Option<String>,
}

/// What will be signed, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its name on this device: network, token, and what else is bought.
    pub id: String,
    /// The same, with the payee and all that is bought: for [`FlowEvent::Pay`](super::FlowEvent::Pay).
    pub mark: String,
    /// Whole units as a decimal number.
    pub price: String,
    /// The asset's symbol.
    pub symbol: &'static str,
    /// The network's name.
    pub network: &'static str,
    /// The payee's address with its checksum.
    pub pay_to: String,
    /// The money is worth nothing.
    pub test: bool,
    /// What it opens besides the article. Text of a stranger's (threat F1).
    pub wider: Option<Wider>,
    /// For how long what is bought stays open, in seconds, as far as the server says; of a bundle, how long there is to choose its articles.
    pub lasts: Option<u64>,
}

impl Notice {
    const fn stage(self) -> Stage {
        match self {
            Self::Offer
            | Self::Owned
            | Self::ChooseWallet
            | Self::Confirm
            | Self::PriceChanged
            | Self::Rejected
            | Self::NoWallet
            | Self::NotOwned
            | Self::NoRestore => Stage::Idle,
            _ => Stage::Error,
        }
    }

    const fn action(self) -> Action {
        match self {
            Self::Offer | Self::Confirm | Self::PriceChanged | Self::NotOwned | Self::NoRestore => Action::Pay,
            Self::Owned => Action::Open,
            Self::ChooseWallet | Self::UnsupportedWallet => Action::Choose,
            Self::AlreadyUsed | Self::Pinned | Self::NoOffer | Self::Clock => Action::Reload,
            _ => Action::Retry,
        }
    }
}

impl FlowState {
    /// What the reader sees now.
    ///
    /// ```
    /// use farthing::client::{Action, FlowState, Notice, Page, Stage};
    /// let view = FlowState::new(Page::default()).view();
    /// assert_eq!((view.notice, view.action, view.cancel), (Notice::Offer, Action::Pay, false));
    /// assert_eq!(view.stage, Stage::Idle);
    /// ```
    pub fn view(&self) -> View {
        let (stage, notice, action, cancel) = match &self.phase {
            Phase::Resting(notice)
            | Phase::Quoting {
                wish: Wish::Look,
                back: notice,
            } => (notice.stage(), *notice, notice.action(), false),
            Phase::Quoting { .. } => (Stage::Quoting, Notice::Quoting, Action::Wait, true),
            Phase::Proving => (Stage::Quoting, Notice::Restoring, Action::Wait, true),
            Phase::Asking { ask, errand, slow, .. } => {
                let (stage, notice) = match ask {
                    Ask::Chain | Ask::Balance if errand.polls.is_some() => (Stage::Switching, Notice::Switching),
                    Ask::Accounts | Ask::Chain | Ask::Balance => (Stage::Connecting, Notice::Connecting),
                    Ask::Switch | Ask::Add => (Stage::Switching, Notice::Switching),
                    Ask::Sign => (Stage::Signing, Notice::Signing),
                    Ask::SignIn => (Stage::Signing, Notice::RestoreSign),
                };
                (stage, if *slow { Notice::WalletWaiting } else { notice }, Action::Wait, true)
            }
            Phase::Sending { trip, .. } => {
                let (stage, notice) = match trip.doubt {
                    None if trip.slow => (Stage::Settling, Notice::SettlingSlow),
                    None => (Stage::Settling, Notice::Settling),
                    Some(Doubt::Pending) => (Stage::Pending, Notice::Pending),
                    Some(Doubt::Offline) => (Stage::Pending, Notice::Offline),
                    Some(Doubt::Undelivered) => (Stage::Pending, Notice::Delivering),
                };
                (stage, notice, Action::Wait, true)
            }
            Phase::Paused {
                notice: notice @ (Notice::Undeliverable | Notice::Approval),
                ..
            } => (notice.stage(), *notice, notice.action(), false),
            Phase::Paused { notice, .. } => (Stage::Pending, *notice, Action::Check, false),
            Phase::Open if self.owned => (Stage::Unlocked, Notice::Owned, Action::Wait, false),
            Phase::Open => (Stage::Unlocked, Notice::Unlocked, Action::Wait, false),
        };
        let in_units = |amount: Amount| Some(amount.to_decimal(self.offer()?.asset.decimals));
        let offers = self.required.offers.iter().map(|offer| Terms {
            id: offer.id.clone(),
            mark: offer.mark(),
            price: offer.amount.to_decimal(offer.asset.decimals),
            symbol: offer.asset.symbol,
            network: offer.asset.network_name(),
            pay_to: checksummed(&offer.pay_to),
            test: offer.asset.network.is_test(),
            wider: offer.wider.clone(),
            lasts: offer.lasts,
        });
        View {
            stage,
            notice,
            action,
            cancel,
            restore: self.is_idle(),
            offers: offers.collect(),
            chosen: self.chosen,
            before: self.before.filter(|_| notice == Notice::PriceChanged).and_then(in_units),
            have: self.have.filter(|_| notice == Notice::LowBalance).and_then(in_units),
        }
    }
}
