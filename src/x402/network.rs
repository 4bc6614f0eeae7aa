//! Networks: CAIP-2 identifiers and the slugs of x402 v1.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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

/// Slugs of x402 v1 for the networks of our asset table (`@x402/evm` 2.27, `src/v1`).
const V1_SLUGS: &[(u64, &str)] = &[(8453, "base"), (84532, "base-sepolia")];

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

    /// The name x402 v1 has for it.
    pub fn v1_slug(self) -> Option<&'static str> {
        V1_SLUGS.iter().find(|(id, _)| *id == self.0).map(|(_, slug)| *slug)
    }

    /// The network that x402 v1 calls so.
    pub fn from_v1_slug(slug: &str) -> Option<Self> {
        V1_SLUGS.iter().find(|(_, known)| *known == slug).map(|(id, _)| Self(*id))
    }
}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.strip_prefix("eip155:").ok_or(NetworkError)?;
        let plain = !id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit());
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
}
