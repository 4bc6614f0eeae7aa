// Whether any of what the sites sell can be read in a text, in whatever disguise: six words in a row, or a sentence.
import { disguises, runs, words } from "../../support/disguises.mjs";
import { ARTICLES, OPEN, SENTENCES } from "./content.mjs";

const open = new Set(OPEN.flatMap((text) => runs(text)));
const sold = new Set(ARTICLES.flatMap((article) => runs(article.sold.join("\n"))).filter((run) => !open.has(run)));
const sentences = SENTENCES.map((sentence) => ` ${words(sentence).join(" ")} `);
export const size = { sentences: sentences.length, runs: sold.size };

/** The first of it; nothing is the right answer. */
export function soldIn(text) {
  for (const form of disguises(text)) {
    for (const tags of [" ", ""]) {
      const run = runs(form, tags).find((run) => sold.has(run));
      if (run) return run;
      const all = ` ${words(form, tags).join(" ")} `;
      const sentence = sentences.find((sentence) => all.includes(sentence));
      if (sentence) return sentence;
    }
  }
  return undefined;
}
