// Paying with the widget on our own 402 page, under its real policy, and what a reader sees on the way.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { recoverTypedDataAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { TRANSFER_TYPES } from "../support/pay.mjs";
import { payTo, secondPayer } from "../support/accounts.mjs";
import { installWallet } from "../support/wallet.mjs";
import { button, cancel, card, message, says, startReader, states, violations, visit } from "./reader.mjs";
import { ARTICLE, problem, startSite } from "./site.mjs";

const stranger = privateKeyToAccount(secondPayer.key);
let site;
let reader;
before(async () => { [site, reader] = await Promise.all([startSite(), startReader()]); });
after(async () => { await reader?.stop(); await site?.stop(); });
afterEach(() => {
  site.reset();
  assert.deepEqual(reader.faults.splice(0), [], "no script error");
});

/** A profile with a wallet; `profile.wallet` is its other half. */
const withWallet = (...options) => reader.withWallet(...options);

const opened = (page) => page.getByText(ARTICLE).waitFor();

test("where the browser keeps nothing for any site, who has paid reads all the same, each time", async () => {
  const forgetful = await startReader({ forgetful: true });
  const profile = await forgetful.withWallet();
  const page = await visit(profile, site.article);
  assert.equal(await page.evaluate(() => { try { return !!localStorage; } catch { return false; } }), false);
  await button(page).click();
  await opened(page);
  assert.equal(site.payments.length, 1);
  assert.equal(await card(page).count(), 0);
  assert.deepEqual(forgetful.faults, []);
  await forgetful.stop();
});

test("a reader pays with one signature and the article opens, with no policy violated and no other host asked", async () => {
  const profile = await withWallet({ delay: 50 });
  const page = await visit(profile, site.article);
  assert.equal(await button(page).innerText(), "Pay $0.05");
  await page.evaluate(() => {
    // kept in the tab: the page is left right after the last one
    const report = (what) => { sessionStorage.seen = `${sessionStorage.seen ?? ""}${what} `; };
    document.addEventListener("farthing:state", ({ detail }) => report(detail.state));
    document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => report(violatedDirective));
  });
  await button(page).click();
  await opened(page);
  assert.equal(await page.evaluate(() => sessionStorage.seen), "quoting connecting signing settling unlocked ");
  assert.deepEqual([...profile.hosts], [new URL(site.url).host]);
  assert.deepEqual(profile.wallet.requests.map(({ method }) => method), ["eth_requestAccounts", "eth_chainId", "eth_call", "eth_signTypedData_v4"]);
  const [payment] = site.payments;
  const { authorization, signature } = payment.payload;
  assert.equal(payment.x402Version, 2);
  assert.match(authorization.nonce, /^0x(07){16}/, "the nonce begins with the quote's tag");
  assert.deepEqual([authorization.to, authorization.value], [payTo.address, "50000"]);
  const signer = await recoverTypedDataAddress({
    domain: { name: "USDC", version: "2", chainId: 84532, verifyingContract: payment.accepted.asset },
    types: TRANSFER_TYPES, primaryType: "TransferWithAuthorization", message: authorization, signature,
  });
  assert.equal(signer, profile.wallet.address);
  await page.reload();
  await opened(page);
  assert.equal(await page.evaluate(() => Object.keys(localStorage).sort().join()), "farthing:offer,farthing:wallet", "what is owed to nobody");
  await profile.close();
});

test("f10: nobody is asked anything before the click, and the offer only when the reader comes near", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.article);
  await page.waitForTimeout(400);
  assert.deepEqual(profile.wallet.requests, []);
  assert.equal(site.asked.length, 1, "the page itself");
  await button(page).hover();
  await page.waitForTimeout(200);
  assert.deepEqual(profile.wallet.requests, []);
  assert.equal(site.asked.length, 1, "a fresh page brings its offer along");
  await profile.close();
});

test("f4: a click that no person made is none", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.article);
  await page.evaluate(() => document.querySelector("farthing-paywall").shadowRoot.querySelector("[part=button]").click());
  await page.waitForTimeout(300);
  assert.deepEqual(profile.wallet.requests, []);
  await profile.close();
});

test("refusing in the wallet is no error, and trying again pays", async () => {
  const profile = await withWallet();
  profile.wallet.next("eth_signTypedData_v4", "reject");
  const page = await visit(profile, site.article);
  await button(page).click();
  await says(page, "You cancelled. Nothing was charged.");
  assert.equal(await card(page).locator("[role=alert]").innerText(), "");
  assert.equal((await states(page)).at(-1), "idle");
  assert.deepEqual(site.payments, []);
  assert.equal(await button(page).innerText(), "Try again");
  await button(page).click();
  await opened(page);
  await profile.close();
});

test("f6: a wallet on another network, which does not know ours, is led there", async () => {
  for (const hiddenUnknownChain of [false, true]) {
    const profile = await withWallet({ chainId: 1, hiddenUnknownChain });
    const page = await visit(profile, site.article);
    await button(page).click();
    await opened(page);
    const methods = profile.wallet.requests.map(({ method }) => method);
    const at = methods.indexOf("wallet_addEthereumChain");
    assert.deepEqual(methods.slice(at - 1, at + 3), ["wallet_switchEthereumChain", "wallet_addEthereumChain", "wallet_switchEthereumChain", "eth_chainId"]);
    assert.equal(profile.wallet.state.chainId, 84532);
    await profile.close();
  }
});

for (const [what, method, behaviour, text] of [
  ["a locked account", "eth_requestAccounts", "locked", "Choose an account in your wallet"],
  ["an open question", "eth_requestAccounts", "busy", "has a question open already"],
  ["a wallet without a network", "eth_requestAccounts", "disconnected", "not connected to a network"],
  ["a wallet that cannot sign this", "eth_signTypedData_v4", "unsupported", "This wallet cannot pay here yet"],
  ["a wallet without the method", "eth_signTypedData_v4", "no-method", "This wallet cannot pay here yet"],
  ["a contract wallet's signature", "eth_signTypedData_v4", { result: `0x${"ab".repeat(96)}` }, "This wallet cannot pay here yet"],
  ["somebody else's signature", "eth_signTypedData_v4", (params) => stranger.signTypedData(JSON.parse(params[1])), "This wallet cannot pay here yet"],
  ["a broken wallet", "eth_signTypedData_v4", "internal", "Your wallet reported a problem"],
  ["a wallet that answers nonsense", "eth_requestAccounts", { result: { '"': "\\" } }, "Choose an account in your wallet"],
]) {
  test(`${what}: the reader is told what to do, nothing is sent, and the next try pays`, async () => {
    const profile = await withWallet();
    profile.wallet.next(method, behaviour);
    const page = await visit(profile, site.article);
    await button(page).click();
    await says(page, text);
    assert.equal(await card(page).locator("[role=alert]").count(), 1);
    assert.deepEqual(site.payments, []);
    await button(page).click();
    await opened(page);
    await profile.close();
  });
}

test("a wallet that keeps silent is waited for, and can be given up", async () => {
  const profile = await withWallet();
  profile.wallet.next("eth_signTypedData_v4", { delay: 9500 });
  const page = await visit(profile, site.article);
  await button(page).click();
  await says(page, "Confirm the payment of $0.05 in your wallet.");
  await says(page, "Your wallet is waiting.");
  await cancel(page).click();
  await says(page, "One payment, no account.");
  assert.equal(await button(page).evaluate((node) => node.matches(":focus")), true, "the focus is not lost with the button");
  await page.waitForTimeout(2000);
  assert.deepEqual(site.payments, [], "a signature that comes late is not sent");
  await profile.close();
});

test("without a wallet the reader is told what one is", async () => {
  const profile = await reader.profile();
  const page = await visit(profile, site.article);
  await button(page).click();
  await says(page, "You need a wallet to pay here");
  await card(page).getByRole("link", { name: "How to get a wallet" }).waitFor();
  await profile.close();
});

test("a wallet that only injects itself is found", async () => {
  const profile = await withWallet({ announced: false, injected: true });
  const page = await visit(profile, site.article);
  await button(page).click();
  await opened(page);
  await profile.close();
});

test("of several wallets the reader chooses by keyboard, and the last used comes first the next time", async () => {
  const wallets = [];
  const profile = await reader.profile({}, ...["Fox", "Rabbit"].map((name) => async (into) => {
    wallets.push(await installWallet(into, { name, rdns: `test.${name.toLowerCase()}` }));
  }));
  const page = await visit(profile, site.article);
  await button(page).focus();
  await page.keyboard.press("Enter");
  const radios = card(page).getByRole("radio");
  await radios.first().waitFor();
  const first = card(page).getByRole("radio", { name: /Fox/ });
  assert.equal(await first.evaluate((node) => node.matches(":focus")), true);
  assert.equal(await card(page).getByRole("group", { name: "Which wallet do you want to pay with?" }).count(), 1);
  assert.deepEqual(wallets.map(({ requests }) => requests.length), [0, 0]);
  wallets[1].next("eth_signTypedData_v4", "reject");
  await page.keyboard.press("ArrowDown");
  await card(page).locator("input:checked + *, label:has(input:checked)").getByText("Rabbit").first().waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await says(page, "You cancelled.");
  assert.equal(wallets[0].requests.length, 0);
  await page.reload();
  await button(page).click();
  await radios.first().waitFor();
  assert.match(await card(page).locator("label").first().innerText(), /Rabbit\s+test\.rabbit/);
  await button(page).click();
  await opened(page);
  assert.equal(wallets[0].requests.length, 0);
  await profile.close();
});

test("an unknown outcome is asked for with the same payment until it is known", async () => {
  const profile = await withWallet();
  site.next = [problem(503, "settlement-pending", { "retry-after": "2" }), problem(500, "internal"), problem(502, "paid-not-delivered")];
  const page = await visit(profile, site.article);
  await button(page).click();
  await says(page, "Your payment is being confirmed.");
  await profile.setOffline(true);
  await says(page, "No connection. Your payment is kept");
  await profile.setOffline(false);
  await says(page, "Paid. Loading your page");
  await opened(page);
  assert.equal(site.payments.length, 4);
  assert.equal(site.distinct().size, 1);
  assert.equal(profile.wallet.requestsOf("eth_signTypedData_v4").length, 1);
  await profile.close();
});

test("a reader who stops waiting is asked to check again, and the same payment opens the article", async () => {
  const profile = await withWallet();
  site.next = ["hang"];
  const page = await visit(profile, site.article);
  await button(page).click();
  await says(page, "Still confirming. You will not be charged twice.");
  assert.equal(await cancel(page).innerText(), "Stop waiting");
  await cancel(page).click();
  await says(page, "You can leave; you will not be charged twice.");
  assert.equal(await button(page).innerText(), "Check again");
  await button(page).click();
  await opened(page);
  assert.equal(site.payments.length, 2);
  assert.equal(site.distinct().size, 1);
  await profile.close();
});

test("f7: a tab closed after the signature leaves a payment that the next visit resolves without the wallet", async () => {
  const profile = await withWallet();
  site.next = ["hang"];
  const page = await visit(profile, site.article);
  await button(page).click();
  await says(page, "Paying…");
  // said a moment before it is sent
  while (!site.payments.length) await page.waitForTimeout(20);
  await page.close();
  const asked = profile.wallet.requests.length;
  const again = await profile.newPage();
  await again.goto(site.article);
  await opened(again);
  assert.equal(site.distinct().size, 1);
  assert.equal(profile.wallet.requests.length, asked);
  await profile.close();
});

test("f5: two tabs and double clicks make one question and one payment", async () => {
  const profile = await withWallet({ delay: 300 });
  const tabs = [await visit(profile, site.article), await visit(profile, site.article)];
  await Promise.all(tabs.map((page) => button(page).dblclick()));
  await Promise.all(tabs.map(opened));
  assert.equal(profile.wallet.requestsOf("eth_signTypedData_v4").length, 1);
  assert.equal(site.distinct().size, 1);
  await profile.close();
});

test("a4, s9: a price that changed is shown and agreed to before it is signed", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.article);
  site.amount = "70000";
  site.next = [problem(402, "price-changed")];
  await button(page).click();
  await says(page, "The price has changed from $0.05 to $0.07. Nothing was charged.");
  assert.equal(await button(page).innerText(), "Pay $0.07");
  await page.waitForTimeout(700);
  await button(page).click();
  await opened(page);
  assert.deepEqual(site.payments.map(({ payload }) => payload.authorization.value), ["50000", "70000"]);
  await profile.close();
});

for (const [refusal, text] of [
  [problem(402, "insufficient-funds"), "Your account has less than $0.05 USDC on Base Sepolia. Nothing was charged."],
  [problem(402, "settlement-refused"), "The payment was not accepted. Nothing was charged."],
  [problem(402, "authorization-expired"), "The offer ran out before the payment arrived. Nothing was charged."],
  [problem(409, "authorization-bound-elsewhere"), "This payment belongs to another page. Nothing was charged again."],
  [problem(502, "origin-unavailable"), "The site cannot show this page now. Nothing was charged."],
]) {
  test(`${refusal.slug}: said as a failure, and the next try opens the article`, async () => {
    const profile = await withWallet();
    site.next = [refusal];
    const page = await visit(profile, site.article);
    await button(page).click();
    await says(page, text);
    assert.equal(await card(page).locator("[role=alert]").innerText(), text);
    assert.equal((await states(page)).at(-1), "error");
    await button(page).click();
    await opened(page);
    assert.equal(site.distinct().size, refusal.status === 502 ? 1 : 2, "an unspent payment is used before another is signed");
    await profile.close();
  });
}

test("a7: a device clock an hour off pays", async () => {
  for (const hours of [-1, 1]) {
    const profile = await withWallet();
    const page = await profile.newPage();
    await page.clock.install({ time: Date.now() + hours * 3_600_000 });
    await page.goto(site.embed("/front", { price: "$0.05" }));
    await button(page).click();
    await page.getByText(ARTICLE).waitFor();
    const { validBefore, validAfter } = site.payments.at(-1).payload.authorization;
    const left = Number(validBefore) - Date.now() / 1000;
    assert.ok(left > 280 && left <= 302, `${left} s left`);
    assert.ok(Number(validAfter) < Date.now() / 1000);
    await profile.close();
  }
});

test("a core that does not load is said, and nothing is asked", async () => {
  const profile = await withWallet();
  site.missing.add("farthing.wasm");
  const page = await visit(profile, site.article);
  await button(page).click();
  await says(page, "The payment box could not be loaded. Reload the page; you will not be charged twice.");
  assert.deepEqual(profile.wallet.requests, []);
  site.missing.clear();
  await button(page).click();
  await says(page, "One payment, no account.");
  await profile.close();
});

test("the page reads well without JavaScript", async () => {
  const profile = await reader.profile({ javaScriptEnabled: false });
  const page = await profile.newPage();
  const response = await page.goto(site.article);
  assert.equal(response.status(), 402);
  for (const part of [site.description, "$0.05", "in USDC on Base Sepolia", "needs JavaScript and a wallet", "For programs"]) {
    await page.locator("main").getByText(part).first().waitFor();
  }
  await profile.close();
});

test("the card is a labelled section with one large button, on a phone and at 320 pixels too", async () => {
  for (const options of [{}, { phone: true }, { viewport: { width: 320, height: 640 } }, { dark: true }]) {
    const profile = await withWallet({}, options);
    const page = await visit(profile, site.article);
    assert.equal(await card(page).getByRole("region", { name: "Read this page" }).count(), 1);
    const box = await button(page).boundingBox();
    assert.ok(box.height >= 44 && box.width >= 44);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing to scroll sideways");
    await card(page).getByText("What you will sign").click();
    await card(page).getByText(payTo.address).waitFor();
    await card(page).getByText("$0.05 (0.05 USDC)").waitFor();
    await card(page).getByText("30 days", { exact: true }).waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    assert.deepEqual(await violations(page), []);
    await profile.close();
  }
});

test("each change is announced once, failures as alerts", async () => {
  const profile = await withWallet();
  profile.wallet.next("eth_signTypedData_v4", "internal");
  const page = await visit(profile, site.article);
  await page.evaluate(() => {
    globalThis.announced = [];
    for (const region of document.querySelector("farthing-paywall").shadowRoot.querySelectorAll("[role=status], [role=alert]")) {
      new MutationObserver(() => region.textContent && announced.push(`${region.role}: ${region.textContent}`)).observe(region, { childList: true, characterData: true, subtree: true });
    }
  });
  await button(page).click();
  await says(page, "Your wallet reported a problem");
  assert.deepEqual(await page.evaluate(() => announced), [
    "status: Connecting to your wallet…", "status: Confirm the payment of $0.05 in your wallet.", "alert: Your wallet reported a problem. Nothing was charged.",
  ]);
  assert.equal(await message(page).count(), 1);
  await profile.close();
});
