// Signatures of programs: holds a signature against the keys of who says it signed, and remembers what was used.
//
// All of it is in the memory of one isolate, and bounded: directories as key sets are, nonces until their signature expires.

import { edgeFor } from "./config.js";
import { KeySets, bytesOf, now } from "./keysets.js";

const MOST_NONCES = 20_000;
// Directories of agents that no policy names, in a minute.
const MOST_STRANGERS = 30;
const ANSWER = 2;

const directories = new KeySets(["application/http-message-signatures-directory+json"], keysIn);
// By key and nonce: its end. Strangers cannot fill up what the named agents need.
const nonces = { named: new Map(), strangers: new Map() };
let strangers = { minute: 0, count: 0 };
let swept = 0;

// "verified", or why not: "wrong", "unknown", "replayed", "unreachable".
export async function verdictOf(text, env, ctx) {
  const [url, named, thumbprint, nonce, until, signature, ...base] = text.split("\n");
  base.pop(); // what comes after the last line's end
  const known = await directories.find(url, thumbprint, env, ctx, () => named === "1" || admitted(now()));
  if (known === null) return "unreachable";
  if (!known || now() < known.from || now() >= known.to) return "unknown";
  known.key ??= await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x: known.x }, "Ed25519", false, ["verify"]);
  const holds = await crypto.subtle.verify("Ed25519", known.key, bytesOf(signature), new TextEncoder().encode(base.join("\n")));
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

function admitted(time) {
  const minute = Math.floor(time / 60);
  if (strangers.minute !== minute) strangers = { minute, count: 0 };
  strangers.count += 1;
  return strangers.count <= MOST_STRANGERS;
}

function keysIn(text, env) {
  const edge = edgeFor(env);
  if (edge.enter("agent_keys", [edge.write(text)]) !== ANSWER) throw new Error("this is no directory");
  const keys = new Map();
  for (const line of edge.read().split("\n").filter(Boolean)) {
    const [thumbprint, x, from, to] = line.split(" ");
    keys.set(thumbprint, { x, from: Number(from), to: Number(to) });
  }
  return keys;
}
