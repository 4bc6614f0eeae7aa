// `revoke`: takes the access of one purchase back. An order that the site's keys sign is sent to the site, which puts it on its list.
import { readConfig } from "./check.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { DEV_VARS, devVar, devVars } from "./lib/secrets.mjs";
import { openTools } from "./lib/tools.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "takes back the access of one purchase";

export const usage = (program) => `${program}revoke RECEIPT|PASS [--undo] [--site URL] [--config FILE] [--json]

  RECEIPT        the id of a receipt, as the header Farthing-Receipt and the books have it, or its address
  PASS           a pass that was published: v1.… as it stands in a cookie or in the header Farthing-Pass
  --undo         give the access back
  --site URL     the site, where it is not the one of the config
  --config FILE  the configuration of the site (farthing.jsonc); it needs "revocation": { "list": true }
  --json         print one JSON object instead of a sentence

The secret FARTHING_KEYS is read from the environment, or else from .dev.vars: the same as the site's. Within 60 seconds nothing that
belongs to the purchase opens any more: no pass, no handle, no sign-in, no article of its bundle. It can be bought again.`;

const PATIENCE = 20_000;
const ID = /^-[\w-]{55}$/;

function keysOf(folder) {
  const own = process.env.FARTHING_KEYS ?? devVar(devVars(folder), "FARTHING_KEYS");
  if (!own?.trim()) throw new Mistake(`FARTHING_KEYS is neither in the environment nor in ${DEV_VARS}: orders are signed with the secret of the site.`);
  return own.trim();
}

function siteOf({ site, config }, at) {
  if (site !== undefined) return readUrl(site, "--site").origin;
  const text = readConfig(config, at(config));
  let file;
  try {
    file = parseJsonc(text);
  } catch {
    throw new Mistake(`${config} cannot be read as JSON with comments.`);
  }
  if (file?.revocation?.list !== true) throw new Mistake(`${config} keeps no list: write "revocation": { "list": true } into it and deploy it.`);
  return readUrl(file.site, `"site" of ${config}`).origin;
}

async function send(site, order) {
  let response;
  let text;
  try {
    response = await fetch(`${site}/.farthing/revoke`, {
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
  if (response.status === 200 && Number.isInteger(answer?.revoked)) return answer.revoked;
  const slug = String(answer?.type ?? "").split("/").at(-1);
  if (slug === "no-such-endpoint") throw new Mistake(`${site} keeps no list: write "revocation": { "list": true } into its config and deploy it.`);
  if (slug === "internal") throw new Mistake(`${site} could not write its list; run the command again.`);
  if (answer?.title && answer.detail) throw new Mistake(`${site} says: ${answer.title}. ${answer.detail}`);
  throw new Mistake(`${site} answered ${response.status}, and not as a Worker of this package does: is this its address?`);
}

export async function run(args, { program, tools, at }) {
  const options = {
    undo: { type: "boolean", default: false }, site: { type: "string" }, config: { type: "string", default: "farthing.jsonc" },
    json: { type: "boolean", default: false },
  };
  const help = usage(program);
  // one id in 64 begins like an option
  const ordered = [...args.filter((arg) => !ID.test(arg)), "--", ...args.filter((arg) => ID.test(arg))];
  const { values, positionals: [typed] } = readOptions(ordered, { options, most: 1, usage: help });
  if (!typed) throw new Mistake(`What is to be revoked?\n\n${help}`);
  // the address of a receipt, or a cookie as it was copied
  const what = typed.trim().replace(/^https?:\/\/.*\/receipts\//, "").replace(/^[\w-]+=/, "").replace(/;.*$/, "");
  const site = siteOf(values, at);
  const order = openTools(tools)("order", keysOf(at(".")), site, what, values.undo ? "undo" : "revoke", String(Date.now()));
  const revoked = await send(site, order);
  if (values.json) console.log(JSON.stringify({ site, undone: values.undo, revoked }));
  else console.log(`${values.undo ? "Given back" : "Revoked"}: it holds everywhere within 60 seconds. ${revoked} ${revoked === 1 ? "purchase is" : "purchases are"} on the list of ${site}.`);
  return 0;
}
