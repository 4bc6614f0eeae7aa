//! Reading a chain by JSON-RPC: the questions as request bodies, the answers as facts.
//!
//! The way to an authorization's fate: the latest block and its time; at that block
//! `authorizationState`; if the nonce is used, its `AuthorizationUsed` log and that transaction's
//! receipt, in which our `Transfer` has to follow the log directly (threat A10).
//! The names of calls and fields are those of Ethereum's JSON-RPC specification; logs and calls are those
//! of EIP-3009 and EIP-20.
//!
//! ```
//! use farthing::evm::chain::{ask_latest_block, read_block};
//! let question = String::from_utf8(ask_latest_block()).unwrap();
//! assert!(question.contains("\"method\":\"eth_getBlockByNumber\",\"params\":[\"latest\",false]"));
//! let hash = "0x0505050505050505050505050505050505050505050505050505050505050505";
//! let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"number":"0x10","hash":"{hash}","timestamp":"0x6bc1e900"}}}}"#);
//! let block = read_block(answer.as_bytes()).unwrap();
//! assert_eq!((block.number, block.time), (16, 1_807_870_208));
//! assert!(read_block(br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"busy"}}"#).is_err());
//! ```

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use alloy_primitives::{Address, B256, U256, keccak256};
use serde::Serialize;

use super::{Transfer, hex};
use crate::{
    json::{self, Value},
    money::Amount,
    x402::v2::Scheme,
};

/// An answer that is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

pub mod arrivals;
pub mod permit2;
pub mod sending;

/// The transfer that is looked for.
/// ```
/// use farthing::{evm::{Address, B256, Transfer, chain::{self, Wanted}}, x402::v2::Scheme};
/// let price = "50000".parse().unwrap();
/// let wanted = Wanted {
///     asset: Address::repeat_byte(1), from: Address::repeat_byte(2), to: Address::repeat_byte(3),
///     value: price, promised: price,
///     nonce: B256::repeat_byte(4), transfer: Transfer::Eip3009, scheme: Scheme::Exact,
/// };
/// // is its nonce used at block 16?
/// let question = String::from_utf8(chain::ask_authorization_state(&wanted, 16)).unwrap();
/// assert!(question.contains("\"eth_call\"") && question.contains("\"0x10\""));
/// let yes = format!(r#"{{"jsonrpc":"2.0","id":1,"result":"0x{}1"}}"#, "0".repeat(63));
/// assert_eq!(chain::read_authorization_state(yes.as_bytes()), Ok(true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Token contract.
    pub asset: Address,
    /// Payer.
    pub from: Address,
    /// Payee.
    pub to: Address,
    /// What moves, in atomic units.
    pub value: Amount,
    /// What was promised: the same, or more where it is metered.
    pub promised: Amount,
    /// The authorization's nonce.
    pub nonce: B256,
    /// How the token moves.
    pub transfer: Transfer,
    /// Which proxy moves it, by Permit2.
    pub scheme: Scheme,
}

/// A block's number, hash and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Number.
    pub number: u64,
    /// Hash: another one under the same number means that the first was undone.
    pub hash: B256,
    /// Unix seconds.
    pub time: u64,
}

/// Blocks that one log query covers: what public endpoints allow.
pub const LOG_WINDOW: u64 = 1_000;

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'static str,
    id: u8,
    method: &'a str,
    params: P,
}

fn request<P: Serialize>(method: &str, params: P) -> Vec<u8> {
    let request = Request {
        jsonrpc: "2.0",
        id: 1,
        method,
        params,
    };
    serde_json::to_vec(&request).unwrap_or_default()
}

/// Reads the `result` of an answer, which is one JSON object and no batch.
fn read<T>(body: &[u8], result: impl FnOnce(&Value<'_>) -> Option<T>) -> Result<T, Unreadable> {
    let answer = core::str::from_utf8(body).ok().and_then(|text| json::parse(text).ok());
    answer
        .as_ref()
        .and_then(|answer| result(answer.get("result")?))
        .ok_or(Unreadable)
}

/// A member that is hex of exactly this many bytes.
fn bytes<const N: usize>(object: &Value<'_>, name: &str) -> Option<[u8; N]> {
    hex::read(object.get(name)?.text()?)
}

/// A member that is a 256-bit number.
fn word(object: &Value<'_>, name: &str) -> Option<U256> {
    bytes::<32>(object, name).map(U256::from_be_bytes)
}

/// A member that is a number: hex digits without a fixed length (JSON-RPC specification of Ethereum, "quantity").
fn quantity(object: &Value<'_>, name: &str) -> Option<u64> {
    let digits = object.get(name)?.text()?.strip_prefix("0x")?;
    // from_str_radix takes a sign as well
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The topics of a log.
fn topics(log: &Value<'_>) -> Option<Vec<B256>> {
    let topics = log.get("topics")?.items()?.iter();
    topics.map(|topic| hex::read(topic.text()?).map(B256::new)).collect()
}

/// Asks for the latest block.
pub fn ask_latest_block() -> Vec<u8> {
    request("eth_getBlockByNumber", ("latest", false))
}

/// Reads a block.
pub fn read_block(body: &[u8]) -> Result<Block, Unreadable> {
    read(body, |header| {
        Some(Block {
            number: quantity(header, "number")?,
            hash: B256::new(bytes(header, "hash")?),
            time: quantity(header, "timestamp")?,
        })
    })
}

/// Asks for a block by number.
pub fn ask_block(number: u64) -> Vec<u8> {
    request("eth_getBlockByNumber", (by_number(number), false))
}

fn by_number(block: u64) -> String {
    format!("0x{block:x}")
}

/// A contract's view function with these words, at a block by its number or name.
fn call(contract: Address, function: &str, words: &[B256], block: String) -> Vec<u8> {
    #[derive(Serialize)]
    struct Call {
        #[serde(with = "hex::address")]
        to: Address,
        data: String,
    }
    let selector = keccak256(function.as_bytes());
    let mut data: Vec<u8> = selector.iter().take(4).copied().collect();
    for word in words {
        data.extend_from_slice(word.as_slice());
    }
    let call = Call {
        to: contract,
        data: hex::print(&data),
    };
    request("eth_call", (call, block))
}

/// Asks whether a payer's nonce is used, at a block (EIP-3009 `authorizationState`).
pub fn ask_authorization_state(wanted: &Wanted, block: u64) -> Vec<u8> {
    let words = [wanted.from.into_word(), wanted.nonce];
    call(wanted.asset, "authorizationState(address,bytes32)", &words, by_number(block))
}

/// Reads whether the nonce is used.
pub fn read_authorization_state(body: &[u8]) -> Result<bool, Unreadable> {
    read(body, |word| match U256::from_be_bytes(hex::read::<32>(word.text()?)?) {
        U256::ZERO => Some(false),
        U256::ONE => Some(true),
        _ => None,
    })
}

fn authorization_used() -> B256 {
    keccak256("AuthorizationUsed(address,bytes32)")
}

fn transfer() -> B256 {
    keccak256("Transfer(address,address,uint256)")
}

fn authorization_canceled() -> B256 {
    keccak256("AuthorizationCanceled(address,bytes32)")
}

/// How a nonce was used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// By a transfer, in this transaction.
    Transferred(String),
    /// Cancelled by its payer.
    Cancelled,
}

/// Asks for the log of the nonce's use or cancellation between two blocks, both included.
pub fn ask_use(wanted: &Wanted, from: u64, to: u64) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Filter {
        #[serde(with = "hex::address")]
        address: Address,
        topics: ([String; 2], String, String),
        from_block: String,
        to_block: String,
    }
    let filter = Filter {
        address: wanted.asset,
        topics: (
            [authorization_used(), authorization_canceled()].map(|word| hex::print(word.as_slice())),
            hex::print(wanted.from.into_word().as_slice()),
            hex::print(wanted.nonce.as_slice()),
        ),
        from_block: by_number(from),
        to_block: by_number(to),
    };
    request("eth_getLogs", [filter])
}

/// Reads how the nonce was used up; none if there is no log in the range.
pub fn read_use(body: &[u8]) -> Result<Option<Use>, Unreadable> {
    read(body, |logs| {
        let Some(log) = logs.items()?.first() else {
            return Some(None);
        };
        let transaction = log.get("transactionHash")?.text()?;
        match topics(log)?.first()? {
            kind if *kind == authorization_used() => Some(Some(Use::Transferred(transaction.to_string()))),
            kind if *kind == authorization_canceled() => Some(Some(Use::Cancelled)),
            _ => None,
        }
    })
}

/// Asks for a transaction's receipt.
pub fn ask_receipt(transaction: &str) -> Vec<u8> {
    request("eth_getTransactionReceipt", [transaction])
}

/// Reads from a receipt whether the wanted transfer directly follows the use of the wanted nonce,
/// and in which block.
///
/// Any other transfer in the same transaction proves nothing: a payer can batch the use of one
/// nonce, paid to itself, with an honest payment by another (threat A10).
pub fn read_transfer(body: &[u8], wanted: &Wanted) -> Result<Option<u64>, Unreadable> {
    read(body, |receipt| {
        let block = quantity(receipt, "blockNumber")?;
        if quantity(receipt, "status")? != 1 {
            return Some(None);
        }
        let logs = receipt.get("logs")?.items()?;
        let by_token = |log: &Value<'_>| bytes(log, "address") == Some(wanted.asset.0.0);
        let found = logs.iter().zip(logs.iter().skip(1)).any(|(used, moved)| {
            let next = quantity(used, "logIndex").and_then(|index| index.checked_add(1));
            next.is_some()
                && next == quantity(moved, "logIndex")
                && by_token(used)
                && by_token(moved)
                && topics(used).is_some_and(|topics| topics == [authorization_used(), wanted.from.into_word(), wanted.nonce])
                && topics(moved).is_some_and(|topics| topics == [transfer(), wanted.from.into_word(), wanted.to.into_word()])
                && word(moved, "data") == Some(wanted.value.atomic())
        });
        Some(found.then_some(block))
    })
}

/// What endpoints are told apart by in logs: never the whole address, which may hold a secret.
pub fn endpoint_name(url: &str) -> String {
    url.split('/').nth(2).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_digits_and_nothing_else() {
        let read = |text: &str| quantity(&json::parse(&format!("{{\"n\":\"{text}\"}}")).unwrap(), "n");
        assert_eq!(read("0x1b4"), Some(436));
        assert_eq!(read("0xffffffffffffffff"), Some(u64::MAX));
        for bad in ["", "0x", "1b4", "0x+1", "0x-1", "0x 1", "0x10000000000000000"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a10_an_answer_is_one_object_with_named_members() {
        for bad in [
            "",
            "[[]]",
            r#"["0x1","0x2"]"#,
            r#"{"result":["0x1","0x2"]}"#,
            r#"{"result":null}"#,
            r#"{"result":{"number":"0x1","number":"0x2","timestamp":"0x3"}}"#,
            r#"[{"result":{"number":"0x1","timestamp":"0x2"}}]"#,
        ] {
            assert_eq!(read_block(bad.as_bytes()), Err(Unreadable), "{bad}");
            assert_eq!(read_use(bad.as_bytes()), Err(Unreadable), "{bad}");
        }
        let hash = B256::repeat_byte(5);
        let good = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"number":"0x1","hash":"{hash}","timestamp":"0x2"}}}}"#);
        let block = Block {
            number: 1,
            hash,
            time: 2,
        };
        assert_eq!(read_block(good.as_bytes()), Ok(block));
        assert_eq!(read_use(br#"{"result":[]}"#), Ok(None));
    }
}
