// What the chains say of the assets of a config, by JSON-RPC.
import { networkName } from "./entries.mjs";
import { numberIn, openRpc, shown, textIn, why } from "./rpc.mjs";

const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
const PROXIES = { exact: "0x402085c248EeA27D92E8b30b2C58ed07f9E20001", upto: "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002" };

const ok = (at, text) => ({ level: "ok", at, text });
const note = (at, text) => ({ level: "note", at, text });
const wrong = (at, text, put) => ({ level: "error", at, text, ...(put ? { put } : {}) });

/** [{network, name, url, findings}], one for each network of the config. */
export async function askChains({ gate, config, entries, urls }) {
  const given = await Promise.all(urls.map(async (url) => ({ url, ...(await identify(url)) })));
  const chains = [];
  for (const network of new Set(entries.map((entry) => entry.network))) {
    const findings = [];
    const configured = urls.length > 0 ? [] : config.settlement?.rpc?.[network] ?? [];
    const candidates = urls.length > 0
      ? given.filter((one) => one.network === network)
      : await Promise.all(configured.map(async (url) => ({ url, ...(await identify(url)) })));
    const at = `settlement.rpc["${network}"]`;
    for (const { url, network: is, trouble } of candidates) {
      if (trouble) findings.push(wrong(at, `${shown(url)} ${trouble}`));
      else if (is !== network) findings.push(wrong(at, `${shown(url)} is ${is} (${networkName(is)}), another network`));
    }
    const good = candidates.find((one) => one.network === network);
    if (good) await lookAt({ gate, config, network, entries, rpc: openRpc(good.url), findings });
    else if (candidates.length === 0) findings.push(note(at, "no endpoint was named, so the chain was not asked"));
    chains.push({ network, name: networkName(network), url: good && shown(good.url), findings });
  }
  for (const { url, network, trouble } of given) {
    if (trouble) chains.push({ url: shown(url), findings: [wrong("--rpc", `${shown(url)} ${trouble}`)] });
    else if (!entries.some((entry) => entry.network === network)) {
      chains.push({ network, name: networkName(network), url: shown(url), findings: [note("--rpc", `${network} is not among "networks"`)] });
    }
  }
  return chains;
}

/** {network}, or {trouble} in words. */
export async function identify(url) {
  try {
    const id = await openRpc(url).chainId();
    return Number.isSafeInteger(id) ? { network: `eip155:${id}` } : { trouble: "gave no chain id" };
  } catch (error) {
    return { trouble: why(error) };
  }
}

async function lookAt({ gate, config, network, entries, rpc, findings }) {
  const here = entries.filter((entry) => entry.network === network);
  for (const entry of here) {
    try {
      findings.push(...await lookAtToken(gate, entry, rpc));
    } catch (error) {
      findings.push(wrong(entry.at, `the endpoint ${why(error)}`));
    }
  }
  const metered = (config.routes ?? []).some((route) => route?.scheme === "upto");
  const exact = (config.routes ?? []).some((route) => route?.scheme !== "upto" && route?.price !== "free");
  const needed = [
    ["Permit2", PERMIT2, metered || (exact && here.some((entry) => entry.transfer === "permit2"))],
    ["the x402 proxy for exact payments by Permit2", PROXIES.exact, exact && here.some((entry) => entry.transfer === "permit2")],
    ["the x402 proxy for metered payments", PROXIES.upto, metered],
  ];
  for (const [what, address, asked] of needed) {
    if (!asked) continue;
    try {
      findings.push(await rpc.hasCode(address)
        ? ok(network, `${what} is at ${address}`)
        : wrong(network, `${what} is not deployed here: there is no code at ${address}, so nobody can settle those offers`));
    } catch (error) {
      findings.push(wrong(network, `the endpoint ${why(error)}`));
    }
  }
}

async function lookAtToken(gate, entry, rpc) {
  const { at, asset, symbol, decimals, transfer, permit, name } = entry;
  if (!await rpc.hasCode(asset)) return [wrong(at, `there is no contract at ${asset}, where ${symbol} should be`)];
  const findings = [];
  const read = numberIn(await rpc.call(asset, "decimals()"));
  if (read === undefined) findings.push(wrong(at, `the contract at ${asset} does not tell its decimals()`));
  else if (read !== BigInt(decimals ?? -1)) findings.push(wrong(at, `${symbol} has ${read} decimals on the chain, and ${decimals} here`));
  if (transfer === "eip3009" && await rpc.call(asset, "authorizationState(address,bytes32)") === undefined) {
    findings.push(wrong(at, `${symbol} does not know EIP-3009 (no authorizationState): write "transfer": "permit2"`));
  }
  if (transfer === "permit2" && permit && await rpc.call(asset, "nonces(address)") === undefined) {
    findings.push(wrong(at, `${symbol} does not know EIP-2612 (no nonces): leave "name" and "version" out`));
  }
  if (transfer === "eip3009" || permit) findings.push(await lookAtDomain(gate, entry, rpc));
  else if (findings.length === 0) findings.push(ok(at, `${symbol} has ${decimals} decimals${name ? "; by Permit2 its own domain does not matter" : ""}`));
  return findings;
}

/** Holds the domain the core computes against the one the contract tells. */
async function lookAtDomain(gate, entry, rpc) {
  const { at, asset, symbol, decimals, written } = entry;
  const separator = await rpc.call(asset, "DOMAIN_SEPARATOR()");
  if (separator?.length !== 66) {
    return wrong(at, `${symbol} does not tell its DOMAIN_SEPARATOR(), so nobody can know whether signatures for it would count`);
  }
  const said = judge(gate, { ...written, separator });
  if (said) {
    const [name, version] = [textIn(await rpc.call(asset, "name()")), textIn(await rpc.call(asset, "version()"))];
    const itself = name === undefined ? "" : `; the contract calls itself "${name}"${version === undefined ? "" : `, version "${version}"`}`;
    return wrong(at, `the DOMAIN_SEPARATOR() of ${symbol}, ${separator}, ${said.replace(/^networks\[0\](\.separator)?: /, "")}${itself}`);
  }
  if (written.separator === undefined && judge(gate, written)) {
    return wrong(at, `${symbol} has the domain that is expected; as nobody has published that, say that you have seen it`, { ...written, separator });
  }
  return ok(at, `${symbol} has ${decimals} decimals and the domain that is expected (${separator})`);
}

/** What the core has against an entry, put into a config without any other mistake. */
function judge(gate, entry) {
  const { errors } = gate.configure(JSON.stringify({
    site: "https://site.example", origin: "dns", payTo: { eip155: `0x${"11".repeat(20)}` }, money: "real", networks: [entry],
    settlement: { facilitators: [{ url: "https://facilitator.example" }] }, routes: [],
  }));
  return errors[0];
}
