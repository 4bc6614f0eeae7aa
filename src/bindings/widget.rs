//! The widget's exports: two functions that take events and give views and effects, all as JSON.
//!
//! Only numbers and texts cross the border, by the buffer and the output of [`memory`](super::memory), so the
//! JavaScript around it is a few lines: what wasm-bindgen generates is a kilobyte more for a reader to
//! download. Times are Unix seconds.

#![allow(
    unsafe_code,
    reason = "the attribute that exports a function under its own name is called unsafe; there is no unsafe block"
)]

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::cell::RefCell;

use super::memory::{INPUT, OUTPUT};
use crate::{
    client::{
        Answer, Effect, FlowEvent, FlowState, Page, Pins, Terms, View,
        json::{Object, list},
    },
    evm::hex,
    json::{Value, parse},
    money::decimal,
};

thread_local! {
    /// One for each card of the page, by number; a card lives as long as its page.
    static FLOWS: RefCell<Vec<FlowState>> = const { RefCell::new(Vec::new()) };
}

/// Begins a reader's way through one payment and gives it a number. `page` has the resource's `host`, what
/// the card says (`price`, `symbol`, `name` of the network, `test`), and the pins `maxPrice`, `payTo` and
/// `network`; all optional, and none if a pin cannot be read.
pub fn begin(page: &str) -> Option<u32> {
    let page = parse(page).ok()?;
    let text = |name| page.text_at(name);
    let owned = |name| text(name).map(ToOwned::to_owned);
    let flow = FlowState::new(Page {
        host: owned("host").unwrap_or_default(),
        price: text("price").and_then(|price| price.parse().ok()),
        symbol: owned("symbol"),
        network: owned("name"),
        test: page.get("test").and_then(Value::bool) == Some(true),
        pins: Pins::read(text("maxPrice"), text("payTo"), text("network")).ok()?,
    });
    FLOWS.with_borrow_mut(|flows| {
        flows.push(flow);
        u32::try_from(flows.len().checked_sub(1)?).ok()
    })
}

/// Takes an event, whose `type` is the name of a [`FlowEvent`] in lower case, and gives `view` and
/// `effects`; an unreadable event changes nothing.
pub fn send(number: u32, event: &str) -> String {
    FLOWS.with_borrow_mut(|flows| {
        let flow = usize::try_from(number).ok().and_then(|number| flows.get_mut(number));
        flow.map(|flow| take(flow, event)).unwrap_or_default()
    })
}

/// [`begin`] for the text in the buffer; negative for none.
#[unsafe(no_mangle)]
pub extern "C" fn start(length: usize) -> i32 {
    let number = input(length, begin).flatten();
    number.and_then(|number| number.try_into().ok()).unwrap_or(-1)
}

/// [`send`] for the text in the buffer; the outcome is the output.
#[unsafe(no_mangle)]
pub extern "C" fn event(number: u32, length: usize) {
    let outcome = input(length, |event| send(number, event)).unwrap_or_default();
    OUTPUT.set(outcome);
}

fn input<T>(length: usize, read: impl FnOnce(&str) -> T) -> Option<T> {
    INPUT.with_borrow(|input| core::str::from_utf8(input.get(..length)?).ok().map(read))
}

fn take(flow: &mut FlowState, event: &str) -> String {
    let mut effects = Vec::new();
    if let Some((now, event)) = parse(event).ok().and_then(|event| read(&event)) {
        effects = flow.apply(now, event);
    }
    let mut outcome = Object::new();
    outcome.raw("view", &view_json(&flow.view()));
    outcome.raw("effects", &list(effects.iter().map(effect_json)));
    outcome.end()
}

/// Zero where it is missing, or no integer of its kind.
fn number<N: TryFrom<u64> + Default>(event: &Value<'_>, name: &str) -> N {
    let number = event.get(name).and_then(Value::integer);
    number.and_then(|number| number.try_into().ok()).unwrap_or_default()
}

/// An error code, which may be negative.
fn code(value: &Value<'_>) -> i32 {
    let digits = value.raw().strip_prefix("-");
    let number: u64 = digits.unwrap_or(value.raw()).parse().unwrap_or_default();
    let code = i32::try_from(number).unwrap_or_default();
    if digits.is_some() { code.wrapping_neg() } else { code }
}

fn read(event: &Value<'_>) -> Option<(u64, FlowEvent)> {
    // empty is the same as missing
    let text = |name| event.text_at(name).filter(|text| !text.is_empty());
    let owned = |name| text(name).map(ToOwned::to_owned);
    let turn = number(event, "turn");
    let read = match text("type")? {
        "start" => FlowEvent::Start {
            kept: owned("kept"),
            offer: owned("offer").map(|header| (header, number(event, "at"))),
            prefer: owned("prefer"),
        },
        "intent" => FlowEvent::Intent,
        "choose" => FlowEvent::Choose {
            index: usize::try_from(event.get("index")?.integer()?).ok()?,
        },
        "pay" => FlowEvent::Pay {
            wallets: number(event, "wallets"),
            random: hex::read(text("random")?)?,
            seen: text("seen").and_then(|price| price.parse().ok()),
            offer: owned("offer"),
            kept: owned("kept"),
        },
        "restore" => FlowEvent::Restore {
            wallets: number(event, "wallets"),
            kept: owned("kept"),
        },
        "cancel" => FlowEvent::Cancel,
        "wallet" => FlowEvent::Wallet {
            turn,
            result: match event.get("code") {
                Some(value) => Err(code(value)),
                None => Ok(owned("text").unwrap_or_default()),
            },
        },
        "answer" => FlowEvent::Answer {
            turn,
            answer: Answer {
                status: number(event, "status"),
                required: owned("required"),
                settled: owned("settled"),
                date: Some(number(event, "date")).filter(|date| *date > 0),
                retry_after: Some(number(event, "retryAfter")).filter(|seconds| *seconds > 0),
                problem: owned("problem").unwrap_or_default(),
            },
        },
        "woke" => FlowEvent::Woke { turn },
        _ => return None,
    };
    Some((number(event, "now"), read))
}

fn view_json(view: &View) -> String {
    let mut object = Object::new();
    object.text("stage", view.stage.key());
    object.text("notice", view.notice.key());
    object.text("action", view.action.key());
    object.raw("cancel", flag(view.cancel));
    object.raw("restore", flag(view.restore));
    object.raw("offers", &list(view.offers.iter().map(terms_json)));
    object.raw("chosen", &count(view.chosen));
    if let Some(before) = &view.before {
        object.text("before", before);
    }
    if let Some(have) = &view.have {
        object.text("have", have);
    }
    object.end()
}

fn terms_json(terms: &Terms) -> String {
    let mut offer = Object::new();
    offer.text("id", &terms.id);
    offer.text("mark", &terms.mark);
    offer.text("price", &terms.price);
    offer.text("symbol", terms.symbol);
    offer.text("network", terms.network);
    offer.text("payTo", &terms.pay_to);
    offer.raw("test", flag(terms.test));
    if let Some(wider) = &terms.wider {
        let mut opens = Object::new();
        opens.text("name", &wider.name);
        if !wider.title.is_empty() {
            opens.text("title", &wider.title);
        }
        if let Some(count) = wider.count {
            opens.raw("count", &decimal(count.into()));
        }
        offer.raw("wider", &opens.end());
    }
    if let Some(seconds) = terms.lasts {
        offer.raw("lasts", &decimal(seconds));
    }
    offer.end()
}

fn count(number: usize) -> String {
    decimal(u64::try_from(number).unwrap_or_default())
}

fn effect_json(effect: &Effect) -> String {
    let mut object = Object::new();
    let mut numbered = |kind: &str, turn: &u32| {
        object.text("do", kind);
        object.raw("turn", &decimal((*turn).into()));
    };
    match effect {
        Effect::Wallet { turn, method, params } => {
            numbered("wallet", turn);
            object.text("method", method);
            object.raw("params", params);
        }
        Effect::Fetch { turn, payment, proof } => {
            numbered("fetch", turn);
            object.text("payment", payment.as_deref().unwrap_or_default());
            object.text("proof", proof.as_deref().unwrap_or_default());
        }
        Effect::Wait { turn, ms } => {
            numbered("wait", turn);
            object.raw("ms", &decimal((*ms).into()));
        }
        Effect::Keep { text } => {
            object.text("do", "keep");
            object.text("text", text);
        }
        Effect::Forget { text } => {
            object.text("do", "forget");
            object.text("text", text);
        }
        Effect::Open => object.text("do", "open"),
    }
    object.end()
}

const fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
