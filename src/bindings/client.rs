//! The exports for paying programs: what a `fetch` that pays needs, and no more.
//!
//! Only numbers and texts cross the border, by the buffer and the output of [`memory`](super::memory);
//! js/client/bindings.ts makes classes of them. Texts stand one after the other in the buffer, and how
//! long each is comes as a number, after all other numbers; what comes of a call is the output. An empty
//! text and a zero stand for what is missing. Times are Unix seconds. No key comes in here: what is to be
//! signed goes out, and signatures come back, from [`key`](super::key) or from a wallet.

#![allow(
    unsafe_code,
    reason = "the attribute that exports a function under its own name is called unsafe; there is no unsafe block"
)]

use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};
use core::cell::RefCell;
use std::thread_local;

use k256::elliptic_curve::zeroize::Zeroize;

use super::{memory::OUTPUT, texts::Texts};
use crate::{
    client::{
        self, Choice, Draft, Offer, Offers, Payment, Policy, Purchase, Refusal, Response, SignIn, Step, Unpayable,
        json::{Object, list},
        typed::checksummed,
    },
    evm::{Address, Asset, hex},
    money::decimal,
    x402::facilitator::SettleResponse,
};

/// What JavaScript holds by a number.
#[derive(Debug)]
enum Held {
    Purchase(Box<Purchase>),
    SignIn(Box<SignIn>),
}

thread_local! {
    static HELD: RefCell<Vec<Option<Held>>> = const { RefCell::new(Vec::new()) };
}

/// The number of what is held from now on; negative for nothing.
fn hold(what: Option<Held>) -> i32 {
    let number = what.and_then(|what| {
        HELD.with_borrow_mut(|held| {
            let free = held.iter().position(Option::is_none).unwrap_or(held.len());
            match held.get_mut(free) {
                Some(place) => *place = Some(what),
                None => held.push(Some(what)),
            }
            i32::try_from(free).ok()
        })
    });
    number.unwrap_or(-1)
}

/// Empties the place of this number.
#[unsafe(export_name = "drop")]
pub extern "C" fn release(number: usize) {
    HELD.with_borrow_mut(|held| {
        if let Some(place) = held.get_mut(number) {
            *place = None;
        }
    });
}

/// The output is what comes of the thing of this number; empty where that is nothing. One copy for all calls.
fn with(number: usize, work: &mut dyn FnMut(&mut Held) -> Option<String>) {
    tell(HELD.with_borrow_mut(|held| work(held.get_mut(number)?.as_mut()?)));
}

fn purchase(number: usize, work: &mut dyn FnMut(&mut Purchase) -> Option<String>) {
    with(number, &mut |held| match held {
        Held::Purchase(purchase) => work(purchase),
        _ => None,
    });
}

fn challenged(number: usize, work: &mut dyn FnMut(&SignIn) -> Option<String>) {
    with(number, &mut |held| match held {
        Held::SignIn(challenge) => work(challenge),
        _ => None,
    });
}

fn tell(outcome: Option<String>) {
    OUTPUT.set(outcome.unwrap_or_default());
}

fn account(text: &str) -> Option<Address> {
    hex::read(text).map(Address::new)
}

/// What is wrong with a policy, in words.
#[unsafe(no_mangle)]
pub extern "C" fn check(policy: usize) {
    tell(Policy::read(&Texts::default().next(policy)).err().map(|error| error.words()));
}

/// What a 402 offers, for a program that wants to look before it pays: `{version, error, url,
/// description, offers}`, each offer with its terms or with the `reason` why nobody could pay it; or
/// `{problem}`.
#[unsafe(no_mangle)]
pub extern "C" fn offers(required: usize, body: usize) {
    let mut texts = Texts::default();
    let (required, body) = (texts.next(required), texts.next(body));
    let offers = match Offers::read(given(&required), &body) {
        Ok(offers) => offers,
        Err(error) => return tell(Some(problem(error.key(), error.words()).end())),
    };
    let mut object = Object::new();
    object.raw("version", if offers.version == client::Version::V1 { "1" } else { "2" });
    object.text("error", &offers.error);
    object.text("url", offers.url.as_deref().unwrap_or_default());
    object.text("description", offers.description.as_deref().unwrap_or_default());
    object.raw("offers", &list(offers.entries.iter().map(offer_json)));
    tell(Some(object.end()));
}

/// Which offer of a 402 a policy takes: `{choice}` with its terms; or `{problem}`, and `reasons` for
/// each offer.
#[unsafe(no_mangle)]
pub extern "C" fn choose(policy: usize, required: usize, body: usize) {
    let mut texts = Texts::default();
    let (policy, required, body) = (texts.next(policy), texts.next(required), texts.next(body));
    let object = match (Policy::read(&policy), Offers::read(given(&required), &body)) {
        (Err(error), _) => problem("policy", &error.words()),
        (_, Err(error)) => problem(error.key(), error.words()),
        (Ok(policy), Ok(offers)) => match policy.choose(&offers) {
            Ok(choice) => {
                let mut object = Object::new();
                object.raw("choice", &choice_json(&choice));
                object
            }
            Err(nothing) => {
                let mut object = problem("nothing-payable", &nothing.words());
                object.raw("reasons", &list(nothing.reasons.iter().map(|why| reason(*why))));
                object
            }
        },
    };
    tell(Some(object.end()));
}

/// Begins a [`Purchase`], with a policy as JSON, the payer's address and 32 random bytes. A `patience`
/// other than 0 is for how many seconds an unknown outcome is asked for.
#[unsafe(no_mangle)]
pub extern "C" fn begin(patience: u32, policy: usize, payer: usize, random: usize) -> i32 {
    let mut texts = Texts::default();
    let (policy, payer) = (texts.next(policy), texts.next(payer));
    let mut random = texts.bytes(random);
    let begun = || {
        Some(Purchase::new(
            Policy::read(&policy).ok()?,
            account(&payer)?,
            random.as_slice().try_into().ok()?,
        ))
    };
    let begun = begun();
    random.zeroize();
    hold_purchase(begun, patience)
}

/// Begins with a payment that was kept.
#[unsafe(no_mangle)]
pub extern "C" fn resume(patience: u32, kept: usize) -> i32 {
    hold_purchase(Payment::restore(&Texts::default().next(kept)).map(Purchase::resume), patience)
}

fn hold_purchase(purchase: Option<Purchase>, patience: u32) -> i32 {
    hold(purchase.map(|purchase| {
        Held::Purchase(Box::new(match patience {
            0 => purchase,
            seconds => purchase.patience(seconds.into()),
        }))
    }))
}

/// Takes an answer: its status, 0 if none came; `Date` and `Retry-After` in seconds; `PAYMENT-REQUIRED`;
/// `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`; the body unless it is a success. What takes something in
/// gives the next step: `{do: "deliver", receipt?}`, `{do: "sign"}`, `{do: "send", header, value, after}`
/// or `{do: "stop", reason, message, code?, open}`.
#[unsafe(no_mangle)]
#[allow(
    clippy::too_many_arguments,
    reason = "a JavaScript object costs more than numbers and texts"
)]
pub extern "C" fn answer(
    number: usize,
    now: u32,
    status: u16,
    date: u32,
    retry_after: u32,
    required: usize,
    settled: usize,
    body: usize,
) {
    let mut texts = Texts::default();
    let (required, settled, body) = (texts.next(required), texts.next(settled), texts.next(body));
    let response = Response {
        status,
        required: given(&required),
        settled: given(&settled),
        body: &body,
        date: Some(date.into()).filter(|date| *date > 0),
        retry_after: Some(retry_after).filter(|seconds| *seconds > 0),
    };
    purchase(number, &mut |purchase| {
        let step = purchase.answer(now.into(), &response);
        Some(step_json(purchase, &step))
    });
}

/// Takes a wallet's signature; `contract` says that the payer is a contract wallet.
#[unsafe(no_mangle)]
pub extern "C" fn signed(number: usize, contract: u32, signature: usize) {
    let signature = Texts::default().next(signature);
    purchase(number, &mut |purchase| {
        let step = purchase.signed(&signature, contract != 0);
        Some(step_json(purchase, &step))
    });
}

/// What a key of the payer's signs, 32 bytes of hex, while something is to be signed.
#[unsafe(no_mangle)]
pub extern "C" fn digest(number: usize) {
    purchase(number, &mut |purchase| {
        purchase.draft().map(|draft| hex::print(draft.digest().as_slice()))
    });
}

/// The address of a public key, `0x04` and two coordinates; checksummed.
#[unsafe(no_mangle)]
pub extern "C" fn address(public: usize) {
    let public = hex::read::<65>(&Texts::default().next(public));
    let address = public.map(|point| {
        let [_, coordinates @ ..] = point;
        checksummed(&Address::from_raw_public_key(&coordinates))
    });
    tell(address);
}

/// Takes what [`key`](super::key) has made of that.
#[unsafe(no_mangle)]
pub extern "C" fn own(number: usize, signature: usize) {
    let signature = Texts::default().next(signature);
    purchase(number, &mut |purchase| {
        let step = purchase.trusted(signature.clone())?;
        Some(step_json(purchase, &step))
    });
}

/// The second parameter of `eth_signTypedData_v4`, while something is to be signed.
#[unsafe(no_mangle)]
pub extern "C" fn typed_data(number: usize) {
    purchase(number, &mut |purchase| purchase.draft().map(Draft::typed_data));
}

/// What is about to be signed, in terms for people and programs.
#[unsafe(no_mangle)]
pub extern "C" fn choice(number: usize) {
    purchase(number, &mut |purchase| {
        purchase.draft().map(|draft| choice_json(draft.choice()))
    });
}

/// The payment to be sent: a header's name and content.
#[unsafe(no_mangle)]
pub extern "C" fn payment(number: usize) {
    purchase(number, &mut |purchase| {
        purchase.payment().map(|payment| payment_object(payment).end())
    });
}

/// What has to be kept before the payment is sent; nothing as soon as it is resolved.
#[unsafe(no_mangle)]
pub extern "C" fn keep(number: usize) {
    purchase(number, &mut |purchase| purchase.keep());
}

fn step_json(purchase: &Purchase, step: &Step) -> String {
    let mut object = Object::new();
    match step {
        Step::Deliver { receipt } => {
            object.text("do", "deliver");
            if let Some(receipt) = receipt {
                object.raw("receipt", &receipt_json(receipt));
            }
        }
        Step::Sign => object.text("do", "sign"),
        Step::Send { after } => {
            if let Some(payment) = purchase.payment() {
                object = payment_object(payment);
            }
            object.text("do", "send");
            object.raw("after", &decimal((*after).into()));
        }
        Step::Stop(stop) => {
            object.text("do", "stop");
            object.text("reason", stop.key());
            object.text("message", &stop.words());
            object.raw("open", if stop.is_open() { "true" } else { "false" });
            if let Some(code) = stop.code() {
                object.text("code", &code.text);
            }
        }
    }
    object.end()
}

/// What an account signs to show that it has paid before (extension `sign-in-with-x`), for the challenge
/// of this `PAYMENT-REQUIRED`; none for another host than this.
#[unsafe(no_mangle)]
pub extern "C" fn challenge(required: usize, host: usize, payer: usize) -> i32 {
    let mut texts = Texts::default();
    let (required, host, payer) = (texts.next(required), texts.next(host), texts.next(payer));
    let read = account(&payer).and_then(|payer| SignIn::read(&required, &host, payer));
    hold(read.map(|read| Held::SignIn(Box::new(read))))
}

/// What is signed, by EIP-191.
#[unsafe(no_mangle)]
pub extern "C" fn challenge_text(number: usize) {
    challenged(number, &mut |challenge| Some(challenge.text().to_owned()));
}

/// What a key of the payer's signs of it, 32 bytes of hex.
#[unsafe(no_mangle)]
pub extern "C" fn challenge_digest(number: usize) {
    challenged(number, &mut |challenge| Some(hex::print(challenge.digest().as_slice())));
}

/// The content of `SIGN-IN-WITH-X`, if the signature is the account's.
#[unsafe(no_mangle)]
pub extern "C" fn challenge_seal(number: usize, signature: usize) {
    let signature = Texts::default().next(signature);
    challenged(number, &mut |challenge| challenge.seal(&signature).ok());
}

/// `approve(Permit2, amount)` for a token: `{to, data}` of a transaction that the payer sends once.
/// Nothing if the token or the amount (atomic units) cannot be read.
#[unsafe(no_mangle)]
pub extern "C" fn approval(token: usize, amount: usize) {
    let mut texts = Texts::default();
    let (token, amount) = (texts.next(token), texts.next(amount));
    let approval = || {
        let approval = client::Approval::new(account(&token)?, amount.parse().ok()?);
        let mut object = Object::new();
        object.text("to", &approval.to);
        object.text("data", &approval.data);
        Some(object.end())
    };
    tell(approval());
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn problem(key: &str, message: &str) -> Object {
    let mut object = Object::new();
    object.text("problem", key);
    object.text("message", message);
    object
}

fn reason(refusal: Refusal) -> String {
    let mut object = Object::new();
    object.text("reason", refusal.key());
    object.text("message", &refusal.words());
    object.end()
}

fn offer_json(entry: &Result<Offer, Unpayable>) -> String {
    match entry {
        Ok(offer) => {
            let mut object = terms(offer);
            if let Some(asset) = Asset::find(offer.network, offer.contract) {
                object.text("decimal", &offer.amount.to_decimal(asset.decimals));
                object.text("symbol", asset.symbol);
            }
            object.end()
        }
        Err(why) => reason(Refusal::Unpayable(*why)),
    }
}

fn terms(offer: &Offer) -> Object {
    let mut object = Object::new();
    object.text("scheme", offer.scheme.name());
    object.text("transfer", offer.transfer.name());
    object.text("flow", offer.flow.name());
    object.text("network", &offer.network.caip2());
    object.text("asset", &checksummed(&offer.contract));
    object.text("amount", &offer.amount.digits());
    object.text("payTo", &checksummed(&offer.pay_to));
    object.raw("seconds", &decimal(offer.seconds));
    if let Some(seconds) = offer.lasts {
        object.raw("opensFor", &decimal(seconds));
    }
    if let Some(wider) = &offer.wider {
        let mut opens = Object::new();
        opens.text("name", &wider.name);
        opens.text("title", &wider.title);
        if let Some(count) = wider.count {
            opens.raw("count", &decimal(count));
        }
        if let Some(seconds) = wider.seconds {
            opens.raw("seconds", &decimal(seconds));
        }
        object.raw("wider", &opens.end());
    }
    object
}

fn choice_json(choice: &Choice) -> String {
    let mut object = terms(&choice.offer);
    object.text("decimal", &choice.decimal());
    object.text("symbol", choice.symbol.unwrap_or_default());
    object.end()
}

fn payment_object(payment: &Payment) -> Object {
    let mut object = Object::new();
    object.text("header", payment.name());
    object.text("value", payment.value());
    object.raw("until", &decimal(payment.until()));
    object
}

fn receipt_json(receipt: &SettleResponse) -> String {
    let mut object = Object::new();
    object.raw("success", if receipt.success { "true" } else { "false" });
    object.text("transaction", &receipt.transaction);
    object.text("network", &receipt.network);
    for (name, value) in [
        ("payer", &receipt.payer),
        ("amount", &receipt.amount),
        ("errorReason", &receipt.error_reason),
    ] {
        if let Some(value) = value {
            object.text(name, value);
        }
    }
    object.end()
}
