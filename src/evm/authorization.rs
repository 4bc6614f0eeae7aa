//! EIP-3009: the authorization a payer signs, and its EIP-712 digest.

use alloy_primitives::{Address, B256, b256};
use serde::Serialize;

use super::{Domain, domain, hex, seconds};
use crate::{json::Value, money::Amount};

/// The hash of the type's text (EIP-712 `encodeType`), as every token contract with EIP-3009 has it.
const TYPE_HASH: B256 = b256!("7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267");

/// A signed promise to transfer `value` from `from` to `to` inside a window of time, usable once.
///
/// Times are Unix seconds. On the wire all numbers are decimal strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// The payer.
    #[serde(with = "hex::address")]
    pub from: Address,
    /// The payee.
    #[serde(with = "hex::address")]
    pub to: Address,
    /// How much.
    pub value: Amount,
    /// Valid when the block's time is greater than this.
    #[serde(serialize_with = "seconds::serialize")]
    pub valid_after: u64,
    /// Valid while the block's time is less than this.
    #[serde(serialize_with = "seconds::serialize")]
    pub valid_before: u64,
    /// 32 bytes of the payer's choice; the token accepts each once per payer.
    #[serde(with = "hex::word")]
    pub nonce: B256,
}

impl Authorization {
    /// Reads a wire value; none unless all six fields are there and well-formed.
    pub fn read(json: &Value<'_>) -> Option<Self> {
        let text = |name| json.get(name).and_then(Value::text);
        Some(Self {
            from: hex::read(text("from")?).map(Address::new)?,
            to: hex::read(text("to")?).map(Address::new)?,
            value: text("value")?.parse().ok()?,
            valid_after: seconds::read(text("validAfter")?)?,
            valid_before: seconds::read(text("validBefore")?)?,
            nonce: hex::read(text("nonce")?).map(B256::new)?,
        })
    }

    /// The EIP-712 digest that the payer signs for the token of this domain.
    pub fn digest(&self, token: &Domain<'_>) -> B256 {
        let words = [
            TYPE_HASH,
            self.from.into_word(),
            self.to.into_word(),
            B256::new(self.value.word()),
            domain::word(self.valid_after),
            domain::word(self.valid_before),
            self.nonce,
        ];
        domain::signing_hash(token.separator(), domain::hash(&words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evm::{Asset, Signature, U256, asset::ASSETS},
        x402::Network,
    };
    use alloy_sol_types::SolStruct;
    use proptest::prelude::*;

    mod typed {
        #![allow(
            missing_docs,
            missing_debug_implementations,
            clippy::all,
            clippy::indexing_slicing,
            clippy::arithmetic_side_effects
        )]
        alloy_sol_types::sol! {
            // EIP-3009; the order and names of the fields are part of the type hash.
            struct TransferWithAuthorization {
                address from;
                address to;
                uint256 value;
                uint256 validAfter;
                uint256 validBefore;
                bytes32 nonce;
            }
        }
    }

    proptest! {
        #[test]
        fn digests_agree_with_alloy(
            from: [u8; 20], to: [u8; 20], value: [u8; 32], valid_after: u64, valid_before: u64, nonce: [u8; 32], asset in 0..ASSETS.len(),
        ) {
            let token = ASSETS[asset].domain();
            let ours = Authorization {
                from: from.into(),
                to: to.into(),
                value: Amount::from_atomic(U256::from_be_bytes(value)),
                valid_after,
                valid_before,
                nonce: nonce.into(),
            };
            let theirs = typed::TransferWithAuthorization {
                from: ours.from,
                to: ours.to,
                value: ours.value.atomic(),
                validAfter: U256::from(valid_after),
                validBefore: U256::from(valid_before),
                nonce: ours.nonce,
            };
            prop_assert_eq!(theirs.eip712_type_hash(), TYPE_HASH);
            prop_assert_eq!(ours.digest(&token), theirs.eip712_signing_hash(&token.eip712()));
        }
    }

    #[test]
    fn digests_agree_with_viem() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/signing.json");
        let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut seen = 0;
        for vector in file["vectors"].as_array().unwrap() {
            let data = &vector["typedData"];
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let network = Network::from_chain_id(data["domain"]["chainId"].as_u64().unwrap());
            let contract = Address::new(hex::read(&text(&data["domain"]["verifyingContract"])).unwrap());
            let Some(asset) = Asset::find(network, contract) else {
                continue;
            };
            if data["primaryType"] != "TransferWithAuthorization" || data["message"]["validAfter"].is_null() {
                continue;
            }
            let Ok(message) = Authorization::read(&crate::json::parse(&data["message"].to_string()).unwrap()).ok_or(()) else {
                let over = |field: &str| text(&data["message"][field]).len() > 20;
                assert!(
                    over("validAfter") || over("validBefore"),
                    "{}: refused for its times alone",
                    vector["label"]
                );
                continue;
            };
            let digest = message.digest(&asset.domain());
            assert_eq!(hex::print(digest.as_slice()), text(&vector["digest"]), "{}", vector["label"]);
            let signature = Signature::parse(&text(&vector["signature"])).unwrap();
            assert_eq!(signature.recover(digest).unwrap().to_checksum(None), text(&vector["signer"]));
            seen += 1;
        }
        assert!(seen >= 8, "{seen}");
    }

    #[test]
    fn a7_times_over_64_bits_and_odd_spellings_are_refused() {
        for bad in ["", "-1", "01", "1.0", "18446744073709551616", "0x1"] {
            let json = alloc::format!(
                r#"{{"from":"0x{0}","to":"0x{0}","value":"1","validAfter":"{bad}","validBefore":"2","nonce":"0x{1}"}}"#,
                "11".repeat(20),
                "22".repeat(32)
            );
            assert_eq!(Authorization::read(&crate::json::parse(&json).unwrap()), None, "{bad}");
        }
    }
}
