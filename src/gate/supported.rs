//! What facilitators say of themselves (`GET /supported`), and the screening service of the site, held against the config. It refuses
//! nothing: it warns.

use core::fmt::Write;

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::Gate;
use crate::{
    evm::Address,
    ledger::{Verdict, ask_screener},
    route::config::{Screener, Settler},
    x402::{Network, facilitator::Supported, v2::Scheme},
};

/// The version whose kinds are looked at: what v1 is offered is offered in v2 as well.
const VERSION: u64 = 2;

impl Gate {
    /// Whom to ask: their number, the URL, and what is sent with it (see [`Settler::auth`]).
    pub fn facilitators(&self) -> Vec<(usize, String, String)> {
        let settlers = self.config().map(|config| &config.settlement.facilitators);
        let asked = settlers
            .into_iter()
            .flatten()
            .enumerate()
            .filter_map(|(index, settler)| match settler {
                Settler::Facilitator { url, .. } => Some((index, format!("{url}/supported"), settler.auth())),
                Settler::Direct { .. } => None,
            });
        asked.collect()
    }

    /// Takes what the facilitator with this number answered; gives what is wrong with it, a sentence each, which from
    /// now on stand among the health page's warnings.
    ///
    /// ```
    /// use farthing::gate::Gate;
    /// let config = r#"{
    ///     "site": "https://news.example", "origin": "dns", "payTo": {"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
    ///     "networks": ["eip155:84532"], "routes": [{"match": "/articles/*", "price": "$0.05"}],
    ///     "settlement": {"facilitators": [{"url": "https://f.example"}]}
    /// }"#;
    /// let mut gate = Gate::new(config, "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE", "", "", false);
    /// assert_eq!(gate.facilitators(), [(0, "https://f.example/supported".to_string(), String::new())]);
    /// let said = gate.supported(0, r#"{"kinds": [{"x402Version": 2, "scheme": "exact", "network": "eip155:8453"}]}"#);
    /// assert_eq!(said, ["settlement.facilitators[0] (f.example) does not list exact payments on eip155:84532"]);
    /// assert!(gate.health().body.contains(&said[0]));
    /// ```
    pub fn supported(&mut self, index: usize, answer: &str) -> Vec<String> {
        let said = self.compare(index, answer);
        let new = said
            .iter()
            .filter(|one| !self.notes.contains(one))
            .cloned()
            .collect::<Vec<_>>();
        self.notes.extend(new);
        said
    }

    /// Whom to ask about an account, what is sent with it, and the question: it is about the site's own, so that nobody else is
    /// shown to the service.
    pub fn screener(&self) -> Option<(&Screener, String)> {
        let config = self.config()?;
        let offer = config.routes.iter().flat_map(|route| &route.offers).next()?;
        Some((
            config.settlement.screener.as_ref()?,
            ask_screener(offer.pay_to, offer.network),
        ))
    }

    /// Takes the service's answer, like [`Gate::supported`]; empty where there was none with status 200.
    pub fn screens(&mut self, answer: &str) -> Vec<String> {
        let host = self
            .screener()
            .map(|(screener, _)| screener.host().to_owned())
            .unwrap_or_default();
        let says = match Verdict::read(200, answer) {
            Some(true) => return Vec::new(),
            Some(false) => "would refuse a payment of the site's own payTo",
            None => "does not answer a question about the site's own payTo as it should: {\"allow\": true}",
        };
        let said = format!("screening ({host}) {says}");
        if !self.notes.contains(&said) {
            self.notes.push(said.clone());
        }
        Vec::from([said])
    }

    fn compare(&self, index: usize, answer: &str) -> Vec<String> {
        let settler = self.config().and_then(|config| config.settlement.facilitators.get(index));
        let Some((settler, metered)) = settler.and_then(|settler| match settler {
            Settler::Facilitator { metered, .. } => Some((settler, *metered)),
            Settler::Direct { .. } => None,
        }) else {
            return Vec::new();
        };
        let who = format!("settlement.facilitators[{index}] ({})", settler.name());
        let Some(supported) = Supported::read(answer) else {
            return Vec::from([format!("{who} does not say at /supported what it settles")]);
        };
        let mut said: Vec<String> = Vec::new();
        for (scheme, network, address) in self.wanted() {
            // metered payments are taken to those alone that have their address
            if scheme == Scheme::Upto && !metered {
                continue;
            }
            let mut sentence = who.clone();
            let what = format!("{} payments on {network}", scheme.name());
            let written = match supported.settler(VERSION, scheme, network) {
                None => write!(sentence, " does not list {what}"),
                Some(Some(other)) if address.is_some_and(|address| address != other) => {
                    write!(
                        sentence,
                        " settles {what} by {other}, which is another address than the config has"
                    )
                }
                Some(_) => continue,
            };
            if written.is_ok() && !said.contains(&sentence) {
                said.push(sentence);
            }
        }
        said
    }

    /// What is offered: scheme, network, and for metered payments the address that is signed for.
    fn wanted(&self) -> Vec<(Scheme, Network, Option<Address>)> {
        let offers = self
            .config()
            .into_iter()
            .flat_map(|config| &config.routes)
            .flat_map(|route| &route.offers);
        let mut wanted: Vec<_> = Vec::new();
        for offer in offers {
            let one = (offer.scheme, offer.network, offer.extra.facilitator);
            if !wanted.contains(&one) {
                wanted.push(one);
            }
        }
        wanted
    }
}
