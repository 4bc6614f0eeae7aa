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

const TYPES = { TransferWithAuthorization: Object.entries({ from: "address", to: "address", value: "uint256", validAfter: "uint256", validBefore: "uint256", nonce: "bytes32" }).map(([name, type]) => ({ name, type })) };

/**
 * By name: `open(key, fetch)` loads it and gives its `fetch`; `signing(key)` loads what signs and gives
 * a function of an offer and a nonce (32 bytes) whose result signs it: the hash of what is signed and the signature, and nothing else of the client.
 */
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
    async signing(key) {
      const [bindings, { default: wasm }] = await Promise.all([import("../../../js/client/bindings.ts"), import("../../../js/dist/client/wasm.cjs")]);
      for (const start of [bindings.start, bindings.startKeys]) await start(Buffer.from(wasm, "base64"));
      const held = await bindings.Key.read(key);
      return ({ required, now }, nonce) => {
        const purchase = bindings.Purchase.begin(JSON.stringify(policy), held.address, nonce, 120);
        purchase.answer(now, 402, required, "", "", 0, 0);
        return () => {
          if (purchase.signature(held).length === 0) throw new Error("nothing was signed");
          purchase.free();
        };
      };
    },
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
    async signing(key) {
      const account = await viemAccount(key);
      return ({ offer, now }, nonce) => {
        const domain = { name: offer.extra.name, version: offer.extra.version, chainId: Number(offer.network.split(":")[1]), verifyingContract: offer.asset };
        const message = { from: account.address, to: offer.payTo, value: BigInt(offer.amount), validAfter: 0n, validBefore: BigInt(now + 60), nonce: `0x${Buffer.from(nonce).toString("hex")}` };
        return () => account.signTypedData({ domain, types: TYPES, primaryType: "TransferWithAuthorization", message });
      };
    },
  },
};

/** What one would write in a page: a `program` for a bundler, and which WebAssembly it fetches beside that. A wallet signs by itself, so no code for it is in either. */
export const BUNDLES = {
  wallet: {
    title: "farthing, a wallet",
    beside: ["client.wasm"],
    program: `import { createClient } from "farthing";
      export const paying = (provider) => createClient({ signer: provider, policy: { max: "$0.10" } }).fetch;`,
  },
  officialWallet: {
    title: "@x402/fetch, @x402/evm, a wallet",
    program: `import { ExactEvmScheme } from "@x402/evm/exact/client";
      import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
      export const paying = (signer) => wrapFetchWithPayment(fetch, new x402Client().register("eip155:84532", new ExactEvmScheme(signer)));`,
  },
  key: {
    title: "farthing, a private key",
    beside: ["client.wasm", "key.wasm"],
    program: `import { createClient } from "farthing";
      export const paying = (key) => createClient({ signer: key, policy: { max: "$0.10" } }).fetch;`,
  },
  official: {
    title: "@x402/fetch, @x402/evm, viem's account of a private key",
    program: `import { ExactEvmScheme } from "@x402/evm/exact/client";
      import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
      import { privateKeyToAccount } from "viem/accounts";
      export const paying = (key) => wrapFetchWithPayment(fetch, new x402Client().register("eip155:84532", new ExactEvmScheme(privateKeyToAccount(key))));`,
  },
};
