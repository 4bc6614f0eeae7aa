//! Operations on what EVM chains prescribe: typed data, signatures.

use farthing::{
    evm::{
        Address, Asset, Authorization, B256, Call, Domain, Key, Permit, Signature, Signed, Transaction, hex, permit2,
        signature::SignatureError,
    },
    json,
};
use serde_json::{Value, json};

use crate::{Op, args};

pub(crate) const OPS: &[(&str, Op)] = &[
    ("assets", assets),
    ("constants", constants),
    ("digest", digest),
    ("separator", separator),
    ("recover", recover),
    ("settling", settling),
    ("transaction", transaction),
];

/// The asset table.
fn assets(_: &Value) -> Result<Value, String> {
    let asset = |asset: &Asset| {
        json!({
            "network": asset.network,
            "asset": asset.contract.to_checksum(None),
            "name": asset.name,
            "version": asset.version,
            "decimals": asset.decimals,
            "assetTransferMethod": asset.transfer,
        })
    };
    Ok(farthing::evm::asset::ASSETS.iter().map(asset).collect())
}

/// The contracts that permits are for.
fn constants(_: &Value) -> Result<Value, String> {
    Ok(json!({
        "permit2": permit2::PERMIT2.to_checksum(None),
        "exactProxy": permit2::EXACT_PROXY.to_checksum(None),
        "uptoProxy": permit2::UPTO_PROXY.to_checksum(None),
    }))
}

/// The digest of an `authorization` (EIP-3009, its wire form) for the token's domain, `name`, `version`, `network` and
/// `asset`, or of a `permit2Authorization` on `network`: `{digest, written}`, the latter as the core writes it; or `{refused}`.
fn digest(request: &Value) -> Result<Value, String> {
    let domain = Domain {
        name: args::optional(request, "name")?.unwrap_or_default(),
        version: args::optional(request, "version")?.unwrap_or_default(),
        network: args::parsed(request, "network")?,
        contract: Address::new(args::bytes(request, "asset")?),
    };
    Ok(match signed(request)? {
        Some(signed) => json!({
            "digest": hex::print(signed.digest(&domain).as_slice()),
            "written": match signed {
                Signed::Eip3009(authorization) => json!(authorization),
                Signed::Permit2(permit) => json!(permit),
            },
        }),
        None => json!({ "refused": "malformed" }),
    })
}

/// An `authorization` (EIP-3009, its wire form) or a `permit2Authorization`, if it can be read.
fn signed(request: &Value) -> Result<Option<Signed>, String> {
    let member = |name| request.get(name).map(Value::to_string);
    match (member("authorization"), member("permit2Authorization")) {
        (Some(text), None) => Ok(json::parse(&text)
            .ok()
            .and_then(|value| Authorization::read(&value))
            .map(Signed::Eip3009)),
        (None, Some(text)) => Ok(json::parse(&text)
            .ok()
            .and_then(|value| Permit::read(&value))
            .map(Signed::Permit2)),
        _ => Err("one of authorization and permit2Authorization".into()),
    }
}

/// The call that settles what `digest` takes, with `signature`, for the token `asset`: `{to, data}`, or null where there is none.
fn settling(request: &Value) -> Result<Value, String> {
    let Some(signed) = signed(request)? else {
        return Ok(Value::Null);
    };
    let asset = Address::new(args::bytes(request, "asset")?);
    let call = Call::settling(&signed, args::text(request, "signature")?, asset);
    Ok(json!(call.map(
        |call| json!({ "to": call.to.to_checksum(None), "data": hex::print(&call.data) })
    )))
}

/// An EIP-1559 transaction of the numbers `chainId`, `nonce`, `tip`, `fee`, `gas` (decimal strings) to `to` with `data`, signed by
/// `key`: `{hash, raw}`.
fn transaction(request: &Value) -> Result<Value, String> {
    let key = Key::from_hex(args::text(request, "key")?).map_err(|error| error.to_string())?;
    let transaction = Transaction {
        chain_id: args::parsed(request, "chainId")?,
        nonce: args::parsed(request, "nonce")?,
        tip: args::parsed(request, "tip")?,
        fee: args::parsed(request, "fee")?,
        gas: args::parsed(request, "gas")?,
        call: Call {
            to: Address::new(args::bytes(request, "to")?),
            data: args::any_bytes(request, "data")?,
        },
    };
    let sealed = transaction.sign(&key).ok_or("cannot be signed")?;
    Ok(json!({ "hash": hex::print(sealed.hash.as_slice()), "raw": hex::print(&sealed.raw) }))
}

/// The domain separator of the token `name`, `version`, `network`, `asset`.
fn separator(request: &Value) -> Result<Value, String> {
    let domain = Domain {
        name: args::text(request, "name")?,
        version: args::text(request, "version")?,
        network: args::parsed(request, "network")?,
        contract: Address::new(args::bytes(request, "asset")?),
    };
    Ok(json!(hex::print(domain.separator().as_slice())))
}

/// Whose `signature` over `digest` it is: `{signer}` or `{refused}`.
fn recover(request: &Value) -> Result<Value, String> {
    let digest = B256::new(args::bytes(request, "digest")?);
    let read = Signature::parse(args::text(request, "signature")?).and_then(|signature| signature.recover(digest));
    Ok(match read {
        Ok(signer) => json!({ "signer": signer.to_checksum(None) }),
        Err(error) => json!({ "refused": match error {
            SignatureError::Malformed => "malformed",
            SignatureError::Contract => "contract",
            SignatureError::HighS => "high-s",
            SignatureError::NotOnCurve => "not-on-curve",
            _ => "unknown",
        } }),
    })
}
