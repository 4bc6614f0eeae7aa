//! Which tokens a site takes, and who is paid in them: what its revenue looks like on the chains.

use alloc::vec::Vec;

use super::Config;
use crate::{
    evm::{Address, Transfer},
    x402::Network,
};

/// A token that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where it lives.
    pub network: Network,
    /// Its contract.
    pub asset: Address,
    /// Who is paid.
    pub pay_to: Address,
    /// How it moves.
    pub transfer: Transfer,
}

impl Config {
    /// Every token of every offer, each once.
    /// ```
    /// use farthing::route::Config;
    /// let config = Config::parse(r#"{
    ///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
    ///     "networks": ["eip155:8453", {"network": "eip155:137", "transfer": "permit2"}],
    ///     "settlement": {"facilitators": [{"url": "https://facilitator.example"}]},
    ///     "routes": [{"match": "/a/*", "price": "$0.05"}, {"match": "/b/*", "price": "$0.10"}]
    /// }"#).unwrap();
    /// let networks: Vec<_> = config.tokens().iter().map(|token| token.network.to_string()).collect();
    /// assert_eq!(networks, ["eip155:8453", "eip155:137"]);
    /// ```
    pub fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        for offer in self.routes.iter().flat_map(|route| &route.offers) {
            let token = Token {
                network: offer.network,
                asset: offer.asset,
                pay_to: offer.pay_to,
                transfer: offer.extra.transfer,
            };
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        tokens
    }
}
