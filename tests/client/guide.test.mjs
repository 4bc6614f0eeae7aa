// The examples of www/docs/client.md, as its readers copy them: each runs, in Node, against a shop.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { generatePrivateKey } from "viem/accounts";
import { run } from "../../tools/lib/run.mjs";
import { GOOD, folder, shop } from "./stage.mjs";

const root = join(import.meta.dirname, "../..");
const read = (file) => [...readFileSync(join(root, file), "utf8").matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({ kind, text }));
const guide = read("www/docs/client.md");

/** The only example with this in it. */
function example(part, from = guide) {
  const found = from.filter(({ kind, text }) => kind === "js" && text.includes(part));
  assert.equal(found.length, 1, `${found.length} examples with ${part}`);
  return found[0].text;
}

/** Runs a text as a program of somebody who has installed the package. */
function asProgram(t, text, { args = [], key = generatePrivateKey() } = {}) {
  const place = folder(t);
  mkdirSync(join(place, "node_modules"));
  for (const [name, target] of [["farthing", "js"], ["viem", "node_modules/viem"]]) symlinkSync(join(root, target), join(place, "node_modules", name));
  writeFileSync(join(place, "program.mjs"), text);
  return run(process.execPath, ["program.mjs", ...args], { cwd: place, env: { ...process.env, FARTHING_PRIVATE_KEY: key }, check: false });
}
/** What an example takes for given. */
const given = (url, policy = { max: "$0.10" }) => `import { createClient } from "farthing/node";
const client = createClient({ signer: process.env.FARTHING_PRIVATE_KEY, policy: ${JSON.stringify(policy)} });
const url = ${JSON.stringify(url)};
`;

test("every example of the guide is run here, or is a browser's", () => {
  const known = ["console.log(await response.text())", "generatePrivateKey", "client.quote(url)", "instanceof PaymentError", "farthing/slim"].map((part) => example(part));
  assert.deepEqual(guide.map(({ text }) => text).filter((text) => !known.includes(text)), []);
});

test("the first example pays, and keeps what it paid", async (t) => {
  const { site, count } = await shop(t);
  const { code, out, err } = await asProgram(t, example("console.log(await response.text())"), { args: [`${site}/a`] });
  assert.equal(code, 0, err);
  assert.match(out, /^here\n\{[^]*state: 'paid'[^]*decimal: '0\.01'/);
  assert.equal(count(), 1);
});

test("the package's own example pays", async (t) => {
  const { site, count } = await shop(t);
  const { code, out, err } = await asProgram(t, example("createClient", read("js/README.md")).replace("https://news.example", site));
  assert.equal(code, 0, err);
  assert.match(out, /^here \{[^]*state: 'paid'/);
  assert.equal(count(), 1);
});

test("the key that an example makes is one", async (t) => {
  const { out } = await asProgram(t, example("generatePrivateKey"));
  const [, key, address] = /^FARTHING_PRIVATE_KEY=(0x[0-9a-f]{64}) (0x[0-9a-fA-F]{40})\n$/.exec(out) ?? assert.fail(out);
  const { createClient } = await import("../../js/dist/client/node.js");
  assert.equal(await createClient({ signer: key, policy: { max: "$1" } }).address(), address);
});

test("what is asked first is what is paid", async (t) => {
  const { site, count } = await shop(t);
  const { code, out, err } = await asProgram(t, `${given(`${site}/a`)}${example("client.quote(url)")}\nconsole.log(quote.choice.decimal, quote.problem, quote.refused, (await client.receipts()).length);`);
  assert.deepEqual([code, out, count()], [0, "0.01 undefined [] 1\n", 1], err);
});

test("what an error is looked at for is there", async (t) => {
  const { site, count } = await shop(t, { offer: { ...GOOD, amount: "500000" } });
  const { code, err } = await asProgram(t, `${given(`${site}/a`)}${example("instanceof PaymentError")}`);
  assert.deepEqual([code, err, count()], [0, "too-dear 0.5 $0.10\n", 0]);
});
