//! What the origin says of a page: its price, who is paid, from when on it is free. Believed within the route's bounds; whatever else it
//! says, and where it says nothing, the route's own words hold.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{Asked, Decision, Gate, Good, Request, joined};
use crate::{
    money::{Amount, Price},
    route::{
        Route,
        config::{Ask, Treatment, Who, shown_as},
        path,
    },
    time,
};

/// What the shim was told by the origin, in a line of this name: none that a client could send.
const SAYS: &str = "=says";
/// The headers of the origin's answers in which it says something.
const HEADERS: [&str; 3] = ["farthing-price", "farthing-pay-to", "farthing-free-from"];

/// A question to the origin about a page, whoever reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// The article's path, with what of the query counts.
    pub path: String,
    /// Whether its meta tags are read.
    pub meta: bool,
    /// For how many seconds the answer is remembered.
    pub remember: u64,
}

impl Gate {
    pub(super) fn says_headers(&self) -> impl Iterator<Item = &'static str> {
        let asks = self
            .config()
            .is_some_and(|config| config.routes.iter().any(|route| route.ask.is_some()));
        HEADERS.into_iter().filter(move |_| asks)
    }

    /// What the origin has to be asked before anything is offered; whoever has a pass needs no offer.
    pub(super) fn question(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Decision> {
        let ask = asked.route.ask.as_ref()?;
        let pays = request.payment.is_some() || request.x_payment.is_some();
        if request.header(SAYS).is_some() || !pays && self.passed(request, asked).is_some() {
            return None;
        }
        let (_, path, query) = path::split(asked.resource)?;
        Some(Decision::Ask(Box::new(Question {
            path: joined(path, query),
            meta: ask.meta,
            remember: ask.remember,
        })))
    }

    /// The route as the origin has it; none if it says nothing that counts.
    pub(super) fn said(request: &Request<'_>, good: &Good<'_>) -> Option<Box<Route>> {
        let ask = good.route.ask.as_ref()?;
        let says = request.header(SAYS)?;
        let value = |name: &str| says.split(';').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let amounts = value("price").and_then(|text| amounts(ask, good.route, text));
        let named = |text: &str| ask.payees.iter().find(|(name, _)| name == text);
        let payee = value("pay-to").and_then(named).map(|(_, address)| *address);
        let free_from = value("free-from").filter(|_| ask.free_from).and_then(time::read);
        if amounts.is_none() && payee.is_none() && free_from.is_none() {
            return None;
        }
        let mut route = Box::new(good.route.clone());
        route.free_from = route.free_from.into_iter().chain(free_from).min();
        if let Some(amounts) = amounts {
            // whoever says that it is a program never pays less than who does not
            for policy in &mut route.crawlers {
                if let (Who::Unverified | Who::Programs, Treatment::Priced(other)) = (&policy.who, &mut policy.treatment) {
                    raise(other, &amounts);
                }
            }
            set(&mut route, |index, _| amounts.get(index).copied());
        }
        if let Some(payee) = payee {
            let routes = route.crawlers.iter_mut().filter_map(|policy| match &mut policy.treatment {
                Treatment::Priced(route) => Some(route),
                _ => None,
            });
            for offer in routes.flat_map(|route| &mut route.offers) {
                offer.pay_to = payee;
            }
            for offer in &mut route.offers {
                offer.pay_to = payee;
            }
        }
        Some(route)
    }
}

/// A price in dollars, for each of the route's offers; none if it is not within the bounds of all.
fn amounts(ask: &Ask, route: &Route, text: &str) -> Option<Vec<Amount>> {
    let dollars = ["$", text.strip_prefix('$').unwrap_or(text)].concat();
    let price: Price = dollars.parse().ok()?;
    let both = route.offers.iter().zip(&ask.prices);
    let read = both.map(|(offer, (least, most))| {
        let amount = price.in_units_of(offer.extra.decimals).ok()?;
        (least..=most).contains(&&amount).then_some(amount)
    });
    let read: Vec<Amount> = read.collect::<Option<_>>()?;
    (!read.is_empty()).then_some(read)
}

fn raise(route: &mut Route, amounts: &[Amount]) {
    set(route, |index, own| amounts.get(index).map(|amount| own.max(*amount)));
}

fn set(route: &mut Route, amount: impl Fn(usize, Amount) -> Option<Amount>) {
    for (index, offer) in route.offers.iter_mut().enumerate() {
        offer.amount = amount(index, offer.amount).unwrap_or(offer.amount);
    }
    if let Some(first) = route.offers.first() {
        route.price = shown_as(&route.price, first.amount, first.extra.decimals);
    }
}
