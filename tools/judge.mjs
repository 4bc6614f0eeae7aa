// `npm run judge -- --kills 200 | --minutes 120`: kills the Worker under load, round after round, and has every round judged.
// `npm run judge -- --faults`: every fault at every call to an object's storage.
import { parseArgs } from "node:util";
import { run, main, Plain, say } from "./lib/run.mjs";
import { root } from "./lib/toolchain.mjs";

const usage = `npm run judge -- [--kills N] [--each N] [--minutes N] [--seed N]

  --kills N    so many kills at least (200, where no minutes are given)
  --each N     so many hits at least of every point where the Worker is killed (20 with --kills, 0 otherwise)
  --minutes N  no new round after so many minutes
  --seed N     another run than the last one
  --faults     instead: aborts an object before and after every call to its storage, and has each of them fail`;
/** Kills on one chain, with one state; then everything comes to rest, is judged, and begins anew. */
const ROUND = 40;

await main(async () => {
  const text = { type: "string" };
  const options = { kills: text, each: text, minutes: text, seed: text, faults: { type: "boolean" }, help: { type: "boolean" } };
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
  const number = (name, otherwise) => {
    const value = values[name] === undefined ? otherwise : Number(values[name]);
    if (!(value >= 0)) throw new Plain(`--${name} wants a number\n\n${usage}`);
    return value;
  };
  const until = Date.now() + number("minutes", Infinity) * 60_000;
  const kills = number("kills", values.minutes ? Infinity : 200);
  const each = number("each", values.minutes ? 0 : 20);
  let seed = number("seed", Date.now() % 1_000_000);
  await run(process.execPath, ["tools/build.mjs", "--quiet"], { cwd: root, show: true });
  if (values.faults) {
    const env = { FARTHING_EVERY_FAULT: "1" };
    return (await run(process.execPath, ["--test", "tests/judge/faults.test.mjs"], { cwd: root, show: true, check: false, env })).code;
  }
  const { POINTS, figures, newTally, round } = await import("../tests/judge/kill.mjs");

  const tally = newTally();
  const wanting = () => tally.kills < kills || POINTS.some(({ name }) => tally.points[name].hits < each);
  while (wanting() && Date.now() < until && tally.violations.length === 0) {
    say(`round ${tally.rounds + 1}, --seed ${seed}`);
    await round({ kills: ROUND, until, seed, say, tally });
    seed += 1;
  }
  process.stdout.write(`${figures(tally)}\n`);
  return tally.violations.length === 0 ? 0 : 1;
}, { ownHelp: true });
