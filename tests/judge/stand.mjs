// Everything around a Worker that is to be judged: a chain, a facilitator, an origin, each behind a proxy that notes what passes and
// can misbehave, and the evidence that all of them leave.
import { createHash, randomBytes } from "node:crypto";
import { decodeEventLog, keccak256, toEventSelector } from "viem";
import { privateKeyToAddress } from "viem/accounts";
import { payTo } from "../support/accounts.mjs";
import { TOKEN, startChain } from "../support/chain.mjs";
import { startEdge } from "../support/edge.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { MODES, reply, startHostile } from "../support/hostile-facilitator.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { startOrigin } from "../support/origin.mjs";
import { startParts } from "../support/parts.mjs";
import { decode, nonceFor, signPayment } from "../support/pay.mjs";
import { startClient } from "./client.mjs";
import { rowsOn } from "./disk.mjs";

const AUTHORIZATION_STATE = "0xe94a0102";
const MODIFIED = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000).toUTCString();
const PIECES = 24;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** For `mood.origin`: the whole answer, half of it at once and half of it so many milliseconds later, or never. */
export const inTwo = (ms) => (request, response, next) => {
  const end = response.end.bind(response);
  response.end = (body) => {
    const bytes = Buffer.from(body ?? "");
    response.write(bytes.subarray(0, bytes.length / 2));
    if (ms !== undefined) setTimeout(() => end(bytes.subarray(bytes.length / 2)), ms);
    return response;
  };
  next();
};

/** What is sold: `kinds` of paths, so many of each. */
const ROUTES = [
  { match: "/page/*", price: "$0.05", access: "30d", description: "A page" },
  { match: "/first/*", price: "$0.03", access: "30d", flow: "upfront", description: "A page, money first" },
  { match: "/call/*", price: "$0.002", access: "once", description: "A call" },
  { match: "/firstcall/*", price: "$0.001", access: "once", flow: "upfront", description: "A call, money first" },
];
const KINDS = {
  page: { price: 50_000n, kind: "access" }, first: { price: 30_000n, kind: "access" },
  call: { price: 2000n, kind: "call" }, firstcall: { price: 1000n, kind: "call" },
};

/** A text in which every piece is one that nobody can guess, and the pieces. */
function textFor(path, bytes) {
  const pieces = Array.from({ length: PIECES }, (_, index) => createHash("sha256").update(`${path} ${index} ${randomBytes(8).toString("hex")}`).digest("hex").slice(0, 24));
  const filler = "-".repeat(Math.max(0, Math.floor(bytes / PIECES) - 26));
  return { pieces, text: `<!doctype html>\n${pieces.map((piece) => `${piece}${filler}\n`).join("")}` };
}

/**
 * @param {object} [options]
 * `each`: how many paths of every kind; `bytes`: about how long a text is; `timeoutSeconds` of a settle call; `chain`: options of
 * `startChain`; `build`, `state`, `books`: as for `startEdge`; `change(config)`.
 */
export async function startStand({ each = 8, bytes = 6000, timeoutSeconds = 2, chain: chainOptions, build, state, books, sockets, change = (config) => config } = {}) {
  const { add, stop } = startParts();
  const articles = {};
  const texts = new Map();
  for (const [kind, what] of Object.entries(KINDS)) {
    for (let n = 0; n < each; n++) {
      const path = `/${kind}/${n}`;
      texts.set(path, textFor(path, bytes));
      articles[path] = { ...what, etag: `"${createHash("sha256").update(path).digest("hex").slice(0, 16)}"`, modified: MODIFIED };
    }
  }
  const textOf = (path, body) => {
    const found = texts.get(path)?.pieces.filter((piece) => body.includes(piece)).length ?? 0;
    return found === 0 ? "none" : found === PIECES && body === texts.get(path).text ? "whole" : "part";
  };

  const settles = [];
  const broadcasts = new Map();
  const kills = [];
  const stand = {
    articles, settles, kills, books,
    /** When the Worker was started last. */
    started: Date.now(),
    /** Nonces for which the origin was asked. */
    asked: new Set(),
    /**
     * Told what happens, at once and in place: `watch(moment, {payer, nonce, path})`. Moments: "block" (the chain's latest block is
     * asked for), "observing", "observed", "asked" (the origin), "given", "failed", "settling", "broadcast", "answered", "refused", "body".
     */
    watch: () => {},
    /** What the facilitator does with a call: a mode of the hostile one, or a function; "pass" as it stands. */
    mood: { settle: () => "pass", rpc: () => "pass", origin: () => "pass" },
  };
  const tell = (moment, about) => stand.watch(moment, about);

  try {
    const chain = await add(startChain(chainOptions));
    const nodeOfFacilitator = await add(startHostile({ target: chain.url }));
    nodeOfFacilitator.always("*", async ({ response, body, through }) => {
      const call = JSON.parse(body);
      const raw = call.method === "eth_sendRawTransaction" ? call.params[0] : undefined;
      // a transaction cannot be mined before it is sent
      if (raw) broadcasts.set(keccak256(raw), Date.now());
      const answer = await through();
      if (raw) tell("broadcast", {});
      reply(response, answer);
      nodeOfFacilitator.calls.length = 0;
    });
    const facilitator = await add(startFacilitator({ rpc: nodeOfFacilitator.url }));
    const desk = await add(startHostile({ target: facilitator.url }));
    desk.always("/settle", async (context) => {
      const { request, response, body } = context;
      const { authorization } = JSON.parse(body).paymentPayload.payload;
      const who = { payer: authorization.from.toLowerCase(), nonce: authorization.nonce.toLowerCase() };
      const entry = { ...who, at: Date.now(), ended: undefined, verdict: "unclear" };
      settles.push(entry);
      // what goes out is read on its way
      let said = "";
      const end = response.end.bind(response);
      response.end = (text = "", ...more) => {
        said += text;
        end(text, ...more);
        // by now the system has it: whoever looks at this moment is ahead of whoever reads it
        tell(verdictOf(said) === "refused" ? "refused" : "answered", { ...who, socket: request.socket });
        return response;
      };
      response.once("finish", () => Object.assign(entry, { ended: Date.now(), verdict: verdictOf(said) }));
      tell("settling", who);
      const mode = stand.mood.settle(entry);
      await (typeof mode === "function" ? mode : MODES[mode])(context);
      desk.calls.length = 0;
    });
    const node = await add(startHostile({ target: chain.url }));
    node.always("*", async (context) => {
      const { method, params } = JSON.parse(context.body);
      const data = method === "eth_call" ? params[0].data ?? params[0].input : "";
      const observed = data.startsWith(AUTHORIZATION_STATE) && { payer: `0x${data.slice(34, 74)}`, nonce: `0x${data.slice(74, 138)}` };
      if (method === "eth_getBlockByNumber" && params[0] === "latest") tell("block", {});
      if (observed) {
        context.response.once("finish", () => tell("observed", observed));
        tell("observing", observed);
      }
      const mode = stand.mood.rpc({ method });
      await (typeof mode === "function" ? mode : MODES[mode])(context);
      node.calls.length = 0;
    });
    const about = (request) => ({ path: new URL(request.url, "http://x").pathname, nonce: request.headers["x-nonce"] });
    const origin = await add(startOrigin({
      keepAlive: 600_000,
      routes: {
        "/*": (request, response, url) => {
          const { text } = texts.get(url.pathname) ?? {};
          if (!text) {
            response.writeHead(404);
            return response.end();
          }
          const { etag, modified } = articles[url.pathname];
          response.once("finish", () => tell("given", about(request)));
          response.writeHead(200, { "content-type": "text/html", "content-length": text.length, etag, "last-modified": modified });
          response.end(text);
        },
      },
    }));
    origin.always("*", (request, response, next) => {
      stand.asked.add(about(request).nonce);
      tell("asked", about(request));
      origin.log.length = 0;
      const mode = stand.mood.origin(about(request));
      if (mode === "pass") return next();
      if (typeof mode === "function") return mode(request, response, next);
      response.once("finish", () => tell("failed", about(request)));
      response.writeHead(mode, { "content-type": "text/html" });
      response.end(`<h1>${mode}</h1>`);
    });
    const edge = await add(startEdge({
      keys: randomKeys(), build, state, books,
      config: (site) => change({
        site, origin: { url: origin.url }, payTo: { eip155: payTo.address }, networks: [chain.network],
        settlement: { facilitators: [{ url: desk.url }], rpc: { [chain.network]: [node.url] }, timeoutSeconds }, routes: ROUTES,
      }),
    }));
    Object.assign(stand, { chain, facilitator, desk, node, origin, edge, stop, timeoutSeconds });
  } catch (error) {
    await stop();
    throw error;
  }

  let down;
  let rise = () => {};
  /** Those who deal with one site: this Worker, or another paywall before the same origin and facilitator. */
  const visitorsOf = (site) => {
    const client = startClient({ site, textOf, sockets });
    add(client);
    const all = new Map();
    const payments = new Map();
    return {
      client,
      /** Somebody who was new once, and a payment they made, by its nonce. */
      payerOf: (payer) => all.get(payer),
      paymentOf: (nonce) => payments.get(nonce),
      /** Somebody new. `v1`: with a client of the first version. */
      async newPayer({ funds = 10_000_000n, v1 = false } = {}) {
        const key = `0x${randomBytes(32).toString("hex")}`;
        const address = privateKeyToAddress(key);
        await stand.chain.setBalance(address, funds);
        const payer = address.toLowerCase();
        const from = { "cf-connecting-ip": `198.51.${parseInt(payer.slice(-4, -2), 16)}.${parseInt(payer.slice(-2), 16)}` };
        const onBody = ({ path, payment }) => tell("body", { path, nonce: payment?.nonce });
        const ask = (path, options = {}) => client.ask({ payer, path, onBody, ...options, headers: { ...from, ...options.headers } });
        const visitor = {
          payer, address, key, v1, ask,
          /** A payment for what a fresh 402 offers; nothing if there was none. `ours`: with a nonce as our own clients make it. */
          async sign(path, { ours = false, ...options } = {}) {
            const answer = await ask(path);
            const offer = answer.status === 402 && (v1 ? JSON.parse(answer.body) : decode(answer.header("payment-required")));
            const payment = offer ? await signed({ offer, key, path, ...(ours && { nonce: nonceFor(offer) }), ...options }) : undefined;
            if (payment) payments.set(payment.noted.nonce, payment);
            return payment;
          },
        };
        all.set(payer, visitor);
        return visitor;
      },
      /** All that the judge wants to know about these visitors; `rows` of the ledger only if there is one. */
      async evidence({ closed = false, rows } = {}) {
        const { network } = stand.chain;
        const terms = { payTo: payTo.address.toLowerCase(), asset: TOKEN.toLowerCase(), network };
        const { transfers, spent } = await readChain(stand.chain, broadcasts);
        return {
          terms, articles, requests: client.requests, kills, closed, rows,
          settles: settles.filter(({ payer }) => all.has(payer)), chain: { spent, transfers: transfers.filter(({ from }) => all.has(from)) },
        };
      },
    };
  };
  const visitors = visitorsOf(stand.edge.url);
  return Object.assign(stand, {
    ...visitors, visitorsOf,
    /** With the ledgers; when all is over, with the books too, if there are any. */
    async evidence({ rows = rowsOn(stand.edge.state), closed, ...options } = {}) {
      const receipts = books && closed ? await readBooks(stand.edge.books) : undefined;
      return { ...await visitors.evidence({ ...options, closed, rows }), receipts };
    },
    /** Resolves while the Worker is there. */
    up: () => down ?? Promise.resolve(),
    /** Kills the Worker in this very moment; what lies on disk afterwards of what was written in the last seconds. */
    async kill(point, { recent = 10_000 } = {}) {
      const at = Date.now();
      kills.push(at);
      down = new Promise((resolve) => { rise = resolve; });
      await stand.edge.kill();
      return { at, point, rows: rowsOn(stand.edge.state, { since: at - recent }) };
    },
    async restart() {
      await stand.edge.restart();
      stand.started = Date.now();
      down = undefined;
      rise();
    },
  });
}

/** What the books say was paid. */
async function readBooks(books) {
  const rows = await books.rows("SELECT * FROM payment WHERE state = 'settled'");
  return rows.map(({ key, receipt, payer, resource, charged, transaction_hash: transaction }) => ({
    id: receipt, payer: payer.toLowerCase(), path: new URL(resource).pathname, nonce: key.split("/").at(-1), amount: BigInt(charged), transaction,
  }));
}

const REFUSED_BEFORE = /^(invalid_|insufficient_|unsupported_|permit2_|upto_|eip2612_|erc20_approval_)|simulation_failed$|transfer amount exceeds balance/;

/** What can be known from an answer to a settle call. */
function verdictOf(text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    return "unclear";
  }
  if (answer.success === true && /^0x[0-9a-f]{64}$/.test(answer.transaction)) return "settled";
  return answer.success === false && !answer.transaction && REFUSED_BEFORE.test(answer.errorReason ?? "") ? "refused" : "unclear";
}

/** A payment, and how it is noted. */
async function signed({ offer, key, path, ...options }) {
  const payment = await signPayment({ offer, key, ...options });
  const { accepts: [accepted] } = offer;
  const { authorization } = payment;
  return {
    headers: payment.headers, authorization, signature: payment.signature,
    noted: {
      nonce: authorization.nonce.toLowerCase(), amount: BigInt(authorization.value), payTo: authorization.to.toLowerCase(),
      asset: accepted.asset.toLowerCase(), network: accepted.network.includes(":") ? accepted.network : "eip155:84532",
      validBefore: Number(authorization.validBefore), proof: accepted.extra?.quote !== undefined, offered: { path, amount: BigInt(accepted.amount ?? accepted.maxAmountRequired) },
    },
  };
}

/** What reached the payee, each with the authorization it follows from, and authorizations that were used for something else. */
async function readChain(chain, broadcasts) {
  const { abi } = chain.token;
  const used = toEventSelector("AuthorizationUsed(address,bytes32)");
  const canceled = toEventSelector("AuthorizationCanceled(address,bytes32)");
  const logs = await chain.client.getLogs({ address: TOKEN, fromBlock: 0n });
  const times = new Map();
  const timeOf = async (number) => {
    if (!times.has(number)) times.set(number, Number((await chain.client.getBlock({ blockNumber: number })).timestamp) * 1000);
    return times.get(number);
  };
  const transfers = [];
  const spent = [];
  let before;
  for (const log of logs) {
    const { transactionHash: transaction, logIndex, blockNumber, topics } = log;
    const follows = before?.transactionHash === transaction && before.logIndex + 1 === logIndex && before.topics[0] === used ? before : undefined;
    const { eventName, args } = decodeEventLog({ abi, ...log });
    if (eventName === "Transfer" && args.to === payTo.address) {
      const from = args.from.toLowerCase();
      const nonce = follows && decodeEventLog({ abi, ...follows }).args.authorizer.toLowerCase() === from ? follows.topics[2] : undefined;
      transfers.push({ from, nonce, value: args.value, transaction, logIndex, notBefore: broadcasts.get(transaction) ?? await timeOf(blockNumber) });
    } else if (topics[0] === canceled) {
      spent.push({ payer: `0x${topics[1].slice(26)}`, nonce: topics[2] });
    } else if (eventName === "Transfer" && follows) {
      spent.push({ payer: args.from.toLowerCase(), nonce: follows.topics[2] });
    }
    before = log;
  }
  return { transfers, spent };
}
