// Kills the Worker under load, at moments of choice and at any, starts it again on the same state, and has the whole judged.
import { readFileSync } from "node:fs";
import { chance } from "../support/chance.mjs";
import { inWords, judge } from "./judge.mjs";
import { refuse } from "../support/hostile-facilitator.mjs";
import { close, startLoad } from "./load.mjs";
import { sleep, startStand } from "./stand.mjs";
import { story } from "./story.mjs";

/** How long a point may take to come up before another one has its turn, in milliseconds. */
const TURN = 15_000;

const phaseOf = ({ rows }, { nonce }) => rows.find((row) => row.nonce === nonce)?.phase ?? "none";

/**
 * Where the process dies. `on`: the moment, as `startStand` tells it; `delays` after it in milliseconds, one after the other, "read"
 * being the moment when workerd has read all of an answer from its socket; `alarm`: only if nobody but an alarm can be at work;
 * `state(after, about, stand)`: where the payment stood on disk afterwards; `counts`: which of these states are a hit.
 */
export const POINTS = [
  { name: "claimed, nothing asked", on: ["block"], state: claimedOnly, counts: ["claimed"] },
  { name: "origin asked", on: ["asked"], counts: ["claimed"] },
  { name: "origin answered", on: ["given"], delays: [0, 0.3, 1, 2, 3], counts: ["claimed", "settling"] },
  { name: "origin failed, claim released", on: ["failed"], delays: [0, 0.3, 1, 2, 3, 5, 10], counts: ["claimed", "released"] },
  { name: "settling written, call arrives", on: ["settling"], counts: ["settling"] },
  { name: "broadcast, no answer yet", on: ["broadcast"], state: onChain, counts: ["settling"] },
  { name: "settle answered, not written", on: ["answered"], delays: [0, 0.1, "read", 0.2, 0.4, "read", 0.7, 1], counts: ["settling"] },
  { name: "refusal answered, not written", on: ["refused"], delays: [0, "read", 0.2, 0.4], counts: ["settling"], refused: true },
  { name: "settled written, no response yet", on: ["answered"], delays: [1, 2, 3, 4, 6, 8, 13, 20], state: unanswered, counts: ["settled"] },
  { name: "settled first, origin asked", on: ["asked"], first: true, counts: ["settled"] },
  { name: "body on its way", on: ["body"], delays: [0, 1, 3, 10], counts: ["settled"], slow: true },
  { name: "chain asked what became of it", on: ["observing"], counts: ["unknown"], unclear: true },
  { name: "chain answered", on: ["observed"], delays: [0, 0.3, 1, 2, 5], counts: ["unknown", "settling", "settled"], unclear: true },
  { name: "alarm: asks", on: ["observing", "settling"], alarm: true, counts: ["unknown", "settling", "rejected"] },
  { name: "alarm: answered", on: ["observed", "answered"], delays: [0, 0.3, 1, 3, 8], alarm: true, counts: ["unknown", "settling", "settled", "rejected"] },
  { name: "any time", on: [], state: () => "any", counts: ["any"] },
];

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

/**
 * One stand under load, and so many kills.
 * @param {object} [options] `kills`: how many; `each`: or so many hits of every point, `until`: but not after this (Unix
 * milliseconds); `seed`; `say(text)`; `tally`: figures of earlier rounds, which decide what comes next and are added to
 */
export async function round({ kills = Infinity, each = Infinity, until = Infinity, seed, say = () => {}, tally = newTally(), load: loadOptions, stand: standOptions } = {}) {
  const random = chance(seed);
  const stand = await startStand({ timeoutSeconds: 1, bytes: 40_000, books: true, ...standOptions });
  let armed;
  let started = Date.now();
  const lost = new Set();
  try {
    const load = startLoad(stand, { seed, ...loadOptions });
    const tried = new Map();
    stand.mood = {
      settle({ nonce, payer }) {
        const times = (tried.get(nonce) ?? 0) + 1;
        tried.set(nonce, times);
        if (times > 1) return random.maybe(0.1) ? "die-after-settle" : "pass";
        if (armed?.refused && random.maybe(0.3)) return refuse("insufficient_funds");
        const share = load.away.has(payer) || armed?.unclear ? 0.9 : 0.08;
        if (random.maybe(share)) return random.pick(["die", "die", "die-after-settle", "500-after-settle", "garbage-after-settle"]);
        return random.maybe(0.1) ? slowly(random.below(400)) : "pass";
      },
      rpc: () => (random.maybe(0.03) ? "die" : "pass"),
      origin() {
        if (random.maybe(armed?.on.includes("failed") ? 0.5 : 0.03)) return random.pick([500, 503, 404]);
        return armed?.slow || random.maybe(0.1) ? inTwo(40 + random.below(200)) : "pass";
      },
    };
    // nobody is there, and nothing that somebody began can still be going on
    const alone = ({ payer }) => {
      const [request] = stand.client.requests.filter((each) => each.payer === payer).slice(-1);
      const idle = Date.now() - stand.client.last(payer);
      return stand.client.under(payer) === 0 && (request?.status !== undefined || stand.client.last(payer) < started ? idle > 1000 : idle > 9000);
    };
    const fits = (point, moment, about) => point.on.includes(moment) && (point.alarm !== true || alone(about))
      && (!["asked", "given", "failed", "body"].includes(moment) || fresh(about))
      && (moment !== "asked" || (about.path.startsWith("/first") === (point.first === true)));
    // a page that is fetched for the payment that pays for it, not once more for one that did
    const fresh = ({ nonce }) => nonce !== undefined && stand.client.requests.every(({ payment, text }) => payment?.nonce !== nonce || text === "none");
    let done = 0;
    while (done < kills && Date.now() < until && POINTS.some((point) => tally.points[point.name].hits < each)) {
      await sleep(random.below(700));
      const point = next(tally, each, random);
      const delay = point.delays?.[tally.points[point.name].kills % point.delays.length];
      const killed = await new Promise((resolve) => {
        const fire = (about) => {
          armed = undefined;
          clearTimeout(timer);
          stand.watch = () => {};
          stand.kill(point.name).then((after) => resolve({ after, about }));
        };
        const timer = setTimeout(() => {
          if (point.on.length === 0) return fire({});
          armed = undefined;
          stand.watch = () => {};
          resolve(undefined);
        }, point.on.length === 0 ? random.below(500) : TURN);
        armed = point;
        stand.watch = (moment, about) => {
          if (armed !== point || !fits(point, moment, about)) return;
          stand.watch = () => {};
          if (delay === "read") spinUntilRead(about.socket);
          if (delay > 0 && delay < 1) spin(delay);
          if (delay >= 1) setTimeout(fire, delay, about);
          else fire(about);
        };
      });
      const figures = tally.points[point.name];
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
      if (point.on.includes("settling") && phaseOf(after, about) === "none") lost.add(about.nonce);
      say(`${tally.kills}. ${point.name}${delay === undefined ? "" : ` (+${delay})`}: ${state}`);
      await stand.restart();
      started = Date.now();
    }
    stand.mood = { settle: () => "pass", rpc: () => "pass", origin: () => "pass" };
    say("coming to rest");
    await load.stop();
    await close(stand);
    const evidence = await stand.evidence({ closed: true });
    const { violations, examined } = judge(evidence);
    for (const nonce of lost) violations.push({ rule: "S6", text: `a settle call of ${nonce} left before its row was written` });
    for (const error of load.errors) violations.push({ rule: "load", text: error.stack });
    for (const [rule, count] of Object.entries(examined)) tally.examined[rule] = (tally.examined[rule] ?? 0) + count;
    tally.violations.push(...violations);
    tally.rounds += 1;
    tally.transfers += evidence.chain.transfers.length;
    tally.rows += evidence.rows.length;
    for (const [kind, count] of Object.entries(load.visits)) tally.visits[kind] = (tally.visits[kind] ?? 0) + count;
    for (const { status, problem } of evidence.requests) {
      const answer = status === undefined ? "no answer" : `${status}${problem ? ` ${problem}` : ""}`;
      tally.answers[answer] = (tally.answers[answer] ?? 0) + 1;
    }
    if (violations.length > 0) say(inWords(violations));
    for (const payer of new Set(violations.slice(0, 6).map((each) => each.payer))) if (payer) say(story(evidence, payer));
    return { tally, evidence, violations, log: stand.edge.log };
  } finally {
    await stand.stop();
  }
}

/** What is counted over the rounds. */
export const newTally = () => ({
  kills: 0, rounds: 0, transfers: 0, rows: 0, violations: [], examined: {}, visits: {}, answers: {}, phases: {},
  points: Object.fromEntries(POINTS.map(({ name }) => [name, { kills: 0, hits: 0, missed: 0, states: {} }])),
});

// The point with the fewest hits; among equals any; one that would not come up waits a while.
function next(tally, each, random) {
  const due = POINTS.filter(({ name }) => tally.points[name].hits < each);
  const weight = ({ name }) => tally.points[name].hits + 2 * tally.points[name].missed + 0.3 * (tally.points[name].kills - tally.points[name].hits);
  const least = Math.min(...due.map(weight));
  return random.pick(due.filter((point) => weight(point) <= least + 0.5));
}

const slowly = (ms) => async ({ response, through }) => {
  await sleep(ms);
  const { status, type, text } = await through();
  response.writeHead(status, { "content-type": type });
  response.end(text);
};

// The whole answer, half of it at once and half of it later.
const inTwo = (ms) => (request, response, next) => {
  const end = response.end.bind(response);
  response.end = (body) => {
    const bytes = Buffer.from(body ?? "");
    response.write(bytes.subarray(0, bytes.length / 2));
    setTimeout(() => end(bytes.subarray(bytes.length / 2)), ms);
    return response;
  };
  next();
};

/** The figures as lines of text. */
export function figures(tally) {
  const list = (object) => Object.entries(object).sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`).join(", ");
  return [
    `${tally.kills} kills in ${tally.rounds} rounds, ${tally.transfers} transfers, ${tally.rows} rows, ${tally.violations.length} violations`,
    ...POINTS.map(({ name }) => {
      const { kills, hits, states } = tally.points[name];
      return `  ${name.padEnd(34)} ${String(hits).padStart(4)} hits of ${String(kills).padStart(4)}   on disk: ${list(states)}`;
    }),
    `visits: ${list(tally.visits)}`, `answers: ${list(tally.answers)}`, `rows at the kills: ${list(tally.phases)}`, `examined: ${list(tally.examined)}`,
    ...(tally.violations.length > 0 ? [inWords(tally.violations)] : []),
  ].join("\n");
}
