//! Which of a payer's rows have to stay, though the payer wants them erased, and what has to be remembered of the others.

use super::{Phase, Row, retire, step::after_window};

/// Why a row stays for now, and until when as far as that is known: Unix seconds. None where nothing more can become of it.
///
/// What is under way could still move money, and a refusal that the chain was not asked about may have: whoever forgets them forgets a
/// charge (S3), or gives an article to the next who sends the same authorization. A transfer whose block may be undone is still to be
/// watched: the books would keep what the chain has taken back.
/// ```
/// use farthing::ledger::{Claim, Event, Intent, Payer, Screened, Settlement, Terms, claim, step, stays};
/// # let intent: Intent = serde_json::from_str(r#"{
/// #    "resource": "https://news.example/articles/x", "seconds": 2592000, "version": 2, "network": "eip155:84532",
/// #    "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "payer": "0x0202020202020202020202020202020202020202",
/// #    "payTo": "0x0303030303030303030303030303030303030303", "amount": "50000",
/// #    "nonce": "0x0404040404040404040404040404040404040404040404040404040404040404", "validBefore": 1800000300,
/// #    "digest": "d", "secret": true, "tagged": true, "address": "", "receipt": "r", "request": "{}"
/// # }"#).unwrap();
/// # let nobody = Payer { same: None, named: None, other_open: false, open: 0, refused: 0, owned: None, credit: None, verified: false,
/// #    screened: Screened::Allowed };
/// # let (now, terms) = (1_800_000_000, Terms { timeout: 20, confirmations: 0, readable: false });
/// # let Claim::Won(row) = claim(nobody, &intent, now) else { panic!() };
/// let (settling, _) = step(&row, Event::OriginReady { fence: row.fence, charge: None }, now, &terms);
/// assert_eq!(stays(&settling), Some(("under-way", 1_800_000_330)));
/// // a facilitator's word, and no chain to look at
/// let settlement = Settlement::Done { transaction: "0x01".into() };
/// let (settled, _) = step(&settling, Event::Answered { fence: settling.fence, settlement }, now, &terms);
/// assert_eq!(stays(&settled), None);
/// ```
pub fn stays(row: &Row) -> Option<(&'static str, u64)> {
    if retire(row).is_some() {
        return None;
    }
    Some(match &row.phase {
        Phase::Settled { watch: Some(watch), .. } => ("not-final", watch.next),
        Phase::Rejected { .. } => ("refused", after_window(row)),
        _ => ("under-way", after_window(row)),
    })
}

/// Until when it has to be known that an authorization was taken, though its row is erased: Unix seconds. None where it says no more than
/// its absence: nothing was ever sent, and it may be used.
pub fn remembered(row: &Row) -> Option<u64> {
    if row.phase == Phase::Released {
        return None;
    }
    retire(row)
}
