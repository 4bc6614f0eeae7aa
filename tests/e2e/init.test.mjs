// The five questions of `npx farthing init`, as a person at a terminal meets them.
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { openGate } from "../../js/cli/lib/gate.mjs";
import { answer } from "../../js/cli/init/answers.mjs";
import { payTo } from "../support/accounts.mjs";

const gate = openGate(join(resolve(import.meta.dirname, "../.."), "worker", "build", "edge.wasm"));

/** Types a line at every question; resolves to the answers and all that was shown. */
async function asked(lines, given = {}) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = new PassThrough();
  let shown = "";
  output.setEncoding("utf8").on("data", (text) => {
    shown += text;
    // a question has its usual answer or its colon at the end, a complaint ends the line
    if (!/[):?] $|real $/.test(text)) return;
    const line = lines.shift();
    if (line === undefined) input.end();
    else input.write(`${line}\n`);
  });
  const answers = await answer(given, { gate, yes: false, input, output });
  return { answers, shown };
}

test("five questions, five answers", async () => {
  const { answers, shown } = await asked(["https://news.example/", "https://origin.news.example", payTo.address, "/stories/* $0.10", "real"]);
  assert.deepEqual(answers, {
    site: "https://news.example", origin: "https://origin.news.example", payTo: payTo.address, match: "/stories/*", price: "$0.10", money: "real",
  });
  assert.equal(shown.match(/ \(|digits:/g).length, 5, shown);
});

test("an empty line takes what is usual, and what options said is not asked", async () => {
  const { answers, shown } = await asked(["", ""], { site: "https://a.example", payTo: payTo.address, match: "/x/*", price: "$1" });
  assert.deepEqual(answers, { site: "https://a.example", payTo: payTo.address, match: "/x/*", price: "$1", origin: "dns", money: "test" });
  assert.doesNotMatch(shown, /Who is paid/);
});

test("a wrong answer is told why by the core, and asked again", async () => {
  const wrong = `${payTo.address.slice(0, -1)}${payTo.address.endsWith("C") ? "c" : "C"}`;
  const { answers, shown } = await asked(["news.example", "https://news.example", "dns", wrong, payTo.address, "stories five", "/stories/* five", "/stories/* $0.10", "mine", "test"]);
  assert.equal(answers.payTo, payTo.address);
  assert.equal(answers.price, "$0.10");
  for (const says of [/the site: "news\.example" is not an https:\/\/ address/, /the checksum of/, /mistyped\?\n/, /the pattern: "stories" must start with a slash/, /the price: "five": write a price/, /"mine" is neither/]) assert.match(shown, says);
  assert.doesNotMatch(shown, /payTo\.|routes\[/, "no file is there yet");
});

test("a terminal that closes is told that nothing was written", () => assert.rejects(asked(["https://news.example"]), /Nothing was written/));
