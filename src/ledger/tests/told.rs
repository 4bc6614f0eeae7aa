use super::*;
use crate::ledger::told_of;

fn phases() -> [Phase; 7] {
    let unknown = Phase::Unknown {
        since: NOW,
        attempts: 1,
        checks: 0,
        next: NOW,
        looked: 0,
        told: None,
    };
    let settled = Phase::Settled {
        transaction: "0x01".into(),
        at: NOW,
        block: None,
        watch: None,
    };
    let rejected = Phase::Rejected {
        reason: "insufficient_funds".into(),
        at: NOW,
        closed: false,
        checks: 0,
    };
    let settling = Phase::Settling {
        attempt: 1,
        deadline: NOW,
    };
    [
        Phase::Claimed { deadline: NOW },
        settling,
        unknown,
        settled,
        rejected,
        Phase::Expired,
        Phase::Waived,
    ]
}

#[test]
fn g5_a_charge_counts_up_once_and_down_once_whatever_the_way() {
    let counted = |before: &Phase, after: &Phase| match told_of(&in_phase(before.clone()), &in_phase(after.clone())) {
        Some(("settled", _)) => 1,
        Some(("undone", _)) => -1,
        _ => 0,
    };
    let is_settled = |phase: &Phase| i32::from(matches!(phase, Phase::Settled { .. }));
    for before in &phases() {
        for after in &phases() {
            // whatever steps follow each other, their sum is whether it is settled now
            assert_eq!(
                counted(before, after),
                is_settled(after) - is_settled(before),
                "{before:?} {after:?}"
            );
        }
    }
}

#[test]
fn g1_what_went_wrong_is_told_by_a_slug_and_never_in_a_facilitators_words() {
    let [_, settling, unknown, _, rejected, expired, _] = phases();
    let told = |before: &Phase, after: &Phase| told_of(&in_phase(before.clone()), &in_phase(after.clone()));
    assert_eq!(told(&settling, &rejected), Some(("rejected", "insufficient-funds")));
    let foreign = Phase::Rejected {
        reason: "0xwhoever\nknows".into(),
        at: NOW,
        closed: false,
        checks: 0,
    };
    assert_eq!(told(&unknown, &foreign), Some(("rejected", "settlement-refused")));
    assert_eq!(told(&settling, &unknown), Some(("pending", "settlement-pending")));
    assert_eq!(told(&unknown, &expired), Some(("rejected", "authorization-expired")));
    assert_eq!(told(&rejected, &rejected), None);
}
