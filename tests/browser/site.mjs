// A site of our own behind the widget, which answers what a test tells it to: the real 402 page under its real policy, an article,
// pages that embed the card. No chain, no facilitator.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { listen } from "../../tools/lib/processes.mjs";
import { payTo } from "../support/accounts.mjs";
import { decode, encode } from "../support/pay.mjs";

const root = join(import.meta.dirname, "../..");
const read = (path) => readFileSync(join(root, path), "utf8");

export const ARTICLE = "The lamp was lit at dusk and nobody rowed out to see it.";

const TYPES = { js: "text/javascript", wasm: "application/wasm", json: "application/json" };
const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const document = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>${body}`;

const BODY = document("Article", `<h1>Keepers</h1><p>${ARTICLE}</p>`);
/**
 * What tests change: `lang` of our page; fields of the `base` offer; `more` entries of `accepts`; files `changed` on their way, by name; `body` and `type` of the
 * article, whose end comes after `rest`; headers of the `receipt`; the `policy` of the pages; `extensions` of the offer.
 */
const FRESH = () => ({ lang: "en", more: [], changed: {}, body: BODY, type: "text/html; charset=utf-8", base: {}, rest: undefined, late: 0, receipt: {}, policy: "", extensions: undefined });

/** A quote as the Worker makes it, with a MAC that only a Worker could check. */
export function quote({ issued = Math.floor(Date.now() / 1000), tag = Buffer.alloc(16, 7) } = {}) {
  const payload = Buffer.alloc(32);
  tag.copy(payload);
  payload.writeBigUInt64BE(BigInt(issued), 16);
  payload.writeBigUInt64BE(BigInt(issued + 900), 24);
  return `v1.k.${payload.toString("base64url")}.${Buffer.alloc(32).toString("base64url")}`;
}

export const problem = (status, slug, headers = {}) => ({ status, slug, headers });

/**
 * `site.next` holds what the following payments are answered with: a `problem`, "hang", "break", or nothing for "paid".
 * `site.payments` are the payments as they came, `site.asked` every request for the article; an offer takes `site.slow` ms, for ever if that is infinite.
 */
export async function startSite() {
  const template = await import("../../target/pipeline/page.js");
  const words = JSON.parse(template.words);
  const site = {
    payments: [], asked: [], next: [], amount: "50000", description: "The lighthouse keepers of the North Sea", quoted: true, pages: {},
    missing: new Set(), extra: {}, slow: 0, ...FRESH(),
    distinct: () => new Set(site.payments.map(({ header }) => header)),
  };

  const required = (error) => ({
    x402Version: 2, error,
    resource: { url: `${site.url}/article`, description: site.description },
    accepts: [{
      scheme: "exact", network: "eip155:84532", amount: site.amount, asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
      payTo: payTo.address, maxTimeoutSeconds: 300, extra: { name: "USDC", version: "2", accessSeconds: 2_592_000, ...(site.quoted ? { quote: quote() } : {}), ...site.extra },
      ...site.base,
    }, ...site.more],
    extensions: site.extensions,
  });
  const price = () => `$${(Number(site.amount) / 1e6).toFixed(2)}`;
  const fill = (text, values, literal) => text.replace(/\{\{([\w ]+)\}\}/g, (_, name) => literal[name] ?? (name.startsWith("say ") ? words[site.lang][name.slice(4)] : escape(values[name])));
  /** The card as the Worker fills it, and what it fills our own page with. */
  const filled = (mode) => {
    const said = words[site.lang];
    const dir = site.lang === "ar" ? "rtl" : "ltr";
    const put = (text, of) => text.replace(/\{(\w+)\}/g, (_, name) => (dir === "rtl" && name !== "amount" ? `\u2068${of[name]}\u2069` : of[name]));
    // an article's own page has the title above the card
    const heading = mode === "page" ? said.heading : site.description;
    const amount = put(said.dollars, { amount: price().slice(1).replace(".", said.point) });
    const values = {
      lang: site.lang, dir, site: "news.example", url: `${site.url}/article`, title: site.description, heading, price: price(), amount, symbol: "USDC",
      network: "Base Sepolia", offer: encode({ ...required(""), resource: undefined }), mode,
      unit: put(said.unit, { symbol: "USDC", network: "Base Sepolia" }), pay: put(said["do-pay"], { price: amount }),
    };
    const literal = { class: "", description: mode === "page" ? "" : ` description="${escape(site.description)}"`, test: " test-network", real: "", demo: "", lead: `<p>${said.lead}</p>` };
    literal.card = fill(template.card, values, literal);
    return { card: literal.card, html: () => fill(template.html, values, literal) };
  };
  const page402 = () => filled("page").html();

  const refuse = (response, { status, slug, headers, raw }) => {
    const body = { type: `https://farthing.dev/problems/${slug}`, title: "", status, detail: "" };
    const offer = status === 402 ? { "payment-required": encode(required(slug)) } : {};
    response.writeHead(status, { "content-type": "application/problem+json", "cache-control": "no-store", ...offer, ...headers });
    response.end(JSON.stringify(raw ?? body));
  };

  const article = async (request, response) => {
    const header = request.headers["payment-signature"];
    site.asked.push({ header, accept: request.headers.accept });
    const owned = /(^|; )pass=1/.test(request.headers.cookie ?? "");
    if (header) {
      site.payments.push({ header, ...decode(header) });
      const answer = site.next.shift();
      if (answer === "hang") return undefined;
      // the clock of a server of long after
      if (site.late && answer) response.setHeader("date", new Date(site.late * 1000).toUTCString());
      if (answer === "break") return request.socket.destroy();
      if (answer) return refuse(response, answer);
      response.setHeader("set-cookie", "pass=1; Path=/article; HttpOnly; SameSite=Lax");
    } else if (!owned) {
      if (site.slow === Infinity) return undefined;
      if (site.slow) await new Promise((resolve) => setTimeout(resolve, site.slow));
      if (!request.headers.accept?.includes("text/html")) return refuse(response, problem(402, "payment-required"));
      response.writeHead(402, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "content-security-policy": template.csp });
      return response.end(page402());
    }
    for (const [name, value] of Object.entries(header ? site.receipt : {})) response.setHeader(name, value);
    response.setHeader("content-type", site.type);
    if (site.rest) {
      response.write(site.body.slice(0, 20));
      await site.rest;
      return response.end(site.body.slice(20));
    }
    return response.end(site.body);
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    if (pathname === "/article") return article(request, response);
    if (pathname === "/moved") return response.writeHead(308, { location: "/article" }).end();
    if (site.pages[pathname]) {
      response.setHeader("content-type", "text/html; charset=utf-8");
      if (site.policy) response.setHeader("content-security-policy", site.policy);
      return response.end(document("Page", site.pages[pathname]));
    }
    const [, name] = /^\/\.farthing\/([a-z.]+\.(?:js|wasm|json))$/.exec(pathname) ?? [];
    if (!name || site.missing.has(name)) return response.writeHead(404).end();
    response.setHeader("content-type", TYPES[name.split(".").at(-1)]);
    const bytes = readFileSync(join(root, "js/dist", name));
    return response.end(site.changed[name]?.(bytes) ?? bytes);
  });
  site.url = `http://127.0.0.1:${await listen(server)}`;
  site.article = `${site.url}/article`;
  /** A page with the card in it. */
  site.embed = (path, attributes) => {
    const text = Object.entries({ src: "/article", ...attributes }).map(([name, value]) => ` ${name}="${escape(value)}"`).join("");
    site.pages[path] = `<h1>Front page</h1><script type="module" src="/.farthing/farthing.js"></script><farthing-paywall${text}></farthing-paywall>`;
    return site.url + path;
  };
  /** An article that breaks off at a card, as the Worker puts one in. */
  site.teaser = (path) => {
    const script = '<script type="module" src="/.farthing/page.js"></script>';
    const card = filled("teaser").card.replace("<farthing-paywall", '$& src="/article"');
    site.pages[path] = `${script}<main lang="${site.lang}" style="max-width: 36rem; margin: 0 auto; font: 1.125rem/1.6 Georgia, serif"><h1>${escape(site.description)}</h1><p>The light at the end of the mole has had no keeper since spring. Somebody still winds the clock.</p>${card}</main>`;
    return site.url + path;
  };
  site.reset = () => Object.assign(site, { payments: [], asked: [], next: [], amount: "50000", quoted: true, extra: {}, slow: 0, missing: new Set(), ...FRESH() });
  site.stop = () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); });
  return site;
}
