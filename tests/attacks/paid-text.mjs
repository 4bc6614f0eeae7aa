// What the newspaper sells, word by word, and whether any of it can be read in an answer, in whatever disguise.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DEMO } from "../support/newspaper.mjs";

const RUN = 6;
const site = join(DEMO, "site");
const newspaper = JSON.parse(readFileSync(join(DEMO, "newspaper.json"), "utf8"));
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

const words = (text) => text.replace(/<[^>]*>/g, " ").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
const runs = (text) => {
  const all = words(text);
  return all.slice(RUN - 1).map((_, index) => all.slice(index, index + RUN).join(" "));
};

const read = (path) => {
  const file = path.includes(".") ? path : `${path}.html`;
  return readFileSync(join(site, file), "utf8");
};
const pages = readdirSync(site, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".html") && !entry.parentPath.endsWith("articles"))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
// What stands on a free page or in an offer is no secret.
const open = new Set([...pages, ...newspaper.routes.map(({ description }) => description)].flatMap((text) => runs(unescapeHtml(text))));
const main = (text) => /<main[\s\S]*<\/main>/.exec(text)?.[0] ?? text;

const paid = new Set();
for (const path of Object.keys(newspaper.needles)) {
  for (const run of runs(unescapeHtml(main(read(path))))) if (!open.has(run)) paid.add(run);
}
const needles = Object.values(newspaper.needles).flat();
/** How many runs of six words are for sale. */
export const size = paid.size;

function* disguises(text) {
  yield text;
  yield unescapeHtml(text);
  yield unescapeJson(text);
  yield unescapePercent(text);
  yield unescapePercent(text.replaceAll("+", " "));
  const decoded = unescapeBase64(text);
  yield decoded;
  // one over another
  yield unescapeHtml(unescapeJson(text));
  yield unescapeHtml(decoded);
  yield unescapeJson(decoded);
  yield unescapeBase64(unescapePercent(text));
}

/** The first run of six paid words, or distinctive sentence, in a text or one of its disguises; nothing is the right answer. */
export function paidTextIn(text) {
  for (const form of disguises(text)) {
    const found = needles.find((needle) => form.includes(needle)) ?? runs(form).find((run) => paid.has(run));
    if (found) return found;
  }
  return undefined;
}
