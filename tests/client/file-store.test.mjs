// Stores: one contract for all, and what a folder promises besides, when programs share it and die in it.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { generatePrivateKey } from "viem/accounts";
import { chance } from "../support/chance.mjs";
import { counting, folder, shop } from "./stage.mjs";

const { PaymentError, createClient, fileStore, memoryStore } = await import("../../js/dist/client/node.js");

const put = (store, name, text) => store.update(name, () => ({ text, result: undefined }));
const count = (store, name) => store.update(name, (text) => ({ text: String(Number(text ?? 0) + 1), result: Number(text ?? 0) + 1 }));
const policy = { max: "$0.01", perHost: "$0.02" };
/** The file that keeps this name's text. */
const fileOf = (name) => `${createHash("sha256").update(name).digest("hex")}.json`;
const others = (path) => readdirSync(path).filter((file) => !file.endsWith(".json"));

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
        signer: counting().signer, policy, store,
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

/** Runs a program beside this one; `within`: what runs it. `lines` are its lines so far, `told(name)` waits for one that has this name. */
function beside(t, file, args, within = []) {
  const [command, ...given] = [...within, process.execPath, fileURLToPath(new URL(file, import.meta.url)), ...args];
  const child = spawn(command, given, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const lines = [];
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part) => {
    const all = (text + part).split("\n");
    text = all.pop();
    lines.push(...all.map((line) => JSON.parse(line)));
    child.emit("told");
  });
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
  void ended.then(() => child.emit("told"));
  return {
    child, ended, begun: once(child.stdout, "data"), lines,
    async told(name) {
      for (;;) {
        const line = lines.find((one) => one[name] !== undefined);
        if (line) return line[name];
        if (child.exitCode !== null || child.signalCode !== null) assert.fail(`it ended without ${name}: ${JSON.stringify(lines)}`);
        await once(child, "told");
      }
    },
  };
}
/** Counts in a process of its own. */
const counter = (t, path, times, within) => beside(t, "./counter.mjs", [path, "n", String(times)], within);
const upTo = (count) => Array.from({ length: count }, (_, at) => at + 1);

test("eight processes count to 1600 together", async (t) => {
  const path = folder(t);
  const all = Array.from({ length: 8 }, () => counter(t, path, 200));
  await Promise.all(all.map(({ ended }) => ended));
  assert.equal(await fileStore(path).get("n"), "1600");
  assert.deepEqual(all.flatMap(({ lines }) => lines).sort((a, b) => a - b), upTo(1600));
  assert.deepEqual(others(path), []);
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
    said.push(...all.flatMap(({ lines }) => lines));
  }
  const reached = Number(await fileStore(path).get("n"));
  assert.equal(new Set(said).size, said.length, "no number twice");
  assert.ok(reached >= Math.max(...said), `${reached}`);
  // each that died may have counted one that it could not say
  assert.ok(reached <= said.length + 36, `${reached} of ${said.length}`);
  assert.equal(await count(fileStore(path), "n"), reached + 1);
  assert.deepEqual(others(path), [], "and nothing of theirs is left");
});

/** The number of a process that has ended. */
async function ended() {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "close");
  return child.pid;
}
/** The name of an owner: of this place and this process, unless it says otherwise. */
function owner({ place, pid = process.pid, id = "11111111-2222-4333-8444-555555555555" }) {
  const [here] = fileStore("/nowhere").owner.split(".");
  return [place ?? here, pid, id].join(".");
}
const ELSEWHERE = "0123456789abcdef";
/** Lets all locks of a folder be a minute old. */
function age(path, date = new Date(Date.now() - 60_000)) {
  for (const file of readdirSync(path, { recursive: true })) if (file.startsWith("lock")) utimesSync(join(path, file), date, date);
}

test("a lock", async (t) => {
  const hold = (path, name, date = new Date()) => {
    mkdirSync(join(path, "lock", `${name}.1`), { recursive: true });
    age(path, date);
  };
  const old = new Date(Date.now() - 60_000);
  for (const [name, held, date] of [
    ["of a process that has ended is taken away at once", async () => owner({ pid: await ended() })],
    ["of one that had this process's number before is taken away at once", () => owner({})],
    ["of nobody's name is taken away when it is old", () => ".DS_Store", old],
    ["of another container is taken away when it is old", () => owner({ place: ELSEWHERE }), old],
    ["is taken away when its time lies ahead: a clock was set back", () => owner({ place: ELSEWHERE }), new Date(Date.now() + 3_600_000)],
    ["of a process that does not touch it for half a minute is taken away", () => owner({ pid: process.ppid }), old],
  ]) {
    await t.test(name, async (t) => {
      const path = folder(t);
      hold(path, await held(), date);
      assert.equal(await count(fileStore(path), "n"), 1);
      assert.deepEqual(others(path), []);
    });
  }
  await t.test("that is empty is nobody's", async (t) => {
    const path = folder(t);
    mkdirSync(join(path, "lock"));
    assert.equal(await count(fileStore(path), "n"), 1);
    assert.deepEqual(others(path), []);
  });

  for (const [name, held] of [
    ["of a process that lives is waited for", () => owner({ pid: process.ppid })],
    ["of another container is waited for, though no process here has its number", async () => owner({ place: ELSEWHERE, pid: await ended() })],
    ["of another container is waited for, though it has this process's number", () => owner({ place: ELSEWHERE })],
  ]) {
    await t.test(name, async (t) => {
      const path = folder(t);
      hold(path, await held());
      let done = false;
      const counted = count(fileStore(path), "n").then(() => { done = true; });
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(done, false);
      rmSync(join(path, "lock"), { recursive: true });
      await counted;
    });
  }

  await t.test("that was taken away from who slept is missed: nothing is written over what others wrote", async (t) => {
    const path = folder(t);
    const store = fileStore(path);
    await put(store, "n", "1");
    const seen = [];
    // between what it reads and what it writes, others take its lock, write, and hold it still
    const changed = store.update("n", (text) => {
      if (seen.push(text) === 1) {
        rmSync(join(path, "lock"), { recursive: true });
        hold(path, owner({ pid: process.ppid }));
        writeFileSync(join(path, fileOf("n")), JSON.stringify({ name: "n", text: "2" }));
      }
      return { text: `${text}, and mine`, result: text };
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual([await store.get("n"), readdirSync(join(path, "lock")).length], ["2", 1], "and the others' lock is left alone");
    rmSync(join(path, "lock"), { recursive: true });
    assert.deepEqual([await changed, seen, await store.get("n")], ["2", ["1", "2"], "2, and mine"]);
  });
});

// What the lock promises holds at each moment: here programs are stopped where it matters, and others do what they may meanwhile.
test("stopped at the worst moment", async (t) => {
  const begin = async (t, job) => {
    const one = beside(t, "./moment.mjs", [JSON.stringify({ name: "n", ...job })]);
    await one.told("stops");
    while (!spawnSync("ps", ["-o", "state=", "-p", String(one.child.pid)], { encoding: "utf8" }).stdout.startsWith("T"));
    return one;
  };

  await t.test("right before its change gets its name: what others counted meanwhile is kept", async (t) => {
    const path = folder(t);
    const slow = await begin(t, { folder: path, at: "publish" });
    age(path);
    assert.equal(await count(fileStore(path), "n"), 1);
    slow.child.kill("SIGCONT");
    assert.equal(await slow.told("reached"), 2);
    await slow.ended;
    assert.deepEqual([await fileStore(path).get("n"), others(path)], ["2", []]);
  });

  await t.test("right before it deletes: what others wrote meanwhile is kept", async (t) => {
    const path = folder(t);
    await put(fileStore(path), "n", "a");
    const slow = await begin(t, { folder: path, at: "publish", drop: "a" });
    age(path);
    await put(fileStore(path), "n", "b");
    slow.child.kill("SIGCONT");
    assert.equal(await slow.told("dropped"), "b");
    await slow.ended;
    assert.deepEqual([await fileStore(path).get("n"), others(path)], ["b", []]);
  });

  await t.test("right before it takes a dead program's lock away: who has the lock by then keeps it", async (t) => {
    const path = folder(t);
    const first = await begin(t, { folder: path, at: "publish" });
    first.child.kill("SIGKILL");
    await first.ended;
    const slow = await begin(t, { folder: path, at: "clear" });
    age(path);
    // it goes on while this one holds the lock
    const reached = await fileStore(path).update("n", (text) => {
      assert.equal(slow.child.kill("SIGCONT"), true);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      return { text: String(Number(text ?? 0) + 1), result: Number(text ?? 0) + 1 };
    });
    assert.deepEqual([reached, await slow.told("reached")], [1, 2]);
    await slow.ended;
    assert.deepEqual([await fileStore(path).get("n"), others(path)], ["2", []]);
  });
});

/**
 * What runs a program as in a container of its own, where numbers of processes begin again, so high that nobody else's are. Where a system lets
 * nobody have one, nothing: what is then left to see is above, with locks that are written by hand.
 */
const containers = [[], ["--map-root-user"]].map((more) => ["unshare", ...more, "--pid", "--fork", "--kill-child"]).find(([command, ...args]) => spawnSync(command, [...args, "true"]).status === 0);
const container = (processes = 0) =>
  containers ? [...containers, "/bin/sh", "-c", `i=0; while [ $i -lt ${processes} ]; do /bin/true; i=$((i+1)); done; "$0" "$@"; exit $?`] : [];

test("containers that share a folder", async (t) => {
  t.diagnostic(containers ? containers.join(" ") : "no containers here: plain processes");
  await t.test("wait for each other, though neither sees the other's processes", async (t) => {
    const path = folder(t);
    const first = beside(t, "./moment.mjs", [JSON.stringify({ folder: path, name: "n", hold: 1500 })], container(500));
    await first.told("held");
    const second = beside(t, "./moment.mjs", [JSON.stringify({ folder: path, name: "n" })], container());
    assert.deepEqual([await first.told("reached"), await second.told("reached")], [1, 2]);
    assert.deepEqual([await first.ended, await second.ended], [{ code: 0, signal: null }, { code: 0, signal: null }]);
  });

  await t.test("count together, and lose nothing", async (t) => {
    const path = folder(t);
    const all = [0, 150, 300, 450].map((processes) => counter(t, path, 150, container(processes)));
    assert.deepEqual(await Promise.all(all.map(({ ended }) => ended)), all.map(() => ({ code: 0, signal: null })));
    assert.equal(await fileStore(path).get("n"), "600");
    assert.deepEqual(all.flatMap(({ lines }) => lines).sort((a, b) => a - b), upTo(600));
    assert.deepEqual(others(path), []);
  });

  await t.test("do not know of each other's programs whether they run", async (t) => {
    const path = folder(t);
    const first = beside(t, "./moment.mjs", [JSON.stringify({ folder: path, name: "n" })], container(500));
    const name = await first.told("owner");
    // where there is no container to be had, it is a process that is seen
    assert.equal(fileStore(path).alive(name), containers ? undefined : true);
    await first.ended;
    assert.equal(fileStore(path).alive(name), containers ? undefined : false);
  });
});

test("whether an owner runs", async (t) => {
  const store = fileStore(folder(t));
  const another = fileStore(folder(t));
  assert.deepEqual([store.alive(store.owner), store.alive(another.owner)], [true, true]);
  assert.equal(store.alive(owner({ pid: process.ppid })), true);
  assert.equal(store.alive(owner({})), false, "of the same number, before this process");
  assert.equal(store.alive(owner({ pid: await ended() })), false);
  for (const pid of [process.pid, process.ppid, await ended()]) assert.equal(store.alive(owner({ place: ELSEWHERE, pid })), undefined, "of another host or container");
  assert.equal(store.alive("somebody"), undefined);

  // a thread has the number of its process
  const thread = new Worker(`
    const { parentPort } = require("node:worker_threads");
    import(${JSON.stringify(new URL("../../js/dist/client/node.js", import.meta.url).href)}).then(({ fileStore }) => parentPort.postMessage(fileStore("/nowhere").owner));
    setInterval(() => {}, 1000);`, { eval: true });
  t.after(() => thread.terminate());
  const [name] = await once(thread, "message");
  assert.equal(store.alive(name), undefined);
});

test("files of others in the folder are left alone", async (t) => {
  const path = folder(t);
  const { site } = await shop(t);
  const foreign = { "package.json": "{", "notes.txt": "", [`${"a".repeat(63)}.json`]: "{}", [`x${"a".repeat(64)}.json`]: "{}", [`${"A".repeat(64)}.json`]: "{}", [`${fileOf("a")}.bak`]: "{" };
  for (const [file, text] of Object.entries(foreign)) writeFileSync(join(path, file), text);
  const client = createClient({ signer: counting().signer, policy, store: fileStore(path) });
  await client.fetch(`${site}/a`);
  assert.equal((await client.receipts()).length, 1);
  for (const [file, text] of Object.entries(foreign)) assert.equal(readFileSync(join(path, file), "utf8"), text);

  // one of this store's names is this store's, and never left out
  for (const text of ["{", "{}", JSON.stringify({ name: "receipt x", text: "{}" })]) {
    const file = join(path, fileOf("receipt y"));
    writeFileSync(file, text);
    await assert.rejects(client.receipts(), (error) => error.message.includes(file) && /cannot be read/.test(error.message), text);
  }
});

test("a folder that others can write is refused, with what to do", async (t) => {
  const all = (path) => [() => put(fileStore(path), "a", "1"), () => fileStore(path).get("a"), () => fileStore(path).names("")];
  for (const mode of [0o777, 0o775, 0o757, 0o1777]) {
    const path = folder(t);
    chmodSync(path, mode);
    for (const one of all(path)) await assert.rejects(one, (error) => error.message.includes(path) && /chmod go-w/.test(error.message), mode.toString(8));
    assert.deepEqual(readdirSync(path), []);
    // and is looked at again
    const store = fileStore(path);
    await assert.rejects(put(store, "a", "1"), /chmod go-w/);
    chmodSync(path, 0o755);
    await put(store, "a", "1");
  }
  // somebody else's: who is root can make one, and who is not has that of root
  let path = "/";
  if (process.geteuid() === 0) {
    path = folder(t);
    chmodSync(path, 0o755);
    chownSync(path, 12345, 12345);
  }
  for (const one of all(path)) await assert.rejects(one, (error) => error.message.includes(path) && /belongs to the user .*chown/.test(error.message));
});

test("what was planted in the folder is not followed", async (t) => {
  const victim = join(folder(t), "victim");
  for (const name of [`${fileOf("n")}.${process.pid}.new`, fileOf("n"), `lock.${process.pid}`, "lock"]) {
    const path = folder(t);
    writeFileSync(victim, JSON.stringify({ name: "n", text: "victim" }));
    const before = readFileSync(victim, "utf8");
    symlinkSync(victim, join(path, name));
    await put(fileStore(path), "n", "mine").catch((error) => assert.match(error.message, /lock/));
    assert.equal(readFileSync(victim, "utf8"), before, name);
  }
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
  for (let at = 1; at < 600; at++) writeFileSync(join(path, fileOf(`r ${at}`)), JSON.stringify({ name: `r ${at}`, text: "" }));
  const script = `import { fileStore } from ${JSON.stringify(new URL("../../js/dist/client/node.js", import.meta.url).href)};
    console.log((await fileStore(${JSON.stringify(path)}).names("r ")).length);`;
  const child = spawn("/bin/sh", ["-c", `ulimit -n 200 && exec "$0" --input-type=module -e "$1"`, process.execPath, script], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (part) => { said += part; });
  await once(child, "close");
  assert.equal(said.trim(), "600");
});
