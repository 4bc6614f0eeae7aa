// The examples of www/docs/element.md, as its readers copy them.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const GUIDE = readFileSync(join(import.meta.dirname, "../../www/docs/element.md"), "utf8");

/** [{kind, text}] in order; `kind` is the language of the fence. */
export const snippets = () => [...GUIDE.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({ kind, text }));

/** The only one of this kind that holds this. */
export function snippet(kind, part) {
  const found = snippets().filter((one) => one.kind === kind && one.text.includes(part));
  if (found.length !== 1) throw new Error(`element.md has ${found.length} ${kind} examples with ${part}`);
  return found[0].text;
}

/** Rows of the tables whose first heading is `name`, as lists of cells. */
export const table = (name) => GUIDE.split("\n\n").map((block) => block.trim().split("\n")).filter(([head]) => head.startsWith(`| ${name} |`))
  .flatMap(([, , ...rows]) => rows.map((row) => row.slice(1, -1).split("|").map((cell) => cell.trim())));

/** The words in code quotes of the first cells of these tables. */
export const names = (...tables) => tables.flatMap((name) => table(name).flatMap(([first]) => [...first.matchAll(/`([^`]+)`/g)].map(([, word]) => word)));
