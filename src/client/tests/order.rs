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
    Restore(usize, u32),
    Choose(usize, usize),
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
        1 => (tab.clone(), 0..4u32).prop_map(|(tab, wallets)| Happening::Restore(tab, wallets.saturating_sub(1))),
        1 => (tab.clone(), 0..4usize).prop_map(|(tab, index)| Happening::Choose(tab, index)),
        1 => tab.clone().prop_map(Happening::Cancel),
        8 => (tab.clone(), wallet).prop_map(|(tab, does)| Happening::Wallet(tab, does)),
        5 => (tab.clone(), 0..18u8).prop_map(|(tab, answer)| Happening::Server(tab, answer)),
        3 => tab.prop_map(Happening::Wake),
        1 => (0..400u64).prop_map(Happening::Later),
    ]
}

/// Offers of one of several kinds, with a challenge.
fn offers(which: u8, now: u64, problem: &str) -> Answer {
    let mut ten = requirement("400000");
    ten["extra"]["offer"] = json!({"name": "ten", "seconds": 3600});
    let mut base = requirement("50000");
    base["network"] = "eip155:8453".into();
    base["asset"] = ASSETS[0].contract.to_string().into();
    base["extra"]["name"] = ASSETS[0].name.into();
    let mut elsewhere = requirement("50000");
    elsewhere["payTo"] = OTHER.into();
    let accepts = match which {
        0 => vec![requirement("50000")],
        1 => vec![requirement("70000")],
        2 => vec![ten, requirement("50000"), base],
        3 => vec![elsewhere, ten],
        _ => vec![base, ten],
    };
    let challenge = json!({
        "info": {"domain": HOST, "uri": "https://n.example/a", "version": "1", "nonce": "12345678", "issuedAt": "now"},
        "supportedChains": [{"chainId": "eip155:84532", "type": "eip191"}],
    });
    let text = json!({"x402Version": 2, "accepts": accepts, "extensions": {"sign-in-with-x": challenge}});
    Answer {
        required: Some(STANDARD.encode(text.to_string())),
        date: Some(now),
        problem: format!("x/{problem}"),
        ..offer_answer("")
    }
}

fn some_answer(which: u8, now: u64) -> Answer {
    match which {
        0 => offers(0, now, "payment-required"),
        1 => offers(1, now, "price-changed"),
        2 => offers(0, now, "quote-expired"),
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
        11 => offers(2, now, "payment-required"),
        12 => offers(3, now, "payment-required"),
        14 => offers(4, now, "payment-required"),
        13 => refusal(402, "transaction_pending"),
        _ => refusal(503, "settlement-pending"),
    }
}

/// Signs typed data for the token that it names.
fn sign_typed(key: &SigningKey, params: &str) -> (Authorization, &'static Asset, String) {
    let params: Vec<String> = serde_json::from_str(params).unwrap();
    let typed: Value = serde_json::from_str(&params[1]).unwrap();
    let chain = typed["domain"]["chainId"].as_u64().unwrap();
    let asset = ASSETS.iter().find(|asset| asset.network.chain_id() == chain).unwrap();
    let message = typed["message"].to_string();
    let authorization = Authorization::read(&crate::json::parse(&message).unwrap()).unwrap();
    let digest = authorization.digest(&asset.domain());
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + id.to_byte());
    (authorization, asset, hex::print(&bytes))
}

/// One tab: its card, and the effects that wait for their outcome.
struct Tab {
    card: FlowState,
    open: Vec<Effect>,
    /// What was seen at the last press: the offer, if one was read, and the price.
    pressed: (Option<Terms>, String),
    /// What the button said that was pressed last.
    said: Action,
}

impl Tab {
    fn new() -> Self {
        Self {
            card: FlowState::new(Page {
                network: Some("Base Sepolia".into()),
                test: true,
                ..page(Pins::default())
            }),
            open: Vec::new(),
            pressed: (None, String::new()),
            said: Action::Wait,
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
    /// Sent, and neither refused nor forgotten for another reason.
    good: HashSet<String>,
    /// Where the wallet is.
    chain: String,
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
                Effect::Wallet { method, params, .. } => {
                    prop_assert!(self.clicks > 0, "f10: no wallet call before the click");
                    if *method == "personal_sign" {
                        prop_assert!(self.unresolved.is_empty());
                        let ours = hex::print(b"n.example wants you to sign in");
                        prop_assert!(params.starts_with(&["[\"", &ours].concat()), "f3: for this site");
                    }
                    if *method == "eth_signTypedData_v4" {
                        let (authorization, asset, _) = sign_typed(&key(1).0, params);
                        let Tab {
                            pressed: (seen, price),
                            said,
                            ..
                        } = &self.tabs[tab];
                        prop_assert_ne!(*said, Action::Open, "a button that opens does not pay");
                        let price: crate::money::Price = price.parse().unwrap();
                        prop_assert_eq!(price.in_units_of(6).unwrap(), authorization.value, "s9");
                        let token = format!("{}/{:?}", asset.network, asset.contract);
                        match seen {
                            Some(terms) => {
                                prop_assert!(terms.id.starts_with(&token), "s9: {:?}", terms);
                                prop_assert_eq!(&authorization.to.to_checksum(None), &terms.pay_to, "s9");
                            }
                            None => prop_assert!(asset.network.is_test(), "s9: the page says so"),
                        }
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
                    self.good.insert(payment.clone());
                    prop_assert_eq!(self.unresolved.len(), 1, "never two live authorizations");
                }
                _ => {}
            }
            self.tabs[tab].open.push(effect);
        }
        for payment in &self.unresolved {
            prop_assert_eq!(self.kept.as_ref(), Some(payment), "f7: nothing kept is lost");
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
                // a pass is never chosen by itself, whatever was taken last
                let prefer = ["", "/ten"][usize::from(self.counter % 2)];
                let prefer = Some(format!("eip155:8453/{:?}{prefer}", ASSETS[0].contract));
                self.send(
                    tab,
                    FlowEvent::Start {
                        kept,
                        offer: None,
                        prefer,
                    },
                )?;
            }
            Happening::Intent(tab) => self.send(tab, FlowEvent::Intent)?,
            Happening::Pay(tab, wallets) => {
                if self.tabs[1 - tab].busy() {
                    return Ok(());
                }
                self.counter = self.counter.wrapping_add(1);
                self.clicks += 1;
                let (random, kept) = ([self.counter; 32], self.kept.clone());
                let view = self.tabs[tab].card.view();
                let terms = view.offers.get(view.chosen);
                let seen = match terms {
                    Some(terms) if !self.counter.is_multiple_of(8) => format!("${}", terms.price),
                    _ => "$0.05".to_owned(),
                };
                let offer = terms.map(|terms| terms.mark.clone());
                if !self.tabs[tab].busy() {
                    self.tabs[tab].pressed = (terms.cloned(), seen.clone());
                    self.tabs[tab].said = view.action;
                }
                let seen = seen.parse().ok();
                self.send(
                    tab,
                    FlowEvent::Pay {
                        wallets,
                        random,
                        seen,
                        offer,
                        kept,
                    },
                )?;
            }
            Happening::Restore(tab, wallets) => {
                if self.tabs[1 - tab].busy() {
                    return Ok(());
                }
                // it counts as a click that has had its signature
                self.clicks += 1;
                self.signatures_asked += 1;
                let kept = self.kept.clone();
                self.send(tab, FlowEvent::Restore { wallets, kept })?;
            }
            Happening::Choose(tab, index) => {
                let before = self.tabs[tab].card.clone();
                self.send(tab, FlowEvent::Choose { index })?;
                if self.tabs[tab].busy() {
                    prop_assert_eq!(&before, &self.tabs[tab].card);
                }
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
                    (WalletDoes::Right, "eth_chainId") => Ok(self.chain.clone()),
                    (WalletDoes::Right, "eth_call") => Ok(format!("0x{:064x}", 1_000_000)),
                    (WalletDoes::Right, "eth_signTypedData_v4") => Ok(sign_typed(&key, &params).2),
                    (WalletDoes::Right, "personal_sign") => Ok(sign_text(&key, &params)),
                    (WalletDoes::Right, "wallet_switchEthereumChain") => {
                        let to: Value = serde_json::from_str(&params).unwrap();
                        self.chain = to[0]["chainId"].as_str().unwrap().into();
                        Ok("null".into())
                    }
                    (WalletDoes::Right, _) => Ok("null".into()),
                    (WalletDoes::Wrong, "eth_call") => Ok(format!("0x{:064x}", 1)),
                    (WalletDoes::Wrong, _) => Ok("0x1".into()),
                };
                self.send(tab, FlowEvent::Wallet { turn, result })?;
            }
            Happening::Server(tab, which) => {
                let Some(Effect::Fetch { turn, payment, .. }) = self.take(tab, |effect| matches!(effect, Effect::Fetch { .. }))
                else {
                    return Ok(());
                };
                self.serve(tab, turn, payment, some_answer(which, self.now))?;
            }
            Happening::Wake(tab) => {
                if let Some(Effect::Wait { turn, .. }) = self.take(tab, |effect| matches!(effect, Effect::Wait { .. })) {
                    self.send(tab, FlowEvent::Woke { turn })?;
                }
            }
        }
        Ok(())
    }

    fn serve(&mut self, tab: usize, turn: u32, payment: Option<String>, answer: Answer) -> Result<(), TestCaseError> {
        match (&payment, judge(&answer)) {
            (Some(payment), Verdict::Open) => {
                self.unresolved.remove(payment);
            }
            (Some(payment), Verdict::Over(_)) => {
                self.unresolved.remove(payment);
                self.good.remove(payment);
            }
            _ => {}
        }
        self.send(tab, FlowEvent::Answer { turn, answer })
    }

    /// A reader who wants to read, with a wallet and a server that do what they should: so many events.
    fn reach_the_article(&mut self) -> Result<u32, TestCaseError> {
        // the other tab is closed, and with it its lock
        self.tabs[1] = Tab::new();
        // a wallet that left the network again is asked for it twenty times before the reader presses once more
        for events in 0..200 {
            let view = self.tabs[0].card.view();
            if view.stage == Stage::Unlocked {
                return Ok(events);
            }
            if !self.tabs[0].busy() {
                self.counter |= 1;
                self.happen(Happening::Pay(0, 1))?;
            } else if self.take_at(0, |effect| matches!(effect, Effect::Wallet { .. })).is_some() {
                self.happen(Happening::Wallet(0, WalletDoes::Right))?;
            } else if let Some(Effect::Fetch { turn, payment, .. }) =
                self.take(0, |effect| matches!(effect, Effect::Fetch { .. }))
            {
                let answer = match &payment {
                    Some(_) => Answer {
                        status: 200,
                        ..Answer::default()
                    },
                    None => offers(0, self.now, "payment-required"),
                };
                self.serve(0, turn, payment, answer)?;
            } else {
                self.happen(Happening::Wake(0))?;
            }
        }
        Err(TestCaseError::fail(format!("still {:?}", self.tabs[0].card.view())))
    }

    fn take_at(&self, tab: usize, wanted: impl Fn(&Effect) -> bool) -> Option<usize> {
        self.tabs[tab].open.iter().position(wanted)
    }

    fn new() -> Self {
        Self {
            tabs: [Tab::new(), Tab::new()],
            now: NOW,
            kept: None,
            unresolved: HashSet::new(),
            good: HashSet::new(),
            chain: SEPOLIA.into(),
            clicks: 0,
            signatures_asked: 0,
            counter: 0,
        }
    }
}

/// `personal_sign`, as a wallet answers it.
fn sign_text(key: &SigningKey, params: &str) -> String {
    let [text, _]: [String; 2] = serde_json::from_str(params).unwrap();
    let text = (2..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
    let digest = crate::access::sign_in::personal_hash(&String::from_utf8(text.collect()).unwrap());
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + id.to_byte());
    hex::print(&bytes)
}

proptest! {
    #![proptest_config(crate::cases(1000))]
    #[test]
    fn f5_f7_no_order_of_events_makes_two_live_authorizations(happenings in prop::collection::vec(happening(), 1..80)) {
        let mut world = World::new();
        for happening in happenings {
            world.happen(happening)?;
        }
    }

    #[test]
    fn from_every_state_the_article_is_some_events_away_and_paid_once(
        happenings in prop::collection::vec(happening(), 0..60), reload: bool, cancel: bool,
    ) {
        let mut world = World::new();
        for happening in happenings {
            world.happen(happening)?;
        }
        if cancel {
            world.happen(Happening::Cancel(0))?;
        }
        // with the tab that holds it, the lock is gone
        world.tabs[1] = Tab::new();
        if reload {
            world.happen(Happening::Reload(0))?;
        }
        let view = world.tabs[0].card.view();
        let opened = view.stage == Stage::Unlocked || view.action == Action::Open;
        let (paid, open) = (world.good.clone(), world.unresolved.clone());
        world.reach_the_article()?;
        let new = world.good.difference(&paid).count();
        // one, unless there was one already: unresolved, or paid and read here
        prop_assert_eq!(new, usize::from(open.is_empty() && !opened));
        prop_assert!(world.unresolved.is_empty() && world.kept.is_none());
    }
}
