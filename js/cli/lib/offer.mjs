// The offer in an answer, as clients of x402 read it: v2 in the header PAYMENT-REQUIRED, v1 in the body. What is demanded of it is what
// the official packages demand (PaymentRequiredV2Schema and PaymentRequiredV1Schema of @x402/core 2.27).
import { decimal, networkName, networkOf, tokenOf } from "./entries.mjs";

const filled = (value) => typeof value === "string" && value.length > 0;
const object = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/; // what decodePaymentRequiredHeader takes

/** What is wrong with the fields of an offer, as sentences. */
function faultsOfOffer(offer, at, texts) {
  if (!object(offer)) return [`${at} is not an object`];
  const faults = texts.filter((name) => !filled(offer[name])).map((name) => `${at}.${name} is not a text`);
  if (!(typeof offer.maxTimeoutSeconds === "number" && offer.maxTimeoutSeconds > 0)) faults.push(`${at}.maxTimeoutSeconds is not a number above 0`);
  if (offer.extra !== undefined && offer.extra !== null && !object(offer.extra)) faults.push(`${at}.extra is not an object`);
  return faults;
}

function faultsOf(value, version) {
  if (!object(value)) return ["is not a JSON object"];
  if (value.x402Version !== version) return [`x402Version is ${JSON.stringify(value.x402Version)}, not ${version}`];
  if (!Array.isArray(value.accepts) || value.accepts.length === 0) return ["accepts lists no offer"];
  const texts = version === 2
    ? ["scheme", "network", "amount", "asset", "payTo"]
    : ["scheme", "network", "maxAmountRequired", "resource", "payTo", "asset"];
  const faults = value.accepts.flatMap((offer, index) => faultsOfOffer(offer, `accepts[${index}]`, texts));
  if (version === 2) {
    if (!filled(value.resource?.url)) faults.push("resource.url is not a text");
    for (const [index, offer] of value.accepts.entries()) {
      if (filled(offer?.network) && !offer.network.includes(":")) faults.push(`accepts[${index}].network is not CAIP-2, like eip155:8453`);
    }
  } else {
    for (const [index, offer] of value.accepts.entries()) {
      if (object(offer) && typeof offer.description !== "string") faults.push(`accepts[${index}].description is not a text`);
    }
  }
  return faults;
}

/** {value, faults} of a PAYMENT-REQUIRED header; undefined where there is none. */
function readHeader(header) {
  if (header === null) return undefined;
  if (!BASE64.test(header)) return { faults: ["is not base64"] };
  try {
    const value = JSON.parse(Buffer.from(header, "base64").toString("utf8"));
    return { value, faults: faultsOf(value, 2) };
  } catch {
    return { faults: ["is not base64 of JSON"] };
  }
}

/** {value, faults} of a body; undefined where it is no JSON that calls itself x402 v1. */
function readBody(body) {
  try {
    const value = JSON.parse(body);
    return value?.x402Version === undefined ? undefined : { value, faults: faultsOf(value, 1) };
  } catch {
    return undefined;
  }
}

/** What an answer asks for: {v2?, v1?}, each with what is wrong with it. */
export const offersIn = (headers, body) => ({ v2: readHeader(headers.get("payment-required")), v1: readBody(body) });

/**
 * The offers in plain terms: [{scheme, network, networkName, test, amount, price?, symbol?, asset, payTo, seconds, transfer, upfront,
 * wider?}]; `wider` is {name, title?, count?, seconds?} of an offer beside the single article.
 * A price is told where the asset is known: in farthing's table, or by what the offer itself says of it.
 */
export function plainOffers({ v2, v1 }) {
  const good = v2?.value && v2.faults.length === 0 ? v2.value : v1?.value && v1.faults.length === 0 ? v1.value : undefined;
  return (good?.accepts ?? []).map((offer) => {
    const network = networkOf(offer.network);
    const known = tokenOf(network, offer.asset);
    const amount = offer.amount ?? offer.maxAmountRequired;
    const decimals = known?.decimals ?? (Number.isInteger(offer.extra?.decimals) ? offer.extra.decimals : undefined);
    return {
      scheme: offer.scheme, network, networkName: networkName(network), test: known?.test ?? undefined,
      amount, price: decimals !== undefined && /^\d+$/.test(amount) ? decimal(amount, decimals) : undefined, symbol: known?.symbol,
      asset: offer.asset, payTo: offer.payTo, seconds: offer.maxTimeoutSeconds,
      transfer: offer.extra?.assetTransferMethod ?? "eip3009", upfront: offer.extra?.paymentFlow === "upfront",
      wider: widerOf(offer.extra?.offer),
    };
  });
}

function widerOf(offer) {
  if (!object(offer) || !filled(offer.name)) return undefined;
  const number = (value) => (Number.isSafeInteger(value) && value > 0 ? value : undefined);
  return { name: offer.name, title: filled(offer.title) ? offer.title : undefined, count: number(offer.count), seconds: number(offer.seconds) };
}

export function lasting(seconds) {
  for (const [size, name] of [[86_400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]]) {
    const number = seconds / size;
    if (Number.isInteger(number) && number > 0) return `${number} ${name}${number === 1 ? "" : "s"}`;
  }
  return `${seconds} seconds`;
}

/** What an offer beside the single article is, and what it opens. */
export function widerText({ name, title, count, seconds }) {
  const time = seconds ? ` for ${lasting(seconds)}` : "";
  const opens = count ? `${count} articles, to be chosen within ${seconds ? lasting(seconds) : "its time"}` : `all that it covers${time}`;
  return `"${name}"${title ? ` (${title})` : ""}: ${opens}`;
}
