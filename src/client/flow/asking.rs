//! What the wallet is asked, one question after the other.

use alloc::{string::String, vec, vec::Vec};

use alloy_primitives::Address;

use super::{
    super::{
        chain,
        event::Effect,
        payment::{NotTheirs, draft, seal, signing_params},
        restore::SignIn,
        view::Notice,
        wallet::{self, Ask, UNKNOWN_CHAIN},
    },
    Click, Errand, FlowState, Phase, Trip, WALLET_SLOW_MS, one,
};
use crate::{evm::hex, money::Amount};

/// Some wallets say that they have switched before they have (threat F6).
const SWITCH_POLL_MS: u32 = 250;
const SWITCH_POLLS: u8 = 20;

impl FlowState {
    /// Opens the wallet, if the chosen offer and its price are what was seen.
    pub(super) fn connect(&mut self, now: u64, click: Click) -> Vec<Effect> {
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

    /// Asks for the account, where there is one wallet to ask.
    pub(super) fn open_wallet(&mut self, now: u64, wallets: u32, errand: Errand) -> Vec<Effect> {
        match wallets {
            0 => self.rest(Notice::NoWallet),
            1 => return self.ask(now, Ask::Accounts, errand),
            _ => self.rest(Notice::ChooseWallet),
        }
        Vec::new()
    }

    /// Puts a question to the wallet.
    pub(super) fn ask(&mut self, now: u64, ask: Ask, mut errand: Errand) -> Vec<Effect> {
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

    /// What the wallet says, and what it is asked next.
    pub(super) fn wallet(&mut self, now: u64, result: Result<String, i32>) -> Vec<Effect> {
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
}
