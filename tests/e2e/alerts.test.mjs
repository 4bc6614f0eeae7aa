// Alerts: each arrives once, signed, in spite of receivers that fail, and once more when it is over; nobody else waits for them.
import assert from "node:assert/strict";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { listen } from "../../tools/lib/processes.mjs";
import { startSite } from "../direct/site.mjs";
import { payer } from "../support/accounts.mjs";
import { readBody } from "../support/http.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { DOOR, DOT, newReader, until } from "./reader.mjs";

const bytes = randomBytes(32);
const SECRET = `whsec_${bytes.toString("base64")}`;
const HOUR = 3600;
const now = () => Math.floor(Date.now() / 1000);

/** As https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md has it. */
function verify({ headers, body }) {
  const [id, timestamp] = [headers["webhook-id"], headers["webhook-timestamp"]];
  assert.ok(Math.abs(now() - Number(timestamp)) < 300, "not an old one again");
  const right = createHmac("sha256", bytes).update(`${id}.${timestamp}.${body}`).digest();
  const given = headers["webhook-signature"].split(" ").filter((one) => one.startsWith("v1,")).map((one) => Buffer.from(one.slice(3), "base64"));
  assert.ok(given.some((one) => one.length === right.length && timingSafeEqual(one, right)), "signed with the secret");
}

/** A server that is told things: `mode` is what it answers, or "hang". */
async function startReceiver() {
  const seen = [];
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const call = { method, url, headers, body: await readBody(request) };
    seen.push(call);
    if (receiver.mode === "hang") return;
    if (receiver.mode === "endless") return void response.writeHead(200).write("x".repeat(100_000));
    response.writeHead(receiver.mode, receiver.headers).end();
  });
  const receiver = {
    url: `http://127.0.0.1:${await listen(server)}`, mode: 204, headers: {}, seen,
    /** What arrived since the last look, checked and read. */
    take: () => seen.splice(0).map((call) => {
      verify(call);
      const alert = JSON.parse(call.body);
      assert.equal(call.method, "POST");
      assert.equal(call.headers["content-type"], "application/json");
      assert.equal(alert.id, call.headers["webhook-id"]);
      for (const name of ["type", "at", "site", "subject", "text", "state"]) assert.equal(typeof alert[name], "string", name);
      return alert;
    }),
    stop: () => new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    }),
  };
  return receiver;
}

const alertsTo = (...urls) => ({ webhooks: urls.map((url) => ({ url: `${url}/hook`, secret: "ALERTS" })) });

let paper;
let receiver;
before(async () => {
  receiver = await startReceiver();
  paper = await startNewspaper({
    hostile: true, books: true, env: { ALERTS: SECRET },
    change: (config) => ({ ...config, logs: "all", alerts: alertsTo(receiver.url), settlement: { ...config.settlement, timeoutSeconds: 2 } }),
  });
  // the books make their table with the first payment
  const reader = await newReader(paper);
  assert.equal((await reader.send(DOOR, await reader.sign(DOOR))).status, 200);
  await until("the books", async () => (await paper.edge.books.rows()).length === 1);
});
after(async () => {
  await paper?.stop();
  await receiver?.stop();
});
afterEach(async () => {
  Object.assign(receiver, { mode: 204, headers: {} });
  paper.badFacilitator.reset();
  await paper.edge.books.run("DELETE FROM payment WHERE key LIKE 'test%'");
  // whatever is over, and late
  for (let run = 0; run < 6; run += 1) await fire();
  receiver.seen.length = 0;
});
async function fire() {
  assert.equal(await paper.edge.scheduled(), "ok");
  return receiver.take();
}
const unknown = (key, age = HOUR) => paper.edge.books.run(
  `INSERT INTO payment (key, version, state, receipt, resource, network, asset, payer, pay_to, amount, first_seen)
  VALUES (?1, 1, 'unknown', ?1, ?2, 'eip155:1', '0x00000000000000000000000000000000000000aa', ?3, '0x2', '50000', ?4)`,
  key, `${paper.site}${DOOR}`, payer.address, now() - age,
);

test("a payment of unknown outcome: told once, without its payer, and once more when it is over", async () => {
  await unknown("test-young", 5 * 60);
  assert.deepEqual(await fire(), [], "the ledger has some minutes");
  await unknown("test-1");
  const [alert, ...others] = await fire();
  assert.deepEqual(others, []);
  assert.equal(alert.type, "payments-unknown");
  assert.equal(alert.state, "raised");
  assert.equal(alert.site, paper.site);
  assert.equal(alert.subject, "1 payment has no known outcome");
  assert.equal(alert.details.count, 1);
  assert.equal(alert.details.payments[0].resource, paper.site + DOOR);
  assert.ok(!JSON.stringify(alert).toLowerCase().includes(payer.address.slice(2).toLowerCase()), "nothing of the payer");
  await unknown("test-2");
  assert.deepEqual(await fire(), [], "it is told already");
  await paper.edge.restart();
  assert.deepEqual(await fire(), [], "and after a restart");
  await paper.edge.books.mode("refuse");
  assert.deepEqual(await fire(), [], "without books nobody knows whether it is over");
  await paper.edge.books.mode("");
  await paper.edge.books.run("UPDATE payment SET state = 'settled' WHERE key LIKE 'test%'");
  const [ended, ...more] = await fire();
  assert.deepEqual(more, []);
  assert.deepEqual([ended.id, ended.state, ended.type], [`${alert.id}_ended`, "ended", alert.type]);
  assert.deepEqual(await fire(), []);
  await unknown("test-3");
  const [again] = await fire();
  assert.notEqual(again.id, alert.id, "another time is another alert");
});

test("what a receiver does not take comes again, later and later, and over a crash", async () => {
  receiver.mode = 500;
  await unknown("test-1");
  const [alert] = await fire();
  assert.equal(alert.state, "raised");
  await paper.edge.kill();
  await paper.edge.restart();
  receiver.mode = 503;
  assert.deepEqual(await fire(), [alert], "the same again");
  assert.deepEqual(await fire(), [], "after two runs");
  receiver.mode = 429;
  assert.deepEqual(await fire(), [alert]);
  for (let run = 0; run < 3; run += 1) assert.deepEqual(await fire(), [], "after four runs");
  receiver.mode = 200;
  assert.deepEqual(await fire(), [alert]);
  assert.deepEqual(await fire(), []);
});

test("what is over before it was taken arrives in order", async () => {
  receiver.mode = 500;
  await unknown("test-1");
  const [alert] = await fire();
  await paper.edge.books.run("DELETE FROM payment WHERE key LIKE 'test%'");
  receiver.mode = 204;
  assert.deepEqual((await fire()).map(({ id }) => id), [alert.id, `${alert.id}_ended`]);
});

test("a receiver that hangs, or never ends, holds up neither the backstop nor a request", async () => {
  for (const mode of ["hang", "endless"]) {
    receiver.mode = mode;
    await unknown(`test-${mode}`);
    const before = paper.edge.log.length;
    let over = false;
    const run = paper.edge.scheduled().finally(() => {
      over = true;
    });
    if (mode === "hang") {
      await until("it is told", () => receiver.seen.length > 0);
      await until("the backstop reads the chain", () => paper.edge.log.slice(before).some(({ message }) => message.includes('"scan"')));
      assert.equal((await fetch(paper.site + DOOR)).status, 402);
      assert.equal(over, false, "and it still hangs");
    }
    assert.equal(await run, "ok");
    const sent = receiver.take().filter(({ state }) => state === "raised");
    receiver.mode = 204;
    const next = await fire();
    // what hung was not taken; a 200 is taken however long its body is
    assert.deepEqual(next, mode === "hang" ? sent : []);
    await paper.edge.books.run("DELETE FROM payment WHERE key LIKE 'test%'");
    await fire();
  }
});

test("D8 a receiver's redirect leads nowhere", async () => {
  const inside = await startReceiver();
  try {
    Object.assign(receiver, { mode: 307, headers: { location: `${inside.url}/metadata` } });
    const naive = (url, body) => fetch(url, { method: "POST", body });
    await naive(receiver.url, "{}");
    assert.equal(inside.seen.splice(0).length, 1, "what follows redirects is led to a server of its own network");
    receiver.seen.length = 0;
    await unknown("test-1");
    const [alert] = await fire();
    assert.equal(inside.seen.length, 0);
    receiver.mode = 204;
    assert.deepEqual(await fire(), [alert], "and it was not taken");
  } finally {
    await inside.stop();
  }
});

test("another price, another payee, a route more: told once, from what to what", async () => {
  const { routes } = paper.config;
  const [first] = routes.filter(({ price }) => price !== "free");
  const dearer = routes.map((route) => (route === first ? { ...route, price: "$0.77", payTo: { eip155: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8" } } : route));
  try {
    await paper.edge.restart({ config: { ...paper.config, routes: [...dearer, { match: "/new/*", price: "$1" }] } });
    const [alert, ...others] = await fire();
    assert.deepEqual(others, []);
    assert.equal(alert.type, "prices-changed");
    const { changes } = alert.details;
    assert.deepEqual(changes.map(({ route }) => route), [first.match, "/new/*"].sort());
    const change = changes.find(({ route }) => route === first.match);
    assert.equal(change.from.price, first.price);
    assert.equal(change.to.price, "$0.77");
    assert.equal(change.from.ways[0].payTo, paper.payTo);
    assert.deepEqual(change.to.ways, [{ network: paper.network, asset: paper.asset, amount: "770000", payTo: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8" }]);
    assert.equal(changes.find(({ route }) => route === "/new/*").from, null);
    assert.match(alert.text, /0x70997970C51812dc3A010C7d01b50e0d17dc79C8/);
    assert.deepEqual(await fire(), []);
  } finally {
    await paper.edge.restart({ config: paper.config });
  }
  const [back] = await fire();
  assert.equal(back.details.changes.length, 2);
});

test("a facilitator that answers nobody is told in the second run, and is over in the third good one", async () => {
  paper.badFacilitator.always("/supported", "500");
  assert.deepEqual(await fire(), [], "once is nothing");
  const [alert, ...others] = await fire();
  assert.deepEqual(others, []);
  assert.equal(alert.type, "facilitator-failing");
  assert.deepEqual(alert.details, { facilitator: new URL(paper.badFacilitator.url).host, why: "unclear", status: 500 });
  assert.deepEqual(await fire(), []);
  paper.badFacilitator.reset();
  assert.deepEqual([await fire(), await fire()], [[], []]);
  assert.deepEqual((await fire()).map(({ id }) => id), [`${alert.id}_ended`]);
});

test("a screening service is no facilitator, and nothing is told of it", async () => {
  const screening = { url: `${paper.badFacilitator.url}/check`, whenUnreachable: "allow" };
  try {
    await paper.edge.restart({ config: { ...paper.config, screening } });
    assert.deepEqual([await fire(), await fire(), await fire()], [[], [], []]);
  } finally {
    await paper.edge.restart({ config: paper.config });
  }
});

test("a facilitator that lets nobody in when a reader pays is told with the next run", async () => {
  paper.badFacilitator.always("/settle", ({ response }) => response.writeHead(401).end("{}"));
  const reader = await newReader(paper);
  assert.equal((await reader.send(DOT, await reader.sign(DOT))).status, 503);
  const [alert] = await fire();
  assert.equal(alert.type, "facilitator-failing");
  assert.equal(alert.details.why, "lets-nobody-in");
});

test("a key of more than 90 days, by the date in its name, until another signs", async () => {
  const [first, old] = [randomKeys("k20260101"), paper.keys];
  try {
    await paper.edge.restart({ keys: `${first},${old}` });
    const [alert, ...others] = await fire();
    assert.deepEqual(others, []);
    assert.equal(alert.type, "key-old");
    assert.equal(alert.details.kid, "k20260101");
    assert.ok(alert.details.days > 90);
    assert.ok(!JSON.stringify(alert).includes(first.split(":")[1]), "nothing of the key");
    await paper.edge.restart({ keys: `${randomKeys("new")},${first},${old}` });
    assert.deepEqual((await fire()).map(({ id }) => id), [`${alert.id}_ended`]);
  } finally {
    await paper.edge.restart({ keys: old });
  }
});

test("a gas key that runs low is told with its account, and is over once it is filled", async (t) => {
  const site = await startSite({ gas: 5n * 10n ** 13n, env: { ALERTS: SECRET }, change: (config) => ({ ...config, alerts: alertsTo(receiver.url) }) });
  t.after(site.stop);
  const reader = await site.newReader();
  assert.equal(await site.edge.scheduled(), "ok");
  assert.deepEqual(receiver.take(), []);
  assert.equal((await reader.send("/a/1", await reader.sign("/a/1"))).status, 200);
  assert.equal(await site.edge.scheduled(), "ok");
  const [alert, ...others] = receiver.take();
  assert.deepEqual(others, []);
  assert.equal(alert.type, "gas-low");
  assert.equal(alert.details.account, site.gasKey.address);
  assert.ok(!site.edge.log.some(({ message }) => message.toLowerCase().includes(site.gasKey.address.slice(2).toLowerCase())), "G1 the log has no account");
  await site.chain.client.setBalance({ address: site.gasKey.address, value: 10n ** 18n });
  assert.equal(await site.edge.scheduled(), "ok");
  assert.deepEqual(receiver.take().map(({ id }) => id), [`${alert.id}_ended`]);
});

test("without its secret, or with one that is none, the Worker says so and sells nothing", async () => {
  for (const [secret, says] of [["", /does not have/], ["a plain password", /whsec_/], [`whsec_${"a".repeat(33)}`, /whsec_/]]) {
    await paper.edge.restart({ env: { ALERTS: secret } });
    const health = await paper.edge.health();
    assert.equal(health.ok, false);
    assert.match(health.errors.join("\n"), says);
    assert.match(health.errors.join("\n"), /alerts\.webhooks\[0\]\.secret/);
    assert.equal(await paper.edge.scheduled(), "ok");
  }
  assert.deepEqual(receiver.take(), []);
  await paper.edge.restart({ env: { ALERTS: SECRET } });
});
