// Our table of assets and networks against the tables of those who wrote the protocol: whatever differs is listed here, with the reason.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DEFAULT_ASSETS, getDefaultAsset } from "@x402/evm";
import { EVM_NETWORK_CHAIN_ID_MAP } from "@x402/evm/v1";
import { domainSeparator, getAddress } from "viem";
import * as viemChains from "viem/chains";
import { getUsdcChainConfigForChain } from "x402/shared/evm";
import { EvmNetworkToChainId } from "x402/types";

const vector = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"));
// A Rust test holds this file equal to the table that is compiled in.
const ours = vector("assets.json");
const x402rs = vector("x402-rs-networks.json");

const chainId = (network) => Number(network.split(":")[1]);
const find = (network, asset) => ours.assets.find((row) => row.network === network && row.asset === getAddress(asset));

/** What others have and we leave out: networks whose domains nobody has published as read from the chain. */
const LEFT_OUT = {
  "eip155:4689": "IoTeX", "eip155:3338": "peaq", "eip155:2741": "Abstract", "eip155:11124": "Abstract Testnet", "eip155:1514": "Story",
  "eip155:41923": "EDU Chain", "eip155:324705682": "SKALE Base Sepolia", "eip155:1440000": "XRPL EVM",
};

test("every asset of @x402/evm is ours, in the same order, and says the same", () => {
  for (const [network, theirs] of Object.entries(DEFAULT_ASSETS)) {
    const mine = ours.assets.filter((row) => row.network === network);
    assert.deepEqual(
      mine.map(({ asset, symbol, name, version, decimals, transfer, permit }) => ({ asset, symbol, name, version, decimals, transfer, permit })),
      theirs.map(({ asset, symbol, name, version, decimals, assetTransferMethod = "eip3009", supportsEip2612 = false }) =>
        ({ asset: getAddress(asset), symbol, name, version, decimals, transfer: assetTransferMethod, permit: supportsEip2612 })),
      network,
    );
    assert.equal(mine[0].asset, getAddress(getDefaultAsset(network).asset), `the default of ${network}`);
  }
  const added = ours.assets.filter(({ network }) => !DEFAULT_ASSETS[network]).map(({ network }) => network);
  assert.deepEqual(added, ["eip155:80002", "eip155:43113"], "the two that only the v1 package has");
});

test("the v1 package's USDC is ours, but for the networks that are left out", () => {
  const left = new Set();
  for (const id of EvmNetworkToChainId.values()) {
    const network = `eip155:${id}`;
    const { usdcAddress, usdcName } = getUsdcChainConfigForChain(id);
    if (LEFT_OUT[network]) {
      assert.equal(ours.assets.some((row) => row.network === network), false, network);
      left.add(network);
      continue;
    }
    const row = find(network, usdcAddress);
    assert.ok(row, `${network} ${usdcAddress}`);
    assert.equal(row.name, usdcName, network);
  }
  assert.deepEqual([...left].sort(), Object.keys(LEFT_OUT).filter((network) => network !== "eip155:1440000").sort());
});

test("x402-rs says the same, but for Polygon's name", () => {
  const differ = [];
  for (const theirs of x402rs.assets) {
    if (LEFT_OUT[theirs.network]) continue;
    const row = find(theirs.network, theirs.asset);
    assert.ok(row, `${theirs.network} ${theirs.asset}`);
    for (const key of ["symbol", "name", "version", "decimals", "transfer"]) {
      if (row[key] !== theirs[key]) differ.push([theirs.network, key, row[key], theirs[key]]);
    }
  }
  // What Polygon's contract tells is the separator of "USD Coin": its source is in the vector.
  assert.deepEqual(differ, [["eip155:137", "name", "USD Coin", "USDC"]]);
  const polygon = ours.assets.find(({ network }) => network === "eip155:137");
  const of = (name) => domainSeparator({ domain: { name, version: "2", chainId: 137n, verifyingContract: polygon.asset } });
  assert.equal(polygon.verified, true);
  assert.equal(of("USD Coin"), polygon.separator);
  assert.notEqual(of("USDC"), polygon.separator);
});

test("the v1 names of networks are those of both npm packages, both ways", () => {
  assert.deepEqual(ours.slugs, EVM_NETWORK_CHAIN_ID_MAP);
  for (const [slug, id] of EvmNetworkToChainId) assert.equal(ours.slugs[slug], id, slug);
  assert.equal(new Set(Object.values(ours.slugs)).size, Object.keys(ours.slugs).length, "one name, one network");
  for (const { network, v1 } of ours.assets) {
    assert.equal(v1, Object.keys(ours.slugs).find((slug) => ours.slugs[slug] === chainId(network)) ?? null);
  }
  // x402-rs has names of its own for networks that the npm packages do not name; where both name one, they agree.
  const alone = Object.keys(x402rs.names).filter((slug) => ours.slugs[slug] !== x402rs.names[slug]).sort();
  assert.deepEqual(alone, ["celo-sepolia", "radius", "radius-testnet", "xdc", "xrpl-evm"]);
  for (const slug of alone) assert.ok(!(slug in ours.slugs) && !Object.values(ours.slugs).includes(x402rs.names[slug]), slug);
});

test("the documentation lists the table", () => {
  const text = readFileSync(new URL("../../www/docs/configuration.md", import.meta.url), "utf8");
  const told = [...text.matchAll(/^\| (\*?)([^*|]+)\1 \| `(eip155:\d+)` \| (\S+) `(0x\w{40})` \| (\S+) \| (\d+) \| (.+), (\S+); (read|not read|ask) \|$/gm)]
    .map(([, star, networkName, network, symbol, asset, by, decimals, name, version, domain]) =>
      ({ network, networkName, test: star !== "", asset, symbol, name, version, decimals: Number(decimals), transfer: by === "Permit2" ? "permit2" : "eip3009", domain }));
  assert.deepEqual(told, ours.assets.map(({ network, networkName, test: worthless, asset, symbol, name, version, decimals, transfer, permit, verified }) => ({
    network, networkName, test: worthless, asset, symbol, name, version, decimals, transfer,
    domain: verified ? "read" : worthless || (transfer === "permit2" && !permit) ? "not read" : "ask",
  })));
});

test("every separator is the one viem computes", () => {
  for (const { network, asset, name, version, separator, symbol } of ours.assets) {
    const domain = { name, version, chainId: BigInt(chainId(network)), verifyingContract: asset };
    assert.equal(domainSeparator({ domain }), separator, `${symbol} on ${network}`);
  }
});

test("what wallets are told of a network is in viem's table of chains", () => {
  const same = (a, b) => a.replace(/\/$/, "") === b.replace(/\/$/, "");
  for (const wallet of ours.wallets) {
    const theirs = Object.values(viemChains).filter((chain) => chain.id === Number(wallet.chainId));
    const fits = theirs.some((chain) =>
      chain.nativeCurrency.symbol === wallet.nativeCurrency.symbol && chain.nativeCurrency.decimals === wallet.nativeCurrency.decimals
      && chain.rpcUrls.default.http.some((url) => same(url, wallet.rpcUrls[0])));
    assert.ok(fits, JSON.stringify(wallet));
    const row = ours.assets.find(({ network }) => chainId(network) === Number(wallet.chainId));
    assert.equal(row.networkName, wallet.chainName);
    // viem says so of test networks alone, and not of all
    if (theirs.some((chain) => chain.testnet === true)) assert.equal(row.test, true, wallet.chainName);
    if (!row.test) assert.ok(theirs.every((chain) => !chain.testnet), wallet.chainName);
  }
  assert.equal(ours.wallets.length, new Set(ours.assets.map(({ network }) => network)).size);
});
