// What the differential tests share: a seeded source of chance, the shop that payments are for, payments made by the official
// client. `FARTHING_SEED` in the environment plays another run; what fails says with which seed.
import assert from "node:assert/strict";
import { keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

export const SEED = Number(process.env.FARTHING_SEED ?? 20_261_121);

/** A generator (mulberry32) with what cases are made of. */
export function chance(seed = SEED) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit) => Math.floor(next() * limit);
  const pick = (list) => list[below(list.length)];
  const bytes = (length) => Buffer.from(Array.from({ length }, () => below(256)));
  return {
    next, below, pick, bytes,
    hex: (length) => `0x${bytes(length).toString("hex")}`,
    maybe: (share = 0.5) => next() < share,
    /** A whole number of up to so many bits, extreme ones more often than chance would have them. */
    number(bits = 256) {
      const most = (1n << BigInt(bits)) - 1n;
      const edges = [0n, 1n, 2n, most, most - 1n, 1n << BigInt(bits - 1), 255n, 256n];
      if (next() < 0.2) return pick(edges);
      const size = 1 + below(bits);
      return BigInt(`0x${bytes(32).toString("hex")}`) & ((1n << BigInt(size)) - 1n);
    },
    text: (length, alphabet) => Array.from({ length }, () => pick(alphabet)).join(""),
  };
}

/**
 * Runs `check(value, index, random)` on every value, some under way at once, each with a source of chance of its own, so that the
 * order in which they run changes nothing; a failure names the seed and the value.
 */
export async function each(values, check) {
  let at = 0;
  const worker = async () => {
    while (at < values.length) {
      const index = at++;
      try {
        await check(values[index], index, chance(SEED + index));
      } catch (error) {
        const shown = JSON.stringify(values[index], (_, item) => (typeof item === "bigint" ? `${item}n` : item));
        throw new Error(`FARTHING_SEED=${SEED}, case ${index}: ${shown?.slice(0, 1500)}\n${error.message}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

/** How often each of the expected differences occurred; each has to occur, and nothing else may. */
export class Differences {
  #seen = new Map();
  constructor(known) { this.known = known; }
  note(name, about) {
    assert.ok(name in this.known, `an unknown difference, ${name}: ${JSON.stringify(about)}`);
    this.#seen.set(name, (this.#seen.get(name) ?? 0) + 1);
  }
  assertAllSeen() {
    for (const name of Object.keys(this.known)) assert.ok(this.#seen.has(name), `the difference "${name}" does not exist any more`);
  }
  toString() { return [...this.#seen].map(([name, count]) => `${name}: ${count}`).join(", "); }
}

export const PAY_TO = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
export const NETWORKS = {
  "eip155:84532": { slug: "base-sepolia", asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e", name: "USDC", version: "2" },
  "eip155:8453": { slug: "base", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", name: "USD Coin", version: "2" },
};
export const FACILITATOR = `0x${"fa".repeat(20)}`;
export const NOW = 1_800_000_000;
export const keys = `k1:${Buffer.alloc(32, 7).toString("base64url")}`;

/** The text of a config that sells /articles/*. */
export const configOf = ({ price = "$0.05", networks = Object.keys(NETWORKS), description = "One article", access = "30d", payTo = PAY_TO } = {}) => JSON.stringify({
  site: "https://news.example", origin: { url: "https://origin.example" }, payTo: { eip155: payTo }, networks,
  settlement: { facilitators: [{ url: "https://facilitator.example" }] },
  routes: [{ match: "/articles/*", price, description, access }],
});
export const URL_OF_ARTICLE = "https://news.example/articles/x";
/** What the bridge's operations on a shop want. */
export const shop = (changes = {}) => ({ config: configOf(), keys, url: URL_OF_ARTICLE, now: NOW, ...changes });

export const account = (seed) => privateKeyToAccount(keccak256(toHex(seed)));
export const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64");
export const decode = (header) => JSON.parse(Buffer.from(header, "base64").toString("utf8"));
export const clone = (value) => structuredClone(value);
