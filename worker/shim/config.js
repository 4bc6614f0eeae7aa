// One WebAssembly instance for each isolate, configured with what the Worker was made with or the variable that replaces it. One that was
// lost is replaced by the next who needs it.

import { Edge } from "./edge.js";
import { Fault, listen } from "./log.js";
import { html, csp, integrity, card, words } from "./page.js";
import { tell } from "./revoked.js";
import { faultOf, valuesOf } from "./secrets.js";

const CONFIGURED = 2;

let text; // the config, JSON with comments
let handler; // what answers instead of an origin elsewhere: (request, env, ctx) => response
let edge;

// Called once, when the Worker's module is run: its Durable Objects are configured by the same call, in their own isolates.
export function use(config, origin) {
  if (text !== undefined) throw new Error("paywall() was called twice: a Worker has one ledger, and one config");
  if (origin !== undefined && typeof origin !== "function" && typeof origin?.fetch !== "function") {
    throw new TypeError("paywall(config, handler): the handler is a function (request, env, ctx) => Response, or an object with such a fetch");
  }
  handler = typeof origin === "object" ? (...values) => origin.fetch(...values) : origin;
  text = typeof config === "string" ? config : JSON.stringify(handler ? { origin: "handler", ...config } : config);
}

export function edgeFor(env) {
  if (edge === undefined || edge.lost) {
    const fresh = new Edge();
    const length = fresh.write([env.FARTHING_CONFIG ?? text, env.FARTHING_KEYS ?? "", html, csp, integrity, card, words].join("\0"));
    if (fresh.enter("configure", [length, env.FARTHING_LOCAL === "1" ? 1 : 0]) !== CONFIGURED) throw new Fault("the gate did not start");
    const [kind, value, headers, wanted, internal, shelf, logs, list, days, ...secrets] = fresh.read().split("\n");
    if ((kind === "handler") !== (handler !== undefined) && kind !== "none") {
      throw new Fault(`the config's origin is ${handler ? `not "handler", and paywall() was given one` : `"handler", and paywall() was given none`}`);
    }
    listen(logs);
    fresh.origin = { kind, value, handler, headers: valuesOf(headers, env), internal: internal.split(" ").filter(Boolean) };
    fresh.wanted = wanted === "" ? [] : wanted.split(" ");
    fresh.shelf = shelf;
    fresh.list = list;
    fresh.days = Number(days);
    fresh.gas = secrets.filter((line) => line.startsWith("key ")).map((line) => line.split(" ")[2]);
    fresh.alerts = secrets.some((line) => line.startsWith("webhook "));
    tell(fresh);
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
  if (faults.length > 0 && edge.enter("lacks", [edge.write(faults.join("\n"))]) !== CONFIGURED) throw new Fault("the gate did not start");
}
