// Kills the Worker under load, at moments of choice and at any, starts it again on the same state, and has the whole judged.
import { readFileSync, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { chance } from "../support/chance.mjs";
import { inWords, judge } from "./judge.mjs";
import { refuse } from "../support/hostile-facilitator.mjs";
import { FOLDER } from "./disk.mjs";
import { close, startLoad } from "./load.mjs";
import { inTwo, sleep, startStand } from "./stand.mjs";
import { story } from "./story.mjs";

/** How long a point may take to come up before another one has its turn, in milliseconds, where nothing else is said. */
const TURN = 15_000;

const phaseOf = ({ rows }, { nonce }) => rows.find((row) => row.nonce === nonce)?.phase ?? "none";

/**
 * Where the process dies. `on`: the moment, as `startStand` tells it; `delays` after it in milliseconds, one after the other, "read"
 * being the moment when workerd has read all of an answer from its socket, "write" when it next writes to the payment's ledger;
 * `if(about, stand)`: what must hold besides; `state(after, about, stand)`: where the payment stood on disk afterwards; `counts`:
 * which of these states are a hit. `fails`, `refuses`, `unclear`, `slow`: what the others are to do more of meanwhile; `first`: above all.
 */
export const POINTS = [
  { name: "claimed, nothing asked", on: ["block"], if: claiming, state: claimedOnly, counts: ["claimed"] },
  { name: "origin asked", on: ["asked"], if: forTheMoney, counts: ["claimed"] },
  { name: "origin answered", on: ["given"], if: forTheMoney, delays: [0, 0.3, 0, 0.6, 1], counts: ["claimed", "settling"] },
  { name: "origin failed, claim released", on: ["failed"], if: forTheMoney, delays: [0, 0.3, 1, 2, 3, 5, 10], counts: ["claimed", "released"], fails: true },
  { name: "settling written, call arrives", on: ["settling"], counts: ["settling"] },
  { name: "broadcast, no answer yet", on: ["broadcast"], state: onChain, counts: ["settling"] },
  { name: "settle answered, not written", on: ["answered"], delays: [0, 0.1, "read", 0.2, 0.4, "read", 0.7, 1], counts: ["settling"], first: true },
  { name: "refusal answered, not written", on: ["refused"], delays: [0, "read", 0.2, 0.4], counts: ["settling"], refuses: true },
  { name: "settled written, no response yet", on: ["answered"], delays: ["write"], state: unanswered, counts: ["settled"] },
  { name: "settled first, origin asked", on: ["asked"], if: moneyFirst, counts: ["settled"] },
  { name: "body on its way", on: ["body"], if: fresh, delays: [0, 1, 3, 10], counts: ["settled"], slow: true },
  { name: "chain asked what became of it", on: ["observing"], if: waitedFor, counts: ["unknown"], unclear: true },
  { name: "chain answered", on: ["observed"], if: waitedFor, delays: [0, 0.3, 1, 2, 5], counts: ["unknown", "settling", "settled"], unclear: true },
  { name: "alarm: asks", on: ["observing", "settling"], if: alone, counts: ["unknown", "settling", "rejected", "settled"] },
  { name: "alarm: answered", on: ["observed", "answered"], if: alone, delays: [0, 0.3, 1, 3, 8], counts: ["unknown", "settling", "rejected", "settled"] },
  { name: "any time", on: [], state: () => "any", counts: ["any"] },
];

// A payment has come of which nobody has heard yet.
function claiming(_, { client, asked, settles }) {
  return client.requests.slice(-200).some(({ payment, ended }) => payment && ended === undefined
    && !asked.has(payment.nonce) && !settles.some(({ nonce }) => nonce === payment.nonce));
}
// A page that is fetched for the payment that pays for it, not once more for one that did.
function fresh({ nonce }, { client }) {
  return nonce !== undefined && client.requests.every(({ payment, text }) => payment?.nonce !== nonce || text === "none");
}
function forTheMoney(about, stand) {
  return !about.path.startsWith("/first") && fresh(about, stand);
}
function moneyFirst(about, stand) {
  return about.path.startsWith("/first") && fresh(about, stand);
}
function waitedFor({ payer }, { client }) {
  return client.under(payer) > 0;
}
// Nobody is there, and nothing that somebody began can still be going on: what happens now, an alarm does.
function alone({ payer }, { client, started }) {
  const last = client.last(payer);
  const lost = client.requests.findLast((each) => each.payer === payer)?.status === undefined && last >= started;
  return client.under(payer) === 0 && Date.now() - last > (lost ? 9000 : 1000);
}

// A claim for which the origin was not asked yet.
function claimedOnly({ rows }, _, stand) {
  return rows.some(({ phase, nonce }) => phase === "claimed" && !stand.asked.has(nonce)) ? "claimed" : "other";
}

// A transfer that lies on the chain, while the ledger is still settling: the broadcast came through, and nobody here knows.
async function onChain({ rows }, _, stand) {
  for (const { payer, nonce, phase } of rows) {
    if (phase === "settling" && await stand.chain.authorizationState(payer, nonce)) return "settling";
  }
  return "other";
}

// The settlement is on disk and no request of this payment got a status line.
function unanswered(after, about, stand) {
  const phase = phaseOf(after, about);
  const lost = stand.client.requests.filter(({ payment }) => payment?.nonce === about.nonce).every(({ status, ended }) => status !== 200 || ended >= after.at);
  return phase === "settled" && !lost ? "answered" : phase;
}

/** The bytes that lie in the receive queue of whoever is at the other end of a socket of ours on this machine. */
function unread({ remotePort, localPort }) {
  const hex = (port) => port.toString(16).toUpperCase().padStart(4, "0");
  const line = readFileSync("/proc/net/tcp", "latin1").split("\n").find((each) => each.includes(`:${hex(remotePort)} `) && each.includes(`:${hex(localPort)} `) && each.trim().split(/\s+/)[1].endsWith(`:${hex(remotePort)}`));
  return line ? parseInt(line.trim().split(/\s+/)[4].split(":")[1], 16) : 0;
}

/** Waits so many milliseconds without letting go of the processor: timers are too slow. */
function spin(ms) {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Likewise, until the other end has read everything; 20 ms at most. */
function spinUntilRead(socket) {
  const until = performance.now() + 20;
  try {
    while (performance.now() < until && unread(socket) > 0);
  } catch {
    // no such file on this system: at once, then
  }
}

/** The log of the ledger that was written last: of the one whose settle call arrives, as its row is on disk just before. */
function lastWritten(state) {
  const logs = readdirSync(join(state, FOLDER)).filter((name) => name.endsWith(".sqlite-wal")).map((name) => join(state, FOLDER, name));
  const times = new Map(logs.map((log) => [log, statSync(log, { throwIfNoEntry: false })?.mtimeMs ?? 0]));
  return logs.reduce((last, log) => (times.get(log) > times.get(last) ? log : last));
}

/** Calls back as soon as a ledger is written, 200 ms later at most. */
function onWrite(log, done) {
  const end = () => {
    clearTimeout(timer);
    watcher.close();
    done();
  };
  const timer = setTimeout(end, 200);
  const watcher = watch(log, end);
}

/** Waits until a point comes up, or `pause` milliseconds where any time will do, and kills the Worker; nothing if it would not come up. */
function killAt(stand, point, delay, { pause, turn }) {
  return new Promise((resolve) => {
    const fire = (about) => stand.kill(point.name).then((after) => resolve({ after, about }));
    if (point.on.length === 0) return setTimeout(fire, pause, {});
    const timer = setTimeout(() => {
      stand.watch = () => {};
      resolve(undefined);
    }, turn);
    const logs = new Map();
    stand.watch = (moment, about) => {
      if (delay === "write" && moment === "settling") logs.set(about.nonce, lastWritten(stand.edge.state));
      if (delay === "write" && !logs.has(about.nonce)) return;
      if (!point.on.includes(moment) || point.if?.(about, stand) === false) return;
      stand.watch = () => {};
      clearTimeout(timer);
      if (delay === "read") spinUntilRead(about.socket);
      if (delay > 0 && delay < 1) spin(delay);
      if (delay === "write") onWrite(logs.get(about.nonce), () => fire(about));
      else if (delay >= 1) setTimeout(fire, delay, about);
      else fire({ ...about, moment });
    };
  });
}

/**
 * One stand under load, and so many kills.
 * @param {object} [options] `kills`: how many; `each`: or so many hits of every point, `until`: but not after this (Unix
 * milliseconds); `turn`: how long a point may take to come up; `seed`; `say(text)`; `tally`: figures of earlier rounds, which decide what comes next and are added to
 */
export async function round({ kills = Infinity, each = Infinity, until = Infinity, turn = TURN, seed, say = () => {}, tally = newTally(), load: loadOptions, stand: standOptions } = {}) {
  const random = chance(seed);
  const stand = await startStand({ timeoutSeconds: 1, bytes: 40_000, books: true, ...standOptions });
  let hunted;
  const lost = new Set();
  try {
    const load = startLoad(stand, { seed, ...loadOptions });
    const tried = new Map();
    stand.mood = {
      settle({ nonce, payer }) {
        const times = (tried.get(nonce) ?? 0) + 1;
        tried.set(nonce, times);
        if (times > 1) return random.maybe(0.1) ? "die-after-settle" : "pass";
        if (hunted?.refuses && random.maybe(0.3)) return refuse("insufficient_funds");
        const share = load.away.has(payer) || hunted?.unclear ? 0.9 : 0.08;
        if (random.maybe(share)) return random.pick(["die", "die", "die-after-settle", "500-after-settle", "garbage-after-settle"]);
        return random.maybe(0.1) ? slowly(random.below(400)) : "pass";
      },
      rpc: () => (random.maybe(0.03) ? "die" : "pass"),
      origin() {
        if (random.maybe(hunted?.fails ? 0.5 : 0.03)) return random.pick([500, 503, 404]);
        return hunted?.slow || random.maybe(0.1) ? inTwo(40 + random.below(200)) : "pass";
      },
    };
    let done = 0;
    while (done < kills && Date.now() < until && POINTS.some((point) => tally.points[point.name].hits < each)) {
      await sleep(random.below(700));
      const point = next(tally, each, random);
      const figures = tally.points[point.name];
      const delay = point.delays?.[figures.kills % point.delays.length];
      hunted = point;
      const killed = await killAt(stand, point, delay, { pause: random.below(500), turn });
      hunted = undefined;
      if (!killed) {
        figures.missed += 1;
        continue;
      }
      done += 1;
      tally.kills += 1;
      const { after, about } = killed;
      for (const row of after.rows) tally.phases[row.phase] = (tally.phases[row.phase] ?? 0) + 1;
      const state = await (point.state ?? phaseOf)(after, about, stand);
      figures.kills += 1;
      figures.states[state] = (figures.states[state] ?? 0) + 1;
      if (point.counts.includes(state)) figures.hits += 1;
      // what goes out is on disk before
      if (about.moment === "settling" && phaseOf(after, about) === "none") lost.add(about.nonce);
      say(`${tally.kills}. ${point.name}${delay === undefined ? "" : ` (+${delay})`}: ${state}`);
      await stand.restart();
    }
    stand.mood = { settle: () => "pass", rpc: () => "pass", origin: () => "pass" };
    say("coming to rest");
    await load.stop();
    await close(stand);
    const evidence = await stand.evidence({ closed: true });
    const { violations, excused, examined } = judge(evidence);
    for (const nonce of lost) violations.push({ rule: "S6", text: `a settle call of ${nonce} left before its row was written` });
    for (const error of load.errors) violations.push({ rule: "load", text: error.stack });
    for (const [rule, count] of Object.entries(examined)) tally.examined[rule] = (tally.examined[rule] ?? 0) + count;
    tally.violations.push(...violations);
    tally.excused.push(...excused);
    tally.rounds += 1;
    tally.transfers += evidence.chain.transfers.length;
    tally.rows += evidence.rows.length;
    for (const [kind, count] of Object.entries(load.visits)) tally.visits[kind] = (tally.visits[kind] ?? 0) + count;
    for (const { status, problem } of evidence.requests) {
      const answer = status === undefined ? "no answer" : `${status}${problem ? ` ${problem}` : ""}`;
      tally.answers[answer] = (tally.answers[answer] ?? 0) + 1;
    }
    if (violations.length > 0) say(inWords(violations));
    for (const payer of new Set([...violations.slice(0, 6), ...excused.slice(0, 3)].map((each) => each.payer))) if (payer) say(story(evidence, payer));
    return { tally, evidence, violations, log: stand.edge.log };
  } finally {
    await stand.stop();
  }
}

/** What is counted over the rounds. */
export const newTally = () => ({
  kills: 0, rounds: 0, transfers: 0, rows: 0, violations: [], excused: [], examined: {}, visits: {}, answers: {}, phases: {},
  points: Object.fromEntries(POINTS.map(({ name }) => [name, { kills: 0, hits: 0, missed: 0, states: {} }])),
});

// The one above all, then the point with the fewest hits; among equals any; one that would not come up waits a while.
function next(tally, each, random) {
  const due = POINTS.filter(({ name }) => tally.points[name].hits < each);
  const weight = ({ name, first }) => (first ? -1 : 0) + tally.points[name].hits + 2 * tally.points[name].missed + 0.3 * (tally.points[name].kills - tally.points[name].hits);
  const least = Math.min(...due.map(weight));
  return random.pick(due.filter((point) => weight(point) <= least + 0.5));
}

const slowly = (ms) => async ({ response, through }) => {
  await sleep(ms);
  const { status, type, text } = await through();
  response.writeHead(status, { "content-type": type });
  response.end(text);
};

/** The figures as lines of text. */
export function figures(tally) {
  const list = (object) => Object.entries(object).sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`).join(", ");
  return [
    `${tally.kills} kills in ${tally.rounds} rounds, ${tally.transfers} transfers, ${tally.rows} rows, ${tally.violations.length} violations, ${tally.excused.length} calls that broke off and are over`,
    ...POINTS.map(({ name }) => {
      const { kills, hits, states } = tally.points[name];
      return `  ${name.padEnd(34)} ${String(hits).padStart(4)} hits of ${String(kills).padStart(4)}   on disk: ${list(states)}`;
    }),
    `visits: ${list(tally.visits)}`, `answers: ${list(tally.answers)}`, `rows at the kills: ${list(tally.phases)}`, `examined: ${list(tally.examined)}`,
    ...(tally.violations.length > 0 ? [inWords(tally.violations)] : []),
  ].join("\n");
}
