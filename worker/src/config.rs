//! The site's settlement settings and the shim's way to post, handed over once.

use std::cell::RefCell;

use farthing::route::Settlement;
use js_sys::Function;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static SETTLEMENT: RefCell<Option<Settlement>> = const { RefCell::new(None) };
    static POST: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Takes the settings as the gate wrote them (without them every settlement stays unknown), and a
/// function `(url, body, seconds) -> Promise<[status, text]>`, both texts, that rejects after that time.
#[wasm_bindgen]
pub fn configure(settlement: &str, post: Function) {
    SETTLEMENT.set(serde_json::from_slice(settlement.as_bytes()).ok());
    POST.set(Some(post));
}

/// The shim's way to post.
pub(crate) fn post() -> Option<Function> {
    POST.with_borrow(Clone::clone)
}

/// The settings, if the config was good.
pub(crate) fn settlement() -> Option<Settlement> {
    SETTLEMENT.with_borrow(Clone::clone)
}
