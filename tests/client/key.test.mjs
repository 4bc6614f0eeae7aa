// Where a private key is while it is used, and afterwards: looked for in the memories of the WebAssembly themselves.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { privateKeyToAddress } from "viem/accounts";

const KEY = `0x${"4f1de3a7c95b2086".repeat(4)}`;
const FORMS = {
  text: Buffer.from(KEY.slice(2)),
  bytes: Buffer.from(KEY.slice(2), "hex"),
  // as it is calculated with: the lowest limb first
  limbs: Buffer.from(KEY.slice(2), "hex").reverse(),
};
const dist = join(import.meta.dirname, "../../js/dist/client");
const required = Buffer.from(JSON.stringify({
  x402Version: 2, resource: { url: "https://shop.example/a" }, accepts: [{
    scheme: "exact", network: "eip155:84532", amount: "10000", asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    payTo: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", maxTimeoutSeconds: 60, extra: { name: "USDC", version: "2" },
  }],
})).toString("base64");

/** Which forms of the key are in each memory that this instantiates. */
async function memories(work) {
  const { instantiate } = WebAssembly;
  const seen = [];
  WebAssembly.instantiate = async (...args) => {
    const made = await instantiate(...args);
    seen.push((made.instance ?? made).exports);
    return made;
  };
  try {
    return await work(() => seen.map(({ memory, ...exports }) => {
      const bytes = Buffer.from(memory.buffer);
      return { keys: "sign" in exports, found: Object.keys(FORMS).filter((form) => bytes.includes(FORMS[form])) };
    }));
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

const shop = () => {
  const paid = [];
  const fetch = async (_, { headers }) => {
    const payment = new Headers(headers).get("payment-signature");
    if (!payment) return new Response("", { status: 402, headers: { "payment-required": required } });
    paid.push(JSON.parse(Buffer.from(payment, "base64")));
    return new Response("the page");
  };
  return { fetch, paid };
};

for (const [name, entry, begin] of [
  ["the small build", "slim.js", ({ initialize }) => initialize(readFileSync(join(dist, "client.wasm")), () => readFileSync(join(dist, "key.wasm")))],
  ["the fast build", "node.js", () => {}],
]) {
  test(`${name}: a private key is in its own memory alone, and nowhere after close`, async () => {
    const entryPoint = await import(join(dist, entry));
    begin(entryPoint);
    await memories(async (look) => {
      const { fetch, paid } = shop();
      const client = entryPoint.createClient({ signer: KEY, policy: { max: "$0.01" }, fetch });
      const page = await client.fetch("https://shop.example/a");
      assert.equal(await page.text(), "the page");
      assert.equal(paid[0].payload.authorization.from, privateKeyToAddress(KEY));
      const [core, , keys, ...more] = look();
      assert.deepEqual(core.found, [], "where servers' answers are read");
      assert.ok(keys.keys && keys.found.includes("limbs"), "where it is looked for it can be found");
      assert.deepEqual(more.filter(({ found }) => found.length > 0), []);
      client.close();
      await client.address().catch(() => {});
      assert.deepEqual(look().flatMap(({ found }) => found), [], "after close");
    });
  });
}

test("who pays with a wallet does not load what signs with keys", async () => {
  const { createClient } = await import(`${join(dist, "node.js")}?wallet`);
  await memories(async (look) => {
    const { privateKeyToAccount } = await import("viem/accounts");
    const { fetch, paid } = shop();
    const client = createClient({ signer: privateKeyToAccount(KEY), policy: { max: "$0.01" }, fetch });
    assert.equal((await client.fetch("https://shop.example/a")).status, 200);
    assert.deepEqual([paid.length, look().map(({ found }) => found)], [1, [[]]]);
  });
});

test("farthing/slim without what signs with keys says what it wants", async () => {
  const { createClient, initialize } = await import(`${join(dist, "slim.js")}?keyless`);
  initialize(readFileSync(join(dist, "client.wasm")));
  const { fetch, paid } = shop();
  const client = createClient({ signer: KEY, policy: { max: "$0.01" }, fetch });
  await assert.rejects(client.fetch("https://shop.example/a"), /farthing\/key\.wasm/);
  assert.equal(paid.length, 0);
});
