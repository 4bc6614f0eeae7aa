// Requests to the publisher's own server.

import { fromBucket } from "./bucket.js";

// How long the origin may take to begin its answer; less than a claim lasts.
const PATIENCE = 25_000;
// What only we may read, and what could make an origin serve something else than its URL says.
const OVERRIDES = [
  "settlement-overrides", "x-http-method-override", "x-original-url", "x-rewrite-url", "x-forwarded-host", "x-forwarded-prefix", "forwarded",
];
const STRIPPED = ["payment-signature", "x-payment", "sign-in-with-x", ...OVERRIDES];
const CONDITIONAL = ["range", "if-range", "if-none-match", "if-modified-since", "if-match", "if-unmodified-since"];
// What tells one reader from another.
const PERSONAL = ["cookie", "authorization", "proxy-authorization"];
const OUR_COOKIE = /^\s*__(?:Secure|Host)-farthing=/;

// The request with these changes, under a path. Each request that is made anew costs about as much as all that is decided about it.
function at({ kind, value, handler }, path, request, changes, env, ctx) {
  const { url } = request;
  const site = url.slice(0, url.indexOf("/", 8));
  const under = (start) => (start + path === url ? request : new Request(start + path, request));
  switch (kind) {
    case "bucket":
      return fromBucket(env[value], path, { method: request.method, headers: request.headers, ...changes });
    case "handler":
      return handler(new Request(under(site), changes), env, ctx);
    case "url":
      return fetch(under(value), changes);
    case "service":
    case "assets":
      return env[value].fetch(under(site), changes);
    case "dns":
      return fetch(under(site), changes);
    default:
      throw new Error("no origin");
  }
}

// Free traffic: the request as it came, but for our own cookies and headers that name another page (threat D3); under another path
// and query where those it came with say more than the rule lets through (threat D6).
export async function fetchFree(origin, request, env, ctx, as) {
  const { headers } = request;
  const known = origin.headers.length > 0;
  const plain = !known && !headers.get("cookie")?.includes("-farthing=") && !OVERRIDES.some((name) => headers.has(name));
  if (origin.kind === "dns" && plain && as === undefined) return charging(await fetch(request));
  const init = plain ? { redirect: "manual" } : { headers: introduced(origin, cleaned(headers, OVERRIDES)), redirect: "manual" };
  const path = as ?? request.url.slice(request.url.indexOf("/", 8));
  return charging(relocated(origin, await at(origin, path, request, init, env, ctx)));
}

// What the origin charges is between it and us.
function charging(response) {
  if (!response.headers.has("settlement-overrides")) return response;
  const told = new Response(response.body, response);
  told.headers.delete("settlement-overrides");
  return told;
}

function cleaned(original, names) {
  const headers = new Headers(original);
  for (const name of names) headers.delete(name);
  const cookies = headers.get("cookie")?.split(";").filter((pair) => !OUR_COOKIE.test(pair)).join(";").trim();
  if (cookies) headers.set("cookie", cookies);
  else headers.delete("cookie");
  return headers;
}

// The origin knows by these that it is us who ask; whoever else sends them is not believed (threat D7).
function introduced(origin, headers) {
  for (const [name, value] of origin.headers) headers.set(name, value);
  return headers;
}

// A priced resource under its canonical path; undefined if the origin does not answer.
// What is held until it is paid for is always the whole thing: no range, no condition.
export function fetchPriced(origin, path, request, env, ctx, whole) {
  const headers = introduced(origin, cleaned(request.headers, whole ? [...STRIPPED, ...CONDITIONAL] : STRIPPED));
  const changes = { headers, redirect: "manual" };
  // who owns it waits for nobody else's sake: no deadline, as on free pages
  return whole ? patient(origin, path, request, changes, env, ctx) : answered(origin, () => at(origin, path, request, changes, env, ctx));
}

// A page that everybody may see in part: the same for everybody, whoever asks.
export function fetchTeaser(origin, path, request, env, ctx) {
  const headers = introduced(origin, cleaned(request.headers, [...STRIPPED, ...CONDITIONAL, ...PERSONAL]));
  headers.set("accept-encoding", "gzip");
  return patient(origin, path, request, { headers, method: "GET", redirect: "manual" }, env, ctx);
}

async function patient(origin, path, request, changes, env, ctx) {
  const abort = new AbortController();
  let timer;
  // a handler need not listen to the signal
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      abort.abort();
      reject(new Error("it took too long"));
    }, PATIENCE);
  });
  try {
    const all = { ...changes, signal: abort.signal };
    return await answered(origin, () => Promise.race([at(origin, path, request, all, env, ctx), late]));
  } finally {
    clearTimeout(timer);
  }
}

async function answered(origin, ask) {
  try {
    return relocated(origin, await ask());
  } catch (error) {
    console.error("the origin did not answer:", error?.message);
    return undefined;
  }
}

// A redirect to the origin's own address is one to ours.
function relocated({ kind, value }, response) {
  const location = response.headers.get("location");
  if (kind !== "url" || !location?.startsWith(`${value}/`)) return response;
  const moved = new Response(response.body, response);
  moved.headers.set("location", location.slice(value.length));
  return moved;
}
