// One field of a JSON value changed.

/** The paths of all members of a value, as lists of keys. */
export const paths = (value, path = []) => (value === null || typeof value !== "object" ? [path]
  : [...(path.length ? [path] : []), ...Object.entries(value).flatMap(([key, item]) => paths(item, [...path, key]))]);
export const at = (value, path) => path.reduce((inner, key) => inner?.[key], value);
/** Sets a member, or takes it away. */
export function put(value, path, item) {
  const inner = at(value, path.slice(0, -1));
  if (item === undefined) delete inner[path.at(-1)];
  else inner[path.at(-1)] = item;
}

/** Another value for a field, made from its own: near to it or far from it, of its type or of another. */
export function others(random, value) {
  const text = String(value);
  const flip = (letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase());
  const place = random.below(Math.max(1, text.length));
  const list = [
    undefined, null, "", 0, 1, true, [], {}, text, ` ${text}`, `${text} `, `0${text}`, `+${text}`, `${text}.0`, `${text}e0`, text.toUpperCase(), text.toLowerCase(),
    text.slice(0, -1), `${text}0`, `${text}\u0000`, [value], { value }, Number(text), -1, 1.5, "0x", random.hex(20), random.hex(32), String(random.number()), random.text(5, [..."abc019"]),
    text.slice(0, place) + random.pick([..."0123456789abcdef:x-"]) + text.slice(place + 1), text.slice(0, place) + flip(text[place] ?? "a") + text.slice(place + 1),
    text.slice(0, place) + text.slice(place + 1),
  ];
  if (/^\d+$/.test(text)) list.push(String(BigInt(text) + 1n), String(BigInt(text) - (text === "0" ? 0n : 1n)), `0x${BigInt(text).toString(16)}`, Number(text) + 1);
  // what JSON cannot say
  return random.pick(list.filter((item) => typeof item !== "number" || Number.isFinite(item)));
}
