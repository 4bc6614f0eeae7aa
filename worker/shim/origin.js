// Requests to the publisher's own server.

import { fromBucket } from "./bucket.js";
import { fromShelf, toShelf } from "./kept.js";
import { say } from "./log.js";

// How long the origin may take to begin its answer; less than a claim lasts.
const PATIENCE = 25_000;
// What only we may read, and what could make an origin serve something else than its URL says.
const OVERRIDES = [
  "settlement-overrides", "x-http-method-override", "x-original-url", "x-rewrite-url", "x-forwarded-host", "x-forwarded-prefix", "forwarded",
];
const STRIPPED = ["payment-signature", "x-payment", "sign-in-with-x", ...OVERRIDES];
const CONDITIONAL = ["range", "if-range", "if-none-match", "if-modified-since", "if-match", "if-unmodified-since"];
// What the origin charges is between it and us.
const CHARGES = "settlement-overrides";
// What tells one reader from another.
const PERSONAL = ["cookie", "authorization", "proxy-authorization"];
// All that the origin hears of who asks where the answer is for everybody: nothing that one of them says can end up in it.
const NOBODY = { accept: "*/*", "accept-encoding": "identity", "user-agent": "farthing" };
const OUR_COOKIE = /^\s*__(?:Secure|Host)-farthing(?:-[a-z0-9-]+)?=/;

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
  const plain = !known && !headers.get("cookie")?.includes("-farthing") && !OVERRIDES.some((name) => headers.has(name));
  if (origin.kind === "dns" && plain && as === undefined) return told(origin, await fetch(request));
  const init = plain ? { redirect: "manual" } : { headers: introduced(origin, cleaned(headers, as === undefined ? OVERRIDES : STRIPPED)), redirect: "manual" };
  const path = as ?? request.url.slice(request.url.indexOf("/", 8));
  return told(origin, relocated(origin, await at(origin, path, request, init, env, ctx)));
}

const told = ({ internal }, response) => without([CHARGES, ...internal], response);

// Without what the origin says to us alone about a page or its reader.
export const hushed = ({ internal }, response) => without(internal, response);

function without(names, response) {
  if (!response || !names.some((name) => response.headers.has(name))) return response;
  const rest = new Response(response.body, response);
  for (const name of names) rest.headers.delete(name);
  return rest;
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
// `shelf`: where it may be kept.
export async function fetchPriced(origin, path, request, env, ctx, whole, shelf) {
  if (shelf !== undefined) {
    const kept = await fromShelf(shelf, path, request, whole);
    if (kept !== undefined) return kept;
    const { method, headers } = request;
    if (method === "GET" && (whole || !CONDITIONAL.some((name) => headers.has(name)))) return fetchShared(origin, path, request, env, ctx, shelf);
  }
  const headers = introduced(origin, cleaned(request.headers, whole ? [...STRIPPED, ...CONDITIONAL] : STRIPPED));
  // who owns it waits for nobody else's sake: no deadline, as on free pages
  return hushed(origin, await (whole ? patient : answered)(origin, path, request, { headers }, env, ctx));
}

// The same for a reader who may be the origin's own, with what the origin says of them. No cache answers: it would do so for anybody.
export async function fetchPersonal(origin, path, request, env, ctx) {
  const ask = (names) => {
    const headers = introduced(origin, cleaned(request.headers, [...STRIPPED, ...origin.internal, ...names]));
    return patient(origin, path, request, { headers, cache: "no-store" }, env, ctx);
  };
  const response = await ask([]);
  // some servers leave out of these what they say of the reader
  if (![304, 412, 416].includes(response?.status) || response.headers.has(origin.internal[0])) return response;
  await response.body?.cancel();
  return ask(CONDITIONAL);
}

// What the origin says of a page, whoever reads it: nothing of the request goes there but its path, and no cache answers.
export function fetchSays(origin, path, request, env, ctx, method, patience) {
  const headers = introduced(origin, new Headers({ accept: "text/html,*/*;q=0.8" }));
  return patient(origin, path, new Request(request.url), { headers, method, cache: "no-store" }, env, ctx, patience);
}

// A page that everybody may see in part: the same for everybody, whoever asks.
export async function fetchTeaser(origin, path, request, env, ctx, shelf) {
  if (shelf !== undefined) {
    return (await fromShelf(shelf, path, { method: "GET" }, true)) ?? fetchShared(origin, path, request, env, ctx, shelf);
  }
  const headers = introduced(origin, cleaned(request.headers, [...STRIPPED, ...CONDITIONAL, ...PERSONAL]));
  headers.set("accept-encoding", "gzip");
  return patient(origin, path, request, { headers, method: "GET" }, env, ctx);
}

async function fetchShared(origin, path, request, env, ctx, shelf) {
  const response = await patient(origin, path, request, { headers: introduced(origin, new Headers(NOBODY)), method: "GET" }, env, ctx);
  return response && toShelf(shelf, path, hushed(origin, response), ctx);
}

async function patient(origin, path, request, changes, env, ctx, patience = PATIENCE) {
  const abort = new AbortController();
  let timer;
  // a handler need not listen to the signal
  const late = new Promise((resolve) => {
    timer = setTimeout(() => {
      say("unreachable", { at: "origin", error: { name: "TimeoutError" } });
      abort.abort();
      resolve(undefined);
    }, patience);
  });
  try {
    return await Promise.race([answered(origin, path, request, { ...changes, signal: abort.signal }, env, ctx), late]);
  } finally {
    clearTimeout(timer);
  }
}

// The origin's answer; undefined if there is none.
async function answered(origin, path, request, changes, env, ctx) {
  try {
    return relocated(origin, await at(origin, path, request, { ...changes, redirect: "manual" }, env, ctx));
  } catch (error) {
    say("unreachable", { at: "origin", error });
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
