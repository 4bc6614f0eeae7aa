// Every situation that a reader can be in, as the table of journeys has them: real workerd, chain and facilitator, and two wallets: a plain
// provider, and the one that MetaMask puts into pages.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import jsqr from "jsqr";
import { privateKeyToAccount, generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { button, cancel, card, message, says, startReader, visit } from "../browser/reader.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { installWallet } from "../support/wallet.mjs";
import { DOOR, LOG, PAWN, impatient, needles } from "./reader.mjs";

let paper;
let reader;
before(async () => {
  [paper, reader] = await Promise.all([
    startNewspaper({
      hostile: true,
      change: (config) => ({
        ...impatient(3)(config), demo: undefined, cors: "*",
        offers: { day: { title: "A day of everything", covers: "site", for: "24h", price: "$0.50" }, ten: { title: "Ten articles", count: 10, for: "30d", price: "$0.40" } },
      }),
    }),
    startReader(),
  ]);
});
after(async () => { await reader?.stop(); await paper?.stop(); });
afterEach(() => assert.deepEqual(reader.faults.splice(0), [], "no script error"));

const KINDS = { "a plain provider": {}, "MetaMask's own provider": { metamask: true } };

/** Somebody new, with a wallet of one kind and `funds` in it. */
async function somebody(kind, { funds = 1_000_000n, context = {}, key = generatePrivateKey(), ...options } = {}) {
  await paper.chain.setBalance(privateKeyToAddress(key), funds);
  let wallet;
  const profile = await reader.profile(context, async (into) => {
    wallet = await installWallet(into, { key, rpc: paper.chain.url, chainId: paper.chain.chainId, ...kind, ...options });
  });
  const address = privateKeyToAddress(key);
  const transfers = async () => (await paper.chain.transfersTo()).filter(({ from }) => from === address).length;
  return Object.assign(profile, { wallet, key, transfers });
}

const opened = (page, path) => page.waitForFunction((needle) => document.body?.textContent.includes(needle), needles[path][0], { timeout: 20_000 });
const asked = ({ wallet }, method) => wallet.requestsOf(method).length;

/** Presses the button once more than half a second after it came to say this. */
async function press(page) {
  await page.waitForTimeout(700);
  await button(page).click();
}

for (const [name, kind] of Object.entries(KINDS)) {
  test(`first view, then paid (${name}): the price in words and money, one signature, one transfer, no request to anybody else`, async () => {
    const me = await somebody(kind);
    const page = await visit(me, paper.site + LOG);
    assert.equal(await button(page).innerText(), "Pay $0.10");
    for (const text of ["in USDC on Base Sepolia", "One payment, no account.", "Already paid?", "What is this?", "What you will sign"]) {
      await card(page).getByText(text).waitFor();
    }
    await button(page).click();
    await opened(page, LOG);
    assert.equal(asked(me, "eth_signTypedData_v4"), 1);
    assert.equal(await me.transfers(), 1);
    assert.deepEqual([...me.hosts].filter(Boolean), [new URL(paper.site).host]);
    await page.reload();
    await opened(page, LOG);
    await me.close();
  });

  test(`rejected (${name}): nothing was charged, and trying again pays`, async () => {
    const me = await somebody(kind);
    me.wallet.next("eth_signTypedData_v4", "reject");
    const page = await visit(me, paper.site + DOOR);
    await button(page).click();
    await says(page, "You cancelled. Nothing was charged.");
    assert.equal(await me.transfers(), 0);
    await press(page);
    await opened(page, DOOR);
    assert.equal(await me.transfers(), 1);
    await me.close();
  });

  for (const [what, method, behaviour, text] of [
    ["a request is open already", "eth_requestAccounts", "busy", "Your wallet has a question open already. Answer it there, then try again."],
    ["an account that is not let in", "eth_requestAccounts", "locked", "Choose an account in your wallet"],
    ["a method that the wallet does not have", "eth_signTypedData_v4", "unsupported", "This wallet cannot pay here yet. Nothing was charged."],
    ["a contract wallet", "eth_signTypedData_v4", { result: `0x${"ab".repeat(200)}` }, "This wallet cannot pay here yet. Nothing was charged."],
  ]) {
    test(`${what} (${name}): said in words, and the next try pays`, async () => {
      const me = await somebody(kind);
      me.wallet.next(method, behaviour);
      const page = await visit(me, paper.site + PAWN);
      await button(page).click();
      await says(page, text);
      assert.equal(await me.transfers(), 0);
      await press(page);
      await opened(page, PAWN);
      await me.close();
    });
  }

  test(`the wallet is silent (${name}): "Open it to continue", and cancelling is possible`, async () => {
    const me = await somebody(kind);
    me.wallet.next("eth_signTypedData_v4", { delay: 9500 });
    const page = await visit(me, paper.site + PAWN);
    await button(page).click();
    await says(page, "Your wallet is waiting. Open it to continue.");
    await cancel(page).click();
    await says(page, "One payment, no account.");
    await page.waitForTimeout(2500);
    assert.equal(await me.transfers(), 0);
    await me.close();
  });

  test(`the wrong network (${name}): one tap switches, and adds what the wallet does not know`, async () => {
    const me = await somebody(kind, { chainId: 1, chains: [1] });
    const page = await visit(me, paper.site + PAWN);
    await button(page).click();
    await opened(page, PAWN);
    const [added] = me.wallet.requestsOf("wallet_addEthereumChain");
    assert.equal(added.params[0].chainId, "0x14a34");
    await me.close();
  });

  test(`refusing to switch (${name}): the network is named`, async () => {
    const me = await somebody(kind, { chainId: 1, chains: [1, 84532] });
    me.wallet.next("wallet_switchEthereumChain", "internal");
    const page = await visit(me, paper.site + PAWN);
    await button(page).click();
    await says(page, "Switch your wallet to Base Sepolia, then try again.");
    await press(page);
    await opened(page, PAWN);
    await me.close();
  });

  test(`low balance (${name}): what is needed, what is there, where to get it, and no signature`, async () => {
    const me = await somebody(kind, { funds: 40_000n });
    const page = await visit(me, paper.site + LOG);
    await button(page).click();
    await says(page, "You need $0.10 USDC on Base Sepolia, you have $0.04 USDC. Nothing was charged.");
    assert.match(await card(page).getByRole("link", { name: "How to get USDC" }).getAttribute("href"), /^https:\/\//);
    assert.equal(asked(me, "eth_signTypedData_v4"), 0);
    await paper.chain.setBalance(privateKeyToAddress(me.key), 1_000_000n);
    await press(page);
    await opened(page, LOG);
    await me.close();
  });

  test(`settling, slow and left (${name}): never charged twice, and the next visit opens the article by itself`, async () => {
    const me = await somebody(kind);
    paper.badFacilitator.script("/settle", "hang-after-settle");
    paper.badRpc.always("*", "hang");
    try {
      const page = await visit(me, paper.site + DOOR);
      await button(page).click();
      await says(page, "Your payment is being confirmed. You can leave; you will not be charged twice.");
      await page.close();
    } finally {
      paper.badRpc.reset();
    }
    const again = await me.newPage();
    await again.goto(paper.site + DOOR);
    await opened(again, DOOR);
    assert.equal(asked(me, "eth_signTypedData_v4"), 1);
    assert.equal(await me.transfers(), 1);
    await me.close();
  });

  test(`paid, and the answer was lost on its way (${name}): the same payment is sent again by itself`, async () => {
    const me = await somebody(kind);
    const page = await visit(me, paper.site + DOOR);
    let lost = 0;
    await page.route(paper.site + DOOR, async (route) => {
      if (!route.request().headers()["payment-signature"] || lost > 0) return route.continue();
      lost += 1;
      await route.fetch();
      return route.abort("connectionreset");
    });
    await button(page).click();
    await says(page, "No connection. Your payment is kept; you will not be charged twice.");
    await opened(page, DOOR);
    assert.deepEqual([lost, asked(me, "eth_signTypedData_v4"), await me.transfers()], [1, 1, 1]);
    await me.close();
  });

  test(`restored (${name}): another device opens it with one free signature, and a stranger's does not`, async () => {
    const me = await somebody(kind);
    const page = await visit(me, paper.site + PAWN);
    await button(page).click();
    await opened(page, PAWN);
    await me.close();
    const device = await somebody(kind, { key: me.key });
    const there = await visit(device, paper.site + PAWN);
    await card(there).getByRole("button", { name: "Already paid?" }).click();
    await opened(there, PAWN);
    assert.deepEqual([asked(device, "personal_sign"), asked(device, "eth_signTypedData_v4"), await device.transfers()], [1, 0, 1]);
    await device.close();
    const stranger = await somebody(kind);
    const other = await visit(stranger, paper.site + PAWN);
    await card(other).getByRole("button", { name: "Already paid?" }).click();
    await says(other, "This account has not paid for this page. Choose the account that did, or pay.");
    await press(other);
    await opened(other, PAWN);
    await stranger.close();
  });

  test(`another offer (${name}): a day of everything is chosen, paid once, and opens the next article too`, async () => {
    const me = await somebody(kind);
    const page = await visit(me, paper.site + DOOR);
    await button(page).hover();
    await card(page).getByText("Other ways to pay").click();
    await card(page).getByRole("radio", { name: /A day of everything/ }).check();
    await card(page).getByRole("button", { name: "Pay $0.50" }).waitFor();
    await page.waitForTimeout(700);
    await button(page).click();
    await opened(page, DOOR);
    await page.goto(paper.site + PAWN);
    await opened(page, PAWN);
    assert.equal(await me.transfers(), 1);
    const [{ params }] = me.wallet.requestsOf("eth_signTypedData_v4");
    assert.equal(JSON.parse(params[1]).message.value, "500000");
    await me.close();
  });
}

test("no wallet on a desk: what one is, and a code that a phone reads as the page's address", async () => {
  const profile = await reader.profile({ deviceScaleFactor: 2 });
  const page = await visit(profile, paper.site + DOOR);
  await button(page).click();
  await says(page, "You need a wallet to pay here.");
  await card(page).getByRole("link", { name: "How to get a wallet" }).waitFor();
  const drawing = card(page).getByRole("img", { name: "Code with this page’s address" });
  const png = await drawing.screenshot();
  const pixels = await page.evaluate(async (base64) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return { width: image.width, height: image.height, data: [...context.getImageData(0, 0, image.width, image.height).data] };
  }, png.toString("base64")).catch(() => undefined);
  const read = pixels ?? await decodePng(png);
  assert.equal(jsqr(Uint8ClampedArray.from(read.data), read.width, read.height).data, paper.site + DOOR);
  await profile.close();
});

/** The page's policy lets no picture be read in it: another page does that. */
async function decodePng(png) {
  const profile = await reader.profile();
  try {
    const page = await profile.newPage();
    return await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
      context.drawImage(image, 0, 0);
      return { width: image.width, height: image.height, data: [...context.getImageData(0, 0, image.width, image.height).data] };
    }, png.toString("base64"));
  } finally {
    await profile.close();
  }
}

test("no wallet on a phone: the wallets that open this very page", async () => {
  const profile = await reader.profile({ phone: true, userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1" });
  const page = await visit(profile, paper.site + DOOR);
  await button(page).tap();
  await says(page, "Open this page in your wallet to pay.");
  const links = await card(page).getByRole("link", { name: /^Open in / }).evaluateAll((all) => all.map((link) => [link.textContent, link.href]));
  const [url, bare] = [encodeURIComponent(paper.site + DOOR), (paper.site + DOOR).replace("http://", "")];
  assert.deepEqual(links, [
    ["Open in MetaMask", `https://link.metamask.io/dapp/${bare}`],
    ["Open in Base", `https://go.cb-w.com/dapp?cb_url=${url}`],
    ["Open in Trust Wallet", `https://link.trustwallet.com/open_url?coin_id=60&url=${url}`],
    ["Open in Phantom", `https://phantom.app/ul/browse/${url}?ref=${encodeURIComponent(paper.site)}`],
  ]);
  await profile.close();
});

test("several wallets: a list of both kinds, chosen by keyboard, the last used first the next time", async () => {
  const key = generatePrivateKey();
  await paper.chain.setBalance(privateKeyToAddress(key), 1_000_000n);
  const wallets = [];
  const options = { key, rpc: paper.chain.url, chainId: paper.chain.chainId };
  const profile = await reader.profile({},
    async (into) => wallets.push(await installWallet(into, { ...options, name: "Plain", rdns: "test.plain" })),
    async (into) => wallets.push(await installWallet(into, { ...options, name: "Foxy", rdns: "io.metamask", metamask: true })));
  const page = await visit(profile, paper.site + DOOR);
  await button(page).focus();
  await page.keyboard.press("Enter");
  await card(page).getByRole("radio", { name: /Plain/ }).waitFor();
  await card(page).getByRole("radio", { name: /Foxy/ }).focus();
  await page.keyboard.press("Space");
  await page.waitForTimeout(700);
  await button(page).press("Enter");
  await opened(page, DOOR);
  assert.deepEqual(wallets.map((wallet) => wallet.requestsOf("eth_signTypedData_v4").length), [0, 1]);
  await page.goto(paper.site + PAWN);
  await button(page).click();
  // the other ways to pay are a list as well, and may come first
  await card(page).getByRole("radio", { name: /Foxy/ }).waitFor();
  assert.match(await card(page).locator("#body label").first().innerText(), /Foxy/);
  await profile.close();
});

test("what will be signed is said before the wallet opens: how much, to whom, where, and that the wallet may warn", async () => {
  const me = await somebody({});
  const page = await visit(me, paper.site + DOOR);
  await card(page).getByText("What you will sign").click();
  for (const text of ["$0.05 (0.05 USDC)", paper.payTo, "Base Sepolia", "Your wallet may warn you of a site it does not know."]) {
    await card(page).getByText(text).first().waitFor();
  }
  assert.equal(me.wallet.requests.length, 0);
  await me.close();
});

test("the price has changed: old and new are shown, and nothing is signed before it is agreed to", async () => {
  const me = await somebody({});
  await me.route(`${paper.site}/free/list`, (route) => route.fulfill({
    contentType: "text/html", body: `<!doctype html><title>List</title><script type="module" src="/.farthing/farthing.js"></script><farthing-paywall src="${DOOR}" price="$0.03"></farthing-paywall>`,
  }));
  const page = await visit(me, `${paper.site}/free/list`);
  await button(page).click();
  await says(page, "The price has changed from $0.03 to $0.05. Nothing was charged.");
  assert.equal(asked(me, "eth_signTypedData_v4"), 0);
  await press(page);
  await opened(page, DOOR);
  assert.equal(await me.transfers(), 1);
  await me.close();
});

test("offline, or a script that does not come: a card that says so and leads on", async () => {
  const me = await somebody({});
  const page = await me.newPage();
  await page.route("**/pay.js", (route) => route.abort());
  await page.goto(paper.site + DOOR);
  // said when somebody comes near; a press that is quicker reloads already
  await button(page).hover();
  await says(page, "The payment box could not be loaded. Reload the page; you will not be charged twice.");
  assert.equal(await button(page).innerText(), "Reload the page");
  await page.unroute("**/pay.js");
  await press(page);
  await page.waitForLoadState();
  await says(page, "One payment, no account.");
  await button(page).click();
  await opened(page, DOOR);
  await me.close();
});

test("a clock that is wrong by an hour is corrected without a word, and one by days is said", async () => {
  for (const [hours, text] of [[1, undefined], [72, "Your device’s clock looks wrong. Set it, then reload. Nothing was charged."]]) {
    const me = await somebody({});
    const page = await me.newPage();
    await page.clock.install({ time: Date.now() + hours * 3_600_000 });
    await page.clock.resume();
    await page.goto(paper.site + PAWN);
    await button(page).click();
    if (text) {
      await says(page, text);
      assert.equal(asked(me, "eth_signTypedData_v4"), 0);
    } else await opened(page, PAWN);
    await me.close();
  }
});

test("a receipt: what was paid, when, to whom, and the site's number for it", async () => {
  const me = await somebody({});
  const page = await visit(me, paper.site + DOOR);
  await button(page).click();
  await opened(page, DOOR);
  await me.route(`${paper.site}/free/mine`, (route) => route.fulfill({
    contentType: "text/html", body: `<!doctype html><title>Mine</title><script type="module" src="/.farthing/farthing.js"></script><farthing-receipt src="${DOOR}"></farthing-receipt>`,
  }));
  await page.goto(`${paper.site}/free/mine`);
  const receipt = page.locator("farthing-receipt");
  const [transfer] = (await paper.chain.transfersTo()).filter(({ from }) => from === privateKeyToAccount(me.key).address);
  for (const text of ["Paid at the Door", "$0.05 (0.05 USDC)", paper.payTo, transfer.hash ?? "0x"]) await receipt.getByText(text).first().waitFor();
  const number = await receipt.locator("dt", { hasText: "Receipt number" }).locator("+ dd").innerText();
  const told = await (await fetch(`${paper.site}/.farthing/receipts/${number.trim()}`)).json();
  assert.equal(told.resource, paper.site + DOOR);
  assert.equal(await message(page).count(), 0);
  await me.close();
});
