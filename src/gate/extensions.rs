//! The extensions of x402 on a request's way: what a 402 announces, what a payment echoes, who signs in.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

use super::{Answer, Asked, Decision, Gate, LedgerCall, Request, object_name, path_of};
use crate::{
    access::{
        Purpose,
        sign_in::{self, Expected, SignInError},
    },
    json,
    ledger::Grant,
    offer::{Payment, Refusal, matching::Version},
    problem::Problem,
    route::{Access, Identifiers},
    time,
    x402::{
        DecodeError, Network, decode,
        extension::{
            announce, bazaar, check_echo,
            identifier::{self, IdentifierError},
            receipt::{Receipt, ReceiptKey},
            sign_in::{self as wire, Challenge, Proof},
            signatures,
        },
    },
};

/// The longest proof that is looked at, in bytes of base64: a challenge of ours signed is a tenth of it.
const MAX_PROOF_BYTES: usize = 8 * 1024;

impl Gate {
    /// What a 402 for this resource announces, as the content of `extensions`.
    pub(super) fn announced(&self, asked: &Asked<'_>) -> String {
        let Some(extensions) = self.config().map(|config| &config.extensions) else {
            return String::new();
        };
        let challenge = self.challenge(asked);
        let listing = listing(asked);
        let mut parts: Vec<(&str, &str)> = Vec::new();
        if extensions.identifiers != Identifiers::Off {
            let required = extensions.identifiers == Identifiers::Required;
            parts.push((identifier::KEY, identifier::announce(required)));
        }
        for (key, part) in [
            (wire::KEY, &challenge),
            (bazaar::KEY, &listing),
            (signatures::KEY, &extensions.signatures),
        ] {
            parts.extend(part.as_deref().map(|part| (key, part)));
        }
        announce(&parts)
    }

    /// The challenge for who may have paid for this resource; none where nothing can be owned.
    fn challenge(&self, asked: &Asked<'_>) -> Option<String> {
        let statement = self.config()?.extensions.sign_in.as_deref()?;
        let Access::Owned(_) = asked.route.access else {
            return None;
        };
        let mut chains: Vec<Network> = Vec::new();
        for offer in &asked.route.offers {
            if !chains.contains(&offer.network) {
                chains.push(offer.network);
            }
        }
        let host = self.host();
        // the quotes of this answer are made of the first bytes
        let random = asked.random.last_chunk::<4>()?;
        let challenge = Challenge {
            domain: &host,
            uri: asked.resource,
            statement: Some(statement),
            nonce: &sign_in::nonce(asked.keys, &host, asked.now, *random)?,
            issued_at: &time::print(asked.now)?,
            expiration_time: &time::print(asked.now.saturating_add(sign_in::MAX_AGE_SECONDS))?,
            chains: &chains,
        };
        Some(challenge.announce())
    }

    /// The site's host, with its port.
    fn host(&self) -> String {
        let site = self.config().map(|config| config.site.as_str()).unwrap_or_default();
        site.split('/').nth(2).unwrap_or_default().to_ascii_lowercase()
    }

    /// Whether v1 clients, which know no extensions, cannot pay here.
    pub(super) fn wants_identifiers(&self) -> bool {
        self.config()
            .is_some_and(|config| config.extensions.identifiers == Identifiers::Required)
    }

    /// Holds what a payment says in `extensions` against what is announced; its identifier. What began
    /// in time may be joined whatever has changed since, so most of it only makes a payment late.
    pub(super) fn extended(&self, payment: &mut Payment, asked: &Asked<'_>) -> Result<Option<String>, Refusal> {
        payment.told = listing(asked).map_or_else(String::new, |text| announce(&[(bazaar::KEY, &text)]));
        // it stands inside a text that was read as strictly
        let sent = payment.extensions.take().unwrap_or_default();
        let sent = json::parse(&sent).ok();
        if payment.version == Version::V2 && sent.is_some() {
            let announced = self.announced(asked);
            let kept = check_echo(json::parse(&announced).ok().as_ref(), sent.as_ref()).is_ok();
            payment.late = payment.late.or((!kept).then_some(Problem::EchoMismatch));
        }
        let wanted = self.config().map(|config| config.extensions.identifiers).unwrap_or_default();
        if wanted == Identifiers::Off {
            return Ok(None);
        }
        match identifier::read(sent.as_ref(), wanted == Identifiers::Required) {
            Ok(id) => Ok(id.map(ToOwned::to_owned)),
            Err(IdentifierError::Missing) => {
                payment.late = payment.late.or(Some(Problem::IdentifierRequired));
                Ok(None)
            }
            Err(IdentifierError::Malformed) => Err(Problem::IdentifierMalformed.into()),
        }
    }

    /// What to do with a sign-in proof; none where there is none, or none is asked for.
    pub(super) fn sign_in(&self, request: &Request<'_>, asked: &Asked<'_>) -> Option<Decision> {
        let config = self.config()?;
        let header = request.sign_in.filter(|_| request.method == "GET")?;
        config.extensions.sign_in.as_ref()?;
        let Access::Owned(_) = asked.route.access else {
            return None;
        };
        Some(match self.signed_in(header, asked) {
            Ok(signed) => {
                #[derive(Serialize)]
                struct Question<'a> {
                    resource: &'a str,
                    nonce: String,
                    until: u64,
                }
                let question = Question {
                    resource: asked.resource,
                    nonce: alloy_primitives::hex::encode(signed.nonce),
                    until: signed.until,
                };
                Decision::Ledger(LedgerCall {
                    object: object_name(&config.site, signed.payer),
                    call: "signIn",
                    body: serde_json::to_string(&question).unwrap_or_default(),
                })
            }
            Err(refusal) => Decision::Answer(self.refuse(request, Some(asked), &refusal, None)),
        })
    }

    fn signed_in(&self, header: &str, asked: &Asked<'_>) -> Result<sign_in::SignedIn, Refusal> {
        let malformed = |_: DecodeError| Refusal::from(Problem::SignInMalformed);
        if header.len() > MAX_PROOF_BYTES {
            return Err(Problem::SignInMalformed.into());
        }
        let text = decode(header).map_err(malformed)?;
        let value = json::parse(&text).map_err(|_| Refusal::from(Problem::SignInMalformed))?;
        let proof = Proof::read(&value).map_err(malformed)?;
        let host = self.host();
        let expected = Expected {
            keys: asked.keys,
            host: &host,
            resource: asked.resource,
            now: asked.now,
        };
        expected.check(&proof).map_err(|error: SignInError| Refusal {
            problem: Problem::SignInInvalid,
            detail: Some(error.detail()),
        })
    }

    /// The signed receipt of a grant, where receipts are given and something was paid; else empty.
    pub(super) fn receipt(&self, grant: &Grant, asked: &Asked<'_>) -> String {
        let given = self.config().is_some_and(|config| config.extensions.receipts) && !grant.transaction.is_empty();
        let key = || ReceiptKey::new(asked.keys.signing(Purpose::Receipt)?.1);
        let receipt = Receipt {
            network: grant.network,
            resource_url: asked.resource,
            payer: grant.payer,
            issued_at: asked.now,
            transaction: &grant.transaction,
        };
        let signed = given.then(|| receipt.sign(&key()?)).flatten();
        signed.unwrap_or_default()
    }

    /// Who signs the receipts: the addresses that a verifier may recover, the present one first.
    pub(super) fn receipt_signers(&self) -> Option<Answer> {
        #[derive(Serialize)]
        struct Signer {
            kid: String,
            address: String,
        }
        #[derive(Serialize)]
        struct Signers {
            format: &'static str,
            signers: Vec<Signer>,
        }
        self.config().filter(|config| config.extensions.receipts)?;
        let signer = |(kid, bytes): (&str, &[u8; 32])| {
            Some(Signer {
                kid: kid.to_string(),
                address: ReceiptKey::new(bytes)?.address()?.to_checksum(None),
            })
        };
        let signers = self.keys.as_ref().ok()?.all(Purpose::Receipt).filter_map(signer).collect();
        let mut answer = Answer::json(
            200,
            &Signers {
                format: "eip712",
                signers,
            },
        );
        // public by nature: whoever is shown a receipt may look from anywhere
        answer.headers.push(("Access-Control-Allow-Origin", "*".to_owned()));
        Some(answer)
    }
}

/// What catalogues are told about a resource, where its publisher wants that.
fn listing(asked: &Asked<'_>) -> Option<String> {
    let listing = asked.route.listing.as_ref()?;
    Some(listing.announce(&path_of(asked.resource)))
}
