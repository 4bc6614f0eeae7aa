// One article as the pages of many systems have it: what a reader pays for stands in its place, and again in three other places at
// least, as those systems, their plugins and themes really put it there.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEMO } from "./newspaper.mjs";
import { unescapeHtml, words } from "./disguises.mjs";

/** The paragraphs of a piece of the demo newspaper, as markup. */
export const paragraphsOf = (name) => {
  const prose = /<div class="prose">([\s\S]*?)<\/div>/.exec(readFileSync(join(DEMO, "site", "articles", `${name}.html`), "utf8"))[1];
  return [...prose.matchAll(/<p>([\s\S]*?)<\/p>/g)].map(([, inner]) => inner);
};
const all = [...paragraphsOf("the-log-nobody-wrote"), ...paragraphsOf("one-dot-too-many"), ...paragraphsOf("a-calendar-for-the-sea")];

const TITLE = "The light that was not there";
const DEK = "Three keepers, one dark lantern, and who heard of it first.";
const FREE = all.slice(0, 2);
const PREMIUM = all.slice(2);

const plain = (inner) => unescapeHtml(inner.replace(/<[^>]*>/g, ""));
const p = (inner) => `<p>${inner}</p>`;
const free = FREE.map(p).join("\n");
const premium = PREMIUM.map(p).join("\n");
const bare = PREMIUM.map(plain);
const json = (value) => JSON.stringify(value).replaceAll("<", "\\u003c");
const attribute = (text) => text.replace(/[&"<>]/g, (c) => ({ "&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;" })[c]);
const numeric = (text) => [...text].map((c) => (/[a-z ]/i.test(c) ? c : `&#${c.codePointAt(0)};`)).join("");
const base64 = (text) => Buffer.from(text).toString("base64");
const sentence = (number) => bare[number].split(". ")[0];

const STYLE = `<style>
:root{color-scheme:light dark}
body{margin:0;font:1.0625rem/1.6 Georgia,serif;background:light-dark(#fff,#14161a);color:light-dark(#1c1c1c,#e6e6e6)}
.top,.bottom{padding:1rem 2rem;border-block:1px solid light-dark(#ddd,#333);font-family:system-ui,sans-serif}
.grid{display:grid;grid-template-columns:minmax(0,42rem) 16rem;gap:3rem;max-width:64rem;margin:2rem auto;padding:0 1.5rem}
aside{font:.9375rem/1.5 system-ui,sans-serif}aside h2{font-size:1rem}
.print-only,.visually-hidden{position:absolute;left:-999rem}
@media(max-width:48rem){.grid{grid-template-columns:minmax(0,1fr)}}
</style>`;
const TOP = '<header class="top"><a href="/">The Weekly Farthing</a> · <a href="/news">News</a> · <a href="/sport">Sport</a></header>';
const ASIDE = '<aside><h2>Most read</h2><ol><li><a href="/a">Parkin wants a week</a></li><li><a href="/b">The least likely pawn</a></li></ol></aside>';
const BOTTOM = '<footer class="bottom">© The Weekly Farthing · <a href="/imprint">Imprint</a></footer>';
const grid = (article) => `${TOP}<div class="grid">${article}${ASIDE}</div>${BOTTOM}`;
const head = (more) => `<meta charset="utf-8"><meta name="viewport" content="width=device-width">${STYLE}<title>${TITLE}</title>
<meta property="og:title" content="${TITLE}"><meta name="description" content="${DEK}">${more}`;
const heading = `<h1>${TITLE}</h1><p class="dek">${DEK}</p>`;

/** By name: the page, what the route's teaser names, and the page as somebody trims it who only takes the premium part out. */
export const PAGES = {
  wordpress: {
    teaser: { marker: "farthing" },
    html: `<!DOCTYPE html><html lang="en-GB"><head>${head(`
<meta property="og:description" content="${attribute(`${bare[0].slice(0, 300)}…`)}">
<link rel="amphtml" href="/wordpress/light/amp/"><link rel="alternate" type="application/rss+xml" href="/feed/">
<link rel="alternate" title="JSON" type="application/json" href="/wp-json/wp/v2/posts/7">
<script type="application/ld+json" class="yoast-schema-graph">${json({
    "@context": "https://schema.org",
    "@graph": [
      { "@type": "Article", headline: TITLE, isAccessibleForFree: true, wordCount: 2000, articleBody: bare.join("\n\n"), description: DEK },
      { "@type": "WebPage", description: bare[1] },
    ],
  })}</script>`)}</head><body class="post-template-default single">${grid(`
<article id="post-7" class="post-7 post"><header class="entry-header">${heading}</header>
<div class="entry-content">
${free}
<!--farthing-->
${PREMIUM.map((inner) => p(numeric(inner.replace(/<[^>]*>/g, "")))).join("\n\n")}
<!--/farthing-->
</div><footer class="entry-footer"><a rel="tag" href="/tag/sea">Sea</a>
<a class="share-email" href="mailto:?subject=x&amp;body=${encodeURIComponent(bare.slice(0, 3).join(" "))}">Send</a></footer></article>
<div class="print-only">${premium}</div>`)}
<script id="wp-post-js-extra">var wpPost = ${JSON.stringify({ id: 7, content: { rendered: premium } }).replaceAll("/", "\\/")};</script></body></html>`,
  },
  ghost: {
    teaser: { paragraphs: 2, within: ".gh-content" },
    html: `<!DOCTYPE html><html lang="en"><head>${head(`
<meta name="twitter:description" content="${attribute(bare[2])}">
<script type="application/ld+json">
{
    "@context": "https://schema.org",
    "@type": "Article",
    "headline": ${json(TITLE)},
    "description": ${json(bare.slice(0, 4).join(" "))}
}
    </script>`)}</head><body class="post-template">${grid(`
<article class="gh-article post"><header class="gh-article-header">${heading}</header>
<section class="gh-content gh-canvas">${free}<figure class="kg-card"><img alt="" src="/boat.jpg" width="600" height="10"></figure>${premium}</section>
</article><div data-sodo-search-index="${base64(json({ posts: [{ title: TITLE, plaintext: bare.join(" ") }] }))}"></div>`)}
<template id="gh-email"><div>${premium}</div></template></body></html>`,
  },
  "next-pages": {
    teaser: { selector: "article .premium" },
    html: `<!DOCTYPE html><html lang="en"><head>${head(`<link rel="preload" as="script" href="/_next/static/chunks/main.js">
<script src="/_next/static/chunks/main.js" defer=""></script>`)}</head><body><div id="__next">${grid(`
<article>${heading}${free}<div class="premium">${premium}</div></article>`)}</div><noscript><div>${premium}</div></noscript>
<script id="__NEXT_DATA__" type="application/json">${json({ props: { pageProps: { body: PREMIUM.map((inner) => ({ t: "p", c: inner.split(" ") })) } }, page: "/[slug]" })}</script>
<!-- ${bare[4]} --></body></html>`,
  },
  "next-app": {
    teaser: { selector: ".premium" },
    html: `<!DOCTYPE html><html lang="en"><head>${head(`<meta property="og:description" content="${attribute(bare.join(" ").slice(0, 600))}">`)}</head>
<body>${grid(`<article>${heading}${free}<div class="premium"><!--$?--><template id="B:0"></template>${premium}<!--/$--></div></article>`)}
<div hidden="" id="S:0">${premium}</div><script>(self.__next_f=self.__next_f||[]).push([0])</script>
${PREMIUM.map((inner, number) => `<script>self.__next_f.push([1,${json(`${number}:["$","p",null,{"children":${JSON.stringify(inner.split(/(?<= )/))}}]\n`)}])</script>`).join("")}
<script src="/_next/static/chunks/main-app.js" async=""></script><textarea hidden>${bare.join(" ")}</textarea></body></html>`,
  },
  nuxt: {
    teaser: { selector: "main .premium" },
    html: `<!DOCTYPE html><html lang="en"><head>${head("")}<script type="module" src="/_nuxt/entry.js" crossorigin></script></head><body><div id="__nuxt">${grid(`
<main><article>${heading}${free}<section class="premium" data-v-7ba5bd90>${premium}</section></article></main>`)}</div>
<script type="application/json" data-nuxt-data="nuxt-app" data-ssr="true" id="__NUXT_DATA__">${json(["ShallowReactive", 1, { data: 2 }, ...bare.flatMap((text) => text.split(", "))])}</script>
<script>window.__NUXT__={};window.__NUXT__.config={public:{}}</script>
<div data-body="${attribute(json({ html: premium }))}"></div><meta itemprop="articleBody" content="${attribute(bare[6])}"></body></html>`,
  },
  sveltekit: {
    teaser: { selector: ".premium" },
    html: `<!doctype html><html lang="en"><head>${head("")}</head><body data-sveltekit-preload-data="hover"><div style="display: contents">${grid(`
<article>${heading}${free}<div class="premium s-x1"><!-- HTML_TAG_START -->${premium}<!-- HTML_TAG_END --></div></article>`)}
<script type="application/json" data-sveltekit-fetched data-url="/api/light">${json({ status: 200, body: JSON.stringify({ words: bare.map((text) => text.split(" ")) }) })}</script>
<script>{ __sveltekit_1dkq9 = { base: new URL("..", location).pathname.slice(0, -1) };
Promise.all([import("../_app/immutable/entry/start.js")]).then(([kit]) => kit.start(app, element, { data: [{ body: ${json(bare)} }] })); }</script></div>
<svg width="0" height="0"><desc>${bare[1]}</desc></svg><img alt="${attribute(bare[3])}" src="/x.gif" width="1" height="1"></body></html>`,
  },
  astro: {
    teaser: { selector: "article > .premium" },
    html: `<!DOCTYPE html><html lang="en"><head>${head(`<meta property="article:body" content="${attribute(bare[5])}">`)}</head><body>${grid(`
<article>${heading}${free}<div class="premium">${premium}</div>
<astro-island uid="Z1" component-url="/_astro/Listen.js" client="visible" props="${attribute(json({ title: [0, TITLE], body: [0, bare.join("\n")], parts: [1, bare.map((text) => [1, text.split(" ").map((word) => [0, word])])] }))}" opts="{}" ssr="" await-children=""><button>Listen</button>
<template data-astro-template="fallback">${premium}</template></astro-island></article>`)}
<script>window.speech = decodeURIComponent("${encodeURIComponent(bare.slice(2, 6).join(" "))}");</script></body></html>`,
  },
  gatsby: {
    teaser: { selector: "[itemprop=\"articleBody\"] .premium" },
    html: `<!DOCTYPE html><html lang="en"><head>${head(`<link as="fetch" rel="preload" href="/page-data/light/page-data.json" crossorigin="anonymous">
<script type="application/ld+json">${json({ "@context": "https://schema.org", "@type": "BlogPosting", headline: TITLE, text: bare.join(" "), backstory: bare[3] })}</script>`)}
</head><body><div id="___gatsby">${grid(`<article>${heading}<section itemprop="articleBody">${free}<div class="premium">${premium}</div></section></article>`)}</div>
<script id="gatsby-script-loader">/*<![CDATA[*/window.pagePath="/light/";window.pageData=${json({ result: { data: { html: premium } } })};/*]]>*/</script>
<div data-rehype='${json({ excerpt: bare[7] }).replaceAll("'", "&#39;")}'></div><span title="${attribute(bare[8])}"></span></body></html>`,
  },
  // as its minifier leaves it: no end tags that may be left out
  hugo: {
    teaser: { paragraphs: 2, within: "article .post-content" },
    html: `<!doctype html><html lang=en><head>${head(`<meta name=summary content="${attribute(bare.slice(0, 2).join(" "))}">`)}</head><body>${grid(`
<article>${heading}<div class=post-content>${[...FREE, ...PREMIUM].map((inner) => `<p>${inner}`).join("\n")}</div></article>`)}
<script>window.store={"/light/":{"title":${json(TITLE)},"content":${json(bare.join(" "))}}}</script>
<script type=application/json id=index>${json([{ c: encodeURIComponent(bare[9]) }])}</script><!-- ${bare[2]} --></body></html>`,
  },
  static: {
    teaser: { selector: "#rest" },
    html: `<!DOCTYPE html>
<html lang="en"><head>${head("")}</head><body>${grid(`<article>${heading}${free}<div id="rest">${premium}</div></article>`)}
<div class="visually-hidden">${PREMIUM.map((inner) => `<span>${inner.replaceAll(" ", " <!-- --><b></b>")}</span>`).join("<br>")}</div>
<iframe hidden srcdoc="${attribute(`<article>${premium}</article>`)}"></iframe>
<object data="data:text/html;base64,${base64(premium)}" width="0" height="0"></object>
<p><span class="cap">${sentence(2)[0]}</span>${sentence(2).slice(1)}</p><!-- ${attribute(attribute(bare[3]))} --></body></html>`,
  },
};

/** What of each page anybody may read, and what is paid for: plain texts. */
export const OPEN = { title: TITLE, dek: DEK, paragraphs: FREE.map(plain) };
export const SENTENCES = bare.flatMap((text) => text.split(/(?<=[.!?]) (?=[“A-Z])/)).filter((text) => words(text).length > 3);
export const SOLD = bare.join("\n");

/** The page as it is left when only what the reader sees is taken out. */
export function naivelyTrimmed({ html }) {
  const all = [premium, PREMIUM.map((inner) => p(numeric(inner.replace(/<[^>]*>/g, "")))).join("\n\n"), PREMIUM.map((inner) => `<p>${inner}`).join("\n")];
  const part = all.find((part) => html.includes(part));
  // the first is where it is read
  return html.replace(part, () => "");
}
