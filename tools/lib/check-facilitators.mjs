// Whether the facilitators of a config settle what it offers, by their own word: GET /supported.
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

/** [{url, findings}], one for each facilitator; only the first has to do everything, for only it is used. */
export async function askFacilitators({ config, entries, routes }) {
  const list = Array.isArray(config.settlement?.facilitators) ? config.settlement.facilitators : [];
  return Promise.all(list.map(async (facilitator, index) => {
    const at = `settlement.facilitators[${index}]`;
    const lacking = index === 0 ? wrong : note;
    const url = String(facilitator?.url ?? "").replace(/\/$/, "");
    let kinds;
    try {
      ({ kinds } = await getJson(`${url}/supported`, { headers: { Accept: "application/json" } }));
      if (!Array.isArray(kinds)) throw new SyntaxError();
    } catch (error) {
      return { url, findings: [lacking(at, `${url}/supported ${why(error)}`)] };
    }
    const findings = [];
    for (const { scheme, network, v1 } of wanted(config, entries, routes)) {
      const what = `${scheme} payments on ${networkName(network)} (${network})`;
      const kind = kinds.find((one) => covers(one, 2, scheme, network));
      findings.push(kind ? ok(at, `settles ${what}`) : lacking(at, `does not list ${what}`));
      if (v1 && !kinds.some((one) => covers(one, 1, scheme, v1))) {
        findings.push(note(at, `does not list ${v1} for x402 v1: clients of that version cannot pay there`));
      }
      if (scheme === "upto" && kind) findings.push(...settler(at, index, facilitator, kind.extra?.facilitatorAddress));
    }
    return { url, findings };
  }));
}

/** Metered payments are signed for one settler: the config's has to be the facilitator's own. */
function settler(at, index, { address }, says) {
  if (index > 0) return [];
  if (typeof says !== "string") return [wrong(at, "does not say who settles metered payments (extra.facilitatorAddress)")];
  if (address === undefined) return [wrong(at, "settles metered payments by an address that has to be named", { address: says })];
  if (says.toLowerCase() !== String(address).toLowerCase()) return [wrong(at, `settles metered payments by another address than ${address}`, { address: says })];
  return [ok(at, `settles metered payments by ${says}`)];
}
