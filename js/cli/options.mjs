// The options of a command: read, or refused with a sentence and the command's help.
import { parseArgs } from "node:util";
import { Misuse } from "./mistake.mjs";

/** {values, positionals} of `node:util`'s parseArgs; `most` is how many words may stand without an option. */
export function readOptions(args, { options, most = 0, usage }) {
  let parsed;
  try {
    parsed = parseArgs({ args, options: { ...options, help: { type: "boolean", short: "h", default: false } }, allowPositionals: most > 0 });
  } catch (error) {
    throw new Misuse(`${error.message.split("\n")[0]}\n\n${usage}`);
  }
  if (parsed.positionals.length > most) throw new Misuse(`"${parsed.positionals[most]}" is one word too many.\n\n${usage}`);
  return parsed;
}

/** A web address that was typed, as a URL; `what` is where it was typed, and `like` an example of what it should be. */
export function readUrl(text, what, like = "https://news.example/articles/one") {
  const url = URL.canParse(text ?? "") ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new Misuse(`${what} wants an address like ${like}, not "${text ?? ""}".`);
  return url;
}
