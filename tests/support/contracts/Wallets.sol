// SPDX-License-Identifier: MIT OR Apache-2.0
// Payers that are contracts but do not exist yet (ERC-6492): a factory that makes wallets with one owner at predictable addresses,
// and the contract that checks such signatures on chain, which x402-rs looks for at 0xdAcD…2a3B. For wallets that do: Wallet1271.
pragma solidity ^0.8.20;

import "./Signed.sol";
import "./Wallet1271.sol";

contract FreshWallet is Wallet1271 {
    constructor(address owner_) {
        owner = owner_;
    }
}

contract WalletFactory {
    /// The wallet of `owner`, made now if it is not there.
    function create(address owner) external returns (address wallet) {
        wallet = addressOf(owner);
        if (wallet.code.length == 0) new FreshWallet{salt: 0}(owner);
    }

    function addressOf(address owner) public view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(FreshWallet).creationCode, abi.encode(owner)));
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), code)))));
    }
}

contract Validator6492 {
    bytes32 private constant MARK = 0x6492649264926492649264926492649264926492649264926492649264926492;

    error ERC6492DeployFailed(bytes error);

    /// Whether `signer` signed `digest`; a wallet that the signature says how to make is made, and stays.
    function isValidSigWithSideEffects(address signer, bytes32 digest, bytes calldata signature) external returns (bool) {
        if (signature.length < 32 || bytes32(signature[signature.length - 32:]) != MARK) return Signed.by(signer, digest, signature);
        (address factory, bytes memory call, bytes memory inner) =
            abi.decode(signature[:signature.length - 32], (address, bytes, bytes));
        if (signer.code.length == 0) {
            (bool ok, bytes memory answer) = factory.call(call);
            if (!ok) revert ERC6492DeployFailed(answer);
        }
        return Signed.by(signer, digest, inner);
    }
}
