// A paying client for commands: what may be spent and who pays, from options and the environment.
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Mistake } from "../mistake.mjs";

const text = { type: "string" };
const several = { type: "string", multiple: true };

/** What every command that can pay takes. */
export const PAYING = {
  max: { type: "string", default: "$0.10" }, "per-day": text, "per-host": text, total: text, host: several, payee: several, network: several, offer: text,
  upto: { type: "boolean", default: false }, "key-file": text, store: text,
};

export const payingUsage = `  --max PRICE       the most for one request ($0.10)
  --per-day PRICE   the most in a day, by UTC
  --per-host PRICE  the most for one host
  --total PRICE     the most in all
  --host HOST       a host that may be paid, like news.example or *.example; more than once
  --payee ADDRESS   somebody who may be paid; more than once
  --network ID      a network to pay on, like eip155:8453; more than once, in the order of preference
  --offer NAME      a time pass or a bundle to buy in place of the single page
  --upto            also pays "at most" an amount: the server says how much it was
  --key-file FILE   a file with the private key, in place of the environment's FARTHING_PRIVATE_KEY
  --store DIR       where payments, passes and receipts are kept, and what was spent`;

/** Where a client keeps what outlives it, if nobody says otherwise. */
export const defaultStore = (env = process.env) => join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "farthing");

const KEY = /^0x[0-9a-fA-F]{64}$/;

/** The private key: from a file that nobody else can read, or from the environment; never from the command line, which others can see. */
function keyOf({ "key-file": file }) {
  const name = file ?? "FARTHING_PRIVATE_KEY";
  let key = process.env.FARTHING_PRIVATE_KEY;
  if (file !== undefined) {
    try {
      key = readFileSync(resolve(file), "utf8");
      if (process.platform !== "win32" && statSync(resolve(file)).mode & 0o077) throw new Mistake(`${file} can be read by others of this machine: chmod 600 ${file}`);
    } catch (error) {
      if (error instanceof Mistake) throw error;
      throw new Mistake(`${file} cannot be read: ${error.message}`);
    }
  }
  if (!key?.trim()) throw new Mistake("Nobody pays: put a private key into the environment's FARTHING_PRIVATE_KEY, or into a file for --key-file. Give it no more money than it may spend.");
  const clean = key.trim().startsWith("0x") ? key.trim() : `0x${key.trim()}`;
  if (!KEY.test(clean)) throw new Mistake(`${name} holds no private key: 64 hex digits are one.`);
  return clean;
}

/** The policy that the options say. */
export function policyOf(values) {
  const policy = { max: values.max, upto: values.upto };
  for (const [option, name] of [["per-day", "perDay"], ["per-host", "perHost"], ["total", "total"], ["offer", "offer"]]) if (values[option] !== undefined) policy[name] = values[option];
  for (const [option, name] of [["host", "hosts"], ["payee", "payees"], ["network", "networks"]]) if (values[option]?.length) policy[name] = values[option];
  return policy;
}

export const loadClient = (file) => import(pathToFileURL(file).href);

/** {client, PaymentError}; `more` goes to createClient. */
export async function openClient(values, { client: file }, more = {}) {
  const { createClient, fileStore, PaymentError } = await loadClient(file);
  try {
    return { client: createClient({ signer: keyOf(values), policy: policyOf(values), store: fileStore(resolve(values.store ?? defaultStore())), ...more }), PaymentError };
  } catch (error) {
    if (error instanceof TypeError) throw new Mistake(error.message);
    throw error;
  }
}

/** `0.05 USDC on eip155:8453 to 0x…`, as far as it is known. */
export const offerText = ({ decimal, amount, symbol, asset, network, payTo, scheme }) =>
  `${scheme === "upto" ? "at most " : ""}${decimal ?? amount} ${symbol ?? (decimal ? asset : `smallest units of ${asset}`)} on ${network} to ${payTo}`;
