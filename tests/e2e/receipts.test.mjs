// `/.farthing/receipts/:id` in workerd: where a payment stands while that is open, and its receipt afterwards; for who has the id, and
// for nobody else.
import assert from "node:assert/strict";
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { verifyReceiptSignatureEIP712 } from "@x402/extensions";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { payTo } from "../support/accounts.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { rebuildFromCallData } from "../support/pay.mjs";
import { DATA, DOOR, DOT, LOG, PRICES, assertArticle, impatient, needles, newReader, problemOf, resend, until } from "./reader.mjs";

const keys = randomKeys();
let paper;
before(async () => {
  const change = (config) => ({ ...impatient()(config), extensions: { receipts: true } });
  paper = await startNewspaper({ hostile: true, keys, change });
});
after(() => paper?.stop());
afterEach(() => {
  paper.badFacilitator.reset();
  paper.badRpc.reset();
});

/** A payment whose outcome is open: nobody answers. */
async function open(path, { mode = "die", ...more } = {}) {
  const reader = await newReader(paper);
  const payment = await reader.sign(path, more);
  paper.badFacilitator.always("/settle", mode);
  paper.badRpc.always("*", "die");
  return { reader, payment, response: await reader.send(path, payment) };
}
function recover() {
  paper.badFacilitator.reset();
  paper.badRpc.reset();
}

/** Where a pending answer says to ask; both places say the same. */
async function statusUrlOf(response) {
  assert.equal(response.status, 503);
  const link = response.headers.get("link");
  assert.equal(response.headers.get("payment-response"), null);
  const { type, statusUrl } = await response.json();
  assert.match(type, /settlement-pending$/);
  assert.equal(link, `<${statusUrl}>; rel="status"`);
  assert.match(statusUrl, new RegExp(`^${paper.site}/\\.farthing/receipts/[A-Za-z0-9_-]{56}$`));
  return statusUrl;
}

/** The document at a URL, as anybody may read it who has it. */
async function documentAt(url) {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("cache-control"), "private, no-store");
  assert.deepEqual(response.headers.getSetCookie(), []);
  for (const needle of Object.values(needles).flat()) assert.ok(!text.includes(needle), "S1");
  const document = JSON.parse(text);
  assert.equal(document.id, url.split("/").at(-1));
  assert.equal(response.headers.get("retry-after"), document.retryAfter === undefined ? null : String(document.retryAfter));
  return document;
}

/** The site's id for a payer, made here from the secret: 12 random bytes, the masked address, ten bytes of a MAC. */
function idFor(address, { site = paper.site, secret = keys } = {}) {
  const key = Buffer.from(hkdfSync("sha256", Buffer.from(secret.split(":")[1], "base64url"), "", "farthing v1 receipt-id", 32));
  const mac = (...parts) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();
  const random = randomBytes(12);
  const mask = mac(Buffer.from([1]), random);
  const hidden = Buffer.from(address.slice(2), "hex").map((byte, index) => byte ^ mask[index]);
  return Buffer.concat([random, hidden, mac(Buffer.from([2]), random, hidden, Buffer.from(site)).subarray(0, 10)]).toString("base64url");
}
const at = (id) => `${paper.site}/.farthing/receipts/${id}`;
const ledgers = async () => (await readdir(join(paper.edge.state, "do", "farthing-Ledger")).catch(() => [])).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));

test("one address from the first 503 to the signed receipt", async () => {
  const { reader, payment, response } = await open(DOOR);
  const url = await statusUrlOf(response);
  const pending = await documentAt(url);
  assert.equal(pending.state, "pending");
  assert.ok(pending.retryAfter >= 1 && pending.retryAfter <= 10);
  assert.deepEqual(
    { resource: pending.resource, network: pending.network, asset: pending.asset, payTo: pending.payTo, amount: pending.amount },
    { resource: paper.site + DOOR, network: paper.network, asset: paper.chain.token.address, payTo: payTo.address, amount: String(PRICES[DOOR]) },
  );
  assert.ok(!JSON.stringify(pending).toLowerCase().includes(reader.address.slice(2).toLowerCase()), "nothing says who pays");
  recover();
  const paid = await resend(() => reader.send(DOOR, payment));
  assert.equal(paid.headers.get("farthing-receipt"), pending.id);
  const { transaction } = await assertArticle(paid, DOOR);
  const receipt = await documentAt(url);
  assert.equal(receipt.state, "settled");
  assert.equal(receipt.transaction, transaction);
  assert.ok(Date.parse(receipt.settledAt) >= Date.parse(receipt.firstSeen));
  const { signer, payload } = await verifyReceiptSignatureEIP712(receipt.extensions["offer-receipt"].info.receipt);
  const { signers } = await (await fetch(`${paper.site}/.farthing/receipts-key`)).json();
  assert.deepEqual(signers.map(({ address }) => address), [signer]);
  assert.deepEqual([payload.resourceUrl, payload.transaction, payload.payer], [paper.site + DOOR, transaction, reader.address]);
});

test("a paid answer's id leads to the receipt at once, for calls as for articles", async () => {
  for (const path of [DOT, DATA]) {
    const reader = await newReader(paper);
    const response = await reader.send(path, await reader.sign(path));
    const { transaction } = await assertArticle(response, path);
    const receipt = await documentAt(at(response.headers.get("farthing-receipt")));
    assert.deepEqual([receipt.state, receipt.transaction, receipt.resource], ["settled", transaction, paper.site + path]);
  }
});

test("what ends without money says how: expired, cancelled", async () => {
  const late = await open(DOOR, { validBefore: Math.floor(Date.now() / 1000) + 9 });
  const expired = await statusUrlOf(late.response);
  recover();
  const gone = await open(DOOR);
  const cancelled = await statusUrlOf(gone.response);
  await paper.chain.cancel({ key: gone.reader.key, nonce: gone.payment.authorization.nonce });
  recover();
  await resend(() => gone.reader.send(DOOR, gone.payment));
  assert.equal((await documentAt(cancelled)).state, "cancelled");
  await until("the window is over", () => Date.now() / 1000 > Number(late.payment.authorization.validBefore) + 1);
  await paper.chain.warp(60);
  await resend(() => late.reader.send(DOOR, late.payment));
  const { state, transaction, settledAt } = await documentAt(expired);
  assert.deepEqual([state, transaction, settledAt], ["expired", undefined, undefined]);
});

test("a refusal says where to look, for it may not be the last word: the same payment, with money, settles there", async () => {
  const reader = await newReader(paper, { funds: 0n });
  const payment = await reader.sign(DOOR);
  const refused = await reader.send(DOOR, payment);
  assert.equal(refused.status, 402);
  const { statusUrl } = await refused.json();
  assert.equal(refused.headers.get("link"), `<${statusUrl}>; rel="status"`);
  const { state, reason } = await documentAt(statusUrl);
  assert.equal(state, "refused");
  assert.match(reason, /^[a-z0-9_]+$/);
  await paper.chain.setBalance(reader.address, 10_000_000n);
  const paid = await reader.send(DOOR, payment);
  const { transaction } = await assertArticle(paid, DOOR);
  const receipt = await documentAt(statusUrl);
  assert.deepEqual([receipt.state, receipt.transaction, receipt.reason], ["settled", transaction, undefined]);
});

test("A16 who rebuilds a header from the chain while it is unknown here is not told where to ask", async () => {
  const { reader, payment, response } = await open(DOOR, { mode: "die-after-settle", v1: true });
  await statusUrlOf(response);
  const [{ transaction }] = await reader.transfers();
  const offer = await reader.offer(DOOR, { v1: true });
  const rebuilt = rebuildFromCallData(await paper.chain.client.getTransaction({ hash: transaction }), { offer });
  const thief = reader.as({ from: "203.0.113.9" });
  for (const headers of [rebuilt.headers, payment.headers]) {
    const answer = await thief.ask(DOOR, headers);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("link"), null);
    assert.equal((await answer.json()).statusUrl, undefined);
  }
  recover();
  await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
});

test("B8 made-up ids find nothing, ask nobody and leave nothing", async () => {
  const before = await ledgers();
  const stranger = privateKeyToAddress(generatePrivateKey());
  const reader = await newReader(paper);
  const good = (await reader.send(LOG, await reader.sign(LOG))).headers.get("farthing-receipt");
  const mine = await ledgers();
  assert.equal(mine.length, before.length + 1);
  const last = good.at(-1) === "A" ? "B" : "A";
  for (const id of [
    "", "x", "0".repeat(32), "A".repeat(56), randomBytes(42).toString("base64url"), good.slice(0, -1), `${good}A`, good.slice(0, -1) + last, `${good}/`, good.toLowerCase(),
    idFor(stranger, { secret: randomKeys() }), idFor(stranger, { site: "https://elsewhere.example" }),
  ]) {
    const response = await fetch(at(id));
    assert.equal(response.status, 404, id);
    assert.equal(await problemOf(response), "no-such-endpoint");
  }
  assert.deepEqual(await ledgers(), mine, "no object was asked");
  // an id that the site's own secret made, of somebody who never paid, and another one of somebody who did
  for (const address of [stranger, reader.address]) assert.equal((await fetch(at(idFor(address)))).status, 404);
  for (const { ledger, rows } of await paper.edge.query("SELECT count(*) AS tables FROM sqlite_master WHERE name = 'payment'")) {
    assert.ok(rows[0].tables === 1 || !mine.includes(`${ledger}.sqlite`), "nothing is stored for a look");
  }
  assert.equal((await fetch(at(good), { method: "POST" })).status, 405);
  assert.equal((await documentAt(`${at(good)}`)).state, "settled");
});

test("G4 an id outlives its key for as long as the secret has it", async () => {
  const reader = await newReader(paper);
  const id = (await reader.send(DOOR, await reader.sign(DOOR))).headers.get("farthing-receipt");
  const next = randomKeys("k2");
  await paper.edge.restart({ keys: `${next},${keys}` });
  assert.equal((await documentAt(at(id))).state, "settled");
  await paper.edge.restart({ keys: next });
  assert.equal((await fetch(at(id))).status, 404);
  await paper.edge.restart({ keys });
  assert.equal((await documentAt(at(id))).state, "settled");
});

test("nothing of it is the way to an article", async () => {
  const reader = await newReader(paper);
  const response = await reader.send(DOOR, await reader.sign(DOOR));
  const id = response.headers.get("farthing-receipt");
  for (const headers of [{ accept: "text/html" }, { cookie: `__Secure-farthing=${id}` }, { cookie: `__Host-farthing=${id}` }]) {
    assert.equal((await reader.ask(DOOR, headers)).status, 402);
    assert.equal((await reader.ask(`/.farthing/receipts/${id}`, headers)).headers.get("content-type"), "application/json");
  }
});
