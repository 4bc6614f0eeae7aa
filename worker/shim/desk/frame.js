// What is around every page of the desk.

import { html } from "./html.js";
import { keeping, label } from "./sample.js";
import css from "./desk.css";

const PAGES = [["", "Revenue"], ["/articles", "Articles"], ["/readers", "Readers"], ["/payments", "Payments"], ["/refunds", "Refunds"], ["/trouble", "Trouble"], ["/reconciliation", "Reconciliation"], ["/health", "Health"]];
export const SECURE = {
  "cache-control": "private, no-store", "cdn-cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin", "x-frame-options": "DENY",
};
let policy;

// Nothing but this style sheet, by its digest, unless a page says what it needs besides, and the empty picture that keeps browsers from asking the site for an icon.
async function policyOf() {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(css));
  return `default-src 'none'; style-src 'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`;
}

export async function frame({ path, query, site, now, choice, status = 200, title, content, script }) {
  const link = ([to, name]) => html`<li><a href="/.farthing/desk${to}"${to === path && html` aria-current="page"`}>${name}</a></li>`;
  const page = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><link rel="icon" href="data:,">
${script && html`<script src="/.farthing/desk/wallet.js" defer></script>
`}<title>${title} · the desk of ${new URL(site).host}</title><style>`;
  const rest = html`</head><body><a class="skip" href="#main">To the content</a>
<header><p><a href="/.farthing/desk">The desk</a> <span>${new URL(site).host}</span></p><nav aria-label="Desk"><ul>${PAGES.map(link)}</ul></nav></header>
${choice && label({ choice, path, query })}<main id="main"><h1>${title}</h1>
${content}</main>
<footer><p>As the books have it at ${new Date(now * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC. Days are by UTC, and a payment is counted on the day on which it settled.</p></footer></body></html>`;
  policy ??= await policyOf();
  // the style sheet's own signs are not a page's: its digest is over just these bytes
  return new Response(`${page}${css}</style>${choice ? keeping(`${rest}`, choice) : rest}`, { status, headers: { ...SECURE, "content-type": "text/html; charset=utf-8", "content-security-policy": policy + (script ?? "") } });
}

export const text = (status, body, headers = {}) => new Response(`${body}\n`, { status, headers: { ...SECURE, ...headers, "content-type": "text/plain; charset=utf-8" } });
