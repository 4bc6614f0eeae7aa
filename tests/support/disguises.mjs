// Whether a text can be read in another, in whatever disguise: what an unpaid answer is searched with.
const RUN = 6;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

const unescapeHtml = (text) => text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, decimal, name) => {
  const code = hex ? parseInt(hex, 16) : Number(decimal);
  return name ? ENTITIES[name] ?? all : code <= 0x10ffff ? String.fromCodePoint(code) : all;
});
const unescapeJson = (text) => text.replace(/\\(?:u([0-9a-f]{4})|(.))/gi, (_, hex, plain) => {
  if (hex) return String.fromCharCode(parseInt(hex, 16));
  return { n: "\n", r: "\r", t: "\t" }[plain] ?? plain;
});
const unescapePercent = (text) => text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"));
// Inside other data a text may begin at any of three offsets.
const unescapeBase64 = (text) => (text.match(/[\w+/-]{24,}/g) ?? [])
  .flatMap((run) => [0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), "base64").toString("utf8"))).join(" ");

/** The words of a text; tags part words, or with `tags` as "" do not. */
export const words = (text, tags = " ") => text.replace(/<[^>]*>/g, tags).toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Its runs of six words. */
export function runs(text, tags) {
  const all = words(text, tags);
  return all.slice(RUN - 1).map((_, index) => all.slice(index, index + RUN).join(" "));
}

/** A text, and what it says once it is unescaped in one way or another. */
export function* disguises(text) {
  yield text;
  yield unescapeHtml(text);
  yield unescapeJson(text);
  yield unescapePercent(text);
  yield unescapePercent(text.replaceAll("+", " "));
  const decoded = unescapeBase64(text);
  yield decoded;
  // one over another
  yield unescapeHtml(unescapeJson(text));
  yield unescapeJson(unescapeHtml(text));
  yield unescapeHtml(unescapeHtml(text));
  yield unescapeJson(unescapeJson(text));
  yield unescapeHtml(unescapePercent(text));
  yield unescapeHtml(decoded);
  yield unescapeJson(decoded);
  yield unescapeBase64(unescapePercent(text));
}

/**
 * A search for what is sold: six words in a row that are in a text of `sold` and in none of `open`, or one of `sentences`. It gives the
 * first of it that can be read in a text; nothing is the right answer.
 */
export function searchFor({ open, sold, sentences }) {
  const free = new Set(open.flatMap((text) => runs(text)));
  const paid = new Set(sold.flatMap((text) => runs(text)).filter((run) => !free.has(run)));
  const whole = sentences.map((sentence) => ` ${words(sentence).join(" ")} `);
  const soldIn = (text) => {
    for (const form of disguises(text)) {
      for (const tags of [" ", ""]) {
        const run = runs(form, tags).find((run) => paid.has(run));
        if (run) return run;
        const all = ` ${words(form, tags).join(" ")} `;
        const sentence = whole.find((sentence) => all.includes(sentence));
        if (sentence) return sentence;
      }
    }
    return undefined;
  };
  return { soldIn, size: { sentences: whole.length, runs: paid.size } };
}

export { unescapeHtml };
