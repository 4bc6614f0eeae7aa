// What is written down of a payment, on this device.

import type { Terms } from "../wire.js";

/** Amounts in whole units, as decimal texts; addresses and hashes in hex. */
export interface Receipt {
  url: string;
  title: string;
  /** ISO 8601, by this device's clock. */
  date: string;
  price?: string;
  symbol?: string;
  network?: string;
  payTo?: string;
  payer?: string;
  transaction?: string;
  /** The site's own number, by which it finds the payment. */
  receipt?: string;
  /** Title of the bundle or pass that was bought. */
  offer?: string;
}

/** What an answer to a payment says about it. */
export function receiptOf(answer: Response, url: string, title: string, offer: Terms | undefined): Receipt | undefined {
  const said = answer.headers.get("PAYMENT-RESPONSE");
  const receipt = answer.headers.get("Farthing-Receipt") ?? undefined;
  if (!said && !receipt) return undefined;
  let settled: Record<string, unknown> = {};
  try {
    settled = JSON.parse(atob(said ?? "")) ?? {};
  } catch {
    // it says nothing more
  }
  const text = (name: string) => (typeof settled[name] === "string" ? settled[name] : undefined);
  const { price, symbol, network, payTo, wider } = offer ?? {};
  return {
    url, title, date: new Date().toISOString(), price, symbol, network, payTo,
    payer: text("payer"), transaction: text("transaction"), receipt, offer: wider?.title || wider?.name,
  };
}
