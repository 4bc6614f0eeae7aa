//! The EIP-712 domain of a token contract: what separates a signature for one token from all others.

use alloc::borrow::Cow;

use alloy_primitives::{Address, B256, U256};
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
        self.eip712().separator()
    }
}
