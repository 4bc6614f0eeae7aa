//! The contract calls that settle a payment: what an official facilitator would send.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256};

use super::{Authorization, Permit, Signature, Signed, permit2::EXACT_PROXY};

/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)` of EIP-3009.
const TRANSFER_WITH_AUTHORIZATION: [u8; 4] = [0xe3, 0xee, 0x16, 0x0e];
/// `settle(((address,uint256),uint256,uint256),address,(address,uint256),bytes)` of the x402 proxy for `exact`.
const SETTLE: [u8; 4] = [0x13, 0xcd, 0x3b, 0x53];

/// What is called, and with which bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The contract.
    pub to: Address,
    /// The function's selector and its arguments (Solidity ABI).
    pub data: Vec<u8>,
}

impl Call {
    /// The call that moves the money of a signed promise; none where nobody but a facilitator can make it.
    ///
    /// By EIP-3009 the overload with `v`, `r` and `s`, as `@x402/evm` 2.27 calls it for 65-byte signatures;
    /// by Permit2 the x402 proxy's `settle`. A contract wallet's signature is refused, because what it runs
    /// is the wallet's choice and the gas would be ours (threat A9), and so is a permit that names its
    /// facilitator (`upto`).
    ///
    /// ```
    /// use farthing::{evm::{Authorization, Call, Key, Signed, hex}, json::parse};
    /// let authorization = parse(r#"{"from":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    ///   "to":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC","value":"50000","validAfter":"0","validBefore":"1800000300",
    ///   "nonce":"0x0404040404040404040404040404040404040404040404040404040404040404"}"#).unwrap();
    /// let signed = Signed::Eip3009(Authorization::read(&authorization).unwrap());
    /// let token = hex::read("0x036CbD53842c5426634e7929541eC2318f3dCF7e").unwrap().into();
    /// let signature = Key::from_bytes(&[7; 32]).unwrap().sign([1; 32].into()).unwrap();
    /// let call = Call::settling(&signed, &signature, token).unwrap();
    /// assert_eq!(call.to, token);
    /// assert_eq!(hex::print(&call.data[..4]), "0xe3ee160e");
    /// assert_eq!(Call::settling(&signed, &format!("{signature}00"), token), None);
    /// ```
    pub fn settling(signed: &Signed, signature: &str, asset: Address) -> Option<Self> {
        let signature = Signature::parse(signature).ok()?;
        match signed {
            Signed::Eip3009(authorization) => Some(Self {
                to: asset,
                data: transfer(authorization, &signature),
            }),
            Signed::Permit2(permit) => {
                let ours = permit.facilitator.is_none() && permit.spender == EXACT_PROXY && permit.token == asset;
                ours.then(|| Self {
                    to: EXACT_PROXY,
                    data: settle(permit, &signature),
                })
            }
        }
    }
}

fn transfer(authorization: &Authorization, signature: &Signature) -> Vec<u8> {
    let (r, s, v) = signature.parts();
    let value: B256 = authorization.value.atomic().into();
    let mut data = TRANSFER_WITH_AUTHORIZATION.to_vec();
    push(&mut data, authorization.from.as_slice());
    push(&mut data, authorization.to.as_slice());
    push(&mut data, value.as_slice());
    push(&mut data, &authorization.valid_after.to_be_bytes());
    push(&mut data, &authorization.valid_before.to_be_bytes());
    push(&mut data, authorization.nonce.as_slice());
    push(&mut data, &[v]);
    push(&mut data, &r);
    push(&mut data, &s);
    data
}

fn settle(permit: &Permit, signature: &Signature) -> Vec<u8> {
    let (r, s, v) = signature.parts();
    let amount: B256 = permit.amount.atomic().into();
    let mut data = SETTLE.to_vec();
    push(&mut data, permit.token.as_slice());
    push(&mut data, amount.as_slice());
    push(&mut data, permit.nonce.as_slice());
    push(&mut data, &permit.deadline.to_be_bytes());
    push(&mut data, permit.from.as_slice());
    push(&mut data, permit.to.as_slice());
    push(&mut data, &permit.valid_after.to_be_bytes());
    // where the signature's length stands, in bytes after the selector, 8 words; then the length, and the signature
    push(&mut data, &[1, 0]);
    push(&mut data, &[65]);
    push(&mut data, &r);
    push(&mut data, &s);
    data.push(v);
    push(&mut data, &[]);
    // a word begins with what is shorter than it
    data.truncate(SETTLED);
    data
}

/// The length of `settle`'s call data: the selector and twelve words.
const SETTLED: usize = 4 + 12 * 32;

/// A word of 32 bytes that ends with these.
fn push(data: &mut Vec<u8>, end: &[u8]) {
    let zeros = 32_usize.saturating_sub(end.len());
    data.resize(data.len().saturating_add(zeros), 0);
    data.extend_from_slice(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn selectors_are_of_the_functions_they_name() {
        for (selector, function) in [
            (
                TRANSFER_WITH_AUTHORIZATION,
                "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
            ),
            (
                SETTLE,
                "settle(((address,uint256),uint256,uint256),address,(address,uint256),bytes)",
            ),
        ] {
            assert_eq!(selector, keccak256(function)[..4], "{function}");
        }
    }
}
