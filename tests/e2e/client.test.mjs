// What our own paying client, over client.wasm, promises whoever it pays for: the policy holds, one authorization for what is wanted, the
// same again until it is resolved, also after the program has ended, and nothing for servers that play tricks. Whom it pays and how is
// in the matrix (tests/conformance).
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { listen } from "../../tools/lib/processes.mjs";
import { startChain } from "../support/chain.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { Stopped, choose, farthingFetch, offers } from "../support/farthing-client.mjs";
import { startHostile } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { MENU, startHonoShop, wares } from "../support/official-servers.mjs";
import { encode } from "../support/pay.mjs";
import { DOLLAR, TOKEN } from "../support/places.mjs";
import { DATA, DOOR, LOG, PAWN, PRICES, assertArticle, impatient, naiveRoutes, newReader } from "./reader.mjs";

/** What a client has signed and sent, for the tests to count. */
function watched(options) {
  const signed = [];
  const sent = [];
  const pay = farthingFetch({
    ...options,
    seen: (event) => (event.signed ? signed.push(event.signed) : sent.push(event)),
  });
  return { pay, signed, sent, payments: () => [...new Set(sent.map(({ payment }) => payment).filter(Boolean))] };
}

const stopped = (reason) => (error) => error instanceof Stopped && error.reason === reason;

test("our Worker is paid", async (t) => {
  const paper = await startNewspaper({ hostile: true, change: impatient() });
  t.after(() => paper.stop());

  await t.test("an article opens, exactly the price moves, and the receipt names the transfer", async () => {
    const reader = await newReader(paper);
    const { pay, signed, sent } = watched({ key: reader.key, policy: { max: "$1" } });
    const response = await pay(paper.site + LOG);
    await assertArticle(response, LOG);
    const [transfer, ...others] = await reader.transfers();
    assert.deepEqual(others, []);
    assert.equal(transfer.value, PRICES[LOG]);
    assert.equal(response.receipt.transaction, transfer.transaction);
    assert.equal(signed.length, 1);
    assert.equal(signed[0].domain.chainId, 84532);
    assert.deepEqual(sent.map(({ payment }) => Boolean(payment)), [false, true]);
  });

  await t.test("v1: the body's offer is paid when the header is lost on the way", async () => {
    const reader = await newReader(paper);
    const old = async (...request) => {
      const response = await fetch(...request);
      if (response.status !== 402) return response;
      const headers = new Headers(response.headers);
      headers.delete("payment-required");
      return new Response(response.body, { status: 402, headers });
    };
    const seen = [];
    const pay = farthingFetch({ key: reader.key, policy: { max: "$1" }, fetch: async (request, init) => {
      seen.push(request.headers.get("x-payment"));
      return old(request, init);
    } });
    await assertArticle(await pay(paper.site + PAWN), PAWN);
    assert.ok(seen.at(-1));
    assert.equal((await reader.transfers()).length, 1);
  });

  await t.test("single calls are charged one by one, also when they are made at once", async () => {
    const reader = await newReader(paper);
    const { pay, payments } = watched({ key: reader.key, policy: { max: "$1" } });
    const answers = await Promise.all([1, 2, 3].map(() => pay(paper.site + DATA)));
    const transactions = new Set(answers.map(({ receipt }) => receipt.transaction));
    assert.deepEqual([transactions.size, payments().length, (await reader.transfers()).length], [3, 3, 3]);
  });

  await t.test("F3 what is over the limit or for somebody else is neither signed nor sent", async () => {
    const reader = await newReader(paper);
    const before = paper.badFacilitator.calls.length;
    for (const policy of [
      { max: "$0.000001" }, { max: "$1", payees: [reader.address] }, { max: "$1", networks: ["eip155:8453"] }, { max: "$1", transfers: ["permit2"] },
    ]) {
      const { pay, signed, sent } = watched({ key: reader.key, policy });
      await assert.rejects(pay(paper.site + DOOR), stopped(policy.max === "$1" ? "nothing-payable" : "too-dear"));
      assert.deepEqual([signed.length, sent.filter(({ payment }) => payment).length], [0, 0]);
    }
    assert.equal(paper.badFacilitator.calls.length, before);
    assert.throws(() => farthingFetch({ key: reader.key, policy: {} }), /max/);
  });

  for (const mode of ["die", "hang-after-settle", "500-after-settle"]) {
    await t.test(`B1 facilitator: ${mode}: asked again with the same payment until the article opens, charged once`, async () => {
      const reader = await newReader(paper);
      paper.badFacilitator.script("/settle", mode);
      const { pay, signed, payments } = watched({ key: reader.key, policy: { max: "$1" } });
      const response = await pay(paper.site + DOOR);
      await assertArticle(response, DOOR);
      assert.deepEqual([signed.length, payments().length, (await reader.transfers()).length], [1, 1, 1]);
      paper.badFacilitator.reset();
    });
  }

  await t.test("F7 a program that ends in between takes the payment up again, and signs nothing", async () => {
    const reader = await newReader(paper);
    const store = new Map();
    paper.badFacilitator.script("/settle", "hang-after-settle");
    const first = watched({ key: reader.key, policy: { max: "$1" }, store, patience: 1, fetch: async (request, init) => {
      const response = await fetch(request, init);
      // the program hears nothing any more
      if (request.headers.has("payment-signature")) throw new TypeError("gone");
      return response;
    } });
    await assert.rejects(first.pay(paper.site + DOOR), (error) => stopped("unresolved")(error) && error.open);
    assert.equal(store.size, 1);
    paper.badFacilitator.reset();
    const later = watched({ key: reader.key, policy: { max: "$1" }, store });
    await assertArticle(await later.pay(paper.site + DOOR), DOOR);
    assert.deepEqual(later.payments(), first.payments());
    assert.deepEqual([later.signed.length, store.size, (await reader.transfers()).length], [0, 0, 1]);
  });

  await t.test("an empty purse is told, and a new payment may be signed after", async () => {
    const reader = await newReader(paper, { funds: 0n });
    const { pay, signed } = watched({ key: reader.key, policy: { max: "$1" } });
    await assert.rejects(pay(paper.site + DOOR), (error) => stopped("refused")(error) && /insufficient/.test(error.code) && !error.open);
    await paper.chain.setBalance(reader.address, 10_000_000n);
    await assertArticle(await pay(paper.site + DOOR), DOOR);
    assert.deepEqual([signed.length, (await reader.transfers()).length], [2, 1]);
  });

  await t.test("B2 a shop that settled, failed and then wants the money again does not get it", async () => {
    const naive = await startNaive({ origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes });
    try {
      const reader = await newReader(paper);
      paper.badFacilitator.script("/settle", "die-after-settle");
      const { pay, signed, payments } = watched({ key: reader.key, policy: { max: "$1" } });
      for (let times = 0; times < 3; times++) {
        await assert.rejects(pay(naive.site + DOOR), (error) => stopped("spent")(error) && error.open);
      }
      assert.deepEqual([signed.length, payments().length, (await reader.transfers()).length], [1, 1, 1]);
    } finally {
      await naive.stop();
    }
  });
});

test("payments by Permit2, and by a wallet", async (t) => {
  const started = [];
  t.after(async () => { for (const part of started.reverse()) await part.stop(); });
  const add = async (promise) => { const part = await promise; started.push(part); return part; };
  const chain = await add(startChain());
  const facilitator = await add(startFacilitator({ rpc: chain.url }));
  const hono = await add(startHonoShop({ facilitator: facilitator.url }));
  const policy = { max: "$0.10", upto: true };
  const someone = async () => {
    const key = generatePrivateKey();
    const account = privateKeyToAccount(key);
    await chain.setBalance(account.address, 1_000_000n);
    return { key, account, approve: (approval) => chain.sendCall(key, approval) };
  };

  for (const path of ["/exact", "/permit2", "/upto"]) {
    await t.test(`what a wallet signs for ${path} is what a key signs`, async () => {
      const { account, approve } = await someone();
      const { pay, signed, payments } = watched({ account, policy, approve });
      assert.equal(await (await pay(hono.url + path)).text(), wares(path));
      assert.equal(await chain.balanceOf(account.address), 1_000_000n - MENU[path].charged);
      assert.deepEqual([signed.length, payments().length], [1, 1]);
    });
  }

  await t.test("a missing approval is told, and the payment kept for after it", async () => {
    const { key, approve } = await someone();
    const store = new Map();
    const { pay, signed, payments } = watched({ key, policy, store });
    let needed;
    const asking = watched({ key, policy, store, approve: async (approval) => { needed = approval; throw new Error("not now"); } });
    await assert.rejects(asking.pay(`${hono.url}/permit2`), /not now/);
    await assert.rejects(pay(`${hono.url}/permit2`), (error) => stopped("approve-permit2")(error) && error.open);
    assert.equal(store.size, 1);
    await approve(needed);
    assert.equal(await (await pay(`${hono.url}/permit2`)).text(), wares("/permit2"));
    assert.deepEqual([asking.signed.length, signed.length, store.size], [1, 0, 0]);
    assert.deepEqual(payments(), asking.payments());
  });

  await t.test("F3 payments of at most something are refused unless the policy has them", async () => {
    const { key } = await someone();
    const { pay, signed } = watched({ key, policy: { max: "$0.10" } });
    await assert.rejects(pay(`${hono.url}/upto`), stopped("nothing-payable"));
    assert.equal(signed.length, 0);
  });
});

test("hostile servers get nothing signed, or one payment", async (t) => {
  const key = generatePrivateKey();
  const good = {
    scheme: "exact", network: "eip155:84532", amount: "1000", asset: TOKEN, payTo: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    maxTimeoutSeconds: 300, extra: { name: "USDC", version: "2" },
  };
  let answer;
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    answer(request, response);
  });
  const site = `http://127.0.0.1:${await listen(server)}`;
  t.after(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
  const demand = (response, ...accepts) => {
    response.writeHead(402, { "payment-required": encode({ x402Version: 2, error: "", resource: { url: site }, accepts }) });
    response.end("{}");
  };
  const meet = async (server, reason, options = {}) => {
    answer = server;
    asked = 0;
    const client = watched({ key, policy: { max: "$0.10" }, patience: 3, timeout: 500, ...options });
    await assert.rejects(client.pay(`${site}/a`), typeof reason === "string" ? stopped(reason) : reason);
    return client;
  };

  await t.test("F5 an endless 402 gets one payment", async () => {
    const { signed, payments } = await meet((request, response) => demand(response, good), "refused");
    assert.deepEqual([signed.length, payments().length, asked], [1, 1, 2]);
  });

  await t.test("F3 a price that rises after the first answer is not signed for", async () => {
    let price = 1000;
    const { signed } = await meet((request, response) => demand(response, { ...good, amount: String(price *= 10) }), "refused");
    assert.deepEqual(signed.map(({ message }) => message.value), ["10000"]);
  });

  await t.test("F7 a server that takes the payment and falls silent, then wants another, gets the same again and no more", async () => {
    let times = 0;
    const { signed, payments } = await meet((request, response) => {
      if (!request.headers["payment-signature"] || (times += 1) > 2) return demand(response, good);
      if (times === 2) response.writeHead(500).end();
    }, "spent", { patience: 9 });
    assert.deepEqual([signed.length, payments().length, times], [1, 1, 3]);
  });

  await t.test("F2 a signature that is not the payer's is not sent", async () => {
    const { address } = privateKeyToAccount(generatePrivateKey());
    const { signTypedData } = privateKeyToAccount(key);
    const options = { key: undefined, account: { address, signTypedData } };
    const { signed, payments } = await meet((request, response) => demand(response, good), "signature", options);
    assert.deepEqual([signed.length, payments().length, asked], [1, 0, 1]);
    // a contract's signature is for others to judge
    const { sent } = await meet((request, response) => demand(response, good), "refused", { ...options, contract: true });
    assert.ok(sent.at(-1).payment);
  });

  await t.test("F7 a kept payment goes to the server that asked for it, not to the one that led there", async () => {
    const store = new Map();
    const paid = [];
    let silent = true;
    const lead = (request, response) => {
      if (request.headers["payment-signature"]) paid.push(request.url);
      if (request.url === "/a") return response.writeHead(302, { location: "/b" }).end();
      if (!request.headers["payment-signature"]) return demand(response, good);
      response.writeHead(silent ? 503 : 200).end("here");
    };
    await meet(lead, "unresolved", { store, patience: 1 });
    silent = false;
    const { pay, signed } = watched({ key, store });
    assert.equal(await (await pay(`${site}/a`)).text(), "here");
    assert.deepEqual([signed.length, store.size, ...new Set(paid)], [0, 0, "/b"]);
  });

  await t.test("a payment does not follow a redirect", async () => {
    const { sent } = await meet((request, response) => {
      if (!request.headers["payment-signature"]) return demand(response, good);
      response.writeHead(307, { location: `${site}/elsewhere` });
      response.end();
    }, "moved");
    assert.ok(sent.every(({ sent }) => !sent.includes("elsewhere")));
    assert.equal(asked, 2);
  });

  for (const [name, offer, reason] of [
    ["A5 another token name", { ...good, extra: { name: "USD Coin", version: "2" } }, "domain-mismatch"],
    ["A6 a token nobody knows", { ...good, asset: DOLLAR, extra: { name: "USDC", version: "2", decimals: 6 } }, "token-not-allowed"],
    ["A6 an amount with a point", { ...good, amount: "0.01" }, "malformed"],
    ["A6 an amount as a number", { ...good, amount: 1000 }, "malformed"],
    ["an escrow", { ...good, extra: { ...good.extra, paymentFlow: "escrow" } }, "unknown-flow"],
    ["a delegation", { ...good, extra: { ...good.extra, assetTransferMethod: "erc7710" } }, "unknown-transfer"],
    ["Solana", { ...good, network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" }, "unknown-network"],
    ["another scheme", { ...good, scheme: "batch-settlement" }, "unknown-scheme"],
    ["too dear", { ...good, amount: "100001" }, "too-dear"],
  ]) {
    await t.test(`${name} is refused, and told`, async () => {
      const { signed, payments } = await meet((request, response) => demand(response, offer), reason === "too-dear" ? reason : "nothing-payable");
      assert.deepEqual([signed, payments()], [[], []]);
      const header = encode({ x402Version: 2, accepts: [offer] });
      assert.equal(JSON.parse(choose(JSON.stringify({ max: "$0.10" }), header, "")).reasons[0].reason, reason);
      const [listed] = JSON.parse(offers(header, "")).offers;
      assert.ok(listed.reason === reason || listed.scheme === "exact", "what nobody can pay is listed with the same reason");
    });
  }

  for (const [name, reason, reply] of [
    ["C1 more offers than anybody makes", "offers-too-large", { "payment-required": encode({ x402Version: 2, accepts: Array(33).fill({}) }) }],
    ["C4 an offer twice in one", "offers-not-json", { "payment-required": encode(`{"x402Version":2,"accepts":[],"accepts":[${JSON.stringify(good)}]}`) }],
    ["a header of another version", "unsupported-x402-version", { "payment-required": encode({ x402Version: 3, accepts: [good] }) }],
    ["no offer at all", "no-offers", {}],
    ["A7 a clock a day ahead", "clock", { date: new Date(Date.now() + 86_400_000).toUTCString(), "payment-required": encode({ x402Version: 2, accepts: [good] }) }],
  ]) {
    await t.test(`${name} is refused with an error of its own`, async () => {
      const { signed, payments } = await meet((request, response) => {
        response.sendDate = !reply.date;
        response.writeHead(402, reply);
        response.end();
      }, reason);
      assert.deepEqual([signed, payments(), asked], [[], [], 1]);
    });
  }

  await t.test("C1 a header that the platform takes no more of is no answer: before the payment an error, after it the same payment again", async () => {
    const giant = encode({ x402Version: 2, accepts: [{ ...good, x: "x".repeat(12_300) }] });
    const flood = (request, response) => { response.writeHead(402, { "payment-required": giant }).end(); };
    const before = await meet(flood, /fetch failed/);
    assert.deepEqual([before.signed, before.payments(), asked], [[], [], 1]);
    const { signed, payments } = await meet((request, response) => {
      if (!request.headers["payment-signature"]) return demand(response, good);
      flood(request, response);
    }, "unresolved", { patience: 2 });
    assert.deepEqual([signed.length, payments().length], [1, 1]);
    assert.ok(asked > 2);
  });

  await t.test("C1 a body without end is read as far as it could matter", async () => {
    let sent = 0;
    const begin = performance.now();
    const { signed } = await meet((request, response) => {
      response.writeHead(402, { "content-type": "application/json" });
      const pour = () => {
        while (!response.destroyed && response.write("x".repeat(65_536))) sent += 65_536;
        response.once("drain", pour);
      };
      pour();
      request.socket.once("close", () => response.off("drain", pour));
    }, "offers-too-large", { timeout: 10_000 });
    assert.ok(performance.now() - begin < 8_000);
    assert.deepEqual([signed, asked], [[], 1]);
    assert.ok(sent < 16_000_000, `${sent}`);
  });
});
