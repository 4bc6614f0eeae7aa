// The tokens for Coinbase's facilitator against those of its own SDK, and under an independent verifier.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { generateJwt } from "@coinbase/cdp-sdk/auth";
import { decodeJwt, decodeProtectedHeader, importJWK, importSPKI, jwtVerify } from "jose";
import { token } from "../../worker/shim/coinbase.js";
import { faultOf, headersFor } from "../../worker/shim/secrets.js";

const ID = "organizations/0c7ed5d4/apiKeys/6ef2-4f0e";
const HOST = "api.cdp.coinbase.com";
const PATH = "/platform/v2/x402/settle";
const URL_ = `https://${HOST}${PATH}`;

/** A new Ed25519 key as the Coinbase Developer Platform gives it out, and the key that verifies. */
async function ed25519() {
  const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const both = Buffer.concat([Buffer.from(d, "base64url"), Buffer.from(x, "base64url")]);
  return { text: both.toString("base64"), alg: "EdDSA", verifying: await importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA") };
}

/** A new P-256 key as PEM, of this type. */
async function es256(type) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const verifying = await importSPKI(publicKey.export({ format: "pem", type: "spki" }), "ES256");
  return { text: privateKey.export({ format: "pem", type }).trim(), alg: "ES256", verifying };
}

for (const [name, make, official] of [
  ["Ed25519", ed25519, true],
  ["ES256 as PKCS #8", () => es256("pkcs8"), true],
  // older keys of the platform are of this form, which its TypeScript SDK cannot read
  ["ES256 as SEC 1", () => es256("sec1"), false],
]) {
  test(`a token by ${name} is what the official SDK makes, and verifies`, async () => {
    const { text, alg, verifying } = await make();
    for (const secret of [`${ID}:${text}`, ` ${ID}: ${text}\n`, `${ID}:${text.replaceAll("\n", "\\n")}`]) {
      const ours = await token(secret, "POST", URL_);
      const { payload, protectedHeader } = await jwtVerify(ours, verifying, { issuer: "cdp", subject: ID, algorithms: [alg], typ: "JWT" });
      assert.match(protectedHeader.nonce, /^[0-9a-f]{32}$/);
      assert.equal(payload.exp - payload.nbf, 120);
      assert.ok(Math.abs(payload.nbf - Date.now() / 1000) < 5);
      assert.deepEqual(payload.uris, [`POST ${HOST}${PATH}`]);
      assert.notEqual(decodeProtectedHeader(await token(secret, "POST", URL_)).nonce, protectedHeader.nonce, "a nonce for each call");
    }
    if (!official) return;
    const request = { apiKeyId: ID, apiKeySecret: text, requestMethod: "POST", requestHost: HOST, requestPath: PATH };
    const [ours, theirs] = [await token(`${ID}:${text}`, "POST", URL_), await generateJwt(request)];
    const timeless = ({ iat, nbf, exp, ...claims }) => ({ ...claims, alive: exp - iat, early: iat - nbf });
    assert.deepEqual(timeless(decodeJwt(ours)), timeless(decodeJwt(theirs)));
    const { nonce: _, ...header } = decodeProtectedHeader(ours);
    const { nonce, ...expected } = decodeProtectedHeader(theirs);
    assert.deepEqual(header, expected);
    assert.equal(nonce.length, 32);
  });
}

test("a token is good for its own call and no other", async () => {
  const { text } = await ed25519();
  const of = async (method, url) => decodeJwt(await token(`id:${text}`, method, url)).uris;
  assert.deepEqual(await of("POST", "http://127.0.0.1:4022/verify"), ["POST 127.0.0.1:4022/verify"]);
  assert.deepEqual(await of("GET", "https://f.example/x/supported"), ["GET f.example/x/supported"]);
});

test("B10 secrets that cannot be what they should are told apart from those that can, and nothing is made of them", async () => {
  const { text } = await ed25519();
  for (const [form, value, fault] of [
    ["header", "Bearer abc", undefined], ["header", "x", undefined], ["header", "", "missing"], ["header", undefined, "missing"], ["header", {}, "missing"],
    ["header", " x", "form"], ["header", "x\n", "form"], ["header", "a\r\nset-cookie: b", "form"], ["header", "ü", "form"],
    ["coinbase", `${ID}:${text}`, undefined], ["coinbase", text, "form"], ["coinbase", `:${text}`, "form"], ["coinbase", `${ID}:`, "form"],
    ["key", `0x${"1".repeat(64)}`, undefined], ["key", `0x${"0".repeat(64)}`, "form"], ["key", "1".repeat(64), "form"], ["key", `0x${"1".repeat(63)}`, "form"],
  ]) assert.equal(faultOf(form, value), fault, `${form} ${value}`);

  const env = { A: "Bearer a", B: "b", CDP: `${ID}:${text}` };
  assert.deepEqual(await headersFor("", "POST", URL_, env), {});
  assert.deepEqual(await headersFor("authorization A,x-b B", "POST", URL_, env), { authorization: "Bearer a", "x-b": "b" });
  const { authorization, ...others } = await headersFor("x-b B,* CDP", "POST", URL_, env);
  assert.match(authorization, /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  assert.deepEqual(others, { "x-b": "b" });

  for (const bad of [`${ID}:${text.slice(4)}`, `${ID}:not base64!`, `${ID}:-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----`]) {
    await assert.rejects(token(bad, "POST", URL_), (error) => !error.message.includes(text.slice(4, 40)));
  }
});
