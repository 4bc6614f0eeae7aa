// Dollars as whole numbers of 10^-18: every token of the table counts dollars, with 6 to 18 digits after the point.

const DIGITS = 18;

/** `"$0.10"`, or `"0.10"` as the core writes amounts; nothing if it is neither, or finer than 18 digits. */
export function parse(text: string): bigint | undefined {
  const [, whole, part = ""] = /^\$?(\d+)(?:\.(\d{1,18}))?$/.exec(text) ?? [];
  return whole === undefined ? undefined : BigInt(whole + part.padEnd(DIGITS, "0"));
}

/** As a decimal number of dollars, with cents at least. */
export function print(amount: bigint): string {
  const sign = amount < 0n ? "-" : "";
  const text = (amount < 0n ? -amount : amount).toString().padStart(DIGITS + 1, "0");
  const part = text.slice(-DIGITS).replace(/0+$/, "").padEnd(2, "0");
  return `${sign}${text.slice(0, -DIGITS)}.${part}`;
}
