// EIP-712 hashing, https://eips.ethereum.org/EIPS/eip-712. Throws an Error when a value does not fit its type.

import { keccak_256 } from "@noble/hashes/sha3";
import { concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils";

/** keccak256(0x19 0x01 ‖ hashStruct(domain) ‖ hashStruct(message)). */
export function typedDataDigest({ types, domain, primaryType, message }) {
  const parts = [Uint8Array.of(0x19, 0x01), hashStruct("EIP712Domain", domain, types)];
  if (primaryType !== "EIP712Domain") parts.push(hashStruct(primaryType, message, types));
  return keccak_256(concatBytes(...parts));
}

function hashStruct(name, value, types) {
  if (value === null || typeof value !== "object") throw new Error(`${name} is missing`);
  const encoded = types[name].map((field) => encode(field.type, value[field.name], types, field.name));
  return keccak_256(concatBytes(keccak_256(utf8ToBytes(encodeType(name, types))), ...encoded));
}

function encodeType(name, types) {
  const found = new Set();
  const visit = (type) => {
    if (found.has(type) || !Object.hasOwn(types, type)) return;
    found.add(type);
    for (const field of types[type]) visit(field.type.replace(/\[.*$/, ""));
  };
  visit(name);
  found.delete(name);
  return [name, ...[...found].sort()]
    .map((type) => `${type}(${types[type].map((field) => `${field.type} ${field.name}`).join(",")})`)
    .join("");
}

/** The 32 bytes that stand for a value inside a struct. */
function encode(type, value, types, where) {
  if (value === undefined || value === null) throw new Error(`${where} is missing`);
  const array = /^(.*)\[(\d*)\]$/.exec(type);
  if (array) {
    if (!Array.isArray(value) || (array[2] && value.length !== Number(array[2]))) throw new Error(`${where} is not ${type}`);
    return keccak_256(concatBytes(...value.map((item) => encode(array[1], item, types, where))));
  }
  if (Object.hasOwn(types, type)) return hashStruct(type, value, types);
  if (type === "string") return keccak_256(utf8ToBytes(String(value)));
  if (type === "bytes") return keccak_256(bytes(value, where));
  if (type === "bool") return word(value === true || value === "true" ? 1n : 0n);
  if (type === "address") return padStart(bytes(value, where, 20));
  const fixed = /^bytes(\d+)$/.exec(type);
  if (fixed) return padEnd(bytes(value, where, Number(fixed[1])));
  const integer = /^(u?)int(\d*)$/.exec(type);
  if (integer) return number(value, integer[1] === "u", Number(integer[2] || 256), where);
  throw new Error(`${where} has the unknown type ${type}`);
}

function number(value, unsigned, bits, where) {
  const size = BigInt(bits);
  const n = BigInt(value);
  const fits = unsigned ? BigInt.asUintN(bits, n) === n : BigInt.asIntN(bits, n) === n;
  if (!fits || size > 256n) throw new Error(`${where} does not fit ${bits} bits`);
  return word(BigInt.asUintN(256, n));
}

function bytes(value, where, length) {
  if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/i.test(value)) throw new Error(`${where} is not hexadecimal`);
  const out = hexToBytes(value.slice(2));
  if (length !== undefined && out.length !== length) throw new Error(`${where} is not ${length} bytes long`);
  return out;
}

const word = (n) => hexToBytes(n.toString(16).padStart(64, "0"));
const padStart = (b) => concatBytes(new Uint8Array(32 - b.length), b);
const padEnd = (b) => concatBytes(b, new Uint8Array(32 - b.length));
