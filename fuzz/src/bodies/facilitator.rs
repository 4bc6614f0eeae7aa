//! A facilitator's answer to `/settle`. The first byte chooses the HTTP status; the rest is the body.

use farthing::{
    evm::{Address, B256, hex},
    ledger::{Intent, Phase, Row, Settlement, read_settlement},
    money::Amount,
    x402::Network,
};

use super::world;

const STATUSES: [u16; 8] = [200, 201, 400, 402, 404, 429, 500, 503];

fn row() -> Row {
    Row {
        intent: Intent {
            resource: world::ARTICLE.into(),
            seconds: Some(60),
            version: 2,
            network: Network::BASE_SEPOLIA,
            asset: Address::ZERO,
            payer: world::payer(),
            pay_to: Address::ZERO,
            amount: Amount::ZERO,
            nonce: B256::ZERO,
            valid_before: world::NOW,
            digest: String::new(),
            secret: false,
            tagged: false,
            address: String::new(),
            late: None,
            receipt: String::new(),
            request: String::new(),
        },
        phase: Phase::Settling { attempt: 1, deadline: 0 },
        fence: 1,
        created: 0,
        floor: None,
    }
}

pub(super) fn run(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let status = STATUSES[usize::from(*choice) % STATUSES.len()];
    let body = match core::str::from_utf8(body) {
        Ok(text) => world::fill(text).into_bytes(),
        Err(_) => body.to_vec(),
    };
    let read = read_settlement(&row(), status, &body);
    // a lone surrogate or a number beyond all floats, in a member that nobody reads, is a value to one reader and none to this
    let Ok(said) = world::second_opinion(&body) else { return };
    let said = || said.clone().expect("only JSON proves anything");
    match read {
        Settlement::Unclear => {}
        // threat A15
        Settlement::Done { transaction } => {
            let said = said();
            assert_eq!(said["success"], true);
            assert_eq!(said["transaction"], transaction);
            assert!(hex::read::<32>(&transaction).is_some());
            assert!(matches!(said["network"].as_str(), Some("eip155:84532" | "base-sepolia")));
            let payer = said["payer"].as_str().map(|text| hex::read(text).map(Address::new));
            assert!(payer.is_none_or(|payer| payer == Some(world::payer())));
        }
        // nothing can have been broadcast
        Settlement::Refused { reason } => {
            let said = said();
            assert_eq!(said["success"], false);
            assert!(status < 500);
            assert!(said["transaction"].as_str().unwrap_or_default().is_empty());
            assert!((1..=80).contains(&reason.len()));
            assert!(reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
        }
    }
}
