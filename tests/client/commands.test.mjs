// The commands that pay, as somebody at a terminal or an assistant runs them, against our own Worker on a real chain.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { run } from "../../tools/lib/run.mjs";
import { needles, LOG, PAWN, newReader } from "../e2e/reader.mjs";
import { startNewspaper } from "../support/newspaper.mjs";

const command = join(import.meta.dirname, "../../js/dist/cli/farthing.js");
const place = mkdtempSync(join(tmpdir(), "farthing-commands-"));
let paper;
before(async () => { paper = await startNewspaper({ hostile: true }); });
after(async () => {
  await paper?.stop();
  rmSync(place, { recursive: true, force: true });
});

let stores = 0;
/** A reader with money, and a terminal of theirs. */
async function atTerminal() {
  const reader = await newReader(paper);
  const store = join(place, `store-${stores++}`);
  const env = { ...process.env, FARTHING_PRIVATE_KEY: reader.key };
  const farthing = (...args) => run(process.execPath, [command, ...args, "--store", store], { env, check: false });
  return { reader, store, env, farthing };
}

test("pay: the page on standard output, once paid, and the same again for nothing", async () => {
  const { reader, farthing } = await atTerminal();
  const first = await farthing("pay", paper.site + LOG, "--max", "$1");
  assert.equal(first.code, 0, first.err);
  assert.ok(first.out.includes(needles[LOG][0]));
  assert.match(first.err, /^Paying 0\.1 USDC on Base Sepolia \(eip155:84532\) to 0x[0-9a-fA-F]{40} \(test money, worth nothing\) …\nPayment sent, waiting for the page …\nPaid 0\.1 USDC .*, transaction 0x[0-9a-f]{64}\.\n$/);
  const second = await farthing("pay", paper.site + LOG);
  assert.deepEqual([second.code, second.err, second.out], [0, "Nothing had to be paid.\n", first.out]);
  assert.equal((await reader.transfers()).length, 1);
  const { out } = await farthing("receipts", "--json", "--total", "$1");
  const { receipts, budget } = JSON.parse(out);
  assert.deepEqual(receipts.map(({ url, decimal, state }) => [url, decimal, state]), [[paper.site + LOG, "0.1", "paid"]]);
  assert.deepEqual([budget.total, budget.open], [{ spent: "0.10", left: "0.90" }, 0]);
  assert.match((await farthing("receipts")).out, /0\.1 USDC {2}eip155:84532 {2}http/);
});

test("pay: what is not allowed is said and not signed, each with its exit code", async () => {
  const { reader, farthing, store, env } = await atTerminal();
  for (const [args, code, says] of [
    [["--max", "$0.01"], 3, /^Not paid: 0\.1 USDC is over the limit of \$0\.01 \(too-dear\)\n$/],
    [["--max", "$1", "--total", "$0.05"], 3, /^Not paid: \$0\.10 more is over the budget of \$0\.05 in all: \$0\.00 of it is spent \(over-budget-total\)\n$/],
    [["--max", "$1", "--host", "other.example"], 3, /host-not-allowed/],
    [["--max", "$1", "--dry-run"], 0, /^Would pay: 0\.1 USDC on Base Sepolia \(eip155:84532\) to 0x/],
    [["--max", "a dime"], 2, /^--max: like "\$0\.10" or "0\.10 USDC", not "a dime"\n$/],
    [["--max", "$1", "--total", "much"], 2, /^--total: like "\$0\.10", not "much"\n$/],
    [["--max", "$1", "--network", "base"], 2, /^--network: like "eip155:8453", not "base"\n$/],
  ]) {
    const done = await farthing("pay", paper.site + LOG, ...args);
    assert.deepEqual([done.code, done.out], [code, ""], args.join(" "));
    assert.match(done.err, says);
  }
  const { FARTHING_PRIVATE_KEY: key, ...bare } = env;
  const keyless = await run(process.execPath, [command, "pay", paper.site + LOG, "--store", store], { env: bare, check: false });
  assert.deepEqual([keyless.code, keyless.out], [3, ""]);
  assert.match(keyless.err, /FARTHING_PRIVATE_KEY/);
  const file = join(place, "key");
  writeFileSync(file, key, { mode: 0o644 });
  const open = await run(process.execPath, [command, "pay", paper.site + LOG, "--store", store, "--key-file", file], { env: bare, check: false });
  assert.match(open.err, /can be read by others of this machine: chmod 600/);
  assert.deepEqual(await reader.transfers(), []);
  chmodSync(file, 0o600);
  const output = join(place, "page.html");
  const paid = await run(process.execPath, [command, "pay", paper.site + LOG, "--store", store, "--key-file", file, "--json", "--output", output], { env: bare, check: false });
  assert.equal(paid.code, 0, paid.err);
  const { status, paid: receipt, bytes } = JSON.parse(paid.out);
  assert.deepEqual([status, receipt.decimal, bytes], [200, "0.1", readFileSync(output).length]);
  assert.ok(!paid.out.includes(key.slice(2)) && !paid.err.includes(key.slice(2)));
});

test("mcp: an assistant asks what it costs, buys it, and is stopped by the budget", async (t) => {
  const { reader, store, env } = await atTerminal();
  const client = new Client({ name: "an assistant", version: "1" });
  const transport = new StdioClientTransport({ command: process.execPath, args: [command, "mcp", "--store", store, "--allow-private", "--max", "$1", "--total", "$0.10"], env, stderr: "inherit" });
  await client.connect(transport);
  t.after(() => client.close());
  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ["quote", "pay_and_fetch", "budget"]);
  const call = async (name, args) => {
    const { content, isError = false } = await client.callTool({ name, arguments: args });
    return { isError, texts: content.map(({ text }) => text) };
  };
  const quoted = await call("quote", { url: paper.site + LOG });
  assert.match(JSON.parse(quoted.texts[0]).wouldPay, /^0\.1 USDC on Base Sepolia \(eip155:84532\) to 0x/);
  const bought = await call("pay_and_fetch", { url: paper.site + LOG });
  assert.ok(bought.texts[1].includes(needles[LOG][0]));
  assert.match(JSON.parse(bought.texts[0]).paid, /^0\.1 USDC .* transaction 0x/);
  assert.deepEqual(JSON.parse((await call("pay_and_fetch", { url: paper.site + LOG })).texts[0]).paid, "nothing");
  const over = await call("pay_and_fetch", { url: paper.site + PAWN });
  assert.deepEqual([over.isError, JSON.parse(over.texts[0]).reason], [true, "over-budget-total"]);
  assert.deepEqual(JSON.parse((await call("budget", {})).texts[0]).total, { spent: "0.10", left: "0.00" });
  assert.deepEqual(await call("pay_and_fetch", { url: "file:///etc/passwd" }), { isError: true, texts: ['"file:///etc/passwd" is no address of the web'] });
  assert.equal((await reader.transfers()).length, 1);
});
