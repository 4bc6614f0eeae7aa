// Sending back from the desk with a real provider in Chromium: what the wallet sends, the chain has, and the books say are the same; it is never
// sent twice; and no other site's page can begin one.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { encodeFunctionData } from "viem";
import { listen } from "../../tools/lib/processes.mjs";
import { observer, payTo } from "../support/accounts.mjs";
import { launch } from "../support/browser.mjs";
import { readBody } from "../support/http.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { installWallet } from "../support/wallet.mjs";
import { DOOR, DOT, newReader, until } from "../e2e/reader.mjs";

const PASSWORD = "a password for a test";
const hash = createHash("sha256").update(PASSWORD).digest("hex");
const basic = { authorization: `Basic ${btoa(`:${PASSWORD}`)}` };

let paper;
let browser;
before(async () => {
  [paper, browser] = await Promise.all([startNewspaper({ books: true, change: (config) => ({ ...config, desk: { passwordHash: hash } }) }), launch()]);
  await paper.chain.client.setBalance({ address: payTo.address, value: 10n ** 18n });
});
after(async () => { await browser?.close(); await paper?.stop(); });

/** A payment that the books know, and the address of its page. */
async function bought(path = DOOR) {
  const reader = await newReader(paper);
  assert.equal((await reader.send(path, await reader.sign(path))).status, 200);
  let row;
  await until("the books know it", async () => {
    [row] = await paper.edge.books.rows("SELECT * FROM payment WHERE payer = ? COLLATE NOCASE AND state = 'settled'", reader.address);
    return row !== undefined;
  }, 30);
  return { reader, row, url: `${paper.site}/.farthing/desk/payment?${new URLSearchParams({ key: row.key })}` };
}
const written = ({ receipt }) => paper.edge.books.rows("SELECT * FROM refund WHERE receipt = ?", receipt);
const begun = ({ receipt }) => paper.edge.books.rows("SELECT * FROM desk_refund_begun WHERE receipt = ?", receipt).catch((error) => {
  // the first one makes it
  if (/no such table/.test(error.message)) return [];
  throw error;
}).then((rows) => rows.map((row) => ({ ...row })));
/** A publisher's browser, whose wallet is the payee's, under the desk's own policy. */
async function publisher(options = {}) {
  const context = await browser.browser.newContext({ httpCredentials: { username: "x", password: PASSWORD } });
  const wallet = await installWallet(context, { key: payTo.key, rpc: paper.chain.url, chainId: paper.chain.chainId, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => message.type() === "error" && !/status of 4\d\d/.test(message.text()) && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(error.message));
  return { context, wallet, page, wrong, end: () => context.close() };
}
const SEND = { name: "Refund with a wallet" };
const says = (page, text) => page.getByRole("status").filter({ hasText: text }).waitFor();
const post = (body, headers = {}, at = paper.site) => fetch(`${at}/.farthing/desk/refund`, {
  method: "POST", headers: { ...basic, origin: paper.site, "sec-fetch-site": "same-origin", "farthing-desk": "refund", "content-type": "application/json", ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

test("G5 G8 the payee's wallet sends it back: wallet, chain and books say the same, once", async () => {
  const { reader, row, url } = await bought();
  const [theirs, ours] = [await paper.chain.balanceOf(reader.address), await paper.chain.balanceOf(payTo.address)];
  const { page, wallet, wrong, end } = await publisher();
  try {
    const response = await page.goto(url);
    assert.match(response.headers()["content-security-policy"], new RegExp(`; script-src ${paper.site}/\\.farthing/desk/wallet\\.js; connect-src ${paper.site}/\\.farthing/desk/refund$`));
    assert.equal(await page.getByLabel("Amount in USDC").inputValue(), "0.05");
    await page.getByLabel("Reason").fill(`Sorry <b>"`);
    await page.getByRole("button", SEND).click();
    await page.getByText("Refunded").first().waitFor();
    assert.equal(await page.getByRole("button", SEND).count(), 0, "nothing is left");
    const [{ params: [sent] }, ...more] = wallet.requestsOf("eth_sendTransaction");
    assert.deepEqual(more, []);
    assert.deepEqual(sent, { from: payTo.address.toLowerCase(), to: row.asset, value: "0x0", chainId: `0x${paper.chain.chainId.toString(16)}`,
      data: encodeFunctionData({ abi: paper.chain.token.abi, functionName: "transfer", args: [reader.address, 50_000n] }) });
    const [transfer] = await paper.chain.transfersTo(reader.address);
    const [kept, ...others] = await written(row);
    assert.deepEqual(others, []);
    assert.deepEqual([kept.transaction_hash, kept.log_index, kept.amount, kept.reason], [transfer.transaction, transfer.logIndex, "50000", `Sorry <b>"`]);
    assert.deepEqual([await paper.chain.balanceOf(reader.address) - theirs, ours - await paper.chain.balanceOf(payTo.address)], [50_000n, 50_000n]);
    assert.deepEqual(await begun(row), []);
    assert.deepEqual(wrong, []);
    const again = await post({ do: "begin", key: row.key, amount: "0.01" });
    assert.deepEqual([again.status, (await again.json()).problem], [422, "too-much"]);
  } finally {
    await end();
  }
});

test("a part, in the token's own digits; what is too much or too fine is refused before the wallet is asked", async () => {
  const { row, url } = await bought();
  const { page, context, wallet, end } = await publisher({ name: "One" });
  const other = await installWallet(context, { key: observer.key, rpc: paper.chain.url, chainId: paper.chain.chainId, name: "Two", rdns: "two.wallet" });
  try {
    await page.goto(url);
    await page.locator("[name=wallet]").selectOption("Two");
    await page.getByRole("button", SEND).click();
    await says(page, "choose that account there");
    assert.deepEqual([other.requestsOf("eth_requestAccounts").length, wallet.requests.length], [1, 0]);
    await page.locator("[name=wallet]").selectOption("One");
    for (const [typed, text] of [["9", "is more than is left: 0.05 USDC"], ["0.0000001", "6 digits after the point"], ["0", "Nothing is no refund"], ["1e-2", "An amount is digits"], ["-0.01", "An amount is digits"], ["0,01", "An amount is digits"]]) {
      await page.getByLabel("Amount in USDC").fill(typed);
      await page.getByRole("button", SEND).click();
      await says(page, text);
    }
    assert.equal(wallet.requestsOf("eth_sendTransaction").length, 0);
    assert.deepEqual(await begun(row), []);
    await page.getByLabel("Amount in USDC").fill("0.020001");
    await page.getByRole("button", SEND).click();
    await page.getByText("0.029999 USDC is left").waitFor();
    assert.deepEqual((await written(row)).map(({ amount }) => amount), ["20001"]);
  } finally {
    await end();
  }
});

test("another account, another network, a no: nothing is sent, and it can be tried again", async () => {
  const { row, url } = await bought(DOT);
  const other = await publisher({ key: observer.key });
  try {
    await other.page.goto(url);
    await other.page.getByRole("button", SEND).click();
    await says(other.page, "choose that account there");
  } finally {
    await other.end();
  }
  const away = await publisher({ chainId: 1, chains: [1] });
  try {
    await away.page.goto(url);
    await away.page.getByRole("button", SEND).click();
    await says(away.page, "The wallet does not know Base Sepolia");
    away.wallet.state.chains.add(paper.chain.chainId);
    away.wallet.next("wallet_switchEthereumChain", { result: null });
    await away.page.getByRole("button", SEND).click();
    await says(away.page, "The wallet is not on Base Sepolia: nothing was sent");
    // it goes there, and is elsewhere again when it is asked to send
    let asked = 0;
    away.wallet.always("eth_chainId", () => `0x${(asked++ < 1 ? paper.chain.chainId : 1).toString(16)}`);
    away.wallet.next("wallet_switchEthereumChain", { result: null });
    await away.page.getByRole("button", SEND).click();
    await says(away.page, "The wallet is not on Base Sepolia: nothing was sent");
    away.wallet.reset();
    assert.deepEqual(await begun(row), []);
    away.wallet.next("eth_sendTransaction", "reject");
    await away.page.getByRole("button", SEND).click();
    await says(away.page, "You declined: nothing was sent.");
    assert.deepEqual([await begun(row), await written(row)], [[], []]);
    await away.page.getByRole("button", SEND).click();
    await away.page.getByText("Refunded").first().waitFor();
    assert.equal((await written(row)).length, 1);
  } finally {
    await away.end();
  }
});

test("G5 left while it waits and come back to: the transaction is there, nobody can send a second one, and it ends in the books", async () => {
  const { reader, row, url } = await bought();
  const { page, context, wallet, end } = await publisher();
  await paper.chain.hold(true);
  let held = true;
  try {
    await page.goto(url);
    await page.getByRole("button", SEND).click();
    await says(page, "in no block yet");
    await page.close();
    const later = await context.newPage();
    await later.goto(url);
    const [{ transaction_hash: sent }] = await begun(row);
    await later.getByText(sent).first().waitFor();
    assert.equal(await later.getByRole("button", SEND).count(), 0);
    await says(later, "in no block yet");
    const trouble = await (await fetch(`${paper.site}/.farthing/desk/trouble`, { headers: basic })).text();
    assert.ok(trouble.includes("Refunds under way") && trouble.includes(sent));
    const second = await post({ do: "begin", key: row.key, amount: "0.01" });
    assert.deepEqual([second.status, (await second.json()).problem], [409, "begun"]);
    const drop = await post({ do: "drop", key: row.key });
    assert.deepEqual([drop.status, (await drop.json()).problem], [409, "under-way"]);
    await paper.chain.hold(false);
    held = false;
    await later.getByText("Refunded").first().waitFor({ timeout: 30_000 });
    assert.equal(wallet.requestsOf("eth_sendTransaction").length, 1);
    assert.deepEqual((await written(row)).map(({ transaction_hash: one }) => one), [sent]);
    assert.equal((await paper.chain.transfersTo(reader.address)).length, 1);
  } finally {
    if (held) await paper.chain.hold(false);
    await end();
  }
});

test("G5 a wallet that does not say what became of it: it counts as sent until somebody looked", async () => {
  const { reader, row, url } = await bought();
  const { page, wallet, end } = await publisher();
  try {
    await page.goto(url);
    let sent;
    wallet.next("eth_sendTransaction", async ([{ to, data }]) => {
      ({ transactionHash: sent } = await paper.chain.sendCall(payTo.key, { to, data }));
      throw Object.assign(new Error("the connection to the phone was lost"), { code: -32603 });
    });
    await page.getByRole("button", SEND).click();
    await page.getByText("how it ended was not told").waitFor();
    assert.equal(await page.getByRole("button", SEND).count(), 0);
    // not this one, and then this one
    await page.getByLabel("Transaction").fill(row.transaction_hash);
    await page.getByRole("button", { name: "It was sent in this one" }).click();
    await says(page, "This is the payment itself");
    const { transactionHash: small } = await paper.chain.send({ by: payTo, functionName: "transfer", args: [reader.address, 1n] });
    await page.getByLabel("Transaction").fill(small);
    await page.getByRole("button", { name: "It was sent in this one" }).click();
    await says(page, "This transaction moves another amount");
    await page.getByLabel("Transaction").fill(sent);
    await page.getByRole("button", { name: "It was sent in this one" }).click();
    await page.getByText("Refunded").first().waitFor();
    assert.deepEqual((await written(row)).map(({ transaction_hash: one }) => one), [sent]);

    // and the same transaction is no refund of another payment
    const other = await bought();
    assert.equal((await post({ do: "begin", key: other.row.key, amount: "0.05" })).status, 200);
    const said = await (await post({ do: "sent", key: other.row.key, transaction: sent })).json();
    assert.equal(said.state, "wrong");
    await page.goto(other.url);
    await says(page, "older than the payment");
    await page.getByRole("button", { name: "give it up" }).click();
    await page.getByRole("button", SEND).waitFor();
    assert.deepEqual([await begun(other.row), await written(other.row)], [[], []]);
  } finally {
    await end();
  }
});

test("G5 another amount was sent: it is written down as what the chain says, and only the rest is offered", async () => {
  const { reader, row, url } = await bought();
  const { page, wrong, end } = await publisher();
  try {
    assert.equal((await post({ do: "begin", key: row.key, amount: "0.05", reason: "Twice" })).status, 200);
    const { transactionHash } = await paper.chain.send({ by: payTo, functionName: "transfer", args: [reader.address, 30_000n] });
    const said = await (await post({ do: "sent", key: row.key, transaction: transactionHash })).json();
    assert.deepEqual([said.state, said.why, said.moved], ["wrong", "other-amount", "30000"]);
    for (const moved of ["50000", "1", undefined, 30_000]) assert.equal((await post({ do: "other", key: row.key, moved })).status, 409, moved);
    assert.deepEqual(await written(row), []);
    await page.goto(url);
    await says(page, "0.03 USDC went back to the account that paid, not 0.05 USDC");
    await page.getByRole("button", { name: "Write it down as 0.03 USDC" }).click();
    await page.getByText("0.02 USDC is left").waitFor();
    assert.deepEqual((await written(row)).map(({ amount, transaction_hash: one, reason }) => [amount, one, reason]), [["30000", transactionHash, "Twice"]]);
    assert.deepEqual(await begun(row), []);
    // and no more than was paid
    assert.equal((await post({ do: "begin", key: row.key, amount: "0.02" })).status, 200);
    const { transactionHash: more } = await paper.chain.send({ by: payTo, functionName: "transfer", args: [reader.address, 40_000n] });
    await post({ do: "sent", key: row.key, transaction: more });
    const much = await post({ do: "other", key: row.key, moved: "40000" });
    assert.deepEqual([much.status, (await much.json()).problem], [422, "too-much"]);
    assert.equal((await written(row)).length, 1);
    assert.deepEqual(wrong, []);
  } finally {
    await end();
  }
});

test("G5 a transaction that nobody knows yet is given up ten minutes after it was told, not after the refund was begun", async () => {
  const { row } = await bought();
  assert.equal((await post({ do: "begin", key: row.key, amount: "0.05" })).status, 200);
  const later = () => paper.edge.books.run("UPDATE desk_refund_begun SET at = at - 700 WHERE receipt = ?1", row.receipt);
  const transaction = `0x${"cd".repeat(32)}`;
  const drop = async () => (await post({ do: "drop", key: row.key })).status;
  await later();
  const told = await (await post({ do: "sent", key: row.key, transaction })).json();
  assert.deepEqual([told.state, told.why], ["waits", "not-there"]);
  assert.equal(await drop(), 409);
  await later();
  // told again is not told later
  await post({ do: "sent", key: row.key, transaction });
  assert.equal(await drop(), 200);
  assert.deepEqual(await begun(row), []);
});

test("a contract that was paid: the transaction to copy, and its hash once it was sent; as without any wallet", async () => {
  const { row, url } = await bought();
  const { page, wallet, end } = await publisher();
  try {
    await page.goto(url);
    wallet.next("eth_getCode", { result: "0x6080" });
    await page.getByRole("button", SEND).click();
    await says(page, "A contract was paid");
    assert.equal(wallet.requestsOf("eth_sendTransaction").length, 0);
    await page.getByLabel("Amount in USDC").fill("0.03");
    await page.getByLabel("Reason").focus();
    const data = page.locator("#data");
    await until("the transaction follows the amount", async () => (await data.textContent()).endsWith((30_000).toString(16).padStart(64, "0")));
    const { transactionHash } = await paper.chain.sendCall(payTo.key, { to: await page.locator("#to").textContent(), data: await data.textContent() });
    await page.getByLabel("Transaction").fill(transactionHash);
    await page.getByRole("button", { name: "It was sent in this one" }).click();
    await page.getByText("0.02 USDC is left").waitFor();
    assert.deepEqual((await written(row)).map(({ amount, transaction_hash: one }) => [amount, one]), [["30000", transactionHash]]);
  } finally {
    await end();
  }
});

/** A desk that asks who it is, as ours does, and not whose page has sent it. */
async function naiveDesk() {
  const server = createServer(async (request, response) => {
    const headers = { origin: paper.site, "sec-fetch-site": "same-origin", "farthing-desk": "refund", "content-type": "application/json" };
    if (request.headers.authorization) headers.authorization = request.headers.authorization;
    const answer = await fetch(paper.site + request.url, { method: request.method, headers, ...(request.method === "POST" && { body: await readBody(request) }) });
    response.writeHead(answer.status, Object.fromEntries(["content-type", "www-authenticate"].flatMap((name) => (answer.headers.get(name) ? [[name, answer.headers.get(name)]] : []))));
    response.end(await answer.text());
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, stop: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }) };
}

test("G8 another site's page begins no refund, by a form or by a script, though a naive desk lets it", async () => {
  const { row } = await bought();
  const naive = await naiveDesk();
  const evil = createServer((request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>evil</title>"));
  const place = `http://127.0.0.1:${await listen(evil)}`;
  const body = JSON.stringify({ do: "begin", key: row.key, amount: "0.01", x: "" });
  const attacks = {
    form: async (page, at) => {
      await page.goto(place);
      await page.evaluate(([at, text]) => {
        const form = Object.assign(document.createElement("form"), { method: "post", action: `${at}/.farthing/desk/refund`, enctype: "text/plain" });
        form.append(Object.assign(document.createElement("input"), { name: text.slice(0, -2), value: '"}' }));
        document.body.append(form);
        form.submit();
      }, [at, body]);
      await page.waitForURL(`${at}/**`);
    },
    script: async (page, at) => {
      await page.goto(place);
      await page.evaluate(([at, text]) => fetch(`${at}/.farthing/desk/refund`, { method: "POST", mode: "no-cors", credentials: "include", body: text }).catch(() => {}), [at, body]);
    },
    // what asks before it sends is not let
    asking: async (page, at) => {
      await page.goto(place);
      await page.evaluate(([at, text]) => fetch(`${at}/.farthing/desk/refund`, { method: "POST", credentials: "include", headers: { "content-type": "application/json", "farthing-desk": "refund" }, body: text }).catch(() => {}), [at, body]);
    },
  };
  try {
    for (const [name, attack] of Object.entries(attacks)) {
      for (const [at, lands] of [[naive.url, name !== "asking"], [paper.site, false]]) {
        const context = await browser.browser.newContext({ httpCredentials: { username: "x", password: PASSWORD } });
        const page = await context.newPage();
        // who is signed in already, as a publisher is
        await page.goto(`${at}/.farthing/desk/payments`);
        await attack(page, at);
        assert.equal((await begun(row)).length, lands ? 1 : 0, `${name} at ${at === naive.url ? "a naive desk" : "ours"}`);
        await paper.edge.books.run("DELETE FROM desk_refund_begun");
        await context.close();
      }
    }
  } finally {
    evil.closeAllConnections();
    evil.close();
    await naive.stop();
  }
});

test("G8 B8 whatever is not the desk's own request is refused, and changes nothing", async () => {
  const { row } = await bought();
  const good = { do: "begin", key: row.key, amount: "0.01" };
  const strange = [
    { origin: "https://evil.example" }, { origin: "null" }, { origin: `${paper.site}.evil.example` }, { origin: paper.site.replace("http:", "https:") }, { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }, { "sec-fetch-site": "none" },
    { "farthing-desk": "" }, { "farthing-desk": "1" }, { "content-type": "text/plain" }, { "content-type": "application/x-www-form-urlencoded" }, { "content-type": "text/plain; application/json" },
  ];
  for (const headers of strange) assert.equal((await post(good, headers)).status, 403, JSON.stringify(headers));
  assert.equal((await post(good, { authorization: "" })).status, 401);
  for (const body of ["", "{", "null", "[]", { ...good, do: "toString" }, { ...good, do: ["begin"] }, { ...good, key: 5 }]) assert.equal((await post(body)).status, 400, JSON.stringify(body));
  assert.equal((await post(`{"do":"${"x".repeat(5000)}"}`)).status, 413);
  assert.equal((await post({ ...good, key: "none" })).status, 404);
  for (const body of [{ ...good, amount: 1 }, { ...good, amount: null }, { ...good, reason: 5 }, { ...good, reason: "x".repeat(201) }, { ...good, amount: "0.050001" }]) assert.equal((await post(body)).status, 422, JSON.stringify(body));
  for (const what of ["sent", "drop"]) assert.equal((await post({ do: what, key: row.key, transaction: `0x${"ab".repeat(32)}` })).status, 409);
  for (const method of ["PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const response = await fetch(`${paper.site}/.farthing/desk/refund`, { method, headers: basic });
    assert.equal(response.status, 405, method);
    assert.equal(response.headers.get("access-control-allow-origin"), null);
  }
  assert.deepEqual(await begun(row), []);
  const script = await fetch(`${paper.site}/.farthing/desk/wallet.js`);
  assert.equal(script.status, 401, "the script, too, is for who was let in");
  assert.match((await (await fetch(`${paper.site}/.farthing/desk/payments`, { headers: basic })).headers.get("content-security-policy")), /^default-src 'none'; style-src [^;]+; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/);
  // and only what the chain has as the books do
  await paper.edge.books.run("UPDATE payment SET charged = '60000' WHERE key = ?1", row.key);
  const lie = await post({ ...good, amount: "0.06" });
  assert.deepEqual([lie.status, (await lie.json()).problem], [422, "not-on-chain"]);
  await paper.edge.books.run("UPDATE payment SET charged = '50000' WHERE key = ?1", row.key);
});
