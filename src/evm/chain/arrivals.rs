//! What arrived at the payees: the transfers of some blocks, with the authorizations they used.
//!
//! Two questions cover any number of payments: the tokens' `Transfer` logs to the payees, and the
//! `AuthorizationUsed` logs of the payers among them. A transfer used the authorization whose log directly
//! precedes its own, of the same payer, token and transaction (threat A10).
//! ```
//! use farthing::evm::{Address, chain::arrivals};
//! let (token, payee) = (Address::repeat_byte(1), Address::repeat_byte(3));
//! let question = String::from_utf8(arrivals::ask_transfers(&[token], &[payee], 16, 20)).unwrap();
//! assert!(question.contains("\"fromBlock\":\"0x10\",\"toBlock\":\"0x14\""));
//! assert_eq!(arrivals::read_transfers(br#"{"jsonrpc":"2.0","id":1,"result":[]}"#), Ok(vec![]));
//! ```

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use alloy_primitives::{Address, B256, U256};
use serde::Serialize;

use super::{Unreadable, authorization_used, by_number, bytes, quantity, read, request, topics, transfer, word};
use crate::{evm::hex, json::Value, money::Amount};

/// A transfer that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Token contract.
    pub asset: Address,
    /// Payer.
    pub from: Address,
    /// Payee.
    pub to: Address,
    /// Atomic units, more than none.
    pub value: Amount,
    /// In this transaction.
    pub transaction: String,
    /// In this block.
    pub block: u64,
    /// Its place among the block's logs.
    pub index: u64,
}

/// The use of an authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Token contract.
    pub asset: Address,
    /// Payer.
    pub from: Address,
    /// The authorization's nonce.
    pub nonce: B256,
    /// In this transaction.
    pub transaction: String,
    /// Its place among the block's logs.
    pub index: u64,
}

/// Logs of these contracts with this first topic, and at this later place one of these addresses.
fn ask(assets: &[Address], kind: B256, place: usize, addresses: &[Address], from: u64, to: u64) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Filter {
        address: Vec<String>,
        topics: Vec<Option<Vec<String>>>,
        from_block: String,
        to_block: String,
    }
    let words = |words: &[B256]| Some(words.iter().map(|word| hex::print(word.as_slice())).collect());
    let named: Vec<B256> = addresses.iter().map(|address| address.into_word()).collect();
    let mut topics = Vec::from([words(&[kind])]);
    topics.resize(place, None);
    topics.push(words(&named));
    let filter = Filter {
        address: assets.iter().map(|asset| hex::print(asset.as_slice())).collect(),
        topics,
        from_block: by_number(from),
        to_block: by_number(to),
    };
    request("eth_getLogs", [filter])
}

/// Asks for the tokens' transfers to the payees between two blocks, both included.
pub fn ask_transfers(assets: &[Address], payees: &[Address], from: u64, to: u64) -> Vec<u8> {
    ask(assets, transfer(), 2, payees, from, to)
}

/// Asks which authorizations of these payers were used between two blocks, both included.
pub fn ask_uses(assets: &[Address], payers: &[Address], from: u64, to: u64) -> Vec<u8> {
    ask(assets, authorization_used(), 1, payers, from, to)
}

/// An address that stands in a topic.
fn address(topic: &B256) -> Option<Address> {
    let (zeroes, address) = topic.0.split_last_chunk::<20>()?;
    zeroes.iter().all(|byte| *byte == 0).then_some(Address::new(*address))
}

/// The logs that say `each` of something; what says nothing is left out, what is no log makes all unreadable.
fn logs<T>(body: &[u8], each: impl Fn(&Value<'_>) -> Option<Option<T>>) -> Result<Vec<T>, Unreadable> {
    read(body, |logs| {
        let mut found = Vec::new();
        for log in logs.items()? {
            // of a block that was undone meanwhile
            if log.get("removed").and_then(Value::bool) != Some(true) {
                found.extend(each(log)?);
            }
        }
        Some(found)
    })
}

/// Reads the transfers, oldest first. Who moves nothing is not among them: anybody can, to anybody.
pub fn read_transfers(body: &[u8]) -> Result<Vec<Arrival>, Unreadable> {
    logs(body, |log| {
        let topics = topics(log)?;
        let [_, from, to] = topics.as_slice() else {
            return None;
        };
        let value = word(log, "data")?;
        Some((value > U256::ZERO).then_some(Arrival {
            asset: bytes(log, "address").map(Address::new)?,
            from: address(from)?,
            to: address(to)?,
            value: Amount::from_atomic(value),
            transaction: log.get("transactionHash")?.text()?.to_owned(),
            block: quantity(log, "blockNumber")?,
            index: quantity(log, "logIndex")?,
        }))
    })
}

/// Reads the uses.
pub fn read_uses(body: &[u8]) -> Result<Vec<Used>, Unreadable> {
    logs(body, |log| {
        let topics = topics(log)?;
        let [_, from, nonce] = topics.as_slice() else {
            return None;
        };
        Some(Some(Used {
            asset: bytes(log, "address").map(Address::new)?,
            from: address(from)?,
            nonce: *nonce,
            transaction: log.get("transactionHash")?.text()?.to_owned(),
            index: quantity(log, "logIndex")?,
        }))
    })
}

/// The nonce of the authorization that a transfer used; none where it used none.
pub fn nonce_of(arrival: &Arrival, uses: &[Used]) -> Option<B256> {
    let found = uses.iter().find(|used| {
        used.index.checked_add(1) == Some(arrival.index)
            && used.transaction == arrival.transaction
            && used.asset == arrival.asset
            && used.from == arrival.from
    });
    found.map(|used| used.nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const TX: &str = "0xabababababababababababababababababababababababababababababababab";

    fn topic(byte: u8) -> String {
        hex::print(Address::repeat_byte(byte).into_word().as_slice())
    }

    fn log(kind: B256, second: &str, third: &str, data: &str, index: u64, more: &str) -> String {
        let (asset, kind) = (hex::print(&[1; 20]), hex::print(kind.as_slice()));
        format!(
            r#"{{"address":"{asset}","topics":["{kind}","{second}","{third}"],"data":"{data}","transactionHash":"{TX}","blockNumber":"0x46","logIndex":"0x{index:x}"{more}}}"#
        )
    }

    fn moved(value: u8, index: u64, more: &str) -> String {
        log(
            transfer(),
            &topic(2),
            &topic(3),
            &hex::print(B256::with_last_byte(value).as_slice()),
            index,
            more,
        )
    }

    fn used(from: u8, nonce: u8, index: u64) -> String {
        log(authorization_used(), &topic(from), &hex::print(&[nonce; 32]), "0x", index, "")
    }

    fn answer(logs: &[String]) -> Vec<u8> {
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":[{}]}}"#, logs.join(",")).into_bytes()
    }

    #[test]
    fn b6_questions_name_contracts_payees_and_payers() {
        let text = |question| String::from_utf8(question).unwrap();
        let (assets, people) = ([Address::repeat_byte(1), Address::repeat_byte(9)], [Address::repeat_byte(3)]);
        let filter = |place: &str| {
            format!(
                r#""params":[{{"address":["0x{}","0x{}"],"topics":{place},"fromBlock":"0x1","toBlock":"0x2"}}]"#,
                "01".repeat(20),
                "09".repeat(20)
            )
        };
        let kind = |word: B256| format!("[\"{}\"]", hex::print(word.as_slice()));
        let wanted = filter(&format!("[{},null,[\"{}\"]]", kind(transfer()), topic(3)));
        assert!(text(ask_transfers(&assets, &people, 1, 2)).contains(&wanted));
        let wanted = filter(&format!("[{},[\"{}\"]]", kind(authorization_used()), topic(3)));
        assert!(text(ask_uses(&assets, &people, 1, 2)).contains(&wanted));
    }

    #[test]
    fn b6_what_arrived_is_read_and_what_moved_nothing_is_not() {
        let body = answer(&[
            moved(7, 4, ""),
            moved(0, 5, ""),
            moved(8, 6, r#","removed":true"#),
            moved(9, 7, r#","removed":false"#),
        ]);
        let arrivals = read_transfers(&body).unwrap();
        assert_eq!(arrivals.iter().map(|one| one.index).collect::<Vec<_>>(), [4, 7]);
        let first = &arrivals[0];
        assert_eq!(
            (first.from, first.to, first.block),
            (Address::repeat_byte(2), Address::repeat_byte(3), 70)
        );
        assert_eq!(
            (first.asset, first.value),
            (Address::repeat_byte(1), Amount::from_atomic(U256::from(7)))
        );
        for bad in [
            log(transfer(), &topic(2), &hex::print(&[3; 32]), &topic(7), 4, ""),
            log(transfer(), &topic(2), &topic(3), "0x07", 4, ""),
            log(transfer(), &topic(2), "0x03", &topic(7), 4, ""),
            "{}".into(),
            "7".into(),
        ] {
            assert_eq!(read_transfers(&answer(core::slice::from_ref(&bad))), Err(Unreadable), "{bad}");
        }
        assert_eq!(read_transfers(b"{}"), Err(Unreadable));
    }

    #[test]
    fn a10_a_transfer_used_what_directly_precedes_it() {
        let arrivals = read_transfers(&answer(&[moved(7, 4, "")])).unwrap();
        let nonce = |logs: &[String]| nonce_of(&arrivals[0], &read_uses(&answer(logs)).unwrap());
        assert_eq!(nonce(&[used(2, 5, 3)]), Some(B256::repeat_byte(5)));
        assert_eq!(nonce(&[used(2, 6, 1), used(2, 5, 3)]), Some(B256::repeat_byte(5)));
        // another place, another payer, another contract, another transaction
        assert_eq!(nonce(&[used(2, 5, 2)]), None);
        assert_eq!(nonce(&[used(2, 5, 5)]), None);
        assert_eq!(nonce(&[used(9, 5, 3)]), None);
        assert_eq!(
            nonce(&[used(2, 5, 3).replace(&hex::print(&[1; 20]), &hex::print(&[8; 20]))]),
            None
        );
        assert_eq!(nonce(&[used(2, 5, 3).replace(TX, &TX.replace('a', "c"))]), None);
        assert_eq!(nonce(&[]), None);
    }
}
