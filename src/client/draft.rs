//! What a program signs for an offer, whether exactly that was signed, and the payment to be sent.

use core::fmt;

use alloc::{borrow::ToOwned, string::String};

use alloy_primitives::{Address, B256};

use super::{
    choice::read,
    json::Object,
    offers::Version,
    payment::{BACK_SECONDS, NotTheirs, by_key, for_chain, nonce, payload_json, v2_header},
    policy::Choice,
    typed::{authorization_json, checksummed, permit_data, permit_json, transfer_data},
};
use crate::{
    evm::{Authorization, Key, Permit, Signed, Transfer, permit2::PERMIT2},
    json::{MAX_ANNOUNCED_DEPTH, Value, parse_nested},
    money::{Amount, decimal},
    radix64,
    x402::{
        extension::identifier,
        header::{PAYMENT_SIGNATURE, X_PAYMENT},
    },
};

/// An authorization or a permit for a chosen offer, not signed yet.
///
/// ```
/// use farthing::client::{Draft, Offers, Policy};
/// # let body = r#"{"x402Version":1,"accepts":[{"scheme":"exact","network":"base","maxAmountRequired":"50000",
/// #     "resource":"https://n.example/a","description":"","mimeType":"","maxTimeoutSeconds":60,
/// #     "payTo":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC","asset":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
/// #     "extra":{"name":"USD Coin","version":"2"}}]}"#;
/// let choice = Policy::up_to("$0.10").unwrap().choose(&Offers::read(None, body).unwrap()).unwrap();
/// let payer = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8".parse().unwrap();
/// // the server's time in Unix seconds, and 32 fresh random bytes
/// let draft = Draft::new(choice, payer, 1_800_000_000, [7; 32]);
/// assert!(draft.typed_data().contains(r#""primaryType":"TransferWithAuthorization""#));
/// assert_eq!(draft.signed().valid_before(), 1_800_000_060);
/// assert!(draft.seal("0x00", false).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    choice: Choice,
    signed: Signed,
}

/// A signature that is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// Not hex of at least 65 bytes, or with `s` in the upper half of the order (threat A8).
    Malformed,
    /// Not the payer's over exactly this: another key, or the wallet signed something else (threat F2).
    NotThePayers,
    /// A contract wallet's, which cannot be checked here and was not announced.
    Contract,
}

impl SealError {
    /// What it says.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Malformed => "not a signature",
            Self::NotThePayers => "not the payer's signature over what was to be signed",
            Self::Contract => "a contract wallet's signature, which cannot be checked here",
        }
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl core::error::Error for SealError {}

impl Draft {
    /// What this payer signs for this offer. `now` is the server's time in Unix seconds; `random` has
    /// to be fresh, for it makes the nonce.
    ///
    /// An EIP-3009 authorization is valid from ten minutes ago, a permit from ever, as the official
    /// clients have it; both until the offer's time is over.
    pub fn new(choice: Choice, payer: Address, now: u64, random: [u8; 32]) -> Self {
        let offer = &choice.offer;
        let nonce = nonce(random, offer.quote.as_ref());
        let until = now.saturating_add(offer.seconds);
        let signed = match offer.transfer {
            Transfer::Eip3009 => Signed::Eip3009(Authorization {
                from: payer,
                to: offer.pay_to,
                value: offer.amount,
                valid_after: now.saturating_sub(BACK_SECONDS),
                valid_before: until,
                nonce,
            }),
            Transfer::Permit2 => Signed::Permit2(Permit {
                from: payer,
                token: offer.contract,
                amount: offer.amount,
                spender: Permit::proxy(offer.scheme),
                nonce,
                deadline: until,
                to: offer.pay_to,
                facilitator: offer.facilitator,
                valid_after: 0,
            }),
        };
        Self { choice, signed }
    }

    /// Names the payment where the server asks clients to (extension `payment-identifier`): whoever sends
    /// the same name again is who sent it first, which the signed fields cannot show once they are on the
    /// chain (threat A16). `id`: 16 to 128 letters, digits, `_` and `-`, known to nobody else.
    pub fn identified(mut self, id: &str) -> Self {
        if identifier::is_valid(id)
            && let Some(named) = self.choice.extensions.as_deref().and_then(|json| named(json, id))
        {
            self.choice.extensions = Some(named);
        }
        self
    }

    /// For which offer.
    pub const fn choice(&self) -> &Choice {
        &self.choice
    }

    /// What is to be signed.
    pub const fn signed(&self) -> &Signed {
        &self.signed
    }

    /// The EIP-712 digest of what is to be signed.
    pub fn digest(&self) -> B256 {
        self.signed.digest(&self.choice.domain())
    }

    /// The payer's signature by a key held here, `0x` and 130 hex digits; none if the key is another
    /// account's.
    pub fn sign(&self, key: &Key) -> Option<String> {
        (self.signed.payer() == key.address()).then(|| key.sign(self.digest()))?
    }

    /// The second parameter of a wallet's `eth_signTypedData_v4`, as JSON.
    pub fn typed_data(&self) -> String {
        match &self.signed {
            Signed::Eip3009(authorization) => transfer_data(authorization, &self.choice.domain()),
            Signed::Permit2(permit) => permit_data(permit, self.choice.offer.network),
        }
    }

    /// The transaction that the payer has to send once before Permit2 can move this much of the token:
    /// `approve(Permit2, amount)`. None where Permit2 is not used.
    pub fn approval(&self, amount: Amount) -> Option<Approval> {
        matches!(self.signed, Signed::Permit2(_)).then(|| Approval::new(self.choice.offer.contract, amount))
    }

    /// The payment, if the signature is the payer's over exactly this (threat F2).
    ///
    /// A contract wallet's signature (ERC-1271, ERC-6492) is only known to be good by asking the wallet
    /// on the chain; `contract` says that the payer is one, and then any signature is taken.
    ///
    /// ```
    /// use farthing::client::{Draft, Key, Offers, Policy, SealError};
    /// # let body = r#"{"x402Version":1,"accepts":[{"scheme":"exact","network":"base","maxAmountRequired":"50000",
    /// #     "resource":"https://n.example/a","description":"","mimeType":"","maxTimeoutSeconds":60,
    /// #     "payTo":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC","asset":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    /// #     "extra":{"name":"USD Coin","version":"2"}}]}"#;
    /// # let choice = Policy::up_to("$0.10").unwrap().choose(&Offers::read(None, body).unwrap()).unwrap();
    /// let key = Key::from_hex("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d").unwrap();
    /// let draft = Draft::new(choice, key.address(), 1_800_000_000, [7; 32]);
    /// let payment = draft.seal(&draft.sign(&key).unwrap(), false).unwrap();
    /// assert_eq!((payment.name(), payment.until()), ("X-PAYMENT", 1_800_000_060));
    /// // the same key over another authorization
    /// let other = Draft::new(draft.choice().clone(), key.address(), 1_800_000_000, [8; 32]);
    /// assert_eq!(draft.seal(&other.sign(&key).unwrap(), false), Err(SealError::NotThePayers));
    /// ```
    pub fn seal(&self, signature: &str, contract: bool) -> Result<Payment, SealError> {
        let signature = match by_key(signature, self.digest(), self.signed.payer()) {
            Ok(()) => for_chain(signature),
            Err(NotTheirs::Malformed) if !(contract && is_hex(signature)) => return Err(SealError::Malformed),
            Err(_) if contract => signature.to_owned(),
            Err(NotTheirs::Contract) => return Err(SealError::Contract),
            Err(_) => return Err(SealError::NotThePayers),
        };
        Ok(self.payment(signature))
    }

    /// The payment with this signature, whosever it is.
    pub(super) fn payment(&self, signature: String) -> Payment {
        let payload = match &self.signed {
            Signed::Eip3009(signed) => payload_json(&signature, "authorization", &authorization_json(signed)),
            Signed::Permit2(signed) => payload_json(&signature, "permit2Authorization", &permit_json(signed)),
        };
        let choice = &self.choice;
        let value = match choice.version {
            Version::V1 => v1_header(choice, &payload),
            Version::V2 => v2_header(
                &choice.offer.raw,
                choice.resource.as_deref(),
                choice.extensions.as_deref(),
                &payload,
            ),
        };
        Payment {
            version: choice.version,
            value,
            until: self.signed.valid_before(),
        }
    }
}

/// What [`merge`](crate::x402::extension::merge) makes of these extensions and the name alone, in less code: what was announced stays
/// as it is, byte for byte. None where no name is wanted, or none can be added.
fn named(json: &str, id: &str) -> Option<String> {
    let announced = parse_nested(json, MAX_ANNOUNCED_DEPTH).ok()?;
    let own = announced.get(identifier::KEY)?;
    let name = ["\"id\":\"", id, "\""].concat();
    let info = ["\"info\":{", &name, "}"].concat();
    let place = |object: &Value<'_>, name| object.members()?.iter().position(|(key, _)| key == name);
    let (within, added) = match own.members() {
        None => (own, info),
        Some(members) => match place(own, "info") {
            None => (own, info),
            Some(at) => (members.get(at).map(|(_, info)| info)?, name),
        },
    };
    let (text, whole) = (within.raw(), announced.raw());
    let begin = text.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let (before, rest) = whole.split_at_checked(begin)?;
    let after = rest.get(text.len()..)?;
    match within.members() {
        Some(members) if added.starts_with("\"info") || place(within, "id").is_none() => {
            let comma = if members.is_empty() { "" } else { "," };
            Some([before, text.strip_suffix("}")?, comma, &added, "}", after].concat())
        }
        // nothing that could grow: the name stands in its place
        None if added.starts_with("\"info") => Some([before, "{", &added, "}", after].concat()),
        // the server's own stays
        _ => None,
    }
}

/// Bytes in hex, at least as many as a key's signature has.
fn is_hex(signature: &str) -> bool {
    let digits = signature.strip_prefix("0x").unwrap_or_default();
    digits.len() >= 130 && digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The content of `X-PAYMENT`: the offer is named by its scheme and network alone.
fn v1_header(choice: &Choice, payload: &str) -> String {
    let mut payment = Object::new();
    payment.raw("x402Version", "1");
    payment.text("scheme", choice.offer.scheme.name());
    payment.text("network", choice.offer.network.v1_slug().unwrap_or_default());
    payment.raw("payload", payload);
    radix64::write(payment.end().as_bytes())
}

/// A transaction of the payer's: `approve(Permit2, amount)` on a token (ERC-20).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The token contract, checksummed.
    pub to: String,
    /// Call data in hex.
    pub data: String,
}

impl Approval {
    /// Lets Permit2 move at most this much of the token.
    ///
    /// ```
    /// use farthing::client::Approval;
    /// let usdc = "0x036CbD53842c5426634e7929541eC2318f3dCF7e".parse().unwrap();
    /// let approval = Approval::new(usdc, "1000000".parse().unwrap());
    /// assert!(approval.data.starts_with("0x095ea7b3000000000000000000000000000000000022d473030f116ddee9f6b43ac78ba3"));
    /// ```
    pub fn new(token: Address, amount: Amount) -> Self {
        // selector of approve(address,uint256)
        let call = [&[0x09, 0x5e, 0xa7, 0xb3][..], PERMIT2.into_word().as_slice(), &amount.word()].concat();
        Self {
            to: checksummed(&token),
            data: crate::evm::hex::print(&call),
        }
    }
}

/// A signed payment: a header of the next request, and the same one of every request after it until
/// it is known what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    version: Version,
    value: String,
    until: u64,
}

impl Payment {
    /// The header's name.
    pub const fn name(&self) -> &'static str {
        match self.version {
            Version::V1 => X_PAYMENT,
            Version::V2 => PAYMENT_SIGNATURE,
        }
    }

    /// The header's content.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Unix seconds of the server's and the chain's clock until when it can be settled.
    pub const fn until(&self) -> u64 {
        self.until
    }

    /// Whether Permit2 moves the token, which the payer has to have approved once.
    pub(super) fn by_permit(&self) -> bool {
        read(&self.value, |payment| {
            payment.get("payload")?.get("permit2Authorization").map(|_| ())
        })
        .is_some()
    }

    /// A text to keep, from which [`restore`](Self::restore) makes the same payment.
    ///
    /// ```
    /// use farthing::client::Payment;
    /// let kept = r#"{"header":"X-PAYMENT","value":"eyJhIjoxfQ==","until":1800000060}"#;
    /// assert_eq!(Payment::restore(kept).unwrap().keep(), kept);
    /// assert_eq!(Payment::restore(r#"{"header":"Cookie","value":"eyJhIjoxfQ==","until":1}"#), None);
    /// ```
    pub fn keep(&self) -> String {
        let mut kept = Object::new();
        kept.text("header", self.name());
        kept.text("value", &self.value);
        kept.raw("until", &decimal(self.until));
        kept.end()
    }

    /// The payment that was kept; none if it is not one.
    pub fn restore(kept: &str) -> Option<Self> {
        let json = crate::json::parse(kept).ok()?;
        let text = |name| json.get(name)?.text();
        let version = match text("header")? {
            X_PAYMENT => Version::V1,
            PAYMENT_SIGNATURE => Version::V2,
            _ => return None,
        };
        // nothing that could end the header and begin another
        let value = super::payment::Payment::restore(text("value")?)?;
        Some(Self {
            version,
            value: value.header().to_owned(),
            until: json.get("until")?.integer()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x402::extension::merge;
    use serde_json::Value as Json;

    #[test]
    fn a_name_is_added_as_merging_adds_it() {
        let id = "pay_7d5d747be160e280504c099d984bcfe0";
        let ours = ["{\"payment-identifier\":{\"info\":{\"id\":\"", id, "\"}}}"].concat();
        let ours = parse_nested(&ours, 8).unwrap();
        for (announced, added) in [
            (
                r#"{"payment-identifier":{"info":{"required":true},"schema":{"a":1}},"other":{"info":{"x":[1]}}}"#,
                true,
            ),
            (r#" {"other":{"info":{}}, "payment-identifier" : { "info" : { } } } "#, true),
            (r#"{"other":{"info":{}},"payment-identifier":{"info":{}}}"#, true),
            (r#"{"payment-identifier":{}}"#, true),
            (r#"{"payment-identifier":{"schema":{"id":"x"}}}"#, true),
            (r#"{"payment-identifier":{"id":"x"}}"#, true),
            (r#"{"payment-identifier":7}"#, true),
            (r#"{"payment-identifier":["info"]}"#, true),
            (r#"{"payment-identifier":{"info":{"id":"theirs"}}}"#, false),
            (r#"{"payment-identifier":{"info":{"id":null}}}"#, false),
            (r#"{"payment-identifier":{"info":7}}"#, false),
            (r#"{"payment-identifier":{"info":null}}"#, false),
        ] {
            let parsed = parse_nested(announced, 8).unwrap();
            let merged: Json = serde_json::from_str(&merge(Some(&parsed), Some(&ours)).unwrap()).unwrap();
            let named = named(announced, id);
            assert_eq!(named.is_some(), added, "{announced}");
            let named: Json = serde_json::from_str(named.as_deref().unwrap_or(announced)).unwrap();
            assert_eq!(named, merged, "{announced}");
        }
        for without in ["{}", r#"{"payment-identifier":null}"#, r#"{"other":{}}"#, "7"] {
            assert_eq!(named(without, id), None, "{without}");
        }
    }
}
