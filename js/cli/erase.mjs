// `erase`: has a site forget an account.
import { asAccount } from "./lib/account.mjs";
import { keyOf, NO_KEY } from "./lib/paying.mjs";
import { json, plain } from "./lib/plain.mjs";
import { Mistake, Misuse } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "has a site erase what it holds about your account";
export const misuse = 2;
export const jsonErrors = true;

export const usage = (program) => `${program}erase SITE --yes [--json] [--key-file FILE]

  SITE              the site's address, like https://news.example
  --yes             that it is meant: what was bought there is given up, and nothing is paid back
  --json            print the site's answer as one JSON object
  --key-file FILE   a file with the private key, in place of the environment's FARTHING_PRIVATE_KEY

Signs a text that says so, which moves no money. A payment that is under way stays until its outcome is known, and goes then by itself.
${program}export gets a copy first.

    FARTHING_PRIVATE_KEY=0x… ${program}erase https://news.example --yes`;

const BOOKS = {
  anonymised: "The publisher's books keep amounts, articles and days, and not who paid.",
  pending: "The publisher's books do not answer now: they lose who paid as soon as they do.",
  kept: "The publisher keeps the payments in the books, as it says.",
  none: "The publisher keeps no books.",
};
const WHY = { "under-way": "its outcome is not known", "not-final": "its block could still be undone", refused: "it was refused, and could still be taken" };

export async function run(args, { program, tools }) {
  const flag = { type: "boolean", default: false };
  const { values, positionals: [typed] } = readOptions(args, { options: { yes: flag, json: flag, "key-file": { type: "string" } }, most: 1, usage: usage(program) });
  const { origin: site } = readUrl(typed, "erase", "https://news.example");
  if (!values.yes) throw new Misuse(`This gives up what was bought at ${site}, and cannot be undone: say --yes. Nothing was asked.`);
  const key = keyOf(values);
  if (!key) throw new Mistake(NO_KEY);
  const say = (line) => { if (!values.json) console.log(plain(line)); };
  const answer = await asAccount({ site, deed: "erase", method: "POST", key, tools, confirm: (statement, account) => say(`${account} signs: ${statement}`) });
  if (values.json) return console.log(json(answer)), 0;
  const { erased = {}, kept = [], books, passesUntil } = answer;
  say(`Erased: ${Object.entries(erased).map(([name, count]) => `${count} ${name}`).join(", ")}. ${BOOKS[books] ?? ""}`.trim());
  for (const { receipt, resource, why, until } of kept) say(`Stays for now: the payment ${receipt} for ${resource}, since ${WHY[why] ?? why}; expected until ${until ?? "nobody knows when"}.`);
  if (kept.length > 0) say("That goes by itself as soon as nothing can become of it.");
  if (passesUntil) say(`Cookies that browsers have open their articles until ${passesUntil} at the latest: clear them there.`);
  return 0;
}
