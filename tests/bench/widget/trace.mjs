// The time that a page's scripts took, read from Chromium's trace of it.

export const CATEGORIES = ["devtools.timeline", "v8", "blink.user_timing"];

/** Compiling and running, whatever began it. */
const SCRIPT = /^(EvaluateScript|FunctionCall|RunMicrotasks|v8\.(compile|evaluate|run|call|instantiate).*)$/;

/** Intervals without what they have in common, in order. */
function union(intervals) {
  const joined = [];
  for (const [from, to] of intervals.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (to > from) joined.push([from, to]);
  }
  return joined;
}

const length = (intervals) => union(intervals).reduce((sum, [from, to]) => sum + to - from, 0);

/**
 * Milliseconds of script on the page's main thread from its navigation to the user timing `mark`, without the script whose address is `own`.
 */
export function scriptTime(events, { mark, own }) {
  const end = events.find(({ name, cat }) => name === mark && cat.includes("blink.user_timing"));
  if (!end) throw new Error("the trace does not hold the mark");
  const begin = end.ts - end.args.data.startTime * 1000;
  const there = events.filter(({ ph, pid, tid, name }) => ph === "X" && pid === end.pid && tid === end.tid && SCRIPT.test(name));
  const clipped = (some) => some.map(({ ts, dur }) => [Math.max(ts, begin), Math.min(ts + dur, end.ts)]).filter(([from, to]) => to > from);
  const called = there.filter(({ args }) => args?.data?.url === own);
  // V8's own word for the same call begins just before, and has no address
  const around = there.filter(({ ts, dur }) => called.some((call) => ts <= call.ts && call.ts - ts < 100 && ts + dur >= call.ts + call.dur));
  const ours = [...called, ...around];
  return (length(clipped(there)) - length(clipped(ours))) / 1000;
}
