//! The extensions of x402 on a request's way: what a 402 announces, what a payment echoes, who signs in.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use alloy_primitives::hex;

use super::{Answer, Asked, Decision, Gate, LedgerCall, Request, object_name, path_of};
use crate::{
    access::{
        Keys, Purpose,
        sign_in::{self, Expected},
    },
    evm::{Address, Key},
    json,
    offer::{Payment, Refusal, matching::Version},
    problem::Problem,
    route::{Access, Identifiers},
    time,
    x402::{
        Network, decode,
        extension::{
            Writer, announce, bazaar, check_echo,
            identifier::{self, IdentifierError},
            receipt::Receipt,
            sign_in::{self as wire, Challenge, Proof},
            signatures,
        },
    },
};

/// The longest proof that is looked at, in bytes of base64: a challenge of ours signed is a tenth of it.
const MAX_PROOF_BYTES: usize = 8 * 1024;

/// What a receipt is about.
pub(super) struct Paid<'a> {
    pub(super) network: Network,
    /// Canonical URL.
    pub(super) resource: &'a str,
    pub(super) payer: Address,
    /// Empty where nothing was paid.
    pub(super) transaction: &'a str,
}

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
        challenge(
            &self.host(),
            asked.resource,
            statement,
            &chains(asked),
            asked.keys,
            asked.now,
            asked.random,
        )
    }

    /// The site's host, with its port.
    pub(super) fn host(&self) -> String {
        host_of(self.site())
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
        let statement = config.extensions.sign_in.as_deref()?;
        let Access::Owned(_) = asked.route.access else {
            return None;
        };
        Some(match self.signed_in(header, statement, asked) {
            Ok(signed) => {
                let mut question = asked.question();
                question.nonce = Some(hex::encode(signed.nonce));
                question.until = Some(signed.until);
                Decision::Ledger(LedgerCall {
                    object: object_name(&config.site, signed.payer),
                    call: "signIn",
                    body: self.without_revoked(serde_json::to_string(&question).unwrap_or_default(), signed.payer),
                })
            }
            Err(refusal) => Decision::Answer(self.refuse(request, Some(asked), &refusal, None)),
        })
    }

    /// Whose proof this is, wherever it came; none where no proofs are asked for.
    pub(super) fn proven(&self, header: &str, asked: &Asked<'_>) -> Result<Option<sign_in::SignedIn>, Refusal> {
        let statement = self.config().and_then(|config| config.extensions.sign_in.as_deref());
        statement
            .map(|statement| self.signed_in(header, statement, asked))
            .transpose()
    }

    fn signed_in(&self, header: &str, statement: &str, asked: &Asked<'_>) -> Result<sign_in::SignedIn, Refusal> {
        let expected = Expected {
            keys: asked.keys,
            host: &self.host(),
            resource: asked.resource,
            statement,
            chains: &chains(asked),
            now: asked.now,
        };
        Self::prove(header, &expected)
    }

    /// Whose proof this is: [`Problem::SignInMalformed`] or [`Problem::SignInInvalid`] if it is none.
    pub(super) fn prove(header: &str, expected: &Expected<'_>) -> Result<sign_in::SignedIn, Refusal> {
        let malformed = || Refusal::from(Problem::SignInMalformed);
        let text = Some(header).filter(|header| header.len() <= MAX_PROOF_BYTES);
        let text = text.and_then(|header| decode(header).ok()).ok_or_else(malformed)?;
        let value = json::parse(&text).map_err(|_| malformed())?;
        let proof = Proof::read(&value).map_err(|_| malformed())?;
        expected.check(&proof).map_err(|error| Refusal {
            problem: Problem::SignInInvalid,
            detail: Some(error.detail()),
        })
    }

    /// The signed receipt of a transfer, where receipts are given and something was paid; else empty.
    pub(super) fn receipt(&self, paid: &Paid<'_>, keys: &Keys, now: u64) -> String {
        let given = self.config().is_some_and(|config| config.extensions.receipts) && !paid.transaction.is_empty();
        let key = || Key::from_bytes(keys.signing(Purpose::Receipt)?.1).ok();
        let receipt = Receipt {
            network: paid.network,
            resource_url: paid.resource,
            payer: paid.payer,
            issued_at: now,
            transaction: paid.transaction,
        };
        let signed = given.then(|| receipt.sign(&key()?)).flatten();
        signed.unwrap_or_default()
    }

    /// Who signs the receipts: the addresses that a verifier may recover, the present one first.
    pub(super) fn receipt_signers(&self) -> Option<Answer> {
        self.config().filter(|config| config.extensions.receipts)?;
        let mut signers = String::from("[");
        for (kid, bytes) in self.keys.as_ref().ok()?.all(Purpose::Receipt) {
            if signers.len() > 1 {
                signers.push(',');
            }
            let mut signer = Writer::default();
            signer.text("kid", kid);
            signer.text("address", &Key::from_bytes(bytes).ok()?.address().to_checksum(None));
            signers.push_str(&signer.end());
        }
        signers.push(']');
        let mut body = Writer::default();
        body.text("format", "eip712");
        body.raw("signers", &signers);
        let mut answer = Answer::empty(
            200,
            [
                ("Content-Type", "application/json".to_owned()),
                ("Cache-Control", "no-store".to_owned()),
                // public by nature: whoever is shown a receipt may look from anywhere
                ("Access-Control-Allow-Origin", "*".to_owned()),
            ],
        );
        answer.body = body.end();
        Some(answer)
    }
}

/// The host of a site, with its port.
pub(super) fn host_of(site: &str) -> String {
    site.split('/').nth(2).unwrap_or_default().to_ascii_lowercase()
}

/// What an account is to sign for a resource of ours.
pub(super) fn challenge(
    host: &str,
    resource: &str,
    statement: &str,
    chains: &[Network],
    keys: &Keys,
    now: u64,
    random: [u8; 16],
) -> Option<String> {
    // the quotes of this answer are made of the first bytes
    let random = random.last_chunk::<4>()?;
    let challenge = Challenge {
        domain: host,
        uri: resource,
        statement: Some(statement),
        nonce: &sign_in::nonce(keys, host, now, *random)?,
        issued_at: &time::print(now)?,
        expiration_time: &time::print(now.saturating_add(sign_in::MAX_AGE_SECONDS))?,
        chains,
    };
    Some(challenge.announce())
}

/// Where an account that pays for a resource may be.
fn chains(asked: &Asked<'_>) -> Vec<Network> {
    let mut chains: Vec<Network> = Vec::new();
    for offer in asked.route.ways(asked.resource) {
        if !chains.contains(&offer.network) {
            chains.push(offer.network);
        }
    }
    chains
}

/// What catalogues are told about a resource, where its publisher wants that.
fn listing(asked: &Asked<'_>) -> Option<String> {
    let listing = asked.route.listing.as_ref()?;
    Some(listing.announce(path_of(asked.resource)))
}
