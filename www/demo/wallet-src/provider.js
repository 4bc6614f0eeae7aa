// The EIP-1193 provider: which methods exist, what they demand, who has to be asked. No drawing, no hashing.

import { config, rpc } from "./config.js";
import { askToSign, isAsking } from "./confirm.js";
import { failure } from "./errors.js";
import { personalDigest, sign } from "./signer.js";
import { describe } from "./summary.js";
import { typedDataDigest } from "./typed-data.js";

const CONNECTED = "farthing-demo-wallet";

/** Remembers that this site was given the account. Without storage every page asks again. */
const memory = {
  get: () => attempt(() => localStorage.getItem(CONNECTED)),
  set: (address) => attempt(() => localStorage.setItem(CONNECTED, address)),
  clear: () => attempt(() => localStorage.removeItem(CONNECTED)),
};

function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

const hexChain = (chainId) => `0x${Number(chainId).toString(16)}`;
const same = (a, b) => String(a).toLowerCase() === String(b).toLowerCase();

/** Creates the provider. One per page. */
export function createProvider() {
  const listeners = new Map();
  let connected;

  const emit = (event, value) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(value);
  };

  async function accounts() {
    const known = connected ?? memory.get();
    if (!known) return [];
    const { address } = await config();
    return same(known, address) ? [address] : [];
  }

  async function requestAccounts() {
    const before = await accounts();
    const { address, chainId } = await config();
    connected = address;
    memory.set(address);
    if (before.length === 0) {
      emit("connect", { chainId: hexChain(chainId) });
      emit("accountsChanged", [address]);
    }
    return [address];
  }

  async function mustOwn(address) {
    const [mine] = await accounts();
    if (!mine || !same(mine, address)) throw failure(4100, "The demo wallet has not given this account to this site.");
  }

  async function chain([request]) {
    const wanted = request?.chainId;
    if (typeof wanted !== "string" || !/^0x[1-9a-f][0-9a-f]*$/i.test(wanted)) {
      throw failure(-32602, "Expected a chainId as 0x-prefixed, unpadded hexadecimal.");
    }
    const { chainId } = await config();
    return { known: same(wanted, hexChain(chainId)), wanted };
  }

  async function signTypedData([address, payload]) {
    await mustOwn(address);
    const data = readTypedData(payload);
    const { chainId, key } = await config();
    if (data.domain.chainId !== undefined && Number(data.domain.chainId) !== chainId) {
      throw failure(-32603, `The request is for chain ${data.domain.chainId}, but chain ${chainId} is active.`);
    }
    const digest = digestOf(data);
    await askToSign(describe(data, address));
    return sign(digest, key);
  }

  async function personalSign([message, address]) {
    await mustOwn(address);
    if (typeof message !== "string") throw failure(-32602, "Expected a message.");
    const { key } = await config();
    const { digest, text } = personalDigest(message);
    await askToSign({
      title: "Sign a message",
      lead: "This proves that the account is yours. It pays nothing.",
      rows: [["Message", text], ["Site", location.host], ["With account", address]],
    });
    return sign(digest, key);
  }

  const methods = {
    eth_accounts: accounts,
    eth_requestAccounts: requestAccounts,
    eth_chainId: async () => hexChain((await config()).chainId),
    net_version: async () => String((await config()).chainId),
    eth_blockNumber: () => rpc("eth_blockNumber", []),
    eth_call: (params) => rpc("eth_call", params),
    eth_signTypedData_v4: signTypedData,
    personal_sign: personalSign,
    wallet_requestPermissions: async () => {
      await requestAccounts();
      return [{ parentCapability: "eth_accounts" }];
    },
    wallet_getPermissions: async () => ((await accounts()).length > 0 ? [{ parentCapability: "eth_accounts" }] : []),
    wallet_revokePermissions: async () => {
      connected = undefined;
      memory.clear();
      emit("accountsChanged", []);
      return null;
    },
    wallet_switchEthereumChain: async (params) => {
      const { known, wanted } = await chain(params);
      if (!known) throw failure(4902, `The demo wallet does not know chain ${wanted}.`);
      return null;
    },
    wallet_addEthereumChain: async (params) => {
      const { known } = await chain(params);
      if (!known) throw failure(4200, "The demo wallet has one practice chain and adds no others.");
      return null;
    },
  };

  return Object.freeze({
    async request({ method, params } = {}) {
      if (!Object.hasOwn(methods, method)) throw failure(4200, `The demo wallet does not support ${method}.`);
      if (params && !Array.isArray(params)) throw failure(-32602, "Expected params as a list.");
      if (isAsking() && /sign/i.test(method)) throw failure(-32002, "The demo wallet already has a question open.");
      return methods[method](params ?? []);
    },
    on(event, listener) {
      if (!listeners.has(event)) listeners.set(event, new Set());
      listeners.get(event).add(listener);
      return this;
    },
    removeListener(event, listener) {
      listeners.get(event)?.delete(listener);
      return this;
    },
  });
}

/** Typed data as wallets accept it: JSON text or an object, with EIP712Domain spelt out. */
function readTypedData(payload) {
  let data = payload;
  if (typeof payload === "string") {
    try {
      data = JSON.parse(payload);
    } catch {
      throw failure(-32602, "The typed data is not JSON.");
    }
  }
  const complete = data?.types && data.domain && data.message && typeof data.primaryType === "string";
  if (!complete) throw failure(-32602, "Typed data needs types, domain, primaryType and message.");
  if (!Array.isArray(data.types.EIP712Domain)) throw failure(-32602, "Typed data needs EIP712Domain among its types.");
  if (!Array.isArray(data.types[data.primaryType])) throw failure(-32602, `No type ${data.primaryType}.`);
  return data;
}

function digestOf(data) {
  try {
    return typedDataDigest(data);
  } catch (error) {
    throw failure(-32602, `The typed data does not fit its types: ${error.message}`);
  }
}
