// Cloudflare Access in front of the desk: its token is held against the team's published keys, and without one nothing under the desk says
// anything but that it is closed, whatever a request says of itself.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { startEdge } from "../support/edge.mjs";
import { newKey, startLogin, token } from "../support/login.mjs";

const AUDIENCE = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
const HEADER = "cf-access-jwt-assertion";
const key = newKey("RS256", "team-1");
const PASSWORD = "known to whoever reads this";

let login;
let team;
let edge;
let local;
const config = (desk) => (url) => ({
  site: url, origin: { url: "http://127.0.0.1:9" }, payTo: { eip155: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC" }, networks: ["eip155:84532"],
  settlement: { facilitators: [{ url: "http://127.0.0.1:9" }] }, routes: [{ match: "/articles/*", price: "$0.05" }], ...(desk && { desk }),
});
const keys = `k1:${"A".repeat(43)}`;
before(async () => {
  login = await startLogin([key]);
  team = new URL(login.url).origin;
  const access = { team, audience: AUDIENCE };
  const passwordHash = createHash("sha256").update(PASSWORD).digest("hex");
  // as deployed: no development run
  [edge, local] = await Promise.all([
    startEdge({ keys, books: true, config: config({ access, passwordHash }), env: { FARTHING_LOCAL: "0" } }),
    startEdge({ keys, books: true, config: config({ passwordHash }) }),
  ]);
});
after(() => Promise.all([edge?.stop(), local?.stop(), login?.stop?.()]));

const signed = (changes = {}) => token(key, { ...changes, claims: { iss: team, aud: [AUDIENCE], email: "editor@news.example", plan: undefined, ...changes.claims } });
const ask = (path = "", headers = {}, more = {}, at = edge) => fetch(`${at.url}/.farthing/desk${path}`, { headers, redirect: "manual", ...more });
async function closed(response, what, status = 403) {
  assert.equal(response.status, status, what);
  const body = await response.text();
  assert.ok(!/<table|Revenue|class="totals"/.test(body), what);
  assert.ok(response.headers.get("cache-control").includes("no-store"), what);
}

test("with the team's token each page is there, and the keys are asked for once", async () => {
  for (const path of ["", "/", "/articles", "/payments", "/trouble", "/articles.csv"]) {
    const response = await ask(path, { [HEADER]: signed() });
    assert.equal(response.status, 200, path);
    await response.text();
  }
  assert.equal(login.asked, 1);
  // with a request that would change something, if anything could be
  const response = await ask("", { [HEADER]: signed() }, { method: "POST", body: "x" });
  assert.equal(response.status, 405);
});

const other = newKey("RS256", "team-1");
const stranger = newKey("RS256", "stranger");
const shared = { ...newKey("RS256", "team-1"), algorithm: "HS256" };
// A naive desk looks whether there is a token, or decodes it and looks at the address in it.
const naive = (text) => {
  try {
    return JSON.parse(Buffer.from(text.split(".")[1], "base64url")).email === "editor@news.example";
  } catch {
    return false;
  }
};
const FORGED = {
  "another key by the same name": () => token(other, { claims: { iss: team, aud: [AUDIENCE], email: "editor@news.example" } }),
  "a key that nobody published": () => token(stranger, { claims: { iss: team, aud: [AUDIENCE], email: "editor@news.example" } }),
  "no signature": () => signed({ head: { alg: "none" }, by: "none" }),
  "the public key as a secret": () => token(shared, { secret: JSON.stringify(key.jwk), claims: { iss: team, aud: [AUDIENCE], email: "editor@news.example" } }),
  "another algorithm's name": () => signed({ head: { alg: "RS512" } }),
  "a cut signature": () => signed({ signature: "AAAA" }),
  "for another application": () => signed({ claims: { aud: ["another application"] } }),
  "for nobody": () => signed({ claims: { aud: undefined } }),
  "of another team": () => signed({ claims: { iss: "https://evil.cloudflareaccess.com" } }),
  "that is over": () => signed({ claims: { exp: Math.floor(Date.now() / 1000) - 5 } }),
  "without an end": () => signed({ claims: { exp: undefined } }),
  "not yet": () => signed({ claims: { nbf: Math.floor(Date.now() / 1000) + 3600 } }),
  "that says more has to be understood": () => signed({ head: { crit: ["b64"], b64: false } }),
  "with its keys elsewhere": () => token(other, { head: { jku: "https://evil.example/jwks", jwk: other.jwk, x5u: "https://evil.example" }, claims: { iss: team, aud: [AUDIENCE], email: "editor@news.example" } }),
};

test("a token that anything is wrong with opens nothing, though a naive desk believes it", async () => {
  let believed = 0;
  for (const [what, made] of Object.entries(FORGED)) {
    const text = made();
    if (naive(text)) believed += 1;
    for (const path of ["", "/payments", "/payments.csv", "/health", "/reconciliation", "/wallet.js"]) await closed(await ask(path, { [HEADER]: text }), `${what}, ${path}`);
  }
  assert.equal(believed, Object.keys(FORGED).length);
});

test("neither header games nor another method, place or spelling open it", async () => {
  const good = signed();
  const games = [
    {}, { [HEADER]: "" }, { [HEADER]: `Bearer ${good}` }, { [HEADER]: `${good}, ${good}` }, { [HEADER]: `${good}x` }, { authorization: `Bearer ${good}` },
    { cookie: `CF_Authorization=${good}` }, { cookie: `${HEADER}=${good}` }, { "x-cf-access-jwt-assertion": good }, { "cf-access-authenticated-user-email": "editor@news.example" },
    { "=token": "verified" }, { token: "verified" }, { "x-original-url": "/", "x-rewrite-url": "/" }, { "x-forwarded-host": "127.0.0.1", "cf-connecting-ip": "127.0.0.1" },
    { "x-http-method-override": "GET" }, { "payment-signature": good }, { "sign-in-with-x": good }, { authorization: `Basic ${Buffer.from(`x:${PASSWORD}`).toString("base64")}` },
    { upgrade: "websocket", connection: "upgrade" }, { accept: "text/html" },
  ].filter((headers) => Object.keys(headers).every((name) => !name.startsWith("=") && name !== "connection"));
  for (const headers of games) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
      for (const path of ["", "/", "/articles", "/none", "/payments.csv", "/refund", "/wallet.js", "?token=verified", "//payments", "/%2e%2e/desk", "/payments;x"]) {
        const response = await ask(path, headers, { method });
        assert.ok([401, 403].includes(response.status), `${method} ${path} ${JSON.stringify(headers)}: ${response.status}`);
        assert.ok(!/class="totals"/.test(await response.text()));
      }
    }
  }
  // what is not spelled like the desk is not the desk, and shows nothing of it either
  for (const path of ["/.farthing/desk.html", "/.farthing/Desk", "/.farthing/%64esk", "/.farthing//desk", "//.farthing/desk", "/.farthing/deskx", "/x/../.farthing/desk"]) {
    const response = await fetch(edge.url + path, { headers: { [HEADER]: "x" }, redirect: "manual" });
    assert.ok(!/class="totals"/.test(await response.text()), path);
  }
});

test("where the team's keys cannot be had, nobody comes in", async () => {
  const lost = await startEdge({ keys, books: true, config: config({ access: { team: "http://127.0.0.1:9", audience: AUDIENCE } }), env: { FARTHING_LOCAL: "0" } });
  try {
    await closed(await ask("", { [HEADER]: signed({ claims: { iss: "http://127.0.0.1:9" } }) }, {}, lost), "keys that do not answer");
  } finally {
    await lost.stop();
  }
});

test("without `desk` in the config, and with a config that cannot be read, it is closed", async () => {
  for (const wrong of [config(undefined), "{"]) {
    const none = await startEdge({ keys, config: wrong });
    try {
      await closed(await ask("", { [HEADER]: signed() }, {}, none), "no desk");
    } finally {
      await none.stop();
    }
  }
});

test("a password counts in a development run alone, and only the right one", async () => {
  const basic = (text) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
  const asked = await ask("", {}, {}, local);
  assert.match(asked.headers.get("www-authenticate"), /^Basic /);
  await closed(asked, "no password", 401);
  for (const text of [`x:${PASSWORD} `, "x:", PASSWORD, `x${PASSWORD}`, ":"]) await closed(await ask("", basic(text), {}, local), text, 401);
  for (const header of ["Basic", "Basic !!", `Bearer ${PASSWORD}`]) await closed(await ask("", { authorization: header }, {}, local), header, 401);
  assert.equal((await ask("", basic(`x:${PASSWORD}`), {}, local)).status, 200);
  assert.equal((await ask("", basic(`:${PASSWORD}`), {}, local)).status, 200);
  await closed(await ask("", basic(`x:${PASSWORD}`)), "deployed");
});
