// `npm run bench`: what the Worker costs beside a hand-written one and the official middleware, in bare workerd; what a reader downloads
// and waits for beside other ways to pay, in Chromium; what the paying client takes beside the official one; and how long the desk's pages take. www/docs/cost.md says how.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { onShutdown } from "./lib/processes.mjs";
import { main, Plain, run, say } from "./lib/run.mjs";
import { setUpChromium } from "./lib/setup-chromium.mjs";
import { root } from "./lib/toolchain.mjs";

const usage = `npm run bench -- [edge] [widget] [client] [desk] [--rounds N] [--seconds N] [--payments N] [--starts N] [--json FILE] [--markdown]

  edge          what the Worker costs; without a word, all four
  widget        what a reader downloads and waits for
  client        how long a program waits for a signature, and what it weighs
  desk          how long the publisher's pages take over large books
  --rounds N    how often every Worker is asked everything (4), every page opened in every way (7), every client started and every page of the desk
                asked for (7; at most 50)
  --seconds N   how long, for one Worker and one case in a round (1; at most 10)
  --payments N  payments of one Worker in one round (400; at most 2000)
  --starts N    starts of every Worker (11; at most 100)
  --signatures N  payments of one client in one round (200; at most 2000)
  --rows N      payments in the desk's books (1000000; at most 10000000)
  --json FILE   every figure of every round too
  --markdown    the pages' tables as Markdown`;
const LIMITS = { seconds: [1, 10], payments: [400, 2000], starts: [11, 100], signatures: [200, 2000], rows: [1_000_000, 10_000_000] };
const ROUNDS = { edge: 4, widget: 7, client: 7, desk: 7 };
const MOST_ROUNDS = 50;

const parts = {
  async edge(numbers, rest) {
    const { bench } = await import("../tests/bench/bench.mjs");
    const { report } = await import("../tests/bench/report.mjs");
    const found = await bench({ ...numbers, ...rest });
    return { found, text: report(found) };
  },
  async widget({ rounds }, { markdown, ...rest }) {
    const { programs } = await import("./lib/setup-sites.mjs");
    await setUpChromium();
    await programs.paywall.install();
    const { bench } = await import("../tests/bench/widget/bench.mjs");
    const { report } = await import("../tests/bench/widget/report.mjs");
    const found = await bench({ rounds, ...rest });
    return { found, text: report(found, { markdown }) };
  },
  async client({ rounds, signatures }, { markdown, say }) {
    const { bench } = await import("../tests/bench/client/bench.mjs");
    const { report } = await import("../tests/bench/client/report.mjs");
    const found = await bench({ rounds, signatures, say });
    return { found, text: report(found, { markdown }) };
  },
  async desk({ rounds, rows }, { markdown, say }) {
    const { bench } = await import("../tests/bench/desk/bench.mjs");
    const { report } = await import("../tests/bench/desk/report.mjs");
    const found = await bench({ rounds, rows, say });
    return { found, text: report(found, { markdown }) };
  },
};

await main(async () => {
  const text = { type: "string" };
  const options = { rounds: text, seconds: text, payments: text, starts: text, signatures: text, rows: text, json: text, markdown: { type: "boolean" }, help: { type: "boolean" } };
  let values;
  let words;
  try {
    ({ values, positionals: words } = parseArgs({ options, allowPositionals: true }));
  } catch (error) {
    throw new Plain(`${error.message}\n\n${usage}`);
  }
  if (values.help) {
    say(usage);
    return 0;
  }
  const unknown = words.find((word) => !parts[word]);
  if (unknown) throw new Plain(`there is no part "${unknown}"\n\n${usage}`);
  const number = (name, otherwise, most) => {
    const value = Number(values[name] ?? otherwise);
    if (!(value > 0 && value <= most) || (name !== "seconds" && !Number.isInteger(value))) throw new Plain(`--${name} wants a number up to ${most}\n\n${usage}`);
    return value;
  };
  const numbers = Object.fromEntries(Object.entries(LIMITS).map(([name, [otherwise, most]]) => [name, number(name, otherwise, most)]));
  const chosen = Object.keys(parts).filter((name) => words.length === 0 || words.includes(name));
  if (chosen.includes("edge") && process.platform !== "linux") throw new Plain("what the Worker costs is read from /proc, which only Linux has; `npm run bench -- widget client` needs none");
  const rounds = Object.fromEntries(chosen.map((name) => [name, number("rounds", ROUNDS[name], MOST_ROUNDS)]));
  await run(process.execPath, ["tools/build.mjs", "--quiet"], { cwd: root, show: true });
  const { startParts } = await import("../tests/support/parts.mjs");
  const started = startParts();
  onShutdown(started.stop);
  const all = {};
  try {
    for (const name of chosen) {
      const { found, text: said } = await parts[name]({ ...numbers, rounds: rounds[name] }, { parts: started, say, markdown: values.markdown });
      all[name] = found;
      process.stdout.write(`${Object.keys(all).length > 1 ? "\n" : ""}${said}\n`);
      // the next one has the machine for itself
      await started.stop();
    }
    if (values.json) writeFileSync(values.json, `${JSON.stringify(all, undefined, 2)}\n`);
  } finally {
    await started.stop();
  }
  return 0;
}, { ownHelp: true });
