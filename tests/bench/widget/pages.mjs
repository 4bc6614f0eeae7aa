// The pages that are compared: which control each has for paying, and how a reader pays with it once that can be used.
import { ARTICLE_TEXT } from "./site.mjs";

const press = (page) => page.getByRole("button", { name: /^Pay\b/ }).first().click();

/** The chain, as far as @x402/paywall asks it: what the wallet holds, in a token of six decimals. */
async function withChain(page) {
  const word = (value) => `0x${value.toString(16).padStart(64, "0")}`;
  const result = ({ method, params }) => (method === "eth_call" ? word(params[0].data.startsWith("0x313ce567") ? 6 : 1_000_000_000) : "0x14a34");
  const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
  await page.route("https://sepolia.base.org/**", async (route) => {
    if (route.request().method() === "OPTIONS") return route.fulfill({ status: 204, headers });
    const asked = route.request().postDataJSON();
    const one = (question) => ({ jsonrpc: "2.0", id: question.id, result: result(question) });
    return route.fulfill({ headers, json: Array.isArray(asked) ? asked.map(one) : one(asked) });
  });
}

// It asks for a wallet to be chosen first, then for it to be connected.
async function throughPaywall(page) {
  await withChain(page);
  await page.getByRole("combobox").selectOption({ label: "Test Wallet" });
  await page.getByRole("button", { name: "Connect wallet" }).click();
  await page.getByRole("button", { name: "Pay now" }).click();
}

const BUTTON = "button, a[href], input[type=button], input[type=submit]";
const usual = { control: BUTTON, name: "^Pay\\b", press };

/** By name; `ours`: held against the bars. `control` and `name` say which element has to be usable. */
export const PAGES = {
  edge: { title: "ours, 402 page", ours: true, ...usual },
  embed: { title: "ours, embedded", ours: true, ...usual },
  paywall: { title: "@x402/paywall", control: `select, ${BUTTON}`, name: "^(Pay|Connect|Select a wallet)", press: throughPaywall },
  fetch: { title: "@x402/fetch and viem", ...usual },
  inline: { title: "an inline button", ...usual },
};

/** Pays, and waits for what was paid for. */
export async function pay(name, page) {
  await PAGES[name].press(page);
  await page.getByText(ARTICLE_TEXT).waitFor();
}
