// What www/docs/problems.md says, taken apart: its table, and a section for each problem.
import { readFileSync } from "node:fs";
import { STATUS_CODES } from "node:http";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../..");
const read = (name) => readFileSync(join(root, name), "utf8");
/** Files that a page is made from. */
export const SOURCES = ["www/docs/problems.md", "www/locales/en.json", "src/problem.rs"].map((name) => join(root, name));

/** Like a document's example, as the Worker writes it. */
const example = (type, title, status, detail) => JSON.stringify({ type: `https://farthing.dev/problems/${type}`, title, status, detail, error: type }, null, 2);

/** Links of the one file, from a folder further down and with a page for each section. */
const deeper = (text) => text.replace(/\]\(([a-z-]+\.md)/g, "](../$1").replace(/\]\(#([a-z0-9-]+)\)/g, "]($1.md)");

/** `{type, title, status, advice, seen, text, said}` of each, in the table's order; `said` is what the card tells a reader, where that is more than that it was refused. */
export function problems() {
  const page = read("www/docs/problems.md");
  const { card, more } = JSON.parse(read("www/locales/en.json"));
  const code = read("src/problem.rs");
  const sections = new Map(page.split(/^### /m).slice(1).map((part) => /^(\S+)\n\nSeen by: (.+)\n\n([^]+)$/.exec(part.trim())?.slice(1)).map(([type, ...rest]) => [type, rest]));
  return [...page.matchAll(/^\| \[`([a-z0-9-]+)`\]\(#\1\) \| (\d+) \| (.+?) \| (.+?) \|$/gm)].map(([, type, status, title, advice]) => {
    const [seen, text] = sections.get(type) ?? [];
    const key = new RegExp(`"${type}", \\d+, "([a-z-]+)"`).exec(code)?.[1];
    return { type, status: Number(status), title, advice, seen, text, said: key === "refused" ? undefined : more[key] ?? card[key] };
  });
}

const SHOWN = { amount: "$0.05", network: "Base", symbol: "USDC", before: "$0.05", price: "$0.10" };

/** The page of a problem. */
export function page({ type, status, title, advice, seen, text, said }) {
  const offer = status === 402 || status === 412;
  const parts = [
    `# ${title}`,
    `\`${type}\` · HTTP ${status} ${STATUS_CODES[status] ?? ""} · seen by ${seen}`,
    text,
    "## What to do",
    advice,
    /\breaders?\b/i.test(seen) && said && `To a reader whose payment met it the card says: “${said.replace(/\{(\w+)\}/g, (_, name) => SHOWN[name])}”`,
    "## The document",
    `\`\`\`json\n${example(type, title, status, advice)}\n\`\`\``,
    `\`detail\` may say more exactly what is wrong.${offer ? " With it comes an offer: v2 in the `PAYMENT-REQUIRED` header, v1 in `x402Version` and `accepts` of the body." : ""}`,
    "[All problems](problems.md) · [What can happen to a payment](payments.md)",
  ];
  return deeper(parts.filter(Boolean).join("\n\n"));
}
