//! What the owner of a paying program allows, and which offer is taken under it (threats A5, A6, F3).
//!
//! Nothing is paid that the policy does not name: an amount without a limit, a token whose decimals
//! nobody but the server knows, and a payment of "at most" are all refused until the owner says so.

use core::fmt;

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use alloy_primitives::Address;

use super::offers::{Offer, Offers, Unpayable, Version};
use crate::{
    evm::{Asset, Domain, Transfer, hex},
    json::{Value, parse},
    money::{Amount, Price, PriceError},
    x402::{
        Network,
        v2::{PaymentFlow, Scheme},
    },
};

/// A token that the owner of the program vouches for, besides those of our table or instead of all of
/// them.
///
/// ```
/// use farthing::client::Token;
/// let mega = Token::new("eip155:4326".parse().unwrap(), "0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7".parse().unwrap(), 18)
///     .most("$0.25").unwrap();
/// assert_eq!(mega.limit().unwrap().to_string(), "250000000000000000");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    network: Network,
    contract: Address,
    decimals: u8,
    /// EIP-712 name and version; EIP-3009 is not signed without them.
    domain: Option<(String, String)>,
    most: Option<Amount>,
}

impl Token {
    /// A token of this many decimals, which no server's word can change (threat A6).
    pub const fn new(network: Network, contract: Address, decimals: u8) -> Self {
        Self {
            network,
            contract,
            decimals,
            domain: None,
            most: None,
        }
    }

    /// The most that is paid at once: a price such as `"$0.25"` if the token is worth a dollar, or
    /// atomic units. The error names `max`: neither, or finer than the token's smallest unit.
    pub fn most(mut self, limit: &str) -> Result<Self, PolicyError> {
        self.most = Some(match (limit.parse(), limit.parse()) {
            (Ok(units), _) => units,
            (_, Ok(price @ Price::Dollars(_))) => price.in_units_of(self.decimals).map_err(|_| PolicyError("max"))?,
            _ => return Err(PolicyError("max")),
        });
        Ok(self)
    }

    /// The token's EIP-712 domain, needed for EIP-3009; an offer has to name the same. The error names
    /// `name`: there are control characters in it.
    pub fn domain(mut self, name: &str, version: &str) -> Result<Self, PolicyError> {
        if name.chars().chain(version.chars()).any(char::is_control) {
            return Err(PolicyError("name"));
        }
        self.domain = Some((name.to_owned(), version.to_owned()));
        Ok(self)
    }

    /// The most that is paid at once, in atomic units.
    pub const fn limit(&self) -> Option<Amount> {
        self.most
    }
}

/// What may be paid.
///
/// ```
/// use farthing::client::{Offers, Policy, Refusal};
/// let policy = Policy::up_to("$0.10").unwrap();
/// let body = r#"{"x402Version":1,"accepts":[{"scheme":"exact","network":"base","maxAmountRequired":"250000",
///     "resource":"https://n.example/a","description":"","mimeType":"","maxTimeoutSeconds":60,
///     "payTo":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC","asset":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
///     "extra":{"name":"USD Coin","version":"2"}}]}"#;
/// let offers = Offers::read(None, body).unwrap();
/// assert_eq!(policy.choose(&offers).unwrap_err().reasons, [Refusal::TooDear]);
/// assert_eq!(Policy::up_to("$0.25").unwrap().choose(&offers).unwrap().decimal(), "0.25");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    most: Price,
    networks: Vec<Network>,
    tokens: Vec<Token>,
    listed_only: bool,
    payees: Vec<Address>,
    transfers: [bool; 2],
    upto: bool,
    upfront: bool,
    offer: Option<String>,
    pick: Option<u64>,
    denied: Denied,
}

/// What is never paid, whatever else is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Denied {
    networks: Vec<Network>,
    assets: Vec<Address>,
    payees: Vec<Address>,
}

/// A part of a policy that cannot be read: its name in JSON. Nothing is paid, for nobody knows what it
/// was to forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyError(pub &'static str);

impl PolicyError {
    /// What it says.
    pub(crate) fn words(self) -> String {
        ["the policy's ", self.0, " cannot be read"].concat()
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl core::error::Error for PolicyError {}

/// Why an offer is not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody could pay it.
    Unpayable(Unpayable),
    /// On a network that the policy leaves out.
    Network,
    /// In a token that the policy leaves out, or that nobody vouches for (threat A5).
    Token,
    /// With another EIP-712 domain than the token's own (threat A5).
    Domain,
    /// By a scheme or a transfer that the policy leaves out.
    Method,
    /// To be paid before anything is delivered.
    Upfront,
    /// For more than what was asked for, or not the wider offer that the policy names.
    Offer,
    /// To somebody whom the policy leaves out.
    Payee,
    /// In a token without a limit of its own: a limit in dollars says nothing about it.
    Unlimited,
    /// Over the limit.
    TooDear,
}

impl Refusal {
    /// A stable word for programs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unpayable(why) => why.key(),
            Self::Network => "network-not-allowed",
            Self::Token => "token-not-allowed",
            Self::Domain => "domain-mismatch",
            Self::Method => "method-not-allowed",
            Self::Upfront => "upfront-not-allowed",
            Self::Offer => "offer-not-wanted",
            Self::Payee => "payee-not-allowed",
            Self::Unlimited => "no-limit",
            Self::TooDear => "too-dear",
        }
    }
}

impl Refusal {
    /// What it says.
    pub(crate) fn words(self) -> String {
        let words = match self {
            Self::Unpayable(why) => return why.words(),
            Self::Network => "the policy leaves this network out",
            Self::Token => "the policy does not vouch for this token",
            Self::Domain => "not the token's own name or version",
            Self::Method => "the policy leaves this way to pay out",
            Self::Upfront => "the policy does not pay before delivery",
            Self::Offer => "the policy wants another of the offers",
            Self::Payee => "the policy leaves this payee out",
            Self::Unlimited => "the policy has no limit for this token",
            Self::TooDear => "too dear",
        };
        words.to_owned()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

/// No offer is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NothingPayable {
    /// One for each offer, in the server's order.
    pub reasons: Vec<Refusal>,
}

impl NothingPayable {
    /// What it says.
    pub(crate) fn words(&self) -> String {
        let mut words = String::from("no offer is paid");
        for (at, reason) in self.reasons.iter().enumerate() {
            words += if at == 0 { ": " } else { "; " };
            words += &reason.words();
        }
        words
    }
}

impl fmt::Display for NothingPayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl core::error::Error for NothingPayable {}

impl Policy {
    /// Pays at most this much at once, for example `"$0.10"`: by `exact`, in the tokens of our table, all of
    /// which are worth a dollar, anywhere and to anybody. `"0.10 USDC"` allows no other token of the table.
    /// The error names `max`: not a price, or a price of nothing.
    pub fn up_to(price: &str) -> Result<Self, PolicyError> {
        let most = price
            .parse()
            .ok()
            .filter(|price| *price != Price::Free)
            .ok_or(PolicyError("max"))?;
        Ok(Self {
            most,
            networks: Vec::new(),
            tokens: Vec::new(),
            listed_only: false,
            payees: Vec::new(),
            transfers: [true; 2],
            upto: false,
            upfront: true,
            offer: None,
            pick: None,
            denied: Denied::default(),
        })
    }

    /// Pays on these networks only, and on the first of them that is offered; none is any.
    pub fn networks(mut self, networks: &[Network]) -> Self {
        self.networks = networks.to_vec();
        self
    }

    /// Pays in this token as well as in those of our table. Its own limit goes before the general one.
    pub fn token(mut self, token: Token) -> Self {
        self.tokens.push(token);
        self
    }

    /// Pays in the tokens that [`token`](Self::token) has named and in no other.
    pub const fn listed_only(mut self, only: bool) -> Self {
        self.listed_only = only;
        self
    }

    /// Pays nobody but these; none is anybody.
    pub fn payees(mut self, payees: &[Address]) -> Self {
        self.payees = payees.to_vec();
        self
    }

    /// Pays by these transfers only; none is none.
    pub fn transfers(mut self, transfers: &[Transfer]) -> Self {
        self.transfers = [Transfer::Eip3009, Transfer::Permit2].map(|one| transfers.contains(&one));
        self
    }

    /// Whether payments of at most an amount are signed (scheme `upto`); they are not unless this says
    /// so, for what is taken is the server's word.
    pub const fn upto(mut self, allowed: bool) -> Self {
        self.upto = allowed;
        self
    }

    /// Whether servers that take the money before they have the content are paid; they are unless this
    /// says otherwise.
    pub const fn upfront(mut self, allowed: bool) -> Self {
        self.upfront = allowed;
        self
    }

    /// Buys the time pass or the bundle of this name (`extra.offer.name`), and nothing else; without it the article alone is bought,
    /// never something wider.
    pub fn offer(mut self, name: &str) -> Self {
        self.offer = Some(name.to_owned());
        self
    }

    /// Buys this entry of `accepts`, counted from 0, whatever else it opens, and no other.
    pub const fn pick(mut self, index: u64) -> Self {
        self.pick = Some(index);
        self
    }

    /// Reads a policy from JSON; `max` of a token may be atomic units. The error names the member that
    /// is missing, unknown, or cannot be read.
    ///
    /// ```
    /// use farthing::client::Policy;
    /// let policy = Policy::read(r#"{
    ///     "max": "$0.10",
    ///     "networks": ["eip155:8453", "eip155:84532"],
    ///     "tokens": [{ "network": "eip155:4326", "asset": "0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7",
    ///                  "decimals": 18, "max": "$0.10", "name": "MegaUSD", "version": "1" }],
    ///     "listedOnly": false,
    ///     "payees": ["0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"],
    ///     "transfers": ["eip3009", "permit2"],
    ///     "upto": false,
    ///     "upfront": true,
    ///     "offer": "ten",
    ///     "deny": { "networks": ["eip155:1"], "assets": ["0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7"],
    ///               "payees": ["0x000000000000000000000000000000000000dEaD"] }
    /// }"#);
    /// assert!(policy.is_ok());
    /// // only the limit has to be there, and what nobody knows is an error
    /// assert!(Policy::read(r#"{"max":"$0.10"}"#).is_ok());
    /// assert_eq!(Policy::read("{}").unwrap_err().0, "max");
    /// assert!(Policy::read(r#"{"max":"$0.10","network":["eip155:8453"]}"#).is_err());
    /// ```
    pub fn read(json: &str) -> Result<Self, PolicyError> {
        const KNOWN: [&str; 11] = [
            "max",
            "networks",
            "tokens",
            "listedOnly",
            "payees",
            "transfers",
            "upto",
            "upfront",
            "offer",
            "pick",
            "deny",
        ];
        let json = parse(json).map_err(|_| PolicyError("JSON"))?;
        only(&json, &KNOWN, "members")?;
        let mut policy = Self::up_to(json.get("max").and_then(Value::text).ok_or(PolicyError("max"))?)?;
        networks(&json, &mut policy.networks)?;
        addresses(&json, "payees", &mut policy.payees)?;
        let mut transfers = Vec::new();
        if list(&json, "transfers", &mut |one| push(&mut transfers, Transfer::read(one)))? {
            policy = policy.transfers(&transfers);
        }
        for token in json
            .get("tokens")
            .map_or(Ok(&[][..]), |value| value.items().ok_or(PolicyError("tokens")))?
        {
            policy.tokens.push(read_token(token)?);
        }
        policy.listed_only = flag(&json, "listedOnly", false)?;
        policy.upto = flag(&json, "upto", policy.upto)?;
        if let Some(name) = json.get("offer") {
            policy.offer = Some(name.text().ok_or(PolicyError("offer"))?.to_owned());
        }
        policy.upfront = flag(&json, "upfront", policy.upfront)?;
        if let Some(index) = json.get("pick") {
            policy.pick = Some(index.integer().ok_or(PolicyError("pick"))?);
        }
        if let Some(deny) = json.get("deny") {
            only(deny, &["networks", "assets", "payees"], "deny")?;
            networks(deny, &mut policy.denied.networks)?;
            addresses(deny, "assets", &mut policy.denied.assets)?;
            addresses(deny, "payees", &mut policy.denied.payees)?;
        }
        Ok(policy)
    }

    /// The offer to take: the first that is allowed, by the networks' order if they have one, with
    /// money after content before money first; or the reason against each.
    pub fn choose(&self, offers: &Offers) -> Result<Choice, NothingPayable> {
        let mut reasons = Vec::new();
        let mut best: Option<((usize, bool), Judged<'_>)> = None;
        for (entry, index) in offers.entries.iter().zip(0..) {
            match self.judge(entry, index) {
                Ok(judged) => {
                    let offer = judged.offer;
                    let place = self.networks.iter().position(|network| *network == offer.network);
                    let rank = (place.unwrap_or_default(), offer.flow == PaymentFlow::Upfront);
                    if best.as_ref().is_none_or(|(other, _)| rank < *other) {
                        best = Some((rank, judged));
                    }
                }
                Err(reason) => reasons.push(reason),
            }
        }
        let Some((
            _,
            Judged {
                offer,
                domain,
                decimals,
                symbol,
            },
        )) = best
        else {
            return Err(NothingPayable { reasons });
        };
        Ok(Choice {
            offer: offer.clone(),
            version: offers.version,
            domain: (domain.0.to_owned(), domain.1.to_owned()),
            decimals,
            symbol,
            resource: offers.resource.clone(),
            extensions: offers.extensions.clone(),
        })
    }

    /// Whether this one offer may be paid.
    fn judge<'a>(&'a self, entry: &'a Result<Offer, Unpayable>, index: u64) -> Result<Judged<'a>, Refusal> {
        let offer = entry.as_ref().map_err(|why| Refusal::Unpayable(*why))?;
        let meant = match self.pick {
            Some(pick) => pick == index,
            None => offer.wider.as_ref().map(|wider| &wider.name) == self.offer.as_ref(),
        };
        if !meant {
            return Err(Refusal::Offer);
        }
        let allowed = self.networks.is_empty() || self.networks.contains(&offer.network);
        if !allowed || self.denied.networks.contains(&offer.network) {
            return Err(Refusal::Network);
        }
        let named = |token: &&Token| token.network == offer.network && token.contract == offer.contract;
        let token = self.tokens.iter().find(named);
        let asset = Asset::find(offer.network, offer.contract);
        if (self.listed_only && token.is_none()) || self.denied.assets.contains(&offer.contract) {
            return Err(Refusal::Token);
        }
        let decimals = match (asset, token) {
            (Some(asset), Some(token)) if asset.decimals != token.decimals => return Err(Refusal::Token),
            (Some(Asset { decimals, .. }), _) | (None, Some(Token { decimals, .. })) => *decimals,
            (None, None) => return Err(Refusal::Token),
        };
        let allowed = match offer.transfer {
            Transfer::Eip3009 => self.transfers.first(),
            Transfer::Permit2 => self.transfers.last(),
        };
        // a token that moves by Permit2 alone has no EIP-3009
        let moves = asset.is_none_or(|asset| asset.transfer == Transfer::Eip3009 || offer.transfer == Transfer::Permit2);
        if allowed != Some(&true) || !moves || (offer.scheme == Scheme::Upto && !self.upto) {
            return Err(Refusal::Method);
        }
        let domain = match (asset, token.and_then(|token| token.domain.as_ref())) {
            (Some(asset), _) => Some((asset.name, asset.version)),
            (None, Some((name, version))) => Some((name.as_str(), version.as_str())),
            (None, None) => None,
        };
        let domain = checked_domain(offer, domain)?;
        if offer.flow == PaymentFlow::Upfront && !self.upfront {
            return Err(Refusal::Upfront);
        }
        let allowed = self.payees.is_empty() || self.payees.contains(&offer.pay_to);
        if !allowed || self.denied.payees.contains(&offer.pay_to) {
            return Err(Refusal::Payee);
        }
        let limit = match (token.and_then(|token| token.most), asset) {
            (Some(limit), _) => limit,
            (None, Some(asset)) => match self.most.in_asset(asset.symbol, asset.decimals) {
                Ok(limit) => limit,
                Err(PriceError::OtherAsset) => return Err(Refusal::Unlimited),
                // a limit finer than the token's smallest unit allows nothing
                Err(_) => Amount::ZERO,
            },
            (None, None) => return Err(Refusal::Unlimited),
        };
        if offer.amount > limit {
            return Err(Refusal::TooDear);
        }
        Ok(Judged {
            offer,
            domain,
            decimals,
            symbol: asset.map(|asset| asset.symbol),
        })
    }
}

/// An offer that may be paid, and what is known of its token.
struct Judged<'a> {
    offer: &'a Offer,
    domain: (&'a str, &'a str),
    decimals: u8,
    symbol: Option<&'static str>,
}

/// The token's own domain, which is never the server's word (threat A5). By Permit2 it is not signed,
/// but an offer that names another one is wrong about the token.
fn checked_domain<'a>(offer: &Offer, own: Option<(&'a str, &'a str)>) -> Result<(&'a str, &'a str), Refusal> {
    let (name, version) = match own {
        Some(own) => own,
        None if offer.transfer == Transfer::Permit2 => return Ok(Default::default()),
        None => return Err(Refusal::Domain),
    };
    let other = |said: &Option<String>, own| said.as_deref().is_some_and(|said| said != own);
    if other(&offer.name, name) || other(&offer.version, version) {
        return Err(Refusal::Domain);
    }
    Ok((name, version))
}

/// The offer that is taken, and what is known for certain about its token.
///
/// ```
/// use farthing::client::{Offers, Policy};
/// # let body = r#"{"x402Version":1,"accepts":[{"scheme":"exact","network":"base","maxAmountRequired":"50000",
/// #     "resource":"https://n.example/a","description":"","mimeType":"","maxTimeoutSeconds":60,
/// #     "payTo":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC","asset":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
/// #     "extra":{"name":"USD Coin","version":"2"}}]}"#;
/// let choice = Policy::up_to("$0.10").unwrap().choose(&Offers::read(None, body).unwrap()).unwrap();
/// assert_eq!(choice.to_string(), "0.05 USDC on eip155:8453 to 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");
/// assert_eq!(choice.domain().name, "USD Coin");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The server's terms.
    pub offer: Offer,
    /// Which generation answers it.
    pub version: Version,
    /// The token's symbol, if it is of our table.
    pub symbol: Option<&'static str>,
    /// The token's digits after the point.
    pub decimals: u8,
    domain: (String, String),
    pub(super) resource: Option<String>,
    pub(super) extensions: Option<String>,
}

impl Choice {
    /// The token's EIP-712 domain: name and version are empty where only Permit2 moves it.
    pub fn domain(&self) -> Domain<'_> {
        let (name, version) = &self.domain;
        Domain {
            name,
            version,
            network: self.offer.network,
            contract: self.offer.contract,
        }
    }

    /// The amount in whole units.
    pub fn decimal(&self) -> String {
        self.offer.amount.to_decimal(self.decimals)
    }
}

impl fmt::Display for Choice {
    /// For a log: what, where, to whom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offer = &self.offer;
        let most = if offer.scheme == Scheme::Upto { "at most " } else { "" };
        let token = self.symbol.map_or_else(|| offer.contract.to_string(), ToOwned::to_owned);
        write!(f, "{most}{} {token} on {} to {}", self.decimal(), offer.network, offer.pay_to)
    }
}

fn only(json: &Value<'_>, known: &[&str], what: &'static str) -> Result<(), PolicyError> {
    let members = json.members().ok_or(PolicyError(what))?;
    let unknown = members.iter().any(|(name, _)| !known.contains(&name.as_ref()));
    if unknown { Err(PolicyError(what)) } else { Ok(()) }
}

/// A list of texts that may be missing, but not be empty: nobody knows what an empty one was to allow. Whether it is there. One copy for
/// all that is listed; `take` says whether it could read one.
fn list(json: &Value<'_>, name: &'static str, take: &mut dyn FnMut(&str) -> bool) -> Result<bool, PolicyError> {
    let Some(value) = json.get(name) else { return Ok(false) };
    let items = value.items().unwrap_or_default();
    if items.is_empty() || !items.iter().all(|item| item.text().is_some_and(&mut *take)) {
        return Err(PolicyError(name));
    }
    Ok(true)
}

fn push<T>(all: &mut Vec<T>, one: Option<T>) -> bool {
    let there = one.is_some();
    all.extend(one);
    there
}

fn networks(json: &Value<'_>, all: &mut Vec<Network>) -> Result<bool, PolicyError> {
    list(json, "networks", &mut |one| push(all, one.parse().ok()))
}

fn addresses(json: &Value<'_>, name: &'static str, all: &mut Vec<Address>) -> Result<bool, PolicyError> {
    list(json, name, &mut |one| push(all, hex::read(one).map(Address::new)))
}

fn flag(json: &Value<'_>, name: &'static str, default: bool) -> Result<bool, PolicyError> {
    json.get(name)
        .map_or(Ok(default), |value| value.bool().ok_or(PolicyError(name)))
}

fn read_token(json: &Value<'_>) -> Result<Token, PolicyError> {
    only(json, &["network", "asset", "decimals", "max", "name", "version"], "tokens")?;
    let bad = PolicyError("tokens");
    let text = |name| json.get(name).map(|value| value.text().ok_or(bad)).transpose();
    let network = text("network")?.and_then(|network| network.parse().ok()).ok_or(bad)?;
    let contract = text("asset")?.and_then(hex::read).map(Address::new).ok_or(bad)?;
    let decimals = match (json.get("decimals"), Asset::find(network, contract)) {
        (Some(value), _) => value.integer().and_then(|number| number.try_into().ok()),
        (None, Some(asset)) => Some(asset.decimals),
        (None, None) => None,
    };
    let mut token = Token::new(network, contract, decimals.ok_or(bad)?);
    if let Some(limit) = text("max")? {
        token = token.most(limit).map_err(|_| bad)?;
    }
    match (text("name")?, text("version")?) {
        (Some(name), Some(version)) => token.domain(name, version).map_err(|_| bad),
        (None, None) => Ok(token),
        _ => Err(bad),
    }
}
