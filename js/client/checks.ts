// What an owner wrote, looked at before anything is loaded or asked: a rule that is misread allows or forbids something else than its author
// thinks. The core reads all of it again, and has the last word.

import { isAccount, isProvider } from "./signer.js";
import type { Policy, Signer } from "./types.js";

/** Throws if a value is not of this form. */
type Form = (value: unknown, where: string) => void;

/** A value as much as belongs into a sentence, in characters that move no cursor. */
export function shown(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // a bigint, or what holds itself
  }
  text = (text ?? typeof value).replace(/[^ -~]/g, "?");
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** The one sentence for what is wrong with a policy. */
export const wrong = (where: string, wanted: string, value: unknown): TypeError => new TypeError(`${where}: ${wanted}, not ${shown(value)}`);

const like = (form: string | RegExp, words: string): Form => (value, where) => {
  if (typeof value !== "string" || !RegExp(form).test(value)) throw wrong(where, words, value);
};
/** At least `least`: of networks, payees and transfers nobody knows what an empty list was to allow. */
const list = (form: Form, least = 1): Form => (value, where) => {
  if (!Array.isArray(value) || value.length < least) throw wrong(where, least ? "a list with something in it" : "a list", value);
  value.forEach((one, index) => form(one, `${where}[${index}]`));
};
function entries(value: unknown, where: string): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(where, "an object", value);
  return Object.entries(value);
}
const members = (forms: Record<string, Form>): Form => (value, where) => {
  for (const [name, one] of entries(value, where)) {
    if (!Object.hasOwn(forms, name)) throw wrong(where, `its members are ${Object.keys(forms).join(", ")}`, name);
    if (one !== undefined) forms[name]!(one, `${where}.${name}`);
  }
};

const NUMBER = "(0|[1-9]\\d{0,39})(\\.\\d{1,18})?";
/** In dollars, with the sign: a bare number may be of anything. */
export const price: Form = like(`^\\$${NUMBER}$`, 'a price such as "$1.00"');
const network = like("^eip155:[1-9]\\d*$", 'a network such as "eip155:8453"');
const address = like(/^0x[\da-f]{40}$/i, "an address, 0x and 40 hex digits");
const text = like("", "a text");
const flag: Form = (value, where) => {
  if (typeof value !== "boolean") throw wrong(where, "true or false", value);
};
/** Hosts are read where they are compared. */
const hosts = list(() => {}, 0);

const POLICY = members({
  max: like(`^(?=.*[1-9])(\\$${NUMBER}|${NUMBER} [A-Za-z][\\w.-]{0,15})$`, 'a price such as "$0.10" or "0.10 USDC"'),
  perHost: (value, where) => {
    if (typeof value === "string") price(value, where);
    else for (const [host, limit] of entries(value, where)) price(limit, `${where}[${shown(host)}]`);
  },
  perDay: price, total: price, hosts, payees: list(address), networks: list(network),
  tokens: list(members({
    network, asset: address, max: like(`^(\\$${NUMBER}|\\d+)$`, 'a price such as "$0.25", or atomic units'), name: text, version: text,
    decimals: (value, where) => {
      if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > 255) throw wrong(where, "a number of digits", value);
    },
  }), 0),
  listedOnly: flag, transfers: list(like("^(eip3009|permit2)$", '"eip3009" or "permit2"')), upto: flag, upfront: flag, offer: text,
  deny: members({ hosts, payees: list(address), networks: list(network), assets: list(address) }),
} satisfies Record<keyof Policy, Form>);

/** Says what is wrong with a policy, as far as that can be told without the core. */
export function checkPolicy(policy: Policy): void {
  POLICY(policy, "policy");
  if (policy.max === undefined) throw wrong("policy.max", 'the most for one request, such as "$0.10"', policy.max);
}

/** A key is never shown. */
export function checkSigner(signer: Signer): void {
  if (typeof signer === "string") {
    if (!/^0x[\da-f]{64}$/i.test(signer)) throw new TypeError("signer: this is no private key; write 0x and 64 hex digits");
  } else if (typeof signer !== "object" || signer === null || !(isProvider(signer) || isAccount(signer))) {
    throw new TypeError("signer: a private key (0x and 64 hex digits), an EIP-1193 provider, or an account with address and signTypedData");
  }
}
