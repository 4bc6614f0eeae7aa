// What the newspaper sells, word by word, and whether any of it can be read in an answer, in whatever disguise.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { disguises, runs, unescapeHtml } from "../support/disguises.mjs";
import { DEMO } from "../support/newspaper.mjs";

const site = join(DEMO, "site");
const newspaper = JSON.parse(readFileSync(join(DEMO, "newspaper.json"), "utf8"));
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

/** The first run of six paid words, or distinctive sentence, in a text or one of its disguises; nothing is the right answer. */
export function paidTextIn(text) {
  for (const form of disguises(text)) {
    const found = needles.find((needle) => form.includes(needle)) ?? runs(form).find((run) => paid.has(run));
    if (found) return found;
  }
  return undefined;
}
