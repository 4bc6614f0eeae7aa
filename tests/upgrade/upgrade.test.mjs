// What earlier versions left behind, under the Worker and the client of today: for each folder that record.mjs made, at the time it was made.
// Nobody who paid pays again, who was in the middle of it is charged once, and the books have it all.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { unpack } from "../../tools/lib/tar.mjs";
import { problemOf, resend, until } from "../e2e/reader.mjs";
import { payTo } from "../support/accounts.mjs";
import { settlementIn } from "../support/pay.mjs";
import { SITE, cookiesOf, jar, offerOf, page, sign, startWorld } from "./world.mjs";

const { createClient, fileStore } = await import("../../js/dist/client/node.js");

const root = join(import.meta.dirname, "../..");
const versions = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
// when nobody's claim of then holds any more, and what was signed then is still good
const LATER = 31;

/** A copy of what a version left: {state, clients, chain, expected, remove}. */
function left(version) {
  const place = mkdtempSync(join(tmpdir(), "farthing-upgrade-"));
  const file = (name) => readFileSync(join(import.meta.dirname, version, name));
  const folders = { state: join(place, "state"), clients: join(place, "clients") };
  for (const [folder, name] of [[folders.state, "state.tar.gz"], [folders.clients, "client.tar.gz"]]) {
    for (const [path, bytes] of unpack(file(name))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
  }
  return {
    ...folders, chain: `0x${file("chain.gz").toString("hex")}`, expected: JSON.parse(file("expected.json")),
    remove: () => rmSync(place, { recursive: true, force: true }),
  };
}
const start = ({ state, chain, expected: { config, keys, at } }) => startWorld({ config, keys, state, chain, at: at + LATER });

test("there is something of each version that was released", () => {
  const released = [...readFileSync(join(root, "CHANGELOG.md"), "utf8").matchAll(/^## (\d\S*)/gm)].map(([, version]) => version);
  for (const version of ["0.1.0", ...released]) assert.ok(versions.includes(version), `${version}: node tests/upgrade/record.mjs makes it`);
});

for (const version of versions) {
  describe(`what ${version} left`, () => {
    let old;
    let world;
    let edge;
    let ask;
    let reach;
    let readers;
    before(async () => {
      old = left(version);
      ({ readers } = old.expected);
      world = await start(old);
      ({ edge, ask, reach } = await world.open());
    });
    after(async () => {
      await world?.stop();
      old?.remove();
    });

    async function opens(response, path) {
      const text = await response.text();
      assert.equal(response.status, 200, `${path}: ${text.slice(0, 300)}`);
      assert.equal(text, page(path));
    }
    const shut = async (response, path) => assert.deepEqual([response.status, (await response.text()).includes(page(path))], [402, false], path);
    const named = ({ cookies }, name) => jar(cookies.filter((one) => one.split("=")[0] === name));
    const transfersOf = async ({ address }) => (await world.chain.transfersTo()).filter(({ from }) => from === address).map(({ value, transaction }) => ({ value: String(value), transaction }));
    /** What had moved then, and nothing since. */
    const unchanged = async (reader) => assert.deepEqual(await transfersOf(reader), reader.moved);
    const once = async ({ moved: [before], ...reader }, transaction) => {
      const transfers = await transfersOf(reader);
      assert.deepEqual(transfers.map(({ value }) => value), ["50000"]);
      if (transaction) assert.equal(transfers[0].transaction, transaction);
      if (before) assert.equal(transfers[0].transaction, before.transaction, "what had moved was it");
    };
    const again = (reader) => resend(() => ask(reader.path, reader.headers));
    const client = (name) => createClient({ signer: readers[name].key, policy: { max: "$1" }, store: fileStore(join(old.clients, name)), fetch: reach });
    const spend = (path, handle) => ask(`/.farthing/spend?path=${encodeURIComponent(path)}`, { ...handle, "sec-fetch-site": "same-origin" }, { method: "POST" });

    test("migrations that it was deployed with are where they were, wherever a wrangler.jsonc of ours is", () => {
      const { migrations } = old.expected;
      const written = /"migrations": (\[.*\]),\n/;
      for (const file of ["worker/wrangler.jsonc", "examples/deploy/wrangler.jsonc", "js/cli/init/files.mjs", "www/docs/worker.md"]) {
        const today = JSON.parse(written.exec(readFileSync(join(root, file), "utf8"))?.[1] ?? "[]");
        assert.deepEqual(today.slice(0, migrations.length), migrations, file);
        assert.equal(new Set(today.map(({ tag }) => tag)).size, today.length, file);
      }
    });

    test("its configuration is read, without a word against it", async () => {
      const { ok, errors } = await (await ask("/.farthing/health")).json();
      assert.deepEqual([ok, errors], [true, []]);
    });

    for (const name of ["owned", "long-owned"]) test(`E1 an article that was bought (${name}) opens by its pass, by the handle, by the payment, and by a signature that costs nothing`, async () => {
      const owned = readers[name];
      for (const headers of [named(owned, "__Secure-farthing"), named(owned, "__Host-farthing"), jar(owned.cookies)]) await opens(await ask(owned.path, headers), owned.path);
      const fresh = await sign(await offerOf(await ask(owned.path)), owned.key);
      const answer = await ask(owned.path, fresh.headers);
      assert.equal(settlementIn(answer).transaction, owned.transaction);
      await opens(answer, owned.path);
      // with a quote of ours, and minutes ago: from any network
      if (name === "owned") await opens(await ask(owned.path, { ...owned.headers, "cf-connecting-ip": "203.0.113.9" }), owned.path);
      await shut(await ask("/articles/other", named(owned, "__Secure-farthing")), "/articles/other");
      await unchanged(owned);
    });

    for (const name of ["owned", "long-owned", "month", "bundle"]) test(`the receipt of ${name} is answered, signed`, async () => {
      const owned = readers[name];
      const { id, state, transaction, amount, resource, extensions } = await (await ask(`/.farthing/receipts/${owned.receipt}`)).json();
      assert.deepEqual([id, state, transaction, amount, resource], [owned.receipt, "settled", owned.transaction, owned.moved[0].value, SITE + owned.path]);
      assert.ok(extensions);
    });

    test("a time pass opens what it covers", async () => {
      const { month } = readers;
      await opens(await ask("/articles/another", named(month, "__Secure-farthing-month")), "/articles/another");
      await opens(await ask("/articles/a-third", named(month, "__Host-farthing")), "/articles/a-third");
      await unchanged(month);
    });

    test("E10 a bundle has as many left as it had, opens what it opened, and no more than it was sold for", async () => {
      const { bundle } = readers;
      const handle = named(bundle, "__Host-farthing");
      for (const path of bundle.opened) await opens(await ask(path, handle), path);
      let count = bundle.left;
      assert.equal(count, 7);
      for (const path of bundle.opened) assert.equal((await (await spend(path, handle)).json()).left, count, "what is open already");
      for (; count > 0; count -= 1) assert.equal((await (await spend(`/articles/new-${count}`, handle)).json()).left, count - 1);
      assert.equal(await problemOf(await spend("/articles/new-0", handle)), "nothing-left");
      await unchanged(bundle);
    });

    test("E6 what was revoked stays so", async () => {
      const { revoked } = readers;
      for (const headers of [jar(revoked.cookies), named(revoked, "__Host-farthing"), named(revoked, "__Secure-farthing")]) await shut(await ask(revoked.path, headers), revoked.path);
      assert.equal(await problemOf(await ask(revoked.path, revoked.headers)), "access-revoked");
      await unchanged(revoked);
    });

    test("a gift link has as many openings left as it had", async () => {
      const { gift } = old.expected;
      await opens(await ask(gift.path, jar(gift.cookies)), gift.path);
      const press = (address) => ask(gift.link, { "cf-connecting-ip": address, "sec-fetch-site": "same-origin" }, { method: "POST" });
      await opens(await ask(gift.path, jar(cookiesOf(await press("198.51.100.2")))), gift.path);
      assert.equal(await problemOf(await press("198.51.100.3")), "gift-over");
    });

    test("an offer of then is paid now", async () => {
      const { offered } = readers;
      const payment = await sign(offered.offer, offered.key);
      const answer = await resend(() => ask(offered.path, payment.headers));
      const { transaction } = settlementIn(answer);
      await opens(answer, offered.path);
      await once(offered, transaction);
    });

    for (const [name, what] of [
      ["unknown-paid", "whose money had moved"], ["unknown-unpaid", "of v1, whose money had not moved"], ["open", "that was claimed, and sent to nobody yet,"],
    ]) {
      test(`S4 S5 S6 a payment ${what} opens its article when it is sent again, and is charged once`, async () => {
        const reader = readers[name];
        const answer = await again(reader);
        const { transaction } = settlementIn(answer);
        await opens(answer, reader.path);
        await once(reader, transaction);
        // what carries no quote of ours is answered again without a pass
        if (name !== "unknown-unpaid") await opens(await ask(reader.path, jar(cookiesOf(answer))), reader.path);
        if (!reader.statusUrl) return;
        const { state, transaction: told } = await (await reach(reader.statusUrl)).json();
        assert.deepEqual([state, told], ["settled", transaction]);
      });
    }

    test("a client's folder: what was bought opens without a payment, and what it did not know it finds out without a second one", async () => {
      const { program, waiting } = readers;
      const bought = client("program");
      const [receipt, ...more] = await bought.receipts();
      assert.deepEqual([more, receipt.transaction, receipt.url], [[], program.moved[0].transaction, SITE + program.path]);
      await opens(await bought.fetch(SITE + program.path), program.path);
      assert.equal(Number((await bought.budget()).total.spent), 0.05);
      await unchanged(program);
      const unknown = client("waiting");
      await opens(await unknown.fetch(SITE + waiting.path), waiting.path);
      assert.deepEqual((await unknown.receipts()).map(({ transaction }) => transaction), waiting.moved.map(({ transaction }) => transaction));
      await unchanged(waiting);
    });

    test("G5 the books have all of them, each once", async () => {
      const paid = Object.values(readers);
      const rows = () => edge.books.rows("SELECT resource, state, payer, pay_to, amount, charged, transaction_hash, offer FROM payment ORDER BY resource");
      await until("all are settled", async () => (await rows()).filter(({ state }) => state === "settled").length === paid.length);
      const expected = await Promise.all(paid.map(async (reader) => {
        const [{ value, transaction }] = await transfersOf(reader);
        return {
          resource: SITE + reader.path, state: "settled", payer: reader.address, pay_to: payTo.address, amount: value, charged: value,
          transaction_hash: transaction, offer: { "/articles/month": "month", "/articles/bundle": "ten" }[reader.path] ?? null,
        };
      }));
      assert.deepEqual((await rows()).map((row) => ({ ...row })), expected.sort((a, b) => (a.resource < b.resource ? -1 : 1)));
      assert.equal((await world.chain.transfersTo()).length, paid.length);
    });
  });

  // with nobody there to send anything again: alarms alone
  test(`books as they were before they had offers: what ${version} had not told them gets there, and nobody's row is lost`, async () => {
    const old = left(version);
    let world;
    try {
      const folder = join(old.state, "d1/miniflare-D1DatabaseObject");
      const [name] = readdirSync(folder).filter((one) => /^[0-9a-f]{64}\.sqlite$/.test(one));
      const database = new DatabaseSync(join(folder, name));
      const columns = () => database.prepare("PRAGMA table_info(payment)").all().map((column) => column.name);
      const all = columns();
      database.exec("ALTER TABLE payment DROP COLUMN offer");
      const had = database.prepare("SELECT key FROM payment").all().length;
      assert.deepEqual([columns(), had], [all.filter((column) => column !== "offer"), 6]);
      database.close();
      world = await start(old);
      const { edge } = await world.open();
      const settled = () => edge.books.rows("SELECT resource FROM payment WHERE state = 'settled'");
      // the claim is nobody's money, and of it the books need know nothing
      await until("what was unknown is in the books as settled", async () => (await settled()).length === had + 3);
      for (const name of ["unknown-paid", "unknown-unpaid", "waiting"]) {
        const transfers = (await world.chain.transfersTo()).filter(({ from }) => from === old.expected.readers[name].address);
        assert.equal(transfers.length, 1, name);
      }
    } finally {
      await world?.stop();
      old.remove();
    }
  });
}
