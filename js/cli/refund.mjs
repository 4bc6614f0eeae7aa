// `refund`: says what the payee's wallet is to send back for one payment, and once it was sent and the chain has it, writes it into the books.
// Who paid and what, is read from the chain; this command moves no money and knows no wallet's key.
import { readConfig } from "./check.mjs";
import { identify } from "./lib/check-chains.mjs";
import { decimal } from "./lib/entries.mjs";
import { parseJsonc } from "./lib/jsonc.mjs";
import { keysOf, ordered, receiptIn, sendOrder, sendRevocation } from "./lib/orders.mjs";
import { json, plain } from "./lib/plain.mjs";
import { numberIn, openRpc, shown, textIn, why } from "./lib/rpc.mjs";
import { openTools } from "./lib/tools.mjs";
import { paidIn, sentIn, transferOf } from "../../worker/shim/reconcile/sent.js";
import { Mistake, Misuse } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "says how to send a payment back, and writes it into the books";

export const usage = (program) => `${program}refund RECEIPT [--amount AMOUNT] [--from ADDRESS] [--again] [OPTION …]
${program}refund RECEIPT --sent TRANSACTION [--reason TEXT] [--keep-access] [OPTION …]

  RECEIPT            the id of a receipt, as the header Farthing-Receipt and the books have it, or its address
  --amount AMOUNT    a part of the payment, like 0.05 or "0.05 USDC"; without it all that is left of it
  --from ADDRESS     the wallet that sends it, where it is not the one that was paid
  --pay-to ADDRESS   the wallet that was paid, where the config does not name it (any more)
  --sent 0x…         the transaction in which it was sent: the chain is looked at, the books are told, and the access ends
  --reason TEXT      why, for the books: at most 200 characters
  --again            says it though a refund of this payment was begun on the desk and is not in the books
  --keep-access      what was bought stays open
  --confirmations N  how many blocks are to have it (12)
  --rpc URL          an endpoint of the payment's network, in place of those in the config; may stand several times
  --site URL         the site, where it is not the one of the config; it needs --rpc
  --config FILE      the configuration of the site (farthing.jsonc)
  --json             print one JSON object instead of sentences

Without --sent nothing is changed: the transaction that it prints is for your wallet to sign and send. The secret FARTHING_KEYS is read from
the environment, or else from .dev.vars: the same as the site's. The site keeps refunds in its books, a D1 database under BOOKS.`;

const PATIENCE = 20_000;
const CONFIRMATIONS = 12;
const MOST_REASON = 200;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const HASH = /^0x[0-9a-fA-F]{64}$/;

const same = (one, other) => one.toLowerCase() === other.toLowerCase();
// a header takes no other signs
const ascii = (value) => JSON.stringify(value).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** {site, endpoints(network), list}: of the config, or of the options. `list`: whether the site takes access back, where that is known. */
function siteOf({ site, config, rpc }, at) {
  for (const url of rpc ?? []) readUrl(url, "--rpc", "https://rpc.example");
  if (site !== undefined) {
    if (rpc === undefined) throw new Misuse("--site needs --rpc: without a config nothing says where the chain is read.");
    return { site: readUrl(site, "--site").origin, endpoints: () => rpc, payees: [] };
  }
  let file;
  const text = readConfig(config, at(config));
  try {
    file = parseJsonc(text);
  } catch {
    throw new Mistake(`${config} cannot be read as JSON with comments.`);
  }
  const named = (network) => {
    const urls = file?.settlement?.rpc?.[network];
    return Array.isArray(urls) ? urls.filter((url) => typeof url === "string") : [];
  };
  return { site: readUrl(file?.site, `"site" of ${config}`).origin, endpoints: (network) => rpc ?? named(network), payees: payeesIn(file), list: file?.revocation?.list === true };
}

/** What a site says of a refund, if it can be one. */
const isRefund = (one) => typeof one?.asset === "string" && ADDRESS.test(one.asset) && HASH.test(one.transaction_hash) && /^[1-9]\d{0,77}$/.test(one.amount);

/** A refund that the site says was begun on its desk. */
const isBegun = (one) => /^[1-9]\d{0,77}$/.test(one?.amount) && (one.transaction === undefined || HASH.test(one.transaction));

/** Every address under a `payTo`, of all routes. */
function payeesIn(value, mine = false) {
  if (typeof value === "string") return mine && ADDRESS.test(value) ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => payeesIn(one, mine || name === "payTo"));
}

async function receiptOf(site, id) {
  let answer;
  try {
    const response = await fetch(`${site}/.farthing/receipts/${id}`, { headers: { accept: "application/json" }, redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    answer = { status: response.status, body: await response.json() };
  } catch (error) {
    throw new Mistake(error instanceof SyntaxError ? `${site} answers no receipt: is this its address?` : `${site} did not answer: ${error.cause?.message ?? error.message}.`);
  }
  const { status, body } = answer;
  if (status !== 200) throw new Mistake(`${site} has no such receipt: it answered ${status}${body?.title ? `, ${body.title}` : ""}.`);
  const { state, network, asset, payTo, amount, transaction } = body;
  if (state !== "settled") throw new Mistake(`This payment is ${state ?? "of no known state"}, not settled: there is nothing to send back${state === "pending" ? " yet" : ""}.`);
  const isWhole = /^eip155:[1-9]\d*$/.test(network) && ADDRESS.test(asset) && ADDRESS.test(payTo) && /^[1-9]\d{0,77}$/.test(amount) && HASH.test(transaction);
  if (!isWhole) throw new Mistake(`${site} answers a receipt that cannot be read.`);
  return { network, asset, payTo, paid: BigInt(amount), transaction: transaction.toLowerCase() };
}

/** A chain, at the first endpoint that is the network's. */
async function chainOf(network, urls, typed) {
  if (urls.length === 0) throw new Mistake(`The config has no endpoint for ${network} in settlement.rpc: add --rpc URL.`);
  const told = [];
  for (const url of urls) {
    const { network: is, trouble } = await identify(url);
    if (is === network) return { rpc: openRpc(url), at: shown(url) };
    told.push(`${shown(url)} ${trouble ?? `is ${is}`}`);
  }
  throw new Mistake(`No endpoint ${typed ? "of --rpc" : "in settlement.rpc"} is of ${network}: ${told.join("; ")}.`);
}

/** The block of the payment, once the chain says that this payer paid it. */
async function paidAt({ rpc, at }, payment, payer) {
  const { block, why, payers } = await paidIn(rpc, payment, payer);
  const { transaction, payTo } = payment;
  if (why === "not-there") throw new Mistake(`The payment's transaction ${transaction} is not on the chain as ${at} has it: nothing is to be sent back for it.`);
  if (why === "other-amount") throw new Mistake(`The transaction ${transaction} of the receipt moves no such amount to ${payTo}: the site and the chain say different things, and nothing is to be sent.`);
  if (why) throw new Mistake(`By its receipt this was paid by ${payer}, and by the chain by ${payers.join(", ")}: nothing is to be sent.`);
  return block;
}

async function tokenAt(rpc, asset) {
  const decimals = numberIn(await rpc.call(asset, "decimals()"));
  if (decimals === undefined || decimals > 77n) throw new Mistake(`${asset} does not say how many decimals it has.`);
  return { decimals: Number(decimals), symbol: plain(textIn(await rpc.call(asset, "symbol()")) || asset, 60) };
}

/** Atomic units of what was typed. */
function unitsOf(typed, { decimals, symbol }) {
  const [, whole, part = "", name] = /^(\d{1,60})(?:\.(\d{1,77}))?(?:\s+(\S+))?$/.exec(typed.trim()) ?? [];
  if (whole === undefined) throw new Misuse(`--amount wants an amount like "0.05 ${symbol}", not "${typed}".`);
  if (name !== undefined && !same(name, symbol)) throw new Misuse(`This was paid in ${symbol}, not in ${name}.`);
  if (part.length > decimals) throw new Misuse(`${symbol} has ${decimals} decimals: ${typed} is finer.`);
  return BigInt(whole + part.padEnd(decimals, "0"));
}

/** The transfers of a transaction that are this refund. */
async function sentAt({ rpc, at }, hash, wanted) {
  const { payer, from, asset, symbol, amountText, said, confirmations } = wanted;
  const found = await sentIn(rpc, hash, wanted);
  const words = {
    payment: () => "This transaction is the payment itself, not its refund.",
    waits: () => "This transaction is in no block yet: run the command again once it is.",
    "not-there": () => `${at} knows no such transaction: is it of this network?`,
    failed: () => "This transaction failed: it moved nothing.",
    replaced: () => "The block of this transaction is being replaced: run the command again in a minute.",
    older: () => "This transaction is older than the payment: it cannot be its refund.",
    "other-token": ({ token }) => `This transaction moves no ${symbol} (${asset})${token ? `, but another token: ${token}` : ""}.`,
    "other-payee": ({ payees }) => `This transaction pays ${payees.join(", ")}, and it was ${payer} who paid.`,
    "other-sender": ({ senders }) => `This transaction is sent from ${senders.join(", ")}, not from ${from}: if that wallet is yours, say so with --from.`,
    "other-amount": ({ values }) => `This transaction moves ${values.map(said).join(", ")}, not ${amountText}: with --amount it is written down as what it is, if no more than what is left.`,
    young: ({ has }) => `This transaction has ${has} of ${confirmations} confirmations: run the command again when it has them. Nothing was written.`,
  };
  if (found.why) throw new Mistake(words[found.why](found));
  return found;
}

export async function run(args, { program, tools, at: place }) {
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const help = usage(program);
  const { values, positionals: [typed] } = readOptions(ordered(args), {
    options: { amount: text, from: text, "pay-to": text, sent: text, reason: text, confirmations: text, site: text, rpc: { ...text, multiple: true }, config: { ...text, default: "farthing.jsonc" }, "keep-access": flag, again: flag, json: flag },
    most: 1, usage: help,
  });
  if (!typed) throw new Misuse(`What is to be refunded?\n\n${help}`);
  const { sent, reason, "keep-access": keep } = values;
  if (sent !== undefined && !HASH.test(sent)) throw new Misuse(`--sent wants the hash of a transaction, 0x and 64 hex digits, not "${sent}".`);
  if (values.from !== undefined && !ADDRESS.test(values.from)) throw new Misuse(`--from wants an address, 0x and 40 hex digits, not "${values.from}".`);
  if (values["pay-to"] !== undefined && !ADDRESS.test(values["pay-to"])) throw new Misuse(`--pay-to wants an address, 0x and 40 hex digits, not "${values["pay-to"]}".`);
  if (reason !== undefined && reason.length > MOST_REASON) throw new Misuse(`--reason takes at most ${MOST_REASON} characters.`);
  if (!/^[1-9]\d{0,4}$/.test(values.confirmations ?? "1")) throw new Misuse(`--confirmations wants a number from 1, not "${values.confirmations}".`);
  const confirmations = Number(values.confirmations ?? CONFIRMATIONS);
  const receipt = receiptIn(typed);
  const { site, endpoints, list, payees } = siteOf(values, place);
  if (sent !== undefined && !keep && list === false) {
    throw new Mistake(`${values.config} keeps no list by which access ends: write "revocation": { "list": true } into it and deploy it, or add --keep-access. Nothing was written.`);
  }
  const keys = keysOf(place("."));
  const core = openTools(tools);
  const tell = async (entry) => {
    const [payer, order] = core("refund", keys, site, receipt, ascii({ receipt, ...entry }), String(Date.now())).split("\n");
    const answer = await sendOrder(site, "refund", order, {
      isGood: (answer) => Array.isArray(answer?.refunds) && answer.refunds.every(isRefund) && typeof answer.added === "boolean",
      told: {
        "no-such-endpoint": `${site} runs a version that knows no refunds: deploy this one.`, internal: `${site} could not ask its books; run the command again.`,
        "payer-erased": "Whoever paid this had it erased: nobody at the site knows any more whom a refund would go to. Nothing was written.",
        "no-books": `${site} keeps no books, and refunds are kept there: give the Worker a D1 database under the binding BOOKS.`,
        "refund-conflict": "The books say otherwise: this transfer stands there as the refund of another payment, or more would be refunded than was paid. Nothing was written.",
      },
    });
    return { ...answer, payer };
  };
  // of no other site, nor of a wrong key: the order would not be made
  const { refunds, payer, begun } = await tell({});
  const payment = await receiptOf(site, receipt);
  const { network, asset, payTo, paid } = payment;
  // the site could name a wallet to which the reader moved other money: the owner of this one knows it
  const own = values["pay-to"] === undefined ? payees : [values["pay-to"]];
  if (!own.some((one) => same(one, payTo))) {
    throw new Mistake(`${site} says that ${payTo} was paid, which ${values["pay-to"] ? "is not --pay-to" : "the config does not name"}: nothing is to be sent. If that wallet is yours, say so with --pay-to.`);
  }
  if (refunds.some((one) => one.network !== network || !same(one.asset, asset))) throw new Mistake(`${site} has refunds of this payment in another token: nothing is to be sent.`);
  const chain = await chainOf(network, endpoints(network), values.rpc !== undefined);
  const looked = async (look) => {
    try {
      return await look();
    } catch (error) {
      throw error instanceof Mistake ? error : new Mistake(`${chain.at}: ${why(error)}.`);
    }
  };
  const block = await looked(() => paidAt(chain, payment, payer));
  const token = await looked(() => tokenAt(chain.rpc, asset));
  const said = (units) => `${decimal(units.toString(), token.decimals)} ${token.symbol}`;
  const from = values.from ?? payTo;
  const before = refunds.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const hash = sent?.toLowerCase();
  const known = refunds.find((one) => one.network === network && one.transaction_hash === hash);
  const left = paid - before;
  const amount = values.amount === undefined ? left : unitsOf(values.amount, token);
  if (!known) {
    if (left <= 0n) throw new Mistake(`All of it was refunded: ${said(before)}, in ${refunds.map(({ transaction_hash: one }) => one).join(", ")}.`);
    if (amount === 0n) throw new Misuse("--amount of nothing is no refund.");
    if (amount < 0n || amount > paid || amount > left) throw new Mistake(`${said(amount)} is more than ${before > 0n ? `is left: ${said(paid)} was paid, and ${said(before)} refunded` : `was paid, which is ${said(paid)}`}.`);
  }
  const about = { site, receipt, network, asset, symbol: token.symbol, decimals: token.decimals, payer, paid: String(paid), refunded: String(before) };
  // the wallet may have sent that one already, or be about to
  if (hash === undefined && isBegun(begun) && !values.again) {
    throw new Mistake(`A refund of ${said(BigInt(begun.amount))} was begun on the desk${begun.transaction ? `, in ${begun.transaction},` : ""} and is not in the books: look into the wallet, and end it on the payment's page or with --sent. With --again this says what to send all the same.`);
  }
  if (hash === undefined) return print({ about, payTo, from, amount, said, list, keep, program, asJson: values.json });

  let added = false;
  let now = refunds;
  if (!known) {
    const { logs, time } = await looked(() => sentAt(chain, hash, { ...payment, payer, from, amount, amountText: said(amount), said, block, confirmations, symbol: token.symbol }));
    ({ added, refunds: now } = await firstOf(logs, (log) => tell({ network, transaction: hash, log, asset, amount: String(amount), at: time, ...(reason && { reason: plain(reason) }) })));
  }
  const units = known ? BigInt(known.amount) : amount;
  let on = false;
  if (!keep) {
    const order = core("order", keys, site, receipt, "revoke", String(Date.now()), "", "", "");
    try {
      ({ on } = await sendRevocation(site, order));
    } catch (error) {
      throw new Mistake(`The refund is in the books, and the access has not ended: ${error.message} Then run the command again.`);
    }
  }
  if (values.json) {
    console.log(json({ ...about, refunded: String(now.reduce((sum, { amount }) => sum + BigInt(amount), 0n)), amount: String(units), transaction: hash, added, access: on ? "ended" : "kept" }));
    return 0;
  }
  console.log(`${added ? "Written into the books" : "In the books already"}: ${said(units)} back to ${payer} in ${hash}.`);
  if (keep) console.log("What was bought stays open.");
  else console.log(on ? "The access has ended: it holds everywhere within 60 seconds." : "The access was given back by a later order, and stays open. Is the clock of this machine right?");
  return 0;
}

// One transaction may send several back, to one payer and of one amount: each of its transfers is one refund.
async function firstOf(logs, tell) {
  let conflict;
  for (const log of logs) {
    try {
      return await tell(log);
    } catch (error) {
      if (error.slug !== "refund-conflict") throw error;
      conflict = error;
    }
  }
  throw conflict;
}

function print({ about, payTo, from, amount, said, list, keep, program, asJson }) {
  const { network, asset, payer, receipt } = about;
  const chainId = Number(network.slice("eip155:".length));
  const transaction = { chainId, from, to: asset, data: transferOf(payer, amount), value: "0x0" };
  const link = `ethereum:${asset}@${chainId}/transfer?address=${payer}&uint256=${amount}`;
  const cast = `cast send ${asset} "transfer(address,uint256)" ${payer} ${amount} --from ${from} --rpc-url "$ETH_RPC_URL"`;
  if (asJson) return console.log(json({ ...about, amount: String(amount), transaction, link, cast })), 0;
  console.log(`${said(amount)} to ${payer}, who paid ${said(BigInt(about.paid))}${about.refunded === "0" ? "" : ` and got ${said(BigInt(about.refunded))} back`}.
Nothing was sent: this is for the wallet ${from}${same(from, payTo) ? "" : `, in place of ${payTo}`}.

  network  ${network}
  to       ${transaction.to}
  data     ${transaction.data}
  value    0

  ${link}
  ${cast}

Once it is sent: ${program}refund ${receipt} --sent 0x…`);
  if (list === false && !keep) console.log('The config has no "revocation": { "list": true }: the access does not end unless it is there, and then needs --keep-access.');
  return 0;
}
