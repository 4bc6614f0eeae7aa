// Signatures of the demo key: digest in, 65 bytes as hexadecimal out.

import { secp256k1 } from "@noble/curves/secp256k1";
import { keccak_256 } from "@noble/hashes/sha3";
import { concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils";

/** r ‖ s ‖ v with low s and v of 27 or 28. */
export function sign(digest, key) {
  const signature = secp256k1.sign(digest, key.slice(2));
  return `0x${signature.toCompactHex()}${(27 + signature.recovery).toString(16)}`;
}

/** EIP-191 digest of a personal_sign message, which is hexadecimal bytes or plain text. */
export function personalDigest(message) {
  const body = /^0x([0-9a-f]{2})*$/i.test(message) ? hexToBytes(message.slice(2)) : utf8ToBytes(message);
  const prefix = utf8ToBytes(`\x19Ethereum Signed Message:\n${body.length}`);
  return { digest: keccak_256(concatBytes(prefix, body)), text: new TextDecoder().decode(body) };
}
