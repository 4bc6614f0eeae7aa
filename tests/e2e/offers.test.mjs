// Time passes and bundles: bought once, spent once, and given back to who signs, with the built Worker, a chain and a facilitator.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SIGN_IN_WITH_X, createSIWxPayload, encodeSIWxHeader } from "@x402/extensions";
import { privateKeyToAccount } from "viem/accounts";
import { nonceFor, officialFetch, officialFetchV1, offersIn, settlementIn, signPayment } from "../support/pay.mjs";
import { page, startShop } from "../support/shop.mjs";
import { problemOf, resend, sleep } from "./reader.mjs";

const OFFERS = {
  ten: { title: "Ten articles", count: 10, for: "30d", price: "$0.40" },
  two: { count: 2, for: "30d", price: "$0.09" },
  day: { title: "A day of everything", covers: ["/articles/*"], for: "24h", price: "$0.50" },
  blink: { covers: "site", for: "12s", price: "$0.06" },
};
const PRICE = { single: 50_000n, ten: 400_000n, two: 90_000n, day: 500_000n, blink: 60_000n };

let shop;
before(async () => {
  shop = await startShop({
    routes: [{ match: "/articles/*", price: "$0.05" }, { match: "/dear/*", price: "$2", offers: [] }],
    edges: { edge: (network) => [network] }, offers: OFFERS, extensions: { signIn: { statement: "Read on." } }, timeoutSeconds: 30, books: true,
  });
});
after(() => shop?.stop());

const newPayer = () => shop.newPayer({ edge: shop.edge, approve: false });
let number = 0;
/** Articles that nobody has asked for yet. */
const fresh = (count) => Array.from({ length: count }, () => `/articles/${++number}`);

/** A payment for an offer by its name, as our own clients sign it. */
async function sign(payer, path, name) {
  const offer = await payer.offer(path);
  const index = name === "single" ? 0 : offer.accepts.findIndex(({ extra }) => extra.offer?.name === name);
  return signPayment({ offer, index, key: payer.key, nonce: nonceFor(offer, index) });
}

const cookiesOf = (response) => response.headers.getSetCookie().map((line) => line.split(";")[0]);
const jar = (cookies) => ({ cookie: cookies.join("; ") });
const named = (cookies, name) => cookies.filter((cookie) => cookie.split("=")[0] === name);
const handleOf = (cookies) => named(cookies, "__Host-farthing");

async function assertOpens(response, path) {
  const text = await response.text();
  assert.equal(response.status, 200, text.slice(0, 300));
  assert.equal(text, page(path));
}

/** Buys an offer at an article; its cookies. */
async function buy(payer, path, name) {
  const payment = await sign(payer, path, name);
  const answer = await resend(() => payer.send(path, payment));
  await assertOpens(answer, path);
  return { answer, payment, cookies: cookiesOf(answer) };
}

/** Spends one article of a bundle, as a script of the site would. */
function spend(path, cookies, headers = { "sec-fetch-site": "same-origin" }) {
  return fetch(`${shop.edge.url}/.farthing/spend?path=${encodeURIComponent(path)}`, { method: "POST", redirect: "manual", headers: { ...jar(cookies), ...headers } });
}

/** Another browser's sign-in at an article: its proof as a header. */
async function proof(payer, path) {
  const { info, supportedChains: [chain] } = (await payer.offer(path)).extensions[SIGN_IN_WITH_X];
  const account = privateKeyToAccount(payer.key);
  return { [SIGN_IN_WITH_X]: encodeSIWxHeader(await createSIWxPayload({ ...info, ...chain }, account, info.uri)) };
}

const paid = async (payer) => (await payer.transfers()).map(({ value }) => value);
/** What a payer's ledger has noted as opened by bundles. */
async function opened(resources) {
  const found = await shop.edge.query("SELECT resource FROM opened");
  const all = found.flatMap(({ rows }) => rows.map(({ resource }) => new URL(resource).pathname));
  return all.filter((path) => resources.includes(path)).length;
}

test("the single article stands first, and official clients of both generations pay it", async () => {
  const [path, other] = fresh(2);
  const payer = await newPayer();
  const { v2, v1 } = await offersIn(await payer.ask(path));
  assert.deepEqual(v2.accepts.map(({ extra }) => extra.offer?.name), [undefined, "ten", "two", "day", "blink"]);
  assert.deepEqual(v2.accepts[1].extra.offer, { name: "ten", title: "Ten articles", count: 10, seconds: 30 * 86_400 });
  assert.deepEqual(v1.accepts.map(({ maxAmountRequired }) => BigInt(maxAmountRequired)), [PRICE.single, PRICE.ten, PRICE.two, PRICE.day, PRICE.blink]);
  await assertOpens(await officialFetch({ key: payer.key })(shop.edge.url + path), path);
  assert.deepEqual(await paid(payer), [PRICE.single]);
  await assertOpens(await officialFetchV1({ key: payer.key })(shop.edge.url + other), other);
  assert.deepEqual(await paid(payer), [PRICE.single, PRICE.single]);
});

test("E10 a bundle of ten opens exactly ten articles from two devices that race", async () => {
  const payer = await newPayer();
  const paths = fresh(14);
  const { answer, cookies } = await buy(payer, paths[0], "ten");
  assert.equal(answer.headers.get("farthing-left"), "9");
  assert.deepEqual(await paid(payer), [PRICE.ten]);
  // the second device signs once, at an article that is not open
  const signed = await payer.ask(paths[1], await proof(payer, paths[1]));
  assert.equal(signed.headers.get("farthing-left"), "9");
  assert.equal(await problemOf(signed), "not-owned");
  const devices = [handleOf(cookies), handleOf(cookiesOf(signed))];
  for (const device of devices) assert.equal(device.length, 1);
  const asked = paths.flatMap((path) => devices.flatMap((device) => [path, path].map((one) => ({ path: one, device }))));
  const answers = await Promise.all(asked.map(async ({ path, device }) => {
    const response = await spend(path, device);
    const text = await response.text();
    return { path, status: response.status, text, cookies: cookiesOf(response) };
  }));
  const open = answers.filter(({ status }) => status === 200);
  const others = answers.filter(({ status }) => status !== 200);
  const names = new Set(open.map(({ path }) => path));
  assert.equal(names.size, 10);
  assert.equal(open.length, 40, "each of the ten opens for both devices, and when it is asked for again");
  for (const { status, text } of others) assert.match(`${status} ${text}`, /^403 .*problems\/nothing-left/);
  assert.equal(await opened(paths), 10);
  const least = Math.min(...open.map(({ text }) => JSON.parse(text).left));
  assert.equal(least, 0);
  // each pass opens its own article, and the rest stays shut, with the pass and with the handle
  for (const { path, cookies: own } of open) await assertOpens(await payer.ask(path, jar(named(own, "__Secure-farthing"))), path);
  for (const path of paths.filter((one) => !names.has(one))) {
    assert.equal((await payer.ask(path, jar(open[0].cookies))).status, 402);
  }
  assert.deepEqual(await paid(payer), [PRICE.ten], "one transfer for all of it");
});

test("E10 neither GET nor HEAD nor a prefetch nor another site's request spends", async () => {
  const payer = await newPayer();
  const [first, second] = fresh(2);
  const { cookies } = await buy(payer, first, "ten");
  const handle = handleOf(cookies);
  const site = new URL(shop.edge.url);
  const asks = [
    payer.ask(second, jar(handle)),
    payer.ask(second, { ...jar(handle), "sec-purpose": "prefetch", "sec-fetch-site": "same-origin" }),
    payer.ask(second, { ...jar(handle), accept: "text/html", "sec-purpose": "prefetch;prerender" }),
    fetch(shop.edge.url + second, { method: "HEAD", headers: jar(handle) }),
    payer.ask(second, await proof(payer, second)),
    ...["GET", "HEAD", "PUT"].map((method) => fetch(`${site}.farthing/spend?path=${encodeURIComponent(second)}`, { method, headers: { ...jar(handle), "sec-fetch-site": "same-origin" } })),
    spend(second, handle, {}),
    spend(second, handle, { "sec-fetch-site": "cross-site", origin: "https://evil.example" }),
    spend(second, handle, { "sec-fetch-site": "same-site", origin: "https://evil.example" }),
    spend(second, handle, { "sec-fetch-site": "cross-site", origin: site.origin }),
    spend(second, [], { "sec-fetch-site": "cross-site", ...await proof(payer, second) }),
    spend(second, []),
  ];
  for (const answer of await Promise.all(asks)) assert.ok([402, 403, 405].includes(answer.status), `${answer.status} ${answer.url}`);
  assert.equal(await opened([first, second]), 1, "the one that it was bought at");
  // so it was who asked, and how, alone
  assert.equal((await spend(second, handle)).status, 200);
  assert.equal(await opened([first, second]), 2);
});

test("a reader with articles left is shown a form, which opens the article and leads to it", async () => {
  const payer = await newPayer();
  const [first, second] = fresh(2);
  const { cookies } = await buy(payer, first, "two");
  const shown = await payer.ask(second, { ...jar(handleOf(cookies)), accept: "text/html" });
  const html = await shown.text();
  const [, action, nonce] = html.match(/<form method="post" action="([^"]+)"><style nonce="(0x[0-9a-f]{32})">button\{/);
  assert.match(shown.headers.get("content-security-policy"), new RegExp(`style-src 'nonce-${nonce}' 'sha256-`));
  assert.ok(html.includes("<p>You have one article left.</p><button>") && !html.includes("as soon as you have paid"), "who has paid is not told to");
  assert.equal(shown.status, 402);
  const sent = await fetch(shop.edge.url + action, { method: "POST", redirect: "manual", headers: { ...jar(handleOf(cookies)), accept: "text/html", "sec-fetch-site": "same-origin" } });
  assert.deepEqual([sent.status, sent.headers.get("location")], [303, second]);
  await assertOpens(await payer.ask(second, jar(named(cookiesOf(sent), "__Secure-farthing"))), second);
  assert.deepEqual(await paid(payer), [PRICE.two]);
});

test("a program spends with a proof of its account, and no proof counts twice", async () => {
  const payer = await newPayer();
  const [first, second, third] = fresh(3);
  await buy(payer, first, "two");
  const header = await proof(payer, second);
  const spent = await spend(second, [], header);
  const { until, ...told } = await spent.json();
  assert.deepEqual(told, { resource: shop.edge.url + second, left: 0 });
  assert.ok(until > Date.now() / 1000 + 29 * 86_400);
  assert.equal(await problemOf(await spend(second, [], header)), "sign-in-used");
  assert.equal(await problemOf(await spend(third, [], await proof(payer, third))), "nothing-left");
  // a bundle that is used up may be bought again
  const { answer } = await buy(payer, third, "two");
  assert.equal(answer.headers.get("farthing-left"), "1");
  assert.deepEqual(await paid(payer), [PRICE.two, PRICE.two]);
});

test("E7 a cheap offer opens nothing where it is not sold", async () => {
  const payer = await newPayer();
  const [path] = fresh(1);
  const { cookies } = await buy(payer, path, "ten");
  const day = await buy(payer, fresh(1)[0], "day");
  assert.equal((await payer.offer("/dear/x")).accepts.length, 1);
  assert.equal(await problemOf(await spend("/dear/x", handleOf(cookies))), "nothing-left");
  assert.equal((await payer.ask("/dear/x", jar([...cookies, ...day.cookies]))).status, 402);
});

test("a day's pass opens what it covers without a payment and without a question, and another browser has it by one signature", async () => {
  const payer = await newPayer();
  const [first, second, third] = fresh(3);
  const { cookies, answer } = await buy(payer, first, "day");
  assert.match(answer.headers.getSetCookie().find((line) => line.startsWith("__Secure-farthing-day=")), /; Path=\/articles\/; Max-Age=86\d\d\d; Secure; HttpOnly; SameSite=Lax$/);
  // with the pass alone nothing says whose ledger could be asked
  const pass = named(cookies, "__Secure-farthing-day");
  for (const path of [first, second]) await assertOpens(await payer.ask(path, jar(pass)), path);
  const receipt = await (await fetch(`${shop.edge.url}/.farthing/receipts/${answer.headers.get("farthing-receipt")}`)).json();
  assert.deepEqual([receipt.state, receipt.offer, receipt.amount], ["settled", "day", "500000"]);
  // the handle makes it again
  const again = await payer.ask(second, jar(handleOf(cookies)));
  assert.equal(named(cookiesOf(again), "__Secure-farthing-day").length, 1);
  await assertOpens(again, second);
  // another browser
  const restored = await payer.ask(third, await proof(payer, third));
  const elsewhere = cookiesOf(restored);
  await assertOpens(restored, third);
  await assertOpens(await payer.ask(second, jar(named(elsewhere, "__Secure-farthing-day"))), second);
  // and who pays for an article that is covered keeps the money, also for the same pass again
  for (const name of ["single", "day"]) await buy(payer, fresh(1)[0], name);
  assert.deepEqual(await paid(payer), [PRICE.day]);
});

test("when a pass ends, a 402 is the answer again", async () => {
  const payer = await newPayer();
  const [first, second] = fresh(2);
  const { cookies } = await buy(payer, first, "blink");
  await assertOpens(await payer.ask(second, jar(cookies)), second);
  await sleep(13_000);
  for (const path of [first, second]) assert.equal((await payer.ask(path, jar(cookies))).status, 402, path);
  await buy(payer, second, "blink");
  assert.deepEqual(await paid(payer), [PRICE.blink, PRICE.blink]);
});

test("S3 the same offer from two tabs at two articles is charged once, and both open", async () => {
  for (const name of ["day", "ten"]) {
    const payer = await newPayer();
    const paths = fresh(2);
    const payments = await Promise.all(paths.map((path) => sign(payer, path, name)));
    const answers = await Promise.all(paths.map((path, index) => resend(() => payer.send(path, payments[index]))));
    for (const [index, path] of paths.entries()) await assertOpens(answers[index], path);
    assert.deepEqual(await paid(payer), [PRICE[name]], name);
    const transactions = new Set(answers.map((answer) => settlementIn(answer).transaction));
    assert.equal(transactions.size, 1, "both name the one transfer");
    if (name === "ten") assert.equal(await opened(paths), 2);
    // sent once more, each is answered, and nothing moves
    for (const [index, path] of paths.entries()) assert.equal((await payer.send(path, payments[index])).status, 200, `${name} ${path}`);
    assert.deepEqual(await paid(payer), [PRICE[name]], name);
  }
});

test("A2 a payment for a bundle at one article opens no other, and untagged clients get what they pay for", async () => {
  const payer = await newPayer();
  const [first, second] = fresh(2);
  const offer = await payer.offer(first);
  const { name, version } = offer.accepts[1].extra;
  const bare = await signPayment({ offer, index: 1, key: payer.key, overrides: { accepted: { extra: { name, version } } } });
  const answer = await resend(() => payer.send(first, bare));
  await assertOpens(answer, first);
  assert.equal(answer.headers.get("farthing-left"), "9");
  assert.equal((await payer.send(second, bare)).status, 409);
  assert.deepEqual(await paid(payer), [PRICE.ten]);
});

test("the books know which offer was bought", async () => {
  const payer = await newPayer();
  await buy(payer, fresh(1)[0], "two");
  await buy(payer, fresh(1)[0], "single");
  const rows = () => shop.edge.books.rows("SELECT offer, charged FROM payment WHERE lower(payer) = ? AND state = 'settled' ORDER BY charged", payer.address.toLowerCase());
  for (let left = 100; left > 0 && (await rows()).length < 2; left--) await sleep(200);
  assert.deepEqual((await rows()).map((row) => ({ ...row })), [{ offer: null, charged: "50000" }, { offer: "two", charged: "90000" }]);
});

test("G1 the origin never sees what readers carry", () => {
  assert.ok(shop.origin.log.length > 20);
  assert.ok(!shop.origin.log.some(({ headers }) => /farthing/.test(headers.cookie ?? "")));
});
