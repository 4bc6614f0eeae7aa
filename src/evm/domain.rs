//! The EIP-712 domain of a token contract: what separates a signature for one token from all others.

use alloc::{borrow::Cow, vec::Vec};

use alloy_primitives::{Address, B256, U256, b256, keccak256};
use alloy_sol_types::Eip712Domain;

use crate::x402::Network;

/// A token's EIP-712 domain, in the form that USDC and its kin use (EIP-712 section "Definition of
/// domainSeparator"): name, version, chain id, contract.
///
/// ```
/// use farthing::evm::{Asset, hex};
/// use farthing::x402::Network;
/// let usdc = Asset::default_of(Network::BASE).unwrap();
/// // what `DOMAIN_SEPARATOR()` of 0x8335…2913 returns on Base
/// assert_eq!(
///     hex::print(usdc.domain().separator().as_slice()),
///     "0x02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain<'a> {
    /// The contract's own name, as its `EIP712Domain` has it.
    pub name: &'a str,
    /// The contract's own version.
    pub version: &'a str,
    /// Where the contract lives.
    pub network: Network,
    /// The contract.
    pub contract: Address,
}

impl<'a> Domain<'a> {
    /// The domain as typed data wants it.
    pub fn eip712(&self) -> Eip712Domain {
        // alloy's domain borrows for ever or owns
        Eip712Domain::new(
            Some(Cow::Owned(self.name.into())),
            Some(Cow::Owned(self.version.into())),
            Some(U256::from(self.network.chain_id())),
            Some(self.contract),
            None,
        )
    }

    /// The domain separator, which many contracts tell by `DOMAIN_SEPARATOR()`.
    pub fn separator(&self) -> B256 {
        hash(&[
            TYPE_HASH,
            keccak256(self.name),
            keccak256(self.version),
            word(self.network.chain_id()),
            self.contract.into_word(),
        ])
    }
}

/// The hash of the domain's type, with these four fields.
const TYPE_HASH: B256 = b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");

/// A number as a word of EIP-712's `encodeData`.
pub(super) fn word(number: u64) -> B256 {
    let mut word = B256::ZERO;
    if let Some(last) = word.0.last_chunk_mut() {
        *last = number.to_be_bytes();
    }
    word
}

/// The hash of words one after another.
pub(super) fn hash(words: &[B256]) -> B256 {
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend_from_slice(word.as_slice());
    }
    keccak256(bytes)
}

/// What is signed (EIP-712, "Definition of eth_signTypedData").
pub(super) fn signing_hash(separator: B256, message: B256) -> B256 {
    keccak256([&[0x19, 1], separator.as_slice(), message.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::asset::ASSETS;

    #[test]
    fn separators_are_those_of_alloy() {
        for asset in ASSETS {
            assert_eq!(asset.domain().separator(), asset.domain().eip712().separator());
        }
        assert_eq!(ASSETS[0].domain().eip712().type_hash(), TYPE_HASH);
    }
}
