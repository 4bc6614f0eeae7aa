//! `cache` of the origin and of routes: how long what the origin lets be shared is kept behind the gate.

use super::{
    check::{Check, place},
    routes::duration,
};
use crate::json::Value;

/// The members of a cache.
pub(super) const CACHE_KEYS: &[&str] = &["for"];
/// The longest, in seconds: nobody can empty it by hand.
const LONGEST: u64 = 24 * 60 * 60;

impl Check {
    /// The seconds for which it is kept; 0 for `false`, none if nothing is said.
    pub(super) fn cache(&mut self, at: &str, holder: Option<&Value<'_>>) -> Option<u32> {
        let value = holder?.get("cache")?;
        if value.bool() == Some(false) {
            return Some(0);
        }
        let at = &place(at, "cache");
        self.object(at, value, CACHE_KEYS);
        let seconds = value.get("for").and_then(Value::text).and_then(duration);
        let seconds = seconds
            .filter(|seconds| *seconds <= LONGEST)
            .and_then(|seconds| u32::try_from(seconds).ok());
        if seconds.is_none() {
            self.wrong_member(
                at,
                "for",
                "must be a duration like \"5m\" or \"90s\", of at most a day: \"24h\"",
            );
        }
        seconds
    }
}

#[cfg(test)]
mod tests {
    use crate::route::{Config, config::tests::SAMPLE};
    use alloc::string::{String, ToString};

    fn kept(origin: &str, route: &str) -> Result<u32, String> {
        let config = SAMPLE.replacen("\"price\": \"$", &alloc::format!("{route} \"price\": \"$"), 1);
        let at = config.find("\"origin\":").unwrap();
        let end = config[at..].find(",\n").unwrap() + at;
        let config = [&config[..at], "\"origin\": ", origin, &config[end..]].concat();
        let config = Config::parse(&config).map_err(|errors| errors.iter().map(ToString::to_string).collect::<String>())?;
        Ok(config.routes.iter().find(|route| !route.is_free()).unwrap().cache)
    }

    #[test]
    fn a_route_s_cache_comes_before_the_origin_s() {
        let origin = r#"{"url": "https://origin.example", "cache": {"for": "5m"}}"#;
        assert_eq!(kept(origin, ""), Ok(300));
        assert_eq!(kept(origin, r#""cache": {"for": "90s"},"#), Ok(90));
        assert_eq!(kept(origin, r#""cache": false,"#), Ok(0));
        assert_eq!(kept(r#""dns""#, r#""cache": {"for": "24h"},"#), Ok(86_400));
        assert_eq!(kept(r#""dns""#, ""), Ok(0));
    }

    #[test]
    fn every_mistake_in_a_cache_is_named() {
        for (text, want) in [
            ("true", "cache: must be an object"),
            ("{}", "cache.for: must be a duration like \"5m\""),
            (r#"{"for": "5 minutes"}"#, "cache.for: must be a duration"),
            (r#"{"for": "25h"}"#, "cache.for: must be a duration"),
            (r#"{"for": 300}"#, "cache.for: must be a duration"),
            (r#"{"for": "5m", "key": "x"}"#, "cache.key: is not known here"),
        ] {
            let error = kept(r#""dns""#, &alloc::format!("\"cache\": {text},")).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
            let error = kept(&alloc::format!("{{\"dns\": true, \"cache\": {text}}}"), "").unwrap_err();
            assert!(error.contains(&alloc::format!("origin.{want}")), "{text}: {error}");
        }
    }
}
