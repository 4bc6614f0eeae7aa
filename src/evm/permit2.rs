//! Permit2: the permit a payer signs for the x402 proxies, and its EIP-712 digest.
//!
//! Interface of Uniswap's Permit2 (`permitWitnessTransferFrom`) and of the x402 proxies; the addresses
//! are the canonical ones of both (x402 specification, `scheme_exact_evm.md` and `scheme_upto_evm.md`).

use alloy_primitives::{Address, B256, U256, address, b256};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{domain, hex};
use crate::{
    json::Value,
    money::Amount,
    x402::{Network, v2::Scheme},
};

/// Permit2 itself, at the same address on every chain; the `verifyingContract` of every permit.
pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");
/// The x402 proxy for scheme `exact`: the only spender we ask a permit for.
pub const EXACT_PROXY: Address = address!("402085c248EeA27D92E8b30b2C58ed07f9E20001");
/// The x402 proxy for scheme `upto`.
pub const UPTO_PROXY: Address = address!("4020A4f3b7b90ccA423B9fabCc0CE57C6C240002");

// Hashes of the types as EIP-712 writes them, and of Permit2's name; the tests hold them against those that alloy makes of Solidity text.
const DOMAIN_TYPE: B256 = b256!("8cad95687ba82c2ce50e74f7b754645e5117c3a5bec8151c0726d5857980a866");
const DOMAIN_NAME: B256 = b256!("9ac997416e8ff9d2ff6bebeb7149f65cdae5e32e2b90440b566bb3044041d36a");
const PERMISSIONS_TYPE: B256 = b256!("618358ac3db8dc274f0cd8829da7e234bd48cd73c4a740aede1adec9846d06a1");
/// Of the permit and of its witness: for `exact`, and for `upto`, whose witness has a facilitator.
const EXACT_TYPES: [B256; 2] = [
    b256!("ebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7"),
    b256!("d97b3239a7f32295517bd14cb074edfdd188dfe5eb42f802bb26d4fd1eb12c37"),
];
const UPTO_TYPES: [B256; 2] = [
    b256!("51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee"),
    b256!("d4171c445a74218b01d4fd8af34ff1106580ea1e36ff837e64484bfaa2253b75"),
];

/// A signed permission for an x402 proxy to transfer a token from `from` to `to`, usable once.
///
/// Times are Unix seconds. On the wire (`permit2Authorization`) all numbers are decimal strings.
///
/// ```
/// use farthing::{evm::Permit, json::parse};
/// let json = parse(r#"{"from":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
///   "permitted":{"token":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","amount":"10000"},
///   "spender":"0x402085c248EeA27D92E8b30b2C58ed07f9E20001","nonce":"7","deadline":"1795234273",
///   "witness":{"to":"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC","validAfter":"0"}}"#).unwrap();
/// let permit = Permit::read(&json).unwrap();
/// assert_eq!(permit.amount.to_string(), "10000");
/// assert_eq!(permit.facilitator, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The payer.
    pub from: Address,
    /// The token.
    pub token: Address,
    /// How much; for `upto`, how much at most.
    pub amount: Amount,
    /// Who may use the permit: an x402 proxy.
    pub spender: Address,
    /// Of the payer's choice; Permit2 accepts each once per payer. 256 bits, big-endian.
    pub nonce: B256,
    /// Valid while the block's time is at most this.
    pub deadline: u64,
    /// The payee.
    pub to: Address,
    /// `upto` only: who may settle.
    pub facilitator: Option<Address>,
    /// Valid from this block time on.
    pub valid_after: u64,
}

impl Permit {
    /// Reads a wire value; none unless all fields are there and well-formed.
    pub fn read(json: &Value<'_>) -> Option<Self> {
        let permitted = json.get("permitted")?;
        let witness = json.get("witness")?;
        let text = |object: &Value<'_>, name| object.get(name).and_then(Value::text).map(alloc::string::String::from);
        let address = |object: &Value<'_>, name| hex::read(&text(object, name)?).map(Address::new);
        // the nonce is any 256-bit number, and spelled as amounts are
        let nonce: Amount = text(json, "nonce")?.parse().ok()?;
        Some(Self {
            from: address(json, "from")?,
            token: address(permitted, "token")?,
            amount: text(permitted, "amount")?.parse().ok()?,
            spender: address(json, "spender")?,
            nonce: B256::from(nonce.atomic()),
            deadline: super::seconds::read(&text(json, "deadline")?)?,
            to: address(witness, "to")?,
            facilitator: match witness.get("facilitator") {
                Some(_) => Some(address(witness, "facilitator")?),
                None => None,
            },
            valid_after: super::seconds::read(&text(witness, "validAfter")?)?,
        })
    }

    /// The proxy that a scheme's permits are for.
    pub const fn proxy(scheme: Scheme) -> Address {
        match scheme {
            Scheme::Exact => EXACT_PROXY,
            Scheme::Upto => UPTO_PROXY,
        }
    }

    /// The EIP-712 digest that the payer signs. A permit that names a facilitator is one for `upto`,
    /// whose witness has that field.
    pub fn digest(&self, network: Network) -> B256 {
        let separator = domain::hash(&[
            DOMAIN_TYPE,
            DOMAIN_NAME,
            domain::word(network.chain_id()),
            PERMIT2.into_word(),
        ]);
        let permitted = [PERMISSIONS_TYPE, self.token.into_word(), B256::new(self.amount.word())];
        let (to, after) = (self.to.into_word(), domain::word(self.valid_after));
        let (permit_type, witness) = match self.facilitator {
            None => {
                let [permit, witness] = EXACT_TYPES;
                (permit, domain::hash(&[witness, to, after]))
            }
            Some(facilitator) => {
                let [permit, witness] = UPTO_TYPES;
                (permit, domain::hash(&[witness, to, facilitator.into_word(), after]))
            }
        };
        let message = domain::hash(&[
            permit_type,
            domain::hash(&permitted),
            self.spender.into_word(),
            self.nonce,
            domain::word(self.deadline),
            witness,
        ]);
        domain::signing_hash(separator, message)
    }
}

struct Text<T>(T);

impl<T: core::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Checksummed(Address);

impl Serialize for Checksummed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hex::address::serialize(&self.0, serializer)
    }
}

struct Permitted<'a>(&'a Permit);

impl Serialize for Permitted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("", 2)?;
        object.serialize_field("token", &Checksummed(self.0.token))?;
        object.serialize_field("amount", &self.0.amount)?;
        object.end()
    }
}

struct Witness<'a>(&'a Permit);

impl Serialize for Witness<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("", 3)?;
        object.serialize_field("to", &Checksummed(self.0.to))?;
        if let Some(facilitator) = self.0.facilitator {
            object.serialize_field("facilitator", &Checksummed(facilitator))?;
        }
        object.serialize_field("validAfter", &Text(self.0.valid_after))?;
        object.end()
    }
}

impl Serialize for Permit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("", 6)?;
        object.serialize_field("from", &Checksummed(self.from))?;
        object.serialize_field("permitted", &Permitted(self))?;
        object.serialize_field("spender", &Checksummed(self.spender))?;
        object.serialize_field("nonce", &Amount::from_atomic(U256::from_be_bytes(self.nonce.0)))?;
        object.serialize_field("deadline", &Text(self.deadline))?;
        object.serialize_field("witness", &Witness(self))?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::Signature;
    use alloc::borrow::Cow;
    use alloy_sol_types::{Eip712Domain, SolStruct};
    use proptest::prelude::*;

    mod exact {
        #![allow(
            missing_docs,
            missing_debug_implementations,
            clippy::all,
            clippy::indexing_slicing,
            clippy::arithmetic_side_effects
        )]
        alloy_sol_types::sol! {
            // order and names are part of the type hash
            struct TokenPermissions { address token; uint256 amount; }
            struct Witness { address to; uint256 validAfter; }
            struct PermitWitnessTransferFrom {
                TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness;
            }
        }
    }

    mod upto {
        #![allow(
            missing_docs,
            missing_debug_implementations,
            clippy::all,
            clippy::indexing_slicing,
            clippy::arithmetic_side_effects
        )]
        alloy_sol_types::sol! {
            struct TokenPermissions { address token; uint256 amount; }
            struct Witness { address to; address facilitator; uint256 validAfter; }
            struct PermitWitnessTransferFrom {
                TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness;
            }
        }
    }

    /// What alloy makes of the Solidity text.
    fn by_alloy(permit: &Permit, network: Network) -> B256 {
        let domain = Eip712Domain::new(
            Some(Cow::Borrowed("Permit2")),
            None,
            Some(U256::from(network.chain_id())),
            Some(PERMIT2),
            None,
        );
        let (nonce, deadline) = (U256::from_be_bytes(permit.nonce.0), U256::from(permit.deadline));
        let (amount, after) = (permit.amount.atomic(), U256::from(permit.valid_after));
        match permit.facilitator {
            None => exact::PermitWitnessTransferFrom {
                permitted: exact::TokenPermissions {
                    token: permit.token,
                    amount,
                },
                spender: permit.spender,
                nonce,
                deadline,
                witness: exact::Witness {
                    to: permit.to,
                    validAfter: after,
                },
            }
            .eip712_signing_hash(&domain),
            Some(facilitator) => upto::PermitWitnessTransferFrom {
                permitted: upto::TokenPermissions {
                    token: permit.token,
                    amount,
                },
                spender: permit.spender,
                nonce,
                deadline,
                witness: upto::Witness {
                    to: permit.to,
                    facilitator,
                    validAfter: after,
                },
            }
            .eip712_signing_hash(&domain),
        }
    }

    proptest! {
        #[test]
        fn digests_agree_with_alloy(
            addresses: [[u8; 20]; 4], amount: [u8; 32], nonce: [u8; 32], times: [u64; 2], chain: u64, upto: bool,
        ) {
            let [token, spender, to, facilitator] = addresses.map(Address::from);
            let permit = Permit {
                from: Address::ZERO,
                token,
                amount: Amount::from_atomic(U256::from_be_bytes(amount)),
                spender,
                nonce: nonce.into(),
                deadline: times[0],
                to,
                facilitator: upto.then_some(facilitator),
                valid_after: times[1],
            };
            let network = Network::from_chain_id(chain);
            prop_assert_eq!(permit.digest(network), by_alloy(&permit, network));
        }
    }

    #[test]
    fn digests_agree_with_viem() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/signing.json");
        let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut seen = [0, 0];
        for vector in file["vectors"].as_array().unwrap() {
            let data = &vector["typedData"];
            if data["primaryType"] != "PermitWitnessTransferFrom" {
                continue;
            }
            let mut message = data["message"].clone();
            message["from"] = vector["signer"].clone();
            let text = message.to_string();
            let permit = Permit::read(&crate::json::parse(&text).unwrap()).unwrap();
            let network = Network::from_chain_id(data["domain"]["chainId"].as_u64().unwrap());
            let digest = permit.digest(network);
            assert_eq!(hex::print(digest.as_slice()), vector["digest"].as_str().unwrap());
            let signature = Signature::parse(vector["signature"].as_str().unwrap()).unwrap();
            assert_eq!(signature.recover(digest), Ok(permit.from));
            // written as it was read
            assert_eq!(serde_json::to_value(permit).unwrap(), message);
            seen[usize::from(permit.facilitator.is_some())] += 1;
        }
        assert!(seen[0] >= 3 && seen[1] >= 3, "{seen:?}");
    }
}
