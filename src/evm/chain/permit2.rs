//! The fate of a Permit2 permit: its bit in the nonce bitmap, and the proxy's call that used it.
//!
//! Permit2 leaves no log that names the nonce, so the evidence is a transaction to the x402 proxy of
//! the scheme, whose call data carry the wanted permit at their fixed places, and in whose receipt the
//! wanted transfer stands (threat A10). A settlement inside another contract's call is not
//! recognised: it stays open until the facilitator says so.
//! ```
//! use farthing::{evm::{Address, B256, Transfer, chain::{Wanted, permit2}}, x402::v2::Scheme};
//! let price = "50000".parse().unwrap();
//! let wanted = Wanted {
//!     asset: Address::repeat_byte(1), from: Address::repeat_byte(2), to: Address::repeat_byte(3),
//!     value: price, promised: price,
//!     nonce: B256::with_last_byte(9), transfer: Transfer::Permit2, scheme: Scheme::Exact,
//! };
//! // the word of its bitmap that has the nonce's bit, 9
//! let word = |bits: u16| format!(r#"{{"jsonrpc":"2.0","id":1,"result":"0x{bits:064x}"}}"#);
//! assert_eq!(permit2::read_bitmap(word(1 << 9).as_bytes(), &wanted), Ok(true));
//! assert_eq!(permit2::read_bitmap(word(1 << 8).as_bytes(), &wanted), Ok(false));
//! ```

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use alloy_primitives::{B256, U256, keccak256};
use serde::Serialize;

use super::{Unreadable, Wanted, by_number, bytes, call, quantity, read, request, topics, transfer, word};
use crate::{
    evm::{Permit, hex, permit2::PERMIT2},
    x402::v2::Scheme,
};

/// Asks for the bitmap word that has the nonce's bit, at a block (Permit2 `nonceBitmap`).
pub fn ask_bitmap(wanted: &Wanted, block: u64) -> Vec<u8> {
    let nonce = U256::from_be_bytes(wanted.nonce.0);
    let place: U256 = nonce.wrapping_shr(8);
    let words = [wanted.from.into_word(), B256::from(place)];
    call(PERMIT2, "nonceBitmap(address,uint256)", &words, by_number(block))
}

/// Reads whether the nonce is used.
pub fn read_bitmap(body: &[u8], wanted: &Wanted) -> Result<bool, Unreadable> {
    let [.., bit] = wanted.nonce.0;
    read(body, |word| {
        Some(U256::from_be_bytes(hex::read::<32>(word.text()?)?).bit(bit.into()))
    })
}

/// Asks for the token's transfers from payer to payee between two blocks, both included.
pub fn ask_transfers(wanted: &Wanted, from: u64, to: u64) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Filter {
        #[serde(with = "hex::address")]
        address: alloy_primitives::Address,
        topics: [String; 3],
        from_block: String,
        to_block: String,
    }
    let filter = Filter {
        address: wanted.asset,
        topics: [transfer(), wanted.from.into_word(), wanted.to.into_word()].map(|word| hex::print(word.as_slice())),
        from_block: by_number(from),
        to_block: by_number(to),
    };
    request("eth_getLogs", [filter])
}

/// Reads the transactions that moved exactly the wanted value, oldest first, each once.
pub fn read_transfers(body: &[u8], wanted: &Wanted) -> Result<Vec<String>, Unreadable> {
    read(body, |logs| {
        let mut found: Vec<String> = Vec::new();
        for log in logs.items()? {
            let hash = log.get("transactionHash")?.text()?;
            if word(log, "data")? == wanted.value.atomic() && !found.iter().any(|known| known == hash) {
                found.push(hash.to_string());
            }
        }
        Some(found)
    })
}

/// Asks for the payer's invalidations of its own nonces between two blocks, both included.
pub fn ask_invalidations(wanted: &Wanted, from: u64, to: u64) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Filter {
        #[serde(with = "hex::address")]
        address: alloy_primitives::Address,
        topics: [String; 2],
        from_block: String,
        to_block: String,
    }
    let event = keccak256("UnorderedNonceInvalidation(address,uint256,uint256)");
    let filter = Filter {
        address: PERMIT2,
        topics: [event, wanted.from.into_word()].map(|word| hex::print(word.as_slice())),
        from_block: by_number(from),
        to_block: by_number(to),
    };
    request("eth_getLogs", [filter])
}

/// Reads whether one of them is of the wanted nonce: its word of the bitmap, then a mask.
pub fn read_invalidation(body: &[u8], wanted: &Wanted) -> Result<bool, Unreadable> {
    let nonce = U256::from_be_bytes(wanted.nonce.0);
    let place: U256 = nonce.wrapping_shr(8);
    let [.., bit] = wanted.nonce.0;
    read(body, |logs| {
        let mut named = false;
        for log in logs.items()? {
            let data = bytes::<64>(log, "data")?;
            let (word, mask) = data.split_first_chunk::<32>()?;
            let mask = U256::try_from_be_slice(mask)?;
            named |= U256::from_be_bytes(*word) == place && mask.bit(bit.into());
        }
        Some(named)
    })
}

/// Asks for a transaction.
pub fn ask_transaction(hash: &str) -> Vec<u8> {
    request("eth_getTransactionByHash", [hash])
}

/// Reads whether a transaction is the proxy's settlement of the wanted permit; its block if it is.
pub fn read_settlement(body: &[u8], wanted: &Wanted) -> Result<Option<u64>, Unreadable> {
    read(body, |transaction| {
        let input = transaction.get("input")?.text()?;
        if transaction.get("blockNumber").is_none() {
            return Some(None);
        }
        let ours = bytes(transaction, "to") == Some(Permit::proxy(wanted.scheme).0.0) && is_settlement(input, wanted);
        Some(ours.then_some(quantity(transaction, "blockNumber")?))
    })
}

/// Where the permit's words stand: after the selector, and after the five words of an EIP-2612 permit
/// in the variant that has one.
fn is_settlement(input: &str, wanted: &Wanted) -> bool {
    const PERMIT: &str = "((address,uint256),uint256,uint256)";
    let (arguments, place): (_, usize) = match wanted.scheme {
        Scheme::Exact => ("address,(address,uint256),bytes", 4),
        Scheme::Upto => ("uint256,address,(address,address,uint256),bytes", 5),
    };
    let selector = |text: String| hex::print(keccak256(text.as_bytes()).get(..4).unwrap_or_default());
    let plain = selector(alloc::format!("settle({PERMIT},{arguments})"));
    let with_permit = selector(alloc::format!(
        "settleWithPermit((uint256,uint256,bytes32,bytes32,uint8),{PERMIT},{arguments})"
    ));
    let skip: usize = match input.get(..10) {
        Some(start) if start.eq_ignore_ascii_case(&plain) => 0,
        Some(start) if start.eq_ignore_ascii_case(&with_permit) => 5,
        _ => return false,
    };
    let word = |index: usize| {
        let from = 10_usize.saturating_add(index.saturating_add(skip).saturating_mul(64));
        let digits = input.get(from..from.saturating_add(64))?;
        hex::read::<32>(&alloc::format!("0x{digits}")).map(B256::new)
    };
    let wants = [
        (0, wanted.asset.into_word()),
        (1, B256::from(wanted.promised.atomic())),
        (2, wanted.nonce),
        (place, wanted.from.into_word()),
        (place.saturating_add(1), wanted.to.into_word()),
    ];
    let charged = wanted.scheme == Scheme::Exact || word(4) == Some(B256::from(wanted.value.atomic()));
    charged && wants.iter().all(|(index, value)| word(*index).as_ref() == Some(value))
}

/// Reads from a receipt whether the transaction went through and made the wanted transfer.
pub fn read_receipt(body: &[u8], wanted: &Wanted) -> Result<bool, Unreadable> {
    let moved = [transfer(), wanted.from.into_word(), wanted.to.into_word()];
    read(body, |receipt| {
        let made = receipt.get("logs")?.items()?.iter().any(|log| {
            bytes(log, "address") == Some(wanted.asset.0.0)
                && topics(log).is_some_and(|topics| topics == moved)
                && word(log, "data") == Some(wanted.value.atomic())
        });
        Some(made && quantity(receipt, "status")? == 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evm::{Address, Transfer},
        money::Amount,
    };

    fn wanted(scheme: Scheme) -> Wanted {
        Wanted {
            asset: Address::repeat_byte(0xaa),
            from: Address::repeat_byte(0xbb),
            to: Address::repeat_byte(0xcc),
            value: Amount::from_atomic(U256::from(7)),
            promised: Amount::from_atomic(U256::from(if scheme == Scheme::Exact { 7 } else { 10 })),
            nonce: B256::from(U256::from(0x1234)),
            transfer: Transfer::Permit2,
            scheme,
        }
    }

    fn words(words: &[U256]) -> String {
        words.iter().map(|word| alloc::format!("{word:064x}")).collect()
    }

    fn number(address: Address) -> U256 {
        U256::from_be_bytes(address.into_word().0)
    }

    fn transaction(to: Address, input: &str) -> Vec<u8> {
        alloc::format!(r#"{{"result":{{"to":"{to}","input":"{input}","blockNumber":"0x10"}}}}"#).into_bytes()
    }

    #[test]
    fn a_bit_of_the_bitmap_is_the_nonce() {
        let wanted = wanted(Scheme::Exact);
        let asked = String::from_utf8(ask_bitmap(&wanted, 3)).unwrap();
        assert!(asked.contains(&words(&[U256::from(0x12)])), "{asked}");
        let answer = |word: U256| alloc::format!(r#"{{"result":"0x{word:064x}"}}"#).into_bytes();
        assert_eq!(read_bitmap(&answer(U256::from(1) << 0x34), &wanted), Ok(true));
        assert_eq!(read_bitmap(&answer(U256::MAX ^ (U256::from(1) << 0x34)), &wanted), Ok(false));
        assert_eq!(read_bitmap(br#"{"result":"0x"}"#, &wanted), Err(Unreadable));
    }

    #[test]
    fn a_payer_can_take_a_nonce_back() {
        let wanted = wanted(Scheme::Exact);
        let log = |word: u64, mask: U256| {
            let data = words(&[U256::from(word), mask]);
            alloc::format!(r#"{{"result":[{{"data":"0x{data}"}}]}}"#).into_bytes()
        };
        assert_eq!(read_invalidation(&log(0x12, U256::MAX), &wanted), Ok(true));
        assert_eq!(read_invalidation(&log(0x12, U256::from(1) << 0x35), &wanted), Ok(false));
        assert_eq!(read_invalidation(&log(0x13, U256::MAX), &wanted), Ok(false));
        assert_eq!(read_invalidation(br#"{"result":[]}"#, &wanted), Ok(false));
        assert_eq!(read_invalidation(br#"{"result":[{"data":"0x"}]}"#, &wanted), Err(Unreadable));
    }

    #[test]
    fn a10_only_the_proxys_own_call_with_this_permit_is_evidence() {
        let proxy = Permit::proxy(Scheme::Exact);
        let wanted = wanted(Scheme::Exact);
        let permit = [
            number(wanted.asset),
            U256::from(7),
            U256::from(0x1234),
            U256::from(99),
            number(wanted.from),
            number(wanted.to),
            U256::ZERO,
            U256::from(0x100),
        ];
        let selector = |text: &str| hex::print(&keccak256(text)[..4]);
        let settle = selector("settle(((address,uint256),uint256,uint256),address,(address,uint256),bytes)");
        let with = selector(
            "settleWithPermit((uint256,uint256,bytes32,bytes32,uint8),((address,uint256),uint256,uint256),address,(address,uint256),bytes)",
        );
        let good = alloc::format!("{settle}{}", words(&permit));
        assert_eq!(read_settlement(&transaction(proxy, &good), &wanted), Ok(Some(16)));
        let gasless = alloc::format!("{with}{}{}", words(&[U256::from(1); 5]), words(&permit));
        assert_eq!(read_settlement(&transaction(proxy, &gasless), &wanted), Ok(Some(16)));
        // by anybody's own contract, which could carry any words
        let other = transaction(Address::repeat_byte(9), &good);
        assert_eq!(read_settlement(&other, &wanted), Ok(None));
        for index in [0, 1, 2, 4, 5] {
            let mut changed = permit;
            changed[index] += U256::from(1);
            let input = alloc::format!("{settle}{}", words(&changed));
            assert_eq!(
                read_settlement(&transaction(proxy, &input), &wanted),
                Ok(None),
                "word {index}"
            );
        }
        let pending = good.replace("0x10", "");
        assert_eq!(read_settlement(&transaction(proxy, &pending[..20]), &wanted), Ok(None));
    }

    #[test]
    fn what_was_charged_of_a_metered_permit_is_part_of_the_evidence() {
        let wanted = wanted(Scheme::Upto);
        let proxy = Permit::proxy(Scheme::Upto);
        let call = |charged: u64| {
            let selector =
                &keccak256("settle(((address,uint256),uint256,uint256),uint256,address,(address,address,uint256),bytes)")[..4];
            let words = words(&[
                number(wanted.asset),
                U256::from(10),
                U256::from(0x1234),
                U256::from(99),
                U256::from(charged),
                number(wanted.from),
                number(wanted.to),
                number(Address::repeat_byte(0xdd)),
                U256::ZERO,
            ]);
            alloc::format!("{}{words}", hex::print(selector))
        };
        assert_eq!(read_settlement(&transaction(proxy, &call(7)), &wanted), Ok(Some(16)));
        assert_eq!(read_settlement(&transaction(proxy, &call(8)), &wanted), Ok(None));
    }
}
