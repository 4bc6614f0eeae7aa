//! What a proof must say, field by field.

use super::*;
use crate::{
    access::keys::test_keys,
    evm::Key,
    json::parse,
    x402::extension::sign_in::{Challenge, unsigned},
};
use proptest::prelude::*;

const HOST: &str = "news.example";
const PAGE: &str = "https://news.example/articles/x";
const NOW: u64 = 1_795_255_200;

const STATEMENT: &str = "Open what you have paid for.";

type Change<'a> = &'a dyn Fn(&mut Proof<'_>);

fn expected(keys: &Keys, now: u64) -> Expected<'_> {
    Expected {
        keys,
        host: HOST,
        resource: PAGE,
        statement: STATEMENT,
        chains: &[Network::BASE, Network::BASE_SEPOLIA],
        now,
    }
}

fn sign(proof: &mut String, key: &Key, change: Change<'_>) {
    let value = parse(proof).unwrap();
    let mut read = Proof::read(&value).unwrap();
    change(&mut read);
    let network: Network = read.chain_id.parse().unwrap_or(Network::BASE);
    let signer = key.address().to_checksum(None);
    let signature = key.sign(personal_hash(&message(&read, network.chain_id(), &signer))).unwrap();
    read.signature = &signature;
    let signed = read.json();
    *proof = signed;
}

fn unsigned_by(keys: &Keys, key: &Key) -> String {
    let nonce = nonce(keys, HOST, NOW, [1, 2, 3, 4]).unwrap();
    let text = Challenge {
        domain: HOST,
        uri: PAGE,
        statement: Some(STATEMENT),
        nonce: &nonce,
        issued_at: &time::print(NOW).unwrap(),
        expiration_time: &time::print(NOW + MAX_AGE_SECONDS).unwrap(),
        chains: &[Network::BASE],
    }
    .announce();
    unsigned(&parse(&text).unwrap(), &key.address().to_checksum(None), |_| true).unwrap()
}

fn verdict(keys: &Keys, now: u64, proof: &str) -> Result<SignedIn, SignInError> {
    let value = parse(proof).unwrap();
    expected(keys, now).check(&Proof::read(&value).unwrap())
}

#[test]
fn a_message_with_everything_is_npms_and_so_is_its_hash() {
    let proof = Proof {
        domain: "news.example:8443",
        statement: Some("Open what you have paid for."),
        uri: "https://news.example:8443/a",
        version: "1",
        nonce: "00112233445566778899aabbccddeeff",
        issued_at: "2026-11-21T10:00:00Z",
        expiration_time: Some("2026-11-21T10:05:00Z"),
        not_before: Some("2026-11-21T09:59:00Z"),
        request_id: Some("one"),
        resources: Some(Vec::from(["https://news.example:8443/a", "https://news.example:8443/b"])),
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
    let (keys, key) = (test_keys(), Key::from_bytes(&[5; 32]).unwrap());
    let mut proof = unsigned_by(&keys, &key);
    sign(&mut proof, &key, &|_| {});
    for now in [NOW - SKEW_SECONDS, NOW, NOW + MAX_AGE_SECONDS] {
        let signed = verdict(&keys, now, &proof).unwrap();
        assert_eq!(signed.payer, key.address());
        assert_eq!(signed.until, NOW + MAX_AGE_SECONDS);
        assert!(proof.contains(&hex::encode(signed.nonce)));
    }
    for now in [NOW - SKEW_SECONDS - 1, NOW + MAX_AGE_SECONDS + 1] {
        assert_eq!(verdict(&keys, now, &proof), Err(SignInError::Nonce));
    }
    // npm signs the checksum however the address is spelled
    let spelled = key.address().to_checksum(None);
    for other in [spelled.to_lowercase(), format!("0x{}", spelled[2..].to_uppercase())] {
        assert!(verdict(&keys, NOW, &proof.replace(&spelled, &other)).is_ok());
    }
    let at = spelled.find(|c: char| c.is_ascii_lowercase() && c != 'x').unwrap();
    let mut wrong = spelled.clone();
    wrong.replace_range(at..=at, &spelled[at..=at].to_uppercase());
    let wrong = proof.replace(&spelled, &wrong);
    assert_eq!(verdict(&keys, NOW, &wrong), Err(SignInError::Account), "a wrong checksum");
}

#[test]
fn e11_what_is_signed_for_something_else_opens_nothing() {
    let (keys, key) = (test_keys(), Key::from_bytes(&[5; 32]).unwrap());
    let elsewhere = nonce(&keys, "evil.example", NOW, [1, 2, 3, 4]).unwrap();
    let old = nonce(&keys, HOST, NOW - MAX_AGE_SECONDS - 1, [1, 2, 3, 4]).unwrap();
    let upper = nonce(&keys, HOST, NOW, [1, 2, 3, 4]).unwrap().to_uppercase();
    let long = |proof: &mut Proof<'_>| proof.resources = Some(Vec::from([PAGE, PAGE]));
    let cases: [(Change<'_>, SignInError); 22] = [
        (&|p| p.domain = "evil.example", SignInError::Changed),
        (&|p| p.domain = "NEWS.example", SignInError::Changed),
        (&|p| p.uri = "https://news.example/articles/y", SignInError::Changed),
        (&|p| p.uri = "https://news.example", SignInError::Changed),
        (&|p| p.version = "2", SignInError::Changed),
        (&|p| p.kind = "ed25519", SignInError::Changed),
        (&|p| p.statement = Some("Give me all your money."), SignInError::Changed),
        (&|p| p.statement = None, SignInError::Changed),
        (&|p| p.request_id = Some("one"), SignInError::Changed),
        (&|p| p.not_before = Some("2026-11-21T10:00:00Z"), SignInError::Changed),
        (&|p| p.issued_at = "2026-11-21T10:00:01Z", SignInError::Changed),
        (&|p| p.expiration_time = Some("2036-11-21T10:00:00Z"), SignInError::Changed),
        (&|p| p.expiration_time = None, SignInError::Changed),
        (&|p| p.resources = None, SignInError::Changed),
        (&long, SignInError::Changed),
        (&|p| p.chain_id = "eip155:1", SignInError::Account),
        (&|p| p.chain_id = "eip155:08453", SignInError::Account),
        (
            &|p| p.chain_id = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
            SignInError::Account,
        ),
        (&|p| p.nonce = "00112233445566778899aabbccddeeff", SignInError::Nonce),
        (&|_| {}, SignInError::Nonce),
        (&|_| {}, SignInError::Nonce),
        (&|_| {}, SignInError::Nonce),
    ];
    let nonces = [elsewhere, old, upper];
    for (index, (change, error)) in cases.iter().enumerate() {
        let mut proof = unsigned_by(&keys, &key);
        if let Some(other) = index.checked_sub(cases.len() - nonces.len()) {
            proof = proof.replace(&nonce(&keys, HOST, NOW, [1, 2, 3, 4]).unwrap(), &nonces[other]);
        }
        sign(&mut proof, &key, change);
        assert_eq!(verdict(&keys, NOW, &proof), Err(*error), "case {index}");
    }
}

#[test]
fn e11_only_the_account_itself_signs() {
    let (keys, key) = (test_keys(), Key::from_bytes(&[5; 32]).unwrap());
    let mut proof = unsigned_by(&keys, &key);
    sign(&mut proof, &Key::from_bytes(&[6; 32]).unwrap(), &|_| {});
    assert_eq!(verdict(&keys, NOW, &proof), Err(SignInError::Signature));
    sign(&mut proof, &key, &|_| {});
    let good = proof.clone();
    assert!(verdict(&keys, NOW, &good).is_ok());
    let longer = good.replace("\"}", "00\"}");
    assert_eq!(verdict(&keys, NOW, &longer), Err(SignInError::Contract));
    let other = good.replace(&key.address().to_checksum(None), &Address::repeat_byte(7).to_checksum(None));
    assert_eq!(verdict(&keys, NOW, &other), Err(SignInError::Signature));
    let chain = good.replace("eip155:8453", "eip155:84532");
    assert_eq!(
        verdict(&keys, NOW, &chain),
        Err(SignInError::Signature),
        "the chain is signed too"
    );
    for signature in ["", "0x", "0x00"] {
        let at = good.find("\"signature\":\"").unwrap();
        let broken = format!("{}\"signature\":\"{signature}\"}}", &good[..at]);
        assert_eq!(verdict(&keys, NOW, &broken), Err(SignInError::Signature));
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
        &format!("0x{}", &text[2..]),
    ] {
        assert_eq!(open_nonce(&keys, HOST, bad), None, "{bad}");
    }
    let other = format!(
        "a:{}",
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, [9; 32])
    );
    assert_eq!(open_nonce(&Keys::parse(&other).unwrap(), HOST, &text), None);
    assert_eq!(nonce(&keys, HOST, u64::from(u32::MAX) + 1, [9; 4]), None);
}

#[test]
fn g4_a_challenge_of_the_old_key_still_counts() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let old = Keys::parse(&format!("b:{}", URL_SAFE_NO_PAD.encode([2; 32]))).unwrap();
    let text = nonce(&old, HOST, NOW, [9; 4]).unwrap();
    assert!(open_nonce(&test_keys(), HOST, &text).is_some());
    assert_ne!(nonce(&test_keys(), HOST, NOW, [9; 4]).unwrap(), text);
}

#[test]
fn every_error_says_something_else_and_a_challenge_lives_five_minutes() {
    use alloc::collections::BTreeSet;
    let all = [
        SignInError::Nonce,
        SignInError::Changed,
        SignInError::Account,
        SignInError::Contract,
        SignInError::Signature,
    ];
    assert_eq!(all.map(SignInError::detail).into_iter().collect::<BTreeSet<_>>().len(), 5);
    assert!(all.iter().all(|error| error.detail().ends_with('.')));
    assert_eq!(MAX_AGE_SECONDS, 300);
}

#[test]
fn a_statement_has_letters_digits_spaces_and_marks_of_uris() {
    for fine in ["", "Open what you have paid for.", "azAZ09", "-._~:/?#[]@!$&'()*+,;= "] {
        assert!(is_statement(fine), "{fine}");
    }
    for bad in ["100 %", "a\nb", "a\tb", "\u{e9}", "<b>", "\"", "\\", "{", "|", "^", "`", "\0"] {
        assert!(!is_statement(bad), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn checking_never_panics(texts in proptest::collection::vec(".{0,60}", 12)) {
        let keys = test_keys();
        let proof = Proof {
            domain: HOST, uri: PAGE, version: "1", kind: EIP191, chain_id: &texts[0], address: &texts[1], statement: Some(&texts[2]),
            nonce: &texts[3], issued_at: &texts[4], expiration_time: Some(&texts[5]), not_before: None, request_id: Some(&texts[6]),
            resources: Some(texts[7..9].iter().map(String::as_str).collect()), signature: &texts[9],
        };
        let _ = expected(&keys, NOW).check(&proof);
        let _ = message(&proof, 1, &texts[10]);
    }
}
