// A page that pays with its reader's wallet: createClient({ signer: provider }) in Chromium, before our own Worker on a real chain.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../support/browser.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { installWallet } from "../support/wallet.mjs";
import { LOG, PAWN, PRICES, needles, newReader } from "../e2e/reader.mjs";

const DIST = join(import.meta.dirname, "../../js/dist/client");
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };
const PAGE = `<!doctype html><meta charset="utf-8"><title>Shop</title><script type="module">
  import { createClient } from "/-client/web.js";
  window.client = createClient({ signer: window.ethereum, policy: { max: "$1", total: "$5" } });
  window.want = async (path) => {
    try {
      const response = await client.fetch(path);
      return { status: response.status, text: await response.text(), paid: client.receiptOf(response)?.decimal };
    } catch ({ name, reason, message, open, signed }) {
      return { name, reason, message, open, signed };
    }
  };
</script>`;

let paper;
let chromium;
before(async () => {
  paper = await startNewspaper();
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  await paper?.stop();
});

/** A page of the site's own, with the client beside it and a wallet in the browser. */
async function shop(t, wallet) {
  const reader = await newReader(paper);
  const context = await chromium.context();
  t.after(() => context.close());
  await context.route(`${paper.site}/-client/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === "/-client/") return route.fulfill({ contentType: "text/html", body: PAGE });
    const file = pathname.slice("/-client/".length);
    return route.fulfill({ contentType: TYPES[extname(file)], body: readFileSync(join(DIST, file)) });
  });
  const installed = await installWallet(context, { key: reader.key, rpc: paper.chain.url, injected: true, announced: false, ...wallet });
  const page = await context.newPage();
  page.on("pageerror", (error) => t.diagnostic(`in the page: ${error.stack}`));
  await page.goto(`${paper.site}/-client/`);
  await page.waitForFunction(() => window.want);
  return { reader, wallet: installed, want: (path) => page.evaluate((path) => want(path), path), budget: () => page.evaluate(() => client.budget()) };
}

test("an article is bought with the wallet of the page, and opens again without a question to sign", async (t) => {
  const { reader, wallet, want } = await shop(t);
  const { status, text, paid } = await want(LOG);
  assert.deepEqual([status, paid, text.includes(needles[LOG][0])], [200, "0.1", true]);
  assert.equal((await reader.transfers())[0].value, PRICES[LOG]);
  assert.equal(wallet.requestsOf("eth_signTypedData_v4").length, 1);
  assert.deepEqual((({ status, paid }) => [status, paid])(await want(LOG)), [200, undefined]);
  assert.deepEqual([wallet.requestsOf("eth_signTypedData_v4").length, (await reader.transfers()).length], [1, 1]);
});

test("F6 a wallet on another chain is asked to switch, and signs for the offer's", async (t) => {
  const { reader, wallet, want } = await shop(t, { chainId: 1, chains: [1, 84532] });
  assert.deepEqual((({ status, paid }) => [status, paid])(await want(LOG)), [200, "0.1"]);
  assert.deepEqual(wallet.requestsOf("wallet_switchEthereumChain").map(({ params }) => params), [[{ chainId: "0x14a34" }]]);
  assert.equal(wallet.state.chainId, 84532);
  assert.equal((await reader.transfers()).length, 1);
});

test("who says no in the wallet has paid nothing, set nothing aside, and may say yes the next time", async (t) => {
  for (const plainErrors of [true, false]) {
    const { reader, wallet, want, budget } = await shop(t, { plainErrors, chainId: 1, chains: [1, 84532] });
    for (const method of ["eth_requestAccounts", "wallet_switchEthereumChain", "eth_signTypedData_v4"]) {
      wallet.next(method, "reject");
      const { name, reason, open, signed } = await want(PAWN);
      assert.deepEqual([name, reason, open, signed], ["PaymentError", "declined", false, false], method);
      assert.deepEqual((({ total, open }) => [total.spent, open])(await budget()), ["0.00", 0], method);
    }
    assert.deepEqual(await reader.transfers(), []);
    assert.equal((await want(PAWN)).status, 200);
    assert.equal((await reader.transfers()).length, 1);
  }
});
