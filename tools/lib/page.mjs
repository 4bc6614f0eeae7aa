// The 402 page: its style put in line and named by hash in a Content-Security-Policy that allows nothing else.
import { createHash } from "node:crypto";
import { Plain } from "./run.mjs";

const link = /<link\b(?=[^>]*\brel="stylesheet")(?=[^>]*\bhref="402\.css")[^>]*>/g;

const policy = (style) => [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  `style-src '${style}'`,
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types farthing",
].join("; ");

/** `template` links 402.css once; `css` is minified. Returns {html, csp}. */
export function page(template, css) {
  if (template.match(link)?.length !== 1) throw new Plain(`www/402.html must hold <link rel="stylesheet" href="402.css"> once`);
  if (/<style\b|\sstyle\s*=|<script\b(?![^>]*\ssrc=)|\son\w+\s*=/i.test(template)) {
    throw new Plain("www/402.html holds a style, script or handler of its own, which its Content-Security-Policy forbids");
  }
  const style = css.trim();
  if (style.includes("</")) throw new Plain("www/402.css holds </, which would end the style element");
  const html = template
    .replace(/<!--[\s\S]*?-->/g, "")
    .split("\n").map((line) => line.trim()).filter(Boolean).join("\n")
    .replace(link, () => `<style>${style}</style>`);
  return { html: `${html}\n`, csp: policy(`sha256-${createHash("sha256").update(style).digest("base64")}`) };
}
