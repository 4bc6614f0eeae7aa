//! What a payer signs, whichever way the token moves.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Authorization, Domain, Permit};
use crate::money::Amount;

/// How a token moves from payer to payee (`extra.assetTransferMethod`; absent means EIP-3009).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transfer {
    /// The token's own `transferWithAuthorization`.
    #[default]
    Eip3009,
    /// Uniswap's Permit2 by an x402 proxy, for any ERC-20 token the payer has approved it for.
    Permit2,
}

impl Transfer {
    /// The wire's word.
    ///
    /// ```
    /// use farthing::evm::Transfer;
    /// assert_eq!(Transfer::Permit2.name(), "permit2");
    /// assert_eq!(Transfer::read("eip3009"), Some(Transfer::Eip3009));
    /// assert_eq!(Transfer::read("erc7710"), None);
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eip3009 => "eip3009",
            Self::Permit2 => "permit2",
        }
    }

    /// The method with this name.
    pub fn read(name: &str) -> Option<Self> {
        [Self::Eip3009, Self::Permit2].into_iter().find(|one| one.name() == name)
    }
}

impl Serialize for Transfer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Transfer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = alloc::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| de::Error::custom("not a transfer method"))
    }
}

/// A payer's promise, by either method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// `payload.authorization`.
    Eip3009(Authorization),
    /// `payload.permit2Authorization`.
    Permit2(Permit),
}

impl Signed {
    /// By which method.
    pub const fn transfer(&self) -> Transfer {
        match self {
            Self::Eip3009(_) => Transfer::Eip3009,
            Self::Permit2(_) => Transfer::Permit2,
        }
    }

    /// Who pays.
    pub const fn payer(&self) -> Address {
        match self {
            Self::Eip3009(signed) => signed.from,
            Self::Permit2(signed) => signed.from,
        }
    }

    /// Who is paid.
    pub const fn payee(&self) -> Address {
        match self {
            Self::Eip3009(signed) => signed.to,
            Self::Permit2(signed) => signed.to,
        }
    }

    /// How much, in atomic units; for `upto`, how much at most.
    pub const fn amount(&self) -> Amount {
        match self {
            Self::Eip3009(signed) => signed.value,
            Self::Permit2(signed) => signed.amount,
        }
    }

    /// Not valid before this Unix second.
    pub const fn valid_after(&self) -> u64 {
        match self {
            Self::Eip3009(signed) => signed.valid_after,
            Self::Permit2(signed) => signed.valid_after,
        }
    }

    /// Not valid after this Unix second.
    pub const fn valid_before(&self) -> u64 {
        match self {
            Self::Eip3009(signed) => signed.valid_before,
            Self::Permit2(signed) => signed.deadline,
        }
    }

    /// What makes it usable once.
    pub const fn nonce(&self) -> B256 {
        match self {
            Self::Eip3009(signed) => signed.nonce,
            Self::Permit2(signed) => signed.nonce,
        }
    }

    /// The EIP-712 digest that the payer signs; `token` is the token's own domain.
    pub fn digest(&self, token: &Domain<'_>) -> B256 {
        match self {
            Self::Eip3009(signed) => signed.digest(token),
            Self::Permit2(signed) => signed.digest(token.network),
        }
    }
}
