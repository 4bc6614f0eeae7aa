// The payers of the matrix, all by one call: `pay({url, key, account, rpc, approve, assets})` asks for a URL, pays, and gives {status,
// digest, settlement}. `account` is a contract wallet that signs instead of `key` (@x402/fetch and ours take one), `rpc` is for approvals
// by signature, `approve` sends one (ours asks for it), `assets` are tokens that the client does not know by itself.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { python } from "../../tools/lib/setup-python.mjs";
import { start, stop } from "../../tools/lib/processes.mjs";
import { farthingFetch } from "../support/farthing-client.mjs";
import { officialFetch, officialFetchV1, settlementIn } from "../support/pay.mjs";
import { DOLLAR } from "../support/places.mjs";
import { payByRust } from "../support/rust-peers.mjs";

export const digestOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

const answered = async (response) => ({
  status: response.status, settlement: settlementIn(response), digest: digestOf(Buffer.from(await response.arrayBuffer())),
});

// One interpreter for all of a file's payments: it takes a second to load its packages.
let interpreter;
function askPython(order) {
  if (!interpreter) {
    const child = start(python, [join(import.meta.dirname, "python/pay.py")], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    interpreter = { child, lines, last: Promise.resolve() };
  }
  const { child, lines } = interpreter;
  const answer = interpreter.last.then(async () => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("the Python client ended");
    return JSON.parse(value);
  });
  interpreter.last = answer.catch(() => {});
  return answer;
}

const VOUCHED = { [DOLLAR]: { network: "eip155:84532", asset: DOLLAR, decimals: 18, max: "$0.10", name: "MegaUSD", version: "1" } };

/** Ours: the settlement is as its receipt has it. Every row signs one payment and sends that one. */
async function payByOurs({ url, key, account, approve, assets }) {
  const policy = { max: "$0.10", upto: true, tokens: assets.map((asset) => VOUCHED[asset]).filter(Boolean) };
  const signed = [];
  const payments = new Set();
  const seen = (event) => (event.signed ? signed.push(event.signed) : event.payment && payments.add(event.payment));
  const pays = farthingFetch({ ...(account ? { account, contract: true } : { key }), policy, approve, seen });
  const response = await pays(url);
  const [count, sent] = [signed.length, payments.size];
  if (count !== 1 || sent !== 1) return { error: `${count} signatures and ${sent} payments instead of one` };
  return { ...await answered(response), settlement: { success: response.receipt?.state === "paid", ...response.receipt } };
}

const PAY = {
  farthing: payByOurs,
  fetch2: async ({ url, ...who }) => answered(await officialFetch(who)(url)),
  fetch1: async ({ url, key }) => answered(await officialFetchV1({ key })(url)),
  python: ({ url, key, rpc, assets }) => askPython({ url, key, rpc, assets }),
  rust: payByRust,
};

/** Pays by the client of this name; what a client in another language failed with is thrown. */
export async function pay(name, order) {
  const answer = await PAY[name](order);
  if (answer.error) throw new Error(`${name}: ${answer.error}`);
  return answer;
}

export async function stopClients() {
  if (interpreter) await stop(interpreter.child);
  interpreter = undefined;
}
