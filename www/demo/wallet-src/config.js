// The key, the chain id and the chain's address, written by `npm start` and fetched on first use.

import { failure } from "./errors.js";

let loading;

/** Resolves to `{ chainId, address, key, rpc }`; a failed fetch is tried again on the next call. */
export function config() {
  loading ??= fetchConfig().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function fetchConfig() {
  const response = await fetch("/demo-wallet.json", { cache: "no-store" }).catch(() => undefined);
  if (!response?.ok) throw failure(4900, "The demo wallet is not in use here: start the demo with npm start.");
  return response.json();
}

/** One JSON-RPC call to the local chain. */
export async function rpc(method, params) {
  const { rpc: url } = await config();
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  }).catch(() => undefined);
  if (!response?.ok) throw failure(4901, "The practice chain does not answer.");
  const { result, error } = await response.json();
  if (error) throw failure(error.code, error.message, error.data);
  return result;
}
