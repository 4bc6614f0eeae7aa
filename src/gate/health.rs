//! `/.farthing/health`: whether the gate is as it should be.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

use super::{Answer, Gate};

impl Gate {
    /// Everything that is wrong with the config, and what is merely missing.
    pub fn health(&self) -> Answer {
        #[derive(Serialize)]
        struct Health {
            ok: bool,
            version: &'static str,
            errors: Vec<String>,
            warnings: Vec<String>,
        }
        let errors: Vec<String> = self
            .config
            .as_ref()
            .err()
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        let mut warnings: Vec<String> = self
            .keys
            .as_ref()
            .err()
            .map(|error| format!("{error}; priced pages answer 503 until then"))
            .into_iter()
            .collect();
        if let Ok(config) = &self.config {
            for offer in config.routes.iter().flat_map(|route| &route.offers) {
                let warning = format!(
                    "settlement.rpc has no endpoint for {}: a payment whose outcome is unknown waits for the facilitator's word",
                    offer.network
                );
                if !config.settlement.rpc.contains_key(&offer.network) && !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
            let mut offers = config.routes.iter().flat_map(|route| &route.offers);
            let tests = offers.clone().any(|offer| offer.network.is_test());
            if tests && offers.any(|offer| !offer.network.is_test()) {
                warnings.push("networks has a test network beside real money: whoever pays there reads for nothing".into());
            }
        }
        warnings.extend_from_slice(&self.notes);
        let status = if errors.is_empty() { 200 } else { 503 };
        let health = Health {
            ok: errors.is_empty(),
            version: env!("CARGO_PKG_VERSION"),
            errors,
            warnings,
        };
        Answer::json(status, &health)
    }
}
