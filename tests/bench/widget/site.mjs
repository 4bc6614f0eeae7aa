// The one server behind all pages of the comparison: every body compressed beforehand, headers as a CDN sends them, a payment answered at
// once. What it sends is written down.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { listen } from "../../../tools/lib/processes.mjs";
import { sampleGate } from "../../../tools/lib/served.mjs";
import { programs } from "../../../tools/lib/setup-sites.mjs";
import { root } from "../../../tools/lib/toolchain.mjs";
import { decode, encode } from "../../support/pay.mjs";

export const ARTICLE_TEXT = "Nobody rowed out to see it, and it burned all night.";
const ARTICLE = "/articles/the-lighthouse-keepers";
const ASSETS = "/.farthing/";
const TYPES = {
  ".js": "text/javascript", ".wasm": "application/wasm", ".json": "application/json", ".css": "text/css", ".html": "text/html; charset=utf-8",
};
const SHORT = "public, max-age=300";
const NEVER = "private, no-store";

const here = (name) => readFileSync(join(import.meta.dirname, "pages", name), "utf8");

async function fetchScript() {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "pages/fetch.js")], bundle: true, minify: true, treeShaking: true, format: "esm", target: "es2022",
    platform: "browser", define: { "process.env.NODE_ENV": '"production"' }, write: false, legalComments: "none", logLevel: "silent",
  });
  return outputFiles[0].contents;
}

const known = new Map();
/** A body as it is and under brotli at level 11, compressed once. */
function body(content) {
  const raw = Buffer.from(content);
  const key = createHash("sha256").update(raw).digest("base64url");
  if (!known.has(key)) {
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length };
    known.set(key, { raw, br: raw.length > 0 ? brotliCompressSync(raw, { params }) : raw, etag: `"${key.slice(0, 16)}"` });
  }
  return known.get(key);
}

/** A body to answer with, and how. */
const answer = (content, type, cache, { status = 200, headers = [] } = {}) => ({ ...body(content), type, cache, status, headers });

/**
 * `site.pages` are their addresses by name. `site.sent` is what was sent since `site.forget()`: {path, raw, br, wire, article}, `wire` with
 * the headers; `article` is what was paid for. `site.payments` as they came. `site.renew()` makes new offers, which are good for
 * some minutes.
 */
export async function startBenchSite() {
  const server = createServer();
  const url = `http://127.0.0.1:${await listen(server)}`;
  const site = { url, sent: [], payments: [] };
  const script = answer(await fetchScript(), TYPES[".js"], SHORT);
  const { evmPaywall } = await programs.paywall.load();
  const page402 = await import(join(root, "target/pipeline/page.js"));
  const article = answer(`<!doctype html><meta charset="utf-8"><title>The lighthouse keepers</title><h1>The lighthouse keepers</h1><p>${ARTICLE_TEXT}</p>`, TYPES[".html"], NEVER);
  const ask = sampleGate(join(root, "worker/build/edge.wasm"), join(root, "worker/farthing.jsonc"), page402, url);
  const assets = new Map();
  let paywall;
  let now;

  site.renew = () => {
    const seconds = Math.floor(Date.now() / 1000);
    const gated = (accept) => {
      const { status, headers, body: content } = ask(ARTICLE, accept, seconds);
      if (status !== 402) throw new Error(`the gate answered ${status}`);
      return answer(content, undefined, undefined, { status, headers });
    };
    const [html, json] = ["text/html", "application/json"].map(gated);
    const header = json.headers.find(([name]) => name.toLowerCase() === "payment-required");
    const required = decode(header[1]);
    const [accepted] = required.accepts;
    const fill = (name) => here(name).replace(/\{\{(\w+)\}\}/g, (_, what) =>
      ({ article: ARTICLE, price: `$${(Number(accepted.amount) / 1e6).toFixed(2)}`, accepted: JSON.stringify(accepted) })[what]);
    // once: its two megabytes take seconds to compress, and it does not look at how old the offer is
    paywall ??= answer(evmPaywall.generateHtml(accepted, required, { testnet: true, appName: "News" }), TYPES[".html"], NEVER, { status: 402, headers: [header] });
    now = {
      html, json,
      "/embed": answer(fill("embed.html"), TYPES[".html"], SHORT),
      "/fetch": answer(fill("fetch.html"), TYPES[".html"], SHORT),
      "/fetch.js": script,
      "/inline": answer(fill("inline.html"), TYPES[".html"], SHORT),
      "/paywall": paywall,
    };
  };

  function asset(pathname) {
    const folder = join(root, "js/dist");
    const file = normalize(join(folder, pathname.slice(ASSETS.length)));
    if (!file.startsWith(folder + sep) || !TYPES[extname(file)] || !existsSync(file)) return undefined;
    if (!assets.has(file)) assets.set(file, answer(readFileSync(file), TYPES[extname(file)], SHORT));
    return assets.get(file);
  }
  function toArticle({ headers }) {
    const payment = headers["payment-signature"];
    if (payment) {
      site.payments.push(decode(payment));
      const { network } = site.payments.at(-1).accepted;
      return { ...article, headers: [["Set-Cookie", "pass=1; Path=/articles; HttpOnly; SameSite=Lax"], ["PAYMENT-RESPONSE", encode({ success: true, transaction: `0x${"7".repeat(64)}`, network })]] };
    }
    if (/(^|; )pass=1/.test(headers.cookie ?? "")) return article;
    return headers.accept?.includes("text/html") ? now.html : now.json;
  }

  server.on("request", (request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    const found = pathname === ARTICLE ? toArticle(request) : pathname.startsWith(ASSETS) ? asset(pathname) : now[pathname];
    const { raw, br, etag, type, cache, status, headers } = found ?? answer("", "text/plain", NEVER, { status: 404 });
    // every browser takes it from this machine; nothing would be comparable without
    if (!/\bbr\b/.test(request.headers["accept-encoding"] ?? "")) return void response.writeHead(406).end();
    const whole = request.method !== "HEAD";
    const sent = { path: pathname, raw: whole ? raw.length : 0, br: whole ? br.length : 0, article: status === 200 && pathname === ARTICLE };
    site.sent.push(sent);
    const begin = request.socket.bytesWritten;
    sent.done = new Promise((resolve) => {
      response.once("close", () => {
        sent.wire = request.socket.bytesWritten - begin;
        resolve();
      });
    });
    if (type) response.setHeader("Content-Type", type);
    if (cache) response.setHeader("Cache-Control", cache);
    if (cache === SHORT) response.setHeader("ETag", etag);
    for (const [name, value] of headers) response.setHeader(name, value);
    response.setHeader("Vary", [response.getHeader("Vary"), "Accept-Encoding"].filter(Boolean).join(", "));
    if (br.length > 0) response.setHeader("Content-Encoding", "br");
    response.setHeader("Content-Length", br.length);
    response.writeHead(status).end(br);
  });
  site.renew();
  site.pages = Object.fromEntries(Object.entries({ edge: ARTICLE, embed: "/embed", paywall: "/paywall", fetch: "/fetch", inline: "/inline" }).map(([name, path]) => [name, url + path]));
  site.forget = () => Object.assign(site, { sent: [], payments: [] });
  site.stop = () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); });
  return site;
}
