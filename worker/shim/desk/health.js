// Whether everything that a sale needs is well, asked when the page is opened: all at once, each for a few seconds, and what does not answer is
// said to be so. Nothing of it names an endpoint's path or a key.

import { askScreening, askSupported, keysOf, lowFor, watched } from "../alerts/probe.js";
import { openChain } from "./chain.js";
import { html, table } from "./html.js";
import { cronOf, standing } from "./kept.js";
import { amount, count, decimal, networkName } from "./money.js";
import { article } from "./overview.js";
import { time } from "./period.js";
import { isSample } from "./sample.js";
import { rows } from "./schema.js";

const SECONDS = 4;
const CALLS = 6;
const DAY = 86_400;
const KEY_DAYS = 90;
// The cron trigger fires every five minutes.
const CRON_LATE = 15 * 60;
// A chain whose newest block is so old stands still, or the endpoint does not follow it.
const BLOCK_LATE = 10 * 60;
const SHOWN = 20;
const WEI = 10n ** 12n;

export async function health(env, { now, edge, gate, site }) {
  const setup = watched(edge);
  const accounts = accountsOf(env, edge);
  const networks = [...new Set(setup.sales.map(({ network }) => network))];
  const [config, chains, facilitators, screening, cron, books] = await Promise.all([
    configNow(gate, site),
    Promise.all(networks.map((network) => chainNow(network, setup.rpc[network], accounts, now))),
    Promise.all(askSupported(edge, env, SECONDS)),
    Promise.all(askScreening(edge, env, SECONDS)),
    cronOf(env, SECONDS).catch(() => undefined),
    booksNow(env, setup, now),
  ]);
  const keys = keysOf(env, now).map((key, at) => ({ ...key, signs: at === 0, days: key.since === undefined ? undefined : Math.floor((now - key.since) / DAY) }));
  const late = cron?.at === undefined || now - cron.at / 1000 > CRON_LATE;
  const wrong = [
    ...config,
    ...chains.flatMap(({ wrong }) => wrong),
    ...facilitators.filter(({ why }) => why).map(({ name, why, status }) => `The facilitator ${name} ${WHY[why](status)}.`),
    ...screening.filter(({ why }) => why).map(({ name, why, status }) => `The screening service ${name} ${WHY[why](status)}.`),
    cron === undefined ? "The backstop did not say when it last ran." : late && (cron.at === undefined
      ? "The cron trigger has not run yet: wrangler.jsonc has it, and it fires every five minutes." : `The cron trigger has not run since ${ago(now - cron.at / 1000)}.`),
    ...keys.filter(({ signs, days }) => signs && days > KEY_DAYS).map(({ kid, days }) => `The key ${kid}, which signs, is ${days} days old: put a new one before it.`),
    ...books.wrong,
  ].filter(Boolean);
  const content = html`<div class="${wrong.length > 0 ? "alert" : "fine"}">${wrong.length > 0 ? html`<ul>${wrong.map((one) => html`<li>${one}</li>`)}</ul>` : html`<p>Everything that was asked is well.</p>`}</div>
<p>Asked just now, each for ${SECONDS} seconds at most. <a href="/.farthing/desk/health">Ask again</a></p>
<h2>Chains</h2>
${table("The endpoint of each network", ["Network", "Endpoint", "Newest block", "The backstop has read"], chains.map(({ network, at, block, age, said }) => [
    networkName(network), at ?? "none that answers", said ?? `${count(block)}, ${ago(age)}`, read(cron, network),
  ]), { empty: "The config sells nothing." })}
<p>The backstop, which finds what an alarm has missed, ${cron?.at === undefined ? (cron ? "has not run yet" : "did not say when it last ran") : html`last ran ${ago(now - cron.at / 1000)}, at ${time(Math.floor(cron.at / 1000))}`}.</p>
${accounts.length > 0 && html`<h2>Gas</h2><p>This site settles by itself, and pays for it with the network's own token.</p>
${table("Accounts that pay for gas", ["Network", "Account", "#Balance", "#Settlements left"], chains.flatMap(({ network, gas }) => gas.map(({ account, balance, left }) => [
    networkName(network), html`<code>${account ?? "no key"}</code>`, balance === undefined ? "not known" : decimal(balance / WEI, 6), left === undefined ? "not known" : `about ${count(left)}`,
  ])))}`}
<h2>Facilitators</h2>
${table("By their own word", ["Facilitator", "At /supported"], facilitators.map(({ name, why, status }) => [name, why ? WHY[why](status) : "answers"]), { empty: accounts.length > 0 ? "None: this site settles by itself." : "None." })}
${screening.length > 0 && html`<h2>Screening</h2>
${table("The service that is asked who may pay", ["Service", "About an account of this site"], screening.map(({ name, why, status }) => [name, why ? WHY[why](status) : "answers"]))}`}
${books.settlements && html`${table("How payments went in the last 24 hours", ["Network", "#Settled", "#Refused", "#Not known", "Last settled"], books.settlements)}`}
<h2>Payments without a known outcome</h2>
<p>Nobody has to do anything about these: the ledger asks by itself, and nobody is charged twice.</p>
${table("What happens next", ["Since", "Article", "#Amount", "Asked again", "Window ends", "What happens then"], books.unknown, { empty: "None." })}
${books.more && html`<p>These are the oldest ${SHOWN}.</p>`}
<h2>Keys</h2>
${table("FARTHING_KEYS, by name", ["Name", "Since", "#Days", "For"], keys.map(({ kid, since, days, signs }) => [kid, since === undefined ? "its name does not say" : time(since).slice(0, 10), days ?? "", signs ? "signing" : "reading what it signed"]))}`;
  return { title: "Health", content };
}

/** What the gate says of the config and its secrets, as at /.farthing/health. */
async function configNow(gate, site) {
  const { text } = gate.decide(gate.lines(new Request(`${site}/.farthing/health`)));
  const { errors = [], warnings = [] } = await gate.answer(text).json().catch(() => ({}));
  return [...errors, ...warnings].map((one) => `The config: ${one}.`);
}

const WHY = {
  "no-answer": () => "does not answer", unclear: (status) => `answers with an error (${status})`, "lets-nobody-in": (status) => `does not take the secret that it is asked with (${status})`,
};

function ago(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [size, name] = [[DAY, "day"], [3600, "hour"], [60, "minute"], [1, "second"]].find(([size]) => whole >= size * 2) ?? [1, "second"];
  const number = Math.floor(whole / size);
  return `${number} ${name}${number === 1 ? "" : "s"} ago`;
}

const read = (cron, network) => {
  const place = cron?.places.find(([name]) => name === network);
  return place ? `up to block ${count(place[1])}` : "nothing yet";
};

/** The accounts of the gas keys; nothing in the place of one that cannot be read. */
const accountsOf = (env, edge) => edge.gas.map((name) => (typeof env[name] === "string" && env[name] !== "" ? edge.gasAccount(env[name]) : undefined));

async function chainNow(network, urls, accounts, now) {
  const name = networkName(network);
  const none = (said) => ({ network, said, gas: accounts.map((account) => ({ account })), wrong: [`${name}: ${said}.`] });
  let chain;
  try {
    chain = await openChain(network, urls, { until: Date.now() + SECONDS * 1000, calls: CALLS + 2 * accounts.length, seconds: SECONDS });
  } catch (error) {
    // without an endpoint the facilitator's word is all there is, which the config may want
    return urls === undefined ? { ...none(error.message), at: "none in settlement.rpc", wrong: accounts.length > 0 ? [`${name}: ${error.message}.`] : [] } : none(error.message);
  }
  try {
    const [latest, price, ...balances] = await Promise.all([
      chain.ask("eth_getBlockByNumber", ["latest", false]), accounts.length > 0 ? chain.ask("eth_gasPrice", []) : "0x0",
      ...accounts.map((account) => (account === undefined ? undefined : chain.ask("eth_getBalance", [account, "latest"]))),
    ]);
    const age = now - Number(latest.timestamp);
    const gas = accounts.map((account, at) => {
      if (account === undefined) return { account };
      const balance = BigInt(balances[at]);
      return { account, balance, left: lowFor(BigInt(price)) > 0n ? (balance * 100n) / lowFor(BigInt(price)) : undefined, low: balance < lowFor(BigInt(price)) };
    });
    const wrong = [
      age > BLOCK_LATE && `${name}: the newest block at ${chain.at} is from ${ago(age)}.`,
      ...gas.map(({ account, low }) => (account === undefined ? `${name}: the gas key cannot be used.` : low && `${name}: less than 100 settlements of gas are left on ${account}.`)),
    ].filter(Boolean);
    return { network, at: chain.at, block: Number(latest.number), age, gas, wrong };
  } catch {
    return none(`${chain.at} did not answer in time`);
  }
}

async function booksNow(env, { site, unknown: minutes }, now) {
  if (env.BOOKS === undefined) return { wrong: [], unknown: [] };
  try {
    const [unknown, [[late]], outcomes] = await Promise.all([
      rows(env, `SELECT key, payer, resource, network, asset, amount, first_seen FROM payment WHERE state = 'unknown' ORDER BY first_seen LIMIT ${SHOWN + 1}`),
      rows(env, "SELECT count(*) FROM payment WHERE state = 'unknown' AND network NOT LIKE 'sample:%' AND first_seen < ?1", now - minutes * 60),
      rows(env, `SELECT network, sum(state = 'settled'), sum(state = 'refused'), sum(state = 'unknown'), max(settled_at) FROM payment WHERE first_seen > ?1 GROUP BY 1 ORDER BY 2 DESC LIMIT ${SHOWN}`, now - DAY),
    ]);
    const shown = unknown.slice(0, SHOWN).map(([key, payer, resource, network, asset, units, seen]) => ({ key, payer, resource, network, asset, units, seen }));
    const told = await standing(env, site, shown.filter(({ network }) => !isSample(network)), SECONDS);
    return {
      wrong: late > 0 ? [`${count(late)} ${late === 1 ? "payment has" : "payments have"} been without a known outcome for more than ${minutes} minutes.`] : [],
      settlements: outcomes.map(([network, settled, refused, open, last]) => [networkName(network), count(settled), count(refused), count(open), last ? time(last) : "none"]),
      more: unknown.length > SHOWN,
      unknown: shown.map((row) => [
        html`<a href="/.farthing/desk/payment?${new URLSearchParams({ key: row.key })}">${time(row.seen)}</a>`, row.resource ? article(row, { site }) : "no article",
        amount(BigInt(row.units), row.network, row.asset), ...(isSample(row.network) ? ["never", "", "it is a sample"] : next(told.get(row.key), now)),
      ]),
    };
  } catch {
    return { wrong: ["The books did not answer."], unknown: [] };
  }
}

/** When the ledger asks again, when the authorization's window ends, and what becomes of the payment. */
function next(row, now) {
  if (row === undefined) return ["not known", "not known", "its ledger said nothing about it"];
  const { alarm, validBefore, state, attempts, checks } = row;
  const looks = `${attempts === 1 ? "1 attempt" : `${attempts} attempts`} and ${checks === 1 ? "1 look" : `${checks} looks`} at the chain so far`;
  const then = {
    settling: "the facilitator is being asked",
    settled: "it has settled: the books are told within seconds",
    unknown: validBefore > now ? `the same payment is looked up on the chain, and settled where it was not (${looks})` : `no money can move any more: the chain is asked whether it did (${looks})`,
  }[state] ?? `it is ${state}: the books are told within seconds`;
  return [alarm > 0 ? (alarm > now ? time(alarm) : "now") : "when the reader comes back", time(validBefore), then];
}
