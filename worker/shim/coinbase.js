// The token that the Coinbase Developer Platform wants with each call: a JWT for this method and address alone, for two minutes,
// signed by a key of the publisher's (Ed25519 or ES256).

const LIFETIME = 120;
const encoder = new TextEncoder();
const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
// What makes a PKCS #8 key of an EC key's own DER: version 0, id-ecPublicKey on P-256.
const EC_HEAD = [0x02, 1, 0, 0x30, 0x13, 0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const part = (value) => base64url(encoder.encode(JSON.stringify(value)));
const der = (tag, bytes) => [tag, ...(bytes.length < 128 ? [] : [0x81]), bytes.length, ...bytes];

const keys = new Map(); // by secret: importing takes longer than signing

// A secret is the key's id, a colon, and the key: 64 bytes in base64, seed and public key; or a PEM text, whose line ends may have
// become the two characters that JSON writes for them.
async function keyOf(secret) {
  const colon = secret.indexOf(":");
  const [id, text] = [secret.slice(0, colon).trim(), secret.slice(colon + 1).replaceAll("\\n", "\n").trim()];
  const pem = /^-----BEGIN (EC )?PRIVATE KEY-----([^-]+)-----END (?:EC )?PRIVATE KEY-----$/.exec(text);
  if (pem) {
    const bytes = bytesOf(pem[2].replace(/\s+/g, ""));
    const pkcs8 = pem[1] ? new Uint8Array(der(0x30, [...EC_HEAD, ...der(0x04, bytes)])) : bytes;
    return { id, alg: "ES256", how: EC, key: await crypto.subtle.importKey("pkcs8", pkcs8, EC, false, ["sign"]) };
  }
  const bytes = bytesOf(text);
  if (bytes.length !== 64) throw new Error("the key is neither 64 bytes in base64 nor a PEM text");
  const jwk = { kty: "OKP", crv: "Ed25519", d: base64url(bytes.subarray(0, 32)), x: base64url(bytes.subarray(32)) };
  const how = { name: "Ed25519" };
  return { id, alg: "EdDSA", how, key: await crypto.subtle.importKey("jwk", jwk, how, false, ["sign"]) };
}

export async function token(secret, method, url) {
  if (!keys.has(secret)) keys.set(secret, keyOf(secret));
  const { id, alg, how, key } = await keys.get(secret);
  const { host, pathname } = new URL(url);
  const now = Math.floor(Date.now() / 1000);
  const nonce = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const claims = { sub: id, iss: "cdp", uris: [`${method} ${host}${pathname}`], iat: now, nbf: now, exp: now + LIFETIME };
  const text = `${part({ alg, kid: id, typ: "JWT", nonce })}.${part(claims)}`;
  return `${text}.${base64url(new Uint8Array(await crypto.subtle.sign(how, key, encoder.encode(text))))}`;
}
