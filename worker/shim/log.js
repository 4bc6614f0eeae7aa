// What the Worker says of itself: lines for its log, and points for Analytics Engine. One JSON object a line, of a closed list of events;
// of each value only what has the form that its name has, so that nothing of a reader, a payment or another server comes through by
// accident (threat G1).

// Written unless the config says "none"; only with "all"; and those that are said once in a while, however often they happen.
const EVENTS = {
  broken: "error", stray: "error", undone: "error",
  pending: "warn", rejected: "warn", settler: "warn", supported: "warn", rpc: "warn", books: "warn", screening: "warn", gas: "warn", limit: "warn",
  undelivered: "warn", unreachable: "warn", teaser: "warn",
  refused: "log", settled: "log", scan: "log",
};
const SELDOM = ["limit", "unreachable", "screening"];
const SECONDS = 10;

const WORD = /^[a-z][A-Za-z0-9-]{0,63}$/;
const HOST = /^[A-Za-z0-9.:[\]-]{1,253}$/;
const NUMBER = /^\d{1,15}$/;
const FORMS = {
  problem: WORD, at: WORD, call: WORD, why: WORD, what: WORD, limit: WORD, scheme: WORD, transfer: WORD,
  status: NUMBER, seconds: NUMBER, ms: NUMBER, entries: NUMBER, asked: NUMBER, block: NUMBER, percent: NUMBER,
  network: /^eip155:\d{1,20}$/, amount: /^\d{1,78}$/, transaction: /^0x[0-9a-fA-F]{64}$/, settler: HOST, host: HOST,
  // of the config, and without what anybody asked for
  route: /^\/[!-~]{0,500}$/,
  // sentences of ours
  says: /^[ -~]{1,300}$/,
};
// Of what others throw its kind is said; a name can be anything.
const KINDS = [
  "AbortError", "DataError", "EvalError", "InvalidAccessError", "NetworkError", "NotSupportedError", "OperationError", "RangeError", "ReferenceError",
  "RuntimeError", "SyntaxError", "TimeoutError", "TypeError",
];
const ADDRESS = / by 0x[0-9a-fA-F]{40}\b/;

// An error in words of ours, which may be read by anybody.
export class Fault extends Error {}

let logs = "errors";
const last = new Map(); // by line: when it was written

// What the config wants: "errors", "all" or "none".
export function listen(wanted) {
  logs = wanted;
}

// `level`: where it is not what the event usually is.
export function say(event, { error, ...values }, level = EVENTS[event] ?? "error") {
  if (logs === "none" || (level === "log" && logs !== "all")) return;
  const line = { event: event in EVENTS ? event : "broken" };
  for (const [name, value] of Object.entries(values)) {
    const text = String(value ?? "").replace(ADDRESS, " by another address");
    if (FORMS[name]?.test(text)) line[name] = FORMS[name] === NUMBER ? Number(text) : text;
  }
  if (error instanceof Fault) line.error = error.message;
  else if (error) line.error = KINDS.includes(error.name) ? error.name : "Error";
  const text = JSON.stringify(line);
  if (SELDOM.includes(event) || (event === "refused" && level === "warn")) {
    const now = Date.now();
    if (now - (last.get(text) ?? 0) < SECONDS * 1000) return;
    if (last.size > 100) last.clear();
    last.set(text, now);
  }
  console[level](text);
}

export const isHeard = (env) => logs === "all" || env.METRICS !== undefined;

// A point, where the Worker has a data set for it. What it cannot take fails nobody.
export function count(env, { outcome, route = "", problem = "", network = "", kind = "", latency = "", asset = "", amount = 0 }) {
  try {
    env.METRICS?.writeDataPoint({ indexes: [route.slice(0, 96)], blobs: [outcome, route, problem, network, kind, latency, asset], doubles: [amount] });
  } catch (error) {
    say("broken", { at: "metrics", error });
  }
}
