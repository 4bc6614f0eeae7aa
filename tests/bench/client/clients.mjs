// The clients that are compared. Each says what one would write for it: what has to be loaded, and then a `fetch` that pays.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";

const ours = () => import("../../../js/dist/client/node.js");
const policy = { max: "$0.10" };

async function official(account, fetch) {
  const { wrapFetchWithPayment, x402Client } = await import("@x402/fetch");
  const { ExactEvmScheme } = await import("@x402/evm/exact/client");
  return wrapFetchWithPayment(fetch, new x402Client().register("eip155:84532", new ExactEvmScheme(account)));
}

async function viemAccount(key) {
  const { privateKeyToAccount } = await import("viem/accounts");
  return privateKeyToAccount(key);
}

/** By name: `open(key, fetch)` loads it and gives its `fetch`; `bundle` is a program that a bundler is given. */
export const CLIENTS = {
  key: {
    title: "farthing, its own key",
    ours: true,
    async open(key, fetch) {
      const { createClient } = await ours();
      const client = createClient({ signer: key, policy, fetch });
      // the WebAssembly too: what is loaded when first wanted would else be counted as signing
      await client.address();
      return client.fetch;
    },
    bundle: `import { createClient } from "farthing";
      export const paying = (key) => createClient({ signer: key, policy: { max: "$0.10" } }).fetch;`,
  },
  disk: {
    title: "farthing, its own key, kept on disk",
    ours: true,
    async open(key, fetch) {
      const { createClient, fileStore } = await ours();
      const place = mkdtempSync(join(tmpdir(), "farthing-bench-"));
      process.on("exit", () => rmSync(place, { recursive: true, force: true }));
      const client = createClient({ signer: key, policy, fetch, store: fileStore(place) });
      await client.address();
      return client.fetch;
    },
  },
  account: {
    title: "farthing, viem's account",
    ours: true,
    async open(key, fetch) {
      const { createClient } = await ours();
      const client = createClient({ signer: await viemAccount(key), policy, fetch });
      await client.quote("https://shop.example/before");
      return client.fetch;
    },
  },
  official: {
    title: "@x402/fetch, @x402/evm, viem's account",
    open: async (key, fetch) => official(await viemAccount(key), fetch),
    bundle: `import { ExactEvmScheme } from "@x402/evm/exact/client";
      import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
      import { privateKeyToAccount } from "viem/accounts";
      export const paying = (key) => wrapFetchWithPayment(fetch, new x402Client().register("eip155:84532", new ExactEvmScheme(privateKeyToAccount(key))));`,
  },
};
