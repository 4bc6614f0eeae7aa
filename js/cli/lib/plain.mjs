// Texts of strangers, made fit for a terminal: whoever wrote them does not move its cursor, turn its lines around or fill it.

/** A line is cut after so many characters. */
const MOST_CHARACTERS = 1000;
// C0, DEL and C1, with which escapes begin; what turns, joins or hides text; what ends a line; halves of characters
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu;
// JSON has escapes of its own for C0
const UNFIT_IN_JSON = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One line of what anybody wrote. */
export function plain(text, most = MOST_CHARACTERS) {
  const whole = String(text);
  return `${whole.slice(0, most).replace(UNFIT, " ")}${whole.length > most ? "…" : ""}`;
}

/** Several lines, where the ends of lines are our own. */
export const plainLines = (text, most) => text.split("\n").map((line) => plain(line, most)).join("\n");

const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** JSON for a program that may be a terminal: the value is what it was, and nothing in it is cut. */
export const json = (value) => JSON.stringify(value, null, 2).replace(UNFIT_IN_JSON, (text) => text.split("").map(escaped).join(""));
