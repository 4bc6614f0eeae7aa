//! The site's settlement settings, handed over once.

use std::cell::RefCell;

use farthing::route::Settlement;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static SETTLEMENT: RefCell<Option<Settlement>> = const { RefCell::new(None) };
}

/// Takes the settings as the gate wrote them; without them every settlement stays unknown.
#[wasm_bindgen]
pub fn configure(settlement: &str) {
    SETTLEMENT.set(serde_json::from_str(settlement).ok());
}

/// The settings, if the config was good.
pub(crate) fn settlement() -> Option<Settlement> {
    SETTLEMENT.with_borrow(Clone::clone)
}
