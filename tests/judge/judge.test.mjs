// The judge finds what it is for: an honest trial, and for every rule trials in which one thing is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inWords, judge } from "./judge.mjs";

const terms = { payTo: "0xpayee", asset: "0xtoken", network: "eip155:84532" };
const articles = {
  "/a": { price: 50n, kind: "access", etag: '"of-a"', modified: "Sat, 21 Nov 2026 00:00:00 GMT" },
  "/b": { price: 50n, kind: "access", etag: '"of-b"' },
  "/call": { price: 2n, kind: "call" },
  "/metered": { price: 9n, kind: "call", metered: true },
};

/**
 * Somebody pays for each thing, loses an answer, comes back, opens /a with a pass, and once more with another authorization. Every
 * test changes a copy.
 */
function honest() {
  let clock = 1_000_000;
  const requests = [];
  const settles = [];
  const transfers = [];
  const rows = [];
  const receipts = [];
  const pay = (payer, path, nonce, more = {}) => {
    const { price: amount } = articles[path];
    clock += 100;
    const request = {
      n: requests.length, payer, path, sent: clock, first: clock + 50, ended: clock + 60,
      payment: { nonce, amount, ...terms, validBefore: clock / 1000 + 300, offered: { path, amount } },
      status: 200, text: "whole", settlement: { transaction: `0xtx-${nonce}`, network: terms.network, payer: payer.toUpperCase() }, ...more,
    };
    requests.push(request);
    return request;
  };
  const settle = (payer, path, nonce, { paid = articles[path].price, verdict = "settled" } = {}) => {
    const transaction = `0xtx-${nonce}`;
    settles.push({ payer, nonce, at: clock + 10, ended: clock + 40, verdict });
    transfers.push({ from: payer, nonce, value: paid, transaction, logIndex: 1, notBefore: clock + 20 });
    rows.push({ payer, path, nonce, amount: paid, phase: "settled", transaction, open: false, alarm: 0, now: 1_000_000 });
    receipts.push({ id: `r-${nonce}`, payer, path, amount: paid, transaction });
  };
  pay("0xann", "/a", "0x1");
  settle("0xann", "/a", "0x1");
  requests.push({ n: 1, payer: "0xann", path: "/a", sent: clock + 70, first: clock + 71, ended: clock + 72, pass: 0, status: 200, text: "whole" });
  // the answer is lost, and comes later
  pay("0xbob", "/b", "0x2", { status: undefined, text: "none", first: undefined, settlement: undefined });
  settle("0xbob", "/b", "0x2", { verdict: "unclear" });
  pay("0xbob", "/b", "0x2", { status: 503, problem: "settlement-pending", text: "none", settlement: undefined });
  pay("0xbob", "/b", "0x2");
  for (const nonce of ["0x3", "0x4"]) {
    pay("0xcat", "/call", nonce);
    settle("0xcat", "/call", nonce);
  }
  pay("0xcat", "/metered", "0x5", { settlement: { transaction: "0xtx-0x5", network: terms.network, payer: "0xcat", amount: "4" } });
  settle("0xcat", "/metered", "0x5", { paid: 4n });
  pay("0xdan", "/a", "0x6", { status: 402, problem: "insufficient-funds", text: "none", offer: true, settlement: undefined });
  settles.push({ payer: "0xdan", nonce: "0x6", at: clock + 10, ended: clock + 40, verdict: "refused" });
  // owned: another authorization costs nothing
  pay("0xann", "/a", "0x7", { closing: true, settlement: { transaction: "0xtx-0x1", network: terms.network, payer: "0xann" } });
  pay("0xbob", "/b", "0x2", { closing: true });
  return { terms, articles, requests, settles, chain: { transfers, spent: [] }, kills: [1_000_100], rows, receipts, closed: true };
}

const request = (trial, nonce, at = 0) => trial.requests.filter(({ payment }) => payment?.nonce === nonce).at(at);
const transfer = (trial, nonce) => trial.chain.transfers.find((each) => each.nonce === nonce);
const without = (list, nonce) => list.filter((each) => each.nonce !== nonce);

test("an honest trial is without fault, and every rule looked at something", () => {
  const { violations, examined } = judge(honest());
  assert.equal(inWords(violations), "");
  for (const [rule, count] of Object.entries(examined)) assert.ok(count > 0, rule);
});

test("a trial without books or ledger is judged by what is left", () => {
  const { rows, receipts, ...rest } = honest();
  assert.ok(rows && receipts);
  const { violations, examined } = judge(rest);
  assert.deepEqual(violations, []);
  assert.equal(examined.S8, 0);
});

/** The answer of a call is lost, and a later request for it is refused. */
function loseCall(trial, { proof, after }) {
  const lost = Object.assign(request(trial, "0x3"), { text: "none", status: undefined, settlement: undefined });
  lost.payment.proof = proof;
  trial.requests.push({ ...lost, n: 99, status: 409, problem: "authorization-already-used", sent: transfer(trial, "0x3").notBefore + after });
}

test("a call that proves nothing is over after a minute", () => {
  const trial = honest();
  loseCall(trial, { proof: false, after: 61_000 });
  assert.equal(inWords(judge(trial).violations), "");
});

test("a call whose answer began and broke off is told apart, since the documents say that it may be lost", () => {
  const trial = honest();
  request(trial, "0x5").text = "part";
  const { violations, excused } = judge(trial);
  assert.equal(inWords(violations), "");
  assert.deepEqual(excused.map(({ rule }) => rule), ["S4"]);
});

/** [what is wrong, the rule that must say so, what it must say, how it is made]. */
const DOCTORED = [
  ["text for nothing", "S1", /neither a payment nor a pass/, (trial) => { trial.requests[1].pass = undefined; }],
  ["half a text for nothing", "S1", /a part of the text/, (trial) => Object.assign(trial.requests[1], { pass: undefined, text: "part" })],
  ["the pass of another article", "S1", /opened by the pass of request 0 for \/a/, (trial) => { trial.requests[1].path = "/b"; }],
  ["somebody else's pass", "S1", /opened by the pass/, (trial) => { trial.requests[1].payer = "0xbob"; }],
  ["text before the money", "S1", /opened 5 ms before the money moved/, (trial) => { request(trial, "0x1").first = transfer(trial, "0x1").notBefore - 5; }],
  ["text for a refused payment", "S1", /has paid nothing/, (trial) => Object.assign(request(trial, "0x6"), { status: 200, text: "whole", first: 9e6 })],
  ["the ETag in a demand", "S1", /ETag/, (trial) => { request(trial, "0x6").headers = { etag: '"of-a"' }; }],
  ["the date in a demand", "S1", /date/, (trial) => { request(trial, "0x6").headers = { "last-modified": articles["/a"].modified }; }],
  ["the ETag before the money", "S1", /ETag/, (trial) => {
    Object.assign(request(trial, "0x2", 1), { headers: { etag: '"of-b"' }, ended: transfer(trial, "0x2").notBefore - 1 });
  }],
  ["one call's money for two calls", "S1", /has paid nothing/, (trial) => { trial.chain.transfers = without(trial.chain.transfers, "0x4"); }],

  ["one authorization, two articles", "S2", /0x2.* opened \/b and \/a/, (trial) => {
    trial.requests.push({ ...request(trial, "0x2", -1), n: 99, path: "/a" });
  }],
  ["more opened than paid", "S2", /opened 3 things for 2 transfers/, (trial) => { trial.chain.transfers = without(trial.chain.transfers, "0x4"); }],

  ["the same wish charged twice", "S3", /0xann.* charged 2 times for \/a/, (trial) => {
    trial.chain.transfers.push({ ...transfer(trial, "0x1"), nonce: "0x7", transaction: "0xtx-0x7" });
  }],
  ["a demand after the money", "S3", /asked to pay after/, (trial) => Object.assign(request(trial, "0x2", 1), { status: 402, problem: "payment-required", offer: true })],
  ["a demand for an owned article", "S3", /asked to pay after/, (trial) => Object.assign(request(trial, "0x7"), { status: 402, text: "none" })],
  ["a demand while the first is under way", "S3", /under way, which was then charged/, (trial) => {
    const again = request(trial, "0x2", 1);
    Object.assign(again, { status: 402, offer: true });
    transfer(trial, "0x2").notBefore = again.ended + 1;
  }],

  ["paid, and never opened", "S4", /0xcat.* paid for \/call in 0xtx-0x3.* could not read/, (trial) => Object.assign(request(trial, "0x3"), { text: "none", status: 503, settlement: undefined })],
  ["a call that proves itself, and is refused after a minute", "S4", /could not read/, (trial) => loseCall(trial, { proof: true, after: 61_000 })],
  ["a call that proves nothing, and is refused within a minute", "S4", /could not read/, (trial) => loseCall(trial, { proof: false, after: 59_000 })],
  ["paid, and only a part came", "S4", /could not read/, (trial) => {
    request(trial, "0x2", 2).text = "part";
    request(trial, "0x2", 3).text = "part";
  }],
  ["paid, read once, and closed at the end", "S4", /could not read it at the end/, (trial) => Object.assign(request(trial, "0x2", -1), { text: "none", status: 409 })],

  ["unclear, and opened without money", "S5", /nobody had said/, (trial) => { trial.chain.transfers = without(trial.chain.transfers, "0x2"); }],
  ["a second payment settled beside an unknown one", "S5", /0x8.* was settled while 0x2.* might be/, (trial) => {
    const first = request(trial, "0x2");
    trial.requests.push({ ...first, n: 99, payment: { ...first.payment, nonce: "0x8" } });
    trial.settles.push({ ...trial.settles[1], nonce: "0x8", at: trial.settles[1].ended + 1 });
  }],
  ["given up before the window is over", "S5", /called expired before/, (trial) => Object.assign(request(trial, "0x2", 1), { status: 402, problem: "authorization-expired" })],

  ["a request without an answer", "S6", /never answered/, (trial) => { request(trial, "0x2", 1).ended = undefined; }],
  ["an answer after minutes", "S6", /took \d+ ms/, (trial) => { request(trial, "0x2", 1).ended += 100_000; }],
  ["a row that stays open", "S6", /still unknown at the end/, (trial) => Object.assign(trial.rows[0], { phase: "unknown", open: true, alarm: 1_000_001 })],
  ["an open row without an alarm", "S6", /has no alarm/, (trial) => Object.assign(trial.rows[0], { phase: "settling", open: true })],
  ["an alarm that never came", "S6", /100 s late/, (trial) => Object.assign(trial.rows[0], { phase: "rejected", alarm: 999_900 })],

  ["text in an error", "S7", /answered 500 with paid text/, (trial) => { request(trial, "0x1").status = 500; }],
  ["text in a demand", "S7", /answered 402 with paid text/, (trial) => Object.assign(request(trial, "0x6"), { text: "part" })],

  ["a transfer that the ledger has not", "S8", /the ledger has nothing of 50 from 0xann/, (trial) => { trial.rows = without(trial.rows, "0x1"); }],
  ["a settled row without a transfer", "S8", /that the chain has not/, (trial) => { trial.chain.transfers = without(trial.chain.transfers, "0x1"); }],
  ["one transfer for two rows", "S8", /or has once/, (trial) => { trial.rows.push(trial.rows[0]); }],
  ["a row with another amount", "S8", /the ledger has 49 of 0xann.*the chain 50/, (trial) => { trial.rows[0].amount = 49n; }],
  ["a receipt that is missing", "S8", /the book of receipts has nothing of 2 from 0xcat/, (trial) => { trial.receipts.splice(2, 1); }],
  ["a receipt of nothing", "S8", /the book of receipts has a payment/, (trial) => { trial.receipts[0].transaction = "0xelse"; }],
  ["a transfer twice in the log", "S8", /counted twice/, (trial) => { trial.chain.transfers.push({ ...transfer(trial, "0x1"), nonce: undefined }); }],

  ["more charged than signed", "S9", /signed 50 and paid 51/, (trial) => { transfer(trial, "0x1").value = 51n; }],
  ["more metered than promised", "S9", /signed 9 and paid 10/, (trial) => { transfer(trial, "0x5").value = 10n; }],
  ["offered at another price", "S9", /offered at 60, its price is 50/, (trial) => { request(trial, "0x1").payment.offered.amount = 60n; }],
  ["another payee", "S9", /paid payTo 0xthief/, (trial) => { request(trial, "0x1").payment.payTo = "0xthief"; }],
  ["a receipt for another transaction", "S9", /no payment for it/, (trial) => { request(trial, "0x1").settlement.transaction = "0xtx-0x2"; }],
  ["a receipt of another call", "S9", /another call's transaction/, (trial) => { request(trial, "0x3").settlement.transaction = "0xtx-0x4"; }],
  ["another network in the receipt", "S9", /network eip155:1/, (trial) => { request(trial, "0x1").settlement.network = "eip155:1"; }],
  ["another payer in the receipt", "S9", /told of the payer 0xbob/, (trial) => { request(trial, "0x1").settlement.payer = "0xbob"; }],
  ["another amount in the receipt", "S9", /told of 5, 4 was paid/, (trial) => { request(trial, "0x5").settlement.amount = "5"; }],
  ["no receipt at all", "S9", /not told what was paid/, (trial) => { request(trial, "0x1").settlement = undefined; }],
];

for (const [name, rule, words, doctor] of DOCTORED) {
  test(`${rule} ${name}`, () => {
    const trial = honest();
    doctor(trial);
    const { violations } = judge(trial);
    assert.ok(violations.some((each) => each.rule === rule && words.test(each.text)), inWords(violations) || "found nothing");
  });
}
