// Sums as the books have them: atomic units, in three integers, since SQLite's own end at 2^63.

import { assets } from "./assets.js";

const PART = 10n ** 12n;
const SAMPLE = /^sample:/;
const known = new Map(assets.map((asset) => [`${asset.network} ${asset.asset.toLowerCase()}`, asset]));

/** What is known of a token; nothing for one that is none of the table's. A sample's is money of its own, which nothing is added to. */
export function tokenOf(network, asset) {
  const token = known.get(`${network.replace(SAMPLE, "")} ${asset.toLowerCase()}`);
  return token && SAMPLE.test(network) ? { ...token, network, symbol: `sample ${token.symbol}`, test: true } : token;
}

/** What a network is called. */
export function networkName(network) {
  const name = network.replace(SAMPLE, "");
  return (assets.find((asset) => asset.network === name)?.networkName ?? name) + (SAMPLE.test(network) ? " (sample)" : "");
}

/** Atomic units of a row's three sums. */
export const sum = ({ high, middle, low }) => (BigInt(high) * PART + BigInt(middle)) * PART + BigInt(low);

/** "1,234.56 USDC", with as many digits as there are, at least two; of an unknown token its atomic units. */
export function amount(units, network, asset) {
  const token = tokenOf(network, asset);
  if (!token) return `${grouped(units.toString())} units of ${asset.slice(0, 8)}…`;
  return `${decimal(units, token.decimals)} ${token.symbol}`;
}

export function decimal(units, decimals) {
  const digits = units.toString().replace("-", "").padStart(decimals + 1, "0");
  const cents = digits.slice(digits.length - decimals).replace(/0+$/, "").padEnd(Math.min(2, decimals), "0");
  const whole = grouped(digits.slice(0, digits.length - decimals));
  return `${units < 0n ? "-" : ""}${whole}${cents && "."}${cents}`;
}

/** The same for programs: "1234.56"; nothing for a token whose decimals are not known. */
export const plain = (units, decimals) => (units === null || decimals === undefined ? null : decimal(BigInt(units), decimals).replaceAll(",", ""));

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
export const count = (number) => grouped(String(number));

/**
 * Sums of rows of `{network, asset, payments, high, middle, low}`, by symbol and by whether the money is a test network's: the same token on two
 * networks is one money, and nothing else is added up. The largest number of payments comes first.
 */
export function monies(rows) {
  const all = new Map();
  for (const row of rows) {
    const { network, asset, payments } = row;
    const token = tokenOf(network, asset);
    const name = token ? `${token.symbol} ${token.test} ${token.decimals}` : `${network} ${asset}`;
    const money = all.get(name) ?? { network, asset, test: token?.test ?? false, payments: 0, units: 0n };
    money.payments += payments;
    money.units += sum(row);
    all.set(name, money);
  }
  const last = ({ network }) => Number(SAMPLE.test(network));
  return [...all.values()].sort((a, b) => last(a) - last(b) || Number(a.test) - Number(b.test) || b.payments - a.payments);
}

/** Such sums in words. */
export const said = (rows) => monies(rows).map(({ units, network, asset, test }) => amount(units, network, asset) + (test && !SAMPLE.test(network) ? " (test)" : "")).join(" + ") || "0.00";
