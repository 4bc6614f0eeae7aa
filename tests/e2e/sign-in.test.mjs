// Who has paid comes back with one signature: @x402/extensions 2.27 against the built Worker, and what a proof must not open.
import assert from "node:assert/strict";
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { x402HTTPClient } from "@x402/core/client";
import {
  SIGN_IN_WITH_X, createSIWxClientHook, createSIWxMessage, createSIWxPayload, encodeSIWxHeader, parseSIWxHeader, validateSIWxMessage, verifySIWxSignature, wrapFetchWithSIWx,
} from "@x402/extensions";
import { privateKeyToAccount } from "viem/accounts";
import { startEdge } from "../support/edge.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { encode, officialFetch } from "../support/pay.mjs";
import { DATA, DOOR, DOT, LOG, PAWN, assertArticle, newReader, problemOf } from "./reader.mjs";

const KEYS = randomKeys();
const STATEMENT = "Read on what you have paid for.";

let paper;
before(async () => {
  paper = await startNewspaper({ keys: KEYS, change: (config) => ({ ...config, extensions: { signIn: { statement: STATEMENT } } }) });
});
after(() => paper?.stop());

const account = (reader) => privateKeyToAccount(reader.key);
const challengeOf = (offer) => offer.extensions[SIGN_IN_WITH_X];
const header = (proof) => ({ [SIGN_IN_WITH_X]: encodeSIWxHeader(proof) });
const present = (reader, path, proof, headers = {}) => reader.ask(path, { ...header(proof), ...headers });

/** The challenge of a page as a client completes it before it signs: with the account's kind and chain. */
async function challenge(reader, path) {
  const { info, supportedChains: [chain] } = challengeOf(await reader.offer(path));
  return { ...info, ...chain };
}
/** Signs whatever a challenge says, as the official client would. */
const sign = (reader, asked) => createSIWxPayload(asked, account(reader), asked.uri);
const prove = async (reader, path) => sign(reader, await challenge(reader, path));

/** A reader who has paid for `path`, and has kept nothing but the account. */
async function owner(path) {
  const reader = await newReader(paper);
  await assertArticle(await reader.send(path, await reader.sign(path)), path);
  return reader;
}

/** Refused with this problem, without a cookie, and with a challenge that can be signed. */
async function assertRefused(response, problem, says) {
  assert.equal(response.status, problem === "sign-in-malformed" ? 400 : 402);
  assert.deepEqual(response.headers.getSetCookie(), []);
  assert.equal(response.headers.get("payment-response"), null);
  if (response.status === 402) assert.ok(JSON.parse(Buffer.from(response.headers.get("payment-required"), "base64")).extensions[SIGN_IN_WITH_X].info.nonce);
  if (says) assert.match((await response.clone().json()).detail, says);
  assert.equal(await problemOf(response), problem);
}

/** The names of each ledger's own tables: none where nothing was ever stored. */
async function tables() {
  const found = await paper.edge.query("SELECT name FROM sqlite_master WHERE name IN ('payment', 'identifier', 'owned', 'nonce')");
  return found.map(({ rows }) => rows);
}

/** The answer to somebody who sent nothing that counts. */
async function assertOffered(response) {
  assert.equal(response.status, 402);
  assert.match((await response.json()).type, /\/payment-required$/);
}

/** What a program sends, and how often its wallet is asked to sign. */
function watched(reader) {
  const sent = [];
  const seen = async (...request) => {
    const { headers } = new Request(...request);
    sent.push(["payment-signature", SIGN_IN_WITH_X].filter((name) => headers.has(name)).join() || "nothing");
    return fetch(...request);
  };
  return { sent, fetch: seen, wallet: account(reader) };
}

test("the official client pays once and comes back with a signature alone", async () => {
  const reader = await newReader(paper);
  const { sent, fetch, wallet } = watched(reader);
  const extend = (client) => new x402HTTPClient(client).onPaymentRequired(createSIWxClientHook(wallet));
  const pay = officialFetch({ key: reader.key, fetch, extend });
  const bought = await assertArticle(await pay(paper.site + LOG), LOG);
  assert.deepEqual(sent.splice(0), ["nothing", SIGN_IN_WITH_X, "payment-signature"]);
  const again = await pay(paper.site + LOG);
  assert.deepEqual((await assertArticle(again, LOG)).transaction, bought.transaction, "the transfer it was bought with");
  assert.deepEqual(sent.splice(0), ["nothing", SIGN_IN_WITH_X]);
  assert.equal((await reader.transfers()).length, 1);
  // a browser that lost its cookies has them again
  const cookie = again.headers.getSetCookie().map((line) => line.split(";")[0]);
  assert.deepEqual(cookie.map((pair) => pair.split("=")[0]), ["__Secure-farthing", "__Host-farthing"]);
  for (const one of cookie) await assertArticle(await reader.ask(LOG, { cookie: one }), LOG);
});

test("wrapFetchWithSIWx opens what was paid for, from another device and after a restart", async () => {
  const reader = await owner(DOOR);
  const elsewhere = reader.as({ from: "203.0.113.9" });
  const asked = paper.facilitator.log.length;
  const open = wrapFetchWithSIWx((request, init) => fetch(request, init), account(elsewhere));
  await assertArticle(await open(paper.site + DOOR), DOOR);
  await paper.edge.restart();
  await assertArticle(await open(paper.site + DOOR), DOOR);
  assert.equal(paper.facilitator.log.length, asked, "nobody is asked about money");
});

test("a stranger, and an owner of something else, is told so and leaves nothing behind", async () => {
  const kept = (await tables()).filter((names) => names.length > 0).length;
  const stranger = await newReader(paper);
  const proof = await prove(stranger, PAWN);
  for (let times = 0; times < 3; times++) await assertRefused(await present(stranger, PAWN, proof), "not-owned");
  assert.equal((await tables()).filter((names) => names.length > 0).length, kept, "an object that was asked stores nothing (threat B8)");
  const reader = await owner(PAWN);
  await assertRefused(await present(reader, LOG, await prove(reader, LOG)), "not-owned");
});

test("what is paid for by the call has no challenge, and proofs there are not looked at", async () => {
  const reader = await owner(DATA);
  const offer = await reader.offer(DATA);
  assert.equal(challengeOf(offer), undefined);
  await assertOffered(await present(reader, DATA, await prove(reader, PAWN)));
});

test("the official server's checks pass on our challenge; its origin check stops a proxy before anything is signed", async () => {
  const reader = await owner(PAWN);
  const proof = await prove(reader, PAWN);
  const payload = parseSIWxHeader(encodeSIWxHeader(proof));
  assert.deepEqual(await validateSIWxMessage(payload, new URL(paper.site)), { isValid: true });
  assert.equal((await verifySIWxSignature(payload)).isValid, true);
  assert.equal(payload.statement, STATEMENT);
  // somebody else's site hands our challenge on
  const paymentRequired = { extensions: { [SIGN_IN_WITH_X]: challengeOf(await reader.offer(PAWN)) } };
  const hook = createSIWxClientHook(account(reader));
  assert.equal(await hook({ paymentRequired, requestUrl: "https://evil.example/articles" }), undefined);
});

test("E11 a proof opens a page once, also when it comes eight times at once and after a restart", async () => {
  const reader = await owner(DOT);
  const proof = await prove(reader, DOT);
  const answers = await Promise.all(Array.from({ length: 8 }, () => present(reader, DOT, proof)));
  const [opened, ...others] = answers.sort((one, other) => one.status - other.status);
  await assertArticle(opened, DOT);
  for (const other of others) await assertRefused(other, "sign-in-used");
  await paper.edge.restart();
  await assertRefused(await present(reader, DOT, proof), "sign-in-used");
  // the same nonce in another spelling, signed anew, is not another nonce
  const loud = await sign(reader, { ...proof, nonce: proof.nonce.toUpperCase() });
  await assertRefused(await present(reader, DOT, loud), "sign-in-invalid");
});

test("E11 a proof that was used up while the origin failed has brought its pass", async () => {
  const reader = await owner(DOT);
  const proof = await prove(reader, DOT);
  paper.origin.script(DOT, 500);
  const failed = await present(reader, DOT, proof);
  const cookie = failed.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  assert.equal(await problemOf(failed), "paid-not-delivered");
  await assertRefused(await present(reader, DOT, proof), "sign-in-used");
  await assertArticle(await reader.ask(DOT, { cookie }), DOT);
});

test("E11 a proof for another page, or for another site with the same keys, opens nothing", async (t) => {
  const reader = await owner(PAWN);
  await assertArticle(await reader.send(LOG, await reader.sign(LOG)), LOG);
  const other = await prove(reader, LOG);
  await assertRefused(await present(reader, PAWN, other), "sign-in-invalid", /not this page's challenge/);
  // and it was not used up by that
  await assertArticle(await present(reader, LOG, other), LOG);
  const neighbour = await startEdge({ keys: KEYS, config: (site) => ({ ...paper.config, site }) });
  t.after(() => neighbour.stop());
  const there = await challenge(reader.as({ site: neighbour.url }), PAWN);
  assert.equal(there.domain, new URL(neighbour.url).host);
  await assertRefused(await present(reader, PAWN, await sign(reader, there)), "sign-in-invalid", /nonce/);
  // the neighbour's nonce in a challenge of this site
  const here = await challenge(reader, PAWN);
  await assertRefused(await present(reader, PAWN, await sign(reader, { ...here, nonce: there.nonce })), "sign-in-invalid", /nonce/);
  // and the other way round, where the account owns nothing
  const away = reader.as({ site: neighbour.url });
  await assertRefused(await present(away, PAWN, await sign(reader, here)), "sign-in-invalid", /nonce/);
  await assertRefused(await present(away, PAWN, await sign(reader, there)), "not-owned");
});

test("E11 a proof is the challenge unchanged: whatever else its owner signs is refused", async () => {
  const reader = await owner(PAWN);
  const asked = await challenge(reader, PAWN);
  const issued = Date.parse(asked.issuedAt);
  const at = (seconds) => new Date(issued + seconds * 1000).toISOString().replace(".000Z", "Z");
  const evil = "http://evil.example";
  const changes = {
    statement: ["Sign here to win a prize.", `${STATEMENT} `, ""],
    issuedAt: [at(-1), at(1), at(60), asked.issuedAt.replace("Z", ".000Z"), asked.issuedAt.replace("Z", "+00:00")],
    expirationTime: [at(299), at(301), at(86_400), undefined],
    notBefore: [at(0), at(-60), at(60)],
    requestId: ["1"],
    domain: ["evil.example", "LOCALHOST", `${asked.domain}.evil.example`],
    uri: [`${evil}/articles`, paper.site + LOG, `${asked.uri}/`, `${asked.uri}?x=1`, paper.site],
    resources: [[], undefined, [asked.uri, evil], [evil], [`${asked.uri}\n- ${evil}`]],
    version: ["2"],
    chainId: ["eip155:1"],
    type: ["eip1271"],
  };
  const good = await sign(reader, asked);
  let verified = 0;
  for (const [name, values] of Object.entries(changes)) {
    for (const value of values) {
      const changed = { ...good, [name]: value };
      await assertRefused(await present(reader, PAWN, changed), "sign-in-invalid");
      // the same signed by its owner, where the official package writes such a text at all
      let message;
      try {
        message = createSIWxMessage(changed, reader.address);
      } catch {
        continue;
      }
      const signed = { ...changed, signature: await account(reader).signMessage({ message }) };
      verified += (await verifySIWxSignature(signed)).isValid ? 1 : 0;
      await assertRefused(await present(reader, PAWN, signed), "sign-in-invalid");
    }
  }
  assert.ok(verified > 20, `${verified}: the official verifier finds nothing wrong with these signatures`);
  await assertArticle(await present(reader, PAWN, good), PAWN);
});

test("E11 another account's signature, and one that only a contract could check, is refused", async () => {
  const [reader, thief] = [await owner(PAWN), await newReader(paper)];
  const asked = await challenge(reader, PAWN);
  const [mine, theirs] = [await sign(reader, asked), await sign(thief, asked)];
  const wrong = { ...theirs, address: reader.address };
  await assertRefused(await present(reader, PAWN, wrong), "sign-in-invalid", /not by the account/);
  await assertRefused(await present(reader, PAWN, { ...mine, address: thief.address }), "sign-in-invalid", /not by the account/);
  const parts = [mine.signature.slice(2, 66), mine.signature.slice(66, 130)];
  const high = (0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n - BigInt(`0x${parts[1]}`)).toString(16).padStart(64, "0");
  const malleable = `0x${parts[0]}${high}${mine.signature.endsWith("1b") ? "1c" : "1b"}`;
  for (const signature of [malleable, "0x", mine.signature.slice(0, -2), `0x${"00".repeat(65)}`, `0x${"ff".repeat(65)}`]) {
    await assertRefused(await present(reader, PAWN, { ...mine, signature }), "sign-in-invalid");
  }
  for (const signature of [`${mine.signature}00`, `0x${"ab".repeat(200)}`]) {
    await assertRefused(await present(reader, PAWN, { ...mine, signature }), "sign-in-invalid", /contract wallets/);
  }
  await assertArticle(await present(reader, PAWN, mine), PAWN);
});

/** A nonce as the site makes them, for any time: what its secret alone can do. */
function nonceAt(seconds, { keys = KEYS, host = new URL(paper.site).host, label = "farthing v1 sign-in" } = {}) {
  const secret = Buffer.from(keys.split(":")[1], "base64url");
  const key = Buffer.from(hkdfSync("sha256", secret, "", label, 32));
  const body = Buffer.concat([Buffer.alloc(4), randomBytes(4)]);
  body.writeUInt32BE(seconds);
  return Buffer.concat([body, createHmac("sha256", key).update(body).update(host).digest().subarray(0, 8)]).toString("hex");
}

test("E11 a challenge counts for five minutes, and not before it was made", async () => {
  const reader = await owner(PAWN);
  const asked = await challenge(reader, PAWN);
  const text = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
  const made = (age) => {
    const issued = Math.floor(Date.now() / 1000) - age;
    return sign(reader, { ...asked, nonce: nonceAt(issued), issuedAt: text(issued), expirationTime: text(issued + 300) });
  };
  for (const age of [305, 3600, 30 * 86_400, -40, -86_400]) await assertRefused(await present(reader, PAWN, await made(age)), "sign-in-invalid", /nonce/);
  // the same by the same hand in time: so it was the age alone
  for (const age of [0, 290, -20]) await assertArticle(await present(reader, PAWN, await made(age)), PAWN);
});

test("E6 a nonce that was changed anywhere, or made with another key or for another purpose, is not the site's", async () => {
  const reader = await owner(PAWN);
  const asked = await challenge(reader, PAWN);
  const now = Math.floor(Date.parse(asked.issuedAt) / 1000);
  const bytes = Buffer.from(asked.nonce, "hex");
  const flipped = [...bytes.keys()].map((index) => {
    const copy = Buffer.from(bytes);
    copy[index] ^= 1 << (index % 8);
    return copy.toString("hex");
  });
  const offer = await reader.offer(PAWN);
  const forged = [
    ...flipped, bytes.toString("hex").toUpperCase(), `${asked.nonce}00`, asked.nonce.slice(2), "0".repeat(32), randomBytes(16).toString("hex"),
    nonceAt(now, { keys: randomKeys() }), nonceAt(now, { host: "news.example" }), nonceAt(now, { host: "" }),
    ...["quote", "pass", "handle", "tag", "address", "receipt"].map((purpose) => nonceAt(now, { label: `farthing v1 ${purpose}` })),
    Buffer.from(offer.accepts[0].extra.quote.split(".")[2], "base64url").toString("hex").slice(0, 32),
  ];
  for (const nonce of forged) {
    await assertRefused(await present(reader, PAWN, await sign(reader, { ...asked, nonce })), "sign-in-invalid", /nonce/);
  }
  await assertArticle(await present(reader, PAWN, await sign(reader, { ...asked, nonce: nonceAt(now) })), PAWN);
});

test("E6 a proof is no pass, and neither a pass nor a payment is a proof", async () => {
  const reader = await owner(PAWN);
  const bought = await present(reader, PAWN, await prove(reader, PAWN));
  const pass = bought.headers.getSetCookie()[0].split(";")[0].split("=")[1];
  const proof = encodeSIWxHeader(await prove(reader, PAWN));
  for (const name of ["__Secure-farthing", "__Host-farthing"]) assert.equal((await reader.ask(PAWN, { cookie: `${name}=${proof}` })).status, 402);
  const payment = await reader.sign(PAWN);
  for (const value of [pass, payment.value]) await assertRefused(await reader.ask(PAWN, { [SIGN_IN_WITH_X]: value }), "sign-in-malformed");
});

test("C5 what cannot be read as a proof answers 400, and never opens", async () => {
  const reader = await owner(PAWN);
  const proof = await prove(reader, PAWN);
  const without = (name) => Object.fromEntries(Object.entries(proof).filter(([key]) => key !== name));
  const required = ["domain", "address", "uri", "version", "chainId", "type", "nonce", "issuedAt", "signature"];
  const values = [
    "", "x", "%", "e30=", encode("null"), encode("[]"), encode("{"), encode(`{"domain":"a",${JSON.stringify(proof).slice(1)}`), encode({ ...proof, more: "x".repeat(9000) }),
    ...required.flatMap((name) => [encode(without(name)), encode({ ...proof, [name]: 7 })]), encode({ ...proof, resources: "x" }),
    `${encode(proof)}, ${encode(proof)}`,
  ];
  for (const value of values) await assertRefused(await reader.ask(PAWN, { [SIGN_IN_WITH_X]: value }), "sign-in-malformed");
  await assertRefused(await present(reader, PAWN, { ...proof, statement: null }), "sign-in-invalid");
  await assertArticle(await present(reader, PAWN, proof), PAWN);
});

test("a proof counts with GET and without a payment or a pass, and stays between client and site", async () => {
  const reader = await owner(PAWN);
  const proof = await prove(reader, PAWN);
  for (const method of ["HEAD", "POST", "PUT"]) assert.equal((await reader.ask(PAWN, header(proof), { method })).status, 402, method);
  const payment = await reader.sign(DOOR);
  await assertArticle(await reader.send(DOOR, payment, header(proof)), DOOR);
  paper.origin.reset();
  const opened = await present(reader, PAWN, proof, { accept: "text/html" });
  const cookie = opened.headers.getSetCookie()[0].split(";")[0];
  await assertArticle(opened, PAWN);
  await assertArticle(await reader.ask(PAWN, { cookie, [SIGN_IN_WITH_X]: "x" }), PAWN);
  const [asked] = paper.origin.requestsTo(PAWN);
  assert.equal(asked.headers[SIGN_IN_WITH_X], undefined);
});

test("without signIn there is no challenge, and a proof is not looked at", async (t) => {
  const reader = await owner(PAWN);
  const proof = await prove(reader, PAWN);
  await paper.edge.restart({ config: { ...paper.config, extensions: { signIn: false } } });
  t.after(() => paper.edge.restart({ config: paper.config }));
  assert.equal(challengeOf(await reader.offer(PAWN)), undefined);
  await assertOffered(await present(reader, PAWN, proof));
});
