//! What a proof must say, field by field.

use super::*;
use crate::{access::keys::test_keys, json::parse, x402::extension::sign_in::Challenge};
use k256::ecdsa::SigningKey;
use proptest::prelude::*;

const HOST: &str = "news.example";
const PAGE: &str = "https://news.example/articles/x";
const NOW: u64 = 1_795_255_200;

type Change<'a> = &'a dyn Fn(&mut Proof);

fn expected(keys: &Keys, now: u64) -> Expected<'_> {
    Expected {
        keys,
        host: HOST,
        resource: PAGE,
        now,
    }
}

fn payer(key: &SigningKey) -> Address {
    evm::signature::address_of(key.verifying_key().as_affine()).unwrap()
}

fn sign(mut proof: Proof, key: &SigningKey) -> Proof {
    let network: Network = proof.chain_id.parse().unwrap();
    let hash = personal_hash(&message(&proof, network.chain_id(), &proof.address));
    let (signature, id) = key.sign_prehash_recoverable(hash.as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + id.to_byte());
    proof.signature = evm::hex::print(&bytes);
    proof
}

fn unsigned(keys: &Keys, key: &SigningKey) -> Proof {
    let nonce = nonce(keys, HOST, NOW, [1, 2, 3, 4]).unwrap();
    let text = Challenge {
        domain: HOST,
        uri: PAGE,
        statement: Some("Open what you have paid for."),
        nonce: &nonce,
        issued_at: &time::print(NOW).unwrap(),
        expiration_time: &time::print(NOW + MAX_AGE_SECONDS).unwrap(),
        chains: &[Network::BASE],
    }
    .announce();
    Proof::answer(&parse(&text).unwrap(), &payer(key).to_checksum(None), |_| true).unwrap()
}

#[test]
fn a_message_with_everything_is_npms_and_so_is_its_hash() {
    let proof = Proof {
        domain: "news.example:8443".into(),
        statement: Some("Open what you have paid for.".into()),
        uri: "https://news.example:8443/a".into(),
        version: "1".into(),
        nonce: "00112233445566778899aabbccddeeff".into(),
        issued_at: "2026-11-21T10:00:00Z".into(),
        expiration_time: Some("2026-11-21T10:05:00Z".into()),
        not_before: Some("2026-11-21T09:59:00Z".into()),
        request_id: Some("one".into()),
        resources: Some(Vec::from([
            "https://news.example:8443/a".into(),
            "https://news.example:8443/b".into(),
        ])),
        ..Proof::default()
    };
    let text = message(&proof, 84532, "0x4a62316623ad457F02cDC5D997deD67a383EC569");
    // createSIWxMessage of @x402/extensions 2.27.0, and viem's hashMessage of it
    assert_eq!(
        text,
        "news.example:8443 wants you to sign in with your Ethereum account:\n\
         0x4a62316623ad457F02cDC5D997deD67a383EC569\n\n\
         Open what you have paid for.\n\n\
         URI: https://news.example:8443/a\nVersion: 1\nChain ID: 84532\n\
         Nonce: 00112233445566778899aabbccddeeff\nIssued At: 2026-11-21T10:00:00Z\n\
         Expiration Time: 2026-11-21T10:05:00Z\nNot Before: 2026-11-21T09:59:00Z\nRequest ID: one\n\
         Resources:\n- https://news.example:8443/a\n- https://news.example:8443/b"
    );
    assert_eq!(
        evm::hex::print(personal_hash(&text).as_slice()),
        "0xb2d54ff919c47f177f1d8d111278572b8377c09e5024de8836feca12df5b257d"
    );
}

#[test]
fn who_signs_the_challenge_is_known() {
    let (keys, key) = (test_keys(), SigningKey::from_slice(&[5; 32]).unwrap());
    let proof = sign(unsigned(&keys, &key), &key);
    for now in [NOW - SKEW_SECONDS, NOW, NOW + MAX_AGE_SECONDS] {
        let signed = expected(&keys, now).check(&proof).unwrap();
        assert_eq!(signed.payer, payer(&key));
        assert_eq!(signed.until, NOW + MAX_AGE_SECONDS);
        assert_eq!(hex::encode(signed.nonce), proof.nonce);
    }
    let mut lower = proof.clone();
    lower.address = lower.address.to_lowercase();
    assert!(
        expected(&keys, NOW).check(&lower).is_ok(),
        "npm signs the checksum all the same"
    );
    lower.address = alloc::format!("0x{}", lower.address[2..].to_uppercase());
    assert!(expected(&keys, NOW).check(&lower).is_ok());
}

#[test]
fn e11_what_is_signed_for_something_else_opens_nothing() {
    let (keys, key) = (test_keys(), SigningKey::from_slice(&[5; 32]).unwrap());
    let good = unsigned(&keys, &key);
    let with = |change: Change<'_>| {
        let mut proof = good.clone();
        change(&mut proof);
        expected(&keys, NOW).check(&sign(proof, &key)).unwrap_err()
    };
    let at = |seconds: u64| time::print(seconds).unwrap();
    let cases: [(Change<'_>, SignInError); 20] = [
        (&|p| p.domain = "evil.example".into(), SignInError::Domain),
        (&|p| p.domain = "NEWS.example".into(), SignInError::Domain),
        (&|p| p.uri = "https://news.example/articles/y".into(), SignInError::Resource),
        (&|p| p.uri = "https://news.example".into(), SignInError::Resource),
        (&|p| p.version = "2".into(), SignInError::Account),
        (&|p| p.kind = "ed25519".into(), SignInError::Account),
        (&|p| p.statement = Some("100 %".into()), SignInError::Text),
        (&|p| p.statement = Some("a\nURI: b".into()), SignInError::Text),
        (&|p| p.request_id = Some("a\nResources:".into()), SignInError::Text),
        (&|p| p.resources = Some(Vec::from(["a\n- b".into()])), SignInError::Text),
        (&|p| p.issued_at = at(NOW - MAX_AGE_SECONDS - 1), SignInError::Time),
        (&|p| p.issued_at = at(NOW + SKEW_SECONDS + 1), SignInError::Time),
        (&|p| p.issued_at = "yesterday".into(), SignInError::Time),
        (&|p| p.expiration_time = Some(at(NOW - 1)), SignInError::Time),
        (&|p| p.expiration_time = Some("never".into()), SignInError::Time),
        (&|p| p.not_before = Some(at(NOW + 1)), SignInError::Time),
        (&|p| p.nonce = "00112233445566778899aabbccddeeff".into(), SignInError::Nonce),
        (&|p| p.nonce = p.nonce.to_uppercase(), SignInError::Nonce),
        (
            &|p| p.nonce = nonce(&keys, "evil.example", NOW, [1, 2, 3, 4]).unwrap(),
            SignInError::Nonce,
        ),
        (
            &|p| p.nonce = nonce(&keys, HOST, NOW - MAX_AGE_SECONDS - 1, [1, 2, 3, 4]).unwrap(),
            SignInError::Nonce,
        ),
    ];
    for (change, error) in cases {
        assert_eq!(with(change), error);
    }
    let mut other = sign(good.clone(), &key);
    other.address = Address::repeat_byte(7).to_checksum(None);
    assert_eq!(expected(&keys, NOW).check(&other), Err(SignInError::Signature));
    for chain in ["base", "eip155:08453", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", ""] {
        let mut proof = sign(good.clone(), &key);
        proof.chain_id = chain.into();
        assert_eq!(expected(&keys, NOW).check(&proof), Err(SignInError::Account), "{chain}");
    }
    let mut proof = sign(good.clone(), &key);
    proof.signature.push_str("00");
    assert_eq!(expected(&keys, NOW).check(&proof), Err(SignInError::Contract));
    let mut proof = sign(good, &key);
    let checksum = proof.address.clone();
    let at = checksum.find(|c: char| c.is_ascii_lowercase() && c != 'x').unwrap();
    proof.address.replace_range(at..at + 1, &checksum[at..at + 1].to_uppercase());
    assert_eq!(
        expected(&keys, NOW).check(&proof),
        Err(SignInError::Account),
        "a wrong checksum"
    );
}

#[test]
fn e11_every_signed_field_is_covered() {
    let (keys, key) = (test_keys(), SigningKey::from_slice(&[5; 32]).unwrap());
    let mut full = unsigned(&keys, &key);
    full.not_before = Some(time::print(NOW - 5).unwrap());
    full.request_id = Some("one".into());
    let full = sign(full, &key);
    assert!(expected(&keys, NOW).check(&full).is_ok());
    let later = nonce(&keys, HOST, NOW, [1, 2, 3, 5]).unwrap();
    let changes: [Change<'_>; 11] = [
        &|p| p.statement = None,
        &|p| p.statement = Some("Open what you have paid for!".into()),
        &|p| p.nonce = later.clone(),
        &|p| p.issued_at = time::print(NOW + 1).unwrap(),
        &|p| p.expiration_time = None,
        &|p| p.not_before = None,
        &|p| p.request_id = None,
        &|p| p.request_id = Some(String::new()),
        &|p| p.resources = None,
        &|p| p.resources = Some(Vec::new()),
        &|p| p.chain_id = "eip155:84532".into(),
    ];
    for change in changes {
        let mut proof = full.clone();
        change(&mut proof);
        assert_eq!(expected(&keys, NOW).check(&proof), Err(SignInError::Signature));
    }
}

#[test]
fn e6_a_nonce_is_of_one_site_and_its_keys() {
    let keys = test_keys();
    let text = nonce(&keys, HOST, NOW, [9; 4]).unwrap();
    assert_eq!(open_nonce(&keys, HOST, &text).unwrap().1, NOW);
    assert_eq!(open_nonce(&keys, "news.example:8443", &text), None);
    for i in 0..32 {
        let mut bytes = text.clone().into_bytes();
        bytes[i] = if bytes[i] == b'0' { b'1' } else { b'0' };
        assert_eq!(open_nonce(&keys, HOST, &String::from_utf8(bytes).unwrap()), None);
    }
    for bad in [
        "",
        &text[..30],
        &(text.clone() + "00"),
        &text.to_uppercase(),
        &alloc::format!("0x{}", &text[2..]),
    ] {
        assert_eq!(open_nonce(&keys, HOST, bad), None, "{bad}");
    }
    let other = alloc::format!(
        "a:{}",
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, [9; 32])
    );
    assert_eq!(open_nonce(&Keys::parse(&other).unwrap(), HOST, &text), None);
    assert_eq!(nonce(&keys, HOST, u64::from(u32::MAX) + 1, [9; 4]), None);
}

#[test]
fn g4_a_challenge_of_the_old_key_still_counts() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let old = Keys::parse(&alloc::format!("b:{}", URL_SAFE_NO_PAD.encode([2; 32]))).unwrap();
    let text = nonce(&old, HOST, NOW, [9; 4]).unwrap();
    assert!(open_nonce(&test_keys(), HOST, &text).is_some());
    assert_ne!(nonce(&test_keys(), HOST, NOW, [9; 4]).unwrap(), text);
}

proptest! {
    #[test]
    fn checking_never_panics(texts in proptest::collection::vec(".{0,60}", 12)) {
        let keys = test_keys();
        let proof = Proof {
            domain: HOST.into(), uri: PAGE.into(), version: "1".into(), kind: EIP191.into(), chain_id: texts[0].clone(),
            address: texts[1].clone(), statement: Some(texts[2].clone()), nonce: texts[3].clone(), issued_at: texts[4].clone(),
            expiration_time: Some(texts[5].clone()), not_before: None, request_id: Some(texts[6].clone()),
            resources: Some(texts[7..9].to_vec()), signature: texts[9].clone(),
        };
        let _ = expected(&keys, NOW).check(&proof);
        let _ = message(&proof, 1, &texts[10]);
    }
}
