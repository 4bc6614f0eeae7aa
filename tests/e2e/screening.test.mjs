// Who may not pay (threat B13): a list of accounts, and a service that is asked about each payer before anything is begun.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test as plainTest } from "node:test";
import { concat, encodeAbiParameters, getAddress } from "viem";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { accounts } from "../support/accounts.mjs";
import { farthingFetch } from "../support/farthing-client.mjs";
import { readBody, sendJson } from "../support/http.mjs";
import { startNaive } from "../support/naive.mjs";
import { decode, nonceFor, offersIn } from "../support/pay.mjs";
import { page, startShop } from "../support/shop.mjs";
import { listen } from "../../tools/lib/processes.mjs";
import { problemOf, until } from "./reader.mjs";

const PRICE = 20_000n;
const TOKEN = "Bearer of-the-publisher";
const both = (network) => [network, { network, transfer: "permit2" }];
const permits = (network) => [{ network, transfer: "permit2" }];

/** A screening service. Everybody may pay, unless a test says otherwise for one account: `says(address, answer)`. */
async function startScreening() {
  const calls = [];
  const answers = new Map();
  const server = createServer(async (request, response) => {
    const text = await readBody(request);
    const { address } = JSON.parse(text);
    calls.push({ method: request.method, path: request.url, headers: request.headers, text, address });
    const answer = answers.get(address);
    if (answer) return answer({ request, response });
    sendJson(response, 200, { allow: true });
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    callsAbout: ({ address }) => calls.filter((call) => call.address === address),
    says: ({ address }, answer) => answers.set(address, typeof answer === "function" ? answer : ({ response }) => sendJson(response, 200, answer)),
    stop: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}

let shop;
let screening;
let naive;
let strict;
let lenient;
let brief;
let denying;
let metering;
let direct;
/** Private keys of accounts on the list, by how it spells them; each form of payment has its own. */
const spelled = { lower: (address) => address.toLowerCase(), checksum: getAddress, upper: (address) => `0x${address.slice(2).toUpperCase()}` };
const denied = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [index, generatePrivateKey()]));
const wallet = getAddress(`0x${generatePrivateKey().slice(-40)}`);
const list = [...Object.values(denied).map((key, index) => Object.values(spelled)[index % 3](privateKeyToAddress(key))), wallet.toLowerCase()];

before(async () => {
  screening = await startScreening();
  shop = await startShop({
    edges: {},
    routes: [
      { match: "/metered/*", price: "$0.05", scheme: "upto" },
      { match: "/first/*", price: "$0.02", flow: "upfront", access: "once" },
      { match: "/page/*", price: "$0.02" },
    ],
    config: { logs: "all" },
  });
  const asks = (more) => ({
    networks: both, env: { SCREENING: TOKEN },
    config: { screening: { url: `${screening.url}/check`, headers: { Authorization: "SCREENING" }, whenUnreachable: "refuse", timeoutSeconds: 1, ...more } },
  });
  const gas = generatePrivateKey();
  await shop.chain.client.setBalance({ address: privateKeyToAddress(gas), value: 10n ** 18n });
  // Base's fees are a thousandth of what anvil begins with
  await shop.chain.rpc("anvil_setNextBlockBaseFeePerGas", ["0x989680"]);
  await shop.chain.mine();
  [strict, lenient, brief, denying, metering, direct] = await Promise.all([
    shop.open(asks()), shop.open(asks({ whenUnreachable: "allow" })), shop.open(asks({ cacheSeconds: 1 })),
    shop.open({ networks: both, config: { screening: { deny: list } } }),
    shop.open({ networks: permits, config: { screening: { deny: list } } }),
    shop.open({
      env: { GAS_KEY: gas },
      config: {
        screening: { deny: list, url: screening.url, whenUnreachable: "refuse" }, routes: [{ match: "/page/*", price: "$0.02" }],
        settlement: { facilitators: [{ direct: "GAS_KEY" }], rpc: { [shop.chain.network]: [shop.chain.url] } },
      },
    }),
  ]);
  naive = await startNaive({ origin: shop.origin.url, facilitator: shop.bad.url, routes: [{ prefix: "/page/", amount: String(PRICE) }] });
});
after(async () => {
  await naive?.stop();
  await shop?.stop();
  await screening?.stop();
});
const test = (name, work) => plainTest(name, { concurrency: 4 }, work);

const payers = (edge, more = {}) => shop.newPayer({ edge, approve: false, ...more });
/** What the facilitator was asked about a payer, whatever it was. */
const handed = ({ address }) => shop.bad.calls.filter(({ body }) => JSON.stringify(body ?? "").toLowerCase().includes(address.toLowerCase().slice(2)));

async function assertPaid(response, path, payer, times = 1) {
  const text = await response.text();
  assert.equal(response.status, 200, text.slice(0, 300));
  assert.equal(text, page(path));
  assert.equal((await payer.transfers()).length, times);
}

/** Refused, and nothing of it has left: no money, no call of a facilitator, no row. */
async function assertUntouched(response, slug, payer, edge) {
  const { status, headers } = response;
  assert.equal(await problemOf(response), slug);
  assert.equal(status, slug === "payer-refused" ? 403 : 503);
  assert.equal(headers.get("payment-required"), null, "no new offer");
  assert.equal(headers.get("retry-after") === null, slug === "payer-refused");
  assert.deepEqual(headers.getSetCookie(), []);
  assert.deepEqual(handed(payer), []);
  assert.deepEqual(await payer.transfers(), []);
  const rows = await edge.query("SELECT body FROM payment WHERE lower(body) LIKE ?", `%${payer.address.toLowerCase()}%`);
  assert.deepEqual(rows.flatMap(({ rows }) => rows), []);
}

/** A screening in front of a paywall, as it is often built: `lets(payment)` before, `keeps(settlement)` after. */
async function startFront(target, { lets = () => true, keeps = () => true }) {
  const server = createServer(async (request, response) => {
    const header = request.headers["payment-signature"];
    if (header && !lets(decode(header))) return sendJson(response, 403, {});
    const answer = await fetch(target + request.url, { headers: header ? { "payment-signature": header } : {} });
    const settled = answer.headers.get("payment-response");
    if (settled && !keeps(decode(settled))) return sendJson(response, 403, {});
    response.writeHead(answer.status, Object.fromEntries(["content-type", "payment-required"].flatMap((name) => (answer.headers.has(name) ? [[name, answer.headers.get(name)]] : []))));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  return { url, stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

plainTest("B13 the usual ways to keep an account out", async (t) => {
  await t.test("one that compares texts lets it in under another spelling, and the money moves", async () => {
    const payer = await payers({ url: naive.site });
    const front = await startFront(naive.site, { lets: ({ payload }) => ![payer.address].includes(payload.authorization.from) });
    try {
      const there = payer.at({ url: front.url });
      assert.equal((await there.send("/page/a", await there.signTransfer("/page/a"))).status, 403);
      const other = await there.signTransfer("/page/a", { overrides: { authorization: { from: payer.address.toLowerCase() } } });
      await assertPaid(await there.send("/page/a", other), "/page/a", payer);
    } finally {
      await front.stop();
    }
  });
  await t.test("one that looks when the payment is settled has the money, and refuses who paid it", async () => {
    const payer = await payers({ url: naive.site });
    const front = await startFront(naive.site, { keeps: (settlement) => settlement.payer.toLowerCase() !== payer.address.toLowerCase() });
    try {
      const there = payer.at({ url: front.url });
      assert.equal((await there.send("/page/a", await there.signTransfer("/page/a"))).status, 403);
      assert.equal((await payer.transfers()).length, 1);
    } finally {
      await front.stop();
    }
  });
});

const FORMS = {
  "version 2": (payer) => payer.signTransfer("/page/a"),
  "version 2, a nonce of our own clients": async (payer) => {
    const offer = await payer.offer("/page/a");
    return payer.signTransfer("/page/a", { offer, nonce: nonceFor(offer) });
  },
  "version 1": async (payer) => {
    const { v1 } = await offersIn(await payer.ask("/page/a"));
    return payer.signTransfer("/page/a", { offer: v1 });
  },
  "its address in lower case": (payer) => payer.signTransfer("/page/a", { overrides: { authorization: { from: payer.address.toLowerCase() } } }),
  "its address in upper case": (payer) => payer.signTransfer("/page/a", {
    tamper: (payload) => {
      payload.payload.authorization.from = spelled.upper(payer.address);
      return payload;
    },
  }),
  "Permit2": (payer) => payer.sign("/page/a", { index: 1 }),
  "money first": (payer) => payer.signTransfer("/first/a"),
};

test("B13 a denied account pays in no form and under no spelling, and nothing of it leaves", (t) =>
  Promise.all(Object.entries(FORMS).map(([name, sign], index) => t.test(name, async () => {
    const payer = shop.payerWith(denied[index], denying);
    await shop.chain.setBalance(payer.address, 10_000_000n);
    const payment = await sign(payer);
    await assertUntouched(await payer.send(name === "money first" ? "/first/a" : "/page/a", payment), "payer-refused", payer, denying);
  }))));

test("B13 nor for what is metered, at a crawler's price, without a facilitator, or by a contract", (t) => Promise.all([
  t.test("metered", async () => {
    const payer = shop.payerWith(denied[7], metering);
    await shop.chain.setBalance(payer.address, 10_000_000n);
    await shop.chain.approvePermit2(payer.key);
    await assertUntouched(await payer.send("/metered/a", await payer.sign("/metered/a")), "payer-refused", payer, metering);
  }),
  t.test("at a crawler's price", async () => {
    const payer = shop.payerWith(denied[8], denying);
    await shop.chain.setBalance(payer.address, 10_000_000n);
    const payment = await payer.signTransfer("/page/a");
    await assertUntouched(await payer.send("/page/a", payment, { "crawler-exact-price": "USD 0.02" }), "payer-refused", payer, denying);
  }),
  t.test("without a facilitator", async () => {
    const payer = shop.payerWith(denied[9], direct);
    await shop.chain.setBalance(payer.address, 10_000_000n);
    await assertUntouched(await payer.send("/page/a", await payer.signTransfer("/page/a")), "payer-refused", payer, direct);
    const [other, another] = [await payers(direct), await payers(direct)];
    screening.says(other, { allow: false });
    await assertUntouched(await other.send("/page/a", await other.signTransfer("/page/a")), "payer-refused", other, direct);
    await assertPaid(await another.send("/page/a", await another.signTransfer("/page/a")), "/page/a", another);
  }),
  t.test("a contract wallet, deployed or not (ERC-1271, ERC-6492)", async () => {
    const magic = "0x6492649264926492649264926492649264926492649264926492649264926492";
    const wrapped = concat([encodeAbiParameters([{ type: "address" }, { type: "bytes" }, { type: "bytes" }], [accounts[0].address, "0x00", `0x${"11".repeat(65)}`]), magic]);
    const payer = await shop.newContractPayer({ edge: denying });
    const of = { ...payer, address: wallet, transfers: async () => [] };
    for (const signature of [`0x${"ab".repeat(200)}`, wrapped]) {
      const payment = await payer.signTransfer("/page/a", { authorization: { from: wallet }, signature });
      await assertUntouched(await payer.send("/page/a", payment), "payer-refused", of, denying);
    }
    // and a service hears of it before the facilitator does
    const asked = payer.at(strict);
    screening.says({ address: wallet }, { allow: false });
    const payment = await asked.signTransfer("/page/a", { overrides: { authorization: { from: wallet }, signature: wrapped } });
    await assertUntouched(await asked.send("/page/a", payment), "payer-refused", of, strict);
    assert.equal(screening.callsAbout({ address: wallet }).length, 1);
  }),
]));

test("whom the service allows pays, and it learns the account and the network alone", async () => {
  const payer = await payers(strict);
  await assertPaid(await payer.send("/page/a", await payer.signTransfer("/page/a")), "/page/a", payer);
  const [call, ...more] = screening.callsAbout(payer);
  assert.deepEqual(more, []);
  assert.deepEqual([call.method, call.path, call.headers.authorization], ["POST", "/check", TOKEN]);
  assert.deepEqual(JSON.parse(call.text), { address: payer.address, network: shop.chain.network });
  for (const name of ["payment-signature", "cookie", "referer", "cf-connecting-ip"]) assert.equal(call.headers[name], undefined);
});

test("B13 whom it refuses is told so, once and without a reason; nothing is kept of a stranger", async () => {
  const payer = await payers(strict);
  screening.says(payer, { allow: false, reason: "on the list of a country" });
  const payment = await payer.signTransfer("/page/a");
  const first = await payer.send("/page/a", payment);
  assert.ok(!(await first.clone().text()).includes("country"));
  await assertUntouched(first, "payer-refused", payer, strict);
  await assertUntouched(await payer.send("/page/b", await payer.signTransfer("/page/b")), "payer-refused", payer, strict);
  assert.equal(screening.callsAbout(payer).length, 1, "a refusal is remembered");
  await until("the log has it", async () => strict.log.some(({ message }) => message.includes("payer-refused")));
  assert.ok(!JSON.stringify(strict.log).toLowerCase().includes(payer.address.toLowerCase().slice(2)));
});

const BAD = {
  "breaks off": ({ request }) => request.socket.destroy(),
  "is too slow": () => {},
  "answers 500": ({ response }) => sendJson(response, 500, { allow: true }),
  "answers 403": ({ response }) => sendJson(response, 403, { allow: true }),
  "leads elsewhere": ({ response }) => {
    response.writeHead(307, { location: `${screening.url}/check` });
    response.end(JSON.stringify({ allow: true }));
  },
  "answers no JSON": ({ response }) => response.end("<html>{\"allow\":true}"),
  "answers with a text": ({ response }) => sendJson(response, 200, { allow: "true" }),
  "answers twice in one": ({ response }) => response.end('{"allow":false,"allow":true}'),
  "answers too much": ({ response }) => sendJson(response, 200, { allow: true, more: "x".repeat(10_000) }),
  "answers nothing": ({ response }) => response.end(),
};
for (const [name, answer] of Object.entries(BAD)) {
  test(`B13 a service that ${name}: refused or let through, as the config has it`, async () => {
    const [one, other] = await Promise.all([payers(strict), payers(lenient)]);
    screening.says(one, answer);
    screening.says(other, answer);
    const payment = await one.signTransfer("/page/a");
    const [response] = await Promise.all([
      one.send("/page/a", payment),
      other.send("/page/a", await other.signTransfer("/page/a")).then((response) => assertPaid(response, "/page/a", other)),
    ]);
    assert.match(response.headers.get("retry-after"), /^[1-5]$/);
    await assertUntouched(response, "screening-unavailable", one, strict);
    assert.equal(screening.callsAbout(one).length, 1, "followed nowhere");
    assert.ok(strict.log.some(({ message }) => message.includes('"event":"screening"')));
    // the same payment is good once the service answers
    screening.says(one, { allow: true });
    let last;
    await until("it is asked again", async () => (last = await one.send("/page/a", payment)).status !== 503);
    await assertPaid(last, "/page/a", one);
  });
}

test("one answer serves ten payments one after the other, ten at once, and a Worker that starts anew", async () => {
  const [one, ten] = await Promise.all([payers(strict), payers(strict)]);
  for (let n = 0; n < 10; n += 1) await assertPaid(await one.send(`/page/${n}`, await one.signTransfer(`/page/${n}`)), `/page/${n}`, one, n + 1);
  assert.equal(screening.callsAbout(one).length, 1);

  let open;
  const opened = new Promise((resolve) => { open = resolve; });
  screening.says(ten, async ({ response }) => {
    await opened;
    sendJson(response, 200, { allow: true });
  });
  // an account has eight open payments at most
  const payments = await Promise.all(Array.from({ length: 8 }, (_, n) => ten.signTransfer(`/page/${n}`)));
  const twins = [...payments.map((payment, n) => [payment, n]), [payments[0], 0], [payments[1], 1]];
  const answers = Promise.all(twins.map(async ([payment, n]) => (await ten.send(`/page/${n}`, payment)).status));
  await until("somebody asks", () => screening.callsAbout(ten).length > 0);
  open();
  const statuses = await answers;
  assert.ok(statuses.every((status) => status === 200 || status === 503), String(statuses));
  assert.equal(screening.callsAbout(ten).length, 1);
  assert.equal((await ten.transfers()).length, 8);

  await strict.kill();
  await strict.restart();
  await assertPaid(await one.send("/page/anew", await one.signTransfer("/page/anew")), "/page/anew", one, 11);
  assert.equal(screening.callsAbout(one).length, 1, "kept with what it paid");
});

test("B13 what was paid before stays open, whoever is refused since; and nothing new is sold", async (t) => {
  await t.test("by the service", async () => {
    const payer = await payers(brief);
    const payment = await payer.signTransfer("/page/a");
    const first = await payer.send("/page/a", payment);
    const cookie = first.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
    await assertPaid(first, "/page/a", payer);
    screening.says(payer, { allow: false });
    await until("the answer is asked for anew", async () => (await payer.send("/page/b", await payer.signTransfer("/page/b"))).status === 403 || screening.callsAbout(payer).length > 1);
    const before = (await payer.transfers()).length;
    assert.equal(await problemOf(await payer.send("/page/c", await payer.signTransfer("/page/c"))), "payer-refused");
    // the same payment, a pass, and a new payment for what is owned
    assert.equal((await payer.send("/page/a", payment)).status, 200);
    assert.equal((await payer.ask("/page/a", { cookie })).status, 200);
    const offer = await payer.offer("/page/a");
    assert.equal((await payer.send("/page/a", await payer.signTransfer("/page/a", { offer, nonce: nonceFor(offer) }))).status, 200);
    assert.equal((await payer.transfers()).length, before);
  });
  await t.test("by the list", async () => {
    const edge = await shop.open({});
    const payer = await payers(edge);
    const payment = await payer.signTransfer("/page/a");
    const first = await payer.send("/page/a", payment);
    const cookie = first.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
    await assertPaid(first, "/page/a", payer);
    await edge.restart({ config: { ...edge.config, screening: { deny: [payer.address] } } });
    assert.equal((await payer.send("/page/a", payment)).status, 200);
    assert.equal((await payer.ask("/page/a", { cookie })).status, 200);
    assert.equal(await problemOf(await payer.send("/page/b", await payer.signTransfer("/page/b"))), "payer-refused");
    assert.equal((await payer.transfers()).length, 1);
  });
});

test("B13 S4 a payment that a facilitator has is brought to its end, whatever the service says by then", async () => {
  const payer = await payers(brief);
  const payment = await payer.signTransfer("/page/a");
  shop.bad.scriptFor(payer, "/settle", "500");
  assert.equal(await problemOf(await payer.send("/page/a", payment)), "settlement-pending");
  screening.says(payer, { allow: false });
  let last;
  await until("the chain is read", async () => (last = await payer.send("/page/a", payment)).status !== 503);
  await assertPaid(last, "/page/a", payer);
});

test("the paying client stops at a refusal, and keeps an unused payment while nobody can say", async () => {
  const [refused, waiting] = await Promise.all([payers(strict), payers(strict)]);
  screening.says(refused, { allow: false });
  const error = await farthingFetch({ key: refused.key })(`${strict.url}/page/a`).then(() => undefined, (error) => error);
  assert.deepEqual([error.code, error.open], ["payer-refused", false]);
  assert.deepEqual(handed(refused), []);

  screening.says(waiting, BAD["answers 500"]);
  const pay = farthingFetch({ key: waiting.key });
  const held = await pay(`${strict.url}/page/a`).then(() => undefined, (error) => error);
  assert.deepEqual([held.reason, held.code, held.open], ["undeliverable", "screening-unavailable", true]);
  assert.equal(screening.callsAbout(waiting).length, 1, "no retry without end");
  screening.says(waiting, { allow: true });
  await until("it pays", async () => (await pay(`${strict.url}/page/a`).catch(({ response }) => response)).status === 200);
  assert.equal((await waiting.transfers()).length, 1);
});

test("the health page says where the service does not answer for the site's own account", async () => {
  const own = { address: getAddress(strict.config.payTo.eip155) };
  screening.says(own, { allow: false });
  const edge = await shop.open({ config: { screening: { url: screening.url, headers: { "x-key": "MISSING" }, whenUnreachable: "refuse" } } });
  const { ok, errors } = await edge.health();
  assert.equal(ok, false);
  assert.match(errors.join("\n"), /screening\.headers\.x-key: names a secret that this Worker does not have/);
  await edge.restart({ env: { MISSING: "a key" } });
  const payer = await payers(edge);
  await assertPaid(await payer.send("/page/a", await payer.signTransfer("/page/a")), "/page/a", payer);
  await until("it is told", async () => (await edge.health()).warnings.some((text) => text.includes("would refuse a payment of the site's own payTo")));
});
