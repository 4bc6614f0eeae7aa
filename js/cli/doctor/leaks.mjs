// Whether the article can be had without paying, under one of the other addresses that servers give a page, or by posing as somebody
// else (threats D1, D3, D5).
import { ask } from "../lib/ask.mjs";
import { beyond, itemsAbout, runs } from "./text.mjs";

/** This many six-word runs that are on no open page are more than a teaser's difference. */
const MANY = 40;
const AT_ONCE = 4;
/** So many of the addresses that pages announce are asked for. */
const ANNOUNCED = 20;

const list = (url, about) => ({ what: url.pathname + url.search, url: url.href, about });

/** [{what, url, method?, headers?, about?}]; `about` is the path whose part of a list counts. */
function alternates(url, buildId) {
  const { origin, pathname } = new URL(url);
  const path = pathname.replace(/\/$/, "") || "/";
  const slug = path.split("/").at(-1);
  const last = path.length - slug.length;
  const escaped = `%${slug.charCodeAt(0).toString(16).padStart(2, "0")}${slug.slice(1)}`;
  const same = (address) => ({ what: address, url: origin + address });
  const posing = (what, headers, more = {}) => ({ what, url, headers, ...more });
  return [
    ...[
      pathname.endsWith("/") ? path : `${path}/`, `/${path}`, path.slice(0, last) + slug.toUpperCase(), path.slice(0, last) + escaped,
      ...[".html", ".htm", ".php", ".md", ".txt", ".json", ".amp", ".xml", "/amp", "/amp/", "/index.html", "/feed", "/feed/", "/print", "/embed/", "/__data.json", "/_payload.json", "/index.txt", "/index.json", ";a=b", "."].map((end) => path + end),
      `/amp${path}`, `/print${path}`, `/m${path}`, `/page-data${path}/page-data.json`,
      ...["amp=1", "print=1", "output=amp", "outputType=amp", "format=json", "view=print", "preview=true", "utm_source=x"].map((query) => `${pathname}?${query}`),
      ...(buildId ? [`/_next/data/${buildId}${path}.json`] : []),
    ].map(same),
    ...["/feed", "/feed/", "/rss", "/rss/", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feed.json",
      `/wp-json/wp/v2/posts?slug=${slug}`, `/wp-json/wp/v2/pages?slug=${slug}`, `/?rest_route=/wp/v2/posts&slug=${slug}`,
      `/ghost/api/content/posts/slug/${slug}/`,
    ].map((address) => list(new URL(origin + address), path)),
    posing("a crawler by its User-Agent (Googlebot)", { "user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)" }),
    posing("a link preview by its User-Agent (facebookexternalhit)", { "user-agent": "facebookexternalhit/1.1" }),
    posing("a visitor from a search engine (Referer)", { referer: "https://www.google.com/", accept: "text/html" }),
    posing("Accept: text/markdown", { accept: "text/markdown" }),
    posing("a component request (RSC: 1)", { rsc: "1", accept: "*/*" }),
    posing("a range", { range: "bytes=0-" }),
    posing("POST", { accept: "text/html" }, { method: "POST", body: "" }),
    { what: "/ with X-Original-URL", url: `${origin}/`, headers: { "x-original-url": path, "x-rewrite-url": path } },
  ];
}

/** The value of an attribute in a tag. */
const attribute = (tag, name) => {
  const [, quoted, single, bare] = new RegExp(String.raw`\s${name}\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`, "i").exec(tag) ?? [];
  return (quoted ?? single ?? bare)?.trim().replaceAll("&amp;", "&");
};

/** What pages announce as the same in another form, feeds above all, in their heads and in Link headers; of the same site. */
function announced(pages, url) {
  const { origin, pathname } = new URL(url);
  const found = new Map();
  for (const { url: base = url, body = "", headers } of pages) {
    const tags = body.match(/<link\s[^>]*>/gi) ?? [];
    const links = (headers?.get("link") ?? "").match(/<[^>]*>[^,]*/g) ?? [];
    const all = [
      ...tags.map((tag) => [tag, attribute(tag, "href")]),
      ...links.map((link) => [link.replaceAll(";", " "), link.slice(1, link.indexOf(">"))]),
    ];
    for (const [tag, href] of all) {
      if (!/(?:^|\s)(?:alternate|amphtml)(?:\s|$)/i.test(attribute(tag, "rel") ?? "") || !href || !URL.canParse(href, base)) continue;
      // another page's other form, or another language, is no form of this page; a feed of the site is
      const data = /^application\//i.test(attribute(tag, "type") ?? "");
      if (!data && (base !== url || attribute(tag, "hreflang"))) continue;
      const to = new URL(href, base);
      to.hash = "";
      if (to.origin === origin && to.href !== url && to.pathname !== "/") found.set(to.href, list(to, pathname.replace(/\/$/, "") || "/"));
    }
  }
  return [...found.values()];
}

const buildIdIn = (body) => /"buildId":"([\w-]+)"/.exec(body)?.[1] ?? /\/_next\/static\/([\w-]+)\/_(?:buildManifest|ssgManifest)\.js/.exec(body)?.[1];

/**
 * One finding for each address that is open, and one for all that is closed, or for what could not be told. `paid` is the article's text,
 * where it is known.
 */
export async function lookForLeaks({ url, open, paid }) {
  const seen = new Set(open.flatMap(({ body }) => [...runs(body ?? "")]));
  const known = paid === undefined ? undefined : new Set(beyond(runs(paid), seen));
  const guessed = alternates(url, open.map(({ body }) => buildIdIn(body ?? "")).find(Boolean));
  const more = announced([...open, { body: paid }], url).filter((one) => !guessed.some((other) => other.url === one.url));
  const all = [...guessed, ...more.slice(0, ANNOUNCED)];
  const findings = [];
  const partly = []; // lists with much in them that names no page
  const queue = [...all];
  const work = async () => {
    for (let one = queue.shift(); one; one = queue.shift()) {
      let answer = await ask(one.url, one);
      // one step is followed: to the page itself it leads back to the 402, elsewhere it may lead to the text
      const to = answer.status >= 300 && answer.status < 400 ? answer.headers.get("location") : undefined;
      if (to && URL.canParse(to, one.url) && new URL(to, one.url).origin === new URL(url).origin) answer = await ask(new URL(to, one.url), one.headers ? { headers: one.headers } : {});
      if (!(answer.status >= 200 && answer.status < 300)) continue;
      // who knows what is sold looks for it in the whole list: an item need not name the page
      const blind = one.about && !known?.size;
      const { about, untold } = blind ? itemsAbout(answer.body, one.about) : { about: answer.body, untold: "" };
      const fresh = beyond(runs(about), seen);
      const shared = known && fresh.filter((run) => known.has(run)).length;
      const isOpen = known?.size ? shared > 0 : fresh.length >= MANY;
      if (!isOpen) {
        if (beyond(runs(untold), seen).length >= MANY) partly.push(one.what);
        continue;
      }
      const how = one.url === url || one.headers ? `as ${one.what}` : `at ${one.what}`;
      const much = known?.size ? `${shared} runs of six words that are in the article` : `${fresh.length} runs of six words that no open page has`;
      findings.push({ id: one.headers && !one.about ? "open" : "leak", level: "wrong", at: one.what, text: `unpaid, ${how}: ${answer.status} with ${much}` });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const closed = all.length - partly.length;
  if (partly.length > 0) {
    findings.push({
      id: "leak", level: "note",
      text: `${partly.sort().join(", ")}: not looked into where it does not name this page, as what is sold is not known here; --origin URL of a server that answers here tells it`,
    });
  }
  if (more.length > ANNOUNCED) findings.push({ id: "leak", level: "note", text: `${more.length - ANNOUNCED} more addresses that the pages announce were not asked for` });
  if (findings.every(({ level }) => level !== "wrong")) {
    const text = `${closed} ${partly.length > 0 ? `of ${all.length} ` : ""}other addresses and disguises give nothing away`;
    findings.unshift({ id: "leak", level: partly.length > 0 ? "note" : "ok", text });
  }
  return findings;
}
