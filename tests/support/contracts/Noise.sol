// SPDX-License-Identifier: MIT OR Apache-2.0
// What strangers can write where evidence is looked for: transfers of nothing in a payer's name, which any token allows anybody, and
// logs without end around the settlement of somebody else's payment.
pragma solidity ^0.8.20;

interface IAnyToken {
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

contract Noise {
    function transfers(IAnyToken token, address from, address to, uint256 times) external {
        for (uint256 i = 0; i < times; i++) token.transferFrom(from, to, 0);
    }

    /// Makes the call, then `times` logs without a word in them.
    function around(address target, bytes calldata data, uint256 times) external {
        (bool ok,) = target.call(data);
        require(ok, "the call failed");
        for (uint256 i = 0; i < times; i++) {
            assembly {
                log0(0, 0)
            }
        }
    }
}
