// Judges what a paywall did, from outside: who asked for what and what came back, what the facilitators were asked and said, what the
// chain and the books hold at the end. Knows nothing of how any of it was made. The nine rules are the ledger's invariants, S1 to S9.

/**
 * What happened, all of it. Times are Unix milliseconds unless they are called otherwise; amounts are bigints in atomic units;
 * nonces and addresses in lower case.
 * @typedef {object} Trial
 * @property {{payTo: string, asset: string, network: string}} terms what the publisher asked for
 * @property {Record<string, {price: bigint, kind: "access" | "call", metered?: boolean, etag?: string, modified?: string}>} articles
 *   by path; `access` is bought once, of `call` each answer is; `etag` and `modified` as the origin sends them
 * @property {Request[]} requests every request of every client, in the order they were sent
 * @property {Settle[]} settles every settle call that the paywall made
 * @property {{transfers: Transfer[], spent: {payer: string, nonce: string}[]}} chain what reached the payee, and authorizations that
 *   were used or cancelled without a transfer to it
 * @property {number[]} kills when the paywall's process was killed
 * @property {Row[]} [rows] the paywall's own ledger at the end
 * @property {{id: string, payer: string, path: string, nonce?: string, amount: bigint, transaction: string}[]} [receipts] the books at the end
 * @property {boolean} closed whether every payer came back at the end and asked for what they had paid
 *
 * @typedef {object} Request
 * @property {number} n its number
 * @property {string} [payer] who sent it, where it says so; @property {string} path
 * @property {number} sent @property {number} [first] the first byte of its body @property {number} [ended]
 * @property {{nonce: string, amount: bigint, payTo: string, asset: string, network: string, validBefore: number, offered: object, proof?: boolean}} [payment]
 *   what it carried, and the offer that was signed for it; `validBefore` in seconds; `proof`: it holds something that no chain shows
 * @property {number} [pass] the number of the request whose answer gave the cookies it carried
 * @property {number} [status] none: no answer came; @property {string} [problem] the slug of a problem document
 * @property {"none" | "part" | "whole"} text how much of the paid text came
 * @property {{transaction: string, network: string, payer: string, amount?: string}} [settlement] what the answer says of it
 * @property {boolean} [offer] it came with an offer to pay; @property {Record<string, string>} [headers]
 * @property {boolean} [closing] one of those that ask at the end
 *
 * @typedef {{payer: string, nonce: string, at: number, ended?: number, verdict: "settled" | "refused" | "unclear"}} Settle
 *   `verdict`: what the paywall can know from the answer
 * @typedef {{from: string, nonce?: string, value: bigint, transaction: string, logIndex: number, notBefore: number}} Transfer
 *   `nonce` of the authorization it follows from; `notBefore`: the moment before which it cannot have happened
 * @typedef {{payer: string, path: string, nonce: string, amount: bigint, phase: string, transaction?: string, open: boolean, alarm: number, now: number}} Row
 *   `alarm`: when it wants to be looked at by itself, in seconds (0: never); `now`: when it was read
 */

/** What a client may have to wait for one answer of a paywall that is up. */
const PATIENCE = 60_000;
/** How long a payment without a secret is answered again, in milliseconds. */
const PROOFLESS = 60_000;
/** How often the answer to a single call is begun at most. */
const ANSWERS = 6;
/** How late an alarm may be, in seconds. */
const LATE_ALARM = 60;

const RULES = { S1, S2, S3, S4, S5, S6, S7, S8, S9 };

/**
 * @param {Trial} trial
 * @returns {{violations: {rule: string, text: string, payer?: string}[], excused: object[], examined: Record<string, number>}}
 * `excused`: what breaks a rule where the documents say that it may (www/docs/payments.md); `examined`: how many things each rule
 * looked at, as one that looked at nothing has found nothing
 */
export function judge(trial) {
  const violations = [];
  const excused = [];
  const examined = {};
  const known = index(trial);
  for (const [rule, work] of Object.entries(RULES)) {
    examined[rule] = 0;
    const look = () => { examined[rule] += 1; };
    const say = (payer, text) => violations.push({ rule, text, payer });
    say.excused = (payer, text) => excused.push({ rule, text, payer });
    work(trial, known, look, say);
  }
  return { violations, excused, examined };
}

/** The violations as lines of text, at most so many. */
export const inWords = (violations, most = 20) => [
  ...violations.slice(0, most).map(({ rule, text }) => `${rule}: ${text}`),
  ...(violations.length > most ? [`… and ${violations.length - most} more`] : []),
].join("\n");

const push = (map, key, value) => (map.has(key) ? map.get(key).push(value) : map.set(key, [value]));
const short = (text) => `${String(text).slice(0, 10)}…`;
const intentOf = (payer, path) => `${payer} ${path}`;

function index({ requests, settles, chain }) {
  const paid = requests.filter(({ payment }) => payment);
  const byNonce = new Map();
  const byIntent = new Map();
  for (const request of paid) {
    push(byNonce, request.payment.nonce, request);
    push(byIntent, intentOf(request.payer, request.path), request);
  }
  const settlesOf = new Map();
  for (const settle of settles) push(settlesOf, settle.nonce, settle);
  const transferOf = new Map(chain.transfers.filter(({ nonce }) => nonce).map((transfer) => [transfer.nonce, transfer]));
  const noncesOf = (payer, path) => new Set((byIntent.get(intentOf(payer, path)) ?? []).map(({ payment }) => payment.nonce));
  return {
    byNonce, settlesOf, transferOf, byIntent,
    /** The transfers that can have paid for this: of authorizations that this payer sent for this path. */
    transfersFor: (payer, path) => [...noncesOf(payer, path)].map((nonce) => transferOf.get(nonce)).filter((transfer) => transfer?.from === payer),
    number: new Map(requests.map((request) => [request.n, request])),
  };
}

const opened = ({ text }) => text !== "none";
const named = ({ n, path }) => `request ${n} for ${path}`;

/** What must have been paid for a request to be answered: the transfers of its authorization, or for what is owned of any. */
function grounds({ articles }, { transfersFor, transferOf }, request) {
  if (articles[request.path].kind === "access") return transfersFor(request.payer, request.path);
  const own = transferOf.get(request.payment?.nonce);
  return own && own.from === request.payer ? [own] : [];
}

// No free byte: no paid text, and nothing the origin says about it, before the money moved.
function S1(trial, known, look, say) {
  for (const request of trial.requests) {
    const { etag, modified } = trial.articles[request.path];
    look();
    if (!opened(request)) {
      const { headers = {}, ended } = request;
      // a paid answer that broke off after its head
      if (request.payment && grounds(trial, known, request).some(({ notBefore }) => notBefore <= ended)) continue;
      if (etag && headers.etag === etag) say(request.payer, `${named(request)} got no text, but its ETag`);
      if (modified && headers["last-modified"] === modified) say(request.payer, `${named(request)} got no text, but its date`);
      continue;
    }
    if (request.payment === undefined && request.pass === undefined) {
      say(request.payer, `${named(request)} carried neither a payment nor a pass and got ${request.text === "whole" ? "the text" : "a part of the text"}`);
      continue;
    }
    const source = request.payment ? request : known.number.get(request.pass);
    if (!source || source.path !== request.path || source.payer !== request.payer) {
      say(request.payer, `${named(request)} was opened by the pass of ${source ? named(source) : "nobody"}`);
      continue;
    }
    const money = grounds(trial, known, source);
    if (money.length === 0) {
      // the same without evidence after an unclear answer is rule 5's
      if (!isUnclear(known, source)) say(request.payer, `${named(request)} was opened, and ${short(request.payer)} has paid nothing for it`);
    } else if (!money.some(({ notBefore }) => notBefore <= request.first)) {
      const early = Math.min(...money.map(({ notBefore }) => notBefore)) - request.first;
      say(request.payer, `${named(request)} was opened ${early} ms before the money moved`);
    }
  }
}

const isUnclear = ({ settlesOf }, { payment }) => (settlesOf.get(payment?.nonce) ?? []).some(({ verdict }) => verdict === "unclear");

// One grant for one transfer; one authorization opens one article for ever.
function S2({ requests, articles, chain }, { byNonce }, look, say) {
  const pathsOf = new Map();
  const grantsOf = new Map();
  for (const request of requests.filter((each) => opened(each) && each.payment)) {
    const { payer, path, payment } = request;
    if (!pathsOf.has(payment.nonce)) pathsOf.set(payment.nonce, new Set());
    pathsOf.get(payment.nonce).add(path);
    if (!grantsOf.has(payer)) grantsOf.set(payer, new Set());
    grantsOf.get(payer).add(articles[path].kind === "access" ? path : `${path} ${payment.nonce}`);
  }
  for (const [nonce, paths] of pathsOf) {
    look();
    if (paths.size > 1) say(byNonce.get(nonce)[0].payer, `the authorization ${short(nonce)} opened ${[...paths].join(" and ")}`);
  }
  for (const [payer, grants] of grantsOf) {
    const transfers = chain.transfers.filter(({ from }) => from === payer).length;
    if (grants.size > transfers) say(payer, `${short(payer)} opened ${grants.size} things for ${transfers} transfers`);
  }
}

// One charge for one wish, and no new demand while an old one may still be charged.
function S3({ requests, articles, chain }, { byNonce, byIntent, transferOf, settlesOf }, look, say) {
  const charged = new Map();
  for (const transfer of chain.transfers) {
    look();
    const sent = byNonce.get(transfer.nonce) ?? [];
    for (const path of new Set(sent.map((request) => request.path))) {
      if (articles[path].kind === "access") push(charged, intentOf(transfer.from, path), transfer);
    }
  }
  for (const [intent, transfers] of charged) {
    // an authorization that was tried on two articles counts for the one it opened
    const [payer, path] = intent.split(" ");
    const mine = transfers.filter(({ nonce }) => bindings(byNonce, nonce).has(path));
    if (mine.length > 1) say(payer, `${short(payer)} was charged ${mine.length} times for ${path}`);
  }
  for (const request of requests.filter(({ status, payment }) => status === 402 && payment)) {
    look();
    const { payer, path, payment, sent, ended } = request;
    const told = settlesOf.get(payment.nonce) ?? [];
    if (told.some(({ verdict, ended: end }) => verdict === "refused" && end <= ended)) continue;
    const nonces = articles[path].kind === "access" ? byIntent.get(intentOf(payer, path)).map((each) => each.payment.nonce) : [payment.nonce];
    for (const nonce of new Set(nonces)) {
      const transfer = transferOf.get(nonce);
      if (!transfer || !bindings(byNonce, nonce).has(path)) continue;
      const under = (settlesOf.get(nonce) ?? []).some((settle) => settle.at < sent && (settle.ended === undefined || settle.ended > sent || settle.verdict === "unclear"));
      if (transfer.notBefore < sent) say(request.payer, `${named(request)} was asked to pay after ${short(payer)} had paid for it`);
      else if (under) say(request.payer, `${named(request)} was asked to pay while an earlier payment was under way, which was then charged`);
    }
  }
}

/** What an authorization counts for: what it opened, or, as long as it opened nothing, all it was sent for. */
function bindings(byNonce, nonce) {
  const sent = byNonce.get(nonce) ?? [];
  const open = sent.filter(opened);
  return new Set((open.length > 0 ? open : sent).map(({ path }) => path));
}

// Who paid can read.
function S4({ requests, articles, chain, closed }, { byNonce }, look, say) {
  const read = requests.filter(({ text, payment }) => text === "whole" && payment);
  const atTheEnd = new Set(read.filter(({ closing }) => closing || !closed).map(({ payer, path }) => intentOf(payer, path)));
  const calls = new Set(read.map(({ payment }) => payment.nonce));
  // what proves nothing is answered again for a minute (threat A16): a call that was lost for longer is
  const isOver = (nonce, paid) => byNonce.get(nonce).some(({ payment, problem, sent }) => !payment.proof && problem === "authorization-already-used" && sent > paid + PROOFLESS);
  for (const { from, nonce, transaction, notBefore } of chain.transfers) {
    const paths = [...bindings(byNonce, nonce)];
    if (paths.length === 0) continue;
    look();
    const served = paths.some((path) => (articles[path].kind === "access" ? atTheEnd.has(intentOf(from, path)) : calls.has(nonce) || isOver(nonce, notBefore)));
    // an answer whose beginning came may have left the platform whole, and counts as gone out; so do six that were lost on their way
    // who made it move may have left before it did: the answer was begun for nobody
    const unanswered = byNonce.get(nonce).filter(({ status }) => status === undefined);
    const later = unanswered.filter(({ ended }) => ended >= notBefore).length;
    const lost = later + (later < unanswered.length ? 1 : 0);
    const begun = articles[paths[0]].kind === "call" && (lost >= ANSWERS || byNonce.get(nonce).some(({ settlement }) => settlement));
    if (!served) (begun ? say.excused : say)(from, `${short(from)} paid for ${paths.join(" or ")} in ${short(transaction)} and could not read it${closed ? " at the end" : ""}`);
  }
}

// Not known is not free, and what is not known is not given up before its window is over.
function S5(trial, known, look, say) {
  const { requests, articles, settles, chain } = trial;
  const { byNonce } = known;
  for (const request of requests.filter(({ payment }) => payment)) {
    const unclear = isUnclear(known, request);
    if (!unclear) continue;
    look();
    if (opened(request) && grounds(trial, known, request).length === 0) say(request.payer, `${named(request)} was opened though nobody had said that it was paid`);
    const { payment, ended, problem } = request;
    if (problem === "authorization-expired" && ended / 1000 < payment.validBefore) say(request.payer, `${named(request)} was called expired before its window was over`);
  }
  const spent = new Set(chain.spent.map(({ nonce }) => nonce));
  const before = new Map();
  for (const settle of [...settles].sort((a, b) => a.at - b.at)) {
    look();
    const [sent] = byNonce.get(settle.nonce) ?? [];
    if (!sent || articles[sent.path].kind !== "access") continue;
    const intent = intentOf(sent.payer, sent.path);
    const open = (before.get(intent) ?? []).find((other) => {
      const resolved = other.verdict === "refused" && other.ended <= settle.at;
      return other.nonce !== settle.nonce && !resolved && !spent.has(other.nonce) && settle.at / 1000 < byNonce.get(other.nonce)[0].payment.validBefore;
    });
    if (open) say(sent.payer, `${short(settle.nonce)} of ${short(sent.payer)} for ${sent.path} was settled while ${short(open.nonce)} was settled or might be`);
    push(before, intent, settle);
  }
}

// After crashes everything comes to rest: no answer hangs, nothing stays open, nothing waits for an alarm that never comes.
function S6({ requests, rows, kills, closed }, _, look, say) {
  for (const request of requests) {
    look();
    const { sent, ended } = request;
    if (ended === undefined ? closed : ended - sent > PATIENCE) {
      say(request.payer, `${named(request)} ${ended === undefined ? "was never answered" : `took ${ended - sent} ms`} (${kills.length} kills)`);
    }
  }
  for (const { payer, path, nonce, phase, open, alarm, now } of rows ?? []) {
    look();
    const what = `the row ${short(nonce)} of ${short(payer)} for ${path}`;
    if (open && closed) say(payer, `${what} is still ${phase} at the end`);
    if (open && alarm === 0) say(payer, `${what} is ${phase} and has no alarm`);
    if (alarm > 0 && alarm + LATE_ALARM < now) say(payer, `${what} (${phase}) waits for an alarm that is ${now - alarm} s late`);
  }
}

// Closed when in doubt: what is not a success carries no text, and no success comes without a word about its payment.
function S7({ requests }, _, look, say) {
  for (const request of requests.filter(({ status }) => status !== undefined)) {
    look();
    if (request.status !== 200 && opened(request)) say(request.payer, `${named(request)} was answered ${request.status} with paid text in it`);
  }
}

// The ledger, and the book of receipts, are what the chain is.
function S8({ rows, receipts, chain }, { byNonce }, look, say) {
  const ours = chain.transfers.filter(({ nonce }) => byNonce.has(nonce));
  const total = (list, key) => list.reduce((sum, item) => sum + item[key], 0n);
  const compare = (name, list) => {
    const left = new Map(ours.map((transfer) => [transfer.transaction + transfer.nonce, transfer]));
    for (const { nonce, transaction, payer, amount, path } of list) {
      look();
      const key = nonce ? transaction + nonce : [...left].find(([, each]) => each.transaction === transaction && each.from === payer)?.[0];
      const transfer = left.get(key);
      if (!transfer) say(payer, `${name} has a payment of ${short(payer)} for ${path} in ${short(transaction)} that the chain has not, or has once`);
      else if (transfer.value !== amount || transfer.from !== payer) say(payer, `${name} has ${amount} of ${short(payer)} in ${short(transaction)}, the chain ${transfer.value} of ${short(transfer.from)}`);
      left.delete(key);
    }
    for (const { from, value, transaction } of left.values()) say(from, `${name} has nothing of ${value} from ${short(from)} in ${short(transaction)}`);
    if (total(list, "amount") !== total(ours, "value")) say(undefined, `${name} adds up to ${total(list, "amount")}, the chain to ${total(ours, "value")}`);
  };
  if (rows) compare("the ledger", rows.filter(({ phase }) => phase === "settled"));
  if (receipts) compare("the book of receipts", receipts);
  const seen = new Set();
  for (const { transaction, logIndex } of chain.transfers) {
    if (seen.has(`${transaction} ${logIndex}`)) say(undefined, `the transfer ${short(transaction)} is counted twice`);
    seen.add(`${transaction} ${logIndex}`);
  }
}

// What was shown is what was signed is what was charged is what the receipt says.
function S9({ requests, articles, terms, chain }, { byNonce }, look, say) {
  for (const request of requests.filter(({ payment }) => payment)) {
    const { payment, path } = request;
    const { price } = articles[path];
    if (payment.offered && payment.offered.path === path && payment.offered.amount !== price) say(request.payer, `${named(request)} was offered at ${payment.offered.amount}, its price is ${price}`);
  }
  for (const { from, nonce, value, transaction } of chain.transfers) {
    const [sent] = byNonce.get(nonce) ?? [];
    if (!sent) continue;
    look();
    const { payment } = sent;
    const metered = [...bindings(byNonce, nonce)].some((path) => articles[path].metered);
    if (metered ? value > payment.amount : value !== payment.amount) say(from, `${short(from)} signed ${payment.amount} and paid ${value} in ${short(transaction)}`);
    for (const field of ["payTo", "asset", "network"]) {
      if (payment[field] !== terms[field]) say(from, `${short(from)} paid ${field} ${payment[field]}, not ${terms[field]}`);
    }
  }
  const byTransaction = new Map();
  for (const transfer of chain.transfers) push(byTransaction, transfer.transaction, transfer);
  for (const request of requests.filter((each) => opened(each) && each.payment)) {
    look();
    const { settlement, payer, path, payment } = request;
    if (!settlement) {
      say(request.payer, `${named(request)} was opened and not told what was paid`);
      continue;
    }
    const { transaction, network } = settlement;
    if (network !== terms.network) say(request.payer, `${named(request)} was told of the network ${network}`);
    if (settlement.payer?.toLowerCase() !== payer) say(request.payer, `${named(request)} by ${short(payer)} was told of the payer ${settlement.payer}`);
    const own = (byTransaction.get(transaction) ?? []).filter((transfer) => transfer.from === payer && bindings(byNonce, transfer.nonce).has(path));
    if (own.length === 0) say(request.payer, `${named(request)} was told of the transaction ${short(transaction)}, which is no payment for it`);
    if (articles[path].kind === "call" && own.length > 0 && !own.some((transfer) => transfer.nonce === payment.nonce)) say(request.payer, `${named(request)} was told of another call's transaction`);
    if (settlement.amount !== undefined && own.length > 0 && !own.some((transfer) => String(transfer.value) === settlement.amount)) {
      say(request.payer, `${named(request)} was told of ${settlement.amount}, ${own[0].value} was paid`);
    }
  }
}
