// The card in every situation of a reader's: a table that tests and `npm run screens` share. Each is reached as a reader reaches it.
import { privateKeyToAccount } from "viem/accounts";
import { payer, payTo } from "../support/accounts.mjs";
import { installWallet } from "../support/wallet.mjs";
import { says } from "./reader.mjs";
import { problem, startSite } from "./site.mjs";

export const ELEMENTS = "farthing-paywall, farthing-button, farthing-receipt";
export const THEMES = [undefined, "plain", "bold"];
export const LANGUAGES = ["en", "ar", "de", "es", "fr", "ja", "pt", "zh"];

const PHONE = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36";
const SIGN = "eth_signTypedData_v4";
const MAINNET = { network: "eip155:8453", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", name: "USD Coin" };
const offer = (amount, wider, { network, asset, name } = { network: "eip155:84532", asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e", name: "USDC" }) => ({
  scheme: "exact", network, amount, asset, payTo: payTo.address, maxTimeoutSeconds: 300, extra: { name, version: "2", ...(wider && { offer: wider }) },
});
/** The same page on another network, ten pages, and a day. */
const WAYS = [
  offer("50000", undefined, MAINNET),
  offer("400000", { name: "ten", title: "Ten articles of your choice", count: 10, seconds: 2_592_000 }),
  offer("1000000", { name: "day", title: "Day pass", seconds: 86_400 }),
];
const WALLETS = [
  { name: "Fox Wallet", rdns: "io.fox" },
  { name: "A wallet whose makers gave it a long name", rdns: "com.example.wallets.a-name-that-is-long", icon: "" },
  { name: "محفظة", rdns: "example.mahfaza" },
];

/** What the site says of proofs that an account has paid. */
const challenge = (site) => ({
  "sign-in-with-x": {
    info: {
      domain: new URL(site.url).host, uri: site.article, version: "1", statement: "Open what you have paid for.", nonce: "07".repeat(16),
      issuedAt: new Date().toISOString(), expirationTime: new Date(Date.now() + 300_000).toISOString(), resources: [site.article],
    },
    supportedChains: [{ chainId: "eip155:84532", type: "eip191" }],
    schema: {},
  },
});

const element = (page) => page.locator(ELEMENTS);
const press = (page) => element(page).locator("[part=button]:visible").click();
const open = (page, id) => element(page).locator(`details:is(#${id}, [part=${id}]) summary`).click();
const near = async (page) => {
  await element(page).locator("[part=button]:visible").hover();
  await element(page).locator("[part=ways]").getByText("USDC, Base Sepolia").first().waitFor({ state: "attached" });
};
const front = (attributes) => (site) => site.embed("/front", { price: "$0.05", description: "The lighthouse keepers of the North Sea", ...attributes });

/** The wallet behaves so, the button is pressed, and the card says this. */
const wallet = (name, text, method, behaviour, more = {}) => ({ name, text, wallets: [more.wallet ?? {}], before: ({ wallets: [first] }) => first.next(method, ...[behaviour].flat()), act: press, ...more });
/** A payment is answered so. */
const refusal = (name, text, ...next) => ({ name, text, wallets: [{}], before: ({ site }) => { site.next = [...next]; }, act: press });
const wait = (ms, before) => async (page) => {
  await press(page);
  await says(page, before);
  await page.clock.runFor(ms);
};

/**
 * `name`; `at`: (site) => address, our own page if absent; `wallets` of the browser; `profile` options; `before` the page is opened; `clock`:
 * the page's can be turned; `act`: what the reader does; `text` that the card says then; `has`: what is there besides.
 */
export const SITUATIONS = [
  { name: "first-page", text: "One payment, no account." },
  { name: "first-teaser", text: "One payment", at: (site) => site.teaser("/front") },
  { name: "first-embed", text: "One payment", at: front() },
  { name: "first-no-price", text: "One payment", at: (site) => site.embed("/front", {}) },
  { name: "first-long", text: "One payment", at: front({ description: "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenversicherung and everything else that a headline should never have to carry in one breath", price: "$1234567.89", network: "A network of a long name" }) },
  { name: "alternative", text: "One payment", at: (site) => {
    front()(site);
    site.pages["/front"] = site.pages["/front"].replace("</farthing-paywall>", '<p slot="alternative">Or <a href="/subscribe" style="color: inherit">subscribe</a> and read everything.</p></farthing-paywall>');
    return `${site.url}/front`;
  } },
  { name: "about", text: "One payment", act: async (page) => { await element(page).locator("[part=button]:visible").hover(); await open(page, "about"); }, has: "li" },
  { name: "details", text: "One payment", act: async (page) => { await element(page).locator("[part=button]:visible").hover(); await open(page, "details"); }, has: "dl" },
  { name: "ways", text: "One payment", before: ({ site }) => { site.more = WAYS; }, act: async (page) => { await near(page); await open(page, "ways"); } },
  { name: "ways-chosen", text: "One payment", before: ({ site }) => { site.more = WAYS; }, act: async (page) => {
    await near(page);
    await open(page, "ways");
    await element(page).getByRole("radio").nth(2).check();
    await open(page, "details");
  } },
  { name: "quoting", text: "Asking for the price", wallets: [{}], at: front({ price: "" }), before: ({ site }) => { site.slow = Infinity; }, act: press },
  { name: "confirm", text: "The price is $0.05 in USDC on Base Sepolia.", wallets: [{}], at: front({ price: "" }), before: ({ site }) => { site.slow = 300; }, act: press },
  { name: "price-changed", text: "The price has changed", wallets: [{}], at: front({ price: "$0.01" }), before: ({ site }) => { site.slow = 300; }, act: press },
  { name: "owned", text: "This page is open for you", at: front(), before: ({ site, profile }) => profile.addCookies([{ name: "pass", value: "1", url: site.article }]), act: (page) => element(page).locator("[part=button]:visible").hover() },
  { name: "choose-wallet", wallets: WALLETS, act: press, has: "[type=radio]" },
  { name: "no-wallet", text: "You need a wallet to pay here", act: press, has: "svg" },
  { name: "no-wallet-phone", text: "Open this page in your wallet", profile: { phone: true, userAgent: PHONE }, act: press, has: ".apps" },
  wallet("connecting", "Connecting to your wallet", "eth_requestAccounts", "never"),
  wallet("switching", "asks to switch to Base Sepolia", "wallet_switchEthereumChain", "never", { wallet: { chainId: 1 } }),
  wallet("signing", "Confirm the payment of $0.05", SIGN, "never"),
  wallet("wallet-waiting", "Your wallet is waiting", SIGN, "never", { clock: true, act: wait(8_500, "Confirm the payment") }),
  wallet("wallet-silent", "Your wallet did not answer", SIGN, "never", { clock: true, act: async (page) => { await wait(8_500, "Confirm the payment")(page); await says(page, "Your wallet is waiting"); await page.clock.fastForward(900_000); } }),
  wallet("rejected", "You cancelled", SIGN, "reject"),
  wallet("locked", "Choose an account in your wallet", "eth_requestAccounts", "locked"),
  wallet("wallet-busy", "has a question open already", "eth_requestAccounts", "busy"),
  wallet("disconnected", "not connected to a network", "eth_requestAccounts", "disconnected"),
  wallet("wrong-network", "Switch your wallet to Base Sepolia", "wallet_addEthereumChain", ["unsupported", "unsupported"], { wallet: { chainId: 1 } }),
  wallet("unsupported-wallet", "This wallet cannot pay here yet", SIGN, "unsupported"),
  { ...wallet("unsupported-of-several", "This wallet cannot pay here yet", SIGN, "unsupported"), wallets: WALLETS, act: async (page) => { await press(page); await element(page).getByRole("radio").first().waitFor(); await page.waitForTimeout(700); await element(page).getByText("io.fox").click(); await press(page); } },
  wallet("wallet-trouble", "Your wallet reported a problem", SIGN, "internal"),
  wallet("low-balance-have", "You need $0.05 USDC on Base Sepolia, you have $0.04 USDC", "eth_call", { result: `0x${(40_000).toString(16).padStart(64, "0")}` }, { has: "#body a" }),
  { ...refusal("low-balance", "Your account has less than", problem(402, "insufficient-funds")), has: "#body a" },
  refusal("settling", "Paying…", "hang"),
  { ...refusal("settling-slow", "Still confirming", "hang"), clock: true, act: wait(6_500, "Paying") },
  refusal("pending", "Your payment is being confirmed", problem(503, "settlement-pending", { "retry-after": "30" })),
  { ...refusal("check", "You can leave", "hang"), act: async (page) => { await press(page); await says(page, "Paying"); await element(page).locator("#cancel").click(); } },
  { ...refusal("offline", "No connection"), before: ({ wallets: [first], profile }) => { first.next(SIGN, async (params) => { await profile.setOffline(true); return account.signTypedData(JSON.parse(params[1])); }); } },
  refusal("delivering", "Paid. Loading your page", problem(502, "paid-not-delivered", { "retry-after": "30" })),
  refusal("expired", "The offer ran out", problem(402, "authorization-expired")),
  refusal("refused", "The payment was not accepted", problem(402, "settlement-refused")),
  { ...refusal("unknown", "what became of your payment"), before: ({ site, wallets: [first] }) => {
    site.next = [problem(503, "busy", { "retry-after": "1" }), { status: 402, slug: "", headers: {}, raw: { error: "insufficient_funds" } }];
    // signed long ago by the server's clock
    first.next(SIGN, async (params) => {
      const typed = JSON.parse(params[1]);
      site.late = Number(typed.message.validBefore) + 120;
      return account.signTypedData(typed);
    });
  } },
  refusal("already-used", "used before", problem(409, "authorization-used")),
  refusal("bound-elsewhere", "belongs to another page", problem(409, "authorization-bound-elsewhere")),
  refusal("undeliverable", "cannot show this page now", problem(502, "origin-unavailable")),
  refusal("approval", "Let Permit2 move USDC", problem(412, "allowance-required")),
  { name: "clock", text: "clock looks wrong", wallets: [{}], clock: Date.now() - 72 * 3_600_000, at: front(), act: press },
  { name: "pinned", text: "not what this page expects", wallets: [{}], at: front({ "max-price": "$0.01" }), act: press },
  { name: "no-offer", text: "cannot be made here", wallets: [{}], at: front(), before: ({ site }) => { site.extra = { version: "1" }; }, act: press },
  { name: "unavailable", text: "The price could not be loaded", wallets: [{}], at: front({ src: "http://other.test/article" }), act: press },
  { name: "restore-sign", text: "Sign in your wallet to show that it paid", ...restoring(["never"]) },
  { name: "restoring", text: "Looking for what you paid", ...restoring((site) => [async ([text]) => { site.slow = Infinity; return account.signMessage({ message: { raw: text } }); }]) },
  { name: "not-owned", text: "This account has not paid", ...restoring([]) },
  { name: "no-restore", text: "cannot look up earlier payments", wallets: [{}], act: (page) => element(page).locator("#already").click() },
  { name: "other-tab", text: "in another tab", wallets: [{}], before: async ({ site, profile }) => {
    site.pages["/other"] = "Another page";
    const other = await profile.newPage();
    await other.goto(`${site.url}/other`);
    await other.evaluate((name) => new Promise((held) => { void navigator.locks.request(name, () => { held(); return new Promise(() => {}); }); }), `farthing:${site.article}`);
  }, act: press },
  { name: "unlocked-link", text: "Paid. Opening your page", wallets: [{}], at: front(), before: ({ site }) => { site.policy = "require-trusted-types-for 'script'; trusted-types 'none'"; }, act: press, has: "#link:not([hidden])" },
  { name: "framed", text: "paying is not safe", at: async (site, { framing }) => {
    framing.pages["/trap"] = `<iframe title="Trap" src="${front()(site)}" style="width: 100%; height: 40rem; border: 0"></iframe>`;
    return `${framing.url}/trap`;
  } },
  { name: "broken-page", text: "could not be loaded", before: ({ site }) => { site.missing.add("farthing.wasm"); }, act: press },
  { name: "broken-embed", text: "could not be loaded", at: front(), before: ({ site }) => { site.missing.add("pay.js"); }, act: (page) => element(page).locator("[part=button]:visible").hover() },
  { name: "button", text: "One payment", at: (site) => bare(site) },
  { ...wallet("button-error", "Your wallet reported a problem", SIGN, "internal"), at: (site) => bare(site) },
  { ...wallet("button-signing", "Confirm the payment of $0.05", SIGN, "never"), at: (site) => bare(site) },
  { name: "button-choose", wallets: WALLETS, at: (site) => bare(site), act: async (page) => {
    await element(page).locator("[part=button]:visible").hover();
    await element(page).locator("#test").waitFor();
    await press(page);
  }, has: "[type=radio]" },
  { name: "receipt", receipt: true, wallets: [{}], at: front(), before: ({ site }) => {
    const settled = { success: true, transaction: `0x${"ab".repeat(32)}`, network: "eip155:84532" };
    site.receipt = { "payment-response": Buffer.from(JSON.stringify(settled)).toString("base64"), "farthing-receipt": "rcpt_4kq2m7" };
    site.body = '<!doctype html><title>Keepers</title><article><h2>Keepers</h2><p>The lamp was lit.</p><farthing-receipt src="/article"></farthing-receipt></article>';
  }, act: async (page) => { await press(page); await page.locator("farthing-receipt").getByText("rcpt_4kq2m7").waitFor(); } },
  { name: "receipt-none", receipt: true, at: (site) => {
    site.pages["/front"] = '<h1>Front page</h1><script type="module" src="/.farthing/farthing.js"></script><farthing-receipt src="/article"></farthing-receipt>';
    return `${site.url}/front`;
  }, act: (page) => page.locator("farthing-receipt").getByText("There is no receipt").waitFor() },
];

const account = privateKeyToAccount(payer.key);

function restoring(answers) {
  return {
    wallets: [{}],
    before: ({ site, wallets: [first] }) => {
      site.extensions = challenge(site);
      first.next("personal_sign", ...(typeof answers === "function" ? answers(site) : answers));
    },
    act: (page) => element(page).locator("#already").click(),
  };
}

function bare(site) {
  front()(site);
  site.pages["/front"] = site.pages["/front"].replaceAll("farthing-paywall", "farthing-button");
  return `${site.url}/front`;
}

/** Brings a reader there. The page, or the frame that the card is in, and what there is to clean up. */
export async function reach(reader, site, situation, options = {}) {
  site.reset();
  const { at = (of) => of.article, wallets: wanted = [], before, act, clock, text, has } = situation;
  const wallets = [];
  const profile = await reader.profile({ ...situation.profile, ...options }, ...wanted.map((wallet) => async (into) => { wallets.push(await installWallet(into, wallet)); }));
  const framing = situation.name === "framed" ? await startSite() : undefined;
  const leave = async () => {
    await profile.setOffline(false);
    await profile.close();
    await framing?.stop();
  };
  try {
    await before?.({ site, wallets, profile });
    const page = await profile.newPage();
    if (clock) await page.clock.install({ time: clock === true ? Date.now() : clock });
    await page.goto(await at(site, { framing }));
    const view = framing ? page.frames().find((frame) => frame.parentFrame()) : page;
    if (!situation.receipt) await element(view).locator("[part=button]:visible").waitFor();
    await act?.(view);
    if (has) await element(view).locator(has).first().waitFor();
    if (text && !situation.receipt) await element(view).locator("[part=message]:not(:empty)").getByText(text).waitFor();
    return { page, view, profile, wallets, element: element(view), leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** The same card in another language, theme or direction, where it stands. */
export const turn = (view, { lang = "en", theme } = {}) => view.evaluate(async ([selector, lang, theme]) => {
  const host = document.querySelector(selector);
  document.documentElement.lang = lang;
  const { style } = document.documentElement;
  style.colorScheme = "light dark";
  // a background of one's own, which axe cannot see otherwise
  if (!document.querySelector("[mode=page]")) style.background = "Canvas";
  document.documentElement.dir = lang === "ar" ? "rtl" : "ltr";
  const same = host.getAttribute("lang") === lang;
  host.setAttribute("lang", lang);
  if (theme) host.setAttribute("theme", theme);
  else host.removeAttribute("theme");
  // a receipt is drawn once for each time that it is put in
  if (!same && host.localName === "farthing-receipt") host.replaceWith(host);
  for (let left = 100; host.shadowRoot.querySelector("section").lang !== lang && left > 0; left -= 1) await new Promise((resolve) => { requestAnimationFrame(resolve); });
  // words of the later parts come right after those of the first look
  if (!same && lang !== "en") await fetch(`/.farthing/${lang}.more.json`).then((answer) => answer.text(), () => {});
  await new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); });
}, [ELEMENTS, lang, theme]);

/** All situations, in lanes: each with a site of its own, for the site is told what to answer. Resolves to what went wrong. */
export async function everywhere(reader, visit, { options = {}, chosen = SITUATIONS, lanes = 4 } = {}) {
  const left = [...chosen];
  const wrong = [];
  await Promise.all(Array.from({ length: lanes }, async () => {
    const site = await startSite();
    for (let situation = left.shift(); situation; situation = left.shift()) {
      try {
        const reached = await reach(reader, site, situation, options);
        try { await visit(reached, situation); } finally { await reached.leave(); }
      } catch (error) { wrong.push(`${situation.name}: ${error.message}`); }
    }
    await site.stop();
  }));
  return wrong;
}
