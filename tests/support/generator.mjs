// Generated cases that are the same in every run: a small seeded generator (mulberry32) and shapes built on it.

/** `name` is the seed; a test of another name sees other cases. */
export function generator(name) {
  let state = [...name].reduce((hash, letter) => Math.imul(hash ^ letter.codePointAt(0), 16_777_619), 0x811c9dc5);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  /** A whole number from `low` to `high`. */
  const int = (low, high) => low + Math.floor(next() * (high - low + 1));
  const pick = (list) => list[int(0, list.length - 1)];
  const chance = (share = 0.5) => next() < share;
  /** `low` to `high` of these letters. */
  const text = (letters, low, high) => Array.from({ length: int(low, high) }, () => pick([...letters])).join("");
  const digits = (count) => text("0123456789", count, count);
  const leaf = () => pick([null, true, false, 0, 1, -7, 2.5, "", "a", "b"]);
  /** A JSON value of few keys, so that two of them often share some. */
  const json = (depth) => {
    if (depth === 0 || chance(0.3)) return leaf();
    if (chance(0.3)) return Array.from({ length: int(0, 3) }, () => json(depth - 1));
    return Object.fromEntries(["a", "b", "s", "x"].filter(() => chance()).map((key) => [key, json(depth - 1)]));
  };
  /** A JSON value with one place in it changed, removed or added to. */
  const change = (value) => {
    if (value === null || typeof value !== "object" || chance(0.15)) return json(1);
    const keys = Object.keys(value);
    if (keys.length === 0 || chance(0.2)) {
      if (Array.isArray(value)) return [...value, leaf()];
      return { ...value, [pick(["a", "b", "s", "x", "y"])]: json(1) };
    }
    const key = pick(keys);
    if (Array.isArray(value)) return value.map((item, index) => (String(index) === key ? change(item) : item));
    if (chance(0.2)) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
    return { ...value, [key]: change(value[key]) };
  };
  return { next, int, pick, chance, text, digits, json, change };
}
