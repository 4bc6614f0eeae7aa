// Amounts for people. The number stays a decimal text all the way: no float comes near it.

/** How a language writes dollars: `{amount}` in its place, and what stands between dollars and cents. */
export interface Money {
  dollars: string;
  point: string;
}

/**
 * `0.05` of a token that counts dollars, as the reader's language writes five cents. Written by hand, as the Worker does: a browser takes
 * longer to set up its own formatter than to draw the card.
 */
export const dollars = (decimal: string, { dollars, point }: Money) => {
  const [whole, part = ""] = decimal.split(".");
  return dollars.replace("{amount}", whole + point + part.padEnd(2, "0"));
};

/** A price as publishers write it, `$0.05`; any other text stays as it is. */
export const priced = (text: string, money: Money) => text.replace(/^\$([\d.]+)$/, (_, number: string) => dollars(number, money));

/** Puts values into a text's places; in a language that runs from right to left, each keeps its own order. */
export const fill = (text: string, values: Record<string, string>, lang?: string) =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => (lang === "ar" && values[name] ? `\u2068${values[name]}\u2069` : (values[name] ?? "")));
