// `import { paywall } from "farthing/worker"` around a function, a Hono application and an itty-router, in workerd: what is free, what is
// asked for, one payment by the official client through each, and what a handler that fails costs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { run } from "../../tools/lib/run.mjs";
import { payTo } from "../support/accounts.mjs";
import { startChain } from "../support/chain.mjs";
import { startEdge } from "../support/edge.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { officialFetch } from "../support/pay.mjs";
import { buildWorker } from "../support/worker-build.mjs";

const root = resolve(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "js/package.json"), "utf8"));
const example = (name) => join(root, "examples", "worker", `${name}.ts`);

let chain;
let facilitator;
before(async () => {
  chain = await startChain();
  facilitator = await startFacilitator({ rpc: chain.url });
});
after(async () => {
  await facilitator?.stop();
  await chain?.stop();
});

const config = (routes, changes = {}) => (site) => ({
  site, origin: "handler", payTo: { eip155: payTo.address }, networks: [chain.network],
  settlement: { facilitators: [{ url: facilitator.url }], rpc: { [chain.network]: [chain.url] } }, routes, ...changes,
});

/** A Worker at work while `use` runs; `settings` undefined leaves the config to the Worker's own code. */
async function at(source, settings, use) {
  const built = await buildWorker(source);
  let edge;
  try {
    edge = await startEdge({ build: built.folder, config: settings, keys: randomKeys() });
    await use(edge);
  } finally {
    await edge?.stop();
    built.remove();
  }
}

async function newPayer() {
  const key = generatePrivateKey();
  const address = privateKeyToAddress(key);
  await chain.setBalance(address, 1_000_000n);
  return { fetch: officialFetch({ key }), spent: async () => 1_000_000n - await chain.balanceOf(address) };
}

for (const { name, free, says, paid, secret, routes, price } of [
  { name: "plain", free: "/", says: /A newspaper/, paid: "/story", secret: /ferryman/, routes: [{ match: "/story", price: "$0.05" }], price: 50_000n },
  { name: "hono", free: "/", says: /for a cent/, paid: "/api/weather/london", secret: /rain/, routes: [{ match: "/api/*", price: "$0.01", access: "once" }], price: 10_000n },
  { name: "itty", free: "/", says: /articles\/one/, paid: "/articles/one", secret: /week in the tin/, routes: [{ match: "/articles/*", price: "$0.05", access: "1d" }], price: 50_000n },
]) {
  test(`the ${name} example: free pages, a 402, and one payment by the official client`, () => at({ entry: example(name) }, config(routes), async (edge) => {
    assert.deepEqual(await edge.health(), { ok: true, version, errors: [], warnings: [] });
    const front = await fetch(edge.url + free);
    assert.equal(front.status, 200);
    assert.match(await front.text(), says);
    assert.equal((await fetch(`${edge.url}/nothing-here`)).status, 404);
    const unpaid = await fetch(edge.url + paid);
    assert.equal(unpaid.status, 402);
    assert.doesNotMatch(await unpaid.text(), secret);
    const payer = await newPayer();
    const answer = await payer.fetch(edge.url + paid);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), secret);
    assert.ok(answer.headers.get("payment-response"));
    assert.equal(await payer.spent(), price);
    const script = await fetch(`${edge.url}/.farthing/farthing.js`);
    assert.equal(script.status, 200, "the card is among the package's assets");
  }));
}

test("the examples are right TypeScript by the package's own types", async () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { code, out } = await run(process.execPath, [
    tsc, "--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,webworker",
    "--skipLibCheck", ...["plain", "hono", "itty"].map(example),
  ], { check: false, cwd: join(root, "examples") });
  assert.equal(code, 0, out);
});

const worker = (handler, more = "") => ({
  text: `import { paywall } from "farthing/worker";
    export { Ledger, Sender, Tally } from "farthing/worker";
    ${more}
    export default paywall({ site: "https://x.example", payTo: { eip155: "${payTo.address}" }, networks: ["eip155:84532"],
      settlement: { facilitators: [{ url: "https://f.example" }] }, routes: [{ match: "/paid/*", price: "$0.05" }] }, ${handler});`,
});
const PAID = [{ match: "/paid/*", price: "$0.05" }];

test("the handler sees the canonical page without payment, our cookies or what counts for nothing, and env and ctx as they are", () => {
  const handler = `(request, env, ctx) => Response.json({ url: request.url, method: request.method, cookie: request.headers.get("cookie"),
    payment: request.headers.get("payment-signature"), keys: typeof env.FARTHING_KEYS, ctx: typeof ctx.waitUntil })`;
  return at(worker(handler), config(PAID), async (edge) => {
    const payer = await newPayer();
    const answer = await payer.fetch(`${edge.url}/paid/x?utm_source=a`, { headers: { cookie: "theirs=1; __Secure-farthing=old" } });
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { url: `${edge.url}/paid/x`, method: "GET", cookie: "theirs=1", payment: null, keys: "string", ctx: "function" });
    const free = await (await fetch(`${edge.url}/free?a=1`, { method: "POST", body: "b" })).json();
    assert.deepEqual([free.url, free.method], [`${edge.url}/free?a=1`, "POST"]);
  });
});

test("s3 a handler that throws, or answers anything but 200, costs nothing, and the same payment is good once it is mended", () => {
  const handler = `() => { answers += 1; if (answers === 1) throw new Error("out of ink"); return new Response("late", { status: answers === 2 ? 503 : 200 }); }`;
  return at(worker(handler, "let answers = 0;"), config(PAID), async (edge) => {
    const payer = await newPayer();
    const headers = {};
    const keep = (input, init) => {
      const request = new Request(input, init);
      if (request.headers.has("payment-signature")) headers["payment-signature"] = request.headers.get("payment-signature");
      return fetch(request);
    };
    const key = generatePrivateKey();
    await chain.setBalance(privateKeyToAddress(key), 1_000_000n);
    const first = await officialFetch({ key, fetch: keep })(`${edge.url}/paid/x`);
    assert.equal(first.status, 502);
    assert.equal(await chain.balanceOf(privateKeyToAddress(key)), 1_000_000n);
    assert.equal((await fetch(`${edge.url}/paid/x`, { headers })).status, 502);
    assert.equal(await chain.balanceOf(privateKeyToAddress(key)), 1_000_000n);
    const third = await fetch(`${edge.url}/paid/x`, { headers });
    assert.deepEqual([third.status, await third.text()], [200, "late"]);
    assert.equal(await chain.balanceOf(privateKeyToAddress(key)), 950_000n);
    assert.equal(await payer.spent(), 0n);
  });
});

test("b11 a config and a handler that do not go together refuse everything, free pages too", async () => {
  for (const [handler, origin, says] of [
    ["() => new Response('open')", { url: "https://origin.example" }, /not "handler", and paywall\(\) was given one/],
    ["undefined", "handler", /"handler", and paywall\(\) was given none/],
  ]) {
    await at(worker(handler), config(PAID, { origin }), async (edge) => {
      for (const path of ["/", "/paid/x"]) assert.equal((await fetch(edge.url + path)).status, 500);
      // the log comes another way than the answers
      for (const late = Date.now() + 10_000; edge.log.length === 0 && Date.now() < late;) await new Promise((done) => setTimeout(done, 20));
      assert.ok(edge.log.some(({ message }) => says.test(JSON.parse(message).error)), JSON.stringify(edge.log));
    });
  }
});

test("what cannot be a handler, and a second paywall, are mistakes that stop the Worker", async () => {
  for (const source of [worker("{ get: () => 1 }"), worker("7"), worker("() => new Response()", "paywall({});")]) {
    await assert.rejects(at(source, undefined, async (edge) => {
      const { status } = await fetch(edge.url);
      assert.equal(status, 200);
    }));
  }
});

test("the config of the code counts where no variable replaces it, and its mistakes are on the health page", () => {
  const wrong = { text: worker("() => new Response('open')").text.replace("$0.05", "five") };
  return at(wrong, undefined, async (edge) => {
    const { ok, errors } = await edge.health();
    assert.equal(ok, false);
    assert.match(errors[0], /^routes\[0\]\.price: "five"/);
    assert.equal((await fetch(`${edge.url}/`)).status, 503);
  });
});
