//! What is signed, whether the wallet signed exactly that, and the payment that is sent and kept.

use alloc::{borrow::ToOwned, string::String};

use alloy_primitives::{Address, B256};

use super::{
    choice::{CardOffer, Required, card_offer, read},
    json::{self, Object},
    offers::Peek,
    typed::{authorization_json, transfer_data},
    view::Notice,
};
use crate::{
    evm::{Authorization, Signature, signature::SignatureError},
    radix64,
    x402::extension::identifier,
};

/// Signed into the past, so that a chain or server that is behind accepts it (threat A7).
pub(super) const BACK_SECONDS: u64 = 600;

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

    /// Unix seconds until when it can be settled; none if it does not say.
    pub(super) fn until(&self) -> Option<u64> {
        read(&self.0, |payment| {
            let text = payment.get("payload")?.get("authorization")?.text_at("validBefore")?;
            text.parse().ok()
        })
    }

    /// What it was signed for.
    pub(super) fn offer(&self) -> Option<CardOffer> {
        read(&self.0, |payment| card_offer(payment.get("accepted")?))
    }

    /// The content of `PAYMENT-SIGNATURE`, and the text to keep.
    pub(super) fn header(&self) -> &str {
        &self.0
    }
}

/// An authorization for this offer from this payer. `now` is the server's time.
pub(super) fn draft(offer: &CardOffer, from: Address, now: u64, random: [u8; 32]) -> Authorization {
    Authorization {
        from,
        to: offer.pay_to,
        value: offer.amount,
        valid_after: now.saturating_sub(BACK_SECONDS),
        valid_before: now.saturating_add(offer.seconds),
        nonce: nonce(random, offer.quote.as_ref()),
    }
}

/// The parameters of `eth_signTypedData_v4`; the account is spelled as the wallet spelled it.
pub(super) fn signing_params(account: &str, authorization: &Authorization, offer: &CardOffer) -> String {
    let mut params = String::from("[");
    json::quote(&mut params, account);
    params += ",";
    json::quote(&mut params, &transfer_data(authorization, &offer.asset.domain()));
    params += "]";
    params
}

/// The payment, if the signature is the payer's over exactly this authorization (threat F2); `random` are
/// the bytes that the authorization was drafted with.
pub(super) fn seal(
    required: &Required,
    offer: &CardOffer,
    authorization: &Authorization,
    signature: &str,
    random: [u8; 32],
) -> Result<Payment, Notice> {
    let digest = authorization.digest(&offer.asset.domain());
    by_key(signature, digest, authorization.from).map_err(NotTheirs::notice)?;
    let payload = payload_json(&for_chain(signature), "authorization", &authorization_json(authorization));
    let name = name(offer, random).filter(|_| required.named);
    Ok(Payment(v2_header(
        &offer.raw,
        required.resource.as_deref(),
        name.as_deref(),
        &payload,
    )))
}

/// The payment's name, as `extensions`, where the server wants one: of the bytes whose place in the nonce
/// the quote's tag has taken, for the nonce will be public (threat A16). Without a quote there are none.
fn name(offer: &CardOffer, random: [u8; 32]) -> Option<String> {
    let secret = random.first_chunk().filter(|_| offer.quote.is_some())?;
    let before = r#"{"payment-identifier":{"info":{"required":true,"id":""#;
    Some([before, &identifier::generate(*secret), r#""}}}"#].concat())
}

/// Why a signature is not the payer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTheirs {
    /// Another key signed this, or the payer's signed something else.
    Another,
    /// Longer than a key's.
    Contract,
    /// No signature at all, or a malleable one.
    Malformed,
}

impl NotTheirs {
    /// A key behind a contract, a contract, or a wallet that signed something else; or no signature.
    pub(super) const fn notice(self) -> Notice {
        match self {
            Self::Another | Self::Contract => Notice::UnsupportedWallet,
            Self::Malformed => Notice::WalletTrouble,
        }
    }
}

/// Whether the payer's own key signed exactly this.
pub(super) fn by_key(signature: &str, digest: B256, payer: Address) -> Result<(), NotTheirs> {
    match Signature::parse(signature).and_then(|read| read.recover(digest)) {
        Ok(signer) if signer == payer => Ok(()),
        Ok(_) => Err(NotTheirs::Another),
        Err(SignatureError::Contract) => Err(NotTheirs::Contract),
        Err(_) => Err(NotTheirs::Malformed),
    }
}

/// A key's signature as token contracts take it: with 27 or 28 at its end.
pub(super) fn for_chain(signature: &str) -> String {
    let body = signature.len().saturating_sub(2);
    let (body, v) = signature.split_at_checked(body).unwrap_or_default();
    let v = match v {
        "00" => "1b",
        "01" => "1c",
        v => v,
    };
    [body, v].concat()
}

/// The scheme's part of a payment: a signature, and what it signs under its name.
pub(super) fn payload_json(signature: &str, name: &str, signed: &str) -> String {
    let mut payload = Object::new();
    payload.text("signature", signature);
    payload.raw(name, signed);
    payload.end()
}

/// The content of `PAYMENT-SIGNATURE`: the server's own bytes come back to it unchanged.
pub(super) fn v2_header(accepted: &str, resource: Option<&str>, extensions: Option<&str>, payload: &str) -> String {
    let mut payment = Object::new();
    payment.raw("x402Version", "2");
    if let Some(resource) = resource {
        payment.raw("resource", resource);
    }
    payment.raw("accepted", accepted);
    payment.raw("payload", payload);
    if let Some(extensions) = extensions {
        payment.raw("extensions", extensions);
    }
    radix64::write(payment.end().as_bytes())
}

/// 32 bytes of which the first half is our quote's tag, where there is one: the publisher recognises
/// it, nobody else does (design, section 3).
pub(super) fn nonce(random: [u8; 32], quote: Option<&Peek>) -> B256 {
    let mut nonce = random;
    if let Some(quote) = quote
        && let Some(first) = nonce.first_chunk_mut()
    {
        *first = quote.tag;
    }
    B256::new(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_header_is_restored() {
        assert_eq!(Payment::restore("eyJhIjoxfQ==").unwrap().header(), "eyJhIjoxfQ==");
        for bad in ["", "a b", "a\r\nX-Other: b", "{}", "é"] {
            assert_eq!(Payment::restore(bad), None, "{bad:?}");
        }
    }
}
