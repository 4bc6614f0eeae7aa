// Secrets on this machine: what .dev.vars has, and what is said where one is not there. The core says what sets it where the Worker is
// deployed; here something else does.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { secretsOf } from "./check-facilitators.mjs";

const MISSING = /^(.*?): names a secret that this Worker does not have/;

/** Whether this mistake is in a secret, and not in the config. */
export const isOfSecret = (error) => error.includes(": names a secret ");

/** The error; where a secret is missing, with what sets it here: `remedy` of its name. */
export function toldHere(error, config, remedy) {
  const at = MISSING.exec(error)?.[1];
  if (at === undefined) return error;
  // headers have no case, and the core writes theirs small
  const name = secretsOf(config).find((one) => one.at.toLowerCase() === at.toLowerCase())?.name;
  return `${at}: ${name ? `the secret ${name}` : "the secret it names"} is not there: ${remedy(name ?? "NAME")}`;
}

export const DEV_VARS = ".dev.vars";

/** The text of .dev.vars in a folder; empty where there is none. */
export function devVars(folder) {
  try {
    return readFileSync(join(folder, DEV_VARS), "utf8");
  } catch {
    return "";
  }
}

/** A value of .dev.vars, without quotes around it; undefined where it has none. */
export function devVar(text, name) {
  const [, value] = new RegExp(String.raw`^[ \t]*(?:export[ \t]+)?${name}[ \t]*=[ \t]*(.*?)[ \t]*$`, "m").exec(text) ?? [];
  return value && (/^(["'`])(.*)\1$/.exec(value)?.[2] ?? value);
}
