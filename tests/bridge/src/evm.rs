//! Operations on what EVM chains prescribe: typed data, signatures.

use farthing::{
    evm::{Address, Asset, Authorization, B256, Signature, hex, signature::SignatureError},
    json,
    x402::Network,
};
use serde_json::{Value, json};

use crate::{Op, args};

pub(crate) const OPS: &[(&str, Op)] = &[("assets", assets), ("digest", digest), ("recover", recover)];

/// The asset table.
fn assets(_: &Value) -> Result<Value, String> {
    let asset = |asset: &Asset| {
        json!({
            "network": asset.network,
            "asset": asset.contract.to_checksum(None),
            "name": asset.name,
            "version": asset.version,
            "decimals": asset.decimals,
        })
    };
    Ok(farthing::evm::asset::ASSETS.iter().map(asset).collect())
}

/// The digest of an EIP-3009 `authorization` (its wire form) for the `asset` of a `network`: `{digest, authorization}`, the
/// latter as the core writes it; or `{refused}`.
fn digest(request: &Value) -> Result<Value, String> {
    let network: Network = args::parsed(request, "network")?;
    let contract = Address::new(args::bytes(request, "asset")?);
    let asset = Asset::find(network, contract).ok_or("no such asset")?;
    let text = request.get("authorization").ok_or("authorization is missing")?.to_string();
    let read = json::parse(&text).ok().and_then(|value| Authorization::read(&value));
    Ok(match read {
        Some(authorization) => json!({
            "digest": hex::print(authorization.digest(&asset.domain()).as_slice()),
            "authorization": authorization,
        }),
        None => json!({ "refused": "malformed" }),
    })
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
