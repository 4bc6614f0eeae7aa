//! What a wallet needs to know of a network.
//!
//! A network is only ever added to a wallet from this table, never from a page's word.

use alloc::string::String;

use super::json::Object;
use crate::{evm::hex, x402::Network};

/// Chain id, symbol of the native currency (18 digits everywhere), public RPC endpoint and explorer, both
/// without `https://`: as in `viem/chains` 2.57, which takes them from the chains' own documentation.
const CHAINS: &[(u32, &str, &str, &str)] = &[
    (8453, "ETH", "mainnet.base.org", "basescan.org"),
    (84532, "ETH", "sepolia.base.org", "sepolia.basescan.org"),
    (1, "ETH", "ethereum.reth.rs/rpc", "etherscan.io"),
    (137, "POL", "polygon.drpc.org", "polygonscan.com"),
    (80002, "POL", "polygon-amoy.drpc.org", "amoy.polygonscan.com"),
    (42161, "ETH", "arb1.arbitrum.io/rpc", "arbiscan.io"),
    (421_614, "ETH", "sepolia-rollup.arbitrum.io/rpc", "sepolia.arbiscan.io"),
    (43114, "AVAX", "api.avax.network/ext/bc/C/rpc", "snowtrace.io"),
    (43113, "AVAX", "api.avax-test.network/ext/bc/C/rpc", "testnet.snowtrace.io"),
    (143, "MON", "rpc.monad.xyz", "monadscan.com"),
    (42220, "CELO", "forno.celo.org", "celoscan.io"),
    (
        11_142_220,
        "S-CELO",
        "forno.celo-sepolia.celo-testnet.org",
        "celo-sepolia.blockscout.com",
    ),
    (1329, "SEI", "evm-rpc.sei-apis.com", "seiscan.io"),
    (1328, "SEI", "evm-rpc-testnet.sei-apis.com", "testnet.seiscan.io"),
    (50, "XDC", "rpc.xdcrpc.com", "xdcscan.com"),
    (51, "TXDC", "erpc.apothem.network", "testnet.xdcscan.com"),
    (988, "USDT0", "rpc.stable.xyz", "stablescan.xyz"),
    (2201, "USDT0", "rpc.testnet.stable.xyz", "testnet.stablescan.xyz"),
    (14, "FLR", "flare-api.flare.network/ext/C/rpc", "flare-explorer.flare.network"),
    (36900, "ADI", "rpc.adifoundation.ai", "explorer.adifoundation.ai"),
    (190_415, "ETH", "mainnet.hpp.io", "explorer.hpp.io"),
    (181_228, "ETH", "testnet.hpp.io", "sepolia-explorer.hpp.io"),
    (4326, "ETH", "mainnet.megaeth.com/rpc", "mega.etherscan.io"),
    (31612, "BTC", "rpc.mezo.org", "explorer.mezo.org"),
    (31611, "BTC", "rpc.test.mezo.org", "explorer.test.mezo.org"),
    (723_487, "RUSD", "rpc.radiustech.xyz", "network.radiustech.xyz"),
    (72344, "RUSD", "rpc.testnet.radiustech.xyz", "testnet.radiustech.xyz"),
    (38833, "iKAS", "rpc.igralabs.com:8545", "explorer.igralabs.com"),
];

/// The chain id as EIP-3326 and EIP-3085 want it: hex without padding, in quotes.
fn quoted_id(network: Network) -> String {
    let padded = hex::print(&network.chain_id().to_be_bytes());
    ["\"0x", padded.trim_start_matches(['0', 'x']), "\""].concat()
}

/// The parameters of `wallet_switchEthereumChain` (EIP-3326).
pub(super) fn switch(network: Network) -> String {
    ["[{\"chainId\":", &quoted_id(network), "}]"].concat()
}

/// The parameters of `wallet_addEthereumChain` (EIP-3085); none where a wallet has to be shown the network
/// by its owner.
pub(super) fn add(network: Network) -> Option<String> {
    let (_, symbol, rpc, explorer) = CHAINS.iter().find(|(id, ..)| u64::from(*id) == network.chain_id())?;
    let mut currency = Object::new();
    currency.text("name", symbol);
    currency.text("symbol", symbol);
    currency.raw("decimals", "18");
    let address = |rest: &str| ["[\"https://", rest, "\"]"].concat();
    let mut chain = Object::new();
    chain.raw("chainId", &quoted_id(network));
    chain.text("chainName", network.name()?);
    chain.raw("nativeCurrency", &currency.end());
    chain.raw("rpcUrls", &address(rpc));
    chain.raw("blockExplorerUrls", &address(explorer));
    Some(["[", &chain.end(), "]"].concat())
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
    use alloc::format;
    use serde_json::Value;

    #[test]
    fn every_network_with_an_asset_can_be_switched_to_and_added() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/assets.json")).unwrap();
        let mut wallets = vectors["wallets"].as_array().unwrap().iter();
        for (number, ..) in CHAINS {
            let network = Network::from_chain_id((*number).into());
            let id = format!("{number:#x}");
            assert_eq!(switch(network), format!(r#"[{{"chainId":"{id}"}}]"#));
            let added: Value = serde_json::from_str(&add(network).unwrap()).unwrap();
            let chain = &added[0];
            assert_eq!(Some(chain), wallets.next());
            assert_eq!(chain["chainId"], id);
            let symbol = chain["nativeCurrency"]["symbol"].as_str().unwrap();
            // MetaMask takes no other length
            assert!((2..=6).contains(&symbol.len()), "{symbol}");
        }
        assert_eq!(wallets.next(), None);
        for asset in ASSETS {
            assert!(add(asset.network).unwrap().contains(asset.network_name()));
        }
        assert_eq!(add(Network::from_chain_id(5)), None);
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
