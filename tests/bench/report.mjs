// What was measured, as text: the figures, the bar beside each, and which are over.
import { OBJECTS } from "./variants.mjs";
import { CASES, RECOVERY_BAR, SIZE_BAR, START_BAR } from "./bench.mjs";
import { median } from "./figures.mjs";

const WORKERS = ["pass-through", "by hand", "@x402/hono", "farthing"];
const OURS = "farthing";

/** [{what, figure, bar, unit}]: what ours costs beside what it may; `figure` in units of `unit`, "x" for a ratio. */
export function judged({ requests, recovery, started, gzip }) {
  const us = (one, name) => median(requests[one.name][name].map((round) => round.us));
  return [
    ...CASES.map((one) => ({ what: one.name, figure: us(one, OURS) / us(one, one.against), bar: one.bar, unit: "x" })),
    { what: "recovery", figure: median(recovery.ours) / median(recovery.noble), bar: RECOVERY_BAR, unit: "x" },
    { what: "start over hello", figure: median(started[OURS]) - median(started.hello), bar: START_BAR, unit: "ms" },
    { what: "size, gzip", figure: gzip[OURS] / 1000, bar: SIZE_BAR / 1000, unit: "kB" },
  ];
}

const written = { x: (value) => `${value.toFixed(2)}x`, ms: (value) => `${value.toFixed(1)} ms`, kB: (value) => `${value.toFixed(0)} kB` };

export function report(found) {
  const { machine, rounds, seconds, payments, starts } = found;
  const bars = new Map(judged(found).map((one) => [one.what, one]));
  const row = (cells) => cells.map((cell, index) => (index === 0 ? cell.padEnd(28) : cell.padStart(14))).join("").trimEnd();
  const last = (what) => {
    const { figure, bar, unit } = bars.get(what);
    return [written[unit](figure), `≤ ${written[unit](bar)}`, figure > bar ? "over" : ""];
  };
  const subrequests = (one) => median(found.requests[one.name][OURS].map((round) => round.subrequests)).toFixed(1);
  const spread = (values) => `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
  const lines = [
    `${found.date}, workerd ${found.workerd}, node ${found.node}, ${machine.system}`,
    `${machine.cpus} x ${machine.cpu}, ${(machine.memory / 1e9).toFixed(0)} GB; load average ${found.load.toFixed(1)} before, ${found.loadAfter.toFixed(1)} after`,
    `medians of ${rounds} rounds of ${seconds} s for each Worker and case, or ${payments} payments; ${starts} starts`,
    "", row(["CPU us per request", ...WORKERS, "ratio", "bar", ""]),
  ];
  for (const one of CASES) {
    const cells = WORKERS.map((name) => (one.workers.includes(name) ? median(found.requests[one.name][name].map((round) => round.us)).toFixed(0) : "-"));
    lines.push(row([one.name, ...cells, ...last(one.name)]));
  }
  const objects = median(found.requests.paid[OBJECTS].map((round) => round.us));
  const times = median(found.requests.paid[OURS].map((round) => round.us)) / objects;
  lines.push(row(["paid, by hand with an object", "", objects.toFixed(0), "", "", written.x(times)]));
  const { ours, noble } = found.recovery;
  lines.push(
    "", row(["recovery alone, us", "", `noble ${median(noble).toFixed(0)}`, "", median(ours).toFixed(0), ...last("recovery")]),
    row(["CPU ms to first answer", ...WORKERS.map((name) => median(found.started[name]).toFixed(1)), ...last("start over hello")]),
    row(["size, kB gzip", ...WORKERS.map((name) => (found.gzip[name] / 1000).toFixed(1)), ...last("size, gzip")]),
    "", row(["ours, lowest to highest", "us", "subrequests"]),
    ...CASES.map((one) => row([one.name, spread(found.requests[one.name][OURS].map((round) => round.us)), subrequests(one)])),
    "", `A hello Worker takes ${median(found.started.hello).toFixed(1)} ms of CPU until its first answer.`,
  );
  const over = judged(found).filter(({ figure, bar }) => figure > bar);
  lines.push(over.length === 0 ? "Nothing is over its bar." : `Over: ${over.map(({ what, figure, bar, unit }) => `${what} (${written[unit](figure)}, ${written[unit](bar)})`).join("; ")}.`);
  return lines.join("\n");
}
