//! What a 402 announces and what a payment says of it, sign-in, receipts.

use super::*;
use crate::{
    access::sign_in::{message, personal_hash},
    json::parse,
    x402::extension::sign_in::{Proof, unsigned},
};

const LONG: &str = "pay_7d5d747be160e280504c099d984bcfe0";

pub(super) fn gate_with(extensions: &str, listing: &str) -> Gate {
    let config = SAMPLE
        .replace("\"routes\":", &format!("\"extensions\": {extensions}, \"routes\":"))
        .replace("\"price\":", &format!("\"listing\": {listing}, \"price\":"));
    let gate = Gate::new(&config, KEYS, "{{offer}}", "default-src 'none'", false);
    assert!(gate.config().is_some(), "{:?}", gate.health());
    gate
}

fn required(gate: &Gate) -> Value {
    let answer = answer(gate.decide(&request(URL), NOW, [1; 16]));
    decoded(header(&answer, "PAYMENT-REQUIRED").unwrap())
}

impl Payer {
    pub(super) fn sign_in(&self, gate: &Gate, change: &dyn Fn(&mut Proof<'_>)) -> String {
        let address = self.address().to_checksum(None);
        let challenge = required(gate)["extensions"]["sign-in-with-x"].to_string();
        let text = unsigned(&parse(&challenge).unwrap(), &address, |_| true).unwrap();
        let value = parse(&text).unwrap();
        let mut proof = Proof::read(&value).unwrap();
        change(&mut proof);
        let network: Network = proof.chain_id.parse().unwrap();
        let signature = self
            .0
            .sign(personal_hash(&message(&proof, network.chain_id(), &address)))
            .unwrap();
        proof.signature = &signature;
        STANDARD.encode(proof.json())
    }
}

fn signed_in(gate: &Gate, url: &'static str, header: &str, now: u64) -> Decision {
    let request = Request {
        sign_in: Some(header),
        accept: "text/html",
        ..request(url)
    };
    gate.decide(&request, now, [2; 16])
}

#[test]
fn a_402_announces_what_the_site_speaks() {
    let plain = required(&gate());
    let extensions = plain["extensions"].as_object().unwrap();
    assert_eq!(
        extensions.keys().collect::<Vec<_>>(),
        ["payment-identifier", "sign-in-with-x"]
    );
    assert_eq!(extensions["payment-identifier"]["info"], json!({"required": false}));
    let info = &extensions["sign-in-with-x"]["info"];
    assert_eq!((&info["domain"], &info["uri"]), (&json!("news.example"), &json!(URL)));
    assert_eq!(info["expirationTime"], json!(crate::time::print(NOW + 300)));
    assert_eq!(
        extensions["sign-in-with-x"]["supportedChains"],
        json!([{"chainId": "eip155:84532", "type": "eip191"}])
    );
    let off = required(&gate_with(r#"{"paymentIdentifier": "off", "signIn": false}"#, "false"));
    assert_eq!(off.get("extensions"), None);
    let all = required(&gate_with(
        r#"{"httpMessageSignatures": {"registrationUrl": "https://agents.example/", "signatureSchemes": ["ed25519"], "tags": ["web-bot-auth"]}}"#,
        r#"{"template": "/articles/:slug"}"#,
    ));
    assert_eq!(all["extensions"].as_object().unwrap().len(), 4);
    assert_eq!(
        all["extensions"]["bazaar"]["info"]["input"]["pathParams"],
        json!({"slug": "x"})
    );
}

#[test]
fn what_buys_one_answer_has_nothing_to_sign_in_for() {
    let config = SAMPLE.replace("\"30d\"", "\"once\"");
    let gate = Gate::new(&config, KEYS, "", "", false);
    assert_eq!(required(&gate)["extensions"].get("sign-in-with-x"), None);
    let header = Payer::new(1).sign_in(&super::gate(), &|_| {});
    assert_eq!(problem_of(&answer(signed_in(&gate, URL, &header, NOW))), "payment-required");
}

#[test]
fn the_page_carries_only_what_its_script_must_know() {
    let embedded = |gate: &Gate| {
        let page = Request {
            accept: "text/html",
            ..request(URL)
        };
        let answer = answer(gate.decide(&page, NOW, [1; 16]));
        assert!(
            decoded(header(&answer, "PAYMENT-REQUIRED").unwrap())
                .get("extensions")
                .is_some()
        );
        let body = answer.body.split_whitespace().last().unwrap().to_owned();
        decoded(&body)
    };
    assert_eq!(embedded(&gate_with("{}", "true")).get("extensions"), None);
    assert_eq!(
        embedded(&gate_with(r#"{"paymentIdentifier": "required"}"#, "true"))["extensions"],
        json!({"payment-identifier": {"info": {"required": true}}})
    );
}

#[test]
fn headers_stay_modest_with_everything_on() {
    let output = format!(r#"{{"type":"text","example":"{}"}}"#, "e".repeat(470));
    let config = SAMPLE
        .replace("[\"eip155:84532\"]", "[\"eip155:84532\",\"eip155:8453\"],\"money\":\"real\"")
        .replace("\"routes\":", r#""extensions": {"signIn": {"statement": "Open what you have paid for, on any of your devices, with one free signature."},
            "httpMessageSignatures": {"registrationUrl": "https://agents.example/register", "signatureSchemes": ["ed25519"], "tags": ["web-bot-auth"]}}, "routes":"#)
        .replace("\"price\":", &format!("\"listing\": {{\"output\": {output}}}, \"price\":"));
    let gate = Gate::new(&config, KEYS, "", "", false);
    let answer = answer(gate.decide(&request(URL), NOW, [1; 16]));
    let size = header(&answer, "PAYMENT-REQUIRED").unwrap().len();
    assert!(size < 4500, "{size}");
    let answer = super::answer(super::gate().decide(&request(URL), NOW, [1; 16]));
    let size = header(&answer, "PAYMENT-REQUIRED").unwrap().len();
    assert!(size < 2300, "{size}");
}

#[test]
fn identifiers_are_carried_to_the_ledger_or_refused() {
    let info = |info: Value| json!({"payment-identifier": {"info": info}});
    for (mode, extensions, outcome) in [
        ("optional", json!(null), Ok(None)),
        ("optional", json!({}), Ok(None)),
        ("optional", info(json!({"required": false})), Ok(None)),
        ("optional", info(json!({"required": false, "id": LONG})), Ok(Some(LONG))),
        (
            "optional",
            info(json!({"required": false, "id": "short"})),
            Err("payment-identifier-malformed"),
        ),
        ("optional", info(json!({"id": LONG})), Err("payment-identifier-malformed")),
        ("required", info(json!({"required": true, "id": LONG})), Ok(Some(LONG))),
        (
            "required",
            info(json!({"required": true, "id": 7})),
            Err("payment-identifier-malformed"),
        ),
        ("off", info(json!({"required": false, "id": "short"})), Ok(None)),
    ] {
        let gate = gate_with(&format!(r#"{{"paymentIdentifier": "{mode}"}}"#), "false");
        let payer = Payer::new(1);
        let mut payment = payer.payment(&offer(&gate, URL, 1), 7);
        payment["extensions"] = extensions.clone();
        let intent = pay(&gate, URL, &encode(&payment));
        let read = intent.as_ref().map(|intent| intent.identifier.as_deref());
        assert_eq!(read.map_err(String::as_str), outcome, "{mode} {extensions}");
        assert_eq!(intent.ok().and_then(|intent| intent.late), None);
    }
    // what began before the site wanted identifiers may still be joined, and nothing begins
    let gate = gate_with(r#"{"paymentIdentifier": "required"}"#, "false");
    let payment = Payer::new(1).payment(&offer(&gate, URL, 1), 7);
    let late = pay(&gate, URL, &encode(&payment)).unwrap().late;
    assert_eq!(late.as_deref(), Some("payment-identifier-required"));
    let first = answer(gate.decide(&request(URL), NOW, [1; 16]));
    let body: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(body.get("accepts"), None, "v1 clients have no identifiers to send");
}

#[test]
fn echoes_are_held_against_what_is_announced() {
    let gate = gate_with("{}", "true");
    let announced = required(&gate)["extensions"].clone();
    let late = |change: &dyn Fn(&mut Value)| {
        let mut payment = Payer::new(1).payment(&offer(&gate, URL, 1), 7);
        payment["extensions"] = announced.clone();
        change(&mut payment["extensions"]);
        pay(&gate, URL, &encode(&payment)).unwrap().late
    };
    let fine: [&dyn Fn(&mut Value); 5] = [
        &|_| {},
        // made anew for every answer
        &|all| all["sign-in-with-x"]["info"]["nonce"] = json!("another"),
        &|all| all["payment-identifier"]["info"]["id"] = json!(LONG),
        &|all| all["bazaar"]["schema"] = json!(null),
        &|all| *all = json!({"somebody-elses": {"info": 1}}),
    ];
    for change in fine {
        assert_eq!(late(change), None);
    }
    let wrong: [&dyn Fn(&mut Value); 4] = [
        &|all| all["sign-in-with-x"]["info"]["domain"] = json!("evil.example"),
        &|all| all["bazaar"]["info"]["input"]["method"] = json!("POST"),
        &|all| all["bazaar"]["info"]["input"]["pathParams"] = json!({}),
        &|all| all["payment-identifier"]["info"]["required"] = json!(true),
    ];
    for change in wrong {
        assert_eq!(late(change).as_deref(), Some("extension-echo-mismatch"));
    }
}

#[test]
fn a_catalogue_is_told_by_us_and_never_by_the_client() {
    let gate = gate_with("{}", r#"{"template": "/articles/:slug"}"#);
    let mut payment = Payer::new(1).payment(&offer(&gate, URL, 1), 7);
    payment["extensions"] =
        json!({"somebody-elses": {"info": "secret"}, "payment-identifier": {"info": {"required": false, "id": LONG}}});
    let intent = pay(&gate, URL, &encode(&payment)).unwrap();
    let body: Value = serde_json::from_str(&intent.request).unwrap();
    assert_eq!(
        body["paymentPayload"]["extensions"],
        json!({"bazaar": required(&gate)["extensions"]["bazaar"]})
    );
    assert!(
        !intent.request.contains(LONG),
        "A16: an identifier is between the payer and us"
    );
    let plain = Payer::new(1).payment(&offer(&super::gate(), URL, 1), 7);
    let body: Value = serde_json::from_str(&pay(&super::gate(), URL, &encode(&plain)).unwrap().request).unwrap();
    assert_eq!(body["paymentPayload"].get("extensions"), None);
    assert!(
        intent.request.ends_with("}}}") && intent.request.rfind("paymentRequirements") > intent.request.rfind("paymentPayload")
    );
}

#[test]
fn e11_a_proof_asks_the_signers_own_ledger() {
    let (gate, payer) = (gate(), Payer::new(1));
    let header = payer.sign_in(&gate, &|_| {});
    let Decision::Ledger(call) = signed_in(&gate, URL, &header, NOW + 300) else {
        panic!()
    };
    assert_eq!(call.call, "signIn");
    assert_eq!(call.object, format!("https://news.example|{:x}", payer.address()));
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!((&body["resource"], &body["until"]), (&json!(URL), &json!(NOW + 300)));
    assert_eq!(body["nonce"].as_str().unwrap().len(), 32);
}

#[test]
fn e11_a_proof_that_does_not_hold_gets_an_offer_and_a_reason() {
    let (gate, payer) = (gate(), Payer::new(1));
    let good = payer.sign_in(&gate, &|_| {});
    for (header, now, url, problem) in [
        (good.clone(), NOW + 301, URL, "sign-in-invalid"),
        (good.clone(), NOW, "https://news.example/articles/y", "sign-in-invalid"),
        (
            payer.sign_in(&gate, &|proof| proof.domain = "evil.example"),
            NOW,
            URL,
            "sign-in-invalid",
        ),
        ("{}".into(), NOW, URL, "sign-in-malformed"),
        (STANDARD.encode("{}"), NOW, URL, "sign-in-malformed"),
        (STANDARD.encode("[]"), NOW, URL, "sign-in-malformed"),
        (format!("{good},{good}"), NOW, URL, "sign-in-malformed"),
        ("A".repeat(8193), NOW, URL, "sign-in-malformed"),
    ] {
        let answer = answer(signed_in(&gate, url, &header, now));
        assert_eq!(problem_of(&answer), problem);
        assert_eq!(answer.status == 402, super::header(&answer, "PAYMENT-REQUIRED").is_some());
        assert!(answer.headers.iter().all(|(name, _)| *name != "Set-Cookie"));
    }
    // switched off, it is not looked at
    let off = gate_with(r#"{"signIn": false}"#, "false");
    assert_eq!(problem_of(&answer(signed_in(&off, URL, &good, NOW))), "payment-required");
    // and it is for reading alone
    let post = Request {
        method: "POST",
        sign_in: Some(&good),
        ..request(URL)
    };
    assert_eq!(problem_of(&answer(gate.decide(&post, NOW, [2; 16]))), "payment-required");
}

#[test]
fn a_payment_counts_before_a_proof_and_a_pass_before_both() {
    let (gate, payer) = (gate(), Payer::new(1));
    let proof = payer.sign_in(&gate, &|_| {});
    let payment = encode(&payer.payment(&offer(&gate, URL, 1), 7));
    let both = Request {
        payment: Some(&payment),
        sign_in: Some(&proof),
        ..request(URL)
    };
    assert!(matches!(gate.decide(&both, NOW, [2; 16]), Decision::Ledger(call) if call.call == "claim"));
    let pass = Pass {
        payer: [1; 16],
        receipt: [2; 16],
        issued: NOW,
        expires: NOW + 10,
    };
    let cookie = format!(
        "__Secure-farthing={}",
        pass.seal(&crate::access::keys::test_keys(), URL).unwrap()
    );
    let opened = Request {
        cookie: &cookie,
        sign_in: Some(&proof),
        ..request(URL)
    };
    assert!(matches!(gate.decide(&opened, NOW, [2; 16]), Decision::Forward { .. }));
}

fn delivered(gate: &Gate, transaction: &str) -> Headers {
    let grant = Grant {
        resource: URL.into(),
        payer: Address::repeat_byte(7),
        receipt: format!("0x{}", "ab".repeat(16)),
        transaction: transaction.into(),
        network: Network::BASE_SEPOLIA,
        charged: None,
        metered: false,
        until: None,
        pass: None,
        left: None,
        shelf: Shelf::default(),
        contract: false,
        report: None,
        again: false,
    };
    let reply = serde_json::to_string(&Reply::Deliver(grant)).unwrap();
    match gate.next(&request(URL), &reply, NOW, [3; 16]) {
        Next::Deliver { headers, .. } => headers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn g6_receipts_are_given_where_the_publisher_wants_them() {
    let find = |headers: &Headers, name: &str| {
        let (_, value) = headers.iter().find(|(key, _)| *key == name).unwrap();
        decoded(value)
    };
    let tx = format!("0x{}", "cd".repeat(32));
    let gate = gate_with(r#"{"receipts": true}"#, "false");
    let headers = delivered(&gate, &tx);
    let response = find(&headers, "PAYMENT-RESPONSE");
    let receipt = &response["extensions"]["offer-receipt"]["info"]["receipt"];
    assert_eq!(
        receipt["payload"],
        json!({
            "version": 1, "network": "eip155:84532", "resourceUrl": URL, "payer": Address::repeat_byte(7).to_checksum(None),
            "issuedAt": NOW, "transaction": tx
        })
    );
    assert_eq!(find(&headers, "X-PAYMENT-RESPONSE").get("extensions"), None);
    let signers = answer(gate.decide(&request("https://news.example/.farthing/receipts-key"), NOW, [1; 16]));
    let signers: Value = serde_json::from_str(&signers.body).unwrap();
    assert_eq!(signers["signers"].as_array().unwrap().len(), 2, "one for each key");
    assert_eq!(signers["signers"][0]["kid"], "a");
    // nothing was paid: nothing is certified
    assert_eq!(find(&delivered(&gate, ""), "PAYMENT-RESPONSE").get("extensions"), None);
    // and not by itself
    assert_eq!(
        find(&delivered(&super::gate(), &tx), "PAYMENT-RESPONSE").get("extensions"),
        None
    );
    let none = answer(super::gate().decide(&request("https://news.example/.farthing/receipts-key"), NOW, [1; 16]));
    assert_eq!(problem_of(&none), "no-such-endpoint");
}
