// What a facilitator's /verify decides: twins of one payment, what strangers can make it cost, and what its yes does not open.
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { problemOf, sleep } from "../e2e/reader.mjs";
import { farthingFetch } from "../support/farthing-client.mjs";
import { slow } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { nonceFor, settlementIn } from "../support/pay.mjs";
import { page, startShop } from "../support/shop.mjs";

const PRICE = 20_000n;
const [OTHER, HANDLE] = ["eip155:8453", "__Host-farthing"];
let shop;
let naive;
before(async () => {
  shop = await startShop({
    edges: {
      permits: (network) => [{ network, transfer: "permit2" }],
      two: (network) => [network, OTHER],
    },
    routes: [
      { match: "/once/*", price: "$0.02", access: "once" },
      { match: "/page/*", price: "$0.02", description: "A page" },
    ],
    timeoutSeconds: 5,
  });
  naive = await startNaive({ origin: shop.origin.url, facilitator: shop.bad.url, routes: [{ prefix: "/", amount: String(PRICE) }] });
});
after(async () => {
  await naive?.stop();
  await shop?.stop();
});
afterEach(() => shop.reset());

const verifies = () => shop.bad.callsTo("/verify");
/** What the facilitator says of a payment now; `call` is one it has got before. */
const verdictNow = async ({ body }) => {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${shop.facilitator.url}/verify`, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.json();
};

/** Asked before, and answered after, whatever happens meanwhile. */
const late = (ms) => async ({ response, through }) => {
  await sleep(ms);
  const { status, type, text } = await through();
  response.writeHead(status, { "content-type": type });
  response.end(text);
};

test("A1 S3 a twin that is verified after the money moved", async (t) => {
  await t.test("the usual paywall refuses it with 402, as if nothing had been paid", async () => {
    // which of the two is verified first is the machine's to say: where it is the other way round both are served, for one payment
    const race = async () => {
      const payer = await shop.newPayer({ edge: { url: naive.site } });
      const payment = await payer.signTransfer("/once/twin");
      shop.bad.script("/verify", "pass", late(1200));
      const answers = await Promise.all([payer.send("/once/twin", payment), sleep(30).then(() => payer.send("/once/twin", payment))]);
      shop.reset();
      assert.equal((await payer.transfers()).length, 1);
      return answers.map(({ status }) => status).sort().join();
    };
    const seen = [];
    while (seen.length < 4 && !seen.includes("200,402")) seen.push(await race());
    assert.ok(seen.includes("200,402"), seen.join("; "));
  });
  for (const funds of [PRICE, 10_000_000n]) {
    for (const path of ["/once/twin", "/page/twin"]) {
      await t.test(`ours never refuses it (${path}, ${funds === PRICE ? "with the price and no more" : "with money left"})`, async () => {
        const payer = await shop.newPayer({ edge: shop.permits, funds });
        const payment = await payer.sign(path);
        shop.bad.script("/verify", slow(500), late(1500));
        // a single call is over once it has gone out: who asks later than that is told so
        const moments = path.startsWith("/once/") ? [0, 30, 60] : [0, 30, 700];
        const answers = await Promise.all(moments.map((ms) => sleep(ms).then(() => payer.send(path, payment))));
        const statuses = answers.map(({ status }) => status);
        assert.ok(statuses.includes(200), `${statuses}`);
        for (const response of answers) {
          if (response.status === 200) assert.equal(await response.text(), page(path));
          else assert.equal(await problemOf(response), "settlement-pending");
        }
        const [{ transaction }, ...more] = await payer.transfers();
        assert.deepEqual(more, []);
        assert.equal(settlementIn(answers.find(({ status }) => status === 200)).transaction, transaction);
        // one look served all of them; another one by now would have been a refusal
        assert.equal(verifies().length, 1);
        assert.equal((await verdictNow(verifies()[0])).isValid, false);
      });
    }
  }
});

/** `fetch` over a line that is reset 200 ms after the first request that carries a payment; `sent` counts those. */
function brokenLine() {
  const line = async (request, init) => {
    if (!request.headers.has("payment-signature") || line.sent++ > 0) return fetch(request, init);
    return new Promise((resolve, reject) => {
      const early = () => reject(new Error("an answer before the line broke"));
      const outgoing = httpRequest(request.url, { headers: Object.fromEntries(request.headers), agent: false }, early);
      outgoing.once("error", reject);
      outgoing.end();
      setTimeout(() => outgoing.socket.resetAndDestroy(), 200);
    });
  };
  line.sent = 0;
  return line;
}

test("S3 S4 our own client, whose line breaks while its permit is verified, pays once for one call and gets it", async () => {
  const payer = await shop.newPayer({ edge: shop.permits });
  shop.bad.script("/verify", slow(1300), late(1500));
  const line = brokenLine();
  const buy = farthingFetch({ key: payer.key, policy: { max: "$0.10" }, fetch: line });
  const response = await buy(`${shop.permits.url}/once/line`);
  assert.equal(await response.text(), page("/once/line"));
  assert.ok(line.sent > 1);
  assert.deepEqual((await payer.transfers()).map(({ transaction }) => transaction), [response.receipt.transaction]);
  assert.equal(verifies().length, 1);
});

const MOST = 20;
/** Sends payments in batches, and says how many calls they may have cost: the count begins anew with each minute. */
async function flood(payer, path, payments) {
  const minute = () => Math.floor(Date.now() / 60_000);
  const first = minute();
  const answers = [];
  while (payments.length) answers.push(...await Promise.all(payments.splice(0, 15).map((payment) => payer.send(path, payment))));
  return { answers, most: MOST * (minute() - first + 1) };
}

test("B8 payments that nobody can settle cost few /verify calls", async (t) => {
  const path = "/page/flood";
  await t.test("the usual paywall asks for every request", async () => {
    const poor = await shop.newPayer({ edge: { url: naive.site }, approve: false, funds: 0n });
    const payment = await poor.signTransfer(path);
    await flood(poor, path, Array.from({ length: 30 }, () => payment));
    assert.equal(verifies().length, 30);
  });
  await t.test("ours asks once for twins that come together", async () => {
    const poor = await shop.newPayer({ edge: shop.permits, approve: false, funds: 0n });
    const payment = await poor.sign(path);
    shop.bad.always("/verify", slow(1000));
    const answers = await Promise.all(Array.from({ length: 30 }, () => poor.send(path, payment)));
    assert.equal(verifies().length, 1);
    for (const { status } of answers) assert.equal(status, 402);
  });
  await t.test("and at most twenty times a minute for one payer, whatever it signs", async () => {
    const poor = await shop.newPayer({ edge: shop.permits, approve: false, funds: 0n });
    const offer = await poor.offer(path);
    const payments = await Promise.all(Array.from({ length: 75 }, () => poor.sign(path, { offer })));
    const { answers, most } = await flood(poor, path, payments);
    const asked = verifies().length;
    assert.ok(asked >= MOST && asked <= most, `${asked} calls`);
    const tooMany = answers.filter(({ status }) => status === 429);
    assert.equal(tooMany.length, answers.length - asked);
    for (const response of tooMany) {
      assert.match(response.headers.get("retry-after"), /^[1-9]\d?$/);
      assert.equal(response.headers.get("payment-required"), null);
      assert.equal(await problemOf(response), "too-many-requests");
    }
    assert.deepEqual(shop.bad.callsTo("/settle"), []);
    assert.deepEqual(shop.origin.requestsTo(path), []);
    // it is theirs alone
    const payer = await shop.newPayer({ edge: shop.permits });
    assert.equal((await payer.send(path, await payer.sign(path))).status, 200);
  });
  await t.test("also where a stranger signs in somebody's name; who is named pays by its own signature all the same", async () => {
    const payer = await shop.newPayer({ edge: shop.two, approve: false });
    const offer = await payer.offer(path);
    const stranger = generatePrivateKey();
    const forged = await Promise.all(Array.from({ length: 75 }, () =>
      payer.signTransfer(path, { offer, key: stranger, overrides: { authorization: { from: payer.address } } })));
    for (const { signature } of forged) assert.equal(signature.length, 2 + 2 * 65, "no longer than a key's");
    const { answers, most } = await flood(payer, path, forged);
    const asked = verifies().length;
    assert.ok(asked >= MOST && asked <= most, `${asked} calls`);
    for (const response of answers) assert.match(await problemOf(response), /^(signature-invalid|too-many-requests)$/);
    assert.equal((await payer.send(path, await payer.signTransfer(path))).status, 200);
    assert.equal((await payer.transfers()).length, 1);
  });
});

test("S2 A14 a contract at the same address of another chain owns nothing here", async (t) => {
  const path = "/page/owned";
  const owner = await shop.newContractPayer({ edge: shop.two });
  const bought = await owner.send(path, await owner.signTransfer(path));
  assert.equal(await bought.text(), page(path));
  const names = bought.headers.getSetCookie().map((line) => line.split("=")[0]);
  assert.ok(names.length > 0);
  assert.ok(!names.includes(HANDLE), "a handle would stand for the address on every chain");
  const buyer = await shop.newPayer({ edge: shop.two, approve: false });
  const theirs = await buyer.send(path, await buyer.signTransfer(path));
  assert.ok(theirs.headers.getSetCookie().some((line) => line.startsWith(`${HANDLE}=`)), "a key is the same everywhere");

  await t.test("the owner's wallet is served again on its own chain, uncharged", async () => {
    const again = await owner.send(path, await owner.signTransfer(path));
    assert.equal(await again.text(), page(path));
    assert.equal((await owner.transfers()).length, 1);
  });
  await t.test("a stranger's, whom the facilitator believes there, is not", async () => {
    const offer = await owner.offer(path);
    const index = offer.accepts.findIndex(({ network }) => network === OTHER);
    // as the element makes nonces: nothing else needs to be asked about it
    const signature = await privateKeyToAccount(generatePrivateKey()).signMessage({ message: "a wallet of mine" });
    const payment = await owner.signTransfer(path, { index, signature, authorization: { nonce: nonceFor(offer, index) } });
    let asked;
    shop.bad.script("/verify", async ({ response, body }) => {
      asked = JSON.parse(body).paymentRequirements.network;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ isValid: true, payer: owner.address }));
    });
    const response = await owner.send(path, payment);
    assert.equal(asked, OTHER, "it was believed");
    assert.notEqual(response.status, 200);
    assert.deepEqual(response.headers.getSetCookie(), []);
    assert.ok(!(await response.text()).includes(page(path)));
    assert.equal((await owner.transfers()).length, 1);
  });
});

test("S4 who owns a page opens it with another permit, though the purse is empty by now", async () => {
  const path = "/page/purse";
  const payer = await shop.newPayer({ edge: shop.permits, funds: PRICE });
  const first = await payer.send(path, await payer.sign(path));
  assert.equal(await first.text(), page(path));
  assert.equal(await shop.chain.balanceOf(payer.address), 0n);
  const second = await payer.send(path, await payer.sign(path));
  assert.equal(await second.text(), page(path));
  assert.deepEqual(settlementIn(second), settlementIn(first));
  assert.equal((await payer.transfers()).length, 1);
  // a page not owned: the facilitator would have refused
  const refused = await payer.send("/page/dear", await payer.sign("/page/dear"));
  assert.equal(refused.status, 402);
  assert.equal(await problemOf(refused), "insufficient-funds");
});
