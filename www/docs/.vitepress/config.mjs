// The documentation as a site. VitePress: what Vite's own world writes its documentation with, and it ends the build at a broken link. `mpa`
// leaves its scripts out of the pages.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { PATHS } from "./paths.mjs";
import { sections } from "./sections.mjs";

const SOURCE = "https://github.com/farthing/farthing/blob/main/";

/** The addresses of headings are those that Git hosts give them, so that a link holds in both places. */
export const slugify = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");

/** What VitePress puts into each page, and this theme has no use for. */
const UNUSED = [/\s*<link rel="preload stylesheet" href="\/vp-icons\.css" as="style">/, /\s*<script id="check-mac-os">.*?<\/script>/];

function markdown(md) {
  // What pages say is text, whatever it means to HTML or to Vue.
  md.set({ html: false });
  for (const rule of ["text", "code_inline"]) {
    const { [rule]: render } = md.renderer.rules;
    md.renderer.rules[rule] = (...all) => render(...all).replaceAll("{{", "&#123;&#123;");
  }
  // A wide table is moved sideways within itself, by the keyboard too.
  md.renderer.rules.table_open = () => '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>\n';
  md.renderer.rules.table_close = () => "</table></div>\n";

  // A column without a name has no header.
  md.renderer.rules.th_open = (tokens, at) => (tokens[at + 1].content === "" ? "<td>" : "<th>");
  md.renderer.rules.th_close = (tokens, at) => (tokens[at - 1].content === "" ? "</td>" : "</th>");
  // A picture may have been taken in the dark as well.
  const { image } = md.renderer.rules;
  md.renderer.rules.image = (tokens, at, options, env, self) => {
    const light = tokens[at].attrGet("src");
    // nothing is loaded from elsewhere: a badge is its words
    if (/^https?:/.test(light)) return md.utils.escapeHtml(tokens[at].content);
    const dark = light.replace(/-light\.png$/, "-dark.png");
    const drawn = image(tokens, at, options, env, self);
    if (dark === light || !existsSync(join(import.meta.dirname, "..", dark))) return drawn;
    return `<picture><source media="(prefers-color-scheme: dark)" srcset="./${dark}">${drawn}</picture>`;
  };

  // problems.md is one file; here each problem has the page that its type is the address of.
  md.core.ruler.after("block", "problems", ({ env, tokens }) => {
    if (env.relativePath !== "problems.md") return;
    const end = tokens.findIndex((token, at) => token.type === "heading_open" && tokens[at + 1].content === "One by one");
    if (end >= 0) tokens.splice(end);
  });
  const { link_open: open } = md.renderer.rules;
  md.renderer.rules.link_open = (tokens, at, options, env, self) => {
    const href = tokens[at].attrGet("href");
    const slug = /^(problems\.md)?#([a-z0-9-]+)$/.exec(href);
    if (slug && tokens[at].attrGet("class") !== "header-anchor" && (slug[1] || env.relativePath === "problems.md")) tokens[at].attrSet("href", `problems/${slug[2]}.md`);
    // A file of the repository that is no page is shown where the repository is.
    const path = posix.join(posix.dirname(env.relativePath), href);
    if (href.startsWith("../") && path.startsWith("../")) tokens[at].attrSet("href", SOURCE + posix.join("www/docs", path));
    return open(tokens, at, options, env, self);
  };
}

/** What the search looks through, by the address of each page. */
const found = new Map();

export default {
  title: "Farthing",
  description: "A reader pays five cents for one article, with the wallet already in the browser.",
  lang: "en",
  mpa: true,
  cleanUrls: true,
  appearance: false,
  rewrites: { "README.md": "index.md" },
  head: [["link", { rel: "icon", href: "/icon.svg", type: "image/svg+xml" }]],
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    languageAlias: { "go-html-template": "html" },
    anchor: { slugify },
    headers: { level: [2, 3] },
    config: markdown,
  },
  themeConfig: { paths: PATHS, source: SOURCE },
  transformHtml(html, id, { page, content }) {
    // left to scripts otherwise
    if (page === "404.md") html = html.replace('<div id="app"></div>', () => `<div id="app">${content}</div>`);
    else found.set(page, sections(page.replace(/(^|\/)index\.md$|\.md$/, "$1"), content));
    return UNUSED.reduce((text, part) => text.replace(part, ""), html);
  },
  buildEnd({ outDir }) {
    const pages = [...found.keys()].sort().flatMap((page) => found.get(page));
    writeFileSync(join(outDir, "search.json"), JSON.stringify(pages));
    for (const name of ["package.json", "hashmap.json", "vp-icons.css"]) rmSync(join(outDir, name), { force: true });
  },
};
