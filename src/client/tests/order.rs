//! Two tabs of one browser, and everything that can happen to them in any order: from every state a
//! cancel, a reload and a second click are harmless.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::client::answer::{Verdict, judge};

/// Everything that can happen to two tabs of one browser, in any order.
#[derive(Clone, Debug)]
enum Happening {
    Reload(usize),
    Intent(usize),
    Pay(usize, u32),
    Cancel(usize),
    /// The wallet answers its oldest question: well, in another way, or with a code.
    Wallet(usize, WalletDoes),
    /// The server answers the oldest request.
    Server(usize, u8),
    Wake(usize),
    Later(u64),
}

#[derive(Clone, Debug)]
enum WalletDoes {
    Right,
    Wrong,
    Fail(i32),
}

fn happening() -> impl Strategy<Value = Happening> {
    let tab = 0..2usize;
    let wallet = prop_oneof![
        6 => Just(WalletDoes::Right),
        1 => Just(WalletDoes::Wrong),
        1 => prop::sample::select(vec![4001, 4100, 4200, 4900, 4902, -32002, -32601, -32603]).prop_map(WalletDoes::Fail),
    ];
    prop_oneof![
        1 => tab.clone().prop_map(Happening::Reload),
        1 => tab.clone().prop_map(Happening::Intent),
        4 => (tab.clone(), 0..4u32).prop_map(|(tab, wallets)| Happening::Pay(tab, wallets.saturating_sub(1))),
        1 => tab.clone().prop_map(Happening::Cancel),
        8 => (tab.clone(), wallet).prop_map(|(tab, does)| Happening::Wallet(tab, does)),
        5 => (tab.clone(), 0..14u8).prop_map(|(tab, answer)| Happening::Server(tab, answer)),
        2 => tab.prop_map(Happening::Wake),
        1 => (0..400u64).prop_map(Happening::Later),
    ]
}

fn some_answer(which: u8, now: u64) -> Answer {
    let offer = |amount: &str, problem: &str| Answer {
        date: Some(now),
        problem: format!("x/{problem}"),
        ..offer_answer(amount)
    };
    match which {
        0 => offer("50000", "payment-required"),
        1 => offer("70000", "price-changed"),
        2 => offer("50000", "quote-expired"),
        3 => refusal(402, "insufficient-funds"),
        4 => refusal(409, "authorization-already-used"),
        5 => refusal(502, "paid-not-delivered"),
        6 => refusal(502, "origin-unavailable"),
        7 => Answer {
            status: 200,
            ..Answer::default()
        },
        8 => Answer::default(),
        9 => refusal(500, "internal"),
        10 => refusal(402, "authorization-expired"),
        _ => refusal(503, "settlement-pending"),
    }
}

/// One tab: its card, and the effects that wait for their outcome.
struct Tab {
    card: FlowState,
    open: Vec<Effect>,
}

impl Tab {
    fn new() -> Self {
        Self {
            card: FlowState::new("$0.05".parse().ok(), Pins::default()),
            open: Vec::new(),
        }
    }

    fn busy(&self) -> bool {
        let view = self.card.view();
        view.action == Action::Wait && view.stage != Stage::Unlocked
    }
}

struct World {
    tabs: [Tab; 2],
    now: u64,
    kept: Option<String>,
    /// Sent, and no answer that resolves it has reached a tab.
    unresolved: HashSet<String>,
    clicks: u32,
    signatures_asked: u32,
    counter: u8,
}

impl World {
    fn send(&mut self, tab: usize, event: FlowEvent) -> Result<(), TestCaseError> {
        let clicked = matches!(event, FlowEvent::Pay { .. });
        let was_busy = self.tabs[tab].busy();
        let before = self.tabs[tab].card.clone();
        let (card, effects) = step(before.clone(), self.now, event);
        if clicked && was_busy {
            prop_assert_eq!((&card, effects.len()), (&before, 0), "a second click is harmless");
        }
        self.tabs[tab].card = card;
        for effect in effects {
            match &effect {
                Effect::Keep { text } => self.kept = Some(text.clone()),
                Effect::Forget { text } => {
                    prop_assert!(!self.unresolved.contains(text), "an unresolved payment is not forgotten");
                    if self.kept.as_ref() == Some(text) {
                        self.kept = None;
                    }
                }
                Effect::Wallet { method, .. } => {
                    prop_assert!(self.clicks > 0, "f10: no wallet call before the click");
                    if *method == "eth_signTypedData_v4" {
                        self.signatures_asked += 1;
                        prop_assert!(self.signatures_asked <= self.clicks, "one signature a click");
                        prop_assert!(self.unresolved.is_empty(), "nothing is signed while a payment is unresolved");
                    }
                }
                Effect::Fetch {
                    payment: Some(payment), ..
                } => {
                    prop_assert_eq!(self.kept.as_ref(), Some(payment), "kept before it is sent");
                    self.unresolved.insert(payment.clone());
                    prop_assert_eq!(self.unresolved.len(), 1, "never two live authorizations");
                }
                _ => {}
            }
            self.tabs[tab].open.push(effect);
        }
        Ok(())
    }

    fn take(&mut self, tab: usize, wanted: impl Fn(&Effect) -> bool) -> Option<Effect> {
        let open = &mut self.tabs[tab].open;
        let at = open.iter().position(wanted)?;
        Some(open.remove(at))
    }

    fn happen(&mut self, happening: Happening) -> Result<(), TestCaseError> {
        match happening {
            Happening::Later(seconds) => self.now += seconds,
            Happening::Reload(tab) => {
                self.tabs[tab] = Tab::new();
                // resuming takes the lock that paying takes
                let kept = self.kept.clone().filter(|_| !self.tabs[1 - tab].busy());
                self.send(tab, FlowEvent::Start { kept, offer: None })?;
            }
            Happening::Intent(tab) => self.send(tab, FlowEvent::Intent)?,
            Happening::Pay(tab, wallets) => {
                if self.tabs[1 - tab].busy() {
                    return Ok(());
                }
                self.counter = self.counter.wrapping_add(1);
                self.clicks += 1;
                let (random, kept) = ([self.counter; 32], self.kept.clone());
                let seen = match self.tabs[tab].card.view().offer {
                    Some(terms) if !self.counter.is_multiple_of(8) => format!("${}", terms.price),
                    _ => "$0.05".into(),
                };
                let seen = seen.parse().ok();
                self.send(
                    tab,
                    FlowEvent::Pay {
                        wallets,
                        random,
                        seen,
                        kept,
                    },
                )?;
            }
            Happening::Cancel(tab) => {
                self.send(tab, FlowEvent::Cancel)?;
                prop_assert!(!self.tabs[tab].busy(), "cancel is always possible");
            }
            Happening::Wallet(tab, does) => {
                let Some(Effect::Wallet { turn, method, params }) =
                    self.take(tab, |effect| matches!(effect, Effect::Wallet { .. }))
                else {
                    return Ok(());
                };
                let (key, account) = key(1);
                let result = match (does, method) {
                    (WalletDoes::Fail(code), _) => Err(code),
                    (WalletDoes::Right, "eth_requestAccounts") => Ok(account),
                    (WalletDoes::Right, "eth_chainId") => Ok(SEPOLIA.into()),
                    (WalletDoes::Right, "eth_signTypedData_v4") => Ok(sign(&key, &authorization_in(&params), 27)),
                    (WalletDoes::Right, _) => Ok("null".into()),
                    (WalletDoes::Wrong, _) => Ok("0x1".into()),
                };
                self.send(tab, FlowEvent::Wallet { turn, result })?;
            }
            Happening::Server(tab, which) => {
                let Some(Effect::Fetch { turn, payment }) = self.take(tab, |effect| matches!(effect, Effect::Fetch { .. }))
                else {
                    return Ok(());
                };
                let answer = some_answer(which, self.now);
                if let (Some(payment), Verdict::Open | Verdict::Over(_)) = (&payment, judge(&answer)) {
                    self.unresolved.remove(payment);
                }
                self.send(tab, FlowEvent::Answer { turn, answer })?;
            }
            Happening::Wake(tab) => {
                if let Some(Effect::Wait { turn, .. }) = self.take(tab, |effect| matches!(effect, Effect::Wait { .. })) {
                    self.send(tab, FlowEvent::Woke { turn })?;
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(crate::cases(1000))]
    #[test]
    fn f5_f7_no_order_of_events_makes_two_live_authorizations(happenings in prop::collection::vec(happening(), 1..80)) {
        let mut world = World {
            tabs: [Tab::new(), Tab::new()],
            now: NOW,
            kept: None,
            unresolved: HashSet::new(),
            clicks: 0,
            signatures_asked: 0,
            counter: 0,
        };
        for happening in happenings {
            world.happen(happening)?;
        }
    }
}
