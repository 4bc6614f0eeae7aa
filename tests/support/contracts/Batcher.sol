// SPDX-License-Identifier: MIT OR Apache-2.0
// Threat A10: one transaction that uses up nonce X without paying anybody (the money comes to this contract and goes back) and
// pays honestly with nonce Y, so that "nonce X is used, and this transaction paid the publisher" is true and worthless.
pragma solidity ^0.8.20;

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
    function receiveWithAuthorization(
        address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes calldata signature
    ) external;
    function transferWithAuthorization(
        address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes calldata signature
    ) external;
}

struct Authorization {
    address from;
    address to;
    uint256 value;
    uint256 validAfter;
    uint256 validBefore;
    bytes32 nonce;
    bytes signature;
}

contract Batcher {
    /// `refundFirst` chooses what lies between the two pairs of logs: X, Y, refund or X, refund, Y.
    function run(IToken token, Authorization calldata x, Authorization calldata y, bool refundFirst) external {
        token.receiveWithAuthorization(x.from, x.to, x.value, x.validAfter, x.validBefore, x.nonce, x.signature);
        if (refundFirst) token.transfer(x.from, x.value);
        token.transferWithAuthorization(y.from, y.to, y.value, y.validAfter, y.validBefore, y.nonce, y.signature);
        if (!refundFirst) token.transfer(x.from, x.value);
    }
}
