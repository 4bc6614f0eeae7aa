// What the differential tests share: the shop that payments are for, and the differences that are meant.
import assert from "node:assert/strict";
import { keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

export { SEED, chance, each } from "../support/chance.mjs";

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
  site: "https://news.example", origin: { url: "https://origin.example" }, payTo: { eip155: payTo }, money: "real", networks,
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
