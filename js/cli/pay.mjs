// `pay`: gets a page, and pays for it if it has to be paid for. The page goes to standard output, and what happens to standard error.
import { createWriteStream } from "node:fs";
import { readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { offerText, openClient, PAYING, payingUsage, secondsOf, unreachable } from "./lib/paying.mjs";
import { json, plain } from "./lib/plain.mjs";
import { Mistake, Misuse } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "gets a page, and pays for it if it costs something";

const [DELIVERED, FAILED, MISUSED, REFUSED, UNKNOWN] = [0, 1, 2, 3, 4];
export const misuse = MISUSED;
export const jsonErrors = true;

export const usage = (program) => `${program}pay URL [OPTION …]

  URL               what is wanted; it is asked for first, and paid for if it answers 402
  --dry-run         signs nothing, and says what would be paid
  --output FILE     the page goes there, not to standard output
  --json            print one JSON object with the payment, or with what went wrong as "error"; the page only with --output
  --quiet           say nothing on standard error but what went wrong
  --patience SECONDS  for how long an unknown outcome is asked for, waiting included (120)
  --timeout SECONDS how long all of it may take; what was sent by then is kept
  --method METHOD   another method than GET
  --data TEXT       a body; @FILE takes it from a file
  --header "N: V"   a header of one's own; more than once
${payingUsage}

What is signed is kept until it is known what became of it: after a crash or a lost connection, the same command sends the same payment
again, and pays nothing twice. What was bought opens again without a payment for as long as the site says. What is free needs no key, nor
does --dry-run.

Exit code:
  ${DELIVERED}  here it is; with --dry-run, this is what would be paid
  ${FAILED}  it could not be got, or a payment was sent and refused: that counts as spent, for it could still be taken
  ${MISUSED}  the command cannot be read: nothing was asked
  ${REFUSED}  nothing was signed, and why
  ${UNKNOWN}  a payment was sent and nobody has said what became of it; run the same again

    FARTHING_PRIVATE_KEY=0x… ${program}pay https://news.example/articles/one --max '$0.05' > article.html`;

function headersOf(lines = []) {
  const headers = new Headers();
  for (const line of lines) {
    const at = line.indexOf(":");
    if (at < 1) throw new Misuse(`--header wants "Name: value", not "${line}".`);
    try {
      headers.append(line.slice(0, at).trim(), line.slice(at + 1).trim());
    } catch {
      throw new Misuse(`"${line}" is no header.`);
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
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const options = {
    ...PAYING, "dry-run": flag, output: { ...text, short: "o" }, json: flag, quiet: flag, patience: text, timeout: text,
    method: { ...text, short: "X" }, data: { ...text, short: "d" }, header: { ...text, short: "H", multiple: true },
  };
  const { values, positionals: [typed] } = readOptions(args, { options, most: 1, usage: usage(context.program) });
  const { href: url } = readUrl(typed, "pay");
  const [patience, timeout] = ["patience", "timeout"].map((name) => (values[name] === undefined ? undefined : secondsOf(values[name], name)));
  const complain = (line) => { if (!values.json) process.stderr.write(`${plain(line)}\n`); };
  const say = (line) => { if (!values.quiet) complain(line); };
  const body = bodyOf(values.data);
  const method = values.method ?? (body === undefined ? "GET" : "POST");
  const init = { method, headers: headersOf(values.header), ...(body === undefined ? {} : { body }), ...(timeout ? { signal: AbortSignal.timeout(timeout * 1000) } : {}) };
  let sent = false;
  const progress = ({ doing, seconds, status }) => {
    if (doing === "again") say(`${status ? `It answers ${status}` : "No answer yet"}; asking again in ${seconds} s …`);
    else if (!sent) say("Payment sent, waiting for the page …");
    sent = true;
  };
  const { client, PaymentError } = await openClient(values, context, {
    keyless: true, dryRun: values["dry-run"], progress, ...(patience ? { patience } : {}),
    confirm: (offer) => { say(`Paying ${offerText(offer)} …`); return true; },
  });
  const report = (result) => { if (values.json) console.log(json(result)); };
  try {
    const response = await client.fetch(url, init);
    const receipt = client.receiptOf(response);
    if (receipt) say(`Paid ${offerText(receipt)}${receipt.transaction ? `, transaction ${receipt.transaction}` : ""}.`);
    else if (response.ok) say("Nothing had to be paid.");
    if (!response.ok) complain(`${url} answers ${response.status} ${response.statusText}`.trim());
    const about = { url, status: response.status, paid: receipt ?? null };
    let length;
    try {
      length = await written(response, values);
    } catch (error) {
      const message = `The page did not get here whole (${error.cause?.message ?? error.message}).${receipt ? " It is paid; run the same again, and it opens without a payment where the site allows that." : ""}`;
      report({ ...about, error: { reason: "incomplete", message, open: false, signed: receipt !== undefined } });
      complain(message);
      return FAILED;
    }
    report({ ...about, ...(values.output ? { output: values.output, bytes: length } : {}) });
    return response.ok ? DELIVERED : FAILED;
  } catch (error) {
    // also one that another run of this has begun
    const out = error instanceof PaymentError ? error.open : sent || (await client.open().catch(() => [])).some((one) => one.url === url);
    if (error.name === "TimeoutError" && !(error instanceof PaymentError)) {
      const message = `There was no answer within ${timeout ?? "the time of one"} seconds.`;
      report({ url, paid: null, error: { reason: "timeout", message, open: out, signed: out } });
      complain(out ? `A payment is out, and its outcome is not known: ${message} Run the same again; it sends the same payment.` : message);
      return out ? UNKNOWN : FAILED;
    }
    if (!(error instanceof PaymentError)) {
      const why = error instanceof TypeError && error.cause ? unreachable(url, error) : error;
      if (!out) throw why;
      report({ url, paid: null, error: { reason: "failed", message: why.message, open: true, signed: true } });
      complain(`A payment is out, and its outcome is not known: ${why.message} Run the same again; it sends the same payment.`);
      return UNKNOWN;
    }
    const { reason, message, open, signed, code, offer, limit } = error;
    report({ url, paid: null, error: { reason, message, open, signed, code, offer, limit } });
    if (reason === "dry-run") return say(open ? `Would send again what is not resolved: ${offerText(offer)}` : `Would pay: ${offerText(offer)}`), DELIVERED;
    if (open) return complain(`A payment was sent, and its outcome is not known: ${message}. Run the same again; it sends the same payment.`), UNKNOWN;
    complain(`Not paid: ${message} (${reason})`);
    if (reason === "refused") complain("What was signed counts as spent: the server got it, and could still take it.");
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
