// A page's text in pieces, one for each heading: what the search looks through.
const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&#123;": "{", "&amp;": "&" };
const plain = (html) => html.replace(/<a class="header-anchor".*?<\/a>/gs, "").replace(/<button.*?<\/button>|<span class="lang">.*?<\/span>/gs, "")
  .replace(/<\/(p|li|td|th|h\d|pre|dt|dd)>/g, " ").replace(/<[^>]+>/g, "")
  .replace(/&(lt|gt|quot|#39|#123|amp);/g, (entity) => ENTITIES[entity]).replace(/[\s\u200b]+/g, " ").trim();

/** `[address, the page's title, the heading, text]` for each heading of a rendered page; a problem's is one. */
export function sections(path, html) {
  const main = /<article[^>]*>(.*)<\/article>/s.exec(html)?.[1] ?? "";
  const parts = path.includes("/") ? [main.slice(main.indexOf("<h1"))] : main.split(/(?=<h[123] id=")/).filter((part) => part.startsWith("<h"));
  const title = plain(/<h1.*?<\/h1>/s.exec(main)?.[0] ?? path);
  return parts.map((part) => {
    const [heading, depth, id] = /^<h(\d) id="([^"]*)".*?<\/h\d>/s.exec(part);
    return [depth === "1" ? `/${path}` : `/${path}#${id}`, title, depth === "1" ? "" : plain(heading), plain(part.slice(heading.length))];
  });
}
