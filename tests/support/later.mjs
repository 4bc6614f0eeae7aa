// The built Worker behind a door: its clock can be moved on, and the objects that count and list can be made unreachable. What runs is the
// build as it is.
import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILD } from "./edge.mjs";

// Imported first, so that nothing reads another clock.
const CLOCK = `
const real = Date.now;
export const begins = BEGINS;
let ahead = begins;
Date.now = () => real() + ahead * 1000;
export const move = (seconds) => (ahead += seconds);
`;
const DOOR = `
import { begins, move } from "./clock.js";
import worker, { Ledger as RealLedger, Sender as RealSender, Tally as RealTally } from "./worker.js";
// the platform's alarms go by the real clock
const inTime = (Real) => class extends Real {
  constructor(ctx, env) {
    const { storage } = ctx;
    const set = storage.setAlarm;
    storage.setAlarm = (time, ...more) => set.call(storage, time - begins * 1000, ...more);
    super(ctx, env);
  }
};
export const Ledger = inTime(RealLedger);
export const Sender = inTime(RealSender);
export const Tally = inTime(RealTally);
let mode = "";
let lists = 0;
let bytes = 0;
const tally = (real) => ({
  idFromName: (name) => real.idFromName(name),
  get: (id) => ({
    async fetch(url, init) {
      if (url.endsWith("/list")) lists += 1;
      const failing = mode;
      if (mode === "once") mode = "";
      if (failing === "throw" || failing === "once") throw new Error("no object today");
      if (mode === "hang") await new Promise((done) => setTimeout(done, 30_000));
      const response = await real.get(id).fetch(url, init);
      if (!url.endsWith("/list")) return response;
      const text = await response.text();
      bytes = text.length;
      return new Response(text, response);
    },
  }),
});
export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/__later") return await worker.fetch(request, Object.assign(Object.create(env), { TALLY: tally(env.TALLY) }), ctx);
    mode = searchParams.get("mode") ?? mode;
    const answer = { ahead: move(Number(searchParams.get("seconds") ?? 0)), lists, bytes };
    if (searchParams.has("seen")) lists = 0;
    return Response.json(answer);
  },
  scheduled: (...values) => worker.scheduled(...values),
};
`;

/**
 * A folder for the `build` of `startEdge`; it goes with `remove()`. `begins`: how many seconds its clock is ahead of the real one from the
 * beginning; its alarms come as if that were the time.
 */
export function buildLater({ begins = 0 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "farthing-later-"));
  cpSync(BUILD, folder, { recursive: true });
  renameSync(join(folder, "index.js"), join(folder, "worker.js"));
  writeFileSync(join(folder, "clock.js"), CLOCK.replace("BEGINS", String(begins)));
  writeFileSync(join(folder, "index.js"), DOOR);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What may be done to such an edge. Its clock begins anew with every start. */
export const timeOf = (edge) => {
  const ask = async (query) => (await fetch(`${edge.url}/__later?${query}`)).json();
  return {
    /** So many seconds later. */
    later: (seconds) => ask(`seconds=${seconds}`),
    /** The Worker's time, Unix seconds. */
    now: async () => Math.floor(Date.now() / 1000) + (await ask("")).ahead,
    /** Calls of the objects that count and list fail from now on ("throw"), the next one does ("once"), they are not answered ("hang"), or work (""). */
    tally: (mode) => ask(`mode=${mode}`),
    /** How often the list was asked for since this was asked last. */
    lists: async () => (await ask("seen")).lists,
    /** How many bytes the last answer to that had. */
    bytes: async () => (await ask("")).bytes,
  };
};
