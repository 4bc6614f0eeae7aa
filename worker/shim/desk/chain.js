// Questions to a chain through the config's endpoints, so many of them and for so long at most.

import { ask } from "../alerts/probe.js";

/** What ends a look that has used up what it may ask. */
export class Spent extends Error {}

/** Where an endpoint is, without what may be a secret behind it. */
export const hostOf = (url) => URL.parse(url)?.host ?? "an address that cannot be read";

/**
 * The first of a network's endpoints that is of this network: `{at, ask, latest, block, left}`; throws where there is none. `until`: milliseconds
 * of the clock after which nothing is asked any more; `calls`: how many questions there may be; `seconds`: for each.
 */
export async function openChain(network, urls = [], { until, calls, seconds, most = 4 * 1024 * 1024 }) {
  let left = calls;
  const asked = async (url, method, params) => {
    const rest = Math.min(seconds, (until - Date.now()) / 1000);
    if (left <= 0 || rest <= 0) throw new Spent("no more is asked");
    left -= 1;
    return await ask(url, method, params, rest, most);
  };
  const told = [];
  for (const url of urls) {
    try {
      const id = BigInt(await asked(url, "eth_chainId", []));
      if (`eip155:${id}` === network) return chainAt(url, (method, params) => asked(url, method, params), () => (Date.now() < until ? left : 0));
      told.push(`${hostOf(url)} is eip155:${id}`);
    } catch {
      told.push(`${hostOf(url)} did not answer`);
    }
  }
  throw new Error(told.length > 0 ? told.join("; ") : "the config has no endpoint for it in settlement.rpc");
}

const chainAt = (url, ask, left) => ({
  at: hostOf(url), ask, left,
  latest: async () => Number(await ask("eth_blockNumber", [])),
  async block(number) {
    const block = await ask("eth_getBlockByNumber", [`0x${number.toString(16)}`, false]);
    if (!block) throw new Error(`there is no block ${number}`);
    return { time: Number(block.timestamp) };
  },
});
