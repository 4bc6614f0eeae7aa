// A facilitator that breaks, lies, stalls and floods (threats A15, B1). For each thing it does: what the client gets, what the ledger ends
// as, and what moved on the chain. Afterwards it behaves, and the same payment has to come to its right end.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { refuse, refuseAfterSettle, slow, slowAfterSettle } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DOOR, DOT, assertArticle, assertPending, impatient, naiveRoutes, newReader, problemOf, resend, settlesOf, sleep, until } from "../e2e/reader.mjs";
import { paidTextIn } from "./paid-text.mjs";

let paper;
let naive;
before(async () => {
  paper = await startNewspaper({ hostile: true, change: impatient(2) });
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes });
});
after(async () => {
  await naive?.stop();
  await paper?.stop();
});

const settles = (reader) => settlesOf(paper.badFacilitator, reader).length;
const JSON_TYPE = { "content-type": "application/json" };

/** Answers so, whatever was asked. */
const says = (status, text, headers = JSON_TYPE) => ({ response }) => {
  response.writeHead(status, headers);
  response.end(text);
};
/** The real one settles; its true answer goes through `change(answer)`, which gives {status, text, headers}. */
const settled = (change) => async ({ response, through }) => {
  const { status, text } = await through();
  const { status: other = status, text: changed = text, headers = JSON_TYPE } = change(JSON.parse(text));
  response.writeHead(other, headers);
  response.end(changed);
};
const success = (change) => settled((answer) => ({ text: JSON.stringify({ ...answer, ...change }) }));
/** A success about nothing, with this changed. */
const lies = (change) => ({ body, response }) => {
  const { paymentPayload, paymentRequirements } = body && JSON.parse(body);
  const from = paymentPayload.payload.authorization.from;
  const answer = { success: true, transaction: `0x${"cd".repeat(32)}`, network: paymentRequirements.network, payer: from, ...change };
  response.writeHead(200, JSON_TYPE);
  response.end(JSON.stringify(answer));
};
/** Writes on and on until the other side has had enough. */
const endless = (chunk, ms = 0) => async ({ response }) => {
  response.writeHead(200, JSON_TYPE);
  response.on("error", () => {});
  while (!response.destroyed && !response.closed) {
    if (!response.write(chunk)) await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
    if (ms) await sleep(ms);
  }
};
const bomb = gzipSync(Buffer.alloc(50_000_000, " "));
const deep = (inner) => `${'{"a":'.repeat(60)}${inner}${"}".repeat(60)}`;

// What it does, and whether money moved by it. All of these prove nothing: the client is told to come back.
const UNCLEAR = [
  ["a success without a transaction", "no-transaction", 0],
  ["a success with a transaction that is too short", lies({ transaction: "0x12" }), 0],
  ["a success with a transaction that is no text", lies({ transaction: 7 }), 0],
  ["a success with no transaction at all", lies({ transaction: undefined }), 0],
  ["a success on another network", lies({ network: "eip155:1" }), 0],
  ["a success on no network", lies({ network: undefined }), 0],
  ["a success of another payer", lies({ payer: `0x${"11".repeat(20)}` }), 0],
  ["a success in words", says(200, '{"success":"true","transaction":"0x12"}'), 0],
  ["a success as a number", lies({ success: 1 }), 0],
  ["two words about success", says(200, `{"success":false,"success":true,"transaction":"0x${"cd".repeat(32)}","network":"eip155:84532"}`), 0],
  ["a failure without a reason", says(200, '{"success":false,"transaction":""}'), 0],
  ["a failure for a reason nobody knows", refuse("the_dog_ate_it"), 0],
  ["a failure that names a transaction", says(200, `{"success":false,"errorReason":"insufficient_funds","transaction":"0x${"cd".repeat(32)}"}`), 0],
  ["a refusal with a server's failure", says(503, '{"success":false,"errorReason":"insufficient_funds","transaction":""}'), 0],
  ["half of the JSON", says(200, '{"success":true,"transaction":"0xcd'), 0],
  ["no JSON", says(200, "<!doctype html><title>Sign in to the Wi-Fi</title>", { "content-type": "text/html" }), 0],
  ["nothing", "empty", 0],
  ["204", says(204), 0],
  ["JSON with a byte order mark", settled((answer) => ({ text: `\uFEFF${JSON.stringify(answer)}` })), 1],
  ["JSON in another encoding", settled((answer) => ({ text: Buffer.from(JSON.stringify(answer), "utf16le") })), 1],
  ["JSON sixty deep where it is read", says(200, `{"success":${deep("true")}}`), 0],
  ["a hundred thousand brackets", says(200, "[".repeat(50_000)), 0],
  ["five megabytes", "huge", 1],
  ["bytes without end", endless(Buffer.alloc(65_536, "x")), 0],
  ["a byte a tenth of a second, without end", endless(" ", 100), 0],
  ["fifty megabytes of spaces in fifty thousand bytes", says(200, bomb, { ...JSON_TYPE, "content-encoding": "gzip" }), 0],
  ["compressed and broken", says(200, bomb.subarray(0, 1000), { ...JSON_TYPE, "content-encoding": "gzip" }), 0],
  ["a redirect to the real one", ({ response }) => {
    response.writeHead(307, { location: `${paper.facilitator.url}/settle` });
    response.end();
  }, 0],
  ["a connection that breaks before anything happened", "die", 0],
  ["a connection that breaks after the broadcast", "die-after-settle", 1],
  ["a connection that breaks in the answer", "cut-after-settle", 1],
  ["an answer that never comes", "hang", 0],
  ["an answer that never comes, after the broadcast", "hang-after-settle", 1],
  ["a failure after the broadcast", "500-after-settle", 1],
  ["the truth, when nobody waits any more", slowAfterSettle(3500), 1],
  ["a broadcast when nobody waits any more", slow(3500), 1],
  ["the truth with another payer", success({ payer: `0x${"11".repeat(20)}` }), 1],
  ["the truth with another network", success({ network: "eip155:8453" }), 1],
  ["the truth without its transaction", success({ transaction: "" }), 1],
  ["the truth called pending", "pending-after-settle", 1],
];

// What is true opens the article at once, however it is said.
const CLEAR = [
  ["the truth", "pass"],
  ["the truth, as a server's failure", settled(() => ({ status: 500 }))],
  ["the truth, as a client's mistake", settled(() => ({ status: 402 }))],
  ["the truth as text", settled(() => ({ headers: { "content-type": "text/html" } }))],
  ["the truth of no type", settled(() => ({ headers: {} }))],
  ["the truth, compressed", settled((answer) => ({ text: gzipSync(JSON.stringify(answer)), headers: { ...JSON_TYPE, "content-encoding": "gzip" } }))],
  ["the truth without a payer", success({ payer: undefined })],
  ["the truth among strange members", success({ extensions: JSON.parse(deep(1)), errorReason: "insufficient_funds", __proto__: null })],
  ["the truth in capitals", settled((answer) => ({ text: JSON.stringify({ ...answer, transaction: `0x${answer.transaction.slice(2).toUpperCase()}` }) }))],
  ["the truth, late", slowAfterSettle(1000)],
];

/** A payment that meets `mode` once. */
async function meet(mode, { path = DOOR, reader } = {}) {
  const who = reader ?? await newReader(paper);
  const payment = await who.sign(path);
  paper.badFacilitator.scriptFor(who, "/settle", mode);
  return { reader: who, payment, path, first: await who.send(path, payment) };
}

/** The row of a payment, as the ledger has it: its phase by name, and what is in it. */
async function rowOf({ authorization }) {
  const found = await paper.edge.query("SELECT body FROM payment WHERE key LIKE ?", `%${authorization.nonce.slice(2)}`);
  const [row] = found.flatMap(({ rows }) => rows).map(({ body }) => JSON.parse(body));
  const { phase } = row;
  return typeof phase === "string" ? { name: phase } : { name: Object.keys(phase)[0], ...Object.values(phase)[0] };
}

async function assertSettledOnce({ reader, payment }, settlement) {
  const [transfer, ...others] = await reader.transfers();
  assert.deepEqual(others, [], "one transfer");
  const row = await rowOf(payment);
  assert.equal(row.name, "settled");
  assert.equal(row.transaction.toLowerCase(), transfer.transaction);
  assert.equal(settlement.transaction.toLowerCase(), transfer.transaction);
}

// each waits some seconds until it is asked again: side by side
test("A15 B1 what proves nothing: pending, and the article for one transfer in the end", { concurrency: 20 }, (t) => Promise.all(UNCLEAR.map(
  ([name, mode, moved]) => t.test(name, async () => {
    const met = await meet(mode);
    let settlement;
    // with a chain to ask, the first answer may be the article already: the money has moved
    if (met.first.status === 200) {
      assert.equal(moved, 1);
      settlement = await assertArticle(met.first, DOOR);
    } else {
      await assertPending(met.first);
      settlement = await assertArticle(await resend(() => met.reader.send(DOOR, met.payment)), DOOR);
    }
    await assertSettledOnce(met, settlement);
    // where it had moved, nobody had to be asked again, but for what came when nobody waited
    if (moved === 0) assert.ok(settles(met.reader) >= 2);
  }),
)));

for (const [name, mode] of CLEAR) {
  test(`A15 ${name}: the article at once`, async () => {
    const met = await meet(mode);
    await assertSettledOnce(met, await assertArticle(met.first, DOOR));
    assert.equal(settles(met.reader), 1);
  });
}

for (const [name, mode, slug] of [
  ["a refusal", refuse("insufficient_funds"), "insufficient-funds"],
  ["a refusal with status 400", says(400, '{"success":false,"errorReason":"insufficient_funds","transaction":""}'), "insufficient-funds"],
  ["a refusal in other words", refuse("invalid_exact_evm_payload_authorization_from_address_kyt"), "settlement-refused"],
  ["a refusal that writes headers", refuse("invalid_x\r\nset-cookie: a=b\r\n\r\n<script>"), "settlement-refused"],
]) {
  test(`A15 ${name}: nothing moves, nothing opens, and the same payment may be tried again`, async () => {
    const { reader, payment, first } = await meet(mode);
    assert.equal(first.status, 402);
    assert.deepEqual(first.headers.getSetCookie(), []);
    assert.equal(await problemOf(first), slug);
    assert.equal((await rowOf(payment)).name, "rejected");
    assert.equal((await reader.transfers()).length, 0);
    assert.equal(settles(reader), 1);
    await assertSettledOnce({ reader, payment }, await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR));
  });
}

test("A15 a refusal of what it broadcasts: the money is seen on the chain when the same payment comes again, and nothing is paid twice", async () => {
  const { reader, payment, first } = await meet(refuseAfterSettle("insufficient_funds"));
  assert.equal(first.status, 402);
  assert.equal((await rowOf(payment)).name, "rejected");
  assert.equal((await reader.transfers()).length, 1);
  await assertSettledOnce({ reader, payment }, await assertArticle(await resend(() => reader.send(DOOR, payment)), DOOR));
});

test("A15 one transaction, told of two payments: the usual paywall opens both articles, ours the one that was paid for", async (t) => {
  /** Pays for DOOR in truth; for DOT the facilitator names that transaction again and does nothing. */
  async function twice(reader) {
    const one = await reader.sign(DOOR);
    const paid = await reader.send(DOOR, one);
    assert.equal(paid.status, 200);
    const [{ transaction }] = await reader.transfers();
    const other = await reader.sign(DOT);
    paper.badFacilitator.scriptFor(reader, "/settle", lies({ transaction }), lies({ transaction: transaction.toUpperCase().replace("0X", "0x") }));
    return { other, transaction, response: await reader.send(DOT, other) };
  }
  await t.test("the usual one", async () => {
    const reader = await newReader(paper, { site: naive.site });
    const { response } = await twice(reader);
    assert.ok(paidTextIn(await response.text()));
    assert.equal((await reader.transfers()).length, 1);
  });
  await t.test("ours", async () => {
    const reader = await newReader(paper);
    const { other, response } = await twice(reader);
    await assertPending(response);
    await assertPending(await reader.send(DOT, other));
    assert.equal((await reader.transfers()).length, 1);
    // and the second is paid for in the end
    await assertArticle(await resend(() => reader.send(DOT, other)), DOT);
    assert.equal((await reader.transfers()).length, 2);
    assert.match(paper.edge.log.map(({ message }) => message).join("\n"), /"why":"names-another-payment"/);
  });
});

test("A15 another payment settled in place of the one that was asked for: each payment has its own transfer in the end", async () => {
  const reader = await newReader(paper);
  const waiting = await reader.sign(DOT);
  paper.badFacilitator.scriptFor(reader, "/settle", "500");
  await assertPending(await reader.send(DOT, waiting));
  const [call] = settlesOf(paper.badFacilitator, reader);
  // asked for DOOR, it settles DOT
  const asked = await reader.sign(DOOR);
  let landed;
  paper.badFacilitator.scriptFor(reader, "/settle", async ({ response }) => {
    const answer = await fetch(`${paper.facilitator.url}/settle`, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(call.body) });
    landed = await answer.json();
    response.writeHead(200, JSON_TYPE);
    response.end(JSON.stringify(landed));
  });
  const first = await reader.send(DOOR, asked);
  assert.equal(landed.success, true);
  // a well-formed word about money of this payer is believed, until the chain is looked at
  assert.equal(first.status, 200);
  // the transfer is DOT's on the chain, and only there
  await assertArticle(await resend(() => reader.send(DOT, waiting)), DOT);
  assert.equal((await reader.transfers()).length, 1);
  await until("the ledger sees that DOOR was not paid for, and has it paid", async () => {
    await paper.chain.mine?.(1);
    return (await reader.transfers()).length === 2;
  }, 90);
  assert.notEqual((await rowOf(asked)).transaction, landed.transaction);
});

test("A15 where the site asks for confirmations, a word alone opens nothing", async () => {
  const { edge, config, network } = paper;
  await edge.restart({ config: { ...config, settlement: { ...config.settlement, confirmations: { [network]: [{ from: "$0", blocks: 1 }] } } } });
  try {
    const lied = await meet(lies({}));
    await assertPending(lied.first);
    await assertArticle(await resend(() => lied.reader.send(DOOR, lied.payment), { tries: 60 }), DOOR);
    assert.equal((await lied.reader.transfers()).length, 1);
    assert.ok(settles(lied.reader) >= 2);
    // and the truth takes a block more
    const true_ = await meet("pass");
    const settlement = true_.first.status === 200 ? await assertArticle(true_.first, DOOR) : await (async () => {
      await assertPending(true_.first);
      return assertArticle(await resend(() => true_.reader.send(DOOR, true_.payment)), DOOR);
    })();
    await assertSettledOnce(true_, settlement);
  } finally {
    await edge.restart({ config });
  }
});
