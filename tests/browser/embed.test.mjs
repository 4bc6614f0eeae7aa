// The card on pages of others: pins, frames, hostile wallets and texts, what page authors can reach.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { listen } from "../../tools/lib/processes.mjs";
import { payTo, secondPayer } from "../support/accounts.mjs";
import { installWallet } from "../support/wallet.mjs";
import { button, card, message, says, startReader, states, visit } from "./reader.mjs";
import { ARTICLE, problem, startSite } from "./site.mjs";

let site;
let reader;
before(async () => { [site, reader] = await Promise.all([startSite(), startReader()]); });
after(async () => { await reader?.stop(); await site?.stop(); });
afterEach(() => {
  site.reset();
  assert.deepEqual(reader.faults.splice(0), [], "no script error");
});

const withWallet = (...options) => reader.withWallet(...options);
const opened = (page) => page.getByText(ARTICLE).waitFor();

test("an embed pays for its source and puts it in its place, also without a quote in the offer", async () => {
  site.quoted = false;
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05", description: "Keepers", network: "Base Sepolia" }));
  assert.equal(await card(page).getByRole("region", { name: "Keepers" }).count(), 1);
  await button(page).click();
  await opened(page);
  assert.equal(page.url(), `${site.url}/front`);
  assert.equal(await card(page).count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Keepers", "the first new heading has the focus");
  assert.doesNotMatch(site.payments[0].payload.authorization.nonce, /^0x(07){16}/);
  assert.deepEqual(site.asked.map(({ header }) => !!header), [false, true], "the offer, the payment");
  await profile.close();
});

test("the offer comes when the reader comes near, and a page that is open already is opened", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", {}));
  assert.equal(await button(page).innerText(), "See the price");
  await button(page).hover();
  await card(page).getByText("$0.05").first().waitFor();
  assert.equal(site.asked.length, 1);
  await profile.addCookies([{ name: "pass", value: "1", url: site.article }]);
  site.pages["/owned"] = site.pages["/front"];
  const again = await visit(profile, `${site.url}/owned`);
  await button(again).click();
  await opened(again);
  assert.deepEqual(profile.wallet.requests, []);
  await profile.close();
});

for (const [slow, when] of [[300, "after"], [0, "just before"]]) {
  test(`s9: a price that comes ${when} the click is agreed to before the wallet opens`, async () => {
    for (const [attributes, text] of [[{}, "The price is $0.05 in USDC on Base Sepolia."], [{ price: "$0.01" }, "The price has changed from $0.01 to $0.05."]]) {
      site.slow = slow;
      const profile = await withWallet();
      const page = await visit(profile, site.embed("/front", attributes));
      await button(page).click();
      if (slow || attributes.price) await says(page, text);
      await card(page).getByText("$0.05").first().waitFor();
      assert.deepEqual(profile.wallet.requests, []);
      await page.waitForTimeout(700);
      await button(page).click();
      await opened(page);
      await profile.close();
    }
  });
}

test("f3: each pin that the offer breaks keeps the wallet shut", async () => {
  for (const [pins, pays] of [
    [{ "max-price": "$0.04" }, false],
    [{ "pay-to": secondPayer.address }, false],
    [{ network: "eip155:8453" }, false],
    [{ "max-price": "cheap" }, false],
    [{ "pay-to": "me" }, false],
    [{ "max-price": "$0.05", "pay-to": payTo.address.toLowerCase(), network: "eip155:84532" }, true],
  ]) {
    const profile = await withWallet();
    const page = await visit(profile, site.embed("/front", { price: "$0.05", ...pins }));
    await button(page).click();
    if (pays) await opened(page);
    else await says(page, "The price or the recipient is not what this page expects. Nothing was charged.");
    assert.equal(profile.wallet.requests.length > 0, pays, JSON.stringify(pins));
    await profile.close();
  }
});

test("a press that was meant to pay does not reload the page that has just refused to", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05", "max-price": "$0.04" }));
  await page.evaluate(() => { globalThis.same = true; });
  await button(page).hover();
  await card(page).getByRole("button", { name: "Reload the page" }).waitFor();
  await page.mouse.down();
  await page.mouse.up();
  await page.waitForTimeout(700);
  assert.equal(await page.evaluate(() => globalThis.same), true);
  await says(page, "not what this page expects");
  await button(page).click();
  await page.waitForFunction(() => !globalThis.same);
  await profile.close();
});

test("a5: an offer under another signing domain than the token's own is not signed", async () => {
  site.extra = { version: "1" };
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await button(page).click();
  await says(page, "This page asks for a payment that cannot be made here.");
  assert.deepEqual(profile.wallet.requests, []);
  await profile.close();
});

test("f4: framed by another site the card only leads to the page itself", async () => {
  const profile = await reader.profile();
  const inner = site.embed("/front", { price: "$0.05" });
  const stranger = await startSite();
  try {
    stranger.pages["/trap"] = `<iframe src="${inner}" width="600" height="600"></iframe>`;
    const page = await profile.newPage();
    await page.goto(`${stranger.url}/trap`);
    const framed = page.frameLocator("iframe");
    await framed.getByText("paying is not safe").waitFor();
    assert.equal(await framed.getByRole("button").count(), 0);
    const [popup] = await Promise.all([profile.waitForEvent("page"), framed.getByRole("link", { name: "Open the page" }).click()]);
    await popup.waitForURL(site.article);
  } finally { await stranger.stop(); }
  await profile.close();
});

test("f4: a page of the site itself does not make a stranger's frame around it safe", async () => {
  const profile = await reader.profile();
  site.pages["/between"] = `<iframe src="${site.embed("/front", { price: "$0.05" })}" width="500" height="500"></iframe>`;
  const stranger = await startSite();
  try {
    stranger.pages["/trap"] = `<iframe src="${site.url}/between" width="600" height="600"></iframe>`;
    const page = await profile.newPage();
    await page.goto(`${site.url}/between`);
    await page.frameLocator("iframe").getByRole("button", { name: "Pay $0.05" }).waitFor();
    await page.goto(`${stranger.url}/trap`);
    const framed = page.frameLocator("iframe").frameLocator("iframe");
    await framed.getByText("paying is not safe").waitFor();
    assert.equal(await framed.getByRole("button").count(), 0);
  } finally { await stranger.stop(); }
  await profile.close();
});

test("an element whose address changes pays for the new one", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { src: "/elsewhere", price: "$0.05" }));
  await button(page).hover();
  await card(page).evaluate((node) => node.setAttribute("src", "/article"));
  await button(page).click();
  // what was pressed may have been the old one's: it begins anew, and is pressed again
  await page.waitForTimeout(700);
  if (await button(page).count()) await button(page).click();
  await opened(page);
  assert.deepEqual(site.payments.map(({ resource }) => resource.url), [site.article]);
  await profile.close();
});

test("an article of another origin, which does not let this page ask, has no price here, and nothing is signed", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { src: "http://other.test/article", price: "$0.05" }));
  await button(page).click();
  await says(page, "The price could not be loaded. Nothing was charged.");
  assert.deepEqual(profile.wallet.requests, []);
  await profile.close();
});

test("an article can open on its own page instead", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05", open: "page" }));
  await button(page).click();
  await page.waitForURL(site.article);
  await opened(page);
  await profile.close();
});

test("f1: names, icons and texts from outside stay text", async () => {
  const evil = `<img src=x onerror="globalThis.harm=1">`;
  const wallets = [];
  const install = (name, icon) => async (into) => wallets.push(await installWallet(into, { name, rdns: `${evil}.${wallets.length}`, icon }));
  const profile = await reader.profile({},
    install(evil, "https://tracker.test/pixel.png"),
    install(`${evil}2`, "javascript:globalThis.harm=1"),
    install("Large", `data:image/png;base64,${"A".repeat(70_000)}`),
    install("Html", "data:text/html,<script>harm=1</script>"),
    install("Fine", "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' onload='globalThis.harm=1'/%3E"));
  const page = await visit(profile, site.embed("/front", { price: evil, description: evil, network: evil, "max-price": "$1" }));
  await button(page).hover();
  await card(page).getByText("$0.05").first().waitFor();
  await page.waitForTimeout(700);
  await button(page).click();
  await card(page).getByRole("radio").first().waitFor();
  assert.equal(await card(page).locator("fieldset img").count(), 1, "only the small data: image");
  assert.ok((await card(page).locator("label").first().innerText()).includes("<img src=x"));
  site.next = [problem(402, `${evil}`)];
  await card(page).getByText("Fine").click();
  await button(page).click();
  await says(page, "The payment was not accepted.");
  assert.equal(await page.evaluate(() => globalThis.harm), undefined);
  assert.deepEqual([...profile.hosts].filter((host) => host && host !== new URL(site.url).host), []);
  await profile.close();
});

test("f2: a provider that is swapped after it was announced is not asked", async () => {
  const profile = await withWallet({ delay: 200 });
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  // it was announced once the offer is there
  await button(page).hover();
  await card(page).getByText("Base Sepolia").first().waitFor();
  await page.evaluate(() => {
    globalThis.stolen = [];
    const thief = { request: (question) => { stolen.push(question); return new Promise(() => {}); } };
    addEventListener("eip6963:announceProvider", ({ detail }) => {
      if (detail.provider === thief) return;
      detail.provider.request = thief.request;
      dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: { info: detail.info, provider: thief } }));
    });
    dispatchEvent(new Event("eip6963:requestProvider"));
  });
  await button(page).click();
  await opened(page);
  assert.equal(profile.wallet.requestsOf("eth_signTypedData_v4").length, 1);
  await profile.close();
});

test("f2: announcements that are none do no harm", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await page.evaluate(() => {
    for (const detail of [null, {}, { info: {} }, { info: { uuid: "x" }, provider: {} }, { info: { uuid: "y" }, provider: { request: 1 } }]) {
      dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
    }
  });
  await button(page).click();
  await opened(page);
  await profile.close();
});

test("page authors reach the look by custom properties and parts, and put their own words beside it", async () => {
  const profile = await withWallet();
  site.embed("/front", { price: "$0.05" });
  site.pages["/styled"] = site.pages["/front"].replace("</farthing-paywall>", `<a slot="alternative" href="/subscribe">Subscribe</a></farthing-paywall>
    <style>farthing-paywall { --farthing-accent: rgb(1, 2, 3) } farthing-paywall::part(button) { letter-spacing: 3px } p { color: red !important }</style>`);
  const page = await visit(profile, `${site.url}/styled`);
  const look = (name) => button(page).evaluate((node, property) => getComputedStyle(node)[property], name);
  assert.equal(await look("backgroundColor"), "rgb(1, 2, 3)");
  assert.equal(await look("letterSpacing"), "3px");
  assert.notEqual(await message(page).evaluate((node) => getComputedStyle(node).color), "rgb(255, 0, 0)", "no style leaks in");
  await page.getByRole("link", { name: "Subscribe" }).waitFor();
  assert.deepEqual(await states(page), ["idle"]);
  await profile.close();
});

test("an attribute that changes is drawn", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await card(page).evaluate((node) => {
    node.setAttribute("price", "$0.06");
    node.toggleAttribute("test-network", true);
  });
  assert.equal(await button(page).innerText(), "Pay $0.06");
  assert.equal(await card(page).getByText("Test network: this money is worth nothing").isVisible(), true);
  await profile.close();
});

test("f5: a price that comes after the press does not hide that another tab is paying", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await page.evaluate((name) => void navigator.locks.request(name, () => new Promise((release) => { globalThis.release = release; })), `farthing:${site.article}`);
  site.slow = 300;
  await button(page).click();
  await says(page, "You are paying for this page in another tab.");
  await card(page).getByText("Base Sepolia").first().waitFor();
  await says(page, "You are paying for this page in another tab.");
  await page.evaluate(() => release());
  await button(page).getByText("Pay $0.05").waitFor();
  assert.deepEqual(profile.wallet.requests, []);
  await profile.close();
});

test("s9: a card that calls the money worthless is not paid with money that is worth something, at the same price", async () => {
  const base = { network: "eip155:8453", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", extra: { name: "USD Coin", version: "2" } };
  for (const attributes of [{ "test-network": "" }, { network: "Base Sepolia" }, { symbol: "EURC" }]) {
    site.base = base;
    const profile = await withWallet();
    const page = await visit(profile, site.embed("/front", { price: "$0.05", ...attributes }));
    await button(page).click();
    await says(page, "The price is $0.05 in USDC on Base.");
    assert.deepEqual(profile.wallet.requests, [], JSON.stringify(attributes));
    assert.equal(await card(page).locator("[part=ribbon]").isVisible(), false);
    await page.waitForTimeout(700);
    await button(page).click();
    await page.waitForFunction(() => seen.states.includes("switching") || seen.states.includes("signing") || seen.states.includes("error"));
    assert.notDeepEqual(profile.wallet.requests, [], "it was told");
    await profile.close();
  }
});

test("what opens the article is sent to its address alone, wherever the site leads from there", async () => {
  const heard = [];
  const cors = { "access-control-allow-origin": "*", "access-control-allow-headers": "*", "access-control-expose-headers": "*" };
  const other = createServer((request, response) => {
    heard.push(...["payment-signature", "farthing-pass"].filter((name) => request.headers[name] || request.headers["access-control-request-headers"]?.includes(name)));
    response.writeHead(request.method === "OPTIONS" ? 204 : 200, cors).end();
  });
  const away = `http://127.0.0.1:${await listen(other)}/`;
  const lead = (location, headers) => problem(303, "see-other", { location, ...headers });
  // a page that follows gives the payment away
  site.next = [lead(away, cors)];
  const naive = await reader.profile();
  const page = await naive.newPage();
  await page.goto(site.embed("/front", { price: "$0.05" }));
  await page.evaluate((url) => fetch(url, { headers: { "PAYMENT-SIGNATURE": "e30=" } }).then(() => {}, () => {}), site.article);
  assert.deepEqual(heard.splice(0).includes("payment-signature"), true);
  await naive.close();
  site.payments = [];
  site.next = [lead(away, cors)];
  const profile = await withWallet();
  const front = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await button(front).click();
  await opened(front);
  assert.deepEqual(heard, []);
  assert.deepEqual([site.payments.length, site.distinct().size], [2, 1], "asked for again where it belongs");
  await profile.close();
  // and a site that leads on within itself has opened it
  site.next = [lead("/article", { "set-cookie": "pass=1; Path=/article; HttpOnly" })];
  const led = await withWallet();
  const again = await visit(led, site.embed("/front", { price: "$0.05" }));
  await button(again).click();
  await opened(again);
  assert.equal(site.payments.length, 3);
  await led.close();
  await new Promise((resolve) => { other.closeAllConnections(); other.close(resolve); });
});

test("an article that has moved within its site is paid for where it is", async () => {
  const profile = await withWallet();
  const page = await visit(profile, site.embed("/front", { src: "/moved", price: "$0.05" }));
  await button(page).click();
  await opened(page);
  assert.deepEqual([site.payments.length, profile.wallet.requestsOf("eth_signTypedData_v4").length], [1, 1]);
  await profile.close();
});

test("who may read the article already needs no wallet, and neither does a page that is free", async () => {
  const profile = await reader.profile();
  await profile.addCookies([{ name: "pass", value: "1", url: site.article }]);
  for (const near of [true, false]) {
    const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
    if (near) {
      await button(page).hover();
      await says(page, "This page is open for you.");
      await page.waitForTimeout(700);
      assert.equal(await button(page).innerText(), "Open the page");
    }
    await button(page).click();
    await opened(page);
    await page.evaluate(() => localStorage.clear());
    await page.close();
  }
  await profile.close();
});

test("Escape gives up what was only asked for", async () => {
  const profile = await withWallet();
  profile.wallet.next("eth_signTypedData_v4", "never");
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await button(page).click();
  await says(page, "Confirm the payment of $0.05");
  await page.keyboard.press("Escape");
  await button(page).getByText("Pay $0.05").waitFor();
  assert.equal(site.payments.length, 0);
  await profile.close();
});

test("cancel() between the press and the wallet keeps the wallet shut, and so does leaving the page", async () => {
  for (const give of [(node) => node.cancel(), (node) => node.remove()]) {
    const profile = await withWallet();
    const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
    await button(page).hover();
    await card(page).getByText("Base Sepolia").first().waitFor();
    await card(page).evaluate((node, give) => node.addEventListener("farthing:state", () => (0, eval)(give)(node), { once: true }), String(give));
    await button(page).click();
    await page.waitForTimeout(1000);
    assert.deepEqual(profile.wallet.requests, []);
    await profile.close();
  }
});

test("an address that is none of the web is neither asked nor led to", async () => {
  for (const src of ["javascript:alert(1)", "http://", "data:text/html,x"]) {
    const profile = await withWallet();
    const page = await visit(profile, site.embed("/front", { src, price: "$0.05" }));
    await says(page, "The payment box could not be loaded.");
    assert.equal(await card(page).locator("a").evaluateAll((links) => links.every((link) => /^(https?:|$)/.test(link.getAttribute("href") ?? ""))), true);
    assert.deepEqual(profile.wallet.requests, []);
    await profile.close();
  }
});

test("moving the element in the page keeps what it was doing", async () => {
  const profile = await withWallet({ delay: 300 });
  const page = await visit(profile, site.embed("/front", { price: "$0.05" }));
  await button(page).click();
  await page.waitForFunction(() => seen.states.includes("connecting"));
  await card(page).evaluate((node) => document.body.append(node));
  assert.equal((await states(page)).lastIndexOf("idle"), 0, "it goes on with what it was doing");
  await opened(page);
  assert.equal(profile.wallet.requestsOf("eth_signTypedData_v4").length, 1);
  await profile.close();
});
