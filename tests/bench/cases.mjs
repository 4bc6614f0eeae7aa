// What every Worker is asked: the request of each case, made for one Worker, and what an answer to it has to be.
import { generatePrivateKey } from "viem/accounts";
import { decode, nonceFor, signPayment } from "../support/pay.mjs";
import { headersOf, once, requestText } from "./load.mjs";
import { FORGED, OBJECTS } from "./variants.mjs";

const GATES = ["by hand", "@x402/hono", "farthing"];
const ARTICLES = 64;
/** Forged payments for each Worker, each signed anew. */
const FORGERIES = 16;

const articlePath = (index) => `/articles/story-${index % ARTICLES}`;
const from = (status, test) => ({ status, test });
const fromOrigin = ({ body }, path) => body.includes(`From the origin: ${path}`);
const asksForMoney = (answer) => headersOf(answer, "payment-required").length === 1;
const isHtml = (answer) => headersOf(answer, "content-type").some((type) => type.startsWith("text/html"));
/** What a browser says of itself; the official middleware goes by it. */
const BROWSER = { Accept: "text/html,application/xhtml+xml", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140" };
const PROGRAM = { Accept: "*/*" };
const paymentHeader = ({ name, value }) => ({ ...PROGRAM, [name]: value });

/** Somebody who asks one Worker, on `port`, for pages of the site `host`. */
export function customer({ name, port, host }) {
  const text = (path, headers) => requestText({ path, host, headers });
  const send = (path, headers) => once(port, text(path, headers));
  const offer = async (path) => {
    const answer = await send(path, PROGRAM);
    if (answer.status !== 402) throw new Error(`${name} answered ${answer.status} for ${path}: ${answer.body.toString().slice(0, 200)}`);
    return decode(headersOf(answer, "payment-required")[0]);
  };
  /** Payments by readers who come for the first time, one each; `own`: with a nonce as our own clients choose it, if it can be had. */
  async function payments(count, own) {
    const signed = [];
    const offers = new Map();
    for (let index = 0; index < count; index++) {
      const path = articlePath(index);
      if (!offers.has(path)) offers.set(path, await offer(path));
      const asked = offers.get(path);
      const nonce = own && asked.accepts[0].extra.quote ? { nonce: nonceFor(asked) } : {};
      signed.push({ path, headers: paymentHeader(await signPayment({ offer: asked, key: generatePrivateKey(), ...nonce })) });
    }
    return signed;
  }
  /** Payments in the name of somebody else: signed like true ones, by another key. */
  async function forgeries(count = FORGERIES) {
    const forged = [];
    for (let index = 0; index < count; index++) {
      const path = articlePath(index);
      const payment = await signPayment({ offer: await offer(path), key: generatePrivateKey(), overrides: { authorization: { from: FORGED } } });
      forged.push({ path, payment, headers: paymentHeader(payment) });
    }
    return forged;
  }
  /** The cookies that a browser would send for an article after it was bought. */
  async function bought(path) {
    const payment = await signPayment({ offer: await offer(path), key: generatePrivateKey() });
    const answer = await send(path, paymentHeader(payment));
    const cookies = headersOf(answer, "set-cookie").map((cookie) => cookie.split(";")[0]);
    if (answer.status !== 200 || cookies.length === 0) throw new Error(`${name} did not sell: ${answer.status} ${answer.body.toString().slice(0, 200)}`);
    return cookies.join("; ");
  }
  return { name, port, text, send, offer, payments, forgeries, bought };
}

const everyArticle = (headers) => Array.from({ length: ARTICLES }, (_, index) => ({ path: articlePath(index), headers }));

/**
 * The cases in order. `requests(customer, count)`: [{path, headers}], each sent again and again, or once where `fresh`. `answer(name)`: the
 * status, and whether an answer to a path is right. `subrequests`: how many ours may make for one. `bar`: what ours may cost, as a
 * multiple of `against`.
 */
export const CASES = [
  {
    name: "free page", workers: ["pass-through", ...GATES], against: "pass-through", bar: 1.1, subrequests: 1,
    requests: () => Array.from({ length: ARTICLES }, (_, index) => ({ path: `/about/page-${index}`, headers: BROWSER })),
    answer: () => from(200, fromOrigin),
  },
  {
    name: "402, JSON", workers: GATES, against: "by hand", bar: 1.15, subrequests: 0,
    requests: () => everyArticle(PROGRAM),
    answer: () => from(402, (answer) => asksForMoney(answer) && !isHtml(answer)),
  },
  {
    name: "402, page", workers: GATES, against: "by hand", bar: 1.15, subrequests: 0,
    requests: () => everyArticle(BROWSER),
    answer: () => from(402, (answer) => asksForMoney(answer) && isHtml(answer)),
  },
  {
    name: "returning reader", workers: ["by hand", "farthing"], against: "by hand", bar: 1, subrequests: 1,
    requests: async (who) => [{ path: articlePath(0), headers: { ...BROWSER, Cookie: await who.bought(articlePath(0)) } }],
    answer: () => from(200, fromOrigin),
  },
  {
    name: "garbage payment", workers: GATES, against: "by hand", bar: 1, subrequests: 0,
    requests: () => everyArticle({ ...PROGRAM, "PAYMENT-SIGNATURE": Buffer.alloc(300, "not a payment ").toString("base64") }),
    answer: (name) => from(name === "farthing" ? 400 : 402, () => true),
  },
  {
    name: "forged payment", workers: GATES, against: "by hand", bar: 0.9, subrequests: 0,
    requests: (who) => who.forgeries(),
    answer: () => from(402, asksForMoney),
  },
  {
    name: "paid", workers: [...GATES, OBJECTS], against: "by hand", bar: 1.4, fresh: true,
    requests: (who, count) => who.payments(count, true),
    answer: () => from(200, (answer, path) => fromOrigin(answer, path) && headersOf(answer, "payment-response").length === 1),
  },
  {
    name: "paid, nonce of others", workers: GATES, against: "by hand", bar: 1.4, fresh: true,
    requests: (who, count) => who.payments(count, false),
    answer: () => from(200, (answer, path) => fromOrigin(answer, path) && headersOf(answer, "payment-response").length === 1),
  },
];
