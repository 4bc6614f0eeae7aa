// The 402 page and its card: their styles put in line and named by hash in a Content-Security-Policy that allows nothing else.
import { createHash } from "node:crypto";
import { Plain } from "./run.mjs";

const policy = (style) => [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
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
  return { text: plain(template).replace(link, () => `<style>${style}</style>`), hash: `'sha256-${createHash("sha256").update(style).digest("base64")}'` };
}

/**
 * The 402 page and the card in it, from their templates and minified styles; `integrity`: what the page's script has to be; `words`: by
 * language. Returns what the Worker takes: {html, csp, integrity, card, words}.
 */
export function page({ template, css, card: cardTemplate, cardCss, integrity = "", words = {} }) {
  const own = styled(template, "402.css", css);
  const card = styled(cardTemplate, "widget.css", cardCss);
  const script = integrity && ` integrity="${integrity}" crossorigin`;
  const html = `${own.text.replace(/(<script type="module" src="[^"]*")/, (tag) => tag + script)}\n`;
  return { html, csp: policy(`${own.hash} ${card.hash}`), integrity, card: card.text.replaceAll(">\n<", "><"), words: JSON.stringify(words) };
}
