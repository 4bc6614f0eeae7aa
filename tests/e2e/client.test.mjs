// Our own paying client, over client.wasm: it pays our Worker in both generations and the official servers by every scheme, once, and
// signs nothing a second time whatever goes wrong.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { listen } from "../../tools/lib/processes.mjs";
import { startChain } from "../support/chain.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { Stopped, approval, choose, farthingFetch, offers } from "../support/farthing-client.mjs";
import { startHostile } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { MENU, startExpressShop, startHonoShop, wares } from "../support/official-servers.mjs";
import { encode } from "../support/pay.mjs";
import { DOLLAR, PERMIT2, TOKEN } from "../support/places.mjs";
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
      await assert.rejects(pay(paper.site + DOOR), stopped("nothing-payable"));
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

test("official servers are paid", async (t) => {
  const started = [];
  t.after(async () => { for (const part of started.reverse()) await part.stop(); });
  const add = async (promise) => { const part = await promise; started.push(part); return part; };
  const chain = await add(startChain());
  const facilitator = await add(startFacilitator({ rpc: chain.url }));
  const hono = await add(startHonoShop({ facilitator: facilitator.url }));
  const express = await add(startExpressShop({ facilitator: facilitator.url }));
  const policy = {
    max: "$0.10", upto: true, tokens: [{ network: chain.network, asset: DOLLAR, decimals: 18, max: "$0.10", name: "MegaUSD", version: "1" }],
  };
  const someone = async () => {
    const key = generatePrivateKey();
    const account = privateKeyToAccount(key);
    for (const token of [TOKEN, DOLLAR]) await chain.setBalance(account.address, 10n ** 18n, { token });
    await chain.client.setBalance({ address: account.address, value: 10n ** 18n });
    return { key, account };
  };
  /** Approves Permit2 by the transaction that the core names. */
  const approver = ({ key }) => async ({ token, amount }) => {
    const { to, data } = JSON.parse(approval(token, amount));
    const hash = await chain.client.sendTransaction({ account: privateKeyToAccount(key), to, data });
    await chain.client.waitForTransactionReceipt({ hash });
  };

  for (const [path, { asset, amount, charged, method, scheme }] of Object.entries(MENU)) {
    for (const signer of ["a key", "a wallet"]) {
      await t.test(`@x402/hono ${path}: ${scheme} by ${method}, signed by ${signer}`, async () => {
        const payer = await someone();
        const had = await chain.balanceOf(payer.account.address, { token: asset });
        const { pay, signed, payments } = watched({ ...(signer === "a key" ? { key: payer.key } : { account: payer.account }), policy, approve: approver(payer) });
        const response = await pay(hono.url + path);
        assert.equal(response.status, 200);
        assert.equal(await response.text(), wares(path));
        assert.equal(had - await chain.balanceOf(payer.account.address, { token: asset }), charged);
        assert.equal(response.receipt.success, true);
        if (scheme === "upto") assert.equal(response.receipt.amount, String(charged));
        assert.deepEqual([signed.length, payments().length], [1, 1]);
        if (method === "permit2") {
          assert.equal(signed[0].domain.verifyingContract, PERMIT2);
          assert.equal(await chain.allowance(payer.account.address, { token: asset }), scheme === "exact" ? 0n : amount - charged, "approved for this and no more");
        }
      });
    }
  }

  await t.test("x402-express, v1", async () => {
    const { key, account } = await someone();
    const { pay, signed } = watched({ key, policy });
    const had = await chain.balanceOf(account.address);
    const response = await pay(`${express.url}/exact`);
    assert.equal(await response.text(), wares("/exact"));
    assert.equal(had - await chain.balanceOf(account.address), MENU["/exact"].charged);
    assert.equal(response.receipt.network, "base-sepolia");
    assert.equal(signed.length, 1);
  });

  await t.test("a missing approval is told, and the payment kept for after it", async () => {
    const payer = await someone();
    const store = new Map();
    const { pay, signed, payments } = watched({ key: payer.key, policy, store });
    await assert.rejects(pay(`${hono.url}/permit2`), (error) => stopped("approve-permit2")(error) && error.open);
    assert.equal(store.size, 1);
    await approver(payer)({ token: TOKEN, amount: String(MENU["/permit2"].amount) });
    assert.equal(await (await pay(`${hono.url}/permit2`)).text(), wares("/permit2"));
    assert.deepEqual([signed.length, payments().length, store.size], [1, 1, 0]);
  });

  await t.test("payments of at most something are refused unless the policy has them", async () => {
    const { key } = await someone();
    const { pay, signed } = watched({ key, policy: { ...policy, upto: false } });
    await assert.rejects(pay(`${hono.url}/upto`), stopped("nothing-payable"));
    assert.equal(signed.length, 0);
  });

  await t.test("a contract wallet's signature is passed on when it is said to be one", async () => {
    const { key, account: owner } = await someone();
    const { address } = privateKeyToAccount(generatePrivateKey());
    await chain.placeWallet({ address, owner: owner.address });
    await chain.setBalance(address, 10n ** 18n);
    const wallet = { address, signTypedData: owner.signTypedData };
    const strict = watched({ account: wallet, policy });
    await assert.rejects(strict.pay(`${hono.url}/exact`), stopped("signature"));
    assert.deepEqual(strict.payments(), []);
    const { pay } = watched({ account: wallet, contract: true, policy });
    assert.equal(await (await pay(`${hono.url}/exact`)).text(), wares("/exact"));
    assert.ok(key);
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
    await assert.rejects(client.pay(`${site}/a`), stopped(reason));
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
    }, "spent");
    assert.deepEqual([signed.length, payments().length, times], [1, 1, 3]);
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
      const { signed, payments } = await meet((request, response) => demand(response, offer), "nothing-payable");
      assert.deepEqual([signed, payments()], [[], []]);
      const header = encode({ x402Version: 2, accepts: [offer] });
      assert.equal(JSON.parse(choose(JSON.stringify({ max: "$0.10" }), header, "")).reasons[0].reason, reason);
      const [listed] = JSON.parse(offers(header, "")).offers;
      assert.ok(listed.reason === reason || listed.scheme === "exact", "what nobody can pay is listed with the same reason");
    });
  }

  for (const [name, reason, reply] of [
    ["C1 a giant header", "offers-too-large", { "payment-required": encode({ x402Version: 2, accepts: [{ ...good, x: "x".repeat(12_300) }] }) }],
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
});
