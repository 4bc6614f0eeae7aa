// `revoke`: takes the access of one purchase back. An order that the site's keys sign is sent to the site, which puts it on its list.
import { readConfig } from "./check.mjs";
import { openGate } from "./lib/gate.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { keysOf, ordered, receiptIn, sendRevocation } from "./lib/orders.mjs";
import { openTools } from "./lib/tools.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "takes back the access of one purchase";

export const usage = (program) => `${program}revoke RECEIPT [--undo] [--site URL] [--config FILE] [--json]
${program}revoke PASS --article URL [--origin URL] | --offer NAME  [...]

  RECEIPT        the id of a receipt, as the header Farthing-Receipt and the books have it, or its address
  PASS           a pass that was published: v1.… as it stands in a cookie or in the header Farthing-Pass
  --article URL  the address of the article that the pass opens: anybody can write a pass, and by this it shows whether it is yours
  --origin URL   the site whose page the pass was given to, for one of the header Farthing-Pass
  --offer NAME   the name of the time pass, in place of --article; a cookie with its name says so itself
  --undo         give the access back
  --site URL     the site, where it is not the one of the config
  --config FILE  the configuration of the site (farthing.jsonc); it needs "revocation": { "list": true }
  --json         print one JSON object instead of a sentence

The secret FARTHING_KEYS is read from the environment, or else from .dev.vars: the same as the site's. Within 60 seconds nothing that
belongs to the purchase opens any more: no pass, no handle, no sign-in, no article of its bundle. It can be bought again.`;

/** {site, text}: where the order goes, and the config that says so. */
function siteOf({ site, config }, at) {
  if (site !== undefined) return { site: readUrl(site, "--site").origin };
  const text = readConfig(config, at(config));
  let file;
  try {
    file = parseJsonc(text);
  } catch {
    throw new Mistake(`${config} cannot be read as JSON with comments.`);
  }
  if (file?.revocation?.list !== true) throw new Mistake(`${config} keeps no list: write "revocation": { "list": true } into it and deploy it.`);
  return { site: readUrl(file.site, `"site" of ${config}`).origin, text };
}

/** What the pass is said to open: the canonical address of the article, as the config has it or as it was typed. */
function articlesOf(typed, { site, text, keys, gate }) {
  if (typed === undefined) return "";
  const { origin, pathname, search } = readUrl(typed, "--article");
  if (origin !== site) throw new Mistake(`${typed} is not of the site, which is ${site}.`);
  const found = [];
  if (text !== undefined) {
    const core = openGate(gate);
    if (core.configure(text, { keys }).errors.length === 0) found.push(core.resource(site + pathname + search));
  }
  return [...found, site + pathname + search, site + pathname].filter(Boolean).join("\n");
}

export async function run(args, { program, gate, tools, at }) {
  const options = {
    undo: { type: "boolean", default: false }, site: { type: "string" }, config: { type: "string", default: "farthing.jsonc" },
    json: { type: "boolean", default: false }, article: { type: "string" }, origin: { type: "string" }, offer: { type: "string" },
  };
  const help = usage(program);
  const { values, positionals: [typed] } = readOptions(ordered(args), { options, most: 1, usage: help });
  if (!typed) throw new Mistake(`What is to be revoked?\n\n${help}`);
  // the address of a receipt, or a cookie as it was copied
  const what = receiptIn(typed).replace(/^[\w-]+=/, "").replace(/;.*$/, "");
  const { site, text } = siteOf(values, at);
  const keys = keysOf(at("."));
  const article = articlesOf(values.article, { site, text, keys, gate });
  const origin = values.origin === undefined ? "" : readUrl(values.origin, "--origin").origin;
  const offer = values.offer ?? /^__Secure-farthing-([a-z0-9-]+)=/.exec(typed.trim())?.[1] ?? "";
  const order = openTools(tools)("order", keys, site, what, values.undo ? "undo" : "revoke", String(Date.now()), article, origin, offer);
  const { revoked, on, was } = await sendRevocation(site, order);
  if (on === values.undo) {
    throw new Mistake(`Nothing was changed: a later order about this purchase holds, and it ${on ? "stays revoked" : "is not revoked"}. Is the clock of this machine right? It says ${new Date().toISOString()}.`);
  }
  if (values.undo && !was) throw new Mistake(`This purchase is not on the list of ${site}: there was nothing to give back.`);
  if (values.json) console.log(JSON.stringify({ site, undone: values.undo, revoked }));
  else console.log(`${values.undo ? "Given back" : "Revoked"}: it holds everywhere within 60 seconds. ${revoked} ${revoked === 1 ? "purchase is" : "purchases are"} on the list of ${site}.`);
  return 0;
}
