//! The decisions and transitions, one by one.

mod answers;
mod books;
mod bundles;
mod claims;
mod extensions;
mod methods;
mod read;
mod screen;
mod standing;
mod steps;
mod table;
mod told;
mod watch;

use alloc::{borrow::ToOwned, format, string::String};

use super::*;
use crate::{
    evm::{Address, B256, Transfer, U256},
    money::Amount,
    problem::Problem,
    x402::Network,
};

const NOW: u64 = 1_000_000;
const TERMS: Terms = Terms {
    timeout: 20,
    confirmations: 0,
    readable: false,
};
const TX: &str = "0xabababababababababababababababababababababababababababababababab";

fn intent() -> Intent {
    Intent {
        resource: "https://n.example/a".into(),
        seconds: Some(1000),
        offer: None,
        passes: Vec::new(),
        version: 2,
        network: Network::BASE_SEPOLIA,
        asset: Address::repeat_byte(1),
        transfer: Transfer::Eip3009,
        metered: None,
        upfront: false,
        verify: false,
        contract: false,
        payer: Address::repeat_byte(2),
        pay_to: Address::repeat_byte(3),
        amount: Amount::from_atomic(U256::from(50_000)),
        nonce: B256::repeat_byte(4),
        valid_before: NOW + 300,
        confirmations: 0,
        digest: "d".into(),
        secret: true,
        tagged: false,
        identifier: None,
        address: "home".into(),
        late: None,
        receipt: "r".into(),
        audience: None,
        request: "{}".into(),
    }
}

fn alone() -> Payer<'static> {
    Payer {
        same: None,
        named: None,
        other_open: false,
        open: 0,
        refused: 0,
        owned: None,
        credit: None,
        verified: false,
        screened: Screened::Allowed,
    }
}

fn knowing(row: &Row) -> Payer<'_> {
    Payer {
        same: Some(row),
        ..alone()
    }
}

fn won() -> Row {
    match claim(alone(), &intent(), NOW) {
        Claim::Won(row) => *row,
        other => panic!("{other:?}"),
    }
}

fn in_phase(phase: Phase) -> Row {
    Row { phase, ..won() }
}

fn settled() -> Phase {
    Phase::Settled {
        transaction: TX.into(),
        at: NOW,
        block: None,
        watch: None,
    }
}

fn unknown() -> Phase {
    Phase::Unknown {
        since: NOW,
        attempts: 1,
        checks: 0,
        next: NOW,
        looked: 0,
        told: None,
    }
}

fn floor(number: u64) -> Floor {
    let hash = B256::repeat_byte(9);
    Floor { number, hash }
}

fn slug(claim: Claim) -> String {
    match claim {
        Claim::Reply(Reply::Refuse(refused)) => refused.problem,
        Claim::Reply(Reply::Deliver(grant)) => format!("deliver{}", if grant.until.is_some() { " and mint" } else { "" }),
        Claim::Won(_) => "won".into(),
        Claim::Join => "join".into(),
        Claim::WaitForOther => "wait".into(),
        Claim::Resolve => "resolve".into(),
        Claim::Owned => "owned".into(),
        other => format!("{other:?}"),
    }
}

fn settling() -> (Row, u64) {
    let row = won();
    let (row, work) = step(
        &row,
        Event::OriginReady {
            fence: row.fence,
            charge: None,
        },
        NOW,
        &TERMS,
    );
    let Work::Settle { fence } = work else { panic!() };
    (row, fence)
}
