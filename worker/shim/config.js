// One gate for each isolate, made from the config file beside the Worker or the variable that replaces it.

import bundled from "./farthing.jsonc";
import { Gate } from "./gate.js";
import { faultOf } from "./secrets.js";

let gate;

export function gateFor(env) {
  gate ??= new Gate(env.FARTHING_CONFIG ?? bundled, env.FARTHING_KEYS ?? "", env.FARTHING_LOCAL === "1", (form, name) => faultOf(form, env[name]));
  return gate;
}

// After a trap nothing in the instance can be relied on.
export function dropGate() {
  gate = undefined;
}
