//! A chain's answers. The first byte chooses which question was asked; the rest is the body.

use farthing::{
    evm::{
        Address, B256, U256,
        chain::{self, Use, Wanted},
        hex,
    },
    money::Amount,
};
use serde_json::Value;

fn wanted() -> Wanted {
    Wanted {
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
    match choice % 4 {
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
    let topics = |log: &Value| log["topics"].as_array().unwrap().iter().map(lower).collect::<Vec<_>>();
    let word = |byte: &str| format!("0x{}{}", "0".repeat(24), byte.repeat(20));
    let paid = logs.windows(2).any(|pair| {
        let [used, moved] = pair else { return false };
        let token = format!("0x{}", "aa".repeat(20));
        lower(&used["address"]) == token
            && lower(&moved["address"]) == token
            && topics(used).get(1..) == Some(&[word("bb"), format!("0x{}", "dd".repeat(32))])
            && topics(moved).get(1..) == Some(&[word("bb"), word("cc")])
            && lower(&moved["data"]) == format!("0x{:064x}", wanted.value.atomic())
            && quantity(&used["logIndex"]).unwrap() + 1 == quantity(&moved["logIndex"]).unwrap()
    });
    assert!(paid);
}
