//! The site's settings, handed over once.

use std::{cell::RefCell, rc::Rc};

use farthing::{
    access::Marks,
    route::{Settlement, Token},
};

thread_local! {
    static SETTLEMENT: RefCell<Option<Option<Rc<Settlement>>>> = const { RefCell::new(None) };
    static SITE: RefCell<Option<Rc<Site>>> = const { RefCell::new(None) };
    static MARKS: RefCell<Option<Rc<Marks>>> = const { RefCell::new(None) };
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

/// Takes how payments that were erased are known again; without it nothing is erased.
pub fn configure_marks(marks: Option<Marks>) {
    MARKS.set(marks.map(Rc::new));
}

/// Asks for the settings the first time; a site is its URL and its tokens.
#[cfg(target_arch = "wasm32")]
pub(crate) fn configure_once(
    settlement: impl FnOnce() -> Option<Settlement>,
    site: impl FnOnce() -> Option<(String, Vec<Token>)>,
    marks: impl FnOnce() -> Option<Marks>,
) {
    if SETTLEMENT.with_borrow(Option::is_none) {
        configure(settlement());
        configure_site(site().map(|(url, tokens)| Site { url, tokens }));
        configure_marks(marks());
    }
}

/// The site, if the config was good.
pub(crate) fn site() -> Option<Rc<Site>> {
    SITE.with_borrow(Clone::clone)
}

/// How payments that were erased are known again, if there are keys.
pub(crate) fn marks() -> Option<Rc<Marks>> {
    MARKS.with_borrow(Clone::clone)
}

/// Every mark that a name may have; none without keys.
pub(crate) fn marks_of(name: &str) -> Vec<String> {
    marks().map_or_else(Vec::new, |marks| marks.all(name))
}

/// The settings, if the config was good.
pub(crate) fn settlement() -> Option<Rc<Settlement>> {
    SETTLEMENT.with_borrow(|settlement| settlement.clone().flatten())
}
