// The 402 page and its card: their styles put in line and named by hash in a Content-Security-Policy that allows nothing else.
import { createHash } from "node:crypto";
import { Plain } from "./run.mjs";

const policy = (style, script) => [
  "default-src 'none'",
  `script-src 'self' ${script} 'wasm-unsafe-eval'`,
  `style-src ${style}`,
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types farthing",
].join("; ");

const plain = (template) => template.replace(/<!--[\s\S]*?-->/g, "").split("\n").map((line) => line.trim()).filter(Boolean).join("\n");

function styled(template, name, css) {
  const link = new RegExp(`<link\\b(?=[^>]*\\brel="stylesheet")(?=[^>]*\\bhref="${name}")[^>]*>`, "g");
  if (template.match(link)?.length !== 1) throw new Plain(`the page must hold <link rel="stylesheet" href="${name}"> once`);
  if (/<style\b|\sstyle\s*=|<script\b(?![^>]*\ssrc=)|\son\w+\s*=/i.test(template)) {
    throw new Plain("the page holds a style, script or handler of its own, which its Content-Security-Policy forbids");
  }
  const style = css.trim();
  if (style.includes("</")) throw new Plain(`${name} holds </, which would end the style element`);
  return { text: plain(template).replace(link, () => `<style>${style}</style>`), hash: sha(style) };
}

const sha = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/**
 * The 402 page and the card in it, from their templates, minified styles and script, which stands in the page: a second request takes longer
 * than all of it. `integrity`: what that script has to be where another page links to it; `words`: by language. Returns what the Worker
 * takes: {html, csp, integrity, card, words}.
 */
export function page({ template, css, card: cardTemplate, cardCss, script = "", integrity = "", words = {} }) {
  const own = styled(template, "402.css", css);
  const card = styled(cardTemplate, "widget.css", cardCss);
  const code = script.trim();
  if (/<\/script|<!--|\{\{/i.test(code)) throw new Plain("page.js holds what would end its element, or a place to fill");
  const tag = /<script type="module" src="[^"]*page\.js"><\/script>/g;
  if (own.text.match(tag)?.length !== 1) throw new Plain("the page must link page.js once");
  const html = `${own.text.replace(tag, () => `<script type="module">${code}</script>`)}\n`;
  return {
    html, csp: policy(`${own.hash} ${card.hash}`, sha(code)), integrity, card: card.text.replaceAll(">\n<", "><"), words: JSON.stringify(words),
  };
}
