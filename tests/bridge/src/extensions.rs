//! Operations on the extensions of x402: what is announced and echoed, identifiers, sign-in, receipts, listings.

use farthing::{
    access::{
        Keys, Purpose,
        sign_in::{self, Expected},
    },
    evm::{Address, Key, hex},
    json, time,
    x402::{
        Network, decode,
        extension::{
            bazaar::{self, Listing},
            can_be_echoed, check_echo, identifier, merge,
            receipt::Receipt,
            sign_in::{Challenge, Proof, unsigned},
            signatures::Signatures,
        },
    },
};
use serde_json::{Value, json};

use crate::{Op, args};

pub(crate) const OPS: &[(&str, Op)] = &[
    ("time", time_op),
    ("echo", echo),
    ("merge", merged),
    ("identifier", identifier_op),
    ("announceIdentifier", announce_identifier),
    ("generateIdentifier", generate_identifier),
    ("challenge", challenge),
    ("message", message),
    ("answerChallenge", answer_challenge),
    ("signIn", sign_in_op),
    ("receipt", receipt),
    ("listing", listing),
    ("template", template),
    ("signatures", signatures),
];

/// A member as JSON text; none if it is not there. The core reads text, so that numbers and keys stay as they are.
fn raw(request: &Value, name: &str) -> Option<String> {
    request.get(name).map(Value::to_string)
}

/// The JSON that the core wrote.
fn written(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("the core wrote {text}: {error}"))
}

fn keys(request: &Value) -> Result<Keys, String> {
    Keys::parse(args::text(request, "keys")?).map_err(|error| error.to_string())
}

/// `text` in seconds, or `seconds` as text: `{seconds}` or `{text}`, null for what is none.
fn time_op(request: &Value) -> Result<Value, String> {
    Ok(match args::optional(request, "text")? {
        Some(text) => json!({ "seconds": time::read(text) }),
        None => json!({ "text": time::print(args::integer(request, "seconds")?) }),
    })
}

/// Whether `echoed` extensions keep what was `announced`; both may be missing: `{kept: true}` or `{broken: KEY}`.
fn echo(request: &Value) -> Result<Value, String> {
    let (announced, echoed) = (raw(request, "announced"), raw(request, "echoed"));
    let read = |text: &Option<String>| text.as_deref().map(json::parse).transpose().map(|_| ());
    read(&announced)
        .and_then(|()| read(&echoed))
        .map_err(|error| error.to_string())?;
    let announced = announced.as_deref().and_then(|text| json::parse(text).ok());
    let echoed = echoed.as_deref().and_then(|text| json::parse(text).ok());
    Ok(match check_echo(announced.as_ref(), echoed.as_ref()) {
        Ok(()) => json!({ "kept": true, "echoable": announced.as_ref().is_none_or(can_be_echoed) }),
        Err(key) => json!({ "broken": key }),
    })
}

/// What a client sends for the extensions of `server` and its own `client` ones; both may be missing: `{extensions}`.
fn merged(request: &Value) -> Result<Value, String> {
    let (server, client) = (raw(request, "server"), raw(request, "client"));
    let server = server
        .as_deref()
        .map(json::parse)
        .transpose()
        .map_err(|error| error.to_string())?;
    let client = client
        .as_deref()
        .map(json::parse)
        .transpose()
        .map_err(|error| error.to_string())?;
    Ok(match merge(server.as_ref(), client.as_ref()) {
        Some(text) => json!({ "extensions": written(&text)? }),
        None => json!({}),
    })
}

/// The identifier in `extensions`, which may be missing, where one is `required` or not: `{id}`, null without one, or
/// `{refused}`.
fn identifier_op(request: &Value) -> Result<Value, String> {
    let extensions = raw(request, "extensions");
    let value = extensions
        .as_deref()
        .map(json::parse)
        .transpose()
        .map_err(|error| error.to_string())?;
    Ok(match identifier::read(value.as_ref(), request["required"] == true) {
        Ok(id) => json!({ "id": id, "proof": id.is_some_and(identifier::is_proof) }),
        Err(error) => json!({ "refused": format!("{error:?}") }),
    })
}

/// The announcement of payment identifiers, `required` or not.
fn announce_identifier(request: &Value) -> Result<Value, String> {
    written(identifier::announce(request["required"] == true))
}

/// An identifier of 16 `random` bytes.
fn generate_identifier(request: &Value) -> Result<Value, String> {
    Ok(json!({ "id": identifier::generate(args::bytes(request, "random")?) }))
}

/// The sign-in announcement of `keys` at `now` for `host`, `resource`, `statement` and `networks`; `random` are
/// the nonce's 4 bytes.
fn challenge(request: &Value) -> Result<Value, String> {
    let now = args::integer(request, "now")?;
    let host = args::text(request, "host")?;
    let nonce = sign_in::nonce(&keys(request)?, host, now, args::bytes(request, "random")?).ok_or("no nonce")?;
    let text = Challenge {
        domain: host,
        uri: args::text(request, "resource")?,
        statement: Some(args::text(request, "statement")?),
        nonce: &nonce,
        issued_at: &time::print(now).ok_or("no time")?,
        expiration_time: &time::print(now.saturating_add(sign_in::MAX_AGE_SECONDS)).ok_or("no time")?,
        chains: &networks(request)?,
    }
    .announce();
    written(&text)
}

/// The text that is signed for a `proof`: `{message}`, or `{refused: true}` where the proof cannot be read.
fn message(request: &Value) -> Result<Value, String> {
    let text = raw(request, "proof").ok_or("proof is missing")?;
    let value = json::parse(&text).map_err(|error| error.to_string())?;
    let proof = Proof::read(&value).ok();
    let network = proof.as_ref().and_then(|proof| proof.chain_id.parse::<Network>().ok());
    let address = proof.as_ref().and_then(|proof| hex::read(proof.address).map(Address::new));
    Ok(match (proof, network, address) {
        (Some(proof), Some(network), Some(address)) => {
            json!({ "message": sign_in::message(&proof, network.chain_id(), &address.to_checksum(None)) })
        }
        _ => json!({ "refused": true }),
    })
}

/// What our client signs for a `challenge` with `address`: `{proof, message}`; the proof's signature is empty.
fn answer_challenge(request: &Value) -> Result<Value, String> {
    let text = raw(request, "challenge").ok_or("challenge is missing")?;
    let value = json::parse(&text).map_err(|error| error.to_string())?;
    let address = args::text(request, "address")?;
    let text = unsigned(&value, address, |_| true).ok_or("no such challenge")?;
    let value = json::parse(&text).map_err(|error| error.to_string())?;
    let proof = Proof::read(&value).map_err(|error| error.to_string())?;
    let network: Network = proof.chain_id.parse().map_err(|_| "no network")?;
    Ok(json!({ "proof": written(&proof.json())?, "message": sign_in::message(&proof, network.chain_id(), address) }))
}

fn networks(request: &Value) -> Result<Vec<Network>, String> {
    let list = request["networks"].as_array().ok_or("networks is not a list")?;
    let read = |network: &Value| network.as_str().and_then(|text| text.parse().ok());
    Ok(list.iter().map(read).collect::<Option<_>>().ok_or("not a network")?)
}

/// The verdict on a `header` at `now`, for `keys`, `host`, `resource`, `statement` and `networks`: `{payer, nonce, until}` or
/// `{refused}`.
fn sign_in_op(request: &Value) -> Result<Value, String> {
    let keys = keys(request)?;
    let chains = networks(request)?;
    let expected = Expected {
        keys: &keys,
        host: args::text(request, "host")?,
        resource: args::text(request, "resource")?,
        statement: args::text(request, "statement")?,
        chains: &chains,
        now: args::integer(request, "now")?,
    };
    let Ok(text) = decode(args::text(request, "header")?) else {
        return Ok(json!({ "refused": "Malformed" }));
    };
    let value = json::parse(&text).ok();
    Ok(
        match value
            .as_ref()
            .and_then(|value| Proof::read(value).ok())
            .map(|proof| expected.check(&proof))
        {
            Some(Ok(signed)) => json!({
                "payer": signed.payer.to_checksum(None),
                "nonce": hex::print(&signed.nonce),
                "until": signed.until,
            }),
            Some(Err(error)) => json!({ "refused": format!("{error:?}") }),
            None => json!({ "refused": "Malformed" }),
        },
    )
}

/// A receipt of `keys` for `network`, `resource`, `payer`, `issuedAt` and `transaction`: `{extension, signer}`; null for one
/// that is too large.
fn receipt(request: &Value) -> Result<Value, String> {
    let keys = keys(request)?;
    let (_, bytes) = keys.signing(Purpose::Receipt).ok_or("no key")?;
    let key = Key::from_bytes(bytes).map_err(|error| error.to_string())?;
    let receipt = Receipt {
        network: args::parsed(request, "network")?,
        resource_url: args::text(request, "resource")?,
        payer: Address::new(args::bytes(request, "payer")?),
        issued_at: args::integer(request, "issuedAt")?,
        transaction: args::text(request, "transaction")?,
    };
    let extension = receipt.sign(&key).map(|text| written(&text)).transpose()?;
    Ok(json!({ "extension": extension, "signer": key.address().to_checksum(None) }))
}

/// The listing of a route by `template` and `output` (JSON), either may be missing, for one `path`.
fn listing(request: &Value) -> Result<Value, String> {
    let listing = Listing {
        template: args::optional(request, "template")?.map(Into::into),
        output: raw(request, "output"),
    };
    written(&listing.announce(args::text(request, "path")?))
}

/// Whether a `template` is one, and what a `pattern` becomes; either may be missing: `{valid}` or `{template}`.
fn template(request: &Value) -> Result<Value, String> {
    Ok(match args::optional(request, "template")? {
        Some(template) => json!({ "valid": bazaar::is_valid_template(template) }),
        None => json!({ "template": bazaar::template_of(args::text(request, "pattern")?) }),
    })
}

/// The announcement of HTTP message signatures with `url`, and `schemes` and `tags` of one entry each.
fn signatures(request: &Value) -> Result<Value, String> {
    let signatures = Signatures {
        registration_url: args::text(request, "url")?.into(),
        signature_schemes: vec![args::text(request, "scheme")?.into()],
        tags: vec![args::text(request, "tag")?.into()],
    };
    written(&signatures.announce())
}
