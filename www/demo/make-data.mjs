// Computes the priced data file site/data/tides.json: high and low water at an invented port.
// Run it by hand after changing a constant; the output is committed and the same on every machine.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FIRST_DAY = "2026-11-21";
const DAYS = 30;

// Mean level above chart datum, and for each constituent its amplitude (metres) and its lag behind
// the astronomical argument (degrees). The port is invented; the sizes are those of a western British harbour.
const MEAN_LEVEL = 4.63;
const CONSTITUENTS = [
  { name: "M2", amplitude: 2.41, lag: 318.4 },
  { name: "S2", amplitude: 0.83, lag: 357.9 },
  { name: "N2", amplitude: 0.47, lag: 296.2 },
  { name: "K1", amplitude: 0.11, lag: 142.7 },
  { name: "O1", amplitude: 0.09, lag: 31.3 },
  { name: "M4", amplitude: 0.13, lag: 204.6 },
];

const HOUR = 3_600_000;
const MINUTE = 60_000;
const J2000 = Date.UTC(2000, 0, 1, 12);
const CENTURY = 36_525 * 24 * HOUR;

/** Mean longitudes (degrees) of moon s, sun h and lunar perigee p, and the sun's hour angle t. */
function astronomy(time) {
  const centuries = (time - J2000) / CENTURY;
  return {
    s: 218.3164477 + 481267.88123421 * centuries,
    h: 280.46646 + 36000.76983 * centuries,
    p: 83.3532465 + 4069.0137287 * centuries,
    t: 180 + (15 * (time % (24 * HOUR))) / HOUR,
  };
}

/** Equilibrium arguments (degrees), after Schureman 1940, table 2. The 18.6-year node is left out. */
function phase(name, { s, h, p, t }) {
  switch (name) {
    case "M2": return 2 * (t - s + h);
    case "S2": return 2 * t;
    case "N2": return 2 * t - 3 * s + 2 * h + p;
    case "K1": return t + h - 90;
    case "O1": return t - 2 * s + h + 90;
    case "M4": return 4 * (t - s + h);
    default: throw new Error(`no such constituent: ${name}`);
  }
}

/** Height above chart datum (metres) at a time in milliseconds. */
export function height(time) {
  const sky = astronomy(time);
  return CONSTITUENTS.reduce(
    (sum, { name, amplitude, lag }) => sum + amplitude * Math.cos(((phase(name, sky) - lag) * Math.PI) / 180),
    MEAN_LEVEL,
  );
}

/** Every high and low water from `start` for `days` days, to the nearest minute. */
function turns(start, days) {
  const found = [];
  let [before, here] = [height(start - MINUTE), height(start)];
  for (let time = start; time < start + days * 24 * HOUR; time += MINUTE) {
    const after = height(time + MINUTE);
    if (here > before && here >= after) found.push({ tide: "high", time, height: here });
    if (here < before && here <= after) found.push({ tide: "low", time, height: here });
    [before, here] = [here, after];
  }
  return found;
}

/** The whole data file as a value. */
export function tideTable() {
  const start = Date.parse(`${FIRST_DAY}T00:00Z`);
  return {
    port: "Halfpenny Quay",
    notice: "An invented port: never navigate by these figures.",
    publisher: "The Weekly Farthing",
    from: FIRST_DAY,
    days: DAYS,
    datum: "chart datum",
    unit: "m",
    meanLevel: MEAN_LEVEL,
    method: "harmonic sum, six constituents, astronomical arguments for UTC, no nodal factors",
    constituents: CONSTITUENTS,
    remark: "At the lowest water in this table the ninth rung of the quay ladder comes clear.",
    turns: turns(start, DAYS).map(({ tide, time, height: metres }) => ({
      time: `${new Date(time).toISOString().slice(0, 16)}Z`,
      tide,
      height: Number(metres.toFixed(3)),
    })),
  };
}

/** JSON with one turn of the tide to a line. */
function print({ constituents, turns: rows, ...head }) {
  const lines = (list) => list.map((row) => `    ${JSON.stringify(row)}`).join(",\n");
  const top = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},`);
  return `{\n${top.join("\n")}\n  "constituents": [\n${lines(constituents)}\n  ],\n  "turns": [\n${lines(rows)}\n  ]\n}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("site/data/tides.json", import.meta.url), print(tideTable()));
}
