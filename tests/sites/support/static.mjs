// Pages written by hand, as they lie in a folder; the premium part between two comments.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ARTICLES, AUDIO, NOTICE } from "./content.mjs";

const STYLE = `body { margin: 0; font: 1.0625rem/1.6 Georgia, serif; } header, footer { padding: 1rem 2rem; font-family: system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 0 1.5rem; } h1 { line-height: 1.2; } audio { width: 100%; }`;
const p = (inner) => `<p>${inner}</p>`;
const attribute = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
const page = (title, head, body) => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="/style.css">
${head}</head>
<body>
<header><a href="/">The Weekly Farthing</a></header>
<main>
${body}
</main>
<footer><a href="/notice">How this paper is paid for</a></footer>
</body>
</html>
`;

/** The program of a site: none, but nginx. */
export async function byHand({ site, add }) {
  const folder = mkdtempSync(join(tmpdir(), "farthing-static-"));
  await add({ stop: async () => rmSync(folder, { recursive: true, force: true }) });
  const write = (name, text) => {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  const articles = ARTICLES.map(({ slug, title, dek, free, premium, sold, audio }) => {
    const head = `<meta property="og:title" content="${attribute(title)}">
<meta property="og:description" content="${attribute(sold[0].slice(0, 200))}">
<script type="application/ld+json">${JSON.stringify({ "@context": "https://schema.org", "@type": "NewsArticle", headline: title, url: `${site}/articles/${slug}`, articleBody: sold.join("\n") }).replaceAll("<", "\\u003c")}</script>
`;
    const listen = audio ? `<p><audio controls preload="none" src="/media/${slug}/${audio}"></audio></p>\n` : "";
    write(`articles/${slug}.html`, page(title, head, `<article>\n<h1>${title}</h1>\n${p(dek)}\n${listen}${free.map(p).join("\n")}
<!--farthing-->\n${premium.map(p).join("\n")}\n<!--/farthing-->\n</article>`));
    if (audio) write(`media/${slug}/${audio}`, AUDIO);
    return `<li><a href="/articles/${slug}">${title}</a>: ${dek}</li>`;
  });
  write("index.html", page("The Weekly Farthing", "", `<h1>This week</h1>\n<ul>\n${articles.join("\n")}\n</ul>`));
  write(`${NOTICE.slug}.html`, page(NOTICE.title, "", `<h1>${NOTICE.title}</h1>\n${NOTICE.paragraphs.map(p).join("\n")}`));
  write("style.css", STYLE);
  return `root ${folder}; index index.html; charset utf-8; location / { try_files $uri $uri.html $uri/index.html =404; }`;
}
