// Servers that want more than they should have: the program's owner loses nothing, or one payment that the policy allows, and is told so.
// What is out after that counts as spent (js/client/budget.ts).
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encode } from "../support/pay.mjs";
import { DOLLAR, TOKEN } from "../support/places.mjs";
import { GOOD, GOOD_V1, counting, demand, nonceOf, paymentOf, stage } from "./stage.mjs";

const { createClient, PaymentError } = await import("../../js/dist/client/node.js");

const STRANGER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
const CENT = "0.01";
const AT_ONCE = { concurrency: 8 };
const quick = { policy: { max: "$0.10" }, patience: 1, timeout: 400 };

const refused = (reason, open = false) => (error) => {
  assert.ok(error instanceof PaymentError, error);
  assert.deepEqual([error.reason, error.open], [reason, open], error.message);
  return true;
};
const late = (error) => error.name === "TimeoutError";

/** A client that counts, before a server that plays. */
async function meet(t, play, options = {}) {
  const server = await stage(t, play);
  const { signer, signed } = counting();
  const client = createClient({ signer, ...quick, ...options });
  return { ...server, client, signed, page: `${server.site}/a` };
}
const books = async (client) => {
  const { total, open } = await client.budget();
  return { spent: total.spent, open };
};
const NOTHING = { spent: "0.00", open: 0 };

/** Nothing was signed, sent or set aside. */
async function untouched({ client, signed, payments }) {
  assert.deepEqual([signed, payments()], [[], []]);
  assert.deepEqual(await books(client), NOTHING);
}

test("what these servers want is had from a client that trusts them", async (t) => {
  /** Pays whatever a 402 asks for, wherever it is sent, as often as it is asked. */
  const naive = async (url, init, { signer }) => {
    let response = await fetch(url, init);
    for (let times = 0; response.status === 402 && times < 3; times++) {
      const [offer] = JSON.parse(Buffer.from(response.headers.get("payment-required"), "base64")).accepts;
      const authorization = {
        from: signer.address, to: offer.payTo, value: BigInt(Math.round(Number(offer.amount))), validAfter: 0n, validBefore: 2n ** 40n, nonce: `0x${String(times).padStart(64, "0")}`,
      };
      const type = (name) => ({ name, type: { from: "address", to: "address", nonce: "bytes32" }[name] ?? "uint256" });
      const signature = await signer.signTypedData({
        domain: { ...offer.extra, chainId: 84532, verifyingContract: offer.asset }, primaryType: "TransferWithAuthorization",
        types: { TransferWithAuthorization: Object.keys(authorization).map(type) }, message: authorization,
      });
      const payment = encode({ x402Version: 2, accepted: offer, payload: { signature, authorization: { ...authorization, value: offer.amount, validAfter: "0", validBefore: "9" } } });
      response = await fetch(response.url, { ...init, headers: { ...init.headers, "payment-signature": payment } });
    }
    return response;
  };
  const fooled = async (play, init = {}) => {
    const server = await stage(t, play);
    const wallet = counting();
    await naive(`${server.site}/a`, init, wallet);
    return { ...server, signed: wallet.signed };
  };
  const values = ({ signed }) => signed.map(({ value }) => value);

  let price = 1000;
  assert.deepEqual(values(await fooled((request, response) => demand(response, { ...GOOD, amount: String(price *= 10) }))), [10_000n, 100_000n, 1_000_000n], "F3 F5");
  assert.deepEqual(values(await fooled((request, response) => (paymentOf(request) ? response.end() : demand(response, { ...GOOD, amount: "1e9" })))), [1_000_000_000n], "A6");
  const other = await stage(t, (request, response) => response.end());
  await fooled((request, response) => (paymentOf(request) ? response.writeHead(307, { location: `${other.site}/b` }).end() : demand(response)));
  assert.equal(other.payments().length, 1, "F7");
});

test("what is not an offer of the policy's is not signed", AT_ONCE, async (t) => {
  const huge = String(2n ** 256n);
  for (const [name, offer] of Object.entries({
    "F3 too dear": { ...GOOD, amount: "100001" },
    ...Object.fromEntries(["0.01", "1e4", "0x2710", "-10000", "+10000", "010000", " 10000", "10000 ", "1_000", "10,000", "10000n", "$0.01", "\u0661\u0660", "NaN", "", "0", huge, String(2n ** 256n - 1n), "9".repeat(2000), 10_000, 0.01, null, true, ["10000"], { value: "10000" }].map((amount) => [
      `A6 the amount ${JSON.stringify(amount).slice(0, 30)}`, { ...GOOD, amount },
    ])),
    "A6 no amount": { ...GOOD, amount: undefined },
    "A6 the amount under its old name": { ...GOOD, amount: undefined, maxAmountRequired: "10000" },
    "A6 decimals of the server's own": { ...GOOD, amount: "10000000000000000", extra: { ...GOOD.extra, decimals: 18 } },
    "A6 a token nobody knows, with a name that everybody does": { ...GOOD, asset: DOLLAR, extra: { name: "USDC", version: "2", symbol: "USDC", decimals: 6 } },
    "A6 a token by its name": { ...GOOD, asset: "USDC" },
    "A6 a known token on a network where it is not": { ...GOOD, network: "eip155:8453" },
    "A5 another domain": { ...GOOD, extra: { name: "USD Coin", version: "2" } },
    "A6 no domain": { ...GOOD, extra: undefined },
    "A6 nobody to be paid": { ...GOOD, payTo: "0x0000000000000000000000000000000000000000" },
    "A6 a payee that is no address": { ...GOOD, payTo: "news.example" },
    "F3 a payee that the policy denies": { ...GOOD, payTo: STRANGER },
    "A6 a time in words": { ...GOOD, maxTimeoutSeconds: "300" },
    "A6 no time": { ...GOOD, maxTimeoutSeconds: 0 },
    "F3 at most an amount, which the policy does not have": { ...GOOD, scheme: "upto", extra: { ...GOOD.extra, facilitatorAddress: STRANGER } },
    "another scheme": { ...GOOD, scheme: "Exact" },
    "no object": "exact",
  })) {
    await t.test(name, async (t) => {
      const met = await meet(t, (request, response) => demand(response, offer), { policy: { max: "$0.10", deny: { payees: [STRANGER] } } });
      const quote = await met.client.quote(met.page);
      // what has nothing else against it than its price is told so
      const { reason } = quote.problem;
      assert.equal(reason, quote.refused[0].reason === "too-dear" ? "too-dear" : "nothing-payable");
      assert.deepEqual([quote.free, quote.choice, quote.refused.length], [false, undefined, 1]);
      await assert.rejects(met.client.fetch(met.page), refused(reason));
      await assert.rejects(met.client.pay(quote), refused(reason));
      await untouched(met);
    });
  }
});

test("a 402 that cannot be read is told, and not guessed at", AT_ONCE, async (t) => {
  const required = (text) => ({ headers: { "payment-required": text } });
  const two = (accepts, more = {}) => required(encode({ x402Version: 2, accepts, ...more }));
  const one = (more) => ({ body: JSON.stringify({ x402Version: 1, error: "", accepts: [{ ...GOOD_V1, ...more }] }) });
  const html = "<!doctype html><h1>402</h1><p>Send 0.01 USDC to <code>0x90F79bf6EB2c4f870365E785982E1f101E93b906</code></p>";
  for (const [name, { headers = {}, body = "{}" }, reason] of [
    ["C4 not base64", required("%%%%"), "offers-not-base64"],
    ["C4 not JSON", required(encode("give me a cent")), "offers-not-json"],
    ["C4 not an object", required(encode("[]")), "unsupported-x402-version"],
    ["C4 a key twice", required(encode(`{"x402Version":2,"accepts":[],"accepts":[${JSON.stringify(GOOD)}]}`)), "offers-not-json"],
    ["C4 a key twice, in an offer", required(encode(`{"x402Version":2,"accepts":[${JSON.stringify(GOOD).slice(0, -1)},"amount":"99999"}]}`)), "offers-not-json"],
    ["C1 nested deep", required(encode(`{"x402Version":2,"accepts":${"[".repeat(2000)}${"]".repeat(2000)}}`)), "offers-not-json"],
    ["C1 a thousand offers", two(Array(1000).fill({})), "offers-too-large"],
    ["C1 thirteen kilobytes of nothing", required("A".repeat(13_000)), "offers-not-json"],
    ["a version to come", required(encode({ x402Version: 3, accepts: [GOOD] })), "unsupported-x402-version"],
    ["the version as a text", required(encode({ x402Version: "2", accepts: [GOOD] })), "unsupported-x402-version"],
    ["no list", two({ 0: GOOD }), "offers-malformed"],
    ["an empty list", two([]), "nothing-payable"],
    ["C4 two headers", required([encode({ x402Version: 2, accepts: [GOOD] }), encode({ x402Version: 2, accepts: [GOOD] })]), "offers-not-base64"],
    ["a header that cannot be read, with a body that can", { ...required("%%%%"), ...one() }, "offers-not-base64"],
    ["nothing", {}, "no-offers"],
    ["F1 a price in prose", { headers: { "content-type": "text/html" }, body: html }, "no-offers"],
    ["F1 a price in JSON of its own", { body: JSON.stringify({ error: `pay 0.01 USDC to ${STRANGER}`, price: "$0.01", payTo: STRANGER }) }, "no-offers"],
    ["the second version in the body", { body: JSON.stringify({ x402Version: 2, accepts: [GOOD] }) }, "no-offers"],
    ["C4 a key twice in the body", { body: `{"x402Version":1,"accepts":[],"accepts":[${JSON.stringify(GOOD_V1)}]}` }, "offers-not-json"],
    ["a body that ends too soon", { body: JSON.stringify({ x402Version: 1, accepts: [GOOD_V1] }).slice(0, -9) }, "offers-not-json"],
    ["C1 a body of a megabyte", { body: JSON.stringify({ x402Version: 1, x: "x".repeat(1e6), accepts: [GOOD_V1] }) }, "offers-too-large"],
    ["A6 v1: a network of the second version", one({ network: "eip155:84532" }), "nothing-payable"],
    ["A6 v1: the amount under its new name", one({ maxAmountRequired: undefined, amount: "10000" }), "nothing-payable"],
    ["A6 v1: the amount as a number", one({ maxAmountRequired: 10_000 }), "nothing-payable"],
    ["A6 v1: the amount with a point", one({ maxAmountRequired: "0.01" }), "nothing-payable"],
    ["A6 v1: Permit2", one({ extra: { ...GOOD.extra, assetTransferMethod: "permit2" } }), "nothing-payable"],
    ["A6 v1: no payee", one({ payTo: null }), "nothing-payable"],
    ["F2 v1: another host", one({ resource: "http://bank.example/a" }), "other-resource"],
    ["C1 v1: a path of slashes", one({ resource: `http://127.0.0.1/${"/".repeat(60_000)}a` }), "other-resource"],
    ["F2 another host", two([GOOD], { resource: { url: "https://bank.example/a" } }), "other-resource"],
    ["F2 another path", two([GOOD], { resource: { url: "http://127.0.0.1/dear" } }), "other-resource"],
    ["F2 a host that begins alike", two([GOOD], { resource: { url: "http://127.0.0.1.example/a" } }), "other-resource"],
    ["F2 a host behind a name", two([GOOD], { resource: { url: "http://127.0.0.1@bank.example/a" } }), "other-resource"],
    ["A7 a clock a day ahead", { headers: { ...two([GOOD]).headers, date: new Date(Date.now() + 86_400_000).toUTCString() } }, "clock"],
    ["A7 a clock before 1970", { headers: { ...two([GOOD]).headers, date: "Mon, 01 Jan 1900 00:00:00 GMT" } }, undefined],
  ]) {
    await t.test(name, async (t) => {
      const met = await meet(t, (request, response) => {
        if (paymentOf(request)) return response.end("here");
        response.writeHead(402, headers).end(body);
      });
      if (!reason) return assert.equal(await (await met.client.fetch(met.page)).text(), "here");
      await assert.rejects(met.client.fetch(met.page), refused(reason));
      assert.equal((await met.client.quote(met.page)).problem?.reason, reason === "clock" ? undefined : reason);
      await untouched(met);
    });
  }

  await t.test("C1 a header that the platform takes no more of", async (t) => {
    const met = await meet(t, (request, response) => demand(response, { ...GOOD, x: "x".repeat(12_500) }));
    await assert.rejects(met.client.fetch(met.page), /fetch failed/);
    await untouched(met);
  });
});

test("a price is what it was when it was looked at", AT_ONCE, async (t) => {
  for (const [name, change] of [
    ["F3 dearer", { amount: "90000" }], ["F3 another payee", { payTo: STRANGER }], ["F3 another way to move", { extra: { ...GOOD.extra, assetTransferMethod: "permit2" } }],
  ]) {
    await t.test(`${name} after the quote: what was quoted is signed, and nothing else`, async (t) => {
      let offer = GOOD;
      const met = await meet(t, (request, response) => demand(response, offer));
      const quote = await met.client.quote(met.page);
      offer = { ...GOOD, ...change };
      await assert.rejects(met.client.pay(quote), refused("refused"));
      assert.deepEqual(met.signed.map(({ to, value }) => [to, value]), [[GOOD.payTo, 10_000n]]);
      assert.deepEqual(await books(met.client), { spent: CENT, open: 0 });
    });

    await t.test(`${name} for who had to wait with a quote: nothing is signed for it`, async (t) => {
      let offer = GOOD;
      const met = await meet(t, (request, response) => {
        if (paymentOf(request)) offer = { ...GOOD, ...change };
        demand(response, offer);
      });
      const [first, second] = [await met.client.quote(met.page), await met.client.quote(met.page)];
      const ends = await Promise.allSettled([met.client.pay(first), met.client.pay(second)]);
      // which of the two had to wait is not said
      assert.deepEqual(ends.map(({ reason }) => reason.reason).sort(), ["offer-changed", "refused"]);
      assert.deepEqual([met.signed.length, met.payments().length], [1, 1]);
      assert.deepEqual(await books(met.client), { spent: CENT, open: 0 });
    });
  }

  await t.test("F7 a page that was bought since it was quoted is not paid for again, and a single call is", async (t) => {
    for (const [stays, payments] of [[true, 1], [false, 2]]) {
      let bought = false;
      const met = await meet(t, (request, response) => {
        if (paymentOf(request)) bought = true;
        if (paymentOf(request) || (stays && bought)) return response.end("here");
        demand(response);
      });
      const quotes = [await met.client.quote(met.page), await met.client.quote(met.page)];
      for (const quote of quotes) assert.equal(await (await met.client.pay(quote)).text(), "here");
      assert.deepEqual([met.signed.length, met.payments().length], [payments, payments]);
    }
  });

  await t.test("F7 an answer that is older than what was bought meanwhile is not paid", async (t) => {
    const slow = [];
    let bought = false;
    const met = await meet(t, (request, response) => {
      if (paymentOf(request)) bought = true;
      if (bought) return response.end("here");
      if (slow.push(() => demand(response)) === 2) slow[0]();
    });
    const either = [1, 2].map(() => met.client.fetch(met.page));
    await Promise.race(either);
    slow[1]();
    const answers = await Promise.all(either);
    assert.deepEqual(await Promise.all(answers.map((answer) => answer.text())), ["here", "here"]);
    assert.deepEqual([met.signed.length, met.payments().length], [1, 1]);
  });

  await t.test("F3 an amount that rises once the payment was sent is not signed for", async (t) => {
    let price = 1000;
    const met = await meet(t, (request, response) => demand(response, { ...GOOD, amount: String(price *= 10) }));
    await assert.rejects(met.client.fetch(met.page), refused("refused"));
    assert.deepEqual(met.signed.map(({ value }) => value), [10_000n]);
  });
});

test("a payment is signed once, whatever is answered", AT_ONCE, async (t) => {
  await t.test("F5 an endless 402: one payment for each call, until the budget is spent", async (t) => {
    const met = await meet(t, (request, response) => demand(response), { policy: { max: "$0.10", total: "$0.03" } });
    for (let times = 0; times < 3; times++) await assert.rejects(met.client.fetch(met.page), refused("refused"));
    for (let times = 0; times < 3; times++) await assert.rejects(met.client.fetch(met.page), refused("over-budget-total"));
    assert.deepEqual([met.signed.length, new Set(met.payments().map(({ payment }) => payment)).size], [3, 3]);
    assert.deepEqual(await books(met.client), { spent: "0.03", open: 0 });
  });

  await t.test("F3 a host's budget is for the host on any port, also where the others have none", async (t) => {
    const met = await meet(t, (request, response) => demand(response), { policy: { max: "$0.10", perHost: { "127.0.0.1": "$0.01" } } });
    await assert.rejects(met.client.fetch(met.page), refused("refused"));
    await assert.rejects(met.client.fetch(met.page), refused("over-budget-host"));
    assert.equal(met.signed.length, 1);
  });

  for (const [name, again] of [
    ["the same demand", (response) => demand(response)],
    ["a new demand", (response) => demand(response, { ...GOOD, amount: "90000" }, { error: "please pay again" })],
    ["a refusal in plain words", (response) => demand(response, GOOD, { error: "insufficient_funds" })],
  ]) {
    await t.test(`F7 after an unknown outcome, ${name}: never a second signature`, async (t) => {
      let times = 0;
      const met = await meet(t, (request, response) => {
        if (paymentOf(request) && (times += 1) === 1) return response.writeHead(503).end();
        if (times === 0) return demand(response);
        again(response);
      }, { patience: 3 });
      for (let calls = 0; calls < 3; calls++) await assert.rejects(met.client.fetch(met.page), refused("spent", true));
      assert.deepEqual([met.signed.length, new Set(met.payments().map(({ payment }) => payment)).size, times], [1, 1, 4]);
      assert.deepEqual(await books(met.client), { spent: CENT, open: 1 });
    });
  }

  for (const [name, play, reason] of [
    ["C1 no answer to the payment", () => {}, "unresolved"],
    ["C1 the connection is cut", (response) => response.destroy(), "unresolved"],
    ["C1 a refusal whose body does not end", (response) => response.writeHead(402).write("{"), "unresolved"],
    ["C1 a header that the platform takes no more of", (response) => demand(response, { ...GOOD, x: "x".repeat(12_500) }), "unresolved"],
    ...["99999999999999999999", "4294967296", "4294967297", "-1", "0", "soon", "1e9", "Fri, 31 Dec 9999 23:59:59 GMT"].map((after) => [
      `C1 Retry-After: ${after}`, (response) => response.writeHead(503, { "retry-after": after }).end(), "unresolved",
    ]),
    ["F7 sent elsewhere", (response) => response.writeHead(307, { location: "/elsewhere" }).end(), "moved"],
    ["F7 sent elsewhere, and what was asked for forgotten", (response) => response.writeHead(303, { location: "/elsewhere" }).end(), "moved"],
    ["B1 not here", (response) => response.writeHead(404).end(), "undeliverable"],
    ["B2 used before, it says", (response) => demand(response, GOOD, { error: "invalid_exact_evm_nonce_already_used" }), "spent"],
    ["B2 settled, and not delivered", (response) => demand(response, GOOD, { headers: { "payment-response": encode({ success: true, transaction: `0x${"1".repeat(64)}`, network: GOOD.network }) } }), "spent"],
  ]) {
    await t.test(`${name}: the payment is kept, and is the one that the next call sends`, async (t) => {
      let heals = false;
      const met = await meet(t, (request, response) => {
        if (!paymentOf(request)) return demand(response);
        if (heals) return response.end("here");
        play(response);
      });
      await assert.rejects(met.client.fetch(met.page), refused(reason, true));
      assert.deepEqual(await books(met.client), { spent: CENT, open: 1 });
      heals = true;
      assert.equal(await (await met.client.fetch(met.page)).text(), "here");
      assert.deepEqual([met.signed.length, new Set(met.payments().map(({ payment }) => payment)).size], [1, 1]);
      assert.deepEqual(await books(met.client), { spent: CENT, open: 0 });
      assert.deepEqual([met.asked.some(({ path }) => path !== "/a"), (await met.client.receipts()).length], [false, 1]);
    });
  }

  await t.test("F5 refused, and free after: it counts as spent, for the server has it", async (t) => {
    let free = false;
    const met = await meet(t, (request, response) => (free ? response.end("here") : demand(response)));
    await assert.rejects(met.client.fetch(met.page), refused("refused"));
    free = true;
    const response = await met.client.fetch(met.page);
    assert.deepEqual([await response.text(), met.client.receiptOf(response), met.signed.length], ["here", undefined, 1]);
    assert.deepEqual([await books(met.client), await met.client.receipts()], [{ spent: CENT, open: 0 }, []]);
  });
});

test("a receipt is the server's word, and changes nothing that was signed", AT_ONCE, async (t) => {
  const transaction = `0x${"ab".repeat(32)}`;
  const honest = (payer) => ({ success: true, transaction, network: GOOD.network, payer });
  for (const [name, receipt, told] of [
    ["an honest one", honest, true],
    ["without a payer", () => honest(), true],
    ["another payer", () => honest(STRANGER), false],
    ["another network", (payer) => ({ ...honest(payer), network: "eip155:1" }), false],
    ["no transaction", (payer) => ({ ...honest(payer), transaction: undefined }), false],
    ["a transaction that is none", (payer) => ({ ...honest(payer), transaction: "javascript:alert(1)" }), false],
    ["no success", (payer) => ({ ...honest(payer), success: false }), false],
    ["less taken than was signed for", (payer) => ({ ...honest(payer), amount: "0" }), true],
    ["more taken than was signed for", (payer) => ({ ...honest(payer), amount: "99999999" }), true],
    ["an amount that is none", (payer) => ({ ...honest(payer), amount: "-1" }), true],
    ["garbage", () => "%%", false],
    ["giant", (payer) => ({ ...honest(payer), x: "x".repeat(9_000) }), undefined],
    ["none", () => undefined, false],
  ]) {
    await t.test(name, async (t) => {
      const met = await meet(t, (request, response) => {
        if (!paymentOf(request)) return demand(response);
        const said = receipt(met.address);
        response.writeHead(200, said === undefined ? {} : { "payment-response": typeof said === "string" ? said : encode(said) }).end("here");
      });
      met.address = await met.client.address();
      const response = await met.client.fetch(met.page);
      assert.equal(await response.text(), "here");
      const mine = met.client.receiptOf(response);
      if (told !== undefined) assert.equal(mine.transaction, told ? transaction : undefined);
      assert.deepEqual([mine.amount, mine.decimal, mine.payTo, mine.payer, mine.network], ["10000", CENT, GOOD.payTo, met.address, GOOD.network]);
      assert.deepEqual(await books(met.client), { spent: CENT, open: 0 });
    });
  }

  await t.test("F3 upto: that nothing was taken is the server's word too, and frees no budget", async (t) => {
    const offer = { ...GOOD, scheme: "upto", amount: "100000", extra: { ...GOOD.extra, assetTransferMethod: "permit2", facilitatorAddress: STRANGER } };
    const met = await meet(t, (request, response) => {
      if (!paymentOf(request)) return demand(response, offer);
      response.writeHead(200, { "payment-response": encode({ ...honest(), amount: "0" }) }).end();
    }, { policy: { max: "$0.10", upto: true, total: "$0.20" } });
    for (const page of ["/a", "/b"]) assert.equal(met.client.receiptOf(await met.client.fetch(met.site + page)).amount, "0");
    await assert.rejects(met.client.fetch(`${met.site}/c`), refused("over-budget-total"));
    assert.deepEqual([met.signed.length, await books(met.client)], [2, { spent: "0.20", open: 0 }]);
  });

  await t.test("a receipt with what costs nothing is none", async (t) => {
    const met = await meet(t, (request, response) => response.writeHead(200, { "payment-response": encode(honest()) }).end());
    assert.equal(met.client.receiptOf(await met.client.fetch(met.page)), undefined);
    assert.deepEqual(await met.client.receipts(), []);
    await untouched(met);
  });
});

test("what is for one server goes to no other", AT_ONCE, async (t) => {
  const secrets = { authorization: "Bearer secret", cookie: "session=secret" };
  const shop = (request, response) => (paymentOf(request) ? response.end("here") : demand(response));

  await t.test("F7 sent on to another origin that wants to be paid: it is paid, and sees no secret", async (t) => {
    const other = await stage(t, shop);
    const met = await meet(t, (request, response) => response.writeHead(302, { location: `${other.site}/b` }).end());
    const response = await met.client.fetch(met.page, { headers: secrets });
    assert.equal(await response.text(), "here");
    assert.deepEqual([met.payments().length, other.payments().length, met.signed.length], [0, 1, 1]);
    for (const { headers } of other.asked) assert.deepEqual([headers.authorization, headers.cookie], [undefined, undefined]);
    assert.deepEqual(met.asked.map(({ headers }) => headers.authorization), [secrets.authorization]);
    assert.equal(met.client.receiptOf(response).url, `${other.site}/b`);
  });

  await t.test("F7 an origin that the policy leaves out is not paid by way of one that it has", async (t) => {
    const other = await stage(t, shop);
    const met = await meet(t, (request, response) => response.writeHead(302, { location: `${other.site}/b` }).end());
    const client = createClient({ signer: counting().signer, ...quick, policy: { max: "$0.10", hosts: [new URL(met.site).host] } });
    await assert.rejects(client.fetch(met.page), refused("host-not-allowed"));
    assert.deepEqual(other.payments(), []);
  });

  await t.test("F7 sent on at first, and asked to pay here the next time: each payment goes to who asked for it", async (t) => {
    const other = await stage(t, (request, response) => demand(response, { ...GOOD, payTo: STRANGER }));
    let looks = 0;
    const met = await meet(t, (request, response) => {
      if (paymentOf(request)) return response.end("here");
      if ((looks += 1) <= 2) return response.writeHead(302, { location: `${other.site}/b` }).end();
      demand(response);
    });
    const [first, second] = await Promise.allSettled([1, 2].map(() => met.client.fetch(met.page, { headers: secrets })));
    // which of the two had to wait is not said
    const [lost, got] = first.status === "rejected" ? [first, second] : [second, first];
    refused("refused")(lost.reason);
    assert.equal(await got.value.text(), "here");
    assert.deepEqual([other.payments().length, met.payments().length], [1, 1]);
    assert.deepEqual(met.signed.map(({ to }) => to), [STRANGER, GOOD.payTo]);
    assert.ok(met.asked.every(({ headers }) => headers.authorization === secrets.authorization), "who it is for gets it each time");
    assert.ok(other.asked.every(({ headers }) => headers.authorization === undefined && headers.cookie === undefined));
  });

  await t.test("F7 a request with a body is not paid for where it was sent on to", async (t) => {
    const other = await stage(t, shop);
    const met = await meet(t, (request, response) => response.writeHead(307, { location: `${other.site}/b` }).end());
    await assert.rejects(met.client.fetch(met.page, { method: "POST", body: "order" }), refused("redirected"));
    await untouched(met);
    assert.deepEqual(other.payments(), []);
  });

  await t.test("F7 the paid request is sent on: whoever that is gets no payment", async (t) => {
    const other = await stage(t, shop);
    const met = await meet(t, (request, response) => (paymentOf(request) ? response.writeHead(308, { location: `${other.site}/b` }).end() : demand(response)));
    await assert.rejects(met.client.fetch(met.page, { headers: secrets }), refused("moved", true));
    assert.deepEqual(other.asked, []);
    assert.deepEqual(await books(met.client), { spent: CENT, open: 1 });
  });
});

test("bodies that do not end, and answers that do not come", AT_ONCE, async (t) => {
  const pour = (response) => {
    const on = () => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
      if (!response.destroyed) response.once("drain", on);
    };
    on();
  };

  await t.test("C1 a slow body is what was bought", async (t) => {
    const met = await meet(t, (request, response) => {
      if (!paymentOf(request)) return demand(response);
      let drops = 0;
      const timer = setInterval(() => {
        if ((drops += 1) < 8) return response.write("drop ");
        clearInterval(timer);
        response.end("end");
      }, 100);
    });
    assert.equal(await (await met.client.fetch(met.page)).text(), `${"drop ".repeat(7)}end`);
    assert.deepEqual(await books(met.client), { spent: CENT, open: 0 });
  });

  await t.test("C1 a 402 without end and without an offer", async (t) => {
    const met = await meet(t, (request, response) => pour(response.writeHead(402)), { timeout: 5000 });
    await assert.rejects(met.client.fetch(met.page), refused("offers-too-large"));
    await untouched(met);
  });

  await t.test("C1 a 402 without end and with an offer is one to be paid", async (t) => {
    const met = await meet(t, (request, response) => {
      if (paymentOf(request)) return response.end("here");
      pour(response.writeHead(402, { "payment-required": encode({ x402Version: 2, accepts: [GOOD] }) }));
    }, { timeout: 5000 });
    assert.equal(await (await met.client.fetch(met.page)).text(), "here");
    assert.equal(met.signed.length, 1);
  });

  await t.test("C1 a refusal without end", async (t) => {
    const met = await meet(t, (request, response) => (paymentOf(request) ? pour(response.writeHead(402)) : demand(response)), { timeout: 5000 });
    await assert.rejects(met.client.fetch(met.page), refused("refused"));
    assert.deepEqual(await books(met.client), { spent: CENT, open: 0 });
  });

  for (const [name, play] of [
    ["no answer", () => {}],
    ["a 402 whose body does not come", (response) => { response.writeHead(402, { "payment-required": encode({ x402Version: 2, accepts: [GOOD] }) }); response.flushHeaders(); }],
  ]) {
    await t.test(`C1 ${name} before anything is paid: not waited for longer than the program says`, async (t) => {
      const met = await meet(t, (request, response) => play(response));
      await assert.rejects(met.client.fetch(met.page), late);
      await assert.rejects(met.client.quote(met.page), late);
      await untouched(met);
    });
  }
});

test("a request is given up", AT_ONCE, async (t) => {
  const reason = new Error("no longer wanted");

  await t.test("before it is sent", async (t) => {
    const met = await meet(t, (request, response) => demand(response));
    await assert.rejects(met.client.fetch(met.page, { signal: AbortSignal.abort(reason) }), reason);
    await untouched(met);
    assert.deepEqual(met.asked, []);
  });

  for (const [name, stop] of [
    ["while its owner is asked", (abort) => ({ confirm: () => { abort(); return true; } })],
    ["while it is signed", (abort) => { const { signer } = counting(); return { signer: { ...signer, signTypedData: (data) => { abort(); return signer.signTypedData(data); } } }; }],
  ]) {
    await t.test(`${name}: nothing is sent, kept or set aside, and the next call pays anew`, async (t) => {
      const abort = new AbortController();
      const met = await meet(t, (request, response) => (paymentOf(request) ? response.end("here") : demand(response)), stop(() => abort.abort(reason)));
      await assert.rejects(met.client.fetch(met.page, { signal: abort.signal }), reason);
      await untouched(met);
      assert.equal(await (await met.client.fetch(met.page)).text(), "here");
      assert.deepEqual([met.payments().length, await books(met.client)], [1, { spent: CENT, open: 0 }]);
    });
  }

  for (const [name, play] of [
    ["after it was sent", () => {}],
    ["while an unknown outcome is asked for", (response) => response.writeHead(503, { "retry-after": "9" }).end()],
  ]) {
    await t.test(`F7 ${name}: the payment is kept, and the next call sends that one`, async (t) => {
      const abort = new AbortController();
      let silent = true;
      const met = await meet(t, (request, response) => {
        if (!paymentOf(request)) return demand(response);
        if (!silent) return response.end("here");
        play(response);
        setTimeout(() => abort.abort(reason), 50);
      }, { patience: 60, timeout: 60_000 });
      await assert.rejects(met.client.fetch(met.page, { signal: abort.signal }), reason);
      assert.deepEqual(await books(met.client), { spent: CENT, open: 1 });
      silent = false;
      assert.equal(await (await met.client.fetch(met.page)).text(), "here");
      assert.deepEqual([met.signed.length, new Set(met.payments().map(({ payment }) => nonceOf(payment))).size], [1, 1]);
      assert.deepEqual(await books(met.client), { spent: CENT, open: 0 });
    });
  }

  await t.test("long after it began, when everything that could be thrown away was", async (t) => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc");
    for (const request of [(url, signal) => [url, { signal }], (url, signal) => [new Request(url, { signal })]]) {
      const abort = new AbortController();
      const met = await meet(t, (request, response) => {
        if (!paymentOf(request)) return demand(response);
        collect();
        abort.abort(reason);
      }, { timeout: 5000 });
      await assert.rejects(met.client.fetch(...request(met.page, abort.signal)), reason);
    }
  });

  await t.test("while another call for the same is under way: who waits may go, and the other ends", async (t) => {
    const abort = new AbortController();
    let answer;
    const met = await meet(t, (request, response) => {
      if (!paymentOf(request)) return demand(response);
      answer = () => response.end("here");
      abort.abort(reason);
    }, { timeout: 60_000 });
    const first = met.client.fetch(met.page);
    const second = met.client.fetch(met.page, { signal: abort.signal });
    await assert.rejects(second, reason);
    answer();
    assert.equal(await (await first).text(), "here");
    assert.deepEqual([met.signed.length, await books(met.client)], [1, { spent: CENT, open: 0 }]);
  });
});

test("two clients over one store take turns as one does", async (t) => {
  const { memoryStore } = await import("../../js/dist/client/node.js");
  const sold = new Set();
  const met = await meet(t, (request, response) => {
    if (!paymentOf(request)) return sold.size > 0 ? response.end("here") : demand(response);
    setTimeout(() => { sold.add(nonceOf(paymentOf(request))); response.end("here"); }, 50);
  });
  const store = Object.assign(memoryStore(), { owner: "one program", alive: () => true });
  const wallet = counting();
  const clients = [1, 2].map(() => createClient({ signer: wallet.signer, ...quick, store }));
  const answers = await Promise.all(clients.map((client) => client.fetch(met.page)));
  assert.deepEqual(await Promise.all(answers.map((answer) => answer.text())), ["here", "here"]);
  assert.deepEqual([wallet.signed.length, sold.size], [1, 1]);
});
