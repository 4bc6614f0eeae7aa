// Signature recovery alone, many times in one request: /ours and /twins run the Worker's own decision over payments, /noble recovers with
// @noble/curves. A POST: {payments: [{url, header}], signatures: [{hash, signature, address}], times}.
import { secp256k1 } from "@noble/curves/secp256k1";
import { keccak_256 } from "@noble/hashes/sha3";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils";
import { use } from "./config.js";
import config from "./farthing.jsonc";
import { Gate, ANSWER } from "./gate.js";

use(config);

function decide(gate, payments, times) {
  const texts = payments.map(({ url, header }) => gate.lines(new Request(url, { headers: { "payment-signature": header } })));
  for (let at = 0; at < times; at++) {
    if (gate.decide(texts[at % texts.length]).code !== ANSWER) throw new Error("a forged payment was not refused");
  }
  return gate.decide(texts[0]).text;
}

function recover({ hash, signature }) {
  const bytes = hexToBytes(signature.slice(2));
  const point = secp256k1.Signature.fromCompact(bytes.subarray(0, 64)).addRecoveryBit(bytes[64] - 27).recoverPublicKey(hash.slice(2));
  return `0x${bytesToHex(keccak_256(point.toRawBytes(false).subarray(1)).subarray(12))}`;
}

function noble(signatures, times) {
  for (let at = 0; at < times; at++) {
    const one = signatures[at % signatures.length];
    if (recover(one) !== one.address.toLowerCase()) throw new Error("noble recovered another address");
  }
  return "";
}

export default {
  async fetch(request, env) {
    const { payments, signatures, times } = await request.json();
    return new Response(request.url.endsWith("/noble") ? noble(signatures, times) : decide(new Gate(env), payments, times));
  },
};
