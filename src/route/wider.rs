//! What a route sells besides single articles: time passes and bundles.

use alloc::{string::String, vec::Vec};

use super::pattern::Pattern;
use crate::x402::{Wider, v2::PaymentRequirements};

/// A wider offer as a route sells it. It opens articles of the routes that sell it, and no others: a dear page that leaves it out of its
/// `offers` is not opened by it (threat E7).
#[derive(Clone, Debug)]
pub struct WiderOffer {
    /// Its name, its title, its extent.
    pub label: Wider,
    /// Which paths a time pass opens; none means the whole site.
    pub covers: Vec<Pattern>,
    /// The path that the cookie of a time pass is limited to.
    pub path: String,
    /// One requirement per way to pay, without quote.
    pub ways: Vec<PaymentRequirements>,
}

impl WiderOffer {
    /// Whether it is a time pass that opens the article at this path.
    pub fn is_pass_for(&self, path: &str) -> bool {
        self.label.count.is_none() && self.covers(path)
    }

    /// Whether who buys it at this path gets what is there: the first of a bundle, or what the time pass covers.
    pub fn covers(&self, path: &str) -> bool {
        self.covers.is_empty() || self.covers.iter().any(|pattern| pattern.matches(path))
    }
}
