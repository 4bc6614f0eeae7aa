// Whoever signs, in one form: a memory of its own for a private key, else the holder of it.

import { PaymentError } from "./errors.js";
import { withKeys, type Core } from "./core.js";
import type { Account, Eip1193, Signer, TypedData } from "./types.js";

/** The second parameter of `eth_signTypedData_v4`, as the core writes it: numbers are decimal texts. */
interface Typed {
  domain: Record<string, unknown>;
  types: Record<string, { name: string; type: string }[]>;
  primaryType: string;
  message: Record<string, unknown>;
}

/** Of the core's: a purchase that waits for its signature, and a challenge that does. */
type Purchase = Core["Purchase"]["prototype"];
type SignIn = Core["SignIn"]["prototype"];

export interface Signs {
  address(): Promise<string>;
  /** The core's next step as JSON. */
  sign(purchase: Purchase): Promise<string>;
  /** The content of `SIGN-IN-WITH-X`; nothing where this cannot sign texts, or would ask a person. */
  signIn(challenge: SignIn): Promise<string | undefined>;
  close(): void;
}

export const isProvider = (signer: object): signer is Eip1193 => "request" in signer && typeof signer.request === "function";
export const isAccount = (signer: object): signer is Account =>
  "address" in signer && typeof signer.address === "string" && "signTypedData" in signer && typeof signer.signTypedData === "function";

export async function signs(signer: Signer): Promise<Signs> {
  if (typeof signer === "string") return byKey(signer);
  if (typeof signer === "object" && signer !== null) {
    if (isAccount(signer)) return byAccount(signer);
    if (isProvider(signer)) return byProvider(signer);
  }
  throw new TypeError("signer: a private key (0x and 64 hex digits), an EIP-1193 provider, or an account with address and signTypedData");
}

async function byKey(text: string): Promise<Signs> {
  const { Key } = await withKeys();
  const key = await Key.read(text);
  if (!key) throw new TypeError("signer: this is no private key; write 0x and 64 hex digits");
  let closed = false;
  const open = () => {
    if (closed) throw new Error("this client was closed: its key is overwritten");
    return key;
  };
  return {
    address: async () => key.address,
    sign: async (purchase) => purchase.sign(open())!,
    signIn: async (challenge) => challenge.sign(open()),
    close() {
      if (!closed) key.free();
      closed = true;
    },
  };
}

function byAccount(account: Account): Signs {
  return {
    address: async () => account.address,
    async sign(purchase) {
      const signature = await account.signTypedData(forAccounts(JSON.parse(purchase.typedData()!) as Typed));
      return purchase.signed(signature, account.contract ?? false);
    },
    signIn: async (challenge) => account.signMessage && challenge.seal(await account.signMessage({ message: challenge.text() })),
    close() {},
  };
}

/** Accounts make `EIP712Domain` by themselves, and want numbers as bigints. */
function forAccounts({ domain, types, primaryType, message }: Typed): TypedData {
  const { EIP712Domain: _, ...own } = types;
  const typed = (type: string, value: unknown): unknown => {
    if (/^u?int\d+$/.test(type)) return BigInt(value as string);
    const fields = own[type];
    if (!fields) return value;
    return Object.fromEntries(fields.map((field) => [field.name, typed(field.type, (value as Record<string, unknown>)[field.name])]));
  };
  return { domain, types: own, primaryType, message: typed(primaryType, message) as Record<string, unknown> };
}

function byProvider(provider: Eip1193): Signs {
  let account: Promise<string> | undefined;
  const address = () => {
    account ??= provider.request({ method: "eth_requestAccounts" }).then((accounts) => {
      const [first] = Array.isArray(accounts) ? (accounts as unknown[]) : [];
      if (typeof first !== "string") throw new PaymentError("no-account", "the wallet shows no account", { url: "" });
      return first;
    });
    account.catch(() => (account = undefined));
    return account;
  };
  return {
    address,
    async sign(purchase) {
      const data = purchase.typedData()!;
      const { domain } = JSON.parse(data) as Typed;
      const wanted = `0x${Number(domain["chainId"]).toString(16)}`;
      // many wallets sign for the network alone that they are on
      if ((await provider.request({ method: "eth_chainId" })) !== wanted) {
        await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
      }
      const signature = await provider.request({ method: "eth_signTypedData_v4", params: [await address(), data] });
      return purchase.signed(String(signature), false);
    },
    async signIn(challenge) {
      const hex = [...new TextEncoder().encode(challenge.text())].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const signature = await provider.request({ method: "personal_sign", params: [`0x${hex}`, await address()] });
      return challenge.seal(String(signature));
    },
    close() {},
  };
}
