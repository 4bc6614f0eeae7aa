//! Orders made of a ledger's rows.

use super::*;
use crate::{
    evm::{Authorization, Permit, Signed, permit2::EXACT_PROXY},
    ledger::Intent,
    x402::Network,
};

/// A payment as the gate hands it over.
fn intent(signed: &Signed, signature: &str) -> Intent {
    let payload = crate::x402::v2::OutgoingEvm::new(signature, signed);
    let payload = serde_json::to_string(&payload).unwrap();
    Intent {
        resource: "https://news.example/a".into(),
        seconds: Some(60),
        offer: None,
        passes: Vec::new(),
        version: 2,
        network: Network::BASE_SEPOLIA,
        asset: Address::repeat_byte(1),
        transfer: signed.transfer(),
        metered: None,
        upfront: false,
        verify: false,
        contract: false,
        payer: signed.payer(),
        pay_to: signed.payee(),
        amount: signed.amount(),
        nonce: signed.nonce(),
        valid_before: signed.valid_before(),
        digest: "d".into(),
        secret: true,
        tagged: true,
        identifier: None,
        address: String::new(),
        late: None,
        confirmations: 0,
        receipt: "r".into(),
        audience: None,
        request: format!(r#"{{"x402Version":2,"paymentPayload":{{"payload":{payload}}},"paymentRequirements":{{}}}}"#),
    }
}

fn authorization() -> Signed {
    Signed::Eip3009(Authorization {
        from: Address::repeat_byte(2),
        to: Address::repeat_byte(3),
        value: "50000".parse().unwrap(),
        valid_after: 0,
        valid_before: NOW + 300,
        nonce: B256::repeat_byte(4),
    })
}

fn permit(facilitator: Option<Address>) -> Signed {
    Signed::Permit2(Permit {
        from: Address::repeat_byte(2),
        token: Address::repeat_byte(1),
        amount: "50000".parse().unwrap(),
        spender: EXACT_PROXY,
        nonce: B256::with_last_byte(7),
        deadline: NOW + 300,
        to: Address::repeat_byte(3),
        facilitator,
        valid_after: 0,
    })
}

fn signature() -> String {
    Key::from_bytes(&[7; 32]).unwrap().sign(B256::repeat_byte(1)).unwrap()
}

#[test]
fn a_payment_becomes_the_call_that_moves_its_money() {
    let job = Job::of(&intent(&authorization(), &signature())).unwrap();
    assert_eq!((job.to, &job.data[..10]), (job.asset, "0xe3ee160e"));
    assert_eq!(job.call().data.len(), 4 + 9 * 32);
    let wanted = job.wanted();
    assert_eq!((wanted.from, wanted.to), (Address::repeat_byte(2), Address::repeat_byte(3)));
    assert_eq!(
        job.key(),
        format!("{}/{}/{}", "02".repeat(20), "01".repeat(20), "04".repeat(32))
    );
    let job = Job::of(&intent(&permit(None), &signature())).unwrap();
    assert_eq!((job.to, &job.data[..10]), (EXACT_PROXY, "0x13cd3b53"));
    assert!(job.key().contains("000000000022d473030f116ddee9f6b43ac78ba3"));
    assert_eq!(Job::read(&job.write()), Some(job));
}

#[test]
fn a9_what_only_a_facilitator_can_settle_is_refused_before_anything_else() {
    let good = intent(&authorization(), &signature());
    let with = |change: &dyn Fn(&mut Intent)| {
        let mut intent = good.clone();
        change(&mut intent);
        Job::of(&intent)
    };
    assert_eq!(with(&|_| {}).err(), None);
    assert_eq!(with(&|intent| intent.contract = true), Err("unsupported_payload_type"));
    assert_eq!(with(&|intent| intent.metered = Some(6)), Err("unsupported_scheme"));
    assert_eq!(with(&|intent| intent.request = "{}".into()), Err("unsupported_payload_type"));
    // a payload that is not the one that was checked
    assert!(with(&|intent| intent.payer = Address::repeat_byte(5)).is_err());
    assert!(with(&|intent| intent.nonce = B256::repeat_byte(5)).is_err());
    let long = format!("{}00", signature());
    assert!(Job::of(&intent(&authorization(), &long)).is_err());
    assert!(Job::of(&intent(&permit(Some(Address::repeat_byte(6))), &signature())).is_err());
}
