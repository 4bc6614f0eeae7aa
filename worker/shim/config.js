// One WebAssembly instance for each isolate, configured from the file beside the Worker or the variable that replaces it. One that was
// lost is replaced by the next who needs it.

import bundled from "./farthing.jsonc";
import { Edge } from "./edge.js";
import { html, csp } from "./page.js";
import { faultOf, valuesOf } from "./secrets.js";

const CONFIGURED = 2;

let edge;

export function edgeFor(env) {
  if (edge === undefined || edge.lost) {
    const fresh = new Edge();
    const length = fresh.write([env.FARTHING_CONFIG ?? bundled, env.FARTHING_KEYS ?? "", html, csp].join("\0"));
    if (fresh.enter("configure", [length, env.FARTHING_LOCAL === "1" ? 1 : 0]) !== CONFIGURED) throw new Error("the gate did not start");
    const [kind, value, headers, wanted, ...secrets] = fresh.read().split("\n");
    fresh.origin = { kind, value, headers: valuesOf(headers, env) };
    fresh.wanted = wanted === "" ? [] : wanted.split(" ");
    lookAtSecrets(fresh, secrets, env);
    edge = fresh;
  }
  return edge;
}

// Tells which of the secrets that the config names are not there, or cannot be what they should; never what is in them.
function lookAtSecrets(edge, lines, env) {
  const faults = lines.flatMap((line) => {
    const [form, at, name] = line.split(" ");
    const fault = faultOf(form, env[name]);
    return fault === undefined ? [] : [`${fault} ${at}`];
  });
  if (faults.length > 0 && edge.enter("lacks", [edge.write(faults.join("\n"))]) !== CONFIGURED) throw new Error("the gate did not start");
}
