// `pay`: gets a page, and pays for it if it has to be paid for. The page goes to standard output, and what happens to standard error.
import { createWriteStream } from "node:fs";
import { readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { offerText, openClient, PAYING, payingUsage } from "./lib/paying.mjs";
import { json, plain } from "./lib/plain.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "gets a page, and pays for it if it costs something";

const [DELIVERED, FAILED, REFUSED, UNKNOWN] = [0, 1, 3, 4];

export const usage = (program) => `${program}pay URL [OPTION …]

  URL               what is wanted; it is asked for first, and paid for if it answers 402
  --dry-run         signs nothing, and says what would be paid
  --output FILE     the page goes there, not to standard output
  --json            print one JSON object with the payment; the page only with --output
  --method METHOD   another method than GET
  --data TEXT       a body; @FILE takes it from a file
  --header "N: V"   a header of one's own; more than once
${payingUsage}

What is signed is kept until it is known what became of it: after a crash or a lost connection, the same command sends the same payment
again, and pays nothing twice. What was bought opens again without a payment for as long as the site says.

Exit code:
  ${DELIVERED}  here it is; with --dry-run, this is what would be paid
  ${FAILED}  it could not be got, or a payment was sent and refused: that counts as spent, for it could still be taken
  ${REFUSED}  nothing was signed, and why
  ${UNKNOWN}  a payment was sent and nobody has said what became of it; run the same again

    FARTHING_PRIVATE_KEY=0x… ${program}pay https://news.example/articles/one --max '$0.05' > article.html`;

function headersOf(lines = []) {
  const headers = new Headers();
  for (const line of lines) {
    const at = line.indexOf(":");
    if (at < 1) throw new Mistake(`--header wants "Name: value", not "${line}".`);
    try {
      headers.append(line.slice(0, at).trim(), line.slice(at + 1).trim());
    } catch {
      throw new Mistake(`"${line}" is no header.`);
    }
  }
  return headers;
}

const bodyOf = (data) => {
  if (!data?.startsWith("@")) return data;
  try {
    return readFileSync(data.slice(1));
  } catch (error) {
    throw new Mistake(`--data: ${error.message}`);
  }
};

export async function run(args, context) {
  const options = {
    ...PAYING, "dry-run": { type: "boolean", default: false }, output: { type: "string", short: "o" }, json: { type: "boolean", default: false },
    method: { type: "string", short: "X" }, data: { type: "string", short: "d" }, header: { type: "string", short: "H", multiple: true },
  };
  const { values, positionals: [typed] } = readOptions(args, { options, most: 1, usage: usage(context.program) });
  const { href: url } = readUrl(typed, "pay");
  const say = (line) => { if (!values.json) process.stderr.write(`${plain(line)}\n`); };
  const body = bodyOf(values.data);
  const init = { method: values.method ?? (body === undefined ? "GET" : "POST"), headers: headersOf(values.header), ...(body === undefined ? {} : { body }) };
  const { client, PaymentError } = await openClient(values, context, {
    dryRun: values["dry-run"],
    confirm: (offer) => { say(`Paying ${offerText(offer)} …`); return true; },
  });
  const report = (result) => { if (values.json) console.log(json(result)); };
  try {
    const response = await client.fetch(url, init);
    const receipt = client.receiptOf(response);
    if (receipt) say(`Paid ${offerText(receipt)}${receipt.transaction ? `, transaction ${receipt.transaction}` : ""}.`);
    else if (response.ok) say("Nothing had to be paid.");
    if (!response.ok) say(`${url} answers ${response.status} ${response.statusText}`.trim());
    const about = { url, status: response.status, paid: receipt ?? null };
    let length;
    try {
      length = await written(response, values);
    } catch (error) {
      const message = `The page did not get here whole (${error.cause?.message ?? error.message}).${receipt ? " It is paid; run the same again, and it opens without a payment where the site allows that." : ""}`;
      report({ ...about, problem: "incomplete", message });
      throw new Mistake(message);
    }
    report({ ...about, ...(values.output ? { output: values.output, bytes: length } : {}) });
    return response.ok ? DELIVERED : FAILED;
  } catch (error) {
    if (!(error instanceof PaymentError)) throw error instanceof TypeError && error.cause ? new Mistake(`${url} cannot be reached: ${error.cause.message ?? error.message}`) : error;
    const signed = error.signed;
    report({ url, paid: null, problem: error.reason, message: error.message, open: error.open, signed, ...(error.offer ? { offer: error.offer } : {}) });
    if (error.reason === "dry-run") return say(error.open ? `Would send again what is not resolved: ${offerText(error.offer)}` : `Would pay: ${offerText(error.offer)}`), DELIVERED;
    if (error.open) return say(`A payment was sent, and its outcome is not known: ${error.message}. Run the same again; it sends the same payment.`), UNKNOWN;
    say(`Not paid: ${error.message} (${error.reason})`);
    if (error.reason === "refused") say("What was signed counts as spent: the server got it, and could still take it.");
    return signed ? FAILED : REFUSED;
  } finally {
    client.close();
  }
}

/** Where the page goes; with --json and no file, nowhere. */
async function written(response, { output, json }) {
  if (!response.body) return 0;
  if (json && !output) return void (await response.body.cancel());
  let length = 0;
  const counted = async function* (chunks) {
    for await (const chunk of chunks) {
      length += chunk.length;
      yield chunk;
    }
  };
  await pipeline(Readable.fromWeb(response.body), counted, output ? createWriteStream(output) : process.stdout, { end: Boolean(output) });
  return length;
}
