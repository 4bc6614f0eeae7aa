//! Nothing is begun before it is known that its payer may pay, and what is under way goes on (threat B13).

use super::*;

const ALL: [(Screened, &str); 4] = [
    (Screened::Allowed, "won"),
    (Screened::Unasked, "Screen"),
    (Screened::Refused, "payer-refused"),
    (Screened::Unknown(3), "screening-unavailable"),
];

#[test]
fn b13_nothing_begins_before_the_payer_is_known_to_be_allowed() {
    let released = in_phase(Phase::Released);
    let lost = in_phase(Phase::Claimed { deadline: NOW });
    let rejected = in_phase(Phase::Rejected {
        reason: "insufficient_funds".into(),
        at: NOW - 1000,
        closed: false,
        checks: 0,
    });
    for (screened, says) in ALL {
        for before in [None, Some(&released), Some(&lost), Some(&rejected)] {
            let payer = Payer {
                same: before,
                screened,
                ..alone()
            };
            assert_eq!(slug(claim(payer, &intent(), NOW)), says, "{before:?}");
            // a facilitator that only verifies has the payment as well
            let permit = Intent {
                verify: true,
                ..intent()
            };
            let says = if says == "won" { "Verify" } else { says };
            assert_eq!(slug(claim(payer, &permit, NOW)), says, "{before:?}");
        }
        let wallet = Intent {
            verify: true,
            contract: true,
            ..intent()
        };
        let says = if says == "won" { "Verify" } else { says };
        assert_eq!(slug(claim(Payer { screened, ..alone() }, &wallet, NOW)), says);
    }
}

#[test]
fn b13_what_was_sent_out_is_brought_to_its_end_whatever_is_said_of_its_payer() {
    let deadline = NOW + 5;
    for (phase, says) in [
        (Phase::Claimed { deadline }, "join"),
        (settled(), "deliver and mint"),
        (unknown(), "resolve"),
        (Phase::Expired, "authorization-expired"),
        (Phase::Cancelled, "authorization-cancelled"),
        (Phase::Foreign, "authorization-already-used"),
    ] {
        let row = in_phase(phase);
        for (screened, _) in ALL {
            let payer = Payer {
                screened,
                ..knowing(&row)
            };
            assert_eq!(slug(claim(payer, &intent(), NOW)), says);
            // and where the gate has refused the payer by its list
            let denied = Intent {
                late: Some("payer-refused".into()),
                ..intent()
            };
            assert_eq!(slug(claim(payer, &denied, NOW)), says);
        }
    }
}

#[test]
fn b13_the_gate_s_refusal_begins_nothing() {
    let denied = Intent {
        late: Some("payer-refused".into()),
        ..intent()
    };
    let released = in_phase(Phase::Released);
    for payer in [alone(), knowing(&released)] {
        assert_eq!(slug(claim(payer, &denied, NOW)), "payer-refused");
    }
    let wallet = Intent {
        verify: true,
        contract: true,
        ..denied
    };
    assert_eq!(slug(claim(alone(), &wallet, NOW)), "payer-refused");
}

#[test]
fn b13_an_owner_keeps_what_was_paid_for_and_nobody_is_asked_about_its_new_payment() {
    let owned = in_phase(settled()).owned().unwrap();
    let tagged = Intent {
        tagged: true,
        ..intent()
    };
    for (screened, _) in ALL {
        let owner = Payer {
            owned: Some(&owned),
            screened,
            ..alone()
        };
        assert_eq!(slug(claim(owner, &tagged, NOW)), "owned");
        let says = match screened {
            Screened::Allowed => "owned",
            Screened::Unasked => "Screen",
            _ => "already-owned",
        };
        assert_eq!(slug(claim(owner, &intent(), NOW)), says);
    }
}

#[test]
fn b13_only_a_whole_answer_says_anything() {
    for (status, body, allow) in [
        (200, r#"{"allow":true}"#, Some(true)),
        (200, r#"{"allow":false,"id":"7"}"#, Some(false)),
        (200, r#" {"allow" : false} "#, Some(false)),
        (200, r#"{"allow":1}"#, None),
        (200, r#"{"allow":"true"}"#, None),
        (200, r#"{"allow":null}"#, None),
        (200, r#"{"Allow":true}"#, None),
        (200, r#"{"allow":false,"allow":true}"#, None),
        (200, r#"[{"allow":true}]"#, None),
        (200, r#"{"result":{"allow":true}}"#, None),
        (200, "true", None),
        (200, "", None),
        (200, r#"{"allow":true}x"#, None),
        (201, r#"{"allow":true}"#, None),
        (302, r#"{"allow":true}"#, None),
        (403, r#"{"allow":false}"#, None),
        (500, r#"{"allow":true}"#, None),
    ] {
        assert_eq!(Verdict::read(status, body), allow, "{status} {body}");
    }
}

#[test]
fn b13_an_answer_counts_for_its_time_and_a_failure_for_seconds() {
    let screener = |lets_through, cache_seconds| crate::route::config::Screener {
        url: "https://s.example".into(),
        headers: alloc::vec::Vec::new(),
        lets_through,
        cache_seconds,
        timeout_seconds: 3,
    };
    let hour = screener(false, 3600);
    let refused = Verdict::of(&hour, Some((200, r#"{"allow":false}"#)), NOW);
    assert_eq!(refused.at(&hour, NOW + 3599), Some(Screened::Refused));
    assert_eq!(refused.at(&hour, NOW + 3600), None);
    // the config has shortened it, or a clock went back
    assert_eq!(refused.at(&screener(false, 60), NOW), None);
    assert_eq!(refused.at(&hour, NOW - 1), None);
    let silent = Verdict::of(&hour, None, NOW);
    assert_eq!(silent.at(&hour, NOW + 1), Some(Screened::Unknown(4)));
    assert_eq!(silent.at(&hour, NOW + 5), None);
    assert_eq!(silent.write(), None);
    let open = screener(true, 1);
    assert_eq!(Verdict::of(&open, None, NOW).at(&open, NOW + 1), Some(Screened::Allowed));
}
