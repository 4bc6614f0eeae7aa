// `receipts`: what was paid from this machine, and what is left to spend.
import { resolve } from "node:path";
import { defaultStore, loadClient, PAYING, policyOf } from "./lib/paying.mjs";
import { json, plain } from "./lib/plain.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions } from "./options.mjs";

export const summary = "lists what was paid from here, and what is spent";

export const usage = (program) => `${program}receipts [--json] [--store DIR] [--per-day PRICE] [--per-host PRICE] [--total PRICE]

  --json        print one JSON object
  --store DIR   where ${program}pay keeps what it paid
  --per-day …   budgets, to see what is left of them

No key is needed, and nobody is asked: this is what the servers said when they were paid. The chain has the last word on a transaction.`;

export async function run(args, { program, client: file }) {
  const { store, "per-day": day, "per-host": host, total } = PAYING;
  const options = { store, "per-day": day, "per-host": host, total, json: { type: "boolean", default: false } };
  const { values } = readOptions(args, { options, usage: usage(program) });
  const { createClient, fileStore } = await loadClient(file);
  const nobody = { address: "0x0000000000000000000000000000000000000000", signTypedData: () => { throw new Error("nothing is signed here"); } };
  let client;
  try {
    client = createClient({ signer: nobody, policy: policyOf({ max: "$0", ...values }), store: fileStore(resolve(values.store ?? defaultStore())) });
  } catch (error) {
    throw new Mistake(error.message);
  }
  const [receipts, budget] = [await client.receipts(), await client.budget()];
  if (values.json) return console.log(json({ receipts, budget })), 0;
  for (const { at, decimal, symbol, asset, network, url, transaction } of receipts) {
    console.log(plain(`${new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ")}  ${decimal} ${symbol ?? asset}  ${network}  ${url}`));
    if (transaction) console.log(`                  ${plain(transaction)}`);
  }
  if (receipts.length === 0) console.log("Nothing was paid from here.");
  const left = ({ spent, left }) => `$${spent}${left === undefined ? "" : `, $${left} left`}`;
  console.log(`Today $${budget.today.spent}${budget.today.left === undefined ? "" : ` ($${budget.today.left} left)`}, in all ${left(budget.total)}${budget.open ? `; ${budget.open} of it not known to be taken` : ""}`);
  return 0;
}
