//! What a wallet needs to know of a network.
//!
//! A network is only ever added to a wallet from this table, never from a page's word.

use alloc::string::String;

use super::json::Object;
use crate::{
    evm::hex,
    money::split_at_byte,
    x402::{Network, network::find},
};

/// A line for each network with a token that a card can pay with: chain id in hex, symbol of the native currency (18 digits everywhere), public
/// RPC endpoint without `https://`; as in `viem/chains` 2.57, which takes them from the chains' own
/// documentation. One text is smaller to download than a table of texts, and wallets know explorers.
const CHAINS: &str = "\
2105 ETH mainnet.base.org
14a34 ETH sepolia.base.org
1 ETH ethereum.reth.rs/rpc
89 POL polygon.drpc.org
13882 POL polygon-amoy.drpc.org
a4b1 ETH arb1.arbitrum.io/rpc
66eee ETH sepolia-rollup.arbitrum.io/rpc
a86a AVAX api.avax.network/ext/bc/C/rpc
a869 AVAX api.avax-test.network/ext/bc/C/rpc
8f MON rpc.monad.xyz
a4ec CELO forno.celo.org
aa044c S-CELO forno.celo-sepolia.celo-testnet.org
531 SEI evm-rpc.sei-apis.com
530 SEI evm-rpc-testnet.sei-apis.com
32 XDC rpc.xdcrpc.com
33 TXDC erpc.apothem.network
3dc USDT0 rpc.stable.xyz
899 USDT0 rpc.testnet.stable.xyz
e FLR flare-api.flare.network/ext/C/rpc
9024 ADI rpc.adifoundation.ai
2e7cf ETH mainnet.hpp.io
2c3ec ETH testnet.hpp.io
";

/// The chain id as EIP-3326 and EIP-3085 want it, hex without padding; the `0x` is left to them.
fn id(network: Network) -> String {
    let text = hex::print(&network.chain_id().to_be_bytes());
    let start = text.bytes().position(|b| b != b'0' && b != b'x').unwrap_or_default();
    text.get(start..).unwrap_or_default().into()
}

/// The parameters of `wallet_switchEthereumChain` (EIP-3326).
pub(super) fn switch(network: Network) -> String {
    ["[{\"chainId\":\"0x", &id(network), "\"}]"].concat()
}

/// The parameters of `wallet_addEthereumChain` (EIP-3085); none where a wallet has to be shown the network
/// by its owner.
pub(super) fn add(network: Network) -> Option<String> {
    let id = id(network);
    let (symbol, rpc) = find(CHAINS, &id).and_then(|line| split_at_byte(line, b' '))?;
    let mut currency = Object::new();
    currency.text("name", symbol);
    currency.text("symbol", symbol);
    currency.raw("decimals", "18");
    let mut chain = Object::new();
    chain.text("chainId", &["0x", &id].concat());
    chain.text("chainName", network.name()?);
    chain.raw("nativeCurrency", &currency.end());
    chain.raw("rpcUrls", &["[\"https://", rpc, "\"]"].concat());
    Some(["[", &chain.end(), "]"].concat())
}

/// The number in an `eth_chainId` answer: hex, or the decimal number some wallets give.
pub(super) fn read_id(text: &str) -> Option<u64> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    let mut number = 0_u64;
    for byte in digits.bytes() {
        let digit = hex::digit(byte).filter(|digit| *digit < radix)?;
        number = number.checked_mul(radix.into())?.checked_add(digit.into())?;
    }
    (!digits.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::{Asset, Transfer, asset::ASSETS};
    use alloc::format;
    use serde_json::Value;

    #[test]
    fn every_network_with_an_asset_can_be_switched_to_and_added() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/assets.json")).unwrap();
        let payable = |wallet: &&Value| {
            let id = wallet["chainId"].as_str().unwrap();
            let has = |asset: &Asset| format!("{:#x}", asset.network.chain_id()) == id && asset.transfer == Transfer::Eip3009;
            ASSETS.iter().any(has)
        };
        let mut wallets = vectors["wallets"].as_array().unwrap().iter().filter(payable);
        for line in CHAINS.lines() {
            let number = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
            let network = Network::from_chain_id(number);
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
        for asset in ASSETS.iter().filter(|asset| asset.transfer == Transfer::Eip3009) {
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
