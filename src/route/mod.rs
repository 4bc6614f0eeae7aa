//! Which resource a request names and what it costs: the config, its rules, canonical paths.

pub mod config;
pub mod extensions;
pub mod path;
pub mod rule;

pub use config::{Access, Config, ConfigError, Origin, Settlement};
pub use extensions::{Extensions, Identifiers};
pub use rule::{Matched, Route};
