// The way to the object that tells the publisher what is wrong: nobody waits for it, and it fails nobody.

import { edgeFor } from "./config.js";
import { say } from "./log.js";

const SECONDS = 60;
const last = new Map(); // by what was heard: when it was told

export async function alert(env, call, body) {
  try {
    if (!edgeFor(env).alerts) return;
    const stub = env.LEDGER.get(env.LEDGER.idFromName("alerts"));
    await stub.fetch(`https://alerts/${call}`, { method: "POST", body });
  } catch (error) {
    say("broken", { at: "alerts", error });
  }
}

// What stands in the log of a facilitator or a gas key, at most once a minute.
export function hear(env, event, { settler, network, what, why, status, account }) {
  if (!(event === "settler" || (event === "gas" && (what === "low" || what === "empty")))) return;
  const heard = { event, name: settler ?? network, what, why, status, account };
  const text = JSON.stringify(heard);
  const now = Date.now();
  if (now - (last.get(text) ?? 0) < SECONDS * 1000) return;
  if (last.size > 100) last.clear();
  last.set(text, now);
  alert(env, "heard", text);
}
