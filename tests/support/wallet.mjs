// A browser wallet for Playwright: keys outside the page, the checks MetaMask makes, the errors wallets give, all on demand.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { createWalletClient, http, isAddress, isHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { payer } from "./accounts.mjs";

const page = readFileSync(join(import.meta.dirname, "wallet-page.js"), "utf8").replace(/^(\/\/.*\n)+/, "").trim().replace(/;$/, "");
// MetaMask's own provider wants Node's process and Buffer.
const SHIM = 'import { Buffer } from "buffer"; globalThis.Buffer ??= Buffer; globalThis.process ??= { env: {}, nextTick: (task, ...all) => queueMicrotask(() => task(...all)) };';
let bundled;
const metamaskPage = async () => {
  bundled ??= build({
    stdin: { contents: `${SHIM} export { install } from "./metamask-page.mjs";`, resolveDir: import.meta.dirname },
    write: false, bundle: true, minify: true, format: "iife", globalName: "metamaskStandIn", platform: "browser",
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" }, logLevel: "silent",
  });
  const { outputFiles: [file] } = await bundled;
  return `(settings) => { ${file.text}; metamaskStandIn.install(settings); }`;
};
const DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" rx="2" fill="#276"/></svg>';
const ICON = `data:image/svg+xml,${encodeURIComponent(DRAWING)}`;

const ERRORS = {
  reject: { code: 4001, message: "User rejected the request." },
  locked: { code: 4100, message: "The requested account and/or method has not been authorized by the user." },
  unsupported: { code: 4200, message: "The requested method is not supported by this Ethereum provider." },
  disconnected: { code: 4900, message: "The provider is disconnected from all chains." },
  "chain-disconnected": { code: 4901, message: "The provider is disconnected from the specified chain." },
  "unknown-chain": { code: 4902, message: "Unrecognized chain ID. Try adding the chain using wallet_addEthereumChain first." },
  busy: { code: -32002, message: "Request of this type already pending. Please wait." },
  "no-method": { code: -32601, message: "The method does not exist / is not available." },
  "bad-params": { code: -32602, message: "Invalid parameters." },
  internal: { code: -32603, message: "Internal JSON-RPC error." },
};
class WalletError extends Error {
  constructor(kind, message, data) {
    super(message ?? ERRORS[kind].message);
    this.code = ERRORS[kind].code;
    this.data = data;
  }
}

const bad = (message) => new WalletError("bad-params", message);

const PASSED_ON = [
  "eth_call", "eth_getBalance", "eth_blockNumber", "eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_estimateGas", "eth_gasPrice",
  "eth_getCode",
];
const PROMPTS = [
  "eth_requestAccounts", "wallet_requestPermissions", "wallet_switchEthereumChain", "wallet_addEthereumChain", "eth_signTypedData_v4",
  "personal_sign", "eth_sendTransaction",
];

function chainIdOf(value) {
  if (typeof value !== "string" || !/^0x[1-9a-f][0-9a-f]*$/i.test(value)) {
    throw bad(`Expected 0x-prefixed, unpadded, non-zero hexadecimal string 'chainId'. Received: "${value}"`);
  }
  return Number(value);
}

// What MetaMask refuses before it shows anything.
function checkTypedData(data, active) {
  let typed = data;
  if (typeof data === "string") {
    try {
      typed = JSON.parse(data);
    } catch {
      throw bad("Data must be passed as a valid JSON string.");
    }
  }
  for (const field of ["types", "primaryType", "domain", "message"]) {
    if (typed?.[field] === undefined) throw bad(`Data must conform to EIP-712 schema: no "${field}".`);
  }
  if (!Array.isArray(typed.types.EIP712Domain)) throw bad('Data must conform to EIP-712 schema: no "EIP712Domain" in types.');
  if (!Array.isArray(typed.types[typed.primaryType])) throw bad(`Primary type "${typed.primaryType}" has no type definition.`);
  const declared = typed.types.EIP712Domain.map(({ name }) => name).sort().join();
  const given = Object.keys(typed.domain).sort().join();
  if (declared !== given) throw bad(`EIP712Domain declares ${declared}, the domain has ${given}.`);
  for (const { name } of typed.types[typed.primaryType]) {
    if (typed.message[name] === undefined) throw bad(`No "${name}" in the message.`);
  }
  const { chainId } = typed.domain;
  if (chainId !== undefined) {
    if (typeof chainId !== "number") throw bad("domain.chainId must be a number.");
    if (chainId !== active) throw new WalletError("internal", `Provided chainId "${chainId}" must match the active chainId "${active}"`);
  }
  return typed;
}

/**
 * Puts a wallet into every page of a Playwright context. Call it again, with another `name` and `rdns`, for several wallets.
 * @param {import("playwright-core").BrowserContext} context
 * @param {object} [options]
 * `key`; `rpc` (URL for eth_call and the like); `chainId` active at the start and `chains` known to it; `connected`: the site is
 * authorized already; `announced` by EIP-6963, after `announceDelay` ms; `injected` as window.ethereum; `plainErrors`: errors are
 * not Error instances; `hiddenUnknownChain`: 4902 only in data.originalError.code, as mobile MetaMask has it; `delay`: ms a person
 * takes for each prompt; `properties`: more of the provider's own, such as {isMetaMask: true}; `metamask`: the page's half is the
 * provider that MetaMask publishes.
 */
export async function installWallet(context, {
  key = payer.key, rpc, chainId = 84532, chains = [chainId], connected = false, name = "Test Wallet", rdns = "test.wallet", icon = ICON,
  announced = true, announceDelay = 0, injected = false, plainErrors = true, hiddenUnknownChain = false, delay = 0, properties = {}, metamask = false,
} = {}) {
  const account = privateKeyToAccount(key);
  const requests = [];
  const scripts = new Map();
  const open = new Set();
  const binding = `__wallet_${randomUUID().replaceAll("-", "")}`;
  const wallet = {
    address: account.address, name, rdns,
    /** [{method, params, origin, outcome}]: `outcome` is undefined while open, then {result} or {error}. */
    requests,
    /** How often a person would have been asked. */
    get prompts() {
      return requests.filter((request) => request.prompted).length;
    },
    requestsOf: (method) => requests.filter((request) => request.method === method),
    /**
     * The next requests of `method` go so, one behaviour each: "reject", "locked", "busy", "unknown-chain", "internal" … (a name
     * of an error above), "never", {delay: ms}, {error}, {result}, a function (params) => result, or "pass".
     */
    next: (method, ...behaviours) => scripts.set(method, behaviours),
    /** As `next`, for every request until `reset`. */
    always: (method, behaviour) => scripts.set(method, { length: 1, shift: () => behaviour }),
    reset() {
      scripts.clear();
      open.clear();
    },
    state: { chainId, chains: new Set(chains), connected },

    /** The person switches the chain in the wallet. */
    async switchTo(id) {
      wallet.state.chains.add(id);
      await setChain(id);
    },
    /** The person disconnects the site, or locks the wallet. */
    async disconnect() {
      wallet.state.connected = false;
      await emit("accountsChanged", []);
    },
  };

  const emit = (event, data) => Promise.all(context.pages().flatMap((each) => each.frames()).map((frame) =>
    frame.evaluate(([hook, what, value]) => window[hook]?.(what, value), [`${binding}_emit`, event, data]).catch(() => {})));
  async function setChain(id) {
    if (wallet.state.chainId === id) return;
    wallet.state.chainId = id;
    await emit("chainChanged", `0x${id.toString(16)}`);
  }
  async function connect() {
    if (wallet.state.connected) return;
    wallet.state.connected = true;
    await emit("accountsChanged", [account.address.toLowerCase()]);
  }
  const mine = (address) => {
    if (!isAddress(address ?? "", { strict: false })) throw bad("Invalid parameters: must provide an Ethereum address.");
    if (!wallet.state.connected || address.toLowerCase() !== account.address.toLowerCase()) throw new WalletError("locked");
  };

  const methods = {
    metamask_getProviderState: () => ({
      accounts: methods.eth_accounts(), chainId: methods.eth_chainId(), isUnlocked: true, networkVersion: methods.net_version(),
    }),
    metamask_sendDomainMetadata: () => true,
    eth_chainId: () => `0x${wallet.state.chainId.toString(16)}`,
    net_version: () => String(wallet.state.chainId),
    eth_accounts: () => (wallet.state.connected ? [account.address.toLowerCase()] : []),
    async eth_requestAccounts() {
      await connect();
      return [account.address.toLowerCase()];
    },
    async wallet_requestPermissions() {
      await connect();
      return methods.wallet_getPermissions();
    },
    wallet_getPermissions: () => (wallet.state.connected
      ? [{ parentCapability: "eth_accounts", caveats: [{ type: "restrictReturnedAccounts", value: [account.address.toLowerCase()] }] }] : []),
    async wallet_revokePermissions() {
      await wallet.disconnect();
      return null;
    },
    async wallet_switchEthereumChain([parameter] = []) {
      const id = chainIdOf(parameter?.chainId);
      if (!wallet.state.chains.has(id)) {
        const { code, message } = ERRORS["unknown-chain"];
        throw hiddenUnknownChain
          ? new WalletError("internal", message, { originalError: { code, message } })
          : new WalletError("unknown-chain");
      }
      await setChain(id);
      return null;
    },
    async wallet_addEthereumChain([parameter] = []) {
      const id = chainIdOf(parameter?.chainId);
      const { chainName, nativeCurrency, rpcUrls } = parameter;
      if (typeof chainName !== "string" || !chainName) throw bad("Expected non-empty string 'chainName'.");
      const usable = (url) => /^https:\/\//.test(url) || /^http:\/\/(localhost|127\.0\.0\.1)[:/]/.test(`${url}/`);
      if (!Array.isArray(rpcUrls) || !rpcUrls.some(usable)) {
        throw bad("Expected an array with at least one valid string HTTPS url 'rpcUrls'.");
      }
      if (nativeCurrency?.decimals !== 18 || !/^.{1,6}$/.test(nativeCurrency.symbol ?? "")) {
        throw bad("Expected 'nativeCurrency' with 18 decimals and a symbol.");
      }
      wallet.state.chains.add(id);
      await setChain(id);
      return null;
    },
    async eth_signTypedData_v4([address, data] = []) {
      mine(address);
      const { domain, types, primaryType, message } = checkTypedData(data, wallet.state.chainId);
      return account.signTypedData({ domain, types, primaryType, message });
    },
    async eth_sendTransaction([{ from, to, data, value = "0x0", chainId: on } = {}] = []) {
      mine(from);
      if (on !== undefined && Number(on) !== wallet.state.chainId) throw bad(`Provided chainId "${on}" must match the active chainId "${wallet.state.chainId}"`);
      return createWalletClient({ account, transport: http(rpc) }).sendTransaction({ chain: null, to, data, value: BigInt(value) });
    },
    async personal_sign([message, address] = []) {
      mine(address);
      return account.signMessage({ message: isHex(message) ? { raw: message } : message });
    },
  };

  // What is wrong with a request is said before anybody is asked; checking costs nothing twice.
  function precheck(method, params) {
    if (method === "eth_signTypedData_v4") {
      mine(params?.[0]);
      checkTypedData(params[1], wallet.state.chainId);
    }
  }
  const needsPerson = (method, params) => {
    if (!PROMPTS.includes(method)) return false;
    if (method === "eth_requestAccounts") return !wallet.state.connected;
    if (method === "wallet_switchEthereumChain") {
      const id = Number(params?.[0]?.chainId);
      return wallet.state.chains.has(id) && id !== wallet.state.chainId;
    }
    return true;
  };
  // Signatures queue up in a wallet; connecting and switching do not.
  const single = (method) => PROMPTS.includes(method) && method !== "eth_signTypedData_v4" && method !== "personal_sign";
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  async function handle(method, params, entry) {
    const script = scripts.get(method);
    const behaviour = script?.length ? script.shift() : "pass";
    if (single(method) && open.has(method)) throw new WalletError("busy");
    open.add(method);
    try {
      precheck(method, params);
      entry.prompted = needsPerson(method, params) && (typeof behaviour !== "string" || ["pass", "reject", "never"].includes(behaviour));
      if (entry.prompted && delay) await sleep(delay);
      if (behaviour === "never") await new Promise(() => {});
      if (typeof behaviour === "string" && behaviour !== "pass") throw new WalletError(behaviour);
      if (behaviour.error) throw Object.assign(new WalletError("internal", behaviour.error.message), behaviour.error);
      if ("result" in Object(behaviour)) return behaviour.result;
      if (behaviour.delay) await sleep(behaviour.delay);
      if (typeof behaviour === "function") return await behaviour(params);
      if (methods[method]) return await methods[method](params);
      if (rpc && PASSED_ON.includes(method)) return await passOn(method, params);
      throw new WalletError("no-method", `The method "${method}" does not exist / is not available.`);
    } finally {
      open.delete(method);
    }
  }
  async function passOn(method, params) {
    const response = await fetch(rpc, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const { result, error } = await response.json();
    if (error) throw Object.assign(new WalletError("internal", error.message), { code: error.code, data: error.data });
    return result;
  }

  await context.exposeBinding(binding, async ({ frame }, text) => {
    const { method, params } = JSON.parse(text);
    const entry = { method, params, origin: new URL(frame.url()).origin, prompted: false, outcome: undefined };
    requests.push(entry);
    try {
      const result = await handle(method, params, entry);
      entry.outcome = { result };
      return JSON.stringify({ result: result ?? null });
    } catch (error) {
      const { code = -32603, message, data } = error;
      entry.outcome = { error: { code, message, data } };
      return JSON.stringify(entry.outcome);
    }
  });
  const settings = {
    binding, injected, announced, announceDelay, plainErrors, properties, info: { uuid: randomUUID(), name, rdns, icon },
  };
  const half = metamask ? await metamaskPage() : page;
  await context.addInitScript({ content: `(${half})(${JSON.stringify(settings)});` });
  return wallet;
}
