// `abandon`: gives up payments of which nobody says what became of them, so that the same can be bought anew.
import { loadClient, made, NOBODY, offerText, PAYING, STORE, storeOf } from "./lib/paying.mjs";
import { json, plain } from "./lib/plain.mjs";
import { Misuse } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const misuse = 2;
export const jsonErrors = true;

export const summary = "gives up a payment of which nobody says what became of it";

const [GIVEN_UP, NOTHING, STILL_OPEN] = [0, 1, 4];

export const usage = (program) => `${program}abandon URL | --all [--store DIR] [--json]

  URL          what was to be paid, as ${program}receipts --open lists it
  --all        every open payment
  --store DIR  where ${program}pay keeps what it paid (${STORE})
  --json       print one JSON object

Only what can be taken no more is given up: an authorization lives for some minutes, an hour at most. It counts as spent from then on, and
stands among the receipts as unknown. Look at the chain first: if the money moved, buying the same again pays for it a second time.

Exit code:
  ${GIVEN_UP}  given up
  ${NOTHING}  nothing is open there
  ${STILL_OPEN}  at least one could still be taken; nothing was done with that`;

export async function run(args, { program, client: file }) {
  const options = { store: PAYING.store, all: { type: "boolean", default: false }, json: { type: "boolean", default: false } };
  const { values, positionals: [typed] } = readOptions(args, { options, most: 1, usage: usage(program) });
  if (values.all === (typed !== undefined)) throw new Misuse(`Say which: an address, or --all.\n\n${usage(program)}`);
  const url = typed === undefined ? undefined : readUrl(typed, "abandon");
  if (url) url.hash = "";
  const { createClient, fileStore, PaymentError } = await loadClient(file);
  const client = made(createClient, { signer: NOBODY, policy: { max: "$1" }, store: storeOf(values, fileStore) });
  const wanted = (await client.open()).filter((one) => !url || one.url === url.href);
  const done = { abandoned: [], open: [] };
  const say = (line) => { if (!values.json) console.log(plain(line)); };
  for (const one of wanted) {
    const about = `${one.url}${one.offer ? `  ${offerText(one.offer)}` : ""}`;
    try {
      if (!(await client.abandon(one))) continue;
      done.abandoned.push(one);
      say(`Given up, and counted as spent: ${about}`);
    } catch (error) {
      if (!(error instanceof PaymentError)) throw error;
      done.open.push({ ...one, reason: error.reason, message: error.message });
      say(`Still open: ${about}: ${error.message}`);
    }
  }
  if (done.abandoned.length > 0) say("If the money moved after all, buying the same again pays for it a second time: the chain says whether it did.");
  if (done.abandoned.length + done.open.length === 0) say("Nothing is open there.");
  if (values.json) console.log(json(done));
  if (done.open.length > 0) return STILL_OPEN;
  return done.abandoned.length > 0 ? GIVEN_UP : NOTHING;
}
