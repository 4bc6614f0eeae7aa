// The matrix: who pays whom, how, and through whose facilitator. Each row is a test and a line of www/docs/conformance.md.
//
// A row: `payer` (a client), `payee` (a server), `through` (a facilitator), `offer` (which of the payee's offers), and what must be seen
// on the way: `version`, `scheme`, `transfer`. `wallet`: the payer is a contract, "erc1271", or one still to be made, "erc6492".
// `permit`: Permit2 is approved by a signature that travels along (EIP-2612), `asked`: by a transaction once the payee says that it is
// missing, whereupon the same payment is sent again; otherwise by a transaction before.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { formatUnits } from "viem";
import { MENU } from "../support/official-servers.mjs";
import { DOLLAR } from "../support/places.mjs";
import { built } from "../support/rust-peers.mjs";

const here = import.meta.dirname;
const requirements = readFileSync(join(here, "python/requirements.txt"), "utf8");
const manifest = readFileSync(join(here, "../peers/Cargo.toml"), "utf8");
const tests = createRequire(import.meta.url)("../package.json").dependencies;
const npm = (name) => `${name} ${tests[name]}`;
const crate = (name) => `${name} ${new RegExp(`^${name} = .*?"=([\\d.]+)"`, "m").exec(manifest)[1]}`;

const pip = (name) => new RegExp(`^${name}==(.*)$`, "m").exec(requirements)[1];

/** The names that the page shows, with the versions that are pinned. */
export const NAMES = {
  farthing: "Farthing client", fetch2: npm("@x402/fetch"), fetch1: npm("x402-fetch"), python: `Python x402 ${pip("x402")}`, rust: crate("x402-reqwest"),
  worker: "Farthing", hono: npm("@x402/hono"), express: npm("x402-express"), axum: crate("x402-axum"),
  flask: `Python x402 ${pip("x402")} (Flask ${pip("Flask")})`,
  typescript: npm("@x402/evm"), local: crate("x402-facilitator-local"),
};

/** What Farthing sites sell in these tests, at `/articles/OFFER`: as in MENU, and the site of SITES it is sold by. */
export const OFFERS = {
  eip3009: { ...MENU["/exact"], site: "plain" },
  permit2: { ...MENU["/permit2"], site: "permit2" },
  upto: { ...MENU["/upto"], site: "permit2" },
  "upto-nothing": { ...MENU["/upto-nothing"], site: "permit2" },
};

/** Sites: `(simplest, facilitator)` makes its configuration of the simplest one; `facilitator` is the address that settles. */
export const SITES = {
  /** Signatures of contracts are the facilitator's to judge. */
  plain: (simplest) => facilitatorWith(simplest, { contractWallets: true }),
  permit2: (simplest, address) => ({
    ...facilitatorWith(simplest, { address }), networks: simplest.networks.map((network) => ({ network, transfer: "permit2" })),
  }),
};

function facilitatorWith({ settlement, ...rest }, more) {
  return { ...rest, settlement: { ...settlement, facilitators: settlement.facilitators.map((facilitator) => ({ ...facilitator, ...more })) } };
}

const eip3009 = { version: 2, scheme: "exact", transfer: "eip3009" };
const v1 = { ...eip3009, version: 1 };
const permit2 = { version: 2, scheme: "exact", transfer: "permit2" };
const upto = { version: 2, scheme: "upto", transfer: "permit2" };

const theirsPayOurs = ["typescript", "local"].flatMap((through) => [
  { payer: "fetch2", payee: "worker", through, offer: "eip3009", ...eip3009 },
  { payer: "fetch1", payee: "worker", through, offer: "eip3009", ...v1 },
  { payer: "python", payee: "worker", through, offer: "eip3009", ...eip3009 },
  { payer: "rust", payee: "worker", through, offer: "eip3009", ...eip3009 },
  { payer: "fetch2", payee: "worker", through, offer: "eip3009", ...eip3009, wallet: "erc1271" },
  { payer: "fetch2", payee: "worker", through, offer: "eip3009", ...eip3009, wallet: "erc6492" },
  ...["fetch2", "python", "rust"].flatMap((payer) => [
    { payer, payee: "worker", through, offer: "permit2", ...permit2 },
    { payer, payee: "worker", through, offer: "upto", ...upto },
    { payer, payee: "worker", through, offer: "upto-nothing", ...upto },
  ]),
]);

const oursPays = [
  { payer: "farthing", payee: "hono", through: "typescript", offer: "/exact", ...eip3009 },
  { payer: "farthing", payee: "hono", through: "typescript", offer: "/exact", ...eip3009, wallet: "erc1271" },
  { payer: "farthing", payee: "hono", through: "typescript", offer: "/exact", ...eip3009, wallet: "erc6492" },
  { payer: "farthing", payee: "hono", through: "typescript", offer: "/permit2", ...permit2 },
  { payer: "farthing", payee: "hono", through: "typescript", offer: "/permit2", ...permit2, asked: true },
  { payer: "farthing", payee: "hono", through: "typescript", offer: "/dollar", ...permit2, asked: true },
  { payer: "farthing", payee: "hono", through: "typescript", offer: "/upto", ...upto, asked: true },
  { payer: "farthing", payee: "hono", through: "typescript", offer: "/upto-nothing", ...upto, asked: true },
  { payer: "farthing", payee: "hono", through: "local", offer: "/upto", ...upto, asked: true },
  { payer: "farthing", payee: "express", through: "typescript", offer: "/exact", ...v1 },
  { payer: "farthing", payee: "flask", through: "typescript", offer: "/exact", ...eip3009 },
  { payer: "farthing", payee: "flask", through: "typescript", offer: "/permit2", ...permit2 },
  { payer: "farthing", payee: "flask", through: "typescript", offer: "/permit2", ...permit2, asked: true },
  { payer: "farthing", payee: "flask", through: "typescript", offer: "/upto", ...upto, asked: true },
  { payer: "farthing", payee: "axum", through: "local", offer: "/exact", ...eip3009 },
  { payer: "farthing", payee: "axum", through: "local", offer: "/v1/exact", ...v1 },
  { payer: "farthing", payee: "axum", through: "local", offer: "/permit2", ...permit2, asked: true },
  { payer: "farthing", payee: "axum", through: "local", offer: "/upto", ...upto, takesAll: true, asked: true },
  ...["typescript", "local"].flatMap((through) => [
    { payer: "farthing", payee: "worker", through, offer: "eip3009", ...eip3009 },
    { payer: "farthing", payee: "worker", through, offer: "eip3009", ...eip3009, wallet: "erc1271" },
    { payer: "farthing", payee: "worker", through, offer: "eip3009", ...eip3009, wallet: "erc6492" },
    { payer: "farthing", payee: "worker", through, offer: "permit2", ...permit2 },
    { payer: "farthing", payee: "worker", through, offer: "permit2", ...permit2, asked: true },
    { payer: "farthing", payee: "worker", through, offer: "upto", ...upto, asked: true },
    { payer: "farthing", payee: "worker", through, offer: "upto-nothing", ...upto, asked: true },
  ]),
];

/** The control: nothing of ours between them but the chain and its contracts. */
const theirsAmongThemselves = [
  ...["fetch2", "python", "rust"].flatMap((payer) => [
    { payer, payee: "hono", through: "typescript", offer: "/exact", ...eip3009 },
    { payer, payee: "hono", through: "typescript", offer: "/permit2", ...permit2 },
    // x402-reqwest has no approvals by signature in `exact`.
    { payer, payee: "hono", through: "typescript", offer: "/dollar", ...permit2, permit: payer !== "rust" },
    { payer, payee: "hono", through: "typescript", offer: "/upto", ...upto },
    { payer, payee: "hono", through: "typescript", offer: "/upto-nothing", ...upto },
    { payer, payee: "axum", through: "local", offer: "/exact", ...eip3009 },
    { payer, payee: "axum", through: "local", offer: "/permit2", ...permit2 },
    { payer, payee: "axum", through: "local", offer: "/upto", ...upto, takesAll: true },
  ]),
  { payer: "fetch2", payee: "hono", through: "typescript", offer: "/exact", ...eip3009, wallet: "erc1271" },
  { payer: "fetch2", payee: "hono", through: "typescript", offer: "/exact", ...eip3009, wallet: "erc6492" },
  { payer: "fetch2", payee: "hono", through: "local", offer: "/upto", ...upto },
  ...["fetch2", "fetch1", "python", "rust"].flatMap((payer) => [
    { payer, payee: "express", through: "typescript", offer: "/exact", ...v1 },
    { payer, payee: "axum", through: "local", offer: "/v1/exact", ...v1 },
  ]),
];

/** The page's tables, in order. */
export const TABLES = [
  { title: "Other clients pay a Farthing site", rows: theirsPayOurs },
  { title: "The Farthing client pays", rows: oursPays },
  { title: "The others among themselves", rows: theirsAmongThemselves },
];

/** What is asked for, and what moves: {asset, amount, charged}. */
export function priceOf({ payee, offer, takesAll }) {
  const price = payee === "worker" ? OFFERS[offer] : MENU[offer.replace(/^\/v1/, "")];
  return takesAll ? { ...price, charged: price.amount } : price;
}

export const money = (amount, asset) => (asset === DOLLAR ? `${formatUnits(amount, 18)} MegaUSD` : `${formatUnits(amount, 6)} USDC`);

const RUST = ["rust", "axum", "local"];
/** Whether all its parts are on this machine: those in Rust have to be built first. */
export const canRun = ({ payer, payee, through }) => built !== undefined || ![payer, payee, through].some((part) => RUST.includes(part));

const HOW = { eip3009: "EIP-3009", permit2: "Permit2" };
const WALLETS = { erc1271: "contract wallet (ERC-1271)", erc6492: "contract wallet still to be made (ERC-6492)" };

/** The first cells of a row, which tell it from all others. */
export function cells({ payer, payee, through, version, scheme, transfer, wallet, permit, asked, ...row }) {
  const { asset, amount } = priceOf({ payee, ...row });
  return [
    wallet ? `${NAMES[payer]}, ${WALLETS[wallet]}` : NAMES[payer], NAMES[payee], NAMES[through], `v${version}`, scheme,
    HOW[transfer] + (permit ? ", approved by signature (EIP-2612)" : asked ? ", approved when asked for" : ""),
    `${scheme === "upto" ? "up to " : ""}${money(amount, asset)}`,
  ];
}

export const titleOf = (row) => {
  const [payer, payee, facilitator, ...rest] = cells(row);
  return `${payer} pays ${payee} through ${facilitator}: ${rest.join(", ")}`;
};
