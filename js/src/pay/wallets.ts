// The wallets of this browser: EIP-6963 announcements, window.ethereum where there are none. Nothing here calls a wallet.

import type { Provider } from "../element.js";
import { recall } from "./device.js";

export type Request = (question: { method: string; params: unknown[] }) => Promise<unknown>;

export interface Wallet {
  id: string;
  name: string;
  /** Reverse domain name; the wallet's own word, as is everything else here. */
  rdns: string;
  icon: string;
  request: Request;
}

const found = new Map<string, Wallet>();
const ICON = /^data:image\/(png|svg\+xml|webp)[;,]/;

const wallet = (id: unknown, name: unknown, rdns: unknown, icon: unknown, provider: Provider): Wallet => ({
  id: String(id),
  name: String(name).slice(0, 40),
  rdns: String(rdns).slice(0, 60),
  icon: typeof icon === "string" && icon.length <= 65536 && ICON.test(icon) ? icon : "",
  // bound once: what the page does to the provider later does not matter (threat F2)
  request: provider.request.bind(provider) as Request,
});

// The first announcement of a wallet counts; a second under its name replaces nothing.
addEventListener("eip6963:announceProvider", (event) => {
  try {
    const { info, provider } = (event as CustomEvent).detail;
    if (!found.has(info.uuid)) found.set(info.uuid, wallet(info.uuid, info.name, info.rdns, info.icon, provider));
  } catch {
    // not an announcement
  }
});

/** Asks the wallets to announce themselves. */
export const discover = () => dispatchEvent(new Event("eip6963:requestProvider"));

/** All wallets, the last used first; the page's own alone, where its author gave one. */
export function wallets(fallback: string, own?: Provider): Wallet[] {
  if (own) return [wallet("", fallback, "", "", own)];
  const last = recall("wallet");
  const all = [...found.values()];
  const injected = (globalThis as { ethereum?: Provider }).ethereum;
  if (!all.length && injected?.request) all.push(wallet("", fallback, "", "", injected));
  return all.sort((a, b) => Number(b.rdns === last) - Number(a.rdns === last));
}
