// What facilitators answer, read by us and by @x402/core's client: every success is one to both, every refusal too, and each
// difference has a name.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HTTPFacilitatorClient } from "@x402/core/http";
import { startBridge } from "../support/bridge.mjs";
import { Differences, FACILITATOR, PAY_TO, account, chance, clone, each } from "./support.mjs";

let core;
let answer;
const realFetch = globalThis.fetch;
before(async () => {
  core = await startBridge();
  globalThis.fetch = async (_, { body }) => {
    // the answer that a request gets is named in its payload
    const { status, text } = answer.get(JSON.parse(body ?? "{}").paymentPayload?.at ?? "supported");
    return new Response(text, { status });
  };
  answer = new Map();
});
after(() => {
  globalThis.fetch = realFetch;
  return core?.stop();
});

const payer = account("answers").address;
const facilitator = new HTTPFacilitatorClient({ url: "https://facilitator.example" });
const TRANSACTION = `0x${"12".repeat(32)}`;
const settled = { success: true, transaction: TRANSACTION, network: "eip155:84532", payer };
const refused = { success: false, errorReason: "invalid_exact_evm_insufficient_balance", transaction: "", network: "eip155:84532", payer };
const CODES = [
  "insufficient_funds", "invalid_exact_evm_insufficient_balance", "invalid_exact_evm_nonce_already_used", "settlement_pending", "permit2_allowance_required", "unexpected_settle_error",
  "invalid_exact_evm_transaction_failed", "invalid_transaction_state", "invalid_scheme", "unsupported_scheme", "duplicate_settlement", "something new", "", "x".repeat(300), "a\nb", "é",
];

/** What their client makes of an answer: what it returns, or what its error carries; undefined where it is no answer to it. */
async function theirs(call, status, text, index) {
  answer.set(index, { status, text });
  try {
    return await facilitator[call]({ x402Version: 2, at: index }, {});
  } catch (error) {
    if (error.name === "SettleError") return { success: false, errorReason: error.errorReason, transaction: error.transaction, network: error.network, payer: error.payer };
    if (error.name === "VerifyError") return { isValid: false, invalidReason: error.invalidReason, payer: error.payer };
    return undefined;
  } finally { answer.delete(index); }
}

function change(random, good) {
  const value = clone(good);
  const names = [...Object.keys(value), "errorReason", "errorMessage", "extensions", "extra", "amount", "requirements", "x"];
  for (let changes = random.pick([0, 1, 1, 2]); changes > 0; changes -= 1) {
    const name = random.pick(names);
    const items = [
      undefined, null, "", true, false, 0, 1, {}, [], "x", payer, payer.toLowerCase(), PAY_TO, TRANSACTION, TRANSACTION.toUpperCase(), TRANSACTION.slice(2), TRANSACTION.slice(0, 60),
      "eip155:8453", "base-sepolia", "base", "eip155:084532", random.pick(CODES), random.pick(CODES), "10000",
    ];
    const item = random.pick(items);
    if (item === undefined) delete value[name];
    else value[name] = item;
  }
  return value;
}

function texts(random, goods, count) {
  return Array.from({ length: count }, () => {
    const value = random.maybe(0.03) ? random.pick([[], "x", 1, null, {}, [settled]]) : change(random, random.pick(goods));
    let text = JSON.stringify(value);
    if (random.maybe(0.1)) text = random.pick([`${text}x`, text.slice(0, -1), ` ${text}\n`, `\ufeff${text}`, "", "<html>", text.replace("{", `{${Object.keys(goods[0]).slice(0, 1).map((name) => `"${name}":${random.maybe()},`)}`)]);
    return { text, status: random.pick([200, 200, 200, 201, 400, 402, 404, 429, 500, 502, 503]) };
  });
}

test("/settle: a settlement to us is one to @x402/core; what it calls a settlement and we do not has a reason", async () => {
  const random = chance();
  const differences = new Differences({
    // more lenient: nulls and strange values in members that decide nothing
    "a member of another type that decides nothing": true,
    // stricter (threats A15, B1, C4)
    "a settlement without a transaction hash": true,
    "a settlement on another network": true,
    "a settlement of another payer": true,
    "one answer in two: a key stands twice": true,
    "a byte order mark, which the platform's own decoder strips": true,
  });
  let done = 0;
  let refusals = 0;
  await each(texts(random, [settled, settled, refused], 5000), async ({ text, status }, index) => {
    const verdict = await core.ask("settlement", { network: "eip155:84532", payer, status, body: text });
    const read = await core.ask("read_settle", { body: text });
    const other = await theirs("settle", status, text, index);
    if (verdict.done) {
      done += 1;
      assert.equal(JSON.parse(text).success, true);
      // their client throws at any other status, whatever the body says; facilitators disagree about statuses
      if (status >= 200 && status < 300 && other) assert.deepEqual([other.success, other.transaction], [true, verdict.done]);
      else if (status < 300) differences.note("a member of another type that decides nothing");
    } else if (other?.success) {
      if (text.startsWith("\ufeff")) return differences.note("a byte order mark, which the platform's own decoder strips");
      if (read === null) return differences.note("one answer in two: a key stands twice", { text });
      if (!/^0x[0-9a-fA-F]{64}$/.test(other.transaction)) return differences.note("a settlement without a transaction hash");
      if (!["eip155:84532", "base-sepolia"].includes(other.network)) return differences.note("a settlement on another network");
      if (other.payer?.toLowerCase() !== payer.toLowerCase()) return differences.note("a settlement of another payer");
      differences.note("a settlement that we do not see", { text });
    }
    if (verdict.refused) {
      refusals += 1;
      assert.equal(JSON.parse(text).success, false);
      assert.ok(status < 500 && !read.transaction);
      assert.match(verdict.refused, /^[\w-]{1,80}$/);
      if (other) assert.equal(other.success, false);
    }
    return undefined;
  });
  differences.assertAllSeen();
  assert.ok(done > 500 && refusals > 300, `${done} ${refusals}`);
});

test("/verify: a yes to us is a yes to @x402/core", async () => {
  const random = chance();
  const goods = [{ isValid: true, payer }, { isValid: false, invalidReason: "invalid_exact_evm_signature", payer }];
  let yes = 0;
  await each(texts(random, goods, 3000), async ({ text, status }, index) => {
    const read = await core.ask("read_verify", { body: text });
    const other = await theirs("verify", status, text, index);
    if (read?.isValid) {
      yes += 1;
      assert.equal(JSON.parse(text).isValid, true);
      if (status < 300 && other) assert.equal(other.isValid, true);
    } else if (other?.isValid) {
      assert.equal(read, null, text);
      assert.ok(text.startsWith("\ufeff") || text.split('"isValid"').length > 2, "a mark or a key too many");
    }
    if (read && other && status < 300) assert.equal(read.invalidReason ?? undefined, other.invalidReason);
  });
  assert.ok(yes > 500, `${yes}`);
});

test("/supported: the kinds that both know are the same", async () => {
  const random = chance();
  const kinds = [
    { x402Version: 2, scheme: "exact", network: "eip155:84532" }, { x402Version: 2, scheme: "upto", network: "eip155:8453", extra: { facilitatorAddress: FACILITATOR } },
    { x402Version: 1, scheme: "exact", network: "base-sepolia" }, { x402Version: 2, scheme: "exact", network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", extra: { feePayer: "x" } },
    { x402Version: 2, scheme: "batch-settlement", network: "eip155:8453" }, { x402Version: 1, scheme: "exact", network: "solana" }, { x402Version: 2, scheme: "exact", network: "eip155:84532", extra: null },
  ];
  for (let index = 0; index < 400; index += 1) {
    const body = {
      kinds: Array.from({ length: random.below(6) }, () => random.pick(kinds)), extensions: random.pick([[], ["bazaar"], ["eip2612GasSponsoring", "x"]]),
      signers: random.pick([{}, { "eip155:*": [FACILITATOR] }, { "eip155:*": [FACILITATOR], "solana:*": ["x"] }]),
    };
    answer.set("supported", { status: 200, text: JSON.stringify(body) });
    const other = await facilitator.getSupported();
    const read = await core.ask("read_supported", { body: JSON.stringify(body) });
    const slugs = { "base-sepolia": "eip155:84532", base: "eip155:8453" };
    const known = other.kinds.filter(({ scheme, network }) => ["exact", "upto"].includes(scheme) && (network.startsWith("eip155:") || network in slugs));
    assert.deepEqual(
      read.kinds.map(({ x402Version, scheme, network, facilitatorAddress }) => [x402Version, scheme, network, facilitatorAddress?.toLowerCase() ?? null]),
      known.map(({ x402Version, scheme, network, extra }) => [x402Version, scheme, slugs[network] ?? network, extra?.facilitatorAddress ?? null]),
    );
    assert.deepEqual(read.extensions, other.extensions);
    assert.deepEqual(read.signers.map((address) => address.toLowerCase()), other.signers["eip155:*"] ?? []);
  }
});
