//! The exports for paying programs: what a `fetch` that pays needs, and no more.
//!
//! Only numbers and texts cross the border; an empty text and a zero stand for what is missing. Times
//! are Unix seconds. A key stays inside: JavaScript gets a handle, whose `free()` overwrites it.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use wasm_bindgen::prelude::wasm_bindgen;

use crate::{
    client::{
        self, Choice, Draft, Offer, Offers, Payment, Policy, Refusal, Response, SignIn as Proof, Step, Unpayable, json::Object,
    },
    evm::{Address, Asset, hex},
    x402::facilitator::SettleResponse,
};

/// A payer's private key.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Key(client::Key);

#[wasm_bindgen]
impl Key {
    /// Reads `0x` and 64 hex digits; nothing if they are no key.
    pub fn read(text: &str) -> Option<Self> {
        client::Key::from_hex(text).ok().map(Self)
    }

    /// The payer's address, checksummed.
    pub fn address(&self) -> String {
        self.0.address().to_checksum(None)
    }
}

/// What is wrong with a policy, in words; nothing if it can be read.
#[wasm_bindgen]
pub fn check(policy: &str) -> Option<String> {
    Policy::read(policy).err().map(|error| error.to_string())
}

/// What a 402 offers, for a program that wants to look before it pays: `{version, error, url,
/// description, offers}`, each offer with its terms or with the `reason` why nobody could pay it; or
/// `{problem}`.
#[wasm_bindgen]
pub fn offers(required: &str, body: &str) -> String {
    let offers = match Offers::read(given(required), body) {
        Ok(offers) => offers,
        Err(error) => return problem(error.key(), &error.to_string()),
    };
    let entries: Vec<String> = offers.entries.iter().map(offer_json).collect();
    let mut object = Object::new();
    object.raw("version", if offers.version == client::Version::V1 { "1" } else { "2" });
    object.text("error", &offers.error);
    object.text("url", offers.url.as_deref().unwrap_or_default());
    object.text("description", offers.description.as_deref().unwrap_or_default());
    object.raw("offers", &["[", &entries.join(","), "]"].concat());
    object.end()
}

/// Which offer of a 402 a policy takes: `{choice}` with its terms; or `{problem}`, and `reasons` for
/// each offer.
#[wasm_bindgen]
pub fn choose(policy: &str, required: &str, body: &str) -> String {
    let policy = match Policy::read(policy) {
        Ok(policy) => policy,
        Err(error) => return problem("policy", &error.to_string()),
    };
    match Offers::read(given(required), body) {
        Err(error) => problem(error.key(), &error.to_string()),
        Ok(offers) => match policy.choose(&offers) {
            Ok(choice) => {
                let mut object = Object::new();
                object.raw("choice", &choice_json(&choice));
                object.end()
            }
            Err(nothing) => {
                let reasons: Vec<String> = nothing.reasons.iter().map(reason).collect();
                let mut object = problem_object("nothing-payable", &nothing.to_string());
                object.raw("reasons", &["[", &reasons.join(","), "]"].concat());
                object.end()
            }
        },
    }
}

/// One thing that a program wants to have ([`client::Purchase`]). Every method that takes something in
/// gives the next step: `{do: "deliver", receipt?}`, `{do: "sign"}`, `{do: "send", header, value, after}`
/// or `{do: "stop", reason, message, code?, open}`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Purchase(client::Purchase);

#[wasm_bindgen]
impl Purchase {
    /// Begins, with a policy as JSON, the payer's address and 32 random bytes; nothing if one of them
    /// cannot be read. A `patience` other than 0 is for how many seconds an unknown outcome is asked for.
    pub fn begin(policy: &str, payer: &str, random: &[u8], patience: u32) -> Option<Self> {
        let payer = hex::read(payer).map(Address::new)?;
        let purchase = client::Purchase::new(Policy::read(policy).ok()?, payer, random.try_into().ok()?);
        Some(Self(patient(purchase, patience)))
    }

    /// Begins with a payment that was kept; nothing if it is none.
    pub fn resume(kept: &str, patience: u32) -> Option<Self> {
        Some(Self(patient(client::Purchase::resume(Payment::restore(kept)?), patience)))
    }

    /// Takes an answer: its status, 0 if none came; `PAYMENT-REQUIRED`; `PAYMENT-RESPONSE` or
    /// `X-PAYMENT-RESPONSE`; the body unless it is a success; `Date` and `Retry-After` in seconds.
    #[allow(
        clippy::too_many_arguments,
        reason = "a JavaScript object costs more than numbers and texts"
    )]
    pub fn answer(
        &mut self,
        now: u32,
        status: u16,
        required: &str,
        settled: &str,
        body: &str,
        date: u32,
        retry_after: u32,
    ) -> String {
        let response = Response {
            status,
            required: given(required),
            settled: given(settled),
            body,
            date: Some(date.into()).filter(|date| *date > 0),
            retry_after: Some(retry_after).filter(|seconds| *seconds > 0),
        };
        let step = self.0.answer(now.into(), &response);
        self.step_json(&step)
    }

    /// Signs what is to be signed with this key. Nothing if there is nothing to sign for it.
    pub fn sign(&mut self, key: &Key) -> Option<String> {
        let signature = self.0.draft()?.sign(&key.0)?;
        Some(self.signed(&signature, false))
    }

    /// Takes a wallet's signature; `contract` says that the payer is a contract wallet.
    pub fn signed(&mut self, signature: &str, contract: bool) -> String {
        let step = self.0.signed(signature, contract);
        self.step_json(&step)
    }

    /// The second parameter of `eth_signTypedData_v4`, while something is to be signed.
    #[wasm_bindgen(js_name = typedData)]
    pub fn typed_data(&self) -> Option<String> {
        self.0.draft().map(Draft::typed_data)
    }

    /// What is about to be signed, in terms for people and programs.
    pub fn choice(&self) -> Option<String> {
        self.0.draft().map(|draft| choice_json(draft.choice()))
    }

    /// The payment to be sent, or nothing: a header's name and content.
    pub fn payment(&self) -> Option<String> {
        self.0.payment().map(|payment| payment_object(payment).end())
    }

    /// What has to be kept before the payment is sent; nothing as soon as it is resolved.
    pub fn keep(&self) -> Option<String> {
        self.0.keep()
    }
}

impl Purchase {
    fn step_json(&self, step: &Step) -> String {
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
                if let Some(payment) = self.0.payment() {
                    object = payment_object(payment);
                }
                object.text("do", "send");
                object.raw("after", &after.to_string());
            }
            Step::Stop(stop) => {
                object.text("do", "stop");
                object.text("reason", stop.key());
                object.text("message", &stop.to_string());
                object.raw("open", if stop.is_open() { "true" } else { "false" });
                if let Some(code) = stop.code() {
                    object.text("code", &code.text);
                }
            }
        }
        object.end()
    }
}

/// What an account signs to show that it has paid before (extension `sign-in-with-x`): nothing is paid by it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SignIn(Proof);

#[wasm_bindgen]
impl SignIn {
    /// For the challenge of this `PAYMENT-REQUIRED`; nothing if there is none, or one for another host than this.
    pub fn read(required: &str, host: &str, payer: &str) -> Option<Self> {
        Proof::read(required, host, hex::read(payer).map(Address::new)?).map(Self)
    }

    /// What is signed, by EIP-191.
    pub fn text(&self) -> String {
        self.0.text().to_owned()
    }

    /// The content of `SIGN-IN-WITH-X`, signed with this key.
    pub fn sign(&self, key: &Key) -> Option<String> {
        self.seal(&key.0.sign(self.0.digest())?)
    }

    /// The content of `SIGN-IN-WITH-X`, if the signature is the account's.
    pub fn seal(&self, signature: &str) -> Option<String> {
        self.0.seal(signature).ok()
    }
}

/// `approve(Permit2, amount)` for a token: `{to, data}` of a transaction that the payer sends once.
/// Nothing if the token or the amount (atomic units) cannot be read.
#[wasm_bindgen]
pub fn approval(token: &str, amount: &str) -> Option<String> {
    let approval = client::Approval::new(hex::read(token).map(Address::new)?, amount.parse().ok()?);
    let mut object = Object::new();
    object.text("to", &approval.to);
    object.text("data", &approval.data);
    Some(object.end())
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn patient(purchase: client::Purchase, seconds: u32) -> client::Purchase {
    if seconds == 0 {
        purchase
    } else {
        purchase.patience(seconds.into())
    }
}

fn problem_object(key: &str, message: &str) -> Object {
    let mut object = Object::new();
    object.text("problem", key);
    object.text("message", message);
    object
}

fn problem(key: &str, message: &str) -> String {
    problem_object(key, message).end()
}

fn reason(refusal: &Refusal) -> String {
    let mut object = Object::new();
    object.text("reason", refusal.key());
    object.text("message", &refusal.to_string());
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
        Err(why) => reason(&Refusal::Unpayable(*why)),
    }
}

fn terms(offer: &Offer) -> Object {
    let mut object = Object::new();
    object.text("scheme", offer.scheme.name());
    object.text("transfer", offer.transfer.name());
    object.text("flow", offer.flow.name());
    object.text("network", &offer.network.to_string());
    object.text("asset", &offer.contract.to_checksum(None));
    object.text("amount", &offer.amount.to_string());
    object.text("payTo", &offer.pay_to.to_checksum(None));
    object.raw("seconds", &offer.seconds.to_string());
    if let Some(seconds) = offer.lasts {
        object.raw("opensFor", &seconds.to_string());
    }
    if let Some(wider) = &offer.wider {
        let mut opens = Object::new();
        opens.text("name", &wider.name);
        opens.text("title", &wider.title);
        if let Some(count) = wider.count {
            opens.raw("count", &count.to_string());
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
    object.raw("until", &payment.until().to_string());
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
