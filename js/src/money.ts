// Amounts for people. The number stays a decimal text all the way: no float comes near it.

/** `0.05` of a token that counts dollars, as the reader's language writes five cents. */
export const dollars = (decimal: string, lang: string) =>
  new Intl.NumberFormat(lang, { style: "currency", currency: "USD", maximumFractionDigits: 6 }).format(decimal as unknown as number);

/** A price as publishers write it, `$0.05`; any other text stays as it is. */
export const priced = (text: string, lang: string) => text.replace(/^\$([\d.]+)$/, (_, number: string) => dollars(number, lang));

/** Puts values into a text's places; in a language that runs from right to left, each keeps its own order. */
export const fill = (text: string, values: Record<string, string>, lang?: string) =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => (lang === "ar" && values[name] ? `\u2068${values[name]}\u2069` : (values[name] ?? "")));
