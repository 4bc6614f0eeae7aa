// The same sale written by hand, as one would for one's own site: one price, one folder, one network. It has no ledger and checks no
// signature: a facilitator is asked to verify, and asked again to settle.
import { csp, html } from "./page.js";

const NETWORK = "eip155:84532";
const ASSET = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const AMOUNT = "50000";
const LIFETIME = 30 * 24 * 3600;
const COOKIE = "pass=";
const PRIVATE = "private, no-store";

const encoder = new TextEncoder();
const pieces = html.split(/\{\{(\w+)\}\}/);
const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

let requirements;
let key;

function setUp(env) {
  requirements = {
    scheme: "exact", network: NETWORK, amount: AMOUNT, asset: ASSET, payTo: env.PAY_TO, maxTimeoutSeconds: 300,
    extra: { name: "USDC", version: "2" },
  };
  const bytes = encoder.encode(env.SECRET);
  key = crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (!url.pathname.startsWith("/articles/")) return fetch(request);
    if (!requirements) setUp(env);
    const payment = request.headers.get("payment-signature");
    if (payment !== null) return paid(request, url, payment, env);
    const cookie = request.headers.get("cookie");
    if (cookie !== null && await opens(cookie, url.pathname)) return read(await fetch(request));
    return unpaid(request, url);
  },
};

function offer(url, error) {
  const resource = { url: url.origin + url.pathname, description: "One article, for 30 days", mimeType: "text/html" };
  return { x402Version: 2, error, resource, accepts: [requirements] };
}

function unpaid(request, url, error = "payment required") {
  const asked = offer(url, error);
  const text = JSON.stringify(asked);
  const required = btoa(text);
  const headers = { "payment-required": required, "cache-control": PRIVATE, vary: "accept, payment-signature, cookie" };
  if (!request.headers.get("accept")?.includes("text/html")) {
    return new Response(text, { status: 402, headers: { ...headers, "content-type": "application/json" } });
  }
  const values = {
    lang: "en", title: escape("One article, for 30 days"), site: escape(url.host), price: "$0.05", symbol: "USDC", network: "Base Sepolia",
    offer: required, url: escape(asked.resource.url), test: "", demo: "",
  };
  const page = pieces.map((piece, index) => (index % 2 === 0 ? piece : values[piece])).join("");
  return new Response(page, {
    status: 402, headers: { ...headers, "content-type": "text/html; charset=utf-8", "content-security-policy": csp },
  });
}

async function paid(request, url, header, env) {
  let payload;
  try {
    payload = JSON.parse(atob(header));
  } catch {
    return unpaid(request, url, "the payment is not base64 of JSON");
  }
  if (!answersOffer(payload)) return unpaid(request, url, "the payment answers another offer");
  const body = JSON.stringify({ x402Version: 2, paymentPayload: payload, paymentRequirements: requirements });
  const verified = await ask(env, "verify", body);
  if (!verified?.isValid) return unpaid(request, url, verified?.invalidReason ?? "the facilitator does not answer");
  const forwarded = new Request(request);
  forwarded.headers.delete("payment-signature");
  const response = await fetch(forwarded);
  if (!response.ok) return response;
  const settled = await ask(env, "settle", body);
  if (!settled?.success) {
    await response.body?.cancel();
    return unpaid(request, url, settled?.errorReason ?? "the facilitator does not answer");
  }
  const answer = read(response);
  answer.headers.set("payment-response", btoa(JSON.stringify(settled)));
  answer.headers.set("set-cookie", `${COOKIE}${await pass(url.pathname)}; Path=${url.pathname}; Max-Age=${LIFETIME}; HttpOnly; Secure; SameSite=Lax`);
  return answer;
}

function answersOffer(payload) {
  const accepted = payload?.accepted;
  return payload?.x402Version === 2 && accepted?.scheme === "exact" && accepted.network === NETWORK && accepted.asset === ASSET
    && accepted.amount === AMOUNT && accepted.payTo === requirements.payTo;
}

async function ask(env, what, body) {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body };
  const response = await fetch(`${env.FACILITATOR}/${what}`, init);
  return response.ok ? response.json() : undefined;
}

function read(response) {
  const answer = new Response(response.body, response);
  answer.headers.set("cache-control", PRIVATE);
  return answer;
}

async function pass(path) {
  const until = Math.floor(Date.now() / 1000) + LIFETIME;
  const mac = await crypto.subtle.sign("HMAC", await key, encoder.encode(`${until} ${path}`));
  return `${until}.${btoa(String.fromCharCode(...new Uint8Array(mac))).replaceAll("+", "-").replaceAll("/", "_")}`;
}

async function opens(cookies, path) {
  const pair = cookies.split("; ").find((one) => one.startsWith(COOKIE));
  if (!pair) return false;
  const [until, text] = pair.slice(COOKIE.length).split(".");
  if (!text || Number(until) * 1000 < Date.now()) return false;
  try {
    const mac = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return await crypto.subtle.verify("HMAC", await key, mac, encoder.encode(`${until} ${path}`));
  } catch {
    return false;
  }
}
