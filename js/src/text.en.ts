// The widget's words in English. Other languages may leave keys out: each falls back to this file by itself.

import type { Action, Notice } from "./wire.js";

export type Key = Notice | `do-${Action}` | "do-see" | "heading" | "cancel" | "stop" | "details" | "amount" | "to" | "network" | "explain" | "test" | "wallets" | "learn" | "wallet" | "unit";

export const lang = "en";

export const text: Record<Key, string> = {
  heading: "Read this page",
  unit: "in {symbol} on {network}",
  test: "Test network: this money is worth nothing",

  "do-pay": "Pay {price}",
  "do-see": "See the price",
  "do-retry": "Try again",
  "do-choose": "Continue",
  "do-check": "Check again",
  "do-reload": "Reload the page",
  "do-wait": "One moment…",
  "do-link": "Open the page",
  cancel: "Cancel",
  stop: "Stop waiting",

  offer: "One payment, no account.",
  confirm: "The price is {price}. One payment, no account.",
  "price-changed": "The price has changed from {before} to {price}. Nothing was charged.",
  "choose-wallet": "",
  rejected: "You cancelled. Nothing was charged.",

  quoting: "Asking for the price…",
  connecting: "Connecting to your wallet…",
  "wallet-waiting": "Your wallet is waiting. Open it to continue.",
  switching: "Your wallet asks to switch to {network}.",
  signing: "Confirm the payment of {price} in your wallet.",
  settling: "Paying… usually under 5 seconds.",
  "settling-slow": "Still confirming. You will not be charged twice.",
  pending: "Your payment is being confirmed. You can leave; you will not be charged twice.",
  offline: "No connection. Your payment is kept; you will not be charged twice.",
  delivering: "Paid. Loading your page…",
  unlocked: "Paid. Opening your page…",
  "other-tab": "You are paying for this page in another tab. Finish there.",

  "no-wallet": "You need a wallet to pay here: an extension or app that holds digital dollars ({symbol}).",
  locked: "Choose an account in your wallet and let this site see it.",
  "wallet-busy": "Your wallet has a question open already. Answer it there, then try again.",
  disconnected: "Your wallet is not connected to a network.",
  "wrong-network": "Switch your wallet to {network}, then try again.",
  "unsupported-wallet": "This wallet cannot pay here yet. Nothing was charged.",
  "wallet-trouble": "Your wallet reported a problem. Nothing was charged.",
  "low-balance": "Your account has less than {price} in {symbol} on {network}. Nothing was charged.",
  expired: "The offer ran out before the payment arrived. Nothing was charged.",
  clock: "Your device’s clock looks wrong. Set it, then reload. Nothing was charged.",
  refused: "The payment was not accepted. Nothing was charged.",
  "already-used": "This payment was used before. Nothing was charged again.",
  "bound-elsewhere": "This payment belongs to another page. Nothing was charged again.",
  pinned: "What is asked for is not what this page allows. Nothing was charged.",
  "no-offer": "This page asks for a payment that this card cannot make.",
  unavailable: "The price could not be loaded. Nothing was charged.",
  approval: "Let Permit2 move {symbol} in your wallet first. Nothing was charged.",
  undeliverable: "The site cannot show this page now. Nothing was charged.",
  framed: "Inside another site’s frame, paying is not safe.",
  elsewhere: "This page is on another site. Pay and read it there.",
  broken: "Something went wrong here. Reload the page; you will not be charged twice.",

  details: "What you will sign",
  amount: "Amount",
  to: "To",
  network: "Network",
  explain: "Your wallet asks for one signature. It allows exactly this transfer and nothing else. There is no network fee. Your wallet may warn you of a site it does not know.",
  wallets: "Which wallet do you want to pay with?",
  wallet: "Browser wallet",
  learn: "What is a wallet?",
};
