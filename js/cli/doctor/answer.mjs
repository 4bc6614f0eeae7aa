// What the unpaid answers themselves have to be: an offer that the official clients read, for programs and for people, kept by no cache,
// readable by the pages that may, and honest to search engines.
import { offersIn, plainOffers, widerText } from "../lib/offer.mjs";

const ok = (id, text) => ({ id, level: "ok", text });
const note = (id, text) => ({ id, level: "note", text });
const wrong = (id, text) => ({ id, level: "wrong", text });

/** Longer header lines are cut or refused by servers between here and the reader. */
const LONGEST_HEADER = 8000;

/** The offer, as programs get it. */
export function lookAtOffer({ url, json, head }) {
  const { status, headers, body } = json;
  const { v2, v1 } = offersIn(headers, body);
  const findings = [];
  if (status !== 402) findings.push(wrong("offer", `answers ${status} to a program that has not paid, not 402`));
  if (!v2) findings.push(wrong("offer", "has no PAYMENT-REQUIRED header, where clients of x402 v2 look"));
  else if (v2.faults.length > 0) findings.push(...v2.faults.map((fault) => wrong("offer", `PAYMENT-REQUIRED: ${fault}`)));
  else findings.push(ok("offer", "clients of x402 v2 read the offer in PAYMENT-REQUIRED"));
  const length = headers.get("payment-required")?.length ?? 0;
  if (length > LONGEST_HEADER) findings.push(wrong("offer", `PAYMENT-REQUIRED is ${length} bytes long; servers cut headers above ${LONGEST_HEADER}`));
  if (!v1) findings.push(note("offer", "the body holds no offer for clients of x402 v1, the most installed"));
  else if (v1.faults.length > 0) findings.push(...v1.faults.map((fault) => wrong("offer", `the body: ${fault}`)));
  else findings.push(ok("offer", "clients of x402 v1 read the offer in the body"));
  const sold = v2?.value?.resource?.url;
  if (typeof sold === "string") {
    findings.push(sold === url ? ok("resource", "is sold under its own address") : wrong("resource", `is sold as ${sold}, which is another address`));
  }
  for (const { test, networkName, price, amount, symbol, wider } of plainOffers({ v2, v1 })) {
    if (wider) findings.push(ok("offer", `beside the article it sells for ${price ?? amount} ${symbol ?? "of a token"} on ${networkName} ${widerText(wider)}`));
    if (test && !wider) findings.push(note("money", `takes ${price} ${symbol} on ${networkName}: test money, worth nothing`));
  }
  if (head.status >= 200 && head.status < 300) findings.push(wrong("open", `HEAD answers ${head.status}, not 402`));
  return findings;
}

/** A payment that is none opens nothing, and is told to be wrong. */
export function lookAtGarbage(answers) {
  const open = answers.filter(({ status }) => status >= 200 && status < 300);
  if (open.length > 0) return [wrong("open", `a payment header with nothing in it gets ${open[0].status}: whoever sends one reads for nothing`)];
  const broken = answers.filter(({ status }) => !(status >= 400 && status < 500));
  if (broken.length > 0) return [wrong("open", `a payment header with nothing in it gets ${broken[0].status ?? broken[0].trouble}, not 400 or 402`)];
  return [ok("open", "a payment header with nothing in it opens nothing")];
}

/** What a browser gets. */
export function lookAtPage({ html }) {
  const { status, headers, body } = html;
  const offered = headers.get("payment-required") !== null;
  if (status === 402) {
    if (!/^text\/html/.test(headers.get("content-type") ?? "")) return [note("page", "browsers get no page with the 402")];
    return [ok("page", "browsers get a page with the 402"), ok("json-ld", "search engines keep no page that answers 402: nothing has to be marked")];
  }
  if (status !== 200 || !offered) return [wrong("offer", `answers ${status} to a browser${offered ? "" : ", without an offer"}`)];
  return [ok("page", "browsers get the page with its premium part removed, and the offer in its header"), ...lookAtMarkup(body)];
}

/** Every object of the page's JSON-LD. */
function markup(body) {
  const found = [];
  const visit = (value) => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (typeof value !== "object" || value === null) return undefined;
    found.push(value);
    return Object.values(value).forEach(visit);
  };
  let unread = 0;
  for (const [, text] of body.matchAll(/<script[^>]*application\/ld\+json[^>]*>([\s\S]*?)<\/script>/gi)) {
    try {
      visit(JSON.parse(text));
    } catch {
      unread += 1;
    }
  }
  return { found, unread };
}

const no = (value) => value === false || /^(https?:\/\/schema\.org\/)?false$/i.test(String(value));

/** Google's structured data for paywalled content: https://developers.google.com/search/docs/appearance/structured-data/paywalled-content. */
function lookAtMarkup(body) {
  const { found, unread } = markup(body);
  const findings = unread > 0 ? [wrong("json-ld", "a block of JSON-LD is no JSON")] : [];
  const marked = found.filter((one) => "isAccessibleForFree" in one);
  if (!marked.some((one) => no(one.isAccessibleForFree))) {
    findings.push(wrong("json-ld", marked.length > 0
      ? "isAccessibleForFree is not false: what is shown to search engines and readers differs without a word"
      : "no JSON-LD says isAccessibleForFree: false; search engines may take the trimmed page for cloaking"));
  }
  const parts = found.flatMap(({ hasPart }) => hasPart ?? []).filter((part) => part?.cssSelector !== undefined);
  if (findings.length === 0 && parts.length === 0) findings.push(wrong("json-ld", "no hasPart names the premium part by its class (cssSelector)"));
  for (const { cssSelector } of parts) {
    if (![cssSelector].flat().every((selector) => /^\.[\w-]+$/.test(selector))) findings.push(wrong("json-ld", `cssSelector "${cssSelector}" is not a class`));
  }
  if (found.some(({ articleBody }) => typeof articleBody === "string" && articleBody.length > 600)) findings.push(wrong("json-ld", "articleBody holds the article, unpaid"));
  return findings.length > 0 ? findings : [ok("json-ld", "isAccessibleForFree and hasPart say what is paid for")];
}

/** No cache may keep what was asked, or paid, for somebody (threat E1). */
export function lookAtCaches(answers) {
  const findings = [];
  for (const { headers, what } of answers) {
    const control = headers.get("cache-control") ?? "";
    if (!/\bno-store\b/.test(control)) findings.push(wrong("cache", `${what} may be kept: Cache-Control is ${control ? `"${control}"` : "not there"}, without no-store`));
    const hit = ["cf-cache-status", "x-cache", "x-proxy-cache", "x-cache-status"].find((name) => /\bhit\b/i.test(headers.get(name) ?? ""));
    if (hit || Number(headers.get("age")) > 0) findings.push(wrong("cache", `${what} came from a cache (${hit ? `${hit}: ${headers.get(hit)}` : `Age: ${headers.get("age")}`})`));
  }
  return findings.length > 0 ? findings : [ok("cache", "no cache keeps unpaid answers")];
}

const NEEDED = ["payment-signature", "x-payment", "access-control-expose-headers"];
const EXPOSED = ["payment-required", "payment-response"];
const has = (headers, name, wanted) => {
  const list = (headers.get(name) ?? "").toLowerCase().split(",").map((one) => one.trim());
  return list.includes("*") ? [] : wanted.filter((one) => !list.includes(one));
};

/** `asked` and `preflight` came with `Origin: stranger` (threat E5). */
export function lookAtCors({ asked, preflight, stranger }) {
  const allowed = asked.headers.get("access-control-allow-origin");
  if (allowed === null) return [ok("cors", "pages of other origins cannot read the offer, unless `cors` lists theirs")];
  if (allowed !== "*" && allowed !== stranger) return [ok("cors", `pages of ${allowed} can read the offer, a stranger's cannot`)];
  if (/true/i.test(asked.headers.get("access-control-allow-credentials") ?? "")) return [wrong("cors", "pages of any origin may read it with the reader's cookies: Access-Control-Allow-Credentials with every origin")];
  const unseen = has(asked.headers, "access-control-expose-headers", EXPOSED);
  const refused = preflight.headers ? has(preflight.headers, "access-control-allow-headers", NEEDED) : NEEDED;
  const findings = [
    ...(unseen.length > 0 ? [wrong("cors", `every page may ask, and none can read the offer: Access-Control-Expose-Headers lacks ${unseen.join(", ")}`)] : []),
    ...(refused.length > 0 ? [wrong("cors", `every page may ask, and none can pay: a preflight (${preflight.status ?? preflight.trouble}) does not allow ${refused.join(", ")}`)] : []),
  ];
  return findings.length > 0 ? findings : [ok("cors", "pages of every origin can read the offer and pay, without cookies")];
}
