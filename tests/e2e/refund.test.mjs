// Refunds: what the command says the wallet is to send, the chain on which it is sent, the books, the desk and the access, with the built
// Worker, D1 and anvil. It is the chain that says whether money came back, and the site's keys that say who may write it down.
import assert from "node:assert/strict";
import { createHash, createHmac, hkdfSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { encodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { run } from "../../tools/lib/run.mjs";
import { observer, payTo } from "../support/accounts.mjs";
import { startEdge } from "../support/edge.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { DOOR, DOT, newReader, problemOf, until } from "./reader.mjs";

const COMMAND = join(import.meta.dirname, "../../js/dist/cli/farthing.js");
const PASSWORD = "a password for a test";
const KEYS = randomKeys();
const REASON = `Bought twice – sorry <b>"`;

let paper;
let folder;
before(async () => {
  const desk = { passwordHash: createHash("sha256").update(PASSWORD).digest("hex") };
  paper = await startNewspaper({ books: true, keys: KEYS, change: (config) => ({ ...config, desk, revocation: { list: true } }) });
  folder = await mkdtemp(join(tmpdir(), "farthing-refund-"));
  await writeFile(join(folder, "farthing.jsonc"), JSON.stringify(paper.config));
});
after(async () => {
  await paper?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const command = (args, { keys = KEYS, options = "" } = {}) =>
  run(process.execPath, [COMMAND, "refund", ...args], { check: false, cwd: folder, env: { ...process.env, FARTHING_KEYS: keys, NODE_OPTIONS: options } });
async function refund(...args) {
  const { code, out, err } = await command([...args, "--confirmations", "1", "--json"]);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}
async function refused(args, why, more) {
  const { code, out, err } = await command(args, more);
  assert.deepEqual([code, out], [1, ""], why);
  assert.match(err, why);
}
const written = (receipt) => paper.edge.books.rows("SELECT * FROM refund WHERE receipt = ? ORDER BY at, log_index", receipt);
const desk = async (path) => (await fetch(`${paper.site}/.farthing/desk${path}`, { headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}` } })).text();

/** A payment that the books know: {receipt, reader, paid, cookie, path}. */
async function bought(path = DOOR, known) {
  const reader = known ?? await newReader(paper);
  const response = await reader.send(path, await reader.sign(path));
  assert.equal(response.status, 200);
  const receipt = response.headers.get("farthing-receipt");
  await until("the books know it", async () => (await paper.edge.books.rows("SELECT 1 FROM payment WHERE receipt = ? AND state = 'settled'", receipt)).length === 1, 30);
  const { value, transaction } = (await reader.transfers()).at(-1);
  return { receipt, reader, path, paid: value, transaction, cookie: response.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ") };
}
/** The payee's wallet, or another, sends what the command printed. */
const pays = async ({ to, data }, by = payTo) => (await paper.chain.sendCall(by.key, { to, data })).transactionHash;

/** An order as anybody with these keys would write it. */
function orderOf(entry, { keys = KEYS, site = paper.site, at = Date.now(), purpose = "order" } = {}) {
  const [kid, key] = keys.split(",")[0].split(":");
  const payload = Buffer.alloc(8);
  payload.writeBigUInt64BE(BigInt(at));
  const text = JSON.stringify(entry);
  const signed = `v1.${kid}.${payload.toString("base64url")}`;
  const derived = Buffer.from(hkdfSync("sha256", Buffer.from(key, "base64url"), "", `farthing v1 ${purpose}`, 32));
  return `${signed}.${createHmac("sha256", derived).update(`${signed}\0${site}\0${text}`).digest("base64url")} ${text}`;
}
const send = (order, { site = paper.site, path = "refund", method = "POST" } = {}) =>
  fetch(`${site}/.farthing/${path}`, { method, headers: order === undefined ? {} : { "farthing-order": order } });

test("G5 a refund by the payee's wallet is in the books once, as the chain has it, and the access has ended", async () => {
  const { receipt, reader, paid, path, cookie } = await bought();
  const [balance, ours] = [await paper.chain.balanceOf(reader.address), await paper.chain.balanceOf(payTo.address)];
  const prepared = await refund(`${paper.site}/.farthing/receipts/${receipt}`);
  assert.deepEqual([prepared.payer, prepared.amount, prepared.transaction.chainId, prepared.transaction.from, prepared.transaction.value], [reader.address, String(paid), paper.chain.chainId, payTo.address, "0x0"]);
  assert.equal(prepared.link, `ethereum:${prepared.asset}@${paper.chain.chainId}/transfer?address=${reader.address}&uint256=${paid}`);
  assert.equal((await written(receipt)).length, 0, "nothing is changed by asking");
  assert.equal((await reader.ask(path, { cookie })).status, 200);

  const hash = await pays(prepared.transaction);
  assert.equal(await paper.chain.balanceOf(reader.address), balance + paid);
  assert.equal(await paper.chain.balanceOf(payTo.address), ours - paid);
  await refused([receipt, "--sent", hash], /has \d+ of 12 confirmations/);
  assert.equal((await written(receipt)).length, 0);
  await paper.chain.mine(12);
  const { code, out, err } = await command([receipt, "--sent", hash, "--reason", REASON]);
  assert.equal(code, 0, err);
  assert.match(out, /Written into the books[\s\S]*The access has ended/);

  const [transfer] = await paper.chain.transfersTo(reader.address);
  const { timestamp } = await paper.chain.client.getBlock({ blockNumber: transfer.block });
  const row = { network: paper.network, transaction_hash: hash, log_index: transfer.logIndex, receipt, asset: paper.asset, amount: String(transfer.value), reason: REASON, at: Number(timestamp) };
  assert.deepEqual((await written(receipt)).map((row) => ({ ...row, asset: row.asset.toLowerCase() })), [{ ...row, asset: row.asset.toLowerCase() }]);
  // a second time nothing changes, whatever else is said
  const again = await refund(receipt, "--sent", hash.toUpperCase().replace("0X", "0x"), "--reason", "another");
  assert.deepEqual([again.added, again.refunded, again.access], [false, String(paid), "ended"]);
  assert.equal((await written(receipt))[0].reason, REASON);
  assert.equal((await written(receipt)).length, 1);
  await refused([receipt], /All of it was refunded/);

  // a copy of the list holds for a minute
  await paper.edge.restart();
  assert.equal((await reader.ask(path, { cookie })).status, 402);
  const [{ key }] = await paper.edge.books.rows("SELECT key FROM payment WHERE receipt = ?", receipt);
  const page = await desk(`/payment?${new URLSearchParams({ key })}`);
  for (const text of [hash, "Refunded", "&lt;b&gt;&quot;"]) assert.ok(page.includes(text), text);
  assert.ok(!page.includes("<b>"));
  const list = await desk("/refunds");
  for (const text of [hash, path, "&lt;b&gt;"]) assert.ok(list.includes(text), text);
  const sum = /<dt>Refunded<\/dt><dd><a[^>]*>([^<]*)/;
  assert.match(sum.exec(await desk(""))[1], new RegExp(`^${(Number(paid) / 1e6).toFixed(2).replace(".", "\\.")}\\d* USDC \\(test\\)$`));
  assert.match(await desk("/articles"), /Refunded: <a[^>]*>0\.\d+ USDC/);
  const csv = (await desk("/refunds.csv")).trim().split("\r\n").map((line) => line.split(","));
  assert.equal(csv.length, 2);
  assert.deepEqual([csv[1][csv[0].indexOf("atomic_units")], csv[1][csv[0].indexOf("transaction_hash")]], [String(paid), hash]);
});

test("parts add up to no more than was paid, one of them from another wallet, and the access stays where it is to", async () => {
  const { receipt, reader, paid, path, cookie } = await bought();
  const token = "0.02 USDC";
  await refused([receipt, "--amount", "9999"], /more than was paid/);
  await refused([receipt, "--amount", "0"], /nothing is no refund/);
  await refused([receipt, "--amount", "0.01 EURC"], /paid in USDC, not in EURC/);
  await refused([receipt, "--amount", "0.0000001"], /has 6 decimals/);
  await refused([receipt, "--amount", "lots"], /wants an amount/);
  const part = await refund(receipt, "--amount", token);
  assert.equal(part.amount, "20000");
  const first = await pays(part.transaction);
  assert.equal((await refund(receipt, "--amount", token, "--sent", first, "--keep-access")).access, "kept");
  await paper.edge.restart();
  assert.equal((await reader.ask(path, { cookie })).status, 200);

  const rest = await refund(receipt, "--from", observer.address);
  assert.deepEqual([rest.refunded, rest.amount, rest.transaction.from], ["20000", String(paid - 20000n), observer.address]);
  await refused([receipt, "--amount", `${Number(paid) / 1e6}`], /more than is left/);
  await paper.chain.setBalance(observer.address, 10_000_000n);
  const second = await pays(rest.transaction, observer);
  await refused([receipt, "--sent", second, "--confirmations", "1"], new RegExp(`is sent from ${observer.address}, not from ${payTo.address}`, "i"));
  await refund(receipt, "--from", observer.address, "--sent", second, "--keep-access");
  const rows = await written(receipt);
  assert.equal(rows.reduce((sum, { amount }) => sum + BigInt(amount), 0n), paid);
  assert.equal((await paper.chain.transfersTo(reader.address)).reduce((sum, { value }) => sum + value, 0n), paid);
  // whoever gets past the command is held by the books
  const over = await send(orderOf({ receipt, network: paper.network, transaction: `0x${"ab".repeat(32)}`, log: 0, asset: paper.asset, amount: "1", at: 1_800_000_000 }));
  assert.deepEqual([over.status, await problemOf(over)], [422, "refund-conflict"]);
});

test("G5 what succeeded on the chain is not thereby this refund: each wrong transaction is refused for what it is", async () => {
  const [{ transaction: older }] = await paper.chain.transfersTo();
  const one = await bought();
  const [second, two] = [await bought(DOT, one.reader), await bought()];
  const { receipt, reader, paid } = one;
  assert.equal(second.paid, paid);
  const { dollar } = paper.chain;
  await paper.chain.setBalance(payTo.address, 10n ** 20n, { token: dollar.address });
  const call = async (functionName, args, { by = payTo, to = paper.asset } = {}) => paper.chain.sendCall(by.key, { to, data: encodeFunctionData({ abi: paper.chain.token.abi, functionName, args }) });
  const wrong = [
    [/pays 0x[0-9a-f]{40}, and it was 0x[0-9a-f]{40} who paid/i, await call("transfer", [two.reader.address, paid])],
    [/moves no USDC .*, but another token/, await call("transfer", [reader.address, paid], { to: dollar.address })],
    [/moves 0\.01 USDC, not 0\.0?5/, await call("transfer", [reader.address, 10_000n])],
    [/is sent from 0x[0-9a-f]{40}, not from/i, await call("transfer", [reader.address, paid], { by: two.reader })],
    [/moves no USDC/, await call("approve", [reader.address, paid])],
  ];
  for (const [why, { status, transactionHash }] of wrong) {
    // a naive desk asks whether the transaction went through: each of these did
    assert.equal(status, "success");
    await refused([receipt, "--sent", transactionHash, "--confirmations", "1"], why);
  }
  const account = privateKeyToAccount(payTo.key);
  const { transaction } = await refund(receipt);
  const hash = await paper.chain.client.sendTransaction({ account, to: transaction.to, data: encodeFunctionData({ abi: paper.chain.token.abi, functionName: "transfer", args: [reader.address, 10n ** 30n] }), gas: 100_000n });
  assert.equal((await paper.chain.client.waitForTransactionReceipt({ hash })).status, "reverted");
  await refused([receipt, "--sent", hash], /failed: it moved nothing/);
  await refused([receipt, "--sent", `0x${"12".repeat(32)}`], /knows no such transaction/);
  await refused([receipt, "--sent", one.transaction], /is the payment itself/);
  await refused([receipt, "--sent", older], /older than the payment/);
  await refused([receipt, "--sent", "0x12"], /64 hex digits/);
  await paper.chain.hold(true);
  let sent;
  try {
    sent = await paper.chain.client.sendTransaction({ account, to: transaction.to, data: transaction.data, gas: 100_000n });
    await refused([receipt, "--sent", sent], /in no block yet/);
    assert.deepEqual(await written(receipt), []);
  } finally {
    await paper.chain.hold(false);
  }
  await until("it is mined", async () => (await paper.chain.rpc("eth_getTransactionReceipt", [sent])) !== null, 30);
  await refund(receipt, "--sent", sent, "--keep-access");
  // one transfer is one refund: it is none of the same payer's other payment of as much
  await refused([second.receipt, "--sent", sent, "--confirmations", "1"], /refund of another payment/);
  assert.deepEqual([(await written(receipt)).length, await written(second.receipt), await written(two.receipt)], [1, [], []]);
});

test("G5 what was begun on the desk is not said a second time by the command, unless that is meant", async () => {
  const { receipt, paid } = await bought();
  const [{ key }] = await paper.edge.books.rows("SELECT key FROM payment WHERE receipt = ?", receipt);
  const tell = async (body) => (await fetch(`${paper.site}/.farthing/desk/refund`, {
    method: "POST", headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}`, origin: paper.site, "farthing-desk": "refund", "content-type": "application/json" }, body: JSON.stringify({ key, ...body }),
  })).json();
  const { data, to } = await tell({ do: "begin", amount: "0.02" });
  await refused([receipt], /A refund of 0\.02 USDC was begun on the desk and is not in the books/);
  assert.equal((await refund(receipt, "--again")).amount, String(paid));
  const hash = await pays({ to, data });
  await paper.edge.books.run("UPDATE desk_refund_begun SET transaction_hash = ?2 WHERE receipt = ?1", receipt, hash);
  await refused([receipt, "--json"], new RegExp(`begun on the desk, in ${hash}, and is not`));
  assert.equal((await tell({ do: "look" })).state, "written");
  assert.equal((await refund(receipt)).amount, String(paid - 20_000n));
});

test("G6 a site that says otherwise than the chain is not believed", async () => {
  const { receipt, paid } = await bought();
  const other = await bought(DOT);
  // who takes the site's word sends ten times as much, or another reader's money
  const lies = { amount: { amount: String(paid * 10n) }, transaction: { transaction: other.transaction, amount: String(other.paid) }, payee: { payTo: other.reader.address } };
  for (const [name, lie] of Object.entries(lies)) {
    const file = join(folder, `${name}.mjs`);
    await writeFile(file, `const real = globalThis.fetch;
      globalThis.fetch = async (url, init) => {
        const response = await real(url, init);
        return String(url).includes("/receipts/") ? Response.json({ ...await response.json(), ...${JSON.stringify(lie)} }) : response;
      };`);
    await refused([receipt], /nothing is to be sent/, { options: `--import ${pathToFileURL(file)}` });
  }
  // what the books are said to have: less than nothing was refunded, so more is left than was paid
  for (const [name, entry] of Object.entries({ negative: { amount: String(-paid * 1000n) }, text: { amount: "1e3" }, none: {} })) {
    const file = join(folder, `refunds-${name}.mjs`);
    const answer = { refunds: [{ network: paper.network, transaction_hash: other.transaction, log_index: 0, asset: paper.asset, reason: null, at: 1, ...entry }], added: false };
    await writeFile(file, `const real = globalThis.fetch;
      globalThis.fetch = async (url, init) => String(url).endsWith("/refund") ? Response.json(${JSON.stringify(answer)}) : real(url, init);`);
    await refused([receipt], /./, { options: `--import ${pathToFileURL(file)}` });
  }
  // a wallet of the reader's own, to which they moved other money
  await refused([receipt, "--pay-to", other.reader.address], /nothing is to be sent/);
  await refused([receipt, "--rpc", `${paper.site}/none`], /No endpoint of --rpc is of/);
  await refused([receipt], /not of this site|key that FARTHING_KEYS/, { keys: randomKeys() });
});

test("E6 B8 an order that is forged, old, of another site or about another's receipt writes nothing", async () => {
  const { receipt, paid } = await bought();
  const entry = { receipt, network: paper.network, transaction: `0x${"cd".repeat(32)}`, log: 1, asset: paper.asset, amount: String(paid), at: 1_800_000_000, reason: "x" };
  const good = orderOf(entry);
  const bad = {
    none: undefined, empty: "", "of other keys": orderOf(entry, { keys: randomKeys() }), old: orderOf(entry, { at: Date.now() - 301_000 }), ahead: orderOf(entry, { at: Date.now() + 301_000 }),
    "of another site": orderOf(entry, { site: "https://blog.example" }), "of another purpose": orderOf(entry, { purpose: "pass" }),
    "another amount": good.replace(`"amount":"${paid}"`, '"amount":"1"'), "another receipt": good.replace(receipt, `${receipt.slice(0, -1)}${receipt.endsWith("A") ? "B" : "A"}`),
    "a receipt of nobody": orderOf({ ...entry, receipt: "A".repeat(56) }), "no receipt": orderOf({ ...entry, receipt: undefined }), "no JSON": `${good.slice(0, -1)}`,
  };
  for (const [name, order] of Object.entries(bad)) {
    const response = await send(order);
    assert.deepEqual([response.status, await problemOf(response)], [403, "order-invalid"], name);
  }
  for (const changed of [{ amount: "0" }, { amount: 5 }, { amount: "-1" }, { amount: null }, { transaction: "0x1" }, { transaction: null }, { at: -1 }, { log: -1 }, { network: "x" }, { asset: "0x" }, { reason: 5 }, { reason: "x".repeat(201) }]) {
    const response = await send(orderOf({ ...entry, ...changed }));
    assert.deepEqual([response.status, await problemOf(response)], [403, "order-invalid"], JSON.stringify(changed));
  }
  const taken = await send(good, { path: "revoke" });
  assert.deepEqual([taken.status, await problemOf(taken)], [403, "order-invalid"], "nor does it revoke anything");
  assert.equal((await send(good, { method: "GET" })).status, 405);
  assert.deepEqual(await written(receipt), []);
  // and the same order, whole, is taken, twice, and once written
  for (const added of [true, false]) {
    const response = await send(good);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("cache-control"), /no-store/);
    const answer = await response.json();
    assert.deepEqual([answer.added, answer.refunds.length], [added, 1]);
  }
  const other = await send(orderOf({ ...entry, receipt: (await bought(DOT)).receipt }));
  assert.deepEqual([other.status, await problemOf(other)], [422, "refund-conflict"], "one transfer refunds one payment");
  const token = await send(orderOf({ ...entry, log: 2, asset: paper.chain.dollar.address, amount: "1" }));
  assert.deepEqual([token.status, await problemOf(token)], [422, "refund-conflict"]);
});

test("a site without books says so before anything is sent, and one without a list before anything is written", async () => {
  const bare = await startEdge({ config: (site) => ({ ...paper.config, site }), keys: KEYS });
  try {
    const reader = (await newReader(paper)).as({ site: bare.url });
    const response = await reader.send(DOOR, await reader.sign(DOOR));
    const receipt = response.headers.get("farthing-receipt");
    await refused([receipt, "--site", bare.url, "--rpc", paper.chain.url], /keeps no books/);
    await refused([receipt, "--site", bare.url], /--site needs --rpc/);
  } finally {
    await bare.stop();
  }
  const { receipt } = await bought();
  const hash = await pays((await refund(receipt)).transaction);
  await writeFile(join(folder, "bare.jsonc"), JSON.stringify({ ...paper.config, revocation: undefined }));
  await refused([receipt, "--sent", hash, "--config", "bare.jsonc", "--confirmations", "1"], /keeps no list by which access ends/);
  assert.deepEqual(await written(receipt), []);
});
