// Makes the state that this version leaves behind, into tests/upgrade/<version>/, for upgrade.test.mjs of every later one:
//   node tests/upgrade/record.mjs
// Once for each version, before it is released, from its own build; afterwards the folder is never made anew (--again, until then).
//   state.tar.gz   the Durable Objects and the books on disk, as they lay when the machine lost power
//   chain.gz       the chain then
//   client.tar.gz  two folders of the paying client
//   expected.json  the time, the keys (play money), what the site sold, what each reader had, and the rows as they were written
import { createHmac, hkdfSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { parseJsonc } from "../../js/cli/lib/jsonc.mjs";
import { main, Plain, run, say } from "../../tools/lib/run.mjs";
import { pack } from "../../tools/lib/tar.mjs";
import { settlementIn } from "../support/pay.mjs";
import { randomKeys } from "../support/newspaper.mjs";
import { inFile } from "../support/alarms.mjs";
import { SITE, cookiesOf, jar, offerOf, page, sign, startWorld } from "./world.mjs";

const root = join(import.meta.dirname, "../..");
const COMMAND = join(root, "js/dist/cli/farthing.js");
const { version } = JSON.parse(readFileSync(join(root, "js/package.json"), "utf8"));
const { migrations } = parseJsonc(readFileSync(join(root, "worker/wrangler.jsonc"), "utf8"));

/** What the site sells: config of this version, which later ones have to read. */
const CONFIG = {
  money: "test", gifts: {}, revocation: { list: true },
  extensions: { signIn: { statement: "Read on." }, receipts: true },
  offers: {
    ten: { title: "Ten articles", count: 10, for: "30d", price: "$0.40" },
    month: { title: "A month of everything", covers: ["/articles/*"], for: "30d", price: "$0.50" },
  },
  routes: [{ match: "/articles/*", price: "$0.05", access: "30d" }],
};

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
async function until(what, check) {
  for (let left = 400; !(await check()); left -= 1) {
    if (left === 0) throw new Plain(`never happened: ${what}`);
    await sleep(50);
  }
}
function must(is, what) {
  if (!is) throw new Plain(`not so: ${what}`);
}

function below(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name)).sort();
}

/** The files of a folder as an archive; databases without their logs, which are written into them. */
function packed(folder, wanted = () => true) {
  for (const path of below(folder)) if (path.endsWith(".sqlite")) inFile(path, (database) => database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  return pack(below(folder).map((path) => [relative(folder, path), path]).filter(([name]) => wanted(name)).map(([name, path]) => [name, readFileSync(path)]));
}

const DAY = 86_400;

await main(async () => {
  const folder = join(import.meta.dirname, version);
  if (existsSync(folder) && !process.argv.includes("--again")) throw new Plain(`${relative(root, folder)} is there: what ${version} left is recorded once; --again, where nobody has that version yet`);
  const place = mkdtempSync(join(tmpdir(), "farthing-record-"));
  const [state, clients] = [join(place, "state"), join(place, "clients")];
  const keys = randomKeys();
  const readers = {};
  let world;
  let here; // the Worker in it
  const person = async (name) => {
    const key = generatePrivateKey();
    const address = privateKeyToAddress(key);
    await world.chain.setBalance(address, 10_000_000n);
    readers[name] = { key, address };
    return readers[name];
  };
  const send = (path, payment, headers = {}) => here.ask(path, { ...payment.headers, ...headers });
  const opens = async (response, path) => must(response.status === 200 && await response.text() === page(path), `${path} opens (${response.status})`);
  async function buys(name, offer) {
    const reader = await person(name);
    const path = `/articles/${name}`;
    const payment = await sign(await offerOf(await here.ask(path)), reader.key, offer);
    const answer = await send(path, payment);
    const { transaction } = settlementIn(answer);
    Object.assign(reader, { path, transaction, receipt: answer.headers.get("farthing-receipt"), cookies: cookiesOf(answer), headers: payment.headers });
    await opens(answer, path);
    return reader;
  }
  const phases = async () => (await here.edge.query("SELECT body FROM payment")).flatMap(({ rows }) => rows).map(({ body }) => JSON.parse(body).phase).map((phase) => (typeof phase === "string" ? phase : Object.keys(phase)[0])).sort();
  try {
    // two days ago: payments of which nothing is left by now but what was bought, and the receipt
    world = await startWorld({ config: CONFIG, keys, state, at: Math.floor(Date.now() / 1000) - 2 * DAY });
    here = await world.open();
    await buys("long-owned");
    await buys("month", "month");
    const bundle = await buys("bundle", "ten");
    bundle.opened = [bundle.path];
    for (const path of ["/articles/spent-1", "/articles/spent-2"]) {
      const spent = await here.ask(`/.farthing/spend?path=${encodeURIComponent(path)}`, { ...jar(bundle.cookies.filter((one) => one.startsWith("__Host-"))), "sec-fetch-site": "same-origin" }, { method: "POST" });
      ({ left: bundle.left } = await spent.json());
      must(spent.status === 200, `${path} is spent`);
      bundle.opened.push(path);
    }
    must(bundle.left === 7, "seven are left");
    await until("the books are told", async () => (await here.edge.books.rows("SELECT key FROM payment WHERE state = 'settled'")).length === 3);
    await here.edge.kill();
    world.leave();
    // so many blocks that nobody looks at the transfers any more
    await world.chain.mine(20);
    const before = await world.dump();
    await world.stop();

    world = await startWorld({ config: CONFIG, keys, state, chain: before });
    here = await world.open();
    await until("their payments are retired", async () => (await phases()).length === 0);
    const { chain, bad, badRpc, origin } = world;
    const { edge, ask, reach } = here;
    await buys("owned");
    const revoked = await buys("revoked");
    const ordered = await ask("/.farthing/revoke", { "farthing-order": orderAgainst(revoked, keys) }, { method: "POST" });
    must((await ordered.json()).on === true, "it is revoked");

    // a link of the publisher's for two, which one reader has used
    writeFileSync(join(place, "farthing.jsonc"), JSON.stringify(world.config));
    const { out } = await run(process.execPath, [COMMAND, "gift", `${SITE}/articles/gift`, "--count", "2", "--config", join(place, "farthing.jsonc")], { env: { FARTHING_KEYS: keys } });
    const gift = { path: "/articles/gift", link: out.trim().slice(SITE.length) };
    const given = await ask(gift.link, { "cf-connecting-ip": "198.51.100.1", "sec-fetch-site": "same-origin" }, { method: "POST" });
    gift.cookies = cookiesOf(given);
    await opens(await ask(gift.path, jar(gift.cookies)), gift.path);

    // programs: one that has bought, and further down one that does not know how its payment ended
    const { createClient, fileStore } = await import("../../js/dist/client/node.js");
    const client = ({ key }, name, more = {}) => createClient({ signer: key, policy: { max: "$1" }, store: fileStore(join(clients, name)), fetch: reach, ...more });
    const program = Object.assign(await person("program"), { path: "/articles/program" });
    await opens(await client(program, "program").fetch(SITE + program.path), program.path);

    // an offer that nobody has paid yet
    const offered = Object.assign(await person("offered"), { path: "/articles/offered" });
    offered.offer = await offerOf(await ask(offered.path));

    await until("the books are told", async () => (await edge.books.rows("SELECT key FROM payment WHERE state = 'settled'")).length === 6);
    // from here on nothing answers as it should: outcomes are unknown, and the books learn nothing
    await edge.books.mode("refuse");
    bad.always("/settle", "die");
    badRpc.always("*", "die");
    for (const [name, mode, version] of [["unknown-paid", "die-after-settle", "v2"], ["unknown-unpaid", "die", "v1"]]) {
      const reader = await person(name);
      const path = `/articles/${name}`;
      const payment = await sign(await offerOf(await ask(path), version), reader.key);
      bad.scriptFor(reader, "/settle", mode);
      const answer = await send(path, payment);
      must(answer.status === 503, `${name} is unknown`);
      const { statusUrl } = await answer.json();
      Object.assign(reader, { path, headers: payment.headers, nonce: payment.authorization.nonce, statusUrl });
    }
    const waiting = Object.assign(await person("waiting"), { path: "/articles/waiting" });
    bad.scriptFor(waiting, "/settle", "die-after-settle");
    const reason = await client(waiting, "waiting", { patience: 1 }).fetch(SITE + waiting.path).then(() => "none", (error) => error.reason ?? String(error));
    must(reason === "unresolved", `the program does not know (${reason})`);

    const open = Object.assign(await person("open"), { path: "/articles/open" });
    const payment = await sign(await offerOf(await ask(open.path)), open.key);
    Object.assign(open, { headers: payment.headers, nonce: payment.authorization.nonce });
    origin.script(open.path, "hang");
    const lost = send(open.path, payment).catch(() => {});
    await until("the origin is asked", () => origin.requestsTo(open.path).length > 0);
    await edge.kill();
    await lost;
    const found = await phases();
    must(found.join() === "claimed,settled,settled,settled,unknown,unknown,unknown", `the phases are ${found}`);
    world.leave();
    const rows = {};
    for (const table of ["payment", "owned", "wider"]) rows[table] = (await edge.query(`SELECT body FROM ${table}`)).flatMap((ledger) => ledger.rows).map(({ body }) => body);

    const at = Math.floor(Date.now() / 1000);
    for (const reader of Object.values(readers)) {
      const transfers = (await chain.transfersTo()).filter(({ from }) => from === reader.address);
      reader.moved = transfers.map(({ value, transaction }) => ({ value: String(value), transaction }));
    }
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const files = {
      "state.tar.gz": packed(state, (name) => /^(do|d1)\//.test(name)),
      "client.tar.gz": packed(clients),
      "chain.gz": Buffer.from((await world.dump()).slice(2), "hex"),
      "expected.json": Buffer.from(`${JSON.stringify({ version, at, migrations, keys, config: CONFIG, readers, gift, rows }, null, 1)}\n`),
    };
    for (const [name, bytes] of Object.entries(files)) {
      writeFileSync(join(folder, name), bytes);
      say(`${relative(root, join(folder, name))}: ${bytes.length.toLocaleString("en")} bytes`);
    }
  } finally {
    await world?.stop();
    rmSync(place, { recursive: true, force: true });
  }
});

/** What `npx farthing revoke` signs, with a receipt's and a payer's digest as a pass has them. */
function orderAgainst({ cookies }, keys) {
  const pass = Buffer.from(cookies.find((one) => one.startsWith("__Secure-farthing=")).split(".")[2], "base64url");
  const [kid, key] = keys.split(":");
  const payload = Buffer.concat([Buffer.alloc(9), pass.subarray(17, 33), pass.subarray(1, 9)]);
  payload.writeBigUInt64BE(BigInt(Date.now()), 1);
  const derived = Buffer.from(hkdfSync("sha256", Buffer.from(key, "base64url"), "", "farthing v1 order", 32));
  const signed = `v1.${kid}.${payload.toString("base64url")}`;
  return `${signed}.${createHmac("sha256", derived).update(`${signed}\0${SITE}`).digest("base64url")}`;
}
