//! The site's settlement settings, handed over once by the shim.

use std::cell::RefCell;

use farthing::route::{Config, Settlement};
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static SETTLEMENT: RefCell<Option<Settlement>> = const { RefCell::new(None) };
}

/// Reads the config file's text; a wrong one leaves every settlement unknown rather than guessed.
#[wasm_bindgen]
pub fn configure(text: &str) {
    SETTLEMENT.set(Config::parse(text).ok().map(|config| config.settlement));
}

/// The settings, if the config was good.
pub(crate) fn settlement() -> Option<Settlement> {
    SETTLEMENT.with_borrow(Clone::clone)
}
