// Three hundred articles in one browser (threat E9): the publisher's own cookie survives, requests stay small, and the first article
// still opens without a wallet.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../support/browser.mjs";
import { startParts } from "../support/parts.mjs";
import { page as sold, startShop } from "../support/shop.mjs";

const ARTICLES = 300;
const path = (number) => `/articles/the-story-number-${String(number).padStart(3, "0")}-of-three-hundred`;
const { add, stop } = startParts();
let shop;
let context;
before(async () => {
  shop = await add(startShop({
    routes: [{ match: "/articles/*", price: "$0.01", access: "30d" }], edges: { edge: (network) => [network] },
    origin: {
      "/": (request, response) => {
        response.writeHead(200, { "content-type": "text/html", "set-cookie": "session=of-the-publisher; Path=/; HttpOnly" });
        response.end("<!doctype html><title>Front page</title>");
      },
    },
  }));
  const browser = await launch();
  await add({ stop: () => browser.close() });
  context = await browser.context();
});
after(stop);

const own = (cookies) => cookies.filter(({ name }) => name === "__Secure-farthing");

test("E9 after 300 articles", async (t) => {
  const tab = await context.newPage();
  await tab.goto(`${shop.edge.url}/`);
  const payer = await shop.newPayer({ edge: shop.edge, approve: false, funds: 1_000_000_000n });
  const buy = async (number) => {
    const { headers } = await payer.signTransfer(path(number));
    const url = shop.edge.url + path(number);
    const status = await tab.evaluate(async ({ url, headers }) => (await fetch(url, { headers })).status, { url, headers });
    assert.equal(status, 200, `article ${number}`);
  };
  for (let number = 1; number <= ARTICLES; number += 1) {
    // a payer has a budget of openings in a minute, and nobody reads this fast
    await buy(number).catch(async (error) => {
      if (!/429/.test(error.message)) throw error;
      await new Promise((done) => setTimeout(done, 2000));
      await buy(number);
    });
  }
  const sizeOf = async (request) => (await request.headersArray()).reduce((sum, { name, value }) => sum + name.length + value.length + 4, 0);
  const visit = async (number) => {
    const response = await tab.goto(shop.edge.url + path(number));
    return { status: response.status(), text: await response.text(), size: await sizeOf(response.request()) };
  };

  await t.test("forty passes at most, and the publisher's session", async () => {
    const cookies = await context.cookies(shop.edge.url);
    assert.ok(cookies.some(({ name, value }) => name === "session" && value === "of-the-publisher"));
    const all = await context.cookies();
    assert.ok(own(all).length <= 40, `${own(all).length} passes`);
    assert.ok(own(all).some((cookie) => cookie.path === path(ARTICLES)));
  });

  await t.test("the last and the first open without a wallet, with less than 4 kB of headers", async () => {
    shop.bad.reset();
    for (const number of [ARTICLES, 1, 2, 150]) {
      const { status, text, size } = await visit(number);
      assert.deepEqual([status, text], [200, sold(path(number))], `article ${number}`);
      assert.ok(size < 4096, `${size} bytes of headers`);
    }
    assert.equal((await payer.transfers()).length, ARTICLES, "nothing was paid for twice");
    const all = await context.cookies();
    assert.ok(own(all).length <= 44, `${own(all).length} passes`);
    const old = own(all).find((cookie) => cookie.path === path(1));
    assert.ok(old.expires - Date.now() / 1000 <= 600, "what was brought back for a moment");
  });

  await t.test("what was left out was never sent to the origin, and what is the publisher's was", async () => {
    for (const { headers } of shop.origin.log.slice(-3)) {
      assert.match(headers.cookie, /session=of-the-publisher/);
      assert.doesNotMatch(headers.cookie, /farthing/);
    }
  });
});
