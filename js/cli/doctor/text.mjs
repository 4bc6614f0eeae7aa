// What an answer says, as runs of six words: two texts that share one were written by the same hand.

const RUN = 6;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'", nbsp: " " };

/** Words of HTML, JSON or plain text, with their escapes undone; scripts count, as an article may stand in them. */
function words(text) {
  const plain = text
    .replace(/\\u([0-9a-f]{4})/gi, (_, code) => String.fromCharCode(parseInt(code, 16)))
    .replace(/\\[nrt"\/]/g, " ")
    .replace(/<style[\s\S]*?<\/style>/gi, " ")
    .replace(/<[^>]*>/g, " ")
    .replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) => {
      if (name) return ENTITIES[name.toLowerCase()] ?? all;
      const code = decimal ? Number(decimal) : parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : " ";
    })
    .replace(/<[^>]*>/g, " "); // feeds carry HTML as text
  return plain.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The set of its six-word runs. */
export function runs(text) {
  const list = words(text);
  const set = new Set();
  for (let at = 0; at + RUN <= list.length; at++) set.add(list.slice(at, at + RUN).join(" "));
  return set;
}

/** Those of `some` that are not in `others`. */
export const beyond = (some, others) => [...some].filter((run) => !others.has(run));

/** What a feed or an interface says of one article: the item that names its path; undefined where none does. */
export function itemAbout(body, path) {
  const at = body.indexOf(path);
  if (at < 0) return undefined;
  const from = Math.max(body.lastIndexOf("<item", at), body.lastIndexOf("<entry", at));
  if (from >= 0) {
    const end = ["</item>", "</entry>"].map((tag) => body.indexOf(tag, at)).filter((place) => place >= 0);
    return body.slice(from, end.length > 0 ? Math.min(...end) : undefined);
  }
  try {
    const { items } = JSON.parse(body);
    if (Array.isArray(items)) return JSON.stringify(items.filter((item) => JSON.stringify(item).includes(path)));
  } catch {
    // no JSON feed
  }
  return body;
}
