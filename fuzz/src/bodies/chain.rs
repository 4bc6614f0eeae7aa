//! A chain's answers. The first byte chooses which question was asked; the rest is the body.

use farthing::{
    evm::{
        Address, B256, Permit, Transfer, U256,
        chain::{self, Use, Wanted, permit2},
        hex,
    },
    money::Amount,
    x402::v2::Scheme,
};
use serde_json::Value;

fn wanted() -> Wanted {
    Wanted {
        promised: Amount::from_atomic(U256::from(50_000)),
        transfer: Transfer::Eip3009,
        scheme: Scheme::Exact,
        asset: Address::repeat_byte(0xaa),
        from: Address::repeat_byte(0xbb),
        to: Address::repeat_byte(0xcc),
        value: Amount::from_atomic(U256::from(50_000)),
        nonce: B256::repeat_byte(0xdd),
    }
}

/// The one spelling a number has, read by other means.
fn quantity(value: &Value) -> Option<u64> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| {
        digits.chars().try_fold(0_u64, |sum, digit| {
            sum.checked_mul(16)?.checked_add(digit.to_digit(16)?.into())
        })
    })?
}

pub(super) fn run(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let Ok(said) = super::world::second_opinion(body) else {
        return;
    };
    let said = || said.clone().expect("only JSON proves anything")["result"].clone();
    match choice % 9 {
        0 => {
            if let Ok(block) = chain::read_block(body) {
                let said = said();
                assert_eq!(quantity(&said["number"]), Some(block.number));
                assert_eq!(quantity(&said["timestamp"]), Some(block.time));
            }
        }
        1 => {
            if let Ok(used) = chain::read_authorization_state(body) {
                let word = hex::read::<32>(said().as_str().unwrap()).unwrap();
                assert_eq!(U256::from_be_bytes(word), U256::from(u8::from(used)));
            }
        }
        2 => {
            if let Ok(found) = chain::read_use(body) {
                let said = said();
                let first = &said[0];
                match found {
                    None => assert_eq!(said.as_array().map(Vec::len), Some(0)),
                    Some(Use::Cancelled) => assert!(first["topics"][0].is_string()),
                    Some(Use::Transferred(transaction)) => assert_eq!(first["transactionHash"], transaction),
                }
            }
        }
        4 => {
            if let Ok(used) = permit2::read_bitmap(body, &wanted()) {
                let word = hex::read::<32>(said().as_str().unwrap()).unwrap();
                // the nonce is 0xdd…dd: bit 0xdd of its word
                assert_eq!(word[31 - 0xdd / 8] >> (0xdd % 8) & 1 == 1, used);
            }
        }
        5 => {
            if let Ok(found) = permit2::read_transfers(body, &wanted()) {
                let said = said();
                for (index, transaction) in found.iter().enumerate() {
                    assert!(!found[index + 1..].contains(transaction), "each once");
                    assert!(
                        said.as_array()
                            .unwrap()
                            .iter()
                            .any(|log| log["transactionHash"] == *transaction)
                    );
                }
            }
        }
        8 => {
            if let Ok(true) = permit2::read_receipt(body, &wanted()) {
                let said = said();
                assert_eq!(quantity(&said["status"]), Some(1));
                let token = format!("0x{}", "aa".repeat(20));
                let logs = said["logs"].as_array().unwrap();
                assert!(
                    logs.iter()
                        .any(|log| log["address"].as_str().is_some_and(|text| text.eq_ignore_ascii_case(&token)))
                );
            }
        }
        6 => {
            let _ = permit2::read_invalidation(body, &wanted());
        }
        7 => {
            for scheme in [Scheme::Exact, Scheme::Upto] {
                let wanted = Wanted { scheme, ..wanted() };
                if let Ok(Some(block)) = permit2::read_settlement(body, &wanted) {
                    let said = said();
                    assert_eq!(quantity(&said["blockNumber"]), Some(block));
                    assert_eq!(
                        hex::read(said["to"].as_str().unwrap()).map(Address::new),
                        Some(Permit::proxy(scheme))
                    );
                    let input = said["input"].as_str().unwrap().to_ascii_lowercase();
                    for part in [
                        "bb".repeat(20),
                        "dd".repeat(32),
                        "cc".repeat(20),
                        "aa".repeat(20),
                        format!("{:064x}", 50_000),
                    ] {
                        assert!(input.contains(&part), "names payer, nonce, payee, token and amount");
                    }
                }
            }
        }
        _ => {
            if let Ok(Some(block)) = chain::read_transfer(body, &wanted()) {
                evidence(&said(), block);
            }
        }
    }
}

/// Threat A10: one log of the wanted nonce, and directly behind it one of the wanted transfer, both by the token.
fn evidence(receipt: &Value, block: u64) {
    let wanted = wanted();
    assert_eq!(quantity(&receipt["blockNumber"]), Some(block));
    assert_eq!(quantity(&receipt["status"]), Some(1));
    let logs = receipt["logs"].as_array().unwrap();
    let lower = |value: &Value| value.as_str().unwrap_or_default().to_ascii_lowercase();
    let topics = |log: &Value| log["topics"].as_array().into_iter().flatten().map(lower).collect::<Vec<_>>();
    let word = |byte: &str| format!("0x{}{}", "0".repeat(24), byte.repeat(20));
    let paid = logs.windows(2).any(|pair| {
        let [used, moved] = pair else { return false };
        let token = format!("0x{}", "aa".repeat(20));
        lower(&used["address"]) == token
            && lower(&moved["address"]) == token
            && topics(used).get(1..) == Some(&[word("bb"), format!("0x{}", "dd".repeat(32))])
            && topics(moved).get(1..) == Some(&[word("bb"), word("cc")])
            && lower(&moved["data"]) == format!("0x{:064x}", wanted.value.atomic())
            && quantity(&used["logIndex"]).map(|index| index + 1) == quantity(&moved["logIndex"])
    });
    assert!(paid);
}
