//! Mistakes that a ledger could make, each of which the search has to find.

use farthing::ledger::{self, Claim, Event, Intent, Payer, Phase, Row, Settlement, Terms, Work};

/// A mistake made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// An unknown outcome counts as a refusal, and the authorization may be used anew.
    UnknownIsRefused,
    /// A settle call whose end nobody saw counts as never made.
    LostCallsAreForgotten,
    /// A second authorization for the same article does not wait for the first.
    NobodyWaits,
    /// An authorization is not bound to its first article.
    NothingIsBound,
    /// An unused nonce counts as expired though its window is open.
    EarlyExpiry,
    /// Nobody looks at the chain after a settlement.
    NobodyWatches,
    /// A facilitator's word counts where blocks were asked for.
    NobodyConfirms,
    /// A payment for a wider offer waits for one at the same article alone, so that of two tabs each pays.
    EachTabPays,
    /// Who has a time pass, or articles left, is charged for another.
    WiderIsSoldAgain,
}

impl Broken {
    pub(crate) const ALL: [Self; 9] = [
        Self::UnknownIsRefused,
        Self::LostCallsAreForgotten,
        Self::NobodyWaits,
        Self::NothingIsBound,
        Self::EarlyExpiry,
        Self::NobodyWatches,
        Self::NobodyConfirms,
        Self::EachTabPays,
        Self::WiderIsSoldAgain,
    ];
}

pub(crate) fn claim(broken: Option<Broken>, payer: Payer<'_>, intent: &Intent, now: u64) -> Claim {
    match broken {
        Some(Broken::NobodyWaits) => ledger::claim(
            Payer {
                other_open: false,
                ..payer
            },
            intent,
            now,
        ),
        Some(Broken::NothingIsBound) => {
            let same = payer.same.map(|row| Row {
                intent: intent.clone(),
                ..row.clone()
            });
            ledger::claim(
                Payer {
                    same: same.as_ref(),
                    ..payer
                },
                intent,
                now,
            )
        }
        Some(Broken::WiderIsSoldAgain) => ledger::claim(
            Payer {
                owned: payer.owned.filter(|owned| owned.pass.is_none()),
                credit: None,
                ..payer
            },
            intent,
            now,
        ),
        _ => ledger::claim(payer, intent, now),
    }
}

pub(crate) fn step(broken: Option<Broken>, row: &Row, mut event: Event, now: u64, terms: &Terms) -> (Row, Work) {
    let mut terms = *terms;
    if broken == Some(Broken::NobodyConfirms) {
        terms.confirmations = 0;
    }
    if broken == Some(Broken::UnknownIsRefused)
        && let Event::Answered {
            settlement: settlement @ Settlement::Unclear,
            ..
        } = &mut event
    {
        *settlement = Settlement::Refused {
            reason: "insufficient_funds".into(),
        };
    }
    let (mut next, work) = ledger::step(row, event.clone(), now, &terms);
    if broken == Some(Broken::NobodyWatches)
        && let Phase::Settled { watch, .. } = &mut next.phase
    {
        *watch = None;
    }
    if broken == Some(Broken::LostCallsAreForgotten)
        && matches!((&row.phase, &next.phase), (Phase::Settling { .. }, Phase::Unknown { .. }))
        && event == Event::Tick
    {
        next.phase = Phase::Released;
        return (next, Work::None);
    }
    if broken == Some(Broken::EarlyExpiry)
        && let (
            Phase::Unknown { .. },
            Event::Observed {
                observation: ledger::Observation::Unused { .. },
                ..
            },
        ) = (&row.phase, &event)
    {
        next.phase = Phase::Expired;
        return (next, Work::None);
    }
    (next, work)
}
