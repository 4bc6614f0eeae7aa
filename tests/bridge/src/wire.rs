//! Operations on the wire format: base64, JSON, payments as they come, facilitators' answers, money.

use farthing::{
    json,
    money::{Amount, Price},
    problem::Problem,
    x402::{
        self, DecodeError,
        facilitator::{SettleResponse, Supported, SupportedKind, VerifyResponse},
        v1::PaymentPayloadV1,
        v2::{EvmPayload, OutgoingEvm, PaymentPayload},
    },
};
use serde_json::{Value, json};

use crate::{Op, args};

pub(crate) const OPS: &[(&str, Op)] = &[
    ("decode", decode),
    ("json", read_json),
    ("read_payment", read_payment),
    ("amount", amount),
    ("price", price),
    ("problems", problems),
    ("read_settle", read_settle),
    ("read_verify", read_verify),
    ("read_supported", read_supported),
];

const fn kind(error: DecodeError) -> &'static str {
    match error {
        DecodeError::TooLarge => "too-large",
        DecodeError::NotBase64 => "not-base64",
        DecodeError::NotJson => "not-json",
        DecodeError::Malformed => "malformed",
        _ => "unknown",
    }
}

/// `header` as the core decodes it: `{text}`, or `{refused}` with the kind of error.
fn decode(request: &Value) -> Result<Value, String> {
    Ok(match x402::decode(args::text(request, "header")?) {
        Ok(text) => json!({ "text": text }),
        Err(error) => json!({ "refused": kind(error) }),
    })
}

/// `text` as the core reads it: `{json}`, the value written anew from the core's tree, as a string; or `{refused}`.
fn read_json(request: &Value) -> Result<Value, String> {
    Ok(match json::parse(args::text(request, "text")?) {
        Ok(value) => json!({ "json": written(&value)? }),
        Err(error) => json!({ "refused": error.what, "offset": error.offset }),
    })
}

/// Writes what was read, from the tree alone; numbers have no other form than their own text.
fn written(value: &json::Value<'_>) -> Result<String, String> {
    let quoted = |text: &str| serde_json::to_string(text).map_err(|error| error.to_string());
    if let Some(text) = value.text() {
        return quoted(text);
    }
    if let Some(items) = value.items() {
        let items = items.iter().map(written).collect::<Result<Vec<_>, _>>()?;
        return Ok(format!("[{}]", items.join(",")));
    }
    if let Some(members) = value.members() {
        let member = |(key, value): &(_, json::Value<'_>)| {
            let key: &std::borrow::Cow<'_, str> = key;
            Ok::<_, String>(format!("{}:{}", quoted(key)?, written(value)?))
        };
        let members = members.iter().map(member).collect::<Result<Vec<_>, _>>()?;
        return Ok(format!("{{{}}}", members.join(",")));
    }
    if let Some(value) = value.bool() {
        return Ok(value.to_string());
    }
    Ok(value.raw().to_owned())
}

fn payload(payload: &EvmPayload<'_>) -> Value {
    json!(OutgoingEvm::new(payload.signature, &payload.signed))
}

/// `header` as a payment of `version` 1 or 2: what the core understood of it, or `{refused}`.
fn read_payment(request: &Value) -> Result<Value, String> {
    let header = args::text(request, "header")?;
    let read = |read: &dyn Fn(&json::Value<'_>) -> Result<Value, DecodeError>| {
        let text = x402::decode(header)?;
        let value = json::parse(&text).map_err(|_| DecodeError::NotJson)?;
        read(&value)
    };
    let done = match args::integer(request, "version")? {
        2 => read(&|value| {
            let payment = PaymentPayload::read(value)?;
            let accepted = &payment.accepted;
            Ok(json!({
                "accepted": {
                    "scheme": accepted.scheme,
                    "network": accepted.network,
                    "amount": accepted.amount,
                    "asset": accepted.asset,
                    "payTo": accepted.pay_to,
                    "maxTimeoutSeconds": accepted.max_timeout_seconds,
                    "assetTransferMethod": accepted.transfer,
                    "facilitatorAddress": accepted.facilitator,
                    "paymentFlow": accepted.flow,
                },
                "payload": payload(&payment.payload),
            }))
        }),
        1 => read(&|value| {
            let payment = PaymentPayloadV1::read(value)?;
            Ok(json!({
                "scheme": payment.scheme,
                "network": payment.network,
                "payload": payload(&payment.payload),
            }))
        }),
        other => return Err(format!("there is no version {other}")),
    };
    Ok(done.unwrap_or_else(|error| json!({ "refused": kind(error) })))
}

/// `text` as an amount of atomic units: `{amount, decimal}`, the second in units with `decimals` digits; or `{refused}`.
fn amount(request: &Value) -> Result<Value, String> {
    let decimals = u8::try_from(args::integer(request, "decimals")?).map_err(|error| error.to_string())?;
    Ok(match args::text(request, "text")?.parse::<Amount>() {
        Ok(amount) => json!({ "amount": amount, "decimal": amount.to_decimal(decimals) }),
        Err(error) => json!({ "refused": error.to_string() }),
    })
}

/// `text` as a publisher's price, in atomic units of an asset with this many `decimals`: `{amount}` or `{refused}`.
fn price(request: &Value) -> Result<Value, String> {
    let decimals = u8::try_from(args::integer(request, "decimals")?).map_err(|error| error.to_string())?;
    let price = args::text(request, "text")?.parse::<Price>();
    Ok(match price.and_then(|price| price.in_units_of(decimals)) {
        Ok(amount) => json!({ "amount": amount }),
        Err(error) => json!({ "refused": error.to_string() }),
    })
}

/// Every problem: `[{slug, status, uri}]`.
fn problems(_: &Value) -> Result<Value, String> {
    let problem = |problem: &Problem| json!({ "slug": problem.slug(), "status": problem.status(), "uri": problem.uri() });
    Ok(Problem::ALL.iter().map(problem).collect())
}

/// `body` as a facilitator's answer to `/settle`, or null.
fn read_settle(request: &Value) -> Result<Value, String> {
    Ok(json!(SettleResponse::read(args::text(request, "body")?)))
}

/// `body` as a facilitator's answer to `/verify`, or null.
fn read_verify(request: &Value) -> Result<Value, String> {
    let answer = VerifyResponse::read(args::text(request, "body")?);
    Ok(json!(answer.map(|answer| json!({
        "isValid": answer.valid,
        "invalidReason": answer.reason,
        "payer": answer.payer,
    }))))
}

/// `body` as a facilitator's answer to `/supported`, or null; only kinds that the core knows are in it.
fn read_supported(request: &Value) -> Result<Value, String> {
    let answer = Supported::read(args::text(request, "body")?);
    Ok(json!(answer.map(|answer| {
        let kind = |kind: &SupportedKind| {
            json!({
                "x402Version": kind.version,
                "scheme": kind.scheme.name(),
                "network": kind.network,
                "facilitatorAddress": kind.facilitator.map(|address| address.to_checksum(None)),
            })
        };
        json!({
            "kinds": answer.kinds.iter().map(kind).collect::<Vec<_>>(),
            "extensions": answer.extensions,
            "signers": answer.signers.iter().map(|address| address.to_checksum(None)).collect::<Vec<_>>(),
        })
    })))
}
