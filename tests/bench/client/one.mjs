// One client in a process of its own: node one.mjs NAME SIGNATURES. Prints as JSON how long it took to be ready, from the 402 to the first
// payment, and to each that followed, and the signatures alone; and one payment, to be checked.
import { randomBytes } from "node:crypto";
import { CLIENTS } from "./clients.mjs";

const [name, signatures] = [process.argv[2], Number(process.argv[3])];
const key = `0x${randomBytes(32).toString("hex")}`;

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64");
const offer = {
  scheme: "exact", network: "eip155:84532", asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e", amount: "10000",
  payTo: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", maxTimeoutSeconds: 60, extra: { name: "USDC", version: "2" },
};
const settled = encode({ success: true, transaction: `0x${"12".repeat(32)}`, network: offer.network, payer: `0x${"34".repeat(20)}` });

// What asks and what is asked are one process without a network, so that from an answer to the next question there is the client alone.
let demanded;
let payment;
const times = [];
async function shop(input, init) {
  const { url, headers } = new Request(input, init);
  payment = headers.get("payment-signature");
  if (payment) {
    times.push(performance.now() - demanded);
    return new Response("the article", { headers: { "payment-response": settled } });
  }
  const required = encode({ x402Version: 2, error: "payment required", resource: { url, description: "", mimeType: "text/plain" }, accepts: [offer] });
  const answer = new Response("{}", { status: 402, headers: { "payment-required": required, "content-type": "application/json" } });
  demanded = performance.now();
  return answer;
}

const begin = performance.now();
const fetch = await CLIENTS[name].open(key, shop);
const ready = performance.now() - begin;
for (let page = 0; page < signatures; page++) {
  const answer = await fetch(`https://shop.example/${page}`);
  if ((await answer.text()) !== "the article") throw new Error(`${name} did not pay`);
}
const [first, ...more] = times;

const alone = [];
const prepare = await CLIENTS[name].signing?.(key);
const now = Math.floor(Date.now() / 1000);
const required = encode({ x402Version: 2, error: "payment required", resource: { url: "https://shop.example/", description: "", mimeType: "text/plain" }, accepts: [offer] });
for (let page = 0; prepare && page < signatures; page++) {
  const sign = prepare({ offer, required, now }, randomBytes(32));
  const start = performance.now();
  await sign();
  alone.push(performance.now() - start);
}
process.stdout.write(JSON.stringify({ ready, first, more, alone, payment: JSON.parse(Buffer.from(payment, "base64")), key, offer }));
