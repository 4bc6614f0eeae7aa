// Orders to the site, signed with its keys: `revoke` and `refund` send them.
import { Mistake } from "../mistake.mjs";
import { DEV_VARS, devVar, devVars } from "./secrets.mjs";

const PATIENCE = 20_000;
/** An id of a receipt that looks like an option: one in 64 does. */
const DASHED = /^-[\w-]{55}$/;

/** The words of a command, so that an id is read as one. */
export const ordered = (args) => [...args.filter((arg) => !DASHED.test(arg)), "--", ...args.filter((arg) => DASHED.test(arg))];

/** The id in the address of a receipt, or whatever else it is. */
export const receiptIn = (typed) => typed.trim().replace(/^https?:\/\/.*\/receipts\//, "");

export function keysOf(folder) {
  const own = process.env.FARTHING_KEYS ?? devVar(devVars(folder), "FARTHING_KEYS");
  if (!own?.trim()) throw new Mistake(`FARTHING_KEYS is neither in the environment nor in ${DEV_VARS}: orders are signed with the secret of the site.`);
  return own.trim();
}

/** What the site answers to an order: `isGood(answer)` knows it, and `told` has sentences for problems by their slugs. */
export async function sendOrder(site, endpoint, order, { isGood, told }) {
  let response;
  let text;
  try {
    response = await fetch(`${site}/.farthing/${endpoint}`, {
      method: "POST", headers: { "farthing-order": order, accept: "application/json" }, redirect: "manual", signal: AbortSignal.timeout(PATIENCE),
    });
    text = await response.text();
  } catch (error) {
    throw new Mistake(`${site} did not answer: ${error.cause?.message ?? error.message}. Nothing is certain; run the command again.`);
  }
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    // said below
  }
  if (response.status === 200 && isGood(answer)) return answer;
  const slug = String(answer?.type ?? "").split("/").at(-1);
  if (Object.hasOwn(told, slug)) throw Object.assign(new Mistake(told[slug]), { slug });
  if (answer?.title && answer.detail) throw Object.assign(new Mistake(`${site} says: ${answer.title}. ${answer.detail}`), { slug });
  throw new Mistake(`${site} answered ${response.status}, and not as a Worker of this package does: is this its address?`);
}

/** Takes access back, or gives it back: how many purchases are on the list, whether this one is, and whether it was. */
export const sendRevocation = (site, order) => sendOrder(site, "revoke", order, {
  isGood: (answer) => Number.isInteger(answer?.revoked),
  told: {
    "no-such-endpoint": `${site} keeps no list: write "revocation": { "list": true } into its config and deploy it.`,
    internal: `${site} could not write its list; run the command again.`,
  },
});
