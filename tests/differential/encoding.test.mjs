// Base64 and JSON of payment headers against Node: whatever we read, Buffer, atob and JSON.parse read to the same value (threats
// C3, C4); whatever a peer writes, we read.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBridge } from "../support/bridge.mjs";
import { invalid, stricter, valid } from "./json-corpus.mjs";
import { chance, each } from "./support.mjs";

let core;
before(async () => { core = await startBridge(); });
after(() => core?.stop());

const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/;
const strictText = (bytes) => {
  try { return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes); } catch { return undefined; }
};

test("c3: base64 that is read says the same to Buffer and to atob", async () => {
  const random = chance();
  const alphabet = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="];
  const strange = [" ", "\n", "\t", "\r\n", ",", ".", "=", "==", "===", "-", "_", "+", "/", "é", "%", "\u0000", "A", "B"];
  const headers = [];
  for (let index = 0; index < 8000; index += 1) {
    const bytes = random.maybe(0.7) ? Buffer.from(random.text(1 + random.below(20), [..."{}[]\":,0123abcé€😀 "])) : random.bytes(1 + random.below(20));
    let header = bytes.toString(random.maybe(0.8) ? "base64" : "base64url");
    for (let changes = random.below(3); changes > 0; changes -= 1) {
      const at = random.below(header.length + 1);
      header = random.pick([
        () => header.slice(0, at) + random.pick(strange) + header.slice(at),
        () => header.slice(0, at) + header.slice(at + 1),
        () => header.slice(0, at) + random.pick(alphabet) + header.slice(at + 1),
        () => header.replace(/=+$/, ""),
      ])();
    }
    if (random.maybe(0.05)) header = random.text(random.below(12), alphabet);
    headers.push(header);
  }
  let read = 0;
  await each(headers, async (header) => {
    const { text, refused } = await core.ask("decode", { header });
    const canonical = STANDARD.test(header) && Buffer.from(header, "base64").toString("base64") === header;
    if (text === undefined) {
      // what a peer writes is canonical, and text
      const meant = canonical && header !== "" ? strictText(Buffer.from(header, "base64")) : undefined;
      assert.equal(meant, undefined, `refused as ${refused}`);
      return;
    }
    read += 1;
    assert.equal(Buffer.from(header, "base64").toString("utf8"), text);
    const standard = header.replaceAll("-", "+").replaceAll("_", "/");
    assert.ok(standard === header || !/[+/]/.test(header), "one alphabet at a time");
    assert.equal(strictText(Uint8Array.from(atob(standard), (letter) => letter.charCodeAt(0))), text);
    assert.equal(Buffer.from(text).toString("base64").replace(/=+$/, ""), standard.replace(/=+$/, ""), "one spelling");
  });
  assert.ok(read > 2000, `${read} were read`);
});

test("c1: the size is capped before anything else", async () => {
  for (const [length, refused] of [[16_383, undefined], [16_384, undefined], [16_385, "too-large"], [1_048_576, "too-large"]]) {
    assert.equal((await core.ask("decode", { header: "A".repeat(length) })).refused, refused, `${length}`);
  }
});

const parsed = (text) => {
  try { return { value: JSON.parse(text) }; } catch { return undefined; }
};

/** Our reading of a text: the value, or the reason why there is none. */
async function ours(text) {
  const { json, refused } = await core.ask("json", { text });
  return json === undefined ? { refused } : { value: JSON.parse(json) };
}

test("c4: a corpus of JSON: read alike, refused alike, and stricter only for named reasons", async () => {
  await each(valid, async (text) => {
    assert.deepEqual(await ours(text), parsed(text));
  });
  await each(invalid, async (text) => {
    assert.equal(parsed(text), undefined, "not for Node either");
    assert.ok("refused" in await ours(text));
  });
  await each(Object.entries(stricter).flatMap(([reason, texts]) => texts.map((text) => [reason, text])), async ([reason, text]) => {
    assert.ok(parsed(text), "Node reads it");
    assert.match((await ours(text)).refused, new RegExp(reason));
  });
});

const depth = (value) => (value === null || typeof value !== "object" ? 0 : 1 + Math.max(0, ...Object.values(value).map(depth)));
const members = (value) => (value === null || typeof value !== "object" ? 0
  : (Array.isArray(value) ? 0 : Object.keys(value).length) + Object.values(value).reduce((sum, item) => sum + members(item), 0));
const widest = (value) => (value === null || typeof value !== "object" ? 0
  : Math.max(Array.isArray(value) ? 0 : Object.keys(value).length, 0, ...Object.values(value).map(widest)));
const keysIn = (text) => [...text.matchAll(/"(?:[^"\\]|\\.)*"\s*(:?)/g)].filter(([, colon]) => colon).length;

test("c4: generated JSON, whole and damaged: what is read is read alike, what is refused has a reason", async () => {
  const random = chance();
  const leaf = () => random.pick([
    () => "null", () => "true", () => "false", () => String(random.number(80)), () => `-${random.number(20)}`, () => `${random.below(99)}.${random.below(99)}e${random.below(30)}`,
    () => JSON.stringify(random.text(random.below(6), [..."ab\"\\/é€😀\n\u0000\u2028"])), () => `"\\u${random.below(65_536).toString(16).padStart(4, "0")}"`, () => '"\\ud83d\\ude00"',
  ])();
  const space = () => random.pick(["", "", "", " ", "\n", "\t "]);
  const make = (left) => {
    const kind = left <= 0 ? 0 : random.below(4);
    if (kind <= 1) return leaf();
    const items = Array.from({ length: random.below(4) }, () => {
      const value = space() + make(left - 1) + space();
      return kind === 2 ? value : `${space()}${JSON.stringify(random.text(1 + random.below(2), [..."abcé"]))}${space()}:${value}`;
    });
    return (kind === 2 ? "[" : "{") + (items.join(",") || space()) + (kind === 2 ? "]" : "}");
  };
  const damage = [..."{}[]\":,\\u0 eE+-.19'/*\u0001\ufeff"];
  const texts = Array.from({ length: 8000 }, () => {
    let text = make(random.below(11));
    for (let changes = random.pick([0, 0, 1, 1, 2]); changes > 0; changes -= 1) {
      const letters = [...text];
      letters.splice(random.below(letters.length + 1), random.maybe() ? 1 : 0, ...(random.maybe() ? [random.pick(damage)] : []));
      text = letters.join("");
    }
    return text;
  });
  const counts = { read: 0, refused: 0, stricter: 0 };
  await each(texts, async (text) => {
    const read = await ours(text);
    const theirs = parsed(text);
    if (!("refused" in read)) {
      counts.read += 1;
      assert.deepEqual(read, theirs);
    } else if (theirs === undefined) {
      counts.refused += 1;
    } else {
      counts.stricter += 1;
      // a key that stands twice hides from JSON.parse's callers what it stood for first
      const hidden = keysIn(text) > members(theirs.value);
      const reason = {
        "nested too deep": () => hidden || depth(theirs.value) > 8,
        "a key stands twice, or there are too many": () => hidden || widest(theirs.value) > 64,
        "half a surrogate pair": () => hidden || /\\ud[89a-f]/i.test(JSON.stringify(theirs.value)),
      }[read.refused];
      assert.ok(reason?.(), `refused for "${read.refused}"`);
    }
  });
  for (const [name, count] of Object.entries(counts)) assert.ok(count > 100, `${name}: ${count}`);
});
