// Where the contracts of contracts/ lie on the local chain: the addresses that clients and facilitators have built in.

/** USDC on Base Sepolia. */
export const TOKEN = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
/** MegaUSD, of the asset table for eip155:4326; on any other chain a token that a publisher would have to define. */
export const DOLLAR = "0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7";
export const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
export const EXACT_PROXY = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001";
export const UPTO_PROXY = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002";
export const MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11";
/** x402-rs does not start without it. */
export const VALIDATOR = "0xdAcD51A54883eb67D95FAEb2BBfdC4a9a6BD2a3B";
/** Ours alone: no deployed contract has these addresses. */
export const BATCHER = "0x00000000000000000000000000000000ba7c4e57";
export const WALLET_FACTORY = "0x00000000000000000000000000000000fac70247";
export const NOISE = "0x0000000000000000000000000000000000009015";

/** Address by contract name. */
export const places = {
  TestUSDC: TOKEN, TestDollar: DOLLAR, Permit2: PERMIT2, ExactPermit2Proxy: EXACT_PROXY, UptoPermit2Proxy: UPTO_PROXY,
  Multicall3: MULTICALL3, Validator6492: VALIDATOR, Batcher: BATCHER, WalletFactory: WALLET_FACTORY, Noise: NOISE,
};
