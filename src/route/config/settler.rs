//! Who settles, in which order, and how deep a payment has to lie: what is handed to the ledger.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec::Vec};
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use super::screening::Screener;
use crate::{money::Amount, x402::Network};

/// The most decimals that prices are read for; the lower ends of [`Depth`] are in units of this many.
pub(super) const MOST_DECIMALS: u8 = 18;

/// How payments are settled.
///
/// ```
/// use farthing::route::{Config, config::Settler};
/// let config = Config::parse(r#"{
///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
///     "money": "real", "networks": ["eip155:137"], "routes": [],
///     "settlement": {
///         "facilitators": [{"url": "https://f.example", "headers": {"authorization": "TOKEN"}}, {"direct": "GAS_KEY"}],
///         "rpc": {"eip155:137": ["https://rpc.example"]},
///         "confirmations": {"eip155:137": [{"from": "$0", "blocks": 0}, {"from": "$1", "blocks": 3}]},
///     },
/// }"#).unwrap();
/// let settlement = config.settlement;
/// let network = "eip155:137".parse().unwrap();
/// let depth = |amount: &str| settlement.confirmations(network, amount.parse().unwrap(), 6);
/// assert_eq!((depth("999999"), depth("1000000")), (0, 3));
/// let third = settlement.settlers(false, false, 3);
/// assert!(matches!(third[..], [Settler::Facilitator { .. }, Settler::Direct { .. }]));
/// assert!(settlement.secrets().iter().map(|secret| secret.name).eq(["TOKEN", "GAS_KEY"]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settlement {
    /// Who settles, in the order in which they are asked.
    pub facilitators: Vec<Settler>,
    /// JSON-RPC endpoints per network.
    pub rpc: BTreeMap<Network, Vec<String>>,
    /// How deep payments have to lie, per network, by rising price.
    pub confirmations: BTreeMap<Network, Vec<Depth>>,
    /// How many settlements the whole site begins in one day (UTC).
    pub settlements_per_day: u64,
    /// How long one settle call may take.
    pub timeout_seconds: u64,
    /// Who is asked about a payer before anybody is asked to settle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screener: Option<Screener>,
}

/// One who settles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Settler {
    /// A facilitator of x402.
    Facilitator {
        /// Its base URL, without a trailing slash.
        url: String,
        /// What is sent with every call: a header's name, and the name of the Worker's secret that holds its value.
        headers: Vec<(String, String)>,
        /// The name of the secret `<key id>:<key secret>`, where each call has a token of its own, as Coinbase asks.
        coinbase: Option<String>,
        /// Whether its address is the one that metered payments are signed for.
        metered: bool,
        /// Whether it verifies signatures that only a contract can check.
        contract_wallets: bool,
    },
    /// The Worker itself sends the transaction.
    Direct {
        /// The name of the secret `0x` and 64 hex digits.
        secret: String,
    },
}

/// From which price on how many blocks have to lie on a payment's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// The lowest price that it is for, in units of which 10^18 are one whole unit of the asset.
    pub from: Amount,
    /// This many blocks.
    pub blocks: u32,
}

/// A secret of the Worker's that the config names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret<'a> {
    /// Where the config names it.
    pub at: String,
    /// Its name.
    pub name: &'a str,
    /// What has to be in it.
    pub form: SecretForm,
}

/// What a secret has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretForm {
    /// A header's value.
    Header,
    /// `<key id>:<key secret>`.
    Coinbase,
    /// `0x` and 64 hex digits.
    Key,
    /// What a login and the Worker both know, at least 32 bytes.
    Shared,
    /// `whsec_` and at least 24 bytes in base64, as Standard Webhooks has it.
    Webhook,
}

impl SecretForm {
    /// What the shim, which alone sees secrets before the ledger does, calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Coinbase => "coinbase",
            Self::Key => "key",
            Self::Shared => "shared",
            Self::Webhook => "webhook",
        }
    }

    /// What is said of a secret that the Worker does not have, or that is not of this form. It never shows any of
    /// it, nor its name, which may be a secret in the wrong place (threat G1).
    ///
    /// ```
    /// use farthing::route::config::SecretForm;
    /// assert!(SecretForm::Header.fault(true).starts_with("names a secret that this Worker does not have"));
    /// assert!(SecretForm::Key.fault(false).contains("64 hex digits"));
    /// ```
    pub const fn fault(self, missing: bool) -> &'static str {
        match self {
            _ if missing => "names a secret that this Worker does not have: `npx wrangler secret put` with that name sets it",
            Self::Header => "names a secret that is no header's value: one line of plain characters, no space before or after",
            Self::Coinbase => "names a secret that is not the key's id, a colon and the key's secret",
            Self::Key => "names a secret that is not a private key: 0x and 64 hex digits",
            Self::Shared => "names a secret of less than 32 bytes, which HS256 needs (RFC 7518, section 3.2)",
            Self::Webhook => "names a secret that is not whsec_ and 24 to 64 bytes in base64",
        }
    }
}

impl Settlement {
    /// Those who can settle a payment of this kind, the one for its `attempt` (from 1) first, each once.
    ///
    /// A metered payment is signed for one address: only who settles by that one can. What only a contract's code can
    /// check is left to those that say they do.
    pub fn settlers(&self, metered: bool, contract: bool, attempt: u32) -> Vec<&Settler> {
        let able = |settler: &&Settler| match settler {
            Settler::Facilitator {
                metered: settles_metered,
                contract_wallets,
                ..
            } => (!metered || *settles_metered) && (!contract || *contract_wallets),
            Settler::Direct { .. } => !metered && !contract,
        };
        let mut able: Vec<&Settler> = self.facilitators.iter().filter(able).collect();
        let count = u32::try_from(able.len()).unwrap_or(u32::MAX);
        let first = attempt.saturating_sub(1).checked_rem(count).unwrap_or_default();
        able.rotate_left(usize::try_from(first).unwrap_or_default());
        able
    }

    /// How many blocks have to lie on the one of a payment, of this many atomic units of an asset with these decimals.
    pub fn confirmations(&self, network: Network, amount: Amount, decimals: u8) -> u32 {
        let Some(depths) = self.confirmations.get(&network) else {
            return 0;
        };
        let missing = U256::from(MOST_DECIMALS.saturating_sub(decimals));
        let fine = U256::from(10).checked_pow(missing);
        // what is too large to be counted so finely is above every price
        let price = fine.and_then(|fine| amount.atomic().checked_mul(fine)).unwrap_or(U256::MAX);
        let reached = depths.iter().rev().find(|depth| depth.from.atomic() <= price);
        reached.map_or(0, |depth| depth.blocks)
    }

    /// The secrets that the config names, with their places, as often as it names them.
    pub fn secrets(&self) -> Vec<Secret<'_>> {
        let mut secrets = Vec::new();
        for (index, settler) in self.facilitators.iter().enumerate() {
            let mut name = |member: &str, name, form| {
                let at = format!("settlement.facilitators[{index}].{member}");
                secrets.push(Secret { at, name, form });
            };
            match settler {
                Settler::Facilitator { headers, coinbase, .. } => {
                    for (header, secret) in headers {
                        name(&["headers.", header].concat(), secret, SecretForm::Header);
                    }
                    if let Some(secret) = coinbase {
                        name("coinbase", secret, SecretForm::Coinbase);
                    }
                }
                Settler::Direct { secret } => name("direct", secret, SecretForm::Key),
            }
        }
        let headers = self.screener.iter().flat_map(|screener| &screener.headers);
        secrets.extend(headers.map(|(header, name)| Secret {
            at: ["screening.headers.", header].concat(),
            name,
            form: SecretForm::Header,
        }));
        secrets
    }
}

impl Settler {
    /// What the shim adds to a request, with commas between: a header's name and the name of the secret that holds its value, or
    /// `*` and the name of the secret that a token is made with. Their values are never seen here.
    ///
    /// ```
    /// use farthing::route::config::Settler;
    /// let settler = Settler::Facilitator {
    ///     url: "https://f.example".into(),
    ///     headers: vec![("x-site".into(), "SITE_TOKEN".into())],
    ///     coinbase: Some("CDP_KEY".into()),
    ///     metered: false,
    ///     contract_wallets: false,
    /// };
    /// assert_eq!(settler.auth(), "x-site SITE_TOKEN,* CDP_KEY");
    /// ```
    pub fn auth(&self) -> String {
        let Self::Facilitator { headers, coinbase, .. } = self else {
            return String::new();
        };
        let headers = headers.iter().map(|(header, secret)| (header.as_str(), secret));
        joined(headers.chain(coinbase.iter().map(|secret| ("*", secret))))
    }

    /// What it is called in logs: its URL's host, or how it settles.
    pub fn name(&self) -> String {
        match self {
            Self::Facilitator { url, .. } => url.split('/').nth(2).unwrap_or_default().to_owned(),
            Self::Direct { .. } => "direct".to_owned(),
        }
    }
}

/// Headers, each with the name of its secret, as the shim reads them.
pub(super) fn joined<'a>(headers: impl Iterator<Item = (&'a str, &'a String)>) -> String {
    let all: Vec<String> = headers.map(|(header, secret)| [header, " ", secret].concat()).collect();
    all.join(",")
}
