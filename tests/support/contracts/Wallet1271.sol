// SPDX-License-Identifier: MIT OR Apache-2.0
// A contract wallet with one owner: accepts the owner's plain signature (ERC-1271). For payers that are contracts.
pragma solidity ^0.8.20;

contract Wallet1271 {
    address public owner;

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) return 0xffffffff;
        address signer = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return signer != address(0) && signer == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}
