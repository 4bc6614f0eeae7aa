//! Operations on offers: what a config asks for, whether a payment answers it, what a facilitator's answer proves.

use farthing::{
    access::Keys,
    evm::{Address, Transfer},
    gate::{Decision, Gate, Next, Request},
    ledger::{Intent, Phase, Row, Settlement, read_settlement},
    offer::{
        self,
        matching::{Against, Version},
    },
    route::{Config, Matched, Route, path, rule},
    x402::{
        self,
        v2::{PaymentRequired, ResourceInfo, Scheme},
    },
};
use serde_json::{Value, json};

use crate::{Op, args};

pub(crate) const OPS: &[(&str, Op)] = &[
    ("decide", decide),
    ("next", next),
    ("offers", offers),
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
        ..Request::default()
    };
    let random = args::bytes(request, "random")?;
    Ok(match gate.decide(&asked, args::integer(request, "now")?, random) {
        Decision::Free => json!({ "free": true }),
        Decision::FreeAs(path) => json!({ "free": path }),
        Decision::Answer(answer) => json!({ "answer": {
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.body,
        } }),
        Decision::Token(_) | Decision::Peek(_) | Decision::Ask(_) | Decision::List => json!({ "asks": true }),
        Decision::Desk => json!({ "desk": true }),
        Decision::Verify(verify) => json!({ "verify": { "directory": verify.directory, "base": verify.claim.base } }),
        Decision::Ledger(call) => json!({ "ledger": { "object": call.object, "call": call.call, "body": call.body } }),
        Decision::Forward { path, headers } => json!({ "forward": { "path": path, "headers": headers } }),
        Decision::Asset(name) => json!({ "asset": name }),
        Decision::Teaser(call) => json!({ "teaser": { "path": call.path, "selector": call.selector } }),
    })
}

/// What the gate of `config` and `keys` makes at `now` of the ledger's `reply` to a GET of `url` with a payment:
/// `{answer: {status, headers, body}}`, `{fetch: path}` or `{deliver: {path, headers, report}}`.
fn next(request: &Value) -> Result<Value, String> {
    let gate = Gate::new(
        args::text(request, "config")?,
        args::text(request, "keys")?,
        "<!doctype html>",
        "default-src 'none'",
        false,
    );
    let asked = Request {
        method: "GET",
        url: args::text(request, "url")?,
        payment: Some("e30="),
        ..Request::default()
    };
    let reply = args::text(request, "reply")?;
    Ok(
        match gate.next(&asked, reply, args::integer(request, "now")?, args::bytes(request, "random")?) {
            Next::Answer(answer) => json!({ "answer": {
                "status": answer.status,
                "headers": answer.headers,
                "body": answer.body,
            } }),
            Next::Fetch { path, .. } => json!({ "fetch": path }),
            Next::Deliver { path, headers, report } => {
                json!({ "deliver": { "path": path, "headers": headers, "report": report } })
            }
            Next::Ledger(call) => json!({ "ledger": { "object": call.object, "call": call.call, "body": call.body } }),
            Next::Teaser(call) => json!({ "teaser": { "path": call.path, "selector": call.selector } }),
        },
    )
}

/// What a payment is held against: the route of `url` in `config` and the site's `keys`. `ways` may name ways to pay that are put
/// behind the first of the route's offers: `permit2`, and `upto` with a facilitator of `0xfa…fa`.
struct Shop {
    route: Route,
    resource: String,
    keys: Keys,
}

impl Shop {
    fn open(request: &Value) -> Result<Self, String> {
        let config = Config::parse(args::text(request, "config")?).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            errors.join("; ")
        })?;
        let url = args::text(request, "url")?;
        let (_, path, _) = path::split(url).ok_or("url cannot be read")?;
        let Matched::Priced(route, _) = rule::decide(&config.routes, "GET", path) else {
            return Err("url is not priced".into());
        };
        let mut route = route.clone();
        let first = route.offers.first().cloned().ok_or("nothing is offered")?;
        for way in request.get("ways").and_then(Value::as_array).into_iter().flatten() {
            let mut offer = first.clone();
            offer.extra.transfer = Transfer::Permit2;
            match way.as_str() {
                Some("permit2") => {}
                Some("upto") => {
                    offer.scheme = Scheme::Upto;
                    offer.extra.facilitator = Some(Address::repeat_byte(0xfa));
                }
                _ => return Err("a way to pay that nobody knows".into()),
            }
            route.offers.push(offer);
        }
        route.contract_wallets = request.get("contracts").and_then(Value::as_bool).unwrap_or_default();
        Ok(Self {
            route,
            resource: format!("{}{path}", config.site),
            keys: Keys::parse(args::text(request, "keys")?).map_err(|error| error.to_string())?,
        })
    }

    fn info(&self) -> ResourceInfo<'_> {
        ResourceInfo {
            url: &self.resource,
            description: &self.route.description,
            mime_type: "",
        }
    }

    /// The verdict on the payment `header` of `version` at `now`.
    fn verdict(&self, request: &Value) -> Result<Result<offer::Payment, offer::Refusal>, String> {
        let version = match args::integer(request, "version")? {
            1 => Version::V1,
            2 => Version::V2,
            other => return Err(format!("there is no version {other}")),
        };
        let against = Against {
            route: &self.route,
            resource: &self.resource,
            keys: &self.keys,
            now: args::integer(request, "now")?,
        };
        Ok(against.check(version, args::text(request, "header")?))
    }
}

/// What is offered at `now` with `random` (see [`Shop`]): the content of `PAYMENT-REQUIRED`, encoded.
fn offers(request: &Value) -> Result<Value, String> {
    let shop = Shop::open(request)?;
    let now = args::integer(request, "now")?;
    let accepts = offer::offers(&shop.route, &shop.resource, &shop.keys, now, args::bytes(request, "random")?);
    Ok(json!(x402::encode(&PaymentRequired {
        x402_version: 2,
        error: "payment-required",
        resource: Some(shop.info()),
        accepts: &accepts,
    })))
}

fn refusal(refusal: &offer::Refusal) -> Value {
    json!({ "problem": refusal.problem.slug(), "status": refusal.problem.status(), "detail": refusal.detail })
}

/// The verdict on a payment (see [`Shop`]): `{payer, offer, late, secret, tagged, unverified}` or `{problem, status, detail}`.
fn check(request: &Value) -> Result<Value, String> {
    Ok(match Shop::open(request)?.verdict(request)? {
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

/// What a facilitator is sent for a payment (see [`Shop`]): `{body}`, a string, or `{problem, status, detail}`.
fn forward(request: &Value) -> Result<Value, String> {
    let shop = Shop::open(request)?;
    Ok(match shop.verdict(request)? {
        Ok(payment) => {
            let body = offer::matching::facilitator_request(&payment, &shop.info());
            json!({ "body": String::from_utf8_lossy(&body) })
        }
        Err(error) => refusal(&error),
    })
}

/// What a facilitator's answer, `status` and `body`, proves about a payment by `payer` on `network`: `{done}` with the
/// transaction, `{refused}` with the reason, or `{unclear: true}`.
fn settlement(request: &Value) -> Result<Value, String> {
    let payer: [u8; 20] = args::bytes(request, "payer")?;
    let zero = Address::ZERO.to_checksum(None);
    let intent: Intent = serde_json::from_value(json!({
        "resource": "https://news.example/articles/x", "version": 2, "network": args::text(request, "network")?,
        "asset": zero, "payer": Address::new(payer).to_checksum(None), "payTo": zero, "amount": "0",
        "nonce": format!("0x{}", "00".repeat(32)), "validBefore": 0, "digest": "", "secret": false, "tagged": false,
        "address": "", "receipt": "", "request": "",
    }))
    .map_err(|error| error.to_string())?;
    let row = Row {
        intent,
        phase: Phase::Settling { attempt: 1, deadline: 0 },
        fence: 1,
        created: 0,
        floor: None,
        charge: None,
        refused: None,
        answered: None,
        delivered: false,
        busy: 0,
        answers: 0,
        refusals: 0,
    };
    let status = u16::try_from(args::integer(request, "status")?).map_err(|error| error.to_string())?;
    Ok(match read_settlement(&row, status, args::text(request, "body")?) {
        Settlement::Done { transaction } => json!({ "done": transaction }),
        Settlement::Refused { reason } => json!({ "refused": reason }),
        Settlement::Unclear => json!({ "unclear": true }),
    })
}
