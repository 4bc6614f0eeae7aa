// Puts a paid article where its card was, with its scripts, styles and media alive as far as the page's policy allows.

interface Policy {
  createHTML(text: string): string;
  createScriptURL(address: string): string;
}

const trusted = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } }).trustedTypes;
const plain: Policy = { createHTML: (text) => text, createScriptURL: (address) => address };
let made: Policy | undefined;

/** For the publisher's own bytes, which this page asked for; nothing of a payment's or a wallet's words goes through here. */
const policy = () => (made ??= trusted?.createPolicy("farthing", plain) ?? plain);

/** Where an article is in its page, if the element says nothing else (`select`): where the page says so itself, or where it usually is. */
const USUAL = ["[data-farthing-content]", "article, main"];
const ADDRESSES = ["src", "href", "poster", "action", "data"];

/**
 * False where there is nothing to put, or the page does not allow it. Nothing but what was asked for over HTTP has a place here. Who
 * pressed a button is led to the first heading (`lead`); nobody else is led anywhere.
 */
export async function place(host: HTMLElement, answer: Response, url: string, lead: boolean): Promise<boolean> {
  if (!/^https?:/.test(url) || !host.isConnected) return false;
  const type = answer.headers.get("Content-Type") ?? "";
  const nodes = /html/i.test(type) ? markup(await answer.text(), url, host.getAttribute("select")) : await other(answer, type);
  if (!nodes.length) return false;
  // for the styles of the page's author
  const article = document.createElement("div");
  article.className = "farthing-article";
  article.append(...nodes);
  const target = article.querySelector("h1, h2, h3, h4, h5, h6") ?? article.firstElementChild;
  host.replaceWith(article);
  if (lead && target instanceof HTMLElement) {
    if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
    target.focus();
  }
  return true;
}

function markup(text: string, url: string, select: string | null): Node[] {
  const page = new DOMParser().parseFromString(policy().createHTML(text), "text/html");
  const part = (select ? [select] : USUAL).map((wanted) => page.querySelector(wanted)).find(Boolean) ?? page.body;
  const own = page.querySelector("base[href]")?.getAttribute("href") ?? "";
  const base = new URL(URL.canParse(own, url) ? own : url, url);
  // in this page a relative address would be another one
  for (const node of [part, ...part.querySelectorAll("*")]) {
    for (const name of ADDRESSES) {
      const address = node.getAttribute(name);
      if (address && !/^[a-z][a-z0-9+.-]*:|^#/i.test(address) && URL.canParse(address, base)) node.setAttribute(name, policy().createScriptURL(new URL(address, base).href));
    }
    const sources = node.getAttribute("srcset");
    if (sources) node.setAttribute("srcset", absolute(sources, base));
  }
  // a page has one main part, and this one has its own
  const whole = part.tagName === "MAIN" ? page.createElement("div") : part;
  if (whole !== part) {
    for (const { name, value } of part.attributes) whole.setAttribute(name, value);
    whole.append(...part.childNodes);
  }
  // parsed once more in this page, its scripts run
  const fragment = document.createRange().createContextualFragment(policy().createHTML(part === page.body ? part.innerHTML : whole.outerHTML));
  return [...fragment.childNodes];
}

/** Each candidate's address; one ends at a comma that is followed by space, or behind its size. */
const absolute = (sources: string, base: URL) =>
  sources.split(/,\s+|(?<=\s[\d.]+[wx])\s*,\s*/).map((source) => {
    const [address = "", ...size] = source.trim().split(/\s+/);
    return [URL.canParse(address, base) ? new URL(address, base).href : address, ...size].join(" ");
  }).join(", ");

/** What is no page: pictures and sound as such, text as text, and the rest as a file. */
async function other(answer: Response, type: string): Promise<Node[]> {
  const make = <Tag extends keyof HTMLElementTagNameMap>(tag: Tag, properties: Partial<HTMLElementTagNameMap[Tag]>) =>
    Object.assign(document.createElement(tag), properties);
  if (/^text\/|json|xml/i.test(type)) return [make("pre", { textContent: await answer.text() })];
  const src = URL.createObjectURL(await answer.blob());
  if (/^image\//.test(type)) return [make("img", { src, alt: "" })];
  if (/^(audio|video)\//.test(type)) return [make(type.startsWith("a") ? "audio" : "video", { src, controls: true })];
  const name = new URL(answer.url || location.href).pathname.split("/").pop() || "file";
  return [make("a", { href: src, download: name, textContent: name })];
}
