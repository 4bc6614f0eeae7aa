//! The widget's exports: one object that takes what happened and says what to show and what to do.
//!
//! Events are methods with plain arguments, an empty text for a missing one; the answer is JSON,
//! `{"view": …, "effects": […]}`. Times are Unix seconds.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use wasm_bindgen::prelude::wasm_bindgen;

use crate::client::{Answer, Effect, FlowEvent, FlowState, Pins, View, json::Object, step};

/// A reader's way through one payment.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Flow(FlowState);

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn owned(text: &str) -> Option<String> {
    given(text).map(ToOwned::to_owned)
}

#[wasm_bindgen]
impl Flow {
    /// A card with these attributes; none if a pin cannot be read.
    pub fn new(price: &str, max_price: &str, pay_to: &str, network: &str) -> Option<Self> {
        let pins = Pins::read(given(max_price), given(pay_to), given(network)).ok()?;
        Some(Self(FlowState::new(price.parse().ok(), pins)))
    }

    /// The card is there, with what was kept and the offer on the page and when it came.
    pub fn start(&mut self, now: u32, kept: &str, offer: &str, at: u32) -> String {
        self.step(
            now,
            FlowEvent::Start {
                kept: owned(kept),
                offer: owned(offer).map(|header| (header, at.into())),
            },
        )
    }

    /// The reader is about to press the button.
    pub fn intent(&mut self, now: u32) -> String {
        self.step(now, FlowEvent::Intent)
    }

    /// The reader pressed the button; `random` is 32 fresh bytes.
    pub fn pay(&mut self, now: u32, wallets: u32, random: &[u8], kept: &str) -> String {
        match random.try_into() {
            Ok(random) => self.step(now, FlowEvent::Pay { wallets, random, kept: owned(kept) }),
            Err(_) => String::new(),
        }
    }

    /// The reader does not want to wait.
    pub fn cancel(&mut self, now: u32) -> String {
        self.step(now, FlowEvent::Cancel)
    }

    /// The wallet answered with a text, or, if that is empty, with an error code.
    pub fn wallet(&mut self, now: u32, turn: u32, text: &str, code: i32) -> String {
        let result = owned(text).ok_or(code);
        self.step(now, FlowEvent::Wallet { turn, result })
    }

    /// The server answered; status 0 if it did not. `date` and `retry_after` are 0 if they are missing.
    #[allow(clippy::too_many_arguments)]
    pub fn answer(&mut self, now: u32, turn: u32, status: u16, required: &str, date: u32, retry_after: u32, problem: &str) -> String {
        let answer = Answer {
            status,
            required: owned(required),
            date: (date > 0).then_some(date.into()),
            retry_after: (retry_after > 0).then_some(retry_after),
            problem: problem.to_owned(),
        };
        self.step(now, FlowEvent::Answer { turn, answer })
    }

    /// The time of a wait is over.
    pub fn woke(&mut self, now: u32, turn: u32) -> String {
        self.step(now, FlowEvent::Woke { turn })
    }

    fn step(&mut self, now: u32, event: FlowEvent) -> String {
        let (state, effects) = step(self.0.clone(), now.into(), event);
        let view = state.view();
        self.0 = state;
        let mut outcome = Object::new();
        outcome.raw("view", &view_json(&view));
        let effects: Vec<String> = effects.iter().map(effect_json).collect();
        outcome.raw("effects", &["[", &effects.join(","), "]"].concat());
        outcome.end()
    }
}

fn view_json(view: &View) -> String {
    let mut object = Object::new();
    object.text("stage", view.stage.key());
    object.text("notice", view.notice.key());
    object.text("action", view.action.key());
    object.raw("cancel", flag(view.cancel));
    if let Some(terms) = &view.offer {
        let mut offer = Object::new();
        offer.text("price", &terms.price);
        offer.text("symbol", terms.symbol);
        offer.text("network", terms.network);
        offer.text("payTo", &terms.pay_to);
        offer.raw("test", flag(terms.test));
        object.raw("offer", &offer.end());
    }
    if let Some(before) = &view.before {
        object.text("before", before);
    }
    object.end()
}

fn effect_json(effect: &Effect) -> String {
    let mut object = Object::new();
    let mut numbered = |kind: &str, turn: &u32| {
        object.text("do", kind);
        object.raw("turn", &turn.to_string());
    };
    match effect {
        Effect::Wallet { turn, method, params } => {
            numbered("wallet", turn);
            object.text("method", method);
            object.raw("params", params);
        }
        Effect::Fetch { turn, payment } => {
            numbered("fetch", turn);
            object.text("payment", payment.as_deref().unwrap_or_default());
        }
        Effect::Wait { turn, ms } => {
            numbered("wait", turn);
            object.raw("ms", &ms.to_string());
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
