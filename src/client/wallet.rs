//! The conversation with the wallet: what is asked (EIP-1193) and what its errors mean.

use alloc::string::String;

use alloy_primitives::Address;

use super::view::Notice;
use crate::evm::hex;

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// `eth_requestAccounts`.
    Accounts,
    /// `eth_chainId`, before anything is signed and after every switch (threat F6).
    Chain,
    /// `wallet_switchEthereumChain`.
    Switch,
    /// `wallet_addEthereumChain`.
    Add,
    /// `eth_call` of the token: whether the account has the money.
    Balance,
    /// `eth_signTypedData_v4`.
    Sign,
    /// `personal_sign`, to show who has paid.
    SignIn,
}

impl Ask {
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Accounts => "eth_requestAccounts",
            Self::Chain => "eth_chainId",
            Self::Switch => "wallet_switchEthereumChain",
            Self::Add => "wallet_addEthereumChain",
            Self::Balance => "eth_call",
            Self::Sign => "eth_signTypedData_v4",
            Self::SignIn => "personal_sign",
        }
    }

    /// After how many milliseconds an answer is not waited for any longer: soon, where no person has to
    /// do anything for it.
    pub(super) const fn patience(self) -> u32 {
        match self {
            Self::Chain => 10_000,
            Self::Balance => 4_000,
            _ => 300_000,
        }
    }
}

/// The parameters of `eth_call` for `balanceOf` (ERC-20) of this account.
pub(super) fn balance_params(token: &Address, account: &Address) -> String {
    let (token, account) = (hex::print(token.as_slice()), hex::print(account.into_word().as_slice()));
    let data = account.strip_prefix("0x").unwrap_or_default();
    ["[{\"to\":\"", &token, "\",\"data\":\"0x70a08231", data, "\"},\"latest\"]"].concat()
}

/// The wallet does not know the chain it was asked to switch to (EIP-3326).
pub(super) const UNKNOWN_CHAIN: i32 = 4902;

/// What an error code means for the reader (EIP-1193, EIP-1474). Only the code counts: wallets
/// throw plain objects with texts of their own.
pub(super) const fn notice(ask: Ask, code: i32) -> Notice {
    match (code, ask) {
        (4001, _) => Notice::Rejected,
        (4100, _) => Notice::Locked,
        (-32002, _) => Notice::WalletBusy,
        (4900 | 4901, _) => Notice::Disconnected,
        (_, Ask::Switch | Ask::Add) => Notice::WrongNetwork,
        (4200 | -32601, _) => Notice::UnsupportedWallet,
        _ => Notice::WalletTrouble,
    }
}
