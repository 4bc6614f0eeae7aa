// SPDX-License-Identifier: MIT OR Apache-2.0
// The two spenders that x402 has payers sign Permit2 transfers for: the exact proxy at 0x4020…0001 moves what was permitted, the
// upto proxy at 0x4020…0002 at most that, and only for the facilitator named in the signature. Same interface, witness types and
// errors as the deployed ones (the ABIs in @x402/evm); the guard against re-entry is left out, no token here calls back.
pragma solidity ^0.8.20;

import "./Permit2.sol";

interface IERC20Permit {
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
}

/// For Permit2 itself as spender, by EIP-2612.
struct EIP2612Permit {
    uint256 value;
    uint256 deadline;
    bytes32 r;
    bytes32 s;
    uint8 v;
}

abstract contract Permit2Proxy {
    Permit2 public constant PERMIT2 = Permit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);

    event Settled();
    event SettledWithPermit();
    event EIP2612PermitFailedWithData(address indexed token, address indexed owner, bytes data);

    error InvalidDestination();
    error InvalidOwner();
    error PaymentTooEarly();
    error Permit2612AmountMismatch();

    function move(
        PermitTransferFrom calldata permit, uint256 amount, address owner, address to, uint256 validAfter,
        bytes32 witness, string memory witnessTypeString, bytes calldata signature
    ) internal {
        if (owner == address(0)) revert InvalidOwner();
        if (to == address(0)) revert InvalidDestination();
        if (block.timestamp < validAfter) revert PaymentTooEarly();
        PERMIT2.permitWitnessTransferFrom(permit, SignatureTransferDetails(to, amount), owner, witness, witnessTypeString, signature);
    }

    /// An approval that fails is not the end: the allowance may be there already.
    function approve(EIP2612Permit calldata permit2612, PermitTransferFrom calldata permit, address owner) internal {
        if (permit2612.value != permit.permitted.amount) revert Permit2612AmountMismatch();
        address token = permit.permitted.token;
        try IERC20Permit(token).permit(
            owner, address(PERMIT2), permit2612.value, permit2612.deadline, permit2612.v, permit2612.r, permit2612.s
        ) {} catch (bytes memory data) {
            emit EIP2612PermitFailedWithData(token, owner, data);
        }
    }
}

contract ExactPermit2Proxy is Permit2Proxy {
    struct Witness {
        address to;
        uint256 validAfter;
    }

    string public constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)";
    bytes32 public constant WITNESS_TYPEHASH = keccak256("Witness(address to,uint256 validAfter)");

    error InvalidAmount();

    function settle(PermitTransferFrom calldata permit, address owner, Witness calldata witness, bytes calldata signature) external {
        exactly(permit, owner, witness, signature);
        emit Settled();
    }

    function settleWithPermit(
        EIP2612Permit calldata permit2612, PermitTransferFrom calldata permit, address owner, Witness calldata witness,
        bytes calldata signature
    ) external {
        approve(permit2612, permit, owner);
        exactly(permit, owner, witness, signature);
        emit SettledWithPermit();
    }

    function exactly(PermitTransferFrom calldata permit, address owner, Witness calldata witness, bytes calldata signature) private {
        if (permit.permitted.amount == 0) revert InvalidAmount();
        bytes32 hash = keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.validAfter));
        move(permit, permit.permitted.amount, owner, witness.to, witness.validAfter, hash, WITNESS_TYPE_STRING, signature);
    }
}

contract UptoPermit2Proxy is Permit2Proxy {
    struct Witness {
        address to;
        address facilitator;
        uint256 validAfter;
    }

    string public constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,address facilitator,uint256 validAfter)";
    bytes32 public constant WITNESS_TYPEHASH = keccak256("Witness(address to,address facilitator,uint256 validAfter)");

    error AmountExceedsPermitted();
    error UnauthorizedFacilitator();

    function settle(
        PermitTransferFrom calldata permit, uint256 amount, address owner, Witness calldata witness, bytes calldata signature
    ) external {
        upTo(permit, amount, owner, witness, signature);
        emit Settled();
    }

    function settleWithPermit(
        EIP2612Permit calldata permit2612, PermitTransferFrom calldata permit, uint256 amount, address owner,
        Witness calldata witness, bytes calldata signature
    ) external {
        approve(permit2612, permit, owner);
        upTo(permit, amount, owner, witness, signature);
        emit SettledWithPermit();
    }

    function upTo(
        PermitTransferFrom calldata permit, uint256 amount, address owner, Witness calldata witness, bytes calldata signature
    ) private {
        if (msg.sender != witness.facilitator) revert UnauthorizedFacilitator();
        if (amount > permit.permitted.amount) revert AmountExceedsPermitted();
        bytes32 hash = keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.facilitator, witness.validAfter));
        move(permit, amount, owner, witness.to, witness.validAfter, hash, WITNESS_TYPE_STRING, signature);
    }
}
