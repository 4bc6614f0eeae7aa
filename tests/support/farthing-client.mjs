// `fetch` that pays, over client.wasm: for tests, and the least that such a client has to do. All decisions are the core's; this sends,
// waits and keeps.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getRandomValues } from "node:crypto";

const root = join(import.meta.dirname, "../..");
const wasm = await import(join(root, "js/client/bindings.ts"));
await wasm.start(readFileSync(join(root, "js/dist/client/client.wasm")));
export const { approval, check, choose, offers } = wasm;

/** The core looks at no more of a body (`MAX_BODY_BYTES`); one byte more tells it that there is more. */
const MOST_BYTES = 64 * 1024 + 1;

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const seconds = (ms) => Math.floor(ms / 1000) || 0;

/** A purchase that stopped: `reason`, `code` and `open` of its last step, and the answer that led to it. */
export class Stopped extends Error {
  constructor({ message, reason, code, open }, response) {
    super(message);
    Object.assign(this, { name: "Stopped", reason, code, open, response });
  }
}

/**
 * @param {object} options
 * `key`, or `account` (viem's; `contract`: it is a contract wallet); `policy` as `Policy::read` has it; `store`: a Map in which
 * payments are kept until they are resolved; `patience` in seconds; `timeout` in milliseconds, of a request until it is known what the
 * answer says of the payment; `approve({to, data})` sends the transaction that approves Permit2, whereupon the same payment is sent
 * again; `seen(event)` is told of everything signed and sent.
 * @returns a function like `fetch`, whose response has `receipt`
 */
export function farthingFetch({
  key, account, contract = false, policy = { max: "$0.10" }, store = new Map(), patience = 60, timeout = 30_000, fetch = globalThis.fetch, approve,
  seen = () => {},
}) {
  const wrong = check(JSON.stringify(policy));
  if (wrong) throw new TypeError(wrong);
  const signer = key && wasm.Key.read(key);
  const payer = signer?.address() ?? account.address;
  const running = new Map();

  // What is wanted is known by its method and URL: who wants it twice at once waits for the first.
  function inTurn(intent, work) {
    const turn = (running.get(intent) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => {});
    running.set(intent, settled);
    settled.then(() => { if (running.get(intent) === settled) running.delete(intent); });
    return turn;
  }

  async function buy(request, intent) {
    const kept = store.has(intent) ? JSON.parse(store.get(intent)) : undefined;
    const begin = () => wasm.Purchase.begin(JSON.stringify(policy), payer, getRandomValues(new Uint8Array(32)), patience);
    const purchase = (kept && wasm.Purchase.resume(kept.payment, patience)) ?? begin();
    try {
      return await run(purchase, request, { intent, url: purchase.payment() ? kept.url : request.url });
    } finally {
      purchase.free();
    }
  }

  async function run(purchase, request, { intent, url }) {
    let response;
    const ask = async (payment) => {
      const again = new Request(url, request.clone());
      if (payment) again.headers.set(payment.header, payment.value);
      seen({ sent: url, payment: payment?.value });
      // a payment goes to the server that asked for it, and nowhere else
      const redirect = payment ? "manual" : "follow";
      let body = "";
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(new DOMException("no answer in time", "TimeoutError")), timeout);
      try {
        response = await fetch(again, { redirect, signal: late.signal });
        if (!response.ok) body = await beginning(response.clone());
      } catch (error) {
        if (!payment) throw error;
        response = undefined;
      } finally {
        clearTimeout(timer);
      }
      if (response?.url) url = response.url;
      const header = (...names) => names.map((name) => response?.headers.get(name)).find(Boolean) ?? "";
      return JSON.parse(purchase.answer(
        seconds(Date.now()), response?.status ?? 0, header("payment-required"), header("payment-response", "x-payment-response"), body,
        seconds(Date.parse(header("date"))), Number.parseInt(header("retry-after"), 10) || 0,
      ));
    };
    const payment = () => { const text = purchase.payment(); return text && JSON.parse(text); };

    let step = await ask(payment());
    let approved = false;
    let chosen;
    for (;;) {
      if (step.do === "sign") {
        chosen = JSON.parse(purchase.choice());
        const typed = JSON.parse(purchase.typedData());
        seen({ signed: typed });
        step = JSON.parse(signer ? purchase.sign(signer) : purchase.signed(await signTyped(account, typed), contract));
      } else if (step.do === "send") {
        store.set(intent, JSON.stringify({ url, payment: purchase.keep() }));
        await sleep(step.after);
        step = await ask(payment());
      } else if (step.do === "deliver") {
        store.delete(intent);
        return Object.assign(response, { receipt: step.receipt });
      } else if (step.reason === "approve-permit2" && approve && chosen && !approved) {
        approved = true;
        await approve(JSON.parse(approval(chosen.asset, chosen.amount)));
        step = { do: "send", after: 0 };
      } else {
        if (!step.open) store.delete(intent);
        throw new Stopped(step, response);
      }
    }
  }

  return async (input, init) => {
    const request = new Request(input, init);
    const intent = `${request.method} ${request.url}`;
    return inTurn(intent, () => buy(request, intent));
  };
}

/** As much of a body as the core looks at: a server can send without end. */
async function beginning(response) {
  const reader = response.body?.getReader();
  const parts = [];
  for (let length = 0; reader && length < MOST_BYTES;) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  // not waited for: it ends with the other half of the clone
  reader?.cancel().catch(() => {});
  return Buffer.concat(parts).subarray(0, MOST_BYTES).toString("utf8");
}

// viem makes EIP712Domain by itself, and wants numbers as bigints.
function signTyped(account, { domain, types: { EIP712Domain, ...types }, primaryType, message }) {
  const numbers = (name, value) => Object.fromEntries(types[name].map((field) => [
    field.name, field.type === "uint256" ? BigInt(value[field.name]) : types[field.type] ? numbers(field.type, value[field.name]) : value[field.name],
  ]));
  return account.signTypedData({ domain, types, primaryType, message: numbers(primaryType, message) });
}
