// SPDX-License-Identifier: MIT OR Apache-2.0
// Whether a digest was signed by an account: by its key, or, where the account is a contract, by that contract's word (ERC-1271).
pragma solidity ^0.8.20;

interface IERC1271 {
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4);
}

library Signed {
    /// An account with a key. The lower half of the curve's order only, as in OpenZeppelin's and Circle's ECRecover.
    function recover(bytes32 digest, bytes memory signature) internal pure returns (address signer) {
        require(signature.length == 65, "ECRecover: invalid signature length");
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
        require(
            uint256(s) <= 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0,
            "ECRecover: invalid signature 's' value"
        );
        require(v == 27 || v == 28, "ECRecover: invalid signature 'v' value");
        signer = ecrecover(digest, v, r, s);
        require(signer != address(0), "ECRecover: invalid signature");
    }

    /// A contract: false also when it reverts or answers something else.
    function byContract(address wallet, bytes32 digest, bytes memory signature) internal view returns (bool) {
        (bool ok, bytes memory answer) = wallet.staticcall(abi.encodeCall(IERC1271.isValidSignature, (digest, signature)));
        return ok && answer.length >= 32 && abi.decode(answer, (bytes32)) == bytes32(IERC1271.isValidSignature.selector);
    }

    function by(address account, bytes32 digest, bytes memory signature) internal view returns (bool) {
        return account.code.length == 0 ? recover(digest, signature) == account : byContract(account, digest, signature);
    }
}
