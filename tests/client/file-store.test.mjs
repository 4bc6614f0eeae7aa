// Stores: one contract for all, and what a folder promises besides, when programs share it and die in it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { generatePrivateKey } from "viem/accounts";
import { chance } from "../support/chance.mjs";
import { counting, folder, shop } from "./stage.mjs";

const { PaymentError, createClient, fileStore, memoryStore } = await import("../../js/dist/client/node.js");

const put = (store, name, text) => store.update(name, () => ({ text, result: undefined }));
const count = (store, name) => store.update(name, (text) => ({ text: String(Number(text ?? 0) + 1), result: Number(text ?? 0) + 1 }));
const policy = { max: "$0.01", perHost: "$0.02" };

for (const [kind, make] of [["memoryStore", () => memoryStore()], ["fileStore", (t) => fileStore(folder(t))]]) {
  test(`${kind}: what every store does`, async (t) => {
    const store = make(t);
    await t.test("a text is there, is another, and is gone", async () => {
      assert.equal(await store.get("a"), undefined);
      await put(store, "a", "1");
      assert.equal(await store.get("a"), "1");
      assert.equal(await store.update("a", (text) => ({ text: "2", result: text })), "1");
      await put(store, "a", undefined);
      await put(store, "a", undefined);
      assert.deepEqual([await store.get("a"), await store.names("a")], [undefined, []]);
    });
    await t.test("names are texts of any kind, and found by how they begin", async () => {
      const names = ["x __proto__", "x ../../etc/passwd", "x \u0000", "x é\u{1f600}", "x ".padEnd(5000, "n"), "y constructor"];
      for (const name of names) await put(store, name, `of ${name}`);
      for (const name of names) assert.equal(await store.get(name), `of ${name}`);
      assert.deepEqual(await store.names("x "), names.slice(0, -1).sort());
      assert.deepEqual(await store.names("z"), []);
    });
    await t.test("changes come one after the other", async () => {
      const reached = await Promise.all(Array.from({ length: 60 }, () => count(store, "n")));
      assert.deepEqual([...reached].sort((a, b) => a - b), Array.from({ length: 60 }, (_, at) => at + 1));
    });
    await t.test("a change that fails changes nothing, and holds nobody up", async () => {
      await put(store, "f", "before");
      await assert.rejects(async () => store.update("f", () => { throw new Error("no"); }), /^Error: no$/);
      assert.equal(await store.get("f"), "before");
      await put(store, "f", "after");
      assert.equal(await store.get("f"), "after");
    });
    await t.test("a host called __proto__ has a budget like any other", async (t) => {
      const { site } = await shop(t);
      const client = createClient({
        ...counting(), policy, store,
        fetch: async (to, init) => {
          const answer = await fetch(String(to).replace("http://__proto__", site), init);
          return answer;
        },
      });
      for (const page of ["/a", "/b"]) await client.fetch(`http://__proto__${page}`);
      await assert.rejects(client.fetch("http://__proto__/c"), (error) => error instanceof PaymentError && error.reason === "over-budget-host");
      const { hosts } = await client.budget();
      assert.deepEqual(Object.entries(hosts), [["__proto__", { spent: "0.02", left: "0.00" }]]);
      assert.equal({}.spent, undefined);
    });
  });
}

/** Counts in a process of its own. */
function counter(t, path, times) {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./counter.mjs", import.meta.url)), path, "n", String(times)], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part) => { text += part; });
  return { child, ended: once(child, "close"), begun: once(child.stdout, "data"), said: () => text.split("\n").slice(0, -1).map(Number) };
}

test("eight processes count to 1600 together", async (t) => {
  const path = folder(t);
  const all = Array.from({ length: 8 }, () => counter(t, path, 200));
  await Promise.all(all.map(({ ended }) => ended));
  assert.equal(await fileStore(path).get("n"), "1600");
  assert.deepEqual(all.flatMap(({ said }) => said()).sort((a, b) => a - b), Array.from({ length: 1600 }, (_, at) => at + 1));
  assert.deepEqual(readdirSync(path).filter((file) => !file.endsWith(".json")), []);
});

test("processes that are killed while they count lose nothing that was counted, and hold nobody up", async (t) => {
  const path = folder(t);
  const random = chance();
  const said = [];
  for (let round = 0; round < 12; round++) {
    const all = Array.from({ length: 3 }, () => counter(t, path, 10_000));
    await Promise.all(all.map(({ begun }) => begun));
    for (const { child, ended } of all) {
      await new Promise((resolve) => setTimeout(resolve, random.below(30)));
      child.kill("SIGKILL");
      await ended;
    }
    said.push(...all.flatMap((one) => one.said()));
  }
  const reached = Number(await fileStore(path).get("n"));
  assert.equal(new Set(said).size, said.length, "no number twice");
  assert.ok(reached >= Math.max(...said), `${reached}`);
  // each that died may have counted one that it could not say
  assert.ok(reached <= said.length + 36, `${reached} of ${said.length}`);
  assert.equal(await count(fileStore(path), "n"), reached + 1);
});

test("a lock", async (t) => {
  const dead = async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "close");
    return child.pid;
  };
  const old = new Date(Date.now() - 60_000);
  for (const [name, word, age] of [
    ["of a process that has ended is taken away at once", async () => `${await dead()} x`, new Date()],
    ["without a number is taken away when it is old", () => "", old],
    ["of a process that does not touch it for half a minute is taken away", () => `${process.ppid} x`, old],
  ]) {
    await t.test(name, async (t) => {
      const path = folder(t);
      writeFileSync(join(path, "lock"), await word());
      utimesSync(join(path, "lock"), age, age);
      assert.equal(await count(fileStore(path), "n"), 1);
      assert.deepEqual(readdirSync(path).filter((file) => file.startsWith("lock")), []);
    });
  }

  await t.test("of a process that lives is waited for", async (t) => {
    const path = folder(t);
    const { unlinkSync } = await import("node:fs");
    writeFileSync(join(path, "lock"), `${process.ppid} x`);
    let done = false;
    const counted = count(fileStore(path), "n").then(() => { done = true; });
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(done, false);
    unlinkSync(join(path, "lock"));
    await counted;
  });

  await t.test("that was taken away from who slept is missed: nothing is written over what others wrote", async (t) => {
    const path = folder(t);
    const store = fileStore(path);
    await put(store, "n", "1");
    const lock = join(path, "lock");
    // between what it reads and what it writes, others take its lock and write
    await assert.rejects(store.update("n", (text) => {
      writeFileSync(lock, `${process.ppid} another`);
      return { text: `${text}, and mine`, result: undefined };
    }), /was taken away/);
    assert.deepEqual([await store.get("n"), readFileSync(lock, "utf8")], ["1", `${process.ppid} another`], "and the others' lock is left alone");
  });
});

test("a file that cannot be read is named, and is never a budget of which nothing is spent", async (t) => {
  for (const broken of ["", "{", "null", "[]", "7", "{}", '{"name":"budget"}', '{"name":"budget","text":null}', '{"name":"budget","text":{}}']) {
    const path = folder(t);
    const { site, payments } = await shop(t);
    const { signer, signed } = counting();
    const client = () => createClient({ signer, policy: { max: "$0.01", total: "$0.01" }, store: fileStore(path) });
    await client().fetch(`${site}/a`);
    const [file] = readdirSync(path).filter((name) => readFileSync(join(path, name), "utf8").includes('"name":"budget"'));
    writeFileSync(join(path, file), broken);
    const named = (error) => error.message.includes(join(path, file)) && /cannot be read/.test(error.message);
    await assert.rejects(client().fetch(`${site}/b`), named, broken);
    await assert.rejects(client().budget(), named, broken);
    assert.deepEqual([signed.length, payments().length], [1, 1]);
  }
});

test("only its owner can read what is kept", async (t) => {
  const above = folder(t);
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const path = join(above, "deep", "store");
  const { site } = await shop(t);
  const client = createClient({ signer: generatePrivateKey(), policy, store: fileStore(path) });
  await client.fetch(`${site}/a`);
  const mode = (name) => statSync(name).mode & 0o777;
  assert.equal(mode(path), 0o700);
  const files = readdirSync(path);
  assert.ok(files.length > 2);
  for (const file of files) assert.equal(mode(join(path, file)), 0o600, file);

  // a folder that was there is its owner's to open; what is in it is not
  const open = join(above, "open");
  mkdirSync(open);
  chmodSync(open, 0o755);
  await put(fileStore(open), "a", "1");
  assert.deepEqual(readdirSync(open).map((file) => mode(join(open, file))), [0o600]);
});

test("more texts than a process may have files open", async (t) => {
  const path = folder(t);
  const store = fileStore(path);
  await put(store, "r 0", "0");
  const [file] = readdirSync(path);
  for (let at = 1; at < 600; at++) writeFileSync(join(path, `${at}-${file}`), JSON.stringify({ name: `r ${at}`, text: "" }));
  const script = `import { fileStore } from ${JSON.stringify(new URL("../../js/dist/client/node.js", import.meta.url).href)};
    console.log((await fileStore(${JSON.stringify(path)}).names("r ")).length);`;
  const child = spawn("/bin/sh", ["-c", `ulimit -n 200 && exec "$0" --input-type=module -e "$1"`, process.execPath, script], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (part) => { said += part; });
  await once(child, "close");
  assert.equal(said.trim(), "600");
});
