// `export`: everything that a site holds about an account, as JSON.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { asAccount } from "./lib/account.mjs";
import { keyOf, NO_KEY } from "./lib/paying.mjs";
import { json } from "./lib/plain.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "gets what a site holds about your account";
export const misuse = 2;
export const jsonErrors = true;

export const usage = (program) => `${program}export SITE [--out FILE] [--key-file FILE]

  SITE              the site's address, like https://news.example
  --out FILE        the records go there, readable by you alone, and not to standard output
  --key-file FILE   a file with the private key, in place of the environment's FARTHING_PRIVATE_KEY

Signs a text that says so, which moves no money, and prints one JSON object: payments, what is owned and until when, passes and bundles,
receipts, and the entries of the publisher's books. Records of more than 500 rows take a signature for each 500.

    FARTHING_PRIVATE_KEY=0x… ${program}export https://news.example --out mine.json`;

const PARTS = ["payments", "owned", "passes", "receipts", "books", "refunds"];
const NEXT = /^\/\.farthing\/export(\?after=\d\.\d{1,19})$/;

export async function run(args, { program, tools }) {
  const text = { type: "string" };
  const { values, positionals: [typed] } = readOptions(args, { options: { out: text, "key-file": text, json: { type: "boolean", default: false } }, most: 1, usage: usage(program) });
  const { origin: site } = readUrl(typed, "export", "https://news.example");
  const key = keyOf(values);
  if (!key) throw new Mistake(NO_KEY);
  const say = (line) => process.stderr.write(`${line}\n`);
  let whole;
  for (let query = ""; query !== undefined;) {
    const answer = await asAccount({ site, deed: "export", method: "GET", key, tools, query });
    if (!whole) whole = answer;
    else for (const part of PARTS) whole[part]?.push(...(answer[part] ?? []));
    if (answer.next !== undefined && !NEXT.test(answer.next)) throw new Mistake(`${site} says that there is more, and not where.`);
    query = answer.next && NEXT.exec(answer.next)[1];
  }
  delete whole.next;
  if (!values.out) return console.log(json(whole)), 0;
  try {
    writeFileSync(resolve(values.out), `${json(whole)}\n`, { mode: 0o600 });
  } catch (error) {
    throw new Mistake(`${values.out} cannot be written: ${error.message}`);
  }
  say(`${whole.account}: ${PARTS.map((part) => `${whole[part]?.length ?? 0} ${part}`).join(", ")}, in ${values.out}.`);
  return 0;
}
