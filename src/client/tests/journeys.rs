//! One reader's way, event by event.

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn a_reader_with_a_wallet_pays() {
    let mut rig = Rig::with_offer();
    let effects = rig.pay();
    assert_eq!(method(&effects), "eth_requestAccounts");
    assert_eq!(rig.card.view().stage, Stage::Connecting);
    let (key, account) = key(1);
    let account = account.to_lowercase();
    let effects = rig.wallet(&effects, Ok(&account));
    assert_eq!(method(&effects), "eth_chainId");
    rig.now += 40;
    let effects = rig.on_chain(&effects);
    assert_eq!(method(&effects), "eth_signTypedData_v4");
    assert!(
        params(&effects).starts_with(&format!("[\"{account}\",")),
        "spelled as the wallet did"
    );
    assert_eq!(rig.card.view().stage, Stage::Signing);
    let signed = authorization_in(params(&effects));
    assert_eq!(signed.valid_before, NOW + 40 + 300, "stamped when the wallet opens");
    assert_eq!(signed.valid_after, NOW + 40 - 600);
    assert_eq!(signed.nonce[..16], [7; 16], "the quote's tag");
    assert_eq!(signed.nonce[16..], [9; 16]);
    let signature = sign(&key, &signed, 27);
    let effects = rig.wallet(&effects, Ok(&signature));
    let payment = sent(&effects);
    assert_eq!(effects[0], Effect::Keep { text: payment.clone() }, "kept before it is sent");
    let json = payment_in(&payment);
    assert_eq!(json["x402Version"], 2);
    assert_eq!(json["resource"]["url"], "https://n.example/a");
    assert_eq!(json["accepted"]["extra"]["quote"], quote(NOW).as_str());
    assert_eq!(json["payload"]["signature"], signature.as_str());
    assert_eq!(rig.card.view().stage, Stage::Settling);
    let answer = Answer {
        status: 200,
        ..Answer::default()
    };
    assert_eq!(rig.answer(&effects, answer), [Effect::Forget { text: payment }, Effect::Open]);
    assert_eq!((rig.card.view().stage, rig.kept), (Stage::Unlocked, None));
}

#[test]
fn a16_the_card_names_its_payment_where_the_server_wants_that_by_bytes_that_are_not_in_the_nonce() {
    let sent_for = |extensions: Value, quoted: bool| {
        let mut offer = requirement("50000");
        if quoted {
            offer["extra"]["quote"] = quote(NOW).into();
        }
        let text = json!({"x402Version": 2, "accepts": [offer], "extensions": extensions}).to_string();
        let mut rig = Rig::new();
        let effects = rig.send(FlowEvent::Start {
            kept: None,
            offer: Some((STANDARD.encode(text), NOW)),
            prefer: None,
        });
        assert_eq!(effects, []);
        let effects = rig.send(FlowEvent::Pay {
            wallets: 1,
            random: core::array::from_fn(|index| u8::try_from(index).unwrap()),
            seen: "$0.05".parse().ok(),
            offer: None,
            kept: None,
        });
        let (key, account) = key(1);
        let effects = rig.wallet(&effects, Ok(&account));
        let effects = rig.on_chain(&effects);
        let signed = authorization_in(params(&effects));
        let effects = rig.wallet(&effects, Ok(&sign(&key, &signed, 27)));
        (payment_in(&sent(&effects)), hex::print(signed.nonce.as_slice()))
    };
    let announced = |required: Value| json!({"payment-identifier": {"info": {"required": required}, "schema": {}}});
    let (payment, nonce) = sent_for(announced(true.into()), true);
    assert_eq!(
        payment["extensions"],
        json!({"payment-identifier": {"info": {"required": true, "id": "pay_000102030405060708090a0b0c0d0e0f"}}})
    );
    assert!(nonce.ends_with("101112131415161718191a1b1c1d1e1f") && !nonce.contains("000102"));
    let sent = payment["extensions"].to_string();
    let read = crate::json::parse(&sent).unwrap();
    assert!(crate::x402::extension::identifier::read(Some(&read), true).unwrap().is_some());
    for (extensions, quoted) in [
        (announced(false.into()), true),
        (announced("true".into()), true),
        (json!({"payment-identifier": true}), true),
        (Value::Null, true),
        // all of the nonce's bytes are public then
        (announced(true.into()), false),
    ] {
        assert_eq!(sent_for(extensions.clone(), quoted).0.get("extensions"), None, "{extensions}");
    }
}

#[test]
fn the_offer_is_echoed_byte_for_byte() {
    let odd = r#"{ "scheme":"exact","network":"eip155:84532","amount":"50000","asset":"0x036cbd53842c5426634e7929541ec2318f3dcf7e","payTo":"0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc","maxTimeoutSeconds":300, "extra":{"version":"2","name":"USDC","x":1.50,"y":"\u00e9"},"more":[] }"#;
    let header = STANDARD.encode(format!(r#"{{"x402Version":2,"accepts":[{odd}],"resource":{{"url":"u" }}}}"#));
    let mut rig = Rig::new();
    let effects = rig.pay();
    assert!(matches!(
        effects[..],
        [Effect::Fetch {
            payment: None,
            proof: None,
            ..
        }]
    ));
    let answer = Answer {
        status: 402,
        required: Some(header),
        date: Some(NOW),
        ..Answer::default()
    };
    let effects = rig.answer(&effects, answer);
    let (key, account) = key(1);
    let effects = rig.wallet(&effects, Ok(&account));
    let effects = rig.on_chain(&effects);
    let signed = authorization_in(params(&effects));
    assert_eq!(signed.nonce, [9; 32], "all random without a quote of ours");
    let effects = rig.wallet(&effects, Ok(&sign(&key, &signed, 0)));
    let text = String::from_utf8(STANDARD.decode(sent(&effects)).unwrap()).unwrap();
    assert!(text.contains(&format!("\"accepted\":{odd},")), "{text}");
    assert!(text.contains("\"resource\":{\"url\":\"u\" },"), "{text}");
    let v = payment_in(&sent(&effects))["payload"]["signature"].as_str().unwrap()[130..].to_owned();
    assert!(v == "1b" || v == "1c", "token contracts take no other v: {v}");
}

#[test]
fn a5_a_domain_other_than_the_tables_is_no_offer() {
    for (field, value) in [
        ("name", json!("USD Coin")),
        ("version", json!("1")),
        ("assetTransferMethod", json!("permit2")),
    ] {
        let mut bad = requirement("50000");
        bad["extra"][field] = value;
        let mut rig = Rig::new();
        let effects = rig.pay();
        let mut answer = offer_answer("50000");
        answer.required = Some(required(&[bad.clone()]));
        rig.answer(&effects, answer.clone());
        assert_eq!(rig.notice(), Notice::NoOffer, "{field}");
        // the next one is taken
        let mut rig = Rig::new();
        let effects = rig.pay();
        answer.required = Some(required(&[bad, requirement("50000")]));
        assert_eq!(method(&rig.answer(&effects, answer)), "eth_requestAccounts");
    }
}

#[test]
fn offers_that_cannot_be_paid_here_are_passed_over() {
    for (field, value) in [
        ("scheme", json!("upto")),
        ("network", json!("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")),
        ("network", json!("eip155:1")),
        ("asset", json!("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")),
        ("payTo", json!("merchant")),
        ("amount", json!("0")),
        ("amount", json!("0.05")),
        ("amount", json!(50000)),
        ("maxTimeoutSeconds", json!(3)),
        ("maxTimeoutSeconds", json!("300")),
        ("extra", json!({})),
    ] {
        let mut bad = requirement("50000");
        bad[field] = value.clone();
        let mut rig = Rig::new();
        let effects = rig.pay();
        let answer = Answer {
            required: Some(required(&[bad])),
            ..offer_answer("")
        };
        assert_eq!(rig.answer(&effects, answer), []);
        assert_eq!(rig.notice(), Notice::NoOffer, "{field} {value}");
    }
}

#[test]
fn f3_each_pin_is_checked_before_a_wallet_opens() {
    let pin = |max, to, network| Pins::read(max, to, network).unwrap();
    let other = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    for (pins, allowed) in [
        (pin(Some("$0.05"), Some(PAY_TO), Some("eip155:84532")), true),
        (pin(Some("$0.049999"), None, None), false),
        (pin(None, Some(other), None), false),
        (pin(None, None, Some("eip155:8453")), false),
        (pin(Some("$0.0000001"), None, None), false),
    ] {
        let mut rig = Rig::on(pins.clone());
        let effects = rig.pay();
        let effects = rig.answer(&effects, offer_answer("50000"));
        assert_eq!(effects.is_empty(), !allowed, "{pins:?}");
        if !allowed {
            assert_eq!(rig.notice(), Notice::Pinned);
        }
    }
    for bad in [
        (Some("5 cents"), None, None),
        (None, Some("0x12"), None),
        (None, None, Some("Base")),
    ] {
        assert_eq!(Pins::read(bad.0, bad.1, bad.2), Err(PinsError));
    }
}

#[test]
fn a7_a_clock_an_hour_off_is_corrected_and_an_impossible_one_is_not() {
    for (device, works) in [(NOW - 3600, true), (NOW + 3600, true), (NOW - 40 * 3600, false), (0, false)] {
        let mut rig = Rig::new();
        rig.now = device;
        let effects = rig.pay();
        let effects = rig.answer(&effects, offer_answer("50000"));
        if !works {
            assert_eq!((effects, rig.notice()), (vec![], Notice::Clock));
            continue;
        }
        rig.now += 5;
        let (_, account) = key(1);
        let effects = rig.wallet(&effects, Ok(&account));
        let effects = rig.on_chain(&effects);
        assert_eq!(authorization_in(params(&effects)).valid_before, NOW + 305);
    }
    // our own page says by its quote when it was made
    let mut rig = Rig::new();
    let mut offer = requirement("50000");
    offer["extra"]["quote"] = quote(NOW).into();
    rig.now = NOW + 3600;
    rig.send(FlowEvent::Start {
        kept: None,
        offer: Some((required(&[offer]), NOW + 3600)),
        prefer: None,
    });
    let (_, account) = key(1);
    assert_eq!(authorization_in(params(&rig.until_signing(&account))).valid_before, NOW + 300);
}

#[test]
fn f2_only_the_chosen_accounts_signature_over_our_data_is_sent() {
    let (mine, account) = key(1);
    let (other, _) = key(2);
    let attempt = |answer: &dyn Fn(&Authorization) -> String| {
        let mut rig = Rig::with_offer();
        let effects = rig.until_signing(&account);
        let signature = answer(&authorization_in(params(&effects)));
        let effects = rig.wallet(&effects, Ok(&signature));
        assert_eq!((effects, rig.kept.clone()), (vec![], None));
        rig.notice()
    };
    assert_eq!(attempt(&|signed| sign(&other, signed, 27)), Notice::UnsupportedWallet);
    let dearer = |signed: &Authorization| Authorization {
        value: "5000000".parse().unwrap(),
        ..*signed
    };
    assert_eq!(attempt(&|signed| sign(&mine, &dearer(signed), 27)), Notice::UnsupportedWallet);
    assert_eq!(
        attempt(&|signed| sign(&mine, signed, 27) + "00"),
        Notice::UnsupportedWallet,
        "a contract's"
    );
    assert_eq!(attempt(&|_| "0x".into()), Notice::WalletTrouble);
    assert_eq!(attempt(&|_| "null".into()), Notice::WalletTrouble);
}

#[test]
fn f6_the_chain_is_read_again_after_a_switch() {
    let (_, account) = key(1);
    let mut rig = Rig::with_offer();
    let effects = rig.pay();
    let effects = rig.wallet(&effects, Ok(&account));
    let effects = rig.wallet(&effects, Ok("0x1"));
    assert_eq!(
        (method(&effects), params(&effects)),
        ("wallet_switchEthereumChain", r#"[{"chainId":"0x14a34"}]"#)
    );
    assert_eq!(rig.card.view().stage, Stage::Switching);
    let effects = rig.wallet(&effects, Err(4902));
    assert_eq!(method(&effects), "wallet_addEthereumChain");
    let effects = rig.wallet(&effects, Ok("null"));
    assert_eq!(method(&effects), "wallet_switchEthereumChain", "added is not switched");
    let mut effects = rig.wallet(&effects, Ok("null"));
    for _ in 0..3 {
        assert_eq!(method(&effects), "eth_chainId");
        let pause = rig.wallet(&effects, Ok("0x1"));
        assert!(matches!(pause[..], [Effect::Wait { ms: 250, .. }]), "{pause:?}");
        effects = rig.send(FlowEvent::Woke { turn: Rig::turn(&pause) });
    }
    assert_eq!(method(&rig.on_chain(&effects)), "eth_signTypedData_v4");
}

#[test]
fn f6_a_wallet_that_never_switches_signs_nothing() {
    let (_, account) = key(1);
    let mut rig = Rig::with_offer();
    let effects = rig.pay();
    let effects = rig.wallet(&effects, Ok(&account));
    let effects = rig.wallet(&effects, Ok("0x1"));
    let mut effects = rig.wallet(&effects, Ok("null"));
    for _ in 0..100 {
        effects = match effects.first() {
            Some(Effect::Wallet {
                method: "eth_chainId", ..
            }) => rig.wallet(&effects, Ok("0x1")),
            Some(Effect::Wait { .. }) => rig.send(FlowEvent::Woke {
                turn: Rig::turn(&effects),
            }),
            _ => break,
        };
    }
    assert_eq!((effects, rig.notice()), (vec![], Notice::WrongNetwork));
}

#[test]
fn wallet_errors_are_told_by_their_codes() {
    let (_, account) = key(1);
    for (code, at_accounts, at_switch, at_sign) in [
        (4001, Notice::Rejected, Notice::Rejected, Notice::Rejected),
        (4100, Notice::Locked, Notice::Locked, Notice::Locked),
        (-32002, Notice::WalletBusy, Notice::WalletBusy, Notice::WalletBusy),
        (4900, Notice::Disconnected, Notice::Disconnected, Notice::Disconnected),
        (4901, Notice::Disconnected, Notice::Disconnected, Notice::Disconnected),
        (
            4200,
            Notice::UnsupportedWallet,
            Notice::WrongNetwork,
            Notice::UnsupportedWallet,
        ),
        (
            -32601,
            Notice::UnsupportedWallet,
            Notice::WrongNetwork,
            Notice::UnsupportedWallet,
        ),
        (-32602, Notice::WalletTrouble, Notice::WrongNetwork, Notice::WalletTrouble),
        (-32603, Notice::WalletTrouble, Notice::WrongNetwork, Notice::WalletTrouble),
        (0, Notice::WalletTrouble, Notice::WrongNetwork, Notice::WalletTrouble),
    ] {
        let mut rig = Rig::with_offer();
        let effects = rig.pay();
        rig.wallet(&effects, Err(code));
        assert_eq!(rig.notice(), at_accounts, "{code}");
        let effects = rig.pay();
        let effects = rig.wallet(&effects, Ok(&account));
        let effects = rig.wallet(&effects, Ok("0x1"));
        rig.wallet(&effects, Err(code));
        assert_eq!(rig.notice(), at_switch, "{code}");
        let effects = rig.until_signing(&account);
        assert_eq!(rig.wallet(&effects, Err(code)), []);
        assert_eq!(rig.notice(), at_sign, "{code}");
    }
    assert_eq!(Notice::Rejected.key(), "rejected");
    let mut rig = Rig::with_offer();
    let effects = rig.pay();
    rig.wallet(&effects, Err(4001));
    assert_eq!(rig.card.view().stage, Stage::Idle, "changing one's mind is no error");
}

#[test]
fn a_silent_wallet_changes_only_the_message() {
    let mut rig = Rig::with_offer();
    let effects = rig.pay();
    let Some(Effect::Wait { turn, .. }) = effects.get(1) else {
        panic!("{effects:?}")
    };
    rig.send(FlowEvent::Woke { turn: *turn });
    assert_eq!(
        (rig.card.view().stage, rig.notice()),
        (Stage::Connecting, Notice::WalletWaiting)
    );
    let (_, account) = key(1);
    assert_eq!(
        method(&rig.wallet(&effects, Ok(&account))),
        "eth_chainId",
        "its answer still counts"
    );
}

#[test]
fn an_unknown_outcome_is_asked_for_with_the_same_payment() {
    let mut rig = Rig::with_offer();
    let mut effects = rig.until_sent();
    let payment = sent(&effects);
    let pending = Answer {
        retry_after: Some(3),
        ..refusal(503, "settlement-pending")
    };
    for answer in [
        pending,
        Answer::default(),
        refusal(500, "internal"),
        refusal(502, "paid-not-delivered"),
        refusal(429, "too-many-requests"),
    ] {
        let wait = rig.answer(&effects, answer.clone());
        let [Effect::Wait { ms, .. }] = wait[..] else {
            panic!("{wait:?}")
        };
        assert!(answer.retry_after.is_none() || ms == 3000);
        assert_eq!(rig.card.view().stage, Stage::Pending);
        effects = rig.send(FlowEvent::Woke { turn: Rig::turn(&wait) });
        assert_eq!(sent(&effects), payment);
    }
    assert_eq!(rig.notice(), Notice::Pending, "the last doubt is shown");
    assert_eq!(rig.kept, Some(payment));
}

#[test]
fn waiting_ends_in_a_question_to_the_reader_and_never_in_a_signature() {
    for (problem, status, most) in [("settlement-pending", 503, 60), ("paid-not-delivered", 502, 8)] {
        let mut rig = Rig::with_offer();
        let mut effects = rig.until_sent();
        let payment = sent(&effects);
        let mut sends = 1;
        loop {
            let wait = rig.answer(&effects, refusal(status, problem));
            if wait.is_empty() {
                break;
            }
            effects = rig.send(FlowEvent::Woke { turn: Rig::turn(&wait) });
            sends += 1;
        }
        assert_eq!(sends, most);
        assert_eq!(rig.card.view().action, Action::Check);
        assert_eq!(sent(&rig.pay()), payment);
    }
}

#[test]
fn f7_what_was_signed_is_resolved_before_anything_else() {
    let mut rig = Rig::with_offer();
    let payment = sent(&rig.until_sent());
    let mut later = Rig::new();
    later.kept = rig.kept;
    let kept = later.kept.clone();
    let effects = later.send(FlowEvent::Start {
        kept,
        offer: Some((required(&[requirement("50000")]), NOW)),
        prefer: None,
    });
    assert_eq!(sent(&effects), payment);
    assert_eq!(later.card.view().stage, Stage::Pending);
    // it never arrived and ran out: back to the price, with nothing said
    let effects = later.answer(
        &effects,
        Answer {
            problem: crate::problem::Problem::AuthorizationExpired.uri(),
            ..offer_answer("50000")
        },
    );
    assert_eq!(effects, [Effect::Forget { text: payment }]);
    assert_eq!((later.notice(), later.kept), (Notice::Offer, None));
}

/// What another server says, in its `PAYMENT-RESPONSE`.
fn settled(status: u16, json: &str) -> Answer {
    Answer {
        status,
        settled: Some(STANDARD.encode(json)),
        ..Answer::default()
    }
}

#[test]
fn b1_s3_a_refusal_that_may_come_after_the_money_moved_leads_to_no_second_signature() {
    let funds = || Answer {
        status: 402,
        problem: "insufficient_funds".into(),
        ..Answer::default()
    };
    // the facilitator has broadcast, and says so in the settlement alone
    let mut rig = Rig::with_offer();
    let effects = rig.until_sent();
    let payment = sent(&effects);
    let wait = rig.answer(
        &effects,
        settled(402, r#"{"success":false,"errorReason":"settlement_pending"}"#),
    );
    assert!(matches!(wait[..], [Effect::Wait { .. }]), "{wait:?}");
    // and in other words, for good
    let effects = rig.send(FlowEvent::Woke { turn: Rig::turn(&wait) });
    assert_eq!(sent(&effects), payment);
    assert_eq!(
        rig.answer(
            &effects,
            settled(402, r#"{"success":false,"errorReason":"invalid_transaction_state"}"#)
        ),
        []
    );
    assert_eq!((rig.notice(), rig.card.view().action), (Notice::Pending, Action::Check));
    // an answer was lost, and then the money that was there is not there
    let mut rig = Rig::with_offer();
    let effects = rig.until_sent();
    let wait = rig.answer(&effects, Answer::default());
    let effects = rig.send(FlowEvent::Woke { turn: Rig::turn(&wait) });
    assert_eq!(rig.answer(&effects, funds()), []);
    assert_eq!(rig.notice(), Notice::Pending);
    assert!(rig.kept.is_some());
    let again = rig.pay();
    assert_eq!(sent(&again), sent(&effects), "the same payment, and no wallet");
    // nobody can take it any more
    rig.now += 300 + 61;
    assert_eq!(rig.answer(&again, funds()), [Effect::Forget { text: sent(&effects) }]);
    // and whether somebody did, nobody knows
    assert_eq!((rig.notice(), rig.kept.clone()), (Notice::Unknown, None));
    // nor where the page is missing by now
    let mut rig = Rig::with_offer();
    let effects = rig.until_sent();
    let wait = rig.answer(&effects, Answer::default());
    let effects = rig.send(FlowEvent::Woke { turn: Rig::turn(&wait) });
    let gone = Answer {
        status: 404,
        ..Answer::default()
    };
    assert_eq!(rig.answer(&effects, gone), []);
    assert_eq!((rig.notice(), rig.card.view().action), (Notice::Pending, Action::Check));
    // after a reload on a device whose clock may be an hour fast, it is asked for that much longer
    let kept = rig.kept.clone();
    let mut later = Rig::new();
    later.now += 3600;
    let effects = later.send(FlowEvent::Start {
        kept: kept.clone(),
        offer: None,
        prefer: None,
    });
    assert_eq!(later.answer(&effects, funds()), []);
    assert_eq!(later.notice(), Notice::Pending);
    let again = later.pay();
    let dated = Answer {
        date: Some(NOW + 3600),
        ..funds()
    };
    assert_eq!(
        later.answer(&again, dated),
        [Effect::Forget { text: kept.unwrap() }],
        "the server's clock tells"
    );
    // a first answer that refuses plainly is one
    let mut rig = Rig::with_offer();
    let effects = rig.until_sent();
    assert!(matches!(rig.answer(&effects, funds())[..], [Effect::Forget { .. }]));
}

#[test]
fn b4_paid_and_not_delivered_is_never_called_uncharged() {
    let mut rig = Rig::with_offer();
    let effects = rig.until_sent();
    assert_eq!(
        rig.answer(&effects, settled(404, r#"{"success":true,"transaction":"0x1"}"#)),
        []
    );
    assert_eq!((rig.notice(), rig.card.view().action), (Notice::Delivering, Action::Check));
    assert!(rig.kept.is_some());
    for status in [408, 425] {
        let mut rig = Rig::with_offer();
        let effects = rig.until_sent();
        let answer = Answer {
            status,
            ..Answer::default()
        };
        assert!(matches!(rig.answer(&effects, answer)[..], [Effect::Wait { .. }]), "{status}");
    }
}

#[test]
fn f5_another_tabs_payment_is_joined() {
    let mut first = Rig::with_offer();
    let payment = sent(&first.until_sent());
    let mut second = Rig::with_offer();
    second.kept = first.kept.clone();
    assert_eq!(sent(&second.pay()), payment);
}

#[test]
fn refusals_say_what_to_do_and_free_the_reader() {
    for (answer, notice) in [
        (refusal(402, "insufficient-funds"), Notice::LowBalance),
        (refusal(402, "settlement-refused"), Notice::Refused),
        (refusal(402, "signature-unsupported"), Notice::UnsupportedWallet),
        (refusal(402, "authorization-expired"), Notice::Expired),
        (refusal(402, "quote-expired"), Notice::Expired),
        (refusal(409, "authorization-bound-elsewhere"), Notice::BoundElsewhere),
        (refusal(409, "authorization-already-used"), Notice::AlreadyUsed),
        (refusal(400, "payment-malformed"), Notice::Refused),
        (
            Answer {
                problem: "x/price-changed".into(),
                ..offer_answer("70000")
            },
            Notice::PriceChanged,
        ),
        (
            Answer {
                problem: "x/quote-expired".into(),
                ..offer_answer("70000")
            },
            Notice::PriceChanged,
        ),
    ] {
        let mut rig = Rig::with_offer();
        let effects = rig.until_sent();
        let payment = sent(&effects);
        assert_eq!(rig.answer(&effects, answer.clone()), [Effect::Forget { text: payment }]);
        assert_eq!((rig.notice(), &rig.kept), (notice, &None), "{answer:?}");
    }
}

#[test]
fn a4_a_changed_price_is_shown_and_asked_for_again() {
    let mut rig = Rig::with_offer();
    let effects = rig.until_sent();
    rig.answer(
        &effects,
        Answer {
            problem: "x/price-changed".into(),
            ..offer_answer("70000")
        },
    );
    let view = rig.card.view();
    assert_eq!(
        (view.before.as_deref(), view.offers[view.chosen].price.as_str()),
        (Some("0.05"), "0.07")
    );
    assert_eq!(view.action, Action::Pay);
    let (_, account) = key(1);
    assert_eq!(
        authorization_in(params(&rig.until_signing(&account))).value.to_string(),
        "70000"
    );
}

#[test]
fn s9_a_price_that_was_not_shown_is_not_signed() {
    // the page says five cents, the offer seven
    let mut rig = Rig::new();
    let effects = rig.pay();
    assert_eq!(rig.answer(&effects, offer_answer("70000")), []);
    assert_eq!(rig.notice(), Notice::PriceChanged);
    // the page says nothing
    let mut rig = Rig::new();
    rig.card = FlowState::new(Page::default());
    let effects = rig.pay_having_seen(String::new());
    assert_eq!(rig.answer(&effects, offer_answer("70000")), []);
    assert_eq!(rig.notice(), Notice::Confirm);
    assert_eq!(method(&rig.pay()), "eth_requestAccounts");
    // the offer came between the reader's decision and the press
    let mut rig = Rig::new();
    let effects = rig.send(FlowEvent::Intent);
    rig.answer(&effects, offer_answer("70000"));
    assert_eq!(rig.notice(), Notice::PriceChanged);
    assert_eq!(rig.pay_having_seen("$0.05".into()), []);
    assert_eq!(rig.card.view().before.as_deref(), Some("0.05"));
}

#[test]
fn an_article_that_is_not_there_keeps_the_payment_for_another_try() {
    for answer in [refusal(404, "origin-not-found"), refusal(502, "origin-unavailable")] {
        let mut rig = Rig::with_offer();
        let effects = rig.until_sent();
        let payment = sent(&effects);
        assert_eq!(rig.answer(&effects, answer), []);
        assert_eq!((rig.card.view().stage, rig.notice()), (Stage::Error, Notice::Undeliverable));
        assert_eq!(sent(&rig.pay()), payment, "no second signature");
    }
}

#[test]
fn an_offer_that_has_gone_stale_is_renewed_before_the_wallet_opens() {
    let mut rig = Rig::with_offer();
    rig.now += 14 * 60;
    let effects = rig.pay();
    assert!(matches!(
        effects[..],
        [Effect::Fetch {
            payment: None,
            proof: None,
            ..
        }]
    ));
    let mut answer = offer_answer("50000");
    answer.date = Some(rig.now);
    assert_eq!(method(&rig.answer(&effects, answer)), "eth_requestAccounts");
}

#[test]
fn an_intent_fetches_the_offer_and_a_click_waits_for_it() {
    let mut rig = Rig::new();
    let effects = rig.send(FlowEvent::Intent);
    assert!(matches!(
        effects[..],
        [Effect::Fetch {
            payment: None,
            proof: None,
            ..
        }]
    ));
    assert_eq!(
        (rig.card.view().stage, rig.notice()),
        (Stage::Idle, Notice::Offer),
        "nothing to see yet"
    );
    assert_eq!(rig.send(FlowEvent::Intent), []);
    assert_eq!(rig.pay(), []);
    assert_eq!(rig.card.view().stage, Stage::Quoting);
    assert_eq!(method(&rig.answer(&effects, offer_answer("50000"))), "eth_requestAccounts");
}

#[test]
fn a_page_that_is_open_already_is_opened() {
    let mut rig = Rig::new();
    let effects = rig.pay();
    assert_eq!(
        rig.answer(
            &effects,
            Answer {
                status: 200,
                ..Answer::default()
            }
        ),
        [Effect::Open]
    );
    let mut rig = Rig::new();
    let effects = rig.send(FlowEvent::Intent);
    assert_eq!(
        rig.answer(
            &effects,
            Answer {
                status: 200,
                ..Answer::default()
            }
        ),
        [],
        "not without a click"
    );
    // and then there is no need of a wallet
    let view = rig.card.view();
    assert_eq!(
        (view.stage, view.notice, view.action),
        (Stage::Idle, Notice::Owned, Action::Open)
    );
    let pay = |wallets| FlowEvent::Pay {
        wallets,
        random: [1; 32],
        seen: None,
        offer: None,
        kept: None,
    };
    assert_eq!(rig.send(pay(0)), [Effect::Open]);
    assert_eq!(rig.notice(), Notice::Owned);
    // nor where the press comes first
    let mut rig = Rig::new();
    let effects = rig.send(pay(0));
    let article = Answer {
        status: 200,
        ..Answer::default()
    };
    assert_eq!(rig.answer(&effects, article), [Effect::Open]);
    // what was owned an hour ago and is for sale again is paid for
    let mut rig = Rig::new();
    let effects = rig.send(FlowEvent::Intent);
    let article = Answer {
        status: 200,
        ..Answer::default()
    };
    rig.answer(&effects, article);
    // an answer that says nothing changes nothing
    let effects = rig.send(FlowEvent::Intent);
    rig.answer(&effects, Answer::default());
    assert_eq!(rig.card.view().action, Action::Open);
    let effects = rig.send(FlowEvent::Intent);
    rig.answer(&effects, offer_answer("50000"));
    assert_eq!(rig.card.view().action, Action::Pay, "and its button says so");
    // by a press that was meant for the button as it is now: one that was on its way has seen no price
    assert_eq!(rig.send(pay(1)), []);
    assert_eq!(rig.notice(), Notice::Confirm);
    assert_eq!(method(&rig.pay()), "eth_requestAccounts");
}

#[test]
fn several_wallets_are_chosen_from_and_none_is_explained() {
    let mut rig = Rig::with_offer();
    let pay = |wallets| FlowEvent::Pay {
        wallets,
        random: [1; 32],
        seen: "$0.05".parse().ok(),
        offer: None,
        kept: None,
    };
    assert_eq!(rig.send(pay(0)), []);
    assert_eq!(rig.notice(), Notice::NoWallet);
    assert_eq!(rig.send(pay(2)), []);
    assert_eq!((rig.notice(), rig.card.view().action), (Notice::ChooseWallet, Action::Choose));
    assert_eq!(method(&rig.send(pay(1))), "eth_requestAccounts");
}

#[test]
fn what_comes_after_giving_up_waiting_still_opens_the_article() {
    let mut rig = Rig::with_offer();
    let effects = rig.until_sent();
    rig.send(FlowEvent::Cancel);
    assert_eq!(rig.card.view().action, Action::Check);
    let opened = rig.answer(
        &effects,
        Answer {
            status: 200,
            ..Answer::default()
        },
    );
    assert_eq!(opened.last(), Some(&Effect::Open));
}

proptest! {
    #[test]
    fn headers_of_any_content_are_refused_without_a_panic(text in ".{0,300}", json in r#"\{("[a-z402VXx]{1,11}":[\[\]{}0-9",:]{0,20},?){0,6}\}"#) {
        for header in [text, STANDARD.encode(json)] {
            let mut rig = Rig::new();
            let effects = rig.pay();
            let answer = Answer { required: Some(header), ..offer_answer("") };
            prop_assert_eq!(rig.answer(&effects, answer), vec![]);
            prop_assert_eq!(rig.notice(), Notice::NoOffer);
        }
    }
}
