// `quote`: asks for a page as a program does, and says in plain words what would be paid for it.
import { ask } from "./lib/ask.mjs";
import { lasting, offersIn, plainOffers, widerText } from "./lib/offer.mjs";
import { json, plain } from "./lib/plain.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "says what a page costs, who is paid, and where";

export const usage = (program) => `${program}quote URL [--json]

  URL     a page that may cost something; it is asked for once, and nothing is signed or paid
  --json  print one JSON object instead of the report

Exit code 0: there is an offer. 2: the page is free. 1: neither, and why.`;

const OFFER = 0;
const NEITHER = 1;
const FREE = 2;

function offerLines({ scheme, price, symbol, amount, asset, network, networkName, test, payTo, transfer, upfront, seconds, wider }) {
  const what = price === undefined ? `${amount} smallest units of the token ${asset}` : `${price} ${symbol ?? `of the token ${asset}`}`;
  return [
    `  ${scheme === "upto" ? "up to " : ""}${what} on ${networkName}${networkName === network ? "" : ` (${network})`}${test ? ": test money, worth nothing" : ""}`,
    ...(wider ? [`    for ${widerText(wider)}`] : []),
    `    to ${payTo}`,
    `    signed ${transfer === "permit2" ? "by Permit2" : "by EIP-3009"}, settled within ${lasting(seconds)}${upfront ? ", before the content is made" : ""}`,
  ];
}

function print({ url, status, offers, resource, description, faults, free, moved }) {
  const lines = [url];
  if (free) lines.push("Nothing has to be paid: it answers 200.");
  else if (moved) lines.push(`It answers ${status} and names another address: ${moved}`);
  else if (offers.length === 0) lines.push(`It answers ${status}, and no offer in it can be read.`);
  else {
    if (description) lines.push(description);
    lines.push(offers.length === 1 ? "To be paid:" : "To be paid, one of these; most clients take the first:", ...offers.flatMap(offerLines));
    if (resource && resource !== url) lines.push(`It is sold as ${resource}`);
  }
  lines.push(...faults.map((fault) => `Not as x402 wants it: ${fault}`));
  // most of it is the server's text
  return lines.map((line) => plain(line)).join("\n");
}

export async function run(args, { program }) {
  const { values, positionals: [typed] } = readOptions(args, { options: { json: { type: "boolean", default: false } }, most: 1, usage: usage(program) });
  const { href: url } = readUrl(typed, "quote");
  const { status, headers, body, trouble } = await ask(url, { headers: { accept: "application/json" } });
  if (trouble) throw new Mistake(`${url} ${trouble}.`);
  const read = offersIn(headers, body);
  const offers = plainOffers(read);
  const report = {
    url, status, free: status === 200 && !read.v2, offers, resource: read.v2?.value?.resource?.url ?? read.v1?.value?.accepts?.[0]?.resource,
    description: read.v2?.value?.resource?.description ?? read.v1?.value?.accepts?.[0]?.description ?? undefined,
    moved: status >= 300 && status < 400 ? headers.get("location") ?? undefined : undefined,
    faults: [...(read.v2?.faults ?? []).map((fault) => `PAYMENT-REQUIRED: ${fault}`), ...(read.v1?.faults ?? []).map((fault) => `the body: ${fault}`)],
  };
  console.log(values.json ? json(report) : print(report));
  return report.free ? FREE : offers.length > 0 ? OFFER : NEITHER;
}
