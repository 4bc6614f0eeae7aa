// Ten thousand bad payments against the built Worker in workerd: every field, every encoding, both versions, every way to pay. None
// is settled or reaches the origin or anybody else, nothing panics, and every answer is a problem of the status it declares. What
// only the facilitator can know is asked of it, and of nobody before.
import assert from "node:assert/strict";
import { Agent, createServer, request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { authorizationTypes, permit2WitnessTypes, uptoPermit2WitnessTypes } from "@x402/evm";
import { hashTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { listen } from "../../tools/lib/processes.mjs";
import { accounts } from "../support/accounts.mjs";
import { startBridge } from "../support/bridge.mjs";
import { SEED, chance } from "../support/chance.mjs";
import { startEdge } from "../support/edge.mjs";
import { readBody, sendJson } from "../support/http.mjs";
import { at, others, paths, put } from "../support/mutate.mjs";
import { encode, offersIn } from "../support/pay.mjs";

const COUNT = 10_400;
const PAY_TO = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const SETTLER = `0x${"fa".repeat(20)}`;
const USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const NETWORK = "eip155:84532";
const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
const EXACT_PROXY = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001";
const UPTO_PROXY = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002";
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
// not the payee itself: what it pays to its own address is paid to the payee
const buyers = accounts.map(({ key }) => privateKeyToAccount(key)).filter(({ address }) => address !== PAY_TO);
const thief = privateKeyToAccount(`0x${"7e".repeat(32)}`);

let edge;
let facilitator;
let origin;
let problems;
let pages;

/** What the facilitator settles; it is asked once, beside the first settlement. */
const SUPPORTED = {
  kinds: [
    { x402Version: 2, scheme: "exact", network: NETWORK },
    { x402Version: 1, scheme: "exact", network: "base-sepolia" },
    { x402Version: 2, scheme: "upto", network: NETWORK, extra: { facilitatorAddress: SETTLER } },
  ],
  extensions: [],
  signers: { "eip155:*": [SETTLER] },
};

/** A server that counts. */
async function counting(answer) {
  const seen = [];
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    if (request.url === "/supported") return sendJson(response, 200, SUPPORTED);
    seen.push({ path: request.url, body });
    answer(request, response, body);
  });
  const port = await listen(server);
  return { seen, url: `http://127.0.0.1:${port}`, stop: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }) };
}

let settling = { success: true };
before(async () => {
  facilitator = await counting((request, response, body) => {
    const { paymentPayload } = JSON.parse(body);
    const { authorization, permit2Authorization } = paymentPayload.payload;
    const payer = (authorization ?? permit2Authorization).from;
    if (request.url === "/verify") return sendJson(response, 200, { isValid: true, payer });
    sendJson(response, 200, { transaction: settling.success ? `0x${"12".repeat(32)}` : "", network: NETWORK, payer, ...settling });
  });
  origin = await counting((_, response) => {
    response.writeHead(200, { "content-type": "text/html", "settlement-overrides": JSON.stringify({ amount: "100%" }) });
    response.end("<p>the article</p>");
  });
  edge = await startEdge({
    keys: `k1:${Buffer.alloc(32, 9).toString("base64url")}`,
    config: (site) => ({
      site, origin: { url: origin.url }, payTo: { eip155: PAY_TO }, networks: [NETWORK, { network: NETWORK, transfer: "permit2" }],
      settlement: { facilitators: [{ url: facilitator.url, address: SETTLER }] },
      routes: [
        { match: "/articles/*", price: "$0.05", description: "One article" },
        { match: "/dear/*", price: "$5" },
        { match: "/calls/*", price: "$0.05", access: "once" },
        { match: "/metered/*", price: "$0.05", scheme: "upto" },
      ],
    }),
  });
  assert.deepEqual((await edge.health()).errors, []);
  const core = await startBridge();
  try { problems = new Map((await core.ask("problems")).map((problem) => [problem.uri, problem])); } finally { await core.stop(); }
  pages = {};
  for (const path of ["/articles/x", "/articles/y", "/dear/x", "/calls/x", "/metered/x"]) pages[path] = await offersIn(await fetch(edge.url + path));
});
after(async () => {
  await edge?.stop();
  await facilitator?.stop();
  await origin?.stop();
});

const agent = new Agent({ keepAlive: true, maxSockets: 48 });
/** One request; header values go out as they are. */
const ask = (path, headers, method = "GET") => new Promise((resolve, reject) => {
  const request = httpRequest(`${edge.url}${path}`, { method, headers, agent }, async (response) => {
    resolve({ status: response.statusCode, headers: response.headers, text: await readBody(response) });
  });
  request.once("error", reject);
  request.end();
});

const now = () => Math.floor(Date.now() / 1000);

/** The promise for an offer, unsigned. */
function promise(offer, buyer, nonce, times = {}) {
  const { validAfter = "0", validBefore = String(now() + 200) } = times;
  if (offer.extra?.assetTransferMethod !== "permit2") {
    return { authorization: { from: buyer.address, to: offer.payTo, value: offer.amount ?? offer.maxAmountRequired, validAfter, validBefore, nonce } };
  }
  const upto = offer.scheme === "upto";
  return {
    permit2Authorization: {
      from: buyer.address, permitted: { token: offer.asset, amount: offer.amount }, spender: upto ? UPTO_PROXY : EXACT_PROXY, nonce: String(BigInt(nonce)),
      deadline: validBefore, witness: { to: offer.payTo, ...(upto ? { facilitator: offer.extra.facilitatorAddress } : {}), validAfter },
    },
  };
}

async function sign(payload, buyer, { name = "USDC", version = "2", chainId = 84532, asset = USDC } = {}) {
  const signed = payload.authorization;
  const number = (text) => BigInt(text);
  let hash;
  if (signed) {
    hash = hashTypedData({
      domain: { name, version, chainId, verifyingContract: asset }, types: { TransferWithAuthorization: authorizationTypes.TransferWithAuthorization },
      primaryType: "TransferWithAuthorization",
      message: { ...signed, value: number(signed.value), validAfter: number(signed.validAfter), validBefore: number(signed.validBefore) },
    });
  } else {
    const { permitted, spender, nonce, deadline, witness } = payload.permit2Authorization;
    hash = hashTypedData({
      domain: { name: "Permit2", chainId, verifyingContract: PERMIT2 }, types: "facilitator" in witness ? uptoPermit2WitnessTypes : permit2WitnessTypes,
      primaryType: "PermitWitnessTransferFrom",
      message: {
        permitted: { ...permitted, amount: number(permitted.amount) }, spender, nonce: number(nonce), deadline: number(deadline),
        witness: { ...witness, validAfter: number(witness.validAfter) },
      },
    });
  }
  return buyer.sign({ hash });
}

/** Every way to pay: a path, the version, and the offer that is answered. */
function ways() {
  const v2 = (path) => pages[path].v2.accepts.map((offer) => ({ path, version: 2, offer, page: pages[path].v2 }));
  const v1 = (path) => pages[path].v1.accepts.map((offer) => ({ path, version: 1, offer, page: pages[path].v1 }));
  return [...v2("/articles/x"), ...v2("/calls/x"), ...v2("/metered/x"), ...v1("/articles/x"), ...v1("/calls/x")];
}

function whole({ version, offer, page }, signature, payload) {
  if (version === 1) return { x402Version: 1, scheme: offer.scheme, network: offer.network, payload: { signature, ...payload } };
  return { x402Version: 2, resource: page.resource, accepted: offer, payload: { signature, ...payload }, ...(page.extensions ? { extensions: page.extensions } : {}) };
}

async function good(way, random, changes = {}) {
  const buyer = changes.buyer ?? random.pick(buyers);
  const payload = promise(way.offer, buyer, random.hex(32), changes);
  return structuredClone(whole(way, await sign(payload, changes.signer ?? buyer, changes.domain), payload));
}

/** What is asked about a good payment: a permit is verified first, because its allowance is the chain's to know. */
const asks = ({ offer }) => (offer.extra?.assetTransferMethod === "permit2" ? ["/verify", "/settle"] : ["/settle"]);
const headersFor = (version, value) => (version === 1 ? { "X-PAYMENT": value } : { "PAYMENT-SIGNATURE": value });
const signedPart = (payment) => payment.payload.authorization ?? payment.payload.permit2Authorization;

// What may be otherwise without making a payment bad: the copy of the resource, which nobody signs; the quote, without which today's
// offer is still today's; members that nobody knows; what a client may leave out or add in an extension (those have cases of their own).
const TOLD = {
  payment: ["x402Version", "scheme", "network", "payload"], accepted: ["scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds"],
  extra: ["name", "version", "assetTransferMethod", "facilitatorAddress", "paymentFlow", "offer"],
};
const harmless = (path) => ["resource", "extensions"].includes(path[0]) || path.join(".") === "accepted.extra.quote";
/** Bytes in another letter case are the same bytes, and a signature's last byte has two spellings. */
const equal = (path, before, after) => JSON.stringify(before) === JSON.stringify(after)
  || (typeof before === "string" && typeof after === "string" && before.startsWith("0x") && after.startsWith("0x")
    && (before.toLowerCase() === after.toLowerCase() || (path.at(-1) === "signature" && before.slice(0, 130).toLowerCase() === after.slice(0, 130).toLowerCase() && /^(00|01|1b|1c)$/i.test(after.slice(130)) && Number(`0x${before.slice(130)}`) % 27 === Number(`0x${after.slice(130)}`) % 27)));

/** Each makes one bad payment: {path, headers, method?}, or undefined where chance made it a good one. */
const KINDS = {
  /** One field of the whole changed, not signed anew. */
  async field(way, random) {
    const payment = await good(way, random);
    const path = random.pick(paths(payment).filter((path) => !harmless(path)));
    const before = at(payment, path);
    const changed = others(random, before);
    if (equal(path, before, changed)) return undefined;
    // who does not echo for how long it opens takes what it is today
    if (path.join(".") === "accepted.extra.accessSeconds" && (changed === undefined || changed === null)) return undefined;
    put(payment, path, changed);
    return { path: way.path, headers: headersFor(way.version, encode(payment)), about: path.join(".") };
  },
  /** What is signed changed in one place and signed by the payer: the terms decide. */
  async terms(way, random) {
    const buyer = random.pick(buyers);
    const permit = way.offer.extra?.assetTransferMethod === "permit2";
    const upto = way.offer.scheme === "upto";
    const t = now();
    const payload = promise(way.offer, buyer, random.hex(32));
    const signed = payload.authorization ?? payload.permit2Authorization;
    const amount = BigInt(way.offer.amount ?? way.offer.maxAmountRequired);
    const change = random.pick([
      () => { const value = random.pick([0n, 1n, amount - 1n, amount + 1n, amount * 10n, random.number()]); if (value === amount) return false; permit ? signed.permitted.amount = String(value) : signed.value = String(value); },
      () => { const to = random.pick([random.hex(20), buyer.address, thief.address]); permit ? signed.witness.to = to : signed.to = to; },
      () => { const after = String(t + 60 + random.below(100_000)); permit ? signed.witness.validAfter = after : signed.validAfter = after; },
      () => { const until = String(random.pick([0, 1, t - 1, t - 100_000, t, t + 2])); permit ? signed.deadline = until : signed.validBefore = until; },
      () => { const until = String(random.pick([BigInt(t + 400), BigInt(t + 10 ** 9), 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 256n - 1n])); permit ? signed.deadline = until : signed.validBefore = until; },
      () => { if (!permit) return false; signed.spender = random.pick([random.hex(20), upto ? EXACT_PROXY : UPTO_PROXY, SETTLER]); },
      () => { if (!permit) return false; signed.permitted.token = random.hex(20); },
      () => { if (!permit) return false; if (upto) signed.witness.facilitator = random.hex(20); else signed.witness = { to: signed.witness.to, facilitator: SETTLER, validAfter: "0" }; },
      () => { if (!upto) return false; delete signed.witness.facilitator; },
    ]);
    if (change() === false) return undefined;
    const payment = structuredClone(whole(way, await sign(payload, buyer), payload));
    return { path: way.path, headers: headersFor(way.version, encode(payment)), about: JSON.stringify(signed) };
  },
  /** Signed by somebody else, for another domain, or no signature at all. */
  async signature(way, random) {
    const permit = way.offer.extra?.assetTransferMethod === "permit2";
    const domains = permit ? [{ chainId: 1 }, { chainId: 8453 }] : [{ chainId: 1 }, { name: "USD Coin" }, { version: "1" }, { asset: random.hex(20) }, { name: "" }];
    const [signer, domain] = random.pick([[thief, {}], [undefined, random.pick(domains)], [undefined, {}]]);
    const payment = await good(way, random, { signer, domain });
    if (!signer && Object.keys(domain).length === 0) {
      const { signature } = payment.payload;
      const place = 2 + random.below(128);
      payment.payload.signature = random.pick([
        () => `${signature.slice(0, 66)}${(ORDER - BigInt(`0x${signature.slice(66, 130)}`)).toString(16).padStart(64, "0")}${signature.endsWith("1b") ? "1c" : "1b"}`,
        () => `${signature.slice(0, 130)}${signature.endsWith("1b") ? "1c" : "1b"}`, () => `${signature.slice(0, 130)}${random.pick(["02", "1a", "1d", "ff", "1"])}`,
        () => signature.slice(0, 130), () => signature.slice(0, place), () => `${signature}00`, () => signature.slice(2), () => `0X${signature.slice(2)}`,
        () => `0x${"00".repeat(65)}`, () => `0x${"ff".repeat(65)}`, () => random.hex(65), () => random.hex(200), () => `${random.hex(300)}${"6492".repeat(16)}`,
        () => `0x${"zz".repeat(65)}`, () => `0x${ORDER.toString(16)}${signature.slice(66)}`, () => `${signature.slice(0, 66)}${"00".repeat(32)}1b`,
        () => `${signature.slice(0, place)}${signature[place] === "0" ? "1" : "0"}${signature.slice(place + 1)}`,
      ])();
    }
    return { path: way.path, headers: headersFor(way.version, encode(payment)), about: payment.payload.signature };
  },
  /** An honest payment for something else: another page, another price, another network, another way, another site's quote. */
  async elsewhere(way, random) {
    if (way.version === 1) {
      const payment = await good(way, random);
      const target = random.pick(["/dear/x", "/metered/x"]);
      return { path: target, headers: headersFor(1, encode(payment)), about: `for ${way.path}` };
    }
    const payment = await good(way, random);
    const changed = random.pick([
      () => ({ path: "/dear/x" }),
      () => ({ path: way.path === "/metered/x" ? "/articles/x" : "/metered/x" }),
      () => { const other = random.pick(pages["/dear/x"].v2.accepts); payment.accepted = { ...other, extra: { ...other.extra } }; return {}; },
      () => { payment.accepted = { ...payment.accepted, network: "eip155:8453", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" }; return {}; },
      () => { payment.accepted = { ...payment.accepted, amount: "1" }; return {}; },
      () => { payment.accepted = { ...payment.accepted, extra: { ...payment.accepted.extra, assetTransferMethod: payment.accepted.extra.assetTransferMethod === "permit2" ? "eip3009" : "permit2" } }; return {}; },
      () => { payment.accepted = { ...payment.accepted, extra: { ...payment.accepted.extra, paymentFlow: "upfront" } }; return {}; },
      () => { payment.accepted = { ...payment.accepted, scheme: payment.accepted.scheme === "upto" ? "exact" : "upto" }; return {}; },
      () => { payment.payload = { ...payment.payload, ...promise(pages["/articles/x"].v2.accepts[0], thief, random.hex(32)), ...promise(pages["/articles/x"].v2.accepts[1], thief, random.hex(32)) }; return {}; },
    ])();
    return { path: way.path, headers: headersFor(2, encode(payment)), about: JSON.stringify(payment.accepted), ...changed };
  },
  /** The JSON of a good payment damaged as text. */
  async json(way, random) {
    const text = JSON.stringify(await good(way, random));
    const place = random.below(text.length);
    const damaged = random.pick([
      () => text.slice(0, place), () => text.slice(place), () => `${text.slice(0, place)}${random.pick([..."{}[]\",:\\"])}${text.slice(place)}`, () => `\ufeff${text}`, () => `${text},`, () => `[${text}]`, () => JSON.stringify(text),
      () => text.replace("{", '{"x402Version":2,'), () => text.replace(/"payload":\{/, '"payload":{"signature":"0x",'), () => text.replace(/"from":/, '"from":"0x","from":'), () => text.replace(/}$/, `,"a":${"[".repeat(9)}${"]".repeat(9)}}`),
      () => text.replace(/}$/, ',"a":"\\ud800"}'), () => text.replace(/}$/, ',"a":NaN}'), () => text.replace(/}$/, ',"a":01}'), () => text.replace(/"/, "'"), () => text.replace(/}$/, ",}"), () => text.replace("{", "{/**/"), () => text.replace(/"(\d{5,})"/, "$1"),
      () => text.replace(/}$/, `,${Array.from({ length: 70 }, (_, index) => `"k${index}":0`).join(",")}}`), () => "", () => "null", () => "{}", () => "[]", () => "0", () => '"x"', () => text.replace(/"x402Version":\d/, '"x402Version":3'), () => text.replace(/"x402Version":(\d)/, '"x402Version":"$1"'), () => text.replace(/"x402Version":\d,?/, ""),
    ])();
    try {
      // chance may have struck where nothing counts: inside the copy of the resource, an extension, the quote, or the name of what may be missing
      const read = JSON.parse(damaged);
      const only = (object, names) => Object.fromEntries(names.map((name) => [name, object?.[name]]));
      const told = (extra) => ({ ...only(extra, TOLD.extra), accessSeconds: extra?.accessSeconds ?? way.offer.extra?.accessSeconds });
      const strip = (payment) => JSON.stringify({ ...only(payment, TOLD.payment), accepted: { ...only(payment.accepted, TOLD.accepted), extra: told(payment.accepted?.extra) } });
      if (read?.payload && strip(read) === strip(JSON.parse(text)) && !damaged.includes('"from":"0x","from"') && !damaged.includes('"payload":{"signature":"0x",')) return undefined;
    } catch { /* not JSON */ }
    if (damaged === text) return undefined;
    const bytes = random.maybe(0.05) ? Buffer.concat([Buffer.from(damaged), Buffer.from([0xff])]) : Buffer.from(damaged);
    return { path: way.path, headers: headersFor(way.version, bytes.toString("base64")), about: damaged };
  },
  /** The base64 of a good payment damaged. */
  async base64(way, random) {
    const header = encode(await good(way, random));
    const place = 1 + random.below(header.length - 8);
    const unpadded = header.replace(/=+$/, "");
    const damaged = random.pick([
      () => `${header.slice(0, place)} ${header.slice(place)}`, () => `${header.slice(0, place)}\t${header.slice(place)}`, () => `${header.slice(0, place)}=${header.slice(place)}`, () => `${header.slice(0, place)}${random.pick([..."!#$%&'()*.:;<>?@[]^`{|}~"])}${header.slice(place + 1)}`,
      () => `${header.slice(0, place)}é${header.slice(place)}`, () => `${unpadded}${"=".repeat(((4 - (unpadded.length % 4)) % 4) + 1)}`, () => `-_+/${header}`, () => `${header},${header}`, () => `${header}, ${header}`, () => encodeURIComponent(JSON.stringify({ x402Version: 2 })), () => Buffer.from(header, "base64").toString("hex"),
      () => "A".repeat(16_385 + random.below(2000)), () => header + "A".repeat(16_385), () => `${header.slice(0, place - (place % 4))}${"====".slice(0, 1 + random.below(4))}`, () => "=", () => "A", () => "\"", () => `"${header}"`, () => `Bearer ${header}`, () => `${header}\u00a0`,
    ])();
    return { path: way.path, headers: headersFor(way.version, damaged), about: damaged.slice(0, 200) };
  },
  /** A good payment in the wrong header, in both, twice, or with a method that cannot pay. */
  async transport(way, random) {
    const value = encode(await good(way, random));
    const bad = random.pick([
      () => ({ headers: headersFor(3 - way.version, value) }), () => ({ headers: { ...headersFor(1, value), ...headersFor(2, value) } }),
      () => ({ headers: { [way.version === 1 ? "X-PAYMENT" : "PAYMENT-SIGNATURE"]: [value, value] } }),
      () => ({ headers: headersFor(way.version, value), method: random.pick(["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"]) }),
    ])();
    return { path: way.path, ...bad, about: JSON.stringify(Object.keys(bad.headers)) + (bad.method ?? "") };
  },
  /** An echoed extension that was changed, or an identifier that is none. */
  async extension(way, random) {
    if (way.version === 1 || !way.page.extensions?.["payment-identifier"]) return undefined;
    const payment = await good(way, random);
    const identifier = payment.extensions["payment-identifier"];
    random.pick([
      () => { identifier.info.id = random.pick(["", "short", "x".repeat(15), "x".repeat(129), "a b".repeat(10), "é".repeat(20), "0123456789abcde/", 7, {}, [], true]); },
      () => { identifier.info.required = !identifier.info.required; },
      () => { delete identifier.info.required; },
      () => { identifier.info = random.pick(["x", 1, []]); },
    ])();
    return { path: way.path, headers: headersFor(2, encode(payment)), about: JSON.stringify(identifier) };
  },
};
const SHARES = [["field", 0.4], ["terms", 0.18], ["signature", 0.12], ["elsewhere", 0.08], ["json", 0.1], ["base64", 0.06], ["transport", 0.03], ["extension", 0.03]];

const retryable = new Set(["internal", "settlement-pending", "facilitator-unavailable", "not-configured", "too-many-requests", "payment-required"]);

function judge(answer, bad) {
  const { status, headers, text } = answer;
  assert.ok(status >= 400 && status < 500, `${status}`);
  assert.equal(headers["set-cookie"], undefined);
  assert.equal(headers["payment-response"], undefined);
  assert.match(headers["cache-control"] ?? "", /no-store/);
  assert.doesNotMatch(text, /the article/);
  assert.equal(headers["content-type"], "application/problem+json");
  if (bad.method === "HEAD") return "method-cannot-pay";
  const problem = problems.get(JSON.parse(text).type);
  assert.ok(problem, `an unregistered type: ${text.slice(0, 200)}`);
  assert.equal(status, problem.status);
  assert.equal(JSON.parse(text).status, status);
  assert.ok(!retryable.has(problem.slug), problem.slug);
  return problem.slug;
}

test("every way to pay that the attacks begin with is a good one", async () => {
  const random = chance(SEED + 1);
  for (const way of ways()) {
    // the ledger gives a payer who owns the article its page without charge: a payer of its own each time
    const buyer = privateKeyToAccount(random.hex(32));
    const [asked, fetched] = [facilitator.seen.length, origin.seen.length];
    const answer = await ask(way.path, headersFor(way.version, encode(await good(way, random, { buyer }))));
    assert.equal(answer.status, 200, `${way.path} v${way.version} ${way.offer.scheme}: ${answer.text}`);
    assert.match(answer.text, /the article/);
    assert.deepEqual(facilitator.seen.slice(asked).map(({ path }) => path), asks(way));
    assert.equal(origin.seen.length - fetched, 1);
  }
});

test(`A3 A6 A7 A8 C1-C6: ${COUNT} generated bad payments are refused here, each with a problem of its status`, async (t) => {
  const random = chance();
  const all = ways();
  const [asked, fetched, logged] = [facilitator.seen.length, origin.seen.length, edge.log.length];
  const found = new Map();
  let sent = 0;
  let made = 0;
  const kind = () => {
    let share = random.next();
    for (const [name, part] of SHARES) {
      if (share < part) return name;
      share -= part;
    }
    return "field";
  };
  const worker = async () => {
    while (sent < COUNT) {
      const index = made++;
      const name = kind();
      const bad = await KINDS[name](all[index % all.length], chance(SEED + index));
      if (!bad) continue;
      sent += 1;
      const answer = await ask(bad.path, bad.headers, bad.method);
      try {
        const slug = judge(answer, bad);
        found.set(slug, (found.get(slug) ?? 0) + 1);
      } catch (error) {
        throw new Error(`FARTHING_SEED=${SEED}, ${name}, case ${index}, ${bad.path}: ${bad.about?.slice(0, 1200)}\n${error.message}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  assert.equal(facilitator.seen.length, asked, `the facilitator was asked: ${JSON.stringify(facilitator.seen.at(-1))}`);
  assert.equal(origin.seen.length, fetched, "the origin was asked");
  assert.deepEqual(edge.log.slice(logged), [], "nothing panicked, nothing was refused by accident");
  // every kind of local refusal of a payment occurred; matching.rs lists them
  const expected = [
    "payment-header-repeated", "payment-header-too-large", "payment-not-base64", "payment-not-json", "payment-malformed", "unsupported-x402-version", "scheme-not-offered", "network-not-offered",
    "asset-not-offered", "transfer-not-offered", "spender-mismatch", "recipient-mismatch", "amount-mismatch", "offer-unknown", "authorization-expired", "authorization-not-yet-valid",
    "authorization-too-long", "signature-invalid", "signature-unsupported", "method-not-payable", "method-cannot-pay",
  ];
  for (const slug of expected) assert.ok(found.has(slug), `${slug} never occurred`);
  t.diagnostic(`${sent} bad payments: ${[...found].sort((a, b) => b[1] - a[1]).map(([slug, count]) => `${slug} ${count}`).join(", ")}`);
});

test("no bad payment left a row behind", async () => {
  const tables = await edge.query("SELECT name FROM sqlite_master WHERE name = 'payment'");
  const rows = tables.filter(({ rows }) => rows.length > 0).length;
  // the good ones of the first test, one payer each
  assert.equal(rows, ways().length);
});

test("what only the facilitator can know is asked of it, once, and its refusal is the reader's answer", async () => {
  const random = chance(SEED + 2);
  settling = { success: false, errorReason: "invalid_exact_evm_insufficient_balance" };
  try {
    for (const way of ways()) {
      const buyer = privateKeyToAccount(random.hex(32));
      const [asked, fetched] = [facilitator.seen.length, origin.seen.length];
      const answer = await ask(way.path, headersFor(way.version, encode(await good(way, random, { buyer }))));
      assert.equal(answer.status, 402, answer.text);
      assert.equal(problems.get(JSON.parse(answer.text).type).slug, "insufficient-funds");
      assert.deepEqual(facilitator.seen.slice(asked).map(({ path }) => path), asks(way));
      assert.equal(origin.seen.length - fetched, 1, "the origin can deliver before anybody is asked for money");
      assert.doesNotMatch(answer.text, /the article/);
    }
  } finally { settling = { success: true }; }
});
