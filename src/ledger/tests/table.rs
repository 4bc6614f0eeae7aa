//! The table of transitions in the documents has every transition there is, and no other.

use alloc::{collections::BTreeSet, string::ToString, vec, vec::Vec};

use super::*;

const TABLE: &str = include_str!("../../../www/docs/ledger.md");

type Transition = (String, String, String);

fn name(phase: &Phase) -> String {
    let text = format!("{phase:?}");
    text.split([' ', '{']).next().unwrap().to_string()
}

fn documented() -> BTreeSet<Transition> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let plain = |text: &str| text.trim_matches('`').to_owned();
    cells
        .map(|cells| (plain(cells[1]), plain(cells[2]), plain(cells[3])))
        .collect()
}

/// One row for each way in which a state can stand.
fn rows() -> Vec<Row> {
    let mut all = Vec::new();
    let watch = Watch { next: NOW, checks: 1 };
    let mut phases = vec![
        Phase::Released,
        Phase::Expired,
        Phase::Cancelled,
        Phase::Waived,
        Phase::Foreign,
    ];
    for attempt in [1, 2, MAX_ATTEMPTS] {
        phases.push(Phase::Settling { attempt, deadline: NOW });
        for told in [None, Some(TX.into())] {
            phases.push(Phase::Unknown {
                since: NOW - 100,
                attempts: attempt,
                checks: 1,
                next: NOW,
                looked: 0,
                told,
            });
        }
    }
    phases.push(Phase::Claimed { deadline: NOW });
    for (closed, checks) in [(false, 1), (true, 1), (false, MAX_LAST_LOOKS)] {
        phases.push(Phase::Rejected {
            reason: "insufficient_funds".into(),
            at: NOW - 1000,
            closed,
            checks,
        });
    }
    for watch in [None, Some(watch)] {
        phases.push(Phase::Settled {
            transaction: TX.into(),
            at: NOW,
            block: None,
            watch,
        });
    }
    for phase in phases {
        for refused in [None, Some("insufficient_funds".to_owned())] {
            for (metered, tagged) in [(None, true), (Some(6), true), (None, false)] {
                let mut row = in_phase(phase.clone());
                row.refused.clone_from(&refused);
                row.floor = Some(floor(10));
                row.intent.metered = metered;
                row.intent.tagged = tagged;
                all.push(row);
            }
        }
    }
    all
}

fn events(row: &Row) -> Vec<(&'static str, Event)> {
    let fence = row.fence;
    let answered = |settlement| Event::Answered { fence, settlement };
    let after = row.intent.valid_before + EXPIRY_MARGIN_SECONDS;
    let mut all = vec![
        ("floor", Event::Floor { fence, floor: floor(7) }),
        ("origin ready", Event::OriginReady { fence, charge: None }),
        (
            "origin ready, nothing used",
            Event::OriginReady {
                fence,
                charge: Some(Amount::ZERO),
            },
        ),
        ("origin failed", Event::OriginFailed { fence }),
        ("settled", answered(Settlement::Done { transaction: TX.into() })),
        (
            "refused",
            answered(Settlement::Refused {
                reason: "insufficient_funds".into(),
            }),
        ),
        ("unclear", answered(Settlement::Unclear)),
        ("time", Event::Tick),
        ("answering", Event::Answering),
        ("delivered", Event::Delivered),
    ];
    let paid = |block, depth| Observation::Paid {
        transaction: TX.into(),
        block,
        block_time: NOW,
        depth,
        floorless: false,
    };
    for may_settle in [true, false] {
        for (name, observation) in [
            ("chain: silent", Observation::Nothing),
            ("chain: unused", Observation::Unused { block_time: NOW }),
            ("chain: unused", Observation::Unused { block_time: NOW + 60 }),
            ("chain: unused, window over", Observation::Unused { block_time: after + 1 }),
            ("chain: paid", paid(11, 0)),
            ("chain: paid", paid(11, 20)),
            ("chain: paid, before the claim", paid(9, 20)),
            ("chain: used otherwise", Observation::UsedOtherwise),
        ] {
            all.push((name, Event::Observed { observation, may_settle }));
        }
    }
    all
}

fn happening() -> BTreeSet<Transition> {
    let mut all = BTreeSet::new();
    for row in rows() {
        let from = name(&row.phase);
        for (readable, confirmations) in [(false, 0), (true, 0), (true, 3)] {
            let terms = Terms {
                timeout: 20,
                confirmations,
                readable,
            };
            for (event, what) in events(&row) {
                for now in [NOW, row.intent.valid_before + EXPIRY_MARGIN_SECONDS + 30_000] {
                    let (next, _) = step(&row, what.clone(), now, &terms);
                    let changed = core::mem::discriminant(&next.phase) != core::mem::discriminant(&row.phase);
                    // another attempt of the same is a transition, too
                    if changed || matches!(next.phase, Phase::Settling { .. }) && next != row {
                        all.insert((from.clone(), event.to_owned(), name(&next.phase)));
                    }
                    if let Phase::Rejected { closed: true, .. } = next.phase
                        && matches!(row.phase, Phase::Rejected { closed: false, .. })
                    {
                        all.insert((from.clone(), event.to_owned(), "Rejected, closed".into()));
                    }
                }
            }
        }
        if let Claim::Won(_) = claim(knowing(&row), &row.intent, NOW) {
            all.insert((from, "claim".into(), "Claimed".into()));
        }
    }
    if let Claim::Won(_) = claim(alone(), &intent(), NOW) {
        all.insert(("Absent".into(), "claim".into(), "Claimed".into()));
    }
    all
}

#[test]
fn the_documented_table_is_the_machine() {
    let (documented, happening) = (documented(), happening());
    let missing: Vec<_> = happening.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&happening).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing: {missing:#?}\nnot happening: {invented:#?}"
    );
}
