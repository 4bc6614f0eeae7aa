//! The site's settlement settings, handed over once.

use std::{cell::RefCell, rc::Rc};

use farthing::route::Settlement;

thread_local! {
    static SETTLEMENT: RefCell<Option<Option<Rc<Settlement>>>> = const { RefCell::new(None) };
}

/// Takes the settings of every object of this thread; without them every settlement stays unknown.
pub fn configure(settlement: Option<Settlement>) {
    SETTLEMENT.set(Some(settlement.map(Rc::new)));
}

/// Asks for the settings the first time.
#[cfg(target_arch = "wasm32")]
pub(crate) fn configure_once(settlement: impl FnOnce() -> Option<Settlement>) {
    if SETTLEMENT.with_borrow(Option::is_none) {
        configure(settlement());
    }
}

/// The settings, if the config was good.
pub(crate) fn settlement() -> Option<Rc<Settlement>> {
    SETTLEMENT.with_borrow(|settlement| settlement.clone().flatten())
}
