//! What the books are told, and when.

use super::*;

fn state(row: &Row) -> Option<&'static str> {
    entry(row).map(|entry| entry.state)
}

#[test]
fn every_phase_that_says_something_about_money_has_an_entry() {
    assert_eq!(state(&won()), None);
    assert_eq!(state(&in_phase(Phase::Released)), None);
    let settling = |attempt| Phase::Settling { attempt, deadline: NOW };
    assert_eq!(state(&in_phase(settling(1))), None);
    assert_eq!(state(&in_phase(settling(2))), Some("unknown"));
    assert_eq!(state(&in_phase(unknown())), Some("unknown"));
    for (phase, state) in [
        (Phase::Expired, "expired"),
        (Phase::Cancelled, "cancelled"),
        (Phase::Foreign, "elsewhere"),
    ] {
        let row = in_phase(phase);
        let entry = entry(&row).unwrap();
        assert_eq!((entry.state, entry.charged, entry.transaction), (state, None, None));
    }
    let row = in_phase(Phase::Waived);
    assert_eq!(entry(&row).unwrap().charged, Some(Amount::ZERO));
    let row = Row {
        charge: Some(Amount::from_atomic(U256::from(7))),
        ..in_phase(settled())
    };
    let told = serde_json::to_value(entry(&row).unwrap()).unwrap();
    assert_eq!(
        told,
        serde_json::json!({
            "key": row.intent.key(), "state": "settled", "receipt": "r", "resource": "https://n.example/a", "network": "eip155:84532",
            "asset": Address::repeat_byte(1).to_checksum(None), "payer": Address::repeat_byte(2).to_checksum(None),
            "payTo": Address::repeat_byte(3).to_checksum(None), "amount": "50000", "charged": "7", "transaction": TX,
            "firstSeen": NOW, "settledAt": NOW
        })
    );
}

#[test]
fn g5_the_books_are_told_what_is_new_and_nothing_twice() {
    let row = |phase| in_phase(phase);
    let told = |before: Option<&Row>, after: &Row| news(before, after).map(|entry| entry.state);
    let (claimed, open, paid) = (won(), row(unknown()), row(settled()));
    assert_eq!(told(None, &claimed), None);
    assert_eq!(told(Some(&claimed), &paid), Some("settled"));
    assert_eq!(told(Some(&claimed), &open), Some("unknown"));
    // looked at again, tried again, still unknown
    let later = row(Phase::Unknown {
        since: NOW,
        attempts: 2,
        checks: 5,
        next: NOW + 90,
        looked: 0,
        told: None,
    });
    assert_eq!(told(Some(&open), &later), None);
    let again = row(Phase::Settling {
        attempt: 2,
        deadline: NOW,
    });
    assert_eq!((told(Some(&open), &again), told(Some(&again), &later)), (None, None));
    // answered, delivered, looked at: the money is the same
    let (answered, _) = step(&paid, Event::Answering, NOW + 3, &TERMS);
    assert_ne!(answered, paid);
    assert_eq!(told(Some(&paid), &answered), None);
    // undone by the chain
    assert_eq!(told(Some(&paid), &open), Some("unknown"));
    // found in another transaction than was said
    let moved = row(Phase::Settled {
        transaction: "0x02".into(),
        at: NOW,
        block: Some(7),
        watch: None,
    });
    assert_eq!(told(Some(&paid), &moved), Some("settled"));
    assert_eq!(told(Some(&paid), &paid), None);
}
