// www/docs/conformance.md: its lines, what a run found out for them, and the page as a whole.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TABLES, cells, titleOf } from "./rows.mjs";

const root = join(import.meta.dirname, "..", "..");
export const PAGE = join(root, "www/docs/conformance.md");
const out = join(root, "tests/out/conformance");

const INTRO = `# Conformance

Programs by others pay a Farthing site, the Farthing client pays theirs, and they pay each other, on a local chain: real processes,
real signatures, real transactions. Every line is a test, and was written by the run: it passed when the content arrived byte for byte,
the settlement named its transaction, and the payee's balance on the chain had risen by exactly the last column. The version, scheme
and transfer are those that the facilitator was sent. Permit2 was approved by a transaction beforehand, except where a line says that
it was once the payee had asked for it; then the payment that was already signed was sent again.

\`npm test\` runs the lines without a part in Rust (x402-reqwest, x402-axum, x402-facilitator-local), \`npm run test:peers\` all of them;
it compiles those parts first, which takes four minutes once. Permit2 and x402's two proxies are contracts of our own on that chain,
with the interface, the typed data and the errors of the deployed ones, at their addresses; so are the tokens.

Not tried: public networks, readers' wallets (the tests have stand-ins), Solana and the other kinds of chain, which Farthing does not sell on.
`;
const HEAD = "| payer | payee | facilitator | version | scheme | transfer | price | result | settled on chain |\n|---|---|---|---|---|---|---|---|---|";

const beginning = (row) => `| ${cells(row).join(" | ")} |`;
const lineOf = (row, { result, settled }) => `${beginning(row)} ${result} | ${settled} |`;
const read = () => { try { return readFileSync(PAGE, "utf8"); } catch { return ""; } };
const onPage = (page, row) => page.split("\n").find((line) => line.startsWith(`${beginning(row)} `));

/** The page with each row's line as `find(row)` has it. */
const render = (find) => [
  INTRO,
  ...TABLES.map(({ title, rows }) => `## ${title}\n\n${HEAD}\n${rows.map(find).join("\n")}\n`),
].join("\n");

/** Collects what a test file found out. */
export function recorder(name) {
  const lines = [];
  return {
    /** `seen`: {result, settled}, as the page shows them. */
    add: (row, seen) => lines.push(lineOf(row, seen)),
    /** Keeps the lines for `npm run conformance:page`, and gives those that the page does not have. */
    finish() {
      mkdirSync(out, { recursive: true });
      writeFileSync(join(out, `${name}.json`), JSON.stringify(lines, null, 1));
      const there = new Set(read().split("\n"));
      return lines.filter((line) => !there.has(line));
    },
  };
}

/** The page on disk, and the same page made anew from its own lines: one text unless somebody wrote into it, or a row is new or gone. */
export function pages() {
  const page = read();
  return { page, again: render((row) => onPage(page, row) ?? `not run yet: ${titleOf(row)}`) };
}

/** Writes the page from the last runs; a row that did not run keeps its line. Gives the rows that have none. */
export function writePage() {
  const page = read();
  const lines = readdirSync(out).filter((name) => name.endsWith(".json")).flatMap((name) => JSON.parse(readFileSync(join(out, name), "utf8")));
  const find = (row) => onPage(lines.join("\n"), row) ?? onPage(page, row);
  const missing = TABLES.flatMap(({ rows }) => rows).filter((row) => !find(row)).map(titleOf);
  if (missing.length === 0) writeFileSync(PAGE, render(find));
  return missing;
}
