// The payers of the matrix, all by one call: `pay({url, key, account, rpc, assets})` asks for a URL, pays, and gives {status, digest,
// settlement}. `account` signs instead of `key` (only @x402/fetch takes one), `rpc` is for approvals by signature, `assets` are tokens
// that the client does not know by itself.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { python } from "../../tools/lib/setup-python.mjs";
import { start, stop } from "../../tools/lib/processes.mjs";
import { officialFetch, officialFetchV1, settlementIn } from "../support/pay.mjs";
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

const PAY = {
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
