// Whether the article can be had without paying, under one of the other addresses that servers give a page, or by posing as somebody
// else (threats D1, D3, D5).
import { ask } from "../lib/ask.mjs";
import { beyond, itemAbout, runs } from "./text.mjs";

/** This many six-word runs that are on no open page are more than a teaser's difference. */
const MANY = 40;
const AT_ONCE = 4;

/** [{what, url, method?, headers?, about?}]; `about` is the path whose part of a list counts. */
export function alternates(url, buildId) {
  const { origin, pathname } = new URL(url);
  const path = pathname.replace(/\/$/, "") || "/";
  const slug = path.split("/").at(-1);
  const last = path.length - slug.length;
  const escaped = `%${slug.charCodeAt(0).toString(16).padStart(2, "0")}${slug.slice(1)}`;
  const same = (address) => ({ what: address, url: origin + address });
  const list = (address) => ({ what: address, url: origin + address, about: path });
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
    ].map(list),
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

const buildIdIn = (body) => /"buildId":"([\w-]+)"/.exec(body)?.[1] ?? /\/_next\/static\/([\w-]+)\/_(?:buildManifest|ssgManifest)\.js/.exec(body)?.[1];

/** One finding for all that is closed, and one for each address that is open. `paid` is the article's text, where it is known. */
export async function lookForLeaks({ url, open, paid }) {
  const seen = new Set(open.flatMap(({ body }) => [...runs(body ?? "")]));
  const known = paid === undefined ? undefined : new Set(beyond(runs(paid), seen));
  const list = alternates(url, open.map(({ body }) => buildIdIn(body ?? "")).find(Boolean));
  const findings = [];
  const queue = [...list];
  const work = async () => {
    for (let one = queue.shift(); one; one = queue.shift()) {
      let answer = await ask(one.url, one);
      // one step is followed: to the page itself it leads back to the 402, elsewhere it may lead to the text
      const to = answer.status >= 300 && answer.status < 400 ? answer.headers.get("location") : undefined;
      if (to && URL.canParse(to, one.url) && new URL(to, one.url).origin === new URL(url).origin) answer = await ask(new URL(to, one.url), one.headers ? { headers: one.headers } : {});
      if (!(answer.status >= 200 && answer.status < 300)) continue;
      const text = one.about ? itemAbout(answer.body, one.about) ?? "" : answer.body;
      const fresh = beyond(runs(text), seen);
      const shared = known && fresh.filter((run) => known.has(run)).length;
      const isOpen = known?.size ? shared > 0 : fresh.length >= MANY;
      if (!isOpen) continue;
      const how = one.url === url || one.headers ? `as ${one.what}` : `at ${one.what}`;
      const much = known?.size ? `${shared} runs of six words that are in the article` : `${fresh.length} runs of six words that no open page has`;
      findings.push({ id: one.headers && !one.about ? "open" : "leak", level: "wrong", at: one.what, text: `unpaid, ${how}: ${answer.status} with ${much}` });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (findings.length === 0) findings.push({ id: "leak", level: "ok", text: `${list.length} other addresses and disguises give nothing away` });
  return findings;
}
