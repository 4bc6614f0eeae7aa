// Whether the facilitators of a config settle what it offers, by their own word: GET /supported; and whether its screening answers.
import { networkName, v1Name } from "./entries.mjs";
import { getJson, why } from "./rpc.mjs";

const ok = (at, text) => ({ level: "ok", at, text });
const note = (at, text) => ({ level: "note", at, text });
const wrong = (at, text, put) => ({ level: "error", at, text, ...(put ? { put } : {}) });

/** What has to be settled: {scheme, network, v1}; from the offers, or, where the core made none, from what is written. */
function wanted(config, entries, routes) {
  const offers = routes.flatMap(({ offers }) => offers);
  const schemes = new Set((Array.isArray(config.routes) ? config.routes : []).map((route) => route?.scheme ?? "exact"));
  const all = offers.length > 0 ? offers : entries.flatMap((entry) => [...schemes].map((scheme) => ({ ...entry, scheme })));
  const kinds = new Map();
  for (const { scheme, network, transfer } of all) {
    const key = `${scheme} ${network}`;
    const v1 = (scheme === "exact" && transfer === "eip3009" && v1Name(network)) || kinds.get(key)?.v1;
    kinds.set(key, { scheme, network, v1: v1 || undefined });
  }
  return [...kinds.values()];
}

const covers = (kind, version, scheme, network) =>
  kind?.x402Version === version && kind.scheme === scheme && (kind.network === network || kind.network === `${network.split(":")[0]}:*`);

/** The secrets that a config names: [{at, name, what}]. */
export function secretsOf(config) {
  const list = Array.isArray(config?.settlement?.facilitators) ? config.settlement.facilitators : [];
  const asking = Object.entries(config?.origin?.headers ?? {}).map(([header, name]) => ({ at: `origin.headers.${header}`, name, what: `the value of the header ${header}` }));
  asking.push(...Object.entries(config?.screening?.headers ?? {}).map(([header, name]) => ({ at: `screening.headers.${header}`, name, what: `the value of the header ${header}` })));
  const login = config?.subscribers?.jwt?.secret;
  if (login !== undefined) asking.push({ at: "subscribers.jwt.secret", name: login, what: "what the login signs with, at least 32 bytes" });
  return asking.concat(list.flatMap((settler, index) => {
    const at = `settlement.facilitators[${index}]`;
    return [
      ...Object.entries(settler?.headers ?? {}).map(([header, name]) => ({ at: `${at}.headers.${header}`, name, what: `the value of the header ${header}` })),
      ...(settler?.coinbase === undefined ? [] : [{ at: `${at}.coinbase`, name: settler.coinbase, what: "the key's id, a colon, the key's secret" }]),
      ...(settler?.direct === undefined ? [] : [{ at: `${at}.direct`, name: settler.direct, what: "0x and 64 hex digits" }]),
    ];
  }));
}

/**
 * [{url, findings}], one for each facilitator; the Worker itself is none. The first of the list is asked first, so it has to do
 * everything; metered payments are taken to those with the first `address` alone.
 */
export async function askFacilitators({ config, entries, routes }) {
  const list = Array.isArray(config.settlement?.facilitators) ? config.settlement.facilitators : [];
  const named = list.findIndex((settler) => settler?.address !== undefined);
  const metered = list.map((settler, index) => (named < 0 ? index === 0 : same(settler?.address, list[named].address)));
  const asked = list.map(async (settler, index) => {
    if (settler?.direct !== undefined) return undefined;
    const at = `settlement.facilitators[${index}]`;
    const lacking = index === 0 ? wrong : note;
    const url = String(settler?.url ?? "").replace(/\/$/, "");
    let kinds;
    try {
      ({ kinds } = await getJson(`${url}/supported`, { headers: { Accept: "application/json" } }));
      if (!Array.isArray(kinds)) throw new SyntaxError();
    } catch (error) {
      const closed = settler?.headers || settler?.coinbase;
      if (closed && /answered 40[13]/.test(error.message)) return { url, findings: [note(at, `${url}/supported lets in only who has its secrets; they are not here`)] };
      return { url, findings: [lacking(at, `${url}/supported ${why(error)}`)] };
    }
    const findings = [];
    for (const { scheme, network, v1 } of wanted(config, entries, routes)) {
      if (scheme === "upto" && !metered[index]) continue;
      const says = scheme === "upto" ? wrong : lacking;
      const what = `${scheme} payments on ${networkName(network)} (${network})`;
      const kind = kinds.find((one) => covers(one, 2, scheme, network));
      findings.push(kind ? ok(at, `settles ${what}`) : says(at, `does not list ${what}`));
      if (v1 && !kinds.some((one) => covers(one, 1, scheme, v1))) {
        findings.push(note(at, `does not list ${v1} for x402 v1: clients of that version cannot pay there`));
      }
      if (scheme === "upto" && kind) findings.push(...settlesAs(at, settler, kind.extra?.facilitatorAddress));
    }
    return { url, findings };
  });
  return (await Promise.all(asked)).filter(Boolean);
}

/**
 * [{url, findings}] of the service that knows who may pay: asked about the publisher's own account, without the secrets, which are not here.
 */
export async function askScreening({ config, routes }) {
  const { url, headers, whenUnreachable } = config.screening ?? {};
  const address = config.payTo?.eip155;
  const network = routes.flatMap(({ offers }) => offers)[0]?.network;
  if (typeof url !== "string" || address === undefined || network === undefined) return [];
  const at = "screening.url";
  const then = whenUnreachable === "allow" ? "everybody pays" : "nobody can pay";
  try {
    const { allow } = await getJson(url, { method: "POST", headers: { Accept: "application/json", "Content-Type": "application/json" }, body: JSON.stringify({ address, network }) });
    if (typeof allow !== "boolean") return [{ url, findings: [wrong(at, `${url} answers no {"allow": true} or {"allow": false}: ${then}`)] }];
    return [{ url, findings: [allow ? ok(at, `${url} says that payTo may pay`) : note(at, `${url} says that payTo, your own account, may not pay`)] }];
  } catch (error) {
    if (headers && /answered 40[13]/.test(error.message)) return [{ url, findings: [note(at, `${url} lets in only who has its secrets; they are not here`)] }];
    return [{ url, findings: [note(at, `${url} ${why(error)}; while it does, ${then}`)] }];
  }
}

const same = (one, other) => one !== undefined && String(one).toLowerCase() === String(other).toLowerCase();

/** Metered payments are signed for one settler: the config's has to be the facilitator's own. */
function settlesAs(at, { address }, says) {
  if (typeof says !== "string") return [wrong(at, "does not say who settles metered payments (extra.facilitatorAddress)")];
  if (address === undefined) return [wrong(at, "settles metered payments by an address that has to be named", { address: says })];
  if (!same(says, address)) return [wrong(at, `settles metered payments by another address than ${address}`, { address: says })];
  return [ok(at, `settles metered payments by ${says}`)];
}
