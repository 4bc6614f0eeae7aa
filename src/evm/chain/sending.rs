//! Sending to a chain: what a sender asks before, while and after it sends, and what nodes answer.
//!
//! The names of calls and fields are those of Ethereum's JSON-RPC specification. Errors have no specified
//! texts: the ones known here are those of geth and its kin (op-geth, bor, coreth), Erigon, Nethermind,
//! Besu, Reth and anvil. A text that is not known proves nothing.
//!
//! ```
//! use farthing::evm::{B256, chain::sending::{Sent, ask_to_send, read_sent}};
//! let question = String::from_utf8(ask_to_send(&[0x02, 0xf8])).unwrap();
//! assert!(question.contains("\"method\":\"eth_sendRawTransaction\",\"params\":[\"0x02f8\"]"));
//! let low = br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"nonce too low: next nonce 5, tx nonce 3"}}"#;
//! assert_eq!(read_sent(low, B256::ZERO), Sent::NonceTooLow);
//! assert_eq!(read_sent(b"<html>", B256::ZERO), Sent::Unclear);
//! ```

use alloc::{string::String, vec::Vec};

use alloy_primitives::{Address, B256, U256};

use super::{Unreadable, Wanted, permit2, quantity, read, read_transfer};
use crate::{
    evm::{Call, Transfer, hex, permit2::PERMIT2},
    json::{self, Value},
    x402::reason::has,
};

/// The latest block as a sender needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Number.
    pub number: u64,
    /// Unix seconds.
    pub time: u64,
    /// What every unit of gas cost in it, in wei (EIP-1559).
    pub base_fee: u64,
}

/// Reads the latest block with its base fee; a chain without one takes no transactions of type 2.
pub fn read_tip(body: &[u8]) -> Result<Tip, Unreadable> {
    read(body, |header| {
        Some(Tip {
            number: quantity(header, "number")?,
            time: quantity(header, "timestamp")?,
            base_fee: quantity(header, "baseFeePerGas")?,
        })
    })
}

/// A question whose parameters are texts that need no escape.
fn ask(method: &str, params: &[&str]) -> Vec<u8> {
    let params: Vec<String> = params.iter().map(|text| ["\"", text, "\""].concat()).collect();
    ask_with(method, &params.join(","))
}

fn ask_with(method: &str, params: &str) -> Vec<u8> {
    let parts = [
        r#"{"jsonrpc":"2.0","id":1,"method":""#,
        method,
        r#"","params":["#,
        params,
        "]}",
    ];
    parts.concat().into_bytes()
}

/// Which transactions a count includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Those in blocks: the nonce of the next one to land.
    Mined,
    /// Those that wait in the node's pool without a gap as well.
    Pooled,
}

/// Asks for an account's count of transactions.
pub fn ask_count(account: Address, counted: Counted) -> Vec<u8> {
    let block = match counted {
        Counted::Mined => "latest",
        Counted::Pooled => "pending",
    };
    ask("eth_getTransactionCount", &[&hex::print(account.as_slice()), block])
}

/// Asks what an account has, in wei.
pub fn ask_balance(account: Address) -> Vec<u8> {
    ask("eth_getBalance", &[&hex::print(account.as_slice()), "latest"])
}

/// Asks what the makers of the last blocks were given for each unit of gas, in wei.
pub fn ask_tip_fee() -> Vec<u8> {
    ask("eth_maxPriorityFeePerGas", &[])
}

/// Reads a number of at most 64 bits.
pub fn read_number(body: &[u8]) -> Result<u64, Unreadable> {
    read_wei(body).and_then(|wei| u64::try_from(wei).map_err(|_| Unreadable))
}

/// Reads an amount of wei.
pub fn read_wei(body: &[u8]) -> Result<u128, Unreadable> {
    read(body, |number| {
        let digits = number.text()?.strip_prefix("0x")?;
        // from_str_radix takes a sign as well
        let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
        plain.then(|| u128::from_str_radix(digits, 16).ok())?
    })
}

/// Asks how much gas a call would use now: its dry run.
pub fn ask_dry_run(from: Address, call: &Call) -> Vec<u8> {
    let [from, to] = [from, call.to].map(|address| hex::print(address.as_slice()));
    let run = [
        r#"{"from":""#,
        &from,
        r#"","to":""#,
        &to,
        r#"","data":""#,
        &hex::print(&call.data),
        r#""},"latest""#,
    ]
    .concat();
    ask_with("eth_estimateGas", &run)
}

/// What a dry run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// It would go through with so much gas.
    Passes(u64),
    /// It would revert, for the reason that this code of `@x402/evm` names.
    Reverts(&'static str),
}

/// The code for a nonce that somebody else used, or the payer cancelled.
pub const USED: &str = "invalid_exact_evm_nonce_already_used";
/// The code for a payer without the money.
pub const FUNDS: &str = "insufficient_funds";
/// The code for a window that is over.
pub const EXPIRED: &str = "invalid_exact_evm_payload_authorization_valid_before";
/// The code for a permit that Permit2 cannot use, as the token would not move.
pub const NOT_MOVED: &str = "permit2_simulation_failed";
/// The code for a payer who has not approved Permit2.
pub const ALLOWANCE: &str = "permit2_allowance_required";

/// Texts in the reasons of reverts, lower case, in the order in which they decide: of Circle's FiatToken, of
/// OpenZeppelin's ERC-20, of Permit2, and selectors of custom errors of the latter two and of the x402 proxy.
const REVERTS: &[(&str, &str)] = &[
    ("expired", EXPIRED),
    ("not yet valid", "invalid_exact_evm_payload_authorization_valid_after"),
    ("is used", USED),
    ("already used", USED),
    ("exceeds balance", FUNDS),
    ("e450d38c", FUNDS),
    ("invalid signature", "invalid_exact_evm_signature"),
    ("transfer_from_failed", NOT_MOVED),
    ("cd21db4f", "permit2_deadline_expired"),
    ("756688fe", "permit2_invalid_nonce"),
    ("815e1d64", "invalid_permit2_signature"),
    ("8baa579f", "invalid_permit2_signature"),
    ("a65539fa", "permit2_payment_too_early"),
];

/// Reads a dry run.
pub fn read_dry_run(body: &[u8]) -> Result<DryRun, Unreadable> {
    if let Ok(gas) = read_number(body) {
        return Ok(DryRun::Passes(gas));
    }
    let text = core::str::from_utf8(body).map_err(|_| Unreadable)?;
    let answer = json::parse(text).map_err(|_| Unreadable)?;
    let error = answer.get("error").ok_or(Unreadable)?;
    let message = error.get("message").and_then(Value::text).unwrap_or_default();
    let data = error.get("data").and_then(Value::text).unwrap_or_default();
    // the reason stands in the message, in the data, or in both
    let said = alloc::format!("{message} {data} {}", reason_in(data).unwrap_or_default()).to_ascii_lowercase();
    let reverted = error.get("code").and_then(Value::integer) == Some(3) || has(&said, "revert");
    if !reverted {
        return Err(Unreadable);
    }
    let known = REVERTS.iter().find(|(part, _)| has(&said, part));
    Ok(DryRun::Reverts(
        known.map_or("invalid_exact_evm_transaction_simulation_failed", |(_, code)| *code),
    ))
}

/// The text of `Error(string)`, selector `08c379a0` (Solidity ABI): the selector, where the text stands, its
/// length, the text.
fn reason_in(data: &str) -> Option<String> {
    let (_, arguments) = data.split_once("08c379a0")?;
    let text = arguments.get(128..)?.as_bytes();
    let bytes = text.chunks_exact(2).filter_map(|pair| {
        let pair = core::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    Some(bytes.filter(|byte| *byte != 0).map(char::from).collect())
}

/// Asks for an account's code.
pub fn ask_code(account: Address) -> Vec<u8> {
    ask("eth_getCode", &[&hex::print(account.as_slice()), "latest"])
}

/// Reads whether there is any.
pub fn read_has_code(body: &[u8]) -> Result<bool, Unreadable> {
    read(body, |code| Some(!code.text()?.strip_prefix("0x")?.is_empty()))
}

/// Asks how much of a token its owner lets Permit2 move (EIP-20 `allowance`).
pub fn ask_allowance(token: Address, owner: Address) -> Vec<u8> {
    let words = [owner.into_word(), PERMIT2.into_word()];
    super::call(token, "allowance(address,address)", &words, "latest".into())
}

/// Reads a word that a contract returned.
pub fn read_word(body: &[u8]) -> Result<U256, Unreadable> {
    read(body, |word| Some(U256::from_be_bytes(hex::read::<32>(word.text()?)?)))
}

/// Asks a node to take a signed transaction.
pub fn ask_to_send(raw: &[u8]) -> Vec<u8> {
    ask("eth_sendRawTransaction", &[&hex::print(raw)])
}

/// What became of a transaction at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The node has it.
    Taken,
    /// Its nonce is used.
    NonceTooLow,
    /// Another transaction with its nonce is in the pool, and this one does not pay enough more to replace it.
    Occupied,
    /// It pays less than the node takes.
    TooCheap,
    /// The account cannot pay for its gas.
    NoFunds,
    /// The node takes no such transaction.
    Invalid,
    /// Nothing is known: the node may have it.
    Unclear,
}

/// Texts of refusals, lower case, in the order in which they decide.
const REFUSALS: &[(&str, Sent)] = &[
    ("unknown transaction", Sent::Invalid),
    ("already known", Sent::Taken),
    ("alreadyknown", Sent::Taken),
    ("known transaction", Sent::Taken),
    ("already imported", Sent::Taken),
    ("nonce too low", Sent::NonceTooLow),
    ("nonce is too low", Sent::NonceTooLow),
    ("oldnonce", Sent::NonceTooLow),
    ("replace", Sent::Occupied),
    ("same nonce", Sent::Occupied),
    ("insufficient", Sent::NoFunds),
    ("upfront cost exceeds", Sent::NoFunds),
    ("less than block base fee", Sent::TooCheap),
    ("underpriced", Sent::TooCheap),
    ("fee too low", Sent::TooCheap),
    ("feetoolow", Sent::TooCheap),
    ("below configured minimum", Sent::TooCheap),
    ("intrinsic gas", Sent::Invalid),
    ("gas limit", Sent::Invalid),
    ("gaslimit", Sent::Invalid),
    ("type not supported", Sent::Invalid),
    ("chain id", Sent::Invalid),
    ("chainid", Sent::Invalid),
    ("invalid sender", Sent::Invalid),
    ("configured cap", Sent::Invalid),
];

/// Reads what became of the transaction with this hash.
pub fn read_sent(body: &[u8], hash: B256) -> Sent {
    let answer = core::str::from_utf8(body).ok().and_then(|text| json::parse(text).ok());
    let Some(answer) = answer else {
        return Sent::Unclear;
    };
    if let Some(named) = answer.get("result").and_then(Value::text) {
        // a node that names another transaction has not understood
        return if hex::read(named) == Some(hash.0) {
            Sent::Taken
        } else {
            Sent::Unclear
        };
    }
    let message = answer.get("error").and_then(|error| error.get("message")?.text());
    let message = message.map(str::to_ascii_lowercase).unwrap_or_default();
    let known = REFUSALS.iter().find(|(part, _)| has(&message, part));
    known.map_or(Sent::Unclear, |(_, sent)| *sent)
}

/// What a receipt says about a transaction that should have moved the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// There is none: it is in no block.
    Nowhere,
    /// It moved the money, in this block.
    Paid(u64),
    /// It went through without moving the money as wanted (threat A10), in this block.
    Otherwise(u64),
    /// It was reverted, in this block.
    Reverted(u64),
}

/// Reads a receipt; without `wanted`, all that counts is that there is one.
pub fn read_landed(body: &[u8], wanted: Option<&Wanted>) -> Result<Landed, Unreadable> {
    let text = core::str::from_utf8(body).map_err(|_| Unreadable)?;
    let answer = json::parse(text).map_err(|_| Unreadable)?;
    let is_null = |(name, value): &(alloc::borrow::Cow<'_, str>, Value<'_>)| name == "result" && value.raw() == "null";
    if answer.get("error").is_none() && answer.members().unwrap_or_default().iter().any(is_null) {
        return Ok(Landed::Nowhere);
    }
    let (block, status) = read(body, |receipt| {
        Some((quantity(receipt, "blockNumber")?, quantity(receipt, "status")?))
    })?;
    if status != 1 {
        return Ok(Landed::Reverted(block));
    }
    let paid = match wanted {
        Some(wanted) if wanted.transfer == Transfer::Permit2 => permit2::read_receipt(body, wanted)?,
        Some(wanted) => read_transfer(body, wanted)?.is_some(),
        None => false,
    };
    Ok(if paid { Landed::Paid(block) } else { Landed::Otherwise(block) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn error(code: i32, message: &str) -> Vec<u8> {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"{message}"}}}}"#).into_bytes()
    }

    #[test]
    fn refusals_of_every_kind_of_node_are_told_apart() {
        for (text, sent) in [
            ("already known", Sent::Taken),
            ("ALREADY_EXISTS: already known", Sent::Taken),
            ("AlreadyKnown", Sent::Taken),
            ("Known transaction", Sent::Taken),
            ("transaction already imported", Sent::Taken),
            ("nonce too low", Sent::NonceTooLow),
            (
                "nonce too low: address 0x70997970C51812dc3A010C7d01b50e0d17dc79C8, tx: 3 state: 5",
                Sent::NonceTooLow,
            ),
            ("Nonce too low", Sent::NonceTooLow),
            ("OldNonce, Current nonce: 5, nonce of rejected tx: 3", Sent::NonceTooLow),
            ("replacement transaction underpriced", Sent::Occupied),
            ("Replacement transaction underpriced", Sent::Occupied),
            ("INTERNAL_ERROR: could not replace existing tx", Sent::Occupied),
            ("ReplacementNotAllowed", Sent::Occupied),
            (
                "insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1",
                Sent::NoFunds,
            ),
            ("Insufficient funds for gas * price + value", Sent::NoFunds),
            ("InsufficientFunds, Account balance: 0, cumulative cost: 1", Sent::NoFunds),
            ("Upfront cost exceeds account balance", Sent::NoFunds),
            ("transaction underpriced", Sent::TooCheap),
            (
                "max fee per gas less than block base fee: address 0x70, maxFeePerGas: 1, baseFee: 2",
                Sent::TooCheap,
            ),
            ("FeeTooLow, MaxFeePerGas too low.", Sent::TooCheap),
            ("Gas price below configured minimum gas price", Sent::TooCheap),
            ("intrinsic gas too low", Sent::Invalid),
            ("exceeds block gas limit", Sent::Invalid),
            ("transaction type not supported", Sent::Invalid),
            ("unknown transaction type: 2", Sent::Invalid),
            ("invalid chain id for signer: have 1 want 8453", Sent::Invalid),
            ("tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", Sent::Invalid),
            ("nonce too high", Sent::Unclear),
            ("txpool is full", Sent::Unclear),
            ("Internal error", Sent::Unclear),
            ("too many requests", Sent::Unclear),
            ("", Sent::Unclear),
        ] {
            assert_eq!(read_sent(&error(-32000, text), B256::ZERO), sent, "{text}");
        }
    }

    #[test]
    fn b1_an_answer_about_another_transaction_or_none_leaves_it_open() {
        let hash = B256::repeat_byte(0xab);
        let good = format!(r#"{{"jsonrpc":"2.0","id":1,"result":"{hash}"}}"#);
        assert_eq!(read_sent(good.as_bytes(), hash), Sent::Taken);
        assert_eq!(read_sent(good.as_bytes(), B256::ZERO), Sent::Unclear);
        for bad in [
            "",
            "null",
            "{}",
            r#"{"result":null}"#,
            r#"{"error":{}}"#,
            r#"{"error":"already known"}"#,
            "\u{fffd}",
        ] {
            assert_eq!(read_sent(bad.as_bytes(), hash), Sent::Unclear, "{bad}");
        }
        assert_eq!(read_sent(&[0xff], hash), Sent::Unclear);
    }

    fn with_data(message: &str, data: &str) -> Vec<u8> {
        format!(r#"{{"error":{{"code":-32000,"message":"{message}","data":"{data}"}}}}"#).into_bytes()
    }

    #[test]
    fn a_dry_run_has_its_reason_in_the_message_or_in_the_data() {
        assert_eq!(read_dry_run(br#"{"result":"0x14c08"}"#), Ok(DryRun::Passes(85_000)));
        for (message, code) in [
            ("FiatTokenV2: authorization is expired", EXPIRED),
            (
                "FiatTokenV2: authorization is not yet valid",
                "invalid_exact_evm_payload_authorization_valid_after",
            ),
            ("FiatTokenV2: authorization is used or canceled", USED),
            ("ERC20: transfer amount exceeds balance", FUNDS),
            ("FiatTokenV2: invalid signature", "invalid_exact_evm_signature"),
            ("TRANSFER_FROM_FAILED", NOT_MOVED),
            ("Pausable: paused", "invalid_exact_evm_transaction_simulation_failed"),
            ("custom error 0x756688fe", "permit2_invalid_nonce"),
            (
                "Blacklistable: account is blacklisted",
                "invalid_exact_evm_transaction_simulation_failed",
            ),
            ("", "invalid_exact_evm_transaction_simulation_failed"),
        ] {
            let body = error(3, &format!("execution reverted: {message}"));
            assert_eq!(read_dry_run(&body), Ok(DryRun::Reverts(code)), "{message}");
            let text: String = message.bytes().map(|byte| format!("{byte:02x}")).collect();
            let padded = format!("{text:0<128}");
            let data = format!("0x08c379a0{:064x}{:064x}{padded}", 32, message.len());
            assert_eq!(
                read_dry_run(&with_data("execution reverted", &data)),
                Ok(DryRun::Reverts(code)),
                "{message}"
            );
            // Nethermind
            assert_eq!(
                read_dry_run(&with_data("VM execution error.", &format!("Reverted {data}"))),
                Ok(DryRun::Reverts(code))
            );
        }
        let selector = with_data("execution reverted", &format!("0xe450d38c{}", "00".repeat(96)));
        assert_eq!(read_dry_run(&selector), Ok(DryRun::Reverts(FUNDS)));
    }

    #[test]
    fn what_is_no_dry_run_proves_nothing() {
        for bad in [
            error(-32000, "header not found"),
            error(-32005, "rate limited"),
            error(-32000, "insufficient funds for gas * price + value"),
            b"{}".to_vec(),
            br#"{"result":null}"#.to_vec(),
            br#"{"result":"0x"}"#.to_vec(),
            vec![0xff],
        ] {
            assert_eq!(read_dry_run(&bad), Err(Unreadable), "{bad:?}");
        }
    }

    #[test]
    fn selectors_of_custom_errors_are_of_what_they_name() {
        let known = |selector: &str| REVERTS.iter().any(|(part, _)| *part == selector);
        for error in [
            "ERC20InsufficientBalance(address,uint256,uint256)",
            "SignatureExpired(uint256)",
            "InvalidNonce()",
            "InvalidSigner()",
            "InvalidSignature()",
            "PaymentTooEarly()",
        ] {
            let selector = hex::print(&alloy_primitives::keccak256(error)[..4]);
            assert!(known(&selector[2..]), "{error} is {selector}");
        }
    }

    #[test]
    fn an_account_has_code_or_none() {
        assert_eq!(read_has_code(br#"{"result":"0x"}"#), Ok(false));
        assert_eq!(read_has_code(br#"{"result":"0xef0100"}"#), Ok(true));
        assert_eq!(read_has_code(br#"{"result":null}"#), Err(Unreadable));
        assert_eq!(read_has_code(&[]), Err(Unreadable));
    }

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        assert_eq!(read_wei(br#"{"result":"0x0"}"#), Ok(0));
        assert_eq!(read_wei(br#"{"result":"0xffffffffffffffffffffffffffffffff"}"#), Ok(u128::MAX));
        assert_eq!(read_number(br#"{"result":"0xffffffffffffffff"}"#), Ok(u64::MAX));
        assert_eq!(read_number(br#"{"result":"0x10000000000000000"}"#), Err(Unreadable));
        for bad in [
            "\"0x\"",
            "\"0x+1\"",
            "\"1\"",
            "1",
            "null",
            "\"0x100000000000000000000000000000000\"",
        ] {
            assert_eq!(
                read_wei(format!(r#"{{"result":{bad}}}"#).as_bytes()),
                Err(Unreadable),
                "{bad}"
            );
        }
        let block = br#"{"result":{"number":"0x10","timestamp":"0x20","baseFeePerGas":"0x7"}}"#;
        assert_eq!(
            read_tip(block),
            Ok(Tip {
                number: 16,
                time: 32,
                base_fee: 7
            })
        );
        assert_eq!(
            read_tip(br#"{"result":{"number":"0x10","timestamp":"0x20"}}"#),
            Err(Unreadable)
        );
    }

    #[test]
    fn a10_a_receipt_without_the_transfer_is_no_payment() {
        let nowhere = br#"{"jsonrpc":"2.0","id":1,"result":null}"#;
        assert_eq!(read_landed(nowhere, None), Ok(Landed::Nowhere));
        assert_eq!(read_landed(&error(-32000, "busy"), None), Err(Unreadable));
        assert_eq!(read_landed(br#"{"result":null,"error":{"code":1}}"#, None), Err(Unreadable));
        assert_eq!(read_landed(b"{}", None), Err(Unreadable));
        let receipt =
            |status: u8| format!(r#"{{"result":{{"status":"0x{status}","blockNumber":"0x5","logs":[]}}}}"#).into_bytes();
        let wanted = Wanted {
            asset: Address::repeat_byte(1),
            from: Address::repeat_byte(2),
            to: Address::repeat_byte(3),
            value: crate::money::Amount::ZERO,
            promised: crate::money::Amount::ZERO,
            nonce: B256::repeat_byte(4),
            transfer: Transfer::Eip3009,
            scheme: crate::x402::v2::Scheme::Exact,
        };
        assert_eq!(read_landed(&receipt(0), Some(&wanted)), Ok(Landed::Reverted(5)));
        assert_eq!(read_landed(&receipt(1), Some(&wanted)), Ok(Landed::Otherwise(5)));
        assert_eq!(read_landed(&receipt(1), None), Ok(Landed::Otherwise(5)));
        let permit = Wanted {
            transfer: Transfer::Permit2,
            ..wanted
        };
        assert_eq!(read_landed(&receipt(1), Some(&permit)), Ok(Landed::Otherwise(5)));
    }
}
