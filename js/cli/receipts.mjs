// `receipts`: what was paid from this machine, and what is left to spend.
import { loadClient, made, NOBODY, offerText, PAYING, policyOf, STORE, storeOf } from "./lib/paying.mjs";
import { json, plain } from "./lib/plain.mjs";
import { readOptions } from "./options.mjs";

export const misuse = 2;
export const jsonErrors = true;

export const summary = "lists what was paid from here, and what is spent";

export const usage = (program) => `${program}receipts [--open] [--json] [--store DIR] [--per-day PRICE] [--per-host PRICE] [--total PRICE]

  --open        only payments that were sent and of which nobody has said what became of them
  --json        print one JSON object
  --store DIR   where ${program}pay keeps what it paid (${STORE})
  --per-day …   budgets, to see what is left of them

What is spent is more than the receipts where a server refused a payment that it got: it could still take it. What is open counts as spent
too: ${program}pay with the same URL goes on with it, and ${program}abandon gives it up once it can be taken no more.

No key is needed, and nobody is asked: this is what the servers said when they were paid. The chain has the last word on a transaction.`;

export async function run(args, { program, client: file }) {
  const { store, "per-day": day, "per-host": host, total } = PAYING;
  const options = { store, "per-day": day, "per-host": host, total, open: { type: "boolean", default: false }, json: { type: "boolean", default: false } };
  const { values } = readOptions(args, { options, usage: usage(program) });
  const { createClient, fileStore } = await loadClient(file);
  const client = made(createClient, { signer: NOBODY, policy: policyOf({ max: "$1", ...values }), store: storeOf(values, fileStore) });
  const [receipts, budget, open] = [await client.receipts(), await client.budget(), await client.open()];
  if (values.json) return console.log(json(values.open ? { open } : { receipts, budget, open })), 0;
  const listOpen = () => {
    console.log("Open: sent, and nobody has said what became of it");
    for (const { url, offer, until } of open) console.log(plain(`  ${url}${offer ? `  ${offerText(offer)}` : ""}, can be given up from ${new Date(until * 1000).toISOString().slice(0, 16).replace("T", " ")}`));
  };
  if (values.open) return open.length > 0 ? listOpen() : console.log("Nothing is open."), 0;
  for (const { at, decimal, symbol, asset, network, url, transaction } of receipts) {
    console.log(plain(`${new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ")}  ${decimal} ${symbol ?? asset}  ${network}  ${url}`));
    if (transaction) console.log(`                  ${plain(transaction)}`);
  }
  if (receipts.length === 0) console.log("Nothing was paid from here.");
  if (open.length > 0) listOpen();
  const left = ({ spent, left }) => `$${spent}${left === undefined ? "" : `, $${left} left`}`;
  console.log(`Today $${budget.today.spent}${budget.today.left === undefined ? "" : ` ($${budget.today.left} left)`}, in all ${left(budget.total)}${budget.open ? `; ${budget.open} of it not known to be taken` : ""}`);
  return 0;
}
