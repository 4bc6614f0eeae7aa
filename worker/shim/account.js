// What became of a request that was not free, told once: in the log, and as a point. Nothing here changes what is answered.

import { DELIVER, FORWARD, PEEK, TEASER, TOKEN } from "./gate.js";
import { count, isHeard, say } from "./log.js";

// Milliseconds, as far as the platform's clock goes on.
const BUCKETS = [50, 200, 1000, 5000];
// Problems that a publisher has to hear of, whoever asked.
const OURS = ["internal", "not-configured", "charge-invalid"];
const GONE = [404, 410];

export function account(gate, request, response, env, begin) {
  const { problem, missing } = gate;
  const ours = OURS.includes(problem);
  if (!isHeard(env) && !missing && !ours) return;
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/.farthing/")) return;
  try {
    const route = gate.pattern(request);
    const { network } = gate;
    const { status } = response;
    if (missing) say("undelivered", { status: missing.status, why: missing.paid ? "paid" : undefined, route, network }, !missing.paid && GONE.includes(missing.status) ? "log" : "warn");
    else if (problem) say("refused", { problem, status, route, network }, ours ? "warn" : "log");
    const outcome = outcomeOf(gate);
    if (outcome === undefined) return;
    count(env, { outcome, route, problem: outcome === "refused" ? problem : "", network, latency: bucket(Date.now() - begin) });
  } catch (error) {
    say("broken", { at: "log", error });
  }
}

// One of a closed list; undefined for what nobody asked to read: redirects, methods, files of ours.
function outcomeOf({ code, asked, call, problem, missing }) {
  if (problem === "payment-required") return "402";
  if (problem === "settlement-pending") return "pending";
  if (problem) return "refused";
  if (missing) return undefined;
  switch (code) {
    case PEEK:
      return "subscriber";
    case FORWARD:
      return asked & (1 << TOKEN) ? "subscriber" : "passed";
    case DELIVER:
      return { claim: "paid", tally: "given" }[call] ?? "passed";
    case TEASER:
      return "teaser";
    default:
      return undefined;
  }
}

function bucket(ms) {
  const most = BUCKETS.find((most) => ms < most);
  return most ? `<${most}` : `>=${BUCKETS.at(-1)}`;
}
