//! What a server tells our client: `PAYMENT-REQUIRED`, answers, and what a wallet and the device's store say.
//!
//! Lines, each one event: the JSON of an offer, a wallet's text, an answer. Whatever comes, at most one authorization is
//! signed at a time, and only for what the offer said and the pins allow.

use farthing::{
    client::{Answer, Effect, FlowEvent, FlowState, Page, Pins, Terms, step},
    evm::{Address, Asset, Authorization, hex},
    json,
    x402::Network,
};

use super::world::{self, NOW};

const PIN: &str = "$2";
const HOST: &str = "n.example";

pub(super) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let mut rig = Rig {
        state: FlowState::new(Page {
            host: HOST.into(),
            price: "$0.05".parse().ok(),
            pins: Pins::read(Some(PIN), None, None).unwrap(),
            ..Page::default()
        }),
        now: NOW,
        turn: 0,
        sent: None,
        asked: None,
    };
    for line in text.split('\n').take(24) {
        rig.line(line);
    }
}

struct Rig {
    state: FlowState,
    now: u64,
    turn: u32,
    /// The payment under way.
    sent: Option<String>,
    /// What the wallet is asked to sign.
    asked: Option<(Authorization, &'static Asset)>,
}

impl Rig {
    fn line(&mut self, line: &str) {
        let mut chars = line.chars();
        let kind = chars.next();
        let rest = chars.as_str();
        let event = match kind {
            Some('o') => FlowEvent::Start {
                kept: None,
                offer: Some((world::base64(&world::fill(rest)), self.now)),
                prefer: None,
            },
            Some('k') => FlowEvent::Start {
                kept: Some(rest.to_owned()),
                offer: None,
                prefer: None,
            },
            Some('f') => FlowEvent::Start {
                kept: None,
                offer: None,
                prefer: Some(rest.to_owned()),
            },
            Some('n') => FlowEvent::Choose {
                index: rest.parse().unwrap_or_default(),
            },
            Some('s') => FlowEvent::Restore {
                wallets: u32::from(!rest.ends_with('0')),
                kept: None,
            },
            Some('i') => FlowEvent::Intent,
            Some('p') => FlowEvent::Pay {
                wallets: u32::from(!rest.ends_with('0')),
                random: [3; 32],
                seen: self.terms().and_then(|terms| format!("${}", terms.price).parse().ok()),
                offer: self.terms().map(|terms| terms.mark),
                kept: None,
            },
            Some('c') => FlowEvent::Cancel,
            Some('w') => FlowEvent::Wallet {
                turn: self.turn,
                result: match (rest.parse(), self.asked) {
                    (Ok(code), _) => Err(code),
                    (Err(_), Some((authorization, asset))) if rest == "$SIGN" => {
                        Ok(world::sign(authorization.digest(&asset.domain())))
                    }
                    (Err(_), _) => Ok(world::fill(rest)),
                },
            },
            Some('a') => {
                let mut parts = rest.splitn(3, ' ');
                let status = parts.next().and_then(|status| status.parse().ok()).unwrap_or(402);
                FlowEvent::Answer {
                    turn: self.turn,
                    answer: Answer {
                        status,
                        problem: parts.next().unwrap_or_default().to_owned(),
                        required: parts.next().map(|json| world::base64(&world::fill(json))),
                        settled: None,
                        date: Some(self.now),
                        retry_after: None,
                    },
                }
            }
            Some('r') => FlowEvent::Answer {
                turn: self.turn,
                answer: Answer {
                    status: 402,
                    required: Some(rest.to_owned()),
                    settled: Some(rest.to_owned()),
                    date: rest.bytes().next().map(|byte| u64::from(byte) << 24),
                    retry_after: Some(u32::MAX),
                    problem: String::new(),
                },
            },
            Some('t') => {
                self.now = self.now.saturating_add(rest.parse::<u32>().unwrap_or(1).into());
                FlowEvent::Woke { turn: self.turn }
            }
            _ => return,
        };
        let (state, effects) = step(self.state.clone(), self.now, event);
        self.state = state;
        let _ = self.state.view();
        for effect in effects {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Wallet { turn, method, params } => {
                self.turn = turn;
                assert!(self.sent.is_none(), "nothing else is asked for while a payment is open");
                let params = json::parse(&params).expect("strict JSON");
                if method == "personal_sign" {
                    // threat F3: a sign-in for this site and no other
                    let text = params.items().unwrap()[0].text().unwrap();
                    assert!(text.starts_with(&hex::print(b"n.example wants you to sign in with your Ethereum account:\n")));
                }
                if method == "eth_signTypedData_v4" {
                    self.asked = Some(self.signing(&params));
                }
            }
            Effect::Fetch { turn, payment, proof } => {
                self.turn = turn;
                assert!(payment.is_none() || proof.is_none());
                if let Some(payment) = payment {
                    assert!(
                        self.sent.as_ref().is_none_or(|sent| *sent == payment),
                        "one payment at a time"
                    );
                    assert!(
                        payment.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)),
                        "{payment:?}"
                    );
                    self.sent = Some(payment);
                }
            }
            Effect::Wait { turn, .. } => self.turn = turn,
            Effect::Keep { .. } => {}
            Effect::Forget { text } => {
                assert_eq!(self.sent.as_ref(), Some(&text));
                self.sent = None;
            }
            Effect::Open => {}
        }
    }

    /// The chosen offer, as it is shown.
    fn terms(&self) -> Option<Terms> {
        let view = self.state.view();
        view.offers.into_iter().nth(view.chosen)
    }

    /// Threats A5, F3: the token's own domain, a price below the pin, and what the card shows.
    fn signing(&self, params: &json::Value<'_>) -> (Authorization, &'static Asset) {
        let items = params.items().unwrap();
        let account = items[0].text().unwrap();
        let typed = items[1].text().unwrap();
        let typed = json::parse(typed).expect("strict JSON");
        let authorization = Authorization::read(typed.get("message").unwrap()).unwrap();
        let domain = typed.get("domain").unwrap();
        let text = |name| domain.get(name).unwrap().text().unwrap();
        let network = Network::from_chain_id(domain.get("chainId").unwrap().integer().unwrap());
        let asset = Asset::find(network, Address::new(hex::read(text("verifyingContract")).unwrap())).unwrap();
        assert_eq!((text("name"), text("version")), (asset.name, asset.version));
        assert_eq!(hex::read(account).map(Address::new), Some(authorization.from));
        let most = PIN
            .parse::<farthing::money::Price>()
            .unwrap()
            .in_units_of(asset.decimals)
            .unwrap();
        assert!(authorization.value <= most);
        let terms = self.terms().unwrap();
        let shown = format!("${}", terms.price).parse::<farthing::money::Price>().unwrap();
        assert_eq!(
            shown.in_units_of(asset.decimals),
            Ok(authorization.value),
            "what is shown is what is signed"
        );
        assert_eq!(hex::read(&terms.pay_to).map(Address::new), Some(authorization.to));
        assert!(authorization.valid_before <= authorization.valid_after.saturating_add(600 + 3600));
        (authorization, asset)
    }
}
