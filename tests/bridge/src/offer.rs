//! Operations on offers: what a config asks for, whether a payment answers it, what a facilitator's answer proves.

use farthing::{
    access::Keys,
    evm::{Address, Transfer},
    gate::{Decision, Gate, Request},
    ledger::{Intent, Phase, Row, Settlement, read_settlement},
    offer::{
        self,
        matching::{Against, Version},
    },
    route::{Config, Matched, path, rule},
    x402::v2::ResourceInfo,
};
use serde_json::{Value, json};

use crate::{Op, args};

pub(crate) const OPS: &[(&str, Op)] = &[
    ("decide", decide),
    ("check", check),
    ("forward", forward),
    ("settlement", settlement),
];

/// What the gate of `config` and `keys` decides at `now` about `method` (GET unless said), `url`, `accept`, `cookie`,
/// `payment`, `xPayment`, `address` and `signIn`, with `random` as its 16 random bytes: `{answer: {status, headers, body}}`,
/// `{ledger: {object, call, body}}`, `{forward: {path}}` or `{asset}`.
fn decide(request: &Value) -> Result<Value, String> {
    let gate = Gate::new(
        args::text(request, "config")?,
        args::text(request, "keys")?,
        "<!doctype html>",
        "default-src 'none'",
        false,
    );
    let asked = Request {
        method: args::optional(request, "method")?.unwrap_or("GET"),
        url: args::text(request, "url")?,
        accept: args::optional(request, "accept")?.unwrap_or_default(),
        cookie: args::optional(request, "cookie")?.unwrap_or_default(),
        payment: args::optional(request, "payment")?,
        x_payment: args::optional(request, "xPayment")?,
        address: args::optional(request, "address")?,
        sign_in: args::optional(request, "signIn")?,
    };
    let random = args::bytes(request, "random")?;
    Ok(match gate.decide(&asked, args::integer(request, "now")?, random) {
        Decision::Answer(answer) => json!({ "answer": {
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.body,
        } }),
        Decision::Ledger(call) => json!({ "ledger": { "object": call.object, "call": call.call, "body": call.body } }),
        Decision::Forward { path, headers } => json!({ "forward": { "path": path, "headers": headers } }),
        Decision::Asset(name) => json!({ "asset": name }),
    })
}

/// Finds the route of `url` in `config` and holds the payment `header` of `version` against it at `now`.
fn checked<T>(
    request: &Value,
    done: impl FnOnce(Result<offer::Payment, offer::Refusal>, &ResourceInfo<'_>) -> T,
) -> Result<T, String> {
    let config = Config::parse(args::text(request, "config")?).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        errors.join("; ")
    })?;
    let keys = Keys::parse(args::text(request, "keys")?).map_err(|error| error.to_string())?;
    let url = args::text(request, "url")?;
    let (_, path, _) = path::split(url).ok_or("url cannot be read")?;
    let Matched::Priced(route) = rule::decide(&config.routes, path) else {
        return Err("url is not priced".into());
    };
    let version = match args::integer(request, "version")? {
        1 => Version::V1,
        2 => Version::V2,
        other => return Err(format!("there is no version {other}")),
    };
    let resource = format!("{}{path}", config.site);
    let against = Against {
        route,
        resource: &resource,
        keys: &keys,
        now: args::integer(request, "now")?,
    };
    let info = ResourceInfo {
        url: &resource,
        description: &route.description,
        mime_type: "",
    };
    Ok(done(against.check(version, args::text(request, "header")?), &info))
}

fn refusal(refusal: &offer::Refusal) -> Value {
    json!({ "problem": refusal.problem.slug(), "status": refusal.problem.status(), "detail": refusal.detail })
}

/// The verdict on a payment, arguments as in [`checked`]: `{payer, offer, late, secret, tagged}` or `{problem, status, detail}`.
fn check(request: &Value) -> Result<Value, String> {
    checked(request, |verdict, _| match verdict {
        Ok(payment) => json!({
            "payer": payment.signed.payer().to_checksum(None),
            "offer": payment.offer,
            "late": payment.late.map(|problem| problem.slug()),
            "secret": payment.secret,
            "tagged": payment.tagged,
            "unverified": payment.unverified,
        }),
        Err(error) => refusal(&error),
    })
}

/// What a facilitator is sent for a payment, arguments as in [`checked`]: `{body}`, a string, or `{problem, status, detail}`.
fn forward(request: &Value) -> Result<Value, String> {
    checked(request, |verdict, info| match verdict {
        Ok(payment) => json!({ "body": String::from_utf8_lossy(&offer::matching::facilitator_request(&payment, info)) }),
        Err(error) => refusal(&error),
    })
}

/// What a facilitator's answer, `status` and `body`, proves about a payment by `payer` on `network`: `{done}` with the
/// transaction, `{refused}` with the reason, or `{unclear: true}`.
fn settlement(request: &Value) -> Result<Value, String> {
    let intent = Intent {
        resource: "https://news.example/articles/x".into(),
        seconds: None,
        version: 2,
        network: args::parsed(request, "network")?,
        asset: Address::ZERO,
        transfer: Transfer::Eip3009,
        metered: None,
        upfront: false,
        unverified: false,
        payer: Address::new(args::bytes(request, "payer")?),
        pay_to: Address::ZERO,
        amount: farthing::money::Amount::ZERO,
        nonce: farthing::evm::B256::ZERO,
        valid_before: 0,
        digest: String::new(),
        secret: false,
        tagged: false,
        identifier: None,
        address: String::new(),
        late: None,
        receipt: String::new(),
        request: String::new(),
    };
    let row = Row {
        intent,
        phase: Phase::Settling { attempt: 1, deadline: 0 },
        fence: 1,
        created: 0,
        floor: None,
        charge: None,
    };
    let status = u16::try_from(args::integer(request, "status")?).map_err(|error| error.to_string())?;
    Ok(match read_settlement(&row, status, args::text(request, "body")?) {
        Settlement::Done { transaction } => json!({ "done": transaction }),
        Settlement::Refused { reason } => json!({ "refused": reason }),
        Settlement::Unclear => json!({ "unclear": true }),
    })
}
