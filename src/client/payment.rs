//! What is signed, whether the wallet signed exactly that, and the payment that is sent and kept.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};

use alloy_primitives::{Address, B256};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    choice::Offer,
    json::{self, Object},
    view::Notice,
};
use crate::evm::{Asset, Authorization, Signature, hex, signature::SignatureError};

/// Signed into the past, so that a chain or server that is behind accepts it (threat A7).
const BACK_SECONDS: u64 = 600;

/// A signed authorization as it is sent, and kept until it is resolved.
///
/// The kept text is the header alone: the server knows the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payment(String);

impl Payment {
    /// What was kept on this device; none if it is not a header.
    pub(super) fn restore(kept: &str) -> Option<Self> {
        let base64 = !kept.is_empty()
            && kept
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
        base64.then(|| Self(kept.to_owned()))
    }

    /// The content of `PAYMENT-SIGNATURE`, and the text to keep.
    pub(super) fn header(&self) -> &str {
        &self.0
    }
}

/// An authorization for this offer from this payer. `now` is the server's time.
pub(super) fn draft(offer: &Offer, from: Address, now: u64, random: [u8; 32]) -> Authorization {
    let mut nonce = random;
    if let Some(quote) = &offer.quote {
        // the publisher recognises the tag, nobody else does (design, section 3)
        for (to, tag) in nonce.iter_mut().zip(quote.tag) {
            *to = tag;
        }
    }
    Authorization {
        from,
        to: offer.pay_to,
        value: offer.amount,
        valid_after: now.saturating_sub(BACK_SECONDS),
        valid_before: now.saturating_add(offer.seconds),
        nonce: B256::new(nonce),
    }
}

/// The types of the typed data. `EIP712Domain` is always among them: a wallet that has to guess it
/// signs another digest.
const TYPES: &str = r#"{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"TransferWithAuthorization":[{"name":"from","type":"address"},{"name":"to","type":"address"},{"name":"value","type":"uint256"},{"name":"validAfter","type":"uint256"},{"name":"validBefore","type":"uint256"},{"name":"nonce","type":"bytes32"}]}"#;

fn typed_data(authorization: &Authorization, asset: &Asset) -> String {
    let mut domain = Object::new();
    domain.text("name", asset.name);
    domain.text("version", asset.version);
    domain.raw("chainId", &asset.network.chain_id().to_string());
    domain.text("verifyingContract", &checksummed(&asset.contract));
    let mut data = Object::new();
    data.raw("types", TYPES);
    data.text("primaryType", "TransferWithAuthorization");
    data.raw("domain", &domain.end());
    data.raw("message", &authorization_json(authorization));
    data.end()
}

/// The parameters of `eth_signTypedData_v4`; the account is spelled as the wallet spelled it.
pub(super) fn signing_params(account: &str, authorization: &Authorization, offer: &Offer) -> String {
    let mut params = String::from("[");
    json::quote(&mut params, account);
    params += ",";
    json::quote(&mut params, &typed_data(authorization, offer.asset));
    params += "]";
    params
}

/// The payment, if the signature is the payer's over exactly this authorization (threat F2).
pub(super) fn seal(offer: &Offer, authorization: &Authorization, signature: &str) -> Result<Payment, Notice> {
    let read = Signature::parse(signature).and_then(|read| read.recover(authorization.digest(&offer.asset.domain())));
    match read {
        Ok(signer) if signer == authorization.from => {}
        // a key behind a contract, a contract, or a wallet that signed something else
        Ok(_) | Err(SignatureError::Contract) => return Err(Notice::UnsupportedWallet),
        Err(_) => return Err(Notice::WalletTrouble),
    }
    // the token contract takes 27 and 28 only
    let body = signature.len().saturating_sub(2);
    let (body, v) = signature.split_at_checked(body).unwrap_or_default();
    let v = match v {
        "00" => "1b",
        "01" => "1c",
        v => v,
    };
    let mut exact = Object::new();
    exact.text("signature", &[body, v].concat());
    exact.raw("authorization", &authorization_json(authorization));
    let mut payment = Object::new();
    payment.raw("x402Version", "2");
    if let Some(resource) = &offer.resource {
        payment.raw("resource", resource);
    }
    payment.raw("accepted", &offer.raw);
    payment.raw("payload", &exact.end());
    Ok(Payment(STANDARD.encode(payment.end())))
}

/// What `serde` would write of it; the tests hold the two equal.
fn authorization_json(authorization: &Authorization) -> String {
    let mut object = Object::new();
    object.text("from", &checksummed(&authorization.from));
    object.text("to", &checksummed(&authorization.to));
    object.text("value", &authorization.value.to_string());
    object.text("validAfter", &authorization.valid_after.to_string());
    object.text("validBefore", &authorization.valid_before.to_string());
    object.text("nonce", &hex::print(authorization.nonce.as_slice()));
    object.end()
}

/// An address with its checksum (EIP-55).
pub(super) fn checksummed(address: &Address) -> String {
    address.to_checksum_buffer(None).as_str().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evm::{U256, asset::ASSETS},
        money::Amount,
    };
    use serde_json::Value;

    #[test]
    fn authorizations_are_written_as_serde_writes_them() {
        let authorization = Authorization {
            from: Address::repeat_byte(0xab),
            to: Address::repeat_byte(0xcd),
            value: Amount::from_atomic(U256::MAX),
            valid_after: 0,
            valid_before: u64::MAX,
            nonce: B256::repeat_byte(0xef),
        };
        assert_eq!(
            authorization_json(&authorization),
            serde_json::to_string(&authorization).unwrap()
        );
    }

    #[test]
    fn the_typed_data_is_the_one_that_viem_signs() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/signing.json");
        let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut seen = 0;
        for data in file["vectors"].as_array().unwrap().iter().map(|vector| &vector["typedData"]) {
            let at = |asset: &&Asset| {
                data["domain"]["chainId"] == asset.network.chain_id()
                    && data["domain"]["verifyingContract"] == checksummed(&asset.contract)
            };
            let message = data["message"].to_string();
            let authorization = Authorization::read(&crate::json::parse(&message).unwrap());
            if let (Some(asset), Some(authorization)) = (ASSETS.iter().find(at), authorization) {
                assert_eq!(
                    &serde_json::from_str::<Value>(&typed_data(&authorization, asset)).unwrap(),
                    data
                );
                seen += 1;
            }
        }
        assert!(seen >= 8, "{seen}");
    }

    #[test]
    fn only_a_header_is_restored() {
        assert_eq!(Payment::restore("eyJhIjoxfQ==").unwrap().header(), "eyJhIjoxfQ==");
        for bad in ["", "a b", "a\r\nX-Other: b", "{}", "é"] {
            assert_eq!(Payment::restore(bad), None, "{bad:?}");
        }
    }
}
