// What an owner rules out stays out however it is spelled, and however it comes: what was allowed once, a redirect, a store that fails.
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../support/pay.mjs";
import { GOOD, counting, demand, nonceOf, paymentOf, shop, stage } from "./stage.mjs";

const { createClient, memoryStore, PaymentError } = await import("../../js/dist/client/node.js");

const quick = { policy: { max: "$0.10" }, patience: 1, timeout: 400 };
const refused = (reason, open = false) => (error) => {
  assert.ok(error instanceof PaymentError, error);
  assert.deepEqual([error.reason, error.open], [reason, open], error.message);
  return true;
};
/** Whatever a name resolves to: this server. */
const at = (site) => (url, init) => {
  const { pathname, search } = new URL(url);
  return fetch(new URL(pathname + search, site), init);
};
const selling = (request, response) => (paymentOf(request) ? response.end("here") : demand(response));

test("F3 a host is the same however it is spelled", async (t) => {
  const { site, payments } = await stage(t, selling);
  let page = 0;
  const ask = (policy, host, signer = counting()) => createClient({ ...quick, signer: signer.signer, policy: { max: "$0.10", ...policy }, fetch: at(site) }).fetch(`${host}/${(page += 1)}`);

  for (const [rule, hosts] of Object.entries({
    "evil.example": ["http://evil.example", "http://evil.example.", "http://EVIL.example:8080", "https://evil.example.:443"],
    "*.evil.example": ["http://a.evil.example", "http://a.b.evil.example."],
    "bücher.example": ["http://bücher.example", "http://xn--bcher-kva.example."],
    "Evil.Example.": ["http://evil.example"],
    "evil.example:80": ["http://evil.example", "http://evil.example.:80"],
    "evil.example:443": ["https://evil.example"],
    "127.1": ["http://127.0.0.1", "http://0x7f000001", "http://2130706433"],
    "[::1]": ["http://[::1]", "http://[0:0:0:0:0:0:0:1]:9000"],
    "*": ["http://any.example"],
  })) {
    for (const host of hosts) {
      await assert.rejects(ask({ deny: { hosts: [rule] } }, host), refused("host-not-allowed"), `${rule} ${host}`);
      assert.equal((await ask({ hosts: [rule] }, host)).status, 200, `${rule} ${host}`);
    }
  }
  for (const [rule, host] of [["*.evil.example", "http://evil.example"], ["*.evil.example", "http://notevil.example"], ["evil.example:81", "http://evil.example"], ["evil.example:80", "https://evil.example"]]) {
    await assert.rejects(ask({ hosts: [rule] }, host), refused("host-not-allowed"), `${rule} ${host}`);
  }
  // what could never match is no rule
  for (const rule of ["http://evil.example", "evil.example/path", "", "a b", "user@evil.example", "evil.example:port", "a.*.example", "**", 7, null]) {
    for (const policy of [{ hosts: [rule] }, { deny: { hosts: [rule] } }, ...(typeof rule === "string" ? [{ perHost: { [rule]: "$1.00" } }] : [])]) {
      assert.throws(() => createClient({ ...quick, signer: counting().signer, policy: { max: "$0.10", ...policy } }), { name: "TypeError", message: /^policy\.(deny\.)?(hosts|perHost)\[.*\]: a host such as / }, JSON.stringify(policy));
    }
  }
  assert.ok(payments().length > 0);
});

test("F3 a limit for a host holds for all of its spellings, and without a port for all of its ports", async (t) => {
  const { site } = await stage(t, selling);
  const cases = [
    [{ "api.example": "$0.01" }, ["http://api.example/1", "http://api.example./2", "http://API.example:8080/3", "https://api.example/4"], 1],
    [{ "api.example:80": "$0.01" }, ["http://api.example/1", "http://api.example.:80/2", "http://api.example:81/3"], 2],
    [{ "*.example": "$0.01", "b.example": "$0.02" }, ["http://a.example/1", "http://a.example/2", "http://b.example/3", "http://b.example/4", "http://b.example/5"], 3],
    [{ "*": "$0.01" }, ["http://a.example/1", "http://a.example./2", "http://b.example/3"], 2],
  ];
  for (const [perHost, urls, times] of cases) {
    const { signer, signed } = counting();
    const client = createClient({ ...quick, signer, policy: { max: "$0.10", perHost }, fetch: at(site) });
    for (const url of urls) await client.fetch(url).catch(refused("over-budget-host"));
    assert.equal(signed.length, times, JSON.stringify(perHost));
    for (const { left } of Object.values((await client.budget()).hosts)) assert.ok(left === undefined || left === "0.00", JSON.stringify(perHost));
  }
});

test("F3 an MCP server has one name, in lower case, and rules hold for it", async () => {
  const required = { x402Version: 2, error: "", resource: { url: "mcp://tool/rain" }, accepts: [GOOD] };
  const tools = { callTool: async ({ _meta }) => (_meta?.["x402/payment"] ? { content: [{ type: "text", text: "rain" }] } : { isError: true, structuredContent: required }) };
  const call = (policy, server) => createClient({ ...quick, signer: counting().signer, policy: { max: "$0.10", ...policy } }).callTool(tools, { name: "rain" }, server);
  await assert.rejects(call({ deny: { hosts: ["Weather"] } }, "Weather"), refused("host-not-allowed"));
  await assert.rejects(call({ perHost: { Weather: "$0.001" } }, "weather"), refused("over-budget-host"));
  assert.equal((await call({ hosts: ["weather"] }, "Weather")).content[0].text, "rain");
  // without a name a payment for one could be handed to another
  await assert.rejects(call({}, undefined), /your name for this server/);
});

test("F7 a payment that is left is sent again only by who still may", async (t) => {
  let answers = 0;
  const { site, payments } = await stage(t, (request, response) => {
    if (!paymentOf(request)) return demand(response);
    if ((answers += 1) > 1) return response.end("here");
    response.writeHead(503, { "retry-after": "9" }).end();
  });
  const [store, wallet] = [memoryStore(), counting()];
  const make = (more) => createClient({ ...quick, signer: wallet.signer, store, ...more });
  await assert.rejects(make({}).fetch(`${site}/a`), (error) => refused("unresolved", true)(error) && error.signed);
  await assert.rejects(make({ dryRun: true }).fetch(`${site}/a`), refused("dry-run", true));
  await assert.rejects(make({ policy: { max: "$0.10", deny: { hosts: ["127.0.0.1"] } } }).fetch(`${site}/a`), refused("host-not-allowed", true));
  assert.deepEqual([payments().length, wallet.signed.length], [1, 1]);
  assert.equal(await (await make({}).fetch(`${site}/a`)).text(), "here");
  assert.deepEqual([payments().length, wallet.signed.length], [2, 1]);
});

test("F3 who has paid is told to whom was paid, and to nobody else", async (t) => {
  const { privateKeyToAccount, generatePrivateKey } = await import("viem/accounts");
  const account = privateKeyToAccount(generatePrivateKey());
  const texts = [];
  const signer = { address: account.address, signTypedData: (data) => account.signTypedData(data), signMessage: (message) => { texts.push(message); return account.signMessage(message); } };
  const challenge = (host) => ({ extensions: { "sign-in-with-x": {
    info: { domain: host, uri: `http://${host}/`, version: "1", nonce: "1234567890abcdef", issuedAt: new Date().toISOString() },
    supportedChains: [{ chainId: "eip155:84532", type: "eip191" }],
  } } });
  const offer = { ...GOOD, extra: { ...GOOD.extra, accessSeconds: 3600 } };
  const asking = (request, response) => demand(response, offer, challenge(request.headers.host));
  const other = await stage(t, asking);
  let moved = false;
  const mine = await stage(t, (request, response) => {
    if (paymentOf(request)) return response.end("here");
    return moved ? response.writeHead(302, { location: `${other.site}/b` }).end() : asking(request, response);
  });
  const [store, { host }] = [memoryStore(), new URL(mine.site)];
  const make = (more) => createClient({ ...quick, signer, store, ...more });
  assert.equal(await (await make({}).fetch(`${mine.site}/a`)).text(), "here");
  // it is asked for a proof here, as it should be
  await make({ confirm: () => false }).fetch(`${mine.site}/a`).catch(refused("declined"));
  assert.equal(texts.length, 1);
  // nothing is signed in a dry run, nor where a policy says no
  await assert.rejects(make({ dryRun: true }).fetch(`${mine.site}/a`), refused("dry-run"));
  await assert.rejects(make({ policy: { max: "$0.10", deny: { hosts: [host] } } }).fetch(`${mine.site}/a`), refused("host-not-allowed"));
  moved = true;
  await assert.rejects(make({ confirm: () => false }).fetch(`${mine.site}/a`), refused("declined"));
  assert.equal(texts.length, 1);
  assert.ok(other.asked.every(({ headers }) => headers["sign-in-with-x"] === undefined));
});

test("F7 what was paid for is handed over when nothing can be written down any more, and not paid for again", async (t) => {
  for (const [broken, resumed] of [["receipt", false], ["names", true], ["budget", false]]) {
    let answers = 0;
    const { site, payments } = await stage(t, (request, response) => {
      if (!paymentOf(request)) return demand(response);
      if (resumed && (answers += 1) === 1) return response.writeHead(503, { "retry-after": "9" }).end();
      response.end("here");
    });
    const store = memoryStore();
    let full = false;
    const failing = {
      get: (name) => store.get(name),
      update: (name, change) => (full && payments().length > 0 && name.startsWith(broken) ? Promise.reject(new Error("the disk is full")) : store.update(name, change)),
      names: (prefix) => (full && broken === "names" ? Promise.reject(new Error("the disk is gone")) : store.names(prefix)),
    };
    const { signer, signed } = counting();
    const client = createClient({ ...quick, signer, store: failing });
    if (resumed) await assert.rejects(client.fetch(`${site}/a`), refused("unresolved", true));
    full = true;
    const response = await client.fetch(`${site}/a`);
    assert.equal(await response.text(), "here", broken);
    assert.equal(client.receiptOf(response).state, "paid");
    full = false;
    assert.equal(await (await client.fetch(`${site}/a`)).text(), "here");
    assert.deepEqual([signed.length, new Set(payments().map(({ payment }) => nonceOf(payment))).size], [1, 1], broken);
    assert.deepEqual([(await client.receipts()).length, (await client.budget()).total.spent, (await client.budget()).open], [1, "0.01", 0], broken);
  }
});

test("F7 the same form is the same thing to buy, whatever stands between its parts", async (t) => {
  const { site, payments } = await stage(t, (request, response) => (paymentOf(request) ? response.writeHead(503, { "retry-after": "9" }).end() : demand(response)));
  const { signer, signed } = counting();
  const client = createClient({ ...quick, signer });
  const send = (text, file = Uint8Array.of(129)) => {
    const body = new FormData();
    body.set("question", text);
    body.set("file", new Blob([Uint8Array.of(0, 128, 255, 13, 10), file]), "a.bin");
    return client.fetch(`${site}/a`, { method: "POST", body });
  };
  for (let time = 0; time < 3; time++) await assert.rejects(send("why"), refused("unresolved", true));
  assert.equal(signed.length, 1);
  await assert.rejects(send("how"), refused("unresolved", true));
  // another byte is another file
  await assert.rejects(send("why", Uint8Array.of(141)), refused("unresolved", true));
  assert.deepEqual([signed.length, new Set(payments().map(({ payment }) => nonceOf(payment))).size], [3, 3]);
});

test("F3 nobody is asked to approve what needs no approval", async (t) => {
  const { site } = await stage(t, (request, response) => (paymentOf(request) ? response.writeHead(412).end("{}") : demand(response)));
  const approvals = [];
  const client = createClient({ ...quick, signer: counting().signer, approve: async (transaction) => { approvals.push(transaction); } });
  await assert.rejects(client.fetch(`${site}/a`), refused("undeliverable", true));
  assert.deepEqual(approvals, []);
});

test("F3 a quote is for what it said, to the last term", async (t) => {
  const offer = (more, extra = {}) => ({ ...GOOD, ...more, extra: { ...GOOD.extra, accessSeconds: 3600, ...extra } });
  const first = offer({}, { offer: { name: "ten", title: "Ten", count: 10, seconds: 86_400 } });
  for (const then of [
    offer({}, { offer: { name: "ten", title: "Ten", count: 1, seconds: 86_400 } }), offer({}, { offer: { name: "ten", title: "Ten", count: 10, seconds: 60 } }),
    { ...first, extra: { ...first.extra, accessSeconds: 60 } }, { ...first, extra: { ...first.extra, paymentFlow: "upfront" } }, { ...first, maxTimeoutSeconds: 3600 },
  ]) {
    let asks = 0;
    const { site, payments } = await stage(t, (request, response) => (paymentOf(request) ? response.end("here") : demand(response, (asks += 1) === 1 ? first : then)));
    const { signer, signed } = counting();
    const store = memoryStore();
    const client = createClient({ ...quick, signer, store, policy: { max: "$0.10", offer: "ten" } });
    const quote = await client.quote(`${site}/a`);
    assert.equal(quote.choice.wider.seconds, 86_400);
    // somebody buys and ends in between, so that the server is asked again
    const kept = store.update.bind(store);
    let once = true;
    store.update = (name, change) => (once && name.startsWith("turn ") ? ((once = false), kept(name, () => ({ text: JSON.stringify({ id: "1", url: site, owner: "", seen: 0, past: "1" }), result: undefined }))) : kept(name, change));
    await assert.rejects(client.pay(quote), refused("offer-changed"));
    assert.deepEqual([signed.length, payments().length], [0, 0]);
  }
  // of two that differ in when the money moves, the one that is allowed is the one that is named
  const { site } = await stage(t, (request, response) => (paymentOf(request) ? response.end("here") : demand(response, [{ ...GOOD, extra: { ...GOOD.extra, paymentFlow: "upfront" } }, GOOD])));
  const client = createClient({ ...quick, signer: counting().signer, policy: { max: "$0.10", upfront: false } });
  const quote = await client.quote(`${site}/a`);
  assert.deepEqual([quote.choice.flow, quote.choice.index], ["authorization", 1]);
  assert.equal((await client.pay(quote)).status, 200);
});

test("F3 the address that a server names is another's however it is written", async (t) => {
  for (const url of ["HTTPS://bank.example/a", " https://bank.example/a", "https:bank.example/a", "//bank.example/a", "\\\\bank.example/a", "/dear"]) {
    const { site, payments } = await stage(t, (request, response) => (paymentOf(request) ? response.end("here") : demand(response, GOOD, { resource: { url, description: "", mimeType: "" } })));
    const client = createClient({ ...quick, signer: counting().signer });
    await assert.rejects(client.fetch(`${site}/a`), refused("other-resource"), url);
    assert.deepEqual(payments(), [], url);
  }
  // what is no address is the name of something
  for (const url of ["weather report", "urn:isbn:0", "mcp://tool/rain", "/a"]) {
    const { site } = await stage(t, (request, response) => (paymentOf(request) ? response.end("here") : demand(response, GOOD, { resource: { url, description: "", mimeType: "" } })));
    assert.equal((await createClient({ ...quick, signer: counting().signer }).fetch(`${site}/a`)).status, 200, url);
  }
});

test("a client that was closed pays nothing, whenever that was", async (t) => {
  const { site, count } = await shop(t);
  const key = `0x${"11".repeat(32)}`;
  const early = createClient({ ...quick, signer: key });
  early.close();
  await assert.rejects(early.fetch(`${site}/a`), /was closed/);
  const late = createClient({ ...quick, signer: key });
  await late.address();
  late.close();
  await assert.rejects(late.fetch(`${site}/a`), /was closed/);
  assert.equal(count(), 0);
});

test("F7 what is under way is not given up from beside", async (t) => {
  let taken;
  const { site } = await stage(t, (request, response) => {
    if (!paymentOf(request)) return taken ? response.end("here") : demand(response);
    setTimeout(() => { taken = nonceOf(paymentOf(request)); response.writeHead(200, { "payment-response": encode({ success: true, transaction: taken, network: GOOD.network }) }).end("here"); }, 150);
  });
  const { signer, signed } = counting();
  const client = createClient({ ...quick, signer });
  const buying = client.fetch(`${site}/a`);
  while (signed.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await client.abandon(`${site}/a`), false, "it was looked at when the other was done");
  assert.equal(await (await buying).text(), "here");
  assert.equal(await (await client.fetch(`${site}/a`)).text(), "here");
  assert.deepEqual([signed.length, (await client.receipts()).length, (await client.budget()).open], [1, 1, 0]);
});

test("F3 what would be refused is said when it is asked for", async (t) => {
  const { site, payments } = await stage(t, selling);
  const make = (more) => createClient({ ...quick, signer: counting().signer, ...more });
  for (const [limit, reason] of [["total", "over-budget-total"], ["perDay", "over-budget-day"], ["perHost", "over-budget-host"]]) {
    const policy = { max: "$0.10", [limit]: "$0.005" };
    const quote = await make({ policy }).quote(`${site}/a`);
    assert.deepEqual([quote.choice, quote.problem.reason], [undefined, reason]);
    await assert.rejects(make({ policy, dryRun: true }).fetch(`${site}/a`), refused(reason));
  }
  assert.deepEqual(payments(), []);
  // and what costs nothing is had
  const free = await stage(t, (request, response) => response.end("free"));
  const client = make({});
  assert.equal(await (await client.pay(await client.quote(`${free.site}/a`))).text(), "free");
});

test("F3 a brake that is misspelt is an error", () => {
  for (const [more, message] of [
    [{ dryrun: true }, /its options are .*dryRun.*, not "dryrun"/], [{ confirmed: () => false }, /not "confirmed"/], [{ policy: undefined }, /policy\.max: /],
    [{ policy: null }, /policy\.max: /], [{ store: "./payments" }, /store: get, update and names/], [{ store: {} }, /store: get, update and names/],
  ]) {
    assert.throws(() => createClient({ ...quick, signer: counting().signer, ...more }), { name: "TypeError", message });
  }
});

test("a patience that is none is an error", () => {
  for (const patience of [0, -1, NaN, Infinity, "60"]) {
    assert.throws(() => createClient({ ...quick, signer: counting().signer, patience }), /^TypeError: patience: seconds, at least one/);
  }
});
