// What the tests of the paying client share: servers that play a part, and an account that counts what it signs.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { listen } from "../../tools/lib/processes.mjs";
import { decode, encode } from "../support/pay.mjs";
import { TOKEN } from "../support/places.mjs";

/** An offer that nothing is wrong with: one cent. */
export const GOOD = {
  scheme: "exact", network: "eip155:84532", amount: "10000", asset: TOKEN, payTo: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
  maxTimeoutSeconds: 300, extra: { name: "USDC", version: "2" },
};
/** The same in the first version of the protocol. */
export const GOOD_V1 = {
  scheme: "exact", network: "base-sepolia", maxAmountRequired: "10000", resource: "", description: "", mimeType: "", asset: TOKEN, payTo: GOOD.payTo,
  maxTimeoutSeconds: 300, extra: GOOD.extra,
};

/** An account that signs, and what it has signed. */
export function counting(account = privateKeyToAccount(generatePrivateKey())) {
  const signed = [];
  return {
    signed,
    signer: { address: account.address, signTypedData: (data) => { signed.push(data.message); return account.signTypedData(data); } },
  };
}

/** The payment that a request carries. */
export const paymentOf = ({ headers }) => headers["payment-signature"] ?? headers["x-payment"];
/** What names it, whatever else is sent along. */
export const nonceOf = (header) => {
  const { payload } = decode(header);
  return payload.authorization?.nonce ?? payload.permit2Authorization.nonce;
};

/** Asks to be paid. */
export function demand(response, offer = GOOD, { headers = {}, ...more } = {}) {
  response.writeHead(402, { "payment-required": encode({ x402Version: 2, error: "", accepts: [offer].flat(), ...more }), ...headers });
  response.end("{}");
}

/** A server that does `play(request, response)`; `asked` holds what came: {path, headers, payment}. */
export async function stage(t, play) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ path: request.url, headers: request.headers, payment: paymentOf(request) });
    response.on("error", () => {});
    play(request, response);
  });
  const site = `http://127.0.0.1:${await listen(server)}`;
  t.after(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
  return { site, asked, payments: () => asked.filter(({ payment }) => payment) };
}

/** An honest shop: a page costs a cent, and is open to everybody once it was paid for, or with `each` costs it each time. */
export async function shop(t, { each = false, offer = GOOD } = {}) {
  /** What was paid for: path → the authorizations that were taken. */
  const taken = new Map();
  const served = await stage(t, (request, response) => {
    const payment = paymentOf(request);
    const there = taken.get(request.url) ?? new Set();
    if (!payment) return there.size > 0 && !each ? response.end("here") : demand(response, offer);
    taken.set(request.url, there.add(nonceOf(payment)));
    response.writeHead(200, { "payment-response": encode({ success: true, transaction: nonceOf(payment), network: offer.network }) }).end("here");
  });
  return { ...served, taken, count: () => [...taken.values()].reduce((sum, one) => sum + one.size, 0) };
}

/** Runs program.mjs; `lines` is what it has said, `ended` resolves to how it ended. */
export function program(t, job) {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./program.mjs", import.meta.url)), JSON.stringify(job)], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const lines = [];
  let text = "";
  let seen = () => {};
  child.stdout.setEncoding("utf8").on("data", (part) => {
    const all = (text + part).split("\n");
    text = all.pop();
    lines.push(...all.map((line) => JSON.parse(line)));
    seen();
  });
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
  const ready = new Promise((resolve) => { seen = () => lines.length > 0 && resolve(); });
  return { child, lines, ended, ready, begin: () => child.stdin.end() };
}

/** A folder that is gone after the test. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), "farthing-store-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
