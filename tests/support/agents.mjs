// Programs that sign their requests (Web Bot Auth): their keys, the directory of these, signatures with anything wrong, and a verifier
// of the usual kind for attacks to land on.
import { createPublicKey, createHash, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { createServer } from "node:http";
import { listen } from "../../tools/lib/processes.mjs";

export const DIRECTORY = "/.well-known/http-message-signatures-directory";
export const DIRECTORY_TYPE = "application/http-message-signatures-directory+json";

/** RFC 7638 with the members of RFC 8037. */
export const thumbprint = (x) => createHash("sha256").update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest("base64url");

export function newKey() {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x } = publicKey.export({ format: "jwk" });
  return { privateKey, x, id: thumbprint(x), jwk: { kty: "OKP", crv: "Ed25519", x, use: "sig" } };
}

/** What a component is in a request: RFC 9421, sections 2.1 and 2.2. */
function valueOf(component, { url, method = "GET", headers }) {
  const { host, pathname, search } = new URL(url);
  const [, name, key] = /^"([^"]+)"(?:;key="([^"]+)")?$/.exec(component);
  if (name === "@authority") return host;
  if (name === "@method") return method;
  if (name === "@path") return pathname;
  if (name === "@query") return search || "?";
  if (name === "@target-uri") return url;
  const value = headers[name];
  return key === undefined ? value : new RegExp(`(?:^|, )${key}=("[^"]*")`).exec(value)[1];
}

export const baseOf = (components, parameters, request) =>
  [...components.map((one) => `${one}: ${valueOf(one, request)}`), `"@signature-params": (${components.join(" ")})${parameters}`].join("\n");

/**
 * The headers of a signed request.
 * @param {object} options
 * `url`, `method` and `headers` of the request; `agent`: what Signature-Agent names; `covered`: header names and components besides
 * @authority and the agent; `components`: instead of all of them; `created`, `expires`, `nonce`, `keyid`, `parameters`: as they should not be.
 */
export function signed({
  url, method = "GET", headers = {}, agent, key, covered = Object.keys(headers), components, created = Math.floor(Date.now() / 1000), expires = created + 60,
  nonce = randomBytes(24).toString("base64"), keyid = key.id, parameters, authority = url,
}) {
  const all = { ...headers, "signature-agent": `sig="${agent}"` };
  const list = components ?? ['"@authority"', '"signature-agent";key="sig"', ...covered.map((name) => `"${name}"`)];
  const told = parameters ?? `;created=${created};expires=${expires};keyid="${keyid}";alg="ed25519";nonce="${nonce}";tag="web-bot-auth"`;
  const base = baseOf(list, told, { url: authority, method, headers: all });
  return {
    ...all, "signature-input": `sig=(${list.join(" ")})${told}`, signature: `sig=:${sign(null, Buffer.from(base), key.privateKey).toString("base64")}:`,
  };
}

/** A directory on 127.0.0.1. `answer(request, response)` may be replaced; `asked` counts. */
export async function startDirectory(keys = [newKey()]) {
  const directory = {
    keys, key: keys[0], asked: 0,
    answer(request, response) {
      response.writeHead(200, { "content-type": DIRECTORY_TYPE, "cache-control": "max-age=3600" });
      response.end(JSON.stringify({ keys: directory.keys.map(({ jwk }) => jwk) }));
    },
  };
  const server = createServer((request, response) => {
    directory.asked += 1;
    directory.answer(request, response);
  });
  directory.url = `http://127.0.0.1:${await listen(server)}`;
  directory.host = new URL(directory.url).host;
  directory.stop = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return directory;
}

/**
 * Whether a paywall of the usual kind takes a Node request for one of a known crawler: by its User-Agent, or by a signature that holds
 * under a key of whatever the named directory leads to. Neither times nor nonces nor what is covered are looked at. Never to be used
 * for anything else.
 */
export async function naivelyKnown({ headers, url, method }) {
  if (/Googlebot/.test(headers["user-agent"] ?? "")) return true;
  const input = /^sig=\(([^)]*)\)(.*)$/.exec(headers["signature-input"] ?? "");
  const agent = /"([^"]+)"/.exec(headers["signature-agent"] ?? "")?.[1];
  const signature = /:([^:]+):/.exec(headers.signature ?? "")?.[1];
  if (!input || !agent || !signature) return false;
  const { keys } = await (await fetch(agent + DIRECTORY)).json().catch(() => ({ keys: [] }));
  const base = baseOf(input[1].split(" "), input[2], { url: `http://${headers.host}${url}`, method, headers });
  return keys.some((jwk) => verify(null, Buffer.from(base), createPublicKey({ key: jwk, format: "jwk" }), Buffer.from(signature, "base64")));
}
