// What a reader without a wallet, or without money in it, can do next.

import { element } from "../card.js";
import { fill } from "../money.js";
import type { Terms } from "../wire.js";
import { help } from "#words";
import { draw } from "./qr.js";

type Help = typeof help;

const LEARN = "https://ethereum.org/wallets/";
const GET = "https://ethereum.org/stablecoins/";
/** Circle's own source of test money. */
const FAUCET = "https://faucet.circle.com/";

/** How wallets open a page in their own browser, as their documentation has it. */
const APPS: [name: string, address: (url: string) => string][] = [
  ["MetaMask", (url) => `https://link.metamask.io/dapp/${url.replace(/^https?:\/\//, "")}`],
  ["Base", (url) => `https://go.cb-w.com/dapp?cb_url=${encodeURIComponent(url)}`],
  ["Trust Wallet", (url) => `https://link.trustwallet.com/open_url?coin_id=60&url=${encodeURIComponent(url)}`],
  ["Phantom", (url) => `https://phantom.app/ul/browse/${encodeURIComponent(url)}?ref=${encodeURIComponent(new URL(url).origin)}`],
];

const out = (href: string, text: string) => element("a", { href, target: "_blank", rel: "noreferrer" }, text);

/** On a phone the wallets that open pages; on a desk a code that carries the page to the phone. */
export function noWallet(body: HTMLElement, words: object, url: string, phone: boolean) {
  const more: Help = { ...help, ...words };
  const learn = element("p", {}, element("slot", { name: "no-wallet" }, out(LEARN, more.learn)));
  if (phone) {
    const links = APPS.map(([name, address]) => element("li", {}, out(address(url), fill(more["open-in"], { name }))));
    body.replaceChildren(element("ul", { class: "apps" }, ...links), learn);
    return;
  }
  const drawing = draw(url, more.qr);
  body.replaceChildren(learn, ...(drawing ? [element("div", { class: "code" }, element("p", {}, more.phone), drawing)] : []));
}

/** Where the token is to be had. */
export function getting(body: HTMLElement, words: object, offer: Terms | undefined) {
  const more: Help = { ...help, ...words };
  const text = fill(more.get, { symbol: offer?.symbol ?? "USDC" });
  body.replaceChildren(element("p", {}, element("slot", { name: "get" }, out(offer?.test ? FAUCET : GET, text))));
}
