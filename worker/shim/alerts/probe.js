// How things stand now, asked by whoever looks: the alerts with every run of the cron trigger, the desk when its page is opened.

import { headersFor } from "../secrets.js";
import { exchange } from "./exchange.js";

const MOST_BYTES = 64 * 1024;
/** What a settlement costs, and of how many there should be enough, as direct settlement counts. */
const LOW_GAS = 90_000n * 100n;

/** The balance under which gas is low; the base fee may double. */
export const lowFor = (price) => 2n * price * LOW_GAS;

/** Who is asked whether they are well, a line each: facilitators by their numbers, and the screening service. */
function asked(edge) {
  edge.enter("facilitators", []);
  return edge.read().split("\n").filter(Boolean).map((line) => line.split(" "));
}

/** How one of them answers: `{name}`, with `why` and perhaps `status` where it is not well. */
async function standing(method, url, auth, body, env, seconds) {
  const name = new URL(url).host;
  try {
    const headers = { accept: "application/json", ...(body && { "content-type": "application/json" }), ...await headersFor(auth.join(" "), method, url, env) };
    const { status } = await exchange(url, { method, headers, body }, seconds, MOST_BYTES);
    if (status === 401 || status === 403) return { name, why: "lets-nobody-in", status };
    return status >= 500 ? { name, why: "unclear", status } : { name, status };
  } catch {
    return { name, why: "no-answer" };
  }
}

/** Asks each facilitator at /supported: promises of how it answers. */
export const askSupported = (edge, env, seconds) => asked(edge).filter(([number]) => /^\d/.test(number)).map(([, url, ...auth]) => standing("GET", url, auth, undefined, env, seconds));

/** Asks the screening service, if there is one, about an account of the site's own. */
export const askScreening = (edge, env, seconds) => asked(edge).filter(([name]) => name === "screening").map(([, url, question, ...auth]) => standing("POST", url, auth, question, env, seconds));

/** One question to a node; what it answers instead of a result is thrown. */
export async function ask(url, method, params, seconds, most = MOST_BYTES) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const { text } = await exchange(url, { method: "POST", headers: { "content-type": "application/json" }, body }, seconds, most);
  const { result, error } = JSON.parse(text);
  if (result === undefined) throw Object.assign(new Error(error?.message ?? "no result"), { refused: true });
  return result;
}

/** The keys of FARTHING_KEYS by name, the first of which signs. When one was made stands in its name, like k20261123 or 2026-11, if anywhere. */
export function keysOf(env, now) {
  const kids = (env.FARTHING_KEYS ?? "").split(",").map((entry) => entry.split(":")[0].trim()).filter(Boolean);
  return kids.map((kid) => {
    const [, year, month, day = "01"] = /(20\d\d)-?(0[1-9]|1[0-2])(?:-?([0-3]\d))?/.exec(kid) ?? [];
    const said = Date.UTC(Number(year), Number(month) - 1, Number(day)) / 1000;
    return { kid, since: said <= now ? said : undefined };
  });
}

/** What the config has watched, in lists: see `Config::watched`. */
export function watched(edge) {
  edge.enter("watched", []);
  const setup = { site: "", unknown: 10, hooks: [], rpc: {}, sales: [] };
  for (const line of edge.read().split("\n")) {
    const [name, ...values] = line.split("\t");
    if (name === "site") [setup.site] = values;
    // a config without alerts has none
    if (name === "unknown") setup.unknown = Number(values[0]) || setup.unknown;
    if (name === "webhook") setup.hooks.push({ url: values[0], secret: values[1] });
    if (name === "rpc") (setup.rpc[values[0]] ??= []).push(values[1]);
    if (name !== "sale") continue;
    const [route, price, network, asset, amount, payTo] = values;
    setup.sales.push({ route, price, network, asset, amount, payTo });
  }
  return setup;
}
