//! "Already paid?": the challenge of a fresh answer, one free signature, and what the server says to it.

use serde_json::json;

use super::*;
use crate::{
    access::{
        keys::test_keys,
        sign_in::{Expected, nonce, personal_hash},
    },
    json::parse,
    x402::{
        Network, decode,
        extension::sign_in::{Challenge, Proof},
    },
};

const PAGE: &str = "https://n.example/a";
const STATEMENT: &str = "Open what you have paid for.";

fn challenge(domain: &str, uri: &str) -> Value {
    let text = Challenge {
        domain,
        uri,
        statement: Some(STATEMENT),
        nonce: &nonce(&test_keys(), domain, NOW, [1; 4]).unwrap(),
        issued_at: &crate::time::print(NOW).unwrap(),
        expiration_time: &crate::time::print(NOW + 300).unwrap(),
        chains: &[Network::BASE_SEPOLIA, Network::BASE],
    }
    .announce();
    serde_json::from_str(&text).unwrap()
}

fn answer_with(challenge: Value) -> Answer {
    let text = json!({
        "x402Version": 2, "resource": {"url": PAGE}, "accepts": [requirement("50000")],
        "extensions": {"sign-in-with-x": challenge},
    });
    Answer {
        required: Some(STANDARD.encode(text.to_string())),
        ..offer_answer("")
    }
}

fn status(status: u16) -> Answer {
    Answer {
        status,
        ..Answer::default()
    }
}

fn restore(rig: &mut Rig, wallets: u32) -> Vec<Effect> {
    let kept = rig.kept.clone();
    rig.send(FlowEvent::Restore { wallets, kept })
}

/// The text in `personal_sign`'s parameters.
fn text_in(effects: &[Effect]) -> (String, String) {
    assert_eq!(method(effects), "personal_sign");
    let [text, account]: [String; 2] = serde_json::from_str(params(effects)).unwrap();
    let text = (2..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
    (String::from_utf8(text.collect()).unwrap(), account)
}

fn sign_text(key: &SigningKey, text: &str) -> String {
    let (signature, id) = key.sign_prehash_recoverable(personal_hash(text).as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + id.to_byte());
    hex::print(&bytes)
}

/// To the open question for the signature.
fn until_sign_in(rig: &mut Rig, account: &str) -> Vec<Effect> {
    let effects = restore(rig, 1);
    let effects = rig.answer(&effects, answer_with(challenge(HOST, PAGE)));
    rig.wallet(&effects, Ok(account))
}

/// To the proof that was just sent.
fn until_proven(rig: &mut Rig) -> Vec<Effect> {
    let (key, account) = key(1);
    let effects = until_sign_in(rig, &account);
    let signature = sign_text(&key, &text_in(&effects).0);
    rig.wallet(&effects, Ok(&signature))
}

fn proof_in(effects: &[Effect]) -> String {
    match effects {
        [
            Effect::Fetch {
                payment: None,
                proof: Some(proof),
                ..
            },
        ] => decode(proof).unwrap(),
        other => panic!("no proof: {other:?}"),
    }
}

/// The way to a question or request that is open.
type Until<'a> = &'a dyn Fn(&mut Rig) -> Vec<Effect>;

#[test]
fn who_has_paid_signs_in_and_reads() {
    let (key, account) = key(1);
    // what the card has is fresh, and its challenge may be old all the same
    let mut rig = Rig::with_offer();
    let effects = restore(&mut rig, 1);
    assert!(matches!(
        effects[..],
        [Effect::Fetch {
            payment: None,
            proof: None,
            ..
        }]
    ));
    let seen = |rig: &Rig| {
        let view = rig.card.view();
        (view.stage.key(), view.notice.key(), view.cancel, view.restore)
    };
    assert_eq!(seen(&rig), ("quoting", "quoting", true, false));
    let effects = rig.answer(&effects, answer_with(challenge(HOST, PAGE)));
    assert_eq!(method(&effects), "eth_requestAccounts");
    assert_eq!(seen(&rig), ("connecting", "connecting", true, false));
    let lower = account.to_lowercase();
    let effects = rig.wallet(&effects, Ok(&lower));
    let (text, asked) = text_in(&effects);
    assert_eq!(asked, lower, "spelled as the wallet did");
    assert!(text.starts_with(&format!(
        "n.example wants you to sign in with your Ethereum account:\n{account}\n\n{STATEMENT}\n"
    )));
    assert!(text.contains("\nChain ID: 84532\n"), "no switch is needed for it");
    assert_eq!(seen(&rig), ("signing", "restore-sign", true, false));
    let effects = rig.wallet(&effects, Ok(&sign_text(&key, &text)));
    assert_eq!(seen(&rig), ("quoting", "restoring", true, false));
    // our own server takes it
    let proof = proof_in(&effects);
    let value = parse(&proof).unwrap();
    let expected = Expected {
        keys: &test_keys(),
        host: HOST,
        resource: PAGE,
        statement: STATEMENT,
        chains: &[Network::BASE_SEPOLIA],
        now: NOW,
    };
    let signed_in = expected.check(&Proof::read(&value).unwrap()).unwrap();
    assert_eq!(signed_in.payer.to_checksum(None), account);
    assert_eq!(rig.answer(&effects, status(200)), [Effect::Open], "nothing was kept");
    assert_eq!(rig.card.view().stage, Stage::Unlocked);
}

#[test]
fn answers_to_a_proof_lead_back_to_the_card() {
    for (answer, notice, action) in [
        (offer_answer("50000"), Notice::NotOwned, Action::Pay),
        (status(402), Notice::NotOwned, Action::Pay),
        (refusal(403, "x"), Notice::NotOwned, Action::Pay),
        (refusal(503, "internal"), Notice::Unavailable, Action::Retry),
        (status(500), Notice::Unavailable, Action::Retry),
        (Answer::default(), Notice::Unavailable, Action::Retry),
    ] {
        let mut rig = Rig::with_offer();
        let effects = until_proven(&mut rig);
        assert_eq!(rig.answer(&effects, answer.clone()), []);
        let view = rig.card.view();
        assert_eq!((view.notice, view.action, view.restore), (notice, action, true), "{answer:?}");
        // and paying is what it was
        assert!(!rig.pay().is_empty());
    }
}

#[test]
fn without_a_challenge_or_an_answer_no_wallet_is_asked() {
    let mut solana = challenge(HOST, PAGE);
    solana["supportedChains"] = json!([{"chainId": "solana:x", "type": "ed25519"}]);
    let mut contracts = challenge(HOST, PAGE);
    contracts["supportedChains"] = json!([{"chainId": "eip155:8453", "type": "eip1271"}]);
    for (answer, notice) in [
        (offer_answer("50000"), Notice::NoRestore),
        (status(402), Notice::NoRestore),
        (answer_with(solana), Notice::NoRestore),
        (answer_with(contracts), Notice::NoRestore),
        (answer_with(json!(7)), Notice::NoRestore),
        (status(503), Notice::Unavailable),
        (status(404), Notice::Unavailable),
        (Answer::default(), Notice::Unavailable),
    ] {
        let mut rig = Rig::new();
        let effects = restore(&mut rig, 1);
        assert_eq!(rig.answer(&effects, answer.clone()), []);
        assert_eq!(rig.notice(), notice, "{answer:?}");
    }
    let mut rig = Rig::new();
    let effects = restore(&mut rig, 1);
    assert_eq!(rig.answer(&effects, status(200)), [Effect::Open], "open already");
    // what can be shown to be paid need not be on offer any longer
    let mut rig = Rig::on(Pins::read(Some("$0.01"), None, None).unwrap());
    let effects = restore(&mut rig, 1);
    assert_eq!(
        method(&rig.answer(&effects, answer_with(challenge(HOST, PAGE)))),
        "eth_requestAccounts"
    );
}

#[test]
fn f3_a_sign_in_for_another_site_is_not_asked_for() {
    // the naive reading would have it signed
    let attack = challenge("bank.example", "https://bank.example/login").to_string();
    let naive = crate::x402::extension::sign_in::unsigned(&parse(&attack).unwrap(), &key(1).1, |_| true).unwrap();
    let read = parse(&naive).unwrap();
    let text = crate::access::sign_in::message(&Proof::read(&read).unwrap(), 84532, &key(1).1);
    assert!(text.starts_with("bank.example wants you to sign in"));
    let mut broken = challenge(HOST, PAGE);
    broken["info"]["statement"] = "Fine.\n\nURI: https://bank.example/login".into();
    let mut listed = challenge(HOST, PAGE);
    listed["info"]["resources"] = json!([PAGE, "x\ny"]);
    for bad in [
        challenge("bank.example", "https://bank.example/login"),
        challenge("bank.example", PAGE),
        challenge(HOST, "https://bank.example/a"),
        challenge(HOST, "https://n.example.evil/a"),
        challenge(HOST, "https://n.example@evil/a"),
        challenge(HOST, "https://n.example:8443/a"),
        challenge(HOST, "ftp://n.example/a"),
        challenge(HOST, "//n.example/a"),
        challenge("n.example:443", PAGE),
        challenge("N.example", PAGE),
        challenge("n.example\nbank.example", PAGE),
        broken,
        listed,
    ] {
        let mut rig = Rig::new();
        let effects = restore(&mut rig, 1);
        assert_eq!(rig.answer(&effects, answer_with(bad.clone())), [], "{bad}");
        assert_eq!(rig.notice(), Notice::NoRestore, "{bad}");
    }
    for good in [PAGE, "https://n.example", "http://n.example?x", "https://n.example/a?b#c"] {
        let mut rig = Rig::new();
        let effects = restore(&mut rig, 1);
        let effects = rig.answer(&effects, answer_with(challenge(HOST, good)));
        assert_eq!(method(&effects), "eth_requestAccounts", "{good}");
    }
    let mut nowhere = Rig::new();
    nowhere.card = FlowState::new(Page::default());
    let effects = restore(&mut nowhere, 1);
    assert_eq!(nowhere.answer(&effects, answer_with(challenge("", "https:///a"))), []);
    assert_eq!(nowhere.notice(), Notice::NoRestore);
}

#[test]
fn f2_only_the_accounts_own_signature_is_sent() {
    let (mine, account) = key(1);
    let (other, _) = key(2);
    let attempt = |answer: &dyn Fn(&str) -> String| {
        let mut rig = Rig::new();
        let effects = until_sign_in(&mut rig, &account);
        let signature = answer(&text_in(&effects).0);
        assert_eq!(rig.wallet(&effects, Ok(&signature)), []);
        rig.notice()
    };
    assert_eq!(attempt(&|text| sign_text(&other, text)), Notice::UnsupportedWallet);
    assert_eq!(
        attempt(&|text| sign_text(&mine, &format!("{text} "))),
        Notice::UnsupportedWallet
    );
    assert_eq!(
        attempt(&|text| sign_text(&mine, text) + "00"),
        Notice::UnsupportedWallet,
        "a contract's"
    );
    assert_eq!(attempt(&|_| "0x".into()), Notice::WalletTrouble);
}

#[test]
fn wallets_are_explained_and_chosen_as_for_paying() {
    let mut rig = Rig::with_offer();
    // who has the article's cookie needs no wallet, so that the site is asked first
    let mut asked = |wallets| {
        let effects = restore(&mut rig, wallets);
        assert_eq!(rig.answer(&effects, answer_with(challenge(HOST, PAGE))), []);
        rig.notice()
    };
    assert_eq!(asked(0), Notice::NoWallet);
    assert_eq!(asked(2), Notice::ChooseWallet);
    assert_eq!((rig.notice(), rig.card.view().action), (Notice::ChooseWallet, Action::Choose));
    assert!(!restore(&mut rig, 1).is_empty());
    let mut rig = Rig::with_offer();
    let effects = until_sign_in(&mut rig, &key(1).1);
    assert_eq!(rig.wallet(&effects, Err(4001)), []);
    assert_eq!((rig.notice(), rig.card.view().restore), (Notice::Rejected, true));
    let effects = restore(&mut rig, 1);
    let effects = rig.answer(&effects, answer_with(challenge(HOST, PAGE)));
    assert_eq!(rig.wallet(&effects, Err(-32002)), []);
    assert_eq!((rig.notice(), rig.card.view().action), (Notice::WalletBusy, Action::Retry));
}

#[test]
fn f7_what_was_signed_is_resolved_before_anything_is_restored() {
    let mut first = Rig::with_offer();
    let payment = sent(&first.until_sent());
    assert_eq!(restore(&mut first, 1), [], "while it is on its way");
    first.send(FlowEvent::Cancel);
    assert!(!first.card.view().restore);
    assert_eq!(sent(&restore(&mut first, 1)), payment);
    let mut second = Rig::with_offer();
    second.kept = first.kept.clone();
    assert_eq!(sent(&restore(&mut second, 1)), payment);
}

#[test]
fn a_restore_can_be_given_up_at_every_step() {
    let steps: [Until<'_>; 4] = [
        &|rig| restore(rig, 1),
        &|rig| {
            let effects = restore(rig, 1);
            rig.answer(&effects, answer_with(challenge(HOST, PAGE)))
        },
        &|rig| until_sign_in(rig, &key(1).1),
        &|rig| until_proven(rig),
    ];
    for step in steps {
        let mut rig = Rig::with_offer();
        let effects = step(&mut rig);
        assert!(rig.card.view().cancel);
        assert_eq!(restore(&mut rig, 1), [], "a second press is harmless");
        rig.send(FlowEvent::Cancel);
        assert_eq!((rig.notice(), rig.card.view().restore), (Notice::Offer, true));
        // whatever comes late
        assert_eq!(rig.answer(&effects, status(200)), []);
        assert_eq!(rig.wallet(&effects, Ok(&key(1).1)), []);
        assert_eq!(rig.notice(), Notice::Offer);
        assert_eq!(method(&rig.pay()), "eth_requestAccounts");
    }
}

#[test]
fn a_click_before_it_does_not_make_a_restore_a_payment() {
    let mut rig = Rig::new();
    let intent = rig.send(FlowEvent::Intent);
    let effects = restore(&mut rig, 1);
    assert_ne!(Rig::turn(&intent), Rig::turn(&effects), "a challenge of its own");
    assert_eq!(rig.pay(), []);
    let effects = rig.answer(&effects, answer_with(challenge(HOST, PAGE)));
    let effects = rig.wallet(&effects, Ok(&key(1).1));
    assert_eq!(method(&effects), "personal_sign");
}

#[test]
fn s9_a_price_that_came_with_a_challenge_is_told_before_it_is_paid() {
    let mut rig = Rig::with_offer();
    let effects = restore(&mut rig, 1);
    let mut dearer = answer_with(challenge(HOST, PAGE));
    let text = decode(dearer.required.as_ref().unwrap()).unwrap().replace("50000", "70000");
    dearer.required = Some(STANDARD.encode(text));
    let effects = rig.answer(&effects, dearer);
    rig.wallet(&effects, Err(4001));
    assert_eq!(rig.notice(), Notice::Rejected);
    // whatever the press saw: nobody has said it yet
    assert_eq!(rig.pay(), []);
    assert_eq!(
        (rig.notice(), rig.card.view().before.as_deref()),
        (Notice::PriceChanged, Some("0.05"))
    );
    assert_eq!(method(&rig.pay()), "eth_requestAccounts");
}
