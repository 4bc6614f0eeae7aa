//! The config file.

use farthing::{
    gate::{Gate, Request, Routed},
    json,
    route::{Access, Config},
};

use super::world;

pub(super) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let gate = Gate::new(text, &world::secret(), "<!doctype html>", "default-src 'none'", false);
    let health = gate.health();
    assert!(json::parse(&health.body).is_ok(), "{}", health.body);
    match Config::parse(text) {
        Err(errors) => {
            assert!(!errors.is_empty() && health.status == 503);
            // threat B10: nothing is free while nobody knows what is priced
            assert!(matches!(
                gate.route("GET", "https://news.example/articles/x"),
                Routed::Look(_)
            ));
        }
        Ok(config) => {
            assert_eq!(health.status, 200);
            assert!(!config.site.ends_with('/') && config.site.contains("://"));
            for route in &config.routes {
                assert!(matches!(route.access, Access::Once | Access::Owned(1..=315_360_000)));
                for offer in &route.offers {
                    assert!(!offer.pay_to.is_zero() && !offer.amount.atomic().is_zero());
                }
            }
            let request = Request {
                method: "GET",
                url: "https://news.example/articles/x",
                ..Request::default()
            };
            let _ = gate.decide(&request, world::NOW, world::RANDOM);
        }
    }
}
