// Generated cases that can be played again: `FARTHING_SEED` in the environment plays another run, and what fails says with which seed.

export const SEED = Number(process.env.FARTHING_SEED ?? 20_261_121);

/** A generator (mulberry32) with what cases are made of. */
export function chance(seed = SEED) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit) => Math.floor(next() * limit);
  const pick = (list) => list[below(list.length)];
  const bytes = (length) => Buffer.from(Array.from({ length }, () => below(256)));
  return {
    next, below, pick, bytes,
    hex: (length) => `0x${bytes(length).toString("hex")}`,
    maybe: (share = 0.5) => next() < share,
    /** A whole number of up to so many bits, extreme ones more often than chance would have them. */
    number(bits = 256) {
      const most = (1n << BigInt(bits)) - 1n;
      const edges = [0n, 1n, 2n, most, most - 1n, 1n << BigInt(bits - 1), 255n, 256n];
      if (next() < 0.2) return pick(edges);
      const size = 1 + below(bits);
      return BigInt(`0x${bytes(32).toString("hex")}`) & ((1n << BigInt(size)) - 1n);
    },
    text: (length, alphabet) => Array.from({ length }, () => pick(alphabet)).join(""),
  };
}

/**
 * Runs `check(value, index, random)` on every value, some under way at once, each with a source of chance of its own, so that the
 * order in which they run changes nothing; a failure names the seed and the value.
 */
export async function each(values, check) {
  let at = 0;
  const worker = async () => {
    while (at < values.length) {
      const index = at++;
      try {
        await check(values[index], index, chance(SEED + index));
      } catch (error) {
        const shown = JSON.stringify(values[index], (_, item) => (typeof item === "bigint" ? `${item}n` : item));
        throw new Error(`FARTHING_SEED=${SEED}, case ${index}: ${shown?.slice(0, 1500)}\n${error.message}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}
