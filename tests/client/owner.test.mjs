// What an owner of a client is told: a mistake in the policy before anything is asked, why a page was not paid, what is waited for and how long,
// and what is open.
import assert from "node:assert/strict";
import { test } from "node:test";
import { generatePrivateKey } from "viem/accounts";
import { DOLLAR } from "../support/places.mjs";
import { GOOD, counting, demand, folder, nonceOf, paymentOf, stage } from "./stage.mjs";

const { createClient, fileStore, memoryStore, PaymentError } = await import("../../js/dist/client/node.js");

const caught = async (promise) => {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof PaymentError, error);
    return error;
  }
  return assert.fail("it was paid");
};
const make = (more = {}) => createClient({ signer: counting().signer, policy: { max: "$0.10" }, ...more });
const selling = (request, response) => (paymentOf(request) ? response.end("here") : demand(response));
const TOKEN = { network: "eip155:1", asset: DOLLAR, decimals: 18, max: "$1", name: "Mega", version: "1" };

test("F3 a policy that cannot be read is an error when the client is made, with its member, what stands there and the form", async () => {
  for (const [policy, message] of [
    [{}, 'policy.max: like "$0.10" or "0.10 USDC", not null'],
    [{ max: "a dime" }, 'policy.max: like "$0.10" or "0.10 USDC", not "a dime"'],
    [{ max: "0.10" }, 'policy.max: like "$0.10" or "0.10 USDC", not "0.10"'],
    [{ max: 0.1 }, 'policy.max: like "$0.10" or "0.10 USDC", not 0.1'],
    [{ max: "$1", total: "1" }, 'policy.total: like "$0.10", not "1"'],
    [{ max: "$1", total: "1 USDC" }, 'policy.total: like "$0.10", not "1 USDC"'],
    [{ max: "$1", perDay: 2 }, 'policy.perDay: like "$0.10", not 2'],
    [{ max: "$1", perHost: "much" }, 'policy.perHost: like "$0.10", not "much"'],
    [{ max: "$1", perHost: { "news.example": "5" } }, 'policy.perHost.news.example: like "$0.10", not "5"'],
    [{ max: "$1", networks: ["base"] }, 'policy.networks[0]: like "eip155:8453", not "base"'],
    [{ max: "$1", networks: "eip155:1" }, 'policy.networks: no such member or form, not "eip155:1"'],
    [{ max: "$1", payees: ["0x12"] }, 'policy.payees[0]: 0x and 40 hex digits, not "0x12"'],
    [{ max: "$1", transfers: ["erc7710"] }, 'policy.transfers[0]: eip3009|permit2, not "erc7710"'],
    [{ max: "$1", upto: "yes" }, 'policy.upto: true|false, not "yes"'],
    [{ max: "$1", limit: "$2" }, 'policy.limit: no such member or form, not "$2"'],
    [{ max: "$1", deny: { networks: ["eip155:01"] } }, 'policy.deny.networks[0]: like "eip155:8453", not "eip155:01"'],
    [{ max: "$1", tokens: [{ ...TOKEN, asset: "0x1" }] }, 'policy.tokens[0].asset: 0x and 40 hex digits, not "0x1"'],
    [{ max: "$1", tokens: [{ ...TOKEN, max: "cheap" }] }, 'policy.tokens[0].max: like "$0.10" or atomic units, not "cheap"'],
    // what is shown of it moves no cursor and fills no screen
    [{ max: `\u001b[2J\u202e${"long".repeat(50)}` }, /^policy\.max: like "\$0\.10" or "0\.10 USDC", not "\\u001b\[2J\?(long)+l?o?n?\.\.\.$/],
  ]) {
    assert.throws(() => make({ policy }), { name: "TypeError", message }, JSON.stringify(policy));
  }
  for (const policy of [
    { max: "0.10 USDC", perHost: { "*": "$5", "a.example:81": "$0" }, perDay: "$1", total: "$1", hosts: [], networks: ["eip155:8453"], payees: [GOOD.payTo], offer: "day" },
    { max: "$1", tokens: [TOKEN, { ...TOKEN, network: "eip155:10", max: "1000" }], listedOnly: true, transfers: ["permit2"], upto: true, upfront: false, total: undefined, deny: { hosts: ["a.example"], assets: [DOLLAR] } },
  ]) {
    // and the core reads it too
    assert.match(await make({ policy }).address(), /^0x/);
  }
});

test("F3 what only the core can tell is an error of the first call, before anything is asked", async (t) => {
  const { site, asked } = await stage(t, selling);
  for (const [policy, message] of [
    [{ max: "$0" }, /^the policy's max cannot be read: \{"max":"\$0"\}$/],
    [{ max: "$1", networks: [] }, /^the policy's networks cannot be read: \{"max":"\$1","networks":\[\]\}$/],
    [{ max: "$1", tokens: [{ network: "eip155:1", asset: DOLLAR }] }, /^the policy's tokens cannot be read: /],
    [{ max: "$1", upto: "true" }, /^the policy's upto cannot be read: /],
  ]) {
    const client = make({ policy });
    for (const call of [() => client.fetch(`${site}/a`), () => client.address()]) await assert.rejects(call, { name: "TypeError", message });
  }
  assert.deepEqual(asked, []);
});

test("a signer that is none is an error when the client is made, and is not shown", () => {
  for (const signer of [undefined, null, "", "0x12", "secret", 7, {}, { address: "0x12" }, { request: "me" }, generatePrivateKey().slice(2)]) {
    assert.throws(() => make({ signer }), (error) => error instanceof TypeError && /^signer: a private key \(0x and 64 hex digits\)/.test(error.message) && !error.message.includes("secret"), String(signer));
  }
  assert.throws(() => fileStore(""), { name: "TypeError", message: /^fileStore: a folder/ });
  assert.throws(() => fileStore(undefined), { name: "TypeError", message: /^fileStore: a folder/ });
});

test("what is too dear is told with its price and its limit, by fetch, quote and pay", async (t) => {
  const other = { ...GOOD, network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" };
  const { site, payments } = await stage(t, (request, response) => (paymentOf(request) ? response.end("here") : demand(response, [other, { ...GOOD, amount: "250000" }])));
  const client = make();
  const error = await caught(client.fetch(`${site}/a`));
  assert.deepEqual([error.reason, error.offer.decimal, error.offer.symbol, error.offer.index, error.limit, error.open, error.signed], ["too-dear", "0.25", "USDC", 1, "$0.10", false, false]);
  assert.equal(error.message, "0.25 USDC is over the limit of $0.10");
  const { problem, refused, choice } = await client.quote(`${site}/a`);
  assert.deepEqual([problem.reason, problem.offer.decimal, problem.limit, choice], ["too-dear", "0.25", "$0.10", undefined]);
  assert.deepEqual(refused.map(({ index, reason }) => [index, reason]), [[0, "unknown-network"], [1, "too-dear"]]);
  const picked = await client.quote(`${site}/a`);
  assert.equal((await caught(client.pay(picked, picked.offers[0]))).reason, "too-dear");
  assert.equal((await caught(make({ policy: { max: "$0.10", deny: { payees: [GOOD.payTo] } } }).fetch(`${site}/a`))).reason, "nothing-payable");
  assert.deepEqual(payments(), []);
});

test("what is over a budget is told with the offer and the limit", async (t) => {
  const { site } = await stage(t, selling);
  for (const [limit, reason] of [["total", "over-budget-total"], ["perDay", "over-budget-day"], ["perHost", "over-budget-host"]]) {
    for (const dryRun of [false, true]) {
      const error = await caught(make({ policy: { max: "$0.10", [limit]: "$0.005" }, dryRun }).fetch(`${site}/a`));
      assert.deepEqual([error.reason, error.offer.decimal, error.limit, error.url], [reason, "0.01", "$0.005", `${site}/a`]);
    }
  }
});

test("F7 patience ends the wait for one answer too, and loses no payment", async (t) => {
  let silent = true;
  const { site, payments } = await stage(t, (request, response) => {
    if (!paymentOf(request)) return demand(response);
    if (!silent) response.end("here");
  });
  const told = [];
  const { signer, signed } = counting();
  const store = memoryStore();
  const begun = Date.now();
  // one answer alone may take longer
  const error = await caught(make({ signer, store, patience: 2, timeout: 600_000, progress: (what) => told.push(what) }).fetch(`${site}/a`));
  assert.deepEqual([error.reason, error.open, error.signed, error.message], ["unresolved", true, true, "not known whether it was paid (no answer); ask again with the same payment"]);
  assert.ok(Date.now() - begun < 100_000, "it did not wait for the answer");
  assert.deepEqual(told.map(({ doing, url, offer }) => [doing, url, offer.decimal]), [["sent", `${site}/a`, "0.01"]]);
  silent = false;
  assert.equal(await (await make({ signer, store }).fetch(`${site}/a`)).text(), "here");
  assert.deepEqual([signed.length, new Set(payments().map(({ payment }) => nonceOf(payment))).size], [1, 1]);
});

test("F7 a program's own fetch that hears no signal does not outlast the patience", async (t) => {
  const { site } = await stage(t, (request, response) => demand(response));
  const deaf = (input, init) => (new Request(input, init).headers.has("payment-signature") ? new Promise(() => {}) : fetch(input, init));
  const watch = new Promise((_, reject) => setTimeout(reject, 30_000, new Error("it waits for ever")).unref());
  const error = await Promise.race([caught(make({ patience: 1, fetch: deaf }).fetch(`${site}/a`)), watch]);
  assert.deepEqual([error.reason, error.open, error.signed], ["unresolved", true, true]);
});

test("what is waited for is told, and what a server answered in the meantime", async (t) => {
  let times = 0;
  const { site } = await stage(t, (request, response) => {
    if (!paymentOf(request)) return demand(response);
    if ((times += 1) === 1) return response.writeHead(503, { "retry-after": "1" }).end();
    if (request.url === "/a") return response.end("here");
    response.writeHead(502).end(JSON.stringify({ error: "the chain is slow" }));
  });
  const told = [];
  await make({ progress: ({ doing, seconds, status }) => told.push([doing, seconds, status]) }).fetch(`${site}/a`);
  assert.deepEqual(told, [["sent", undefined, undefined], ["again", 1, 503], ["sent", undefined, undefined]]);
  assert.equal((await caught(make({ patience: 1 }).fetch(`${site}/b`))).message, "not known whether it was paid (answer 502 the chain is slow); ask again with the same payment");
});

test("F7 what is open is listed with its address, and given up by what it is called", async (t) => {
  const { site } = await stage(t, (request, response) => (paymentOf(request) ? response.writeHead(503, { "retry-after": "99" }).end() : demand(response)));
  const { signer } = counting();
  const store = fileStore(folder(t));
  const client = make({ signer, store, patience: 1 });
  await caught(client.fetch(`${site}/form`, { method: "POST", body: "a=1" }));
  await caught(client.fetch(`${site}/page`));
  const open = (await client.open()).sort((a, b) => a.url.localeCompare(b.url));
  assert.deepEqual(open.map(({ url, offer, payer }) => [url, offer.decimal, payer]), [[`${site}/form`, "0.01", signer.address], [`${site}/page`, "0.01", signer.address]]);
  assert.ok(!JSON.stringify(open).includes("signature"), "what could be sent is not handed out");
  assert.equal((await caught(client.abandon(open[0]))).reason, "still-open");
  // as if it had been signed long ago
  for (const name of await store.names("turn ")) {
    await store.update(name, (text) => {
      const turn = JSON.parse(text);
      return { text: JSON.stringify({ ...turn, at: 1, kept: JSON.stringify({ ...JSON.parse(turn.kept), until: 1 }) }) };
    });
  }
  assert.equal(await client.abandon(open[0]), true, "a POST, too");
  assert.deepEqual((await client.open()).map(({ url }) => url), [`${site}/page`]);
  assert.deepEqual([(await client.receipts()).map(({ url, state }) => [url, state]), (await client.budget()).total.spent], [[[`${site}/form`, "unknown"]], "0.02"]);
});

test("A6 a limit that nobody could read is a mistake of its own, whatever it is made of", () => {
  const make = (policy) => () => createClient({ signer: counting().signer, policy: { max: "$0.10", ...policy } });
  // who looks only whether each member that one sees has the right form takes all of these, and has no limit
  const bad = [
    { perDay: Promise.resolve("$1") }, { total: [] }, { perDay: {} }, { perHost: { "news.example": { max: "$1" } } }, { perHost: new Map([["news.example", "$1"]]) },
    { perHost: { "*": "$1", "a.example": undefined } }, { perHost: ["$1"] }, { perHost: { "policy-max": "1 USDC" } }, { deny: [] }, { deny: new Map() }, { networks: {} }, { tokens: {} },
    { perDay: new String("$1") }, { total: () => "$1" }, { hosts: new Set(["a.example"]) },
  ];
  for (const policy of bad) assert.throws(make(policy), TypeError, Object.keys(policy)[0]);
  assert.throws(() => createClient({ signer: counting().signer, policy: Object.create({ max: "$0.10", perDay: "1 EUR" }) }), TypeError);
  make({ perHost: { "*": "$1", "news.example:8080": "$2" }, perDay: undefined, deny: { hosts: ["a.example"] }, tokens: [{ network: "eip155:1", asset: `0x${"aa".repeat(20)}`, decimals: 6, max: "5" }] })();
  make(JSON.parse('{"perHost": {"*": "$1"}}'))();
});
