// Rust traps in the middle of something (threat B12): that request opens nothing, calls that were under way are told to come back,
// and whoever comes next is served. The artefacts are those that are deployed; what traps is put between them and the platform.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { BUILD } from "../support/edge.mjs";
import { slowAfterSettle } from "../support/hostile-facilitator.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DOOR, DOT, assertArticle, assertPending, impatient, needles, newReader, problemOf, resend, settlesOf, until } from "../e2e/reader.mjs";

// (module (func (export "trap") unreachable))
const TRAP = "0061736d01000000010401600000030201000708010474726170" + "00000a05010300000b";

// Goes before the Worker. `/arm?PART=KIND`: the next time that the gate's part of the WebAssembly is called, or the ledger's part calls the
// platform, it traps. One instance serves both.
const BEFORE = `
import trap from "./trap.wasm";
import worker from "./worker.js";
export { Ledger } from "./worker.js";

const { Instance } = WebAssembly;
let armed = {};
let calls = 0;
const failures = {
  trap: () => new Instance(trap).exports.trap(),
  stack: () => failures.stack() + 1,
  throw: () => { throw new Error("an exception on its way through Rust"); },
};
const rigged = (part, original) => (...values) => {
  calls += 1;
  const kind = armed[part];
  delete armed[part];
  if (kind) failures[kind]();
  return original(...values);
};
const GATE = ["configure", "route", "decide", "next", "undelivered"];
const rig = (part, functions, names) => ({
  ...functions, ...Object.fromEntries(names.map((name) => [name, rigged(part, functions[name])])),
});
let instances = 0;
WebAssembly.Instance = function (module, { platform }) {
  instances += 1;
  const { exports } = new Instance(module, { platform: rig("ledger", platform, Object.keys(platform)) });
  return { exports: rig("gate", exports, GATE) };
};
WebAssembly.Instance.prototype = Instance.prototype;

export default {
  fetch(request, ...more) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/instances") return new Response(String(instances));
    if (pathname === "/calls") return new Response(String(calls));
    if (pathname !== "/arm") return worker.fetch(request, ...more);
    armed = Object.fromEntries(searchParams);
    return new Response("armed");
  },
};
`;

let paper;
let build;
before(async () => {
  build = mkdtempSync(join(tmpdir(), "farthing-traps-"));
  cpSync(BUILD, build, { recursive: true });
  assert.match(readFileSync(join(build, "wrangler.jsonc"), "utf8"), /"main": "index.js"/);
  renameSync(join(build, "index.js"), join(build, "worker.js"));
  writeFileSync(join(build, "index.js"), BEFORE);
  writeFileSync(join(build, "trap.wasm"), Buffer.from(TRAP, "hex"));
  paper = await startNewspaper({ hostile: true, change: impatient(), build });
});
after(async () => {
  await paper?.stop();
  rmSync(build, { recursive: true, force: true });
});
afterEach(() => paper.badFacilitator.reset());

// A call that nobody ends would last for ever.
const soon = { timeout: 60_000 };
const ask = async (path) => (await fetch(`${paper.site}${path}`)).text();
/** Until nothing of what came before is under way: that an answer has ended is told to its ledger after that. */
async function quiet() {
  for (let before, now = await ask("/calls"); before !== now; now = await ask("/calls")) {
    before = now;
    await new Promise((done) => { setTimeout(done, 200); });
  }
}
const arm = async (query) => assert.equal(await ask(`/arm?${query}`), "armed");

const instances = async () => Number(await (await fetch(`${paper.site}/instances`)).text());

for (const kind of ["trap", "stack"]) {
  test(`S7 B12 the gate's ${kind} refuses one request; the next is served by a fresh instance`, soon, async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    for (const send of [() => reader.ask(DOOR), () => reader.send(DOOR, payment), () => reader.ask(paper.free.slice(paper.site.length))]) {
      await arm(`gate=${kind}`);
      const response = await send();
      assert.equal(response.status, 500);
      const copy = response.clone();
      assert.equal(await problemOf(response), "internal");
      const text = await copy.text();
      for (const needle of needles[DOOR]) assert.ok(!text.includes(needle));
      assert.equal((await reader.ask(DOOR)).status, 402);
    }
    await assertArticle(await reader.send(DOOR, payment), DOOR);
    assert.equal((await reader.transfers()).length, 1);
  });
}

for (const kind of ["trap", "stack", "throw"]) {
  test(`S4 B12 the ledger's ${kind} before anything happened: pending, then paid once`, soon, async () => {
    const reader = await newReader(paper);
    const payment = await reader.sign(DOOR);
    await quiet();
    await arm(`ledger=${kind}`);
    await assertPending(await reader.send(DOOR, payment));
    await assertArticle(await resend(() => reader.send(DOOR, payment), { tries: 30 }), DOOR);
    assert.equal((await reader.transfers()).length, 1);
  });

  test(`S4 S6 B12 the ledger's ${kind} in a future, after the money moved: all who wait are told at once, and everybody is charged once`, soon, async () => {
    const [one, other] = [await newReader(paper), await newReader(paper)];
    const payments = [await one.sign(DOOR), await other.sign(DOT)];
    paper.badFacilitator.script("/settle", slowAfterSettle(1500));
    const begin = performance.now();
    const first = one.send(DOOR, payments[0]);
    await until("the money moves", async () => (await one.transfers()).length > 0);
    paper.badFacilitator.script("/settle", "hang");
    const second = other.send(DOT, payments[1]);
    await until("the other is being settled", () => settlesOf(paper.badFacilitator, other).length > 0);
    await arm(`ledger=${kind}`);
    await Promise.all([first.then(assertPending), second.then(assertPending)]);
    // far less than their patience with the facilitator (2 s) and the slack of a call that was given up (5 s)
    assert.ok(performance.now() - begin < 5000);
    paper.badFacilitator.reset();
    await assertArticle(await resend(() => one.send(DOOR, payments[0]), { tries: 30 }), DOOR);
    await assertArticle(await resend(() => other.send(DOT, payments[1]), { tries: 30 }), DOT);
    for (const reader of [one, other]) assert.equal((await reader.transfers()).length, 1);
  });
}

test("S4 B12 the gate's trap while a payment is being settled: its payer is told to come back, and is charged once", soon, async () => {
  const [payer, other] = [await newReader(paper), await newReader(paper)];
  const payment = await payer.sign(DOOR);
  paper.badFacilitator.script("/settle", slowAfterSettle(1500));
  const first = payer.send(DOOR, payment);
  await until("the money moves", async () => (await payer.transfers()).length > 0);
  await arm("gate=trap");
  assert.equal((await other.ask(DOT)).status, 500);
  await assertPending(await first);
  await assertArticle(await resend(() => payer.send(DOOR, payment), { tries: 30 }), DOOR);
  assert.equal((await payer.transfers()).length, 1);
});

test("S7 B12 the ledger's trap costs other requests nothing: they are asked, paid and delivered, in the next instance", soon, async () => {
  const [one, other] = [await newReader(paper), await newReader(paper)];
  const payments = [await one.sign(DOOR), await other.sign(DOT)];
  const before = await instances();
  await arm("ledger=trap");
  await assertPending(await one.send(DOOR, payments[0]));
  assert.equal((await other.ask(DOT)).status, 402);
  await assertArticle(await other.send(DOT, payments[1]), DOT);
  await assertArticle(await resend(() => one.send(DOOR, payments[0]), { tries: 30 }), DOOR);
  assert.equal(await instances(), before + 1);
  for (const reader of [one, other]) assert.equal((await reader.transfers()).length, 1);
});
