// `quote`: asks for a page as `pay` does, and says in plain words what would be paid for it, or why nothing would.
import { isTest, networkName } from "./lib/entries.mjs";
import { lasting, offersIn, plainOffers, widerText } from "./lib/offer.mjs";
import { networkText, openClient, PAYING, payingUsage, TEST_MONEY, unreachable } from "./lib/paying.mjs";
import { json, plain } from "./lib/plain.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const jsonErrors = true;

export const summary = "says what a page costs, who is paid, and where";

export const usage = (program) => `${program}quote URL [OPTION …]

  URL               a page that may cost something; it is asked for, and nothing is signed or paid
  --json            print one JSON object instead of the report
${payingUsage}

The options are those of ${program}pay: with the same ones it says what that would pay. No key is needed.

Exit code 0: there is an offer. 2: the page is free. 1: neither, and why; or the command cannot be read.`;

const OFFER = 0;
const NEITHER = 1;
const FREE = 2;
const SECONDS = 20;
/** More of a page is not looked at. */
const MOST = 4 * 1024 * 1024;

function offerLines({ scheme, decimal, symbol, amount, asset, network, test, payTo, transfer, flow, seconds, wider, problem }) {
  const what = decimal === undefined ? `${amount} smallest units of ${asset}` : `${decimal} ${symbol ?? asset}`;
  return [
    `  ${scheme === "upto" ? "at most " : ""}${what} on ${networkText(network)}${test ? `: ${TEST_MONEY}` : ""}`,
    ...(wider ? [`    for ${widerText(wider)}`] : []),
    `    to ${payTo}`,
    `    ${problem?.reason === "unknown-network" ? "" : `signed ${transfer === "permit2" ? "by Permit2" : "by EIP-3009"}, `}settled within ${lasting(seconds)}${flow === "upfront" ? ", before the content is made" : ""}`,
    ...(problem ? [`    not paid: ${problem.message} (${problem.reason})`] : []),
  ];
}

function print({ url, at, status, offers, resource, description, faults, free, choice, problem }) {
  const lines = [url];
  if (at !== url) lines.push(`It is answered at ${at}`);
  if (free) lines.push(`Nothing has to be paid: it answers ${status}.`);
  else if (offers.length === 0) lines.push(`It answers ${status}, and no offer in it can be read.`);
  else {
    if (description) lines.push(description);
    lines.push(offers.length === 1 ? "To be paid:" : "To be paid, one of these:", ...offers.flatMap(offerLines));
    if (resource && resource !== at) lines.push(`It is sold as ${resource}`);
    if (choice && offers.length > 1) lines.push(`pay takes number ${choice.index + 1}.`);
  }
  if (problem) lines.push(`pay would pay nothing: ${problem.message} (${problem.reason})`);
  lines.push(...faults.map((fault) => `Not as x402 wants it: ${fault}`));
  // most of it is the server's text
  return lines.map((line) => plain(line)).join("\n");
}

/** The text of an answer, as much of it as comes in time. */
async function textOf(response, signal) {
  const chunks = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MOST || signal.aborted) break;
    }
  } catch {
    // what came is what there is
  }
  return Buffer.concat(chunks).toString("utf8");
}

export async function run(args, context) {
  const options = { ...PAYING, json: { type: "boolean", default: false } };
  const { values, positionals: [typed] } = readOptions(args, { options, most: 1, usage: usage(context.program) });
  const { href: url } = readUrl(typed, "quote");
  const late = AbortSignal.timeout(SECONDS * 1000);
  let answer;
  const { client } = await openClient(values, context, {
    keyless: true,
    async fetch(input, init) {
      const response = await fetch(input, { ...init, signal: AbortSignal.any([late, ...(init?.signal ? [init.signal] : [])]) });
      if (response.status === 402) answer = response.clone();
      return response;
    },
  });
  let quote;
  try {
    quote = await client.quote(url, { headers: { accept: "application/json" } });
  } catch (error) {
    if (error.name === "TimeoutError") throw new Mistake(`${url} did not answer within ${SECONDS} seconds.`);
    throw error instanceof TypeError && error.cause ? unreachable(url, error) : error;
  } finally {
    client.close();
  }
  const read = answer ? offersIn(answer.headers, await textOf(answer, late)) : {};
  const said = read.v2 ?? read.v1;
  const same = said?.faults?.length === 0;
  const problemOf = (index) => {
    const found = quote.refused.find((one) => one.index === index);
    return found && { problem: { reason: found.reason, message: found.message } };
  };
  const named = (offer) => ({ ...offer, networkName: networkName(offer.network), test: isTest(offer.network) });
  // each as the client reads it, where it can; what it cannot pay as the server says it
  const offers = plainOffers(read).map(({ price, upfront, ...offer }, index) => {
    const known = same ? quote.offers.find((one) => one.index === index) : undefined;
    return named({ ...offer, decimal: price, flow: upfront ? "upfront" : "authorization", index, ...known, ...(same ? problemOf(index) : {}) });
  });
  // the client pays what is not in all as x402 wants it
  if (offers.length === 0) offers.push(...quote.offers.map((offer) => named({ ...offer, ...problemOf(offer.index) })));
  const report = {
    url, at: quote.url, status: quote.status, free: quote.free, offers, choice: quote.choice, problem: quote.problem,
    resource: read.v2?.value?.resource?.url ?? read.v1?.value?.accepts?.[0]?.resource,
    description: read.v2?.value?.resource?.description ?? read.v1?.value?.accepts?.[0]?.description ?? undefined,
    faults: [...(read.v2?.faults ?? []).map((fault) => `PAYMENT-REQUIRED: ${fault}`), ...(read.v1?.faults ?? []).map((fault) => `the body: ${fault}`)],
  };
  console.log(values.json ? json(report) : print(report));
  return report.free ? FREE : offers.length > 0 ? OFFER : NEITHER;
}
