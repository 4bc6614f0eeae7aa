// A paying client for commands: what may be spent and who pays, from options and the environment.
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Mistake, Misuse } from "../mistake.mjs";
import { isTest, networkName } from "./entries.mjs";

const text = { type: "string" };
const several = { type: "string", multiple: true };

/** What every command that can pay takes. */
export const PAYING = {
  max: { type: "string", default: "$0.10" }, "per-day": text, "per-host": text, total: text, host: several, payee: several, network: several, offer: text,
  upto: { type: "boolean", default: false }, "key-file": text, store: text,
};

/** The default store, as help has it. */
export const STORE = "~/.local/state/farthing, or farthing in $XDG_STATE_HOME";

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
  --store DIR       where payments, passes and receipts are kept, and what was spent (${STORE})`;

/** Where a client keeps what outlives it, if nobody says otherwise. */
export const defaultStore = (env = process.env) => join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "farthing");

const KEY = /^0x[0-9a-fA-F]{64}$/;

export const NO_KEY = "Nobody pays: put a private key into the environment's FARTHING_PRIVATE_KEY, or into a file for --key-file. Give it no more money than it may spend.";
/** Who asks without a key: what is free, or was sent before, needs none. */
export const NOBODY = { address: "0x0000000000000000000000000000000000000000", signTypedData: () => { throw new Mistake(NO_KEY); } };

/**
 * The private key: from a file that nobody else can read, or from the environment; never from the command line, which others can see. Nothing
 * where there is none.
 */
export function keyOf({ "key-file": file }) {
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
  if (!key?.trim() && file === undefined) return undefined;
  if (!key.trim()) throw new Mistake(`${file} is empty: a private key is 64 hex digits.`);
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

/** What createClient says of a policy, in the words of the options. */
const OPTION = { perDay: "per-day", perHost: "per-host", hosts: "host", payees: "payee", networks: "network" };
const asOption = (message) => message.replace(/^policy\.(\w+)(\[\d+\])?/, (_, name) => `--${OPTION[name] ?? name}`);

/** Makes a client of what was typed, or says what is wrong with that. */
export function made(createClient, options) {
  try {
    return createClient(options);
  } catch (error) {
    if (error instanceof TypeError) throw new Misuse(asOption(error.message));
    throw error;
  }
}

/** {client, PaymentError}; `more` goes to createClient, and `keyless` does not want a key before something has to be signed. */
export async function openClient(values, { client: file }, { keyless = false, confirm, ...more } = {}) {
  const { createClient, fileStore, PaymentError } = await loadClient(file);
  const key = keyOf(values);
  if (!key && !keyless) throw new Mistake(NO_KEY);
  const client = made(createClient, {
    ...more, signer: key ?? NOBODY, policy: policyOf(values), store: storeOf(values, fileStore),
    confirm(offer, url) {
      if (!key) throw new PaymentError("no-key", NO_KEY, { url, offer });
      return confirm ? confirm(offer, url) : true;
    },
  });
  return { client, PaymentError };
}

export function storeOf({ store = defaultStore() }, fileStore) {
  if (store === "") throw new Misuse("--store wants a folder.");
  return fileStore(resolve(store));
}

/** Why a page could not be got, in a sentence. */
export const unreachable = (url, error) => new Mistake(`${url} cannot be reached: ${error.cause?.message || error.cause?.code || error.message}`);

/** A number of seconds that was typed. */
export function secondsOf(text, option) {
  const seconds = Number(text);
  if (!(seconds >= 1 && seconds <= 86_400)) throw new Misuse(`--${option} wants seconds, from 1 to 86400, not "${text}".`);
  return seconds;
}

/** A network, by its name where that is known, and whether its money is worth nothing. */
export const networkText = (network) => `${networkName(network) === network ? network : `${networkName(network)} (${network})`}`;
export const TEST_MONEY = "test money, worth nothing";
const testText = (network) => (isTest(network) ? ` (${TEST_MONEY})` : "");

/** `0.05 USDC on Base (eip155:8453) to 0x…`, as far as it is known. */
export const offerText = ({ decimal, amount, symbol, asset, network, payTo, scheme }) =>
  `${scheme === "upto" ? "at most " : ""}${decimal ?? amount} ${symbol || (decimal ? asset : `smallest units of ${asset}`)} on ${networkText(network)} to ${payTo}${testText(network)}`;
