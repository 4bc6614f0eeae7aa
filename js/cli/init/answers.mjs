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
  { flag: "--match and --price", ask: "What costs money, and how much?", at: ["routes"], usual: `${EXAMPLE.match} ${EXAMPLE.price}`, read: sold },
  { flag: "--money", ask: "Test money, worth nothing, or real money? test or real", at: ["money", "networks", "settlement"], usual: "test", read: (money) => ({ money }) },
];

/** What is wrong with these answers, as one sentence; undefined where nothing is. */
function fault(gate, { at }, given) {
  const all = { ...EXAMPLE, ...given };
  if (all.money !== "test" && all.money !== "real") return `"${all.money}" is neither "test" nor "real".`;
  const { errors } = gate.configure(farthingJsonc(all));
  const found = errors.find((error) => at.some((place) => error.startsWith(place)));
  return found && `${found}.`;
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
        const wrong = fault(gate, question, { ...answers, ...next });
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
