//! Which resource a request names and what it costs: the config, its rules, canonical paths.

pub mod config;
pub mod path;
pub mod pattern;
pub mod query;
pub mod rule;
mod token;

pub use config::{Access, Config, ConfigError, Cors, Extensions, Free, Gifts, Identifiers, Origin, Settlement};
pub use rule::{Matched, Route};
pub use token::Token;
