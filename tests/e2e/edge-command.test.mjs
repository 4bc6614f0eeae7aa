// `npm run edge`, as a person and a script meet it at the terminal.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { freePort, start, stop } from "../../tools/lib/processes.mjs";
import { payTo } from "../support/accounts.mjs";
import { startChain } from "../support/chain.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { startOrigin } from "../support/origin.mjs";
import { officialFetch } from "../support/pay.mjs";
import { newReader } from "./reader.mjs";

const TOOL = resolve(import.meta.dirname, "../../tools/edge.mjs");
const KEYS = `k1:${"A".repeat(43)}`;
const TEXT = "The ferryman took the penny and said nothing.";

let chain;
let facilitator;
let origin;
let folder;
let port;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "farthing-command-"));
  port = await freePort();
  chain = await startChain();
  facilitator = await startFacilitator({ rpc: chain.url });
  origin = await startOrigin({ routes: { "/": "Front page", "/articles/ferry": TEXT } });
});
after(async () => {
  await origin?.stop();
  await facilitator?.stop();
  await chain?.stop();
  await rm(folder, { recursive: true, force: true });
});

const config = () => `// a publisher's file, with a comment
{
  "site": "http://127.0.0.1:${port}",
  "origin": { "url": "${origin.url}" },
  "payTo": { "eip155": "${payTo.address}" },
  "networks": ["${chain.network}"],
  "settlement": { "facilitators": [{ "url": "${facilitator.url}" }], "rpc": { "${chain.network}": ["${chain.url}"] } },
  "routes": [{ "match": "/articles/*", "price": "$0.05", "access": "30d" }], // and a comma too many
}
`;
const file = async (name, text) => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

/** Runs the command; `ready` is its first line on stdout, or how it ended. */
async function run(args, { keys = KEYS, secrets = {} } = {}) {
  const env = { ...process.env, FARTHING_KEYS: keys, ...secrets };
  for (const name of Object.keys(env)) if (name.startsWith("npm_") || name === "NODE_TEST_CONTEXT") delete env[name];
  const child = start(process.execPath, [TOOL, ...args], { env });
  const seen = { out: "", err: "" };
  const line = new Promise((done) => {
    child.stdout.setEncoding("utf8").on("data", (text) => {
      seen.out += text;
      if (seen.out.includes("\n")) done();
    });
  });
  child.stderr.setEncoding("utf8").on("data", (text) => { seen.err += text; });
  const closed = new Promise((done) => { child.once("close", done); });
  await Promise.race([line, closed]);
  return {
    child, seen,
    ended: async () => {
      await closed;
      return (await child.ended).code;
    },
    async stop(signal = "SIGINT") {
      await stop(child, { signal, grace: 10_000 });
      await closed;
    },
  };
}

test("--json prints exactly one line when ready, free pages and offers are there, Ctrl-C ends it", async () => {
  const edge = await run(["--config", await file("good.jsonc", config()), "--port", String(port), "--state", join(folder, "state"), "--json"]);
  try {
    assert.deepEqual(JSON.parse(edge.seen.out), { ready: true, url: `http://127.0.0.1:${port}` }, edge.seen.err);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "Front page");
    assert.equal((await fetch(`http://127.0.0.1:${port}/articles/ferry`)).status, 402);
  } finally {
    await edge.stop();
  }
  assert.equal(edge.seen.out.trimEnd().split("\n").length, 1, edge.seen.out);
  assert.equal(await edge.ended(), 130);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`), "nothing listens any more");
});

test("the secrets that the config names come from the environment; without them it does not start", async () => {
  const text = config().replace(`"url": "${facilitator.url}" }`, `"url": "${facilitator.url}", "headers": { "authorization": "F_TOKEN" } }`);
  const args = ["--config", await file("secrets.jsonc", text), "--port", String(port), "--state", join(folder, "secrets"), "--json"];
  const without = await run(args);
  assert.equal(await without.ended(), 1);
  assert.match(without.seen.err, /the secret F_TOKEN is not there: set F_TOKEN in the environment/);
  const edge = await run(args, { secrets: { F_TOKEN: "Bearer of-the-test" } });
  try {
    assert.deepEqual(JSON.parse(edge.seen.out), { ready: true, url: `http://127.0.0.1:${port}` }, edge.seen.err);
  } finally {
    await edge.stop();
  }
});

test("what was paid is still known after it was stopped and started again with the same --state", async () => {
  const args = ["--config", await file("good.jsonc", config()), "--port", String(port), "--state", join(folder, "books"), "--json"];
  const paper = { chain, site: `http://127.0.0.1:${port}` };
  const reader = await newReader(paper);
  const answers = [];
  let cookie;
  for (const signal of ["SIGTERM", "SIGKILL", "SIGINT"]) {
    const edge = await run(args);
    try {
      assert.ok(edge.seen.out, edge.seen.err);
      const response = await officialFetch({ key: reader.key })(`${paper.site}/articles/ferry`);
      answers.push([response.status, await response.text(), response.headers.get("payment-response")]);
      cookie ??= response.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
      assert.equal((await reader.ask("/articles/ferry", { cookie })).status, 200);
    } finally {
      await edge.stop(signal);
    }
  }
  assert.deepEqual(answers[0].slice(0, 2), [200, TEXT]);
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
  assert.equal((await reader.transfers()).length, 1);
});

test("every mistake in a config is named, with its place, and the exit code is 1", async () => {
  const wrong = config().replace(payTo.address, "0x3C44").replace("$0.05", "5 cents").replace('"30d"', '"for ever"');
  const edge = await run(["--config", await file("wrong.jsonc", wrong), "--port", "0", "--json"]);
  assert.equal(await edge.ended(), 1);
  assert.equal(edge.seen.out, "");
  const lines = edge.seen.err.trim().split("\n");
  assert.match(lines[0], /wrong\.jsonc:$/);
  assert.equal(lines.length, 4, edge.seen.err);
  for (const place of ["payTo.eip155", "routes[0].price", "routes[0].access"]) {
    assert.equal(lines.filter((line) => line.includes(place)).length, 1, `${place}\n${edge.seen.err}`);
  }
});

test("a config that is no JSON is named with its line", async () => {
  const edge = await run(["--config", await file("broken.jsonc", config().replace('"payTo":', '"payTo"')), "--port", "0", "--json"]);
  assert.equal(await edge.ended(), 1);
  assert.match(edge.seen.err, /line 5/);
  assert.doesNotMatch(edge.seen.err, /^\s+at /m);
});

for (const [name, args, sentence] of [
  ["no config", ["--port", "0"], /^--config FILE is missing\./],
  ["a config that is not there", ["--config", "/no/such/file.jsonc"], /^\/no\/such\/file\.jsonc cannot be read: there is no such file\.$/],
  ["a port that is none", ["--config", TOOL, "--port", "many"], /^--port wants a number from 0 to 65535, not "many"\.$/],
  ["an option that is none", ["--prot", "1"], /--prot/],
]) {
  test(`${name} is one clear sentence`, async () => {
    const edge = await run(args);
    assert.equal(await edge.ended(), 1);
    assert.equal(edge.seen.out, "");
    assert.match(edge.seen.err.trim().split("\n")[0], sentence);
    assert.doesNotMatch(edge.seen.err, /^\s+at /m, "and no stack");
  });
}

test("a port in use is one clear sentence", async () => {
  const edge = await run(["--config", await file("good.jsonc", config()), "--port", new URL(origin.url).port, "--json"]);
  assert.equal(await edge.ended(), 1);
  assert.equal(edge.seen.out, "");
  assert.match(edge.seen.err.trim(), /^Port \d+ is already in use: .*\.$/);
});

test("without FARTHING_KEYS it starts, warns, and sells nothing", async () => {
  const args = ["--config", await file("good.jsonc", config()), "--port", String(port), "--state", join(folder, "state"), "--json"];
  const edge = await run(args, { keys: "" });
  try {
    assert.equal(JSON.parse(edge.seen.out).ready, true);
    assert.match(edge.seen.err, /Warning: FARTHING_KEYS is missing/);
    assert.equal((await fetch(`http://127.0.0.1:${port}/articles/ferry`)).status, 503);
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  } finally {
    await edge.stop();
  }
});
