//! What a wallet needs to know of a network.
//!
//! A network is only ever added to a wallet from this table, never from a page's word.

use crate::x402::Network;

/// A network of the asset table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) network: Network,
    /// `chainId` of `wallet_switchEthereumChain`: hex without padding (EIP-3326).
    pub(super) switch: &'static str,
    /// `wallet_addEthereumChain`'s parameters (EIP-3085).
    pub(super) add: &'static str,
    /// Its money is worth nothing.
    pub(super) test: bool,
}

/// Public endpoints and explorers as published in Base's documentation ("Connecting to Base").
const CHAINS: &[Chain] = &[
    Chain {
        network: Network::BASE,
        switch: r#"[{"chainId":"0x2105"}]"#,
        add: r#"[{"chainId":"0x2105","chainName":"Base","nativeCurrency":{"name":"Ether","symbol":"ETH","decimals":18},"rpcUrls":["https://mainnet.base.org"],"blockExplorerUrls":["https://basescan.org"]}]"#,
        test: false,
    },
    Chain {
        network: Network::BASE_SEPOLIA,
        switch: r#"[{"chainId":"0x14a34"}]"#,
        add: r#"[{"chainId":"0x14a34","chainName":"Base Sepolia","nativeCurrency":{"name":"Sepolia Ether","symbol":"ETH","decimals":18},"rpcUrls":["https://sepolia.base.org"],"blockExplorerUrls":["https://sepolia.basescan.org"]}]"#,
        test: true,
    },
];

impl Chain {
    pub(super) fn of(network: Network) -> Option<&'static Self> {
        CHAINS.iter().find(|chain| chain.network == network)
    }
}

/// The number in an `eth_chainId` answer: hex, or the decimal number some wallets give.
pub(super) fn read_id(text: &str) -> Option<u64> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    // from_str_radix takes a sign as well
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::asset::ASSETS;

    #[test]
    fn every_network_with_an_asset_can_be_switched_to_and_added() {
        for asset in ASSETS {
            let chain = Chain::of(asset.network).unwrap();
            let id = format!("\"{:#x}\"", asset.network.chain_id());
            assert!(chain.switch.contains(&id) && chain.add.contains(&id), "{id}");
            assert!(chain.add.contains(&format!("\"chainName\":\"{}\"", asset.network_name())));
            serde_json::from_str::<serde_json::Value>(chain.add).unwrap();
        }
    }

    #[test]
    fn chain_ids_are_read_as_wallets_write_them() {
        assert_eq!(read_id("0x14a34"), Some(84532));
        assert_eq!(read_id("0x014A34"), Some(84532));
        assert_eq!(read_id("84532"), Some(84532));
        for bad in ["", "0x", "base", "-1", "+1", "0x+1", "0x14a34 "] {
            assert_eq!(read_id(bad), None, "{bad}");
        }
    }
}
