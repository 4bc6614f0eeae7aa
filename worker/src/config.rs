//! The site's settings, handed over once.

use std::{cell::RefCell, rc::Rc};

use farthing::route::{Settlement, Token};

thread_local! {
    static SETTLEMENT: RefCell<Option<Option<Rc<Settlement>>>> = const { RefCell::new(None) };
    static SITE: RefCell<Option<Rc<Site>>> = const { RefCell::new(None) };
}

/// What a site sells for, as the chains show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its canonical origin, which the names of its objects begin with.
    pub url: String,
    /// The tokens that it takes.
    pub tokens: Vec<Token>,
}

/// Takes the settings of every object of this thread; without them every settlement stays unknown.
pub fn configure(settlement: Option<Settlement>) {
    crate::quota::reset();
    SETTLEMENT.set(Some(settlement.map(Rc::new)));
}

/// Takes what the backstop has to know of the site; without it, it does nothing.
pub fn configure_site(site: Option<Site>) {
    SITE.set(site.map(Rc::new));
}

/// Asks for the settings the first time; a site is its URL and its tokens.
#[cfg(target_arch = "wasm32")]
pub(crate) fn configure_once(
    settlement: impl FnOnce() -> Option<Settlement>,
    site: impl FnOnce() -> Option<(String, Vec<Token>)>,
) {
    if SETTLEMENT.with_borrow(Option::is_none) {
        configure(settlement());
        configure_site(site().map(|(url, tokens)| Site { url, tokens }));
    }
}

/// The site, if the config was good.
pub(crate) fn site() -> Option<Rc<Site>> {
    SITE.with_borrow(Clone::clone)
}

/// The settings, if the config was good.
pub(crate) fn settlement() -> Option<Rc<Settlement>> {
    SETTLEMENT.with_borrow(|settlement| settlement.clone().flatten())
}
