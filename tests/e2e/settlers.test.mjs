// Several settlers: who is asked, in which order, with which credentials, and when the next one is.
import assert from "node:assert/strict";
import { after, before, test as plainTest } from "node:test";
import { coinbaseKey, startCoinbase } from "../support/coinbase.mjs";
import { refuse, slow, startHostile } from "../support/hostile-facilitator.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DOOR, assertArticle, assertPending, newReader, problemOf, resend, settlesOf, until } from "./reader.mjs";

const SECRETS = { FIRST_TOKEN: "Bearer of-the-first", SITE_ID: "news 7" };

let paper;
let second;
let coinbase;
let key;
before(async () => {
  // the second has the official facilitator behind it as well; its place is known before the newspaper is
  second = await startHostile({ target: "http://127.0.0.1:1" });
  paper = await startNewspaper({
    hostile: true, env: SECRETS,
    change: (config) => ({
      ...config,
      settlement: {
        ...config.settlement, timeoutSeconds: 2,
        facilitators: [{ ...config.settlement.facilitators[0], headers: { Authorization: "FIRST_TOKEN", "x-site": "SITE_ID" } }, { url: second.url }],
      },
    }),
  });
  await second.stop();
  second = await startHostile({ target: paper.facilitator.url, port: Number(new URL(second.url).port) });
  key = await coinbaseKey();
  coinbase = await startCoinbase({ target: paper.facilitator.url, key });
});
after(async () => {
  await coinbase?.stop();
  await second?.stop();
  await paper?.stop();
});
const test = (name, work) => plainTest(name, { concurrency: 10 }, async (t) => {
  try {
    await work(t);
  } finally {
    paper.badFacilitator.reset();
    paper.badRpc.reset();
    second.reset();
  }
});

const first = () => paper.badFacilitator;
const asked = (reader) => [settlesOf(first(), reader).length, settlesOf(second, reader).length];

/** A reader's payment, sent once. */
async function pay() {
  const reader = await newReader(paper);
  const payment = await reader.sign(DOOR);
  return { reader, payment, response: await reader.send(DOOR, payment) };
}
const status = (code) => ({ response }) => {
  response.writeHead(code, { "content-type": "application/json" });
  response.end('{"error":"no"}');
};

test("the first is asked with its own secrets, and nobody else gets them", async () => {
  const { reader, response } = await pay();
  await assertArticle(response, DOOR);
  assert.deepEqual(asked(reader), [1, 0]);
  const [{ headers }] = settlesOf(first(), reader);
  assert.equal(headers.authorization, "Bearer of-the-first");
  assert.equal(headers["x-site"], "news 7");

  first().script("/settle", status(401));
  const { reader: other, response: answer } = await pay();
  await assertArticle(answer, DOOR);
  const [call] = settlesOf(second, other);
  assert.equal(call.headers.authorization, undefined);
  assert.ok(!JSON.stringify([call, paper.edge.log, await (await fetch(`${paper.site}/.farthing/health`)).text()]).includes("of-the-first"));
});

for (const [name, mode] of [
  ...[401, 402, 403, 404, 405, 407, 415].map((code) => [`${code}`, status(code)]), ["429", "429"],
  ["unsupported_scheme", refuse("unsupported_scheme")], ["invalid_network", refuse("invalid_network")],
]) {
  test(`B7 the first answers ${name}: it certainly sent nothing, and the second is asked at once`, async () => {
    first().script("/settle", mode);
    const { reader, response } = await pay();
    await assertArticle(response, DOOR);
    assert.deepEqual(asked(reader), [1, 1]);
    assert.equal((await reader.transfers()).length, 1);
  });
}

for (const reason of ["insufficient_funds", "invalid_exact_evm_payload_authorization_from_address_kyt", "invalid_exact_evm_signature"]) {
  test(`a refusal of the payment itself (${reason}) is final and taken to nobody else`, async () => {
    first().script("/settle", refuse(reason));
    const { reader, response } = await pay();
    assert.equal(response.status, 402);
    assert.deepEqual(asked(reader), [1, 0]);
    assert.equal((await reader.transfers()).length, 0);
  });
}

/** The first has its way with each reader's payment, side by side: some seconds pass until somebody is asked again. */
const each = (t, modes, work) => Promise.all(modes.map((mode) => t.test(mode, async () => {
  const reader = await newReader(paper);
  first().scriptFor(reader, "/settle", mode);
  await work(reader, await reader.sign(DOOR));
  assert.equal((await reader.transfers()).length, 1);
})));

test("B1 the first fails: pending, the chain says unused, and the next attempt begins with the second", (t) =>
  each(t, ["hang", "die", "500", "garbage", "empty"], async (reader, payment) => {
    await assertPending(await reader.send(DOOR, payment));
    assert.deepEqual(asked(reader), [1, 0], "not at once: it may have sent it");
    await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
    assert.deepEqual(asked(reader), [1, 1]);
  }));

test("B1 S3 the first settles and fails: the chain says so, and nobody else is asked", (t) =>
  each(t, ["hang-after-settle", "die-after-settle", "500-after-settle", "garbage-after-settle"], async (reader, payment) => {
    await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
    assert.deepEqual(asked(reader), [1, 0]);
  }));

test("S3 both settle: the first late and unseen, the second because the chain did not know yet; money moves once", async () => {
  first().always("/settle", "die-after-settle");
  // the chain is silent while the second is asked
  paper.badRpc.always("*", "die");
  const { reader, payment } = await pay();
  await until("the second is asked", async () => {
    await assertPending(await reader.send(DOOR, payment));
    return asked(reader)[1] >= 1;
  });
  paper.badRpc.reset();
  await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
  assert.equal((await reader.transfers()).length, 1);
});

test("all let nobody in: pending, not refused, and paid once one opens", async () => {
  first().always("/settle", status(403));
  second.always("/settle", status(403));
  const { reader, payment, response } = await pay();
  await assertPending(response);
  assert.equal((await reader.transfers()).length, 0);
  second.reset();
  await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR);
});

test("all say that they do no such payments: refused", async () => {
  first().always("/settle", refuse("unsupported_scheme"));
  second.always("/settle", refuse("invalid_network"));
  const { reader, response } = await pay();
  assert.equal(response.status, 402);
  assert.equal(await problemOf(response), "settlement-refused");
  assert.deepEqual(asked(reader), [1, 1]);
});

test("one attempt has one patience, however many it asks", async () => {
  first().always("/settle", async (context) => {
    await slow(800)({ ...context, through: async () => ({ status: 401, type: "application/json", text: "{}" }) });
  });
  second.always("/settle", "hang");
  const began = Date.now();
  const { reader, response } = await pay();
  await assertPending(response);
  assert.ok(Date.now() - began < 4500, `${Date.now() - began} ms`);
  assert.deepEqual(asked(reader), [1, 1]);
});

plainTest("B10 a secret that is missing or misshapen closes what is priced; health says where, and never what", async () => {
  const { edge, site } = paper;
  const state = async () => ({ health: await edge.health(), article: await fetch(site + DOOR), free: await fetch(`${site}/about`) });
  try {
    for (const [env, says] of [
      [{ FIRST_TOKEN: "" }, /^settlement\.facilitators\[0\]\.headers\.Authorization names a secret that this Worker does not have/i],
      [{ FIRST_TOKEN: "two\nlines-of-it" }, /no header's value/],
    ]) {
      await edge.restart({ env });
      const { health, article } = await state();
      assert.equal(health.ok, false);
      assert.match(health.errors.join("\n").replace(": names", " names"), says);
      assert.ok(!JSON.stringify(health).includes("FIRST_TOKEN") && !JSON.stringify(health).includes("lines-of-it"));
      assert.equal(article.status, 503);
      assert.equal(await problemOf(article), "not-configured");
    }
  } finally {
    await edge.restart({ env: SECRETS });
  }
  assert.equal((await edge.health()).ok, true);
});

test("/supported is asked beside the first settlement of an instance, never before, and refuses nothing", async (t) => {
  const { edge, config } = paper;
  const places = () => [first(), second].map((one) => one.callsTo("/supported").length);
  const kinds = (list) => ({ response }) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ kinds: list }));
  };
  const warned = async () => (await edge.health()).warnings.filter((line) => line.includes("settlement.facilitators["));
  await t.test("what fits is said by nobody", async () => {
    await edge.restart({ config });
    for (const path of [DOOR, "/about", "/.farthing/health"]) await fetch(paper.site + path);
    assert.deepEqual(places(), [0, 0]);
    await assertArticle((await pay()).response, DOOR);
    await assertArticle((await pay()).response, DOOR);
    await until("both were asked", () => places().join() === "1,1");
    const [{ method, headers }] = first().callsTo("/supported");
    assert.equal(method, "GET");
    assert.equal(headers.authorization, "Bearer of-the-first");
    assert.deepEqual(await warned(), []);
  });
  await t.test("what does not fit is said in the log and by health", async () => {
    first().reset();
    second.reset();
    await edge.restart({ config });
    edge.log.length = 0;
    first().always("/supported", kinds([{ x402Version: 2, scheme: "exact", network: "eip155:8453" }]));
    second.always("/supported", "hang");
    await assertArticle((await pay()).response, DOOR);
    const [host, other] = [new URL(first().url).host, new URL(second.url).host];
    const says = [
      `settlement.facilitators[0] (${host}) does not list exact payments on ${paper.network}`,
      `settlement.facilitators[1] (${other}) does not say at /supported what it settles`,
    ];
    await until("both are told", async () => (await warned()).length === 2, 30);
    assert.deepEqual(await warned(), says);
    const logged = () => edge.log.map(({ message }) => JSON.parse(message)).filter(({ event }) => event === "supported").map((line) => line.says);
    await until("the log has arrived", () => logged().length >= says.length);
    assert.deepEqual(logged(), says);
    assert.equal((await edge.health()).ok, true);
    await assertArticle((await pay()).response, DOOR);
    assert.deepEqual(places(), [1, 1], "once, whatever it said");
  });
});

plainTest("Coinbase's facilitator lets the Worker in with a token for each call, and nobody with another key", async (t) => {
  const { edge, config } = paper;
  const settlers = (...facilitators) => ({ ...config, settlement: { ...config.settlement, facilitators } });
  const only = settlers({ url: coinbase.url, coinbase: "CDP_KEY" });
  const settles = () => coinbase.calls.filter(({ path }) => path === "/settle");
  try {
    await t.test("Ed25519", async () => {
      await edge.restart({ config: only, env: { CDP_KEY: key.secret } });
      for (let round = 0; round < 2; round++) await assertArticle((await pay()).response, DOOR);
      assert.deepEqual(settles().map((call) => call.let), [true, true]);
    });
    await t.test("ES256", async () => {
      const old = await coinbaseKey("ES256");
      const knows = await startCoinbase({ target: paper.facilitator.url, key: old });
      try {
        await edge.restart({ config: settlers({ url: knows.url, coinbase: "CDP_KEY" }), env: { CDP_KEY: old.secret } });
        await assertArticle((await pay()).response, DOOR);
        assert.deepEqual(knows.calls.filter(({ path }) => path === "/settle").map((call) => call.let), [true]);
      } finally {
        await knows.stop();
      }
    });
    await t.test("another key, and one that cannot be used: the next settler", async () => {
      const other = await coinbaseKey();
      for (const [secret, reaches] of [[other.secret, 1], [`${key.id}:bm8gc3VjaCBrZXk=`, 0]]) {
        coinbase.calls.length = 0;
        await edge.restart({ config: settlers({ url: coinbase.url, coinbase: "CDP_KEY" }, { url: second.url }), env: { CDP_KEY: secret } });
        const { reader, response } = await pay();
        await assertArticle(response, DOOR);
        assert.deepEqual(settles().map((call) => call.let), Array(reaches).fill(false));
        assert.equal(settlesOf(second, reader).length, 1);
        assert.ok(!JSON.stringify(edge.log).includes(secret.split(":")[1]));
      }
    });
  } finally {
    await edge.restart({ config });
  }
});
