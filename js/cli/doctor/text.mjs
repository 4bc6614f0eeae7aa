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

/** The items of a feed, as texts; none where it is no feed. */
function items(body) {
  const found = body.match(/<(item|entry)[\s>][^]*?(?:<\/\1>|$)/g);
  if (found) return found;
  try {
    const { items: list } = JSON.parse(body);
    if (Array.isArray(list)) return list.map((item) => JSON.stringify(item));
  } catch {
    // no JSON feed
  }
  return [];
}

const LINK = /<link[\s>]|<guid|"(?:url|external_url)":/;

/**
 * What a feed or an interface says of one article, by its path: {about, untold}. `about` is the items that name it, or all of what is no
 * feed and names it; `untold` what may be about it and names no page, or, where it is named nowhere, everything.
 */
export function itemsAbout(body, path) {
  if (!body.includes(path)) return { about: "", untold: body };
  const list = items(body);
  if (list.length === 0) return { about: body, untold: "" };
  return { about: list.filter((item) => item.includes(path)).join("\n"), untold: list.filter((item) => !item.includes(path) && !LINK.test(item)).join("\n") };
}
