// What the Worker says of itself (threats G1, G5): real purchases, refusals, forgeries, a facilitator and an origin that misbehave and
// put secrets into whatever they say; then the whole log, and every point for Analytics Engine, is searched for all of them.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { payTo } from "../support/accounts.mjs";
import { BUILD, startEdge } from "../support/edge.mjs";
import { refuse } from "../support/hostile-facilitator.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { encode } from "../support/pay.mjs";
import { buildWorker } from "../support/worker-build.mjs";
import { DOOR, DOT, FREE, LOG, PAWN, PRICES, assertArticle, assertPending, newReader, problemOf, resend, until } from "../e2e/reader.mjs";

const root = resolve(import.meta.dirname, "../..");
const TOKEN = "Bearer facilitator-token-5b1f";
const FOREIGN = "foreign-words-91c7";
const QUERY = "reader-query-77ab";
const COOKIE = "reader-cookie-03de";
const ADDRESS = "203.0.113.77";
const KEYS = randomKeys();

// The built Worker with a data set that writes into the log what it is given; with `naive`, a logger as it is often written.
const WRAPPED = (naive) => `
import worker, { Ledger as Real, Sender, Tally } from "./worker.js";
const METRICS = { writeDataPoint: (point) => console.log("POINT " + JSON.stringify(point)) };
const more = (env) => ({ ...env, METRICS });
export class Ledger extends Real {
  constructor(ctx, env) { super(ctx, more(env)); }
  ${naive ? 'async fetch(request) { console.log("ledger", request.url, await request.clone().text()); return super.fetch(request); }' : ""}
}
export { Sender, Tally };
export default {
  fetch(request, env, ctx) {
    ${naive ? "console.log(request.method, request.url, JSON.stringify([...request.headers]));" : ""}
    return worker.fetch(request, more(env), ctx);
  },
  scheduled: (controller, env, ctx) => worker.scheduled(controller, more(env), ctx),
};`;

const folders = [];
function wrapped(naive) {
  const folder = mkdtempSync(join(tmpdir(), "farthing-logs-"));
  folders.push(folder);
  cpSync(BUILD, folder, { recursive: true });
  renameSync(join(folder, "index.js"), join(folder, "worker.js"));
  writeFileSync(join(folder, "index.js"), WRAPPED(naive));
  return folder;
}

/** What a reader brings and nobody may hear of; `found(texts)` names what stands there all the same. */
class Secrets {
  #all = new Map([
    ["the facilitator's token", TOKEN.slice(7)], ["words of others", FOREIGN], ["a query", QUERY], ["a cookie", COOKIE], ["a network address", ADDRESS],
    ["FARTHING_KEYS", KEYS.split(":")[1]], ["the payee", payTo.address.slice(2)],
  ]);
  add(name, text) {
    if (text) this.#all.set(`${name} ${this.#all.size}`, text);
  }
  reader({ address, key }) {
    this.add("a wallet", address.slice(2));
    this.add("a wallet's key", key.slice(2));
  }
  payment({ value, signature, authorization }) {
    this.add("a payment", value);
    this.add("a payment's end", value.slice(-60, -4));
    this.add("a signature", signature.slice(2));
    this.add("a nonce", authorization.nonce.slice(2));
  }
  answer(response) {
    for (const line of response.headers.getSetCookie()) this.add("a cookie of ours", line.split(";")[0].split("=").slice(1).join("="));
    this.add("a receipt", response.headers.get("farthing-receipt"));
  }
  found(texts) {
    const all = texts.join("\n").toLowerCase();
    return [...this.#all].filter(([, text]) => all.includes(text.toLowerCase())).map(([name]) => name.replace(/ \d+$/, ""));
  }
}

const started = [];
async function begin({ naive = false, logs }) {
  const paper = await startNewspaper({
    hostile: true, keys: KEYS, build: wrapped(naive), env: { FACILITATOR_TOKEN: TOKEN },
    change: (config) => ({
      ...config, ...(logs && { logs }),
      settlement: { ...config.settlement, timeoutSeconds: 2, facilitators: [{ ...config.settlement.facilitators[0], headers: { authorization: "FACILITATOR_TOKEN" } }] },
    }),
  });
  started.push(paper);
  return paper;
}
after(async () => {
  for (const paper of started) await paper.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const linesOf = (edge) => edge.log.map(({ message }) => message).filter((line) => !line.startsWith("POINT "));
const pointsOf = (edge) => edge.log.map(({ message }) => message).filter((line) => line.startsWith("POINT ")).map((line) => JSON.parse(line.slice(6)));
const eventsOf = (edge) => linesOf(edge).map((line) => JSON.parse(line));
const outcomes = (edge) => pointsOf(edge).map(({ blobs }) => blobs[0]);

/** Everything that goes right and wrong at a newspaper. */
async function story(paper, secrets, { short = false } = {}) {
  const headers = { cookie: `session=${COOKIE}`, referer: `${paper.site}/?${QUERY}` };
  const newOne = async (funds) => {
    const reader = await newReader(paper, { from: ADDRESS, ...(funds !== undefined && { funds }) });
    secrets.reader(reader);
    return reader;
  };
  const pay = async (reader, path) => {
    const payment = await reader.sign(path);
    secrets.payment(payment);
    const response = await reader.ask(`${path}?${QUERY}`, { ...headers, ...payment.headers });
    secrets.answer(response);
    return { payment, response };
  };
  // free traffic, and one who has bought
  const buyer = await newOne();
  for (let n = 0; n < 3; n += 1) assert.equal((await buyer.ask(`${FREE}?${QUERY}`, headers)).status, 200);
  assert.equal((await buyer.ask(`${DOOR}?${QUERY}`, { ...headers, accept: "text/html" })).status, 402);
  const { payment, response } = await pay(buyer, DOOR);
  await assertArticle(response, DOOR);
  const cookie = response.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  await assertArticle(await buyer.ask(`${DOOR}?${QUERY}`, { cookie }), DOOR);
  // the same payment again, and for another article
  await assertArticle(await buyer.send(DOOR, payment), DOOR);
  assert.equal((await buyer.send(DOT, payment)).status, 409);
  // forged
  const forged = encode({ ...payment.payload, payload: { ...payment.payload.payload, signature: `0x${"5a".repeat(65)}` } });
  secrets.add("a forgery", forged);
  assert.equal(await problemOf(await buyer.ask(DOOR, { "payment-signature": forged })), "signature-invalid");
  assert.equal((await buyer.ask(DOOR, { "payment-signature": FOREIGN })).status, 400);
  assert.equal((await buyer.ask(DOOR, { "payment-signature": FOREIGN, accept: "text/html" })).status, 400);
  if (short) return;
  // without money, refused in others' words, and unclear
  assert.equal((await pay(await newOne(0n), DOT)).response.status, 402);
  paper.badFacilitator.script("/settle", refuse(FOREIGN));
  // a code that nobody knows proves nothing
  await assertPending((await pay(await newOne(), DOT)).response);
  paper.badFacilitator.script("/settle", refuse(`invalid_exact_evm_${FOREIGN}`));
  assert.equal((await pay(await newOne(), DOT)).response.status, 402);
  for (const mode of ["500", "garbage-after-settle", "die", "hang"]) {
    const reader = await newOne();
    paper.badFacilitator.scriptFor(reader, "/settle", mode);
    const first = await pay(reader, PAWN);
    if (first.response.status !== 200) await assertArticle(await resend(() => reader.send(PAWN, first.payment)), PAWN);
  }
  // an endpoint of a chain that answers anything
  paper.badRpc.always("/", async ({ response: answer }) => answer.end(FOREIGN));
  const patient = await newOne();
  paper.badFacilitator.scriptFor(patient, "/settle", "500");
  const last = await pay(patient, LOG);
  paper.badRpc.reset();
  if (last.response.status !== 200) await assertArticle(await resend(() => patient.send(LOG, last.payment)), LOG);
  // an origin that is not there
  for (const mode of [500, 404, "die"]) {
    paper.origin.script(DOT, mode);
    assert.ok((await pay(await newOne(), DOT)).response.status >= 404);
  }
  assert.equal(await paper.edge.scheduled(), "ok");
  // what was unclear ends by itself, and nobody asks for it
  return { charged: [DOOR, DOT, PAWN, PAWN, PAWN, PAWN, LOG] };
}

const table = () => {
  const text = readFileSync(join(root, "www/docs/operations.md"), "utf8");
  return [...text.matchAll(/^\| `([a-z]+)` \| (?:error|warning|all) \|/gm)].map(([, name]) => name);
};

test("G1 a logger as it is often written gives everything away, and its search finds it", async () => {
  const paper = await begin({ naive: true });
  const secrets = new Secrets();
  await story(paper, secrets, { short: true });
  const found = new Set(secrets.found(linesOf(paper.edge)));
  for (const name of ["a query", "a cookie", "a network address", "a wallet", "a payment", "a signature", "a nonce", "a cookie of ours"]) assert.ok(found.has(name), name);
});

test("G1 G5 with everything logged, nothing of a reader or of others is in the log or in a point, and each charge is counted once", async (t) => {
  const paper = await begin({ logs: "all" });
  const { edge } = paper;
  const secrets = new Secrets();
  const { charged } = await story(paper, secrets);
  await until("every charge is told", () => outcomes(edge).filter((one) => one === "charged").length >= charged.length, 60);
  // a chain that did not answer in time is read by the next run
  await until("the cron trigger has read the chain", async () => {
    const read = eventsOf(edge).some(({ event }) => event === "scan");
    if (!read) assert.equal(await edge.scheduled(), "ok");
    return read;
  }, 60);
  await t.test("nothing is given away", () => {
    assert.deepEqual(secrets.found(edge.log.map(({ message }) => message)), []);
    // a charge's point names its token
    const token = paper.asset.toLowerCase();
    assert.ok(!edge.log.some(({ message }) => /0x[0-9a-f]{40}/i.test(message.replaceAll(token, ""))), "no address at all");
    assert.ok(!eventsOf(edge).some((event) => JSON.stringify(event).includes(token)), "nor that in the log");
    assert.ok(!edge.log.some(({ message }) => message.includes("?")), "no query at all");
  });
  await t.test("each line is an event of the table", () => {
    const known = table();
    const events = eventsOf(edge);
    for (const { event } of events) assert.ok(known.includes(event), event);
    const seen = new Set(events.map(({ event }) => event));
    for (const name of ["refused", "settled", "pending", "rejected", "settler", "rpc", "undelivered", "unreachable", "scan"]) assert.ok(seen.has(name), name);
    assert.ok(!seen.has("broken"), JSON.stringify(events.filter(({ event }) => event === "broken")));
    const paid = events.find(({ event }) => event === "settled");
    assert.deepEqual({ ...paid, seconds: 0 }, { event: "settled", network: paper.network, scheme: "exact", transfer: "eip3009", seconds: 0, amount: String(PRICES[DOOR]), route: DOOR });
    const refused = (slug) => events.filter(({ event, problem }) => event === "refused" && problem === slug).length;
    assert.equal(refused("payment-not-base64"), 2, "told alike to a program and a person");
    assert.ok(refused("payment-required") > 0 && refused("signature-invalid") > 0);
    assert.deepEqual(events.filter(({ event }) => event === "rejected").map(({ problem }) => problem), ["insufficient-funds", "settlement-refused"]);
  });
  await t.test("points have the form that the platform takes, and an outcome of the list", () => {
    for (const { indexes, blobs, doubles } of pointsOf(edge)) {
      assert.deepEqual([indexes.length, blobs.length, doubles.length], [1, 7, 1]);
      assert.ok(indexes[0].length <= 96 && blobs.join("").length < 1000);
      assert.ok(["402", "paid", "passed", "pending", "refused", "charged"].includes(blobs[0]), blobs[0]);
      assert.ok(blobs[1].startsWith("/articles/"), blobs[1]);
      assert.equal(blobs[6], blobs[0] === "charged" ? paper.asset.toLowerCase() : "");
    }
  });
  await t.test("G5 what is counted is what arrived, each once", async () => {
    const counted = pointsOf(edge).filter(({ blobs }) => blobs[0] === "charged");
    assert.deepEqual(counted.map(({ blobs }) => blobs[1]).sort(), charged.toSorted());
    const sum = counted.reduce((all, { doubles }) => all + BigInt(doubles[0]), 0n);
    const arrived = (await paper.chain.transfersTo()).reduce((all, { value }) => all + BigInt(value), 0n);
    assert.equal(sum, arrived);
    assert.ok(pointsOf(edge).every(({ blobs, doubles }) => blobs[0] === "charged" || doubles[0] === 0), "and no request counts money");
  });
  await t.test("free pages say nothing, a paid one says one thing", async () => {
    edge.log.length = 0;
    const reader = await newReader(paper);
    for (const path of ["/", FREE, "/.farthing/health", "/.farthing/farthing.js"]) await (await reader.ask(path)).text();
    assert.deepEqual(edge.log, []);
    const payment = await reader.sign(DOT);
    await assertArticle(await reader.send(DOT, payment), DOT);
    for (let n = 0; n < 3; n += 1) await assertArticle(await reader.send(DOT, payment), DOT);
    await until("the points arrive", () => pointsOf(edge).length >= 6);
    assert.deepEqual(outcomes(edge).sort(), ["402", "charged", "paid", "paid", "paid", "paid"]);
    assert.deepEqual(eventsOf(edge).map(({ event }) => event), ["refused", "settled"]);
  });
});

test("a config that is wrong is told once in a while, however many ask", async () => {
  const edge = await startEdge({ keys: KEYS, config: { site: "https://news.example" } });
  try {
    for (let n = 0; n < 5; n += 1) assert.equal((await fetch(`${edge.url}/a/${n}?${QUERY}`)).status, 503);
    await until("it is told", () => edge.log.length > 0);
    assert.deepEqual(eventsOf(edge), [{ event: "refused", problem: "not-configured", status: 503 }]);
  } finally {
    await edge.stop();
  }
});

test("by default only what an operator has to see is written, and with \"none\" nothing", async () => {
  const paper = await begin({});
  await story(paper, new Secrets());
  const events = eventsOf(paper.edge);
  const seen = new Set(events.map(({ event }) => event));
  for (const name of ["refused", "settled", "scan"]) assert.ok(!seen.has(name), name);
  for (const name of ["pending", "rejected", "settler", "rpc", "undelivered", "unreachable"]) assert.ok(seen.has(name), name);
  assert.ok(events.every(({ event, status }) => event !== "undelivered" || status !== 404), "what is not there is nobody's failure");
  await paper.edge.restart({ config: { ...paper.config, logs: "none" } });
  paper.edge.log.length = 0;
  await story(paper, new Secrets(), { short: true });
  assert.deepEqual(linesOf(paper.edge), []);
  assert.ok(outcomes(paper.edge).includes("charged"), "points are another matter");
});

test("G1 what a handler throws is told by its kind, whatever it says and is called", async () => {
  const { folder, remove } = await buildWorker({ text: `
    import { paywall, Ledger, Sender, Tally } from "farthing/worker";
    export { Ledger, Sender, Tally };
    const handler = (request) => {
      const { searchParams } = new URL(request.url);
      const error = new Error("${FOREIGN} " + request.headers.get("cookie"));
      if (searchParams.has("named")) error.name = "${FOREIGN}";
      if (searchParams.has("type")) return null.x;
      throw error;
    };
    export default paywall({}, handler);` });
  folders.push(folder);
  const edge = await startEdge({
    build: folder, keys: KEYS,
    config: (site) => ({
      site, origin: "handler", payTo: { eip155: payTo.address }, networks: ["eip155:84532"], settlement: { facilitators: [{ url: "https://f.example" }] },
      routes: [{ match: "/t/*", price: "$1", teaser: { paragraphs: 1, within: "article" } }],
    }),
  });
  try {
    for (const path of ["/", "/?named", "/?type", "/t/x"]) await (await fetch(edge.url + path, { headers: { cookie: COOKIE, accept: "text/html" } })).text();
    await until("every line", () => edge.log.length >= 5);
    assert.deepEqual(edge.log.map(({ message }) => JSON.parse(message)), [
      { event: "broken", at: "request", error: "Error" }, { event: "broken", at: "request", error: "Error" }, { event: "broken", at: "request", error: "TypeError" },
      { event: "unreachable", at: "origin", error: "Error" }, { event: "undelivered", status: 0, route: "/t/*" },
    ]);
  } finally {
    await edge.stop();
    remove();
  }
});

test("with a data set of the platform's own the Worker works as without", async () => {
  const edge = await startEdge({
    keys: KEYS, services: { METRICS: { dataset: "farthing" } },
    config: (site) => ({
      site, origin: { url: "https://origin.example" }, payTo: { eip155: payTo.address }, networks: ["eip155:84532"], settlement: { facilitators: [{ url: "https://f.example" }] },
      routes: [{ match: "/a/*", price: "$1" }],
    }),
  });
  try {
    assert.equal((await fetch(`${edge.url}/a/1`)).status, 402);
    assert.deepEqual(edge.log, []);
  } finally {
    await edge.stop();
  }
});
