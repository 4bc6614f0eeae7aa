// What the demo newspaper promises to the rest of the project. Run: node --test www/demo/demo.test.mjs

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundle } from "./build.mjs";
import { tideTable } from "./make-data.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const site = join(here, "site");
const read = (...path) => readFileSync(join(here, ...path), "utf8");
const newspaper = JSON.parse(read("newspaper.json"));
const tests = createRequire(join(here, "../../tests/package.json"));

const files = readdirSync(site, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.startsWith("demo-wallet."))
  .map((entry) => join(entry.parentPath, entry.name).slice(site.length));

/** The file behind a URL path, by the rule of the static origin. */
const fileOf = (path) => (path === "/" ? "/index.html" : /\.\w+$/.test(path) ? path : `${path}.html`);

const ENTITIES = { "&amp;": "&", "&quot;": '"', "&lt;": "<", "&gt;": ">", "&nbsp;": " " };
const plain = (html) => html.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity);
const words = (text) => plain(text).toLowerCase().match(/[\p{L}\p{N}$.’'-]*[\p{L}\p{N}]/gu) ?? [];

/** Every reading of a page: its text, with attributes that are read aloud or quoted before the text around them. */
function readings(html) {
  const attributes = [...html.matchAll(/\b(?:alt|title|aria-label|content)="([^"]*)"/g)].map((match) => match[1]);
  const text = html.replace(/<(script|style)\b[^]*?<\/\1>/g, " ").replace(/<[^>]*>/g, " ");
  const joined = html.replace(/<(script|style)\b[^]*?<\/\1>/g, "").replace(/<[^>]*>/g, "");
  return [text, joined, ...attributes];
}

function runs(text, length = 6) {
  const list = words(text);
  return list.slice(length - 1).map((_, i) => list.slice(i, i + length).join(" "));
}

const runsOf = (html) => new Set(readings(html).flatMap((reading) => runs(reading)));
const bodyOf = (html) => html.slice(html.indexOf("<body"));
const articleOf = (html) => html.slice(html.indexOf("<article>"), html.indexOf("</article>"));
const headOf = (html) => html.slice(0, html.indexOf("<body"));

/** Everything that somebody who has not paid can read, by name. */
function unpaid() {
  const texts = new Map([["newspaper.json", JSON.stringify({ ...newspaper, needles: undefined })]]);
  for (const { description } of newspaper.routes) texts.set(`description: ${description}`, description);
  for (const file of files) {
    const text = read("site", file);
    if (file.startsWith("/data/")) continue;
    texts.set(file, file.startsWith("/articles/") ? headOf(text) : text);
  }
  return texts;
}

test("no six words of a priced page are readable before it is paid", () => {
  const open = [...unpaid()].map(([name, text]) => [name, runsOf(text)]);
  let compared = 0;
  for (const { path } of newspaper.articles) {
    const body = runsOf(bodyOf(read("site", fileOf(path))));
    for (const [name, free] of open) {
      compared += body.size;
      assert.deepEqual([...body].filter((run) => free.has(run)), [], `${path} shares words with ${name}`);
    }
  }
  const data = runsOf(read("site", newspaper.data.path));
  for (const [name, free] of open) assert.deepEqual([...data].filter((run) => free.has(run)), [], name);
  assert.ok(compared > 50_000);
});

test("no priced article quotes six words of another", () => {
  const pages = newspaper.articles.map(({ path }) => [path, runsOf(articleOf(read("site", fileOf(path))))]);
  for (const [path, own] of pages) {
    for (const [other, theirs] of pages) {
      if (path !== other) assert.deepEqual([...own].filter((run) => theirs.has(run)), [], `${path} and ${other}`);
    }
  }
});

test("each needle occurs once, in its own page and nowhere else", () => {
  for (const [path, needles] of Object.entries(newspaper.needles)) {
    assert.ok(needles.length >= 3, path);
    for (const needle of needles) {
      const holders = files.filter((file) => read("site", file).includes(needle));
      assert.deepEqual(holders, [fileOf(path)], needle);
      assert.equal(read("site", fileOf(path)).split(needle).length, 2, needle);
    }
  }
  const sold = [...newspaper.articles.map(({ path }) => path), newspaper.data.path];
  assert.deepEqual(Object.keys(newspaper.needles).sort(), sold.sort());
});

test("every article is 600 to 1,100 words and has byline, date and picture", () => {
  for (const file of files.filter((name) => /^\/(articles|free)\//.test(name))) {
    const html = read("site", file);
    const prose = html.slice(html.indexOf('<div class="prose">'), html.indexOf('<footer class="ending">'));
    const count = words(prose.replace(/<[^>]*>/g, " ")).length;
    assert.ok(count >= 600 && count <= 1100, `${file} has ${count} words`);
    assert.match(html, /class="author">[^<]+</, file);
    assert.match(html, /<time datetime="\d{4}-\d\d-\d\d">/, file);
    assert.match(html, /<img src="\/images\/[a-z-]+\.svg"[^>]* alt="[^"]{20,}"/, file);
  }
});

test("routes give each path the price that the front page shows", () => {
  const index = read("site", "/index.html");
  const matches = (pattern, path) => (pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern);
  for (const { path, price, title } of [...newspaper.articles, newspaper.data]) {
    const route = newspaper.routes.find(({ match }) => matches(match, path));
    assert.equal(route.price, price, path);
    assert.match(price, /^\$\d+\.\d+$/);
    assert.ok(index.includes(`href="${path}"`) && index.includes(`>${price}<`), path);
    if (title) assert.ok(read("site", fileOf(path)).includes(`<h1>${title}</h1>`), path);
  }
  assert.equal(newspaper.routes.find(({ match }) => matches(match, newspaper.free)), undefined);
});

test("every link and picture leads to a file, and none leaves the site", () => {
  for (const file of files.filter((name) => name.endsWith(".html"))) {
    for (const [, target] of read("site", file).matchAll(/\b(?:href|src)="([^"]+)"/g)) {
      if (target.startsWith("#") || target === "/demo-wallet.js") continue;
      assert.ok(target.startsWith("/") && files.includes(fileOf(target)), `${file} links to ${target}`);
    }
  }
});

test("pages keep to default-src 'self': no inline script, style or handler", () => {
  for (const file of files.filter((name) => name.endsWith(".html"))) {
    assert.doesNotMatch(read("site", file), /<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)/, file);
  }
});

test("the tide table is what its constants give", () => {
  const stored = JSON.parse(read("site", newspaper.data.path));
  assert.deepEqual(stored, tideTable());
});

test("the demo wallet hashes and signs typed data and messages as viem does", async () => {
  const load = async (file) => import(`data:text/javascript,${encodeURIComponent(await bundle(file, "esm"))}`);
  const { typedDataDigest } = await load("typed-data.js");
  const { sign, personalDigest } = await load("signer.js");
  const { hashTypedData } = await import(pathToFileURL(tests.resolve("viem")));
  const { privateKeyToAccount } = await import(pathToFileURL(tests.resolve("viem/accounts")));
  const key = `0x${"5a".repeat(32)}`;
  const account = privateKeyToAccount(key);
  const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;
  const domainType = [
    { name: "name", type: "string" },
    { name: "version", type: "string" },
    { name: "chainId", type: "uint256" },
    { name: "verifyingContract", type: "address" },
  ];
  const domain = { name: "USDC", version: "2", chainId: 84532, verifyingContract: "0x036CbD53842c5426634e7929541eC2318f3dCF7e" };
  const transfer = {
    types: {
      EIP712Domain: domainType,
      TransferWithAuthorization: [
        { name: "from", type: "address" },
        { name: "to", type: "address" },
        { name: "value", type: "uint256" },
        { name: "validAfter", type: "uint256" },
        { name: "validBefore", type: "uint256" },
        { name: "nonce", type: "bytes32" },
      ],
    },
    domain,
    primaryType: "TransferWithAuthorization",
    message: { from: account.address, to: domain.verifyingContract, value: "50000", validAfter: "0", validBefore: "1795248000", nonce: `0x${"c3".repeat(32)}` },
  };
  const nested = {
    types: {
      EIP712Domain: domainType,
      Order: [
        { name: "items", type: "Item[]" },
        { name: "pair", type: "int16[2]" },
        { name: "memo", type: "bytes" },
        { name: "tag", type: "bytes4" },
        { name: "paid", type: "bool" },
        { name: "buyer", type: "Person" },
      ],
      Item: [{ name: "label", type: "string" }, { name: "grid", type: "uint8[][]" }],
      Person: [{ name: "home", type: "address" }],
    },
    domain,
    primaryType: "Order",
    message: {
      items: [{ label: "parkin", grid: [[1, 2], []] }, { label: "é", grid: [] }],
      pair: [-1, 32767],
      memo: "0x00ff10",
      tag: "0xdeadbeef",
      paid: true,
      buyer: { home: account.address },
    },
  };
  for (const data of [transfer, nested]) {
    assert.equal(hex(typedDataDigest(data)), hashTypedData(data));
    assert.equal(sign(typedDataDigest(data), key), await account.signTypedData(data));
  }
  for (const message of ["five cents", "0x00ff"]) {
    const expected = await account.signMessage({ message: message.startsWith("0x") ? { raw: message } : message });
    assert.equal(sign(personalDigest(message).digest, key), expected);
  }
  assert.throws(() => typedDataDigest({ ...transfer, message: { ...transfer.message, value: "-1" } }), /does not fit/);
  assert.throws(() => typedDataDigest({ ...transfer, message: { ...transfer.message, nonce: "0x00" } }), /32 bytes/);
});
