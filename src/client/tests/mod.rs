//! The flow as a whole: with a wallet and a server of its own, and in every order of events; and
//! programs, with recorded servers and hostile ones.

#![allow(clippy::arithmetic_side_effects)]

mod choosing;
mod hostile;
mod journeys;
mod order;
mod patience;
mod policies;
mod purchases;
mod recorded;
mod restoring;

use alloy_primitives::Address;
use base64::{Engine, engine::general_purpose::STANDARD};
use k256::ecdsa::SigningKey;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::evm::{Asset, Authorization, asset::ASSETS, hex};

const NOW: u64 = 1_800_000_000;
const PAY_TO: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const OTHER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
/// MegaUSD of another network; unknown on Base Sepolia.
const MEGA: &str = "0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7";
const SEPOLIA: &str = "0x14a34";
const HOST: &str = "n.example";

fn base() -> &'static Asset {
    &ASSETS[1]
}

pub(super) fn requirement(amount: &str) -> Value {
    json!({
        "scheme": "exact", "network": "eip155:84532", "amount": amount, "asset": base().contract.to_string(),
        "payTo": PAY_TO, "maxTimeoutSeconds": 300, "extra": {"name": "USDC", "version": "2"},
    })
}

fn required(accepts: &[Value]) -> String {
    STANDARD.encode(
        json!({"x402Version": 2, "error": "", "resource": {"url": "https://n.example/a"}, "accepts": accepts}).to_string(),
    )
}

/// A quote as our Worker makes it, without a valid MAC: clients cannot check it.
fn quote(issued: u64) -> String {
    let mut payload = [7; 16].to_vec();
    payload.extend(issued.to_be_bytes());
    payload.extend((issued + 900).to_be_bytes());
    format!(
        "v1.k.{}.AAAA",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(payload)
    )
}

fn offer_answer(amount: &str) -> Answer {
    Answer {
        status: 402,
        required: Some(required(&[requirement(amount)])),
        date: Some(NOW),
        ..Answer::default()
    }
}

fn refusal(status: u16, problem: &str) -> Answer {
    Answer {
        status,
        problem: format!("https://farthing.dev/problems/{problem}"),
        ..Answer::default()
    }
}

fn key(byte: u8) -> (SigningKey, String) {
    let key = SigningKey::from_slice(&[byte; 32]).unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    let address = Address::from_raw_public_key(&point.as_bytes()[1..]);
    (key, address.to_checksum(None))
}

fn authorization_in(params: &str) -> Authorization {
    let params: Vec<String> = serde_json::from_str(params).unwrap();
    let typed: Value = serde_json::from_str(&params[1]).unwrap();
    assert_eq!(typed["types"]["EIP712Domain"].as_array().unwrap().len(), 4);
    assert_eq!(typed["domain"]["chainId"], json!(84532), "a number");
    Authorization::read(&crate::json::parse(&typed["message"].to_string()).unwrap()).unwrap()
}

fn sign(key: &SigningKey, authorization: &Authorization, v: u8) -> String {
    let (signature, id) = key
        .sign_prehash_recoverable(authorization.digest(&base().domain()).as_slice())
        .unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(v + id.to_byte());
    hex::print(&bytes)
}

fn payment_in(header: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(header).unwrap()).unwrap()
}

/// A page that says five cents and no more.
fn page(pins: Pins) -> Page {
    Page {
        host: HOST.into(),
        price: "$0.05".parse().ok(),
        pins,
        ..Page::default()
    }
}

/// A card, and what is outside of it.
struct Rig {
    card: FlowState,
    now: u64,
    kept: Option<String>,
}

impl Rig {
    fn new() -> Self {
        Self::on(Pins::default())
    }

    fn on(pins: Pins) -> Self {
        Self {
            card: FlowState::new(page(pins)),
            now: NOW,
            kept: None,
        }
    }

    fn with_offer() -> Self {
        let mut rig = Self::new();
        let mut offer = requirement("50000");
        offer["extra"]["quote"] = quote(NOW).into();
        assert_eq!(rig.start(&[offer], None), []);
        rig
    }

    fn start(&mut self, accepts: &[Value], prefer: Option<&str>) -> Vec<Effect> {
        self.send(FlowEvent::Start {
            kept: None,
            offer: Some((required(accepts), NOW)),
            prefer: prefer.map(Into::into),
        })
    }

    fn send(&mut self, event: FlowEvent) -> Vec<Effect> {
        let (card, effects) = step(self.card.clone(), self.now, event);
        self.card = card;
        for effect in &effects {
            match effect {
                Effect::Keep { text } => self.kept = Some(text.clone()),
                Effect::Forget { text } if self.kept.as_ref() == Some(text) => self.kept = None,
                _ => {}
            }
        }
        effects
    }

    fn pay(&mut self) -> Vec<Effect> {
        self.pay_having_seen(match self.terms() {
            Some(terms) => format!("${}", terms.price),
            None => "$0.05".into(),
        })
    }

    /// The chosen offer, as it is shown.
    fn terms(&self) -> Option<Terms> {
        let view = self.card.view();
        view.offers.into_iter().nth(view.chosen)
    }

    fn pay_having_seen(&mut self, price: String) -> Vec<Effect> {
        let kept = self.kept.clone();
        let offer = self.terms().map(|terms| terms.mark);
        self.send(FlowEvent::Pay {
            wallets: 1,
            random: [9; 32],
            seen: price.parse().ok(),
            offer,
            kept,
        })
    }

    fn turn(effects: &[Effect]) -> u32 {
        effects
            .iter()
            .find_map(|effect| match effect {
                Effect::Wallet { turn, .. } | Effect::Fetch { turn, .. } | Effect::Wait { turn, .. } => Some(*turn),
                _ => None,
            })
            .unwrap()
    }

    fn wallet(&mut self, effects: &[Effect], result: Result<&str, i32>) -> Vec<Effect> {
        let turn = Self::turn(effects);
        self.send(FlowEvent::Wallet {
            turn,
            result: result.map(Into::into),
        })
    }

    fn answer(&mut self, effects: &[Effect], answer: Answer) -> Vec<Effect> {
        let turn = Self::turn(effects);
        self.send(FlowEvent::Answer { turn, answer })
    }

    fn notice(&self) -> Notice {
        self.card.view().notice
    }

    /// To the open question for the signature.
    fn until_signing(&mut self, account: &str) -> Vec<Effect> {
        let effects = self.pay();
        let effects = self.wallet(&effects, Ok(account));
        self.on_chain(&effects)
    }

    /// The wallet is on the offer's chain, and does not tell what is in the account.
    fn on_chain(&mut self, effects: &[Effect]) -> Vec<Effect> {
        let effects = self.wallet(effects, Ok(SEPOLIA));
        assert_eq!(method(&effects), "eth_call");
        self.wallet(&effects, Err(-32603))
    }

    /// To the payment that was just sent.
    fn until_sent(&mut self) -> Vec<Effect> {
        let (key, account) = key(1);
        let effects = self.until_signing(&account);
        let signature = sign(&key, &authorization_in(params(&effects)), 27);
        self.wallet(&effects, Ok(&signature))
    }
}

fn method(effects: &[Effect]) -> &'static str {
    match effects {
        [Effect::Wallet { method, .. }, ..] => method,
        other => panic!("no question to the wallet: {other:?}"),
    }
}

fn params(effects: &[Effect]) -> &str {
    match effects {
        [Effect::Wallet { params, .. }, ..] => params,
        other => panic!("no question to the wallet: {other:?}"),
    }
}

fn sent(effects: &[Effect]) -> String {
    let find = |effect: &Effect| match effect {
        Effect::Fetch {
            payment: Some(payment), ..
        } => Some(payment.clone()),
        _ => None,
    };
    effects
        .iter()
        .find_map(find)
        .unwrap_or_else(|| panic!("nothing was sent: {effects:?}"))
}

fn any_leaf() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        "0",
        "1",
        "49999",
        "50000",
        "50001",
        "050000",
        "0.05",
        "5e4",
        "50000 ",
        "0x50000",
        "exact",
        "upto",
        "eip155:1",
        "eip155:8453",
        "eip155:84532",
        "base-sepolia",
        "USDC",
        "USD Coin",
        "1",
        "2",
        "permit2",
        "eip3009",
        "erc7710",
        "upfront",
        "escrow",
        "authorization",
        PAY_TO,
        OTHER,
        MEGA,
        "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "0x0000000000000000000000000000000000000000",
    ];
    prop_oneof![
        proptest::sample::select(texts.to_vec()).prop_map(Value::from),
        Just(PAY_TO.to_lowercase().into()),
        any::<u32>().prop_map(Value::from),
        Just(json!(50000)),
        Just(json!(300.0)),
        Just(Value::Null),
        Just(json!(true)),
        Just(json!([])),
        Just(json!({})),
        ".{0,12}".prop_map(Value::from),
    ]
}

const FIELDS: [&str; 13] = [
    "scheme",
    "network",
    "amount",
    "asset",
    "payTo",
    "maxTimeoutSeconds",
    "extra",
    "extra.name",
    "extra.version",
    "extra.assetTransferMethod",
    "extra.paymentFlow",
    "extra.facilitatorAddress",
    "extra.decimals",
];

pub(super) fn set(offer: &mut Value, field: &str, value: Value) {
    match field.split_once('.') {
        Some((outer, inner)) if offer[outer].is_object() => offer[outer][inner] = value,
        Some(_) => {}
        None => offer[field] = value,
    }
}

/// A field of an offer, and something else for it.
pub(super) fn any_change() -> impl Strategy<Value = (&'static str, Value)> {
    (proptest::sample::select(&FIELDS[..]), any_leaf())
}
