//! `offer-receipt`: a receipt that the payer can show to anybody, signed by the site.
//!
//! EIP-712 as `@x402/extensions` 2.27 verifies it: domain `x402 receipt`, version `1`, chain id 1
//! whatever the payment's network, no contract. Signed offers, the extension's other half, would say
//! what the quote in every offer says already.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{Writer, quoted};
use crate::{
    evm::{Address, Key},
    x402::Network,
};
use alloy_primitives::{B256, U256, keccak256};

/// The extension's key.
pub const KEY: &str = "offer-receipt";
/// Longer resource URLs get no receipt: response headers are small, and some clients break on large
/// ones.
pub const MAX_URL_BYTES: usize = 1024;

const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId)";
const RECEIPT_TYPE: &str =
    "Receipt(uint256 version,string network,string resourceUrl,string payer,uint256 issuedAt,string transaction)";

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// Where was paid.
    pub network: Network,
    /// Canonical URL of what was bought.
    pub resource_url: &'a str,
    /// Who paid.
    pub payer: Address,
    /// Unix seconds of issue.
    pub issued_at: u64,
    /// Hash of the transfer.
    pub transaction: &'a str,
}

impl Receipt<'_> {
    /// The EIP-712 digest.
    pub fn digest(&self) -> B256 {
        let one = B256::with_last_byte(1);
        let domain = [text_hash(DOMAIN_TYPE), text_hash("x402 receipt"), text_hash("1"), one];
        let receipt = [
            text_hash(RECEIPT_TYPE),
            one,
            text_hash(&self.network.to_string()),
            text_hash(self.resource_url),
            text_hash(&self.payer.to_checksum(None)),
            U256::from(self.issued_at).into(),
            text_hash(self.transaction),
        ];
        hash_of(&[0x19, 0x01], &[hash_of(&[], &domain), hash_of(&[], &receipt)])
    }

    /// The extension's part of `PAYMENT-RESPONSE`, signed by a key that signs nothing else and holds no
    /// money; none for a URL that is too long.
    pub fn sign(&self, key: &Key) -> Option<String> {
        if self.resource_url.len() > MAX_URL_BYTES {
            return None;
        }
        let mut payload = Writer::default();
        payload.raw("version", "1");
        payload.text("network", &self.network.to_string());
        payload.text("resourceUrl", self.resource_url);
        payload.text("payer", &self.payer.to_checksum(None));
        payload.raw("issuedAt", &self.issued_at.to_string());
        payload.text("transaction", self.transaction);
        let mut receipt = Writer::default();
        receipt.text("format", "eip712");
        receipt.raw("payload", &payload.end());
        receipt.raw("signature", &quoted(&key.sign(self.digest())?));
        let mut info = Writer::default();
        info.raw("receipt", &receipt.end());
        let mut out = Writer::default();
        out.raw("info", &info.end());
        out.raw("schema", r#"{"type":"object","required":["receipt"]}"#);
        Some(out.end())
    }
}

#[inline(never)]
fn text_hash(text: &str) -> B256 {
    keccak256(text)
}

/// The hash of 32-byte words in a row, after these bytes.
#[inline(never)]
fn hash_of(prefix: &[u8], words: &[B256]) -> B256 {
    let mut bytes = Vec::from(prefix);
    for word in words {
        bytes.extend_from_slice(word.as_slice());
    }
    keccak256(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{evm::Signature, json::parse};
    use alloc::format;

    #[test]
    fn g6_a_receipt_is_signed_by_its_own_key_over_all_it_says() {
        let key = Key::from_bytes(&[7; 32]).unwrap();
        let receipt = Receipt {
            network: Network::BASE,
            resource_url: "https://news.example/a",
            payer: Address::repeat_byte(0xab),
            issued_at: 1_795_255_200,
            transaction: "0x01",
        };
        let text = receipt.sign(&key).unwrap();
        let value = parse(&text).unwrap();
        let signed = value.get("info").unwrap().get("receipt").unwrap();
        let signature = Signature::parse(signed.get("signature").unwrap().text().unwrap()).unwrap();
        assert_eq!(signature.recover(receipt.digest()).ok(), Some(key.address()));
        // viem's signTypedData with the types of @x402/extensions 2.27.0
        assert!(text.contains(
            "0x123c5638923b0b35df23a6efe228fe205b6b2e6d012e9b483064fe13828055f8\
             3505113248a8aca272a5b91baa0b915c0da2d8f08bb6ae83a90f80f7db8331281b"
        ));
        for other in [
            Receipt {
                network: Network::BASE_SEPOLIA,
                ..receipt
            },
            Receipt {
                resource_url: "https://news.example/b",
                ..receipt
            },
            Receipt {
                payer: Address::repeat_byte(0xac),
                ..receipt
            },
            Receipt {
                issued_at: 1_795_255_201,
                ..receipt
            },
            Receipt {
                transaction: "0x02",
                ..receipt
            },
        ] {
            assert_ne!(signature.recover(other.digest()).ok(), Some(key.address()), "{other:?}");
        }
        assert_eq!(receipt.sign(&key).unwrap(), text, "the same receipt is signed the same way");
        let long = format!("https://news.example/{}", "a".repeat(MAX_URL_BYTES));
        assert_eq!(
            Receipt {
                resource_url: &long,
                ..receipt
            }
            .sign(&key),
            None
        );
    }
}
