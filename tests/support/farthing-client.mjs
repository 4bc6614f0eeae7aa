// Our own paying client as the matrix and older tests use it: one function like `fetch`, with an eye on what is signed and sent, and the
// core's own words for what a 402 offers.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const wasm = await import(join(root, "js/client/bindings.ts"));
await wasm.start(readFileSync(join(root, "js/dist/client/client.wasm")));
export const { approval, check, choose, offers } = wasm;

const { createClient, PaymentError } = await import(join(root, "js/dist/client/node.js"));
export { PaymentError as Stopped };

/** A store of which a test sees the payments that are not resolved, and nothing else. */
function storeOf(open) {
  const rest = new Map();
  const shelf = (name) => (name.startsWith("turn ") ? open : rest);
  const turns = new Map();
  return {
    get: async (name) => turns.get(name) ?? shelf(name).get(name),
    async update(name, change) {
      const { text, result } = change(turns.get(name) ?? shelf(name).get(name));
      const kept = text !== undefined && (!name.startsWith("turn ") || JSON.parse(text).kept);
      turns.delete(name);
      if (kept) shelf(name).set(name, text);
      else {
        shelf(name).delete(name);
        if (text !== undefined) turns.set(name, text);
      }
      return result;
    },
    names: async (prefix) => [...rest.keys(), ...open.keys(), ...turns.keys()].filter((name) => name.startsWith(prefix)).sort(),
  };
}

/**
 * @param {object} options
 * `key`, or `account` (viem's; `contract`: it is a contract wallet); `policy`; `store`: a Map in which payments are kept until they are
 * resolved; `patience` in seconds; `timeout` in milliseconds; `approve({to, data})`; `fetch(request, init)`; `seen(event)` is told of everything
 * signed and sent.
 * @returns a function like `fetch`, whose response has `receipt`
 */
export function farthingFetch({
  key, account, contract = false, policy = { max: "$0.10" }, store = new Map(), patience = 60, timeout = 30_000, fetch = globalThis.fetch, approve, seen = () => {},
}) {
  const wrong = check(JSON.stringify(policy));
  if (wrong) throw new TypeError(wrong);
  const client = createClient({
    signer: key ?? { address: account.address, signTypedData: (data) => account.signTypedData(data), contract }, policy, store: storeOf(store), patience, timeout, approve,
    confirm: ({ network, amount }) => {
      seen({ signed: { domain: { chainId: Number(network.split(":")[1]) }, message: { value: amount } } });
      return true;
    },
    fetch: (url, init) => {
      const request = new Request(url, init);
      seen({ sent: url, payment: request.headers.get("payment-signature") ?? request.headers.get("x-payment") ?? undefined });
      return fetch(request, { redirect: init.redirect, signal: init.signal });
    },
  });
  return async (input, init) => {
    const response = await client.fetch(input, init);
    return Object.assign(response, { receipt: client.receiptOf(response) });
  };
}
