// A reader with money and no browser, and what a test asks about the answers.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { DEMO } from "../support/newspaper.mjs";
import { offersIn, settlementIn, signPayment } from "../support/pay.mjs";

const newspaper = JSON.parse(readFileSync(join(DEMO, "newspaper.json"), "utf8"));
export const { needles } = newspaper;
export const ARTICLES = newspaper.articles.map(({ path }) => path);
export const DATA = newspaper.data.path;
export const FREE = newspaper.free;
/** Two articles at the same price, and a cheaper and a dearer one. */
export const [DOOR, DOT] = ["/articles/paid-at-the-door", "/articles/one-dot-too-many"];
export const [PAWN, LOG] = ["/articles/the-least-likely-pawn", "/articles/the-log-nobody-wrote"];
/** In atomic units, by path. */
export const PRICES = Object.fromEntries(
  [...newspaper.articles, newspaper.data].map(({ path, price }) => [path, BigInt(Math.round(Number(price.slice(1)) * 1e6))]),
);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Settings of the demo newspaper with little patience for a facilitator. */
export const impatient = (seconds = 2) => (config) => ({ ...config, settlement: { ...config.settlement, timeoutSeconds: seconds } });

/** What the naive paywall sells: the same articles at the same prices. */
export const naiveRoutes = [
  ...newspaper.articles.map(({ path }) => ({ prefix: path, amount: String(PRICES[path]) })),
  { prefix: "/articles/", amount: "50000" }, { prefix: "/data/", amount: String(PRICES[DATA]) },
];

/**
 * Somebody new with money on the chain. `site`: whom they deal with; `from`: their network address, as the platform would name it.
 */
export async function newReader(paper, { funds = 10_000_000n, ...more } = {}) {
  const key = generatePrivateKey();
  await paper.chain.setBalance(privateKeyToAddress(key), funds);
  return readerWith(paper, key, more);
}

function readerWith(paper, key, { site = paper.site, from = "198.51.100.7" } = {}) {
  const address = privateKeyToAddress(key);
  const reader = {
    key, address,
    ask: (path, headers = {}, init = {}) => fetch(site + path, { redirect: "manual", ...init, headers: { "cf-connecting-ip": from, ...headers } }),
    /** The offer of a fresh 402, in either generation. */
    async offer(path, { v1 = false } = {}) {
      const response = await reader.ask(path);
      assert.equal(response.status, 402);
      const offers = await offersIn(response);
      return v1 ? offers.v1 : offers.v2;
    },
    /** A payment for `path`; `v1`, and whatever `signPayment` takes. */
    sign: async (path, { v1, ...more } = {}) => signPayment({ offer: more.offer ?? await reader.offer(path, { v1 }), key, ...more }),
    send: (path, payment, headers = {}) => reader.ask(path, { ...payment.headers, ...headers }),
    /** The same person at another site, or coming from another network address: {site, from}. */
    as: (changes) => readerWith(paper, key, { site, from, ...changes }),
    /** Their transfers to the publisher. */
    transfers: async () => (await paper.chain.transfersTo()).filter((transfer) => transfer.from === address),
  };
  return reader;
}

/** The settle calls that a scriptable facilitator got about a reader. */
export const settlesOf = (facilitator, { address }) =>
  facilitator.callsTo("/settle").filter(({ body }) => body.paymentPayload.payload.authorization.from === address);

/** The slug of a problem document; its form and status are checked. */
export async function problemOf(response) {
  const text = await response.text();
  assert.match(response.headers.get("content-type"), /^application\/problem\+json/, `${response.status} ${text.slice(0, 200)}`);
  const { type, title, status, detail } = JSON.parse(text);
  assert.equal(status, response.status);
  assert.ok(title && detail);
  return type.split("/").at(-1);
}

/** 503 `settlement-pending`, with the time to come back. */
export async function assertPending(response) {
  const { status, headers } = response;
  assert.equal(status, 503);
  assert.equal(await problemOf(response), "settlement-pending");
  assert.match(headers.get("retry-after"), /^[1-9]\d?$/);
  assert.equal(headers.get("payment-required"), null, "no new offer while one is open");
  assert.deepEqual(headers.getSetCookie(), []);
}

/** The article, paid for; gives the settlement it names. */
export async function assertArticle(response, path) {
  const text = await response.text();
  assert.equal(response.status, 200, text.slice(0, 300));
  for (const needle of needles[path]) assert.ok(text.includes(needle), needle);
  assert.match(response.headers.get("cache-control"), /no-store/);
  return settlementIn(response);
}

/** Sends the same request until it is no longer pending, as Retry-After asks; gives the last answer. */
export async function resend(send, { tries = 15 } = {}) {
  for (let left = tries; ; left--) {
    const response = await send();
    if (response.status !== 503 || left === 0) return response;
    const wait = Number(response.headers.get("retry-after"));
    await assertPending(response);
    await sleep(Math.min(wait, 2) * 1000);
  }
}

/** Waits for something to become true, a while. */
export async function until(what, check, seconds = 20) {
  for (let left = seconds * 20; !(await check()); left--) {
    if (left === 0) assert.fail(`never happened: ${what}`);
    await sleep(50);
  }
}
