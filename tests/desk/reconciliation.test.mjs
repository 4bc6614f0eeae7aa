// Chain, books and facilitator on the desk: real payments, and books in which something is wrong. Each thing that is wrong is shown as itself.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { observer, payTo } from "../support/accounts.mjs";
import { startChain } from "../support/chain.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DATA, DOOR, DOT, PAWN, PRICES, newReader, until } from "../e2e/reader.mjs";

const PASSWORD = "a password for a test";
const hash = createHash("sha256").update(PASSWORD).digest("hex");
const AGREE = "Chain, books and facilitator agree.";

let paper;
const readers = [];
before(async () => {
  paper = await startNewspaper({ hostile: true, books: true, change: (config) => ({ ...config, desk: { passwordHash: hash } }) });
  for (const [path, v1] of [[DOOR, false], [DATA, false], [PAWN, true], [DOT, false]]) {
    const reader = await newReader(paper);
    assert.equal((await reader.send(path, await reader.sign(path, { v1 }))).status, 200);
    readers.push(reader);
  }
  await until("the books have all", async () => (await paper.edge.books.rows("SELECT key FROM payment WHERE state = 'settled'")).length === 4, 30);
});
after(() => paper?.stop());

async function page(query = "") {
  const response = await fetch(`${paper.site}/.farthing/desk/reconciliation${query}`, { headers: { authorization: `Basic ${btoa(`:${PASSWORD}`)}` } });
  assert.equal(response.status, 200);
  return await response.text();
}
/** The cells of each row of the table with this caption. */
function rowsOf(html, caption) {
  const [, body] = new RegExp(`<caption>${caption}</caption>[\\s\\S]*?<tbody>([\\s\\S]*?)</tbody>`).exec(html) ?? [];
  return body?.split("<tr>").slice(1).map((row) => row.split(/<td[^>]*>/).slice(1).map((cell) => cell.replace(/<[^>]+>/g, "").trim()));
}
const verdict = (html) => /<strong>([^<]*)/.exec(html)[1];
const rowOf = async ({ address }) => (await paper.edge.books.rows("SELECT * FROM payment WHERE payer = ? COLLATE NOCASE", address))[0];
const set = (row, changes) => paper.edge.books.run(`UPDATE payment SET ${Object.keys(changes).map((name, at) => `${name} = ?${at + 2}`).join(", ")} WHERE key = ?1`, row.key, ...Object.values(changes));
const restored = async (row) => {
  await paper.edge.books.run("DELETE FROM payment WHERE key = ?1", row.key);
  const names = Object.keys(row);
  await paper.edge.books.run(`INSERT INTO payment (${names.join(", ")}) VALUES (${names.map((_, at) => `?${at + 1}`).join(", ")})`, ...Object.values(row));
};
/** What the page says while a row is not what it is. */
async function with_(row, change, look) {
  const kept = { ...row };
  try {
    await change(row);
    await look();
  } finally {
    await restored(kept);
  }
  assert.equal(verdict(await page()), AGREE);
}

test("S8 what was paid is in the books, to the last unit", async () => {
  const html = await page();
  assert.equal(verdict(html), AGREE);
  const sum = [DOOR, DATA, PAWN, DOT].reduce((sum, path) => sum + PRICES[path], 0n);
  assert.equal(await paper.chain.balanceOf(payTo.address), sum);
  const shown = `${Number(sum) / 1e6} USDC`;
  assert.deepEqual(rowsOf(html, "What came in on Base Sepolia"), [["USDC", "4", shown, "4", shown, "0.00 USDC"]]);
});

test("S8 a row that is gone: just paid at first, and then paid and not in the books", async () => {
  const row = await rowOf(readers[0]);
  await with_(row, () => paper.edge.books.run("DELETE FROM payment WHERE key = ?1", row.key), async () => {
    await until("it is old enough", async () => /<caption>Paid, and not in the books/.test(await page()), 60);
    const html = await page();
    assert.equal(verdict(html), "1 entry differs: see below.");
    const [[, transaction, , article, amount], ...more] = rowsOf(html, "Paid, and not in the books");
    assert.deepEqual([row.transaction_hash.startsWith(transaction.slice(0, 10)), article, amount, more], [true, "", "0.05 USDC", []]);
    assert.deepEqual(rowsOf(html, "What came in on Base Sepolia")[0].at(-1), "0.05 USDC");
  });
});

test("S8 G5 another amount, another state, a settlement that never was: each as itself", async () => {
  const row = await rowOf(readers[0]);
  await with_(row, () => set(row, { charged: "40000" }), async () => {
    const html = await page();
    assert.equal(verdict(html), "1 entry differs: see below.");
    assert.deepEqual(rowsOf(html, "Different in the books")[0].slice(-2), ["0.05 USDC", "0.04 USDC"]);
    assert.ok(html.includes(DOOR));
  });
  for (const [state, caption] of [["unknown", "Paid, and not known in the books"], ["refused", "Paid, though the facilitator refused"], ["stray", "Paid, and no ledger knows it"], ["cancelled", "Paid, and cancelled in the books"]]) {
    await with_(row, () => set(row, { state, charged: null, settled_at: null }), async () => {
      const html = await page();
      assert.equal(verdict(html), "1 entry differs: see below.", state);
      assert.equal(rowsOf(html, caption)[0].at(-1), "0.05 USDC", state);
    });
  }
  const made = { ...row, key: "made-up", transaction_hash: `0x${"ab".repeat(32)}`, receipt: "none" };
  try {
    await restored(made);
    const html = await page();
    assert.equal(verdict(html), "1 entry differs: see below.");
    assert.equal(rowsOf(html, "In the books, and not on the chain")[0].at(-1), "0.05 USDC");
    assert.equal(rowsOf(html, "What came in on Base Sepolia")[0].at(-1), "-0.05 USDC");
    await set(made, { state: "unknown", charged: null });
    const open = await page();
    assert.equal(verdict(open), AGREE);
    assert.equal(rowsOf(open, "Not known, and not paid in these blocks").length, 1);
  } finally {
    await paper.edge.books.run("DELETE FROM payment WHERE key = 'made-up'");
  }
});

test("S8 a transfer by hand is no payment, and money sent back is told from a refund that is written down", async () => {
  await paper.chain.send({ by: observer, functionName: "transfer", args: [payTo.address, 777_000n] });
  const html = await page();
  assert.equal(verdict(html), AGREE);
  assert.equal(rowsOf(html, "Transfers that are no payments")[0].at(-1), "0.777 USDC");

  const row = await rowOf(readers[0]);
  await paper.chain.client.setBalance({ address: payTo.address, value: 10n ** 18n });
  const { transactionHash, blockNumber, logs: [{ logIndex }] } = await paper.chain.send({ by: payTo, functionName: "transfer", args: [readers[0].address, 20_000n] });
  const caption = "Sent to accounts that paid, and not in the books";
  assert.equal(rowsOf(await page(), caption)[0].at(-1), "0.02 USDC");
  const { timestamp } = await paper.chain.client.getBlock({ blockNumber });
  const written = (amount, log) => paper.edge.books.run("INSERT INTO refund (network, transaction_hash, log_index, receipt, asset, amount, reason, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, ?7)",
    row.network, transactionHash, log, row.receipt, row.asset, amount, Number(timestamp));
  try {
    await written("20000", logIndex);
    const good = await page();
    assert.equal(verdict(good), AGREE);
    assert.equal(rowsOf(good, caption), undefined);
    assert.match(good, /Refunds in these blocks: 1, each as the chain has it/);
    await paper.edge.books.run("DELETE FROM refund");
    await written("30000", logIndex);
    await written("20000", logIndex + 1);
    const bad = await page();
    assert.equal(verdict(bad), "2 entries differ: see below.");
    assert.deepEqual(rowsOf(bad, "Refunds that the chain does not have").map((cells) => cells.slice(-2)), [["the chain has 0.02 USDC", "0.03 USDC"], ["nothing on the chain", "0.02 USDC"]]);
  } finally {
    await paper.edge.books.run("DELETE FROM refund");
  }
});

test("D8 a chain that does not answer, or answers nonsense, is told, and the page is there in time", async () => {
  for (const mode of ["hang", "die", "garbage", "500", "empty"]) {
    paper.badRpc.always("*", mode);
    try {
      const html = await page();
      assert.equal(verdict(html), "Nothing could be compared.", mode);
      assert.match(html, /Base Sepolia was not compared: 127\.0\.0\.1:\d+ did not answer/);
      assert.ok(!html.includes(AGREE));
    } finally {
      paper.badRpc.reset();
    }
  }
  const days = await page("?from=2020-01-01&to=2020-01-02");
  assert.match(days, /no block of that time|Nothing came in/);
});

test("B8 an endpoint that allows few blocks: one look asks so much, and a link goes on until all was seen", async () => {
  await paper.chain.mine(2_000);
  const reader = await newReader(paper);
  assert.equal((await reader.send(DOOR, await reader.sign(DOOR))).status, 200);
  await until("the books have it", async () => (await rowOf(reader))?.state === "settled", 30);
  let asked = 0;
  paper.badRpc.always("*", async ({ body, response, through }) => {
    asked += 1;
    const { method, params, id } = JSON.parse(body);
    const [{ fromBlock, toBlock } = {}] = params;
    const wide = method === "eth_getLogs" && Number(toBlock) - Number(fromBlock) >= 40;
    const { status, type, text } = wide ? { status: 200, type: "application/json", text: JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32005, message: "block range is too wide" } }) } : await through();
    response.writeHead(status, { "content-type": type });
    response.end(text);
  });
  try {
    let [query, transfers, looks] = ["", 0, 0];
    for (;;) {
      const before = asked;
      const html = await page(query);
      looks += 1;
      assert.ok(asked - before <= 44, `${asked - before} questions`);
      transfers += Number(rowsOf(html, "What came in on Base Sepolia")?.[0][1] ?? 0);
      const next = /href="\/\.farthing\/desk\/reconciliation(\?[^"]*at=[^"]*)"/.exec(html)?.[1];
      if (!next) {
        assert.match(verdict(html), /^Chain, books and facilitator agree from there on\.|^1 entry/);
        break;
      }
      assert.notEqual(verdict(html), AGREE, "not all of it was compared");
      query = next.replaceAll("&amp;", "&");
      assert.ok(looks < 100);
    }
    assert.ok(looks > 2);
    assert.equal(transfers, 5);
  } finally {
    paper.badRpc.reset();
  }
});

/** What anybody can have a wallet do: many transfers to the payee, a block each. */
async function sendMany(times, amount) {
  for (let at = 0; at < times; at += 1) await paper.chain.send({ by: observer, functionName: "transfer", args: [payTo.address, amount] });
}

test("B8 a stranger's transfers, each of which could cost a question: what really differs is still found", async () => {
  await sendMany(40, 1n);
  const row = await rowOf(readers[0]);
  await with_(row, () => set(row, { charged: "40000" }), async () => {
    const html = await page();
    assert.equal(verdict(html), "1 entry differs: see below.");
    assert.deepEqual(rowsOf(html, "Different in the books")[0].slice(-2), ["0.05 USDC", "0.04 USDC"]);
    assert.equal(rowsOf(html, "Transfers that are no payments").filter((cells) => cells.at(-1) === "0.000001 USDC").length, 40);
  });
  // a tenth of a price each may be payments, and are asked about as far as it goes
  await sendMany(40, 10_000n);
  const html = await page();
  assert.equal(verdict(html), "Nothing differs in what was compared, which is not all of it.");
  const strange = (caption) => rowsOf(html, caption)?.filter((cells) => cells.at(-1) === "0.01 USDC").length ?? 0;
  const [asked, not] = [strange("Transfers that are no payments"), strange("Transfers that were not asked about")];
  assert.equal(asked + not, 40);
  assert.ok(asked >= 10 && not > 0, `${asked} and ${not}`);
});

test("four networks, whose periods take many questions to find: each is compared by itself, and one leads to the others", async () => {
  const DAY = 86_400;
  const ids = [80002, 43113, 421614];
  const now = Math.floor(Date.now() / 1000);
  // slow, fast, slow: as no guess has it
  const history = [[100, 4800], [400, 30], [60, 10_000], [200, 150], [40, 9000]];
  const more = [];
  try {
    for (const chainId of ids) {
      const chain = await startChain({ chainId, since: now - history.reduce((sum, [blocks, seconds]) => sum + blocks * seconds, 0) });
      more.push(chain);
      for (const [blocks, seconds] of history) await chain.rpc("anvil_mine", [`0x${blocks.toString(16)}`, `0x${seconds.toString(16)}`]);
    }
    const { settlement } = paper.config;
    const rpc = { ...settlement.rpc, ...Object.fromEntries(more.map(({ network, url }) => [network, [url]])) };
    await paper.edge.restart({ config: { ...paper.config, networks: [paper.network, ...more.map(({ network }) => network)], settlement: { ...settlement, rpc } } });
    const names = { [paper.network]: "Base Sepolia", "eip155:80002": "Polygon Amoy", "eip155:43113": "Avalanche Fuji", "eip155:421614": "Arbitrum Sepolia" };
    const day = (time) => new Date(time * 1000).toISOString().slice(0, 10);
    for (const query of ["", `from=${day(now - 6 * DAY)}&to=${day(now - 2 * DAY)}`]) {
      const first = await page(`?${query}`);
      assert.doesNotMatch(first, /ot compared/);
      const links = [...first.matchAll(/href="\/\.farthing\/desk\/reconciliation(\?[^"]*network=[^"]*)"/g)].map(([, link]) => link.replaceAll("&amp;", "&"));
      assert.equal(links.length, 3);
      const seen = [...first.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, name]) => name);
      for (const link of links) {
        const html = await page(link);
        assert.doesNotMatch(html, /ot compared/);
        const [, name] = /<h2>([^<]*)<\/h2>/.exec(html);
        seen.push(name);
        assert.equal(verdict(html), `Chain, books and facilitator agree on ${name}.`);
      }
      assert.deepEqual(seen.sort(), Object.values(names).sort());
    }
  } finally {
    await paper.edge.restart({ config: paper.config });
    await Promise.all(more.map((chain) => chain.stop()));
  }
});

// n, payee, first: n logs as of a token's transfers of 1, each from another account
const FLOOD = `0x60016000526000355b801560435760203581604035017fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60206000a3600190036008565b00`;
const word = (value) => BigInt(value).toString(16).padStart(64, "0");

test("B8 dust from thousands of accounts, more than one look can take: a link goes on with fewer blocks, and all that was paid is compared", async () => {
  const { client, token } = paper.chain;
  const code = await client.getCode({ address: token.address });
  await client.setCode({ address: token.address, bytecode: FLOOD });
  for (let first = 1; first < 3000; first += 1000) {
    const { status, logs } = await paper.chain.sendCall(observer.key, { to: token.address, data: `0x${word(1000)}${word(payTo.address)}${word(first)}` });
    assert.deepEqual([status, logs.length], ["success", 1000]);
    await paper.chain.mine(3);
  }
  await client.setCode({ address: token.address, bytecode: code });
  const reader = await newReader(paper);
  assert.equal((await reader.send(DOOR, await reader.sign(DOOR))).status, 200);
  await until("the books have it", async () => (await rowOf(reader))?.state === "settled", 30);
  const settled = (await paper.edge.books.rows("SELECT key FROM payment WHERE state = 'settled'")).length;
  let [query, transfers, looks, dead] = ["", 0, 0, 0];
  for (;;) {
    const html = await page(query);
    looks += 1;
    transfers += Number(rowsOf(html, "What came in on Base Sepolia")?.find(([name]) => name === "USDC")?.[1] ?? 0);
    if (verdict(html) === "Nothing could be compared.") dead += 1;
    const next = /href="\/\.farthing\/desk\/reconciliation(\?[^"]*at=[^"]*)"/.exec(html)?.[1];
    if (!next) break;
    query = next.replaceAll("&amp;", "&");
    assert.ok(looks < 60, query);
  }
  assert.ok(dead > 0, "it was too much for one look");
  assert.equal(transfers, settled);
});
