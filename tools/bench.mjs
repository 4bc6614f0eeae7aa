// `npm run bench`: what the Worker costs beside a hand-written one and the official middleware, in bare workerd. www/docs/cost.md says how.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { onShutdown } from "./lib/processes.mjs";
import { main, Plain, run, say } from "./lib/run.mjs";
import { root } from "./lib/toolchain.mjs";

const usage = `npm run bench -- [--rounds N] [--seconds N] [--payments N] [--starts N] [--json FILE]

  --rounds N    how often every Worker is asked everything (4; at most 50)
  --seconds N   how long, for one Worker and one case in a round (1; at most 10)
  --payments N  payments of one Worker in one round (400; at most 2000)
  --starts N    starts of every Worker (11; at most 100)
  --json FILE   every figure of every round too`;
const LIMITS = { rounds: [4, 50], seconds: [1, 10], payments: [400, 2000], starts: [11, 100] };

await main(async () => {
  const text = { type: "string" };
  const options = { rounds: text, seconds: text, payments: text, starts: text, json: text, help: { type: "boolean" } };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new Plain(`${error.message}\n\n${usage}`);
  }
  if (values.help) {
    say(usage);
    return 0;
  }
  const numbers = Object.fromEntries(Object.entries(LIMITS).map(([name, [otherwise, most]]) => {
    const value = Number(values[name] ?? otherwise);
    if (!(value > 0 && value <= most) || (name !== "seconds" && !Number.isInteger(value))) throw new Plain(`--${name} wants a number up to ${most}\n\n${usage}`);
    return [name, value];
  }));
  if (process.platform !== "linux") throw new Plain("the bench reads CPU times from /proc, which only Linux has");
  await run(process.execPath, ["tools/build.mjs", "--quiet"], { cwd: root, show: true });
  const { bench } = await import("../tests/bench/bench.mjs");
  const { report } = await import("../tests/bench/report.mjs");
  const { startParts } = await import("../tests/support/parts.mjs");
  const parts = startParts();
  onShutdown(parts.stop);
  try {
    const found = await bench({ ...numbers, parts, say });
    if (values.json) writeFileSync(values.json, `${JSON.stringify(found, undefined, 2)}\n`);
    process.stdout.write(`${report(found)}\n`);
  } finally {
    await parts.stop();
  }
  return 0;
});
