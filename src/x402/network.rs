//! Networks: CAIP-2 identifiers and the slugs of x402 v1.

use core::{fmt, str::FromStr};

#[cfg(feature = "client")]
use alloc::string::String;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::money::{decimal, split_at_byte};

/// An EVM network by its chain id; printed as CAIP-2, `eip155:84532`.
///
/// ```
/// use farthing::x402::Network;
/// let base: Network = "eip155:8453".parse().unwrap();
/// assert_eq!(base.chain_id(), 8453);
/// assert_eq!(base.v1_slug(), Some("base"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(u64);

/// The text is not `eip155:` and a chain id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkError;

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an EVM network: write it like eip155:8453 (CAIP-2)")
    }
}

impl core::error::Error for NetworkError {}

/// Slugs of x402 v1: `EVM_NETWORK_CHAIN_ID_MAP` of `@x402/evm` 2.27, whole. Networks without an asset
/// of ours are here too: a facilitator may name them.
const V1_SLUGS: &str = "\
1 ethereum
11155111 sepolia
8453 base
84532 base-sepolia
43114 avalanche
43113 avalanche-fuji
137 polygon
80002 polygon-amoy
1329 sei
1328 sei-testnet
143 monad
42220 celo
988 stable
2201 stable-testnet
4326 megaeth
14 flare
4689 iotex
3338 peaq
2741 abstract
11124 abstract-testnet
1514 story
41923 educhain
324705682 skale-base-sepolia
";

/// What people call the networks of our asset table. The names are those of `viem/chains` 2.57, without
/// words like "Network" or "Mainnet".
const NAMES: &str = "\
8453 Base
1 Ethereum
137 Polygon
42161 Arbitrum One
43114 Avalanche
143 Monad
42220 Celo
1329 Sei
50 XDC
988 Stable
14 Flare
36900 ADI Chain
190415 HPP
4326 MegaETH
31612 Mezo
723487 Radius
38833 Igra
";

/// The same of test networks, whose money is worth nothing.
const TEST_NAMES: &str = "\
84532 Base Sepolia
43113 Avalanche Fuji
80002 Polygon Amoy
421614 Arbitrum Sepolia
11142220 Celo Sepolia
1328 Sei Testnet
51 XDC Apothem
2201 Stable Testnet
181228 HPP Sepolia
31611 Mezo Testnet
72344 Radius Testnet
";

/// The first line of a table and the rest: chain id and name. One text is smaller than a table of texts.
fn first(table: &'static str) -> Option<((&'static str, &'static str), &'static str)> {
    let (line, rest) = split_at_byte(table, b'\n')?;
    Some((split_at_byte(line, b' ')?, rest))
}

fn named(table: &'static str, id: u64) -> Option<&'static str> {
    find(table, &decimal(id))
}

/// What stands after this word and a space at the beginning of a line.
pub(crate) fn find(mut table: &'static str, word: &str) -> Option<&'static str> {
    loop {
        let (line, rest) = split_at_byte(table, b'\n')?;
        if let Some(found) = line.strip_prefix(word).and_then(|rest| rest.strip_prefix(" ")) {
            return Some(found);
        }
        table = rest;
    }
}

impl Network {
    /// Base.
    pub const BASE: Self = Self(8453);
    /// Base's test network.
    pub const BASE_SEPOLIA: Self = Self(84532);

    /// The network with this EIP-155 chain id.
    pub const fn from_chain_id(id: u64) -> Self {
        Self(id)
    }

    /// The EIP-155 chain id.
    pub const fn chain_id(self) -> u64 {
        self.0
    }

    /// As it is printed. `Display` brings a formatter along, which a paying program does without.
    #[cfg(feature = "client")]
    pub(crate) fn caip2(self) -> String {
        ["eip155:", &decimal(self.0)].concat()
    }

    /// How far the time in a new block may be behind the clock, in seconds: on Ethereum it is when the block's slot of
    /// 12 seconds began (consensus specification, `SECONDS_PER_SLOT`).
    pub const fn slot_seconds(self) -> u64 {
        match self.0 {
            1 | 11_155_111 => 12,
            _ => 2,
        }
    }

    /// What people call it; none where it is not a network of the asset table.
    ///
    /// ```
    /// use farthing::x402::Network;
    /// assert_eq!(Network::from_chain_id(42161).name(), Some("Arbitrum One"));
    /// assert_eq!(Network::from_chain_id(5).name(), None);
    /// ```
    pub fn name(self) -> Option<&'static str> {
        named(NAMES, self.0).or_else(|| named(TEST_NAMES, self.0))
    }

    /// The chain ids that Ganache and the development modes of Geth, and Anvil and Hardhat, start with.
    const fn is_local(self) -> bool {
        matches!(self.0, 1337 | 31337)
    }

    /// Whether its money is known to be worth nothing: a test network of the table, or a chain on
    /// somebody's own machine. What is not known counts as real money.
    ///
    /// ```
    /// use farthing::x402::Network;
    /// assert!(Network::BASE_SEPOLIA.is_test());
    /// assert!(Network::from_chain_id(31337).is_test());
    /// assert!(!Network::from_chain_id(5).is_test());
    /// ```
    pub fn is_test(self) -> bool {
        self.is_local() || named(TEST_NAMES, self.0).is_some()
    }

    /// The name x402 v1 has for it.
    pub fn v1_slug(self) -> Option<&'static str> {
        named(V1_SLUGS, self.0)
    }

    /// The network that x402 v1 calls so.
    pub fn from_v1_slug(slug: &str) -> Option<Self> {
        let mut table = V1_SLUGS;
        loop {
            let ((id, known), rest) = first(table)?;
            if known == slug {
                return id.parse().ok().map(Self);
            }
            table = rest;
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.strip_prefix("eip155:").ok_or(NetworkError)?;
        let plain = !id.starts_with("0") && id.bytes().all(|b| b.is_ascii_digit());
        if !plain {
            return Err(NetworkError);
        }
        id.parse().map(Self).map_err(|_| NetworkError)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eip155:{}", self.0)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = alloc::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn lines(table: &'static str) -> impl Iterator<Item = (u64, &'static str)> {
        core::iter::successors(first(table), |(_, rest)| first(rest)).map(|((id, name), _)| (id.parse().unwrap(), name))
    }

    #[test]
    fn networks_have_one_spelling() {
        for bad in [
            "",
            "eip155",
            "eip155:",
            "eip155:0",
            "eip155:08453",
            "eip155:+1",
            "EIP155:1",
            "solana:x",
            "eip155:99999999999999999999",
        ] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError), "{bad}");
        }
        assert_eq!(Network::from_v1_slug("base-sepolia"), Some(Network::BASE_SEPOLIA));
        assert_eq!(Network::from_v1_slug("Base"), None);
    }

    #[test]
    fn slugs_map_both_ways_and_names_are_told_apart() {
        for (id, slug) in lines(V1_SLUGS) {
            let network = Network::from_chain_id(id);
            assert_eq!(network.v1_slug(), Some(slug));
            assert_eq!(Network::from_v1_slug(slug), Some(network));
        }
        assert_eq!((Network::BASE.name(), Network::BASE.is_test()), (Some("Base"), false));
        let test = Network::BASE_SEPOLIA;
        assert_eq!((test.name(), test.is_test()), (Some("Base Sepolia"), true));
        for (id, is_test) in [(31337, true), (1337, true), (8454, false)] {
            let unnamed = Network::from_chain_id(id);
            assert_eq!((unnamed.name(), unnamed.v1_slug(), unnamed.is_test()), (None, None, is_test));
        }
        let mut all: Vec<_> = lines(NAMES).chain(lines(TEST_NAMES)).collect();
        let count = all.len();
        all.sort_unstable_by_key(|(_, name)| *name);
        all.dedup_by_key(|(_, name)| *name);
        all.sort_unstable_by_key(|(id, _)| *id);
        all.dedup_by_key(|(id, _)| *id);
        assert_eq!(all.len(), count);
    }
}
