// Coinbase's facilitator as its SDK knows it, on this machine: lets in who holds a key of the platform, then asks the real one.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { importJWK, importSPKI, jwtVerify } from "jose";
import { listen } from "../../tools/lib/processes.mjs";
import { readBody, sendJson } from "./http.mjs";

/** Where it lives there. */
const BASE = "/platform/v2/x402";

/** A key as the platform gives it out: {id, secret, alg, verifying}; `secret` is what a publisher keeps. */
export async function coinbaseKey(kind = "Ed25519") {
  const id = randomUUID();
  if (kind === "Ed25519") {
    const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
    const both = Buffer.concat([Buffer.from(d, "base64url"), Buffer.from(x, "base64url")]);
    return { id, secret: `${id}:${both.toString("base64")}`, alg: "EdDSA", verifying: await importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA") };
  }
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const verifying = await importSPKI(publicKey.export({ format: "pem", type: "spki" }), "ES256");
  return { id, secret: `${id}:${privateKey.export({ format: "pem", type: "sec1" })}`, alg: "ES256", verifying };
}

/** @param {{target: string, key: object}} options `target`: the URL of the real one; `key`: the only one it knows */
export async function startCoinbase({ target, key }) {
  const calls = [];
  const nonces = new Set();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    const body = await readBody(request);
    const call = { method: request.method, path: url.pathname.replace(BASE, ""), headers: request.headers, let: false };
    calls.push(call);
    try {
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
      const { payload, protectedHeader } = await jwtVerify(token, key.verifying, { issuer: "cdp", subject: key.id, algorithms: [key.alg], typ: "JWT" });
      const wanted = `${request.method} ${url.host}${url.pathname}`;
      if (protectedHeader.kid !== key.id || payload.uris?.length !== 1 || payload.uris[0] !== wanted) throw new Error(`a token for ${payload.uris}`);
      if (!(payload.exp - payload.nbf <= 120) || nonces.has(protectedHeader.nonce)) throw new Error("not a token of this call");
      nonces.add(protectedHeader.nonce);
    } catch (error) {
      return sendJson(response, 401, { errorType: "unauthorized", errorMessage: error.message });
    }
    call.let = true;
    const answer = await fetch(target + call.path, {
      method: request.method, ...(request.method === "POST" ? { body, headers: { "content-type": "application/json" } } : {}),
    });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  const bound = await listen(server, 0);
  return {
    url: `http://127.0.0.1:${bound}${BASE}`,
    /** [{method, path, headers, let}]: every call, and whether it was let in. */
    calls,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
