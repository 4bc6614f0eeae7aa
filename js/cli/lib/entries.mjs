// The entries of `networks` as a config has them, with what farthing's table says of them. Whether they are right is the core's to say.
import assets from "../../../tests/vectors/assets.json" with { type: "json" };

const table = assets.assets;
const same = (a, b) => String(a).toLowerCase() === String(b).toLowerCase();

export const networkName = (network) => table.find((row) => row.network === network)?.networkName ?? network;
/** What farthing's table says of a token: {symbol, decimals, test, …}. */
export const tokenOf = (network, asset) => table.find((row) => row.network === network && same(row.asset, asset));
/** CAIP-2, for a name of x402 v1 too. */
export const networkOf = (name) => (Object.hasOwn(assets.slugs, name) ? `eip155:${assets.slugs[name]}` : name);
/** Whether its money is known to be worth nothing; what is not in the table counts as real. */
export const isTest = (network) => table.some((row) => row.network === network && row.test);
export const v1Name = (network) => table.find((row) => row.network === network)?.v1 ?? undefined;

/** {at, written, network, asset, symbol, name, version, decimals, transfer, permit, own}; what cannot be read is left out. */
export function entriesOf(config) {
  const items = Array.isArray(config?.networks) ? config.networks : [];
  return items.flatMap((item, index) => {
    const written = typeof item === "string" ? { network: item } : item;
    if (!written || typeof written !== "object") return [];
    const { network, asset, own } = written;
    const rows = table.filter((row) => row.network === network);
    const known = asset === undefined ? rows[0] : rows.find((row) => row.symbol === asset || same(row.asset, asset));
    const token = own === true ? { ...written, permit: written.transfer === "permit2" && written.name !== undefined } : known;
    if (!/^0x[0-9a-f]{40}$/i.test(token?.asset ?? "")) return [];
    const { symbol, name, version, decimals, permit } = token;
    const transfer = written.transfer ?? token.transfer;
    return [{ at: `networks[${index}]`, written, network, asset: token.asset, symbol, name, version, decimals, transfer, permit, own: own === true }];
  });
}

/** The entry an offer was made from. */
export const entryOf = (entries, offer) => entries.find((entry) => entry.network === offer.network && same(entry.asset, offer.asset));

/** An amount in atomic units as a decimal number. */
export function decimal(amount, decimals) {
  const digits = String(amount).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}
