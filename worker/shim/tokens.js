// Tokens of the publisher's login: holds a signature against the login's published keys, or against the secret that both know.

import { KeySets, bytesOf } from "./keysets.js";
import { Fault, say } from "./log.js";

const hash = "SHA-256";
const rsa = (hash) => ({ kty: "RSA", members: ["n", "e"], name: { name: "RSASSA-PKCS1-v1_5", hash } });
// What a key has to be for an algorithm: RFC 7518, section 3.1, and RFC 8037.
const KINDS = {
  RS256: rsa(hash),
  RS512: rsa("SHA-512"),
  ES256: { kty: "EC", crv: "P-256", members: ["crv", "x", "y"], name: { name: "ECDSA", namedCurve: "P-256", hash } },
  EdDSA: { kty: "OKP", crv: "Ed25519", members: ["crv", "x"], name: { name: "Ed25519" } },
};
const HS256 = { name: "HMAC", hash };
// The shortest modulus of RSA, 2048 bits, in base64url (RFC 7518, section 3.3).
const LEAST_MODULUS = 342;
const MOST_KEYS = 64;

const sets = new KeySets(["application/json", "application/jwk-set+json"], keysIn);

// "verified", or anything else.
export async function tokenVerdict(text, env, ctx) {
  const [kind, place, algorithm, id, signature, signed] = text.split("\n");
  try {
    const key = kind === "secret" ? await shared(env[place]) : await published(place, algorithm, id, env, ctx);
    if (!key) return "unknown";
    const name = kind === "secret" ? HS256 : KINDS[algorithm].name;
    return await crypto.subtle.verify(name, key, bytesOf(signature), new TextEncoder().encode(signed)) ? "verified" : "wrong";
  } catch (error) {
    say("broken", { at: "token", error });
    return "unreachable";
  }
}

const shared = (secret) => crypto.subtle.importKey("raw", new TextEncoder().encode(secret), HS256, false, ["verify"]);

async function published(url, algorithm, id, env, ctx) {
  const named = await sets.find(url, id, env, ctx);
  const { kty, crv, members, name } = KINDS[algorithm];
  const fits = ({ jwk }) => jwk.kty === kty && jwk.crv === crv && (jwk.alg === undefined || jwk.alg === algorithm) && (jwk.use === undefined || jwk.use === "sig")
    && (kty !== "RSA" || jwk.n?.length >= LEAST_MODULUS);
  const found = named?.find(fits);
  if (!found) return undefined;
  const { jwk, imported } = found;
  // of a key only what makes it one: an algorithm or use of its own would be another's say
  const bare = { kty, ...Object.fromEntries(members.map((member) => [member, jwk[member]])) };
  imported[algorithm] ??= await crypto.subtle.importKey("jwk", bare, name, false, ["verify"]);
  return imported[algorithm];
}

// By `kid`. A token that names none is by the only key there is.
function keysIn(text) {
  const { keys } = JSON.parse(text);
  if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw new Fault("this is no key set");
  const named = Map.groupBy(keys.map((jwk) => ({ jwk, imported: {} })), ({ jwk }) => String(jwk.kid ?? ""));
  if (keys.length === 1) named.set("", named.values().next().value);
  return named;
}
