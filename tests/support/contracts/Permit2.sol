// SPDX-License-Identifier: MIT OR Apache-2.0
// The part of Uniswap's Permit2 that x402 touches: single transfers by a signed permit with a witness, their nonces, and the way
// to cancel a nonce. Same interface, same typed data, same errors as the contract at 0x0000…8BA3; nothing of its allowances.
pragma solidity ^0.8.20;

import "./Signed.sol";

interface IERC20 {
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

struct TokenPermissions {
    address token;
    uint256 amount;
}

struct PermitTransferFrom {
    TokenPermissions permitted;
    uint256 nonce;
    uint256 deadline;
}

struct SignatureTransferDetails {
    address to;
    uint256 requestedAmount;
}

contract Permit2 {
    /// By owner and word: 256 nonces each. Nonce n is bit (n mod 256) of word (n / 256).
    mapping(address => mapping(uint256 => uint256)) public nonceBitmap;

    event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask);

    error SignatureExpired(uint256 signatureDeadline);
    error InvalidNonce();
    error InvalidAmount(uint256 maxAmount);
    error InvalidSignatureLength();
    error InvalidSignature();
    error InvalidSigner();
    error InvalidContractSignature();

    /// The domain has no version.
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        bytes32 typehash = keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(typehash, keccak256("Permit2"), block.chainid, address(this)));
    }

    /// The caller is the spender that the owner signed for. `witness` is a struct hash; `witnessTypeString` ends the type of the
    /// whole, from the witness's own member on.
    function permitWitnessTransferFrom(
        PermitTransferFrom memory permit, SignatureTransferDetails calldata transferDetails, address owner,
        bytes32 witness, string calldata witnessTypeString, bytes calldata signature
    ) external {
        if (block.timestamp > permit.deadline) revert SignatureExpired(permit.deadline);
        if (transferDetails.requestedAmount > permit.permitted.amount) revert InvalidAmount(permit.permitted.amount);
        useNonce(owner, permit.nonce);
        check(signature, keccak256(abi.encodePacked("\x19\x01", DOMAIN_SEPARATOR(), hash(permit, witness, witnessTypeString))), owner);
        pull(permit.permitted.token, owner, transferDetails.to, transferDetails.requestedAmount);
    }

    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external {
        nonceBitmap[msg.sender][wordPos] |= mask;
        emit UnorderedNonceInvalidation(msg.sender, wordPos, mask);
    }

    function hash(PermitTransferFrom memory permit, bytes32 witness, string calldata witnessTypeString) private view returns (bytes32) {
        bytes32 typehash = keccak256(
            abi.encodePacked(
                "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,", witnessTypeString
            )
        );
        bytes32 permitted = keccak256(
            abi.encode(keccak256("TokenPermissions(address token,uint256 amount)"), permit.permitted.token, permit.permitted.amount)
        );
        return keccak256(abi.encode(typehash, permitted, msg.sender, permit.nonce, permit.deadline, witness));
    }

    function useNonce(address owner, uint256 nonce) private {
        uint256 bit = 1 << uint8(nonce);
        uint256 flipped = nonceBitmap[owner][nonce >> 8] ^= bit;
        if (flipped & bit == 0) revert InvalidNonce();
    }

    function check(bytes calldata signature, bytes32 digest, address owner) private view {
        if (owner.code.length != 0) {
            if (!Signed.byContract(owner, digest, signature)) revert InvalidContractSignature();
            return;
        }
        bytes32 r;
        bytes32 s;
        uint8 v;
        if (signature.length == 65) {
            (r, s, v) = (bytes32(signature[:32]), bytes32(signature[32:64]), uint8(signature[64]));
        } else if (signature.length == 64) {
            // EIP-2098: the top bit of the second word is the parity.
            bytes32 vs = bytes32(signature[32:64]);
            (r, s, v) = (bytes32(signature[:32]), vs & bytes32(type(uint256).max >> 1), uint8(uint256(vs >> 255)) + 27);
        } else {
            revert InvalidSignatureLength();
        }
        address signer = ecrecover(digest, v, r, s);
        if (signer == address(0)) revert InvalidSignature();
        if (signer != owner) revert InvalidSigner();
    }

    function pull(address token, address from, address to, uint256 value) private {
        (bool ok, bytes memory answer) = token.call(abi.encodeCall(IERC20.transferFrom, (from, to, value)));
        require(ok && (answer.length == 0 ? token.code.length != 0 : abi.decode(answer, (bool))), "TRANSFER_FROM_FAILED");
    }
}
