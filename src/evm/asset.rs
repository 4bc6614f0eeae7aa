//! The assets that can be paid with, and the constants a signature over them needs.
//!
//! A domain's name and version are the token contract's own, not the payer's word (threat A5).
//!
//! Every entry is one of `DEFAULT_ASSETS` in `@x402/evm` 2.27, or, where it says so, of the v1 package
//! `x402` 1.2; `tests/differential/assets.test.mjs` holds the table against both and against x402-rs.
//! Left out are Solana's tokens, which have no EIP-712 domain, and the networks that only v1 or x402-rs
//! know (IoTeX, peaq, Abstract, Story, EDU Chain, SKALE, XRPL EVM), whose domains nobody has published as
//! read from the chain.

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
    /// Whether an offer by Permit2 tells the domain, so that clients may approve Permit2 by a signature
    /// (EIP-2612; `supportsEip2612` of `@x402/evm`).
    pub permit: bool,
    /// Whether somebody has published that this contract's `DOMAIN_SEPARATOR()`, read from the chain, is
    /// the one of this name and version. The values are pinned in `tests/vectors/assets.json`.
    pub verified: bool,
}

/// A token with EIP-3009 and six digits, whose domain was read from the chain.
const fn usd(chain: u64, contract: Address, symbol: &'static str, name: &'static str, version: &'static str) -> Asset {
    Asset {
        network: Network::from_chain_id(chain),
        contract,
        symbol,
        name,
        version,
        decimals: 6,
        transfer: Transfer::Eip3009,
        permit: false,
        verified: true,
    }
}

/// Circle's own USDC, version 2 throughout; the name differs from network to network.
const fn usdc(chain: u64, contract: Address, name: &'static str) -> Asset {
    usd(chain, contract, "USDC", name, "2")
}

/// A token without EIP-3009 that has EIP-2612.
#[cfg(not(feature = "widget"))]
const fn permit2(asset: Asset, decimals: u8) -> Asset {
    Asset {
        decimals,
        transfer: Transfer::Permit2,
        permit: true,
        ..asset
    }
}

/// The same, but nobody has published its domain as read from the chain.
const fn unread(asset: Asset) -> Asset {
    Asset {
        verified: false,
        ..asset
    }
}

const USD_COIN: &str = "USD Coin";

/// Every asset; the first of a network is its default. Sources: see the head of this file; after each
/// entry, who read its domain from the chain.
#[rustfmt::skip]
pub const ASSETS: &[Asset] = &[
    // 0x02fa7265…, in many public repositories as read from the contract; name also DROOdotFOO/raxol#261
    usdc(8453, address!("833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"), USD_COIN),
    // 0x71f17a3b…, likewise; the recorded payments of tests/vectors settle under it
    usdc(84532, address!("036CbD53842c5426634e7929541eC2318f3dCF7e"), "USDC"),
    // 0x06c37168…, likewise
    usdc(1, address!("A0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"), USD_COIN),
    // 0xcaa2ce1a…, peanutprotocol/peanut-contracts src/util/EIP712Domain.sol; x402-rs 2.0.2 has "USDC", which is wrong
    usdc(137, address!("3c499c542cEF5E3811e1192ce70d8cC03d5c3359"), USD_COIN),
    // x402 1.2; 0x5cddc983…, in public repositories as read from the contract
    usdc(80002, address!("41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582"), "USDC"),
    // 0x08d11903…, x402-foundation/x402#1877
    usdc(42161, address!("af88d065e77c8cC2239327C5EDb3A432268e5831"), USD_COIN),
    // 0x85944e12…, x402-foundation/x402#1877
    usdc(421_614, address!("75faf114eafb1BDbe2F0316DF893fd58CE46AA4d"), USD_COIN),
    // 0xbbea2003…, in many public repositories as read from the contract
    usdc(43114, address!("B97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"), USD_COIN),
    // x402 1.2; 0xfe9fa105…, in public repositories as read from the contract
    usdc(43113, address!("5425890298aed601595a70AB815c96711a31Bc65"), USD_COIN),
    // 0xfe22123e…, x402-foundation/x402#3105: "USD Coin" was wrong
    usdc(143, address!("754704Bc059F8C67012fEd69BC8A327a5aafb603"), "USDC"),
    // 0xb2ce31d2…, in public repositories as read from the contract
    usdc(42220, address!("cebA9300f2b948710d2653dD7B07f33A8B32118C"), "USDC"),
    // x402-foundation/x402#3457, both; neither contract has a version()
    usd(42220, address!("48065fbBE25f71C9282ddf5e1cD6D6A887483D5e"), "USDT", "Tether USD", "1"),
    usd(42220, address!("D2ab3C9A02DBBAB236BfEC45D1d755DF4267F771"), "USAT", "Tether America USD", "1"),
    unread(usdc(11_142_220, address!("01C5C0122039549AD1493B8220cABEdD739BC44E"), "USDC")),
    // 0x0a191361…, in a public repository as read from the contract
    usdc(1329, address!("e15fC38F6D8c56aF07bbCBe3BAf5708A2Bf42392"), "USDC"),
    unread(usdc(1328, address!("4fCF1784B31630811181f670Aea7A7bEF803eaED"), "USDC")),
    // x402-foundation/x402#2596, both
    usdc(50, address!("fA2958CB79b0491CC627c1557F441eF849Ca8eb1"), "USDC"),
    usdc(51, address!("b5AB69F7bBada22B28e79C8FFAECe55eF1c771D4"), "USDC"),
    unread(usd(988, address!("779Ded0c9e1022225f8E0630b35a9b54bE713736"), "USDT0", "USDT0", "1")),
    unread(usd(2201, address!("78Cf24370174180738C5B8E352B6D14c83a6c9A9"), "USDT0", "USDT0", "1")),
    unread(usd(14, address!("e7cd86e13AC4309349F30B3435a9d337750fC82D"), "USDT0", "USD\u{20ae}0", "1")),
    unread(usd(36900, address!("9cb8142aEBBcdc60AF7c97Af897A67A8f3CA71C2"), "USDC.e", "USDC.e", "2")),
    unread(usd(190_415, address!("401eCb1D350407f13ba348573E5630B83638E30D"), "USDC.e", "Bridged USDC", "2")),
    unread(usd(181_228, address!("401eCb1D350407f13ba348573E5630B83638E30D"), "USDC.e", "Bridged USDC", "2")),
    // by Permit2 alone, so no card pays with them, and no reader downloads them
    // 0x26e1aa8b…, in public repositories as read from the contract
    #[cfg(not(feature = "widget"))]
    permit2(usd(4326, address!("FAfDdbb3FC7688494971a79cc65DCa3EF82079E7"), "MegaUSD", "MegaUSD", "1"), 18),
    #[cfg(not(feature = "widget"))]
    unread(permit2(usd(31612, address!("dD468A1DDc392dcdbEf6db6e34E89AA338F9F186"), "mUSD", "Mezo USD", "1"), 18)),
    #[cfg(not(feature = "widget"))]
    unread(permit2(usd(31611, address!("118917a40FAF1CD7a13dB0Ef56C86De7973Ac503"), "mUSD", "Mezo USD", "1"), 18)),
    #[cfg(not(feature = "widget"))]
    unread(permit2(usd(723_487, address!("33ad9e4BD16B69B5BFdED37D8B5D9fF9aba014Fb"), "SBC", "Stable Coin", "1"), 6)),
    #[cfg(not(feature = "widget"))]
    unread(permit2(usd(72344, address!("33ad9e4BD16B69B5BFdED37D8B5D9fF9aba014Fb"), "SBC", "Stable Coin", "1"), 6)),
    // neither EIP-3009 nor EIP-2612: nothing of its own is ever signed
    #[cfg(not(feature = "widget"))]
    Asset { permit: false, ..unread(permit2(usd(38833, address!("A5b8BF902b2844dA17d4506cc827F7F1681735E7"), "USDC", "USDC", "1"), 6)) },
];

impl Asset {
    /// What people call its network.
    ///
    /// ```
    /// use farthing::{evm::Asset, x402::Network};
    /// assert_eq!(Asset::default_of(Network::BASE).unwrap().network_name(), "Base");
    /// ```
    pub fn network_name(&self) -> &'static str {
        self.network.name().unwrap_or_default()
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

    /// The assets of a network, the default first.
    ///
    /// ```
    /// use farthing::{evm::Asset, x402::Network};
    /// let celo = Network::from_chain_id(42220);
    /// let symbols: Vec<_> = Asset::all_of(celo).map(|asset| asset.symbol).collect();
    /// assert_eq!(symbols, ["USDC", "USDT", "USAT"]);
    /// ```
    pub fn all_of(network: Network) -> impl Iterator<Item = &'static Self> {
        ASSETS.iter().filter(move |asset| asset.network == network)
    }

    /// The default asset of a network.
    pub fn default_of(network: Network) -> Option<&'static Self> {
        Self::all_of(network).next()
    }

    /// The asset at this contract.
    ///
    /// ```
    /// use farthing::{evm::Asset, x402::Network};
    /// let usdc = Asset::default_of(Network::BASE).unwrap();
    /// assert_eq!(Asset::find(Network::BASE, usdc.contract), Some(usdc));
    /// // the same contract elsewhere is another one
    /// assert_eq!(Asset::find(Network::BASE_SEPOLIA, usdc.contract), None);
    /// ```
    pub fn find(network: Network, contract: Address) -> Option<&'static Self> {
        Self::all_of(network).find(|asset| asset.contract == contract)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::ToString, vec::Vec};
    use serde_json::{Value, json};

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/assets.json")).unwrap()
    }

    #[test]
    fn a5_the_table_is_the_one_that_is_held_against_the_peers() {
        let rows: Vec<Value> = ASSETS
            .iter()
            .map(|asset| {
                json!({
                    "network": asset.network.to_string(),
                    "networkName": asset.network_name(),
                    "test": asset.network.is_test(),
                    "v1": asset.network.v1_slug(),
                    "asset": asset.contract.to_checksum(None),
                    "symbol": asset.symbol,
                    "name": asset.name,
                    "version": asset.version,
                    "decimals": asset.decimals,
                    "transfer": asset.transfer.name(),
                    "permit": asset.permit,
                    "verified": asset.verified,
                })
            })
            .collect();
        let vectors = vectors();
        let wanted = vectors["assets"].as_array().unwrap();
        for (row, wanted) in rows.iter().zip(wanted) {
            let mut wanted = wanted.clone();
            wanted
                .as_object_mut()
                .unwrap()
                .retain(|key, _| !["separator", "read"].contains(&key.as_str()));
            assert_eq!(*row, wanted);
        }
        assert_eq!(rows.len(), wanted.len(), "tests/vectors/assets.json is older than the table");
    }

    #[test]
    fn a5_separators_are_the_ones_that_were_read_from_the_chain() {
        let vectors = vectors();
        for (asset, row) in ASSETS.iter().zip(vectors["assets"].as_array().unwrap()) {
            let at = alloc::format!("{} on {}", asset.symbol, asset.network);
            assert_eq!(
                row["separator"].as_str().unwrap(),
                asset.domain().separator().to_string(),
                "{at}"
            );
            assert_eq!(row["read"].is_string(), asset.verified, "{at}: who read it");
        }
    }

    #[test]
    fn every_network_has_a_name_and_no_contract_stands_twice() {
        for (index, asset) in ASSETS.iter().enumerate() {
            assert_ne!(asset.network_name(), "", "{}", asset.network);
            assert_eq!(Asset::find(asset.network, asset.contract), ASSETS.get(index));
            assert_eq!(
                Asset::all_of(asset.network)
                    .filter(|other| other.symbol == asset.symbol)
                    .count(),
                1
            );
        }
    }
}
