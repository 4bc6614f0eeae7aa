//! The transactions of direct settlement: EIP-1559 (type 2), written in RLP and signed by the gas key.

use alloc::vec::Vec;

use alloy_primitives::{B256, keccak256};

use super::{Call, Key};

/// The type byte in front of the list (EIP-1559, "Specification").
const TYPE: u8 = 2;

/// A transaction that calls a contract. It never carries ether, and it has no access list: a gas key can
/// lose its gas by what is signed here, and nothing else.
///
/// ```
/// use farthing::evm::{Address, Call, Key, Transaction, hex};
/// let key = Key::from_hex("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d").unwrap();
/// let call = Call { to: Address::repeat_byte(1), data: vec![0xab] };
/// let transaction = Transaction { chain_id: 8453, nonce: 7, tip: 1_000_000, fee: 25_000_000, gas: 90_000, call };
/// let sealed = transaction.sign(&key).unwrap();
/// assert_eq!(hex::print(&sealed.raw[..4]), "0x02f86d82");
/// // what is signed twice is the same bytes: a copy lost is a copy that can be made again
/// assert_eq!(transaction.sign(&key).unwrap(), sealed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Which chain it is valid on (EIP-155).
    pub chain_id: u64,
    /// The sender's count of transactions before this one.
    pub nonce: u64,
    /// `maxPriorityFeePerGas`: what the block's maker gets of each unit of gas at most, in wei.
    pub tip: u64,
    /// `maxFeePerGas`: what a unit of gas costs at most, tip included, in wei.
    pub fee: u64,
    /// How much gas it may use.
    pub gas: u64,
    /// What it does.
    pub call: Call,
}

/// A signed transaction, as a node takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its name: the Keccak-256 hash of [`raw`](Self::raw).
    pub hash: B256,
    /// For `eth_sendRawTransaction`.
    pub raw: Vec<u8>,
}

impl Transaction {
    /// Signs it; none for a digest in 2^128 that no signature on Ethereum can be made of.
    pub fn sign(&self, key: &Key) -> Option<Sealed> {
        let digest = keccak256(self.envelope(&self.fields()));
        let (r_and_s, odd) = key.sign_bare(digest)?;
        let (r, s) = r_and_s.split_at(32);
        let mut fields = self.fields();
        write_number(&mut fields, u64::from(odd).to_be_bytes().as_slice());
        write_number(&mut fields, r);
        write_number(&mut fields, s);
        let raw = self.envelope(&fields);
        Some(Sealed {
            hash: keccak256(&raw),
            raw,
        })
    }

    /// The nine fields before the signature, one after the other (EIP-1559, "Specification").
    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [self.chain_id, self.nonce, self.tip, self.fee, self.gas] {
            write_number(&mut out, &number.to_be_bytes());
        }
        write_text(&mut out, self.call.to.as_slice());
        // no ether
        write_number(&mut out, &[]);
        write_text(&mut out, &self.call.data);
        // no access list
        write_head(&mut out, LIST, 0);
        out
    }

    fn envelope(&self, fields: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(fields.len().saturating_add(8));
        out.push(TYPE);
        write_head(&mut out, LIST, fields.len());
        out.extend_from_slice(fields);
        out
    }
}

/// What the first byte of a byte string and of a list begins at (Ethereum yellow paper, appendix B).
const TEXT: u8 = 0x80;
const LIST: u8 = 0xc0;

/// A byte string.
fn write_text(out: &mut Vec<u8>, bytes: &[u8]) {
    // a single small byte is its own encoding
    if !matches!(bytes, [byte] if *byte < TEXT) {
        write_head(out, TEXT, bytes.len());
    }
    out.extend_from_slice(bytes);
}

/// A number: the byte string without zeros in front.
fn write_number(out: &mut Vec<u8>, big_endian: &[u8]) {
    write_text(out, without_zeros(big_endian));
}

/// The kind and the length of what follows; beyond 55 bytes, the length of the length first.
fn write_head(out: &mut Vec<u8>, kind: u8, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < 56 => out.push(kind.saturating_add(short)),
        _ => {
            let bytes = length.to_be_bytes();
            let bytes = without_zeros(&bytes);
            let count = u8::try_from(bytes.len()).unwrap_or_default();
            out.push(kind.saturating_add(55).saturating_add(count));
            out.extend_from_slice(bytes);
        }
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::hex;

    fn rlp(write: impl Fn(&mut Vec<u8>)) -> alloc::string::String {
        let mut out = Vec::new();
        write(&mut out);
        hex::print(&out)
    }

    #[test]
    fn lengths_and_numbers_have_one_spelling() {
        // the examples of the specification (ethereum.org, "Recursive-length prefix serialization")
        assert_eq!(rlp(|out| write_text(out, b"dog")), "0x83646f67");
        assert_eq!(rlp(|out| write_text(out, b"")), "0x80");
        assert_eq!(rlp(|out| write_number(out, &[0, 0])), "0x80");
        assert_eq!(rlp(|out| write_text(out, &[0])), "0x00");
        assert_eq!(rlp(|out| write_number(out, &[0, 15])), "0x0f");
        assert_eq!(rlp(|out| write_number(out, &[4, 0])), "0x820400");
        assert_eq!(rlp(|out| write_text(out, &[0x80])), "0x8180");
        let long = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit";
        assert_eq!(&rlp(|out| write_text(out, long))[..8], "0xb8384c");
        assert_eq!(&rlp(|out| write_text(out, &long[..55]))[..6], "0xb74c");
        assert_eq!(&rlp(|out| write_text(out, &[1; 256]))[..8], "0xb90100");
        assert_eq!(rlp(|out| write_head(out, LIST, 0)), "0xc0");
        assert_eq!(rlp(|out| write_head(out, LIST, 55)), "0xf7");
        assert_eq!(rlp(|out| write_head(out, LIST, 56)), "0xf838");
        assert_eq!(rlp(|out| write_head(out, LIST, 0x0102_0304)), "0xfb01020304");
    }
}
