// `npm run check` as a publisher runs it, against a real chain and the official facilitator: what it says, what it asks to put into the
// config, and its exit code.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { concat, numberToHex, pad, stringToHex } from "viem";
import { listen } from "../../tools/lib/processes.mjs";
import { run } from "../../tools/lib/run.mjs";
import { facilitator as settler, payTo } from "../support/accounts.mjs";
import { startChain } from "../support/chain.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { sendJson } from "../support/http.mjs";

const ADI_USDC = "0x9cb8142aEBBcdc60AF7c97Af897A67A8f3CA71C2";
const ADI_SEPARATOR = "0x4369b2ef8a73be962c9aaf8dcddc38d022dca40af0729d7e4c80a3b44f6698fa";
const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
const EXACT_PROXY = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001";
const UPTO_PROXY = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002";
const OWN = "0x00000000000000000000000000000000000070ce";

const command = join(import.meta.dirname, "..", "..", "tools", "check.mjs");
const place = mkdtempSync(join(tmpdir(), "farthing-check-"));
let chain;
let facilitator;
let kinds = [];
/** A facilitator that lists what a test says it does. */
const statusOf = (url) => (url !== "/supported" ? 404 : kinds ? 200 : 401);
const lister = createServer((request, response) => sendJson(response, statusOf(request.url), { kinds, extensions: [], signers: {} }));
let listerUrl;

before(async () => {
  chain = await startChain();
  facilitator = await startFacilitator({ rpc: chain.url });
  listerUrl = `http://127.0.0.1:${await listen(lister, 0)}`;
});
after(async () => {
  lister.closeAllConnections();
  lister.close();
  await facilitator?.stop();
  await chain?.stop();
  rmSync(place, { recursive: true, force: true });
});

const config = (changes = {}) => ({
  site: "https://news.example", origin: "dns", payTo: { eip155: payTo.address }, networks: ["eip155:84532"],
  settlement: { facilitators: [{ url: facilitator.url }], rpc: { "eip155:84532": [chain.url] } },
  routes: [{ match: "/articles/*", price: "$0.05" }], ...changes,
});

async function check(value, ...args) {
  const file = join(place, "farthing.jsonc");
  writeFileSync(file, typeof value === "string" ? value : `// for a test\n${JSON.stringify(value, null, 2)}`);
  const { code, out, err } = await run(process.execPath, [command, "--config", file, ...args], { check: false });
  return { code, out, err };
}

async function report(value, ...args) {
  const { code, out, err } = await check(value, ...args, "--json");
  assert.equal(err, "");
  const said = JSON.parse(out);
  assert.equal(code, said.ok ? 0 : 1);
  const findings = [...said.routes, ...said.chains, ...said.facilitators].flatMap((part) => part.findings);
  return { ...said, findings, wrong: findings.filter(({ level }) => level === "error") };
}

const shortString = (text) => concat([pad(stringToHex(text), { dir: "right", size: 31 }), numberToHex(text.length * 2, { size: 1 })]);
/** Puts the test token at `address` of `on`, by this name and version. */
async function putToken(on, address, name, version) {
  await on.client.setCode({ address, bytecode: await on.client.getCode({ address: on.token.address }) });
  await on.client.setStorageAt({ address, index: numberToHex(0, { size: 32 }), value: shortString(name) });
  await on.client.setStorageAt({ address, index: numberToHex(1, { size: 32 }), value: shortString(version) });
}
const putCode = (address, there) => chain.client.setCode({ address, bytecode: there ? "0x6001" : "0x" });

test("a good config is told in plain words, without asking anybody", async () => {
  const asked = facilitator.calls.supported;
  const { code, out } = await check(config({ routes: [
    { match: "/articles/*", price: "$0.05", access: "12h" }, { match: "/free", price: "free" }, { match: "/articles/dear", price: "$1" },
  ] }));
  assert.equal(code, 0, out);
  assert.match(out, /no mistake in it/);
  assert.match(out, /\/articles\/\*: owned for 12 hours\n {4}0\.05 USDC +on Base Sepolia +by EIP-3009 +to 0x3C44…93BC/);
  assert.match(out, /\/free: free/);
  assert.match(out, /routes\[2\]: a rule before it decides/);
  assert.equal(facilitator.calls.supported, asked);
});

test("with --rpc the chain and the official facilitator agree with the config", async () => {
  for (const args of [["--rpc"], ["--rpc", chain.url]]) {
    const { ok, findings } = await report(config(), ...args);
    const said = findings.map(({ level, text }) => `${level} ${text}`);
    assert.ok(ok, said.join("\n"));
    assert.ok(said.some((line) => line.startsWith("ok USDC has 6 decimals and the domain that is expected (0x71f17a3b")), said.join("\n"));
    assert.ok(said.includes("ok settles exact payments on Base Sepolia (eip155:84532)"), said.join("\n"));
  }
});

test("the core's own mistakes are listed, and nothing is sold by a config that has one", async () => {
  const { ok, errors, routes } = await report(config({ networks: ["eip155:84532", "base"] }));
  assert.equal(ok, false);
  assert.deepEqual(errors, ["networks[1]: \"base\" is not an EVM network: write it like eip155:8453 (CAIP-2)"]);
  assert.deepEqual(routes, []);
  const broken = await check("{ \"site\": ");
  assert.equal(broken.code, 1);
  assert.match(broken.out, /line 1: /);
});

test("a5 a token that calls itself something else is found out", async () => {
  const snapshot = await chain.snapshot();
  await putToken(chain, chain.token.address, "USD Coin", "2");
  const { wrong } = await report(config(), "--rpc");
  await chain.revert(snapshot);
  assert.equal(wrong.length, 1);
  assert.equal(wrong[0].at, "networks[0]");
  assert.match(wrong[0].text, /is not the one of name "USDC" and version "2".*the contract calls itself "USD Coin", version "2"$/);
});

test("a5 what nobody has published is read, and printed to be put in", async () => {
  const adi = await startChain({ chainId: 36900 });
  try {
    await putToken(adi, ADI_USDC, "USDC.e", "2");
    kinds = [{ x402Version: 2, scheme: "exact", network: "eip155:36900" }];
    const value = config({ money: "real", networks: ["eip155:36900"], settlement: { facilitators: [{ url: listerUrl }] } });
    const before = await report(value, "--rpc", adi.url);
    assert.match(before.errors[0], /^networks\[0\]: nobody is known to have read the domain of USDC\.e on ADI Chain from the chain: run `npx farthing check --rpc`/);
    assert.deepEqual(before.wrong.map(({ put }) => put), [{ network: "eip155:36900", separator: ADI_SEPARATOR }]);
    const after = await report({ ...value, networks: [before.wrong[0].put] }, "--rpc", adi.url);
    assert.equal(after.ok, true, JSON.stringify(after));
    assert.equal((await report({ ...value, networks: [before.wrong[0].put] })).ok, true, "the config stands by itself now");

    await putToken(adi, ADI_USDC, "Bridged USDC", "2");
    const other = await report(value, "--rpc", adi.url);
    assert.equal(other.wrong[0].put, undefined, "a wrong domain is not to be confirmed");
    assert.match(other.wrong[0].text, /calls itself "Bridged USDC"/);
  } finally {
    await adi.stop();
  }
});

test("a token of one's own is held against the chain in all it says", async () => {
  const own = (changes) => config({ networks: [{
    network: "eip155:84532", asset: OWN, symbol: "XYZ", name: "X Y Z", version: "1", decimals: 6, transfer: "eip3009", own: true, ...changes,
  }] });
  const texts = async (changes) => (await report(own(changes), "--rpc")).wrong.map(({ text }) => text);
  assert.deepEqual(await texts(), [`there is no contract at ${OWN}, where XYZ should be`]);
  await putToken(chain, OWN, "X Y Z", "1");
  assert.deepEqual(await texts(), []);
  assert.deepEqual(await texts({ decimals: 18 }), ["XYZ has 6 decimals on the chain, and 18 here"]);
  const [domain] = await texts({ name: "XYZ" });
  assert.match(domain, /calls itself "X Y Z", version "1"$/);
  // what lies there now is no token
  await putCode(OWN, true);
  const [decimals, eip3009, separator] = await texts();
  assert.match(decimals, /does not tell its decimals/);
  assert.match(eip3009, /does not know EIP-3009/);
  assert.match(separator, /does not tell its DOMAIN_SEPARATOR/);
});

test("what Permit2 and metered payments need is looked for", async () => {
  const value = config({
    networks: ["eip155:84532", { network: "eip155:84532", transfer: "permit2" }],
    settlement: { facilitators: [{ url: listerUrl, address: settler.address }], rpc: { "eip155:84532": [chain.url] } },
    routes: [{ match: "/a/*", price: "$0.05" }, { match: "/m/*", price: "$1", scheme: "upto" }],
  });
  kinds = [
    { x402Version: 1, scheme: "exact", network: "base-sepolia" }, { x402Version: 2, scheme: "exact", network: "eip155:*" },
    { x402Version: 2, scheme: "upto", network: "eip155:84532", extra: { facilitatorAddress: settler.address } },
  ];
  for (const address of [PERMIT2, EXACT_PROXY, UPTO_PROXY]) await putCode(address, false);
  const missing = (await report(value, "--rpc")).wrong.map(({ text }) => text);
  assert.equal(missing.length, 3, missing.join("\n"));
  for (const [index, address] of [PERMIT2, EXACT_PROXY, UPTO_PROXY].entries()) {
    assert.match(missing[index], new RegExp(`is not deployed here: there is no code at ${address}`));
  }
  for (const address of [PERMIT2, EXACT_PROXY]) await putCode(address, true);
  const one = (await report(value, "--rpc")).wrong.map(({ text }) => text);
  assert.equal(one.length, 1, one.join("\n"));
  assert.match(one[0], /the x402 proxy for metered payments is not deployed here/);
  await putCode(UPTO_PROXY, true);
  assert.equal((await report(value, "--rpc")).ok, true);

  const { out } = await check(value);
  assert.match(out, /\/m\/\*: paid for each time\n {4}up to 1 USDC +on Base Sepolia +by Permit2/);

  // who settles has to be the one that is signed for
  const unnamed = structuredClone(value);
  delete unnamed.settlement.facilitators[0].address;
  const named = await report(unnamed, "--rpc");
  assert.match(named.errors[0], /^routes\[1\]\.scheme: "upto" is settled by the one that the payer signs for/);
  assert.deepEqual(named.wrong.map(({ at, put }) => [at, put]), [["settlement.facilitators[0]", { address: settler.address }]]);
  kinds = kinds.map((kind) => (kind.extra ? { ...kind, extra: { facilitatorAddress: payTo.address } } : kind));
  const other = await report(value, "--rpc");
  assert.deepEqual(other.wrong.map(({ put }) => put), [{ address: payTo.address }]);
});

test("a facilitator that does not settle what is offered, and one that is not there", async () => {
  kinds = [{ x402Version: 2, scheme: "exact", network: "eip155:8453" }];
  const at = (...facilitators) => config({ settlement: { facilitators: facilitators.map((url) => ({ url })), rpc: { "eip155:84532": [chain.url] } } });
  const lacking = await report(at(listerUrl), "--rpc");
  assert.deepEqual(lacking.wrong.map(({ text }) => text), ["does not list exact payments on Base Sepolia (eip155:84532)"]);
  assert.ok(lacking.findings.some(({ level, text }) => level === "note" && text.includes("base-sepolia for x402 v1")));
  const gone = await report(at("http://127.0.0.1:9"), "--rpc");
  assert.match(gone.wrong[0].text, /^http:\/\/127\.0\.0\.1:9\/supported cannot be reached/);
  // the first one is asked first, so the others may do less
  const second = await report(at(facilitator.url, listerUrl, "http://127.0.0.1:9"), "--rpc");
  assert.equal(second.ok, true, JSON.stringify(second.wrong));
});

test("settlers with secrets: what has to be set is listed, and who lets nobody in without them is no mistake", async (t) => {
  const settlement = {
    facilitators: [{ url: facilitator.url, headers: { Authorization: "F_TOKEN" } }, { url: listerUrl, coinbase: "CDP_KEY" }, { direct: "GAS_KEY" }],
    rpc: { "eip155:84532": [chain.url] },
  };
  kinds = undefined;
  const { ok, findings, secrets } = await report(config({ settlement }), "--rpc");
  assert.equal(ok, true);
  assert.deepEqual(secrets.map(({ at, name }) => [at, name]), [
    ["settlement.facilitators[0].headers.Authorization", "F_TOKEN"], ["settlement.facilitators[1].coinbase", "CDP_KEY"], ["settlement.facilitators[2].direct", "GAS_KEY"],
  ]);
  assert.ok(findings.some(({ level, text }) => level === "note" && text.includes("lets in only who has its secrets")));
  const { out } = await check(config({ settlement }));
  assert.match(out, /Secrets that the Worker needs.*\n {4}F_TOKEN +for settlement\.facilitators\[0\]\.headers\.Authorization +the value/);
  await t.test("without secrets it is one", async () => {
    const { wrong } = await report(config({ settlement: { ...settlement, facilitators: [{ url: listerUrl }] } }), "--rpc");
    assert.match(wrong[0].text, /\/supported answered 401$/);
  });
  kinds = [];
});

test("metered payments are taken to those with the first address of the list", async () => {
  const value = (...facilitators) => config({
    settlement: { facilitators, rpc: { "eip155:84532": [chain.url] } }, routes: [{ match: "/m/*", price: "$1", scheme: "upto" }],
  });
  kinds = [{ x402Version: 2, scheme: "upto", network: "eip155:84532", extra: { facilitatorAddress: settler.address } }];
  const said = async (...facilitators) => (await report(value(...facilitators), "--rpc")).wrong.filter(({ at }) => at.startsWith("settlement.f")).map(({ at, text }) => `${at} ${text}`);
  assert.deepEqual(await said({ url: listerUrl }, { url: listerUrl, address: settler.address }), []);
  assert.deepEqual(await said({ url: listerUrl }, { url: listerUrl, address: payTo.address }), [
    `settlement.facilitators[1] settles metered payments by another address than ${payTo.address}`,
  ]);
  kinds = [];
});

test("an endpoint of another network is no endpoint of this one", async () => {
  const value = config({ money: "real", networks: ["eip155:84532", "eip155:8453"], settlement: { facilitators: [{ url: facilitator.url }], rpc: { "eip155:8453": [chain.url] } } });
  const wrong = (await report(value, "--rpc")).wrong.filter(({ at }) => at.startsWith("settlement.rpc"));
  assert.deepEqual(wrong.map(({ at, text }) => [at, text]), [
    ["settlement.rpc[\"eip155:8453\"]", `${chain.url} is eip155:84532 (Base Sepolia), another network`],
  ]);
  const gone = await report(config(), "--rpc", "http://127.0.0.1:9/v2/secret-key");
  assert.match(gone.wrong[0].text, /^http:\/\/127\.0\.0\.1:9 cannot be reached/);
  assert.ok(!JSON.stringify(gone).includes("secret-key"));
});

test("a site under a name for examples is a note, and no mistake", async () => {
  const notes = async (site) => (await report(config({ site }))).warnings;
  for (const host of ["news.example", "www.news.test", "x.invalid", "example.com", "blog.example.org"]) assert.match((await notes(`https://${host}`))[0], new RegExp(`^site: ${host} is a name for examples`));
  for (const host of ["examples.news", "myexample.com", "test.news"]) assert.deepEqual(await notes(`https://${host}`), []);
  const { code, out } = await check(config());
  assert.equal(code, 0);
  assert.match(out, /note +site: news\.example is a name for examples[^]*Nothing is wrong\./);
});

test("the address that nobody owns is told to be none", async () => {
  const { errors } = await report(config({ payTo: { eip155: `0x${"0".repeat(40)}` } }));
  assert.deepEqual(errors, [`payTo.eip155: "0x${"0".repeat(40)}" is not an address: 0x and 40 hex digits, not all zero`]);
});

test("what is missing on the command line is said", async () => {
  for (const [args, says] of [
    [[], /farthing\.jsonc cannot be read: there is no such file/],
    [["--config", "/nowhere/farthing.jsonc"], /cannot be read: there is no such file/],
    [["--config", "x", "--rpc", "rpc.example"], /--rpc wants addresses like/],
    [["--konfig"], /--konfig is not an option/],
  ]) {
    const { code, err } = await run(process.execPath, [command, ...args], { check: false });
    assert.equal(code, 1);
    assert.match(err, says);
  }
});
