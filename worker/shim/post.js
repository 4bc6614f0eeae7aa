// Outbound JSON requests: a deadline over the whole exchange, no redirect, a bounded answer (threat D8).

import { say } from "./log.js";
import { headersFor } from "./secrets.js";

// A line with the status, then the body. Whether anything was sent is what matters: without its headers nothing is, which reads like
// a server that lets nobody in.
async function ask(method, url, auth, body, seconds, most, env) {
  const signal = AbortSignal.timeout(seconds * 1000);
  let headers;
  try {
    headers = { accept: "application/json", ...(await headersFor(auth, method, url, env)) };
  } catch (error) {
    say("broken", { at: "secret", host: new URL(url).host, error });
    return "401\n";
  }
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(url, { method, headers, body, redirect: "manual", signal });
  const decoder = new TextDecoder();
  let text = `${response.status}\n`;
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw new Error("the answer is too large");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

export const post = (url, auth, body, seconds, most, env) => ask("POST", url, auth, body, seconds, most, env);
export const get = (url, auth, seconds, most, env) => ask("GET", url, auth, undefined, seconds, most, env);
