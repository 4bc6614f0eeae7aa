//! What is kept behind the gate: for how long, and under which host, which no public address has.

use alloc::{format, string::String};

use super::{Gate, Request, Routed, Target, decide::keyed};

impl Gate {
    /// The host under which answers of the origin are kept; empty if none are. It is made with the key, so that nobody can name it, and
    /// what was kept under another key is gone.
    ///
    /// ```
    /// use farthing::gate::Gate;
    /// let config = |cache: &str| format!(r#"{{"site": "https://a.example", "origin": {{"dns": true{cache}}},
    ///     "payTo": {{"eip155": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"}}, "networks": ["eip155:84532"],
    ///     "settlement": {{"facilitators": [{{"url": "https://f.example"}}]}}, "routes": [{{"match": "/x", "price": "$1"}}]}}"#);
    /// let gate = |cache: &str, key: &str| Gate::new(&config(cache), &format!("k1:{}", key.repeat(43)), "", "", false);
    /// let (one, other) = (gate(r#", "cache": {"for": "5m"}"#, "A"), gate(r#", "cache": {"for": "5m"}"#, "B"));
    /// assert!(one.shelf().ends_with(".farthing.invalid") && one.shelf() != other.shelf());
    /// assert_eq!(gate("", "A").shelf(), "");
    /// ```
    pub fn shelf(&self) -> String {
        let kept = |config: &&crate::route::Config| config.routes.iter().any(|route| route.cache > 0);
        match (self.config().filter(kept), &self.keys) {
            (Some(config), Ok(keys)) => format!("{}.farthing.invalid", keyed(keys, &format!("cache of {}", config.site))),
            _ => String::new(),
        }
    }

    /// For how many seconds what the origin answers to this request may be kept.
    pub fn kept(&self, request: &Request<'_>) -> u32 {
        match self.route(request.method, request.url) {
            Routed::Look(Target::Priced(good)) if matches!(request.method, "GET" | "HEAD") => good.route.cache,
            _ => 0,
        }
    }
}
