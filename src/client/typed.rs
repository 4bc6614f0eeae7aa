//! The typed data that wallets are asked to sign (`eth_signTypedData_v4`), and the same values as a
//! payment carries them.

use alloc::string::String;

use alloy_primitives::{Address, keccak256};

use super::json::Object;
use crate::{
    evm::{Authorization, Domain, Permit, hex, permit2::PERMIT2},
    money::{Amount, decimal},
    x402::Network,
};

/// The types of an EIP-3009 authorization. `EIP712Domain` is always among them: a wallet that has to
/// guess it signs another digest.
const TRANSFER_TYPES: &str = r#"{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"TransferWithAuthorization":[{"name":"from","type":"address"},{"name":"to","type":"address"},{"name":"value","type":"uint256"},{"name":"validAfter","type":"uint256"},{"name":"validBefore","type":"uint256"},{"name":"nonce","type":"bytes32"}]}"#;

/// The types of a permit up to its witness, which differs between the schemes.
const PERMIT_TYPES: &str = r#"{"EIP712Domain":[{"name":"name","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"PermitWitnessTransferFrom":[{"name":"permitted","type":"TokenPermissions"},{"name":"spender","type":"address"},{"name":"nonce","type":"uint256"},{"name":"deadline","type":"uint256"},{"name":"witness","type":"Witness"}],"TokenPermissions":[{"name":"token","type":"address"},{"name":"amount","type":"uint256"}],"Witness":[{"name":"to","type":"address"},"#;
const FACILITATOR_TYPE: &str = r#"{"name":"facilitator","type":"address"},"#;
const PERMIT_TYPES_END: &str = r#"{"name":"validAfter","type":"uint256"}]}"#;

/// An EIP-3009 authorization for the token of this domain.
pub(super) fn transfer_data(authorization: &Authorization, token: &Domain<'_>) -> String {
    let mut domain = Object::new();
    domain.text("name", token.name);
    domain.text("version", token.version);
    place(&mut domain, token.network, &token.contract);
    let message = authorization_json(authorization);
    typed(TRANSFER_TYPES, "TransferWithAuthorization", domain, &message)
}

/// A permit for one of the x402 proxies.
pub(super) fn permit_data(permit: &Permit, network: Network) -> String {
    let mut domain = Object::new();
    domain.text("name", "Permit2");
    place(&mut domain, network, &PERMIT2);
    let facilitator = if permit.facilitator.is_some() { FACILITATOR_TYPE } else { "" };
    let types = [PERMIT_TYPES, facilitator, PERMIT_TYPES_END].concat();
    typed(&types, "PermitWitnessTransferFrom", domain, &permit_members(permit).end())
}

fn place(domain: &mut Object, network: Network, contract: &Address) {
    domain.raw("chainId", &decimal(network.chain_id()));
    domain.text("verifyingContract", &checksummed(contract));
}

fn typed(types: &str, primary: &str, domain: Object, message: &str) -> String {
    let mut data = Object::new();
    data.raw("types", types);
    data.text("primaryType", primary);
    data.raw("domain", &domain.end());
    data.raw("message", message);
    data.end()
}

/// What `serde` would write of it; the tests hold the two equal.
pub(super) fn authorization_json(authorization: &Authorization) -> String {
    let mut object = Object::new();
    object.text("from", &checksummed(&authorization.from));
    object.text("to", &checksummed(&authorization.to));
    object.text("value", &authorization.value.digits());
    object.text("validAfter", &decimal(authorization.valid_after));
    object.text("validBefore", &decimal(authorization.valid_before));
    object.text("nonce", &hex::print(authorization.nonce.as_slice()));
    object.end()
}

/// What `serde` would write of it; the tests hold the two equal.
pub(super) fn permit_json(permit: &Permit) -> String {
    let mut object = permit_members(permit);
    // not part of what is signed: Permit2 takes the owner from the signature
    object.text("from", &checksummed(&permit.from));
    object.end()
}

fn permit_members(permit: &Permit) -> Object {
    let mut permitted = Object::new();
    permitted.text("token", &checksummed(&permit.token));
    permitted.text("amount", &permit.amount.digits());
    let mut witness = Object::new();
    witness.text("to", &checksummed(&permit.to));
    if let Some(facilitator) = &permit.facilitator {
        witness.text("facilitator", &checksummed(facilitator));
    }
    witness.text("validAfter", &decimal(permit.valid_after));
    let mut object = Object::new();
    object.raw("permitted", &permitted.end());
    object.text("spender", &checksummed(&permit.spender));
    object.text("nonce", &Amount::from_word(permit.nonce.0).digits());
    object.text("deadline", &decimal(permit.deadline));
    object.raw("witness", &witness.end());
    object
}

/// An address with its checksum (EIP-55).
pub(crate) fn checksummed(address: &Address) -> String {
    let plain = hex::print(address.as_slice());
    let digits = plain.strip_prefix("0x").unwrap_or_default();
    let hash = keccak256(digits);
    let mut text = String::from("0x");
    for (pair, byte) in digits.as_bytes().chunks(2).zip(hash) {
        for (digit, place) in pair.iter().zip([byte >> 4, byte & 15]) {
            let digit = if place > 7 { digit.to_ascii_uppercase() } else { *digit };
            text.push(char::from(digit));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::{B256, U256, asset::ASSETS};
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn authorizations_are_written_as_serde_writes_them() {
        let authorization = Authorization {
            from: Address::repeat_byte(0xab),
            to: Address::repeat_byte(0xcd),
            value: Amount::from_atomic(U256::MAX),
            valid_after: 0,
            valid_before: u64::MAX,
            nonce: B256::repeat_byte(0xef),
        };
        assert_eq!(
            authorization_json(&authorization),
            serde_json::to_string(&authorization).unwrap()
        );
    }

    proptest! {
        #[test]
        fn checksums_are_those_of_alloy(bytes: [u8; 20]) {
            let address = Address::from(bytes);
            prop_assert_eq!(checksummed(&address), address.to_checksum(None));
        }
    }

    #[test]
    fn permits_are_written_as_serde_writes_them() {
        for facilitator in [None, Some(Address::repeat_byte(0x12))] {
            let permit = Permit {
                from: Address::repeat_byte(0xab),
                token: ASSETS[0].contract,
                amount: Amount::from_atomic(U256::MAX),
                spender: Address::repeat_byte(0x34),
                nonce: B256::repeat_byte(0xef),
                deadline: u64::MAX,
                to: Address::repeat_byte(0xcd),
                facilitator,
                valid_after: 0,
            };
            let ours: Value = serde_json::from_str(&permit_json(&permit)).unwrap();
            assert_eq!(ours, serde_json::to_value(permit).unwrap());
        }
    }

    #[test]
    fn the_typed_data_is_the_one_that_viem_signs() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/signing.json");
        let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let (mut transfers, mut permits) = (0, [0, 0]);
        for vector in file["vectors"].as_array().unwrap() {
            let data = &vector["typedData"];
            let network = Network::from_chain_id(data["domain"]["chainId"].as_u64().unwrap());
            let mut message = data["message"].clone();
            message["from"] = vector["signer"].clone();
            let text = message.to_string();
            let message = crate::json::parse(&text).unwrap();
            let ours = if let Some(authorization) = Authorization::read(&message) {
                transfers += 1;
                let text = |name: &str| data["domain"][name].as_str().unwrap();
                let token = Domain {
                    name: text("name"),
                    version: text("version"),
                    network,
                    contract: text("verifyingContract").parse().unwrap(),
                };
                transfer_data(&authorization, &token)
            } else if let Some(permit) = Permit::read(&message) {
                permits[usize::from(permit.facilitator.is_some())] += 1;
                permit_data(&permit, network)
            } else {
                continue;
            };
            assert_eq!(&serde_json::from_str::<Value>(&ours).unwrap(), data, "{}", vector["label"]);
        }
        assert!(
            transfers >= 12 && permits[0] >= 3 && permits[1] >= 3,
            "{transfers} {permits:?}"
        );
    }
}
