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

/** A token as anybody with these keys would write it. */
function sealed(purpose, payload, context, keys = KEYS) {
  const [kid, key] = keys.split(",")[0].split(":");
  const derived = Buffer.from(hkdfSync("sha256", Buffer.from(key, "base64url"), "", `farthing v1 ${purpose}`, 32));
  const signed = `v1.${kid}.${payload.toString("base64url")}`;
  return `${signed}.${createHmac("sha256", derived).update(`${signed}\0${context}`).digest("base64url")}`;
}
function orderWith({ keys = KEYS, site = edge.url, undo = false, at = Date.now(), receipt = randomBytes(16), payer = randomBytes(8), purpose = "order" }) {
  const payload = Buffer.concat([Buffer.from([undo ? 1 : 0]), Buffer.alloc(8), receipt, payer]);
  payload.writeBigUInt64BE(BigInt(at), 1);
  return sealed(purpose, payload, site, keys);
}
/** What a pass says, as anybody reads it. */
const payloadOf = (cookies) => Buffer.from(valueOf(passOf(cookies)).split(".")[2], "base64url");
const send = (order, at = edge) => fetch(`${at.url}/.farthing/revoke`, { method: "POST", headers: order === undefined ? {} : { "farthing-order": order } });
const tallies = async (at = edge) => (await readdir(join(at.state, "do", "farthing-Tally")).catch(() => [])).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));

test("E8 where nobody keeps a list, a pass that was published opens for everybody until it ends", async () => {
  const naive = await startEdge({ config: (site) => ({ ...configs.list, site, revocation: { list: false } }), keys: KEYS });
  try {
    const path = fresh();
    const payer = (await newPayer()).at(naive);
    const { cookies } = await buy(payer, path);
    const refused = await send(orderWith({ site: naive.url }), naive);
    assert.deepEqual([refused.status, await problemOf(refused)], [404, "no-such-endpoint"]);
    await assertOpens(await fetch(naive.url + path, { headers: jar(passOf(cookies)) }), path);
    assert.deepEqual(await tallies(naive), [], "and no object is made for it");
    const { code, err } = await command([valueOf(passOf(cookies)), "--site", naive.url, "--article", naive.url + path]);
    assert.equal(code, 1);
    assert.match(err, /keeps no list: write "revocation": \{ "list": true \}/);
  } finally {
    await naive.stop();
  }
});

test("E8 a revoked article opens by nothing within a minute, costs again once, and comes back", async () => {
  const path = fresh();
  const [payer, other] = [await newPayer(), await newPayer()];
  const [first, theirs] = [await buy(payer, path), await buy(other, path)];
  const all = [
    ["its pass", jar(passOf(first.cookies))], ["its handle", jar(handleOf(first.cookies))], ["both", jar(first.cookies)],
  ];
  for (const [, headers] of all) await assertOpens(await payer.ask(path, headers), path);
  assert.deepEqual(await revoke(first.receipt), { site: edge.url, undone: false, revoked: 1 });
  await time.later(60);
  for (const [what, headers] of all) await assertOffers(await payer.ask(path, headers), what);
  const head = await fetch(edge.url + path, { method: "HEAD", headers: jar(first.cookies) });
  assert.equal(head.status, 402);
  const signed = await payer.ask(path, await proof(payer, path));
  assert.deepEqual(cookiesOf(signed), []);
  assert.equal(await problemOf(signed), "not-owned");
  const again = await payer.send(path, first.payment);
  assert.deepEqual([again.headers.has("payment-required"), cookiesOf(again).length], [false, 0], "a program is not asked to pay for it unawares");
  assert.equal(await problemOf(again), "access-revoked");
  // another reader of it notices nothing
  for (const headers of [jar(passOf(theirs.cookies)), jar(handleOf(theirs.cookies)), await proof(other, path)]) await assertOpens(await other.ask(path, headers), path);
  // who was refunded can buy it anew, and is not told that they have it
  const second = await buy(payer, path);
  assert.notEqual(second.receipt, first.receipt);
  assert.equal((await payer.transfers()).length, 2);
  await assertOpens(await payer.send(path, second.payment), path);
  for (const headers of [jar(passOf(second.cookies)), jar(handleOf(second.cookies)), await proof(payer, path)]) await assertOpens(await payer.ask(path, headers), path);
  await assertOffers(await payer.ask(path, jar(passOf(first.cookies))), "the old pass stays void");
  // a third payment is not taken: it is owned by the second
  const third = await payer.signTransfer(path, { nonce: nonceFor(await payer.offer(path)), validBefore: await time.now() + 290 });
  await (await resend(() => payer.send(path, third))).text();
  assert.equal((await payer.transfers()).length, 2);
  assert.deepEqual(await revoke(first.receipt, "--undo"), { site: edge.url, undone: true, revoked: 0 });
  await time.later(60);
  await assertOpens(await payer.ask(path, jar(passOf(first.cookies))), path);
});

test("E8 what was bought again lasts though the site sells it for a shorter time by now", async () => {
  const path = fresh();
  const payer = await newPayer();
  const first = await buy(payer, path);
  await revoke(first.receipt);
  await edge.restart({ config: { ...configs.list, routes: [{ match: "/articles/*", price: "$0.05", access: "1d" }] } });
  const second = await buy(payer, path);
  await assertOpens(await payer.ask(path, jar(handleOf(second.cookies))), path);
  await edge.restart({ config: configs.list });
  await assertOpens(await payer.ask(path, await proof(payer, path)), path);
  await revoke(second.receipt);
  await time.later(60);
  await assertOffers(await payer.ask(path, jar(second.cookies)), "and goes by its own receipt");
});

test("E7 E8 a time pass is revoked by the cookie that was published; what was bought beside it stays", async () => {
  const [one, two] = [fresh(), fresh()];
  const payer = await newPayer();
  const single = await buy(payer, one);
  const day = await buy(payer, two, "day");
  const cookie = day.cookies.find((one) => one.startsWith("__Secure-farthing-day="));
  for (const path of [one, two, fresh()]) await assertOpens(await payer.ask(path, { cookie }), path);
  await revoke(cookie);
  await time.later(60);
  for (const path of [one, two]) await assertOffers(await payer.ask(path, { cookie }), path);
  await assertOffers(await payer.ask(two, jar(handleOf(day.cookies))), "by the handle");
  assert.equal(await problemOf(await payer.ask(two, await proof(payer, two))), "not-owned");
  // the article that was bought by itself, though the pass would have opened it
  for (const headers of [jar(passOf(single.cookies)), jar(handleOf(day.cookies)), await proof(payer, one)]) await assertOpens(await payer.ask(one, headers), one);
});

test("E8 a revoked bundle opens none of its articles, and a new one has all of its own", async () => {
  const [one, two, three, four] = [fresh(), fresh(), fresh(), fresh()];
  const payer = await newPayer();
  const ten = await buy(payer, one, "ten");
  const opened = await spend(two, handleOf(ten.cookies));
  assert.equal((await opened.json()).left, 8);
  const pass = passOf(cookiesOf(opened));
  await assertOpens(await payer.ask(two, jar(pass)), two);
  await revoke(ten.receipt);
  await time.later(60);
  for (const [path, cookies] of [[one, ten.cookies], [two, pass], [two, handleOf(ten.cookies)]]) await assertOffers(await payer.ask(path, jar(cookies)), path);
  const left = await payer.ask(three, jar(handleOf(ten.cookies)));
  assert.equal(left.headers.get("farthing-left"), null, "nobody is told that some are left");
  await left.text();
  assert.equal(await problemOf(await spend(three, handleOf(ten.cookies))), "nothing-left");
  const next = await buy(payer, three, "ten");
  assert.equal((await payer.transfers()).length, 2, "not taken from the old one");
  const spent = await spend(four, handleOf(next.cookies));
  assert.deepEqual([spent.status, (await spent.json()).left], [200, 8]);
  await assertOffers(await payer.ask(two, jar(handleOf(next.cookies))), "what the old one opened");
  const anew = await spend(two, handleOf(next.cookies));
  assert.deepEqual([anew.status, (await anew.json()).left], [200, 7]);
  await assertOpens(await payer.ask(two, jar(handleOf(next.cookies))), two);
});

test("E8 a pass of a page of another origin is revoked with its purchase", async () => {
  const path = fresh();
  const payer = await newPayer();
  const { answer } = await buy(payer, path, undefined, { origin: BLOG });
  const embed = { origin: BLOG, "farthing-pass": answer.headers.get("farthing-pass") };
  await assertOpens(await payer.ask(path, embed), path);
  const refused = await command([embed["farthing-pass"], "--article", edge.url + path]);
  assert.match(refused.err, /not one of this site's for that address/, "it is no cookie");
  await revoke(embed["farthing-pass"], "--article", edge.url + path, "--origin", BLOG);
  await time.later(60);
  await assertOffers(await payer.ask(path, embed), "shown again");
});

test("B8 the list is asked for about once a minute, beside requests where there are any, and by nobody who shows nothing", async () => {
  const path = fresh();
  const payer = await newPayer();
  const { cookies } = await buy(payer, path);
  await time.later(60);
  await time.lists();
  await Promise.all(Array.from({ length: 20 }, async () => assertOffers(await payer.ask(path), "nothing shown")));
  assert.equal(await time.lists(), 0);
  await Promise.all(Array.from({ length: 20 }, async () => assertOpens(await payer.ask(path, jar(cookies)), path)));
  assert.equal(await time.lists(), 1, "they wait for one answer");
  for (let n = 0; n < 20; n += 1) await assertOpens(await payer.ask(path, jar(cookies)), path);
  assert.equal(await time.lists(), 0);
  await time.later(45);
  await time.tally("hang");
  await assertOpens(await payer.ask(path, jar(cookies)), path);
  assert.equal(await time.lists(), 1, "beside the request, which waits for nothing");
  await time.tally("");
});

test("E6 orders that are forged, another site's, stale or none cost no storage, and change nothing", async () => {
  const count = (await tallies()).length;
  const at = Date.now() + ((await time.now()) - Math.floor(Date.now() / 1000)) * 1000;
  const good = orderWith({ at });
  const [head, payload, mac] = [good.split(".").slice(0, 2).join("."), good.split(".")[2], good.split(".")[3]];
  const flipped = Buffer.from(payload, "base64url");
  flipped[20] ^= 1;
  const { cookies } = await buy(await newPayer(), fresh());
  for (const [what, order] of Object.entries({
    "none": undefined, "no token": "x", "other keys": orderWith({ at, keys: randomKeys() }), "another site": orderWith({ at, site: "https://blog.example" }),
    "six minutes old": orderWith({ at: at - 360_000 }), "six minutes ahead": orderWith({ at: at + 360_000 }), "a changed digest": `${head}.${flipped.toString("base64url")}.${mac}`,
    "another purpose": orderWith({ at, purpose: "handle" }), "a pass": valueOf(passOf(cookies)), "a handle": valueOf(handleOf(cookies)),
  })) {
    const refused = await send(order);
    assert.deepEqual([refused.status, await problemOf(refused)], [403, "order-invalid"], what);
  }
  const get = await fetch(`${edge.url}/.farthing/revoke`, { headers: { "farthing-order": good } });
  assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
  assert.equal((await tallies()).length, count);
});

test("E6 an order that comes again after a later one changes nothing, whichever it was", async () => {
  const at = Date.now() + ((await time.now()) - Math.floor(Date.now() / 1000)) * 1000;
  const one = { receipt: randomBytes(16), payer: randomBytes(8) };
  const revoked = async (order) => {
    const response = await send(order);
    assert.equal(response.status, 200);
    return (await response.json()).revoked;
  };
  const [first, undo, second] = [{ at }, { at: at + 1, undo: true }, { at: at + 2 }].map((more) => orderWith({ ...one, ...more }));
  const before = await revoked(first) - 1;
  assert.equal(await revoked(first), before + 1, "twice is once");
  assert.equal(await revoked(undo), before);
  assert.equal(await revoked(first), before, "replayed");
  assert.equal(await revoked(second), before + 1);
  assert.equal(await revoked(undo), before + 1, "replayed");
  // an undo that overtakes what it takes back
  const two = { receipt: randomBytes(16), payer: randomBytes(8) };
  assert.equal(await revoked(orderWith({ ...two, at: at + 5, undo: true })), before + 1);
  assert.equal(await revoked(orderWith({ ...two, at: at + 4 })), before + 1);
});

test("an object that cannot be read locks nobody out, and what it said last holds", async () => {
  const [path, other] = [fresh(), fresh()];
  const payer = await newPayer();
  const [bad, good] = [await buy(payer, path), await buy(await newPayer(), other)];
  await revoke(bad.receipt);
  await time.later(60);
  await assertOffers(await payer.ask(path, jar(bad.cookies)), "known");
  for (const mode of ["throw", "hang"]) {
    await time.tally(mode);
    await time.later(61);
    await time.lists();
    await assertOpens(await payer.ask(other, jar(good.cookies)), other);
    await assertOffers(await payer.ask(path, jar(bad.cookies)), mode);
    assert.equal(await time.lists(), 1, "one who waited; the others do not for a while");
    if (mode === "throw") assert.match((await command([good.receipt])).err, /could not write its list; run the command again/);
    await time.tally("");
    await time.later(31);
    await assertOpens(await payer.ask(other, jar(good.cookies)), other);
    assert.equal(await time.lists(), 1, "asked again");
  }
  // an instance that never had the list
  await edge.restart();
  await time.tally("throw");
  await assertOpens(await payer.ask(other, jar(good.cookies)), other);
  await assertOpens(await payer.ask(path, jar(bad.cookies)), path);
  await time.tally("");
  await time.later(3);
  await assertOffers(await payer.ask(path, jar(bad.cookies)), "soon after its return");
  // one failure alone opens nothing
  await edge.restart();
  await time.tally("once");
  await assertOffers(await payer.ask(path, jar(bad.cookies)), "asked again at once");
});

test("E6 a pass that anybody wrote revokes nothing, and what is revoked under another payer is given back by its receipt", async () => {
  const path = fresh();
  const payer = await newPayer();
  const { cookies, receipt } = await buy(payer, path);
  const own = jar(passOf(cookies));
  const bytes = payloadOf(cookies);
  // who knows the receipt's id, or saw the pass, says that somebody else published it
  const claimed = Buffer.concat([bytes.subarray(0, 1), Buffer.alloc(16, 7), bytes.subarray(17)]);
  const forged = `v1.k1.${claimed.toString("base64url")}.${"A".repeat(43)}`;
  // the order that a command which believes it would sign
  const believed = (more = {}) => orderWith({ receipt: bytes.subarray(17, 33), payer: Buffer.alloc(8, 7), ...more });
  assert.equal((await (await send(believed())).json()).on, true);
  await time.later(60);
  await assertOffers(await payer.ask(path, own), "the victim's pass");
  const { revoked } = await revoke(receipt, "--undo");
  await time.later(60);
  await assertOpens(await payer.ask(path, own), path);
  await assertOpens(await payer.ask(path, jar(handleOf(cookies))), path);
  for (const [args, says] of [
    [[forged], /--article URL, or --offer NAME/],
    [[forged, "--article", edge.url + path], /not one of this site's for that address .*: nothing was changed/],
    [[forged, "--article", edge.url + path, "--undo"], /not one of this site's/],
    [[forged, "--article", `${BLOG}${path}`], /is not of the site/],
    [[`__Secure-farthing-day=${forged}`], /not one of this site's/], [[forged, "--offer", "day"], /not one of this site's/],
    [[valueOf(passOf(cookies)), "--article", edge.url + fresh()], /not one of this site's/],
    [[valueOf(passOf(cookies)), "--offer", "day"], /not one of this site's/],
  ]) {
    const { code, err } = await command(args);
    assert.equal(code, 1, args.join(" "));
    assert.match(err, says);
  }
  await time.later(60);
  await assertOpens(await payer.ask(path, own), path);
  const never = await command([receipt, "--undo"]);
  assert.equal(never.code, 1);
  assert.match(never.err, /not on the list of .*: there was nothing to give back/);
  // its own pass, at an address with what the site passes over; then another payer's order takes the entry's place and makes no second one
  assert.equal((await revoke(passOf(cookies)[0], "--article", `${edge.url}${path}?utm_source=x`)).revoked, revoked + 1);
  assert.deepEqual(await (await send(believed({ at: Date.now() + 1000 }))).json(), { revoked: revoked + 1, on: true, was: true });
  await time.later(60);
  await assertOffers(await payer.ask(path, own), "by its own pass");
});

test("E6 an order that does not hold because of a later one is not answered as done", async () => {
  const path = fresh();
  const payer = await newPayer();
  const { cookies, receipt } = await buy(payer, path);
  const bytes = payloadOf(cookies);
  const one = { receipt: bytes.subarray(17, 33), payer: bytes.subarray(1, 9) };
  const undone = await send(orderWith({ ...one, undo: true, at: Date.now() + 240_000 }));
  assert.equal((await undone.json()).on, false);
  const late = await command([receipt]);
  assert.equal(late.code, 1, late.out);
  assert.match(late.err, /Nothing was changed: a later order about this purchase holds, and it is not revoked\. Is the clock of this machine right\?/);
  await send(orderWith({ ...one, at: Date.now() + 260_000 }));
  const back = await command([receipt, "--undo"]);
  assert.match(back.err, /a later order about this purchase holds, and it stays revoked/);
  await time.later(60);
  await assertOffers(await payer.ask(path, jar(cookies)), "as it was said");
});

test("G4 all of a kid before a time is void at once; who paid signs and pays nothing", async () => {
  const [path, second] = [fresh(), fresh()];
  const payer = await newPayer();
  const old = await buy(payer, path);
  const day = await buy(payer, second, "day");
  const wide = day.cookies.filter((one) => one.startsWith("__Secure-farthing-day="));
  const now = await time.now() + 1;
  await edge.restart({ config: { ...configs.list, revocation: { before: { k1: now } } } });
  for (const [what, at, cookies] of [["pass", path, passOf(old.cookies)], ["handle", path, handleOf(old.cookies)], ["all", path, old.cookies], ["time pass", second, wide], ["its handle", second, day.cookies]]) {
    await assertOffers(await payer.ask(at, jar(cookies)), what);
  }
  assert.equal(await problemOf(await spend(fresh(), handleOf(day.cookies))), "nothing-left");
  await time.later(2);
  for (const at of [path, second]) {
    const back = await payer.ask(at, await proof(payer, at));
    const cookies = cookiesOf(back);
    await assertOpens(back, at);
    assert.equal(handleOf(cookies).length, 1);
    for (const one of [cookies.filter((cookie) => cookie.startsWith("__Secure-")), handleOf(cookies)]) await assertOpens(await payer.ask(at, jar(one)), at);
  }
  // and who presses the card's button instead keeps the money
  for (const at of [path, second]) {
    const offer = await payer.offer(at);
    const signed = await signPayment({ offer, key: payer.key, nonce: nonceFor(offer), validBefore: await time.now() + 290 });
    const back = await resend(() => payer.send(at, signed));
    const cookies = cookiesOf(back);
    await assertOpens(back, at);
    await assertOpens(await payer.ask(at, jar(cookies)), at);
  }
  assert.equal((await payer.transfers()).length, 2, "nothing was paid again");
  const refused = await send(orderWith({}));
  assert.equal(refused.status, 404, "before needs no list");
});

test("G4 a list outlives a new key; orders, ids and passes under a dropped key are nothing", async () => {
  const path = fresh();
  const payer = await newPayer();
  const { cookies, receipt } = await buy(payer, path);
  const next = randomKeys("k2");
  await edge.restart({ keys: `${next},${KEYS}` });
  await assertOpens(await payer.ask(path, jar(cookies)), path);
  // whoever still has the old secret alone may order, while it is one of the site's
  await revoke(receipt);
  await time.later(60);
  await assertOffers(await payer.ask(path, jar(cookies)), "under both keys");
  await edge.restart({ keys: next });
  await assertOffers(await payer.ask(path, jar(cookies)), "under the new one alone");
  const refused = await command([receipt]);
  assert.deepEqual([refused.code, /The order does not hold/.test(refused.err)], [1, true]);
  const strange = await command([receipt], { keys: next });
  assert.match(strange.err, /not of this site, or of a key that FARTHING_KEYS does not have any more/);
  const signed = await payer.ask(path, await proof(payer, path));
  assert.equal(await problemOf(signed), "not-owned", "revoked stays revoked");
});

test("B8 the list has room for ten thousand, and says when it is full", async () => {
  const path = fresh();
  const payer = await newPayer();
  const { cookies, receipt } = await buy(payer, path);
  await revoke(receipt);
  await edge.kill();
  const directory = join(edge.state, "do", "farthing-Tally");
  for (const name of await tallies()) {
    const database = new DatabaseSync(join(directory, name));
    if (database.prepare("SELECT name FROM sqlite_master WHERE name = 'revoked'").all().length > 0) {
      const [{ n }] = database.prepare("SELECT count(*) AS n FROM revoked WHERE off = 0").all();
      const { until } = database.prepare("SELECT max(until) AS until FROM revoked WHERE off = 0").get();
      // an article of 30 days that is opened on the last of a bundle's 30, and a month
      assert.ok(Math.abs(until - Date.now() / 1000 - 90 * 86_400) < 3600, "as long as what is sold may be good");
      const insert = database.prepare("INSERT INTO revoked VALUES (?, 1, 0, 9000000000)");
      database.exec("BEGIN");
      for (let left = 10_000 - n; left > 0; left -= 1) insert.run(randomBytes(24).toString("hex"));
      database.exec("COMMIT");
    }
    database.close();
  }
  await edge.restart();
  await assertOffers(await payer.ask(path, jar(cookies)), "one of ten thousand");
  assert.ok(await time.bytes() - 480_000 < 16, "48 bytes each");
  await time.later(60);
  await assertOffers(await payer.ask(path, jar(cookies)), "a list that has not changed");
  assert.ok(await time.bytes() < 16, "is not sent again");
  const at = fresh();
  const other = await buy(await newPayer(), at);
  await assertOpens(await payer.ask(at, jar(other.cookies)), at);
  const full = await send(orderWith({}));
  assert.deepEqual([full.status, await problemOf(full)], [507, "revocations-full"]);
  assert.match((await command([other.receipt])).err, /full/);
  assert.equal((await revoke(receipt)).revoked, 10_000, "what is on it may be revoked again");
  assert.equal((await revoke(receipt, "--undo")).revoked, 9_999);
  assert.equal((await revoke(other.receipt)).revoked, 10_000);
  await time.later(60);
  await assertOpens(await payer.ask(path, jar(cookies)), path);
  await assertOffers(await payer.ask(at, jar(other.cookies)), "the newest of ten thousand");
});

test("the command says what is wrong before anything is sent", async () => {
  const { out } = await command(["--help"]);
  assert.match(out, /^npx farthing revoke RECEIPT \[--undo\]/);
  const nowhere = await mkdtemp(join(tmpdir(), "farthing-revoke-"));
  try {
    await writeFile(join(nowhere, "off.jsonc"), JSON.stringify({ ...configs.list, revocation: {} }));
    for (const [args, says, options] of [
      [[], /What is to be revoked\?/], [["x"], /neither the id of a receipt nor a pass/], [["x", "y"], /one word too many/],
      [["v1.k1.AAAA.AAAA"], /This is no pass/], [["x", "--sight", "y"], /Unknown option/],
      [["x", "--config", "none.jsonc"], /cannot be read: there is no such file/], [["x", "--site", "news"], /--site wants an address/],
      [["x", "--config", join(nowhere, "off.jsonc")], /keeps no list/], [["x"], /neither in the environment nor in \.dev\.vars/, { keys: null }],
      [["A".repeat(56)], /not of this site/], [[`-${"A".repeat(55)}`, "--undo"], /not of this site/], [[`-${"A".repeat(55)}`, "x"], /one word too many/], [["x"], /FARTHING_KEYS: entry 1 is not kid:base64url/, { keys: "k1" }],
    ]) {
      const { code, err } = await command(args, options);
      assert.equal(code, 1, args.join(" "));
      assert.match(err, says);
    }
    // the secret of a run on this machine
    await writeFile(join(nowhere, ".dev.vars"), `FARTHING_KEYS="${KEYS}"\n`);
    const payload = Buffer.concat([Buffer.from([1]), Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(16, 9)]);
    const token = sealed("pass", payload, "http://127.0.0.1:9/a");
    const silent = await command([token, "--site", "http://127.0.0.1:9", "--article", "http://127.0.0.1:9/a"], { keys: null, cwd: nowhere });
    assert.match(silent.err, /http:\/\/127\.0\.0\.1:9 did not answer: .* run the command again/);
  } finally {
    await rm(nowhere, { recursive: true, force: true });
  }
});
