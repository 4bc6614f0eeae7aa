//! Which tokens a site takes, and who is paid in them: what its revenue looks like on the chains.

use alloc::vec::Vec;

use super::Config;
use alloy_primitives::U256;

use crate::{
    evm::{Address, Transfer},
    money::Amount,
    x402::{Network, v2::Scheme},
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
    /// The smallest price that is asked in it; one unit where something is metered.
    pub least: Amount,
}

impl Token {
    /// Whether so much may be a payment: prices change, but what is less than a tenth of the smallest one is somebody's
    /// dust, which is cheap to send and would cost a question each.
    pub fn may_be_paid_with(&self, value: Amount) -> bool {
        value.atomic().saturating_mul(U256::from(10)) >= self.least.atomic()
    }
}

impl Config {
    /// Every token of every offer, each once.
    /// ```
    /// use farthing::route::Config;
    /// let config = Config::parse(r#"{
    ///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
    ///     "money": "real", "networks": ["eip155:8453", {"network": "eip155:137", "transfer": "permit2"}],
    ///     "settlement": {"facilitators": [{"url": "https://facilitator.example"}]},
    ///     "routes": [{"match": "/a/*", "price": "$0.05"}, {"match": "/b/*", "price": "$0.10"}]
    /// }"#).unwrap();
    /// let networks: Vec<_> = config.tokens().iter().map(|token| token.network.to_string()).collect();
    /// assert_eq!(networks, ["eip155:8453", "eip155:137"]);
    /// assert_eq!(config.tokens()[0].least.to_string(), "50000");
    /// ```
    pub fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        for (offer, pay_to, least) in self.routes.iter().flat_map(super::Route::asked) {
            let token = Token {
                network: offer.network,
                asset: offer.asset,
                pay_to,
                transfer: offer.extra.transfer,
                least: match offer.scheme {
                    Scheme::Exact => least,
                    Scheme::Upto => Amount::from_atomic(U256::ONE),
                },
            };
            let same = |known: &&mut Token| {
                Token {
                    least: token.least,
                    ..**known
                } == token
            };
            match tokens.iter_mut().find(same) {
                Some(known) => known.least = known.least.min(token.least),
                None => tokens.push(token),
            }
        }
        tokens
    }
}
