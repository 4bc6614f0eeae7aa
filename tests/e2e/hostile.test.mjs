// Taking access back: single purchases by a signed order, and all of a kid by the config, with the built Worker, a chain and a
// facilitator. The Worker's clock is moved on by its door.
import assert from "node:assert/strict";
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, beforeEach, test } from "node:test";
import { SIGN_IN_WITH_X, createSIWxPayload, encodeSIWxHeader } from "@x402/extensions";
import { privateKeyToAccount } from "viem/accounts";
import { run } from "../../tools/lib/run.mjs";
import { startEdge } from "../support/edge.mjs";
import { buildLater, timeOf } from "../support/later.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { nonceFor, signPayment } from "../support/pay.mjs";
import { page, startShop } from "../support/shop.mjs";
import { problemOf, resend } from "./reader.mjs";

const COMMAND = join(import.meta.dirname, "../../js/dist/cli/farthing.js");
const KEYS = randomKeys();
const BLOG = "https://blog.example";
const OFFERS = {
  ten: { title: "Ten articles", count: 10, for: "30d", price: "$0.40" },
  day: { title: "A day of everything", covers: ["/articles/*"], for: "24h", price: "$0.50" },
};

let shop;
let edge;
let time;
let folder;
const build = buildLater();
const configs = {};
before(async () => {
  shop = await startShop({
    routes: [{ match: "/articles/*", price: "$0.05", access: "30d" }], edges: { edge: (network) => [network] }, offers: OFFERS,
    extensions: { signIn: { statement: "Read on." } }, config: { revocation: { list: true }, cors: [BLOG] }, timeoutSeconds: 30, keys: KEYS, build: build.folder,
  });
  edge = shop.edge;
  time = timeOf(edge);
  folder = await mkdtemp(join(tmpdir(), "farthing-revoke-"));
  configs.list = {
    site: edge.url, origin: { url: shop.origin.url }, money: "real", networks: [shop.chain.network], offers: OFFERS, cors: [BLOG],
    payTo: { eip155: (await (await shop.newPayer({ edge, approve: false })).offer("/articles/0")).accepts[0].payTo },
    settlement: { facilitators: [{ url: shop.bad.url }], rpc: { [shop.chain.network]: [shop.badRpc.url] }, timeoutSeconds: 30 },
    extensions: { signIn: { statement: "Read on." } }, revocation: { list: true }, routes: [{ match: "/articles/*", price: "$0.05", access: "30d" }],
  };
  await writeFile(join(folder, "farthing.jsonc"), JSON.stringify(configs.list));
});
after(async () => {
  await shop?.stop();
  build.remove();
  if (folder) await rm(folder, { recursive: true, force: true });
});

// The clock begins anew: the command has none of its own, and its orders hold for five minutes.
beforeEach(() => edge.restart({ config: configs.list, keys: KEYS }));

let number = 0;
const fresh = () => `/articles/${++number}`;
const newPayer = (at = edge) => shop.newPayer({ edge: at, approve: false });
const cookiesOf = (response) => response.headers.getSetCookie().map((line) => line.split(";")[0]);
const jar = (cookies) => ({ cookie: cookies.join("; ") });
const named = (cookies, name) => cookies.filter((cookie) => cookie.split("=")[0] === name);
const passOf = (cookies) => named(cookies, "__Secure-farthing");
const handleOf = (cookies) => named(cookies, "__Host-farthing");
const valueOf = ([cookie]) => cookie.slice(cookie.indexOf("=") + 1);

async function assertOpens(response, path) {
  const text = await response.text();
  assert.equal(response.status, 200, text.slice(0, 300));
  assert.equal(text, page(path));
}
/** Nothing is opened, and what it costs is said. */
async function assertOffers(response, why) {
  await response.text();
  assert.deepEqual([response.status, response.headers.has("payment-required"), cookiesOf(response).length], [402, true, 0], why);
}

/** Buys an offer at an article, in the Worker's time: its cookies and receipt. */
async function buy(payer, path, name, headers = {}) {
  const offer = await payer.offer(path);
  const index = name === undefined ? 0 : offer.accepts.findIndex(({ extra }) => extra.offer?.name === name);
  const payment = await signPayment({ offer, index, key: payer.key, nonce: nonceFor(offer, index), validBefore: await time.now() + 290 });
  const answer = await resend(() => payer.send(path, payment, headers));
  await assertOpens(answer, path);
  return { answer, payment, cookies: cookiesOf(answer), receipt: answer.headers.get("farthing-receipt") };
}

/** A proof of the account, as a header. */
async function proof(payer, path) {
  const { info, supportedChains: [chain] } = (await payer.offer(path)).extensions[SIGN_IN_WITH_X];
  return { [SIGN_IN_WITH_X]: encodeSIWxHeader(await createSIWxPayload({ ...info, ...chain }, privateKeyToAccount(payer.key), info.uri)) };
}
const spend = (path, cookies) => fetch(`${edge.url}/.farthing/spend?path=${encodeURIComponent(path)}`, {
  method: "POST", redirect: "manual", headers: { ...jar(cookies), "sec-fetch-site": "same-origin" },
});

const command = (args, { keys = KEYS, cwd = folder } = {}) => {
  const { FARTHING_KEYS, ...env } = process.env;
  return run(process.execPath, [COMMAND, "revoke", ...args], { check: false, cwd, env: keys === null ? env : { ...env, FARTHING_KEYS: keys } });
};
async function revoke(what, ...more) {
  const { code, out, err } = await command([what, ...more, "--json"]);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

/** An order as anybody with these keys would write it. */
function orderWith({ keys = KEYS, site = edge.url, undo = false, at = Date.now(), receipt = randomBytes(16), payer = randomBytes(8), purpose = "order" }) {
  const [kid, key] = keys.split(",")[0].split(":");
  const derived = Buffer.from(hkdfSync("sha256", Buffer.from(key, "base64url"), "", `farthing v1 ${purpose}`, 32));
  const payload = Buffer.concat([Buffer.from([undo ? 1 : 0]), Buffer.alloc(8), receipt, payer]);
  payload.writeBigUInt64BE(BigInt(at), 1);
  const signed = `v1.${kid}.${payload.toString("base64url")}`;
  return `${signed}.${createHmac("sha256", derived).update(`${signed}\0${site}`).digest("base64url")}`;
}
const send = (order, at = edge) => fetch(`${at.url}/.farthing/revoke`, { method: "POST", headers: order === undefined ? {} : { "farthing-order": order } });
const tallies = async (at = edge) => (await readdir(join(at.state, "do", "farthing-Tally")).catch(() => [])).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));


test("1 revoke, buy again, revoke that, undo the first: the first payment opens nothing by handle, sign-in or payment", async () => {
  const path = fresh();
  const payer = await newPayer();
  const first = await buy(payer, path);
  await revoke(first.receipt);
  await time.later(61);
  const second = await buy(payer, path);
  await revoke(second.receipt);
  console.log("undo:", await revoke(first.receipt, "--undo"));
  await time.later(61);
  const show = async (what, response) => { const text = await response.text(); console.log(" ", what, response.status, (/problems\/([a-z-]+)/.exec(text) ?? [])[1] ?? ""); };
  await show("first pass cookie", await payer.ask(path, jar(passOf(first.cookies))));
  await show("handle", await payer.ask(path, jar(handleOf(second.cookies))));
  await show("what the browser holds (second cookies)", await payer.ask(path, jar(second.cookies)));
  await show("sign-in", await payer.ask(path, await proof(payer, path)));
  const third = await buy(payer, path);
  console.log("  paid again:", third.receipt !== first.receipt, "transfers:", (await payer.transfers()).length);
});

test("2 an order of a clock that is behind is answered as if it held", async () => {
  const path = fresh();
  const payer = await newPayer();
  const first = await buy(payer, path);
  const now = Date.now() + ((await time.now()) - Math.floor(Date.now() / 1000)) * 1000;
  const bytes = Buffer.from(valueOf(passOf(first.cookies)).split(".")[2], "base64url");
  const undone = await send(orderWith({ receipt: bytes.subarray(17, 33), payer: bytes.subarray(1, 9), undo: true, at: now + 240_000 }));
  console.log("undo:", undone.status, await undone.text());
  const { code, out } = await command([first.receipt]);
  console.log("command:", code, out.trim());
  await time.later(61);
  const open = await payer.ask(path, jar(passOf(first.cookies)));
  await open.text();
  console.log("the pass after 61 s:", open.status);
});

test("3 one failure of the list's object opens what is revoked for half a minute in an isolate that is new", async () => {
  const path = fresh();
  const payer = await newPayer();
  const first = await buy(payer, path);
  await revoke(first.receipt);
  await time.later(61);
  await edge.restart();
  await time.tally("throw");
  const ask = async () => { const r = await payer.ask(path, jar(passOf(first.cookies))); await r.text(); return r.status; };
  console.log("object throws once:", await ask());
  await time.tally("");
  await time.later(29);
  console.log("29 s later, the object is well:", await ask());
  await time.later(2);
  console.log("31 s later:", await ask());
});

test("6 a forged pass revokes, and the receipt does not give it back", async () => {
  const path = fresh();
  const payer = await newPayer();
  const first = await buy(payer, path);
  const bytes = Buffer.from(valueOf(passOf(first.cookies)).split(".")[2], "base64url");
  // what anybody can make of the receipt's id: its digest, another payer, no MAC
  const forged = Buffer.concat([bytes.subarray(0, 1), Buffer.alloc(16, 7), bytes.subarray(17)]);
  const { code, out, err } = await command([`v1.k1.${forged.toString("base64url")}.${"A".repeat(43)}`]);
  console.log("forged:", code, out.trim(), err.trim());
  await time.later(61);
  let r = await payer.ask(path, jar(passOf(first.cookies))); await r.text();
  console.log("the victim's pass:", r.status);
  const undo = await command([first.receipt, "--undo"]);
  console.log("undo:", undo.code, undo.out.trim());
  await time.later(61);
  r = await payer.ask(path, jar(passOf(first.cookies))); await r.text();
  console.log("the victim's pass after the undo:", r.status);
  r = await payer.ask(path, jar(handleOf(first.cookies))); const t = await r.text();
  console.log("by handle:", r.status, (/problems\/([a-z-]+)/.exec(t) ?? [])[1]);
  const offer = await payer.offer(path);
  const again = await signPayment({ offer, key: payer.key, nonce: nonceFor(offer), validBefore: await time.now() + 290 });
  r = await resend(() => payer.send(path, again)); const a = await r.text();
  console.log("pays again:", r.status, (/problems\/([a-z-]+)/.exec(a) ?? [])[1], "transfers", (await payer.transfers()).length);
});

test("7 in flight: the article's purchase is revoked while the second payment is claimed, and undone before it settles; two isolates are not here", async () => {
  const path = fresh();
  const payer = await newPayer();
  const first = await buy(payer, path);
  await revoke(first.receipt);
  await time.later(61);
  const offer = await payer.offer(path);
  const p2 = await signPayment({ offer, key: payer.key, nonce: nonceFor(offer), validBefore: await time.now() + 290 });
  const p3 = await signPayment({ offer, key: payer.key, nonce: nonceFor(offer), validBefore: await time.now() + 290 });
  const all = await Promise.all([p2, p3, p2, p3].map((p) => resend(() => payer.send(path, p))));
  for (const r of all) { await r.text(); console.log("  twin", r.status, r.headers.get("farthing-receipt")?.slice(0, 6)); }
  console.log("transfers:", (await payer.transfers()).length);
});
