// The five questions of `init`: asked at a terminal, or answered by options. What is answered is judged by the core.
import { createInterface } from "node:readline/promises";
import { Mistake } from "../mistake.mjs";
import { farthingJsonc } from "./files.mjs";

const EXAMPLE = {
  site: "https://news.example", origin: "dns", payTo: `0x${"11".repeat(20)}`, match: "/articles/*", price: "$0.05", money: "test",
};

/** "/articles/* $0.05" as pattern and price. */
function sold(answer) {
  const [, match, price] = /^(\S+)\s+(\S.*)$/.exec(answer.trim()) ?? [];
  return match ? { match, price } : { match: answer.trim(), price: EXAMPLE.price };
}

/** Each with the place of its mistakes in the config, and what is taken where nothing is said; who is paid has to be said. */
const QUESTIONS = [
  { flag: "--site", ask: "The address of your site?", at: ["site"], usual: EXAMPLE.site, read: (answer) => ({ site: answer.replace(/\/$/, "") }) },
  { flag: "--origin", ask: "Where its content comes from? dns: the server behind that address; or the address of another one", at: ["origin"], usual: "dns", read: (origin) => ({ origin }) },
  { flag: "--pay-to", ask: "Who is paid? An address on Base, 0x and 40 hex digits:", at: ["payTo"], read: (payTo) => ({ payTo }) },
  { flag: "--match and --price", ask: "What costs money, and how much? A pattern, a space, a price", at: ["routes"], usual: `${EXAMPLE.match} ${EXAMPLE.price}`, read: sold },
  { flag: "--money", ask: "Test money, worth nothing, or real money? test or real", at: ["money", "networks", "settlement"], usual: "test", read: (money) => ({ money }) },
];

/** The places of a config that an answer becomes, in the words of who answers: what is asked for, and its option. */
const PLACES = [
  [/^site\b/, "the site", "--site"], [/^origin\b/, "the origin", "--origin"], [/^payTo\b/, "the address", "--pay-to"],
  [/^routes\[0\]\.match\b/, "the pattern", "--match"], [/^routes\[0\]\.price\b/, "the price", "--price"], [/^(?:money|networks|settlement)\b/, "the money", "--money"],
];

const sentence = (text) => (/[.?!]$/.test(text) ? text : `${text}.`);

/** What is wrong with these answers, as one sentence; undefined where nothing is. `typed`: at a question, and not as an option. */
function fault(gate, { at }, given, typed) {
  const all = { ...EXAMPLE, ...given };
  const name = (place) => PLACES.find(([pattern]) => pattern.test(place))?.[typed ? 1 : 2] ?? place;
  if (all.money !== "test" && all.money !== "real") return `${name("money")}: "${all.money}" is neither "test" nor "real".`;
  if (/^0x0{40}$/.test(all.payTo) && at.includes("payTo")) return `${name("payTo")}: nobody owns the address that is all zeroes, and what is paid there is lost.`;
  const { errors } = gate.configure(farthingJsonc(all));
  const found = errors.find((error) => at.some((place) => error.startsWith(place)));
  if (found === undefined) return undefined;
  const [, place, text] = /^([^:]+): ([^]*)$/.exec(found) ?? [undefined, "", found];
  return sentence(`${name(place)}: ${text}`);
}

/** What an older farthing.jsonc answers, as far as it says it in init's own way. */
export function answersIn(config) {
  const [route] = Array.isArray(config?.routes) ? config.routes : [];
  const { origin } = config ?? {};
  const found = {
    site: config?.site, origin: origin === "dns" || origin?.dns ? "dns" : origin?.url, payTo: config?.payTo?.eip155,
    match: route?.match, price: route?.price === "free" ? undefined : route?.price, money: config?.money ?? "test",
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => typeof value === "string"));
}

/**
 * {site, origin, payTo, match, price, money}. `given` are those from the command line; `yes` takes what is usual for the others. The
 * others are asked at a terminal; without one they are a mistake.
 */
export async function answer(given, { gate, yes, input = process.stdin, output = process.stdout }) {
  const answers = { ...given };
  const open = QUESTIONS.filter(({ read }) => Object.keys(read("x y")).some((key) => answers[key] === undefined));
  for (const question of QUESTIONS.filter((one) => !open.includes(one))) {
    const wrong = fault(gate, question, answers);
    if (wrong) throw new Mistake(wrong);
  }
  if (yes || !input.isTTY) {
    const missing = open.filter(({ usual }) => !yes || usual === undefined).map(({ flag }) => flag);
    if (missing.length > 0) {
      throw new Mistake(`Without a terminal to ask at, ${missing.join(", ")} has to be said${yes ? "" : ", or --yes for what is usual"}.`);
    }
  }
  const terminal = yes || open.length === 0 ? undefined : createInterface({ input, output });
  const gone = new Promise((_, reject) => terminal?.once("close", () => reject(new Mistake("Nothing was written: not every question was answered."))));
  gone.catch(() => {}); // closed at the end, too
  try {
    for (const question of open) {
      const { ask, usual, read } = question;
      for (;;) {
        const typed = terminal ? (await Promise.race([terminal.question(`${ask}${usual ? ` (${usual})` : ""} `), gone])).trim() : "";
        // an option that was given stands
        const next = { ...read(typed || usual || ""), ...given };
        const wrong = fault(gate, question, { ...answers, ...next }, terminal !== undefined);
        if (!wrong) {
          Object.assign(answers, next);
          break;
        }
        if (!terminal) throw new Mistake(wrong);
        output.write(`  ${wrong}\n`);
      }
    }
  } finally {
    terminal?.close();
  }
  return answers;
}
