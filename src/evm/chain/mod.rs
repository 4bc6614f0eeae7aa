//! Reading a chain by JSON-RPC: the questions as request bodies, the answers as facts.
//!
//! The way to an authorization's fate: the latest block and its time; at that block
//! `authorizationState`; if the nonce is used, its `AuthorizationUsed` log and that transaction's
//! receipt, in which our `Transfer` has to follow the log directly (threat A10).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};

use super::{Transfer, hex};
use crate::{money::Amount, x402::v2::Scheme};

/// An answer that is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

pub mod permit2;

/// The transfer that is looked for.
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

/// A block's number and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Number.
    pub number: u64,
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

fn result<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
    #[derive(Deserialize)]
    struct Answer<T> {
        result: Option<T>,
    }
    serde_json::from_slice::<Answer<T>>(body)
        .ok()
        .and_then(|answer| answer.result)
        .ok_or(Unreadable)
}

fn quantity(text: &str) -> Result<u64, Unreadable> {
    let digits = text.strip_prefix("0x").ok_or(Unreadable)?;
    u64::from_str_radix(digits, 16).map_err(|_| Unreadable)
}

/// Asks for the latest block.
pub fn ask_latest_block() -> Vec<u8> {
    request("eth_getBlockByNumber", ("latest", false))
}

/// Reads a block.
pub fn read_block(body: &[u8]) -> Result<Block, Unreadable> {
    #[derive(Deserialize)]
    struct Header {
        number: String,
        timestamp: String,
    }
    let header: Header = result(body)?;
    Ok(Block {
        number: quantity(&header.number)?,
        time: quantity(&header.timestamp)?,
    })
}

/// Asks for a block by number.
pub fn ask_block(number: u64) -> Vec<u8> {
    request("eth_getBlockByNumber", (by_number(number), false))
}

fn by_number(block: u64) -> String {
    format!("0x{block:x}")
}

/// A contract's view function with these words, at a block.
fn call(contract: Address, function: &str, words: &[B256], block: u64) -> Vec<u8> {
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
    request("eth_call", (call, by_number(block)))
}

/// Asks whether a payer's nonce is used, at a block (EIP-3009 `authorizationState`).
pub fn ask_authorization_state(wanted: &Wanted, block: u64) -> Vec<u8> {
    let words = [wanted.from.into_word(), wanted.nonce];
    call(wanted.asset, "authorizationState(address,bytes32)", &words, block)
}

/// Reads whether the nonce is used.
pub fn read_authorization_state(body: &[u8]) -> Result<bool, Unreadable> {
    let word: String = result(body)?;
    let word = hex::read::<32>(&word).ok_or(Unreadable)?;
    match U256::from_be_bytes(word) {
        U256::ZERO => Ok(false),
        U256::ONE => Ok(true),
        _ => Err(Unreadable),
    }
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
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Log {
        transaction_hash: String,
        topics: Vec<String>,
    }
    let logs: Vec<Log> = result(body)?;
    let Some(log) = logs.into_iter().next() else {
        return Ok(None);
    };
    let kind = log.topics.first().and_then(|topic| hex::read(topic)).map(B256::new);
    Ok(match kind {
        Some(kind) if kind == authorization_used() => Some(Use::Transferred(log.transaction_hash)),
        Some(kind) if kind == authorization_canceled() => Some(Use::Cancelled),
        _ => return Err(Unreadable),
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
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Log {
        address: String,
        topics: Vec<String>,
        data: String,
        log_index: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Receipt {
        block_number: String,
        status: String,
        logs: Vec<Log>,
    }
    let receipt: Receipt = result(body)?;
    let block = quantity(&receipt.block_number)?;
    if quantity(&receipt.status)? != 1 {
        return Ok(None);
    }
    let by_token = |log: &Log| hex::read::<20>(&log.address) == Some(wanted.asset.0.0);
    let topics = |log: &Log| {
        log.topics
            .iter()
            .map(|topic| hex::read::<32>(topic).map(B256::new))
            .collect::<Option<Vec<_>>>()
    };
    let mut pairs = receipt.logs.iter().zip(receipt.logs.iter().skip(1));
    let found = pairs.any(|(used, moved)| {
        let adjacent = quantity(&used.log_index)
            .ok()
            .and_then(|index| index.checked_add(1))
            .is_some_and(|next| quantity(&moved.log_index) == Ok(next));
        adjacent
            && by_token(used)
            && by_token(moved)
            && topics(used).is_some_and(|topics| topics == [authorization_used(), wanted.from.into_word(), wanted.nonce])
            && topics(moved).is_some_and(|topics| topics == [transfer(), wanted.from.into_word(), wanted.to.into_word()])
            && hex::read::<32>(&moved.data).is_some_and(|word| U256::from_be_bytes(word) == wanted.value.atomic())
    });
    Ok(found.then_some(block))
}

/// What endpoints are told apart by in logs: never the whole address, which may hold a secret.
pub fn endpoint_name(url: &str) -> String {
    url.split('/').nth(2).unwrap_or_default().to_string()
}
