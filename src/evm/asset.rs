//! The assets that can be paid with, and the constants a signature over them needs.
//!
//! A domain's name and version are the token contract's own, not the payer's word (threat A5).

use alloy_primitives::{Address, address};

use super::{Domain, Transfer};
use crate::x402::Network;

/// A token that can be paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Where it lives.
    pub network: Network,
    /// The token contract; also the EIP-712 `verifyingContract`.
    pub contract: Address,
    /// The name people know it by.
    pub symbol: &'static str,
    /// The EIP-712 domain's `name`.
    pub name: &'static str,
    /// The EIP-712 domain's `version`.
    pub version: &'static str,
    /// Digits after the point.
    pub decimals: u8,
    /// How it moves.
    pub transfer: Transfer,
}

/// Every asset; the first of a network is its default.
///
/// Sources: Circle's contract addresses for USDC; `DEFAULT_ASSETS` of `@x402/evm` 2.27.
pub const ASSETS: &[Asset] = &[
    Asset {
        network: Network::BASE,
        contract: address!("833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
        symbol: "USDC",
        name: "USD Coin",
        version: "2",
        decimals: 6,
        transfer: Transfer::Eip3009,
    },
    Asset {
        network: Network::BASE_SEPOLIA,
        contract: address!("036CbD53842c5426634e7929541eC2318f3dCF7e"),
        symbol: "USDC",
        name: "USDC",
        version: "2",
        decimals: 6,
        transfer: Transfer::Eip3009,
    },
];

impl Asset {
    /// What people call its network.
    pub const fn network_name(&self) -> &'static str {
        match self.network {
            Network::BASE => "Base",
            Network::BASE_SEPOLIA => "Base Sepolia",
            _ => "",
        }
    }

    /// Its EIP-712 domain.
    pub const fn domain(&self) -> Domain<'static> {
        Domain {
            name: self.name,
            version: self.version,
            network: self.network,
            contract: self.contract,
        }
    }

    /// The default asset of a network.
    pub fn default_of(network: Network) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.network == network)
    }

    /// The asset at this contract.
    pub fn find(network: Network, contract: Address) -> Option<&'static Self> {
        ASSETS
            .iter()
            .find(|asset| asset.network == network && asset.contract == contract)
    }
}
