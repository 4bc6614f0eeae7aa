// Signatures of programs: fetches the keys of who says it signed, holds the signature against them, and remembers what was used.
//
// All of it is in the memory of one isolate, and bounded: directories for as long as they say, failures for a minute, nonces until
// their signature expires.

import { edgeFor } from "./config.js";

const TYPE = "application/http-message-signatures-directory+json";
const PATIENCE = 5_000;
const MOST = 64 * 1024;
// Seconds that a directory counts: what it says itself, between these; afterwards it serves until a newer one arrives, for at most so long.
const [LEAST_AGE, USUAL_AGE, MOST_AGE, STALE] = [60, 600, 3600, 3600];
// A key that a directory does not have may be new, and one that does not answer may be back: so long it is not asked again.
const PAUSE = 60;
const MOST_DIRECTORIES = 256;
const MOST_NONCES = 20_000;
// Directories of agents that no policy names, in a minute.
const MOST_STRANGERS = 30;
const ANSWER = 2;

const directories = new Map(); // by address: { keys, until, asked, pending }
// By key and nonce: its end. Strangers cannot fill up what the named agents need.
const nonces = { named: new Map(), strangers: new Map() };
let strangers = { minute: 0, count: 0 };
let swept = 0;

const now = () => Math.floor(Date.now() / 1000);
const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// "verified", or why not: "wrong", "unknown", "replayed", "unreachable".
export async function verdictOf(text, env, ctx) {
  const [url, named, thumbprint, nonce, until, signature, ...base] = text.split("\n");
  base.pop(); // what comes after the last line's end
  const found = await keyOf(url, named === "1", thumbprint, env, ctx);
  if (typeof found === "string") return found;
  const holds = await crypto.subtle.verify("Ed25519", found, bytesOf(signature), new TextEncoder().encode(base.join("\n")));
  if (!holds) return "wrong";
  return use(named === "1" ? nonces.named : nonces.strangers, `${thumbprint} ${nonce}`, Number(until));
}

// Nothing is awaited between the look and the note. Who cannot be noted is not believed.
function use(used, name, until) {
  const time = now();
  if (used.has(name)) return "replayed";
  if (used.size >= MOST_NONCES && swept !== time) {
    swept = time;
    for (const [old, end] of used) if (end <= time) used.delete(old);
  }
  if (used.size >= MOST_NONCES) return "unreachable";
  used.set(name, until);
  return "verified";
}

async function keyOf(url, named, thumbprint, env, ctx) {
  let entry = directories.get(url);
  const time = now();
  const key = entry?.keys?.get(thumbprint);
  const fresh = entry?.keys && time < entry.until && (key || time < entry.asked + PAUSE);
  const failed = entry && !entry.pending && time >= entry.until && time < entry.asked + PAUSE;
  if (!fresh && !failed) {
    if (!entry?.pending || time > entry.asked + PATIENCE / 1000) {
      if (!named && !admitted(time)) return "unreachable";
      entry = refresh(url, entry, env, ctx);
    }
    // The fetch is another request's perhaps, and ends with it.
    let timer;
    await Promise.race([entry.pending, new Promise((done) => {
      timer = setTimeout(done, PATIENCE + 500);
    })]);
    clearTimeout(timer);
  }
  const usable = entry.keys && now() < entry.until + STALE;
  if (!usable) return "unreachable";
  const known = entry.keys.get(thumbprint);
  if (!known || now() < known.from || now() >= known.to) return "unknown";
  known.key ??= await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x: known.x }, "Ed25519", false, ["verify"]);
  return known.key;
}

function admitted(time) {
  const minute = Math.floor(time / 60);
  if (strangers.minute !== minute) strangers = { minute, count: 0 };
  strangers.count += 1;
  return strangers.count <= MOST_STRANGERS;
}

// One fetch under way for each address; what was known before stays until something newer is.
function refresh(url, before, env, ctx) {
  const entry = { keys: before?.keys, until: before?.until ?? 0, asked: now(), pending: undefined };
  entry.pending = read(url, env).then(
    ({ keys, age }) => Object.assign(entry, { keys, until: now() + age }),
    (error) => console.warn(`no keys at ${url}:`, error?.message),
  ).finally(() => {
    entry.pending = undefined;
  });
  ctx.waitUntil(entry.pending);
  directories.delete(url);
  if (directories.size >= MOST_DIRECTORIES) directories.delete(directories.keys().next().value);
  directories.set(url, entry);
  return entry;
}

// A deadline over the whole exchange, no redirect, a bounded answer of the right kind (threat D8).
async function read(url, env) {
  const signal = AbortSignal.timeout(PATIENCE);
  const response = await fetch(url, { headers: { accept: TYPE }, redirect: "manual", signal });
  const type = response.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  if (response.status !== 200 || type !== TYPE) {
    await response.body?.cancel();
    throw new Error(`the answer is ${response.status} ${type}`);
  }
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MOST) throw new Error("the directory is too large");
    chunks.push(chunk);
  }
  const edge = edgeFor(env);
  if (edge.enter("agent_keys", [edge.write(await new Blob(chunks).text())]) !== ANSWER) throw new Error("this is no directory");
  const keys = new Map();
  for (const line of edge.read().split("\n").filter(Boolean)) {
    const [thumbprint, x, from, to] = line.split(" ");
    keys.set(thumbprint, { x, from: Number(from), to: Number(to) });
  }
  const said = /(?:^|[,\s])max-age=(\d{1,9})/.exec(response.headers.get("cache-control") ?? "");
  return { keys, age: said ? Math.min(Math.max(Number(said[1]), LEAST_AGE), MOST_AGE) : USUAL_AGE };
}
