// The Rust peers (tests/peers) as processes. Only where they were built: `built` is undefined elsewhere, and nothing here works.
import { rustPeers } from "../../tools/lib/rust-peers.mjs";
import { start, stop } from "../../tools/lib/processes.mjs";
import { run } from "../../tools/lib/run.mjs";
import { accounts, payTo as defaultPayee } from "./accounts.mjs";

export const built = rustPeers();

// A program that serves, from the moment on when it says where.
async function serve(name, env) {
  const child = start(built[name], [], { env: { ...process.env, ...env } });
  let output = "";
  const listening = new Promise((resolve) => {
    child.stdout.on("data", (data) => {
      if (output.length < 20_000) output += data;
      const found = /^listening (\S+)$/m.exec(output);
      if (found) resolve(found[1]);
    });
    child.stderr.on("data", (data) => { if (output.length < 20_000) output += data; });
  });
  const url = await Promise.race([listening, child.ended]);
  if (typeof url !== "string") throw new Error(`the Rust ${name} ended at once:\n${output.slice(-2000)}`);
  return { url, stop: () => stop(child) };
}

/** x402-axum with `/exact`, `/permit2`, `/upto` and `/v1/exact`. `facilitator`: its URL. */
export const startRustShop = ({ facilitator, payTo = defaultPayee.address }) => serve("server", { FACILITATOR_URL: facilitator, PAY_TO: payTo });

/** x402-facilitator-local: {url, address, stop}. Its account must be nobody else's: it counts its transactions itself. */
export async function startRustFacilitator({ rpc, chainId = 84532, account = accounts.at(-1) }) {
  const facilitator = await serve("facilitator", { RPC_URL: rpc, CHAIN_ID: String(chainId), FACILITATOR_KEY: account.key });
  return { ...facilitator, address: account.address };
}

/** Pays for a URL with x402-reqwest: {status, digest, settlement} or {error}. */
export async function payByRust({ url, key }) {
  const { out } = await run(built.client, [url], { env: { PAYER_KEY: key } });
  return JSON.parse(out);
}

/** What x402-rs knows of networks and tokens: {networks: [{name, network}], assets: [{token, network, address, decimals, transfer}]}. */
export const rustAssets = async () => JSON.parse((await run(built.assets, [])).out);
