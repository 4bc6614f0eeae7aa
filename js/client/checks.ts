// What an owner wrote, looked at before anything is loaded or asked: a rule that is misread allows or forbids something else than its author
// thinks. The core reads all of it again, and has the last word.

// as much of it as tells which it is, and of what may be a key less than that
const printed = (text: string) => text.replace(/(0x[\da-f]{6})[\da-f]{35,}/gi, "$1...").replace(/[^ -~]/g, "?").replace(/^(.{60}).+/, "$1...");

/** A value as much as belongs into a sentence, in characters that move no cursor. */
export const shown = (value: unknown): string => printed(JSON.stringify(value) ?? typeof value);

/** The one sentence for what is wrong with a policy. */
export const wrong = (where: string, wanted: string, value: unknown): TypeError => new TypeError(`${printed(where)}: ${wanted}, not ${shown(value)}`);

const NUMBER = "(0|[1-9]\\d*)(\\.\\d{1,18})?";

/** What has names, and what is a list; nothing else may stand in a policy for several. */
const GROUPS = /^policy(\.(perHost|deny|tokens\[\d+\]))?$/;
const LISTS = /^policy\.((deny\.)?(hosts|payees|networks)|deny\.assets|tokens|transfers)$/;

/** By its place of what form, and in words where the form does not speak for itself. */
const FORMS = [
  ["\\.max", `\\$${NUMBER}|${NUMBER} [\\w.-]+`, 'like "$0.10" or "0.10 USDC"'],
  // with the sign: a bare number may be of anything
  ["\\.(perDay|total|perHost(\\..*)?)", `\\$${NUMBER}`, 'like "$0.10"'],
  ["\\.tokens.+\\.max", `\\$${NUMBER}|\\d+`, 'like "$0.10" or atomic units'],
  ["(.+\\.network|.+\\.networks.+|\\.networks.+)", "eip155:[1-9]\\d*", 'like "eip155:8453"'],
  ["(.+\\.asset|.*\\.(asset|payee)s.+)", "0x[\\da-fA-F]{40}", "0x and 40 hex digits"],
  ["\\.transfers.+", "eip3009|permit2"],
  ["\\.(listedOnly|upto|upfront)", "true|false"],
  // read elsewhere, or any text
  ["(.*\\.hosts.+|\\.offer|\\.tokens.+\\.(name|version|decimals))", ".*"],
] as [place: string, form: string, words?: string][];

/** Whether it has the members that one sees, and no others: a promise, a map and what inherits have some that nobody would read. */
const isPlain = (value: object) => {
  const above = Object.getPrototypeOf(value) as object | null;
  return above === null || Object.getPrototypeOf(above) === null;
};

/** Says what is wrong with a part of a policy, as far as that can be told without the core. */
export function check(value: unknown, where = "policy"): void {
  if (typeof value === "object" && value && (Array.isArray(value) ? LISTS.test(where) : GROUPS.test(where) && isPlain(value))) {
    // what nobody set is not there; a host without an amount would have none
    for (const [name, one] of Object.entries(value)) if (one !== undefined || where.endsWith("perHost")) check(one, where + (Array.isArray(value) ? `[${name}]` : `.${name}`));
    return;
  }
  const [, form, words = form] = FORMS.find(([place]) => RegExp(`^policy${place}$`).test(where)) ?? [, "(?!)", "no such member or form"];
  if ((typeof value === "object" && value) || !RegExp(`^(${form})$`).test(String(value))) throw wrong(where, words, value);
}
