// Outbound JSON requests of the ledger: a deadline over the whole exchange, no redirect, a bounded answer (threat D8).

import { headersFor } from "./secrets.js";

const json = { "content-type": "application/json", accept: "application/json" };

// Whether anything was sent is what matters: without its headers nothing is, which reads like a facilitator that lets nobody in.
export async function post(url, auth, body, seconds, most, env) {
  const signal = AbortSignal.timeout(seconds * 1000);
  let headers;
  try {
    headers = { ...json, ...(await headersFor(auth, "POST", url, env)) };
  } catch (error) {
    console.error(`the secret for ${new URL(url).host} cannot be used:`, error?.message);
    return "401\n";
  }
  const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return `${response.status}\n${await new Blob(chunks).text()}`;
}
