//! Programs against recorded exchanges of the official servers: what we make of their offers is what
//! their own clients sent, and their answers lead where they should.

use super::*;
use crate::x402::reason::Family;

/// Anvil's development keys of the recorded payers.
const KEYS: [&str; 3] = [
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
];

struct Recording(Value);

/// Both sides of an exchange with the server, as far as they matter.
struct Exchange {
    paid: Option<String>,
    status: u16,
    required: Option<String>,
    settled: Option<String>,
    body: String,
}

impl Exchange {
    fn response(&self) -> Response<'_> {
        Response {
            status: self.status,
            required: self.required.as_deref(),
            settled: self.settled.as_deref(),
            body: &self.body,
            ..Response::default()
        }
    }

    fn payment(&self) -> Value {
        payment_in(self.paid.as_ref().unwrap())
    }
}

impl Recording {
    fn open(name: &str) -> Self {
        let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    fn exchanges(&self) -> Vec<Exchange> {
        let all = self.0["exchanges"].as_array().unwrap().iter();
        all.filter(|exchange| exchange["leg"] == "client-server")
            .map(|exchange| {
                let (request, response) = (&exchange["request"]["headers"], &exchange["response"]);
                let either = |headers: &Value, names: [&str; 2]| {
                    names.iter().find_map(|name| headers[name].as_str().map(ToOwned::to_owned))
                };
                Exchange {
                    paid: either(request, ["payment-signature", "x-payment"]),
                    status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
                    required: either(&response["headers"], ["payment-required", ""]),
                    settled: either(&response["headers"], ["payment-response", "x-payment-response"]),
                    body: response["body"].as_str().unwrap_or_default().to_owned(),
                }
            })
            .collect()
    }
}

/// The nonce and the end of a recorded payment, of either kind: what our draft needs to be the same.
fn nonce_and_end(payment: &Value) -> ([u8; 32], u64) {
    let payload = &payment["payload"];
    let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    match payload["permit2Authorization"].as_object() {
        Some(permit) => {
            let nonce: crate::money::Amount = permit["nonce"].as_str().unwrap().parse().unwrap();
            (nonce.atomic().to_be_bytes(), number(&permit["deadline"]))
        }
        None => {
            let signed = &payload["authorization"];
            let nonce = hex::read(signed["nonce"].as_str().unwrap()).unwrap();
            (nonce, number(&signed["validBefore"]))
        }
    }
}

fn payer_of(payment: &Value) -> Key {
    let payload = &payment["payload"];
    let signed = payload.get("authorization").unwrap_or(&payload["permit2Authorization"]);
    let from = signed["from"].as_str().unwrap();
    let mut keys = KEYS.iter().map(|key| Key::from_hex(key).unwrap());
    keys.find(|key| key.address().to_string().eq_ignore_ascii_case(from)).unwrap()
}

fn policy() -> Policy {
    Policy::up_to("$0.10").unwrap()
}

/// A purchase up to its payment, with the recorded payer, nonce and time.
fn pay_like(first: &Exchange, theirs: &Value) -> (Purchase, Value) {
    let (nonce, until) = nonce_and_end(theirs);
    let key = payer_of(theirs);
    let offers = Offers::read(first.required.as_deref(), &first.body).unwrap();
    let seconds = policy().choose(&offers).unwrap().offer.seconds;
    let mut purchase = Purchase::new(policy(), key.address(), nonce);
    assert_eq!(purchase.answer(until - seconds, &first.response()), Step::Sign);
    let signature = purchase.draft().unwrap().sign(&key).unwrap();
    assert_eq!(purchase.signed(&signature, false), Step::Send { after: 0 });
    // a purchase makes a nonce of its own; the draft takes theirs
    let choice = policy().choose(&offers).unwrap();
    let draft = Draft::new(choice, key.address(), until - seconds, nonce);
    let ours = payment_in(draft.seal(&draft.sign(&key).unwrap(), false).unwrap().value());
    (purchase, ours)
}

#[test]
fn our_payments_are_those_that_the_official_clients_sent() {
    for (name, same) in [
        ("v1-exact", true),
        ("v1-exact-v2-client", true),
        ("v2-exact-permit2", true),
        // signs validAfter "0" where we sign ten minutes ago
        ("v2-exact-eip3009", false),
        ("v2-exact-two-offers", false),
    ] {
        let exchanges = Recording::open(name).exchanges();
        let theirs = exchanges[1].payment();
        let (_, mut ours) = pay_like(&exchanges[0], &theirs);
        if !same {
            assert_ne!(ours, theirs, "{name}");
            ours["payload"]["authorization"]["validAfter"] = theirs["payload"]["authorization"]["validAfter"].clone();
            ours["payload"]["signature"] = theirs["payload"]["signature"].clone();
        }
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn a_paid_answer_of_either_generation_is_delivered_with_its_receipt() {
    for name in [
        "v1-exact",
        "v1-exact-python",
        "v2-exact-eip3009",
        "v2-exact-permit2",
        "v2-exact-rust",
    ] {
        let exchanges = Recording::open(name).exchanges();
        let (mut purchase, _) = pay_like(&exchanges[0], &exchanges[1].payment());
        assert!(purchase.keep().is_some());
        let Step::Deliver { receipt: Some(receipt) } = purchase.answer(NOW, &exchanges[1].response()) else {
            panic!("{name}")
        };
        assert!(receipt.success && receipt.transaction.len() == 66, "{name}");
        assert_eq!(purchase.keep(), None);
    }
}

#[test]
fn recorded_refusals_end_where_they_should() {
    let after = |name: &str, paid: usize| {
        let exchanges = Recording::open(name).exchanges();
        let (mut purchase, _) = pay_like(&exchanges[0], &exchanges[1].payment());
        (1..=paid)
            .map(|at| purchase.answer(NOW, &exchanges[at].response()))
            .last()
            .unwrap()
    };
    let Step::Stop(Stop::Refused(code)) = after("v2-exact-no-money", 1) else {
        panic!("no money")
    };
    assert_eq!(
        (code.text.as_str(), code.family),
        ("invalid_exact_evm_insufficient_balance", Family::Funds)
    );
    let Step::Stop(Stop::Held(Hold::Approve, code)) = after("v2-exact-permit2-no-allowance", 1) else {
        panic!("no allowance")
    };
    assert_eq!(code.family, Family::Allowance);
    assert_eq!(after("v2-exact-handler-fails", 1), Step::Send { after: 1 });
    let Step::Stop(Stop::Refused(code)) = after("v2-bad-signature", 1) else {
        panic!("bad signature")
    };
    assert_eq!(code.family, Family::Signature);
}

#[test]
fn b2_a_payment_that_is_sent_again_after_it_was_taken_is_spent_and_not_refused() {
    let exchanges = Recording::open("v2-replay").exchanges();
    let (mut purchase, _) = pay_like(&exchanges[0], &exchanges[1].payment());
    // the answer to the first was lost
    assert_eq!(purchase.answer(NOW, &Response::default()), Step::Send { after: 1 });
    let Step::Stop(stop @ Stop::Spent(_)) = purchase.answer(NOW + 2, &exchanges[2].response()) else {
        panic!("spent")
    };
    assert!(stop.is_open() && purchase.keep().is_some());
    assert_eq!(stop.code().unwrap().family, Family::Nonce);
}

/// A card that paid, and then gets a recorded answer.
fn card_after(exchange: &Exchange) -> (Notice, Option<String>, Vec<Effect>) {
    let mut rig = Rig::with_offer();
    let effects = rig.until_sent();
    let said = crate::json::parse(&exchange.body)
        .ok()
        .and_then(|body| Some(body.get("error")?.text()?.to_owned()));
    let effects = rig.answer(
        &effects,
        Answer {
            status: exchange.status,
            required: exchange.required.clone(),
            problem: said.unwrap_or_default(),
            ..Answer::default()
        },
    );
    (rig.notice(), rig.kept, effects)
}

#[test]
fn cards_understand_the_official_servers_whose_reason_stands_beside_their_offers() {
    let after = |name: &str, at: usize| card_after(&Recording::open(name).exchanges()[at]);
    let (notice, kept, _) = after("v2-exact-no-money", 1);
    assert_eq!((notice, kept), (Notice::LowBalance, None));
    let (notice, kept, effects) = after("v2-exact-handler-fails", 1);
    assert_eq!(notice, Notice::Pending);
    assert!(kept.is_some() && matches!(effects[..], [Effect::Wait { .. }]));
    assert_eq!(after("v2-exact-eip3009", 1).2.last(), Some(&Effect::Open));
    // what was taken a moment ago is not offered for another payment as if it were refused
    let reason = |name: &str, at: usize| {
        let exchanges = Recording::open(name).exchanges();
        let exchange = &exchanges[at];
        crate::client::answer::judge(&Answer {
            status: exchange.status,
            required: exchange.required.clone(),
            ..Answer::default()
        })
    };
    use crate::client::answer::Verdict;
    assert_eq!(reason("v2-exact-no-money", 1), Verdict::Over(Notice::LowBalance));
    assert_eq!(reason("v2-replay", 2), Verdict::Over(Notice::AlreadyUsed));
    assert_eq!(reason("v2-bad-signature", 1), Verdict::Over(Notice::Refused));
}
