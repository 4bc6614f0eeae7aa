// A publisher's login: keys of every kind, the key set that tells them, tokens with anything wrong, and a verifier of the usual kind for
// attacks to land on.
import { createHmac, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { createServer } from "node:http";
import { listen } from "../../tools/lib/processes.mjs";

export const ISSUER = "https://login.news.example";
export const AUDIENCE = "https://news.example";

const base64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const pair = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  RS512: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};
const signatures = {
  RS256: (data, { privateKey }) => sign("sha256", data, privateKey),
  RS512: (data, { privateKey }) => sign("sha512", data, privateKey),
  ES256: (data, { privateKey }) => sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" }),
  EdDSA: (data, { privateKey }) => sign(null, data, privateKey),
  HS256: (data, { secret }) => createHmac("sha256", secret).update(data).digest(),
  none: () => Buffer.alloc(0),
};

export function newKey(algorithm, kid, more = {}) {
  const { privateKey, publicKey } = pair[algorithm]();
  return { algorithm, kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, alg: algorithm, use: "sig", ...more } };
}

/** What a subscriber's token says, and what is changed about it; undefined takes a claim away. */
export function claimsOf(changes = {}) {
  const time = Math.floor(Date.now() / 1000);
  return { iss: ISSUER, aud: AUDIENCE, sub: "reader-7", iat: time - 5, nbf: time - 5, exp: time + 600, plan: "digital", ...changes };
}

/**
 * A token. `head` and `claims`: changes, or a text that stands there as it is; `by`: the algorithm that it is really signed with;
 * `secret`: for HS256; `signature`: instead.
 */
export function token(key, { head = {}, claims = {}, by = key.algorithm, secret, signature } = {}) {
  const header = typeof head === "string" ? head : { alg: key.algorithm, kid: key.kid, typ: "JWT", ...head };
  const signed = `${base64(header)}.${base64(typeof claims === "string" ? claims : claimsOf(claims))}`;
  return `${signed}.${signature ?? signatures[by](Buffer.from(signed), { ...key, secret }).toString("base64url")}`;
}

/** A key set on 127.0.0.1. `answer(request, response)` may be replaced; `asked` counts. */
export async function startLogin(keys) {
  const login = {
    keys, asked: 0,
    answer(request, response) {
      response.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=3600" });
      response.end(JSON.stringify({ keys: login.keys.map(({ jwk }) => jwk) }));
    },
  };
  const server = createServer((request, response) => {
    login.asked += 1;
    login.answer(request, response);
  });
  login.url = `http://127.0.0.1:${await listen(server)}/jwks.json`;
  login.stop = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return login;
}

/**
 * Whether a verifier of the usual kind takes a token: it does what the token's header says, with whatever key comes to hand, and looks at
 * no claim. Never to be used for anything else.
 */
export function naivelyTaken(text, keys) {
  const [head, body, signature] = text.split(".");
  const { alg, kid, jwk } = JSON.parse(Buffer.from(head, "base64url"));
  if (/^none$/i.test(alg)) return true;
  const key = jwk ? createPublicKey({ key: jwk, format: "jwk" }) : (keys.find((one) => one.kid === kid) ?? keys[0]).publicKey;
  const [data, bytes] = [Buffer.from(`${head}.${body}`), Buffer.from(signature, "base64url")];
  if (alg === "HS256") return createHmac("sha256", key.export({ type: "spki", format: "pem" })).update(data).digest().equals(bytes);
  if (alg === "ES256") return verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, bytes);
  return verify(alg === "EdDSA" ? null : `sha${alg.slice(2)}`, data, key, bytes);
}
